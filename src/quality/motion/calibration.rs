//! How true a predicted scale is.

use crate::frame::{Frame, MotionField};

/// Bins, by the logarithm of the scale.
const BINS: usize = 6;

/// Predicted scales and absolute errors of luma, in codes of 255.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Calibration {
    /// For each bin: sums of predicted scale and of absolute error, and how many.
    bins: [[f64; 3]; BINS],
}

impl Calibration {
    /// Takes a made frame, each pixel having the scale of its cell. Returns the mean negative log-likelihood of luma in bits
    /// for each code.
    pub(super) fn add_frame(&mut self, field: &MotionField, truth: &Frame, made: &Frame) -> f64 {
        let [Some(truth), Some(made)] = [truth, made].map(|frame| frame.planes().first()) else { return 0.0 };
        let (mut bits, mut count) = (0.0, 0u64);
        for (y, (truth, made)) in truth.rows().zip(made.rows()).enumerate() {
            let row = y / field.shrink * field.width;
            for (x, (truth, made)) in truth.iter().zip(made).enumerate() {
                let log_scale = field.log_scale.get(row + x / field.shrink).copied().unwrap_or_default();
                let scale = (255.0 * f64::from(log_scale.exp())).max(0.1);
                let error = f64::from(truth.abs_diff(*made));
                bits += (2.0 * scale).log2() + error / scale * std::f64::consts::LOG2_E;
                count += 1;
                self.add(scale, error);
            }
        }
        bits / count.max(1) as f64
    }

    fn add(&mut self, scale: f64, error: f64) {
        let bin = (scale.log2().max(0.0) as usize).min(BINS - 1);
        if let Some(sums) = self.bins.get_mut(bin) {
            sums.iter_mut().zip([scale, error, 1.0]).for_each(|(sum, value)| *sum += value);
        }
    }

    /// Takes all pixels of another one.
    pub(super) fn add_all(&mut self, more: &Self) {
        let pairs = self.bins.iter_mut().flatten().zip(more.bins.iter().flatten());
        pairs.for_each(|(sum, more)| *sum += more);
    }

    /// Mean scale and mean absolute error of the bins that have pixels.
    pub(super) fn means(&self) -> Vec<[f64; 2]> {
        let used = self.bins.iter().filter(|[_, _, count]| *count > 0.0);
        used.map(|[scale, error, count]| [scale / count, error / count]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_counts_the_same_whatever_its_clip() {
        let (mut all, mut more) = (Calibration::default(), Calibration::default());
        all.add(0.5, 1.0);
        more.add(1.0, 4.0);
        more.add(1.5, 4.0);
        more.add(100.0, 90.0);
        all.add_all(&more);
        assert_eq!(all.means(), [[1.0, 3.0], [100.0, 90.0]]);
    }
}
