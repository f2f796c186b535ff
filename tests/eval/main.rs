//! `framecast eval`: metrics against independent ones, protocols, reports, and how it refuses.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod camera;
mod ffmpeg;
mod known;
mod motion;
mod pictures;
mod protocol;
mod refusals;
mod report;

use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// `framecast eval` with CPU kernels and options, separated by blanks.
fn eval(options: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framecast"));
    command.arg("eval").args(options.split_whitespace());
    command
}

/// The JSON of `framecast eval OPTIONS --json --reference REFERENCE`.
fn scores(options: &str, reference: &Path) -> Value {
    let outcome = support::outcome(eval(options).arg("--json").arg("--reference").arg(reference));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    outcome.summary()
}

/// The JSON of `framecast eval --task metrics`.
fn compared(input: &Path, reference: &Path, options: &str) -> Value {
    let outcome = support::outcome(
        eval("--task metrics --json -i")
            .arg(input)
            .arg("--reference")
            .arg(reference)
            .args(options.split_whitespace()),
    );
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    outcome.summary()
}

/// The mean scores of a row of the first table.
fn mean<'a>(report: &'a Value, method: &str) -> &'a Value {
    let rows = report["tables"][0]["rows"].as_array().unwrap();
    &rows.iter().find(|row| row["method"] == method).unwrap_or_else(|| panic!("no row {method}"))["mean"]
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn assert_near(found: &Value, expected: f64, tolerance: f64) {
    assert!((number(found) - expected).abs() <= tolerance, "found {found}, expected {expected}");
}
