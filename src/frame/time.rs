//! Time as integers: a presentation time stamp counts ticks of a rational time base. Nothing here is a float.

/// A rational number, for example a frame rate of 30000/1001 or a sample aspect ratio of 64/45.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rational {
    /// Numerator.
    pub num: i32,
    /// Denominator, positive in a valid value.
    pub den: i32,
}

impl Rational {
    /// `num / den` as given, not reduced.
    pub const fn new(num: i32, den: i32) -> Self {
        Self { num, den }
    }

    /// True if both parts are positive.
    pub const fn is_positive(self) -> bool {
        self.num > 0 && self.den > 0
    }

    /// `den / num`.
    pub const fn inverse(self) -> Self {
        Self { num: self.den, den: self.num }
    }

    /// For display only; never for time arithmetic.
    pub fn to_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }
}

impl std::fmt::Display for Rational {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

/// Seconds per tick.
pub type TimeBase = Rational;

/// A time stamp in ticks of the time base that its owner names.
pub type Pts = i64;

/// `value` ticks of `from` in ticks of `to`, rounded to nearest with halves away from zero (as `av_rescale_q`).
///
/// The product is formed in 128 bits, so no time stamp overflows and none drifts.
pub fn rescale(value: Pts, from: TimeBase, to: TimeBase) -> Pts {
    let numerator = i128::from(value) * i128::from(from.num) * i128::from(to.den);
    let denominator = i128::from(from.den) * i128::from(to.num);
    if denominator == 0 {
        return value;
    }
    let half = denominator.abs() / 2;
    let magnitude = (numerator.abs() + half) / denominator.abs();
    let signed = if (numerator < 0) == (denominator < 0) { magnitude } else { -magnitude };
    i64::try_from(signed).unwrap_or(if signed < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rescale_matches_known_values() {
        let film = Rational::new(1001, 24000);
        let ticks = Rational::new(1, 90000);
        assert_eq!(rescale(1, film, ticks), 3754); // 3753.75
        assert_eq!(rescale(-1, film, ticks), -3754);
        assert_eq!(rescale(24000, film, ticks), 90_090_000);
        assert_eq!(rescale(3, Rational::new(1, 2), Rational::new(1, 1)), 2);
    }

    proptest! {
        #[test]
        fn a_finer_time_base_loses_nothing(value in -1_000_000_000i64..1_000_000_000, den in 1i32..100_000, factor in 1i32..1000) {
            let coarse = Rational::new(1, den);
            let fine = Rational::new(1, den.saturating_mul(factor));
            prop_assert_eq!(rescale(rescale(value, coarse, fine), fine, coarse), value);
        }
    }
}
