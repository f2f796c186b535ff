//! `framecast run`.

use super::args::RunArgs;
use super::logging;
use super::progress::Reporter;
use clap::ArgMatches;
use framecast::engine;
use framecast::media::Interrupt;
use indicatif::MultiProgress;

/// Exit code of wrong usage.
const USAGE: u8 = 2;

/// Runs the engine and reports; returns the exit code.
pub(super) fn run(arguments: RunArgs, matches: &ArgMatches, interrupt: Interrupt) -> u8 {
    let bars = MultiProgress::new();
    logging::start(arguments.quiet, arguments.verbose, bars.clone());
    let mut reporter = Reporter::new(arguments.quiet, arguments.json, &arguments.output.output, &bars);
    let end = reporter.for_the_end();
    match arguments.into_config(matches) {
        Ok(config) => {
            let observer = Box::new(move |progress: &_| reporter.progress(progress));
            end.end(engine::run(&config, interrupt, observer))
        }
        Err(message) => {
            end.error(&message, USAGE);
            USAGE
        }
    }
}
