//! Other frame rates through the program: which frames there are, when, and of what they are made. The motion networks of
//! these tests say that everything moves 8 pixels to the right from frame to frame; in the clips it does.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

mod support;

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
fn lost_frames_are_concealed() {
    let whole = moving(20, 30, 4);
    let lossy = derived(
        "lossy.mkv",
        "-i @0 -vf select=not(eq(n\\,15)) -fps_mode passthrough -enc_time_base 1:1000 -c:v ffv1",
        &[&whole],
    );
    let truth = raw(&whole);
    assert_eq!(frame_times(&lossy, "v:0").len(), 29);
    let (made, times, summary) = retimed(&lossy, "out.mkv", &interpolating("--conceal"));
    assert_eq!((made.len() / FRAME, &summary["motion"]["concealed"]), (30, &1.into()));
    assert_eq!(times[15].0 * 20, times[15].1 * 15, "{:?}", times[15]);
    for (n, (frame, truth)) in made.chunks(FRAME).zip(truth.chunks(FRAME)).enumerate() {
        assert!(if n == 15 { difference(frame, truth) <= 0.02 } else { frame == truth }, "frame {n}");
    }
}

#[test]
fn lost_frames_are_concealed_at_multiples_of_the_rate() {
    let lossy = derived(
        "lossy.mkv",
        "-i @0 -vf select=not(between(n\\,12\\,13)) -fps_mode passthrough -enc_time_base 1:1000 -c:v ffv1",
        &[&moving(20, 30, 4)],
    );
    let (_, without, _) = retimed(&lossy, "out.mkv", &interpolating("--fps x2"));
    assert_eq!(without.len(), 2 * 28 - 1);
    let (made, times, summary) = retimed(&lossy, "out.mkv", &interpolating("--fps x2 --conceal"));
    assert_eq!((times.len(), &summary["motion"]["concealed"]), (2 * 30 - 1, &2.into()));
    for (n, (ticks, base)) in times.iter().enumerate() {
        let milliseconds = ticks * 1000 / base;
        assert!((milliseconds - 25 * n as i64).abs() <= 1, "frame {n} at {milliseconds} ms");
    }
    // Networks that know the motion of one interval only make nothing of a longer one, but the real frames stay.
    let truth = raw(&moving(20, 30, 4));
    for n in (0..12).chain(14..30) {
        assert!(made.chunks(FRAME).nth(2 * n) == truth.chunks(FRAME).nth(n), "frame {n}");
    }
}

#[test]
fn damaged_frames_are_concealed() {
    // What one frame has moved, or what lies in the middle of two, as the networks have it.
    for (step, options) in [(4, interpolating("--conceal")), (8, predicting("--conceal"))] {
        let whole = moving(20, 30, step);
        let coded =
            derived("coded.mkv", "-i @0 -c:v libx264 -qp 1 -g 1 -threads 1 -x264-params slices=1", &[&whole]);
        let folder = scratch();
        let damaged = with_damage(&coded, &[15], folder.path());
        let truth = raw(&coded);
        let (shown, _, summary) = retimed(&damaged, "out.mkv", "--upscale 1");
        assert_eq!((shown.len() / FRAME, &summary["motion"]), (30, &serde_json::Value::Null));
        assert!(difference(&shown[15 * FRAME..16 * FRAME], &truth[15 * FRAME..16 * FRAME]) > 0.1);
        let (made, times, summary) = retimed(&damaged, "out.mkv", &options);
        assert_eq!((made.len() / FRAME, &summary["motion"]["damaged"]), (30, &1.into()));
        assert_eq!(summary["motion"]["concealed"], 1);
        assert_eq!(times[15].0 * 20, times[15].1 * 15, "{:?}", times[15]);
        for (n, (frame, truth)) in made.chunks(FRAME).zip(truth.chunks(FRAME)).enumerate() {
            let likeness = difference(frame, truth);
            assert!(if n == 15 { likeness <= 0.05 } else { frame == truth }, "{options} {n}: {likeness}");
        }
    }
}

#[test]
fn damaged_frames_at_the_end_are_concealed_too() {
    for options in ["--conceal", "--conceal --fps x2", "--conceal --fps 20", "--conceal --fps x2 --dedup"] {
        let whole = moving(20, 30, 4);
        let coded =
            derived("coded.mkv", "-i @0 -c:v libx264 -qp 1 -g 1 -threads 1 -x264-params slices=1", &[&whole]);
        let folder = scratch();
        let damaged = with_damage(&coded, &[28, 29], folder.path());
        let output = folder.path().join("out.mp4");
        let summary = succeed(&damaged, &output, &format!("{} --json", interpolating(options))).summary();
        assert_eq!(summary["motion"]["damaged"], 2, "{options}");
        let frames = match options {
            "--conceal" | "--conceal --fps 20" => 30,
            "--conceal --fps x2" => 2 * 30 - 1,
            // The last whole frame stands.
            _ => 2 * 28 - 1,
        };
        assert_eq!(summary["frames_out"], frames, "{options}");
        let seconds = duration(&output);
        assert!((seconds - 1.5).abs() < 2e-3, "{options}: {seconds}");
    }
}

/// The file with packets of these frames damaged, in `folder`.
fn with_damage(coded: &Path, numbers: &[usize], folder: &Path) -> PathBuf {
    let mut bytes = std::fs::read(coded).unwrap();
    for number in numbers {
        let (position, size) = packet(coded, *number);
        bytes[position + size / 3..position + size / 2].iter_mut().for_each(|byte| *byte ^= 0x5a);
    }
    let damaged = folder.join("damaged.mkv");
    std::fs::write(&damaged, bytes).unwrap();
    damaged
}

/// Where in the file the packet of frame `number` is, and how long it is.
fn packet(path: &Path, number: usize) -> (usize, usize) {
    let listed = std::process::Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pos,size", "-of", "csv=p=0"])
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8(listed.stdout).unwrap();
    let fields: Vec<usize> =
        text.lines().nth(number).unwrap().split(',').filter_map(|field| field.parse().ok()).collect();
    (fields[1], fields[0])
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
