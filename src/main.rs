//! The command line of framecast.

mod cli;

use anyhow::Context;
use clap::{CommandFactory, FromArgMatches};
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::refuse_telemetry();
    match start() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            cli::say_error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Parses the arguments (ending the process at `--help` and on wrong usage) and carries the command out.
fn start() -> anyhow::Result<u8> {
    let matches = cli::Cli::command().try_get_matches().unwrap_or_else(|error| cli::refuse(error));
    let arguments = cli::Cli::from_arg_matches(&matches).unwrap_or_else(|error| cli::refuse(error));
    let interrupt =
        cli::watch_signals(arguments.has_output_to_finish()).context("cannot watch for signals")?;
    Ok(cli::dispatch(arguments, &matches, interrupt))
}
