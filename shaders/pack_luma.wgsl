// Luma samples to tensor elements; one invocation per pixel of the region.

struct Params {
    tensor: Layout,
    origin_x: i32,
    origin_y: i32,
    width: i32,
    height: i32,
    stride: u32,
    samples_log2: u32,
    gain: f32,
    offset: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> luma: array<u32>;
@group(0) @binding(2) var<storage, read_write> elements: array<f32>;

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.tensor.columns * params.tensor.block || id.y >= params.tensor.rows * params.tensor.block {
        return;
    }
    let x = u32(clamp(params.origin_x + i32(id.x), 0, params.width - 1));
    let y = u32(clamp(params.origin_y + i32(id.y), 0, params.height - 1));
    let word = luma[word_index(x, y, params.stride, params.samples_log2)];
    let code = sample_of(word, x, params.samples_log2);
    elements[element_index(params.tensor, 0u, id.x, id.y)] = code * params.gain + params.offset;
}
