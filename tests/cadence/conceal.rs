//! Missing and damaged frames, whose places are filled with motion.

use super::support::{derived, frame_times, raw, scratch, succeed};
use super::{FRAME, difference, duration, interpolating, moving, predicting, retimed};
use std::path::{Path, PathBuf};

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
