//! Where compiled engines are kept from run to run: an engine fits one network, shape, precision, software and card only.

use super::append::{Placement, SessionPlan, shape_text};
use super::libraries::folder;
use super::nvidia::nvidia_cards;
use super::{Precision, Provider};
use crate::model::store::user_cache_folder;
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// All that an engine depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    /// SHA-256 of the ONNX file.
    network: String,
    /// Input name and shape.
    input: String,
    precision: Precision,
    provider: Provider,
    /// File names of the provider's libraries, which hold their versions.
    libraries: Vec<String>,
    /// Of the card: driver version, compute capability and name.
    card: Option<[String; 3]>,
}

impl Key {
    /// 32 hexadecimal digits: a name for a folder.
    fn digest(&self) -> String {
        let mut text =
            Sha256::digest(format!("{self:?}")).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        text.truncate(32);
        text
    }
}

/// The folder for the engine of one session.
#[derive(Debug)]
pub(super) struct EngineCache(Option<PathBuf>);

impl EngineCache {
    /// Below the user's cache folder; none where that cannot be written.
    pub(super) fn new(plan: &SessionPlan<'_>, placement: Placement) -> Self {
        let key = Key {
            network: Sha256::digest(plan.network).iter().map(|byte| format!("{byte:02x}")).collect(),
            input: format!("{}:{}", plan.input.0, shape_text(plan.input.1)),
            precision: placement.precision,
            provider: placement.provider,
            libraries: [Provider::Cuda, placement.provider].into_iter().flat_map(library_names).collect(),
            card: card(placement.index.unwrap_or_default()),
        };
        let folder = user_cache_folder().map(|cache| cache.join("engines").join(key.digest()));
        Self(folder.filter(|folder| std::fs::create_dir_all(folder).is_ok()))
    }

    pub(super) fn folder(&self) -> Option<String> {
        self.0.as_ref().map(|folder| folder.display().to_string())
    }
}

fn library_names(provider: Provider) -> Vec<String> {
    let entries = folder(provider).and_then(|folder| std::fs::read_dir(folder).ok());
    let mut names: Vec<String> = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn card(index: u32) -> Option<[String; 3]> {
    let card = nvidia_cards().ok()?.into_iter().find(|card| card.index == index)?;
    let (major, minor) = card.compute_capability;
    Some([card.driver, format!("{major}.{minor}"), card.name])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key {
            network: "ab".into(),
            input: "x:1x4x540x960".into(),
            precision: Precision::Fp16,
            provider: Provider::TensorRt,
            libraries: vec!["libnvinfer.so.10.13.0".into()],
            card: Some(["580.1".into(), "9.0".into(), "H100".into()]),
        }
    }

    #[test]
    fn whatever_an_engine_depends_on_gives_another_folder() {
        let others = [
            Key { network: "ac".into(), ..key() },
            Key { input: "x:1x4x540x961".into(), ..key() },
            Key { precision: Precision::Fp32, ..key() },
            Key { provider: Provider::TensorRtRtx, ..key() },
            Key { libraries: vec!["libnvinfer.so.10.14.0".into()], ..key() },
            Key { card: Some(["581.0".into(), "9.0".into(), "H100".into()]), ..key() },
            Key { card: Some(["580.1".into(), "8.9".into(), "H100".into()]), ..key() },
            Key { card: None, ..key() },
        ];
        let mut digests: Vec<String> = others.iter().map(Key::digest).collect();
        digests.push(key().digest());
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), 9);
        assert_eq!(key().digest(), key().digest());
        assert!(key().digest().len() == 32 && key().digest().bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
