// Tensor elements to luma samples, on top of the repeated source if asked for; one invocation per word of the output.

struct Params {
    tensor: Layout,
    width: u32,
    height: u32,
    stride: u32,
    samples_log2: u32,
    gain: f32,
    offset: f32,
    largest: u32,
    dithered: u32,
    // Output pixels per source pixel; 0 if the source is not added.
    skip_scale: u32,
    skip_gain: f32,
    source_stride: u32,
    source_samples_log2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> elements: array<f32>;
@group(0) @binding(2) var<storage, read> source: array<u32>;
@group(0) @binding(3) var<storage, read_write> luma: array<u32>;

fn source_at(x: u32, y: u32) -> f32 {
    let word = source[word_index(x, y, params.source_stride, params.source_samples_log2)];
    return sample_of(word, x, params.source_samples_log2);
}

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let start = id.x << params.samples_log2;
    if start >= params.width || id.y >= params.height {
        return;
    }
    var word = 0u;
    for (var x = start; x < min(start + (1u << params.samples_log2), params.width); x++) {
        var value = elements[element_index(params.tensor, 0u, x, id.y)] * params.gain + params.offset;
        if params.skip_scale != 0u {
            value += source_at(x / params.skip_scale, id.y / params.skip_scale) * params.skip_gain;
        }
        let code = quantize(value, x, id.y, params.largest, params.dithered);
        word |= code << sample_shift(x, params.samples_log2);
    }
    luma[id.y * params.stride + id.x] = word;
}
