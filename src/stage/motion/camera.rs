//! The acceleration that the whole picture has in common: a camera in a hand, a pan that begins or ends.

use super::super::Estimate;
use super::bilinear::sample;
use crate::frame::{MotionField, Pts};

/// How much of the last two accelerations goes on in the next interval. Hands correct what they overdo, so the older one
/// counts against the newer one. Fitted on filmed clips of eight kinds.
const GOES_ON: [f32; 2] = [0.6, -0.25];
/// Variance of an acceleration that is noise of the estimate, in squared source pixels: below it nothing goes on.
const NOISE: f32 = 0.02;
/// Two intervals count as equal if they differ by at most one part in this many.
const TOLERANCE_PARTS: Pts = 4;

/// Follows the velocity of the picture from frame to frame.
///
/// With s(k) the displacements from frame k to k-1, the acceleration a(k) is the median over cells of s(k) less s(k-1) at the
/// place where the cell comes from. The velocity was the mean over the last interval, so what a prediction to the time t
/// lacks is a (t + t^2) / 2.
#[derive(Debug, Default)]
pub(crate) struct Camera {
    /// dx and dy of the last estimate, in source pixels, and its length.
    last: Option<(Estimate, Pts)>,
    /// The newest first.
    accelerations: [[f32; 2]; 2],
    scratch: Vec<f32>,
}

impl Camera {
    /// Takes in the estimate from a frame to the one before it, which came `interval` earlier.
    pub(crate) fn learn(&mut self, estimate: Estimate, interval: Pts) {
        let newest = match &self.last {
            Some((before, length)) if is_equal(*length, interval) && fits(before, &estimate) => {
                [0, 1].map(|axis| change(&estimate, before, axis, &mut self.scratch))
            }
            _ => [0.0; 2],
        };
        let [before, _] = self.accelerations;
        self.accelerations = if self.last.is_some() { [newest, before] } else { [[0.0; 2]; 2] };
        self.last = Some((estimate, interval));
    }

    /// Forgets everything, at a scene cut.
    pub(crate) fn reset(&mut self) {
        self.last = None;
        self.accelerations = Default::default();
    }

    /// Moves a prediction to the time `tau` by the acceleration that goes on.
    pub(crate) fn correct(&self, field: &mut MotionField, tau: f32) {
        let [newest, before] = self.accelerations;
        let square = newest.iter().map(|value| value * value).sum::<f32>();
        let way = 0.5 * (tau + tau * tau) * square / (square + NOISE);
        for (axis, (first, other)) in field.first.iter_mut().zip(&mut field.other).enumerate() {
            let along = |acceleration: [f32; 2]| acceleration.get(axis).copied().unwrap_or_default();
            let shift = way * (GOES_ON[0] * along(newest) + GOES_ON[1] * along(before));
            first.iter_mut().chain(other).for_each(|value| *value += shift);
        }
    }
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
        camera.learn(panned(-6.0), 40);
        assert!(shift(&camera, 1.0).abs() < 1e-6);
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
