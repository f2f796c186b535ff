//! What is told of a session while it runs.

use crate::model::provider::{NetworkReport, Provider};
use std::sync::{Arc, Mutex, PoisonError};

/// Where the nodes of a session's network run; what it tells changes when another provider takes over.
#[derive(Clone, Debug)]
pub struct RunningNetwork(Arc<Mutex<NetworkReport>>);

impl RunningNetwork {
    pub(super) fn new(report: NetworkReport) -> Self {
        Self(Arc::new(Mutex::new(report)))
    }

    /// As of now.
    pub fn report(&self) -> NetworkReport {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The provider and the index of its device as of now, for every run: without a copy of all that is told.
    pub(super) fn place(&self) -> (Provider, Option<u32>) {
        let report = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (report.provider, report.index)
    }

    /// Notes of what went before are kept.
    pub(in crate::model) fn replace(&self, report: NetworkReport, note: String) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut notes = std::mem::take(&mut kept.notes);
        notes.push(note);
        *kept = NetworkReport { notes, ..report };
    }

    pub(in crate::model) fn note(&self, note: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).notes.push(note);
    }
}
