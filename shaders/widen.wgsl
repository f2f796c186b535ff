// 16-bit floats to 32-bit floats; one invocation per pair. By integers: not every device has `unpack2x16float`.

struct Params {
    count: u32,
    // Pairs of a row of invocations.
    row: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> narrow: array<u32>;
@group(0) @binding(2) var<storage, read_write> wide: array<f32>;

fn widened(half: u32) -> f32 {
    let sign = (half & 0x8000u) << 16u;
    let magnitude = half & 0x7fffu;
    if magnitude >= 0x7c00u {
        return bitcast<f32>(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13u));
    }
    if magnitude < 0x400u {
        // Subnormal: a multiple of 2^-24, which is none in 32 bits.
        return bitcast<f32>(sign | bitcast<u32>(f32(magnitude) * 5.9604644775390625e-8));
    }
    return bitcast<f32>(sign | ((magnitude << 13u) + 0x38000000u));
}

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pair = id.y * params.row + id.x;
    let index = 2u * pair;
    if id.x >= params.row || index >= params.count {
        return;
    }
    let word = narrow[pair];
    wide[index] = widened(word & 0xffffu);
    if index + 1u < params.count {
        wide[index + 1u] = widened(word >> 16u);
    }
}
