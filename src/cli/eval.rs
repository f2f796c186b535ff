//! `framecast eval`.

use super::answer::print;
use super::eval_args::{EvalArgs, Task};
use super::{eval_table, logging};
use framecast::error::{Error, MediaError};
use framecast::media::Interrupt;
use framecast::quality::{self, EvalProgress};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::json;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Exit code of wrong usage.
const USAGE: u8 = 2;
/// Time between two lines of progress.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// Evaluates and reports; returns the exit code.
pub(super) fn run(arguments: EvalArgs, interrupt: &Interrupt) -> u8 {
    let bars = MultiProgress::new();
    logging::start(arguments.quiet, arguments.verbose, bars.clone());
    let (is_json, progress) = (arguments.json, Reporter::new(arguments.quiet, &bars));
    let (html, overwrite) = (arguments.html.clone(), arguments.overwrite);
    let output = Output { is_json, html, overwrite };
    let result = match arguments.into_task() {
        Ok(task) => carry_out(task, &output, &progress, interrupt),
        Err(message) => return fail(&message, USAGE, is_json),
    };
    progress.clear();
    match result {
        Ok(()) => 0,
        Err(error) if error.exit_code() == 0 => 0,
        Err(error) => fail(&error.to_string(), error.exit_code(), is_json),
    }
}

/// What is written.
struct Output {
    is_json: bool,
    html: Option<PathBuf>,
    overwrite: bool,
}

fn carry_out(task: Task, output: &Output, progress: &Reporter, interrupt: &Interrupt) -> Result<(), Error> {
    let text = match task {
        Task::Evaluate(config) => {
            if let Some(path) = &output.html {
                quality::check_html(path, &config.reference, output.overwrite)?;
            }
            let report = quality::evaluate(&config, interrupt, &|at| progress.tell(at))?;
            if let Some(path) = &output.html {
                quality::write_html(&report, path)?;
            }
            if output.is_json { json_text(&report)? } else { eval_table::report(&report) }
        }
        Task::Motion(config) => {
            if let Some(path) = &output.html {
                quality::check_html(path, &config.reference, output.overwrite)?;
            }
            let tell =
                |done, count| progress.tell(EvalProgress { phase: "making frames of motion", done, count });
            let report = quality::evaluate_motion(&config, interrupt, &tell)?;
            if let Some(path) = &output.html {
                quality::write_motion_html(&report, path)?;
            }
            if output.is_json { json_text(&report)? } else { eval_table::motion(&report) }
        }
        Task::Compare(config) => {
            let tell = |done| progress.tell(EvalProgress { phase: "comparing", done, count: 0 });
            let comparison = quality::compare(&config, interrupt, &tell)?;
            if output.is_json { json_text(&comparison)? } else { eval_table::comparison(&comparison) }
        }
    };
    progress.clear();
    print(&text)
}

fn json_text(value: &impl Serialize) -> Result<String, Error> {
    let text = serde_json::to_string(value).map_err(|error| MediaError::Output {
        output: "-".into(),
        problem: format!("the scores cannot be written as JSON: {error}"),
        remedy: "leave --json out".into(),
    })?;
    Ok(text + "\n")
}

fn fail(message: &str, exit_code: u8, is_json: bool) -> u8 {
    if is_json {
        let event = json!({ "event": "error", "message": message, "exit_code": exit_code });
        let _ = writeln!(io::stdout(), "{event}");
    }
    super::say_error(message);
    exit_code
}

/// Tells how far the work is, on standard error.
enum Reporter {
    Quiet,
    Bar(ProgressBar),
    Plain(Mutex<Instant>),
}

impl Reporter {
    fn new(quiet: bool, bars: &MultiProgress) -> Self {
        if quiet {
            return Self::Quiet;
        }
        if !io::stderr().is_terminal() {
            return Self::Plain(Mutex::new(Instant::now()));
        }
        let bar = bars.add(ProgressBar::no_length());
        bar.set_style(
            ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        Self::Bar(bar)
    }

    fn tell(&self, at: EvalProgress) {
        let text = match at.count {
            0 => format!("{} {}", at.phase, at.done),
            count => format!("{} {}/{count}", at.phase, at.done),
        };
        match self {
            Self::Quiet => {}
            Self::Bar(bar) => bar.set_message(text),
            Self::Plain(last) => {
                let Ok(mut last) = last.lock() else { return };
                if last.elapsed() >= PLAIN_INTERVAL {
                    *last = Instant::now();
                    super::say(&text);
                }
            }
        }
    }

    fn clear(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
