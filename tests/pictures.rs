//! Still pictures, picture sequences and animations.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::{Path, PathBuf};
use support::{Probe, clip, derived, ffmpeg, frame_times, psnr, run, scratch, succeed};

fn photo(name: &str, format: &str) -> PathBuf {
    clip(name, &format!("-f lavfi -i mandelbrot=s=120x80:r=1 -frames:v 1 -pix_fmt {format}"))
}

/// Five numbered pictures in a folder of the test's own.
fn sequence(folder: &Path) -> PathBuf {
    let pattern = folder.join("shot-%03d.png");
    let made =
        ffmpeg().args(["-f", "lavfi", "-i", "testsrc2=s=64x48:r=5:d=1"]).arg(&pattern).status().unwrap();
    assert!(made.success());
    pattern
}

/// Checks size, format and, against a plain enlargement, contents of a doubled picture.
fn doubled(input: &Path, name: &str, format: &str) {
    let folder = scratch();
    let output = folder.path().join(name);
    succeed(input, &output, "");
    let probe = Probe::new(&output);
    assert_eq!(probe.size(), (240, 160), "{name}");
    assert_eq!(probe.video()["pix_fmt"], format, "{name}");
    // Brought to one form without loss; the colours of a wrong matrix or range are far from this.
    let forms = [
        derived("a.mkv", "-i @0 -c:v ffv1 -pix_fmt gbrp", &[&output]),
        derived("b.mkv", "-i @0 -c:v ffv1 -pix_fmt gbrp", &[input]),
    ];
    for component in ['r', 'g', 'b'] {
        let found = psnr(&forms[0], "scale=120:80:flags=area", &forms[1], component);
        assert!(found > 27.0, "{name} {component}: {found} dB");
    }
}

#[test]
fn a_picture_is_doubled_in_its_own_format() {
    doubled(&photo("rgb.png", "rgb24"), "out.png", "rgb24");
    // JPEG is read as RGB, so its chroma is written in full.
    doubled(&photo("photo.jpg", "yuvj420p"), "out.jpg", "yuvj444p");
    doubled(&photo("photo.bmp", "bgr24"), "out.bmp", "bgr24");
    doubled(&photo("photo.tiff", "rgb24"), "out.tiff", "rgb24");
}

#[test]
fn a_picture_can_change_its_format() {
    doubled(&photo("rgb.png", "rgb24"), "out.jpg", "yuvj444p");
    doubled(&photo("photo.jpg", "yuvj420p"), "out.png", "rgb24");
}

#[test]
fn grey_and_deep_pictures_keep_their_kind() {
    let folder = scratch();
    for (format, kept) in [("gray", "gray"), ("rgb48be", "rgb48be"), ("gray16be", "gray16be")] {
        let input = photo(&format!("{format}.png"), format);
        let output = folder.path().join(format!("{format}.png"));
        succeed(&input, &output, "");
        assert_eq!(Probe::new(&output).size(), (240, 160), "{format}");
        assert_eq!(Probe::new(&output).video()["pix_fmt"], kept, "{format}");
    }
}

#[test]
fn one_picture_leaves_one_file() {
    let folder = scratch();
    succeed(&photo("rgb.png", "rgb24"), &folder.path().join("out.png"), "");
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["out.png"]);
}

#[test]
fn a_sequence_becomes_a_video_and_back() {
    let folder = scratch();
    let input = sequence(folder.path());
    let video = folder.path().join("out.mkv");
    succeed(&input, &video, "--rate 5 --codec ffv1");
    assert_eq!(Probe::new(&video).size(), (128, 96));
    assert_eq!(frame_times(&video, "v:0"), [(0, 1), (1, 5), (2, 5), (3, 5), (4, 5)]);

    let results = scratch();
    let pattern = results.path().join("big-%02d.png");
    let done = support::run(&video, &pattern, "--upscale 1");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let mut names: Vec<_> = std::fs::read_dir(results.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["big-01.png", "big-02.png", "big-03.png", "big-04.png", "big-05.png"]);
    assert_eq!(Probe::new(&results.path().join("big-05.png")).size(), (128, 96));
}

#[test]
fn an_animation_becomes_a_video() {
    let input = clip("anim.gif", "-f lavfi -i testsrc2=s=64x48:r=10:d=1");
    let folder = scratch();
    let output = folder.path().join("out.mp4");
    succeed(&input, &output, "");
    assert_eq!(Probe::new(&output).size(), (128, 96));
    assert_eq!(frame_times(&output, "v:0"), frame_times(&input, "v:0"));
}

#[test]
fn existing_pictures_of_a_sequence_are_replaced_only_when_asked() {
    let (folder, results) = (scratch(), scratch());
    let input = sequence(folder.path());
    let existing = results.path().join("z-003.png");
    std::fs::write(&existing, "precious").unwrap();
    let pattern = results.path().join("z-%03d.png");
    let refused = run(&input, &pattern, "--upscale 1");
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    assert!(refused.stderr.contains("z-003.png: exists already; add -y"), "{}", refused.stderr);
    assert_eq!(std::fs::read(&existing).unwrap(), b"precious");
    assert_eq!(std::fs::read_dir(results.path()).unwrap().count(), 1);
    // Numbers before the first one, and names that the pattern does not write, are not in the way.
    let result = run(&input, &pattern, "--upscale 1 --muxer-opt start_number=4");
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    assert_eq!(std::fs::read_dir(results.path()).unwrap().count(), 6);
    let result = run(&input, &pattern, "--upscale 1 -y");
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    assert_eq!(Probe::new(&existing).size(), (64, 48));
}
