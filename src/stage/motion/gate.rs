//! Whether predictions have been right lately, and how much they are trusted where.

use super::bilinear::sample;
use crate::frame::{MotionField, SmallFrame};
use std::sync::Arc;

/// What became of the output's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MotionCount {
    /// Frames made from motion.
    pub between: u64,
    /// Source frames shown once more where there is no motion to go by.
    pub held: u64,
    /// Predictions that were compared with the real frame.
    pub scored: u64,
    /// Those that were nearer to it than the frame before.
    pub hits: u64,
    /// Sum over frames made from motion of the share of pixels that are the source frame's own.
    pub gated: f64,
    /// Sum over frames made from motion of the mean predicted scale of the error (Laplace), 1 = from black to white.
    pub scale: f64,
}

impl MotionCount {
    /// Share of the predictions that were nearer to the real frame than the one before it; `None` without predictions.
    pub fn hit_rate(&self) -> Option<f64> {
        (self.scored > 0).then(|| self.hits as f64 / self.scored as f64)
    }

    /// Mean share of pixels that were gated; `None` without frames made from motion.
    pub fn gated_share(&self) -> Option<f64> {
        (self.between > 0).then(|| self.gated / self.between as f64)
    }

    /// Mean predicted scale of the error; `None` without frames made from motion.
    pub fn mean_scale(&self) -> Option<f64> {
        (self.between > 0).then(|| self.scale / self.between as f64)
    }
}

/// Source pixels along one side of a region that is judged as one.
const REGION: usize = 16;
/// Share of the sums so far in the new ones.
const MEMORY: f32 = 0.7;
/// Mean squared difference of luma between prediction and repeated frame that counts as much as the network's own gate.
const PRIOR: f32 = (4.0 / 255.0) * (4.0 / 255.0);

/// Learns from every real frame how far the last prediction of it could be trusted, region by region.
///
/// With own = the newest frame, d = prediction - own and e = truth - own, the mix own + g d with the smallest squared error
/// has g = sum(e d) / sum(d d). Both sums run over a region, its eight neighbours and, with falling weight, past frames.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    last: Option<Pending>,
    /// Columns of regions, and cells along one side of each.
    columns: usize,
    side: usize,
    /// Means of e d and of d d over each region and its neighbours.
    products: Vec<f32>,
    squares: Vec<f32>,
    share: Vec<f32>,
}

/// A prediction that waits for the real frame.
#[derive(Debug)]
struct Pending {
    field: MotionField,
    tau: f32,
    first: Arc<SmallFrame>,
    other: Arc<SmallFrame>,
}

impl Gate {
    /// Remembers the latest field of frame `first`, for the moment `tau` after it.
    pub(crate) fn expect(
        &mut self,
        field: MotionField,
        tau: f32,
        first: &Arc<SmallFrame>,
        other: &Arc<SmallFrame>,
    ) {
        self.last = Some(Pending { field, tau, first: first.clone(), other: other.clone() });
    }

    /// Compares the remembered prediction, carried on to the time of `real`, with it.
    pub(crate) fn score(&mut self, real: &SmallFrame, count: &mut MotionCount) {
        let Some(Pending { field, tau, first, other }) = self.last.take() else { return };
        let cells = field.width * field.height;
        let fits = |small: &SmallFrame| small.luma.len() == 4 * cells && small.width == field.width;
        if ![real, &*first, &*other].into_iter().all(fits) {
            return;
        }
        let Comparison { products, squares, predicting, repeating } =
            compare(&field, tau, [&first, &other], real);
        count.scored += 1;
        count.hits += u64::from(predicting <= repeating);
        self.side = region_side(field.shrink);
        self.columns = field.width.div_ceil(self.side);
        if self.products.len() != products.len() {
            self.products = vec![0.0; products.len()];
            self.squares = vec![0.0; squares.len()];
        }
        for (kept, new) in [(&mut self.products, products), (&mut self.squares, squares)] {
            for (kept, new) in kept.iter_mut().zip(around(&new, self.columns)) {
                *kept = MEMORY * *kept + (1.0 - MEMORY) * new;
            }
        }
    }

    /// Forgets everything, at a scene cut.
    pub(crate) fn reset(&mut self) {
        self.last = None;
        self.products.clear();
        self.squares.clear();
    }

    /// The share of the prediction of `field`, for the moment `tau`, for each cell. The network's own gate counts where
    /// nothing has moved so far; what is distrusted is distrusted the less the nearer the moment is.
    pub(crate) fn share(&mut self, field: &MotionField, tau: f32) -> &[f32] {
        let (width, columns, side) = (field.width, self.columns.max(1), region_side(field.shrink));
        let size = (columns, self.products.len() / columns);
        let has_past = size.1 > 0 && side == self.side && columns == width.div_ceil(side);
        self.share.clear();
        self.share.extend(field.gate.iter().enumerate().map(|(index, logit)| {
            let own = own_share(*logit);
            if !has_past {
                return own;
            }
            let place = |cell: usize| (cell as f32 + 0.5) / side as f32 - 0.5;
            let at = (place(index % width), place(index / width));
            let (product, square) = (sample(&self.products, size, at), sample(&self.squares, size, at));
            let best = ((product + PRIOR * own) / (square + PRIOR)).clamp(0.0, 1.0);
            1.0 - (1.0 - best) * tau.min(1.0)
        }));
        &self.share
    }
}

/// Cells along one side of a region.
fn region_side(shrink: usize) -> usize {
    (REGION / shrink.max(1)).max(1)
}

/// The share that a network gives its prediction; networks without an opinion say exactly 0.
fn own_share(logit: f32) -> f32 {
    if logit == 0.0 { 1.0 } else { 1.0 / (1.0 + (-logit).exp()) }
}

/// What a prediction was worth.
struct Comparison {
    /// Means of e d and of d d, see [`Gate`], over each region.
    products: Vec<f32>,
    squares: Vec<f32>,
    /// Sums of the absolute errors of luma.
    predicting: f64,
    repeating: f64,
}

/// Compares, cell by cell in luma, the prediction carried on from `tau` to 1 with `real`.
fn compare(field: &MotionField, tau: f32, [first, other]: [&SmallFrame; 2], real: &SmallFrame) -> Comparison {
    let unit = 1.0 / field.shrink as f32;
    let (to_first, to_other) = (unit / tau.max(1e-3), unit * 2.0 / (1.0 + tau));
    let size = (field.width, field.height);
    let side = region_side(field.shrink);
    let columns = size.0.div_ceil(side);
    let regions = columns * size.1.div_ceil(side);
    let mut counts = vec![0.0f32; regions];
    let mut all = Comparison {
        products: vec![0.0; regions],
        squares: vec![0.0; regions],
        predicting: 0.0,
        repeating: 0.0,
    };
    let [first, other, real] = [first, other, real].map(cell_luma);
    let [first_x, first_y] = &field.first;
    let [other_x, other_y] = &field.other;
    let motion = first_x.iter().zip(first_y).zip(other_x.iter().zip(other_y)).zip(&field.blend);
    for (index, (((fx, fy), (ox, oy)), blend)) in motion.enumerate() {
        let (x, y) = (index % size.0, index / size.0);
        let at = |dx: f32, dy: f32| (x as f32 + dx, y as f32 + dy);
        let from_first = sample(&first, size, at(fx * to_first, fy * to_first));
        let from_other = sample(&other, size, at(ox * to_other, oy * to_other));
        let weight = 1.0 / (1.0 + (-blend).exp());
        let value = |luma: &[f32]| luma.get(index).copied().unwrap_or_default();
        let own = value(&first);
        let d = from_first + weight * (from_other - from_first) - own;
        let e = value(&real) - own;
        all.predicting += f64::from((e - d).abs());
        all.repeating += f64::from(e.abs());
        let region = y / side * columns + x / side;
        for (sums, value) in [(&mut all.products, e * d), (&mut all.squares, d * d), (&mut counts, 1.0)] {
            if let Some(sum) = sums.get_mut(region) {
                *sum += value;
            }
        }
    }
    for sums in [&mut all.products, &mut all.squares] {
        sums.iter_mut().zip(&counts).for_each(|(sum, count)| *sum /= count.max(1.0));
    }
    all
}

/// One value of luma for each cell.
fn cell_luma(small: &SmallFrame) -> Vec<f32> {
    let rows = (0..small.height).map(|y| (small.luma_row(2 * y), small.luma_row(2 * y + 1)));
    let means = rows.flat_map(|(upper, lower)| {
        let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
        pairs.map(|([a, b], [c, d])| (a + b + c + d) / 4.0)
    });
    means.collect()
}

/// The mean of each region and its eight neighbours; the nearest inside where there is none.
fn around(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns.max(1);
    let mean = |index: usize| {
        let (x, y) = (index % columns, index / columns);
        let near = |place: usize, step: usize, count: usize| (place + step).saturating_sub(1).min(count - 1);
        let steps = (0..3).flat_map(|dy| (0..3).map(move |dx| (dx, dy)));
        let value = |(dx, dy)| values.get(near(y, dy, rows) * columns + near(x, dx, columns));
        steps.filter_map(value).sum::<f32>() / 9.0
    };
    (0..values.len()).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stripes that have moved `shift` luma values to the right.
    fn stripes(shift: usize) -> Arc<SmallFrame> {
        let mut small = SmallFrame::default();
        small.reshape((128, 64), 4);
        let columns = 2 * small.width;
        for (index, value) in small.luma.iter_mut().enumerate() {
            *value = (((index % columns + 64 - shift) as f32) * 0.4).sin() * 0.4 + 0.5;
        }
        Arc::new(small)
    }

    /// The field of content that moved `pixels` source pixels to the right since frame k-1, to the moment `tau`.
    fn moving(pixels: f32, tau: f32) -> MotionField {
        MotionField::uniform((128, 64), 4, [-pixels * tau, 0.0], [-pixels * (1.0 + tau), 0.0], -40.0)
    }

    #[test]
    fn a_prediction_that_comes_true_is_trusted_and_a_wrong_one_is_not() {
        for (pixels, hits, low, high) in [(4.0, 1, 0.95, 1.0), (-4.0, 0, 0.0, 0.55)] {
            let (mut gate, mut count) = (Gate::default(), MotionCount::default());
            assert!(gate.share(&moving(pixels, 1.0), 1.0)[8 * 32 + 16] > 0.999);
            gate.expect(moving(pixels, 0.5), 0.5, &stripes(2), &stripes(0));
            gate.score(&stripes(4), &mut count);
            assert_eq!((count.scored, count.hits), (1, hits));
            let middle = gate.share(&moving(pixels, 1.0), 1.0)[8 * 32 + 16];
            assert!((low..=high).contains(&middle), "{middle}");
        }
    }

    #[test]
    fn errors_in_a_row_turn_prediction_off_and_a_cut_forgets_them() {
        let (mut gate, mut count) = (Gate::default(), MotionCount::default());
        for k in 0..8 {
            gate.expect(moving(-4.0, 1.0), 1.0, &stripes(2 * k + 2), &stripes(2 * k));
            gate.score(&stripes(2 * k + 4), &mut count);
        }
        assert_eq!((count.scored, count.hits), (8, 0));
        assert!(gate.share(&moving(4.0, 1.0), 1.0).iter().sum::<f32>() / 512.0 < 0.1);
        gate.reset();
        assert!(gate.share(&moving(4.0, 1.0), 1.0)[0] > 0.999);
        gate.score(&stripes(0), &mut count);
        assert_eq!(count.scored, 8);
    }
}
