//! The part of the pipeline between source and sink: sections of threads, one after the other.

use super::clock::Clock;
use super::section::{DEPTH, Section, Start, Work, Worker};
use super::stage::Meter;
use super::stats::StageTime;
use crate::error::Error;
use crate::frame::Frame;
use crate::stage::{Composer, ModelChain, ReuseCount, Steadier, Upscaled};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What flows from stage to stage. The end and a failure are values; a closed channel means that the peer has gone.
#[derive(Debug)]
pub enum Event {
    /// A frame.
    Frame(Frame),
    /// Nothing more will come.
    End,
    /// A stage failed; nothing more will come.
    Failed(Error),
}

/// What a [`Chain`] is made of.
pub struct ChainOptions {
    /// Holds noise still before anything else sees it.
    pub steadier: Option<Steadier>,
    /// One per worker thread; none for a run without a network.
    pub upscalers: Vec<ModelChain>,
    /// Makes the output frames.
    pub composer: Composer,
    /// Where time is read.
    pub clock: Arc<dyn Clock>,
}

/// Running threads that turn decoded frames into output frames, in order. Dropping it stops and joins them.
pub struct Chain {
    ends: Option<Ends>,
    threads: Vec<JoinHandle<()>>,
    meters: Vec<Arc<Meter>>,
    totals: Arc<Totals>,
}

/// What the upscale workers did, summed over them.
#[derive(Default)]
struct Totals {
    network_nanos: AtomicU64,
    /// Pixels of [`ReuseCount`].
    copied: AtomicU64,
    seen: AtomicU64,
}

/// Both ends of a chain. Closing them stops its threads.
#[derive(Clone)]
pub struct Ends {
    /// Where frames go in. [`Event::End`] makes the chain finish what it holds and pass the end on.
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
        let ChainOptions { steadier, upscalers, composer, clock } = options;
        let totals = Arc::<Totals>::default();
        let sections =
            steadier.map(steady_section).into_iter().chain([upscale_section(upscalers, composer, &totals)]);
        // Declared before the channel and so dropped after it: where a thread cannot be started, those before it see
        // the channel's end and are joined.
        let mut chain = Self { ends: None, threads: Vec::new(), meters: Vec::new(), totals };
        let (input, mut output) = bounded(DEPTH);
        for section in sections {
            output = section.start(output, &clock, &mut chain.threads, &mut chain.meters)?;
        }
        chain.ends = Some(Ends { input, output });
        Ok(chain)
    }

    /// The chain's ends; `None` once it was closed.
    pub const fn ends(&self) -> Option<&Ends> {
        self.ends.as_ref()
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

    /// Closes both ends and waits for the threads. Clones of the ends must be dropped too, or it waits for them.
    pub fn close(&mut self) {
        self.ends = None;
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
        finisher: Box::new(move |source| Ok(steadier.process(source))),
    })
}

/// Super-resolution on several workers, then composition.
fn upscale_section(
    upscalers: Vec<ModelChain>,
    mut composer: Composer,
    totals: &Arc<Totals>,
) -> Box<dyn Start> {
    let work = if upscalers.is_empty() {
        Work::None(|source| Upscaled { source, network: None })
    } else {
        Work::Shared(upscalers.into_iter().map(|upscaler| upscale_worker(upscaler, totals.clone())).collect())
    };
    Box::new(Section {
        work_name: "upscale",
        work,
        finish_name: "compose",
        finisher: Box::new(move |upscaled| composer.process(upscaled)),
    })
}

fn upscale_worker(mut upscaler: ModelChain, totals: Arc<Totals>) -> Worker<Upscaled> {
    let mut counted = Duration::ZERO;
    let mut reused = ReuseCount::default();
    Box::new(move |source| {
        let made = upscaler.process(&source);
        let total = upscaler.network_time();
        let spent = total.saturating_sub(counted);
        counted = total;
        totals.network_nanos.fetch_add(u64::try_from(spent.as_nanos()).unwrap_or(0), Ordering::Relaxed);
        let count = upscaler.reuse_count();
        totals.copied.fetch_add(count.copied - reused.copied, Ordering::Relaxed);
        totals.seen.fetch_add(count.all - reused.all, Ordering::Relaxed);
        reused = count;
        Ok(Upscaled { source, network: Some(made?) })
    })
}
