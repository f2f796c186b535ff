//! How things move from one frame to another: a classical estimate, and a network that corrects it for each moment that is
//! shown.

use super::super::{Estimate, Flow, FlowDetail};
use super::Span;
use crate::error::{Error, ModelError};
use crate::frame::{Content, Frame, MotionField, MotionMode, SmallFrame, Tensor, Tick};
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
}

/// A network that corrects the estimate.
#[derive(Debug)]
struct Network {
    session: Session,
    multiple: usize,
    input: Tensor,
}

/// How finely motion is estimated for cells of `shrink` source pixels along a side: on luma at half of the source's size,
/// whatever the cells. On luma at its full size the estimate is farther from the truth.
const fn detail(shrink: usize) -> FlowDetail {
    match shrink {
        2 => FlowDetail::Quick,
        _ => FlowDetail::Fine,
    }
}

/// Estimates motion: dense inverse search, corrected by a network if there is one.
#[derive(Debug)]
pub struct MotionPredictor {
    mode: MotionMode,
    flow: Flow,
    network: Option<Network>,
}

impl MotionPredictor {
    /// Source pixels along a side of a cell where no network wants others.
    pub const CLASSICAL_SHRINK: usize = 4;

    /// The classical estimate alone, for cells of `shrink` source pixels along a side.
    pub fn classical(mode: MotionMode, shrink: usize) -> Self {
        Self { mode, flow: Flow::new(detail(shrink)), network: None }
    }

    /// With a network, which must be one for `mode`, on `threads` threads, for frames of this width and height.
    pub fn new(
        runtime: &Runtime,
        model: &Model,
        mode: MotionMode,
        execution: Execution,
        threads: usize,
        (width, height): (u32, u32),
    ) -> Result<Self, ModelError> {
        let multiple = model.manifest.input.multiple;
        let shrink = model.manifest.shrink.unwrap_or(Self::CLASSICAL_SHRINK);
        let cells = |side: u32| (side as usize).div_ceil(shrink).next_multiple_of(multiple);
        let shape = [MotionField::INPUT_CHANNELS, cells(height), cells(width)];
        let network = Network {
            session: Session::new(runtime, model, execution, threads, shape)?,
            multiple,
            input: Tensor::empty(),
        };
        Ok(Self { network: Some(network), ..Self::classical(mode, shrink) })
    }

    /// Finds the motion for every tick of `span` that is between frames; gives the source frame back.
    pub fn process(&mut self, span: Span) -> Result<(Frame, Moved), Error> {
        let Span { source, other, ticks, shown } = span;
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
        Ok((source.frame, Moved { small: source.small, other, estimate, ticks: moved, shown }))
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
            Some(Network { session, multiple, input }) => {
                let share = match self.mode {
                    MotionMode::Predict => tau,
                    MotionMode::Interpolate => -tau,
                };
                pack_pair(first, other, tau, &self.flow.traced(share), *multiple, input)?;
                let [_, rows, columns] = input.shape;
                session.run(input, [MotionField::CHANNELS, rows, columns], |output| {
                    field.assign(output, first.source, first.shrink)
                })??;
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
