// Makes a plane of a frame from motion and two frames; one invocation per word of the output.

struct Params {
    width: u32,
    height: u32,
    stride: u32,
    samples_log2: u32,
    // Columns of cells, and cells in all.
    columns: u32,
    cells: u32,
    // Samples per unit of displacement.
    scale_x: f32,
    scale_y: f32,
    // Columns of the mask; 0 if there is none.
    mask_width: u32,
    largest: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
// Columns, then rows.
@group(0) @binding(1) var<storage, read> places: array<Place>;
// dx and dy into the first frame, the same into the other one, the other one's weight, the prediction's share.
@group(0) @binding(2) var<storage, read> field: array<f32>;
// One byte for each pixel of the source, not 0 where it stands still.
@group(0) @binding(3) var<storage, read> mask: array<u32>;
@group(0) @binding(4) var<storage, read> first: array<u32>;
@group(0) @binding(5) var<storage, read> other: array<u32>;
@group(0) @binding(6) var<storage, read_write> plane: array<u32>;

// A plane of the field at a sample.
fn field_at(index: u32, column: Place, row: Place) -> f32 {
    let upper = index * params.cells + row.cell * params.columns;
    let lower = index * params.cells + row.next * params.columns;
    let above = field[upper + column.cell] + column.share * (field[upper + column.next] - field[upper + column.cell]);
    let below = field[lower + column.cell] + column.share * (field[lower + column.next] - field[lower + column.cell]);
    return above + row.share * (below - above);
}

// The index of the word of the sample nearest to (x, y) inside, and the sample's column.
fn nearest(x: i32, y: i32) -> vec2<u32> {
    let column = u32(clamp(x, 0, i32(params.width) - 1));
    let row = u32(clamp(y, 0, i32(params.height) - 1));
    return vec2(word_index(column, row, params.stride, params.samples_log2), column);
}

fn first_at(x: i32, y: i32) -> f32 {
    let place = nearest(x, y);
    return sample_of(first[place.x], place.y, params.samples_log2);
}

fn other_at(x: i32, y: i32) -> f32 {
    let place = nearest(x, y);
    return sample_of(other[place.x], place.y, params.samples_log2);
}

// The value among the four samples (upper left, upper right, lower left, lower right).
fn between(samples: vec4<f32>, share: vec2<f32>) -> f32 {
    let upper = samples.x + share.x * (samples.y - samples.x);
    let lower = samples.z + share.x * (samples.w - samples.z);
    return upper + share.y * (lower - upper);
}

fn first_along(x: i32, y: i32, motion: vec2<f32>) -> f32 {
    let left = x + i32(floor(motion.x));
    let top = y + i32(floor(motion.y));
    let samples =
        vec4(first_at(left, top), first_at(left + 1, top), first_at(left, top + 1), first_at(left + 1, top + 1));
    return between(samples, motion - floor(motion));
}

fn other_along(x: i32, y: i32, motion: vec2<f32>) -> f32 {
    let left = x + i32(floor(motion.x));
    let top = y + i32(floor(motion.y));
    let samples =
        vec4(other_at(left, top), other_at(left + 1, top), other_at(left, top + 1), other_at(left + 1, top + 1));
    return between(samples, motion - floor(motion));
}

fn value_at(x: u32, y: u32) -> f32 {
    let column = places[x];
    let row = places[params.width + y];
    let own = first_at(i32(x), i32(y));
    let share = field_at(5u, column, row);
    if share == 0.0 || stands_still(column, row) {
        return own;
    }
    let scale = vec2(params.scale_x, params.scale_y);
    let weight = field_at(4u, column, row);
    var value = 0.0;
    if weight < 1.0 {
        let motion = scale * vec2(field_at(0u, column, row), field_at(1u, column, row));
        value = first_along(i32(x), i32(y), motion);
    }
    if weight > 0.0 {
        let motion = scale * vec2(field_at(2u, column, row), field_at(3u, column, row));
        value += weight * (other_along(i32(x), i32(y), motion) - value);
    }
    if share < 1.0 {
        value = own + share * (value - own);
    }
    return value;
}

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let start = id.x << params.samples_log2;
    if start >= params.width || id.y >= params.height {
        return;
    }
    var word = 0u;
    for (var x = start; x < min(start + (1u << params.samples_log2), params.width); x++) {
        let code = quantize(value_at(x, id.y), x, id.y, params.largest, 0u);
        word |= code << sample_shift(x, params.samples_log2);
    }
    plane[id.y * params.stride + id.x] = word;
}
