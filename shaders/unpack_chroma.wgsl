// R, G and B tensor elements to samples of both chroma planes, averaged over the pixels around each sample: in one pass,
// so that the elements are read once. One invocation per word of each output.

struct Params {
    tensor: Layout,
    // Weights of the tensor's picture channels, and an offset, for each plane.
    blue_weights: vec4<f32>,
    red_weights: vec4<f32>,
    width: u32,
    height: u32,
    stride: u32,
    samples_log2: u32,
    largest: u32,
    dithered: u32,
    picture_width: i32,
    picture_height: i32,
    // The box around a sample: left or top edge of the first one's and distance, in pixels.
    box_x: f32,
    box_y: f32,
    box_width: f32,
    box_height: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> elements: array<f32>;
@group(0) @binding(2) var<storage, read_write> blue: array<u32>;
@group(0) @binding(3) var<storage, read_write> red: array<u32>;

// Both planes' values at a pixel that is clamped into the picture.
fn value_at(column: i32, row: i32) -> vec2<f32> {
    let x = u32(clamp(column, 0, params.picture_width - 1));
    let y = u32(clamp(row, 0, params.picture_height - 1));
    let rgb = vec4(
        elements[element_index(params.tensor, 0u, x, y)],
        elements[element_index(params.tensor, 1u, x, y)],
        elements[element_index(params.tensor, 2u, x, y)],
        1.0,
    );
    return vec2(dot(params.blue_weights, rgb), dot(params.red_weights, rgb));
}

// How much of the pixel at `position` lies in the box from `start` on.
fn covered(position: i32, start: f32, length: f32) -> f32 {
    let left = f32(position);
    return max(min(left + 1.0, start + length) - max(left, start), 0.0) / length;
}

// The means over the box around sample (x, y).
fn mean_at(x: u32, y: u32) -> vec2<f32> {
    let left = params.box_x + f32(x) * params.box_width;
    let top = params.box_y + f32(y) * params.box_height;
    var sum = vec2(0.0);
    for (var row = i32(floor(top)); f32(row) < top + params.box_height; row++) {
        let row_weight = covered(row, top, params.box_height);
        for (var column = i32(floor(left)); f32(column) < left + params.box_width; column++) {
            sum += row_weight * covered(column, left, params.box_width) * value_at(column, row);
        }
    }
    return sum;
}

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let start = id.x << params.samples_log2;
    if start >= params.width || id.y >= params.height {
        return;
    }
    var blue_word = 0u;
    var red_word = 0u;
    for (var x = start; x < min(start + (1u << params.samples_log2), params.width); x++) {
        let mean = mean_at(x, id.y);
        let shift = sample_shift(x, params.samples_log2);
        blue_word |= quantize(mean.x, x, id.y, params.largest, params.dithered) << shift;
        red_word |= quantize(mean.y, x, id.y, params.largest, params.dithered) << shift;
    }
    blue[id.y * params.stride + id.x] = blue_word;
    red[id.y * params.stride + id.x] = red_word;
}
