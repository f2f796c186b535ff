//! Scores as text tables.

use framecast::quality::{Comparison, MethodInfo, MotionReport, MotionScores, Report, Scores, Table};
use std::fmt::Write;

/// Headings of the scores, their widths and their digits.
const COLUMNS: [(&str, usize); 6] =
    [("PSNR-Y", 8), ("SSIM-Y", 8), ("MS-SSIM", 9), ("SSIMULACRA2", 13), ("flicker", 9), ("temporal", 10)];

/// All tables of an evaluation.
pub(super) fn report(report: &Report) -> String {
    let mut out = String::new();
    for table in &report.tables {
        one_table(&mut out, report, table);
        out.push('\n');
    }
    for note in &report.notes {
        let _ = writeln!(out, "note: {note}");
    }
    out
}

/// The scores of a comparison.
pub(super) fn comparison(comparison: &Comparison) -> String {
    let mut out = String::new();
    let Comparison { input, reference, frames, border, mean, .. } = comparison;
    let _ =
        writeln!(out, "{input} against {reference}: {} frames, {border} pixels of border cut", frames.len());
    let _ = writeln!(out, "{:8}{}{:>15}", "frame", headings(), "SSIM (FFmpeg)");
    let last = |scores: &Scores| cell(scores.ssim_y_ffmpeg, 15, 4);
    for (number, scores) in frames.iter().enumerate() {
        let _ = writeln!(out, "{number:<8}{}{}", cells(scores), last(scores));
    }
    let _ = writeln!(out, "{:8}{}{}", "mean", cells(mean), last(mean));
    for note in &comparison.notes {
        let _ = writeln!(out, "note: {note}");
    }
    out
}

/// Frames of motion against real ones.
pub(super) fn motion(report: &MotionReport) -> String {
    let mut out = String::new();
    for table in &report.tables {
        let _ =
            writeln!(out, "{}: {}; mean of {} clips", table.protocol, table.description, table.clips.len());
        let headings: String = MOTION_COLUMNS.iter().map(|(name, _)| format!("{name:>10}")).collect();
        let _ = writeln!(out, "{:28}{headings}", "method");
        for row in &table.rows {
            let _ = writeln!(out, "{:28}{}", row.method, motion_cells(&row.mean));
        }
        for (number, name) in table.clips.iter().enumerate() {
            let of_clip = table.rows.iter().filter_map(|row| row.clips.get(number));
            let values: Vec<String> = of_clip.map(|scores| format!("{:.2}", scores.psnr_rgb)).collect();
            let _ = writeln!(out, "{name:28}{}", values.join("  "));
        }
        for row in table.rows.iter().filter(|row| !row.calibration.is_empty()) {
            let bins = row.calibration.iter().map(|[scale, error]| format!("{scale:.1} -> {error:.1}"));
            let _ = writeln!(
                out,
                "{}: predicted scale -> error: {}",
                row.method,
                bins.collect::<Vec<_>>().join(", ")
            );
        }
        out.push('\n');
    }
    out
}

/// Headings and digits of the scores of motion.
const MOTION_COLUMNS: [(&str, usize); 7] = [
    ("PSNR-RGB", 2),
    ("PSNR-Y", 2),
    ("SSIM-Y", 4),
    ("MS-SSIM", 4),
    ("flicker", 3),
    ("TI error", 2),
    ("bits", 2),
];

fn motion_cells(scores: &MotionScores) -> String {
    let values = [
        Some(scores.psnr_rgb),
        Some(scores.scores.psnr_y),
        scores.scores.ssim_y,
        scores.scores.ms_ssim_y,
        scores.scores.flicker,
        scores.temporal_information_error,
        scores.bits,
    ];
    values.iter().zip(MOTION_COLUMNS).map(|(value, (_, digits))| cell(*value, 10, digits)).collect()
}

fn one_table(out: &mut String, report: &Report, table: &Table) {
    let items = table.rows.first().map_or(0, |row| row.items.len());
    let _ = writeln!(
        out,
        "x{}, {} ({}); mean of {items} pictures or clips, {} pixels of border cut",
        report.scale, table.degradation, table.description, report.border
    );
    let width = table.rows.iter().map(|row| row.method.chars().count()).max().unwrap_or(0).max(8) + 2;
    let _ = writeln!(out, "{:width$}{}{}", "method", headings(), time_headings(&report.methods));
    for (row, info) in table.rows.iter().zip(&report.methods) {
        let _ = writeln!(out, "{:width$}{}{}", row.method, cells(&row.mean), times(info));
    }
}

fn headings() -> String {
    COLUMNS.iter().map(|(name, width)| format!("{name:>width$}")).collect()
}

fn cells(scores: &Scores) -> String {
    let values = [
        (Some(scores.psnr_y), 2),
        (scores.ssim_y, 4),
        (scores.ms_ssim_y, 4),
        (scores.ssimulacra2, 2),
        (scores.flicker, 3),
        (scores.temporal_error, 3),
    ];
    values.iter().zip(COLUMNS).map(|((value, digits), (_, width))| cell(*value, width, *digits)).collect()
}

fn cell(value: Option<f64>, width: usize, digits: usize) -> String {
    value.map_or_else(|| format!("{:>width$}", "-"), |value| format!("{value:>width$.digits$}"))
}

fn time_headings(methods: &[MethodInfo]) -> String {
    let time = methods.iter().find_map(|info| info.time);
    time.map_or(String::new(), |time| {
        let several = format!("{} threads", time.threads);
        format!("{:>12}{several:>12}  (ms a frame of {}x{})", "1 thread", time.width, time.height)
    })
}

fn times(info: &MethodInfo) -> String {
    info.time.map_or(String::new(), |time| format!("{:>12.1}{:>12.1}", time.one_thread_ms, time.threads_ms))
}
