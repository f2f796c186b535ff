//! Codecs in hardware: what is asked for is what runs, or it is told; the pixels are the same either way.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and says why it is skipped"
)]

mod support;

use std::path::PathBuf;
use support::{clip, decoded_hash, refuse, scratch, succeed};

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
