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
    shrink: usize,
    detector: Detector,
    /// The best one first.
    predictors: Vec<MotionPredictor>,
    before: Option<(u64, Arc<SmallFrame>)>,
}

impl MotionFinder {
    /// With the best of `predictors` first; they shrink frames by `shrink`.
    pub(super) fn new(
        mode: MotionMode,
        shrink: usize,
        detector: DetectorOptions,
        predictors: Vec<MotionPredictor>,
    ) -> Self {
        Self { mode, shrink, detector: Detector::new(detector), predictors, before: None }
    }

    /// Where the networks among the predictors run.
    pub(super) fn running(&self) -> impl Iterator<Item = RunningNetwork> {
        self.predictors.iter().filter_map(MotionPredictor::running).cloned()
    }

    /// The motion from the frame before, for these moments, by one of the predictors; none if there is no such one.
    pub(super) fn find(
        &mut self,
        sequence: u64,
        frame: &Frame,
        moments: &[f32],
        predictor: usize,
    ) -> Result<Motion, Error> {
        let mut small = SmallFrame::default();
        shrink(frame, self.shrink, &mut small)?;
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
