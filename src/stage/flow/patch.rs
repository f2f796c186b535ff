//! Inverse-compositional search of one patch: Baker and Matthews, "Lucas-Kanade 20 years on", IJCV 2004; Kroeger et al.,
//! "Fast optical flow using dense inverse search", ECCV 2016.

use super::plane::Level;

/// Side of a patch, in samples.
pub(super) const SIDE: usize = 8;
const COUNT: f32 = (SIDE * SIDE) as f32;

/// Values of a patch.
pub(super) type Values = [[f32; SIDE]; SIDE];

/// A displacement (x, y), in samples.
pub(super) type Vector = (f32, f32);

/// Added to the diagonal of the normal equations: keeps patches without texture from drifting.
const DAMPING: f32 = 0.003;
/// Steps of descent at most.
const STEPS: usize = 5;
/// A step that is shorter, in samples, is the last.
const SHORT_STEP: f32 = 0.02;

/// A patch of the frame that the flow belongs to, with what stays the same while it is sought in the other frame.
pub(super) struct Template {
    values: Values,
    across: Values,
    down: Values,
    /// Means of the gradients.
    mean: Vector,
    /// Inverse of the normal equations' matrix: xx, xy, yy.
    inverse: (f32, f32, f32),
}

/// A place where a patch was found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Match {
    pub(super) vector: Vector,
    /// Variance of the differences.
    pub(super) cost: f32,
}

/// Sums over a patch of differences d to the template: d, d², d · gradient across, d · gradient down.
struct Sums {
    plain: f32,
    squares: f32,
    across: f32,
    down: f32,
}

impl Template {
    #[inline(always)]
    pub(super) fn new(level: &Level, x: isize, y: isize) -> Self {
        let mut template = Self {
            values: [[0.0; SIDE]; SIDE],
            across: [[0.0; SIDE]; SIDE],
            down: [[0.0; SIDE]; SIDE],
            mean: (0.0, 0.0),
            inverse: (0.0, 0.0, 0.0),
        };
        let (mut xx, mut xy, mut yy) = ([0.0; SIDE], [0.0; SIDE], [0.0; SIDE]);
        let (mut sum_x, mut sum_y) = ([0.0; SIDE], [0.0; SIDE]);
        let rows = template.values.iter_mut().zip(&mut template.across).zip(&mut template.down);
        for (y, ((values, across), down)) in (y..).zip(rows) {
            *values = *level.run(x, y);
            let (left, right) = (level.run::<SIDE>(x - 1, y), level.run::<SIDE>(x + 1, y));
            let (above, below) = (level.run::<SIDE>(x, y - 1), level.run::<SIDE>(x, y + 1));
            for (out, (a, b)) in across.iter_mut().zip(left.iter().zip(right)) {
                *out = (b - a) * 0.5;
            }
            for (out, (a, b)) in down.iter_mut().zip(above.iter().zip(below)) {
                *out = (b - a) * 0.5;
            }
            let gradients = across.iter().zip(down.iter());
            let sums = xx.iter_mut().zip(&mut xy).zip(&mut yy).zip(sum_x.iter_mut().zip(&mut sum_y));
            for ((((xx, xy), yy), (sum_x, sum_y)), (gx, gy)) in sums.zip(gradients) {
                *xx += gx * gx;
                *xy += gx * gy;
                *yy += gy * gy;
                *sum_x += gx;
                *sum_y += gy;
            }
        }
        let (mean_x, mean_y) = (total(&sum_x) / COUNT, total(&sum_y) / COUNT);
        let xx = total(&xx) - COUNT * mean_x * mean_x + DAMPING;
        let xy = total(&xy) - COUNT * mean_x * mean_y;
        let yy = total(&yy) - COUNT * mean_y * mean_y + DAMPING;
        let scale = 1.0 / (xx * yy - xy * xy);
        template.mean = (mean_x, mean_y);
        template.inverse = (yy * scale, -xy * scale, xx * scale);
        template
    }

    /// How well `other` matches at this displacement of the patch at `place`.
    #[inline(always)]
    pub(super) fn cost(&self, other: &Level, place: Vector, vector: Vector) -> f32 {
        let mut sum = [0.0; SIDE];
        let mut squares = [0.0; SIDE];
        for (row, values) in sample(other, place, vector).iter().zip(&self.values) {
            for ((sum, squares), (a, b)) in sum.iter_mut().zip(&mut squares).zip(row.iter().zip(values)) {
                let difference = a - b;
                *sum += difference;
                *squares += difference * difference;
            }
        }
        let mean = total(&sum) / COUNT;
        total(&squares) / COUNT - mean * mean
    }

    /// Descends from `start` to a better match.
    #[inline(always)]
    pub(super) fn descend(&self, other: &Level, place: Vector, start: Vector) -> Match {
        let mut best = Match { vector: start, cost: f32::INFINITY };
        let mut vector = start;
        for _ in 0..STEPS {
            let sums = self.compare(&sample(other, place, vector));
            let mean = sums.plain / COUNT;
            let cost = sums.squares / COUNT - mean * mean;
            if cost >= best.cost {
                break;
            }
            best = Match { vector, cost };
            let (b_x, b_y) = (sums.across - sums.plain * self.mean.0, sums.down - sums.plain * self.mean.1);
            let (xx, xy, yy) = self.inverse;
            let step = (xx * b_x + xy * b_y, xy * b_x + yy * b_y);
            vector = (vector.0 - step.0, vector.1 - step.1);
            let moved = (vector.0 - start.0).abs().max((vector.1 - start.1).abs());
            if moved > SIDE as f32 || step.0.abs().max(step.1.abs()) < SHORT_STEP {
                break;
            }
        }
        best
    }

    #[inline(always)]
    fn compare(&self, found: &Values) -> Sums {
        let (mut plain, mut squares) = ([0.0; SIDE], [0.0; SIDE]);
        let (mut across, mut down) = ([0.0; SIDE], [0.0; SIDE]);
        let rows = found.iter().zip(&self.values).zip(self.across.iter().zip(&self.down));
        for ((found, values), (gx, gy)) in rows {
            let sums = plain.iter_mut().zip(&mut squares).zip(across.iter_mut().zip(&mut down));
            let samples = found.iter().zip(values).zip(gx.iter().zip(gy));
            for (((plain, squares), (across, down)), ((found, value), (gx, gy))) in sums.zip(samples) {
                let difference = found - value;
                *plain += difference;
                *squares += difference * difference;
                *across += difference * gx;
                *down += difference * gy;
            }
        }
        Sums { plain: total(&plain), squares: total(&squares), across: total(&across), down: total(&down) }
    }

    /// Differences at this displacement, without their mean.
    #[inline(always)]
    pub(super) fn differences(&self, other: &Level, place: Vector, vector: Vector) -> Values {
        let mut out = sample(other, place, vector);
        let mut sum = [0.0; SIDE];
        for (row, values) in out.iter_mut().zip(&self.values) {
            for ((sum, a), b) in sum.iter_mut().zip(row).zip(values) {
                *a -= b;
                *sum += *a;
            }
        }
        let mean = total(&sum) / COUNT;
        out.iter_mut().flatten().for_each(|value| *value -= mean);
        out
    }
}

/// The patch of `level` at `place` moved by `vector`, interpolated bilinearly.
#[inline(always)]
fn sample(level: &Level, place: Vector, vector: Vector) -> Values {
    let (x, y) = level.hold((place.0 + vector.0, place.1 + vector.1));
    let (left, top) = (x.floor(), y.floor());
    let (share_x, share_y) = (x - left, y - top);
    let (left, top) = (left as isize, top as isize);
    let mut out = [[0.0; SIDE]; SIDE];
    let mut upper = blend_row(level.run(left, top), share_x);
    for (y, out) in (top + 1..).zip(&mut out) {
        let lower = blend_row(level.run(left, y), share_x);
        for ((out, a), b) in out.iter_mut().zip(&upper).zip(&lower) {
            *out = a + (b - a) * share_y;
        }
        upper = lower;
    }
    out
}

#[inline(always)]
fn blend_row(row: &[f32; SIDE + 1], share: f32) -> [f32; SIDE] {
    let mut out = [0.0; SIDE];
    let [_, next @ ..] = row;
    for (out, (a, b)) in out.iter_mut().zip(row.iter().zip(next)) {
        *out = a + (b - a) * share;
    }
    out
}

#[inline(always)]
fn total(lanes: &[f32; SIDE]) -> f32 {
    let [a, b, c, d, e, f, g, h] = *lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}
