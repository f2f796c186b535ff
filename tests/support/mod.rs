//! Clips made from FFmpeg's own sources, the program, and what `ffprobe` says about files.

#![allow(dead_code, unused_imports, reason = "each test program uses a part")]

mod card;
mod clip;
mod probe;

pub(crate) use card::GreyCard;
#[cfg(feature = "gpu")]
pub(crate) use card::card_with_kernels;
pub(crate) use clip::{clip, derived, ffmpeg, rotated, scratch, text_file};
pub(crate) use probe::{
    Fraction, Probe, agree, decoded_hash, fraction, frame_times, packet_times, psnr, raw, start_time,
    stream_hashes, texts,
};

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

/// How the program ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Outcome {
    /// The last JSON line on standard output.
    pub(crate) fn summary(&self) -> Value {
        let text = String::from_utf8(self.stdout.clone()).unwrap();
        let last = text.lines().last().unwrap_or_else(|| panic!("no output; {}", self.stderr));
        serde_json::from_str(last).unwrap()
    }
}

/// The program with CPU kernels and no other provider than ONNX Runtime's own, so that a test does not depend on a GPU or
/// on what is installed.
pub(crate) fn program() -> Command {
    program_with("cpu")
}

/// As [`program`], with other kernels.
pub(crate) fn program_with(kernels: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framecast"));
    command.env("FRAMECAST_PROVIDERS", "").args(["run", "--kernels", kernels]);
    command
}

/// Runs `framecast run -i INPUT -o OUTPUT` with further options, separated by blanks.
pub(crate) fn run(input: &Path, output: &Path, options: &str) -> Outcome {
    let mut command = program();
    command.arg("-i").arg(input).arg("-o").arg(output).args(options.split_whitespace());
    outcome(&mut command)
}

/// As [`run`], and checks that it succeeded and that the output can be decoded without a complaint.
pub(crate) fn succeed(input: &Path, output: &Path, options: &str) -> Outcome {
    let result = run(input, output, options);
    assert_eq!(result.code, Some(0), "{}: {}", input.display(), result.stderr);
    let check = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-xerror", "-i"])
        .arg(output)
        .args(["-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"])
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&check.stderr).into_owned();
    assert!(check.status.success() && complaint.is_empty(), "{}: {complaint}", output.display());
    result
}

/// As [`run`], and checks the exit code, the line that tells why, and that no file is left in the output's folder.
pub(crate) fn refuse(input: &Path, output: &Path, options: &str, code: i32) -> String {
    let result = run(input, output, options);
    assert_eq!(result.code, Some(code), "{}: {}", input.display(), result.stderr);
    let message = result.stderr.lines().last().unwrap_or_default().to_owned();
    assert!(message.starts_with("framecast: error: "), "{message}");
    assert!(!message.contains("panicked") && !message.contains("defect"), "{message}");
    assert_nothing_in(output.parent().unwrap());
    message
}

/// What `framecast doctor --json` says, without other providers than ONNX Runtime's own.
pub(crate) fn doctor() -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framecast"));
    let output = command.args(["doctor", "--json"]).env("FRAMECAST_PROVIDERS", "").output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Checks that a folder holds no file, under a final name or a temporary one.
pub(crate) fn assert_nothing_in(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let left: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?} is left in {}", folder.display());
}

/// Runs a command to its end.
pub(crate) fn outcome(command: &mut Command) -> Outcome {
    let output = command.stdin(Stdio::null()).output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
