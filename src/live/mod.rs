//! Live: frames are taken as they come and shown larger and smoother at a steady rate, without falling behind.

mod controls;
mod output;
mod statistics;
#[cfg(feature = "window")]
pub mod window;

pub use controls::Controls;
pub use output::{Output, Shown, ShownContent};
pub use statistics::{LiveStatistics, OutputCount, Percentiles, SourceState, StageLatency, StatisticsBoard};

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
