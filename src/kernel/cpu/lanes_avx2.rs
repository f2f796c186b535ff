//! Fixed point with AVX2.
//!
//! No closures here, nor where such lanes are handed on: the compiler does not inline instructions that a closure's own
//! compilation may not use.

use super::lanes::{
    BLOCK, Lanes, Numbers, Pair, SHARE_BITS, Window, fixed_share, fraction_bits, stored_scale,
};
use pulp::x86::V3;
use pulp::{Simd, cast, f32x8, i16x16, u8x16, u64x2};

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

    #[inline(always)]
    fn least_and_greatest(self, upper: &Numbers, lower: &Numbers) -> (f32, f32) {
        let simd = self.simd;
        let [a, b]: [f32x8; 2] = cast(*upper);
        let [c, d]: [f32x8; 2] = cast(*lower);
        let least = simd.min_f32x8(simd.min_f32x8(a, b), simd.min_f32x8(c, d));
        let greatest = simd.max_f32x8(simd.max_f32x8(a, b), simd.max_f32x8(c, d));
        (simd.reduce_min_f32s(least), simd.reduce_max_f32s(greatest))
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
        // Packing goes by halves of registers.
        let packed = simd.avx2._mm256_packs_epi32(low, high);
        cast(simd.avx2._mm256_permute4x64_epi64::<0b11_01_10_00>(packed))
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
        let [low, high]: [pulp::i16x8; 2] = cast(values);
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

    /// The samples at `places` of 32.
    #[inline(always)]
    fn looked_up(self, [low, high]: [u8x16; 2], places: u8x16) -> [u8; BLOCK] {
        let simd = self.simd;
        // A place with its highest bit set gives 0: of each place, one of the two halves has it.
        let below = simd.wrapping_add_u8x16(places, simd.splat_u8x16(128 - 16));
        let above = simd.wrapping_sub_u8x16(places, simd.splat_u8x16(16));
        let low = simd.ssse3._mm_shuffle_epi8(cast(low), cast(below));
        let high = simd.ssse3._mm_shuffle_epi8(cast(high), cast(above));
        cast(simd.sse2._mm_or_si128(low, high))
    }
}

/// What does not depend on the samples' type.
macro_rules! common {
    ($sample:ty) => {
        type Stored = [i16; BLOCK];
        type Values = i16x16;
        type Share = i16;

        #[inline(always)]
        fn bounds(self, upper: &Numbers, lower: &Numbers) -> (f32, f32) {
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
    fn pick(self, window: &Window<u8>, columns: [u8; BLOCK], _: usize) -> Pair<u8> {
        let simd = self.simd;
        let lanes: [u8; BLOCK] = std::array::from_fn(|lane| lane as u8);
        let places = simd.wrapping_add_u8x16(cast(columns), cast(lanes));
        let halves = cast(*window);
        [
            self.looked_up(halves, places),
            self.looked_up(halves, simd.wrapping_add_u8x16(places, simd.splat_u8x16(1))),
        ]
    }

    #[inline(always)]
    fn replace(self, places: [u8; BLOCK], place: usize, from: Pair<u8>, into: Pair<u8>) -> Pair<u8> {
        let simd = self.simd;
        let before = simd.splat_u8x16((place - 1) as u8);
        let mask = simd.sse2._mm_cmpgt_epi8(cast(places), cast(before));
        let [from_left, from_right] = from;
        let [left, right] = into;
        let left = simd.sse4_1._mm_blendv_epi8(cast(left), cast(from_left), mask);
        [cast(left), cast(simd.sse4_1._mm_blendv_epi8(cast(right), cast(from_right), mask))]
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
    fn replace(self, places: [u16; BLOCK], place: usize, from: Pair<u16>, into: Pair<u16>) -> Pair<u16> {
        let simd = self.simd;
        let mask = simd.avx2._mm256_cmpgt_epi16(cast(places), cast(simd.splat_i16x16(place as i16 - 1)));
        let [from_left, from_right] = from;
        let [left, right] = into;
        let left = simd.avx2._mm256_blendv_epi8(cast(left), cast(from_left), mask);
        [cast(left), cast(simd.avx2._mm256_blendv_epi8(cast(right), cast(from_right), mask))]
    }
}
