//! PSNR, SSIM and MS-SSIM of two planes.

use super::Samples;

/// Deviation and length of the Gaussian window (Wang et al., 2004).
const WINDOW: usize = 11;
const WINDOW_SIGMA: f64 = 1.5;

/// Exponents of the five scales (Wang, Simoncelli and Bovik, 2003), finest first.
const SCALE_WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// Mean squared error.
pub fn mean_squared_error(a: &Samples, b: &Samples) -> f64 {
    let sum: f64 = a.values.iter().zip(&b.values).map(|(a, b)| (a - b) * (a - b)).sum();
    sum / a.values.len().max(1) as f64
}

/// Peak signal-to-noise ratio in dB; infinite for equal planes.
pub fn psnr(a: &Samples, b: &Samples, peak: f64) -> f64 {
    10.0 * (peak * peak / mean_squared_error(a, b)).log10()
}

/// Structural similarity: Gaussian window of 11x11 and deviation 1.5, K1 = 0.01, K2 = 0.03, windows that lie inside the
/// picture only, as in Wang's MATLAB code. `None` for planes smaller than the window.
pub fn ssim(a: &Samples, b: &Samples, peak: f64) -> Option<f64> {
    windowed(a, b, peak).map(|means| means.similarity)
}

/// Multi-scale structural similarity over five scales, as in Wang's MATLAB code: scales are halved by 2x2 averages,
/// contrast and structure count at all of them, luminance at the coarsest. `None` for planes with a side below 176.
pub fn ms_ssim(a: &Samples, b: &Samples, peak: f64) -> Option<f64> {
    if a.width.min(a.height) >> (SCALE_WEIGHTS.len() - 1) < WINDOW {
        return None;
    }
    let mut scales = (a.clone(), b.clone());
    let mut product = 1.0;
    let mut weights = SCALE_WEIGHTS.iter().peekable();
    while let Some(&weight) = weights.next() {
        let means = windowed(&scales.0, &scales.1, peak)?;
        let is_last = weights.peek().is_none();
        let factor = if is_last { means.similarity } else { means.contrast };
        // Anti-correlated pictures have no similarity; a power of a negative number would not be a number.
        product *= factor.max(0.0).powf(weight);
        if !is_last {
            scales = (halved(&scales.0), halved(&scales.1));
        }
    }
    Some(product)
}

/// SSIM as FFmpeg's `ssim` filter and x264 count it: boxes of 8x8 samples every 4 samples. `None` for planes with a
/// side below 8. For comparison with their figures only.
pub fn block_ssim(a: &Samples, b: &Samples, peak: f64) -> Option<f64> {
    let (columns, rows) = (a.width / 4, a.height / 4);
    if columns < 2 || rows < 2 {
        return None;
    }
    let sums: Vec<Vec<[f64; 4]>> =
        (0..rows).map(|y| (0..columns).map(|x| block_sums(a, b, 4 * x, 4 * y)).collect()).collect();
    // FFmpeg rounds the constants to whole numbers.
    let c1 = (0.01 * 0.01 * peak * peak * 64.0 + 0.5).floor();
    let c2 = (0.03 * 0.03 * peak * peak * 64.0 * 63.0 + 0.5).floor();
    let mut total = 0.0;
    for (upper, lower) in sums.iter().zip(sums.iter().skip(1)) {
        for (upper, lower) in upper.windows(2).zip(lower.windows(2)) {
            let [s1, s2, squares, products] =
                upper.iter().chain(lower).fold([0.0; 4], |sum, block| add(sum, *block));
            let variances = squares * 64.0 - s1 * s1 - s2 * s2;
            let covariance = products * 64.0 - s1 * s2;
            total += (2.0 * s1 * s2 + c1) * (2.0 * covariance + c2)
                / ((s1 * s1 + s2 * s2 + c1) * (variances + c2));
        }
    }
    Some(total / ((columns - 1) * (rows - 1)) as f64)
}

/// Sums over a block of 4x4: a, b, a² + b², a·b.
fn block_sums(a: &Samples, b: &Samples, x: usize, y: usize) -> [f64; 4] {
    let line = |samples: &Samples, y: usize| -> [f64; 4] {
        samples.row(y).get(x..).and_then(<[f64]>::first_chunk).copied().unwrap_or_default()
    };
    (y..y + 4).fold([0.0; 4], |sum, y| {
        let pairs = line(a, y).into_iter().zip(line(b, y));
        pairs.fold(sum, |sum, (a, b)| add(sum, [a, b, a * a + b * b, a * b]))
    })
}

fn add([a, b, c, d]: [f64; 4], [e, f, g, h]: [f64; 4]) -> [f64; 4] {
    [a + e, b + f, c + g, d + h]
}

/// Means over all windows.
struct Means {
    /// Of luminance times contrast and structure.
    similarity: f64,
    /// Of contrast and structure.
    contrast: f64,
}

fn windowed(a: &Samples, b: &Samples, peak: f64) -> Option<Means> {
    if a.width.min(a.height) < WINDOW {
        return None;
    }
    let product = |left: &Samples, right: &Samples| Samples {
        values: left.values.iter().zip(&right.values).map(|(l, r)| l * r).collect(),
        ..*left
    };
    let (mean_a, mean_b) = (window_mean(a), window_mean(b));
    let (square_a, square_b) = (window_mean(&product(a, a)), window_mean(&product(b, b)));
    let products = window_mean(&product(a, b));
    let (c1, c2) = ((0.01 * peak).powi(2), (0.03 * peak).powi(2));
    let (mut similarity, mut contrast) = (0.0, 0.0);
    let moments = mean_a.iter().zip(&mean_b).zip(square_a.iter().zip(&square_b)).zip(&products);
    for (((mean_a, mean_b), (square_a, square_b)), product) in moments {
        let variances = (square_a - mean_a * mean_a) + (square_b - mean_b * mean_b);
        let covariance = product - mean_a * mean_b;
        let structure = (2.0 * covariance + c2) / (variances + c2);
        let luminance = (2.0 * mean_a * mean_b + c1) / (mean_a * mean_a + mean_b * mean_b + c1);
        contrast += structure;
        similarity += luminance * structure;
    }
    let count = mean_a.len() as f64;
    Some(Means { similarity: similarity / count, contrast: contrast / count })
}

/// The Gaussian mean of every window inside the plane.
fn window_mean(samples: &Samples) -> Vec<f64> {
    let weights = window_weights();
    let width = samples.width + 1 - WINDOW;
    let mut narrow = vec![0.0; width * samples.height];
    for (out, row) in narrow.chunks_exact_mut(width).zip(samples.rows()) {
        for (start, weight) in weights.iter().enumerate() {
            let shifted = row.get(start..start + width).unwrap_or(&[]);
            out.iter_mut().zip(shifted).for_each(|(sum, value)| *sum += weight * value);
        }
    }
    let mut means = vec![0.0; width * (samples.height + 1 - WINDOW)];
    for (y, out) in means.chunks_exact_mut(width).enumerate() {
        for (row, weight) in narrow.chunks_exact(width).skip(y).zip(&weights) {
            out.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
        }
    }
    means
}

fn window_weights() -> [f64; WINDOW] {
    let centre = (WINDOW / 2) as f64;
    let raw: [f64; WINDOW] =
        std::array::from_fn(|i| (-(i as f64 - centre).powi(2) / (2.0 * WINDOW_SIGMA * WINDOW_SIGMA)).exp());
    let sum: f64 = raw.iter().sum();
    raw.map(|weight| weight / sum)
}

/// Every second sample of the 2x2 averages, the last row and column repeated where a side is odd.
fn halved(source: &Samples) -> Samples {
    let (width, height) = (source.width.div_ceil(2), source.height.div_ceil(2));
    let mut values = Vec::with_capacity(width * height);
    for y in 0..height {
        let upper = source.row(2 * y);
        let lower = source.row((2 * y + 1).min(source.height - 1));
        let pairs = upper.chunks(2).zip(lower.chunks(2));
        let sum = |pair: &[f64]| match pair {
            [left, right] => left + right,
            _ => 2.0 * pair.iter().sum::<f64>(),
        };
        values.extend(pairs.map(|(upper, lower)| (sum(upper) + sum(lower)) / 4.0));
    }
    Samples { width, height, values }
}
