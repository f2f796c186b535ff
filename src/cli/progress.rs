//! What a run says on its way: a bar, plain lines or JSON.

use super::answer::unanswered;
use super::summary;
use framecast::error::Error;
use framecast::pipeline::{Progress, Summary};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Time between two plain lines.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// How a run reports.
pub(super) enum Reporter {
    /// Errors only.
    Quiet,
    /// A bar on a terminal.
    Bar(ProgressBar),
    /// A line every few seconds.
    Plain {
        /// When the last line was written.
        last: Instant,
    },
    /// JSON lines.
    Json(JsonTarget),
}

/// Where JSON lines go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum JsonTarget {
    /// Standard output.
    Output,
    /// Standard error, because standard output carries the video.
    Error,
}

impl Reporter {
    /// The reporter for these wishes. A bar is added to `bars`.
    pub(super) fn new(quiet: bool, json: bool, output: &str, bars: &MultiProgress) -> Self {
        match (quiet, json) {
            (true, _) => Self::Quiet,
            (false, true) if output == "-" => Self::Json(JsonTarget::Error),
            (false, true) => Self::Json(JsonTarget::Output),
            (false, false) if io::stderr().is_terminal() => Self::Bar(bars.add(new_bar())),
            (false, false) => Self::Plain { last: Instant::now() },
        }
    }

    /// A second one for the end of the run, while the first one is with the engine.
    pub(super) fn for_the_end(&self) -> Self {
        match self {
            Self::Quiet => Self::Quiet,
            Self::Bar(bar) => Self::Bar(bar.clone()),
            Self::Plain { last } => Self::Plain { last: *last },
            Self::Json(target) => Self::Json(*target),
        }
    }

    /// Tells what has been done so far.
    pub(super) fn progress(&mut self, progress: &Progress) {
        match self {
            Self::Quiet => {}
            Self::Bar(bar) => update(bar, progress),
            Self::Plain { last } if last.elapsed() < PLAIN_INTERVAL => {}
            Self::Plain { last } => {
                *last = Instant::now();
                super::say(&plain_line(progress));
            }
            Self::Json(target) => target.write(&progress_event(progress)),
        }
    }

    /// Tells what happened in a run that ended, and returns the exit code.
    fn summary(&self, result: &Summary) -> u8 {
        self.clear();
        let code = if result.interrupted { super::interrupt::EXIT_CODE } else { 0 };
        match self {
            Self::Quiet => code,
            Self::Json(target) => target.write_summary(&summary::event(result), code),
            Self::Bar(_) | Self::Plain { .. } => {
                let _ = io::stderr().write_all(summary::text(result).as_bytes());
                code
            }
        }
    }

    /// Tells that the reader of the output went away, which is a clean end without a summary.
    pub(super) fn closed(&self) {
        self.clear();
        match self {
            Self::Quiet => {}
            Self::Json(target) => target.write(&json!({ "event": "closed", "exit_code": 0 })),
            Self::Bar(_) | Self::Plain { .. } => super::say("the reader of the output closed it"),
        }
    }

    /// Tells why a run failed.
    pub(super) fn error(&self, message: &str, exit_code: u8) {
        self.clear();
        if let Self::Json(target) = self {
            target.write(&json!({ "event": "error", "message": message, "exit_code": exit_code }));
        }
        if !matches!(self, Self::Json(JsonTarget::Error)) {
            super::say_error(message);
        }
    }

    /// Tells the end of a run in the way that it ended, and returns the exit code.
    pub(super) fn end(&self, result: Result<Summary, Error>) -> u8 {
        match result {
            Ok(result) => self.summary(&result),
            Err(error) if error.exit_code() == 0 => {
                self.closed();
                0
            }
            Err(error) => {
                self.error(&error.to_string(), error.exit_code());
                error.exit_code()
            }
        }
    }

    fn clear(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

impl JsonTarget {
    /// Writes one line. That it cannot be written is no reason to stop.
    pub(super) fn write(self, event: &Value) {
        let _ = self.try_write(event);
    }

    /// Writes the summary of a run that ends with `code`. Returns the exit code: what was asked for as JSON and cannot be
    /// written is no success.
    pub(super) fn write_summary(self, event: &Value, code: u8) -> u8 {
        match (self, self.try_write(event)) {
            (Self::Output, Err(error)) => unanswered(&error, code),
            _ => code,
        }
    }

    fn try_write(self, event: &Value) -> io::Result<()> {
        match self {
            Self::Output => writeln!(io::stdout(), "{event}"),
            Self::Error => writeln!(io::stderr(), "{event}"),
        }
    }
}

fn new_bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    bar.set_style(
        ProgressStyle::with_template("{spinner} {elapsed_precise} {pos} frames {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar
}

fn update(bar: &ProgressBar, progress: &Progress) {
    if let Some(estimate) = progress.frame_estimate
        && bar.length().is_none()
    {
        bar.set_length(estimate);
        bar.set_style(
            ProgressStyle::with_template("{elapsed_precise} [{bar:30}] {pos}/{len} frames {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
    }
    bar.set_position(progress.frames);
    bar.set_message(pace(progress));
}

fn plain_line(progress: &Progress) -> String {
    match progress.frame_estimate {
        Some(estimate) => format!("{}/{estimate} frames, {}", progress.frames, pace(progress)),
        None => format!("{} frames, {}", progress.frames, pace(progress)),
    }
}

fn pace(progress: &Progress) -> String {
    let left = match progress.remaining {
        Some(left) => format!(", {} s left", left.as_secs()),
        None => String::new(),
    };
    format!(
        "{:.1} fps, {:.2} x real time{left}, bottleneck {}",
        progress.frames_per_second, progress.real_time_factor, progress.bottleneck
    )
}

fn progress_event(progress: &Progress) -> Value {
    json!({
        "event": "progress",
        "frames": progress.frames,
        "frame_estimate": progress.frame_estimate,
        "elapsed_seconds": progress.elapsed.as_secs_f64(),
        "fps": progress.frames_per_second,
        "real_time_factor": progress.real_time_factor,
        "eta_seconds": progress.remaining.map(|left| left.as_secs_f64()),
        "bottleneck": progress.bottleneck,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(frame_estimate: Option<u64>) -> Progress {
        Progress {
            frames: 50,
            frame_estimate,
            elapsed: Duration::from_millis(2500),
            frames_per_second: 20.0,
            real_time_factor: 0.8,
            remaining: frame_estimate.map(|_| Duration::from_millis(4100)),
            bottleneck: "upscale",
        }
    }

    #[test]
    fn lines_hold_what_is_known() {
        let known = plain_line(&progress(Some(132)));
        assert_eq!(known, "50/132 frames, 20.0 fps, 0.80 x real time, 4 s left, bottleneck upscale");
        let unknown = plain_line(&progress(None));
        assert_eq!(unknown, "50 frames, 20.0 fps, 0.80 x real time, bottleneck upscale");
    }

    #[test]
    fn events_hold_everything() {
        let event = progress_event(&progress(Some(132)));
        assert_eq!(event["event"], "progress");
        assert_eq!(event["frames"], 50);
        assert_eq!(event["eta_seconds"], 4.1);
        assert!(progress_event(&progress(None))["frame_estimate"].is_null());
    }

    #[test]
    fn json_leaves_standard_output_to_a_piped_video() {
        let bars = MultiProgress::new();
        let target = |output| Reporter::new(false, true, output, &bars);
        assert!(matches!(target("-"), Reporter::Json(JsonTarget::Error)));
        assert!(matches!(target("a.mkv"), Reporter::Json(JsonTarget::Output)));
    }
}
