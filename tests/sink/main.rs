//! What a sink writes, as ffprobe and ffmpeg read it back.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod files;
mod pixels;
mod streams;
mod support;
mod time;
