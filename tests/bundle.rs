//! The folder that `make bundle` packs runs where nothing else is installed, wherever it is put.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and says why it is skipped"
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use support::{clip, decoded_hash, scratch, succeed};

/// What any system has: the C library and its loader. The bundle brings the rest.
const C_LIBRARY: &[&str] = &[
    "libc.so.6",
    "libm.so.6",
    "libmvec.so.1",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libresolv.so.2",
];

fn checked(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Packs the program of this build, without further providers, into parts below `output`, and returns the bundle's name.
fn packed(output: &Path) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/bundle.sh");
    let mut command = Command::new(script);
    command.env("BINARY", env!("CARGO_BIN_EXE_framecast")).env("OUTPUT", output);
    checked(command.env("PROVIDERS", "").env("MODELS", "").env("SPLIT", "55M"));
    let entries = output.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: Vec<String> = entries.collect();
    assert!(names.iter().filter(|name| name.contains(".tar.gz.")).count() >= 2, "{names:?}");
    names.iter().find_map(|name| name.strip_suffix(".unpack.sh")).unwrap().to_owned()
}

/// The files of the C library on this machine.
fn c_library() -> Vec<PathBuf> {
    let text = checked(Command::new("ldd").arg(env!("CARGO_BIN_EXE_framecast"))).stdout;
    let text = String::from_utf8(text).unwrap();
    let path_of = |name: &str| {
        let paths = text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from);
        let is_it =
            |path: &PathBuf| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name));
        paths.into_iter().find(is_it).unwrap()
    };
    let folder = path_of("libc.so.6").parent().unwrap().to_path_buf();
    let parts = C_LIBRARY.iter().map(|name| folder.join(name)).filter(|path| path.exists());
    parts.chain([path_of("ld-linux")]).collect()
}

/// A root folder with the C library, an empty /tmp and a place for /proc.
fn bare_root(root: &Path) {
    for folder in ["proc", "tmp"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    for library in c_library() {
        let target = root.join(library.strip_prefix("/").unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&library, target).unwrap();
    }
}

/// A command whose file system is `root`, with an environment of its own.
fn inside(root: &Path, command: &str) -> Command {
    let mut unshare = Command::new("unshare");
    let script = format!("mount --rbind /proc \"$0/proc\" && exec chroot \"$0\" {command}");
    unshare.args(["--mount", "--map-root-user", "sh", "-c", &script]).arg(root);
    unshare.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", "/tmp");
    unshare
}

#[test]
fn a_bundle_in_parts_runs_in_a_root_with_a_c_library_alone() {
    let folder = scratch();
    let root = folder.path().join("root");
    bare_root(&root);
    let may = Command::new("unshare").args(["--mount", "--map-root-user", "true"]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        println!("skipped: this machine allows no mount namespace (unshare --mount --map-root-user)");
        return;
    }
    let parts = folder.path().join("parts");
    let name = packed(&parts);
    // Two places, the second with a blank: nothing in the bundle knows where it was made or put.
    checked(Command::new(parts.join(format!("{name}.unpack.sh"))).arg(root.join("opt")));
    std::fs::create_dir(root.join("other place")).unwrap();
    let source = clip("bundle.mkv", "-f lavfi -i testsrc2=s=160x90:r=10 -t 1 -c:v libx264 -pix_fmt yuv420p");
    std::fs::copy(&source, root.join("in.mkv")).unwrap();
    let options = "--codec ffv1 --device cpu --fps x2 --json";
    let expected = folder.path().join("expected.mkv");
    succeed(&source, &expected, options);
    for place in ["opt", "other place"] {
        let program = root.join(place).join(&name);
        if !program.exists() {
            std::fs::rename(root.join("opt").join(&name), &program).unwrap();
        }
        let run =
            format!("\"/{place}/{name}/framecast\" run --kernels cpu -y -i /in.mkv -o /out.mkv {options}");
        checked(&mut inside(&root, &run));
        assert_eq!(decoded_hash(&root.join("out.mkv"), "0:v", ""), decoded_hash(&expected, "0:v", ""));
    }
}

#[test]
fn a_bundle_of_what_is_not_there_is_refused() {
    let output = scratch();
    for (variable, value, said) in [
        ("BINARY", "/nonexistent/framecast", "make build"),
        ("PROVIDERS", "abacus", "make setup-abacus"),
        ("MODELS", "no-such-model", "models pull no-such-model"),
    ] {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/bundle.sh");
        let mut command = Command::new(script);
        command.env("BINARY", env!("CARGO_BIN_EXE_framecast")).env("OUTPUT", output.path());
        command.env("PROVIDERS", "").env(variable, value);
        let result = command.output().unwrap();
        let message = String::from_utf8_lossy(&result.stderr).into_owned();
        assert!(!result.status.success() && message.contains(said), "{message}");
        assert_eq!(output.path().read_dir().unwrap().count(), 0, "{value}");
    }
}
