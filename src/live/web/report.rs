//! What the page is told, as JSON.

use super::super::{Controls, LiveFormat, LiveStatistics, Percentiles};
use serde::{Deserialize, Serialize};

/// All that the page shows beside pictures.
#[derive(Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    pub(super) statistics: LiveStatistics,
    pub(super) recent_latency: Percentiles,
    pub(super) controls: Switches,
    pub(super) picture: Sizes,
    pub(super) viewers: usize,
}

/// How the switches stand.
#[derive(Serialize)]
pub(super) struct Switches {
    models: Vec<String>,
    model: usize,
    predicts: bool,
}

impl Switches {
    pub(super) fn read(controls: &Controls) -> Self {
        Self { models: controls.models().to_vec(), model: controls.model(), predicts: controls.predicts() }
    }
}

/// Sizes of the pictures in samples.
#[derive(Serialize)]
pub(super) struct Sizes {
    width: u32,
    height: u32,
    source_width: u32,
    source_height: u32,
    /// Width of a sample / its height.
    sample_aspect_ratio: f64,
    /// Pictures a second.
    frame_rate: f64,
}

impl Sizes {
    pub(super) fn of(format: &LiveFormat) -> Self {
        let aspect = format.sample_aspect_ratio;
        Self {
            width: format.shown.width,
            height: format.shown.height,
            source_width: format.source.width,
            source_height: format.source.height,
            sample_aspect_ratio: if aspect.is_positive() { aspect.to_f64() } else { 1.0 },
            frame_rate: if format.frame_rate.is_positive() { format.frame_rate.to_f64() } else { 0.0 },
        }
    }
}

/// What the user wants to change.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    model: Option<usize>,
    predicts: Option<bool>,
}

impl Change {
    /// Makes all of it, or nothing.
    pub(super) fn make(&self, controls: &Controls) -> Result<(), String> {
        let models = controls.models().len();
        if let Some(model) = self.model {
            if model >= models {
                return Err(format!("model: expected 0 to {}, found {model}", models.saturating_sub(1)));
            }
            controls.set_model(model);
        }
        if let Some(predicts) = self.predicts {
            controls.set_predicts(predicts);
        }
        Ok(())
    }
}
