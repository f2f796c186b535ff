//! Metrics of a live run: Prometheus can read them, and they are the run's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail loudly"
)]

use framecast::live::{
    LiveStatistics, MetricsServer, OutputCount, Percentiles, SourceState, StageLatency, StatisticsBoard,
    metrics_text,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

type Labels = BTreeMap<String, String>;

#[test]
fn metrics_follow_the_text_format() {
    let samples = parse(&metrics_text(&statistics()));
    let value = |name: &str, labels: &[(&str, &str)]| {
        let labels: Labels =
            labels.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        samples.get(&(format!("framecast_{name}"), labels)).copied()
    };
    assert_eq!(value("frames_in_total", &[]), Some(300.0));
    assert_eq!(value("frames_out_total", &[("content", "real")]), Some(298.0));
    assert_eq!(value("frames_out_total", &[("content", "predicted")]), Some(280.0));
    assert_eq!(value("frames_out_total", &[("content", "interpolated")]), Some(0.0));
    assert_eq!(value("frames_dropped_total", &[]), Some(2.0));
    assert_eq!(value("latency_seconds", &[("quantile", "0.95")]), Some(0.035));
    assert_eq!(value("latency_seconds", &[("quantile", "1")]), Some(0.08));
    assert_eq!(value("stage_seconds", &[("stage", "upscale"), ("quantile", "0.5")]), Some(0.02));
    assert_eq!(value("resident_memory_bytes", &[]), Some(1e9));
    assert_eq!(value("source_state", &[("state", "reconnecting")]), Some(1.0));
    assert_eq!(value("source_state", &[("state", "live")]), Some(0.0));
    assert_eq!(value("level_info", &[("level", "no prediction")]), Some(1.0));
    assert_eq!(value("source_reconnects_total", &[]), Some(3.0));
    assert_eq!(value("prediction_hit_ratio", &[]), Some(0.9));
    assert_eq!(value("prediction_gated_ratio", &[]), None);
    assert_eq!(value("output_dropped_total", &[("output", "http://127.0.0.1:8080/")]), Some(5.0));
    assert_eq!(value("output_packets_dropped_total", &[("output", "http://127.0.0.1:8080/")]), Some(7.0));
    assert_eq!(value("output_up", &[("output", ODD_NAME)]), Some(0.0));
}

const ODD_NAME: &str = "C:\\new \"folder\"\nü,}{=";

#[test]
fn label_values_are_escaped() {
    let text = metrics_text(&statistics());
    assert!(text.contains("framecast_output_up{output=\"C:\\\\new \\\"folder\\\"\\nü,}{=\"} 0\n"), "{text}");
}

#[test]
fn the_server_gives_them_under_one_path_only() {
    let board = Arc::new(StatisticsBoard::default());
    board.update(|now| *now = statistics());
    let server = MetricsServer::start("0", Arc::clone(&board)).unwrap();
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let fetch = |path: &str| agent.get(format!("http://{}{path}", server.address())).call().unwrap();
    let mut answer = fetch("/metrics");
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert!(!parse(&answer.body_mut().read_to_string().unwrap()).is_empty());
    assert_eq!(fetch("/").status(), 404);
    let foreign =
        agent.get(format!("http://{}/metrics", server.address())).header("Host", "attacker.example");
    assert_eq!(foreign.call().unwrap().status(), 403);
    let address = server.address();
    drop(server);
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn addresses_of_other_machines_must_be_asked_for() {
    let board = Arc::new(StatisticsBoard::default());
    let server = MetricsServer::start("0.0.0.0:0", Arc::clone(&board)).unwrap();
    assert!(server.address().ip().is_unspecified());
    let error = MetricsServer::start("everywhere", board).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().starts_with("metrics: expected a port"), "{error}");
}

fn statistics() -> LiveStatistics {
    let latency = Percentiles { p50: 20.0, p95: 35.0, p99: 50.0, max: 80.0 };
    LiveStatistics {
        frames_in: 300,
        frames_out: 580,
        frames_dropped: 2,
        real: 298,
        predicted: 280,
        held: 2,
        reconnects: 3,
        source: SourceState::Reconnecting,
        hit_rate: Some(0.9),
        latency,
        stages: vec![StageLatency { stage: "upscale".to_owned(), milliseconds: latency }],
        level: "no prediction".to_owned(),
        model: "live-x2".to_owned(),
        memory: 1_000_000_000,
        outputs: vec![
            OutputCount {
                name: "http://127.0.0.1:8080/".to_owned(),
                shown: 575,
                dropped: 5,
                packets_dropped: 7,
                failure: None,
            },
            OutputCount {
                name: ODD_NAME.to_owned(),
                failure: Some("gone".to_owned()),
                ..OutputCount::default()
            },
        ],
        ..LiveStatistics::default()
    }
}

/// Samples of a text, checked by the rules of the format: each family is told once, with help and type, before its
/// samples, which stand together; names are legal; counters end in `_total`; no sample comes twice.
fn parse(text: &str) -> BTreeMap<(String, Labels), f64> {
    assert!(text.ends_with('\n'));
    let mut samples = BTreeMap::new();
    let mut families = BTreeSet::new();
    let mut family = String::new();
    let mut helped = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help text");
            assert!(!help.is_empty() && is_name(name), "{line}");
            helped = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert_eq!(name, helped, "{line}");
            assert!(matches!(kind, "counter" | "gauge"), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert!(families.insert(name.to_owned()), "{name} comes twice");
            family = name.to_owned();
        } else {
            let (name, labels, value) = sample(line);
            assert_eq!(name, family, "{line}");
            assert!(samples.insert((name, labels), value).is_none(), "twice: {line}");
        }
    }
    samples
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && !text.starts_with(|first: char| first.is_ascii_digit())
}

fn sample(line: &str) -> (String, Labels, f64) {
    let name_end = line.find(['{', ' ']).expect("a value");
    let (name, mut rest) = line.split_at(name_end);
    assert!(is_name(name), "{line}");
    let mut labels = Labels::new();
    while let Some(after) = rest.strip_prefix(['{', ',']) {
        let (label, quoted) = after.split_once("=\"").expect("a label");
        assert!(is_name(label), "{line}");
        let (text, after) = unescaped(quoted);
        assert!(labels.insert(label.to_owned(), text).is_none(), "{line}");
        rest = after.strip_prefix('}').unwrap_or(after);
    }
    (name.to_owned(), labels, rest.strip_prefix(' ').expect("a blank").parse().unwrap())
}

/// The text up to the closing quote, and what follows it.
fn unescaped(quoted: &str) -> (String, &str) {
    let mut text = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (text, &quoted[at + 1..]),
            '\\' => text.push(match characters.next().expect("an escaped character").1 {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                other => panic!("\\{other} is no escape"),
            }),
            other => text.push(other),
        }
    }
    panic!("no closing quote: {quoted}")
}
