//! What image-to-image steps do: holding still, curves, mixing.

use crate::support::{
    Noise, SIZES, assert_close, assert_rounded, backends, color, elements, fill, noise_frame, noise_tensor,
    samples,
};
use framecast::error::KernelError;
use framecast::frame::{Matrix, PixelFormat, Range, Siting, Subsampling, Tensor, TensorData, TensorLayout};
use framecast::kernel::Steadiness;

const STEADINESS: Steadiness = Steadiness { most: 0.75, still: 0.02, moving: 0.06 };

/// A luma tensor, and the one before it: the left half moves, the right half has noise.
fn lumas(width: usize, height: usize) -> (Tensor, Tensor) {
    let before = noise_tensor([1, height, width], 0.0, 1.0);
    let mut noise = Noise::new(7);
    let mut values: Vec<f32> = elements(&before).iter().map(|value| *value as f32).collect();
    for (index, value) in values.iter_mut().enumerate() {
        let reach = if index % width < width / 2 { 0.3 } else { 0.03 };
        *value += reach * (noise.unit() - 0.25);
    }
    let luma = Tensor { data: TensorData::F32(values), ..before.clone() };
    (luma, before)
}

/// The share of the picture before at a pixel, in double precision.
fn share_of(luma: &[f64], before: &[f64], (width, height): (usize, usize), x: usize, y: usize) -> f64 {
    let mut sum = 0.0;
    for dy in -1..=1i64 {
        for dx in -1..=1i64 {
            let row = (y as i64 + dy).clamp(0, height as i64 - 1) as usize;
            let column = (x as i64 + dx).clamp(0, width as i64 - 1) as usize;
            sum += luma[row * width + column] - before[row * width + column];
        }
    }
    let (still, moving) = (f64::from(STEADINESS.still), f64::from(STEADINESS.moving));
    let rest = (moving - (sum / 9.0).abs()) / (moving - still);
    rest.clamp(0.0, 1.0) * f64::from(STEADINESS.most)
}

#[test]
fn what_stands_still_stays_and_what_moves_does_not() {
    for (width, height) in SIZES.map(|(width, height)| (width as usize, height as usize)) {
        let (luma, before) = lumas(width, height);
        let (now, then) = (elements(&luma), elements(&before));
        for layout in [TensorLayout::Nchw, TensorLayout::Nhwc] {
            let kept = Tensor { layout, ..noise_tensor([3, height, width], -1.0, 1.0) };
            let fresh = Tensor { layout, ..noise_tensor([3, height, width], 0.0, 2.0) };
            let (kept_values, fresh_values) = (elements(&kept), elements(&fresh));
            let mut expected = vec![0.0; fresh_values.len()];
            let mut shares = Vec::new();
            for y in 0..height {
                for x in 0..width {
                    let share = share_of(&now, &then, (width, height), x, y);
                    shares.push(share);
                    for channel in 0..3 {
                        let index = match layout {
                            TensorLayout::Nchw => (channel * height + y) * width + x,
                            TensorLayout::Nhwc => (y * width + x) * 3 + channel,
                        };
                        expected[index] =
                            fresh_values[index] + share * (kept_values[index] - fresh_values[index]);
                    }
                }
            }
            if width > 100 {
                assert!(shares.contains(&0.0) && shares.contains(&0.75), "the case covers both ends");
            }
            for mut kernels in backends() {
                let mut values = fresh.clone();
                kernels.steady(&luma, &before, &STEADINESS, &kept, &mut values).unwrap();
                assert_close(
                    &elements(&values),
                    &expected,
                    1e-5,
                    &format!("{} {layout} {width}", kernels.name()),
                );
            }
        }
    }
}

/// A map at a place of the enlarged picture, in double precision.
fn map_at(map: &[f64], (map_width, map_height): (usize, usize), (x, y): (f64, f64)) -> f64 {
    let axis = |place: f64, length: usize| {
        let place = place.clamp(0.0, length as f64 - 1.0);
        let first = place.floor();
        (first as usize, (first as usize + 1).min(length - 1), place - first)
    };
    let (left, right, fx) = axis(x, map_width);
    let (top, bottom, fy) = axis(y, map_height);
    let row = |row: usize| map[row * map_width + left] * (1.0 - fx) + map[row * map_width + right] * fx;
    row(top) * (1.0 - fy) + row(bottom) * fy
}

#[test]
fn curves_bend_the_picture_by_enlarged_maps() {
    for ((width, height), (map_width, map_height)) in
        [((64, 36), (16, 9)), ((33, 21), (9, 6)), ((5, 3), (5, 3)), ((40, 40), (1, 1)), ((8, 4), (16, 16))]
    {
        let maps = noise_tensor([24, map_height, map_width], -1.0, 1.0);
        let picture = noise_tensor([3, height, width], -0.1, 1.1);
        let (map_values, mut expected) = (elements(&maps), elements(&picture));
        for (index, value) in expected.iter_mut().enumerate() {
            let (channel, y, x) = (index / (width * height), index / width % height, index % width);
            let place = (
                (x as f64 + 0.5) * map_width as f64 / width as f64 - 0.5,
                (y as f64 + 0.5) * map_height as f64 / height as f64 - 0.5,
            );
            for iteration in 0..8 {
                let start = (iteration * 3 + channel) * map_width * map_height;
                let map = &map_values[start..start + map_width * map_height];
                let bend = map_at(map, (map_width, map_height), place);
                *value = (*value - bend * *value * (1.0 - *value)).clamp(0.0, 1.0);
            }
        }
        for mut kernels in backends() {
            let mut bent = picture.clone();
            kernels.apply_curves(&maps, &mut bent).unwrap();
            assert_close(
                &elements(&bent),
                &expected,
                1e-4,
                &format!("{} {width} x {height}", kernels.name()),
            );
        }
    }
}

#[test]
fn mixing_takes_its_share_of_each_plane() {
    let color = color(Matrix::Bt709, Range::Limited, Siting::Left);
    for size in SIZES {
        for depth in [8, 10, 16] {
            let format = PixelFormat::yuv(Subsampling::S420, depth);
            let frame = noise_frame(size, format, color);
            let from = &frame.planes()[0];
            let mut noise = Noise::new(3);
            let mut other = from.clone();
            fill(&mut other, |_, _| noise.below(format.max_value() + 1));
            for share in [0.0f32, 0.3, 1.0] {
                for mut kernels in backends() {
                    let mut target = other.clone();
                    let (a, b) = (samples(from), samples(&target));
                    let mixed = |(a, b): (&u32, &u32)| {
                        f64::from(*a) + f64::from(share) * (f64::from(*b) - f64::from(*a))
                    };
                    let exact: Vec<_> = a.iter().zip(&b).map(mixed).collect();
                    kernels.mix(from, share, &mut target).unwrap();
                    let case = format!("{} {size:?} {depth} {share}", kernels.name());
                    assert_rounded(&samples(&target), &exact, format.max_value(), &case);
                }
            }
        }
    }
}

#[test]
fn tensors_that_do_not_fit_are_refused() {
    for mut kernels in backends() {
        let (luma, before) = lumas(8, 4);
        let mut values = noise_tensor([3, 4, 8], 0.0, 1.0);
        let wrong = noise_tensor([3, 4, 7], 0.0, 1.0);
        let error = kernels.steady(&luma, &before, &STEADINESS, &wrong, &mut values);
        assert!(matches!(error, Err(KernelError::Shape { operation: "steady", .. })));
        let error = kernels.apply_curves(&noise_tensor([4, 2, 2], 0.0, 1.0), &mut values);
        assert!(matches!(error, Err(KernelError::Shape { operation: "apply_curves", .. })));
    }
}
