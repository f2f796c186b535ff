//! From motion between two real frames to the field of a frame that is not there: where does each of its cells come from?

use super::dense::{Cell, Dense};
use super::plane::Level;
use crate::frame::MotionField;

/// Rounds of the fixed point that finds the cell which moves to a place. More help interpolation by 0.01 dB at most.
const ROUNDS: usize = 2;
/// Weight of the older frame in a prediction, as a logit: 0.2. The mean of both has less noise than the newer one alone.
const OLDER_FRAME: f32 = -1.4;
/// Added to squared differences, in squared luma (0 to 1): two 8-bit code values.
const NOISE: f32 = 6e-5;

/// How the scale of the error follows from the residual of the match: least + residual (still + moving speed), the speed in
/// luma samples per interval, up to a limit. Fitted by likelihood on clips of many kinds.
struct Scale {
    still: f32,
    moving: f32,
}

const PREDICTED: Scale = Scale { still: 1.7, moving: 0.22 };
const INTERPOLATED: Scale = Scale { still: 1.5, moving: 0.06 };
/// The scale of the error where two frames match exactly: less than a tenth of an 8-bit code value.
const LEAST_SCALE: f32 = 3e-4;
const FASTEST: f32 = 8.0;

impl Scale {
    fn of(&self, residual: f32, speed: f32) -> f32 {
        LEAST_SCALE + residual * (self.still + self.moving * speed.min(FASTEST))
    }
}

/// The field of the frame `tau` after the first one, whose motion to the frame before it is `back`, if all goes on as it
/// was.
#[inline(always)]
pub(super) fn extrapolate(back: &Dense, tau: f32, field: &mut MotionField, scratch: &mut Vec<f32>) {
    let shrink = field.shrink as f32;
    for_each_cell(field, scratch, |x, y| {
        // What is here at tau was tau motions back when the first frame was shown.
        let cell = trace(back, (x, y), tau);
        let (dx, dy) = (cell.x * shrink, cell.y * shrink);
        Source {
            first: (tau * dx, tau * dy),
            other: ((1.0 + tau) * dx, (1.0 + tau) * dy),
            blend: OLDER_FRAME,
            scale: PREDICTED.of(cell.residual, dx.hypot(dy)),
        }
    });
}

/// The field of the frame `tau` of the way from the first to the other, whose motions to each other are `there` and
/// `back`.
#[inline(always)]
pub(super) fn interpolate(
    (there, back): (&Dense, &Dense),
    (first, other): (&Level, &Level),
    tau: f32,
    field: &mut MotionField,
    scratch: &mut Vec<f32>,
) {
    let shrink = field.shrink as f32;
    let samples = first.width / there.width.max(1);
    // So that a frame next to the first or the other one is all but that.
    let blend = (tau / (1.0 - tau)).ln();
    for_each_cell(field, scratch, |x, y| {
        let forward = trace(there, (x, y), -tau);
        let backward = trace(back, (x, y), tau - 1.0);
        // Each sees what the other may not; the one under which the two frames agree is right.
        let motions = [(forward.x, forward.y), (-backward.x, -backward.y)];
        let errors = motions.map(|motion| disagreement((first, other), (x, y), samples, motion, tau));
        let [weight, other_weight] = errors.map(|error| 1.0 / (error * error + NOISE).powi(2));
        let share = other_weight / (weight + other_weight);
        let [(ax, ay), (bx, by)] = motions;
        let (dx, dy) = ((ax + (bx - ax) * share) * shrink, (ay + (by - ay) * share) * shrink);
        let [error, other_error] = errors;
        Source {
            first: (-tau * dx, -tau * dy),
            other: ((1.0 - tau) * dx, (1.0 - tau) * dy),
            blend,
            scale: INTERPOLATED.of(error.min(other_error), dx.hypot(dy)),
        }
    });
}

/// What moves to (x, y) in `share` of the time, against `motion`.
#[inline(always)]
pub(super) fn trace(motion: &Dense, (x, y): (f32, f32), share: f32) -> Cell {
    let mut cell = motion.at(x, y);
    for _ in 0..ROUNDS {
        // Half the step: near edges of motion the whole one goes to and fro.
        cell = cell.mixed(motion.at(x + share * cell.x, y + share * cell.y), 0.5);
    }
    cell
}

/// Mean absolute difference between the two frames over a cell that moves by `motion` cells from one to the other.
#[inline(always)]
fn disagreement(
    (first, other): (&Level, &Level),
    (x, y): (f32, f32),
    samples: usize,
    (dx, dy): (f32, f32),
    tau: f32,
) -> f32 {
    let size = samples as f32;
    let (dx, dy) = (dx * size, dy * size);
    let mut sum = 0.0;
    for row in 0..samples {
        for column in 0..samples {
            let (x, y) = (x * size + column as f32, y * size + row as f32);
            let before = first.at(x - tau * dx, y - tau * dy);
            let after = other.at(x + (1.0 - tau) * dx, y + (1.0 - tau) * dy);
            sum += (before - after).abs();
        }
    }
    sum / (size * size)
}

/// What a cell is made of.
struct Source {
    first: (f32, f32),
    other: (f32, f32),
    blend: f32,
    scale: f32,
}

#[inline(always)]
fn for_each_cell(field: &mut MotionField, scratch: &mut Vec<f32>, source: impl Fn(f32, f32) -> Source) {
    let width = field.width;
    let [first_x, first_y] = &mut field.first;
    let [other_x, other_y] = &mut field.other;
    let first = first_x.iter_mut().zip(first_y);
    let other = other_x.iter_mut().zip(other_y);
    let rest = field.blend.iter_mut().zip(&mut field.log_scale);
    for (index, ((first, other), (blend, scale))) in first.zip(other).zip(rest).enumerate() {
        let found = source((index % width) as f32, (index / width) as f32);
        (*first.0, *first.1) = found.first;
        (*other.0, *other.1) = found.other;
        (*blend, *scale) = (found.blend, found.scale);
    }
    average(&mut field.log_scale, width, scratch);
    field.log_scale.iter_mut().for_each(|scale| *scale = scale.ln());
    field.gate.fill(0.0);
}

/// Means over 3 x 3 values; values at the edges count for those outside.
#[inline(always)]
fn average(values: &mut [f32], width: usize, scratch: &mut Vec<f32>) {
    scratch.clear();
    scratch.extend_from_slice(values);
    let third = |a: f32, b: f32, c: f32| (a + b + c) * (1.0 / 3.0);
    for (row, source) in values.chunks_exact_mut(width).zip(scratch.chunks_exact(width)) {
        let right = source.iter().skip(1).chain(source.last());
        let left = source.first().into_iter().chain(source);
        for (out, ((left, here), right)) in row.iter_mut().zip(left.zip(source).zip(right)) {
            *out = third(*left, *here, *right);
        }
    }
    scratch.copy_from_slice(values);
    let rows = || scratch.chunks_exact(width);
    let below = rows().skip(1).chain(rows().last());
    let above = rows().next().into_iter().chain(rows());
    for (row, ((above, here), below)) in values.chunks_exact_mut(width).zip(above.zip(rows()).zip(below)) {
        for (out, ((above, here), below)) in row.iter_mut().zip(above.iter().zip(here).zip(below)) {
            *out = third(*above, *here, *below);
        }
    }
}
