//! Codecs in hardware: what is asked for is what runs, or it is told; the pixels are the same either way.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and says why it is skipped"
)]

mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use support::{GreyCard, clip, decoded_hash, derived, frame_times, raw, refuse, scratch, succeed};

fn source() -> PathBuf {
    clip("hardware.mkv", "-f lavfi -i testsrc2=s=160x90:r=10 -t 1 -c:v libx264 -pix_fmt yuv420p")
}

#[test]
fn a_device_that_is_not_there_is_refused_before_anything_is_written() {
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    let result = refuse(&source(), &output, "--hwaccel vaapi:/nonexistent --device cpu", 2);
    assert!(result.contains("--hwaccel: expected vaapi to work on /nonexistent"), "{result}");
    assert!(result.contains("--hwaccel off"), "{result}");
}

#[test]
fn an_encoder_without_its_device_is_refused_before_anything_is_written() {
    let report = support::doctor();
    let vaapi =
        report["hardware"].as_array().unwrap().iter().find(|report| report["name"] == "vaapi").unwrap();
    if vaapi["working"] == true {
        println!("skipped: this machine has a VA-API device");
        return;
    }
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    let result = refuse(&source(), &output, "--codec h264_vaapi --crf 20 --device cpu", 2);
    assert!(result.contains("--codec: expected a vaapi device for encoder h264_vaapi"), "{result}");
    assert!(result.contains("or use another encoder"), "{result}");
}

#[test]
fn the_first_device_that_works_or_the_processor_gives_the_same_pixels_and_is_named() {
    let folder = scratch();
    let hashes: Vec<String> = ["off", "auto"]
        .iter()
        .map(|asked| {
            let output = folder.path().join(format!("{asked}.mkv"));
            let options = format!("--hwaccel {asked} --upscale 1 --codec ffv1 --device cpu --json");
            let result = succeed(&source(), &output, &options);
            let summary = result.summary();
            assert_eq!(summary["decoder"], "h264");
            if *asked == "off" {
                assert!(summary["hwaccel"].is_null());
            } else {
                let told = result.stderr.contains("h264 is decoded on the processor");
                assert_eq!(summary["hwaccel"].is_null(), told, "{summary} {}", result.stderr);
            }
            decoded_hash(&output, "0:v", "")
        })
        .collect();
    assert_eq!(hashes[0], hashes[1]);
}

#[test]
fn a_codec_that_no_device_knows_is_decoded_by_the_processor_and_that_is_told() {
    let folder = scratch();
    let lossless =
        clip("hardware-ffv1.mkv", "-f lavfi -i testsrc2=s=160x90:r=10 -t 1 -c:v ffv1 -pix_fmt yuv420p");
    let output = folder.path().join("out.mkv");
    let result = succeed(&lossless, &output, "--hwaccel vaapi --upscale 1 --codec ffv1 --device cpu --json");
    assert!(result.stderr.contains("vaapi does not decode ffv1; the processor does"), "{}", result.stderr);
    assert!(result.summary()["hwaccel"].is_null());
    assert_eq!(decoded_hash(&output, "0:v", ""), decoded_hash(&lossless, "0:v", ""));
}

#[test]
fn the_doctor_tells_what_ffmpeg_decodes_in_hardware() {
    let diagnosis = support::doctor();
    let hardware = diagnosis["hardware"].as_array().unwrap();
    let vaapi = hardware.iter().find(|report| report["name"] == "vaapi").unwrap();
    let names = |field: &str| vaapi[field].as_array().unwrap().clone();
    assert!(names("decoders").contains(&"h264".into()) && names("encoders").contains(&"h264_vaapi".into()));
    assert_eq!(vaapi["working"].as_bool().unwrap(), vaapi["problem"].is_null());
}

/// Without a network, so that pixels and times of the output are those that were decoded.
const AS_DECODED: &str = "--upscale 1 --codec ffv1 --device cpu --json";

fn av1() -> PathBuf {
    clip("hardware-av1.mkv", "-f lavfi -i testsrc2=s=160x90:r=10 -t 2 -c:v libsvtav1 -g 8 -pix_fmt yuv420p")
}

/// Frames that come late, as their order is another than that of the packets.
fn reordered() -> PathBuf {
    clip(
        "hardware-reordered.mkv",
        "-f lavfi -i testsrc2=s=160x90:r=10 -t 2 -c:v libx264 -bf 3 -g 8 -pix_fmt yuv420p",
    )
}

/// What software made of a clip: its frames, their times, and the summary.
fn in_software(input: &Path, folder: &Path, options: &str) -> (String, Vec<support::Fraction>, Value) {
    let output = folder.join("software.mkv");
    let result = succeed(input, &output, &format!("{AS_DECODED} {options} -y"));
    (decoded_hash(&output, "0:v", ""), frame_times(&output, "v:0"), result.summary())
}

#[test]
fn where_a_card_cannot_decode_a_stream_the_processor_gives_out_every_frame_of_it() {
    let card = match GreyCard::new() {
        Ok(card) => card,
        Err(reason) => return println!("skipped: {reason}"),
    };
    let folder = scratch();
    // A card that lacks AV1 says so, and FFmpeg's AV1 decoder is of no use then; its H.264 decoder goes on by itself.
    let cases = [
        (av1(), "lacks", "cuda does not decode this av1 stream: the device does not support it"),
        (av1(), "fails", "cuda does not decode this av1 stream: it failed on the first packets"),
        (reordered(), "lacks", "cuda declines this h264 stream"),
        (reordered(), "fails", "cuda does not decode this h264 stream: it failed on the first packets"),
    ];
    for (input, makes, problem) in cases {
        for (asked, part) in [("auto", ""), ("cuda", "--start 0.75 --duration 0.9")] {
            let (pixels, times, expected) = in_software(&input, folder.path(), part);
            let output = folder.path().join("out.mkv");
            let options = format!("{AS_DECODED} --hwaccel {asked} {part} -y");
            let result = card.run(makes, &input, &output, &options);
            let summary = result.summary();
            let case = format!("{makes} {asked} {part} {summary} {}", result.stderr);
            assert_eq!(decoded_hash(&output, "0:v", ""), pixels, "{case}");
            assert_eq!(frame_times(&output, "v:0"), times, "{case}");
            assert_eq!(summary["decoder"], expected["decoder"], "{case}");
            assert_eq!(summary["frames_in"], expected["frames_in"], "{case}");
            assert_eq!(summary["damaged"], 0, "{case}");
            assert!(summary["hwaccel"].is_null(), "{case}");
            assert!(summary["hwaccel_problem"].as_str().unwrap().starts_with(problem), "{case}");
            assert!(result.stderr.contains(problem), "{case}");
        }
    }
}

#[test]
fn a_card_that_knows_av1_decodes_it_with_ffmpegs_own_decoder() {
    let card = match GreyCard::new() {
        Ok(card) => card,
        Err(reason) => return println!("skipped: {reason}"),
    };
    let folder = scratch();
    for (input, decoder) in [(av1(), "av1"), (reordered(), "h264")] {
        let (_, times, _) = in_software(&input, folder.path(), "");
        for asked in ["auto", "cuda"] {
            let output = folder.path().join("out.mkv");
            let options = format!("{AS_DECODED} --hwaccel {asked} -y");
            let result = card.run("grey", &input, &output, &options);
            let summary = result.summary();
            let case = format!("{asked} {summary} {}", result.stderr);
            assert_eq!(
                (&summary["decoder"], &summary["hwaccel"]),
                (&decoder.into(), &"cuda".into()),
                "{case}"
            );
            assert!(summary["hwaccel_problem"].is_null(), "{case}");
            assert_eq!(frame_times(&output, "v:0"), times, "{case}");
            assert!(raw(&output).iter().all(|sample| *sample == 128), "{case}");
        }
    }
}

#[test]
fn pictures_that_do_not_come_from_the_card_are_not_made_up() {
    let card = match GreyCard::new() {
        Ok(card) => card.failing("downloads"),
        Err(reason) => return println!("skipped: {reason}"),
    };
    let folder = scratch();
    let (pixels, times, _) = in_software(&av1(), folder.path(), "");
    let output = folder.path().join("out.mkv");
    // FFmpeg itself notices nothing.
    let summary = card.run("grey", &av1(), &output, &format!("{AS_DECODED} --hwaccel cuda")).summary();
    assert_eq!(decoded_hash(&output, "0:v", ""), pixels, "{summary}");
    assert_eq!(frame_times(&output, "v:0"), times, "{summary}");
    assert!(summary["hwaccel"].is_null() && summary["hwaccel_problem"].is_string(), "{summary}");
}

#[test]
fn damaged_streams_and_those_joined_in_the_middle_are_decoded_alike_whatever_the_card_makes_of_them() {
    let card = match GreyCard::new() {
        Ok(card) => card,
        Err(reason) => return println!("skipped: {reason}"),
    };
    let folder = scratch();
    let damaged = derived("hardware-damaged.mkv", "-i @0 -c copy -bsf:v noise=amount=300", &[&av1()]);
    let whole = clip(
        "hardware-whole.ts",
        "-f lavfi -i testsrc2=s=160x90:r=10 -t 3 -c:v libx264 -bf 3 -g 8 -pix_fmt yuv420p",
    );
    // Without its first key frame and the parameters in it.
    let joined = derived(
        "hardware-joined.ts",
        "-i @0 -c copy -copyts -bsf:v noise=drop=lt(n\\,3) -f mpegts",
        &[&whole],
    );
    for (input, cards) in [(damaged, &["lacks", "fails"][..]), (joined, &["grey", "lacks", "fails"])] {
        let (pixels, times, expected) = in_software(&input, folder.path(), "");
        assert!(times.len() < 30, "{expected}");
        for makes in cards {
            let output = folder.path().join("out.mkv");
            let result = card.run(makes, &input, &output, &format!("{AS_DECODED} --hwaccel cuda -y"));
            let summary = result.summary();
            let case = format!("{makes} {summary} {expected} {}", result.stderr);
            assert_eq!(frame_times(&output, "v:0"), times, "{case}");
            assert_eq!(summary["damaged"], expected["damaged"], "{case}");
            assert_eq!(summary["hwaccel"] == "cuda", *makes == "grey", "{case}");
            assert_eq!(decoded_hash(&output, "0:v", "") == pixels, *makes != "grey", "{case}");
        }
    }
}

#[test]
fn av1_on_a_card_that_is_not_there_is_refused_like_any_codec() {
    let report = support::doctor();
    let cuda = report["hardware"].as_array().unwrap().iter().find(|report| report["name"] == "cuda");
    if cuda.is_none_or(|cuda| cuda["working"] == true) {
        println!("skipped: this machine has a CUDA device, or this FFmpeg no CUDA");
        return;
    }
    let folder = scratch();
    let result = refuse(&av1(), &folder.path().join("out.mkv"), "--hwaccel cuda --device cpu", 2);
    assert!(result.contains("--hwaccel: expected cuda to work"), "{result}");
}
