//! `framecast live`.

use super::live_args::{LiveArgs, WINDOW, is_page};
use super::progress::JsonTarget;
use super::summary::network_event;
use super::{interrupt, logging, say, say_error};
use clap::ArgMatches;
use framecast::error::{ConfigError, Error};
#[cfg(feature = "window")]
use framecast::live::window::{WindowLoop, WindowOptions};
use framecast::live::{
    Live, LiveConfig, LiveObserver, LiveStatistics, MetricsServer, Output, OutputCount, WebOutput,
};
use framecast::media::Interrupt;
use framecast::model::{NetworkReport, RunningNetwork};
use indicatif::MultiProgress;
use serde_json::json;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Exit code of wrong usage.
const USAGE: u8 = 2;
/// Between two lines of text.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// How a live run reports.
#[derive(Clone, Copy)]
enum Report {
    Quiet,
    Text,
    Json(JsonTarget),
}

/// Runs and reports; returns the exit code.
pub(super) fn run(arguments: LiveArgs, matches: &ArgMatches, interrupt: Interrupt) -> u8 {
    logging::start(arguments.quiet, arguments.verbose, MultiProgress::new());
    let is_piped = arguments.output.iter().any(|output| output == "-");
    let report = match (arguments.quiet, arguments.json) {
        (true, _) => Report::Quiet,
        (false, true) if is_piped => Report::Json(JsonTarget::Error),
        (false, true) => Report::Json(JsonTarget::Output),
        (false, false) => Report::Text,
    };
    let extras = Extras {
        has_window: arguments.output.iter().any(|output| output == WINDOW),
        pages: arguments.output.iter().filter(|output| is_page(output)).cloned().collect(),
        web_token: arguments.web_token.clone(),
        metrics: arguments.metrics.clone(),
    };
    match arguments.into_config(matches) {
        Ok(config) => match show(config, &extras, &interrupt, report) {
            Ok(Ended { statistics, networks, failure }) => {
                let is_interrupted = failure.is_none() && interrupt.is_triggered();
                let code = if is_interrupted { interrupt::EXIT_CODE } else { 0 };
                let code = report.summary(&statistics, &networks, code);
                failure.map_or(code, |error| report.failure(&error))
            }
            Err(error) => report.failure(&error),
        },
        Err(message) => {
            report.error(&message, USAGE);
            USAGE
        }
    }
}

/// What is served beside the encoded outputs.
struct Extras {
    has_window: bool,
    pages: Vec<String>,
    web_token: Option<String>,
    metrics: Option<String>,
}

impl Extras {
    /// What is wrong with an address is told before a camera is opened.
    fn check_addresses(&self) -> Result<(), ConfigError> {
        let page = |page: &String| WebOutput::parse_address(page).map(|address| (page.clone(), address));
        let mut servers = self.pages.iter().map(page).collect::<Result<Vec<_>, _>>()?;
        if let Some(metrics) = &self.metrics {
            servers.push((format!("--metrics {metrics}"), MetricsServer::parse_address(metrics)?));
        }
        for (index, (name, address)) in servers.iter().enumerate() {
            let before = servers.iter().take(index);
            if let Some((other, _)) = before.into_iter().find(|(_, other)| is_taken(*address, *other)) {
                return Err(ConfigError {
                    setting: "--output".into(),
                    expected: "a port of its own for each page and for metrics, such as web:8081".into(),
                    found: format!("{other} and {name}, both at port {}", address.port()),
                });
            }
        }
        Ok(())
    }
}

/// Whether who listens at one address keeps others from the other one; port 0 is any free one.
fn is_taken(address: SocketAddr, other: SocketAddr) -> bool {
    let is_everywhere = address.ip().is_unspecified() || other.ip().is_unspecified();
    address.port() != 0 && address.port() == other.port() && (is_everywhere || address.ip() == other.ip())
}

/// A run that had begun.
struct Ended {
    statistics: LiveStatistics,
    networks: Vec<NetworkReport>,
    failure: Option<Error>,
}

fn show(config: LiveConfig, extras: &Extras, interrupt: &Interrupt, report: Report) -> Result<Ended, Error> {
    extras.check_addresses()?;
    let title = format!("framecast: {}", config.input);
    let mut live = Live::open(config, interrupt.clone())?;
    for page in &extras.pages {
        let token = extras.web_token.as_deref();
        let output = WebOutput::start(page, token, live.format(), live.controls(), live.statistics())?;
        report.tell(&format!("shown at {}", output.name()));
        live.add_output(Box::new(output));
    }
    let metrics = extras.metrics.as_deref().map(|address| MetricsServer::start(address, live.statistics()));
    let metrics = metrics.transpose()?;
    if let Some(metrics) = &metrics {
        report.tell(&format!("metrics at http://{}/metrics", metrics.address()));
    }
    for note in live.notes() {
        tracing::warn!("{note}");
    }
    let (networks, board) = (live.networks(), live.statistics());
    let ended = if extras.has_window {
        in_window(live, title, interrupt, report)
    } else {
        live.run(observer(report))
    };
    Ok(Ended {
        statistics: board.read(),
        networks: networks.iter().map(RunningNetwork::report).collect(),
        failure: ended.err(),
    })
}

/// The window needs the main thread, so the run has another one.
#[cfg(feature = "window")]
fn in_window(
    mut live: Live,
    title: String,
    interrupt: &Interrupt,
    report: Report,
) -> Result<LiveStatistics, Error> {
    let options = WindowOptions {
        title,
        format: live.format().clone(),
        controls: live.controls(),
        statistics: live.statistics(),
        interrupt: interrupt.clone(),
        screenshots: std::env::current_dir().unwrap_or_default(),
    };
    let (window, output) = WindowLoop::new(options)?;
    live.add_output(Box::new(output));
    let failed = |reason: String| Error::Thread { stage: "live".into(), reason };
    let run = std::thread::Builder::new().name("live".into()).spawn(move || live.run(observer(report)));
    let run = run.map_err(|error| failed(error.to_string()))?;
    let shown = window.run();
    if shown.is_err() {
        interrupt.trigger();
    }
    let ended = run.join().unwrap_or_else(|_| Err(failed("the thread ended without a result".into())));
    shown.and(ended)
}

#[cfg(not(feature = "window"))]
fn in_window(_: Live, _: String, _: &Interrupt, _: Report) -> Result<LiveStatistics, Error> {
    Err(ConfigError {
        setting: "-o window".into(),
        expected: "a build with the feature window".into(),
        found: "one without it".into(),
    }
    .into())
}

fn observer(report: Report) -> LiveObserver {
    let mut told = Instant::now();
    Box::new(move |statistics| match report {
        Report::Quiet => {}
        Report::Json(target) => target.write(&event("statistics", statistics)),
        Report::Text if told.elapsed() < LINE_EVERY => {}
        Report::Text => {
            told = Instant::now();
            say(&line(statistics));
        }
    })
}

impl Report {
    /// Something that the user needs now.
    fn tell(self, message: &str) {
        match self {
            Self::Quiet => {}
            Self::Json(target) => target.write(&json!({ "event": "note", "message": message })),
            Self::Text => say(message),
        }
    }

    /// Tells what a run did that ends with `code`; returns the exit code.
    fn summary(self, statistics: &LiveStatistics, networks: &[NetworkReport], code: u8) -> u8 {
        match self {
            Self::Quiet => code,
            Self::Json(target) => {
                let mut event = event("summary", statistics);
                if let Some(fields) = event.as_object_mut() {
                    fields.insert("providers".into(), networks.iter().map(network_event).collect());
                }
                target.write_summary(&event, code)
            }
            Self::Text => {
                say(&line(statistics));
                for network in networks {
                    say(&format!("{} on {network}", network.model));
                    network.notes.iter().for_each(|note| say(note));
                }
                statistics.outputs.iter().for_each(|output| say(&output_line(output)));
                code
            }
        }
    }

    /// Tells what ended the run; gives its exit code.
    fn failure(self, error: &Error) -> u8 {
        self.error(&error.to_string(), error.exit_code());
        error.exit_code()
    }

    fn error(self, message: &str, exit_code: u8) {
        if let Self::Json(target) = self {
            target.write(&json!({ "event": "error", "message": message, "exit_code": exit_code }));
        }
        if !matches!(self, Self::Json(JsonTarget::Error)) {
            say_error(message);
        }
    }
}

fn event(name: &str, statistics: &LiveStatistics) -> serde_json::Value {
    let mut event = json!({ "event": name });
    if let (Some(event), Ok(serde_json::Value::Object(fields))) =
        (event.as_object_mut(), serde_json::to_value(statistics))
    {
        event.extend(fields);
    }
    event
}

fn output_line(output: &OutputCount) -> String {
    let OutputCount { name, shown, dropped, packets_dropped, failure } = output;
    let lost = match packets_dropped {
        0 => String::new(),
        lost => format!(", {lost} packets of other streams lost"),
    };
    let failure = failure.as_ref().map_or_else(String::new, |failure| {
        format!("; it failed: {}", failure.strip_prefix(&format!("{name}: ")).unwrap_or(failure))
    });
    format!("{name}: {shown} shown, {dropped} missed{lost}{failure}")
}

fn line(statistics: &LiveStatistics) -> String {
    let LiveStatistics { seconds, fps_in, fps_out, real, predicted, interpolated, held, .. } = statistics;
    let latency = &statistics.latency;
    let made = predicted + interpolated;
    let hit = statistics.hit_rate.map_or_else(String::new, |rate| format!(" ({:.0} % hit)", 100.0 * rate));
    let level = match statistics.level.as_str() {
        "full" | "" => String::new(),
        level => format!(", {level}"),
    };
    format!(
        "{seconds:.0} s, {fps_in:.1} -> {fps_out:.1} fps, latency {:.0} ms (p95 {:.0}, p99 {:.0}), \
         {real} real, {made} of motion{hit}, {held} held, {} dropped, {} missed{level}",
        latency.p50, latency.p95, latency.p99, statistics.frames_dropped, statistics.missed,
    )
}
