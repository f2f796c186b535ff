// Draws values towards those of the frame before where the source hardly moved; one invocation per pixel.

struct Params {
    columns: i32,
    rows: i32,
    channels: u32,
    // Elements from one column to the next, and from one channel to the next.
    pixel: u32,
    channel: u32,
    most: f32,
    gain: f32,
    offset: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> luma: array<f32>;
@group(0) @binding(2) var<storage, read> before: array<f32>;
@group(0) @binding(3) var<storage, read> kept: array<f32>;
@group(0) @binding(4) var<storage, read_write> values: array<f32>;

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let x = i32(id.x);
    let y = i32(id.y);
    if x >= params.columns || y >= params.rows {
        return;
    }
    var sum = 0.0;
    for (var dx = -1; dx <= 1; dx++) {
        for (var dy = -1; dy <= 1; dy++) {
            let column = clamp(x + dx, 0, params.columns - 1);
            let row = clamp(y + dy, 0, params.rows - 1);
            let place = row * params.columns + column;
            sum += luma[place] - before[place];
        }
    }
    let share = clamp(abs(sum) / 9.0 * params.gain + params.offset, 0.0, 1.0) * params.most;
    let place = (id.y * u32(params.columns) + id.x) * params.pixel;
    for (var channel = 0u; channel < params.channels; channel++) {
        let element = place + channel * params.channel;
        values[element] += share * (kept[element] - values[element]);
    }
}
