//! How things move from one frame to another: a classical estimate, and a network that corrects it for each moment that is
//! shown.

use super::super::{Estimate, Flow, FlowDetail};
use super::{LeftCaptions, Span};
use crate::error::{Error, ModelError};
use crate::frame::{Content, Frame, MotionField, MotionMode, MotionScale, SmallFrame, Tensor, Tick};
use crate::kernel::cpu::pack_pair;
use crate::model::{Execution, Model, RunningNetwork, Runtime, Session};
use std::sync::Arc;
use std::time::Duration;

/// A source frame and what happens until the next one.
#[derive(Debug)]
pub struct Moved {
    /// Frame k as motion estimation sees it.
    pub small: Arc<SmallFrame>,
    /// The other frame as motion estimation sees it.
    pub other: Option<Arc<SmallFrame>>,
    /// Prediction: the classical estimate of the motion from frame k back to the other one, if ticks needed one.
    pub estimate: Option<Estimate>,
    /// What is shown, with the motion to the ticks between frames.
    pub ticks: Vec<(Tick, Option<MotionField>)>,
    /// See [`Span::shown`].
    pub shown: i64,
    /// See [`Span::captions`].
    pub captions: Vec<LeftCaptions>,
}

/// A network that corrects the estimate.
#[derive(Debug)]
struct Network {
    session: Session,
    multiple: usize,
    /// Source pixels for each that the network was made to count in.
    magnification: f32,
    input: Tensor,
}

/// How finely motion is estimated for cells that usually have `usual` source pixels along a side: on luma at half of the
/// source's size, whatever the cells. On luma at its full size the estimate is farther from the truth.
const fn detail(usual: usize) -> FlowDetail {
    match usual {
        2 => FlowDetail::Quick,
        _ => FlowDetail::Fine,
    }
}

/// Estimates motion: dense inverse search, corrected by a network if there is one.
#[derive(Debug)]
pub struct MotionPredictor {
    mode: MotionMode,
    shrink: usize,
    flow: Flow,
    network: Option<Network>,
}

impl MotionPredictor {
    /// Source pixels along a side of a cell where no network wants others.
    pub const CLASSICAL_SHRINK: usize = 4;

    /// The classical estimate alone, for cells that have `usual` source pixels along a side at full scale.
    pub fn classical(mode: MotionMode, usual: usize, scale: MotionScale) -> Self {
        Self { mode, shrink: scale.shrink(usual), flow: Flow::new(detail(usual)), network: None }
    }

    /// With a network, which must be one for `mode`, on `threads` threads, for frames of this width and height.
    pub fn new(
        runtime: &Runtime,
        model: &Model,
        mode: MotionMode,
        scale: MotionScale,
        execution: Execution,
        threads: usize,
        (width, height): (u32, u32),
    ) -> Result<Self, ModelError> {
        let multiple = model.manifest.input.multiple;
        let usual = model.manifest.shrink.unwrap_or(Self::CLASSICAL_SHRINK);
        let classical = Self::classical(mode, usual, scale);
        let shrink = classical.shrink;
        let cells = |side: u32| (side as usize).div_ceil(shrink).next_multiple_of(multiple);
        let shape = [MotionField::INPUT_CHANNELS, cells(height), cells(width)];
        let network = Network {
            session: Session::new(runtime, model, execution, threads, shape)?,
            multiple,
            magnification: shrink as f32 / usual as f32,
            input: Tensor::empty(),
        };
        Ok(Self { network: Some(network), ..classical })
    }

    /// Source pixels along a side of the cells of the frames that it takes and of the motion that it finds.
    pub const fn shrink(&self) -> usize {
        self.shrink
    }

    /// Finds the motion for every tick of `span` that is between frames; gives the source frame back.
    pub fn process(&mut self, span: Span) -> Result<(Frame, Moved), Error> {
        let Span { source, other, ticks, shown, captions } = span;
        let other = other.map(|other| other.small);
        let is_between = |tick: &Tick| matches!(tick.content, Content::Between { .. });
        let mut estimate = None;
        if let Some(other) = other.as_ref().filter(|_| ticks.iter().any(is_between)) {
            estimate = self.estimate(&source.small, other);
        }
        let mut moved = Vec::with_capacity(ticks.len());
        for tick in ticks {
            let field = match (tick.content, &other) {
                (Content::Between { tau, .. }, Some(other)) => {
                    Some(self.field(&source.small, other, tau.to_f32())?)
                }
                _ => None,
            };
            moved.push((tick, field));
        }
        Ok((source.frame, Moved { small: source.small, other, estimate, ticks: moved, shown, captions }))
    }

    /// The classical estimate of the motion between two frames, for all moments; given out in prediction, for the camera's
    /// acceleration.
    pub fn estimate(&mut self, first: &SmallFrame, other: &SmallFrame) -> Option<Estimate> {
        match &mut self.network {
            None if self.mode == MotionMode::Interpolate => self.flow.estimate_both(first, other),
            _ => self.flow.estimate(first, other),
        }
        (self.mode == MotionMode::Predict).then(|| self.flow.displacements())
    }

    /// Motion from the moment `tau` back to `first` and to `other`, the frames of the last estimate.
    pub fn field(&mut self, first: &SmallFrame, other: &SmallFrame, tau: f32) -> Result<MotionField, Error> {
        let mut field = MotionField::default();
        match &mut self.network {
            None if self.mode == MotionMode::Interpolate => self.flow.interpolate(tau, &mut field),
            None => self.flow.extrapolate(tau, &mut field),
            Some(Network { session, multiple, magnification, input }) => {
                let share = match self.mode {
                    MotionMode::Predict => tau,
                    MotionMode::Interpolate => -tau,
                };
                let mut estimate = self.flow.traced(share);
                estimate.iter_mut().flatten().for_each(|displacement| *displacement /= *magnification);
                pack_pair(first, other, tau, &estimate, *multiple, input)?;
                let [_, rows, columns] = input.shape;
                session.run(input, [MotionField::CHANNELS, rows, columns], |output| {
                    field.assign(output, first.source, first.shrink)
                })??;
                field.magnify(*magnification);
            }
        }
        Ok(field)
    }

    /// Time spent inside ONNX Runtime so far.
    pub fn network_time(&self) -> Duration {
        self.network.as_ref().map_or(Duration::ZERO, |network| network.session.time())
    }

    /// Where the network's nodes run; `None` without one.
    pub fn running(&self) -> Option<&RunningNetwork> {
        self.network.as_ref().map(|network| network.session.running())
    }
}
