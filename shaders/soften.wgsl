// Takes detail away from a plane: mean + sharpness (sample - mean); one invocation per word.

struct Params {
    width: u32,
    height: u32,
    stride: u32,
    samples_log2: u32,
    // Columns of blocks.
    columns: u32,
    // Columns of the mask; 0 if there is none.
    mask_width: u32,
    largest: u32,
    // A sharpness nearer to 1 than this is 1.
    least: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
// Columns, then rows.
@group(0) @binding(1) var<storage, read> places: array<Place>;
@group(0) @binding(2) var<storage, read> sharpness: array<f32>;
@group(0) @binding(3) var<storage, read> means: array<f32>;
// One byte for each pixel of the source, not 0 where it stands still.
@group(0) @binding(4) var<storage, read> mask: array<u32>;
@group(0) @binding(5) var<storage, read_write> plane: array<u32>;

fn mix_of(values: vec4<f32>, across: f32, down: f32) -> f32 {
    let left = values.x + down * (values.z - values.x);
    let right = values.y + down * (values.w - values.y);
    return left + across * (right - left);
}

fn softened(sample: f32, column: Place, row: Place) -> f32 {
    let upper = row.cell * params.columns;
    let lower = row.next * params.columns;
    let blocks = vec4(upper + column.cell, upper + column.next, lower + column.cell, lower + column.next);
    let sharp = mix_of(
        vec4(sharpness[blocks.x], sharpness[blocks.y], sharpness[blocks.z], sharpness[blocks.w]),
        column.share,
        row.share,
    );
    if sharp > 1.0 - params.least {
        return sample;
    }
    let mean = mix_of(vec4(means[blocks.x], means[blocks.y], means[blocks.z], means[blocks.w]), column.share, row.share);
    return mean + sharp * (sample - mean);
}

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let start = id.x << params.samples_log2;
    if start >= params.width || id.y >= params.height {
        return;
    }
    let row = places[params.width + id.y];
    let index = id.y * params.stride + id.x;
    let before = plane[index];
    var word = 0u;
    for (var x = start; x < min(start + (1u << params.samples_log2), params.width); x++) {
        var value = sample_of(before, x, params.samples_log2);
        if !stands_still(places[x], row) {
            value = softened(value, places[x], row);
        }
        word |= quantize(value, x, id.y, params.largest, 0u) << sample_shift(x, params.samples_log2);
    }
    plane[index] = word;
}
