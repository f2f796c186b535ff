//! The zoo: models that are part of the program, that can be pulled, and that lie in the user's folder.

mod catalogue;
mod convert;
mod download;
mod fetch;
mod hash;
mod install;
mod package;
mod self_test;
mod source;

pub use install::{Phase, Zoo};
pub use source::{Converter, SelfTest, Source, SourceFileEntry, SourceKind};

pub(super) use catalogue::find as find_available;
pub(super) use hash::of as sha256;

use super::{Manifest, store};
use crate::error::ModelError;
use std::path::PathBuf;

/// Where a model is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Part of the program.
    BuiltIn,
    /// In a folder of the user; the path is that of the manifest.
    Installed(PathBuf),
    /// Can be pulled.
    Available,
}

/// A model that can be asked for by its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What it is.
    pub manifest: Manifest,
    /// Where it is.
    pub state: State,
}

/// All models: the built-in ones, then the installed ones, then those that can be pulled. A manifest that cannot be read
/// is an error in its place.
pub fn list() -> Vec<Result<Entry, ModelError>> {
    let mut entries: Vec<Result<Entry, ModelError>> = store::built_in()
        .map(|manifest| Ok(Entry { manifest: manifest?, state: State::BuiltIn }))
        .chain(store::installed().into_iter().map(installed))
        .collect();
    let known = |entries: &[Result<Entry, ModelError>], name: &str| {
        entries.iter().flatten().any(|entry| entry.manifest.name == name)
    };
    for manifest in catalogue::all() {
        match manifest {
            Ok(manifest) if known(&entries, &manifest.name) => {}
            manifest => {
                entries.push(manifest.map(|manifest| Entry { manifest, state: State::Available }));
            }
        }
    }
    entries
}

/// The model of a name.
pub fn look_up(name: &str) -> Result<Entry, ModelError> {
    if let Some(manifest) = store::built_in_manifest(name) {
        return Ok(Entry { manifest: manifest?, state: State::BuiltIn });
    }
    if let Some(path) = store::installed_manifest(name) {
        return installed(path);
    }
    match catalogue::find(name) {
        Some(manifest) => Ok(Entry { manifest: manifest?, state: State::Available }),
        None => Err(store::unknown(name)),
    }
}

/// The model whose manifest is at `path`, which is found by the file's name.
fn installed(path: PathBuf) -> Result<Entry, ModelError> {
    let manifest = store::read_manifest(&path)?;
    if path.file_stem() == Some(manifest.name.as_ref()) {
        return Ok(Entry { manifest, state: State::Installed(path) });
    }
    Err(ModelError::Model {
        model: path.display().to_string(),
        problem: format!("the file has another name than the model in it, {}", manifest.name),
        remedy: "rename the file, or mend the name in it".into(),
    })
}

/// The manifest by which a model is pulled: of the catalogue by its name, or a file that ends in `.toml`.
pub fn pullable(name_or_path: &str) -> Result<Manifest, ModelError> {
    if name_or_path.ends_with(".toml") {
        return store::read_manifest(name_or_path.as_ref());
    }
    match catalogue::find(name_or_path) {
        Some(manifest) => manifest,
        None => Err(store::unknown(name_or_path)),
    }
}
