//! What counts as a cut, a flash, a dissolve or a duplicate, and what is done about it, through the program.

use super::support::{clip, derived, raw, run, scratch, succeed};
use super::{FRAME, difference, interpolating, moving, predicting, retimed};
use std::path::{Path, PathBuf};

/// A picture that moves 2 pixels to the right per frame, seen through `filter`; 20 frames.
fn seen_through(name: &str, filter: &str, encoder: &str) -> PathBuf {
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
    let source = seen_through("flash.mkv", "eq=brightness=0.15:enable='eq(n,10)'", "-c:v ffv1");
    let (frames, motion) = doubled(&source, "");
    assert!(motion["breaks"].as_u64().unwrap() >= 1, "{motion}");
    assert!(is_held(&frames, 10) && !is_held(&frames, 8));
    let (frames, motion) = doubled(&source, "--flash-threshold 1");
    assert_eq!(motion["breaks"], 0, "{motion}");
    assert!(!is_held(&frames, 10));
}

#[test]
fn a_fade_is_held_unless_nothing_counts_as_one() {
    let source = seen_through("fade.mkv", "fade=out:5:15", "-c:v ffv1");
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
    let source = seen_through("coded-twos.mkv", "fps=5,fps=10", "-c:v libx264 -crf 20 -bf 0");
    let duplicates = |options: &str| {
        let (_, motion) = doubled(&source, &format!("--dedup {options}"));
        motion["duplicates"].as_u64().unwrap()
    };
    let (usual, strict) = (duplicates(""), duplicates("--duplicate-threshold 0"));
    assert!(usual >= 8 && strict < usual, "{usual} and {strict}");
}

#[test]
fn thresholds_out_of_their_range_are_refused() {
    let source = seen_through("plain.mkv", "null", "-c:v ffv1");
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    for option in ["--flash-threshold", "--dissolve-threshold", "--dedup --duplicate-threshold"] {
        let result = run(&source, &output, &format!("--fps x2 {option} 1.5"));
        assert_eq!(result.code, Some(2), "{option}: {}", result.stderr);
        assert!(result.stderr.contains("0 to 1"), "{option}: {}", result.stderr);
    }
    let result = run(&source, &output, "--fps x2 --duplicate-threshold 0.1");
    assert!(result.code == Some(2) && result.stderr.contains("--dedup"), "{}", result.stderr);
}

#[test]
fn at_a_cut_the_last_frame_is_held() {
    let source = clip(
        "cut.mkv",
        "-f lavfi -i testsrc2=s=128x64:r=10:d=0.6 -f lavfi -i mandelbrot=s=128x64:r=10 -filter_complex \
         [1]trim=end_frame=6,setpts=PTS-STARTPTS[b];[0][b]concat=n=2,format=yuv420p -c:v ffv1",
    );
    let sources = raw(&source);
    let real: Vec<&[u8]> = sources.chunks(FRAME).collect();
    for (options, repeated) in [(interpolating("--fps x2"), (5, 11)), (predicting("--fps x2"), (6, 13))] {
        let (made, _, summary) = retimed(&source, "out.mkv", &options);
        assert_eq!(summary["motion"]["breaks"], 1);
        let frames: Vec<&[u8]> = made.chunks(FRAME).collect();
        assert!(frames[repeated.1] == real[repeated.0], "{options}");
    }
}

#[test]
fn animation_on_twos_moves_evenly_without_its_duplicates() {
    let twos = clip(
        "twos.mkv",
        "-f lavfi -i mandelbrot=size=640x64:rate=20:start_scale=0.02 -vf \
         trim=end_frame=1,loop=loop=12:size=1,setpts=N/20/TB,crop=128:64:320-8*floor(n/2):0 -frames:v 12 \
         -pix_fmt yuv420p -c:v ffv1",
    );
    let truth = raw(&moving(20, 12, 4));
    let (made, _, summary) = retimed(&twos, "out.mkv", &interpolating("--fps 20 --dedup"));
    assert_eq!((&summary["motion"]["duplicates"], made.len()), (&6.into(), truth.len()));
    for (n, (frame, truth)) in made.chunks(FRAME).zip(truth.chunks(FRAME)).enumerate().take(11) {
        assert!(difference(frame, truth) <= 0.02, "frame {n}");
    }
}

#[test]
fn film_in_a_faster_stream_moves_evenly_without_its_duplicates() {
    // 24 frames a second in 30: A B C D D.
    let film = moving(24, 60, 4);
    let faster =
        derived("pulldown.mkv", "-i @0 -vf settb=1/24,setpts=N,fps=30:round=down -c:v ffv1", &[&film]);
    let (_, times, summary) = retimed(&faster, "out.mov", &interpolating("--fps x2 --dedup"));
    assert!(summary["motion"]["duplicates"].as_u64().unwrap() >= 14, "{}", summary["motion"]);
    let seconds: Vec<f64> = times.iter().map(|(ticks, base)| *ticks as f64 / *base as f64).collect();
    let steps: Vec<f64> = seconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // Once the pattern is known, every step is half of a film frame, but for the milliseconds of the source.
    for step in &steps[60..steps.len() - 2] {
        assert!((step - 1.0 / 48.0).abs() < 6e-4, "{steps:?}");
    }
}
