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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    for (folder, is_used) in [
        (
            root.clone(),
            (|name, _| SHADERS.iter().any(|shader| shader.name == name)) as fn(&str, &str) -> bool,
        ),
        (root.join("common"), |_, text| SHADERS.iter().any(|shader| shader.source.contains(text))),
    ] {
        let mut files = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert_eq!(path.extension().unwrap(), "wgsl", "{}", path.display());
            assert!(is_used(name, &text), "{} is used by no program", path.display());
            files += 1;
        }
        assert!(files > 0, "{} is empty", folder.display());
    }
}
