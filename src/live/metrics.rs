//! Statistics in the text format of Prometheus.

use super::http::{Body, Guard, Method, Response, Server, listen, local_address, parse_address};
use super::{LiveStatistics, SourceState, StatisticsBoard};
use crate::error::{ConfigError, Error};
use std::borrow::Cow;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

/// The port, if none is given: the usual one of Prometheus exporters that are libraries.
const PORT: u16 = 9464;
const NAME: &str = "metrics";
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Serves the statistics of a live run to Prometheus at `/metrics`, until it is dropped.
///
/// Metrics hold no pictures and change nothing, so that an address which other machines can reach needs no token.
pub struct MetricsServer(Server);

impl std::fmt::Debug for MetricsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MetricsServer({})", self.address())
    }
}

impl MetricsServer {
    /// Reads what [`MetricsServer::start`] takes.
    ///
    /// # Errors
    /// If it is no address.
    pub fn parse_address(address: &str) -> Result<SocketAddr, ConfigError> {
        parse_address(NAME, address, PORT)
    }

    /// Starts to serve at `PORT`, `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`; by default 127.0.0.1 and 9464. Port 0
    /// is any free one.
    ///
    /// # Errors
    /// [`Error::Config`] if the address cannot be read, [`Error::Media`] if it cannot be had, [`Error::Thread`] if no
    /// thread can be started.
    pub fn start(address: &str, statistics: Arc<StatisticsBoard>) -> Result<Self, Error> {
        let listener = listen(NAME, Self::parse_address(address)?)?;
        let guard = Guard::new(local_address(NAME, &listener)?, None)?;
        let server = Server::start(NAME, listener, move |request| match guard.check(request) {
            Err(refusal) => refusal,
            Ok(_) if (request.method, request.path.as_str()) == (Method::Get, "/metrics") => {
                let text = metrics_text(&statistics.read());
                Response::new(CONTENT_TYPE, Body::Whole(Cow::Owned(text.into_bytes())))
            }
            Ok(_) => Response::text(404, "metrics are at /metrics"),
        })?;
        Ok(Self(server))
    }

    /// Where it listens, its port the real one.
    pub const fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

/// The statistics as Prometheus reads them: times in seconds, memory in bytes, shares from 0 to 1. What is not known
/// (a hit rate without predictions) is left out.
pub fn metrics_text(statistics: &LiveStatistics) -> String {
    let mut text = Exposition::default();
    put_counts(&mut text, statistics);
    put_rates(&mut text, statistics);
    put_latencies(&mut text, statistics);
    put_states(&mut text, statistics);
    put_outputs(&mut text, statistics);
    text.0
}

fn put_counts(text: &mut Exposition, now: &LiveStatistics) {
    text.count("frames_in_total", "Frames that came from the source.", now.frames_in);
    text.count("frames_lost_total", "Frames that never came: gaps in the time stamps.", now.frames_lost);
    let help = "Frames that came and were left out, because those before took too long.";
    text.count("frames_dropped_total", help, now.frames_dropped);
    text.family("frames_out_total", "counter", "Pictures shown, by what they are made of.");
    let contents = [
        ("real", now.real),
        ("predicted", now.predicted),
        ("interpolated", now.interpolated),
        ("held", now.held),
    ];
    for (content, count) in contents {
        text.sample("frames_out_total", &[("content", content)], count as f64);
    }
    text.count("ticks_missed_total", "Ticks at which nothing was shown.", now.missed);
    text.count("source_reconnects_total", "Times that the source was opened again.", now.reconnects);
    let help = "Times that more was left out because the machine was too slow.";
    text.count("degradations_total", help, now.degradations);
}

fn put_rates(text: &mut Exposition, now: &LiveStatistics) {
    text.gauge("uptime_seconds", "Time since the run began.", Some(now.seconds));
    text.gauge("input_frames_per_second", "Frames that came lately.", Some(now.fps_in));
    text.gauge("output_frames_per_second", "Pictures that were shown lately.", Some(now.fps_out));
    let help = "Share of predictions that were nearer to the real frame than the frame before.";
    text.gauge("prediction_hit_ratio", help, now.hit_rate);
    let help = "Share of pixels of predicted pictures that were the newest real frame's own.";
    text.gauge("prediction_gated_ratio", help, now.gated);
    text.gauge("resident_memory_bytes", "Resident memory.", Some(now.memory as f64));
    text.gauge("cpu_cores", "Processor time per second of the last seconds.", Some(now.cores));
}

fn put_latencies(text: &mut Exposition, now: &LiveStatistics) {
    let latency = now.latency;
    let quantiles = |of: super::Percentiles| {
        [("0.5", of.p50), ("0.95", of.p95), ("0.99", of.p99), ("1", of.max)].map(|(at, ms)| (at, ms / 1e3))
    };
    text.family(
        "latency_seconds",
        "gauge",
        "From capture to hand-over since the warm-up; quantile 1 is the longest.",
    );
    for (quantile, seconds) in quantiles(latency) {
        text.sample("latency_seconds", &[("quantile", quantile)], seconds);
    }
    let help = "The delay that the run aims at.";
    text.gauge("latency_target_seconds", help, Some(now.target_latency / 1e3));
    text.family(
        "stage_seconds",
        "gauge",
        "Time of a stage for a frame since the warm-up; quantile 1 is the longest.",
    );
    for stage in &now.stages {
        for (quantile, seconds) in quantiles(stage.milliseconds) {
            text.sample("stage_seconds", &[("stage", &stage.stage), ("quantile", quantile)], seconds);
        }
    }
}

fn put_states(text: &mut Exposition, now: &LiveStatistics) {
    text.family("source_state", "gauge", "1 for what the source is doing, else 0.");
    let states = [
        ("waiting", SourceState::Waiting),
        ("live", SourceState::Live),
        ("reconnecting", SourceState::Reconnecting),
        ("ended", SourceState::Ended),
    ];
    for (name, state) in states {
        text.sample("source_state", &[("state", name)], f64::from(u8::from(now.source == state)));
    }
    text.family(
        "level_info",
        "gauge",
        "How much is left out because the machine is too slow; full is nothing.",
    );
    text.sample("level_info", &[("level", &now.level)], 1.0);
    text.family("model_info", "gauge", "The way that frames are enlarged at the moment.");
    text.sample("model_info", &[("model", &now.model)], 1.0);
    let help = "1 if frames between real ones are predicted at the moment, else 0.";
    text.gauge("prediction_enabled", help, Some(f64::from(u8::from(now.predicts))));
}

fn put_outputs(text: &mut Exposition, now: &LiveStatistics) {
    text.family("output_shown_total", "counter", "Pictures that an output has shown.");
    for output in &now.outputs {
        text.sample("output_shown_total", &[("output", &output.name)], output.shown as f64);
    }
    text.family("output_dropped_total", "counter", "Pictures that an output missed because it was too slow.");
    for output in &now.outputs {
        text.sample("output_dropped_total", &[("output", &output.name)], output.dropped as f64);
    }
    let help = "Packets of sound and other streams that an output missed because it was too slow.";
    text.family("output_packets_dropped_total", "counter", help);
    for output in &now.outputs {
        let dropped = output.packets_dropped as f64;
        text.sample("output_packets_dropped_total", &[("output", &output.name)], dropped);
    }
    text.family("output_up", "gauge", "1 if the output works, 0 if it has failed.");
    for output in &now.outputs {
        let is_up = f64::from(u8::from(output.failure.is_none()));
        text.sample("output_up", &[("output", &output.name)], is_up);
    }
}

/// Lines of the text format; names get the prefix `framecast_`.
#[derive(Default)]
struct Exposition(String);

impl Exposition {
    fn count(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", help);
        self.sample(name, &[], value as f64);
    }

    fn gauge(&mut self, name: &str, help: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.family(name, "gauge", help);
            self.sample(name, &[], value);
        }
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP framecast_{name} {help}\n# TYPE framecast_{name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.0, "framecast_{name}");
        for (index, (label, text)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{label}=\"{}\"", escaped(text));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{after} {value}");
    }
}

/// Text inside a label's quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
