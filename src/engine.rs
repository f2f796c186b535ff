//! The engine: what the command line, and programs that embed framecast, use.
//!
//! [`run`] does a whole file or stream. [`Engine`] is for programs that have frames of their own: they push decoded
//! frames and pull enlarged ones.

use crate::config::ProcessingOptions;
use crate::error::{ConfigError, Error};
use crate::frame::{BufferPool, Color, Frame, PixelFormat, Rational};
use crate::media::Delivered;
use crate::pipeline::{Chain, Event, Plan, StageTime, SystemClock, start_chain};
use crossbeam_channel::{TryRecvError, TrySendError};
use std::sync::Arc;

pub use crate::pipeline::{Observer, run};

/// The frames that will be pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameSpec {
    /// Width in luma samples, 1 to 32768.
    pub width: u32,
    /// Height in luma samples, 1 to 32768.
    pub height: u32,
    /// Sample layout.
    pub format: PixelFormat,
    /// What the numbers mean.
    pub color: Color,
    /// Shape of a sample; 0/1 if unknown.
    pub sample_aspect_ratio: Rational,
}
