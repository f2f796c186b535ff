//! Weights between those of two networks, in memory and with `--detail`.

use super::support;
use framecast::model::interpolate;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(name)
}

fn network(name: &str) -> Vec<u8> {
    std::fs::read(model(name)).unwrap()
}

#[test]
fn a_mixed_network_lies_between_its_origins() {
    let (half, full) = (network("half-luma.onnx"), network("full-luma.onnx"));
    let input = support::picture([1, 8, 12]);
    let full_output = support::run_plain(&full, &input);
    assert!(full_output.iter().any(|&value| value > 0.9));
    for (amount, factor) in [(0.0, 0.5), (0.25, 0.625), (0.5, 0.75), (1.0, 1.0)] {
        let mixed = support::run_plain(&interpolate(&half, &full, amount).unwrap(), &input);
        for (mixed, full) in mixed.iter().zip(&full_output) {
            assert!((mixed - factor * full).abs() < 1e-6, "{amount}: {mixed} of {full}");
        }
    }
}

#[test]
fn networks_that_differ_are_refused_with_the_difference() {
    let half = network("half-luma.onnx");
    for (other, amount, expected) in [
        (network("luma-blur.onnx"), 0.5, "settings or inputs"),
        (network("black.onnx"), 0.5, "operator 0 is Conv in one network and Mul in the other"),
        (network("not-a-number.onnx"), 0.5, "1 and 2 operators"),
        (network("full-luma.onnx"), 1.5, "the amount is 1.5, expected 0 to 1"),
        (network("full-luma.onnx"), f32::NAN, "expected 0 to 1"),
        (b"GIF89a".to_vec(), 0.5, "the second network is no ONNX file"),
        (Vec::new(), 0.5, "it has no graph"),
    ] {
        let error = interpolate(&half, &other, amount).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected:?} is missing in {error:?}");
    }
}

#[test]
fn damaged_networks_never_panic() {
    let half = network("half-luma.onnx");
    for place in 0..half.len() {
        for bit in 0..8 {
            let mut damaged = half.clone();
            damaged[place] ^= 1 << bit;
            let _ = interpolate(&half, &damaged, 0.5);
        }
        let _ = interpolate(&half, &half[..place], 0.5);
    }
}

/// Runs the program over a grey picture of value 200; returns the grey that comes out.
fn run(name: &str, options: &[&str]) -> (Output, Option<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("grey.png"), folder.path().join("out.png"));
    image::GrayImage::from_pixel(32, 16, image::Luma([200])).save(&from).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_framecast"))
        .args(["run", "--kernels", "cpu", "--upscale", "1", "--model"])
        .arg(model(name))
        .arg("-i")
        .arg(&from)
        .arg("-o")
        .arg(&to)
        .args(options)
        .output()
        .unwrap();
    let grey = image::open(&to).ok().map(|picture| picture.to_luma8().get_pixel(7, 7).0[0]);
    (output, grey)
}

#[test]
fn detail_mixes_a_model_with_its_partner() {
    for (options, expected) in [
        (vec![], 100),
        (vec!["--detail", "0"], 100),
        (vec!["--detail", "0.5"], 150),
        (vec!["--detail", "1"], 200),
    ] {
        let (output, grey) = run("half-luma.onnx", &options);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(grey.unwrap().abs_diff(expected) <= 1, "{options:?} gave {grey:?}");
    }
}

#[test]
fn detail_is_refused_where_it_makes_no_sense() {
    for (name, options, code, expected) in [
        ("full-luma.onnx", ["--detail", "0.5"], 5, "no partner with more detail"),
        ("half-luma.onnx", ["--detail", "1.5"], 2, "0 to 1"),
        ("half-luma.onnx", ["--detail", "-1"], 2, "0 to 1"),
    ] {
        let (output, grey) = run(name, &options);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{message}");
        assert!(message.contains(expected) && grey.is_none(), "{message}");
    }
}
