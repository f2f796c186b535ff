//! Temporary files, folders and child processes that must not outlive an abandoned run.
//!
//! A writer registers a path *before* it creates the file. Whoever ends the process at once calls [`abandon`] first.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

static REGISTRY: Mutex<Registry> = Mutex::new(Registry { paths: Vec::new(), children: Vec::new() });

struct Registry {
    paths: Vec<PathBuf>,
    children: Vec<Arc<Mutex<Child>>>,
}

/// Notes `path`, a file or a folder, as temporary until the guard is kept or dropped.
pub fn register(path: impl Into<PathBuf>) -> Guard {
    let path = path.into();
    registry().paths.push(path.clone());
    Guard { path }
}

/// As [`register`], for a file with one writer: `None` if this process writes it already.
pub fn register_alone(path: impl Into<PathBuf>) -> Option<Guard> {
    let path = path.into();
    let wanted = resolved(&path);
    let paths = &mut registry().paths;
    let is_free = paths.iter().all(|known| resolved(known) != wanted);
    is_free.then(|| {
        paths.push(path.clone());
        Guard { path }
    })
}

/// One name for each file, whichever way its folder is named.
fn resolved(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (std::fs::canonicalize(folder), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Ends every child process and removes every registered file. Its guards have nothing left to do.
///
/// As long as the result lives, no other thread gets past the end of its child process, the end of its temporary file
/// or [`undisturbed`] work. So hold it until the process has ended.
#[must_use = "other threads go on as soon as it is dropped"]
pub fn abandon() -> Abandoned {
    let mut registry = registry();
    // Children first: they would write on.
    for child in registry.children.drain(..) {
        let mut child = lock(&child);
        // One that has ended already is no fault.
        let _ = child.kill();
        let _ = child.wait();
    }
    for path in registry.paths.drain(..) {
        remove(&path);
    }
    Abandoned { _registry: registry }
}

/// Does `work`, some quick renames, without [`abandon`] in between.
pub fn undisturbed<T>(work: impl FnOnce() -> T) -> T {
    let _registry = registry();
    work()
}

/// Runs a program that ends when the run is abandoned. Returns its status and what it wrote to standard error.
pub fn run(command: &mut Command) -> io::Result<(ExitStatus, String)> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let errors = child.stderr.take();
    let child = Arc::new(Mutex::new(child));
    registry().children.push(Arc::clone(&child));
    let mut text = Vec::new();
    // Until the program ends, without the lock: it may be killed meanwhile.
    let read = errors.map_or(Ok(0), |mut errors| errors.read_to_end(&mut text));
    registry().children.retain(|known| !Arc::ptr_eq(known, &child));
    let status = lock(&child).wait()?;
    read?;
    Ok((status, String::from_utf8_lossy(&text).into_owned()))
}

/// Everything temporary is gone; see [`abandon`].
#[derive(Debug)]
pub struct Abandoned {
    _registry: MutexGuard<'static, Registry>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registry({} paths, {} children)", self.paths.len(), self.children.len())
    }
}

/// A temporary file or folder; dropped, it is removed.
#[derive(Debug)]
pub struct Guard {
    path: PathBuf,
}

impl Guard {
    /// The file or folder.
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

fn registry() -> MutexGuard<'static, Registry> {
    lock(&REGISTRY)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes `path` off the list; false if it was not on it.
fn forget(path: &Path) -> bool {
    let paths = &mut registry().paths;
    let found = paths.iter().position(|known| known == path);
    found.map(|index| paths.swap_remove(index)).is_some()
}

fn remove(path: &Path) {
    // A link to a folder is not followed. What was registered may never have been made.
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return };
    let result = if metadata.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    if let Err(error) = result
        && error.kind() != io::ErrorKind::NotFound
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
        let tree = folder.path().join("tree");
        std::fs::create_dir(&tree).unwrap();
        file("tree/leaf");
        register(&kept).keep();
        drop(register(&dropped));
        assert!(kept.exists());
        assert!(!dropped.exists());

        let (guard, tree_guard) = (register(&abandoned), register(&tree));
        let worker = std::thread::spawn(|| run(Command::new("sh").args(["-c", "read line < /dev/zero"])));
        while registry().children.is_empty() {
            std::thread::yield_now();
        }
        drop(abandon());
        assert!(!worker.join().unwrap().unwrap().0.success(), "the child was ended");
        assert!(!abandoned.exists());
        assert!(!tree.exists());
        file("abandoned");
        drop((guard, tree_guard));
        assert!(abandoned.exists(), "a file made by someone else after abandon stays");
    }
}
