//! Resampling in double precision with MATLAB's conventions: half-pixel centres, mirrored borders, kernels that widen
//! when shrinking. Published super-resolution scores rest on exactly this arithmetic.

use super::Samples;
use crate::kernel::Axis;

/// How the values between samples are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// The nearest sample.
    Nearest,
    /// Linear interpolation.
    Bilinear,
    /// Keys' cubic convolution with a = -0.5, MATLAB's `bicubic`.
    Bicubic,
    /// Windowed sinc with 3 lobes.
    Lanczos,
}

impl Interpolation {
    /// Half the kernel's width in samples.
    const fn radius(self) -> f64 {
        match self {
            Self::Nearest => 0.5,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    fn weight(self, distance: f64) -> f64 {
        let d = distance.abs();
        match self {
            _ if d >= self.radius() => 0.0,
            Self::Nearest => 1.0,
            Self::Bilinear => 1.0 - d,
            Self::Bicubic if d <= 1.0 => (1.5 * d - 2.5) * d * d + 1.0,
            Self::Bicubic => ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0,
            Self::Lanczos => sinc(d) * sinc(d / 3.0),
        }
    }
}

fn sinc(x: f64) -> f64 {
    let t = std::f64::consts::PI * x;
    if t < 1e-9 { 1.0 } else { t.sin() / t }
}

/// Resamples a plane along both axes, rows first, without rounding.
pub fn resize(source: &Samples, horizontal: &Axis, vertical: &Axis, interpolation: Interpolation) -> Samples {
    let rows = filter_columns(source, &taps(vertical, interpolation));
    filter_rows(&rows, &taps(horizontal, interpolation))
}

/// Convolves a plane with a Gaussian of deviation `sigma` in samples, mirrored at the borders.
pub fn blur(source: &Samples, sigma: f64) -> Samples {
    if sigma <= 0.0 {
        return source.clone();
    }
    let rows = filter_columns(source, &gaussian(source.height, sigma));
    filter_rows(&rows, &gaussian(source.width, sigma))
}

/// For every output sample the source samples that it is made of, with their weights.
type Taps = Vec<Vec<(usize, f64)>>;

fn taps(axis: &Axis, interpolation: Interpolation) -> Taps {
    let centre = |j: usize| (j as f64 + 0.5) * axis.step - 0.5 + axis.offset;
    if interpolation == Interpolation::Nearest {
        let nearest = |j| vec![(mirrored((centre(j) + 0.5).floor() as i64, axis.source), 1.0)];
        return (0..axis.output).map(nearest).collect();
    }
    let widening = axis.step.max(1.0);
    let radius = interpolation.radius() * widening;
    let count = (2.0 * radius).ceil() as i64 + 2;
    let one = |j: usize| {
        let centre = centre(j);
        let first = (centre - radius).floor();
        let weights = (0..count).map(|k| {
            let position = first + k as f64;
            (position as i64, interpolation.weight((centre - position) / widening))
        });
        normalised(weights, axis.source)
    };
    (0..axis.output).map(one).collect()
}

fn gaussian(length: usize, sigma: f64) -> Taps {
    let radius = (4.0 * sigma).ceil() as i64;
    let one = |j: usize| {
        let weights = (-radius..=radius).map(|k| (j as i64 + k, (-0.5 * (k as f64 / sigma).powi(2)).exp()));
        normalised(weights, length)
    };
    (0..length).map(one).collect()
}

/// Weights that sum to 1, at mirrored positions; those of 0 are left out.
fn normalised(weights: impl Iterator<Item = (i64, f64)>, length: usize) -> Vec<(usize, f64)> {
    let mut taps: Vec<_> = weights
        .filter(|(_, weight)| weight.abs() > 0.0)
        .map(|(position, weight)| (mirrored(position, length), weight))
        .collect();
    let sum: f64 = taps.iter().map(|(_, weight)| weight).sum();
    taps.iter_mut().for_each(|(_, weight)| *weight /= sum);
    taps
}

/// The sample at `position` of a line that is continued by its mirror image, the last sample repeated.
fn mirrored(position: i64, length: usize) -> usize {
    let length = length.max(1) as i64;
    let folded = position.rem_euclid(2 * length);
    (if folded < length { folded } else { 2 * length - 1 - folded }) as usize
}

fn filter_columns(source: &Samples, taps: &Taps) -> Samples {
    let mut values = vec![0.0; taps.len() * source.width];
    for (out, taps) in values.chunks_exact_mut(source.width.max(1)).zip(taps) {
        for &(index, weight) in taps {
            out.iter_mut().zip(source.row(index)).for_each(|(sum, value)| *sum += weight * value);
        }
    }
    Samples { width: source.width, height: taps.len(), values }
}

fn filter_rows(source: &Samples, taps: &Taps) -> Samples {
    let mut values = Vec::with_capacity(source.height * taps.len());
    for row in source.rows() {
        let value = |&(index, weight): &(usize, f64)| row.get(index).map_or(0.0, |value| weight * value);
        values.extend(taps.iter().map(|taps| taps.iter().map(value).sum::<f64>()));
    }
    Samples { width: taps.len(), height: source.height, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: &[f64]) -> Samples {
        Samples { width: values.len(), height: 1, values: values.to_vec() }
    }

    fn resized(values: &[f64], target: usize, interpolation: Interpolation) -> Vec<f64> {
        let (horizontal, vertical) = (Axis::luma(values.len(), target), Axis::luma(1, 1));
        resize(&line(values), &horizontal, &vertical, interpolation).values
    }

    fn assert_close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "found {found}, expected {expected}");
        }
    }

    /// Expected values: MATLAB's documented `imresize` of [10 20 40 80 160 255], computed by hand from the kernel.
    #[test]
    fn a_line_is_halved_as_matlab_halves_it() {
        // Taps of a halving cubic at distances 0.25, 0.75, 1.25, 1.75 source samples over 2, by hand:
        // k(.25) = .8671875, k(.75) = .2265625, k(1.25) = -.0703125, k(1.75) = -.0234375, each counted twice.
        let source = [10.0, 20.0, 40.0, 80.0, 160.0, 255.0];
        let at = |index: i64| source[mirrored(index, 6)];
        let weights = [-0.0234375, -0.0703125, 0.2265625, 0.8671875];
        let sample = |left: i64| {
            let sum: f64 = (0..4).map(|k| weights[k as usize] * (at(left - 3 + k) + at(left + 4 - k))).sum();
            sum / 2.0
        };
        let expected: Vec<f64> = (0..3).map(|j| sample(2 * j)).collect();
        assert_close(&resized(&source, 3, Interpolation::Bicubic), &expected);
    }

    #[test]
    fn every_kernel_keeps_a_flat_line_and_doubles_a_step_as_its_formula_says() {
        for interpolation in [Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic] {
            assert_close(&resized(&[7.0; 5], 10, interpolation), &[7.0; 10]);
        }
        let step = [0.0, 0.0, 8.0, 8.0];
        assert_close(&resized(&step, 8, Interpolation::Nearest), &[0.0, 0.0, 0.0, 0.0, 8.0, 8.0, 8.0, 8.0]);
        assert_close(&resized(&step, 8, Interpolation::Bilinear), &[0.0, 0.0, 0.0, 2.0, 6.0, 8.0, 8.0, 8.0]);
        // k(1.25) + k(2.25) = -.0703125 and k(.75) + k(1.75) = .203125 of 8.
        assert_close(
            &resized(&step, 8, Interpolation::Bicubic),
            &[0.0, -0.1875, -0.5625, 1.625, 6.375, 8.5625, 8.1875, 8.0],
        );
    }

    #[test]
    fn a_blur_keeps_the_mean_and_spreads_an_impulse_by_its_deviation() {
        let mut values = vec![0.0; 41];
        values[20] = 1.0;
        let blurred = blur(&line(&values), 2.0).values;
        let mean: f64 = blurred.iter().sum();
        let variance: f64 = blurred.iter().enumerate().map(|(x, v)| v * (x as f64 - 20.0).powi(2)).sum();
        assert!((mean - 1.0).abs() < 1e-12);
        assert!((variance - 4.0).abs() < 0.02, "{variance}");
    }
}
