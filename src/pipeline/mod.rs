//! The threads: decode, upscale, compose, encode, joined by bounded channels.

mod stats;

pub use stats::{Progress, StageTime, Summary};
