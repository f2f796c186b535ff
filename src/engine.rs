//! The engine: what the command line, the C interface and plugins use.

use crate::config::RunConfig;
use crate::error::Error;
use crate::media::Interrupt;
use crate::pipeline::{Progress, Summary};

/// Called from time to time with what has been done so far, a few times per second at most.
pub type Observer = Box<dyn FnMut(&Progress) + Send>;

/// Runs `config` to its end: source, network, sink. Blocks until the output is complete or the run has failed.
///
/// `interrupt` ends the run early with a playable output ([`Summary::interrupted`]).
pub fn run(config: &RunConfig, interrupt: Interrupt, observer: Observer) -> Result<Summary, Error> {
    let _ = (config, interrupt, observer);
    Err(Error::Thread { stage: "engine".into(), reason: "not built yet".into() })
}
