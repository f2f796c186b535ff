// R, G and B tensor elements to luma samples; one invocation per word of the output.

struct Params {
    tensor: Layout,
    // Weights of the tensor's picture channels, and an offset.
    weights: vec4<f32>,
    width: u32,
    height: u32,
    stride: u32,
    samples_log2: u32,
    largest: u32,
    dithered: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> elements: array<f32>;
@group(0) @binding(2) var<storage, read_write> luma: array<u32>;

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let start = id.x << params.samples_log2;
    if start >= params.width || id.y >= params.height {
        return;
    }
    var word = 0u;
    for (var x = start; x < min(start + (1u << params.samples_log2), params.width); x++) {
        let rgb = vec4(
            elements[element_index(params.tensor, 0u, x, id.y)],
            elements[element_index(params.tensor, 1u, x, id.y)],
            elements[element_index(params.tensor, 2u, x, id.y)],
            1.0,
        );
        let code = quantize(dot(params.weights, rgb), x, id.y, params.largest, params.dithered);
        word |= code << sample_shift(x, params.samples_log2);
    }
    luma[id.y * params.stride + id.x] = word;
}
