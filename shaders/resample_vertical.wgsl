// Filters the columns of horizontally filtered rows and rounds; one invocation per word of the output plane.

struct Params {
    width: u32,
    height: u32,
    source_height: i32,
    stride: u32,
    samples_log2: u32,
    taps: u32,
    gain: f32,
    largest: u32,
    dithered: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<f32>;
@group(0) @binding(2) var<storage, read> first: array<i32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> plane: array<u32>;

fn sum_at(x: u32, y: u32) -> f32 {
    var sum = 0.0;
    for (var k = 0u; k < params.taps; k++) {
        let row = u32(clamp(first[y] + i32(k), 0, params.source_height - 1));
        sum += weights[y * params.taps + k] * rows[row * params.width + x];
    }
    return sum;
}

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let start = id.x << params.samples_log2;
    if start >= params.width || id.y >= params.height {
        return;
    }
    var word = 0u;
    for (var x = start; x < min(start + (1u << params.samples_log2), params.width); x++) {
        let code = quantize(sum_at(x, id.y) * params.gain, x, id.y, params.largest, params.dithered);
        word |= code << sample_shift(x, params.samples_log2);
    }
    plane[id.y * params.stride + id.x] = word;
}
