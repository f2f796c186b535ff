// The means of the blocks of a plane; one invocation per block.

struct Params {
    stride: u32,
    samples_log2: u32,
    // Columns and rows of blocks.
    columns: u32,
    rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
// First and end of the samples of each column of blocks, then of each row.
@group(0) @binding(1) var<storage, read> spans: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> plane: array<u32>;
@group(0) @binding(3) var<storage, read_write> means: array<f32>;

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.columns || id.y >= params.rows {
        return;
    }
    let across = spans[id.x];
    let down = spans[params.columns + id.y];
    var sum = 0.0;
    for (var y = down.x; y < down.y; y++) {
        // Rows by themselves: one sum of them all would round every sample of large blocks to hundreds.
        var row = 0.0;
        for (var x = across.x; x < across.y; x++) {
            row += sample_of(plane[word_index(x, y, params.stride, params.samples_log2)], x, params.samples_log2);
        }
        sum += row;
    }
    means[id.y * params.columns + id.x] = sum / f32((down.y - down.x) * (across.y - across.x));
}
