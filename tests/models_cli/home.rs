//! A user's data folder of its own for each test, and the program run in it.

use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A network that doubles pictures by repeating pixels.
pub(crate) const NETWORK: &str = "tests/models/rgb-nearest-x2.onnx";

pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A path in the test's own folder, outside of the models' folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn models(&self) -> PathBuf {
        self.folder.path().join("data/framecast/models")
    }

    /// The program, with this home's data folder.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_framecast"));
        command.env("XDG_DATA_HOME", self.folder.path().join("data")).args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.program(arguments).output().unwrap()
    }

    /// Runs the program, which must succeed, and returns the JSON lines on standard output.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
        json_lines(&output)
    }

    /// Runs the program, which must end with `code` and leave the models' folder empty. Returns the line that tells why.
    pub(crate) fn refuse(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        self.assert_no_models();
        let errors = stderr(&output);
        let line = errors.lines().find(|line| line.starts_with("framecast: error: "));
        line.unwrap_or_else(|| panic!("no error told in {errors}")).to_owned()
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.models()) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn assert_no_models(&self) {
        assert_eq!(self.files(), [""; 0]);
    }

    /// Writes the manifest of a model `doubler` with the given lines in its `[source]`, and returns its path.
    pub(crate) fn manifest(&self, source: &str) -> String {
        let text = std::fs::read_to_string("tests/models/rgb-nearest-x2.toml").unwrap();
        let text = text.replace("\"rgb-nearest-x2\"", "\"doubler\"");
        let path = self.path("doubler.toml");
        std::fs::write(&path, format!("{text}\n[source]\nconverter = \"onnx\"\n{source}\n")).unwrap();
        path.into_os_string().into_string().unwrap()
    }
}

pub(crate) fn sha256(path: impl AsRef<Path>) -> String {
    sha256_of(&std::fs::read(path).unwrap())
}

pub(crate) fn sha256_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn json_lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
