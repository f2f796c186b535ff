//! Networks named on the command line: files without a manifest, several in a row, and the denoiser.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};
use support::{clip, raw, refuse, scratch, succeed};

const SIZE: usize = 96 * 64;

/// Shapes and ramps that stand still, or the same with noise.
fn shapes(noise: bool) -> PathBuf {
    let filter = if noise { ",noise=c0s=24:c0f=t:all_seed=7" } else { "" };
    let name = if noise { "noisy.mkv" } else { "shapes.mkv" };
    let source = format!("-f lavfi -i testsrc=size=96x64:rate=5:duration=0.6,format=yuv420p{filter}");
    clip(name, &format!("{source} -pix_fmt yuv420p -c:v ffv1"))
}

fn network(name: &str) -> String {
    format!("{}/tests/models/{name}.onnx", env!("CARGO_MANIFEST_DIR"))
}

fn processed(input: &Path, options: &str) -> (Vec<u8>, serde_json::Value) {
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    let summary = succeed(input, &output, &format!("--codec ffv1 --json {options}")).summary();
    (raw(&output), summary)
}

/// Mean squared error of the luma of all frames.
fn error(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let luma = |samples: &[u8]| -> Vec<f64> {
        samples.chunks(SIZE * 3 / 2).flat_map(|frame| frame[..SIZE].iter().map(|s| f64::from(*s))).collect()
    };
    let (a, b) = (luma(a), luma(b));
    a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len() as f64
}

#[test]
fn a_file_without_a_manifest_is_probed_and_runs_before_another() {
    let folder = scratch();
    let blur = folder.path().join("soft.onnx");
    std::fs::copy(network("luma-blur"), &blur).unwrap();
    let (blur, enlarge) = (blur.display(), network("rgb-nearest-x2"));
    let source =
        clip("bars.mkv", "-f lavfi -i smptebars=size=64x48:rate=5:duration=0.4 -pix_fmt yuv444p -c:v ffv1");
    let (both, summary) = processed(&source, &format!("--model {blur} --model {enlarge}"));
    assert_eq!(summary["output_size"], serde_json::json!([128, 96]));
    assert_eq!(summary["model"], "soft + rgb-nearest-x2");
    // The same in two runs, with a file in between.
    let between = folder.path().join("between.mkv");
    succeed(&source, &between, &format!("--codec ffv1 --upscale 1 --model {blur}"));
    let (in_turn, _) = processed(&between, &format!("--model {enlarge}"));
    assert!(both == in_turn);
    let (sharp, _) = processed(&source, &format!("--model {enlarge}"));
    assert!(both != sharp);
}

#[test]
fn a_network_that_fits_no_frame_is_refused_with_the_reason() {
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    let message = refuse(&shapes(false), &output, &format!("--model {}", network("classifier")), 5);
    assert!(message.contains("classifier"), "{message}");
    assert!(!output.exists());
}

#[test]
fn noise_goes_and_shapes_stay() {
    let (clean, noisy) = (raw(&shapes(false)), raw(&shapes(true)));
    let (denoised, summary) = processed(&shapes(true), "--upscale 1 --denoise");
    assert_eq!(summary["model"], "denoise-x1");
    let (before, after) = (error(&noisy, &clean), error(&denoised, &clean));
    assert!(after < before / 3.0, "{after} of {before}");
    // Chroma is the source's, and half the strength goes half the way.
    let (half, _) = processed(&shapes(true), "--upscale 1 --denoise 0.5");
    for (index, ((half, full), source)) in half.iter().zip(&denoised).zip(&noisy).enumerate() {
        if index % (SIZE * 3 / 2) >= SIZE {
            assert_eq!((half, full), (source, source));
        } else {
            let expected = (f64::from(*full) + f64::from(*source)) / 2.0;
            assert!((f64::from(*half) - expected).abs() <= 0.5, "sample {index}");
        }
    }
}

#[test]
fn noise_goes_before_enlargement_unless_asked_otherwise() {
    let stages = |order: &str| -> String {
        let (_, summary) = processed(&shapes(true), &format!("--denoise {order}"));
        let stages = summary["stages"].as_array().unwrap();
        stages.iter().map(|stage| stage["stage"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(stages(""), "decode denoise merge upscale compose encode");
    assert_eq!(
        stages("--order enhance,style,upscale,denoise"),
        "decode upscale compose denoise merge encode"
    );
}
