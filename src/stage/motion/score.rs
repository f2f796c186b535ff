//! What a prediction was worth, once the real frame is there.

use super::bilinear::sample_four;
use crate::frame::{MotionField, SmallFrame};
use crate::kernel::logistic;

/// Logit of the other frame's weight below which it is not looked at: it is far less than a code value.
const LEAST_LOGIT: f32 = -9.2;

/// Means over each region and its neighbours: of e d and d d, of E D and D D; see [`Gate`](super::Gate).
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) products: Vec<f32>,
    pub(super) squares: Vec<f32>,
    pub(super) detail_products: Vec<f32>,
    pub(super) detail_squares: Vec<f32>,
}

impl Sums {
    pub(super) fn zero(regions: usize) -> Self {
        let [products, squares, detail_products, detail_squares] = [(); 4].map(|()| vec![0.0; regions]);
        Self { products, squares, detail_products, detail_squares }
    }

    pub(super) fn planes_mut(&mut self) -> [&mut Vec<f32>; 4] {
        [&mut self.products, &mut self.squares, &mut self.detail_products, &mut self.detail_squares]
    }
}

/// The prediction of `field`, carried on from `tau` to 1: a value for each luma sample of the small frames.
pub(super) fn carried_on(field: &MotionField, tau: f32, [first, other]: [&SmallFrame; 2]) -> Vec<f32> {
    // Two samples go along a cell.
    let unit = 2.0 / field.shrink as f32;
    let (to_first, to_other) = (unit / tau.max(1e-3), unit * 2.0 / (1.0 + tau));
    let size = (2 * field.width, 2 * field.height);
    let mut made = vec![0.0; size.0 * size.1];
    let [first_x, first_y] = &field.first;
    let [other_x, other_y] = &field.other;
    let mut motion = first_x.iter().zip(first_y).zip(other_x.iter().zip(other_y)).zip(&field.blend);
    for (y, rows) in made.chunks_exact_mut((2 * size.0).max(1)).enumerate() {
        let (upper, lower) = rows.split_at_mut(size.0);
        let cells = upper.as_chunks_mut::<2>().0.iter_mut().zip(lower.as_chunks_mut::<2>().0);
        for ((x, (upper, lower)), (((fx, fy), (ox, oy)), blend)) in cells.enumerate().zip(motion.by_ref()) {
            let at = |dx: f32, dy: f32| ((2 * x) as f32 + dx, (2 * y) as f32 + dy);
            let mut made = sample_four(&first.luma, size, at(fx * to_first, fy * to_first));
            // Most predictions are made of the first frame alone.
            if *blend > LEAST_LOGIT {
                let weight = logistic(*blend);
                let others = sample_four(&other.luma, size, at(ox * to_other, oy * to_other));
                made.iter_mut().zip(&others).for_each(|(made, other)| *made += weight * (other - *made));
            }
            let [a, b, c, d] = made;
            (*upper, *lower) = ([a, b], [c, d]);
        }
    }
    made
}

/// What a prediction was worth.
pub(super) struct Comparison {
    /// Of each region without its neighbours.
    pub(super) sums: Sums,
    /// Sums of the absolute errors of luma.
    pub(super) predicting: f64,
    pub(super) repeating: f64,
}

/// Compares what was `made` of the frame after `first` with the `real` one; regions have `side` cells along a side.
pub(super) fn compare(made: &[f32], first: &SmallFrame, real: &SmallFrame, side: usize) -> Comparison {
    // Two luma samples go along a cell, and two blocks along a region.
    let (width, height, block) = (2 * first.width, 2 * first.height, side);
    let columns = first.width.div_ceil(side);
    let regions = columns * first.height.div_ceil(side);
    let mut counts = vec![0.0f32; regions];
    let mut all = Comparison { sums: Sums::zero(regions), predicting: 0.0, repeating: 0.0 };
    for top in (0..height).step_by(block) {
        for left in (0..width).step_by(block) {
            let mut sums = BlockSums::default();
            for y in top..(top + block).min(height) {
                let span = y * width + left..y * width + (left + block).min(width);
                let rows =
                    [made, &first.luma, &real.luma].map(|plane| plane.get(span.clone()).unwrap_or_default());
                sums.add(rows);
            }
            all.predicting += f64::from(total(sums.predicting));
            all.repeating += f64::from(total(sums.repeating));
            let region = top / (2 * block) * columns + left / (2 * block);
            for (plane, value) in all.sums.planes_mut().into_iter().zip(sums.values()) {
                if let Some(sum) = plane.get_mut(region) {
                    *sum += value;
                }
            }
            if let Some(count) = counts.get_mut(region) {
                *count += sums.count;
            }
        }
    }
    for plane in all.sums.planes_mut() {
        plane.iter_mut().zip(&counts).for_each(|(sum, count)| *sum /= count.max(1.0));
    }
    all
}

/// Samples that are looked at together.
const LANES: usize = 4;

type Lanes = [f32; LANES];

/// Sums over the samples of a block, of every fourth one each.
#[derive(Debug, Default)]
struct BlockSums {
    count: f32,
    product: Lanes,
    square: Lanes,
    predicting: Lanes,
    repeating: Lanes,
    made: Lanes,
    real: Lanes,
    made_real: Lanes,
    made_made: Lanes,
}

impl BlockSums {
    /// Adds a row of what was made, of the first frame and of the real one.
    #[inline]
    fn add(&mut self, [made, own, real]: [&[f32]; 3]) {
        self.count += made.len() as f32;
        let rows = made.chunks(LANES).zip(own.chunks(LANES)).zip(real.chunks(LANES));
        for ((made, own), real) in rows {
            let [made, own, real] = [made, own, real].map(lanes);
            let (d, e) = (each(made, own, |made, own| made - own), each(real, own, |real, own| real - own));
            increase(&mut self.product, each(e, d, |e, d| e * d));
            increase(&mut self.square, each(d, d, |d, _| d * d));
            increase(&mut self.predicting, each(e, d, |e, d| (e - d).abs()));
            increase(&mut self.repeating, e.map(f32::abs));
            increase(&mut self.made, made);
            increase(&mut self.real, real);
            increase(&mut self.made_real, each(made, real, |made, real| made * real));
            increase(&mut self.made_made, made.map(|made| made * made));
        }
    }

    /// In the order of [`Sums::planes_mut`].
    fn values(&self) -> [f32; 4] {
        let made = total(self.made);
        let mean = made / self.count.max(1.0);
        let (detail_product, detail_square) =
            (total(self.made_real) - mean * total(self.real), total(self.made_made) - mean * made);
        [total(self.product), total(self.square), detail_product, detail_square.max(0.0)]
    }
}

/// Samples, and zeros where a row ends, which add nothing to any sum.
#[inline]
fn lanes(samples: &[f32]) -> Lanes {
    match samples.first_chunk() {
        Some(lanes) => *lanes,
        None => padded(samples),
    }
}

#[cold]
#[inline(never)]
fn padded(samples: &[f32]) -> Lanes {
    let mut lanes = Lanes::default();
    lanes.iter_mut().zip(samples).for_each(|(lane, sample)| *lane = *sample);
    lanes
}

#[inline]
fn each(a: Lanes, b: Lanes, one: impl Fn(f32, f32) -> f32) -> Lanes {
    let mut out = a;
    // Borrowed: iterators over arrays by value are not taken apart by the compiler.
    out.iter_mut().zip(&b).for_each(|(a, b)| *a = one(*a, *b));
    out
}

#[inline]
fn increase(sums: &mut Lanes, by: Lanes) {
    sums.iter_mut().zip(&by).for_each(|(sum, by)| *sum += by);
}

fn total([a, b, c, d]: Lanes) -> f32 {
    (a + b) + (c + d)
}
