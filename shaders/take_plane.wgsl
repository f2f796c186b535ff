// Samples of one component, wherever they lie in a device's rows, to a plane of ours; one invocation per word of the plane.

struct Params {
    width: u32,
    height: u32,
    // Words from one row of the plane to the next.
    stride: u32,
    samples_log2: u32,
    // Of the device's rows, in bytes: from one to the next, from one sample to the next, and before the first.
    pitch: u32,
    step: u32,
    offset: u32,
    // Bits of a sample below its code value.
    shift: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read_write> plane: array<u32>;

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let samples = 1u << params.samples_log2;
    let first = id.x << params.samples_log2;
    if first >= params.width || id.y >= params.height {
        return;
    }
    let bits = 32u >> params.samples_log2;
    var word = 0u;
    for (var index = 0u; index < samples; index++) {
        let x = min(first + index, params.width - 1u);
        let byte = id.y * params.pitch + params.offset + x * params.step;
        let value = (rows[byte >> 2u] >> ((byte & 3u) * 8u)) & ((1u << bits) - 1u);
        word |= (value >> params.shift) << (index * bits);
    }
    plane[id.y * params.stride + id.x] = word;
}
