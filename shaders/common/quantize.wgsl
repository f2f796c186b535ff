// What an ordered 8x8 dither (Bayer, 1973) adds to the sample at (x, y) before rounding, within +-0.5.
// A rank's bits are those of x ^ y and y, interleaved and reversed.
fn dither(x: u32, y: u32) -> f32 {
    let d = x ^ y;
    let rank = ((d & 1u) << 5u) | ((y & 1u) << 4u) | ((d & 2u) << 2u) | ((y & 2u) << 1u) | ((d & 4u) >> 1u) | ((y & 4u) >> 2u);
    return (f32(rank) + 0.5) / 64.0 - 0.5;
}

// The code value nearest to `value`, halves up; 0 for what is not a number.
fn quantize(value: f32, x: u32, y: u32, largest: u32, dithered: u32) -> u32 {
    if (bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u {
        return 0u;
    }
    var rounded = value + 0.5;
    if dithered != 0u {
        rounded += dither(x, y);
    }
    return u32(floor(clamp(rounded, 0.0, f32(largest))));
}
