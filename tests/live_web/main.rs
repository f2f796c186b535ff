//! The page of a live run: who may see it, what it tells, and that its pictures are the right ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests fail loudly, and a skipped test says why"
)]

#[path = "../common/pixels.rs"]
mod pixels;

mod access;
mod browser;
mod chromium;
mod client;
mod colours;
mod page;
mod streams;
