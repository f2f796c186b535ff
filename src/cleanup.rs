//! Temporary files that must not outlive an abandoned run.
//!
//! A writer registers a path *before* it creates the file. Whoever ends the process at once calls [`remove_all`].

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

static PATHS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Notes `path` as temporary until the guard is kept or dropped.
pub fn register(path: impl Into<PathBuf>) -> Guard {
    let path = path.into();
    paths().push(path.clone());
    Guard { path }
}

/// Removes every registered file. Its guards have nothing left to do.
pub fn remove_all() {
    for path in paths().drain(..) {
        remove(&path);
    }
}

/// A temporary file; dropped, it is removed.
#[derive(Debug)]
pub struct Guard {
    path: PathBuf,
}

impl Guard {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Says that the file got its final name, or is to stay as it is.
    pub fn keep(self) {
        forget(&self.path);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if forget(&self.path) {
            remove(&self.path);
        }
    }
}

fn paths() -> MutexGuard<'static, Vec<PathBuf>> {
    PATHS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes `path` off the list; false if it was not on it.
fn forget(path: &Path) -> bool {
    let mut paths = paths();
    let found = paths.iter().position(|known| known == path);
    found.map(|index| paths.swap_remove(index)).is_some()
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!("cannot remove the temporary {}: {error}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // One test, because the list belongs to the process.
    #[test]
    fn a_file_goes_unless_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, "x").unwrap();
            path
        };
        let (kept, dropped, abandoned) = (file("kept"), file("dropped"), file("abandoned"));
        register(&kept).keep();
        drop(register(&dropped));
        assert!(kept.exists());
        assert!(!dropped.exists());

        let guard = register(&abandoned);
        remove_all();
        assert!(!abandoned.exists());
        file("abandoned");
        drop(guard);
        assert!(abandoned.exists(), "a file made by someone else after remove_all stays");
    }
}
