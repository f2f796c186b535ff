//! Files that appear under their name only when they are complete.

use crate::cleanup::{self, Guard};
use crate::error::MediaError;
#[cfg(unix)]
use std::fs::TryLockError;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A file that is written beside its final name, and renamed at the end. Dropping it removes what was written.
#[derive(Debug)]
pub(crate) struct TemporaryFile {
    /// `None` once the file has its final name.
    part: Option<Guard>,
    target: PathBuf,
    /// Held as long as the file is written.
    _lock: File,
}

impl TemporaryFile {
    /// Reserves `.NAME.framecast-part` in the folder of `location`.
    pub(crate) fn create(location: &Path) -> Result<Self, MediaError> {
        // A link is written through, as any other tool would.
        let linked = std::fs::canonicalize(location).ok().filter(|_| location.is_symlink());
        let target = linked.unwrap_or_else(|| location.to_owned());
        let Some(name) = target.file_name() else {
            return Err(output_error(location, "is a folder", "name a file in it"));
        };
        let part = target.with_file_name(format!(".{}.framecast-part", name.to_string_lossy()));
        let taken = |writer: &str| {
            let problem = format!("is being written by {writer}");
            output_error(location, &problem, "write to another file, or wait until that is complete")
        };
        // Registered first: whoever ends the process at once finds every file that may exist.
        let part = cleanup::register_alone(part).ok_or_else(|| taken("another output of this program"))?;
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(part.path());
        let file = opened.map_err(|error| file_error(location, &error))?;
        if is_locked(&file) {
            // Not ours to remove.
            part.keep();
            return Err(taken("another program"));
        }
        file.set_len(0).map_err(|error| file_error(location, &error))?;
        Ok(Self { part: Some(part), target, _lock: file })
    }

    /// Where to write.
    pub(super) fn part(&self) -> &Path {
        self.part.as_ref().map_or(&self.target, Guard::path)
    }

    /// Replaces the contents.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), MediaError> {
        std::fs::write(self.part(), bytes).map_err(|error| file_error(&self.target, &error))
    }

    /// Bytes written.
    pub(super) fn size(&self) -> Option<u64> {
        std::fs::metadata(self.part()).ok().map(|metadata| metadata.len())
    }

    /// Gives the file its final name, over an existing one.
    pub(crate) fn complete(&mut self) -> Result<(), MediaError> {
        std::fs::rename(self.part(), &self.target).map_err(|error| file_error(&self.target, &error))?;
        if let Some(part) = self.part.take() {
            part.keep();
        }
        Ok(())
    }
}

/// Locks the file, for as long as it is open; true if another program has done so. File systems without locks lock nothing.
#[cfg(unix)]
fn is_locked(file: &File) -> bool {
    matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}

/// Locks would keep FFmpeg from writing the file, too.
#[cfg(not(unix))]
fn is_locked(_: &File) -> bool {
    false
}

/// Refuses an output that is the input, or that exists without `overwrite`.
pub(crate) fn check_replaceable(location: &Path, input: &str, overwrite: bool) -> Result<(), MediaError> {
    let Ok(existing) = std::fs::canonicalize(location) else { return Ok(()) };
    if existing.is_dir() {
        return Err(output_error(location, "is a folder", "name a file in it"));
    }
    let input = Path::new(input.strip_prefix("file:").unwrap_or(input));
    if is_same_file(&existing, input) {
        return Err(output_error(location, "is the input itself", "write to another file"));
    }
    if !overwrite {
        return Err(output_error(location, "exists already", "add -y to replace it"));
    }
    Ok(())
}

#[cfg(unix)]
fn is_same_file(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (std::fs::metadata(a), std::fs::metadata(b)) {
        (Ok(a), Ok(b)) => a.dev() == b.dev() && a.ino() == b.ino(),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_same_file(a: &Path, b: &Path) -> bool {
    std::fs::canonicalize(b).is_ok_and(|b| a == b)
}

/// The error for a file that cannot be opened, written or renamed.
pub(super) fn file_error(location: &Path, error: &std::io::Error) -> MediaError {
    let remedy = match error.kind() {
        ErrorKind::NotFound => "create the folder first",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "write to a folder of your own",
        ErrorKind::StorageFull => "free some space or write to another disk",
        ErrorKind::FileTooLarge | ErrorKind::QuotaExceeded => "raise the limit or write to another disk",
        _ => "write to another file",
    };
    output_error(location, &format!("cannot be written: {error}"), remedy)
}

fn output_error(location: &Path, problem: &str, remedy: &str) -> MediaError {
    MediaError::Output {
        output: location.display().to_string(),
        problem: problem.to_owned(),
        remedy: remedy.to_owned(),
    }
}
