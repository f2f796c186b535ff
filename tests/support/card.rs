//! A pretended CUDA card for FFmpeg, see `grey_card.c`.

use super::{Outcome, outcome, program_with, scratch};
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A folder with the driver of a card, what it tells of its copies to and from host memory, and what of it fails.
pub(crate) struct GreyCard {
    driver: TempDir,
    log: Option<PathBuf>,
    fails: &'static str,
}

impl GreyCard {
    /// Builds the driver; `None`, with the reason, where that is not possible or this FFmpeg does not take it.
    pub(crate) fn new() -> Result<Self, String> {
        if !cfg!(target_os = "linux") {
            return Err("FFmpeg looks for CUDA in another way here".to_owned());
        }
        let card = Self { driver: scratch(), log: None, fails: "" };
        let driver = card.path("libcuda.so.1");
        let problem = compile(&driver, &["grey_card.c", "grey_memory.c"])?;
        assert!(problem.is_empty(), "{problem}");
        std::fs::copy(&driver, card.path("libnvcuvid.so.1")).unwrap();
        match card.is_taken() {
            true => Ok(card),
            false => Err("this FFmpeg does not take the pretended driver".to_owned()),
        }
    }

    /// The same card with an encoder of H.264; `None`, with the reason, where it cannot be built.
    pub(crate) fn with_encoder(self) -> Result<Self, String> {
        let problem = compile(&self.path("libnvidia-encode.so.1"), &["grey_encoder.c"])?;
        if problem.contains("nvEncodeAPI.h: No such file") {
            return Err("nvEncodeAPI.h is not installed (libffmpeg-nvenc-dev)".to_owned());
        }
        assert!(problem.is_empty(), "{problem}");
        Ok(self)
    }

    /// The same card, which writes a byte to `log` for each plane that is copied to host memory (`.`), and from there (`^`).
    pub(crate) fn logging(self, log: &Path) -> Self {
        Self { log: Some(log.to_owned()), ..self }
    }

    /// The same card, of which something fails: `copies`, `downloads`, `exports` or `encoder`.
    pub(crate) fn failing(self, what: &'static str) -> Self {
        Self { fails: what, ..self }
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
        let result = self.try_with(kernels, makes, input, output, options);
        assert_eq!(result.code, Some(0), "{makes} {}: {}", input.display(), result.stderr);
        result
    }

    /// As [`GreyCard::run_with`], whether it succeeds or not.
    pub(crate) fn try_with(
        &self,
        kernels: &str,
        makes: &str,
        input: &Path,
        output: &Path,
        options: &str,
    ) -> Outcome {
        let mut command = program_with(kernels);
        command.env("LD_LIBRARY_PATH", self.libraries()).env("GREY_CARD", makes);
        command.env("GREY_CARD_FAILS", self.fails);
        command.envs(self.log.iter().map(|log| ("GREY_CARD_LOG", log)));
        command.arg("-i").arg(input).arg("-o").arg(output).args(options.split_whitespace());
        outcome(&mut command)
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

/// Makes a library of sources in this folder; returns what the compiler complains of, or why there is none.
fn compile(library: &Path, sources: &[&str]) -> Result<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(library);
    compiler.args(sources.iter().map(|source| folder.join(source)));
    let built = compiler.output().map_err(|error| format!("there is no C compiler ({error})"))?;
    let problem = String::from_utf8_lossy(&built.stderr).into_owned();
    Ok(if built.status.success() { String::new() } else { problem })
}

/// A card whose memory the only adapter, software Vulkan, can be given to read; or why there is none.
#[cfg(feature = "gpu")]
pub(crate) fn card_with_kernels() -> Result<GreyCard, String> {
    let reports = framecast::kernel::gpu::interop_reports();
    let lacks_only_the_driver = |reason: &String| reason.starts_with("CUDA's driver");
    match reports.as_slice() {
        [report] if report.cuda.as_ref().is_err_and(lacks_only_the_driver) => GreyCard::new(),
        _ => Err(format!("expected software Vulkan alone, found {reports:?}")),
    }
}
