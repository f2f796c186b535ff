// Filters the rows of a plane; one invocation per sample of the output rows, which are not rounded.

struct Params {
    width: u32,
    height: u32,
    source_width: i32,
    stride: u32,
    samples_log2: u32,
    taps: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> plane: array<u32>;
@group(0) @binding(2) var<storage, read> first: array<i32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> rows: array<f32>;

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.width || id.y >= params.height {
        return;
    }
    var sum = 0.0;
    for (var k = 0u; k < params.taps; k++) {
        let x = u32(clamp(first[id.x] + i32(k), 0, params.source_width - 1));
        let word = plane[word_index(x, id.y, params.stride, params.samples_log2)];
        sum += weights[id.x * params.taps + k] * sample_of(word, x, params.samples_log2);
    }
    rows[id.y * params.width + id.x] = sum;
}
