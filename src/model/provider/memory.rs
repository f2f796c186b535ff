//! What trials found, kept from run to run in the user's cache folder.

use super::append::{Placement, shape_text};
use super::choice::Question;
use super::libraries::{folder, plugin};
use super::nvidia::nvidia_cards;
use super::{Precision, Provider};
use crate::model::store::user_cache_folder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Choices by [`key`].
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Memory(BTreeMap<String, Remembered>);

/// The result of a trial.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Remembered {
    provider: String,
    index: Option<u32>,
    precision: String,
    /// What was tried: provider and precision, and milliseconds or what is wrong.
    tried: Vec<(String, Result<f64, String>)>,
}

impl Remembered {
    pub(super) fn new(chosen: Placement, tried: &[(Placement, Result<Duration, String>)]) -> Self {
        let told = |(placement, result): &(Placement, Result<Duration, String>)| {
            let milliseconds = result.clone().map(|time| time.as_secs_f64() * 1e3);
            (format!("{} {}", placement.provider, placement.precision), milliseconds)
        };
        Self {
            provider: chosen.provider.name().into(),
            index: chosen.index,
            precision: chosen.precision.name().into(),
            tried: tried.iter().map(told).collect(),
        }
    }

    fn find_placement(&self) -> Option<Placement> {
        Some(Placement {
            provider: Provider::ALL.into_iter().find(|provider| provider.name() == self.provider)?,
            index: self.index,
            precision: Precision::ALL.into_iter().find(|precision| precision.name() == self.precision)?,
        })
    }

    pub(super) fn placement(&self) -> Placement {
        self.find_placement().unwrap_or(Placement::CPU)
    }

    /// "openvino bf16 6.9 ms, cpu fp32 38.2 ms; webgpu fp32: offers no device".
    pub(super) fn times_text(&self) -> String {
        let times = self.tried.iter().filter_map(|(what, result)| {
            let milliseconds = result.as_ref().ok()?;
            Some(format!("{what} {milliseconds:.1} ms"))
        });
        let problems = self.tried.iter().filter_map(|(what, result)| {
            let problem = result.as_ref().err()?;
            Some(if problem.starts_with(what) { problem.clone() } else { format!("{what}: {problem}") })
        });
        let parts = [times.collect::<Vec<_>>().join(", "), problems.collect::<Vec<_>>().join("; ")];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
    }
}

impl Memory {
    /// What is remembered; nothing where the file is missing or damaged.
    pub(super) fn read() -> Self {
        let text = path().and_then(|path| std::fs::read_to_string(path).ok());
        let mut memory: Self = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        memory.0.retain(|_, remembered| remembered.find_placement().is_some());
        memory
    }

    pub(super) fn get(&self, key: &str) -> Option<&Remembered> {
        self.0.get(key)
    }

    /// Remembers one more. A run goes on where that fails: it would be tried again.
    pub(super) fn store(key: &str, found: &Remembered) {
        let Some(path) = path() else { return };
        let mut memory = Self::read();
        memory.0.insert(key.into(), found.clone());
        let written = || -> std::io::Result<()> {
            let folder = path.parent().unwrap_or_else(|| std::path::Path::new("."));
            std::fs::create_dir_all(folder)?;
            let file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer_pretty(&file, &memory)?;
            file.persist(&path)?;
            Ok(())
        };
        if let Err(error) = written() {
            tracing::debug!("{} could not be written: {error}", path.display());
        }
    }
}

fn path() -> Option<PathBuf> {
    Some(user_cache_folder()?.join("devices.json"))
}

/// Everything that a trial depends on, as a name that is short enough for a file.
pub(super) fn key(question: &Question<'_>, candidates: &[Placement]) -> String {
    let model = &question.model.manifest;
    let network: Vec<u8> = Sha256::digest(&question.model.network).to_vec();
    let library = question.runtime.library().map(file_size);
    let plugins: Vec<_> = Provider::ALL.into_iter().filter_map(plugin).map(|path| file_size(&path)).collect();
    let cuda = folder(Provider::Cuda);
    let cards: Vec<(String, String)> =
        nvidia_cards().unwrap_or_default().into_iter().map(|card| (card.uuid, card.driver)).collect();
    let shape = shape_text([1, question.shape[0], question.shape[1], question.shape[2]]);
    let all = (
        network,
        (question.execution.device, question.execution.precision),
        question.threads,
        candidates,
        library,
        plugins,
        cuda,
        cards,
        processor(),
    );
    let digest = Sha256::digest(format!("{all:?}"));
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{} {shape} {digest}", model.name)
}

/// A library that was replaced has another size, as a rule.
fn file_size(path: &std::path::Path) -> (PathBuf, u64) {
    (path.to_path_buf(), path.metadata().map_or(0, |metadata| metadata.len()))
}

/// Name of the processor; empty where the system does not tell.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(':')).map_or(String::new(), |(_, name)| name.trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_reads_as_it_was_written() {
        let chosen = Placement { provider: Provider::OpenVino, index: Some(1), precision: Precision::Bf16 };
        let cpu = Placement::CPU;
        let webgpu = Placement { provider: Provider::WebGpu, index: None, precision: Precision::Fp32 };
        let tried = [
            (chosen, Ok(Duration::from_micros(6500))),
            (cpu, Ok(Duration::from_micros(38500))),
            (webgpu, Err("webgpu offers no device on this machine".into())),
        ];
        let remembered = Remembered::new(chosen, &tried);
        let again: Remembered = serde_json::from_str(&serde_json::to_string(&remembered).unwrap()).unwrap();
        assert_eq!(again, remembered);
        assert_eq!(again.placement(), chosen);
        assert_eq!(
            again.times_text(),
            "openvino bf16 6.5 ms, cpu fp32 38.5 ms; webgpu fp32: webgpu offers no device on this machine"
        );
    }
}
