//! The pixel kernels of every backend against a plain double-precision reference.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unimplemented,
    clippy::print_stderr,
    reason = "helpers of tests fail loudly, and a skipped test says why"
)]

mod agreement;
mod blend;
mod compose;
mod image;
mod pack;
mod reference;
mod resample;
mod shrink;
mod soften;
mod still;
mod support;
mod unpack;
