//! Networks that nobody described: probed, refused with the reason, tiled, chained, and given arguments.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use framecast::frame::{DataType, TensorColor, TensorLayout};
use framecast::model::{Manifest, Runtime, Task, probe};
use std::path::{Path, PathBuf};

fn network(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/models/{name}.onnx"))
}

fn probed(name: &str) -> Result<Manifest, String> {
    let runtime = Runtime::load(None).unwrap();
    probe(&runtime, &std::fs::read(network(name)).unwrap(), name).map_err(|error| error.to_string())
}

fn found(name: &str) -> Manifest {
    let manifest = probed(name).unwrap();
    let written = manifest.to_toml().unwrap();
    assert_eq!(Manifest::parse(&written, "written").unwrap(), manifest, "{written}");
    manifest
}

mod probing {
    use super::*;

    #[test]
    fn what_a_plain_network_expects() {
        let manifest = found("rgb-nearest-x2");
        assert_eq!(manifest.summary(), "2x, RGB 0..1, NCHW f32, margin 0");
        assert_eq!((manifest.scale, manifest.task), (2, Task::SuperResolution));
        assert!(manifest.description.contains("assumed: the order RGB"), "{}", manifest.description);
        let blur = found("luma-blur");
        assert_eq!((blur.scale, blur.input.colour), (1, TensorColor::Luma));
        assert_eq!(blur.task, Task::Restoration);
        assert_eq!(found("luma-identity-f16").input.dtype, DataType::F16);
    }

    #[test]
    fn layout_and_type() {
        let manifest = found("bytes-nhwc-x2");
        assert_eq!(manifest.input.layout, TensorLayout::Nhwc);
        assert_eq!((manifest.input.dtype, manifest.input.range), (DataType::U8, 255.0));
        assert_eq!(manifest.scale, 2);
    }

    #[test]
    fn the_value_range() {
        let codes = found("codes-255");
        assert_eq!((codes.input.range, codes.input.mean, codes.output.range), (255.0, 0.0, None));
        let signed = found("signed");
        assert_eq!((signed.input.range, signed.input.mean, signed.output.range), (2.0, 1.0, None));
        assert!(signed.summary().contains("RGB -1..1"), "{}", signed.summary());
    }

    #[test]
    fn the_order_of_channels() {
        let manifest = found("swaps-channels");
        assert_eq!(manifest.input.colour, TensorColor::Rgb);
        assert_eq!(manifest.output.colour, Some(TensorColor::Bgr));
        assert!(manifest.summary().contains("RGB 0..1 to BGR 0..1"), "{}", manifest.summary());
    }

    #[test]
    fn sizes() {
        let fixed = found("fixed-64x48-x2");
        assert_eq!((fixed.input.width, fixed.input.height, fixed.scale), (Some(64), Some(48), 2));
        let valid = found("valid-x2");
        assert_eq!((valid.input.padding, valid.scale, valid.receptive_margin), (4, 2, 0));
        let aligned = found("multiple-of-4");
        assert_eq!((aligned.input.multiple, aligned.scale), (4, 1));
    }

    #[test]
    fn the_reach() {
        let wide = found("wide");
        // Theory says 32; beyond 20 or so the taps' weights are below a code value.
        assert!((16..=40).contains(&wide.receptive_margin) && !wide.global, "{}", wide.summary());
        assert!(found("whole-picture").global);
        assert!(!found("multiple-of-4").global);
    }

    #[test]
    fn arguments() {
        let manifest = found("strength");
        assert_eq!(manifest.arguments[0].default, [1.0]);
        assert!(manifest.description.contains("strength = 1"), "{}", manifest.description);
        let manifest = found("needs-curve");
        assert_eq!(
            (manifest.arguments[0].shape.as_slice(), manifest.arguments[0].default.len()),
            (&[3][..], 0)
        );
    }

    #[test]
    fn what_is_no_picture_in_and_out_is_refused_with_the_reason() {
        for (name, reason) in [
            ("classifier", "none of its outputs is a picture: \"output\" has shape [1, 3]"),
            ("two-pictures", "it takes 2 pictures (before, after), expected 1"),
            ("four-channels", "expected [1, 1 or 3, height, width]"),
        ] {
            let error = probed(name).unwrap_err();
            assert!(error.contains(reason), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
        let runtime = Runtime::load(None).unwrap();
        let error = probe(&runtime, b"no network", "junk").unwrap_err().to_string();
        assert!(error.contains("ONNX Runtime refuses it"), "{error}");
    }
}
