//! Fixed point with AVX2.
//!
//! No closures here, nor where such lanes are handed on: the compiler does not inline instructions that a closure's own
//! compilation may not use.

use super::lanes::{
    BLOCK, Lanes, Numbers, Pair, SHARE_BITS, Window, fixed_share, fraction_bits, stored_scale,
};
use super::warp::Ends;
use pulp::x86::V3;
use pulp::{Simd, cast, f32x4, f32x8, i16x8, i16x16, i32x8, u8x32, u64x2};

/// `_MM_HINT_T0`.
const ALL_CACHES: i32 = 3;

/// As [`Fixed`](super::lanes::Fixed), instruction by instruction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2 {
    simd: V3,
    /// Fraction bits of a value.
    fraction: u32,
}

impl Avx2 {
    pub(super) const fn new(simd: V3, depth: u32) -> Self {
        Self { simd, fraction: fraction_bits(depth) }
    }

    /// The least of the numbers of both in eight places, and the least of their opposites.
    #[inline(always)]
    fn least(self, upper: &Numbers, lower: &Numbers) -> [f32x8; 2] {
        let simd = self.simd;
        let [a, b]: [f32x8; 2] = cast(*upper);
        let [c, d]: [f32x8; 2] = cast(*lower);
        let least = simd.min_f32x8(simd.min_f32x8(a, b), simd.min_f32x8(c, d));
        let greatest = simd.max_f32x8(simd.max_f32x8(a, b), simd.max_f32x8(c, d));
        [least, simd.neg_f32s(greatest)]
    }

    /// The least numbers of pairs of places of both, in turn.
    #[inline(always)]
    fn least_in_turn(self, a: f32x8, b: f32x8) -> f32x8 {
        let avx = self.simd.avx;
        let (low, high) =
            (avx._mm256_unpacklo_ps(cast(a), cast(b)), avx._mm256_unpackhi_ps(cast(a), cast(b)));
        self.simd.min_f32x8(cast(low), cast(high))
    }

    /// See [`Lanes::bounds`]; all four are found at once.
    #[inline(always)]
    fn least_and_greatest(self, [a, b]: [&Numbers; 2], [a_below, b_below]: [&Numbers; 2]) -> [(f32, f32); 2] {
        let simd = self.simd;
        let ([a, opposite_a], [b, opposite_b]) = (self.least(a, a_below), self.least(b, b_below));
        let (both, opposites) = (self.least_in_turn(a, b), self.least_in_turn(opposite_a, opposite_b));
        let low = simd.avx._mm256_unpacklo_pd(cast(both), cast(opposites));
        let high = simd.avx._mm256_unpackhi_pd(cast(both), cast(opposites));
        let [low, high]: [f32x4; 2] = cast(simd.min_f32x8(cast(low), cast(high)));
        let [a, b, opposite_a, opposite_b]: [f32; 4] = cast(simd.sse._mm_min_ps(cast(low), cast(high)));
        [(a, -opposite_a), (b, -opposite_b)]
    }

    /// The nearest integers to numbers minus `first`, times `scale`, as far as they fit.
    #[inline(always)]
    fn integers(self, numbers: &Numbers, first: f32, scale: f32) -> i16x16 {
        let simd = self.simd;
        let (first, scale) = (simd.splat_f32x8(first), simd.splat_f32x8(scale));
        let [low, high]: [f32x8; 2] = cast(*numbers);
        let low = simd.mul_f32x8(simd.sub_f32x8(low, first), scale);
        let high = simd.mul_f32x8(simd.sub_f32x8(high, first), scale);
        let (low, high) = (simd.avx._mm256_cvtps_epi32(cast(low)), simd.avx._mm256_cvtps_epi32(cast(high)));
        self.packed(cast(low), cast(high))
    }

    #[inline(always)]
    fn shift_left(self, values: i16x16, bits: u32) -> i16x16 {
        cast(self.simd.avx2._mm256_sll_epi16(cast(values), cast(u64x2(u64::from(bits), 0))))
    }

    #[inline(always)]
    fn shift_right(self, values: i16x16, bits: u32) -> i16x16 {
        cast(self.simd.avx2._mm256_srl_epi16(cast(values), cast(u64x2(u64::from(bits), 0))))
    }

    #[inline(always)]
    fn bytes(self, values: i16x16) -> [u8; BLOCK] {
        let [low, high]: [i16x8; 2] = cast(values);
        cast(self.simd.sse2._mm_packus_epi16(cast(low), cast(high)))
    }

    #[inline(always)]
    fn part(self, displacements: i16x16, whole_bits: u32) -> (i16x16, i16x16) {
        let whole = self.shift_right(displacements, SHARE_BITS - whole_bits);
        let rest = self.shift_left(displacements, whole_bits);
        (whole, self.simd.and_i16x16(rest, self.simd.splat_i16x16(i16::MAX)))
    }

    #[inline(always)]
    fn rounded(self, values: i16x16) -> i16x16 {
        let half = self.simd.splat_i16x16((1 << self.fraction) >> 1);
        self.shift_right(self.simd.wrapping_add_i16x16(values, half), self.fraction)
    }

    #[inline(always)]
    fn interpolated(self, a: i16x16, b: i16x16, shares: i16x16) -> i16x16 {
        let difference = self.simd.wrapping_sub_i16x16(b, a);
        let part = self.simd.avx2._mm256_mulhrs_epi16(cast(difference), cast(shares));
        self.simd.wrapping_add_i16x16(a, cast(part))
    }

    #[inline(always)]
    fn stored(self, numbers: &Numbers, first: f32, most: usize, whole_bits: u32) -> [i16; BLOCK] {
        let (scale, limit) = stored_scale(most, whole_bits);
        let integers = self.integers(numbers, first, scale);
        cast(self.simd.min_i16x16(integers, self.simd.splat_i16x16(limit)))
    }

    /// The integers of [`Lanes::soften`], by the same operations as without such instructions, so that they are the same.
    #[inline(always)]
    fn softened(self, samples: i16x16, means: Ends<&Numbers>, sharp: Ends<&Numbers>, share: f32) -> i16x16 {
        let [low, high]: [i16x8; 2] = cast(samples);
        let [mean_low, mean_high] = self.numbers_between(means, share);
        let [sharp_low, sharp_high] = self.numbers_between(sharp, share);
        let low = self.towards(low, mean_low, sharp_low);
        self.packed(low, self.towards(high, mean_high, sharp_high))
    }

    /// The numbers a share of the way down.
    #[inline(always)]
    fn numbers_between(self, ends: Ends<&Numbers>, share: f32) -> [f32x8; 2] {
        let share = self.simd.splat_f32x8(share);
        let [upper_low, upper_high]: [f32x8; 2] = cast(*ends.upper);
        let [lower_low, lower_high]: [f32x8; 2] = cast(*ends.lower);
        [self.number_between(upper_low, lower_low, share), self.number_between(upper_high, lower_high, share)]
    }

    #[inline(always)]
    fn number_between(self, a: f32x8, b: f32x8, share: f32x8) -> f32x8 {
        let simd = self.simd;
        simd.add_f32x8(a, simd.mul_f32x8(share, simd.sub_f32x8(b, a)))
    }

    /// The integers nearest to mean + sharp (sample - mean), halves up; they are not negative.
    #[inline(always)]
    fn towards(self, samples: i16x8, means: f32x8, sharp: f32x8) -> i32x8 {
        let simd = self.simd;
        let samples = simd.avx._mm256_cvtepi32_ps(simd.avx2._mm256_cvtepi16_epi32(cast(samples)));
        let value = self.number_between(means, cast(samples), sharp);
        cast(simd.avx._mm256_cvttps_epi32(cast(simd.add_f32x8(value, simd.splat_f32x8(0.5)))))
    }

    /// Integers as far as they fit.
    #[inline(always)]
    fn packed(self, low: i32x8, high: i32x8) -> i16x16 {
        // Packing goes by halves of registers.
        let packed = self.simd.avx2._mm256_packs_epi32(cast(low), cast(high));
        cast(self.simd.avx2._mm256_permute4x64_epi64::<0b11_01_10_00>(packed))
    }

    /// A number for each sample, twice over.
    #[inline(always)]
    fn twice(self, numbers: [u8; BLOCK]) -> u8x32 {
        cast([numbers, numbers])
    }
}

/// What does not depend on the samples' type.
macro_rules! common {
    ($sample:ty) => {
        type Stored = [i16; BLOCK];
        type Values = i16x16;
        type Share = i16;

        #[inline(always)]
        fn bounds(self, upper: [&Numbers; 2], lower: [&Numbers; 2]) -> [(f32, f32); 2] {
            self.least_and_greatest(upper, lower)
        }

        #[inline(always)]
        fn store(self, numbers: &Numbers, first: f32, most: usize, whole_bits: u32) -> [i16; BLOCK] {
            self.stored(numbers, first, most, whole_bits)
        }

        #[inline(always)]
        fn load(self, stored: &[i16; BLOCK]) -> i16x16 {
            cast(*stored)
        }

        #[inline(always)]
        fn share(self, share: f32) -> i16 {
            fixed_share(share)
        }

        #[inline(always)]
        fn everywhere(self, share: i16) -> i16x16 {
            self.simd.splat_i16x16(share)
        }

        #[inline(always)]
        fn of_numbers(self, numbers: &Numbers) -> i16x16 {
            self.integers(numbers, 0.0, (1u32 << self.fraction) as f32)
        }

        #[inline(always)]
        fn between(self, a: i16x16, b: i16x16, shares: i16x16) -> i16x16 {
            self.interpolated(a, b, shares)
        }

        #[inline(always)]
        fn prefetch(self, address: *const $sample) {
            self.simd.sse._mm_prefetch::<ALL_CACHES>(address.cast());
        }
    };
}

impl Lanes<u8> for Avx2 {
    common!(u8);

    #[inline(always)]
    fn values(self, samples: [u8; BLOCK]) -> i16x16 {
        self.shift_left(self.simd.convert_u8x16_to_i16x16(cast(samples)), self.fraction)
    }

    #[inline(always)]
    fn round(self, values: i16x16) -> [u8; BLOCK] {
        self.bytes(self.rounded(values))
    }

    #[inline(always)]
    fn split(self, displacements: i16x16, whole_bits: u32) -> ([u8; BLOCK], i16x16) {
        let (whole, rest) = self.part(displacements, whole_bits);
        (self.bytes(whole), rest)
    }

    #[inline(always)]
    fn soften(
        self,
        samples: [u8; BLOCK],
        means: Ends<&Numbers>,
        sharp: Ends<&Numbers>,
        share: f32,
    ) -> [u8; BLOCK] {
        let samples = self.simd.convert_u8x16_to_i16x16(cast(samples));
        self.bytes(self.softened(samples, means, sharp, share))
    }

    #[inline(always)]
    fn pick(self, window: &Window<u8>, columns: [u8; BLOCK], _: usize) -> Pair<u8> {
        let simd = self.simd;
        // Left neighbours and right ones at once, each in half of a register.
        let lanes: [u8; 2 * BLOCK] = std::array::from_fn(|lane| (lane % BLOCK + lane / BLOCK) as u8);
        let places = simd.wrapping_add_u8x32(self.twice(columns), cast(lanes));
        // A place with its highest bit set gives 0: of each place, one of the two halves of the window has it.
        let below = simd.wrapping_add_u8x32(places, simd.splat_u8x32(128 - 16));
        let above = simd.wrapping_sub_u8x32(places, simd.splat_u8x32(16));
        let [low, high]: [[u8; BLOCK]; 2] = cast(*window);
        let low = simd.avx2._mm256_shuffle_epi8(cast(self.twice(low)), cast(below));
        let high = simd.avx2._mm256_shuffle_epi8(cast(self.twice(high)), cast(above));
        cast(simd.avx2._mm256_or_si256(low, high))
    }

    #[inline(always)]
    fn replace(self, places: [u8; BLOCK], place: usize, from: Pair<u8>, into: Pair<u8>) -> Pair<u8> {
        let simd = self.simd;
        let before = simd.splat_u8x32((place - 1) as u8);
        let mask = simd.avx2._mm256_cmpgt_epi8(cast(self.twice(places)), cast(before));
        cast(simd.avx2._mm256_blendv_epi8(cast(into), cast(from), mask))
    }
}

impl Lanes<u16> for Avx2 {
    common!(u16);

    #[inline(always)]
    fn values(self, samples: [u16; BLOCK]) -> i16x16 {
        self.shift_left(cast(samples), self.fraction)
    }

    #[inline(always)]
    fn round(self, values: i16x16) -> [u16; BLOCK] {
        cast(self.rounded(values))
    }

    #[inline(always)]
    fn split(self, displacements: i16x16, whole_bits: u32) -> ([u16; BLOCK], i16x16) {
        let (whole, rest) = self.part(displacements, whole_bits);
        (cast(whole), rest)
    }

    #[inline(always)]
    fn soften(
        self,
        samples: [u16; BLOCK],
        means: Ends<&Numbers>,
        sharp: Ends<&Numbers>,
        share: f32,
    ) -> [u16; BLOCK] {
        cast(self.softened(cast(samples), means, sharp, share))
    }

    #[inline(always)]
    fn replace(self, places: [u16; BLOCK], place: usize, from: Pair<u16>, into: Pair<u16>) -> Pair<u16> {
        let simd = self.simd;
        let mask = simd.avx2._mm256_cmpgt_epi16(cast(places), cast(simd.splat_i16x16(place as i16 - 1)));
        let [from_left, from_right] = from;
        let [left, right] = into;
        let left = simd.avx2._mm256_blendv_epi8(cast(left), cast(from_left), mask);
        [cast(left), cast(simd.avx2._mm256_blendv_epi8(cast(right), cast(from_right), mask))]
    }
}
