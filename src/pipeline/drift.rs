//! Output rates that were meant as a multiple of the source's and are not quite one: 59.94 for 30000/1001.

use crate::frame::{Rational, TOLERANCE_PARTS, reduced};

/// The largest denominator of a ratio of two rates that counts as one: 60 of 24 is 5 to 2.
const LARGEST: i128 = 5;
/// Rates that differ by at most one part in this many are meant to be the same.
const NEAR_PARTS: i128 = 10_000;
/// The denominator of the rates of broadcasts.
const BROADCAST: i32 = 1001;

/// A rate beside the one that was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Drift {
    /// The rate whose grid the source's frames stay on.
    pub(super) nearest: Rational,
    /// Seconds after which they are off the grid of the other one.
    pub(super) seconds: f64,
}

/// What the output's `rate` was meant to be for a source of the broadcast's rate `source`; `None` if it is that, or not near.
/// Other rates of sources may be means of a variable one, with which nothing is exact.
pub(super) fn drift(rate: Rational, source: Rational) -> Option<Drift> {
    if !rate.is_positive() || !source.is_positive() || source.den != BROADCAST {
        return None;
    }
    let [num, den] = [rate.num, rate.den].map(i128::from);
    let [source_num, source_den] = [source.num, source.den].map(i128::from);
    let (scaled, unit) = (num * source_den, den * source_num);
    for parts in 1..=LARGEST {
        let multiple = (scaled * parts + unit / 2) / unit;
        let (asked, meant) = (scaled * parts, unit * multiple);
        let difference = (asked - meant).abs();
        if difference == 0 {
            return None;
        }
        if difference * NEAR_PARTS <= meant {
            let nearest = rational(source_num * multiple, source_den * parts)?;
            let share = difference as f64 / meant as f64;
            return Some(Drift { nearest, seconds: 1.0 / (rate.to_f64() * TOLERANCE_PARTS as f64 * share) });
        }
    }
    None
}

/// `None` if a number is too large.
fn rational(num: i128, den: i128) -> Option<Rational> {
    let (num, den) = reduced(num, den);
    Some(Rational::new(i32::try_from(num).ok()?, i32::try_from(den).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearest(rate: (i32, i32), source: (i32, i32)) -> Option<Rational> {
        let [rate, source] = [rate, source].map(|(num, den)| Rational::new(num, den));
        drift(rate, source).map(|drift| drift.nearest)
    }

    #[test]
    fn decimals_of_broadcast_rates_are_nearly_multiples() {
        assert_eq!(nearest((2997, 50), (30000, 1001)), Some(Rational::new(60000, 1001)));
        assert_eq!(nearest((2997, 50), (24000, 1001)), Some(Rational::new(60000, 1001)));
        assert_eq!(nearest((2997, 125), (24000, 1001)), Some(Rational::new(24000, 1001)));
        let found = drift(Rational::new(2997, 50), Rational::new(30000, 1001)).unwrap();
        assert!((found.seconds - 2085.0).abs() < 5.0, "{found:?}");
    }

    #[test]
    fn multiples_and_other_rates_are_what_was_asked_for() {
        for (rate, source) in [
            ((60000, 1001), (30000, 1001)),
            ((60, 1), (24, 1)),
            ((60, 1), (25, 1)),
            ((60, 1), (60000, 1001)),
            ((2997, 50), (25, 1)),
            ((25, 1), (24000, 1001)),
            ((1, 1), (60, 1)),
            ((60, 1), (0, 1)),
            ((60, 1), (29998, 1000)),
        ] {
            assert_eq!(nearest(rate, source), None, "{rate:?} of {source:?}");
        }
    }
}
