//! Overlays stay bit for bit while things move behind them, and what moves over a still background is not cut off.

use crate::support::{backends, color, frame_of, samples};
use framecast::error::KernelError;
use framecast::frame::{Frame, Matrix, MotionField, PixelFormat, Range, Siting, StillMask, Subsampling};
use framecast::kernel::Composition;
use framecast::kernel::cpu::StillDetector;

const SIZE: (u32, u32) = (96, 64);

/// A picture without end that never repeats nearby.
fn texture(plane: usize, x: i64, y: i64) -> u32 {
    let mix = (x as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (y as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    let mix = (mix ^ (plane as u64) << 7).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (mix >> 40) as u32 % 200 + 20
}

/// Three strokes two pixels wide: an H.
fn on_text(x: usize, y: usize) -> bool {
    (24..44).contains(&y)
        && ([30, 31, 50, 51].contains(&x) || ((30..52).contains(&x) && [32, 33].contains(&y)))
}

fn frame(format: PixelFormat, scale: usize, value: impl Fn(usize, usize, usize) -> u32) -> Frame {
    let size = (SIZE.0 * scale as u32, SIZE.1 * scale as u32);
    let s = format.subsampling();
    frame_of(size, format, color(Matrix::Bt709, Range::Limited, Siting::Left), |plane, x, y| {
        let s = if plane == 0 { Subsampling::S444 } else { s };
        value(plane, (x << s.x) / scale, (y << s.y) / scale) << (format.depth - 8)
    })
}

/// Text over a background that moves to the left by 4 pixels a frame.
fn panning(format: PixelFormat, scale: usize, time: i64) -> Frame {
    let block = |plane: usize| if plane == 0 { 0 } else { 1 };
    frame(format, scale, |plane, x, y| match on_text(x, y) {
        true => 235,
        false => texture(plane, (x as i64 + 4 * time) >> block(plane), y as i64 >> block(plane)),
    })
}

#[test]
fn text_over_a_panning_background_is_bit_equal() {
    for mut kernels in backends() {
        for (subsampling, depth) in [(Subsampling::S420, 8), (Subsampling::S422, 10), (Subsampling::S444, 8)]
        {
            let format = PixelFormat::yuv(subsampling, depth);
            let mut detector = StillDetector::new(0);
            for time in 1..3 {
                detector.update(&panning(format, 1, time - 1), &panning(format, 1, time)).unwrap();
            }
            let field = MotionField::uniform(SIZE, 4, [2.0, 0.0], [6.0, 0.0], -40.0);
            let mut mask = StillMask::default();
            detector.mask(Some(&field), &mut mask).unwrap();
            for scale in [1, 2, 3] {
                let [first, other] = [2, 1].map(|time| panning(format, scale, time));
                let mut out = other.clone();
                let composition = Composition {
                    field: &field,
                    first: &first,
                    other: &other,
                    gate: None,
                    still: Some(&mask),
                    sharpness: None,
                };
                kernels.compose(&composition, &mut out).unwrap();
                let case = format!("{} {format} times {scale}", kernels.name());
                let (mut held, mut moved) = (0, 0);
                for (plane, (out, first)) in out.planes().iter().zip(first.planes()).enumerate() {
                    let s = if plane == 0 { Subsampling::S444 } else { subsampling };
                    let width = first.width as usize;
                    let (out, first) = (samples(out), samples(first));
                    for (index, (actual, own)) in out.iter().zip(&first).enumerate() {
                        let (x, y) = (index % width, index / width);
                        // Text is even in place and size, so chroma samples lie wholly on it or beside it.
                        let text = on_text((x << s.x) / scale, (y << s.y) / scale);
                        if text {
                            held += 1;
                            assert_eq!(actual, own, "{case} plane {plane} ({x}, {y})");
                        } else if actual != own {
                            moved += 1;
                        }
                    }
                }
                assert!(held > 100 * scale && moved > 15 * held, "{case}: {held} held, {moved} moved");
            }
        }
    }
}

/// A square that moves to the right by 6 pixels a frame, over a background that stands still.
fn passing(time: usize) -> Frame {
    let square = |x: usize, y: usize| (20..44).contains(&y) && (6 * time..6 * time + 24).contains(&x);
    frame(PixelFormat::YUV420P, 1, |plane, x, y| match square(x, y) {
        true => texture(plane, x as i64 - 6 * time as i64 + 1000, y as i64),
        false => texture(plane, x as i64, y as i64),
    })
}

#[test]
fn what_passes_over_a_still_background_is_not_cut_off() {
    let mut detector = StillDetector::new(0);
    for time in 1..3 {
        detector.update(&passing(time - 1), &passing(time)).unwrap();
    }
    let mut mask = StillMask::default();
    detector.mask(None, &mut mask).unwrap();
    let at = |mask: &StillMask, x: usize, y: usize| mask.row(y)[x] != 0;
    // The square's right edge is at 36 and will be at 42.
    assert!(at(&mask, 38, 30) && at(&mask, 60, 30) && !at(&mask, 20, 30), "unchanged so far");
    let mut field = MotionField::still(SIZE, 4);
    for index in 0..field.width * field.height {
        let (x, y) = (index % field.width * 4, index / field.width * 4);
        if (16..44).contains(&x) && (20..44).contains(&y) {
            field.first[0][index] = -6.0;
        }
    }
    detector.mask(Some(&field), &mut mask).unwrap();
    for y in 22..42 {
        for x in 37..41 {
            assert!(!at(&mask, x, y), "({x}, {y}) is about to be covered");
        }
        assert!(at(&mask, 60, y), "background far away stays");
    }
    assert!(at(&mask, 38, 10));
}

#[test]
fn chance_is_not_stillness_and_noise_below_the_threshold_is_no_change() {
    let format = PixelFormat::YUV420P;
    let texture_frame = |seed: i64, noise: bool| {
        frame(format, 1, |plane, x, y| {
            let value = texture(plane, x as i64, y as i64 + 1000 * seed);
            value + u32::from(noise && (x / 2 + y / 2) % 2 == 0)
        })
    };
    let share = |before: &Frame, frame: &Frame, threshold: u32| {
        let mut detector = StillDetector::new(threshold);
        let mut mask = StillMask::default();
        detector.update(before, frame).unwrap();
        detector.mask(None, &mut mask).unwrap();
        mask.values.iter().filter(|value| **value != 0).count() as f64 / mask.values.len() as f64
    };
    let [a, b, noisy] = [texture_frame(0, false), texture_frame(1, false), texture_frame(0, true)];
    assert!(share(&a, &b, 0) < 0.001);
    assert!((share(&a, &a, 0) - 1.0).abs() < 1e-9);
    assert!((share(&a, &noisy, 1) - 1.0).abs() < 1e-9);
    assert!(share(&a, &noisy, 0) < 0.6);
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut detector = StillDetector::new(0);
    let mut mask = StillMask::default();
    let refused = detector.mask(None, &mut mask);
    assert!(matches!(refused, Err(KernelError::Shape { operation: "still", .. })), "no frame yet");
    let [a, b] = [8, 10].map(|depth| panning(PixelFormat::yuv(Subsampling::S420, depth), 1, 0));
    assert!(matches!(detector.update(&a, &b), Err(KernelError::Shape { operation: "still", .. })));
    detector.update(&a, &a).unwrap();
    let refused = detector.mask(Some(&MotionField::still((95, 64), 4)), &mut mask);
    assert!(matches!(refused, Err(KernelError::Shape { operation: "still", .. })));
}
