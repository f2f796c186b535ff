//! The pixel kernels of every backend against a plain double-precision reference.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod agreement;
mod blend;
mod pack;
mod reference;
mod resample;
mod support;
mod unpack;
