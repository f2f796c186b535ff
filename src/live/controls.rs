//! Switches that a window or a page changes while a run goes on.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What the user wants at the moment. Less may be done where the machine is too slow, see [`Level`](super::Level).
#[derive(Debug)]
pub struct Controls {
    predicts: AtomicBool,
    /// Names of the ways to enlarge, the best one first; the last is plain resampling.
    models: Vec<String>,
    chosen: AtomicUsize,
}

impl Controls {
    /// With prediction, and the first of `models`: the ways to enlarge, the best one first.
    pub const fn new(models: Vec<String>) -> Self {
        Self { predicts: AtomicBool::new(true), models, chosen: AtomicUsize::new(0) }
    }

    /// Whether frames between real ones are predicted; else the newest real one is held.
    pub fn predicts(&self) -> bool {
        self.predicts.load(Ordering::Relaxed)
    }

    /// Turns prediction on or off.
    pub fn set_predicts(&self, predicts: bool) {
        self.predicts.store(predicts, Ordering::Relaxed);
    }

    /// Names of the ways to enlarge, the best one first; the last is plain resampling.
    pub fn models(&self) -> &[String] {
        &self.models
    }

    /// The way that is chosen, as an index of [`Controls::models`].
    pub fn model(&self) -> usize {
        self.chosen.load(Ordering::Relaxed)
    }

    /// Chooses a way; an index beyond the last is the last.
    pub fn set_model(&self, index: usize) {
        self.chosen.store(index.min(self.models.len().saturating_sub(1)), Ordering::Relaxed);
    }
}
