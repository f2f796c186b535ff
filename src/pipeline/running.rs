//! What really runs the networks of a run.

use crate::model::{NetworkReport, RunningNetwork};

/// All networks of a run, those of every worker, and their thread layout.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running {
    networks: Vec<RunningNetwork>,
    layout: String,
}

impl Running {
    pub(super) fn add(&mut self, networks: impl IntoIterator<Item = RunningNetwork>) {
        self.networks.extend(networks);
    }

    /// Says how many workers there are, of how many threads each.
    pub(super) fn set_layout(&mut self, workers: usize, threads: usize) {
        self.layout = format!("({workers} x {threads} threads)");
    }

    /// As of now; workers whose networks run alike are one entry.
    pub(crate) fn reports(&self) -> Vec<NetworkReport> {
        let mut reports: Vec<NetworkReport> = Vec::new();
        for network in &self.networks {
            let report = network.report();
            if !reports
                .iter()
                .any(|known| NetworkReport { notes: known.notes.clone(), ..report.clone() } == *known)
            {
                reports.push(report);
            }
        }
        reports
    }

    /// For people: provider, precision and nodes of each model, and the thread layout; `None` without a network.
    pub(crate) fn text(&self) -> Option<String> {
        let reports = self.reports();
        let first = reports.first()?;
        let alone = reports.iter().all(|report| report.model == first.model);
        let mut parts: Vec<String> = reports
            .iter()
            .map(|report| if alone { report.to_string() } else { format!("{}: {report}", report.model) })
            .collect();
        parts.dedup();
        Some(format!("{} {}", parts.join("; "), self.layout))
    }

    /// What happened on the way to these providers, each once.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = Vec::new();
        for note in self.networks.iter().flat_map(|network| network.report().notes) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        notes
    }
}
