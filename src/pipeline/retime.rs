//! The section that changes the frame rate: frames are paced, enlarged and their motion found, and put together.

use super::chain::{ChainTotals, Event, chain_worker};
use super::section::{Assembly, Finish, Section, Start, Work, Worker};
use crate::error::Error;
use crate::frame::Frame;
use crate::model::RunningNetwork;
use crate::stage::{
    Composer, ModelChain, MotionCount, MotionPredictor, Moved, PaceCount, Pacer, Span, Upscaled, Weaver,
};
use crossbeam_channel::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

/// What changes the frame rate.
#[derive(Debug)]
pub struct Retiming {
    /// Decides what is shown.
    pub pacer: Pacer,
    /// One per worker thread.
    pub predictors: Vec<MotionPredictor>,
    /// Makes the frames.
    pub weaver: Weaver,
}

impl Retiming {
    /// Where the networks' nodes run.
    pub(super) fn running(&self) -> impl Iterator<Item = RunningNetwork> {
        self.predictors.iter().filter_map(MotionPredictor::running).cloned()
    }
}

/// What became of the source's frames and of the output's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RateCount {
    /// What was found in the source.
    pub pace: PaceCount,
    /// What the output's frames were made of.
    pub motion: MotionCount,
}

/// The counts so far, for whoever asks.
pub(super) type SharedCount = Arc<Mutex<RateCount>>;

/// A source frame, what networks made of it, and its motion.
struct Woven {
    upscaled: Upscaled,
    moved: Moved,
}

/// Paces in order, then works on several threads, then weaves in order.
struct RetimeSection {
    pacing: Section<Frame, Frame, Span>,
    weaving: Section<Span, Woven, Frame>,
}

impl Start for RetimeSection {
    fn start(
        self: Box<Self>,
        input: Receiver<Event>,
        assembly: &mut Assembly<'_>,
    ) -> Result<Receiver<Event>, Error> {
        let spans = self.pacing.run(input, assembly)?;
        self.weaving.run(spans, assembly)
    }
}

/// The section; `upscalers` are none, or as many as there are predictors.
pub(super) fn retime_section(
    retiming: Retiming,
    upscalers: Vec<ModelChain>,
    composer: Composer,
    totals: &Arc<ChainTotals>,
    count: SharedCount,
) -> Box<dyn Start> {
    let Retiming { pacer, predictors, weaver } = retiming;
    let mut chains = upscalers.into_iter();
    let workers =
        predictors.into_iter().map(|predictor| worker(chains.next(), predictor, totals.clone())).collect();
    Box::new(RetimeSection {
        pacing: Section {
            work_name: "pace",
            work: Work::None(|frame| frame),
            finish_name: "pace",
            finisher: Box::new(Pace { pacer, count: count.clone() }),
        },
        weaving: Section {
            work_name: "upscale",
            work: Work::Shared(workers),
            finish_name: "compose",
            finisher: Box::new(Weave { composer, weaver, count }),
        },
    })
}

/// Enlarges a frame and finds the motion after it, both on one thread: frames are what is worked on side by side.
fn worker(
    chain: Option<ModelChain>,
    mut predictor: MotionPredictor,
    totals: Arc<ChainTotals>,
) -> Worker<Span, Woven> {
    let mut enlarge = chain.map(|chain| chain_worker(chain, totals.clone()));
    let mut account = totals.account();
    Box::new(move |span| {
        let (source, moved) = predictor.process(span)?;
        account.update(predictor.network_time());
        let upscaled = match &mut enlarge {
            Some(enlarge) => enlarge(source)?,
            None => Upscaled { source, network: None },
        };
        Ok(Woven { upscaled, moved })
    })
}

struct Pace {
    pacer: Pacer,
    count: SharedCount,
}

impl Pace {
    fn publish(&self) {
        self.count.lock().unwrap_or_else(PoisonError::into_inner).pace = self.pacer.count();
    }
}

impl Finish<Frame, Span> for Pace {
    fn process(&mut self, frame: Frame, out: &mut Vec<Span>) -> Result<(), Error> {
        out.extend(self.pacer.push(frame)?);
        self.publish();
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Span>) -> Result<(), Error> {
        out.extend(self.pacer.end());
        Ok(())
    }
}

struct Weave {
    composer: Composer,
    weaver: Weaver,
    count: SharedCount,
}

impl Weave {
    fn publish(&self) {
        self.count.lock().unwrap_or_else(PoisonError::into_inner).motion = self.weaver.count();
    }
}

impl Finish<Woven, Frame> for Weave {
    fn process(&mut self, woven: Woven, out: &mut Vec<Frame>) -> Result<(), Error> {
        let source = woven.upscaled.source.clone();
        let frame = self.composer.process(woven.upscaled)?;
        self.weaver.process(frame, source, woven.moved, out)?;
        self.publish();
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Frame>) -> Result<(), Error> {
        self.weaver.end(out)?;
        self.publish();
        Ok(())
    }
}
