//! `framecast models`: listing, fetching, checking and removing models.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod home;
mod import;
mod interrupt;
mod list;
mod packages;
mod server;
mod url;
