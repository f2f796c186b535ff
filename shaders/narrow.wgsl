// 32-bit floats to 16-bit floats; one invocation per pair. Rounds to nearest, ties to even, as processors do: what
// `pack2x16float` rounds to is the driver's choice.

struct Params {
    count: u32,
    // Pairs of a row of invocations.
    row: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> wide: array<f32>;
@group(0) @binding(2) var<storage, read_write> narrow: array<u32>;

fn narrowed(value: f32) -> u32 {
    let bits = bitcast<u32>(value);
    let sign = (bits >> 16u) & 0x8000u;
    let magnitude = bits & 0x7fffffffu;
    if magnitude > 0x7f800000u {
        return sign | 0x7e00u;
    }
    // From halfway between the largest finite number and the next on: infinity.
    if magnitude >= 0x477ff000u {
        return sign | 0x7c00u;
    }
    if magnitude < 0x38800000u {
        // Subnormal: a multiple of 2^-24. Less than half of that is 0.
        if magnitude < 0x33000000u {
            return sign;
        }
        let mantissa = (magnitude & 0x7fffffu) | 0x800000u;
        return sign | rounded(mantissa, 126u - (magnitude >> 23u));
    }
    return sign | (rounded(magnitude, 13u) - 0x1c000u);
}

// `value / 2^shift`, rounded to nearest, ties to even.
fn rounded(value: u32, shift: u32) -> u32 {
    let half = 1u << (shift - 1u);
    return (value + half - 1u + ((value >> shift) & 1u)) >> shift;
}

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pair = id.y * params.row + id.x;
    let index = 2u * pair;
    if id.x >= params.row || index >= params.count {
        return;
    }
    var word = narrowed(wide[index]);
    if index + 1u < params.count {
        word |= narrowed(wide[index + 1u]) << 16u;
    }
    narrow[pair] = word;
}
