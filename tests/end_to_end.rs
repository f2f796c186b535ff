//! The program from a file to a file: sizes, pictures, reports.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::PathBuf;
use support::{Probe, clip, derived, frame_times, psnr, refuse, run, scratch, stream_hashes, succeed};

/// One second, 30 frames, H.264 and AAC.
fn plain() -> PathBuf {
    clip(
        "plain.mp4",
        "-f lavfi -i testsrc2=s=160x90:r=30:d=1 -f lavfi -i sine=f=440:r=48000:d=1 \
         -c:v libx264 -crf 24 -pix_fmt yuv420p -c:a aac -b:a 48k",
    )
}

/// Three lossless frames of 96x64.
fn short() -> PathBuf {
    clip("short.mkv", "-f lavfi -i testsrc2=s=96x64:r=25:d=0.12 -c:v ffv1 -pix_fmt yuv420p")
}

/// A detailed picture of 256x192 in motion, lossless, four frames.
fn detailed() -> PathBuf {
    clip(
        "detailed.mkv",
        "-f lavfi -i mandelbrot=s=256x192:r=5:start_scale=0.1:end_scale=0.09:end_pts=400:maxiter=200 \
         -frames:v 4 -c:v ffv1 -pix_fmt yuv420p",
    )
}

#[test]
fn a_clip_is_doubled_and_nothing_else_changes() {
    let (input, folder) = (plain(), scratch());
    let output = folder.path().join("out.mp4");
    let summary = succeed(&input, &output, "--json").summary();

    assert_eq!(Probe::new(&output).size(), (320, 180));
    assert_eq!(frame_times(&output, "v:0"), frame_times(&input, "v:0"));
    assert_eq!(stream_hashes(&output, "0:a"), stream_hashes(&input, "0:a"));

    assert_eq!(summary["event"], "summary");
    assert_eq!((&summary["frames_in"], &summary["frames_out"]), (&30.into(), &30.into()));
    assert_eq!(summary["model"], "live-x2-int8");
    assert!(summary["provider"].as_str().unwrap().to_lowercase().contains("cpu"), "{summary}");
    assert_eq!(summary["output_bytes"], std::fs::metadata(&output).unwrap().len());
    assert_eq!(summary["interrupted"], false);
    let stages: Vec<_> = summary["stages"].as_array().unwrap().iter().map(|stage| &stage["stage"]).collect();
    assert_eq!(stages, ["decode", "upscale", "compose", "encode"]);
}

#[test]
fn every_size_can_be_asked_for() {
    let (input, folder) = (short(), scratch());
    for (target, size) in [
        ("1", (96, 64)),
        ("2", (192, 128)),
        ("3", (288, 192)),
        ("4", (384, 256)),
        ("8", (768, 512)),
        ("240x400", (360, 240)), // The box turns with the picture.
        ("48x72", (72, 48)),
        ("48x48", (48, 32)),
        ("720p", (1080, 720)),
    ] {
        let output = folder.path().join("out.mkv");
        succeed(&input, &output, &format!("--upscale {target} -y --preset ultrafast --codec libx264"));
        assert_eq!(Probe::new(&output).size(), size, "{target}");
        assert_eq!(frame_times(&output, "v:0"), frame_times(&input, "v:0"), "{target}");
    }
}

#[test]
fn the_network_is_nearer_to_the_truth_than_bicubic_resampling() {
    let (truth, folder) = (detailed(), scratch());
    let half = "-i @0 -vf scale=128:96:flags=bicubic+accurate_rnd+full_chroma_int -c:v ffv1 -pix_fmt yuv420p";
    let small = derived("small.mkv", half, &[&truth]);
    let output = folder.path().join("out.mkv");
    succeed(&small, &output, "--codec ffv1");
    let ours = psnr(&output, "null", &truth, 'y');
    let bicubic = psnr(&small, "scale=256:192:flags=bicubic+accurate_rnd", &truth, 'y');
    assert!(ours > bicubic + 0.3, "{ours} dB, bicubic {bicubic} dB");
    // Chroma that is shifted by half a sample loses much more than this.
    for component in ['u', 'v'] {
        let ours = psnr(&output, "null", &truth, component);
        let bicubic = psnr(&small, "scale=256:192:flags=bicubic+accurate_rnd", &truth, component);
        assert!(ours > bicubic - 0.7, "{component}: {ours} dB, bicubic {bicubic} dB");
    }
}

#[test]
fn encoders_that_share_out_bits_by_the_tick_are_given_a_tick_for_each_frame() {
    let fine = "-i @0 -c:v libx264 -qp 0 -video_track_timescale 90000";
    let (input, folder) = (derived("fine-ticks.mp4", fine, &[&detailed()]), scratch());
    let output = folder.path().join("out.mkv");
    succeed(&input, &output, "--upscale 1 --codec vc2");
    for component in ['y', 'u', 'v'] {
        let found = psnr(&output, "null", &input, component);
        assert!(found > 40.0, "{component}: {found} dB");
    }
    assert_eq!(frame_times(&output, "v:0"), frame_times(&input, "v:0"));
}

#[test]
fn tiles_leave_no_seams() {
    let (input, folder) = (detailed(), scratch());
    let (whole, tiled) = (folder.path().join("whole.mkv"), folder.path().join("tiled.mkv"));
    succeed(&input, &whole, "--codec ffv1");
    succeed(&input, &tiled, "--codec ffv1 --tile 64");
    assert!(psnr(&tiled, "null", &whole, 'y') > 55.0);
}

#[cfg(feature = "gpu")]
#[test]
fn both_kernel_backends_make_the_same_picture() {
    let (input, folder) = (short(), scratch());
    let (cpu, gpu) = (folder.path().join("cpu.mkv"), folder.path().join("gpu.mkv"));
    succeed(&input, &cpu, "--codec ffv1");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_framecast"));
    command.args(["run", "--kernels", "gpu", "--codec", "ffv1", "-i"]).arg(&input).arg("-o").arg(&gpu);
    let result = support::outcome(&mut command);
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    for component in ['y', 'u', 'v'] {
        assert!(psnr(&gpu, "null", &cpu, component) > 48.0, "{component}");
    }
}

#[test]
fn the_summary_tells_people_what_ran() {
    let (input, folder) = (short(), scratch());
    let text = succeed(&input, &folder.path().join("out.mkv"), "").stderr;
    for part in ["3 in, 3 out", "96x64 -> 192x128", "live-x2", "kernels   cpu", "upscale", "bottleneck"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn a_quiet_run_says_nothing() {
    let (input, folder) = (short(), scratch());
    let result = succeed(&input, &folder.path().join("out.mkv"), "--quiet");
    assert!(result.stderr.is_empty() && result.stdout.is_empty(), "{}", result.stderr);
}

#[test]
fn an_existing_output_is_replaced_on_request_only() {
    let (input, folder) = (short(), scratch());
    let output = folder.path().join("out.mkv");
    std::fs::write(&output, "precious").unwrap();
    let result = run(&input, &output, "");
    assert_eq!(result.code, Some(4), "{}", result.stderr);
    assert!(result.stderr.contains("-y"), "{}", result.stderr);
    assert_eq!(std::fs::read(&output).unwrap(), b"precious");
    succeed(&input, &output, "-y");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_input_is_never_its_own_output() {
    let folder = scratch();
    let input = folder.path().join("clip.mkv");
    std::fs::copy(short(), &input).unwrap();
    let before = std::fs::read(&input).unwrap();
    let result = run(&input, &input, "-y");
    assert!(matches!(result.code, Some(2..=4)), "{:?} {}", result.code, result.stderr);
    assert_eq!(std::fs::read(&input).unwrap(), before);
}

#[test]
fn a_null_output_measures_only() {
    let input = short();
    let mut command = support::program();
    command.arg("-i").arg(&input).args(["-f", "null", "-o", "-", "--json"]);
    let result = support::outcome(&mut command);
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    assert!(result.stdout.is_empty());
    assert!(result.stderr.contains("\"frames_out\":3"), "{}", result.stderr);
}

#[test]
fn unknown_models_and_libraries_are_refused() {
    let (input, folder) = (short(), scratch());
    let output = folder.path().join("out.mkv");
    let message = refuse(&input, &output, "--model no-such-model", 5);
    assert!(message.contains("no-such-model") && message.contains("live-x2"), "{message}");
    let message = refuse(&input, &output, "--ort-lib /no/such/library.so", 5);
    assert!(message.contains("/no/such/library.so"), "{message}");
}
