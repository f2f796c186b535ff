//! What a run shall do, checked before anything starts; each error states the legal range.

mod image;
mod motion;

use crate::error::ConfigError;
use crate::kernel::KernelChoice;
use crate::media::{InputOptions, OutputOptions};
pub use crate::model::{Device, Execution, Indices, Precision, Provider};
pub use image::{DenoiseOptions, EnhanceOptions, Order, STYLES, Step, Style, StyleOptions};
pub use motion::MotionOptions;
use std::path::PathBuf;
use std::str::FromStr;

/// The size that a run aims at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Width and height times this factor, 1 to 8. 1 is a plain transcode through the same path.
    Factor(u32),
    /// At most this width and height, 2 to 32768: the picture keeps its shape and fills one of the two.
    Within {
        /// Width in display pixels.
        width: u32,
        /// Height in display pixels.
        height: u32,
    },
}

impl Target {
    /// The largest side of the box that pictures are fitted into, in display pixels.
    const LARGEST_SIDE: u32 = 32768;

    /// Checks that the factor, or the box, is within its range.
    fn validate(self) -> Result<(), ConfigError> {
        let is_side = |side: &u32| (2..=Self::LARGEST_SIDE).contains(side);
        match self {
            Self::Factor(1..=8) => Ok(()),
            Self::Within { width, height } if [width, height].iter().all(is_side) => Ok(()),
            Self::Factor(_) | Self::Within { .. } => Err(ConfigError {
                setting: "--upscale".into(),
                expected: format!(
                    "a whole factor from 1 to 8, or a width and a height from 2 to {}",
                    Self::LARGEST_SIDE
                ),
                found: self.to_string(),
            }),
        }
    }
}

impl Default for Target {
    fn default() -> Self {
        Self::Factor(2)
    }
}

impl FromStr for Target {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let wrong = || ConfigError {
            setting: "--upscale".into(),
            expected: "a whole factor from 1 to 8, WIDTHxHEIGHT, 720p, 1080p, 1440p or 4k".into(),
            found: text.into(),
        };
        let within = |width, height| Ok(Self::Within { width, height });
        match text.to_ascii_lowercase().as_str() {
            "720p" => return within(1280, 720),
            "1080p" => return within(1920, 1080),
            "1440p" => return within(2560, 1440),
            "4k" | "2160p" => return within(3840, 2160),
            _ => {}
        }
        if let Some((width, height)) = text.split_once(['x', 'X']) {
            let side = |text: &str| text.parse().map_err(|_| wrong());
            let target = Self::Within { width: side(width)?, height: side(height)? };
            return target.validate().map(|()| target).map_err(|_| wrong());
        }
        match text.parse() {
            Ok(factor @ 1..=8) => Ok(Self::Factor(factor)),
            _ => Err(wrong()),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Factor(factor) => write!(f, "{factor}"),
            Self::Within { width, height } => write!(f, "{width}x{height}"),
        }
    }
}

/// Whether pixels that a network made are kept for later frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// Where the source did not change; the output is the same, bit for bit.
    #[default]
    Auto,
    /// Never: every frame is inferred as a whole.
    Off,
}

/// How frames are processed between source and sink.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcessingOptions {
    /// The size aimed at.
    pub target: Target,
    /// Names of models, or paths of .onnx files, that run one after the other; the default model of the target if
    /// empty. An .onnx file without its manifest (.toml) beside it is probed.
    pub models: Vec<String>,
    /// Values of the models' arguments, as (`name` or `model:name`, one number or several with commas between them).
    pub model_arguments: Vec<(String, String)>,
    /// Mixes the model's weights with those of the partner that its manifest names, 0 to 1: 0 is the model itself, which
    /// keeps to the source, 1 its partner, which makes up detail. `None` leaves the partner alone.
    pub detail: Option<f32>,
    /// The output's frame rate and how it is reached.
    pub motion: MotionOptions,
    /// Removes noise from luma.
    pub denoise: Option<DenoiseOptions>,
    /// Brightens dark frames.
    pub enhance: Option<EnhanceOptions>,
    /// Paints frames in a style.
    pub style: Option<StyleOptions>,
    /// Share of the frame before, 0 to 0.95, that stays in what styles and enhancement make where nothing moves;
    /// [`ProcessingOptions::SMOOTHING`] if `None`.
    pub smoothing: Option<f64>,
    /// In which order the steps run.
    pub order: Order,
    /// Where and in which precision networks run.
    pub execution: Execution,
    /// Which kernels do the pixel work.
    pub kernels: KernelChoice,
    /// Threads for networks, 1 to 1024; all cores if `None`.
    pub threads: Option<usize>,
    /// Largest side of a tile in input pixels, 64 to 8192; chosen by memory if `None`.
    pub tile: Option<usize>,
    /// Dithers where bit depth shrinks or a network's output is rounded.
    pub dither: bool,
    /// Keeps what a network made where the source did not change.
    pub reuse: Reuse,
    /// Changes of up to this many 8-bit code values, 0 to 64, are taken for noise where nothing moves, and held still.
    pub static_threshold: usize,
    /// The ONNX Runtime library; searched if `None`. A process loads one, the first that is asked for, and stays with it.
    pub runtime_library: Option<PathBuf>,
}

impl ProcessingOptions {
    /// Smoothing unless the user chooses another: a still scene with noise flickered about a sixth as much in two
    /// styles, and after a change of light 9 in 10 parts are there within ten frames (0.8^10 = 0.1).
    pub const SMOOTHING: f64 = 0.8;

    /// Checks the ranges that the types do not. Runs and engines do so before anything else.
    ///
    /// # Errors
    /// The first setting that is out of its range, by the name that it has on the command line.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.target.validate()?;
        self.order.validate()?;
        let within = |setting: &str, value: Option<usize>, low: usize, high: usize| match value {
            Some(value) if !(low..=high).contains(&value) => Err(ConfigError {
                setting: setting.into(),
                expected: format!("{low} to {high}"),
                found: value.to_string(),
            }),
            _ => Ok(()),
        };
        if let Some(detail) = self.detail.filter(|detail| !(0.0..=1.0).contains(detail)) {
            let (setting, expected) = ("--detail".into(), "0 to 1".into());
            return Err(ConfigError { setting, expected, found: detail.to_string() });
        }
        self.motion.validate()?;
        within("--threads", self.threads, 1, 1024)?;
        within("--static-threshold", Some(self.static_threshold), 0, 64)?;
        within("--tile", self.tile, 64, 8192)?;
        self.style.as_ref().map_or(Ok(()), |style| style.style.validate())?;
        within("--style-size", self.style.as_ref().map(|style| style.size), 64, 2048)?;
        let share = |setting: &str, value: Option<f64>, high: f64| match value {
            Some(value) if !(0.0..=high).contains(&value) => Err(ConfigError {
                setting: setting.into(),
                expected: format!("0 to {high}"),
                found: value.to_string(),
            }),
            _ => Ok(()),
        };
        share("--style-strength", self.style.as_ref().map(|style| style.strength), 1.0)?;
        share("--denoise", self.denoise.map(|denoise| denoise.strength), 1.0)?;
        share("--enhance-strength", self.enhance.map(|enhance| enhance.strength), 1.0)?;
        share("--smoothing", self.smoothing, 0.95)
    }
}

/// A whole run from an input to an output.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunConfig {
    /// File, URL, picture pattern, or `-` for standard input.
    pub input: String,
    /// How the input is read.
    pub input_options: InputOptions,
    /// File, URL, picture pattern, or `-` for standard output.
    pub output: String,
    /// How the output is written.
    pub output_options: OutputOptions,
    /// What happens in between.
    pub processing: ProcessingOptions,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_parse_and_refuse() {
        assert_eq!("3".parse::<Target>().unwrap(), Target::Factor(3));
        assert_eq!("4K".parse::<Target>().unwrap(), Target::Within { width: 3840, height: 2160 });
        assert_eq!("640x480".parse::<Target>().unwrap(), Target::Within { width: 640, height: 480 });
        for wrong in ["0", "9", "x", "1x1", "huge", "-2", "2.5"] {
            let message = wrong.parse::<Target>().unwrap_err().to_string();
            assert!(message.contains("expected a whole factor from 1 to 8"), "{message}");
        }
    }
}
