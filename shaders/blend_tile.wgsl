// Adds a weighted tile to a canvas; one invocation per element of the tile.

struct Params {
    x: i32,
    y: i32,
    columns: u32,
    rows: u32,
    canvas_columns: i32,
    canvas_rows: i32,
    // Elements from one column to the next: 1 where channels are outermost, else the number of channels.
    pixel: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tile: array<f32>;
// Weights of the tile's columns, then of its rows.
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> canvas: array<f32>;

// The index of an element in a tensor of `columns` x `rows`.
fn index_of(x: u32, y: u32, channel: u32, columns: u32, rows: u32) -> u32 {
    let place = y * columns + x;
    if params.pixel > 1u {
        return place * params.pixel + channel;
    }
    return channel * rows * columns + place;
}

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let x = params.x + i32(id.x);
    let y = params.y + i32(id.y);
    if id.x >= params.columns || id.y >= params.rows
        || x < 0 || y < 0 || x >= params.canvas_columns || y >= params.canvas_rows {
        return;
    }
    let weight = weights[id.x] * weights[params.columns + id.y];
    let element = index_of(id.x, id.y, id.z, params.columns, params.rows);
    let place = index_of(u32(x), u32(y), id.z, u32(params.canvas_columns), u32(params.canvas_rows));
    canvas[place] += tile[element] * weight;
}
