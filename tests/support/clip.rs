//! Clips from `ffmpeg`'s lavfi sources, made once and kept in the target folder.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A folder of the test's own that goes when the test ends.
pub(crate) fn scratch() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The clip that `ffmpeg RECIPE NAME` makes; words of the recipe are separated by blanks.
pub(crate) fn clip(name: &str, recipe: &str) -> PathBuf {
    derived(name, recipe, &[])
}

/// As [`clip`], with `@0`, `@1`, ... in the recipe standing for files made before.
pub(crate) fn derived(name: &str, recipe: &str, inputs: &[&Path]) -> PathBuf {
    cached(name, (recipe, inputs), |path| {
        let words = recipe.split_whitespace().map(|word| match word.strip_prefix('@') {
            Some(index) => inputs[index.parse::<usize>().unwrap()].as_os_str().to_owned(),
            None => word.into(),
        });
        let mut command = ffmpeg();
        command.args(words).arg(path);
        check(command);
    })
}

/// A text file with these contents.
pub(crate) fn text_file(name: &str, contents: &str) -> PathBuf {
    cached(name, contents, |path| std::fs::write(path, contents).unwrap())
}

/// An mp4 file whose first track is shown turned clockwise by 90, 180 or 270 degrees: the matrix in its header
/// is replaced, because the option for it differs between versions of `ffmpeg`.
pub(crate) fn rotated(name: &str, source: &Path, degrees: u32) -> PathBuf {
    cached(name, (source, degrees), |path| {
        let mut bytes = std::fs::read(source).unwrap();
        let header = bytes.windows(4).position(|window| window == b"tkhd").unwrap();
        let (one, minus_one, unit) = (0x0001_0000_i32, -0x0001_0000_i32, 0x4000_0000_i32);
        let matrix = match degrees {
            90 => [0, one, 0, minus_one, 0, 0, 0, 0, unit],
            180 => [minus_one, 0, 0, 0, minus_one, 0, 0, 0, unit],
            270 => [0, minus_one, 0, one, 0, 0, 0, 0, unit],
            _ => panic!("{degrees} is not supported"),
        };
        // Version 0 of the box: 40 bytes lie between its name and the matrix.
        let start = header + 4 + 40;
        let replaced: Vec<u8> = matrix.iter().flat_map(|value| value.to_be_bytes()).collect();
        bytes[start..start + 36].copy_from_slice(&replaced);
        std::fs::write(path, bytes).unwrap();
    })
}

/// `ffmpeg`, quiet, overwriting.
pub(crate) fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y"]);
    command
}

/// The file `name` of a folder that belongs to `key`; made by `make` if it is not there. Tests run in several
/// processes: each makes the file beside and renames it.
fn cached(name: &str, key: impl Hash, make: impl FnOnce(&Path)) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clips");
    let folder = cache.join(format!("{:016x}", hasher.finish()));
    let path = folder.join(name);
    if !path.exists() {
        std::fs::create_dir_all(&folder).unwrap();
        let own = tempfile::tempdir_in(&cache).unwrap();
        make(&own.path().join(name));
        std::fs::rename(own.path().join(name), &path).unwrap();
    }
    path
}

fn check(mut command: Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
