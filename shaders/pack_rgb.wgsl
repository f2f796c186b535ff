// Y, Cb and Cr samples to R, G and B tensor elements, in whatever order; one invocation per pixel of the region.

struct Params {
    tensor: Layout,
    // Weights of Y, Cb and Cr, and an offset, for each picture channel of the tensor.
    first: vec4<f32>,
    second: vec4<f32>,
    third: vec4<f32>,
    origin_x: i32,
    origin_y: i32,
    width: i32,
    height: i32,
    stride: u32,
    samples_log2: u32,
    chroma_stride: u32,
    chroma_width: i32,
    chroma_height: i32,
    // The first chroma sample in luma samples, and luma samples per chroma sample.
    chroma_x: f32,
    chroma_y: f32,
    chroma_step_x: f32,
    chroma_step_y: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> luma: array<u32>;
@group(0) @binding(2) var<storage, read> chroma_blue: array<u32>;
@group(0) @binding(3) var<storage, read> chroma_red: array<u32>;
@group(0) @binding(4) var<storage, read_write> elements: array<f32>;

// Both chroma samples at a position that is clamped into the plane.
fn chroma_at(column: i32, row: i32) -> vec2<f32> {
    let x = u32(clamp(column, 0, params.chroma_width - 1));
    let y = u32(clamp(row, 0, params.chroma_height - 1));
    let index = word_index(x, y, params.chroma_stride, params.samples_log2);
    return vec2(
        sample_of(chroma_blue[index], x, params.samples_log2),
        sample_of(chroma_red[index], x, params.samples_log2),
    );
}

// Both chroma samples at a luma sample's place, bilinearly.
fn chroma_of(x: u32, y: u32) -> vec2<f32> {
    let column = (f32(x) - params.chroma_x) / params.chroma_step_x;
    let row = (f32(y) - params.chroma_y) / params.chroma_step_y;
    let left = i32(floor(column));
    let top = i32(floor(row));
    let fx = column - floor(column);
    let fy = row - floor(row);
    let upper = chroma_at(left, top) * (1.0 - fx) + chroma_at(left + 1, top) * fx;
    let lower = chroma_at(left, top + 1) * (1.0 - fx) + chroma_at(left + 1, top + 1) * fx;
    return upper * (1.0 - fy) + lower * fy;
}

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.tensor.columns * params.tensor.block || id.y >= params.tensor.rows * params.tensor.block {
        return;
    }
    let x = u32(clamp(params.origin_x + i32(id.x), 0, params.width - 1));
    let y = u32(clamp(params.origin_y + i32(id.y), 0, params.height - 1));
    let word = luma[word_index(x, y, params.stride, params.samples_log2)];
    let yuv = vec4(sample_of(word, x, params.samples_log2), chroma_of(x, y), 1.0);
    elements[element_index(params.tensor, 0u, id.x, id.y)] = dot(params.first, yuv);
    elements[element_index(params.tensor, 1u, id.x, id.y)] = dot(params.second, yuv);
    elements[element_index(params.tensor, 2u, id.x, id.y)] = dot(params.third, yuv);
}
