//! Live: frames are taken as they come and shown larger and smoother at a steady rate, without falling behind.

mod backlog;
mod capture;
mod companions;
mod conductor;
mod config;
mod controls;
mod delay;
mod director;
mod drift;
mod encoded;
mod enlarge;
mod governor;
mod http;
mod level;
mod metrics;
mod motion;
mod output;
mod outputs;
mod parts;
mod phase;
mod pictures;
mod present;
mod run;
mod statistics;
mod timeline;
mod web;
#[cfg(feature = "window")]
pub mod window;

#[cfg(test)]
mod tests;

pub use conductor::LiveObserver;
pub use config::{LiveConfig, LiveOutput};
pub use controls::Controls;
pub use level::{EnlargingLevel, LeftOut, Level, MotionLevel};
pub use metrics::{MetricsServer, metrics_text};
pub use output::{Output, Shown, ShownContent};
pub use run::Live;
pub use statistics::{LiveStatistics, OutputCount, Percentiles, SourceState, StageLatency, StatisticsBoard};
pub use web::WebOutput;

use crate::frame::{Rational, TimeBase};
use crate::stage::Geometry;

/// What outputs are given.
#[derive(Clone, Debug)]
pub struct LiveFormat {
    /// Geometry of the pictures shown.
    pub shown: Geometry,
    /// Geometry of the frames captured.
    pub source: Geometry,
    /// Shape of a sample (width/height) of both; 0/1 if unknown.
    pub sample_aspect_ratio: Rational,
    /// Time base of the time stamps of pictures shown.
    pub time_base: TimeBase,
    /// Pictures a second.
    pub frame_rate: Rational,
}
