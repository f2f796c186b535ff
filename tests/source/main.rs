//! Reading: what a source delivers is compared with what FFmpeg's own tools say of the same clip.

#[path = "../common/mod.rs"]
mod common;
mod errors;
mod fields;
mod pictures;
mod pixels;
mod read;
mod streams;
mod times;
mod trim;
