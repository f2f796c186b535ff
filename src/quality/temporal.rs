//! How steady a clip is, measured between consecutive frames without any motion search.
//!
//! All measures compare the change of the output with the change of the reference, so a moving or flickering reference
//! costs nothing by itself.

use super::Samples;
use std::sync::Arc;

/// Side of the blocks that are static or not.
const BLOCK: usize = 8;
/// A block is static if the reference's samples change by at most this on average, in 8-bit code values.
const STATIC_CHANGE: f64 = 1.0;
/// Temporal information below this, in 8-bit code values, counts as this: noise is not compared with noise.
const LEAST_INFORMATION: f64 = 3.0;

/// A frame of the reference and of the output.
#[derive(Clone)]
pub(super) struct Pair {
    pub(super) reference: Arc<Samples>,
    pub(super) output: Arc<Samples>,
}

impl Pair {
    /// A frame that the output shows as it is.
    pub(super) fn same(frame: &Arc<Samples>) -> Self {
        Self { reference: frame.clone(), output: frame.clone() }
    }
}

/// Mean absolute change, from one frame to the next, of the output's error: `|(o2 - r2) - (o1 - r1)|`, in code values.
pub(super) fn temporal_error(before: &Pair, now: &Pair) -> f64 {
    let errors = |pair: &Pair| -> Vec<f64> {
        pair.output
            .values
            .iter()
            .zip(&pair.reference.values)
            .map(|(output, reference)| output - reference)
            .collect()
    };
    let changes: f64 = errors(before).iter().zip(errors(now)).map(|(before, now)| (now - before).abs()).sum();
    changes / now.output.values.len().max(1) as f64
}

/// How much more the output changes than the reference where the reference is static: the mean of
/// `|o2 - o1| - |r2 - r1|` over the static blocks, in code values. Above 0 it shimmers, below 0 it calms noise down.
/// `None` if no block is static. `peak` is the largest code value.
pub(super) fn flicker(before: &Pair, now: &Pair, peak: f64) -> Option<f64> {
    let reference = block_changes(&before.reference, &now.reference);
    let output = block_changes(&before.output, &now.output);
    let limit = STATIC_CHANGE * peak / 255.0;
    let (mut sum, mut count) = (0.0, 0);
    for (reference, output) in reference.into_iter().zip(output) {
        if reference <= limit {
            sum += output - reference;
            count += 1;
        }
    }
    (count > 0).then(|| sum / f64::from(count))
}

/// How far the output's temporal information is from the reference's: the mean of `|20 log10(TI(o) / TI(r))|` over the
/// whole blocks, in dB.
///
/// Temporal information (TI, ITU-T P.910) is the standard deviation over the samples of the difference of two frames; here
/// of a block, and at least 3 code values of 255. Comparing such features of blocks, limited from below, by the logarithm of
/// their ratio is the way of NTIA's General Model (Report 02-392). `None` if no block fits. `peak` is the largest code value.
pub(super) fn temporal_information_error(before: &Pair, now: &Pair, peak: f64) -> Option<f64> {
    let least = LEAST_INFORMATION * peak / 255.0;
    let reference = block_information(&before.reference, &now.reference);
    let output = block_information(&before.output, &now.output);
    let ratios = output.iter().zip(&reference).map(|(o, r)| (o.max(least) / r.max(least)).log10().abs());
    (!reference.is_empty()).then(|| 20.0 * ratios.sum::<f64>() / reference.len() as f64)
}

/// Mean absolute difference of every whole block.
fn block_changes(before: &Samples, now: &Samples) -> Vec<f64> {
    block_means(before, now, f64::abs)
}

/// Standard deviation of the difference of every whole block.
fn block_information(before: &Samples, now: &Samples) -> Vec<f64> {
    let squares = block_means(before, now, |change| change * change);
    let means = block_means(before, now, |change| change);
    squares.iter().zip(means).map(|(square, mean)| (square - mean * mean).max(0.0).sqrt()).collect()
}

/// Mean of a function of the differences of every whole block.
fn block_means(before: &Samples, now: &Samples, of: fn(f64) -> f64) -> Vec<f64> {
    let columns = now.width / BLOCK;
    let mut means = Vec::with_capacity(columns * (now.height / BLOCK));
    for y in (0..now.height / BLOCK).map(|row| row * BLOCK) {
        let mut sums = vec![0.0; columns];
        for y in y..y + BLOCK {
            let blocks = before.row(y).chunks_exact(BLOCK).zip(now.row(y).chunks_exact(BLOCK));
            for (sum, (before, now)) in sums.iter_mut().zip(blocks) {
                *sum += before.iter().zip(now).map(|(before, now)| of(now - before)).sum::<f64>();
            }
        }
        means.extend(sums.into_iter().map(|sum| sum / (BLOCK * BLOCK) as f64));
    }
    means
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(reference: f64, output: impl Fn(usize, usize) -> f64) -> Pair {
        let values = (0..256).map(|i| output(i % 16, i / 16)).collect();
        Pair {
            reference: Arc::new(Samples { width: 16, height: 16, values: vec![reference; 256] }),
            output: Arc::new(Samples { width: 16, height: 16, values }),
        }
    }

    #[test]
    fn temporal_information_is_compared_by_its_ratio() {
        let stripes = |by: f64| {
            let values = (0..256).map(|i| if i % 2 == 0 { 100.0 + by } else { 100.0 - by }).collect();
            Arc::new(Samples { width: 16, height: 16, values })
        };
        let error = |reference: f64, output: f64| {
            let now = Pair { reference: stripes(reference), output: stripes(output) };
            temporal_information_error(&Pair::same(&stripes(0.0)), &now, 255.0).unwrap()
        };
        // Half and double the change are 6 dB each; what is below 3 code values is not told from nothing.
        assert!((error(8.0, 4.0) - 6.0206).abs() < 1e-3 && (error(4.0, 8.0) - 6.0206).abs() < 1e-3);
        assert!(error(8.0, -8.0) < 1e-9 && error(0.0, 2.9) < 1e-9 && (error(0.0, 6.0) - 6.0206).abs() < 1e-3);
        let none = Arc::new(Samples { width: 7, height: 7, values: vec![0.0; 49] });
        assert_eq!(temporal_information_error(&Pair::same(&none), &Pair::same(&none), 255.0), None);
    }

    #[test]
    fn only_change_beyond_the_reference_counts() {
        let before = pair(100.0, |_, _| 90.0);
        // A constant error is no flicker, even while the picture gets brighter.
        assert!(temporal_error(&before, &pair(150.0, |_, _| 140.0)) < 1e-12);
        // Half of the samples change by 4: 2 on average.
        let shimmering = pair(100.0, |x, _| if x % 2 == 0 { 94.0 } else { 90.0 });
        assert!((temporal_error(&before, &shimmering) - 2.0).abs() < 1e-12);
        assert_eq!(flicker(&before, &shimmering, 255.0), Some(2.0));
        assert_eq!(flicker(&before, &pair(101.0, |_, _| 90.0), 255.0), Some(-1.0));
        assert_eq!(flicker(&before, &pair(101.5, |_, _| 90.0), 255.0), None, "nothing is static");
    }
}
