//! Values of options: durations, rates, sizes and pairs. Each error names the legal form.

use framecast::config::{Order, Style, Target};
use framecast::error::ConfigError;
use framecast::frame::{FrameRate, MotionScale, Rational};
use std::str::FromStr;

/// Microseconds of `[HH:]MM:SS[.m…]` or `S[.m…][s|ms|us]`, as FFmpeg reads a duration, in integers throughout.
pub(super) fn duration(text: &str) -> Result<i64, String> {
    microseconds(text).ok_or_else(|| "expected seconds (12.5, 250ms, 40us) or [HH:]MM:SS[.m…]".into())
}

/// As [`duration`], but longer than nothing.
pub(super) fn positive_duration(text: &str) -> Result<i64, String> {
    match duration(text)? {
        0 => Err("expected more than 0".into()),
        length => Ok(length),
    }
}

/// Frames per second as `N`, `N/D` or `N.F`, exactly.
pub(super) fn rate(text: &str) -> Result<Rational, String> {
    fraction(text)
        .filter(|rate| rate.is_positive())
        .ok_or_else(|| "expected a rate above 0: 25, 30000/1001 or 23.976".into())
}

/// Width and height as `WIDTHxHEIGHT`.
pub(super) fn size(text: &str) -> Result<(u32, u32), String> {
    let side = |text: &str| text.parse().ok().filter(|side| (1..=32768).contains(side));
    text.split_once(['x', 'X'])
        .and_then(|(width, height)| Some((side(width)?, side(height)?)))
        .ok_or_else(|| "expected WIDTHxHEIGHT, each from 1 to 32768".into())
}

/// A whole number from `low` to `high`.
pub(super) fn count(low: usize, high: usize) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| {
        let within = text.parse().ok().filter(|number| (low..=high).contains(number));
        within.ok_or_else(|| format!("expected {low} to {high}"))
    }
}

/// A number, with a fraction or without.
pub(super) fn number(text: &str) -> Result<f64, String> {
    let finite = text.parse().ok().filter(|number: &f64| number.is_finite());
    finite.ok_or_else(|| "expected a number, such as 18 or 22.5".into())
}

/// A part of the whole.
pub(super) fn part(text: &str) -> Result<f32, String> {
    let within = text.parse().ok().filter(|part: &f32| (0.0..=1.0).contains(part));
    within.ok_or_else(|| "expected 0 to 1".into())
}

/// An option as `NAME=VALUE`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("expected NAME=VALUE".into()),
    }
}

/// A share from 0 to `high`.
pub(super) fn share(high: f64) -> impl Fn(&str) -> Result<f64, String> + Clone {
    move |text| {
        let within = text.parse().ok().filter(|number| (0.0..=high).contains(number));
        within.ok_or_else(|| format!("expected 0 to {high}"))
    }
}

/// The size to aim at.
pub(super) fn target(text: &str) -> Result<Target, String> {
    parsed(text)
}

/// The output's frame rate.
pub(super) fn frame_rate(text: &str) -> Result<FrameRate, String> {
    parsed(text)
}

/// At what part of its usual size motion is found.
pub(super) fn motion_scale(text: &str) -> Result<MotionScale, String> {
    parsed(text)
}

/// The style to paint in.
pub(super) fn style(text: &str) -> Result<Style, String> {
    parsed(text)
}

/// The order of steps.
pub(super) fn order(text: &str) -> Result<Order, String> {
    parsed(text)
}

fn parsed<T: FromStr<Err = ConfigError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: ConfigError| format!("expected {}", error.expected))
}

fn microseconds(text: &str) -> Option<i64> {
    if let Some((rest, seconds)) = text.rsplit_once(':') {
        let (hours, minutes) = match rest.split_once(':') {
            Some((hours, minutes)) => (integer(hours)?, integer(minutes).filter(|&minutes| minutes < 60)?),
            None => (0, integer(rest)?),
        };
        let seconds = decimal(seconds, 6).filter(|&seconds| seconds < 60_000_000)?;
        let whole = hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(60_000_000)?;
        return whole.checked_add(seconds);
    }
    let (number, digits) = [("us", 0), ("ms", 3), ("s", 6)]
        .into_iter()
        .find_map(|(suffix, digits)| Some((text.strip_suffix(suffix)?, digits)))
        .unwrap_or((text, 6));
    decimal(number, digits)
}

/// `text` times 10 to the power of `digits`, further digits cut off.
fn decimal(text: &str, digits: usize) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let kept: String = fraction.chars().chain(std::iter::repeat('0')).take(digits).collect();
    let all_digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    integer(&format!("{whole}{kept}")).filter(|_| all_digits)
}

/// A number of decimal digits only, no sign.
fn integer(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn fraction(text: &str) -> Option<Rational> {
    if let Some((num, den)) = text.split_once('/') {
        return Some(Rational::new(num.parse().ok()?, den.parse().ok()?));
    }
    let digits = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let (num, den) = (decimal(text, digits)?, 10i64.checked_pow(u32::try_from(digits).ok()?)?);
    let divisor = greatest_common_divisor(num, den);
    Some(Rational::new(i32::try_from(num / divisor).ok()?, i32::try_from(den / divisor).ok()?))
}

fn greatest_common_divisor(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact_microseconds() {
        for (text, expected) in [
            ("0", 0),
            ("12", 12_000_000),
            ("12.5", 12_500_000),
            (".25", 250_000),
            ("3.", 3_000_000),
            ("0.1", 100_000),
            ("1.0000019", 1_000_001),
            ("2s", 2_000_000),
            ("250ms", 250_000),
            ("1.5ms", 1_500),
            ("40us", 40),
            ("1:02", 62_000_000),
            ("90:00", 5_400_000_000),
            ("01:02:03.04", 3_723_040_000),
            ("100:00:00", 360_000_000_000),
        ] {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn other_durations_are_refused() {
        let wrong = [
            "",
            ".",
            "-1",
            "+1",
            "1e3",
            "abc",
            "1h",
            "1:60",
            "1:60:00",
            "1:2:3:4",
            "1.2.3",
            "s",
            "1 s",
            "99999999999999999999",
            "9999999999:00:00:00",
            "1:-2",
            "0x10",
            "1.5:00",
        ];
        for text in wrong {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(positive_duration("0").is_err());
        assert_eq!(positive_duration("1us"), Ok(1));
    }

    #[test]
    fn rates_are_exact() {
        for (text, num, den) in [
            ("25", 25, 1),
            ("30000/1001", 30000, 1001),
            ("23.976", 2997, 125),
            ("29.97", 2997, 100),
            ("0.5", 1, 2),
        ] {
            assert_eq!(rate(text), Ok(Rational::new(num, den)), "{text}");
        }
        for wrong in ["0", "-25", "25/0", "0/1", "x", "", "25/", "1/2/3", "99999999999"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_and_pairs() {
        assert_eq!(size("640x360"), Ok((640, 360)));
        for wrong in ["640", "0x1", "640x", "40000x2", "-1x2", "axb"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        assert_eq!(pair("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(pair("a="), Ok(("a".into(), String::new())));
        assert!(pair("a").is_err());
        assert!(pair("=a").is_err());
    }
}
