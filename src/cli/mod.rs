//! Arguments in, messages out. The library does the work.

mod answer;
mod args;
mod devices;
mod doctor;
mod eval;
mod eval_args;
mod eval_table;
mod execution_args;
mod ffi_environment;
mod input_args;
mod interrupt;
mod live;
mod live_args;
mod logging;
mod models;
mod models_args;
mod models_import;
mod models_text;
mod output_args;
mod processing_args;
mod progress;
mod run;
mod summary;
mod usage;
mod value;

pub(crate) use args::Cli;
pub(crate) use ffi_environment::refuse_telemetry;
pub(crate) use interrupt::watch as watch_signals;
pub(crate) use usage::refuse;

use args::Command;
use clap::ArgMatches;
use framecast::media::Interrupt;
use std::io::Write;

/// Carries the command out and returns the exit code.
pub(crate) fn dispatch(cli: Cli, matches: &ArgMatches, interrupt: Interrupt) -> u8 {
    match (cli.command, matches.subcommand()) {
        (Command::Run(arguments), Some((_, matches))) => run::run(*arguments, matches, interrupt),
        (Command::Devices(arguments), _) => devices::devices(&arguments),
        (Command::Doctor(arguments), _) => doctor::doctor(&arguments),
        (Command::Eval(arguments), _) => eval::run(*arguments, &interrupt),
        (Command::Live(arguments), Some((_, matches))) => live::run(*arguments, matches, interrupt),
        (Command::Run(_) | Command::Live(_), None) => 2,
        (Command::Models(arguments), _) => models::models(arguments.command),
    }
}

/// Writes the one line that says why a command failed.
pub(crate) fn say_error(message: &str) {
    say(&format!("error: {message}"));
}

/// Writes a line for people. A closed standard error is no reason to stop.
fn say(message: &str) {
    let _ = writeln!(std::io::stderr(), "framecast: {message}");
}
