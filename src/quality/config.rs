//! What an evaluation shall do, checked before it starts.

use super::{Content, Degradation};
use crate::config::ProcessingOptions;
use crate::error::ConfigError;

/// Largest constant rate factor of x264.
const MAX_CRF: f64 = 51.0;
/// Largest deviation of the blur in pixels.
const MAX_BLUR: f64 = 20.0;

/// An evaluation of super-resolution: large pictures are made small, enlarged by every method, and compared.
#[derive(Clone, Debug, PartialEq)]
pub struct EvalConfig {
    /// A folder of pictures and clips, a picture, a picture pattern or a video.
    pub reference: String,
    /// How the pictures of a folder belong together.
    pub content: Content,
    /// Factor along one side, 2 to 4.
    pub scale: u32,
    /// Models by name or path, each a row.
    pub models: Vec<String>,
    /// Each makes a table of its own; at least one.
    pub degradations: Vec<Degradation>,
    /// Frames of each clip that are used, at least 1; all if `None`.
    pub limit: Option<usize>,
    /// Pixels that are cut off on each side before comparing, 0 to 1000; the scale if `None`.
    pub border: Option<usize>,
    /// Size of the frames over which models are timed, 16 to 8192 each; not timed if `None`.
    pub timing: Option<(u32, u32)>,
    /// Items of which pictures are kept for a report.
    pub samples: usize,
    /// Threads (one per picture or clip), device, kernels, tiles and the runtime. Target and model are set per row.
    pub processing: ProcessingOptions,
}

impl EvalConfig {
    /// Two-fold enlargement by the literature's protocol, no model, everything else by default.
    pub fn new(reference: impl Into<String>) -> Self {
        Self {
            reference: reference.into(),
            content: Content::Auto,
            scale: 2,
            models: Vec::new(),
            degradations: vec![Degradation::Bicubic],
            limit: None,
            border: None,
            timing: Some((640, 360)),
            samples: 0,
            processing: ProcessingOptions::default(),
        }
    }

    /// Checks the ranges.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let require = |holds: bool, setting: &str, expected: &str, found: String| {
            let error = || ConfigError { setting: setting.into(), expected: expected.into(), found };
            holds.then_some(()).ok_or_else(error)
        };
        require((2..=4).contains(&self.scale), "--scale", "2 to 4", self.scale.to_string())?;
        require(!self.degradations.is_empty(), "--degrade", "at least one degradation", "none".into())?;
        require(self.limit != Some(0), "--limit", "at least 1", "0".into())?;
        let border = self.border.unwrap_or(0);
        require(border <= 1000, "--border", "0 to 1000", border.to_string())?;
        if let Some((width, height)) = self.timing {
            let holds = (16..=8192).contains(&width) && (16..=8192).contains(&height);
            require(holds, "--timing-size", "16x16 to 8192x8192", format!("{width}x{height}"))?;
        }
        for degradation in &self.degradations {
            if let Degradation::Camera { crf, blur } = degradation {
                require((0.0..=MAX_CRF).contains(crf), "--crf", "0 to 51", crf.to_string())?;
                require((0.0..=MAX_BLUR).contains(blur), "--blur", "0 to 20", blur.to_string())?;
            }
        }
        self.processing.validate()
    }

    /// Pixels that are cut off on each side.
    pub(super) fn border(&self) -> usize {
        self.border.unwrap_or(self.scale as usize)
    }

    /// Threads that are used at most.
    pub(super) fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.processing.threads.unwrap_or_else(cores)
    }
}
