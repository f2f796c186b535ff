//! What a run says while it goes and when it ends.

use super::RateCount;
use crate::media::{SinkReport, SourceReport};
use crate::model::NetworkReport;
use std::time::Duration;

/// Time that one stage's threads spent.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct StageTime {
    /// `decode`, `steady`, `denoise` and `merge` (network, then the rest), `curves` and `enhance` (low light, as before), `style`
    /// and `paint` (as before), `pace`, `upscale`, `compose` or `encode`.
    pub stage: &'static str,
    /// Number of threads of the stage.
    pub threads: usize,
    /// Wall time spent working, summed over its threads.
    pub busy: Duration,
    /// Wall time spent waiting for input, summed over its threads.
    pub starved: Duration,
    /// Wall time spent waiting for room in the next stage's channel, summed over its threads.
    pub blocked: Duration,
}

/// A snapshot for progress displays.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Frames handed to the encoder.
    pub frames: u64,
    /// Estimated number of frames, if known.
    pub frame_estimate: Option<u64>,
    /// Wall time since the first stage started.
    pub elapsed: Duration,
    /// Frames per second over the last seconds.
    pub frames_per_second: f64,
    /// Media seconds per wall second.
    pub real_time_factor: f64,
    /// Estimated time left, if the number of frames is known.
    pub remaining: Option<Duration>,
    /// The stage whose threads are busiest.
    pub bottleneck: &'static str,
}

/// What happened in a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// What the source delivered and skipped.
    pub source: SourceReport,
    /// What the sink wrote.
    pub sink: SinkReport,
    /// Input width and height.
    pub input_size: (u32, u32),
    /// Output width and height.
    pub output_size: (u32, u32),
    /// Wall time of the run.
    pub elapsed: Duration,
    /// Frames out per wall second.
    pub frames_per_second: f64,
    /// Media seconds per wall second.
    pub real_time_factor: f64,
    /// Names of the models that ran, if any, in their order, joined by ` + `.
    pub model: Option<String>,
    /// What really ran the networks, for people, with the thread layout; `None` without a network.
    pub provider: Option<String>,
    /// The same for programs: provider and nodes of each network.
    pub networks: Vec<NetworkReport>,
    /// Name of the kernels' backend and device.
    pub kernels: String,
    /// Time per stage, in the order of the pipeline.
    pub stages: Vec<StageTime>,
    /// Wall time inside `session.run`, summed over threads.
    pub network_time: Duration,
    /// Share of the pixels, 0 to 1, that were copied from earlier outputs; `None` without a network or reuse.
    pub reused: Option<f64>,
    /// What the output's frames were made of; `None` at the source's frame rate.
    pub rate: Option<RateCount>,
    /// The stage whose threads were busiest.
    pub bottleneck: &'static str,
    /// Processor time of the whole process (user + system) during the run.
    pub processor_time: Duration,
    /// Largest resident size of the process, in bytes; 0 where the system does not tell.
    pub peak_memory: u64,
    /// Decisions worth telling the user (converted subtitles, changed pixel format, ...).
    pub notes: Vec<String>,
    /// True if the run was ended early by the user.
    pub interrupted: bool,
}
