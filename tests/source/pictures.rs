//! Single pictures and sequences of them.

use crate::common::clips;
use crate::read::{drain, open, read, read_with};
use framecast::frame::{Matrix, Range, Rational};
use framecast::media::InputOptions;
use std::path::Path;

#[test]
fn a_picture_is_one_frame_in_full_precision() {
    for (name, delivered) in [
        ("rgb24", "yuv444p16"),
        ("rgba", "yuva444p16"),
        ("rgb48be", "yuv444p16"),
        ("gray", "gray"),
        ("gray16be", "gray16"),
        ("ya8", "ya8"),
        ("pal8", "yuva444p16"),
    ] {
        let clip = clips::picture(name);
        let all = read(&clip);
        let video = &all.description.video;
        assert!(video.is_picture);
        assert_eq!((all.frames.len(), video.width, video.height), (1, 175, 143));
        // A palette without transparency may be read as plain RGB.
        let found = video.format.to_string();
        assert!(found == delivered || (name == "pal8" && found == "yuv444p16"), "{name}: {found}");
        assert_eq!(video.color.range, Range::Full);
        let reference = image::open(&clip).unwrap().to_rgb16();
        let planes = all.frames[0].planes();
        for (x, y, pixel) in reference.enumerate_pixels().step_by(97) {
            let [r, g, b] = pixel.0.map(f64::from);
            let luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
            let (x, y) = (x as usize, y as usize);
            let found = match video.format.depth {
                8 => f64::from(planes[0].row_u8(y)[x]) * 257.0,
                _ => f64::from(planes[0].row_u16(y)[x]),
            };
            assert!((found - luma).abs() <= 1.0, "{name} at {x},{y}: {found}, not {luma}");
        }
        if !name.starts_with('g') && !name.starts_with('y') {
            assert_eq!(video.color.matrix, Matrix::Bt709);
        }
    }
}

fn sequence(numbers: &[u32]) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    for number in numbers {
        let value = (*number * 10) as u8;
        let picture = image::RgbImage::from_pixel(16, 8, image::Rgb([value, value, value]));
        picture.save(directory.path().join(format!("f{number:04}.png"))).unwrap();
    }
    let pattern = directory.path().join("f%04d.png").to_str().unwrap().to_owned();
    (directory, pattern)
}

#[test]
fn sequences_run_from_the_lowest_number_at_the_given_rate() {
    let (_directory, pattern) = sequence(&[3, 4, 5, 6, 7]);
    let all = read(Path::new(&pattern));
    assert_eq!(all.times(), [0, 1, 2, 3, 4]);
    assert_eq!(all.description.video.time_base, Rational::new(1, 25));
    let grey = |frame: &framecast::frame::Frame| frame.planes()[0].row_u16(0)[0];
    assert_eq!(
        all.frames.iter().map(grey).collect::<Vec<_>>(),
        [30, 40, 50, 60, 70].map(|value| value * 257)
    );
    let options = InputOptions {
        rate: Some(Rational::new(10, 1)),
        start: Some(100_000),
        duration: Some(200_000),
        ..Default::default()
    };
    let part = read_with(Path::new(&pattern), &options);
    assert_eq!((part.times(), part.description.video.frame_rate), (vec![0, 1], Rational::new(10, 1)));
    assert_eq!(grey(&part.frames[0]), 40 * 257);
}

#[test]
fn a_gap_in_a_sequence_is_named() {
    let (_directory, pattern) = sequence(&[1, 2, 4, 5]);
    let error = open(Path::new(&pattern), &InputOptions::default()).err().unwrap().to_string();
    assert!(error.contains("f0003.png is missing") && error.contains("f0005.png"), "{error}");
    let (_directory, pattern) = sequence(&[]);
    let error = open(Path::new(&pattern), &InputOptions::default()).err().unwrap().to_string();
    assert!(error.contains("no picture matches"), "{error}");
}

#[test]
fn damaged_pictures_are_left_out_and_counted() {
    let (directory, pattern) = sequence(&[1, 2, 3]);
    std::fs::write(directory.path().join("f0002.png"), b"no picture").unwrap();
    let all = read(Path::new(&pattern));
    assert_eq!((all.times(), all.report.damaged), (vec![0, 2], 1));
    let options = InputOptions { strict: true, ..Default::default() };
    assert!(open(Path::new(&pattern), &options).and_then(drain).is_err());
}
