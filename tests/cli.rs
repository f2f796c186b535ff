//! The command line: what it declares and how it refuses.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use assert_cmd::Command;
use std::process::Output;

const FLAGS: [&str; 36] = [
    "--input",
    "--output",
    "--overwrite",
    "--format",
    "--input-format",
    "--output-format",
    "--video-size",
    "--rate",
    "--input-pix-fmt",
    "--input-option",
    "--start",
    "--duration",
    "--map",
    "--strict",
    "--deinterlace",
    "--upscale",
    "--model",
    "--model-arg",
    "--detail",
    "--device",
    "--kernels",
    "--threads",
    "--tile",
    "--dither",
    "--ort-lib",
    "--codec",
    "--crf",
    "--preset",
    "--pix-fmt",
    "--encoder-opt",
    "--muxer-opt",
    "--no-subtitles",
    "--no-audio",
    "--no-data",
    "--no-attachments",
    "--json",
];

fn framecast(arguments: &[&str]) -> Output {
    Command::cargo_bin("framecast").unwrap().args(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn help_lists_every_flag_and_the_exit_codes() {
    let output = framecast(&["run", "--help"]);
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    for flag in FLAGS.iter().chain(&["-i,", "-o,", "-y,", "-f,", "--quiet", "--verbose"]) {
        assert!(help.contains(flag), "{flag} is missing in\n{help}");
    }
    for text in ["Exit codes", "130", "FRAMECAST_LOG"] {
        assert!(help.contains(text), "{text} is missing in\n{help}");
    }
}

#[test]
fn each_flag_says_its_default_or_that_it_is_needed() {
    let output = framecast(&["run", "--help"]);
    let help = String::from_utf8(output.stdout).unwrap();
    let flag_starts = |line: &str| line.trim_start().starts_with("--") || line.trim_start().starts_with('-');
    let mut entries: Vec<String> = Vec::new();
    for line in help.lines() {
        if line.starts_with("  ") && flag_starts(line) {
            entries.push(String::new());
        }
        if let Some(entry) = entries.last_mut() {
            entry.push_str(line);
            entry.push('\n');
        }
    }
    let needs_none = ["--help", "--input <", "--output <"];
    for entry in entries.iter().filter(|entry| !needs_none.iter().any(|name| entry.contains(name))) {
        assert!(entry.to_lowercase().contains("default"), "no default told in\n{entry}");
    }
}

#[test]
fn wrong_values_exit_with_2_and_name_what_is_legal() {
    for (arguments, legal) in [
        (vec!["--upscale", "9"], "a whole factor from 1 to 8"),
        (vec!["--upscale", "-1"], "a whole factor from 1 to 8"),
        (vec!["--threads", "0"], "expected 1 to 1024"),
        (vec!["--threads", "x"], "expected 1 to 1024"),
        (vec!["--tile", "63"], "expected 64 to 8192"),
        (vec!["--tile", "-5"], "expected 64 to 8192"),
        (vec!["--deinterlace", "maybe"], "auto, on, off"),
        (vec!["--device", "toaster"], "auto, cpu"),
        (vec!["--kernels", "toaster"], "auto, cpu, gpu"),
        (vec!["--start", "-1"], "[HH:]MM:SS"),
        (vec!["--duration", "0"], "more than 0"),
        (vec!["--rate", "25/0"], "30000/1001"),
        (vec!["--video-size", "640"], "WIDTHxHEIGHT"),
        (vec!["--encoder-opt", "bframes"], "NAME=VALUE"),
        (vec!["--crf", "low"], "expected a number"),
        (vec!["--json", "--quiet"], "cannot be used with"),
        (vec!["-f", "nut", "-f", "y4m"], "twice"),
        (vec!["--output-format", "nut", "-f", "y4m"], "--output-format and -f"),
        (vec!["--no-such-flag"], "--no-such-flag"),
    ] {
        let output = framecast(&[&["run", "-i", "in.mp4", "-o", "out.mp4"], &arguments[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(legal), "{arguments:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_missing_side_is_wrong_usage() {
    for arguments in [&["run", "-i", "a.mp4"][..], &["run", "-o", "b.mp4"], &["run"], &[]] {
        let output = framecast(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn an_error_is_one_line_without_a_backtrace() {
    let output = framecast(&["run", "-i", "no-such-file.mp4", "-o", "never.mp4"]);
    let message = stderr(&output);
    assert!(!output.status.success());
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.starts_with("framecast: error: "), "{message}");
}

#[test]
fn a_json_error_is_an_event_on_standard_output() {
    let output = framecast(&["run", "-i", "no-such-file.mp4", "-o", "never.mp4", "--json"]);
    let event: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(event["event"], "error");
    assert_eq!(event["exit_code"].as_i64(), output.status.code().map(i64::from));
    assert!(stderr(&output).starts_with("framecast: error: "));
}

#[test]
fn wrong_usage_is_a_json_event_too() {
    for (wrong, part) in [(["--fps", "foo"], "--fps"), (["--no-such-flag", "1"], "--no-such-flag")] {
        let output = framecast(&[&["run", "-i", "a", "-o", "b", "--json"], &wrong[..]].concat());
        let event: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let message = event["message"].as_str().unwrap();
        assert_eq!((event["event"].as_str(), event["exit_code"].as_i64()), (Some("error"), Some(2)));
        assert!(message.contains(part) && !message.contains("Usage"), "{message}");
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(part));
    }
    let output = framecast(&["run", "-i", "a", "-f", "nut", "-o", "-", "--json", "--fps", "foo"]);
    let event: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!((event["event"].as_str(), output.stdout.len()), (Some("error"), 0));
}

#[test]
#[cfg(unix)]
fn a_name_that_is_no_text_is_named() {
    use std::os::unix::ffi::OsStrExt;
    let name = std::ffi::OsStr::from_bytes(b"a\xff.mp4");
    for arguments in [["-o", "never.mp4", "-i"], ["-i", "no-such-file.mp4", "-o"]] {
        let mut command = Command::cargo_bin("framecast").unwrap();
        let output = command.arg("run").args(arguments).arg(name).arg("--json").output().unwrap();
        let event: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let message = event["message"].as_str().unwrap();
        assert!(message.contains("\"a\\xFF.mp4\" is not UTF-8") && message.contains("< FILE"), "{message}");
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
    }
}

#[test]
fn a_json_error_is_an_event_on_standard_error_when_the_video_is_piped() {
    let output = framecast(&["run", "-i", "no-such-file.mp4", "-f", "nut", "-o", "-", "--json"]);
    assert!(output.stdout.is_empty());
    let event: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(event["event"], "error");
}

/// What writes all that it was asked for to standard output.
const ANSWERS: [&[&str]; 8] = [
    &["--version"],
    &["--help"],
    &["models", "--help"],
    &["models", "list"],
    &["models", "list", "--json"],
    &["models", "info", "nano-x2"],
    &["devices"],
    &["doctor", "--json"],
];

#[test]
fn an_answer_that_cannot_be_written_is_no_success() {
    for arguments in ANSWERS {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let program = std::process::Command::new(env!("CARGO_BIN_EXE_framecast"))
            .args(arguments)
            .stdout(full)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let output = program.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{arguments:?}");
        let errors = stderr(&output);
        assert!(errors.contains("error: standard output: cannot be written"), "{arguments:?}: {errors}");
    }
}

#[test]
fn a_summary_that_cannot_be_written_is_no_success_but_the_video_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    for (command, name) in [("run", "run.mkv"), ("live", "live.mkv")] {
        let video = folder.path().join(name);
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_framecast"))
            .args([command, "--json", "--kernels", "cpu", "--upscale", "1", "--codec", "ffv1"])
            .args(["-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=0.5", "-o"])
            .arg(&video)
            .stdout(full)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        let errors = stderr(&output);
        assert_eq!(output.status.code(), Some(4), "{command}: {errors}");
        assert!(errors.contains("error: standard output: cannot be written"), "{command}: {errors}");
        assert!(std::fs::metadata(&video).unwrap().len() > 1000, "{command}");
    }
}

#[test]
fn a_reader_that_went_away_has_what_it_wanted() {
    for arguments in ANSWERS {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_framecast"));
        let status = program.args(arguments).stdout(writer).status().unwrap();
        assert_eq!(status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn a_filter_of_the_log_that_is_none_is_told() {
    let list = |filter: &str| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_framecast"));
        stderr(&program.args(["models", "list"]).env("FRAMECAST_LOG", filter).output().unwrap())
    };
    let told = list("framecast=loud");
    assert!(
        told.contains("FRAMECAST_LOG is not heeded") && told.contains("expected for example info"),
        "{told}"
    );
    assert_eq!(list("framecast=error"), "");
}
