//! One step of the pipeline on its threads: work in any order, then finishing in order.

use super::chain::Event;
use super::clock::Clock;
use super::stage::{Meter, guarded, spawn};
use crate::error::Error;
use crate::frame::Frame;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Turns a frame into what the finisher takes. Frames of a stream are dealt out to several workers, so each sees some.
pub(super) type Worker<M> = Box<dyn FnMut(Frame) -> Result<M, Error> + Send>;

/// Makes output frames. It sees every frame of the stream, in order, and so may remember.
pub(super) type Finisher<M> = Box<dyn FnMut(M) -> Result<Frame, Error> + Send>;

/// What happens before the finisher.
pub(super) enum Work<M> {
    /// Nothing: the frame is handed on.
    None(fn(Frame) -> M),
    /// These share the frames, each on a thread of its own.
    Shared(Vec<Worker<M>>),
}

/// A step from frames to as many frames.
pub(super) struct Section<M> {
    /// Name of the workers and their meter.
    pub(super) work_name: &'static str,
    pub(super) work: Work<M>,
    /// Name of the finisher and its meter.
    pub(super) finish_name: &'static str,
    pub(super) finisher: Finisher<M>,
}

/// A section that can be started, whatever its workers hand to its finisher.
pub(super) trait Start {
    /// Starts the threads and appends them to `threads` and their meters to `meters`. Gives the end where frames come
    /// out. After a failure the threads that run end by themselves.
    fn start(
        self: Box<Self>,
        input: Receiver<Event>,
        clock: &Arc<dyn Clock>,
        threads: &mut Vec<JoinHandle<()>>,
        meters: &mut Vec<Arc<Meter>>,
    ) -> Result<Receiver<Event>, Error>;
}

/// Numbered work for the workers, and what they made of it.
type Job = (u64, Frame);
type Done<M> = (u64, Result<M, Error>);

/// Frames that wait between two stages.
pub(super) const DEPTH: usize = 2;

impl<M: Send + 'static> Start for Section<M> {
    fn start(
        self: Box<Self>,
        input: Receiver<Event>,
        clock: &Arc<dyn Clock>,
        threads: &mut Vec<JoinHandle<()>>,
        meters: &mut Vec<Arc<Meter>>,
    ) -> Result<Receiver<Event>, Error> {
        let Self { work_name, work, finish_name, finisher } = *self;
        let (workers, pass) = match work {
            Work::None(pass) => (Vec::new(), Some(pass)),
            Work::Shared(workers) => (workers, None),
        };
        let count = workers.len().max(1);
        let (jobs, waiting) = bounded::<Job>(count);
        let (done, finished) = bounded::<Done<M>>(count);
        let (ready, output) = bounded(DEPTH);
        let dispatched = done.clone();
        threads.push(spawn("dispatch", move || dispatch(&input, &jobs, pass, &dispatched))?);
        if !workers.is_empty() {
            let meter = Meter::new(work_name, count, clock.clone());
            meters.push(meter.clone());
            for (index, worker) in workers.into_iter().enumerate() {
                let (waiting, done, meter) = (waiting.clone(), done.clone(), meter.clone());
                threads.push(spawn(&format!("{work_name}-{index}"), move || {
                    work_on(worker, work_name, &waiting, &done, &meter);
                })?);
            }
        }
        drop((done, waiting));
        let meter = Meter::new(finish_name, 1, clock.clone());
        meters.push(meter.clone());
        threads.push(spawn(finish_name, move || finish(finisher, finish_name, &finished, &ready, &meter))?);
        Ok(output)
    }
}

/// Numbers the frames, so that finishing can put them back in order whichever worker is first.
fn dispatch<M>(
    input: &Receiver<Event>,
    jobs: &Sender<Job>,
    pass: Option<fn(Frame) -> M>,
    done: &Sender<Done<M>>,
) {
    for number in 0.. {
        let sent = match (input.recv(), pass) {
            (Ok(Event::Frame(frame)), None) => jobs.send((number, frame)).is_ok(),
            (Ok(Event::Frame(frame)), Some(pass)) => done.send((number, Ok(pass(frame)))).is_ok(),
            (Ok(Event::Failed(error)), _) => {
                let _ = done.send((number, Err(error)));
                false
            }
            (Ok(Event::End) | Err(_), _) => false,
        };
        if !sent {
            return;
        }
    }
}

fn work_on<M>(
    mut worker: Worker<M>,
    name: &'static str,
    waiting: &Receiver<Job>,
    done: &Sender<Done<M>>,
    meter: &Meter,
) {
    while let Ok((number, frame)) = meter.starved(|| waiting.recv()) {
        let result = meter.busy(|| guarded(name, || worker(frame)));
        let failed = result.is_err();
        let sent = meter.blocked(|| done.send((number, result)).is_ok());
        if !sent || failed {
            return;
        }
    }
}

/// Puts what the workers made back in order and finishes it.
fn finish<M>(
    mut finisher: Finisher<M>,
    name: &'static str,
    finished: &Receiver<Done<M>>,
    ready: &Sender<Event>,
    meter: &Meter,
) {
    let mut early = BTreeMap::new();
    let mut next = 0;
    while let Ok((number, result)) = meter.starved(|| finished.recv()) {
        early.insert(number, result);
        while let Some(result) = early.remove(&next) {
            next += 1;
            let made = result.and_then(|made| meter.busy(|| guarded(name, || finisher(made))));
            let event = made.map_or_else(Event::Failed, Event::Frame);
            let failed = matches!(event, Event::Failed(_));
            let sent = meter.blocked(|| ready.send(event).is_ok());
            if !sent || failed {
                return;
            }
        }
    }
    let _ = ready.send(Event::End);
}
