//! Puts together what is shown: source frames at their time, and frames between them made of motion.

use super::Moved;
use super::camera::Camera;
use super::gate::{Gate, MotionCount};
use crate::error::Error;
use crate::frame::{
    BufferPool, Content, Frame, FrameInfo, MotionField, MotionMode, Pts, SideData, StillMask,
};
use crate::kernel::cpu::StillDetector;
use crate::kernel::{Composition, Kernels};

/// Makes the output's frames. It must see the source's frames in order.
pub struct Weaver {
    mode: MotionMode,
    kernels: Box<dyn Kernels>,
    pool: BufferPool,
    gate: Gate,
    camera: Camera,
    still: StillDetector,
    mask: StillMask,
    count: MotionCount,
    /// Prediction: frame k-1. Interpolation: frame k, with what is to be shown before k+1.
    last: Option<Finished>,
}

/// A source frame at the output's size.
#[derive(Debug)]
struct Finished {
    frame: Frame,
    /// The frame as it was decoded.
    source: Frame,
    moved: Moved,
}

impl std::fmt::Debug for Weaver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Weaver({:?}, {:?})", self.mode, self.count)
    }
}

impl Weaver {
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
            last: None,
        }
    }

    /// Takes the next source frame, `frame` at the output's size and `source` as it was decoded, and appends what is shown.
    pub fn process(
        &mut self,
        frame: Frame,
        source: Frame,
        moved: Moved,
        out: &mut Vec<Frame>,
    ) -> Result<(), Error> {
        let mut newest = Finished { frame, source, moved };
        let before = self.last.take();
        if let Some(before) = &before {
            self.still.update(&before.source, &newest.source)?;
        }
        match (self.mode, before) {
            (MotionMode::Predict, before) => {
                self.learn(&mut newest, before.as_ref());
                let predicted = self.show(&mut newest, before.as_ref(), out)?;
                if let (Some((field, tau)), Some(other)) = (predicted, &newest.moved.other) {
                    self.gate.expect(field, tau, &newest.moved.small, other);
                }
            }
            (MotionMode::Interpolate, Some(mut before)) => {
                self.show(&mut before, Some(&newest), out)?;
            }
            (MotionMode::Interpolate, None) => {}
        }
        self.last = Some(newest);
        Ok(())
    }

    /// Nothing more will come: appends what is still to be shown.
    pub fn end(&mut self, out: &mut Vec<Frame>) -> Result<(), Error> {
        match self.last.take() {
            Some(mut last) if self.mode == MotionMode::Interpolate => {
                self.show(&mut last, None, out).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// What a real frame tells of the predictions before it, and of those after it.
    fn learn(&mut self, newest: &mut Finished, before: Option<&Finished>) {
        if newest.moved.other.is_none() {
            // What is equal on both sides of a cut is an overlay, so the still mask goes on.
            self.gate.reset();
        }
        self.gate.score(&newest.moved.small, &mut self.count);
        match (newest.moved.estimate.take(), before) {
            (Some(estimate), Some(before)) => {
                self.camera.learn(estimate, newest.source.info.pts - before.source.info.pts);
            }
            _ => self.camera.reset(),
        }
    }

    /// What became of the frames so far.
    pub const fn count(&self) -> MotionCount {
        self.count
    }

    /// Appends the frames of the ticks of `first`; `other` is the frame from or to which things move. Gives the last
    /// motion that was used, and its time.
    fn show(
        &mut self,
        first: &mut Finished,
        other: Option<&Finished>,
        out: &mut Vec<Frame>,
    ) -> Result<Option<(MotionField, f32)>, Error> {
        let (mut is_again, mut last) = (false, None);
        for (tick, field) in std::mem::take(&mut first.moved.ticks) {
            let frame = match (tick.content, field, other) {
                (Content::Between { tau, .. }, Some(mut field), Some(other)) => {
                    let tau = tau.to_f32();
                    if self.mode == MotionMode::Predict {
                        self.camera.correct(&mut field, tau);
                    }
                    let frame = self.between([&first.frame, &other.frame], &field, tau, tick.pts)?;
                    last = Some((field, tau));
                    frame
                }
                _ => {
                    self.count.held += u64::from(is_again || !matches!(tick.content, Content::Original(_)));
                    repeated(&first.frame, tick.pts, is_again)
                }
            };
            is_again = true;
            out.push(frame);
        }
        if let Some(frame) = out.last_mut().filter(|_| is_again) {
            frame.info.duration = first.moved.shown;
        }
        Ok(last)
    }

    fn between(
        &mut self,
        [first, other]: [&Frame; 2],
        field: &MotionField,
        tau: f32,
        pts: Pts,
    ) -> Result<Frame, Error> {
        // What is the same before and after did not move in between; what comes next may cover what stood still.
        let next = (self.mode == MotionMode::Predict).then_some(field);
        self.still.mask(next, &mut self.mask)?;
        let gate = self.gate.share(field, tau);
        let mut out = Frame::allocate(made_info(&first.info, pts), Some(&self.pool));
        let composition = Composition { field, first, other, gate: Some(gate), still: Some(&self.mask) };
        self.kernels.compose(&composition, &mut out)?;
        self.count.between += 1;
        let cells = field.blend.len().max(1) as f64;
        let mean = |sum: f64| sum / cells;
        self.count.gated += mean(gate.iter().map(|share| 1.0 - f64::from(*share)).sum());
        self.count.scale += mean(field.log_scale.iter().map(|scale| f64::from(scale.exp())).sum());
        Ok(out)
    }
}

/// The frame at another time; captions are shown once.
fn repeated(frame: &Frame, pts: Pts, again: bool) -> Frame {
    let info = if again {
        made_info(&frame.info, pts)
    } else {
        FrameInfo { pts, duration: 0, ..frame.info.clone() }
    };
    Frame { info, data: frame.data.clone() }
}

/// What a frame that was made of another one says of itself. How long it is shown follows from the next one's time.
fn made_info(info: &FrameInfo, pts: Pts) -> FrameInfo {
    let side_data = info.side_data.iter().filter(|data| data.kind != SideData::CAPTIONS).cloned().collect();
    FrameInfo { pts, duration: 0, side_data, ..info.clone() }
}
