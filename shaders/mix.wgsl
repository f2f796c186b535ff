// Mixes a plane into another one; one invocation per word.

struct Params {
    width: u32,
    height: u32,
    stride: u32,
    samples_log2: u32,
    // Share of what is in the plane already.
    share: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> plane: array<u32>;

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let start = id.x << params.samples_log2;
    if start >= params.width || id.y >= params.height {
        return;
    }
    let index = id.y * params.stride + id.x;
    let largest = (1u << (32u >> params.samples_log2)) - 1u;
    var word = 0u;
    for (var x = start; x < min(start + (1u << params.samples_log2), params.width); x++) {
        let other = sample_of(source[index], x, params.samples_log2);
        let value = other + params.share * (sample_of(plane[index], x, params.samples_log2) - other);
        word |= quantize(value, x, id.y, largest, 0u) << sample_shift(x, params.samples_log2);
    }
    plane[index] = word;
}
