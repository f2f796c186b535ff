//! A pretended CUDA card for FFmpeg, see `grey_card.c`.

use super::{Outcome, outcome, program, scratch};
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A folder with the driver of a card whose pictures are all grey.
pub(crate) struct GreyCard(TempDir);

impl GreyCard {
    /// Builds the driver; `None`, with the reason, where that is not possible or this FFmpeg does not take it.
    pub(crate) fn new() -> Result<Self, String> {
        if !cfg!(target_os = "linux") {
            return Err("FFmpeg looks for CUDA in another way here".to_owned());
        }
        let card = Self(scratch());
        let driver = card.path("libcuda.so.1");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/grey_card.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-o"]).arg(&driver).arg(source);
        let built = compiler.output().map_err(|error| format!("there is no C compiler ({error})"))?;
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        std::fs::copy(&driver, card.path("libnvcuvid.so.1")).unwrap();
        match card.is_taken() {
            true => Ok(card),
            false => Err("this FFmpeg does not take the pretended driver".to_owned()),
        }
    }

    /// As [`super::run`] on a machine with the card; `makes` is what it makes of video: `lacks`, `fails` or `grey`.
    pub(crate) fn run(&self, makes: &str, input: &Path, output: &Path, options: &str) -> Outcome {
        let mut command = program();
        command.env("LD_LIBRARY_PATH", self.libraries()).env("GREY_CARD", makes);
        command.arg("-i").arg(input).arg("-o").arg(output).args(options.split_whitespace());
        let result = outcome(&mut command);
        assert_eq!(result.code, Some(0), "{makes} {}: {}", input.display(), result.stderr);
        result
    }

    /// The driver's folder before those where libraries are found already.
    fn libraries(&self) -> OsString {
        let mut folders = self.0.path().as_os_str().to_owned();
        if let Some(known) = std::env::var_os("LD_LIBRARY_PATH") {
            folders.push(":");
            folders.push(known);
        }
        folders
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn is_taken(&self) -> bool {
        let mut command = Command::new(env!("CARGO_BIN_EXE_framecast"));
        command.args(["doctor", "--json"]).env("FRAMECAST_PROVIDERS", "");
        let result = outcome(command.env("LD_LIBRARY_PATH", self.libraries()));
        let report: Value = serde_json::from_slice(&result.stdout).unwrap();
        let hardware = report["hardware"].as_array().unwrap();
        hardware.iter().any(|kind| kind["name"] == "cuda" && kind["working"] == true)
    }
}
