// 16-bit floats to 32-bit floats; one invocation per pair.

struct Params {
    count: u32,
    // Pairs of a row of invocations.
    row: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> narrow: array<u32>;
@group(0) @binding(2) var<storage, read_write> wide: array<f32>;

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pair = id.y * params.row + id.x;
    let index = 2u * pair;
    if id.x >= params.row || index >= params.count {
        return;
    }
    let values = unpack2x16float(narrow[pair]);
    wide[index] = values.x;
    if index + 1u < params.count {
        wide[index + 1u] = values.y;
    }
}
