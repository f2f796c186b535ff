//! Frames shrunk for motion estimation, and pairs of them as tensors.

use crate::support::{SIZES, assert_close, color, elements, formats, frame_of, noise_frame, samples};
use framecast::error::KernelError;
use framecast::frame::{Frame, Matrix, PixelFormat, Range, Siting, SmallFrame, Subsampling, Tensor};
use framecast::kernel::cpu::{pack_pair, shrink};

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

/// The mean over the luma samples `x..x + size`, `y..y + size` of what plane `index` has at them, as a nominal value.
fn nominal_mean(frame: &Frame, all: &[u32], index: usize, (x, y): (usize, usize), size: usize) -> f64 {
    let plane = &frame.planes()[index];
    let s = if index == 0 { Subsampling::S444 } else { frame.info.format.subsampling() };
    let mut sum = 0.0;
    for row in y..y + size {
        for column in x..x + size {
            let row = (row >> s.y).min(plane.height as usize - 1);
            let column = (column >> s.x).min(plane.width as usize - 1);
            sum += f64::from(all[row * plane.width as usize + column]);
        }
    }
    let mean = sum / (size * size) as f64;
    let depth = i32::from(frame.info.format.depth);
    let full = frame.info.color.range == Range::Full;
    let (unit, max) = (2f64.powi(depth - 8), 2f64.powi(depth) - 1.0);
    match (index, full) {
        (0, false) => (mean - 16.0 * unit) / (219.0 * unit),
        (0, true) => mean / max,
        (_, false) => (mean - 128.0 * unit) / (224.0 * unit),
        (_, true) => (mean - 128.0 * unit) / max,
    }
}

#[test]
fn every_format_becomes_nominal_means() {
    let mut small = SmallFrame::default();
    for format in formats() {
        for (size, range) in SIZES.into_iter().zip([Range::Limited, Range::Full, Range::Limited]) {
            let frame = noise_frame(size, format, color(Matrix::Bt709, range, Siting::Left));
            for factor in [2, 4, 8] {
                shrink(&frame, factor, &mut small).unwrap();
                let (width, height) = (small.width, small.height);
                assert_eq!(
                    (width, height),
                    (size.0.div_ceil(factor as u32) as usize, size.1.div_ceil(factor as u32) as usize)
                );
                let half = factor / 2;
                let codes: Vec<_> = frame.planes().iter().map(samples).collect();
                let luma: Vec<_> = (0..4 * width * height)
                    .map(|i| (i % (2 * width) * half, i / (2 * width) * half))
                    .map(|place| nominal_mean(&frame, &codes[0], 0, place, half))
                    .collect();
                let case = format!("{format} {size:?} by {factor}");
                assert_close(&wide(&small.luma), &luma, 1e-5, &case);
                for (index, values) in small.chroma.iter().enumerate() {
                    let place = |i: usize| (i % width * factor, i / width * factor);
                    let expected: Vec<_> = (0..width * height)
                        .map(|i| match format.color_planes() {
                            1 => 0.0,
                            _ => nominal_mean(&frame, &codes[index + 1], index + 1, place(i), factor),
                        })
                        .collect();
                    assert_close(&wide(values), &expected, 1e-5, &case);
                }
            }
        }
    }
}

#[test]
fn black_white_and_neutral_have_nominal_values() {
    for depth in [8, 10] {
        let unit = 1 << (depth - 8);
        let frame = frame_of(
            (8, 8),
            PixelFormat::yuv(Subsampling::S420, depth),
            color(Matrix::Bt709, Range::Limited, Siting::Left),
            |plane, x, _| {
                if plane > 0 {
                    128 * unit
                } else if x < 4 {
                    16 * unit
                } else {
                    235 * unit
                }
            },
        );
        let mut small = SmallFrame::default();
        shrink(&frame, 4, &mut small).unwrap();
        assert_close(&wide(small.luma_row(0)), &[0.0, 0.0, 1.0, 1.0], 1e-6, "luma");
        assert_close(&wide(&small.chroma[0]), &[0.0; 4], 1e-6, "chroma");
    }
}

#[test]
fn a_pair_becomes_sixteen_channels() {
    let colors = color(Matrix::Bt709, Range::Limited, Siting::Left);
    for (size, factor, multiple) in [((322, 181), 4, 8), ((37, 18), 2, 4), ((5, 3), 4, 1)] {
        let frames =
            [8, 10].map(|depth| noise_frame(size, PixelFormat::yuv(Subsampling::S420, depth), colors));
        let [first, other] = frames.map(|frame| {
            let mut small = SmallFrame::default();
            shrink(&frame, factor, &mut small).unwrap();
            small
        });
        let mut tensor = Tensor::empty();
        let cells = first.width * first.height;
        let estimate =
            [1.0, 2.0].map(|gain: f32| (0..cells).map(|cell| gain * cell as f32).collect::<Vec<f32>>());
        pack_pair(&first, &other, 0.5, &estimate, multiple, &mut tensor).unwrap();
        let (width, height) = (first.width, first.height);
        let [channels, rows, columns] = tensor.shape;
        assert_eq!(
            [channels, rows, columns],
            [16, height.next_multiple_of(multiple), width.next_multiple_of(multiple)]
        );
        let mut expected = Vec::new();
        for channel in 0..16 {
            for y in (0..rows).map(|y| y.min(height - 1)) {
                for x in (0..columns).map(|x| x.min(width - 1)) {
                    let small = if channel < 6 { &first } else { &other };
                    let luma = |dy: usize, dx: usize| small.luma[(2 * y + dy) * 2 * width + 2 * x + dx];
                    expected.push(f64::from(match channel {
                        12 => 0.5,
                        13 | 14 => estimate[channel - 13][y * width + x] / 16.0,
                        15.. => 0.0,
                        _ if channel % 6 < 4 => luma(channel % 6 / 2, channel % 6 % 2) - 0.45,
                        _ => small.chroma[channel % 6 - 4][y * width + x],
                    }));
                }
            }
        }
        assert_close(&elements(&tensor), &expected, 1e-6, &format!("{size:?}"));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let colors = color(Matrix::Bt709, Range::Limited, Siting::Left);
    let frame = noise_frame((18, 16), PixelFormat::YUV420P, colors);
    let mut small = SmallFrame::default();
    let refused = shrink(&frame, 3, &mut small);
    assert!(matches!(refused, Err(KernelError::Shape { operation: "shrink", .. })));
    shrink(&frame, 2, &mut small).unwrap();
    let mut other = SmallFrame::default();
    shrink(&frame, 4, &mut other).unwrap();
    let estimate = [1, 2].map(|_| vec![0.0; small.width * small.height]);
    let refused = pack_pair(&small, &other, 1.0, &estimate, 8, &mut Tensor::empty());
    assert!(matches!(refused, Err(KernelError::Shape { operation: "pack_pair", .. })));
}
