//! A pretended CUDA card for FFmpeg, see `grey_card.c`.

use super::{Outcome, outcome, program_with, scratch};
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A folder with the driver of a card, and what it tells of its copies to host memory.
pub(crate) struct GreyCard {
    driver: TempDir,
    log: Option<PathBuf>,
}

impl GreyCard {
    /// Builds the driver; `None`, with the reason, where that is not possible or this FFmpeg does not take it.
    pub(crate) fn new() -> Result<Self, String> {
        if !cfg!(target_os = "linux") {
            return Err("FFmpeg looks for CUDA in another way here".to_owned());
        }
        let card = Self { driver: scratch(), log: None };
        let driver = card.path("libcuda.so.1");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-o"]).arg(&driver);
        compiler.args(["grey_card.c", "grey_memory.c"].map(|source| folder.join(source)));
        let built = compiler.output().map_err(|error| format!("there is no C compiler ({error})"))?;
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        std::fs::copy(&driver, card.path("libnvcuvid.so.1")).unwrap();
        match card.is_taken() {
            true => Ok(card),
            false => Err("this FFmpeg does not take the pretended driver".to_owned()),
        }
    }

    /// The same card, which writes a byte to `log` for each plane that is copied to host memory.
    pub(crate) fn logging(self, log: &Path) -> Self {
        Self { log: Some(log.to_owned()), ..self }
    }

    /// As [`super::run`] on a machine with the card; `makes` is what it makes of video: `lacks`, `fails`, `ramps` or `grey`.
    pub(crate) fn run(&self, makes: &str, input: &Path, output: &Path, options: &str) -> Outcome {
        self.run_with("cpu", makes, input, output, options)
    }

    /// As [`GreyCard::run`], with other kernels.
    pub(crate) fn run_with(
        &self,
        kernels: &str,
        makes: &str,
        input: &Path,
        output: &Path,
        options: &str,
    ) -> Outcome {
        let mut command = program_with(kernels);
        command.env("LD_LIBRARY_PATH", self.libraries()).env("GREY_CARD", makes);
        command.envs(self.log.iter().map(|log| ("GREY_CARD_LOG", log)));
        command.arg("-i").arg(input).arg("-o").arg(output).args(options.split_whitespace());
        let result = outcome(&mut command);
        assert_eq!(result.code, Some(0), "{makes} {}: {}", input.display(), result.stderr);
        result
    }

    /// The driver's folder before those where libraries are found already.
    fn libraries(&self) -> OsString {
        let mut folders = self.driver.path().as_os_str().to_owned();
        if let Some(known) = std::env::var_os("LD_LIBRARY_PATH") {
            folders.push(":");
            folders.push(known);
        }
        folders
    }

    fn path(&self, name: &str) -> PathBuf {
        self.driver.path().join(name)
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
