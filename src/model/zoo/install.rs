//! Pulling, checking and removing models.

use super::source::SelfTest;
use super::{convert, fetch, hash, package, self_test};
use crate::cleanup::{self, Guard};
use crate::error::ModelError;
use crate::model::import::SourceFile;
use crate::model::{Manifest, Model, Runtime, store};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// What [`Zoo::pull`] is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The package is fetched, or taken from the cache.
    Fetch,
    /// Its files become an ONNX network.
    Convert,
    /// The network is run on a fixed input.
    Test,
}

/// The folder in which the user's models lie.
#[derive(Clone, Debug)]
pub struct Zoo {
    folder: PathBuf,
}

impl Zoo {
    /// The folder `framecast/models` of the user's data folder: `$XDG_DATA_HOME`, or `~/.local/share`.
    pub fn of_user() -> Result<Self, ModelError> {
        store::user_models_folder().map(|folder| Self { folder }).ok_or_else(|| ModelError::Folder {
            folder: PathBuf::from("framecast/models"),
            problem: "neither XDG_DATA_HOME nor HOME says where the user's data lies".into(),
            remedy: "set one of them to an absolute path".into(),
        })
    }

    /// Any other folder.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Fetches, checks, converts and tests the model of `manifest`, and installs it. Fails without a trace.
    ///
    /// `cache` is a folder of packages under their SHA-256; they are looked for there first, and kept there.
    pub fn pull(
        &self,
        manifest: &Manifest,
        runtime: &Runtime,
        cache: Option<&Path>,
        report: &mut dyn FnMut(Phase),
    ) -> Result<Manifest, ModelError> {
        let name = &manifest.name;
        check_name(name)?;
        if store::built_in_manifest(name).is_some() {
            return Err(ModelError::Model {
                model: name.clone(),
                problem: "a built-in model has this name, and would run in its place".into(),
                remedy: "give the model another name in its manifest".into(),
            });
        }
        let source = manifest.source.as_ref().ok_or_else(|| ModelError::Model {
            model: name.clone(),
            problem: "its manifest does not say where it comes from".into(),
            remedy: "add the table [source] (models/README.md describes it)".into(),
        })?;
        let work = self.work_folder()?;
        report(Phase::Fetch);
        let package = fetch::fetch(name, source, work.path(), cache)?;
        let contents = package::read(name, source, &package)?;
        report(Phase::Convert);
        let (mut manifest, network) = convert::convert(manifest, source, contents.files)?;
        report(Phase::Test);
        let output = self_test::measure(runtime, &manifest, &network)?;
        match &manifest.self_test {
            Some(expected) => self_test::compare(expected, &output).map_err(|problem| ModelError::Model {
                model: name.clone(),
                problem: format!("its self-test fails: {problem}"),
                remedy: "this ONNX Runtime computes it wrongly, or the manifest is of another version".into(),
            })?,
            None => manifest.self_test = Some(SelfTest::of(output)),
        }
        self.install(&mut manifest, &network, contents.licence.as_deref(), work.path())?;
        Ok(manifest)
    }

    /// Makes a network in any known format a model named `name`: ONNX, ncnn (a `.param` and its `.bin`), Anime4K's JSON,
    /// or a PyTorch checkpoint of a known architecture. Fails without a trace, and if the name is taken, unless it may
    /// `replace` what is installed.
    pub fn import(
        &self,
        files: &[SourceFile],
        name: &str,
        licence: Option<&str>,
        replace: bool,
        runtime: &Runtime,
    ) -> Result<Manifest, ModelError> {
        check_name(name)?;
        let taken = |problem: &str, remedy: &str| {
            Err(ModelError::Model { model: name.into(), problem: problem.into(), remedy: remedy.into() })
        };
        if store::built_in_manifest(name).is_some() {
            return taken("a built-in model has this name", "choose another one with --name");
        }
        if !replace && self.folder.join(format!("{name}.toml")).exists() {
            return taken("it is installed already", "choose another name with --name, or add --force");
        }
        // The network may be one of the files, which then gets its manifest.
        let there = std::fs::read(self.network_path(name)).unwrap_or_default();
        if !replace && !there.is_empty() && files.iter().all(|file| file.bytes != there) {
            return taken("another network has this name", "choose another name, or add --force");
        }
        let (mut manifest, network) = convert::read(runtime, files, name)?;
        if let Some(licence) = licence {
            manifest.licence = licence.into();
        }
        manifest.self_test = Some(SelfTest::of(self_test::measure(runtime, &manifest, &network)?));
        let work = self.work_folder()?;
        self.install(&mut manifest, &network, None, work.path())?;
        Ok(manifest)
    }

    /// Checks an installed or built-in model: the network's hash, and what it makes of the fixed input, which is
    /// returned.
    pub fn verify(&self, name: &str, runtime: &Runtime) -> Result<Vec<f64>, ModelError> {
        let model = Model::find(name)?;
        let output = self_test::measure(runtime, &model.manifest, &model.network)?;
        let Some(expected) = &model.manifest.self_test else { return Ok(output) };
        self_test::compare(expected, &output).map_err(|problem| ModelError::Model {
            model: name.into(),
            problem: format!("its self-test fails: {problem}"),
            remedy: format!("pull it again: framecast models pull --force {name}"),
        })?;
        Ok(output)
    }

    /// Deletes an installed model.
    pub fn remove(&self, name: &str) -> Result<(), ModelError> {
        check_name(name)?;
        let manifest_path = self.folder.join(format!("{name}.toml"));
        if !manifest_path.is_file() {
            return Err(ModelError::Model {
                model: name.into(),
                problem: format!("it is not installed in {}", self.folder.display()),
                remedy: "framecast models list shows what is".into(),
            });
        }
        // The manifest first: without it the rest is not seen.
        for path in [manifest_path, self.network_path(name), self.licence_path(name)] {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(ModelError::Folder {
                        folder: self.folder.clone(),
                        problem: format!("cannot remove {}: {error}", path.display()),
                        remedy: "check the folder's rights".into(),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Where the licence's text of an installed model is, if its package had one.
    pub fn licence_path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.licence.txt"))
    }

    fn network_path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.onnx"))
    }

    /// A new folder for temporary files, in the models' folder, so that renaming is all that is left to do.
    fn work_folder(&self) -> Result<Guard, ModelError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!(".part-{}-{count}", std::process::id()));
        let work = cleanup::register(path);
        std::fs::create_dir_all(work.path()).map_err(|error| unwritable(&self.folder, &error))?;
        Ok(work)
    }

    /// Writes the model's files into `work` and renames them into place.
    fn install(
        &self,
        manifest: &mut Manifest,
        network: &[u8],
        licence: Option<&[u8]>,
        work: &Path,
    ) -> Result<(), ModelError> {
        manifest.file = format!("{}.onnx", manifest.name);
        manifest.sha256 = Some(hash::of(network));
        let text = manifest.to_toml()?;
        let name = &manifest.name;
        let manifest_path = self.folder.join(format!("{name}.toml"));
        // The manifest last: it is what makes the model visible.
        let mut files = vec![(network, self.network_path(name)), (text.as_bytes(), manifest_path)];
        if let Some(licence) = licence {
            files.insert(0, (licence, self.licence_path(name)));
        }
        let part = |path: &Path| work.join(path.file_name().unwrap_or_default());
        for (bytes, path) in &files {
            std::fs::write(part(path), bytes).map_err(|error| unwritable(&self.folder, &error))?;
        }
        cleanup::undisturbed(|| files.iter().try_for_each(|(_, path)| std::fs::rename(part(path), path)))
            .map_err(|error| unwritable(&self.folder, &error))
    }
}

/// The folder of models cannot be written.
pub(super) fn unwritable(folder: &Path, error: &std::io::Error) -> ModelError {
    ModelError::Folder {
        folder: folder.to_owned(),
        problem: format!("cannot be written: {error}"),
        remedy: "make room, or choose a folder that can be written (XDG_DATA_HOME says which)".into(),
    }
}

/// Refuses names that are no plain file name.
fn check_name(name: &str) -> Result<(), ModelError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+');
    if !name.is_empty() && !name.starts_with(['.', '-']) && name.bytes().all(plain) {
        return Ok(());
    }
    Err(ModelError::Model {
        model: name.into(),
        problem: "its name cannot be a file's name".into(),
        remedy: "use letters, digits, '-', '_', '.' and '+', the first one a letter or digit".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_plain_file_name() {
        for name in ["live-x2", "a.b_c+1"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", ".hidden", "../up", "a/b", "-y", "a b", "ä"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
