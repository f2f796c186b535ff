// Planes are arrays of words that hold 4 samples of 8 bits or 2 samples of 16 bits, lowest bits first.
// `samples_log2` is 2 or 1 accordingly.

// The index of the word that holds sample (x, y) of a plane whose rows are `stride` words apart.
fn word_index(x: u32, y: u32, stride: u32, samples_log2: u32) -> u32 {
    return y * stride + (x >> samples_log2);
}

// Bits of a sample's place in its word.
fn sample_shift(x: u32, samples_log2: u32) -> u32 {
    let bits = 32u >> samples_log2;
    return (x & ((1u << samples_log2) - 1u)) * bits;
}

// Sample x of its word, as a number.
fn sample_of(word: u32, x: u32, samples_log2: u32) -> f32 {
    let bits = 32u >> samples_log2;
    return f32((word >> sample_shift(x, samples_log2)) & ((1u << bits) - 1u));
}
