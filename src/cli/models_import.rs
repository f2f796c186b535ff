//! `framecast models import`.

use super::models::Report;
use super::models_args::ImportArgs;
use super::say;
use framecast::error::ModelError;
use framecast::model::Runtime;
use framecast::model::import::SourceFile;
use framecast::model::zoo::Zoo;
use serde_json::json;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Imports every network among the files; returns the exit code of the first failure.
pub(super) fn import(arguments: &ImportArgs, report: &Report) -> Result<u8, ModelError> {
    let networks = networks(&arguments.files);
    if networks.len() > 1 && (arguments.name.is_some() || arguments.output.is_some()) {
        return Err(ModelError::Model {
            model: arguments.name.clone().unwrap_or_default(),
            problem: format!("--name and --output are for one network, the files hold {}", networks.len()),
            remedy: "import them one by one, or under their own names".into(),
        });
    }
    let runtime = Runtime::load(arguments.ort_lib.as_deref())?;
    let mut code = 0;
    for files in &networks {
        if let Err(error) = import_one(files, arguments, &runtime, report) {
            let failure = report.error(&error);
            code = if code == 0 { failure } else { code };
        }
    }
    Ok(code)
}

/// The files, together where they make one network: a `.param` and the `.bin` of the same name.
fn networks(files: &[PathBuf]) -> Vec<Vec<&Path>> {
    let is_ncnn = |path: &Path| ending(path) == "param" || ending(path) == "bin";
    let mut networks: Vec<Vec<&Path>> = Vec::new();
    for file in files {
        let same = |network: &Vec<&Path>| {
            network.iter().all(|other| {
                is_ncnn(other)
                    && is_ncnn(file)
                    && ending(other) != ending(file)
                    && other.with_extension("") == file.with_extension("")
            })
        };
        match networks.iter_mut().find(|network| same(network)) {
            Some(network) => network.push(file),
            None => networks.push(vec![file]),
        }
    }
    networks
}

fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

fn import_one(
    paths: &[&Path],
    arguments: &ImportArgs,
    runtime: &Runtime,
    report: &Report,
) -> Result<(), ModelError> {
    let files = paths.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let stem = |path: &Path| path.file_stem().map(OsStr::to_string_lossy).unwrap_or_default().into_owned();
    let (zoo, name) = match &arguments.output {
        Some(output) if ending(output) != "onnx" => {
            return Err(ModelError::Model {
                model: output.display().to_string(),
                problem: "the output's name does not end in .onnx".into(),
                remedy: "give the file that shall be written: -o FOLDER/NAME.onnx".into(),
            });
        }
        Some(output) => {
            let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
            (Zoo::at(folder.unwrap_or_else(|| Path::new("."))), stem(output))
        }
        None => {
            let own = || paths.first().map(|path| stem(path)).unwrap_or_default();
            (Zoo::of_user()?, arguments.name.clone().unwrap_or_else(own))
        }
    };
    let manifest = zoo.import(&files, &name, arguments.licence.as_deref(), arguments.force, runtime)?;
    let path = zoo.folder().join(&manifest.file);
    let details = json!({ "path": path, "found": manifest.summary(), "manifest": manifest });
    report.event("imported", &name, details, || {
        say(&format!("{name}: {}", manifest.summary()));
        say(&manifest.description);
        say(&format!("installed {}; its manifest lies beside it", path.display()));
    });
    Ok(())
}

fn read(path: &Path) -> Result<SourceFile, ModelError> {
    let bytes = std::fs::read(path).map_err(|error| ModelError::Model {
        model: path.display().to_string(),
        problem: format!("it cannot be read: {error}"),
        remedy: "check the path".into(),
    })?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(SourceFile { name, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn param_and_bin_of_one_name_belong_together() {
        let paths =
            ["a.param", "b.bin", "x/a.bin", "a.bin", "b.PARAM", "c.onnx", "d.json"].map(PathBuf::from);
        let networks = networks(&paths);
        let names: Vec<Vec<&str>> = networks
            .iter()
            .map(|network| network.iter().map(|path| path.to_str().unwrap()).collect())
            .collect();
        assert_eq!(
            names,
            [
                vec!["a.param", "a.bin"],
                vec!["b.bin", "b.PARAM"],
                vec!["x/a.bin"],
                vec!["c.onnx"],
                vec!["d.json"]
            ]
        );
    }
}
