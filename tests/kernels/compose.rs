//! Frames made from motion.

use crate::support::{Noise, assert_rounded, color, fill, formats, frame_of, noise_frame, samples};
use crate::{reference, support};
use framecast::error::KernelError;
use framecast::frame::{
    Color, Frame, Matrix, MotionField, PixelFormat, Range, Sharpness, Siting, StillMask, Subsampling,
};
use framecast::kernel::cpu::CpuKernels;
use framecast::kernel::{Composition, Kernels};

/// All backends, and what the CPU does without its instructions.
fn backends() -> Vec<Box<dyn Kernels>> {
    let mut backends = support::backends();
    backends.push(Box::new(CpuKernels::portable()));
    backends
}

fn left() -> Color {
    color(Matrix::Bt709, Range::Limited, Siting::Left)
}

/// Two frames of different noise.
pub(crate) fn pair(size: (u32, u32), format: PixelFormat, color: Color) -> [Frame; 2] {
    let first = noise_frame(size, format, color);
    let mut noise = Noise::new(99);
    [first, frame_of(size, format, color, |_, _, _| noise.below(format.max_value() + 1))]
}

/// A field of waves of motion up to `reach` luma samples long, with noise of up to `roughness` on it. The other frame's
/// weight goes from 0 on the left to 1 on the right.
pub(crate) fn waves(source: (u32, u32), shrink: usize, reach: f32, roughness: f32) -> MotionField {
    let mut field = MotionField::still(source, shrink);
    let mut noise = Noise::new(5);
    for index in 0..field.width * field.height {
        let (x, y) = ((index % field.width) as f32, (index / field.width) as f32);
        let mut value =
            |phase: f32| reach * ((x + 1.3 * y) / 9.0 + phase).sin() + roughness * (2.0 * noise.unit() - 1.0);
        field.first[0][index] = value(0.0);
        field.first[1][index] = value(1.0);
        field.other[0][index] = value(2.0);
        field.other[1][index] = value(3.0);
        field.blend[index] = 40.0 * (x / field.width as f32 - 0.5);
    }
    field
}

/// A gate that is closed at the top and opens downwards.
pub(crate) fn opening(field: &MotionField) -> Vec<f32> {
    let row = |index: usize| (index / field.width) as f32 / field.height as f32;
    (0..field.width * field.height).map(|index| (2.0 * row(index) - 0.3).clamp(0.0, 1.0)).collect()
}

/// Blocks of 8 pixels that keep all, half or nothing of their detail, or what lies between.
pub(crate) fn patches(source: (u32, u32)) -> Sharpness {
    let mut sharpness = Sharpness::default();
    sharpness.reshape(source, 8);
    let kept = [1.0, 1.0, 0.0, 0.3, 0.8, 0.5, 0.0];
    sharpness.values.iter_mut().enumerate().for_each(|(index, value)| *value = kept[index % kept.len()]);
    sharpness
}

/// A mask with a bar, a dot and noise.
pub(crate) fn blots(source: (u32, u32)) -> StillMask {
    let mut mask = StillMask::default();
    mask.reshape(source.0 as usize, source.1 as usize);
    let (width, mut noise) = (mask.width, Noise::new(3));
    for (index, value) in mask.values.iter_mut().enumerate() {
        let (x, y) = (index % width, index / width);
        let bar = (y / 4) % 5 == 1 && x > width / 3;
        *value = if bar || (x, y) == (5, 2) || noise.below(40) == 0 { 255 } else { 0 };
    }
    mask
}

fn check(kernels: &mut dyn Kernels, composition: &Composition<'_>, case: &str) {
    let mut out = composition.first.clone();
    out.planes_mut().iter_mut().for_each(|plane| fill(plane, |_, _| 1));
    kernels.compose(composition, &mut out).unwrap();
    let info = &out.info;
    let case = format!("{} {} {}x{} {case}", kernels.name(), info.format, info.width, info.height);
    for (index, plane) in out.planes().iter().enumerate() {
        let exact = reference::compose(composition, index);
        assert_rounded(&samples(plane), &exact, info.format.max_value(), &format!("{case} plane {index}"));
    }
}

fn plain<'a>(field: &'a MotionField, [first, other]: &'a [Frame; 2]) -> Composition<'a> {
    Composition { field, first, other, gate: None, still: None, sharpness: None }
}

#[test]
fn motion_of_every_kind_in_every_format() {
    for mut kernels in backends() {
        for format in formats() {
            for (reach, roughness) in [(3.0, 0.0), (20.0, 1.0), (30.0, 30.0)] {
                let source = (101, 53);
                let field = waves(source, 4, reach, roughness);
                let frames = pair(source, format, left());
                check(kernels.as_mut(), &plain(&field, &frames), &format!("{reach} {roughness}"));
            }
        }
    }
}

#[test]
fn sizes_factors_and_sitings() {
    for mut kernels in backends() {
        for source in [(97, 50), (18, 16), (5, 3), (1, 1)] {
            for (numerator, denominator) in [(1, 1), (2, 1), (3, 1), (3, 2), (5, 4)] {
                let sitings = [Siting::Left, Siting::TopLeft, Siting::Center, Siting::Left];
                for (shrink, siting) in [4, 2, 4, 8].into_iter().zip(sitings) {
                    let enlarged = |length: u32| length * numerator / denominator;
                    let size = (enlarged(source.0), enlarged(source.1));
                    let field = waves(source, shrink, 4.0, 0.5);
                    let frames = pair(size, PixelFormat::YUV420P, color(Matrix::Bt709, Range::Full, siting));
                    check(kernels.as_mut(), &plain(&field, &frames), &format!("of {source:?} {shrink}"));
                }
            }
        }
    }
}

#[test]
fn gate_and_mask() {
    for mut kernels in backends() {
        for subsampling in [Subsampling::S420, Subsampling::S422, Subsampling::S444] {
            for (depth, scale) in [(8, 1), (8, 2), (10, 1), (10, 3)] {
                let source = (67, 45);
                let format = PixelFormat::yuv(subsampling, depth);
                let frames = pair((source.0 * scale, source.1 * scale), format, left());
                let (field, mask) = (waves(source, 4, 6.0, 0.3), blots(source));
                let gate = opening(&field);
                for (gate, still) in [(Some(&*gate), None), (None, Some(&mask)), (Some(&*gate), Some(&mask))]
                {
                    let composition = Composition { gate, still, ..plain(&field, &frames) };
                    check(kernels.as_mut(), &composition, &format!("{gate:?}"));
                }
            }
        }
    }
}

fn assert_equal(actual: &Frame, expected: &Frame, case: &str) {
    for (actual, expected) in actual.planes().iter().zip(expected.planes()) {
        assert_eq!(samples(actual), samples(expected), "{case}");
    }
}

#[test]
fn no_motion_is_a_copy_of_either_frame() {
    for mut kernels in backends() {
        for format in formats() {
            let frames = pair((61, 34), format, left());
            let still = MotionField::still((61, 34), 4);
            let other = MotionField::uniform((61, 34), 4, [0.0; 2], [0.0; 2], 40.0);
            for (field, expected) in [(still, &frames[0]), (other, &frames[1])] {
                let mut out = frames[1].clone();
                kernels.compose(&plain(&field, &frames), &mut out).unwrap();
                assert_equal(&out, expected, &format!("{} {format}", kernels.name()));
            }
            let mut out = frames[1].clone();
            let field = waves((61, 34), 4, 9.0, 3.0);
            let gate = vec![0.0; field.width * field.height];
            let closed = Composition { gate: Some(&gate), ..plain(&field, &frames) };
            kernels.compose(&closed, &mut out).unwrap();
            assert_equal(&out, &frames[0], &format!("{} {format} closed", kernels.name()));
        }
    }
}

#[test]
fn whole_sample_motion_is_exact() {
    for mut kernels in backends() {
        for (subsampling, depth) in [(Subsampling::S420, 8), (Subsampling::S422, 10), (Subsampling::S444, 16)]
        {
            for scale in [1, 2, 3] {
                let (width, height) = (48 * scale, 28 * scale);
                let frames = pair((width, height), PixelFormat::yuv(subsampling, depth), left());
                for (blend, index) in [(-40.0, 0), (40.0, 1)] {
                    let field = MotionField::uniform((48, 28), 4, [6.0, -4.0], [-14.0, 8.0], blend);
                    let (dx, dy) = [(6, -4), (-14, 8)][index];
                    let mut out = frames[0].clone();
                    kernels.compose(&plain(&field, &frames), &mut out).unwrap();
                    for (number, (out, source)) in out.planes().iter().zip(frames[index].planes()).enumerate()
                    {
                        let s = if number == 0 { Subsampling::S444 } else { subsampling };
                        let (dx, dy) = ((dx * scale as i64) >> s.x, (dy * scale as i64) >> s.y);
                        let (columns, rows) = (i64::from(out.width), i64::from(out.height));
                        let all = samples(source);
                        let moved = |i: i64| {
                            let x = (i % columns + dx).clamp(0, columns - 1);
                            let y = (i / columns + dy).clamp(0, rows - 1);
                            all[(y * columns + x) as usize]
                        };
                        let expected: Vec<_> = (0..columns * rows).map(moved).collect();
                        assert_eq!(samples(out), expected, "{} {subsampling:?} {scale}", kernels.name());
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_not_a_number_does_no_harm() {
    for mut kernels in backends() {
        let frames = pair((40, 24), PixelFormat::YUV420P, left());
        let mut out = frames[1].clone();
        let bad = MotionField::uniform((40, 24), 4, [f32::NAN; 2], [f32::INFINITY; 2], f32::NAN);
        kernels.compose(&plain(&bad, &frames), &mut out).unwrap();
        assert_equal(&out, &frames[0], &kernels.name());
        let far = MotionField::uniform((40, 24), 4, [f32::INFINITY; 2], [-1e30; 2], 40.0);
        kernels.compose(&plain(&far, &frames), &mut out).unwrap();
        let corner = samples(&frames[1].planes()[0])[0];
        assert!(samples(&out.planes()[0]).iter().all(|sample| *sample == corner), "{}", kernels.name());
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    for mut kernels in backends() {
        let frames = pair((40, 24), PixelFormat::YUV420P, left());
        let field = MotionField::still((40, 24), 4);
        let mut cut = field.clone();
        cut.other[1].pop();
        let small = StillMask { width: 2, height: 1, values: vec![0; 2] };
        let deep = pair((40, 24), PixelFormat::yuv(Subsampling::S420, 10), left());
        let mut out = frames[0].clone();
        let good = plain(&field, &frames);
        for bad in [
            Composition { field: &cut, ..good },
            Composition { gate: Some(&[1.0]), ..good },
            Composition { still: Some(&small), ..good },
            Composition { other: &deep[1], ..good },
        ] {
            let refused = kernels.compose(&bad, &mut out);
            assert!(matches!(refused, Err(KernelError::Shape { operation: "compose", .. })));
        }
        kernels.compose(&good, &mut out).unwrap();
    }
}
