//! Threads of a stage: named, metered, joined; a panic becomes an error.

use super::clock::Clock;
use super::stats::StageTime;
use crate::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a stage's threads do with their time; shared by them.
pub(super) struct Meter {
    stage: &'static str,
    threads: usize,
    clock: Arc<dyn Clock>,
    busy: AtomicU64,
    starved: AtomicU64,
    blocked: AtomicU64,
}

impl Meter {
    pub(super) fn new(stage: &'static str, threads: usize, clock: Arc<dyn Clock>) -> Arc<Self> {
        let zero = AtomicU64::default;
        Arc::new(Self { stage, threads, clock, busy: zero(), starved: zero(), blocked: zero() })
    }

    /// Counts the time of `work` as busy.
    pub(super) fn busy<R>(&self, work: impl FnOnce() -> R) -> R {
        self.count(&self.busy, work)
    }

    /// Counts the time of `wait` as waiting for input.
    pub(super) fn starved<R>(&self, wait: impl FnOnce() -> R) -> R {
        self.count(&self.starved, wait)
    }

    /// Counts the time of `wait` as waiting for the next stage.
    pub(super) fn blocked<R>(&self, wait: impl FnOnce() -> R) -> R {
        self.count(&self.blocked, wait)
    }

    fn count<R>(&self, counter: &AtomicU64, work: impl FnOnce() -> R) -> R {
        let start = self.clock.now();
        let result = work();
        let spent = self.clock.now().saturating_sub(start);
        counter.fetch_add(u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        result
    }

    pub(super) fn time(&self) -> StageTime {
        let read = |counter: &AtomicU64| Duration::from_nanos(counter.load(Ordering::Relaxed));
        StageTime {
            stage: self.stage,
            threads: self.threads,
            busy: read(&self.busy),
            starved: read(&self.starved),
            blocked: read(&self.blocked),
        }
    }
}

/// The stage whose threads are busy for the largest share of their time.
pub(super) fn bottleneck(stages: &[StageTime]) -> &'static str {
    let load = |stage: &StageTime| stage.busy.as_secs_f64() / stage.threads.max(1) as f64;
    stages.iter().max_by(|a, b| load(a).total_cmp(&load(b))).map_or("none", |stage| stage.stage)
}

/// Starts a named thread.
pub(crate) fn spawn<R: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> R + Send + 'static,
) -> Result<JoinHandle<R>, Error> {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(body)
        .map_err(|error| Error::Thread { stage: name.into(), reason: error.to_string() })
}

/// Runs `work`; a panic becomes an error that names the stage.
pub(crate) fn guarded<R>(stage: &str, work: impl FnOnce() -> Result<R, Error>) -> Result<R, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let message = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".into());
        Err(Error::Panic { stage: stage.into(), message })
    })
}
