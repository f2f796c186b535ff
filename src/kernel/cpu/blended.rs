//! Interpolation between samples: in fixed point for 8 bits, where twice as many fit into a register, else in f32.

use super::rows::{self, Sample};

/// A sample that can be interpolated.
pub(super) trait Blended: Sample {
    /// A value between code values.
    type Value: Copy;
    /// Code value 0.
    const ZERO: Self::Value;

    fn value(self) -> Self::Value;
    /// A share of 0 to 1 as [`Blended::between`] takes it.
    fn share(share: f32) -> Self::Value;
    /// The value a share of the way from `a` to `b`; `a` itself for share 0.
    fn between(a: Self::Value, b: Self::Value, share: Self::Value) -> Self::Value;
    /// The nearest code value.
    fn round(value: Self::Value) -> Self;
}

/// Fraction bits of the values of 8-bit samples: as many as leave room for twice a difference. Each
/// interpolation is too low by up to a unit of the last one, 1/64.
const FRACTION: u32 = 6;

/// From here on neighbouring floats are 1 apart, for numbers of both signs, so the low bits are an integer's.
pub(super) const INTEGER_BASE: f32 = 12_582_912.0;

impl Blended for u8 {
    type Value = i16;
    const ZERO: i16 = 0;

    #[inline(always)]
    fn value(self) -> i16 {
        i16::from(self) << FRACTION
    }

    #[inline(always)]
    fn share(share: f32) -> i16 {
        (share * f32::from(i16::MAX) + INTEGER_BASE).to_bits() as i16
    }

    #[inline(always)]
    fn between(a: i16, b: i16, share: i16) -> i16 {
        // A share has 15 bits, and the high half of the product is taken.
        let doubled = b.wrapping_sub(a) << 1;
        a.wrapping_add(((i32::from(doubled) * i32::from(share)) >> 16) as i16)
    }

    #[inline(always)]
    fn round(value: i16) -> Self {
        ((value + (1 << (FRACTION - 1))) >> FRACTION) as Self
    }
}

impl Blended for u16 {
    type Value = f32;
    const ZERO: f32 = 0.0;

    #[inline(always)]
    fn value(self) -> f32 {
        f32::from(self)
    }

    #[inline(always)]
    fn share(share: f32) -> f32 {
        share
    }

    #[inline(always)]
    fn between(a: f32, b: f32, share: f32) -> f32 {
        a + share * (b - a)
    }

    #[inline(always)]
    fn round(value: f32) -> Self {
        rows::nearest(value)
    }
}

#[cfg(test)]
mod tests {
    use super::Blended;

    #[test]
    fn eight_bits_are_exact_at_the_ends_and_near_between() {
        for a in 0..=255u8 {
            for b in 0..=255u8 {
                let between = |share: f32| u8::between(a.value(), b.value(), u8::share(share));
                for share in [0.001, 0.25, 0.5, 0.75, 0.999] {
                    let exact = f32::from(a) + share * (f32::from(b) - f32::from(a));
                    assert!((f32::from(between(share)) / 64.0 - exact).abs() < 0.03, "{a} {b} {share}");
                }
                assert_eq!((u8::round(between(0.0)), u8::round(between(1.0))), (a, b));
            }
        }
    }
}
