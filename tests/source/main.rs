//! Reading: what a source delivers is compared with what FFmpeg's own tools say of the same clip.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;
mod delay;
mod errors;
mod fields;
mod pictures;
mod pixels;
mod read;
mod streams;
mod times;
mod trim;
