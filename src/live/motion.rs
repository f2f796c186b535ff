//! Finds the motion of captured frames, on a thread of its own.

use crate::error::Error;
use crate::frame::{Frame, MotionField, MotionMode, SmallFrame};
use crate::kernel::cpu::shrink;
use crate::model::RunningNetwork;
use crate::stage::{Detector, DetectorOptions, Estimate, MotionPredictor, Transition};
use std::sync::Arc;

/// How a frame has moved since the one before.
#[derive(Clone, Debug)]
pub(super) struct Motion {
    pub(super) small: Arc<SmallFrame>,
    /// Motion leads to it from the frame before.
    pub(super) follows: bool,
    /// The frame before, if motion leads from it.
    pub(super) other: Option<Arc<SmallFrame>>,
    /// Number of the frame before, among those that were looked at.
    pub(super) other_sequence: u64,
    /// The classical estimate back to the frame before; of prediction only.
    pub(super) estimate: Option<Estimate>,
    /// Fields of the moments that were asked for.
    pub(super) fields: Vec<(f32, MotionField)>,
}

impl Motion {
    /// The field of the moment `tau`, if there is motion.
    pub(super) fn field_at(&self, tau: f32, mode: MotionMode) -> Option<MotionField> {
        let distance = |(moment, _): &&(f32, MotionField)| (moment - tau).abs();
        let (moment, field) = self.fields.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
        let mut field = field.clone();
        if mode == MotionMode::Predict {
            field.carry_on(*moment, tau);
        }
        Some(field)
    }
}

/// Finds the motion of frames, which it must see in order.
pub(super) struct MotionFinder {
    mode: MotionMode,
    detector: Detector,
    /// The best one first.
    predictors: Vec<MotionPredictor>,
    before: Option<(u64, Arc<SmallFrame>)>,
}

impl MotionFinder {
    /// With the best of `predictors` first.
    pub(super) fn new(mode: MotionMode, detector: DetectorOptions, predictors: Vec<MotionPredictor>) -> Self {
        Self { mode, detector: Detector::new(detector), predictors, before: None }
    }

    /// Where the networks among the predictors run.
    pub(super) fn running(&self) -> impl Iterator<Item = RunningNetwork> {
        self.predictors.iter().filter_map(MotionPredictor::running).cloned()
    }

    /// The motion from the frame before, for these moments, by one of the predictors; none if there is no such one, nor to the
    /// first frame that is seen at another size than the one before, which is a new beginning.
    pub(super) fn find(
        &mut self,
        sequence: u64,
        frame: &Frame,
        moments: &[f32],
        predictor: usize,
    ) -> Result<Motion, Error> {
        // Where no motion is asked for, cuts are still looked for, at the size that costs least.
        let seen_by = self.predictors.get(predictor).or(self.predictors.last());
        let cell = seen_by.map_or(MotionPredictor::CLASSICAL_SHRINK, MotionPredictor::shrink);
        let mut small = SmallFrame::default();
        shrink(frame, cell, &mut small)?;
        let transition = self.detector.observe(&small);
        let small = Arc::new(small);
        let before = self.before.replace((sequence, small.clone()));
        let mut motion = Motion {
            small: small.clone(),
            follows: transition.has_motion() && transition != Transition::First,
            other: None,
            other_sequence: 0,
            estimate: None,
            fields: Vec::new(),
        };
        let (Some((other_sequence, other)), true) = (before, motion.follows) else { return Ok(motion) };
        motion.other_sequence = other_sequence;
        motion.other = Some(other.clone());
        let Some(predictor) = self.predictors.get_mut(predictor) else { return Ok(motion) };
        // Interpolation goes out from the earlier frame.
        let (first, second) = match self.mode {
            MotionMode::Predict => (&small, &other),
            MotionMode::Interpolate => (&other, &small),
        };
        motion.estimate = predictor.estimate(first, second);
        for moment in moments {
            motion.fields.push((*moment, predictor.field(first, second, *moment)?));
        }
        Ok(motion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameInfo, MotionScale, PixelFormat};

    /// Waves that have moved 4 pixels to the right for each frame.
    fn frame(number: u64) -> Frame {
        let info =
            FrameInfo { pts: number as i64, duration: 1, ..FrameInfo::new(256, 128, PixelFormat::YUV420P) };
        let mut frame = Frame::allocate(info, None);
        for plane in frame.planes_mut() {
            for (y, row) in plane.rows_mut().enumerate() {
                for (x, sample) in row.iter_mut().enumerate() {
                    let (x, y) = (x as f32 - 4.0 * number as f32, y as f32);
                    *sample = (128.0
                        + 50.0 * (0.11 * x + 0.03 * y).sin()
                        + 40.0 * (0.17 * y - 0.05 * x).cos()) as u8;
                }
            }
        }
        frame
    }

    #[test]
    fn motion_is_found_at_another_size_from_the_next_frame_on() {
        let (mode, usual) = (MotionMode::Predict, MotionPredictor::CLASSICAL_SHRINK);
        let predictors = [MotionScale::Full, MotionScale::Half]
            .map(|scale| MotionPredictor::classical(mode, usual, scale));
        let mut finder = MotionFinder::new(mode, DetectorOptions::default(), predictors.into());
        let mut found = Vec::new();
        for (number, predictor) in (0..).zip([0, 0, 0, 1, 1, 1, usize::MAX, 1, 0, 0]) {
            let motion = finder.find(number, &frame(number), &[1.0], predictor).unwrap();
            let field = motion.field_at(1.0, mode);
            found.push(field.as_ref().map(|field| field.shrink));
            let Some(field) = field else { continue };
            // What comes next to the middle is 4 pixels to the left now.
            let middle = field.height / 2 * field.width + field.width / 2;
            let (dx, dy) = (field.first[0][middle], field.first[1][middle]);
            assert!((dx + 4.0).abs() < 0.5 && dy.abs() < 0.5, "{number}: {dx} {dy}");
        }
        let (full, half) = (Some(4), Some(8));
        assert_eq!(found, [None, full, full, None, half, half, None, half, None, full]);
    }
}
