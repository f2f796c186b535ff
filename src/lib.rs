//! framecast makes video larger and smoother: generator networks in ONNX super-resolve every frame, and frames between those of
//! the source are made of motion.
//!
//! What programs begin with: [`engine::run`] for a file or stream, as `framecast run` does it; [`engine::Engine`] for frames of
//! their own; [`engine::Predictor`] for the next frame and how sure it is; [`live::Live`] for cameras and what else must not wait;
//! [`media::Source`] and [`media::Sink`] to read and write video only.
//!
//! ```no_run
//! use framecast::config::{RunConfig, Target};
//! use framecast::engine::run;
//! use framecast::media::Interrupt;
//!
//! # fn main() -> Result<(), framecast::error::Error> {
//! let mut config = RunConfig { input: "in.mp4".into(), output: "out.mp4".into(), ..RunConfig::default() };
//! config.processing.target = Target::Within { width: 1920, height: 1080 };
//! config.processing.motion.rate = "60".parse()?;
//! // A clone of it, triggered by any thread, ends the run early with a playable file.
//! let interrupt = Interrupt::default();
//! let summary = run(&config, interrupt.clone(), Box::new(|progress| println!("{} frames", progress.frames)))?;
//! println!("{} frames, {:.1} a second", summary.sink.frames, summary.frames_per_second);
//! # Ok(())
//! # }
//! ```
//!
//! Of the whole process are: the ONNX Runtime library, which is loaded once, and reports its use unless the program says otherwise
//! ([`model::Runtime::load`]); the level of FFmpeg's log, which is lowered to fatal errors unless the program has set one.
//!
//! Arrows point down only: `cli` → [`quality`] → [`engine`] → [`pipeline`] → [`stage`] → [`kernel`], [`model`],
//! [`media`] → [`mod@frame`] → [`error`]. Nothing below `pipeline` starts a thread.

pub mod cleanup;
pub mod config;
pub mod doctor;
pub mod engine;
pub mod error;
pub mod frame;
pub mod kernel;
pub mod live;
pub mod media;
pub mod model;
pub mod pipeline;
pub mod quality;
pub mod stage;
