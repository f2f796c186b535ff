//! The report on motion as one HTML file that needs nothing else.

use super::super::html::{escape, figure, opening, rows_and_columns, write_whole};
use super::super::plot;
use super::report::{MotionReport, MotionRow, MotionScores, MotionTable};
use super::worst::WorstFrame;
use crate::error::MediaError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;
use std::path::Path;

/// Writes the report; the file appears when it is complete.
///
/// # Errors
/// [`MediaError::Output`] if it cannot be written.
pub fn write_motion_html(report: &MotionReport, path: &Path) -> Result<(), MediaError> {
    write_whole(&html(report), path)
}

fn html(report: &MotionReport) -> String {
    let verb = if report.task == "predict" { "predicted" } else { "interpolated" };
    let title = format!("Frames {verb} of {}", report.reference);
    let mut out = opening(&title, &format!("framecast {}; 8-bit frames, no border cut", report.version));
    report.tables.iter().for_each(|table| section(&mut out, table));
    let _ = writeln!(out, "{MEANING}</main></body></html>");
    out
}

/// What the columns mean.
const MEANING: &str = "<section><h2>What the scores mean</h2><dl>\
<dt>PSNR-RGB, PSNR-Y, SSIM-Y, MS-SSIM</dt><dd>of the made frames, in colour or of luma; mean over frames, then over clips. Higher is better. PSNR in dB, the others at most 1.</dd>\
<dt>Flicker</dt><dd>how much more than the real sequence the shown one changes from frame to frame where the real one is static, in code values. Shown are the kept and the made frames in turn where every second one is made, else made ones only.</dd>\
<dt>TI error</dt><dd>how far the change from frame to frame of the shown sequence is from that of the real one, in dB: the mean of |20 log<sub>10</sub>(TI shown / TI real)| over blocks of 8 x 8 luma samples. TI is the temporal information of ITU-T P.910, the standard deviation of the difference of two frames, at least 3 code values. 0 is as smooth and as sharp as the real sequence; frames that stand still, jump, or are blurred in turn with sharp ones are far from it.</dd>\
<dt>Bits</dt><dd>negative log-likelihood of luma under the predicted Laplace density, for each sample. Lower is better.</dd>\
<dt>Calibration</dt><dd>of the pixels that were given about one scale: that scale, and their mean absolute error. On the dotted line both are equal; above it the method trusts itself too much.</dd>\
<dt>Gated</dt><dd>how far each region is predicted was decided by how good past predictions of it were.</dd>\
</dl></section>";

fn section(out: &mut String, table: &MotionTable) {
    let _ = write!(
        out,
        "<section><h2>{}</h2><p>{}; mean of {} clips</p>",
        escape(table.protocol),
        escape(table.description),
        table.clips.len()
    );
    scores(out, table);
    out.push_str("<div class=\"plots\">");
    calibration(out, table);
    clip_curves(out, table);
    out.push_str("</div>");
    clip_scores(out, table);
    frame_curves(out, table);
    worst_frames(out, &table.worst);
    out.push_str("</section>");
}

/// A heading, digits, and where the value is.
type Column = (&'static str, usize, fn(&MotionScores) -> Option<f64>);

const COLUMNS: [Column; 7] = [
    ("PSNR-RGB", 2, |scores| Some(scores.psnr_rgb)),
    ("PSNR-Y", 2, |scores| Some(scores.scores.psnr_y)),
    ("SSIM-Y", 4, |scores| scores.scores.ssim_y),
    ("MS-SSIM", 4, |scores| scores.scores.ms_ssim_y),
    ("Flicker", 3, |scores| scores.scores.flicker),
    ("TI error, dB", 2, |scores| scores.temporal_information_error),
    ("Bits", 2, |scores| scores.bits),
];

/// The table; scores that no row has are left out.
fn scores(out: &mut String, table: &MotionTable) {
    let cell = |row: &MotionRow, digits: usize, value: fn(&MotionScores) -> Option<f64>| {
        value(&row.mean).map_or_else(String::new, |value| format!("{value:.digits$}"))
    };
    let column = |(heading, digits, value): Column| {
        (heading.to_owned(), table.rows.iter().map(|row| cell(row, digits, value)).collect())
    };
    let mut columns: Vec<(String, Vec<String>)> = COLUMNS.into_iter().map(column).collect();
    columns.retain(|(_, cells)| cells.iter().any(|cell| !cell.is_empty()));
    let names: Vec<&str> = table.rows.iter().map(|row| row.method.as_str()).collect();
    rows_and_columns(out, "Method", &names, &columns);
}

/// Predicted scale against error.
fn calibration(out: &mut String, table: &MotionTable) {
    // Methods without a scale have no points, but keep their colour.
    let series: Vec<(String, Vec<[f64; 2]>)> =
        table.rows.iter().map(|row| (row.method.clone(), row.calibration.clone())).collect();
    if series.iter().all(|(_, points)| points.is_empty()) {
        return;
    }
    let (x, y) = ("predicted scale, codes of 255", "mean absolute error, codes of 255");
    let plot = plot::against_equal("Predicted scale and mean absolute error", x, y, &series);
    out.push_str(&figure("Calibration", &plot));
}

/// The clips one after the other; nothing if there is one.
fn clip_curves(out: &mut String, table: &MotionTable) {
    if table.clips.len() < 2 {
        return;
    }
    let of_clips = |row: &MotionRow| row.clips.iter().map(|scores| scores.psnr_rgb).collect();
    let series: Vec<(String, Vec<f64>)> =
        table.rows.iter().map(|row| (row.method.clone(), of_clips(row))).collect();
    let plot = plot::lines("PSNR of every clip", "clip", "PSNR-RGB in dB", &series);
    out.push_str(&figure("Every clip, in the order of the table below", &plot));
}

/// PSNR of every clip as a table.
fn clip_scores(out: &mut String, table: &MotionTable) {
    let cells = |row: &MotionRow| row.clips.iter().map(|scores| format!("{:.2}", scores.psnr_rgb)).collect();
    let columns: Vec<(String, Vec<String>)> =
        table.rows.iter().map(|row| (row.method.clone(), cells(row))).collect();
    let names: Vec<&str> = table.clips.iter().map(String::as_str).collect();
    out.push_str("<details><summary>PSNR-RGB of every clip, in dB</summary>");
    rows_and_columns(out, "Clip", &names, &columns);
    out.push_str("</details>");
}

/// The frames of every clip.
fn frame_curves(out: &mut String, table: &MotionTable) {
    out.push_str("<details><summary>PSNR-RGB of every frame</summary><div class=\"plots\">");
    for (number, clip) in table.clips.iter().enumerate() {
        let of_clip = |row: &MotionRow| row.psnr_rgb.get(number).cloned().unwrap_or_default();
        let series: Vec<(String, Vec<f64>)> =
            table.rows.iter().map(|row| (row.method.clone(), of_clip(row))).collect();
        let plot = plot::lines("PSNR of every made frame", "made frame", "PSNR-RGB in dB", &series);
        out.push_str(&figure(clip, &plot));
    }
    out.push_str("</div></details>");
}

/// The worst frames, each with its pictures side by side.
fn worst_frames(out: &mut String, worst: &[WorstFrame]) {
    let Some(first) = worst.first() else { return };
    let _ = write!(
        out,
        "<div class=\"worst\"><h3>The worst frames of {}</h3><p>At most 2 of a clip. Frames count from 0.</p></div>",
        escape(&first.method)
    );
    for frame in worst {
        let _ = write!(
            out,
            "<div class=\"worst\"><h3>{}, frame {}: {:.2} dB</h3><div class=\"panels\">",
            escape(&frame.clip),
            frame.number,
            frame.psnr_rgb
        );
        for picture in &frame.pictures {
            let class = if picture.is_cells { " class=\"cells\"" } else { "" };
            let (label, data) = (escape(&picture.label), STANDARD.encode(&picture.bytes));
            let _ = write!(
                out,
                "<figure><img{class} alt=\"{label}\" src=\"data:{};base64,{data}\"><figcaption>{label}</figcaption></figure>",
                picture.kind
            );
        }
        out.push_str("</div></div>");
    }
}
