//! What image-to-image steps shall do, and in which order the steps run.

use crate::error::ConfigError;
use std::path::PathBuf;
use std::str::FromStr;

/// Styles that go by number.
pub const STYLES: usize = 26;

/// A style to paint in.
#[derive(Clone, Debug, PartialEq)]
pub enum Style {
    /// Numbers of styles, 0 to 25, each once, with their weights; the weights are positive and sum to 1.
    Mix(Vec<(usize, f64)>),
    /// The style of this picture (PNG, JPEG, WebP, TIFF, BMP).
    Picture(PathBuf),
}

impl Style {
    /// Checks that numbers and weights of a mix are within their ranges.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let Self::Mix(mix) = self else { return Ok(()) };
        let is_once = |number: usize| mix.iter().filter(|(known, _)| *known == number).count() == 1;
        let sum: f64 = mix.iter().map(|(_, weight)| weight).sum();
        let are_parts =
            mix.iter().all(|(number, weight)| *number < STYLES && is_once(*number) && *weight > 0.0);
        if are_parts && (sum - 1.0).abs() < 1e-6 {
            return Ok(());
        }
        Err(ConfigError {
            setting: "--style".into(),
            expected: "numbers from 0 to 25, each once, with weights above 0 whose sum is 1".into(),
            found: format!("{mix:?}"),
        })
    }
}

impl FromStr for Style {
    type Err = ConfigError;

    /// `7`, `3:0.6,7:0.4` (weights are relative, 1 if left out), or the path of a picture.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let wrong = |expected: &str| ConfigError {
            setting: "--style".into(),
            expected: expected.into(),
            found: if text.is_empty() { "nothing".into() } else { text.into() },
        };
        let is_mix = text.starts_with(|first: char| first.is_ascii_digit() || first == '-')
            && text.chars().all(|each| each.is_ascii_digit() || "-:,.".contains(each));
        if text.is_empty() || !is_mix {
            let path = PathBuf::from(text);
            return if path.extension().is_some() {
                Ok(Self::Picture(path))
            } else {
                Err(wrong("a number from 0 to 25, a mix such as 3:0.6,7:0.4, or the file of a picture"))
            };
        }
        let mut mix: Vec<(usize, f64)> = Vec::new();
        for part in text.split(',') {
            let (number, weight) = part.split_once(':').unwrap_or((part, "1"));
            let number: usize = number
                .parse()
                .ok()
                .filter(|number| *number < STYLES && mix.iter().all(|(known, _)| known != number))
                .ok_or_else(|| wrong("numbers from 0 to 25, each once"))?;
            let weight: f64 = weight
                .parse()
                .ok()
                .filter(|weight| *weight > 0.0 && *weight <= 1e6)
                .ok_or_else(|| wrong("weights above 0, to 1000000"))?;
            mix.push((number, weight));
        }
        let sum: f64 = mix.iter().map(|(_, weight)| weight).sum();
        mix.iter_mut().for_each(|(_, weight)| *weight /= sum);
        Ok(Self::Mix(mix))
    }
}

/// How frames are painted.
#[derive(Clone, Debug, PartialEq)]
pub struct StyleOptions {
    /// The style.
    pub style: Style,
    /// Share of the painted picture, 0 to 1; the rest is the frame as it was.
    pub strength: f64,
    /// Longer side of what is painted, 64 to 2048 pixels; larger frames are painted at this size and enlarged. Networks
    /// of a fixed size work at theirs.
    pub size: usize,
}

impl StyleOptions {
    /// Longer side of what is painted unless the user chooses another.
    pub const SIZE: usize = 640;

    /// Full strength at the default size.
    pub const fn new(style: Style) -> Self {
        Self { style, strength: 1.0, size: Self::SIZE }
    }
}

/// How noise is removed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DenoiseOptions {
    /// Share of the denoised picture, 0 to 1; the rest is the frame as it was.
    pub strength: f64,
}

impl Default for DenoiseOptions {
    fn default() -> Self {
        Self { strength: 1.0 }
    }
}

/// How dark frames are brightened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EnhanceOptions {
    /// Share of the brightened picture, 0 to 1; the rest is the frame as it was.
    pub strength: f64,
}

impl Default for EnhanceOptions {
    fn default() -> Self {
        Self { strength: 1.0 }
    }
}

/// A step of processing that can stand anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Removing noise.
    Denoise,
    /// Brightening dark frames.
    Enhance,
    /// Painting in a style.
    Style,
    /// Super-resolution, and the change to the output's size and format.
    Upscale,
}

/// In which order the steps run; each is there once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order(pub [Step; 4]);

impl Order {
    /// Checks that each step is there.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let Self(steps) = self;
        let all = [Step::Denoise, Step::Enhance, Step::Style, Step::Upscale];
        if all.iter().all(|step| steps.contains(step)) {
            return Ok(());
        }
        Err(ConfigError {
            setting: "--order".into(),
            expected: "denoise, enhance, style and upscale, each once".into(),
            found: format!("{steps:?}").to_lowercase(),
        })
    }
}

impl Default for Order {
    /// Noise goes first, for each other step would strengthen it. Small frames cost least, so everything comes before
    /// super-resolution; a style is painted on what is well lit.
    fn default() -> Self {
        Self([Step::Denoise, Step::Enhance, Step::Style, Step::Upscale])
    }
}

impl FromStr for Order {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let wrong = || ConfigError {
            setting: "--order".into(),
            expected: "denoise, enhance, style and upscale, each once, separated by commas".into(),
            found: text.into(),
        };
        let mut steps = Vec::new();
        for name in text.split(',') {
            let step = match name {
                "denoise" => Step::Denoise,
                "enhance" => Step::Enhance,
                "style" => Step::Style,
                "upscale" => Step::Upscale,
                _ => return Err(wrong()),
            };
            if steps.contains(&step) {
                return Err(wrong());
            }
            steps.push(step);
        }
        steps.try_into().map(Self).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_parse_and_their_weights_sum_to_one() {
        assert_eq!("7".parse::<Style>().unwrap(), Style::Mix(vec![(7, 1.0)]));
        assert_eq!("3:3,7".parse::<Style>().unwrap(), Style::Mix(vec![(3, 0.75), (7, 0.25)]));
        assert_eq!("a b.jpg".parse::<Style>().unwrap(), Style::Picture("a b.jpg".into()));
        assert_eq!("3.png".parse::<Style>().unwrap(), Style::Picture("3.png".into()));
        for wrong in ["26", "-1", "3,3", "3:0", "3:", "", "rain", "1.5", "3:nan"] {
            let message = wrong.parse::<Style>().unwrap_err().to_string();
            assert!(message.contains("--style: expected"), "{message}");
        }
    }

    #[test]
    fn an_order_names_every_step_once() {
        assert_eq!("denoise,enhance,style,upscale".parse::<Order>().unwrap(), Order::default());
        let late = "upscale,style,enhance,denoise".parse::<Order>().unwrap();
        assert_eq!(late.0, [Step::Upscale, Step::Style, Step::Enhance, Step::Denoise]);
        for wrong in ["", "style", "style,style,upscale,denoise", "enhance,style,upscale"] {
            assert!(wrong.parse::<Order>().is_err(), "{wrong}");
        }
    }
}
