//! Blocks of samples, and interpolation between them, in fixed point where a sample's bits allow it.
//!
//! Compilers spoil such code: they see that neighbours overlap and shuffle them together from pieces, at three times the
//! cost. So [`Avx2`](super::lanes_avx2::Avx2) spells the instructions out, and computes the same numbers.

use super::rows::{self, Sample};
use super::warp::Ends;

/// Samples of a block.
pub(super) const BLOCK: usize = 16;

/// Bytes of a line of the cache.
pub(super) const LINE: usize = 64;

/// One number for each sample of a block.
pub(super) type Numbers = [f32; BLOCK];

/// Neighbours in a row for each sample of a block: the left ones and the right ones.
pub(super) type Pair<S> = [[S; BLOCK]; 2];

/// Most whole-sample shifts along an axis within a block; more are sampled one by one.
pub(super) const MOST_SHIFTS: usize = 16;

/// The samples that a row of a block reads.
pub(super) type Window<S> = [S; BLOCK + MOST_SHIFTS];

/// Bits of a share of 1.
pub(super) const SHARE_BITS: u32 = 15;

/// Deepest samples that fixed point is for: of deeper ones too few fraction bits are left to be within a code value.
pub(super) const DEEPEST_FIXED: u32 = 10;

/// Computes with the values of a block's samples, which lie between code values.
pub(super) trait Lanes<S: Sample>: Copy {
    /// Shares or displacements of a block in memory.
    type Stored: Copy + Default;
    /// The same, or values, in registers.
    type Values: Copy;
    /// A share that is the same for all samples, in memory.
    type Share: Copy;

    /// The least and the greatest number of the first ones of both, and of the second ones.
    #[inline(always)]
    fn bounds(self, [a, b]: [&Numbers; 2], [a_below, b_below]: [&Numbers; 2]) -> [(f32, f32); 2] {
        [bounds_of(a, a_below), bounds_of(b, b_below)]
    }
    /// Displacements of 0 to `most`, counted from `first`; `whole_bits` are enough for the whole parts that are less than
    /// `most`. Shares are displacements of up to 1 and take 0 bits.
    fn store(self, numbers: &Numbers, first: f32, most: usize, whole_bits: u32) -> Self::Stored;
    fn load(self, stored: &Self::Stored) -> Self::Values;
    /// A share of 0 to 1.
    fn share(self, share: f32) -> Self::Share;
    /// The share for each sample.
    fn everywhere(self, share: Self::Share) -> Self::Values;
    fn values(self, samples: [S; BLOCK]) -> Self::Values;
    /// Values from numbers that are code values, or lie between them.
    fn of_numbers(self, numbers: &Numbers) -> Self::Values;
    /// The values a share of the way from `a` to `b`; `a` itself for shares of 0.
    fn between(self, a: Self::Values, b: Self::Values, shares: Self::Values) -> Self::Values;
    /// The nearest code values.
    fn round(self, values: Self::Values) -> [S; BLOCK];
    /// Whole parts of displacements, and the rests as shares.
    fn split(self, displacements: Self::Values, whole_bits: u32) -> ([S; BLOCK], Self::Values);
    /// Has memory around an address fetched, which need not be valid, where the processor can be told so.
    #[inline(always)]
    fn prefetch(self, _address: *const S) {}
    /// The neighbours in `window` of each sample, `columns` further, which are less than `most`.
    #[inline(always)]
    fn pick(self, window: &Window<S>, columns: [S; BLOCK], most: usize) -> Pair<S> {
        pick_by_comparison(self, window, columns, most)
    }
    /// Takes samples from `from` where `places` is at least `place`.
    #[inline(always)]
    fn replace(self, places: [S; BLOCK], place: usize, from: Pair<S>, into: Pair<S>) -> Pair<S> {
        replaced(places, place, from, into)
    }
    /// The code values nearest to mean + sharp (sample - mean), with means and `sharp` a share of the way between those above and
    /// those below.
    #[inline(always)]
    fn soften(
        self,
        samples: [S; BLOCK],
        means: Ends<&Numbers>,
        sharp: Ends<&Numbers>,
        share: f32,
    ) -> [S; BLOCK] {
        softened(samples, means, sharp, share)
    }
}

/// Fraction bits of values of samples of `depth` bits: as many as leave room for a sign.
pub(super) const fn fraction_bits(depth: u32) -> u32 {
    SHARE_BITS - depth
}

/// What displacements and shares are multiplied by before they are stored, and the greatest one then.
pub(super) fn stored_scale(most: usize, whole_bits: u32) -> (f32, i16) {
    let one = 1u32 << (SHARE_BITS - whole_bits);
    (one as f32, (most as u32 * one - 1).min(i16::MAX as u32) as i16)
}

/// The share in fixed point; 1 itself does not fit and is the next less one.
pub(super) fn fixed_share(share: f32) -> i16 {
    let (scale, limit) = stored_scale(1, 0);
    nearest((share * scale).min(f32::from(limit)))
}

/// The 16 samples of `window` from `column` on.
#[inline(always)]
pub(super) fn block_at<S: Sample>(window: &Window<S>, column: usize) -> [S; BLOCK] {
    window.get(column..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([S::zeroed(); BLOCK])
}

/// The neighbours in `window`, `columns` further, found by comparisons.
#[inline(always)]
fn pick_by_comparison<S: Sample, L: Lanes<S>>(
    lanes: L,
    window: &Window<S>,
    columns: [S; BLOCK],
    most: usize,
) -> Pair<S> {
    let mut pair = [block_at(window, 0), block_at(window, 1)];
    for column in 1..most {
        pair =
            lanes.replace(columns, column, [column, column + 1].map(|start| block_at(window, start)), pair);
    }
    pair
}

#[inline(always)]
fn each<A: Copy, B: Copy, T: Copy + Default>(
    a: &[A; BLOCK],
    b: &[B; BLOCK],
    one: impl Fn(A, B) -> T,
) -> [T; BLOCK] {
    let mut out = [T::default(); BLOCK];
    for (out, (a, b)) in out.iter_mut().zip(a.iter().zip(b)) {
        *out = one(*a, *b);
    }
    out
}

#[inline(always)]
fn bounds_of(upper: &Numbers, lower: &Numbers) -> (f32, f32) {
    upper.iter().chain(lower).fold((f32::INFINITY, f32::NEG_INFINITY), |(least, greatest), value| {
        (if *value < least { *value } else { least }, if *value > greatest { *value } else { greatest })
    })
}

#[inline(always)]
fn replaced<S: Sample>(places: [S; BLOCK], place: usize, from: Pair<S>, into: Pair<S>) -> Pair<S> {
    let place = S::truncate(place as u32);
    let [left, right] = into;
    let [from_left, from_right] = from;
    let picked = |from: &[S; BLOCK], into: &[S; BLOCK]| {
        let mut out = *into;
        for ((out, from), at) in out.iter_mut().zip(from).zip(&places) {
            *out = S::select(*at >= place, *from, *out);
        }
        out
    };
    [picked(&from_left, &left), picked(&from_right, &right)]
}

#[inline(always)]
fn softened<S: Sample>(
    samples: [S; BLOCK],
    means: Ends<&Numbers>,
    sharp: Ends<&Numbers>,
    share: f32,
) -> [S; BLOCK] {
    let mut out = samples;
    let ends = means.upper.iter().zip(means.lower).zip(sharp.upper.iter().zip(sharp.lower));
    for (sample, ((mean, mean_below), (sharp, sharp_below))) in out.iter_mut().zip(ends) {
        let mean = mean + share * (mean_below - mean);
        let sharp = sharp + share * (sharp_below - sharp);
        *sample = rows::nearest(mean + sharp * (sample.widen() - mean));
    }
    out
}

/// Fixed point with the instructions that there are: 16 bits for a value, 15 for a share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fixed {
    /// Fraction bits of a value.
    fraction: u32,
}

impl Fixed {
    pub(super) const fn new(depth: u32) -> Self {
        Self { fraction: fraction_bits(depth) }
    }
}

/// From here on neighbouring floats are 1 apart, for numbers of both signs, so the low bits are an integer's.
const INTEGER_BASE: f32 = 12_582_912.0;

/// The nearest integer to a number of up to 22 bits, halves to the even one.
#[inline(always)]
fn nearest(number: f32) -> i16 {
    (number + INTEGER_BASE).to_bits() as i16
}

impl<S: Sample> Lanes<S> for Fixed {
    type Stored = [i16; BLOCK];
    type Values = [i16; BLOCK];
    type Share = i16;

    #[inline(always)]
    fn store(self, numbers: &Numbers, first: f32, most: usize, whole_bits: u32) -> [i16; BLOCK] {
        let (scale, limit) = stored_scale(most, whole_bits);
        let limit = f32::from(limit);
        numbers.map(|number| {
            let number = (number - first) * scale;
            nearest(if number < limit { number } else { limit })
        })
    }

    #[inline(always)]
    fn load(self, stored: &[i16; BLOCK]) -> [i16; BLOCK] {
        *stored
    }

    #[inline(always)]
    fn share(self, share: f32) -> i16 {
        fixed_share(share)
    }

    #[inline(always)]
    fn everywhere(self, share: i16) -> [i16; BLOCK] {
        [share; BLOCK]
    }

    #[inline(always)]
    fn values(self, samples: [S; BLOCK]) -> [i16; BLOCK] {
        samples.map(|sample| (sample.integer() << self.fraction) as i16)
    }

    #[inline(always)]
    fn of_numbers(self, numbers: &Numbers) -> [i16; BLOCK] {
        numbers.map(|number| nearest(number * (1u32 << self.fraction) as f32))
    }

    #[inline(always)]
    fn between(self, a: [i16; BLOCK], b: [i16; BLOCK], shares: [i16; BLOCK]) -> [i16; BLOCK] {
        let differences = each(&b, &a, i16::wrapping_sub);
        let parts = each(&differences, &shares, |difference, share| {
            ((i32::from(difference) * i32::from(share) + (1 << (SHARE_BITS - 1))) >> SHARE_BITS) as i16
        });
        each(&a, &parts, i16::wrapping_add)
    }

    #[inline(always)]
    fn round(self, values: [i16; BLOCK]) -> [S; BLOCK] {
        let half = (1i16 << self.fraction) >> 1;
        values.map(|value| S::truncate((value.wrapping_add(half) >> self.fraction) as u32))
    }

    #[inline(always)]
    fn split(self, displacements: [i16; BLOCK], whole_bits: u32) -> ([S; BLOCK], [i16; BLOCK]) {
        let whole = displacements.map(|value| S::truncate((value >> (SHARE_BITS - whole_bits)) as u32));
        (whole, displacements.map(|value| (value << whole_bits) & i16::MAX))
    }
}

/// Floating point, for samples that are too deep for fixed point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Floating;

impl<S: Sample> Lanes<S> for Floating {
    type Stored = Numbers;
    type Values = Numbers;
    type Share = f32;

    #[inline(always)]
    fn store(self, numbers: &Numbers, first: f32, _: usize, _: u32) -> Numbers {
        numbers.map(|number| number - first)
    }

    #[inline(always)]
    fn load(self, stored: &Numbers) -> Numbers {
        *stored
    }

    #[inline(always)]
    fn share(self, share: f32) -> f32 {
        share
    }

    #[inline(always)]
    fn everywhere(self, share: f32) -> Numbers {
        [share; BLOCK]
    }

    #[inline(always)]
    fn values(self, samples: [S; BLOCK]) -> Numbers {
        samples.map(S::widen)
    }

    #[inline(always)]
    fn of_numbers(self, numbers: &Numbers) -> Numbers {
        *numbers
    }

    #[inline(always)]
    fn between(self, a: Numbers, b: Numbers, shares: Numbers) -> Numbers {
        let parts = each(&each(&b, &a, |b, a| b - a), &shares, |difference, share| difference * share);
        each(&a, &parts, |a, part| a + part)
    }

    #[inline(always)]
    fn round(self, values: Numbers) -> [S; BLOCK] {
        values.map(rows::nearest)
    }

    #[inline(always)]
    fn split(self, displacements: Numbers, _: u32) -> ([S; BLOCK], Numbers) {
        let whole = displacements.map(|value| S::truncate((value.floor() + INTEGER_BASE).to_bits()));
        (whole, displacements.map(|value| value - value.floor()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is between two samples, in code values, and the nearest code value.
    fn between(depth: u32, samples: [u16; 2], share: f32) -> (f32, u16) {
        let fixed = Fixed::new(depth);
        let [a, b] = samples.map(|sample| fixed.values([sample; BLOCK]));
        let shares = Lanes::<u16>::store(fixed, &[share; BLOCK], 0.0, 1, 0);
        let values = Lanes::<u16>::between(fixed, a, b, shares);
        let [rounded, ..] = Lanes::<u16>::round(fixed, values);
        (f32::from(values[0]) / (1u32 << fraction_bits(depth)) as f32, rounded)
    }

    #[test]
    fn values_are_exact_at_the_ends_and_near_between() {
        for (depth, step, tolerance) in [(8, 1, 0.012), (10, 31, 0.047)] {
            for a in (0..1u16 << depth).step_by(step) {
                for b in (0..1u16 << depth).step_by(step) {
                    for share in [0.001, 0.25, 0.5, 0.75, 0.999] {
                        let exact = f32::from(a) + share * (f32::from(b) - f32::from(a));
                        let (value, _) = between(depth, [a, b], share);
                        assert!((value - exact).abs() < tolerance, "{a} {b} {share}: {value}");
                    }
                    assert_eq!((between(depth, [a, b], 0.0).1, between(depth, [a, b], 1.0).1), (a, b));
                }
            }
        }
    }

    #[test]
    fn displacements_come_back_as_whole_parts_and_rests() {
        for (most, bits) in [(1, 0), (2, 1), (3, 2), (4, 2), (9, 4), (15, 4)] {
            for eighth in 0..=8 * most as u16 {
                let displacement = f32::from(eighth) / 8.0;
                let stored =
                    Lanes::<u8>::store(Fixed::new(8), &[displacement - 3.0; BLOCK], -3.0, most, bits);
                let (whole, rest): ([u8; BLOCK], _) = Fixed::new(8).split(stored, bits);
                let found = u32::from(whole[0]) * 32_768 + rest[0].unsigned_abs() as u32;
                let expected = u32::from(eighth) * 4096;
                assert!(usize::from(whole[0]) < most, "{displacement} of {most}: {found}");
                // The greatest one has no whole part of its own.
                let off = if usize::from(eighth) == 8 * most { 16 } else { 0 };
                assert!(expected.abs_diff(found) <= off, "{displacement} of {most}: {found}");
            }
        }
    }
}
