//! The acceleration that the whole picture has in common: a camera in a hand, a pan that begins or ends.

use super::super::Estimate;
use super::bilinear::sample;
use crate::frame::{MotionField, Pts};

/// How much of the last two accelerations goes on in the next interval. Hands correct what they overdo, so the older one
/// counts against the newer one. Fitted on filmed clips of eight kinds.
const GOES_ON: [f32; 2] = [0.6, -0.25];
/// Variance of an acceleration that is noise of the estimate, in squared source pixels: below it nothing goes on.
const NOISE: f32 = 0.02;
/// Share of past experience in the next one, and squared source pixels of accelerations that went on as expected which are
/// taken for granted at the beginning.
const MEMORY: f32 = 0.8;
const TRUST: f32 = 1.0;
/// Two intervals count as equal if they differ by at most one part in this many.
const TOLERANCE_PARTS: Pts = 4;

/// Follows the velocity of the picture from frame to frame.
///
/// With s(k) the displacements from frame k to k-1, the acceleration a(k) is the median over cells of s(k) less s(k-1) at the
/// place where the cell comes from. What is expected to go on of the last two is weighted by how well that has come true
/// lately. The velocity was the mean over the last interval, so what a prediction to the time t lacks is a (t + t^2) / 2.
#[derive(Debug, Default)]
pub(crate) struct Camera {
    /// dx and dy of the last estimate, in source pixels, and its length.
    last: Option<(Estimate, Pts)>,
    /// The newest acceleration.
    newest: [f32; 2],
    /// What it is expected to be in the next interval, before the weight.
    expected: [f32; 2],
    /// Sums, of falling weight, of what was expected times what came, and of the squares of what was expected.
    products: f32,
    squares: f32,
    scratch: Vec<f32>,
}

impl Camera {
    /// Takes in the estimate from a frame to the one before it, which came `interval` earlier.
    pub(crate) fn learn(&mut self, estimate: Estimate, interval: Pts) {
        let before = self.newest;
        self.newest = match &self.last {
            Some((earlier, length)) if is_equal(*length, interval) && fits(earlier, &estimate) => {
                [0, 1].map(|axis| change(&estimate, earlier, axis, &mut self.scratch))
            }
            _ => [0.0; 2],
        };
        self.products = MEMORY * self.products + dot(self.expected, self.newest);
        self.squares = MEMORY * self.squares + dot(self.expected, self.expected);
        let square = dot(self.newest, self.newest);
        let ([now_x, now_y], [before_x, before_y]) = (self.newest, before);
        let next =
            |now: f32, before: f32| square / (square + NOISE) * (GOES_ON[0] * now + GOES_ON[1] * before);
        self.expected = [next(now_x, before_x), next(now_y, before_y)];
        self.last = Some((estimate, interval));
    }

    /// Forgets everything, at a scene cut.
    pub(crate) fn reset(&mut self) {
        *self = Self { scratch: std::mem::take(&mut self.scratch), ..Self::default() };
    }

    /// Moves a prediction to the time `tau` by the acceleration that goes on.
    pub(crate) fn correct(&self, field: &mut MotionField, tau: f32) {
        let weight = ((self.products + TRUST) / (self.squares + TRUST)).clamp(0.0, 1.0);
        let way = 0.5 * (tau + tau * tau) * weight;
        for ((first, other), expected) in field.first.iter_mut().zip(&mut field.other).zip(self.expected) {
            first.iter_mut().chain(other).for_each(|value| *value += way * expected);
        }
    }
}

fn dot([ax, ay]: [f32; 2], [bx, by]: [f32; 2]) -> f32 {
    ax * bx + ay * by
}

fn is_equal(a: Pts, b: Pts) -> bool {
    (a - b).abs() <= a.max(b) / TOLERANCE_PARTS
}

fn fits(a: &Estimate, b: &Estimate) -> bool {
    a.width == b.width
        && a.shrink == b.shrink
        && a.displacement.each_ref().map(Vec::len) == b.displacement.each_ref().map(Vec::len)
}

/// The median change of one component along the way from `before` to `now`.
fn change(now: &Estimate, before: &Estimate, axis: usize, scratch: &mut Vec<f32>) -> f32 {
    let (Some(own), Some(earlier)) = (now.displacement.get(axis), before.displacement.get(axis)) else {
        return 0.0;
    };
    let size = (now.width.max(1), own.len() / now.width.max(1));
    let cell = 1.0 / now.shrink.max(1) as f32;
    let [x, y] = &now.displacement;
    scratch.clear();
    scratch.extend(own.iter().zip(x.iter().zip(y)).enumerate().map(|(index, (value, (dx, dy)))| {
        let at = ((index % size.0) as f32 + dx * cell, (index / size.0) as f32 + dy * cell);
        value - sample(earlier, size, at)
    }));
    let middle = scratch.len() / 2;
    if scratch.is_empty() {
        return 0.0;
    }
    *scratch.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All of the picture came from `dx` to the right.
    fn panned(dx: f32) -> Estimate {
        Estimate { width: 8, shrink: 4, displacement: [vec![dx; 48], vec![0.0; 48]] }
    }

    fn shift(camera: &Camera, tau: f32) -> f32 {
        let mut field = MotionField::still((32, 24), 4);
        camera.correct(&mut field, tau);
        assert_eq!(field.first, field.other);
        assert!(field.first[1].iter().all(|dy| dy.abs() < 1e-6));
        field.first[0][20]
    }

    #[test]
    fn a_pan_that_gets_faster_goes_on_to() {
        let mut camera = Camera::default();
        for dx in [-4.0, -4.0, -6.0] {
            assert!(shift(&camera, 1.0).abs() < 1e-6);
            camera.learn(panned(dx), 40);
        }
        // The acceleration is -2; of it the share of the newest goes on, all but the noise.
        let expected = -2.0 * GOES_ON[0] * 4.0 / (4.0 + NOISE);
        assert!((shift(&camera, 1.0) - expected).abs() < 1e-5);
        assert!((shift(&camera, 0.5) - 0.375 * expected).abs() < 1e-5);
        // It was expected to go on, and did not: the little that is left of it counts for less.
        camera.learn(panned(-6.0), 40);
        camera.learn(panned(-8.0), 40);
        let doubted = shift(&camera, 1.0);
        assert!(doubted < 0.0 && doubted > 0.6 * expected, "{doubted} {expected}");
    }

    #[test]
    fn one_thing_that_moves_is_not_the_camera() {
        let mut camera = Camera::default();
        camera.learn(panned(0.0), 40);
        let mut estimate = panned(0.0);
        estimate.displacement[0][..20].fill(9.0);
        camera.learn(estimate, 40);
        assert!(shift(&camera, 1.0).abs() < 1e-6);
    }

    #[test]
    fn cuts_and_other_intervals_are_not_accelerations() {
        let mut camera = Camera::default();
        camera.learn(panned(-4.0), 40);
        camera.learn(panned(-8.0), 80);
        assert!(shift(&camera, 1.0).abs() < 1e-6);
        camera.reset();
        camera.learn(panned(-2.0), 80);
        assert!(shift(&camera, 1.0).abs() < 1e-6);
    }
}
