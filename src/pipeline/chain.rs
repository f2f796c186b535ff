//! The part of the pipeline between source and sink: super-resolution on several workers, then composition in order.

use super::clock::Clock;
use super::stage::{Meter, guarded, spawn};
use super::stats::StageTime;
use crate::error::Error;
use crate::frame::Frame;
use crate::stage::{Composer, Upscaled, Upscaler};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::BTreeMap;
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
    /// One per worker thread; none for a run without a network.
    pub upscalers: Vec<Upscaler>,
    /// Makes the output frames.
    pub composer: Composer,
    /// Where time is read.
    pub clock: Arc<dyn Clock>,
}

/// Numbered work for the upscale workers, and what they made of it.
type Job = (u64, Frame);
type Done = (u64, Result<Upscaled, Error>);

/// Frames that wait between two stages.
const DEPTH: usize = 2;

/// Running threads that turn decoded frames into output frames, in order. Dropping it stops and joins them.
pub struct Chain {
    ends: Option<Ends>,
    threads: Vec<JoinHandle<()>>,
    meters: Vec<Arc<Meter>>,
    network_nanos: Arc<AtomicU64>,
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
        let ChainOptions { upscalers, composer, clock } = options;
        let workers = upscalers.len();
        let (input, numbered) = bounded(DEPTH);
        let (done, finished) = bounded(workers.max(1));
        let (ready, output) = bounded(DEPTH);
        let network_nanos = Arc::new(AtomicU64::new(0));
        let upscale_meter = Meter::new("upscale", workers.max(1), clock.clone());
        let compose_meter = Meter::new("compose", 1, clock);
        let meters = vec![upscale_meter.clone(), compose_meter.clone()];
        let ends = Some(Ends { input, output });
        // Built first, so that a thread that cannot be started stops and joins those before it.
        let mut chain = Self { ends, threads: Vec::new(), meters, network_nanos: network_nanos.clone() };

        let (jobs, work) = bounded::<Job>(workers.max(1));
        let dispatch_done = done.clone();
        let has_network = workers > 0;
        chain.threads.push(spawn("dispatch", move || {
            dispatch(&numbered, has_network, &jobs, &dispatch_done);
        })?);
        for (index, upscaler) in upscalers.into_iter().enumerate() {
            let (work, done) = (work.clone(), done.clone());
            let (meter, nanos) = (upscale_meter.clone(), network_nanos.clone());
            chain.threads.push(spawn(&format!("upscale-{index}"), move || {
                upscale(upscaler, &work, &done, &meter, &nanos);
            })?);
        }
        drop((done, work));
        chain.threads.push(spawn("compose", move || compose(composer, &finished, &ready, &compose_meter))?);
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
        Duration::from_nanos(self.network_nanos.load(Ordering::Relaxed))
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

/// Numbers the frames, so that composition can put them back in order whichever worker is first.
fn dispatch(input: &Receiver<Event>, has_network: bool, jobs: &Sender<Job>, done: &Sender<Done>) {
    for number in 0.. {
        let sent = match input.recv() {
            Ok(Event::Frame(frame)) if has_network => jobs.send((number, frame)).is_ok(),
            Ok(Event::Frame(frame)) => {
                done.send((number, Ok(Upscaled { source: frame, network: None }))).is_ok()
            }
            Ok(Event::Failed(error)) => {
                let _ = done.send((number, Err(error)));
                false
            }
            Ok(Event::End) | Err(_) => false,
        };
        if !sent {
            return;
        }
    }
}

fn upscale(
    mut upscaler: Upscaler,
    work: &Receiver<Job>,
    done: &Sender<Done>,
    meter: &Meter,
    network_nanos: &AtomicU64,
) {
    let mut counted = Duration::ZERO;
    while let Ok((number, source)) = meter.starved(|| work.recv()) {
        let made = meter.busy(|| guarded("upscale", || upscaler.process(&source)));
        let total = upscaler.network_time();
        let spent = total.saturating_sub(counted);
        counted = total;
        network_nanos.fetch_add(u64::try_from(spent.as_nanos()).unwrap_or(0), Ordering::Relaxed);
        let result = made.map(|network| Upscaled { source, network: Some(network) });
        let failed = result.is_err();
        let sent = meter.blocked(|| done.send((number, result)).is_ok());
        if !sent || failed {
            return;
        }
    }
}

/// Puts the frames back in order and makes them ready for the sink.
fn compose(mut composer: Composer, finished: &Receiver<Done>, ready: &Sender<Event>, meter: &Meter) {
    let mut early = BTreeMap::new();
    let mut next = 0;
    while let Ok((number, result)) = meter.starved(|| finished.recv()) {
        early.insert(number, result);
        while let Some(result) = early.remove(&next) {
            next += 1;
            let event = match result
                .and_then(|upscaled| meter.busy(|| guarded("compose", || composer.process(upscaled))))
            {
                Ok(frame) => Event::Frame(frame),
                Err(error) => Event::Failed(error),
            };
            let failed = matches!(event, Event::Failed(_));
            let sent = meter.blocked(|| ready.send(event).is_ok());
            if !sent || failed {
                return;
            }
        }
    }
    let _ = ready.send(Event::End);
}
