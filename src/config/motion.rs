//! How many frames are shown, and what those between two frames of the source are made of.

use crate::error::ConfigError;
use crate::frame::{FrameRate, MotionMode, MotionScale, Rational};
use crate::stage::DetectorOptions;
use std::str::FromStr;

/// The output's frame rate and how it is reached.
#[derive(Clone, Debug, PartialEq)]
pub struct MotionOptions {
    /// The output's frames.
    pub rate: FrameRate,
    /// What frames between two source frames are made of.
    pub mode: MotionMode,
    /// Leaves out frames that show nothing new before anything else, so that motion goes from one new picture to the next
    /// (animation on twos, 15 frames a second in a stream of 30). Only with another rate than the source's.
    pub dedup: bool,
    /// Fills the places of missing and damaged frames of a stream of constant rate with motion, at the source's rate or
    /// a multiple of it; fixed rates fill them anyway.
    pub conceal: bool,
    /// What counts as a cut, a flash, a dissolve or a duplicate; each is 0 to 1.
    pub detector: DetectorOptions,
    /// Name of the model that estimates motion, or the path of its .onnx file; the mode's own if `None`.
    pub model: Option<String>,
    /// At what part of the model's usual size motion is found.
    pub scale: MotionScale,
}

impl Default for MotionOptions {
    /// The source's frames. Files can wait for the next frame, so what lies between is interpolated.
    fn default() -> Self {
        Self {
            rate: FrameRate::Source,
            mode: MotionMode::Interpolate,
            dedup: false,
            conceal: false,
            detector: DetectorOptions::default(),
            model: None,
            scale: MotionScale::Full,
        }
    }
}

impl MotionOptions {
    /// True if the output can have other frames than the source.
    pub fn adds_frames(&self) -> bool {
        self.conceal || self.changes_rate()
    }

    fn changes_rate(&self) -> bool {
        !matches!(self.rate, FrameRate::Source | FrameRate::Multiple(1))
    }

    /// Checks the ranges that the types do not.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let wrong = |setting: &str, expected: &str, found: String| {
            Err(ConfigError { setting: setting.into(), expected: expected.into(), found })
        };
        let DetectorOptions { cut, flash, dissolve, duplicate } = self.detector;
        for (setting, threshold) in [
            ("--scene-threshold", cut),
            ("--flash-threshold", flash),
            ("--dissolve-threshold", dissolve),
            ("--duplicate-threshold", duplicate),
        ] {
            if !(0.0..=1.0).contains(&threshold) {
                return wrong(setting, "0 to 1", threshold.to_string());
            }
        }
        if self.dedup && !self.changes_rate() {
            return wrong("--dedup", "another frame rate beside it (--fps)", "the source's".into());
        }
        Ok(())
    }
}

impl FromStr for FrameRate {
    type Err = ConfigError;

    /// `60`, `60000/1001`, `59.94` (exactly that), `x2` (twice the source's), or `source`.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let wrong = || ConfigError {
            setting: "--fps".into(),
            expected: format!(
                "frames per second up to {}, such as 60, 59.94 or 60000/1001, a multiple such as x2 up to x{}, or source",
                Self::HIGHEST,
                Self::LARGEST_MULTIPLE
            ),
            found: if text.is_empty() { "nothing".into() } else { text.into() },
        };
        if text == "source" {
            return Ok(Self::Source);
        }
        if let Some(multiple) = text.strip_prefix(['x', 'X']) {
            let known = |multiple: &u32| (1..=Self::LARGEST_MULTIPLE).contains(multiple);
            return multiple.parse().ok().filter(known).map(Self::Multiple).ok_or_else(wrong);
        }
        let rate = rational(text).filter(|rate| {
            rate.is_positive() && i64::from(rate.num) <= i64::from(Self::HIGHEST) * i64::from(rate.den)
        });
        rate.map(Self::Fixed).ok_or_else(wrong)
    }
}

impl FromStr for MotionScale {
    type Err = ConfigError;

    /// `1` or `0.5`.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        match text.parse::<f64>() {
            Ok(1.0) => Ok(Self::Full),
            Ok(0.5) => Ok(Self::Half),
            _ => Err(ConfigError {
                setting: "--motion-scale".into(),
                expected: "1 or 0.5".into(),
                found: if text.is_empty() { "nothing".into() } else { text.into() },
            }),
        }
    }
}

/// `N`, `N/D`, or a decimal number as a fraction of a power of ten.
fn rational(text: &str) -> Option<Rational> {
    if let Some((num, den)) = text.split_once('/') {
        return Some(Rational::new(num.parse().ok()?, den.parse().ok()?));
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 6 || !part.bytes().all(|digit| digit.is_ascii_digit()) || whole.starts_with(['+', '-']) {
        return None;
    }
    let den = 10i32.pow(u32::try_from(part.len()).ok()?);
    Some(Rational::new(format!("{whole}{part}").parse().ok()?, den))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn motion_is_found_at_full_or_half_size() {
        let scale = |text: &str| text.parse::<MotionScale>().ok();
        assert_eq!(
            ["1", "1.0", "0.5", ".5"].map(scale),
            [
                Some(MotionScale::Full),
                Some(MotionScale::Full),
                Some(MotionScale::Half),
                Some(MotionScale::Half)
            ]
        );
        assert_eq!(["", "0.25", "2", "half"].map(scale), [None; 4]);
    }

    #[test]
    fn rates_parse_and_refuse() {
        for (text, rate) in [
            ("60", FrameRate::Fixed(Rational::new(60, 1))),
            ("60000/1001", FrameRate::Fixed(Rational::new(60000, 1001))),
            ("59.94", FrameRate::Fixed(Rational::new(5994, 100))),
            ("x3", FrameRate::Multiple(3)),
            ("source", FrameRate::Source),
        ] {
            assert_eq!(text.parse::<FrameRate>().unwrap(), rate, "{text}");
        }
        for text in ["", "0", "-5", "1001", "x0", "x65", "2x", "1/0", "60/", "fast", "1.2345678", "5.-1"] {
            let message = text.parse::<FrameRate>().unwrap_err().to_string();
            assert!(message.contains("--fps: expected frames per second"), "{text}: {message}");
        }
    }
}
