//! Frames that a card decodes stay in its memory for kernels on the same card, and come out the same.

#![cfg(all(feature = "gpu", target_os = "linux"))]
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
use support::{GreyCard, agree, card_with_kernels, clip, frame_times, raw, scratch};

/// A card for decoding, whose memory kernels read.
fn card() -> Option<GreyCard> {
    card_with_kernels().map_err(|reason| println!("skipped: {reason}")).ok()
}

/// AV1 knows no fields, so nobody looks at its pictures for them.
fn av1(name: &str, format: &str) -> PathBuf {
    let recipe = format!("-f lavfi -i testsrc2=s=160x90:r=10 -t 3 -c:v libsvtav1 -g 8 -pix_fmt {format}");
    clip(name, &recipe)
}

/// H.264 may be interlaced.
fn h264() -> PathBuf {
    clip(
        "device-h264.mkv",
        "-f lavfi -i testsrc2=s=160x90:r=10 -t 3 -c:v libx264 -bf 3 -g 8 -pix_fmt yuv420p",
    )
}

/// The samples of a run, their bytes each, and its summary.
fn made(
    card: &GreyCard,
    input: &Path,
    folder: &Path,
    kernels: &str,
    options: &str,
) -> (Vec<u8>, Vec<support::Fraction>, Value) {
    let output = folder.join(format!("{kernels}.mkv"));
    let options = format!("--device cpu --hwaccel cuda --codec ffv1 --json -y {options}");
    let summary = card.run_with(kernels, "ramps", input, &output, &options).summary();
    assert_eq!(summary["hwaccel"], "cuda", "{summary}");
    (raw(&output), frame_times(&output, "v:0"), summary)
}

#[test]
fn pictures_that_stay_on_the_card_come_out_as_those_that_left_it() {
    let Some(card) = card() else { return };
    let folder = scratch();
    let cases = [
        (av1("device-8.mkv", "yuv420p"), false, "--model nano-x2"),
        (av1("device-10.mkv", "yuv420p10le"), true, "--model nano-x2 --reuse off"),
        (h264(), false, "--model nano-x2 --deinterlace off --start 0.5"),
        // Without a network the processor looks at them in the end; between them, motion does at once.
        (av1("device-8.mkv", "yuv420p"), false, "--upscale 1"),
        (
            av1("device-8.mkv", "yuv420p"),
            false,
            "--model nano-x2 --fps x2 --mode predict --motion-model flow",
        ),
    ];
    for (input, is_wide, options) in cases {
        let (expected, times, plain) = made(&card, &input, folder.path(), "cpu", options);
        let (found, found_times, summary) = made(&card, &input, folder.path(), "gpu", options);
        let case = format!("{} {options}: {summary}", input.display());
        assert_eq!(plain["kept_on_device"], 0, "{case}");
        assert!(summary["kept_on_device"].as_u64().unwrap() >= 8, "{case}");
        assert_eq!((found_times, &summary["frames_in"]), (times, &plain["frames_in"]), "{case}");
        assert!(agree(&found, &expected, is_wide), "{case}");
        // Ramps are not grey.
        assert!(expected.iter().max() > Some(&200) && expected.iter().min() < Some(&50), "{case}");
    }
}

#[test]
fn pictures_that_stay_are_not_copied_to_host_memory() {
    let Some(card) = card() else { return };
    let folder = scratch();
    let log = folder.path().join("downloads");
    let card = card.logging(&log);
    let input = av1("device-8.mkv", "yuv420p");
    for (kernels, options) in [("gpu", "--model nano-x2"), ("cpu", "--model nano-x2"), ("gpu", "--upscale 1")]
    {
        // Each worker looks at its first picture; those of two come before any stays.
        let options = &format!("--threads 2 {options}");
        let (_, _, summary) = made(&card, &input, folder.path(), kernels, options);
        let downloads = std::fs::read(&log).unwrap().len() as u64;
        std::fs::remove_file(&log).unwrap();
        let [frames, kept] = ["frames_in", "kept_on_device"].map(|name| summary[name].as_u64().unwrap());
        // Two planes each, luma and both chromas in one.
        let stayed = if options.ends_with("--upscale 1") { 0 } else { kept };
        assert_eq!(downloads, 2 * (frames - stayed), "{kernels} {options} {summary}");
        assert_eq!(kept > 0, kernels == "gpu", "{summary}");
    }
}

#[test]
fn pictures_leave_the_card_where_somebody_must_look_for_fields() {
    let Some(card) = card() else { return };
    let folder = scratch();
    let input = h264();
    for deinterlace in ["auto", "on"] {
        let options = format!("--model nano-x2 --deinterlace {deinterlace}");
        let (_, _, summary) = made(&card, &input, folder.path(), "gpu", &options);
        assert_eq!(summary["kept_on_device"], 0, "{summary}");
    }
}
