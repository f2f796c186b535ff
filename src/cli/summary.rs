//! What a run says when it has ended.

use framecast::media::{SinkReport, SourceReport};
use framecast::model::NetworkReport;
use framecast::pipeline::{RateCount, StageTime, Summary};
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;

/// The summary for people, several lines.
pub(super) fn text(summary: &Summary) -> String {
    let mut out = String::new();
    for line in lines(summary) {
        let _ = writeln!(out, "{line}");
    }
    out
}

/// The summary as an event for programs. Times are in seconds, sizes in bytes.
pub(super) fn event(summary: &Summary) -> Value {
    json!({
        "event": "summary",
        "frames_in": summary.source.frames,
        "frames_out": summary.sink.frames,
        "damaged": summary.source.damaged + summary.sink.damaged,
        "rescaled": summary.source.rescaled,
        "deinterlaced": summary.source.deinterlaced,
        "unfilled": summary.sink.unfilled,
        "packets_copied": summary.sink.packets,
        "output_bytes": summary.sink.bytes,
        "decoder": summary.source.decoder,
        "hwaccel": summary.source.hardware,
        "hwaccel_problem": summary.source.hardware_problem,
        "kept_on_device": summary.source.kept_on_device,
        "encoder": summary.sink.encoder,
        "pixel_format": summary.sink.pixel_format,
        "encoded_on_device": summary.sink.frames_on_device,
        "encoded_on_device_problem": summary.sink.device_problem,
        "input_size": [summary.input_size.0, summary.input_size.1],
        "output_size": [summary.output_size.0, summary.output_size.1],
        "elapsed_seconds": summary.elapsed.as_secs_f64(),
        "fps": summary.frames_per_second,
        "real_time_factor": summary.real_time_factor,
        "model": summary.model,
        "provider": summary.provider,
        "providers": summary.networks.iter().map(network_event).collect::<Vec<_>>(),
        "kernels": summary.kernels,
        "stages": summary.stages.iter().map(stage_event).collect::<Vec<_>>(),
        "network_seconds": summary.network_time.as_secs_f64(),
        "reused": summary.reused,
        "motion": summary.rate.map(|count| rate_event(&count)),
        "bottleneck": summary.bottleneck,
        "processor_seconds": summary.processor_time.as_secs_f64(),
        "peak_memory_bytes": summary.peak_memory,
        "notes": summary.notes,
        "interrupted": summary.interrupted,
    })
}

/// What really ran one network.
pub(super) fn network_event(report: &NetworkReport) -> Value {
    let elsewhere = |(provider, operator, count): &(String, String, usize)| json!({ "provider": provider, "operator": operator, "nodes": count });
    json!({
        "model": report.model,
        "provider": report.provider.name(),
        "index": report.index,
        "precision": report.precision.name(),
        "nodes": report.nodes,
        "nodes_total": report.nodes_total,
        "elsewhere": report.elsewhere.iter().map(elsewhere).collect::<Vec<_>>(),
    })
}

fn rate_event(RateCount { pace, motion: count }: &RateCount) -> Value {
    json!({
        "breaks": pace.breaks,
        "duplicates": pace.duplicates,
        "concealed": pace.concealed,
        "damaged": pace.damaged,
        "dropped": pace.dropped,
        "unfilled": pace.unfilled,
        "frames_between": count.between,
        "frames_held": count.held,
        "scored": count.scored,
        "hit_rate": count.hit_rate(),
        "gated": count.gated_share(),
        "mean_scale": count.mean_scale(),
    })
}

fn stage_event(stage: &StageTime) -> Value {
    json!({
        "stage": stage.stage,
        "threads": stage.threads,
        "busy_seconds": stage.busy.as_secs_f64(),
        "starved_seconds": stage.starved.as_secs_f64(),
        "blocked_seconds": stage.blocked.as_secs_f64(),
    })
}

fn lines(summary: &Summary) -> Vec<String> {
    let mut lines = vec![
        format!(
            "frames    {} in, {} out in {}, {:.1} fps, {:.2} x real time{}",
            summary.source.frames,
            summary.sink.frames,
            seconds(summary.elapsed),
            summary.frames_per_second,
            summary.real_time_factor,
            if summary.interrupted { ", ended early" } else { "" }
        ),
        format!("size      {} -> {}", size(summary.input_size), size(summary.output_size)),
        decoder_line(&summary.source),
        encoder_line(&summary.sink),
        match (&summary.model, &summary.provider) {
            (Some(model), Some(provider)) => format!("model     {model} on {provider}"),
            (Some(model), None) => format!("model     {model}"),
            (None, _) => "model     none".into(),
        },
        format!("kernels   {}", summary.kernels),
    ];
    lines.extend(summary.reused.map(|share| {
        format!("reused    {:.1} % of the pixels, where the source did not change", 100.0 * share)
    }));
    lines.extend(summary.rate.map(|count| rate_line(&count)));
    lines.extend(counts(summary));
    lines.extend(table(summary));
    lines.extend(summary.notes.iter().map(|note| format!("note      {note}")));
    lines
}

/// What decoded, and why not on the device that was asked for.
fn decoder_line(source: &SourceReport) -> String {
    let kept = source.kept_on_device;
    let place = match (source.hardware, &source.hardware_problem) {
        (None, None) => String::new(),
        (Some(kind), None) if kept > 0 => format!(" on {kind}, where {kept} frames stayed"),
        (Some(kind), None) => format!(" on {kind}"),
        (Some(kind), Some(problem)) => format!(" on {kind} and the processor: {problem}"),
        (None, Some(problem)) => format!(" on the processor: {problem}"),
    };
    format!("decoder   {}{place}", source.decoder)
}

/// What encoded, and how the frames came to it where it takes them on a card.
fn encoder_line(sink: &SinkReport) -> String {
    let size = sink.bytes.map_or(String::new(), |bytes| format!(", {}", mebibytes(bytes)));
    let place = match (sink.frames_on_device, &sink.device_problem) {
        (0, None) => String::new(),
        (0, Some(problem)) => format!(", pictures through host memory: {problem}"),
        (_, None) => ", pictures from the card".into(),
        (count, Some(problem)) => format!(", {count} of {} pictures from the card: {problem}", sink.frames),
    };
    format!("encoder   {} ({}){size}{place}", sink.encoder, sink.pixel_format)
}

/// What the frames between those of the source were made of.
fn rate_line(RateCount { pace, motion: count }: &RateCount) -> String {
    let told = |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}"));
    let percent = |share: Option<f64>| share.map(|share| format!("{:.0} %", 100.0 * share));
    let parts = [
        Some(format!("{} frames of motion, {} held", count.between, count.held)),
        percent(count.hit_rate()).map(|rate| format!("{rate} of {} predictions hit", count.scored)),
        percent(count.gated_share()).map(|share| format!("{share} gated")),
        count.mean_scale().map(|scale| format!("mean scale {scale:.4}")),
        told(pace.breaks, "cuts, flashes and dissolves"),
        told(pace.duplicates, "duplicates left out"),
        told(pace.damaged, "damaged frames not shown"),
        told(pace.concealed, "lost frames filled in"),
        told(pace.dropped, "dropped for their time stamps"),
        told(pace.unfilled, "gaps too long to be filled"),
    ];
    format!("motion    {}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// A line on what was unusual, if anything was.
fn counts(summary: &Summary) -> Option<String> {
    let source = &summary.source;
    let named = [
        (source.damaged + summary.sink.damaged, "damaged and skipped"),
        (source.rescaled, "converted after a change of size or pixel format"),
        (source.deinterlaced, "deinterlaced"),
        (summary.sink.unfilled, "gaps too long to be filled and left out"),
    ];
    let told: Vec<String> =
        named.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    (!told.is_empty()).then(|| format!("counts    {}", told.join(", ")))
}

/// Time per stage, and what limited the run.
fn table(summary: &Summary) -> Vec<String> {
    let mut lines = vec!["stage     threads      busy   starved   blocked".to_string()];
    lines.extend(summary.stages.iter().map(|stage| {
        format!(
            "{:<10}{:>7}{:>10}{:>10}{:>10}",
            stage.stage,
            stage.threads,
            seconds(stage.busy),
            seconds(stage.starved),
            seconds(stage.blocked)
        )
    }));
    let memory = match summary.peak_memory {
        0 => String::new(),
        bytes => format!(", peak memory {}", mebibytes(bytes)),
    };
    lines.push(format!(
        "bottleneck {}; network {}, processor {}{memory}",
        summary.bottleneck,
        seconds(summary.network_time),
        seconds(summary.processor_time)
    ));
    lines
}

fn size((width, height): (u32, u32)) -> String {
    format!("{width}x{height}")
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;
    use framecast::model::{Precision, Provider};
    use framecast::stage::{MotionCount, PaceCount};

    fn summary() -> Summary {
        Summary {
            source: SourceReport {
                frames: 60,
                damaged: 2,
                rescaled: 0,
                deinterlaced: 5,
                decoder: "h264".into(),
                hardware: Some("cuda"),
                hardware_problem: None,
                kept_on_device: 0,
            },
            sink: SinkReport {
                frames: 60,
                unfilled: 0,
                packets: 90,
                damaged: 0,
                bytes: Some(3 << 20),
                encoder: "libx264".into(),
                pixel_format: "yuv420p".into(),
                frames_on_device: 0,
                device_problem: None,
            },
            input_size: (320, 180),
            output_size: (640, 360),
            elapsed: Duration::from_millis(1500),
            frames_per_second: 40.0,
            real_time_factor: 1.6,
            model: Some("live-x2".into()),
            provider: Some("cpu fp32, 11 of 11 nodes (1 x 1 threads)".into()),
            networks: vec![NetworkReport {
                model: "live-x2".into(),
                provider: Provider::Cpu,
                index: None,
                precision: Precision::Fp32,
                nodes: 11,
                nodes_total: 11,
                elsewhere: Vec::new(),
                notes: Vec::new(),
            }],
            kernels: "cpu (avx2)".into(),
            stages: vec![StageTime {
                stage: "decode",
                threads: 1,
                busy: Duration::from_millis(250),
                starved: Duration::ZERO,
                blocked: Duration::from_secs(1),
            }],
            network_time: Duration::from_secs(1),
            reused: Some(0.9012),
            rate: Some(RateCount {
                pace: PaceCount { breaks: 3, ..PaceCount::default() },
                motion: MotionCount { between: 50, held: 10, scored: 20, hits: 15, gated: 5.0, scale: 1.0 },
            }),
            bottleneck: "upscale",
            processor_time: Duration::from_secs(2),
            peak_memory: 100 << 20,
            notes: vec!["subtitle stream 2 was converted to mov_text".into()],
            interrupted: false,
        }
    }

    #[test]
    fn text_tells_what_happened() {
        let expected = "\
frames    60 in, 60 out in 1.50 s, 40.0 fps, 1.60 x real time
size      320x180 -> 640x360
decoder   h264 on cuda
encoder   libx264 (yuv420p), 3.0 MiB
model     live-x2 on cpu fp32, 11 of 11 nodes (1 x 1 threads)
kernels   cpu (avx2)
reused    90.1 % of the pixels, where the source did not change
motion    50 frames of motion, 10 held, 75 % of 20 predictions hit, 10 % gated, mean scale 0.0200, 3 cuts, flashes and dissolves
counts    2 damaged and skipped, 5 deinterlaced
stage     threads      busy   starved   blocked
decode          1    0.25 s    0.00 s    1.00 s
bottleneck upscale; network 1.00 s, processor 2.00 s, peak memory 100.0 MiB
note      subtitle stream 2 was converted to mov_text
";
        assert_eq!(text(&summary()), expected);
    }

    #[test]
    fn a_device_that_did_not_decode_is_told_with_the_reason() {
        let problem = Some("cuda does not decode it".to_owned());
        let mut source = SourceReport { decoder: "libdav1d".into(), ..SourceReport::default() };
        assert_eq!(decoder_line(&source), "decoder   libdav1d");
        source.hardware_problem = problem;
        assert_eq!(decoder_line(&source), "decoder   libdav1d on the processor: cuda does not decode it");
        source.hardware = Some("cuda");
        assert_eq!(
            decoder_line(&source),
            "decoder   libdav1d on cuda and the processor: cuda does not decode it"
        );
        (source.hardware_problem, source.kept_on_device) = (None, 7);
        assert_eq!(decoder_line(&source), "decoder   libdav1d on cuda, where 7 frames stayed");
    }

    #[test]
    fn an_encoder_on_a_card_tells_where_its_pictures_came_from() {
        let mut sink = SinkReport {
            encoder: "h264_nvenc".into(),
            pixel_format: "nv12".into(),
            frames: 9,
            frames_on_device: 9,
            ..SinkReport::default()
        };
        assert_eq!(encoder_line(&sink), "encoder   h264_nvenc (nv12), pictures from the card");
        sink.device_problem = Some("it is full".into());
        sink.frames_on_device = 4;
        assert_eq!(
            encoder_line(&sink),
            "encoder   h264_nvenc (nv12), 4 of 9 pictures from the card: it is full"
        );
        sink.frames_on_device = 0;
        assert_eq!(
            encoder_line(&sink),
            "encoder   h264_nvenc (nv12), pictures through host memory: it is full"
        );
    }

    #[test]
    fn what_did_not_happen_is_left_out() {
        let plain = Summary {
            source: SourceReport { frames: 1, ..SourceReport::default() },
            model: None,
            provider: None,
            networks: Vec::new(),
            reused: None,
            rate: None,
            peak_memory: 0,
            interrupted: true,
            ..summary()
        };
        let text = text(&plain);
        assert!(
            !text.contains("counts")
                && !text.contains("reused")
                && !text.contains("motion")
                && !text.contains("peak memory"),
            "{text}"
        );
        assert!(text.contains("model     none") && text.contains("ended early"), "{text}");
    }

    #[test]
    fn the_event_holds_numbers_not_texts() {
        let event = event(&summary());
        assert_eq!(event["event"], "summary");
        assert_eq!(event["output_size"], json!([640, 360]));
        assert_eq!(event["stages"][0]["busy_seconds"], 0.25);
        assert_eq!(event["network_seconds"], 1.0);
        assert_eq!(event["reused"], 0.9012);
        assert_eq!(event["providers"][0]["provider"], "cpu");
        assert_eq!(event["providers"][0]["nodes"], 11);
        assert_eq!(event["motion"]["hit_rate"], 0.75);
        assert_eq!(event["peak_memory_bytes"], 100 << 20);
    }
}
