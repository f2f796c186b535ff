//! Makes frames of motion, and learns from every real frame how far motion can be trusted.

use super::super::Estimate;
use super::camera::Camera;
use super::gate::{Gate, MotionCount};
use crate::error::Error;
use crate::frame::{
    BufferPool, Frame, FrameInfo, MotionField, MotionMode, Pts, SideData, SmallFrame, StillMask,
};
use crate::kernel::cpu::StillDetector;
use crate::kernel::{Composition, Kernels, exponential};
use std::sync::Arc;

/// Makes frames between real ones. It must be told of the real frames in order.
pub struct MotionMaker {
    mode: MotionMode,
    kernels: Box<dyn Kernels>,
    pool: BufferPool,
    gate: Gate,
    camera: Camera,
    still: StillDetector,
    mask: StillMask,
    count: MotionCount,
}

/// A real frame as the maker is told of it.
#[derive(Debug)]
pub struct Real<'a> {
    /// The frame as it was decoded.
    pub source: &'a Frame,
    /// The frame as motion estimation sees it.
    pub small: &'a SmallFrame,
    /// Motion leads to it from the frame before.
    pub follows: bool,
    /// The classical estimate of the motion back to the frame before, if there is one.
    pub estimate: Option<Estimate>,
}

impl std::fmt::Debug for MotionMaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MotionMaker({:?}, {:?})", self.mode, self.count)
    }
}

impl MotionMaker {
    /// Pixels that differ by up to `noise` 8-bit code values between two frames stand still.
    pub fn new(mode: MotionMode, noise: u32, kernels: Box<dyn Kernels>, pool: BufferPool) -> Self {
        Self {
            mode,
            kernels,
            pool,
            gate: Gate::default(),
            camera: Camera::default(),
            still: StillDetector::new(noise),
            mask: StillMask::default(),
            count: MotionCount::default(),
        }
    }

    /// As [`Kernels::keep_on_device`].
    pub fn keep_on_device(&mut self) {
        self.kernels.keep_on_device();
    }

    /// What becomes of frames: predicted or interpolated.
    pub const fn mode(&self) -> MotionMode {
        self.mode
    }

    /// What a real frame tells of the frames made before it, and of those to come; `before` is the frame before it as it
    /// was decoded.
    ///
    /// # Errors
    /// If the two frames differ in size or format.
    pub fn learn(&mut self, real: Real<'_>, before: Option<&Frame>) -> Result<(), Error> {
        if let Some(before) = before {
            self.still.update(before, real.source)?;
        }
        if self.mode == MotionMode::Interpolate {
            return Ok(());
        }
        if !real.follows {
            // What is equal on both sides of a cut is an overlay, so the still mask goes on.
            self.gate.reset();
        }
        self.gate.score(real.small, &mut self.count);
        match (real.estimate, before) {
            (Some(estimate), Some(before)) => {
                self.camera.learn(estimate, real.source.info.pts - before.info.pts);
            }
            _ => self.camera.reset(),
        }
        Ok(())
    }

    /// The frame at `pts`, `tau` after `first`, of `first` and `other` at the output's size; `field` is the motion back to
    /// them and becomes what was used of it.
    ///
    /// # Errors
    /// If frames and field do not fit each other.
    pub fn make(
        &mut self,
        [first, other]: [&Frame; 2],
        field: &mut MotionField,
        tau: f32,
        pts: Pts,
    ) -> Result<Frame, Error> {
        let predicts = self.mode == MotionMode::Predict;
        if predicts {
            self.camera.correct(field, tau);
        }
        // What is the same before and after did not move in between; what comes next may cover what stood still.
        let has_mask = self.still.has_compared();
        if has_mask {
            self.still.mask(predicts.then_some(&*field), &mut self.mask)?;
        }
        let (gate, sharpness) = self.gate.trust(field, tau);
        let mut out = Frame::allocate(made_info(&first.info, pts), Some(&self.pool));
        let still = has_mask.then_some(&self.mask);
        let composition =
            Composition { field, first, other, gate: Some(gate), still, sharpness: Some(sharpness) };
        self.kernels.compose(&composition, &mut out)?;
        self.count.between += 1;
        let cells = field.blend.len().max(1) as f64;
        let mean = |sum: f64| sum / cells;
        self.count.gated += mean(gate.iter().map(|share| 1.0 - f64::from(*share)).sum());
        self.count.scale += mean(field.log_scale.iter().map(|scale| f64::from(exponential(*scale))).sum());
        Ok(out)
    }

    /// Remembers a prediction of [`MotionMaker::make`], of the frames `first` and `other` as motion estimation sees them,
    /// for the next real frame to be compared with.
    pub fn expect(&mut self, field: MotionField, tau: f32, first: &Arc<SmallFrame>, other: &Arc<SmallFrame>) {
        self.gate.expect(field, tau, first, other);
    }

    /// Counts a source frame that is shown once more.
    pub(super) const fn hold(&mut self) {
        self.count.held += 1;
    }

    /// What became of the frames so far.
    pub const fn count(&self) -> MotionCount {
        self.count
    }
}

/// What a frame that was made of another one says of itself. How long it is shown follows from the next one's time.
pub(crate) fn made_info(info: &FrameInfo, pts: Pts) -> FrameInfo {
    let side_data = info.side_data.iter().filter(|data| data.kind != SideData::CAPTIONS).cloned().collect();
    FrameInfo { pts, duration: 0, side_data, ..info.clone() }
}
