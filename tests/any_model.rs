//! Networks that nobody described: probed, refused with the reason, tiled, chained, and given arguments.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use framecast::config::{ProcessingOptions, Target};
use framecast::engine::{Engine, Pull, Push};
use framecast::frame::{
    DataType, Frame, FrameInfo, PixelFormat, Rational, Subsampling, TensorColor, TensorLayout,
};
use framecast::model::{Manifest, Runtime, Task, probe};
use framecast::stage::Geometry;
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
            ("fixed-huge", "has shape [1, 3, 100000, 100000] (-1 is any), expected"),
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

const GREY: u8 = 128;

/// Smooth luma with edges and a little chroma, all inside what RGB can show.
fn picture(width: u32, height: u32, format: PixelFormat, chroma: u8) -> Frame {
    let info = FrameInfo { duration: 1, ..FrameInfo::new(width, height, format) };
    let mut frame = Frame::allocate(info, None);
    for (index, plane) in frame.planes_mut().iter_mut().enumerate() {
        for (y, row) in plane.rows_mut().enumerate() {
            for (x, sample) in row.iter_mut().enumerate() {
                let wave = (x as f32 * 0.21).sin() * (y as f32 * 0.13).cos();
                let step = if (x / 19 + y / 23) % 2 == 0 { 25.0 } else { -25.0 };
                *sample = match index {
                    0 => (126.0 + 45.0 * wave + step) as u8,
                    _ => (f32::from(GREY) + f32::from(chroma) * wave) as u8,
                };
            }
        }
    }
    frame
}

fn options(networks: &[&str], factor: u32) -> ProcessingOptions {
    let models = networks.iter().map(|name| network(name).to_str().unwrap().to_owned()).collect();
    ProcessingOptions { models, target: Target::Factor(factor), threads: Some(1), ..Default::default() }
}

fn run(source: &Frame, options: &ProcessingOptions) -> Result<Frame, String> {
    let info = &source.info;
    let geometry =
        Geometry { width: info.width, height: info.height, format: info.format, color: info.color };
    let mut engine = Engine::new(geometry, Rational::new(1, 1), Rational::new(1, 25), options)
        .map_err(|error| error.to_string())?;
    assert!(matches!(engine.push_frame(source.clone()).unwrap(), Push::Accepted));
    match engine.wait_frame().map_err(|error| error.to_string())? {
        Pull::Frame(frame) => Ok(frame),
        other => panic!("{other:?}"),
    }
}

fn luma(frame: &Frame) -> Vec<i32> {
    frame.planes()[0].rows().flatten().map(|sample| i32::from(*sample)).collect()
}

/// The largest difference of samples, in all planes.
fn difference(a: &Frame, b: &Frame) -> i32 {
    assert_eq!((a.info.width, a.info.height, a.info.format), (b.info.width, b.info.height, b.info.format));
    let pairs = a.planes().iter().zip(b.planes()).flat_map(|(a, b)| a.rows().zip(b.rows()));
    let samples = pairs.flat_map(|(a, b)| a.iter().zip(b));
    samples.map(|(a, b)| (i32::from(*a) - i32::from(*b)).abs()).max().unwrap()
}

mod tiling {
    use super::*;

    #[test]
    fn tiles_and_whole_pictures_agree() {
        let source = picture(203, 141, PixelFormat::yuv(Subsampling::S444, 8), 30);
        for (name, factor) in [
            ("wide", 1),
            ("multiple-of-4", 1),
            ("valid-x2", 2),
            ("bytes-nhwc-x2", 2),
            ("codes-255", 1),
            ("signed", 1),
        ] {
            let whole = ProcessingOptions { tile: Some(2048), ..options(&[name], factor) };
            let tiled = ProcessingOptions { tile: Some(64), ..whole.clone() };
            let (whole, tiled) = (run(&source, &whole).unwrap(), run(&source, &tiled).unwrap());
            assert!(difference(&whole, &tiled) <= 1, "{name}: {}", difference(&whole, &tiled));
            assert_ne!(luma(&whole), vec![0; luma(&whole).len()], "{name}");
        }
    }

    #[test]
    fn a_network_of_one_size_sees_every_part_of_a_larger_picture() {
        // Without colour, the network's 3 x 3 blur is one of the luma.
        let (width, height) = (150usize, 100usize);
        let source = picture(width as u32, height as u32, PixelFormat::yuv(Subsampling::S444, 8), 0);
        let made = luma(&run(&source, &options(&["fixed-64x48-x2"], 2)).unwrap());
        let before = luma(&source);
        for y in 1..height - 1 {
            for x in 1..width - 1 {
                let places = (0..9).map(|index| (y + index / 3 - 1) * width + x + index % 3 - 1);
                let mean = places.map(|place| f64::from(before[place])).sum::<f64>() / 9.0;
                for place in [2 * y * 2 * width + 2 * x, (2 * y + 1) * 2 * width + 2 * x + 1] {
                    let found = f64::from(made[place]);
                    assert!((found - mean).abs() <= 1.0, "({x}, {y}): {found}, expected {mean}");
                }
            }
        }
    }

    #[test]
    fn a_network_that_sees_the_whole_picture_is_not_tiled() {
        let source = picture(720, 16, PixelFormat::yuv(Subsampling::S444, 8), 0);
        let made = luma(&run(&source, &options(&["whole-picture"], 1)).unwrap());
        let before = luma(&source);
        let mean = |values: &[i32]| values.iter().sum::<i32>() / values.len() as i32;
        // The whole picture's mean becomes half of the range, and differences stay.
        let (mean_before, mean_after) = (mean(&before), mean(&made));
        assert!((mean_after - 126).abs() <= 1, "{mean_after}");
        for (before, after) in before.iter().zip(&made) {
            let expected = mean_after + before - mean_before;
            assert!((after - expected).abs() <= 2, "{after}, expected {expected}");
        }
    }
}

mod chains {
    use super::*;

    #[test]
    fn each_network_works_on_what_the_one_before_made() {
        let source = picture(62, 46, PixelFormat::yuv(Subsampling::S444, 8), 30);
        for (first, first_factor, second, second_factor) in [
            ("luma-blur", 1, "rgb-nearest-x2", 2),
            ("rgb-nearest-x2", 2, "luma-blur", 1),
            ("rgb-nearest-x2", 2, "rgb-nearest-x2", 2),
            ("luma-blur", 1, "luma-blur", 1),
            ("strength", 1, "codes-255", 1),
        ] {
            let chained = run(&source, &options(&[first, second], first_factor * second_factor)).unwrap();
            let between = run(&source, &options(&[first], first_factor)).unwrap();
            let apart = run(&between, &options(&[second], second_factor)).unwrap();
            assert!(difference(&chained, &apart) <= 1, "{first}, {second}: {}", difference(&chained, &apart));
            assert!(luma(&chained) != luma(&source));
        }
    }

    #[test]
    fn chroma_follows_luma_networks_to_the_next_colour_network() {
        let source = picture(62, 46, PixelFormat::YUV420P, 30);
        let made = run(&source, &options(&["luma-blur", "rgb-nearest-x2", "luma-blur"], 2)).unwrap();
        assert_eq!((made.info.width, made.info.height), (124, 92));
        for plane in 1..3 {
            let (from, to) = (&source.planes()[plane], &made.planes()[plane]);
            for (y, row) in to.rows().enumerate() {
                for (x, sample) in row.iter().enumerate() {
                    let expected = from.row_u8(y / 2)[x / 2];
                    assert!(sample.abs_diff(expected) <= 8, "{plane} ({x}, {y}): {sample}, not {expected}");
                }
            }
        }
    }

    #[test]
    fn what_a_chain_does_not_reach_is_resampled() {
        let source = picture(40, 30, PixelFormat::YUV420P, 10);
        for (networks, factor) in [(&["rgb-nearest-x2"][..], 3), (&["rgb-nearest-x2", "rgb-nearest-x2"], 3)] {
            let made = run(&source, &options(networks, factor)).unwrap();
            assert_eq!((made.info.width, made.info.height), (120, 90));
            let mean = |values: &[i32]| f64::from(values.iter().sum::<i32>()) / values.len() as f64;
            assert!((mean(&luma(&made)) - mean(&luma(&source))).abs() < 1.0);
        }
    }
}

mod arguments {
    use super::*;

    fn with(networks: &[&str], arguments: &[(&str, &str)]) -> ProcessingOptions {
        let model_arguments =
            arguments.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        ProcessingOptions { model_arguments, ..options(networks, 1) }
    }

    #[test]
    fn values_reach_the_network() {
        let source = picture(40, 30, PixelFormat::yuv(Subsampling::S444, 8), 0);
        let result =
            |networks: &[&str], arguments: &[(&str, &str)]| run(&source, &with(networks, arguments)).unwrap();
        assert!(difference(&result(&["strength"], &[("strength", "0")]), &source) <= 1);
        assert!(difference(&result(&["strength"], &[]), &source) > 5);
        let same = result(&["needs-curve"], &[("needs-curve:curve", "1,1,1")]);
        assert!(difference(&same, &source) <= 1);
        assert!(difference(&result(&["needs-curve"], &[("curve", "0.5")]), &source) > 20);
    }

    #[test]
    fn wrong_and_missing_ones_are_refused_with_what_there_is() {
        let source = picture(40, 30, PixelFormat::YUV420P, 0);
        for (networks, arguments, reason) in [
            (&["strength"][..], &[("strenght", "1")][..], "expected strength:strength (1 number, default 1)"),
            (&["strength"], &[("strength", "1,2")], "found 2 numbers"),
            (&["strength"], &[("strength", "much")], "a number, or numbers with commas"),
            (&["luma-blur"], &[("strength", "1")], "no argument, for no model"),
            (&["needs-curve"], &[], "--model-arg curve=VALUE"),
        ] {
            let error = run(&source, &with(networks, arguments)).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
