//! Finished frames stay on the card until its encoder has them, and come out the same as through host memory.

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
use support::{GreyCard, Outcome, Probe, agree, card_with_kernels, clip, frame_times, raw, scratch};

/// A card with an encoder, if this FFmpeg has one for it.
fn card() -> Option<GreyCard> {
    let report = support::doctor();
    let cuda = report["hardware"].as_array().unwrap().iter().find(|kind| kind["name"] == "cuda");
    if !cuda.is_some_and(|cuda| cuda["encoders"].as_array().unwrap().contains(&"h264_nvenc".into())) {
        println!("skipped: this FFmpeg has no h264_nvenc");
        return None;
    }
    let card = card_with_kernels().and_then(GreyCard::with_encoder);
    card.map_err(|reason| println!("skipped: {reason}")).ok()
}

/// AV1 knows no fields, so nobody looks at its pictures for them.
fn av1(format: &str) -> PathBuf {
    let recipe = format!("-f lavfi -i testsrc2=s=160x90:r=10 -t 3 -c:v libsvtav1 -g 8 -pix_fmt {format}");
    clip(&format!("encoding-{format}.mkv"), &recipe)
}

/// Odd sides, with a time stamp left out now and then.
fn odd() -> PathBuf {
    let source = "testsrc2=s=161x91:r=10,select=mod(n\\,5)";
    clip(
        "encoding-odd.mkv",
        &format!("-f lavfi -i {source} -t 2 -fps_mode passthrough -c:v ffv1 -pix_fmt yuv420p"),
    )
}

/// What a run gives: samples, times, summary.
struct Made {
    samples: Vec<u8>,
    times: Vec<support::Fraction>,
    summary: Value,
    stderr: String,
}

fn run(card: &GreyCard, input: &Path, output: &Path, kernels: &str, options: &str) -> Outcome {
    let options = format!("--device cpu --threads 2 --codec h264_nvenc --json -y {options}");
    card.try_with(kernels, "moves", input, output, &options)
}

fn made(card: &GreyCard, input: &Path, output: &Path, kernels: &str, options: &str) -> Made {
    let result = run(card, input, output, kernels, options);
    assert_eq!(result.code, Some(0), "{} {options}: {}", input.display(), result.stderr);
    let summary = result.summary();
    Made { samples: raw(output), times: frame_times(output, "v:0"), summary, stderr: result.stderr }
}

/// Planes that went to host memory and that came from there since the last call.
fn copies(log: &Path) -> (usize, usize) {
    let bytes = std::fs::read(log).unwrap_or_default();
    let _ = std::fs::remove_file(log);
    let count = |kind: u8| bytes.iter().filter(|byte| **byte == kind).count();
    (count(b'.'), count(b'^'))
}

#[test]
fn frames_that_stay_on_the_card_are_encoded_as_those_that_left_it() {
    let Some(card) = card() else { return };
    let folder = scratch();
    let log = folder.path().join("copies");
    let card = card.logging(&log);
    let decoded_there = "--hwaccel cuda";
    let predicted = "--fps x2 --mode predict --motion-model flow";
    let interpolated = "--fps x2 --mode interpolate --motion-model flow";
    let cases = [
        // With a network: planar, interleaved, and 10 bits, whose headers must come with the pictures.
        (av1("yuv420p"), "mkv", format!("{decoded_there} --model nano-x2")),
        (av1("yuv420p"), "mkv", format!("{decoded_there} --model nano-x2 --pix-fmt nv12")),
        (av1("yuv420p10le"), "ts", format!("{decoded_there} --model nano-x2")),
        // Without one, as they were decoded, which is interleaved.
        (av1("yuv420p"), "mkv", format!("{decoded_there} --upscale 1")),
        (av1("yuv420p"), "mkv", format!("{decoded_there} --upscale 1 --pix-fmt nv12")),
        (av1("yuv420p10le"), "ts", format!("{decoded_there} --upscale 1")),
        // Frames between, and frames that are shown again.
        (av1("yuv420p"), "mkv", format!("{decoded_there} --model nano-x2 {predicted}")),
        (av1("yuv420p"), "mkv", format!("{decoded_there} --model nano-x2 {interpolated} --pix-fmt nv12")),
        (av1("yuv420p"), "mkv", format!("{decoded_there} --upscale 1 {predicted}")),
        (av1("yuv420p10le"), "ts", format!("{decoded_there} --model nano-x2 {interpolated}")),
        // Decoded by the processor, and what did not change is not made again.
        (av1("yuv420p"), "mkv", "--model nano-x2".to_owned()),
        (odd(), "mkv", "--model nano-x2 --reuse off".to_owned()),
        (odd(), "mkv", "--model nano-x2 --reuse off --pix-fmt nv12 --fps x2 --motion-model flow".to_owned()),
    ];
    for (input, container, options) in cases {
        let output = |kernels: &str| folder.path().join(format!("{kernels}.{container}"));
        let expected = made(&card, &input, &output("cpu"), "cpu", &options);
        let (_, uploads) = copies(&log);
        assert!(uploads > 0 && expected.summary["encoded_on_device"] == 0, "{options}: {}", expected.summary);
        let found = made(&card, &input, &output("gpu"), "gpu", &options);
        let (downloads, uploads) = copies(&log);
        let number = |name: &str| found.summary[name].as_u64().unwrap() as usize;
        let case = format!("{} {options}: {} {}", input.display(), found.summary, found.stderr);
        assert_eq!(found.times, expected.times, "{case}");
        assert!(agree(&found.samples, &expected.samples, container == "ts"), "{case}");
        let (first, last) = (found.times.len() / 2, found.times.len() - 1);
        let size = found.samples.len() / found.times.len();
        let frame = |index: usize| &found.samples[index * size..][..size];
        assert!(
            frame(first) != frame(last) && frame(first).iter().max() > frame(first).iter().min(),
            "{case}"
        );
        // Frames are decoded before anybody knows where they may stay. Those come from host memory, where no network follows.
        let early = number("frames_in") - number("kept_on_device").max(1);
        let from_host = number("frames_out") - number("encoded_on_device");
        let held = found.summary["motion"]["frames_held"].as_u64().unwrap_or(0) as usize;
        let most = if options.contains("--upscale 1") { early + held } else { 0 };
        assert!(number("frames_out") >= 8 && from_host <= most, "{case}");
        assert!(uploads <= 3 * from_host, "{uploads} {case}");
        let seen = if options.contains("--fps") { 2 * number("kept_on_device") } else { 0 };
        // Motion looks at what was decoded, each of two workers at what it makes of its first two frames, and the first copy is compared.
        assert!(downloads <= 2 * early + seen + 2 * 3 + 2 * 3, "{downloads} {case}");
    }
}

#[test]
fn colours_and_shape_are_those_of_frames_from_host_memory() {
    let Some(card) = card() else { return };
    let folder = scratch();
    let tags = "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -color_range tv";
    let input = clip(
        "encoding-hdr.mkv",
        &format!(
            "-f lavfi -i testsrc2=s=160x90:r=10,setsar=4/3 -t 1 -c:v ffv1 -pix_fmt yuv420p10le {tags} \
             -chroma_sample_location topleft"
        ),
    );
    let described = |kernels: &str| {
        let output = folder.path().join(format!("{kernels}.mkv"));
        let summary = made(&card, &input, &output, kernels, "--model nano-x2 --pix-fmt p010le").summary;
        let probe = Probe::new(&output);
        let names =
            ["color_primaries", "color_transfer", "color_space", "color_range", "sample_aspect_ratio"];
        (summary["encoded_on_device"].as_u64(), names.map(|name| probe.video()[name].clone()))
    };
    let ((none, expected), (all, found)) = (described("cpu"), described("gpu"));
    assert_eq!((none, all), (Some(0), Some(10)));
    assert_eq!(found, expected);
    assert_eq!(found[1], "smpte2084");
}

#[test]
fn what_does_not_work_on_the_card_goes_through_host_memory_and_says_why() {
    let Some(mut card) = card() else { return };
    let (folder, input) = (scratch(), av1("yuv420p"));
    let output = folder.path().join("out.mkv");
    let options = "--model nano-x2";
    let expected = made(&card, &input, &output, "cpu", options);
    let problem = |made: &Made| made.summary["encoded_on_device_problem"].as_str().unwrap().to_owned();
    assert!(problem(&expected).contains("not on a CUDA device"), "{}", expected.summary);
    for (fails, reason) in
        [("copies", "pictures cannot be copied on the device"), ("exports", "frames came in host memory")]
    {
        card = card.failing(fails);
        let found = made(&card, &input, &output, "gpu", options);
        let case = format!("{fails}: {} {}", found.summary, found.stderr);
        assert_eq!(found.summary["encoded_on_device"], 0, "{case}");
        assert!(problem(&found).contains(reason), "{case}");
        assert!(found.stderr.contains("go through host memory"), "{case}");
        assert_eq!(found.times, expected.times, "{case}");
        assert!(agree(&found.samples, &expected.samples, false), "{case}");
    }
}

#[test]
fn a_card_without_an_encoder_is_refused_before_anything_is_written() {
    let Some(card) = card() else { return };
    let (card, folder) = (card.failing("encoder"), scratch());
    let output = folder.path().join("out.mkv");
    for kernels in ["cpu", "gpu"] {
        let result = run(&card, &av1("yuv420p"), &output, kernels, "--model nano-x2");
        let last = result.stderr.lines().last().unwrap_or_default();
        assert_eq!(result.code, Some(2), "{}", result.stderr);
        assert!(last.contains("encoder h264_nvenc refuses"), "{}", result.stderr);
        support::assert_nothing_in(folder.path());
    }
}
