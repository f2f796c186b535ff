//! Every shader program is valid WGSL, without a GPU.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]
#![cfg(feature = "gpu")]

use framecast::kernel::gpu::SHADERS;
use naga::valid::{Capabilities, ValidationFlags, Validator};
use std::path::Path;

#[test]
fn every_program_parses_and_validates() {
    for shader in SHADERS {
        let module = naga::front::wgsl::parse_str(shader.source)
            .unwrap_or_else(|error| panic!("{}: {}", shader.name, error.emit_to_string(shader.source)));
        Validator::new(ValidationFlags::all(), Capabilities::empty())
            .validate(&module)
            .unwrap_or_else(|error| panic!("{}: {}", shader.name, error.emit_to_string(shader.source)));
        assert_eq!(module.entry_points.len(), 1, "{}", shader.name);
    }
}

#[test]
fn no_file_is_left_out() {
    for (name, _) in wgsl_files("shaders") {
        assert!(SHADERS.iter().any(|shader| shader.name == name), "{name} is no program");
    }
    for (name, text) in wgsl_files("shaders/common") {
        let used = SHADERS.iter().any(|shader| shader.source.contains(&text));
        assert!(used, "common/{name} is used by no program");
    }
}

#[cfg(feature = "window")]
#[test]
fn the_programs_of_the_window_are_valid_and_whole() {
    use framecast::live::window::SHADERS;
    for (name, source) in SHADERS {
        let module = naga::front::wgsl::parse_str(source)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(source)));
        Validator::new(ValidationFlags::all(), Capabilities::empty())
            .validate(&module)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(source)));
        let stages: Vec<_> = module.entry_points.iter().map(|entry| entry.stage).collect();
        assert_eq!(stages, [naga::ShaderStage::Vertex, naga::ShaderStage::Fragment], "{name}");
    }
    for (name, text) in wgsl_files("shaders/window") {
        assert!(
            SHADERS.iter().any(|(_, source)| source.contains(&text)),
            "window/{name} is used by no program"
        );
    }
}

/// Names, without the extension, and contents of the files in a folder of the crate; at least one.
fn wgsl_files(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = paths
        .filter(|path| path.is_file())
        .map(|path| {
            assert_eq!(path.extension().unwrap(), "wgsl", "{}", path.display());
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    assert!(!files.is_empty(), "{}", folder.display());
    files
}
