//! Other frame rates through the program: which frames there are, when, and of what they are made. The motion networks of
//! these tests say that everything moves 8 pixels to the right from frame to frame; in the clips it does.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod conceal;
mod transitions;

use std::path::{Path, PathBuf};
use support::{clip, derived, frame_times, raw, run, scratch, stream_hashes, succeed};

const WIDTH: usize = 128;
const HEIGHT: usize = 64;
const FRAME: usize = WIDTH * HEIGHT * 3 / 2;

/// A picture that moves `step` pixels to the right per frame.
fn moving(rate: u32, frames: u32, step: u32) -> PathBuf {
    let start = 8 * 40;
    clip(
        &format!("moving-{rate}-{frames}-{step}.mkv"),
        &format!(
            "-f lavfi -i mandelbrot=size=640x64:rate={rate}:start_scale=0.02 -vf \
             trim=end_frame=1,loop=loop={frames}:size=1,setpts=N/{rate}/TB,crop={WIDTH}:{HEIGHT}:{start}-{step}*n:0 \
             -frames:v {frames} -pix_fmt yuv420p -c:v ffv1"
        ),
    )
}

fn network(name: &str) -> String {
    format!("--motion-model {}/tests/models/{name}.onnx", env!("CARGO_MANIFEST_DIR"))
}

fn retimed(input: &Path, name: &str, options: &str) -> (Vec<u8>, Vec<(i64, i64)>, serde_json::Value) {
    let folder = scratch();
    let output = folder.path().join(name);
    let codec = if name.ends_with("mov") { "png" } else { "ffv1" };
    let summary = succeed(input, &output, &format!("--codec {codec} --json {options}")).summary();
    let times = frame_times(&output, "v:0").into_iter().map(|time| (time.0, time.1)).collect();
    (raw(&output), times, summary)
}

fn predicting(options: &str) -> String {
    format!("--upscale 1 --mode predict {} {options}", network("predicts-right"))
}

fn interpolating(options: &str) -> String {
    format!("--upscale 1 {} {options}", network("interpolates-right"))
}

/// Share of luma samples that differ by more than a code value, the outer 40 columns left out: nothing is known of what
/// comes in there.
fn difference(a: &[u8], b: &[u8]) -> f64 {
    let inside = |index: &usize| (40..WIDTH - 40).contains(&(index % WIDTH));
    let wrong = |index: &usize| a[*index].abs_diff(b[*index]) > 1;
    (0..WIDTH * HEIGHT).filter(inside).filter(wrong).count() as f64 / ((WIDTH - 80) * HEIGHT) as f64
}

#[test]
fn on_a_processor_the_predictor_in_8_bits_comes_as_near_as_the_one_in_floats() {
    let (source, truth) = (moving(10, 6, 8), raw(&moving(20, 12, 4)));
    let made = |options: &str| {
        let (made, _, summary) =
            retimed(&source, "out.mkv", &format!("--upscale 1 --mode predict --fps x2 {options}"));
        (made, summary["model"].clone())
    };
    let ((coded, model), (floats, _)) =
        (made("--device cpu"), made("--device cpu --motion-model predict-live"));
    assert_eq!(model, "predict-live-int8");
    // The frames that were made, once there is a past.
    let luma = |frames: &[u8], n: usize| frames[n * FRAME..][..WIDTH * HEIGHT].to_vec();
    let apart = |a: &[u8], b: &[u8]| -> f64 {
        let sum: u32 = (3..11)
            .step_by(2)
            .flat_map(|n| luma(a, n).into_iter().zip(luma(b, n)))
            .map(|(a, b)| u32::from(a.abs_diff(b)))
            .sum();
        f64::from(sum) / (4 * WIDTH * HEIGHT) as f64
    };
    let (from_truth, from_floats) = (apart(&coded, &truth), apart(&coded, &floats));
    assert!(from_floats > 0.0 && from_floats < 0.5, "{from_floats}");
    assert!(from_truth < apart(&floats, &truth) + 0.1, "{from_truth}");
}

#[test]
fn at_half_of_the_size_motion_counts_twice_as_many_pixels() {
    // The network says 8 pixels of the picture that it sees, whose pixels are two of the source's.
    let (source, truth) = (moving(10, 6, 16), raw(&moving(20, 12, 8)));
    let network = network("predicts-right-fine");
    for (scale, works) in [("0.5", true), ("1", false)] {
        let options = format!("--upscale 1 --mode predict --fps x2 {network} --motion-scale {scale}");
        // So far in so small a picture would be a cut.
        let (made, _, summary) = retimed(&source, "out.mkv", &format!("{options} --scene-threshold 1"));
        assert_eq!(summary["motion"]["frames_between"], 4);
        // Later ones lose detail, as what comes in from the left was wrong.
        for n in [3, 5, 7] {
            let found = difference(&made[n * FRAME..][..FRAME], &truth[n * FRAME..][..FRAME]);
            assert_eq!(found <= 0.1, works, "{scale}: frame {n}, {found}");
        }
    }
}

#[test]
fn estimates_at_half_of_the_size_come_nearer_than_the_frame_before() {
    let (source, truth) = (moving(10, 6, 16), raw(&moving(20, 12, 8)));
    let off = |made: &[u8], n: usize, shown: usize| -> u32 {
        let luma = |frames: &[u8], n: usize| frames[n * FRAME..][..WIDTH * HEIGHT].to_vec();
        let pairs = luma(made, shown).into_iter().zip(luma(&truth, n));
        pairs.map(|(a, b)| u32::from(a.abs_diff(b))).sum()
    };
    for model in ["flow", "predict-live", "predict-live-int8"] {
        let options = format!(
            "--upscale 1 --mode predict --fps x2 --motion-scale 0.5 --scene-threshold 1 --motion-model {model}"
        );
        let (made, ..) = retimed(&source, "out.mkv", &options);
        let sum = |back: usize| (3..11).step_by(2).map(|n| off(&made, n, n - back)).sum::<u32>();
        let (predicted, repeated) = (sum(0), sum(1));
        assert!(2 * predicted < repeated, "{model}: {predicted}, repeated {repeated}");
    }
}

#[test]
fn frames_between_are_where_things_would_have_been() {
    let (source, truth) = (moving(10, 6, 8), moving(20, 12, 4));
    let truth = raw(&truth);
    let fine = format!("--upscale 1 --mode predict {} --fps x2", network("predicts-right-fine"));
    for options in [predicting("--fps x2"), fine, interpolating("--fps x2"), interpolating("--fps 20")] {
        let (made, times, summary) = retimed(&source, "out.mkv", &options);
        let frames: Vec<&[u8]> = made.chunks(FRAME).collect();
        assert_eq!(frames.len(), times.len());
        // The last frame is shown once more where the grid goes on to its end.
        assert_eq!(frames.len(), if options.contains("20") { 12 } else { 11 });
        for (n, (frame, truth)) in frames.iter().zip(truth.chunks(FRAME)).enumerate() {
            let is_original = n % 2 == 0;
            if is_original {
                assert!(*frame == truth, "{options}: frame {n}");
            } else if (3..11).contains(&n) {
                assert!(
                    difference(frame, truth) <= 0.03,
                    "{options}: frame {n}, {}",
                    difference(frame, truth)
                );
            }
        }
        let predicts = options.contains("predict ");
        assert_eq!(summary["motion"]["frames_between"], if predicts { 4 } else { 5 }, "{options}");
        if predicts {
            assert_eq!(summary["motion"]["hit_rate"], 1.0);
        }
    }
}

#[test]
fn time_stamps_are_exact_at_any_rate() {
    let source = clip(
        "film.mkv",
        "-f lavfi -i testsrc2=size=64x48:rate=24000/1001:duration=1 -pix_fmt yuv420p -c:v libx264 -crf 30",
    );
    let before = frame_times(&source, "v:0").len() as i64;
    for (rate, num, den) in [("60", 60, 1), ("60000/1001", 60000, 1001), ("50", 50, 1), ("12", 12, 1)] {
        // MOV holds any time base.
        let (_, times, summary) = retimed(&source, "out.mov", &interpolating(&format!("--fps {rate}")));
        let expected = before * 1001 * num / (24000 * den);
        assert!((times.len() as i64 - expected).abs() <= 1, "{rate}: {} frames", times.len());
        assert_eq!(summary["frames_out"], times.len());
        let start = times[0];
        for (n, time) in times.iter().enumerate() {
            // time - start = n den / num
            let (difference, base) = (time.0 * start.1 - start.0 * time.1, time.1 * start.1);
            assert_eq!(
                difference as i128 * num as i128,
                n as i128 * den as i128 * base as i128,
                "{rate}: frame {n}"
            );
        }
    }
}

#[test]
fn a_variable_rate_is_cut_into_equal_parts() {
    let source = clip(
        "uneven.mkv",
        "-f lavfi -i testsrc2=s=96x64:r=50:d=1 -vf select=not(mod(n*7\\,5))+eq(n\\,3)+eq(n\\,11) -fps_mode vfr \
         -pix_fmt yuv420p -c:v ffv1",
    );
    let (_, times, _) = retimed(&source, "out.mkv", &interpolating("--fps x2"));
    let before = frame_times(&source, "v:0");
    assert_eq!(times.len(), 2 * before.len() - 1);
    for (n, time) in before.iter().enumerate() {
        let kept = times[2 * n];
        assert_eq!(kept.0 * time.1, time.0 * kept.1, "frame {n}");
    }
}

#[test]
fn sound_is_not_touched_and_the_last_frame_is_kept() {
    let source = clip(
        "sounding.mkv",
        "-f lavfi -i testsrc2=s=96x64:r=25:d=1 -f lavfi -i sine=d=1 -pix_fmt yuv420p -c:v ffv1 -c:a flac",
    );
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    succeed(&source, &output, &format!("--codec ffv1 --fps 50 {}", interpolating("")));
    assert_eq!(stream_hashes(&source, "0:a"), stream_hashes(&output, "0:a"));
    let (source, made) = (raw(&source), raw(&output));
    let frame = 96 * 64 * 3 / 2;
    assert_eq!(made.len() / frame, 50);
    assert!(source[source.len() - frame..] == made[48 * frame..49 * frame]);
}

#[test]
fn enlarged_frames_are_made_of_enlarged_ones() {
    let source = moving(10, 5, 8);
    let (plain, _, _) = retimed(&source, "out.mkv", "--upscale 2");
    let (made, _, summary) =
        retimed(&source, "out.mkv", &format!("--fps x2 {}", network("interpolates-right")));
    let frame = 4 * FRAME;
    for (n, original) in plain.chunks(frame).enumerate() {
        assert!(made[2 * n * frame..(2 * n + 1) * frame] == *original, "frame {n}");
    }
    let stages: Vec<_> =
        summary["stages"].as_array().unwrap().iter().map(|stage| stage["stage"].clone()).collect();
    assert_eq!(stages, ["decode", "pace", "upscale", "compose", "encode"]);
}

#[test]
fn the_last_frame_is_shown_for_all_of_its_time() {
    let source = moving(10, 6, 8);
    for (name, options) in [
        ("out.mov", "--codec png --fps x2"),
        ("out.mov", "--codec png --conceal"),
        ("out.mp4", "--codec libx264 --encoder-opt bf=2 --fps x4"),
        ("out.mkv", "--codec libx264 --encoder-opt bf=2 --fps x4"),
        ("out.mkv", "--codec ffv1 --fps x3"),
    ] {
        let folder = scratch();
        let output = folder.path().join(name);
        succeed(&source, &output, &interpolating(options));
        let seconds = duration(&output);
        assert!((seconds - 0.6).abs() < 2e-3, "{name} {options}: {seconds}");
    }
}

/// Seconds from the first frame, at 0, to the end of the last one.
fn duration(path: &Path) -> f64 {
    let listed = std::process::Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"])
        .arg(path)
        .output()
        .unwrap();
    String::from_utf8(listed.stdout).unwrap().trim().parse().unwrap()
}

#[test]
fn text_over_a_moving_picture_stands_still() {
    // Bars of a logo in the middle, burnt in: 32 x 16 pixels of their own pattern.
    let pan = moving(10, 8, 8);
    let burnt = derived(
        "logo.mkv",
        "-i @0 -f lavfi -i testsrc2=s=32x16:r=10,trim=end_frame=1,loop=loop=8:size=1 \
         -filter_complex [0:v][1:v]overlay=48:24:format=yuv420:eof_action=pass -frames:v 8 -pix_fmt yuv420p -c:v ffv1",
        &[&pan],
    );
    let source = raw(&burnt);
    for options in [predicting("--fps x2"), interpolating("--fps x2")] {
        let (made, _, _) = retimed(&burnt, "out.mkv", &options);
        let inside = |frame: &[u8]| -> Vec<u8> {
            (24..40).flat_map(|y| frame[y * WIDTH + 48..y * WIDTH + 80].to_vec()).collect()
        };
        let (logo, frames) = (inside(&source[..FRAME]), made.chunks(FRAME));
        assert_eq!(frames.len(), 15);
        for (n, frame) in frames.enumerate() {
            assert!(inside(frame) == logo, "{options}: frame {n}");
        }
    }
}

#[test]
fn what_cannot_be_done_is_refused_with_the_reason() {
    let source = moving(10, 5, 8);
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    for (options, code, reason) in [
        ("--fps 0".to_owned(), 2, "frames per second up to 1000"),
        ("--fps x2 --motion-model live-x2".to_owned(), 2, "a model whose task is Interpolation"),
        ("--model predict-live".to_owned(), 2, "found predict-live, which belongs to --motion-model"),
        (format!("--fps x2 {}", network("predicts-right")), 2, "a model whose task is Interpolation"),
        ("--fps x2 --motion-model nowhere".to_owned(), 5, "nowhere"),
        ("--upscale 1 --motion-model nowhere".to_owned(), 5, "nowhere"),
        ("--dedup".to_owned(), 2, "another frame rate beside it"),
        ("--fps x2 --scene-threshold 1.5".to_owned(), 2, "0 to 1"),
    ] {
        let result = run(&source, &output, &options);
        assert_eq!(result.code, Some(code), "{options}: {}", result.stderr);
        assert!(result.stderr.contains(reason), "{options}: {}", result.stderr);
    }
    assert!(!output.exists());
}
