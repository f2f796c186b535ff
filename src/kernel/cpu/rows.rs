//! Loops over one row of samples, each written so that it vectorises with whatever instructions its caller has.

use crate::kernel::convert::{self, BAYER, Linear};

/// Elements per step of the blocked loops: four AVX2 registers.
pub(super) const LANES: usize = 32;

/// Runs `work`, an `#[inline(always)]` closure, compiled for the instructions of `arch`.
///
/// The bound matters: it makes the closure an `FnOnce`. One that the compiler takes for an `FnMut` is called through
/// a shim, which is not inlined and so not compiled for `arch`.
#[inline(always)]
pub(super) fn vectorized(arch: pulp::Arch, work: impl FnOnce()) {
    arch.dispatch(work);
}

/// A sample as planes hold it.
pub(super) trait Sample: bytemuck::Pod + PartialOrd {
    fn widen(self) -> f32;
    fn integer(self) -> u32;
    /// The low bits of an integer.
    fn truncate(bits: u32) -> Self;
    /// `a` if `first`, else `b`; spelled out in bits, since comparisons of short arrays are not vectorised.
    fn select(first: bool, a: Self, b: Self) -> Self;
}

impl Sample for u8 {
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from(self)
    }
    #[inline(always)]
    fn integer(self) -> u32 {
        u32::from(self)
    }
    #[inline(always)]
    fn truncate(bits: u32) -> Self {
        bits as Self
    }
    #[inline(always)]
    fn select(first: bool, a: Self, b: Self) -> Self {
        let mask = Self::from(first).wrapping_neg();
        b ^ ((a ^ b) & mask)
    }
}

impl Sample for u16 {
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from(self)
    }
    #[inline(always)]
    fn integer(self) -> u32 {
        u32::from(self)
    }
    #[inline(always)]
    fn truncate(bits: u32) -> Self {
        bits as Self
    }
    #[inline(always)]
    fn select(first: bool, a: Self, b: Self) -> Self {
        let mask = Self::from(first).wrapping_neg();
        b ^ ((a ^ b) & mask)
    }
}

/// The nearest code value of a value between code values, halves up.
#[inline(always)]
pub(super) fn nearest<S: Sample>(value: f32) -> S {
    // From 2^23 on the low bits of a float are an integer's.
    S::truncate(((value + 0.5).floor() + 8_388_608.0).to_bits())
}

/// `out = row`.
#[inline(always)]
pub(super) fn widen<S: Sample>(row: &[S], out: &mut [f32]) {
    for (out, sample) in out.iter_mut().zip(row) {
        *out = sample.widen();
    }
}

/// `out = row * gain + offset`.
#[inline(always)]
pub(super) fn widen_linear<S: Sample>(row: &[S], map: Linear, out: &mut [f32]) {
    for (out, sample) in out.iter_mut().zip(row) {
        *out = sample.widen() * map.gain + map.offset;
    }
}

/// `out = values * gain + bias`, truncated and clamped to `0..=max`; a `bias` with one half in it rounds.
#[inline(always)]
pub(super) fn quantize<S: Sample>(values: &[f32], gain: f32, bias: &[f32], max: u32, out: &mut [S]) {
    let limit = max as f32 + 0.5;
    for ((out, value), bias) in out.iter_mut().zip(values).zip(bias) {
        let value = value * gain + bias;
        // Spelled out, since `f32::max` and `as u8` take more instructions. Not-a-number becomes 0.
        let value = if value > 0.0 { value } else { 0.0 };
        let value = if value < limit { value } else { limit };
        // From 2^23 on neighbouring floats are 1 apart, so the mantissa's low bits are the integer.
        *out = S::truncate((value.floor() + 8_388_608.0).to_bits());
    }
}

/// Fills `bias` with `offset` plus one half, and the dither of row `y` if asked for.
#[inline(always)]
pub(super) fn rounding_bias(offset: f32, dithered: bool, y: usize, bias: &mut [f32]) {
    bias.fill(offset + 0.5);
    if dithered {
        add_dither(y, bias);
    }
}

/// Adds the dither of row `y`.
#[inline(always)]
pub(super) fn add_dither(y: usize, bias: &mut [f32]) {
    let Some(ranks) = BAYER.get(y & 7) else { return };
    let row = ranks.map(convert::dither);
    for chunk in bias.chunks_mut(row.len()) {
        for (bias, dither) in chunk.iter_mut().zip(row) {
            *bias += dither;
        }
    }
}

/// Repeats `row * gain + offset` `scale` times per sample.
#[inline(always)]
pub(super) fn repeat<S: Sample>(row: &[S], scale: usize, map: Linear, out: &mut [f32]) {
    match scale {
        1 => repeat_by::<S, 1>(row, map, out),
        2 => repeat_by::<S, 2>(row, map, out),
        3 => repeat_by::<S, 3>(row, map, out),
        4 => repeat_by::<S, 4>(row, map, out),
        _ => {
            for (chunk, sample) in out.chunks_mut(scale).zip(row) {
                chunk.fill(sample.widen() * map.gain + map.offset);
            }
        }
    }
}

#[inline(always)]
fn repeat_by<S: Sample, const N: usize>(row: &[S], map: Linear, out: &mut [f32]) {
    let (chunks, rest) = out.as_chunks_mut::<N>();
    for (chunk, sample) in chunks.iter_mut().zip(row) {
        *chunk = [sample.widen() * map.gain + map.offset; N];
    }
    let last = row.get(chunks.len()).copied();
    rest.fill(last.map_or(0.0, |sample| sample.widen() * map.gain + map.offset));
}

/// `out[i] = row[i * block + phase]`.
#[inline(always)]
pub(super) fn take_phase(row: &[f32], block: usize, phase: usize, out: &mut [f32]) {
    match (block, phase) {
        (1, _) => take_by(row, out, |[value]| value),
        (2, 0) => take_by(row, out, |[value, _]| value),
        (2, _) => take_by(row, out, |[_, value]| value),
        (3, 0) => take_by(row, out, |[value, _, _]| value),
        (3, 1) => take_by(row, out, |[_, value, _]| value),
        (3, _) => take_by(row, out, |[_, _, value]| value),
        (4, 0) => take_by(row, out, |[value, _, _, _]| value),
        (4, 1) => take_by(row, out, |[_, value, _, _]| value),
        (4, 2) => take_by(row, out, |[_, _, value, _]| value),
        (4, _) => take_by(row, out, |[_, _, _, value]| value),
        _ => {
            for (out, value) in out.iter_mut().zip(row.iter().skip(phase).step_by(block)) {
                *out = *value;
            }
        }
    }
}

#[inline(always)]
fn take_by<const N: usize>(row: &[f32], out: &mut [f32], pick: impl Fn([f32; N]) -> f32) {
    for (out, chunk) in out.iter_mut().zip(row.as_chunks::<N>().0) {
        *out = pick(*chunk);
    }
}

/// `out[i * block + phase] = row(phase)[i]` for every phase below `block`.
#[inline(always)]
pub(super) fn interleave<'a>(row: impl Fn(usize) -> &'a [f32], block: usize, out: &mut [f32]) {
    match block {
        1 => {
            for (out, value) in out.iter_mut().zip(row(0)) {
                *out = *value;
            }
        }
        2 => {
            for ((out, a), b) in out.as_chunks_mut::<2>().0.iter_mut().zip(row(0)).zip(row(1)) {
                *out = [*a, *b];
            }
        }
        4 => {
            let rows = row(0).iter().zip(row(1)).zip(row(2)).zip(row(3));
            for (out, (((a, b), c), d)) in out.as_chunks_mut::<4>().0.iter_mut().zip(rows) {
                *out = [*a, *b, *c, *d];
            }
        }
        _ => {
            for phase in 0..block {
                for (out, value) in out.iter_mut().skip(phase).step_by(block).zip(row(phase)) {
                    *out = *value;
                }
            }
        }
    }
}

/// `out[i * pixel + channel + phase] = row[i * block + phase]` for every phase below `block`.
#[inline(always)]
pub(super) fn scatter_pixels(row: &[f32], block: usize, pixel: usize, channel: usize, out: &mut [f32]) {
    for (pixel, values) in out.chunks_exact_mut(pixel).zip(row.chunks_exact(block)) {
        if let Some(place) = pixel.get_mut(channel..channel + block) {
            place.copy_from_slice(values);
        }
    }
}

/// `out[i * block + phase] = row[i * pixel + channel + phase]` for every phase below `block`.
#[inline(always)]
pub(super) fn gather_pixels(row: &[f32], block: usize, pixel: usize, channel: usize, out: &mut [f32]) {
    for (pixel, values) in row.chunks_exact(pixel).zip(out.chunks_exact_mut(block)) {
        if let Some(place) = pixel.get(channel..channel + block) {
            values.copy_from_slice(place);
        }
    }
}

/// `out = weights . (a, b, c) + offset`.
#[inline(always)]
pub(super) fn affine([a, b, c]: [&[f32]; 3], weights: [f32; 3], offset: f32, out: &mut [f32]) {
    let [wa, wb, wc] = weights;
    for (((out, a), b), c) in out.iter_mut().zip(a).zip(b).zip(c) {
        *out = wa * a + wb * b + wc * c + offset;
    }
}

/// Repeats the first and the last value of `start..end` outwards.
#[inline(always)]
pub(super) fn extend_edges(row: &mut [f32], start: usize, end: usize) {
    let first = row.get(start).copied().unwrap_or_default();
    let last = row.get(end.saturating_sub(1)).copied().unwrap_or_default();
    if let Some(left) = row.get_mut(..start) {
        left.fill(first);
    }
    if let Some(right) = row.get_mut(end..) {
        right.fill(last);
    }
}
