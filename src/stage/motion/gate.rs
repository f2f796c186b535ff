//! Whether predictions have been right lately, and how much they are trusted where.

use super::bilinear::sample;
use super::score::{Comparison, Sums, carried_on, compare};
use crate::frame::{MotionField, Sharpness, SmallFrame};
use crate::kernel::logistic;
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

/// A region that is judged as one has as many source pixels along a side as this,
const REGION: usize = 16;
/// but at least as many cells.
const CELLS: usize = 4;
/// Share of the sums so far in the new ones.
const MEMORY: f32 = 0.7;
/// Mean squared difference of luma that counts as much as what is believed where nothing is known.
const PRIOR: f32 = (4.0 / 255.0) * (4.0 / 255.0);

/// Learns from every real frame how far the last prediction of it could be trusted, region by region.
///
/// With own = the newest frame, d = prediction - own and e = truth - own, the mix own + g d with the smallest squared error
/// has g = sum(e d) / sum(d d). With D and E the detail of prediction and truth, what they are more than the means of small
/// blocks, the detail with the smallest squared error is s D with s = sum(E D) / sum(D D): detail in the wrong place
/// errs twice, once where it is and once where it should be. All sums run over a region, its eight neighbours and,
/// with falling weight, past frames.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    last: Option<Pending>,
    /// Columns of regions, and cells along one side of each.
    columns: usize,
    side: usize,
    past: Sums,
    /// For each column of cells, the region left of its middle and the distance from that region's, in regions.
    places: Vec<(usize, f32)>,
    /// Of a row of cells: `past` at its height, for each column of regions and once more for the last one.
    row: Vec<[f32; 2]>,
    share: Vec<f32>,
    sharpness: Sharpness,
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
        let made = carried_on(&field, tau, [&first, &other]);
        let Comparison { mut sums, predicting, repeating } =
            compare(&made, &first, real, region_side(field.shrink));
        count.scored += 1;
        count.hits += u64::from(predicting <= repeating);
        self.side = region_side(field.shrink);
        self.columns = field.width.div_ceil(self.side);
        if self.past.products.len() != sums.products.len() {
            self.past = Sums::zero(sums.products.len());
        }
        for (kept, new) in self.past.planes_mut().into_iter().zip(sums.planes_mut()) {
            for (kept, new) in kept.iter_mut().zip(around(new, self.columns)) {
                *kept = MEMORY * *kept + (1.0 - MEMORY) * new;
            }
        }
    }

    /// Forgets everything, at a scene cut.
    pub(crate) fn reset(&mut self) {
        self.last = None;
        self.past = Sums::default();
    }

    /// The share of the prediction of `field`, for the moment `tau`, for each cell, and how much of its detail it keeps. The
    /// network's own gate counts where nothing has moved so far; what is distrusted is distrusted the less the nearer the
    /// moment is.
    pub(crate) fn trust(&mut self, field: &MotionField, tau: f32) -> (&[f32], &Sharpness) {
        self.judge_motion(field, tau);
        self.judge_detail(field, tau);
        (&self.share, &self.sharpness)
    }

    fn judge_motion(&mut self, field: &MotionField, tau: f32) {
        self.share.clear();
        let Some((columns, rows)) = self.regions(field) else {
            self.share.extend(field.gate.iter().map(|logit| own_share(*logit)));
            return;
        };
        let side = region_side(field.shrink);
        self.places.clear();
        self.places.extend((0..field.width).map(|cell| place(cell, side, columns)));
        for (y, logits) in field.gate.chunks(field.width.max(1)).enumerate() {
            self.enlarge_row(place(y, side, rows), columns);
            let pairs = self.places.iter().map(|(left, across)| {
                let [(a, c), (b, d)] = [*left, left + 1].map(|column| {
                    self.row.get(column).map_or((0.0, 0.0), |[product, square]| (*product, *square))
                });
                (a + across * (b - a), c + across * (d - c))
            });
            self.share.extend(logits.iter().zip(pairs).map(|(logit, (product, square))| {
                nearer(((product + PRIOR * own_share(*logit)) / (square + PRIOR)).clamp(0.0, 1.0), tau)
            }));
        }
    }

    /// Brings products and squares of the past to a height between rows of regions.
    fn enlarge_row(&mut self, (top, down): (usize, f32), columns: usize) {
        let Sums { products, squares, .. } = &self.past;
        let between = |plane: &[f32], column: usize| {
            let value = |row: usize| plane.get(row * columns + column).copied();
            let upper = value(top).unwrap_or_default();
            upper + down * (value(top + 1).unwrap_or(upper) - upper)
        };
        self.row.clear();
        let all = (0..columns).chain(columns.checked_sub(1));
        self.row.extend(all.map(|column| [products, squares].map(|plane| between(plane, column))));
    }

    fn judge_detail(&mut self, field: &MotionField, tau: f32) {
        let regions = self.regions(field);
        // Two blocks, whose means are taken for the picture without detail, go along a region.
        self.sharpness.reshape(field.source, region_side(field.shrink) * field.shrink / 2);
        let Some(size) = regions else { return };
        let width = self.sharpness.width;
        for (index, value) in self.sharpness.values.iter_mut().enumerate() {
            let place = |block: usize| (block as f32 + 0.5) * 0.5 - 0.5;
            let at = (place(index % width), place(index / width));
            let planes = [&self.past.detail_products, &self.past.detail_squares];
            let [product, square] = planes.map(|plane| sample(plane, size, at));
            *value = nearer(((product + PRIOR) / (square + PRIOR)).clamp(0.0, 1.0), tau);
        }
    }

    /// Columns and rows of regions if something is known of frames like that of `field`.
    fn regions(&self, field: &MotionField) -> Option<(usize, usize)> {
        let side = region_side(field.shrink);
        let rows = self.past.products.len() / self.columns.max(1);
        let fits = rows > 0 && side == self.side && self.columns == field.width.div_ceil(side);
        fits.then_some((self.columns, rows))
    }
}

/// The region whose middle lies at or before that of a cell, of `count` regions, and how far it is from there, in regions.
fn place(cell: usize, side: usize, count: usize) -> (usize, f32) {
    let place = ((cell as f32 + 0.5) / side as f32 - 0.5).clamp(0.0, count.saturating_sub(1) as f32);
    (place as usize, place - place.floor())
}

/// What counts at the moment `tau` of what is right at 1: what is distrusted is so the less the nearer the moment is.
fn nearer(trust: f32, tau: f32) -> f32 {
    1.0 - (1.0 - trust) * tau.min(1.0)
}

/// Cells along one side of a region.
fn region_side(shrink: usize) -> usize {
    (REGION / shrink.max(1)).max(CELLS)
}

/// The share that a network gives its prediction; networks without an opinion say exactly 0.
fn own_share(logit: f32) -> f32 {
    if logit == 0.0 { 1.0 } else { logistic(logit) }
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
            assert!(gate.trust(&moving(pixels, 1.0), 1.0).0[8 * 32 + 16] > 0.999);
            gate.expect(moving(pixels, 0.5), 0.5, &stripes(2), &stripes(0));
            gate.score(&stripes(4), &mut count);
            assert_eq!((count.scored, count.hits), (1, hits));
            let middle = gate.trust(&moving(pixels, 1.0), 1.0).0[8 * 32 + 16];
            assert!((low..=high).contains(&middle), "{middle}");
        }
    }

    #[test]
    fn detail_that_comes_true_stays_and_detail_in_the_wrong_place_goes() {
        // A quarter of the stripes' period is 3.9 luma samples, which are 7.9 source pixels.
        for (pixels, low, high) in [(4.0, 0.99, 1.0), (12.0, 0.0, 0.4)] {
            let (mut gate, mut count) = (Gate::default(), MotionCount::default());
            let field = moving(pixels, 1.0);
            assert!(gate.trust(&field, 1.0).1.values.iter().all(|value| *value >= 1.0));
            gate.expect(field.clone(), 1.0, &stripes(2), &stripes(0));
            gate.score(&stripes(4), &mut count);
            let [whole, half] = [1.0, 0.5].map(|tau| {
                let sharpness = gate.trust(&field, tau).1;
                assert_eq!((sharpness.width, sharpness.height, sharpness.side), (16, 8, 8));
                sharpness.values[4 * 16 + 8]
            });
            assert!((low..=high).contains(&whole), "{pixels}: {whole}");
            assert!((half - (1.0 + whole) / 2.0).abs() < 1e-6);
            gate.reset();
            assert!(gate.trust(&field, 1.0).1.values.iter().all(|value| *value >= 1.0));
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
        assert!(gate.trust(&moving(4.0, 1.0), 1.0).0.iter().sum::<f32>() / 512.0 < 0.1);
        gate.reset();
        assert!(gate.trust(&moving(4.0, 1.0), 1.0).0[0] > 0.999);
        gate.score(&stripes(0), &mut count);
        assert_eq!(count.scored, 8);
    }

    #[test]
    fn trust_between_the_middles_of_regions_is_bilinear() {
        let (columns, rows) = (8, 4);
        let plane = |factor: usize| -> Vec<f32> {
            (0..columns * rows).map(|index| ((index * factor) % 13) as f32 * 1e-3).collect()
        };
        let past = Sums { products: plane(5), squares: plane(7), ..Sums::zero(columns * rows) };
        let mut gate = Gate { columns, side: 4, past, ..Gate::default() };
        let shares = gate.trust(&moving(0.0, 1.0), 1.0).0.to_vec();
        for (index, share) in shares.iter().enumerate() {
            let place = |cell: usize| (cell as f32 + 0.5) / 4.0 - 0.5;
            let at = (place(index % 32), place(index / 32));
            let [product, square] = [5, 7].map(|factor| sample(&plane(factor), (columns, rows), at));
            let expected = ((product + PRIOR) / (square + PRIOR)).clamp(0.0, 1.0);
            assert!((share - expected).abs() < 1e-4, "cell {index}: {share} instead of {expected}");
        }
    }
}
