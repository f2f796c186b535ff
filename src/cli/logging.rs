//! Log lines on standard error that do not tear a progress bar.

use indicatif::MultiProgress;
use std::io::{self, Write};
use tracing_subscriber::EnvFilter;

/// Sends logs of `quiet` (errors), 0 (warnings), 1 (info), 2 (debug) or 3 (trace) through `bars`.
/// The variable FRAMECAST_LOG goes before them. From debug on, FFmpeg says its own as well.
pub(super) fn start(quiet: bool, verbose: u8, bars: MultiProgress) {
    let level = match (quiet, verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, 2) => "debug",
        (false, _) => "trace",
    };
    framecast::media::set_library_log_level(verbose > 1);
    // wgpu warns about every driver that it passes over.
    let usual = format!("{level},wgpu_hal=error,wgpu_core=error,naga=error");
    let asked = std::env::var("FRAMECAST_LOG").ok().map(EnvFilter::try_new);
    let (filter, problem) = match asked {
        Some(Ok(filter)) => (filter, None),
        Some(Err(problem)) => (EnvFilter::new(usual), Some(problem)),
        None => (EnvFilter::new(usual), None),
    };
    // A second start, as in tests, changes nothing.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .without_time()
        .with_writer(move || Beside(bars.clone()))
        .try_init();
    if let Some(problem) = problem {
        tracing::warn!(
            "FRAMECAST_LOG is not heeded: {problem}; expected for example info or framecast::media=trace"
        );
    }
}

/// Standard error, with the bars out of the way.
struct Beside(MultiProgress);

impl Write for Beside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
