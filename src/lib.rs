//! framecast makes video larger while it plays: generator networks in ONNX super-resolve every frame.
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
