//! Makes the pictures that were decided on, and hands them to the outputs.

use super::motion::Motion;
use super::outputs::OutputQueues;
use super::{Shown, ShownContent, StatisticsBoard};
use crate::error::Error;
use crate::frame::{Frame, MotionField, MotionMode, Pts, SmallFrame};
use crate::media::CopyPacket;
use crate::pipeline::Clock;
use crate::stage::{Captions, MotionMaker, Real, made_info};
use crossbeam_channel::Receiver;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Work in order.
#[derive(Debug)]
pub(super) enum Work {
    /// A real frame can be shown from now on. With the frame before it.
    Learn(Box<Known>),
    /// A picture is due.
    Show(Box<Picture>),
}

/// A real frame.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// As captured.
    pub(super) source: Frame,
    pub(super) before: Option<Frame>,
    pub(super) motion: Motion,
}

/// What is shown at a tick.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) made_of: MadeOf,
    pub(super) pts: Pts,
    /// The newest real frame as captured.
    pub(super) source: Frame,
    pub(super) captured: Duration,
    /// When it is handed over; as soon as it is made if that is later.
    pub(super) due: Duration,
}

#[derive(Debug)]
pub(super) enum MadeOf {
    Real(Frame),
    Held(Frame),
    Motion {
        /// At the output's size.
        frames: Box<[Frame; 2]>,
        smalls: [Arc<SmallFrame>; 2],
        field: MotionField,
        tau: f32,
    },
}

/// How long a stage has worked, in nanoseconds.
pub(super) type Busy = Arc<AtomicU64>;

/// Counts the time that `work` takes.
pub(super) fn timed<R>(
    clock: &dyn Clock,
    busy: &AtomicU64,
    statistics: &StatisticsBoard,
    stage: &'static str,
    work: impl FnOnce() -> R,
) -> R {
    let start = clock.now();
    let result = work();
    let took = clock.now().saturating_sub(start);
    busy.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(0), Ordering::Relaxed);
    statistics.took(stage, took);
    result
}

/// Works on a thread of its own.
pub(super) struct Presenter {
    pub(super) maker: MotionMaker,
    pub(super) outputs: OutputQueues,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) statistics: Arc<StatisticsBoard>,
    pub(super) busy: Busy,
    /// Of real frames, whether they are shown or not.
    pub(super) captions: Captions,
}

impl Presenter {
    /// Works until nothing more can come.
    pub(super) fn run(
        mut self,
        work: &Receiver<Work>,
        packets: &Receiver<CopyPacket>,
    ) -> Result<OutputQueues, Error> {
        for work in work {
            match work {
                Work::Learn(known) => self.learn(*known)?,
                Work::Show(picture) => self.show(*picture)?,
            }
            self.pass_on(packets);
            if !self.outputs.is_alive() {
                break;
            }
        }
        self.pass_on(packets);
        Ok(self.outputs)
    }

    fn pass_on(&mut self, packets: &Receiver<CopyPacket>) {
        packets.try_iter().for_each(|packet| self.outputs.packet(&packet, self.clock.now()));
    }

    pub(super) fn learn(&mut self, Known { source, before, motion }: Known) -> Result<(), Error> {
        let Motion { small, follows, estimate, .. } = motion;
        self.captions.take(&source.info);
        self.maker.learn(Real { source: &source, small: &small, follows, estimate }, before.as_ref())?;
        let count = self.maker.count();
        self.statistics.update(|statistics| {
            statistics.hit_rate = count.hit_rate();
            statistics.gated = count.gated_share();
        });
        Ok(())
    }

    fn show(&mut self, picture: Picture) -> Result<(), Error> {
        let Picture { made_of, pts, source, captured, due } = picture;
        let (clock, busy, statistics) = (self.clock.clone(), self.busy.clone(), self.statistics.clone());
        let (frame, content) = timed(&*clock, &busy, &statistics, "compose", || self.make(made_of, pts))?;
        std::thread::sleep(due.saturating_sub(self.clock.now()));
        let handed_over = self.clock.now();
        self.statistics.shown(content, captured, handed_over);
        self.outputs.show(&Shown { frame, source, content, captured, handed_over });
        Ok(())
    }

    /// The picture, with the captions that came since the one before.
    pub(super) fn make(&mut self, made_of: MadeOf, pts: Pts) -> Result<(Frame, ShownContent), Error> {
        let (mut frame, content) = self.compose(made_of, pts)?;
        self.captions.give(&mut frame.info);
        Ok((frame, content))
    }

    fn compose(&mut self, made_of: MadeOf, pts: Pts) -> Result<(Frame, ShownContent), Error> {
        match made_of {
            MadeOf::Real(mut frame) => {
                (frame.info.pts, frame.info.duration) = (pts, 0);
                Ok((frame, ShownContent::Real))
            }
            MadeOf::Held(frame) => {
                let info = made_info(&frame.info, pts);
                Ok((Frame { info, data: frame.data }, ShownContent::Held))
            }
            MadeOf::Motion { frames, smalls, mut field, tau } => {
                let [first, other] = &*frames;
                let frame = self.maker.make([first, other], &mut field, tau, pts)?;
                if self.maker.mode() == MotionMode::Interpolate {
                    return Ok((frame, ShownContent::Interpolated(tau)));
                }
                let [first, other] = &smalls;
                self.maker.expect(field, tau, first, other);
                Ok((frame, ShownContent::Predicted(tau)))
            }
        }
    }
}
