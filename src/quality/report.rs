//! What an evaluation found, in the form in which it is written as JSON.

use super::Scores;
use super::sample::Sample;
use serde::Serialize;

/// The result of an evaluation.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Version of framecast.
    pub version: &'static str,
    /// `sr`.
    pub task: &'static str,
    /// The reference as the user named it.
    pub reference: String,
    /// Factor along one side.
    pub scale: u32,
    /// Pixels cut off on each side.
    pub border: usize,
    /// The processor by the system's name; empty if it does not tell.
    pub processor: String,
    /// The methods, in the order of the rows.
    pub methods: Vec<MethodInfo>,
    /// One table per degradation.
    pub tables: Vec<Table>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// What is known of a method, whatever it was tested on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MethodInfo {
    /// `nearest`, `bilinear`, `bicubic`, `lanczos`, or the model's name.
    pub name: String,
    /// `interpolation` or `model`.
    pub kind: &'static str,
    /// The model's own factor; the picture is resampled where it is another one than the evaluation's.
    pub scale: Option<usize>,
    /// Number of weights, if the manifest tells.
    pub parameters: Option<u64>,
    /// Cost per megapixel of input, if the manifest tells.
    pub gflop_per_megapixel: Option<f64>,
    /// Licence of the weights.
    pub licence: Option<String>,
    /// How long a frame takes.
    pub time: Option<Time>,
}

/// Wall time per frame: the network with the conversion of its input and output, in a running engine.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Time {
    /// Size of the frames that went in.
    pub width: u32,
    /// See `width`.
    pub height: u32,
    /// Milliseconds per frame on one thread.
    pub one_thread_ms: f64,
    /// Milliseconds per frame on `threads` threads.
    pub threads_ms: f64,
    /// Number of threads.
    pub threads: usize,
}

/// The scores under one degradation.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// `bicubic`, or `camera-crf` with the rate factor.
    pub degradation: String,
    /// What was done to make the small pictures.
    pub description: String,
    /// One row per method.
    pub rows: Vec<Row>,
    /// Cut-outs to look at.
    #[serde(skip)]
    pub samples: Vec<SampleSet>,
}

/// The scores of one method.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The method's name.
    pub method: String,
    /// Mean over pictures and clips.
    pub mean: Scores,
    /// The pictures and clips.
    pub items: Vec<ItemScores>,
}

/// The scores of one method on one picture or clip.
#[derive(Clone, Debug, Serialize)]
pub struct ItemScores {
    /// The picture or clip.
    pub name: String,
    /// Mean over its frames.
    pub mean: Scores,
    /// The frames, in order.
    pub frames: Vec<Scores>,
}

/// One cut-out in all versions.
#[derive(Clone, Debug)]
pub struct SampleSet {
    /// The picture or clip.
    pub item: String,
    /// The reference, then one per method.
    pub versions: Vec<(String, Sample)>,
}
