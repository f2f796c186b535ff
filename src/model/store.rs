//! Where models come from: our own are part of the program, others are files.

use super::{Manifest, Runtime, zoo};
use crate::error::ModelError;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A model that is part of the program: manifest and network.
struct BuiltIn {
    name: &'static str,
    manifest: &'static str,
    network: &'static [u8],
}

/// The models in `models/` of these names.
macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        &[$(BuiltIn {
            name: $name,
            manifest: include_str!(concat!("../../models/", $name, ".toml")),
            network: include_bytes!(concat!("../../models/", $name, ".onnx")),
        }),*]
    };
}

const BUILT_IN: &[BuiltIn] = built_in![
    "live-x2-int8",
    "live-x2",
    "live-x2-camera",
    "nano-x2",
    "quality-x2",
    "detail-x2",
    "denoise-x1",
    "quality-x4",
    "detail-x4",
    "predict-live-int8",
    "predict-live",
    "interpolate-live",
];

/// Name of the model that runs when the user names none.
pub(crate) const DEFAULT_MODEL: &str = "live-x2-int8";
/// Enlarges by 2 in the least time.
pub(crate) const SMALL_MODEL: &str = "nano-x2";

/// Name of the model that runs when the user names none but asks for detail: weights of 8 bits cannot be mixed.
pub(crate) const DEFAULT_DETAILED_MODEL: &str = "live-x2";

/// What probing found, by name and SHA-256 of the network: it takes seconds, and evaluations open a model for every
/// picture.
static PROBED: Mutex<BTreeMap<(String, String), Manifest>> = Mutex::new(BTreeMap::new());

/// The bytes of an ONNX file.
pub type ModelFile = Cow<'static, [u8]>;

/// A manifest with its network, checked against each other.
#[derive(Clone)]
pub struct Model {
    /// What the network expects.
    pub manifest: Manifest,
    /// The ONNX file.
    pub network: ModelFile,
    /// Values of the network's arguments that the user set; the others have their defaults.
    pub arguments: BTreeMap<String, Vec<f64>>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Model({}, {} bytes)", self.manifest.name, self.network.len())
    }
}

impl Model {
    /// A model whose arguments have their defaults.
    pub const fn new(manifest: Manifest, network: ModelFile) -> Self {
        Self { manifest, network, arguments: BTreeMap::new() }
    }

    /// Finds a model by name (built in, or `NAME.toml` in the model folders) or by the path of its `.onnx`, whose
    /// manifest lies beside it with the ending `.toml`.
    pub fn find(name_or_path: &str) -> Result<Self, ModelError> {
        let path = Path::new(name_or_path);
        let is_path = path.extension().is_some_and(|ending| ending == "onnx" || ending == "toml");
        if is_path {
            let manifest = path.with_extension("toml");
            if !path.exists() && !manifest.exists() {
                return Err(ModelError::Model {
                    model: name_or_path.into(),
                    problem: "there is no such file".into(),
                    remedy: "check the path; models are given by name or as .onnx files".into(),
                });
            }
            return Self::read(&manifest, name_or_path);
        }
        if let Some(model) = built_in_named(name_or_path) {
            let manifest = Manifest::parse(model.manifest, model.name)?;
            let network = Cow::Borrowed(model.network);
            return Self::new(manifest, network).verified();
        }
        match installed_manifest(name_or_path) {
            Some(path) => Self::read(&path, name_or_path),
            None if zoo::find_available(name_or_path).is_some() => Err(ModelError::Model {
                model: name_or_path.into(),
                problem: "it is known, but not installed".into(),
                remedy: format!("fetch it: framecast models pull {name_or_path}"),
            }),
            None => Err(unknown(name_or_path)),
        }
    }

    /// As [`Model::find`], but an `.onnx` file without a manifest beside it is [probed](super::probe); `library` is the
    /// ONNX Runtime to do that with. Tells by a warning what was found.
    pub fn open(name_or_path: &str, library: Option<&Path>) -> Result<Self, ModelError> {
        let path = Path::new(name_or_path);
        let is_network = path.extension().is_some_and(|ending| ending == "onnx") && path.is_file();
        if !is_network || path.with_extension("toml").exists() {
            return Self::find(name_or_path);
        }
        let network = std::fs::read(path).map_err(|error| ModelError::Model {
            model: name_or_path.into(),
            problem: format!("cannot read it: {error}"),
            remedy: "give a file that can be read".into(),
        })?;
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let key = (name.clone(), zoo::sha256(&network));
        let mut probed = PROBED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(manifest) = probed.get(&key) {
            return Ok(Self::new(manifest.clone(), Cow::Owned(network)));
        }
        let manifest = super::probe(&Runtime::load(library)?, &network, &name)?;
        tracing::warn!(
            "{name_or_path} has no manifest beside it. {} `framecast models import` keeps that",
            manifest.description
        );
        probed.insert(key, manifest.clone());
        Ok(Self::new(manifest, Cow::Owned(network)))
    }

    fn read(manifest_path: &Path, asked: &str) -> Result<Self, ModelError> {
        let manifest = read_manifest(manifest_path)?;
        let network_path = manifest_path.with_file_name(&manifest.file);
        let network = std::fs::read(&network_path).map_err(|error| ModelError::Model {
            model: asked.into(),
            problem: format!("cannot read {}: {error}", network_path.display()),
            remedy: "put the file that the manifest names there".into(),
        })?;
        Self::new(manifest, Cow::Owned(network)).verified()
    }

    /// Checks the network against the manifest's hash.
    fn verified(self) -> Result<Self, ModelError> {
        let Some(expected) = &self.manifest.sha256 else { return Ok(self) };
        let found = zoo::sha256(&self.network);
        if found.eq_ignore_ascii_case(expected) {
            return Ok(self);
        }
        Err(ModelError::Model {
            model: self.manifest.name,
            problem: format!("{} has SHA-256 {found}, its manifest says {expected}", self.manifest.file),
            remedy: "the file is damaged or another one: fetch it again".into(),
        })
    }
}

/// The manifests of the built-in models.
pub(super) fn built_in() -> impl Iterator<Item = Result<Manifest, ModelError>> {
    BUILT_IN.iter().map(|model| Manifest::parse(model.manifest, model.name))
}

/// The manifest of the built-in model of this name.
pub(super) fn built_in_manifest(name: &str) -> Option<Result<Manifest, ModelError>> {
    built_in_named(name).map(|model| Manifest::parse(model.manifest, model.name))
}

fn built_in_named(name: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|model| model.name == name)
}

/// Paths of the manifests in the model folders, by name. Of two with one name, only the first is found by it.
pub(super) fn installed() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in folders() {
        let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
        let manifests =
            entries.map(|entry| entry.path()).filter(|path| path.extension() == Some("toml".as_ref()));
        let mut new: Vec<PathBuf> = manifests
            .filter(|path| found.iter().all(|known| known.file_name() != path.file_name()))
            .filter(|path| path.file_stem().and_then(|name| built_in_named(name.to_str()?)).is_none())
            .collect();
        new.sort();
        found.append(&mut new);
    }
    found
}

/// Path of the manifest of the installed model of this name.
pub(super) fn installed_manifest(name: &str) -> Option<PathBuf> {
    let candidates = folders().into_iter().map(|folder| folder.join(format!("{name}.toml")));
    candidates.into_iter().find(|path| path.is_file())
}

/// Reads a manifest's file.
pub(super) fn read_manifest(path: &Path) -> Result<Manifest, ModelError> {
    let text = std::fs::read_to_string(path).map_err(|error| ModelError::Model {
        model: path.display().to_string(),
        problem: format!("cannot read the manifest: {error}"),
        remedy: "every .onnx needs its manifest beside it (models/README.md describes it)".into(),
    })?;
    Manifest::parse(&text, &path.display().to_string())
}

/// The error for a name that nobody knows.
pub(super) fn unknown(name: &str) -> ModelError {
    let built_in: Vec<&str> = BUILT_IN.iter().map(|model| model.name).collect();
    ModelError::Model {
        model: name.into(),
        problem: "there is no model of this name".into(),
        remedy: format!(
            "built in: {}; `framecast models list` shows all; or give the path of an .onnx file",
            built_in.join(", ")
        ),
    }
}

/// Folders with models of the user: `models` beside the executable, then the user's data folder.
fn folders() -> Vec<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.join("models")));
    beside.into_iter().chain(user_models_folder()).collect()
}

/// Folder into which models are installed.
pub(super) fn user_models_folder() -> Option<PathBuf> {
    user_data_folder().map(|folder| folder.join("models"))
}

/// The user's data folder for framecast.
pub(super) fn user_data_folder() -> Option<PathBuf> {
    user_folder("XDG_DATA_HOME", ".local/share")
}

/// The user's folder for what can be made again: engines, and what trials found.
pub(super) fn user_cache_folder() -> Option<PathBuf> {
    user_folder("XDG_CACHE_HOME", ".cache")
}

/// Below what `variable` names, as the XDG Base Directory Specification has it, or `below_home` in the user's home.
fn user_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    // A relative path would be another folder in each working directory; the specification says to ignore it.
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute(variable).or_else(|| Some(absolute("HOME")?.join(below_home)))?;
    Some(base.join("framecast"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_model_matches_its_manifest() {
        for model in BUILT_IN {
            let found = Model::find(model.name).unwrap();
            assert_eq!(found.manifest.name, model.name);
        }
    }

    #[test]
    fn the_detailed_model_and_its_partner_can_be_mixed() {
        let model = Model::find(DEFAULT_DETAILED_MODEL).unwrap();
        assert_eq!(model.manifest.detail.as_deref(), Some("detail-x2"));
        let mixed = model.clone().with_detail(DEFAULT_DETAILED_MODEL, 0.5).unwrap();
        assert_eq!(mixed.network.len(), model.network.len());
        assert_ne!(mixed.network, model.network);
    }

    #[test]
    fn an_unknown_name_lists_what_there_is() {
        let error = Model::find("no-such-model").unwrap_err().to_string();
        assert!(error.contains("live-x2"), "{error}");
    }

    #[test]
    fn a_changed_network_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("live-x2.onnx");
        let live = built_in_named("live-x2").unwrap();
        std::fs::write(path.with_extension("toml"), live.manifest).unwrap();
        let mut network = live.network.to_vec();
        network[100] ^= 1;
        std::fs::write(&path, network).unwrap();
        let error = Model::find(path.to_str().unwrap()).unwrap_err().to_string();
        assert!(error.contains("SHA-256"), "{error}");
    }
}
