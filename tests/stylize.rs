//! Image-to-image steps through the program: styles, low light, smoothing and their order, on networks whose output
//! can be computed by hand, and on the real ones where they can be had.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::Command;
use support::{Outcome, clip, outcome, program, raw, scratch};

/// A folder of stand-ins for the catalogue's networks.
const STAND_INS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/home");

/// Frames of a test picture in 4:4:4.
const FRAME: usize = 64 * 48;

/// Lossless RGB-like source: every colour, standing still.
fn still() -> std::path::PathBuf {
    clip("still.mkv", "-f lavfi -i smptebars=size=64x48:rate=5:duration=0.4 -pix_fmt yuv444p -c:v ffv1")
}

fn process(home: &Path, input: &Path, output: &Path, options: &str) -> Outcome {
    let mut command = program();
    command.env("XDG_DATA_HOME", home).arg("-i").arg(input).arg("-o").arg(output);
    outcome(command.args("--codec ffv1 --json".split_whitespace()).args(options.split_whitespace()))
}

/// The samples that the stand-ins make of `input`.
fn processed(input: &Path, options: &str) -> Vec<u8> {
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    let result = process(Path::new(STAND_INS), input, &output, options);
    assert_eq!(result.code, Some(0), "{options}: {}", result.stderr);
    raw(&output)
}

fn assert_near(actual: &[u8], expected: impl Iterator<Item = f64>, tolerance: f64, case: &str) {
    let expected: Vec<f64> = expected.collect();
    assert_eq!(actual.len(), expected.len(), "{case}");
    for (index, (a, e)) in actual.iter().zip(&expected).enumerate() {
        assert!((f64::from(*a) - e).abs() <= tolerance, "{case}: sample {index} is {a}, expected {e}");
    }
}

/// The negative of a limited-range sample at an index of 4:4:4 frames.
fn negative(index: usize, sample: u8) -> f64 {
    let is_luma = index % (3 * FRAME) < FRAME;
    f64::from(if is_luma { 16 + 235 } else { 256 }) - f64::from(sample)
}

#[test]
fn styles_are_painted_by_number_and_mixed_by_weight() {
    let source = raw(&still());
    let same = processed(&still(), "--upscale 1 --style 0");
    assert_near(&same, source.iter().copied().map(f64::from), 1.0, "style 0");
    let inverted = processed(&still(), "--upscale 1 --style 1");
    let expected = |share: f64| {
        let mixed = move |(index, sample): (usize, &u8)| {
            f64::from(*sample) + share * (negative(index, *sample) - f64::from(*sample))
        };
        source.iter().enumerate().map(mixed)
    };
    assert_near(&inverted, expected(1.0), 1.0, "style 1");
    let mixed = processed(&still(), "--upscale 1 --style 0:3,1:1");
    assert_near(&mixed, expected(0.25), 1.0, "three parts of style 0, one of style 1");
    let weak = processed(&still(), "--upscale 1 --style 1 --style-strength 0.25");
    assert_near(&weak, expected(0.25), 1.0, "a quarter of style 1");
}

#[test]
fn large_frames_are_painted_small_at_the_right_place() {
    let source = clip(
        "ramp.mkv",
        "-f lavfi -i gradients=size=322x182:c0=black:c1=white:x0=0:y0=0:x1=321:y1=181:rate=1:duration=1:speed=0.00001 -pix_fmt yuv420p -c:v ffv1",
    );
    let (before, after) = (raw(&source), processed(&source, "--upscale 1 --style 0 --style-size 64"));
    let luma = 322 * 182;
    // A smooth ramp survives at a fifth of its size, but for the picture's edges, where it is extrapolated.
    let inside = |index: &usize| (8..314).contains(&(index % 322)) && (8..174).contains(&(index / 322));
    let differences: Vec<f64> =
        (0..luma).filter(inside).map(|index| f64::from(after[index]) - f64::from(before[index])).collect();
    let mean = differences.iter().sum::<f64>() / differences.len() as f64;
    assert!(mean.abs() < 0.3, "shifted by {mean}");
    assert!(differences.iter().all(|difference| difference.abs() <= 3.0));
}

#[test]
fn a_picture_gives_its_style() {
    let folder = scratch();
    let red = folder.path().join("red.png");
    let mut make = support::ffmpeg();
    make.args(
        "-f lavfi -i color=red:size=31x20:duration=1:rate=1 -frames:v 1 -pix_fmt rgb24".split_whitespace(),
    );
    assert!(make.arg(&red).status().unwrap().success());
    let painted = processed(&still(), &format!("--upscale 1 --style {}", red.display()));
    let expected = |index: usize| [81.5, 90.2, 240.0][index % (3 * FRAME) / FRAME];
    assert_near(&painted, (0..painted.len()).map(expected), 2.0, "red");
    let missing = folder.path().join("missing.png");
    let output = folder.path().join("out.mkv");
    let result = process(Path::new(STAND_INS), &still(), &output, &format!("--style {}", missing.display()));
    assert_eq!(result.code, Some(2), "{}", result.stderr);
    assert!(!output.exists());
}

#[test]
fn low_light_is_brightened_by_the_curves_of_the_network() {
    let grey = clip(
        "grey.mkv",
        "-f lavfi -i gradients=size=64x48:c0=black:c1=white:rate=5:duration=0.4:speed=0.00001 -pix_fmt gray -c:v ffv1",
    );
    let bend = |code: u8| {
        // Grey video is of full range.
        let mut value = f64::from(code) / 255.0;
        for bend in [-0.5, -0.25] {
            value = (value - bend * value * (1.0 - value)).clamp(0.0, 1.0);
        }
        255.0 * value
    };
    let source = raw(&grey);
    let bright = processed(&grey, "--upscale 1 --enhance low-light");
    assert_near(&bright, source.iter().map(|code| bend(*code)), 1.0, "full strength");
    let weak = processed(&grey, "--upscale 1 --enhance low-light --enhance-strength 0.5");
    let half = |code: &u8| (f64::from(*code) + bend(*code)) / 2.0;
    assert_near(&weak, source.iter().map(half), 1.0, "half strength");
}

/// Mean absolute difference of luma between frames that follow each other.
fn flicker(samples: &[u8]) -> f64 {
    let frames: Vec<&[u8]> = samples.chunks_exact(3 * FRAME).map(|frame| &frame[..FRAME]).collect();
    let pairs = frames.windows(2).flat_map(|pair| pair[0].iter().zip(pair[1]));
    let differences: Vec<f64> = pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).collect();
    differences.iter().sum::<f64>() / differences.len() as f64
}

#[test]
fn noise_on_a_still_picture_flickers_less_and_a_cut_starts_anew() {
    let noisy = clip(
        "noisy.mkv",
        "-f lavfi -i smptebars=size=64x48:rate=10:duration=2,noise=c0s=8:c0f=t -pix_fmt yuv444p -c:v ffv1",
    );
    let plain = flicker(&processed(&noisy, "--upscale 1 --style 1 --smoothing 0"));
    let smooth = flicker(&processed(&noisy, "--upscale 1 --style 1"));
    assert!(plain > 1.0 && smooth < 0.5 * plain, "{smooth} after {plain}");
    let cut = clip(
        "cut.mkv",
        "-f lavfi -i color=gray:size=64x48:rate=10:duration=0.5 -f lavfi -i smptebars=size=64x48:rate=10:duration=0.5 \
         -filter_complex concat -pix_fmt yuv444p -c:v ffv1",
    );
    let smooth = processed(&cut, "--upscale 1 --style 1");
    assert_eq!(smooth, processed(&cut, "--upscale 1 --style 1 --smoothing 0"));
}

#[test]
fn steps_run_in_the_order_asked_for() {
    let folder = scratch();
    let options = "--enhance low-light --style 2";
    for (order, stages) in [
        ("", "decode curves enhance style paint upscale compose encode"),
        ("--order denoise,style,upscale,enhance", "decode style paint upscale compose curves enhance encode"),
        ("--order denoise,upscale,enhance,style", "decode upscale compose curves enhance style paint encode"),
    ] {
        let output = folder.path().join("out.mkv");
        let result = process(Path::new(STAND_INS), &still(), &output, &format!("-y {options} {order}"));
        assert_eq!(result.code, Some(0), "{}", result.stderr);
        let summary = result.summary();
        let names: Vec<_> = summary["stages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|stage| stage["stage"].as_str().unwrap())
            .collect();
        assert_eq!(names.join(" "), stages);
        assert_eq!(summary["output_size"], serde_json::json!([128, 96]));
        assert_eq!(summary["model"].as_str().unwrap().split(" + ").count(), 3);
    }
    // Brightening a tenth of the picture is not a tenth of the brightened picture.
    let early = processed(&still(), "--upscale 1 --enhance low-light --style 2");
    let late = processed(
        &still(),
        "--upscale 1 --enhance low-light --style 2 --order denoise,style,enhance,upscale",
    );
    let mean =
        |samples: &[u8]| samples[..FRAME].iter().map(|sample| f64::from(*sample)).sum::<f64>() / FRAME as f64;
    assert!(mean(&late) > mean(&early) + 3.0, "{} and {}", mean(&late), mean(&early));
}

#[test]
fn what_is_missing_or_wrong_is_told_before_anything_is_written() {
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    for (options, model) in [
        ("--style 3", "multistyle26"),
        ("--style a.png", "arbitrary-style-transform"),
        ("--enhance low-light", "zero-dce"),
    ] {
        let result = process(folder.path(), &still(), &output, options);
        assert_eq!(result.code, Some(5), "{}", result.stderr);
        assert!(result.stderr.contains(&format!("framecast models pull {model}")), "{}", result.stderr);
    }
    for (options, reason) in [
        ("--style 26", "0 to 25"),
        ("--style 3:0", "weights above 0"),
        ("--style 3 --style-strength 1.5", "0 to 1"),
        ("--style 3 --style-size 32", "64 to 2048"),
        ("--style-strength 0.5", "--style"),
        ("--smoothing 1", "0 to 0.95"),
        ("--order style,style,upscale", "each once"),
    ] {
        let result = process(folder.path(), &still(), &output, options);
        assert_eq!(result.code, Some(2), "{options}: {}", result.stderr);
        assert!(result.stderr.contains(reason), "{options}: {}", result.stderr);
    }
    assert!(!output.exists());
}

/// Pulls a model into `home`. False, with the reason printed, where that needs a network and there is none.
fn pulled(home: &Path, name: &str) -> bool {
    let cache = concat!(env!("CARGO_MANIFEST_DIR"), "/.cache/models");
    let mut command = Command::new(env!("CARGO_BIN_EXE_framecast"));
    command.env("XDG_DATA_HOME", home).args(["models", "pull", "--cache", cache, name]);
    let result = outcome(&mut command);
    if result.code == Some(7) {
        println!("skipped: {name} is not in .cache/models and cannot be fetched here: {}", result.stderr);
        return false;
    }
    assert_eq!(result.code, Some(0), "{name}: {}", result.stderr);
    true
}

#[test]
fn the_real_styles_look_each_like_itself() {
    let home = scratch();
    if !pulled(home.path(), "multistyle26") {
        return;
    }
    let paint = |style: &str| {
        let output = home.path().join(format!("{style}.mkv"));
        let result = process(home.path(), &still(), &output, &format!("--upscale 1 --style {style}"));
        assert_eq!(result.code, Some(0), "{}", result.stderr);
        let samples = raw(&output);
        let mean = |plane: usize| {
            let plane = &samples[plane * FRAME..(plane + 1) * FRAME];
            plane.iter().map(|sample| f64::from(*sample)).sum::<f64>() / FRAME as f64
        };
        [mean(0), mean(1), mean(2)]
    };
    // Style 1 draws on white and yellow, style 20 in dark red.
    let (yellow, red) = (paint("1"), paint("20"));
    assert!(yellow[0] > red[0] + 40.0, "{yellow:?} and {red:?}");
    assert!(red[2] > 140.0 && red[2] > yellow[2] + 15.0, "{yellow:?} and {red:?}");
}
