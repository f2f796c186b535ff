//! The unit of time in which the time stamps of source and output are both whole numbers.

use super::FrameRate;
use crate::error::ConfigError;
use crate::frame::{Pts, Rational, TimeBase};

const NANOSECONDS: TimeBase = Rational::new(1, 1_000_000_000);

/// Conversions to and from a unit that divides both the source's time base and the output's period.
///
/// Parts of rationals have 31 bits, so a source tick has at most 62 bits of units and a time stamp at most 126: nothing
/// overflows 128 bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Units {
    /// Units per tick of the source.
    source: i128,
    /// Units per output frame of a fixed rate.
    period: Option<i128>,
    /// Output frames per source frame, where the rate is not fixed.
    parts: i128,
    /// Seconds per unit.
    seconds: (i128, i128),
    output: TimeBase,
}

impl Units {
    pub(super) fn new(rate: FrameRate, source: TimeBase) -> Result<Self, ConfigError> {
        if !source.is_positive() {
            return Err(error("source time base", "a fraction above 0".into(), source));
        }
        let tick = (i128::from(source.num), i128::from(source.den));
        match rate {
            FrameRate::Source => Ok(Self::multiple(tick, 1)),
            FrameRate::Multiple(parts) if (1..=FrameRate::LARGEST_MULTIPLE).contains(&parts) => {
                Ok(Self::multiple(tick, parts.into()))
            }
            FrameRate::Multiple(parts) => Err(error(
                "frame rate",
                format!("x1 to x{}", FrameRate::LARGEST_MULTIPLE),
                format!("x{parts}"),
            )),
            FrameRate::Fixed(rate) => {
                let highest = i64::from(FrameRate::HIGHEST) * i64::from(rate.den);
                if !rate.is_positive() || i64::from(rate.num) > highest {
                    let expected = format!("above 0 and up to {} frames per second", FrameRate::HIGHEST);
                    return Err(error("frame rate", expected, rate));
                }
                Ok(Self::fixed(tick, rate))
            }
        }
    }

    fn multiple((num, den): (i128, i128), parts: i128) -> Self {
        let seconds = reduced(num, den * parts);
        Self { source: parts, period: None, parts, seconds, output: output(seconds) }
    }

    /// The unit is the greatest common divisor of a/b and d/n: gcd(a·n, d·b) / (b·n).
    fn fixed((num, den): (i128, i128), rate: Rational) -> Self {
        let (frames, seconds) = (i128::from(rate.num), i128::from(rate.den));
        let (tick, period) = (num * frames, seconds * den);
        let divisor = gcd(tick, period);
        let unit = reduced(divisor, den * frames);
        Self {
            source: tick / divisor,
            period: Some(period / divisor),
            parts: 1,
            seconds: unit,
            output: output(unit),
        }
    }

    pub(super) const fn output(&self) -> TimeBase {
        self.output
    }

    pub(super) const fn period(&self) -> Option<i128> {
        self.period
    }

    pub(super) const fn parts(&self) -> i128 {
        self.parts
    }

    /// A time stamp or duration of the source in units.
    pub(super) fn time(&self, pts: Pts) -> i128 {
        i128::from(pts) * self.source
    }

    /// Whole seconds in units.
    pub(super) const fn of_seconds(&self, seconds: i128) -> i128 {
        let (num, den) = self.seconds;
        seconds * den / num
    }

    /// Units in the output's time base.
    pub(super) fn pts(&self, time: i128) -> Pts {
        let (num, den) = self.seconds;
        if (num, den) == (i128::from(self.output.num), i128::from(self.output.den)) {
            return saturate(time);
        }
        // Whole seconds apart from the rest, so that the products fit.
        let scaled = time.saturating_mul(num);
        let (whole, rest) = (scaled.div_euclid(den), scaled.rem_euclid(den));
        let per_second = i128::from(self.output.den);
        saturate(whole.saturating_mul(per_second).saturating_add((rest * per_second + den / 2) / den))
    }
}

/// The unit itself, if its parts have at most 31 bits.
fn output((num, den): (i128, i128)) -> TimeBase {
    match (i32::try_from(num), i32::try_from(den)) {
        (Ok(num), Ok(den)) => Rational::new(num, den),
        _ => NANOSECONDS,
    }
}

/// The fraction in its lowest terms; neither number is negative.
pub(crate) fn reduced(num: i128, den: i128) -> (i128, i128) {
    let divisor = gcd(num, den).max(1);
    (num / divisor, den / divisor)
}

/// Greatest common divisor of two numbers that are not negative (Euclid).
pub(super) const fn gcd(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn saturate(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

fn error(setting: &str, expected: String, found: impl std::fmt::Display) -> ConfigError {
    ConfigError { setting: setting.into(), expected, found: found.to_string() }
}
