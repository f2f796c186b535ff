//! What counts as a cut, a flash, a dissolve or a duplicate, and what is done about it, through the program.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};
use support::{clip, raw, scratch, succeed};

const FRAME: usize = 128 * 64 * 3 / 2;

/// A picture that moves 2 pixels to the right per frame, seen through `filter`; 20 frames.
fn moving(name: &str, filter: &str, encoder: &str) -> PathBuf {
    clip(
        name,
        &format!(
            "-f lavfi -i mandelbrot=size=640x64:rate=10:start_scale=0.02 -vf \
             trim=end_frame=1,loop=loop=20:size=1,setpts=N/10/TB,crop=128:64:320-2*n:0,{filter} -frames:v 20 \
             -pix_fmt yuv420p {encoder}"
        ),
    )
}

/// Twice the frame rate by the classical estimate: the frames, and the part of the summary about motion.
fn doubled(source: &Path, options: &str) -> (Vec<u8>, serde_json::Value) {
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    let options =
        format!("--upscale 1 --mode predict --motion-model flow --fps x2 --codec ffv1 --json {options}");
    let summary = succeed(source, &output, &options).summary();
    (raw(&output), summary["motion"].clone())
}

/// True if the frame between source frames `n` and `n` + 1 is frame `n` again.
fn is_held(frames: &[u8], n: usize) -> bool {
    frames[2 * n * FRAME..][..FRAME] == frames[(2 * n + 1) * FRAME..][..FRAME]
}

#[test]
fn a_flash_is_held_unless_nothing_counts_as_one() {
    let source = moving("flash.mkv", "eq=brightness=0.15:enable='eq(n,10)'", "-c:v ffv1");
    let (frames, motion) = doubled(&source, "");
    assert!(motion["breaks"].as_u64().unwrap() >= 1, "{motion}");
    assert!(is_held(&frames, 10) && !is_held(&frames, 8));
    let (frames, motion) = doubled(&source, "--flash-threshold 1");
    assert_eq!(motion["breaks"], 0, "{motion}");
    assert!(!is_held(&frames, 10));
}

#[test]
fn a_fade_is_held_unless_nothing_counts_as_one() {
    let source = moving("fade.mkv", "fade=out:5:15", "-c:v ffv1");
    let held = |frames: &[u8]| (1..18).filter(|n| is_held(frames, *n)).count();
    let (frames, motion) = doubled(&source, "");
    assert!(motion["breaks"].as_u64().unwrap() >= 3 && held(&frames) >= 2, "{motion}");
    assert!((1..5).all(|n| !is_held(&frames, n)), "before the fade");
    let (frames, motion) = doubled(&source, "--dissolve-threshold 0 --flash-threshold 1 --scene-threshold 1");
    assert_eq!((&motion["breaks"], held(&frames)), (&0.into(), 0), "{motion}");
}

#[test]
fn how_much_duplicates_may_differ_is_for_the_user_to_say() {
    // Every second frame is the one before it but for the marks of coding.
    let source = moving("coded-twos.mkv", "fps=5,fps=10", "-c:v libx264 -crf 20 -bf 0");
    let duplicates = |options: &str| {
        let (_, motion) = doubled(&source, &format!("--dedup {options}"));
        motion["duplicates"].as_u64().unwrap()
    };
    let (usual, strict) = (duplicates(""), duplicates("--duplicate-threshold 0"));
    assert!(usual >= 8 && strict < usual, "{usual} and {strict}");
}

#[test]
fn thresholds_out_of_their_range_are_refused() {
    let source = moving("plain.mkv", "null", "-c:v ffv1");
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    for option in ["--flash-threshold", "--dissolve-threshold", "--dedup --duplicate-threshold"] {
        let result = support::run(&source, &output, &format!("--fps x2 {option} 1.5"));
        assert_eq!(result.code, Some(2), "{option}: {}", result.stderr);
        assert!(result.stderr.contains("0 to 1"), "{option}: {}", result.stderr);
    }
    let result = support::run(&source, &output, "--fps x2 --duplicate-threshold 0.1");
    assert!(result.code == Some(2) && result.stderr.contains("--dedup"), "{}", result.stderr);
}
