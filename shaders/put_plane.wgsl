// Samples of a plane of ours to one component in a device's rows; one invocation per word of these. Samples of other components
// in the same word stay.

struct Params {
    width: u32,
    height: u32,
    // Words from one row of the plane to the next.
    stride: u32,
    samples_log2: u32,
    // Of the device's rows, in words: the first one's place, and from one to the next.
    first: u32,
    pitch: u32,
    // In bytes: from one sample to the next (1, 2 or 4), and before the first.
    step: u32,
    offset: u32,
    // Bits of a sample below its code value.
    shift: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> plane: array<u32>;
@group(0) @binding(2) var<storage, read_write> rows: array<u32>;

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let count = 4u / params.step;
    let first = id.x * count;
    if first >= params.width || id.y >= params.height {
        return;
    }
    let samples = 1u << params.samples_log2;
    let bits = 32u >> params.samples_log2;
    let mask = (1u << bits) - 1u;
    let target_word = params.first + id.y * params.pitch + id.x;
    var word = rows[target_word];
    for (var index = 0u; index < count; index++) {
        let x = min(first + index, params.width - 1u);
        let source = plane[id.y * params.stride + (x >> params.samples_log2)];
        let value = (source >> ((x & (samples - 1u)) * bits)) & mask;
        let place = (params.offset + index * params.step) * 8u;
        word = (word & ~(mask << place)) | (((value << params.shift) & mask) << place);
    }
    rows[target_word] = word;
}
