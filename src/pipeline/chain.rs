//! The part of the pipeline between source and sink: sections of threads, one after the other.

use super::clock::Clock;
use super::retime::{RateCount, Retiming, SharedCount, retime_section};
use super::section::{Assembly, DEPTH, Section, Start, Work, Worker};
use super::stage::Meter;
use super::stats::StageTime;
use crate::error::Error;
use crate::frame::Frame;
use crate::model::RunningNetwork;
use crate::stage::{
    Composer, Denoiser, Enhancer, ImageNetwork, Inferred, ModelChain, ReuseCount, Steadier, Stylizer,
    Upscaled,
};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What flows from stage to stage. The end and a failure are values; a closed channel means that the peer has gone.
#[derive(Debug)]
pub enum Event<T = Frame> {
    /// A frame, or what stands for one on the way.
    Item(T),
    /// Nothing more will come.
    End,
    /// A stage failed; nothing more will come.
    Failed(Error),
}

/// An image-to-image step: networks, one per worker thread, and what finishes in order.
#[derive(Debug)]
pub enum Edit {
    /// Removing noise.
    Denoise(Vec<ModelChain>, Denoiser),
    /// Painting in a style.
    Style(Vec<ImageNetwork>, Stylizer),
    /// Brightening dark frames.
    Enhance(Vec<ImageNetwork>, Enhancer),
}

impl Edit {
    /// Edits a frame with the first of the networks; frames come in order.
    pub fn process(&mut self, frame: Frame) -> Result<Frame, Error> {
        let missing = || Error::Panic { stage: "edit".into(), message: "it has no network".into() };
        match self {
            Self::Denoise(chains, denoiser) => {
                let network = chains.first_mut().ok_or_else(missing)?.process(&frame)?;
                denoiser.process(Upscaled { source: frame, network: Some(network) })
            }
            Self::Style(networks, stylizer) => {
                stylizer.process(networks.first_mut().ok_or_else(missing)?.process(frame)?)
            }
            Self::Enhance(networks, enhancer) => {
                enhancer.process(networks.first_mut().ok_or_else(missing)?.process(frame)?)
            }
        }
    }

    /// Runs the first network once, which takes several times as long as later; nothing is remembered of the frame.
    pub fn warm_up(&mut self, frame: &Frame) -> Result<(), Error> {
        match self {
            Self::Denoise(chains, _) => {
                chains.first_mut().map_or(Ok(()), |chain| chain.process(frame).map(drop))
            }
            Self::Style(networks, _) | Self::Enhance(networks, _) => {
                networks.first_mut().map_or(Ok(()), |network| network.process(frame.clone()).map(drop))
            }
        }
    }

    /// Where the networks' nodes run.
    pub(crate) fn running(&self) -> Vec<RunningNetwork> {
        match self {
            Self::Denoise(chains, _) => chains.iter().flat_map(ModelChain::running).collect(),
            Self::Style(networks, _) | Self::Enhance(networks, _) => {
                networks.iter().map(ImageNetwork::running).cloned().collect()
            }
        }
    }
}

/// What a [`Chain`] is made of.
pub struct ChainOptions {
    /// Holds noise still before anything else sees it.
    pub steadier: Option<Steadier>,
    /// One per worker thread; none for a run without a network.
    pub upscalers: Vec<ModelChain>,
    /// Makes the output frames.
    pub composer: Composer,
    /// Changes the frame rate.
    pub retiming: Option<Retiming>,
    /// What happens to decoded frames.
    pub before: Vec<Edit>,
    /// What happens to output frames.
    pub after: Vec<Edit>,
    /// Where time is read.
    pub clock: Arc<dyn Clock>,
}

impl ChainOptions {
    /// Leaves finished frames in memory of the kernels' device, where they have one. What follows super-resolution works in host memory,
    /// so then nothing stays.
    pub fn keep_on_device(&mut self) {
        if !self.after.is_empty() {
            return;
        }
        self.upscalers.iter_mut().for_each(ModelChain::keep_on_device);
        self.composer.keep_on_device();
        if let Some(retiming) = &mut self.retiming {
            retiming.weaver.keep_on_device();
        }
    }
}

/// Running threads that turn decoded frames into output frames, in order. Dropping it stops and joins them.
pub struct Chain {
    input: Option<Sender<Event>>,
    output: Option<Receiver<Event>>,
    threads: Vec<JoinHandle<()>>,
    meters: Vec<Arc<Meter>>,
    totals: Arc<ChainTotals>,
    motion: Option<SharedCount>,
}

/// What the upscale workers did, summed over them.
#[derive(Default)]
pub(super) struct ChainTotals {
    network_nanos: AtomicU64,
    /// Pixels of [`ReuseCount`].
    copied: AtomicU64,
    seen: AtomicU64,
}

impl ChainTotals {
    /// Of one worker.
    pub(super) fn account(self: &Arc<Self>) -> Account {
        Account { counted: Duration::ZERO, totals: self.clone() }
    }
}

/// Both ends of a chain. Closing them stops its threads.
#[derive(Clone)]
pub struct Ends {
    /// Where frames go in. [`Event::End`], or the loss of all senders, makes the chain finish what it holds and pass the
    /// end on.
    pub input: Sender<Event>,
    /// Where frames come out, in the order in which they went in.
    pub output: Receiver<Event>,
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chain({} threads)", self.threads.len())
    }
}

impl Chain {
    /// Starts the threads.
    pub fn start(options: ChainOptions) -> Result<Self, Error> {
        let ChainOptions { steadier, upscalers, composer, retiming, before, after, clock } = options;
        let motion = retiming.is_some().then(SharedCount::default);
        let totals = Arc::<ChainTotals>::default();
        let mut sections: Vec<Box<dyn Start>> = Vec::new();
        sections.extend(steadier.map(steady_section));
        sections.extend(before.into_iter().map(|edit| edit_section(edit, &totals)));
        sections.push(match retiming.zip(motion.clone()) {
            Some((retiming, count)) => retime_section(retiming, upscalers, composer, &totals, count),
            None => upscale_section(upscalers, composer, &totals),
        });
        sections.extend(after.into_iter().map(|edit| edit_section(edit, &totals)));
        // Declared before the channel and so dropped after it: where a thread cannot be started, those before it see
        // the channel's end and are joined.
        let mut chain =
            Self { input: None, output: None, threads: Vec::new(), meters: Vec::new(), totals, motion };
        let (input, mut output) = bounded(DEPTH);
        for section in sections {
            let (threads, meters) = (&mut chain.threads, &mut chain.meters);
            output = section.start(output, &mut Assembly { clock: &clock, threads, meters })?;
        }
        (chain.input, chain.output) = (Some(input), Some(output));
        Ok(chain)
    }

    /// The chain's ends; `None` once one of them was closed.
    pub fn ends(&self) -> Option<Ends> {
        let (input, output) = (self.input.clone()?, self.output.clone()?);
        Some(Ends { input, output })
    }

    /// Where frames go in; `None` once no more may.
    pub const fn input(&self) -> Option<&Sender<Event>> {
        self.input.as_ref()
    }

    /// Where frames come out; `None` once the chain was closed.
    pub const fn output(&self) -> Option<&Receiver<Event>> {
        self.output.as_ref()
    }

    /// Closes the input, which never waits: the chain finishes what it holds and passes the end on. Clones of the input
    /// keep it open.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Time that the stages spent so far.
    pub fn times(&self) -> Vec<StageTime> {
        self.meters.iter().map(|meter| meter.time()).collect()
    }

    /// The stages' meters.
    pub(super) fn meters(&self) -> Vec<Arc<Meter>> {
        self.meters.clone()
    }

    /// Wall time spent inside networks so far, summed over the workers.
    pub fn network_time(&self) -> Duration {
        Duration::from_nanos(self.totals.network_nanos.load(Ordering::Relaxed))
    }

    /// Pixels whose output was copied so far, summed over the workers.
    pub fn reuse_count(&self) -> ReuseCount {
        ReuseCount {
            copied: self.totals.copied.load(Ordering::Relaxed),
            all: self.totals.seen.load(Ordering::Relaxed),
        }
    }

    /// What became of the output's frames so far; `None` at the source's rate.
    pub fn rate_count(&self) -> Option<RateCount> {
        self.motion.as_ref().map(|count| *count.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Closes both ends and waits for the threads. Clones of the ends must be dropped too, or it waits for them.
    pub fn close(&mut self) {
        (self.input, self.output) = (None, None);
        for thread in self.threads.drain(..) {
            // A worker's panic was turned into an event where it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        self.close();
    }
}

/// In order, for what is held depends on all frames before.
fn steady_section(mut steadier: Steadier) -> Box<dyn Start> {
    Box::new(Section {
        work_name: "steady",
        work: Work::None(|source: Frame| source),
        finish_name: "steady",
        finisher: Box::new(move |source: Frame| Ok(steadier.process(source))),
    })
}

/// Super-resolution on several workers, then composition.
fn upscale_section(
    upscalers: Vec<ModelChain>,
    mut composer: Composer,
    totals: &Arc<ChainTotals>,
) -> Box<dyn Start> {
    Box::new(Section {
        work_name: "upscale",
        work: chain_work(upscalers, totals),
        finish_name: "compose",
        finisher: Box::new(move |upscaled: Upscaled| composer.process(upscaled)),
    })
}

/// Frames are handed on as they are where there is no network.
fn chain_work(chains: Vec<ModelChain>, totals: &Arc<ChainTotals>) -> Work<Frame, Upscaled> {
    if chains.is_empty() {
        return Work::None(|source| Upscaled { source, network: None });
    }
    Work::Shared(chains.into_iter().map(|chain| chain_worker(chain, totals.clone())).collect())
}

pub(super) fn chain_worker(mut chain: ModelChain, totals: Arc<ChainTotals>) -> Worker<Frame, Upscaled> {
    let mut account = totals.account();
    let mut reused = ReuseCount::default();
    Box::new(move |source| {
        let made = chain.process(&source);
        account.update(chain.network_time());
        let count = chain.reuse_count();
        totals.copied.fetch_add(count.copied - reused.copied, Ordering::Relaxed);
        totals.seen.fetch_add(count.all - reused.all, Ordering::Relaxed);
        reused = count;
        Ok(Upscaled { source, network: Some(made?) })
    })
}

/// Image-to-image networks on several workers, then what needs the frames in order.
fn edit_section(edit: Edit, totals: &Arc<ChainTotals>) -> Box<dyn Start> {
    let work = |networks: Vec<ImageNetwork>| {
        Work::Shared(networks.into_iter().map(|network| image_worker(network, totals.clone())).collect())
    };
    match edit {
        Edit::Denoise(chains, mut denoiser) => Box::new(Section {
            work_name: "denoise",
            work: chain_work(chains, totals),
            finish_name: "merge",
            finisher: Box::new(move |upscaled: Upscaled| denoiser.process(upscaled)),
        }),
        Edit::Style(networks, mut stylizer) => Box::new(Section {
            work_name: "style",
            work: work(networks),
            finish_name: "paint",
            finisher: Box::new(move |inferred: Inferred| stylizer.process(inferred)),
        }),
        Edit::Enhance(networks, mut enhancer) => Box::new(Section {
            work_name: "curves",
            work: work(networks),
            finish_name: "enhance",
            finisher: Box::new(move |inferred: Inferred| enhancer.process(inferred)),
        }),
    }
}

fn image_worker(mut network: ImageNetwork, totals: Arc<ChainTotals>) -> Worker<Frame, Inferred> {
    let mut account = totals.account();
    Box::new(move |source| {
        let inferred = network.process(source);
        account.update(network.network_time());
        inferred
    })
}

/// Adds the time of one worker's network to that of all.
pub(super) struct Account {
    counted: Duration,
    totals: Arc<ChainTotals>,
}

impl Account {
    pub(super) fn update(&mut self, now: Duration) {
        let spent = now.saturating_sub(self.counted);
        self.counted = now;
        self.totals.network_nanos.fetch_add(u64::try_from(spent.as_nanos()).unwrap_or(0), Ordering::Relaxed);
    }
}
