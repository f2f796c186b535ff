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

/// Turns an item into what the finisher takes. Items of a stream are dealt out to several workers, so each sees some.
pub(super) type Worker<I, M> = Box<dyn FnMut(I) -> Result<M, Error> + Send>;

/// Makes what goes on. It sees every item of the stream, in order, and so may remember, hold back and add.
pub(super) trait Finish<M, O>: Send {
    /// Takes the next item and appends what it has ready to `out`.
    fn process(&mut self, made: M, out: &mut Vec<O>) -> Result<(), Error>;

    /// Nothing more will come: appends what it still holds.
    fn end(&mut self, _out: &mut Vec<O>) -> Result<(), Error> {
        Ok(())
    }
}

/// A function gives one for one.
impl<M, O, F: FnMut(M) -> Result<O, Error> + Send> Finish<M, O> for F {
    fn process(&mut self, made: M, out: &mut Vec<O>) -> Result<(), Error> {
        out.push(self(made)?);
        Ok(())
    }
}

/// What happens before the finisher.
pub(super) enum Work<I, M> {
    /// Nothing: the item is handed on.
    None(fn(I) -> M),
    /// These share the items, each on a thread of its own.
    Shared(Vec<Worker<I, M>>),
}

/// A step of the pipeline, from `I` over `M` to `O`.
pub(super) struct Section<I, M, O> {
    /// Name of the workers and their meter.
    pub(super) work_name: &'static str,
    pub(super) work: Work<I, M>,
    /// Name of the finisher and its meter.
    pub(super) finish_name: &'static str,
    pub(super) finisher: Box<dyn Finish<M, O>>,
}

/// Where the threads and meters of a chain are kept while it is put together.
pub(super) struct Assembly<'a> {
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) threads: &'a mut Vec<JoinHandle<()>>,
    pub(super) meters: &'a mut Vec<Arc<Meter>>,
}

/// One or more sections from frames to frames.
pub(super) trait Start {
    /// Starts the threads. Gives the end where frames come out. After a failure the threads that run end by themselves.
    fn start(
        self: Box<Self>,
        input: Receiver<Event>,
        assembly: &mut Assembly<'_>,
    ) -> Result<Receiver<Event>, Error>;
}

/// Numbered work for the workers, and what they made of it.
type Job<I> = (u64, I);
type Done<M> = (u64, Result<M, Error>);

/// Frames that wait between two stages.
pub(super) const DEPTH: usize = 2;

impl<M: Send + 'static> Start for Section<Frame, M, Frame> {
    fn start(
        self: Box<Self>,
        input: Receiver<Event>,
        assembly: &mut Assembly<'_>,
    ) -> Result<Receiver<Event>, Error> {
        self.run(input, assembly)
    }
}

impl<I: Send + 'static, M: Send + 'static, O: Send + 'static> Section<I, M, O> {
    /// As [`Start::start`], for any items.
    pub(super) fn run(
        self,
        input: Receiver<Event<I>>,
        assembly: &mut Assembly<'_>,
    ) -> Result<Receiver<Event<O>>, Error> {
        let Self { work_name, work, finish_name, finisher } = self;
        let Assembly { clock, threads, meters } = assembly;
        let (workers, pass) = match work {
            Work::None(pass) => (Vec::new(), Some(pass)),
            Work::Shared(workers) => (workers, None),
        };
        let count = workers.len().max(1);
        let (jobs, waiting) = bounded::<Job<I>>(count);
        let (done, finished) = bounded::<Done<M>>(count);
        let (ready, output) = bounded(DEPTH);
        let dispatched = done.clone();
        threads.push(spawn("dispatch", move || dispatch(&input, &jobs, pass, &dispatched))?);
        if !workers.is_empty() {
            let meter = Meter::new(work_name, count, (*clock).clone());
            meters.push(meter.clone());
            for (index, worker) in workers.into_iter().enumerate() {
                let (waiting, done, meter) = (waiting.clone(), done.clone(), meter.clone());
                threads.push(spawn(&format!("{work_name}-{index}"), move || {
                    work_on(worker, work_name, &waiting, &done, &meter);
                })?);
            }
        }
        drop((done, waiting));
        let meter = Meter::new(finish_name, 1, (*clock).clone());
        meters.push(meter.clone());
        threads.push(spawn(finish_name, move || finish(finisher, finish_name, &finished, &ready, &meter))?);
        Ok(output)
    }
}

/// Numbers the frames, so that finishing can put them back in order whichever worker is first.
fn dispatch<I, M>(
    input: &Receiver<Event<I>>,
    jobs: &Sender<Job<I>>,
    pass: Option<fn(I) -> M>,
    done: &Sender<Done<M>>,
) {
    for number in 0.. {
        let sent = match (input.recv(), pass) {
            (Ok(Event::Item(item)), None) => jobs.send((number, item)).is_ok(),
            (Ok(Event::Item(item)), Some(pass)) => done.send((number, Ok(pass(item)))).is_ok(),
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

fn work_on<I, M>(
    mut worker: Worker<I, M>,
    name: &'static str,
    waiting: &Receiver<Job<I>>,
    done: &Sender<Done<M>>,
    meter: &Meter,
) {
    while let Ok((number, item)) = meter.starved(|| waiting.recv()) {
        let result = meter.busy(|| guarded(name, || worker(item)));
        let failed = result.is_err();
        let sent = meter.blocked(|| done.send((number, result)).is_ok());
        if !sent || failed {
            return;
        }
    }
}

/// Puts what the workers made back in order and finishes it.
fn finish<M, O>(
    mut finisher: Box<dyn Finish<M, O>>,
    name: &'static str,
    finished: &Receiver<Done<M>>,
    ready: &Sender<Event<O>>,
    meter: &Meter,
) {
    let mut early = BTreeMap::new();
    let mut next = 0;
    let mut out = Vec::new();
    let pass_on = |result: Result<(), Error>, out: &mut Vec<O>| {
        let items = out.drain(..).map(Event::Item).chain(result.err().map(Event::Failed));
        let mut goes_on = true;
        for event in items {
            goes_on &= !matches!(event, Event::Failed(_));
            goes_on &= meter.blocked(|| ready.send(event).is_ok());
        }
        goes_on
    };
    while let Ok((number, result)) = meter.starved(|| finished.recv()) {
        early.insert(number, result);
        while let Some(result) = early.remove(&next) {
            next += 1;
            let result =
                result.and_then(|made| meter.busy(|| guarded(name, || finisher.process(made, &mut out))));
            if !pass_on(result, &mut out) {
                return;
            }
        }
    }
    let result = meter.busy(|| guarded(name, || finisher.end(&mut out)));
    if pass_on(result, &mut out) {
        let _ = ready.send(Event::End);
    }
}
