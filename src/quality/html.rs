//! The report as one HTML file that needs nothing else: tables, plots, cut-outs side by side and a slider.

use super::Scores;
use super::plot::{self, Marked};
use super::reference::is_media;
use super::report::{ItemScores, MethodInfo, Report, SampleSet, Table};
use crate::error::MediaError;
use crate::media::{TemporaryFile, check_replaceable};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;
use std::path::Path;

/// Refuses a report that could not be written, before hours of work.
///
/// # Errors
/// [`MediaError::Option`] if `path` names a picture or video, which could be one of the reference; [`MediaError::Output`] if
/// it exists and `overwrite` is not set, is a folder, or cannot be written.
pub fn check_html(path: &Path, reference: &str, overwrite: bool) -> Result<(), MediaError> {
    if path == Path::new("-") || is_media(path) {
        return Err(MediaError::Option {
            option: "--html".into(),
            problem: format!("expected a file for a page, found {}", path.display()),
            remedy: "name one that ends in .html".into(),
        });
    }
    check_replaceable(path, reference, overwrite)?;
    // Goes at once.
    TemporaryFile::create(path).map(drop)
}

/// Writes the report; the file appears when it is complete.
///
/// # Errors
/// [`MediaError::Output`] if it cannot be written.
pub fn write_html(report: &Report, path: &Path) -> Result<(), MediaError> {
    write_whole(&html(report), path)
}

/// Writes a page; the file appears when it is complete.
pub(super) fn write_whole(page: &str, path: &Path) -> Result<(), MediaError> {
    let mut file = TemporaryFile::create(path)?;
    file.write(page.as_bytes())?;
    file.complete()
}

/// A page up to where its sections begin. `about` is text.
pub(super) fn opening(title: &str, about: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{0}</title>\
         <style>{1}</style></head><body><header><h1>{0}</h1><p>{2}</p></header><main>",
        escape(title),
        include_str!("report.css"),
        escape(about)
    )
}

/// Text inside HTML or an attribute.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn html(report: &Report) -> String {
    let title = format!("x{} super-resolution of {}", report.scale, report.reference);
    let mut about = format!("framecast {}; {} pixels of border cut", report.version, report.border);
    if !report.processor.is_empty() {
        let _ = write!(about, "; {}", report.processor);
    }
    let mut out = opening(&title, &about);
    for (index, table) in report.tables.iter().enumerate() {
        section(&mut out, index, report, table);
    }
    if !report.notes.is_empty() {
        out.push_str("<section><h2>Notes</h2><ul>");
        report.notes.iter().for_each(|note| {
            let _ = write!(out, "<li>{}</li>", escape(note));
        });
        out.push_str("</ul></section>");
    }
    let _ = writeln!(out, "{MEANING}</main><script>{}</script></body></html>", include_str!("report.js"));
    out
}

/// What the columns mean.
const MEANING: &str = "<section><h2>What the scores mean</h2><dl>\
<dt>PSNR-Y, SSIM-Y, MS-SSIM</dt><dd>of luma; higher is better. PSNR in dB, the others at most 1.</dd>\
<dt>SSIMULACRA2</dt><dd>of the colour picture, as people judge it, not of HDR: 90 cannot be told from the original, 70 is high quality, 50 medium.</dd>\
<dt>Flicker</dt><dd>how much more than the reference the picture changes from frame to frame where the reference is static, in code values of 8 bits. 0 is steady; below 0 noise is calmed down.</dd>\
<dt>Temporal error</dt><dd>how much the error changes from frame to frame, in code values of 8 bits; lower is steadier.</dd>\
</dl></section>";

fn section(out: &mut String, index: usize, report: &Report, table: &Table) {
    let _ =
        write!(out, "<section><h2>{}</h2><p>{}</p>", escape(&table.degradation), escape(&table.description));
    scores(out, report, table);
    out.push_str("<div class=\"plots\">");
    out.push_str(&against_time(report, table));
    out.push_str(&item_curves(table));
    for (number, item) in table.rows.first().map_or(&[][..], |row| &row.items).iter().enumerate() {
        out.push_str(&frame_curves(table, number, item));
    }
    out.push_str("</div>");
    for (number, set) in table.samples.iter().enumerate() {
        sample_set(out, &format!("t{index}s{number}"), set);
    }
    out.push_str("</section>");
}

/// Headings and digits of the scores.
const SCORES: [(&str, usize); 6] =
    [("PSNR-Y", 2), ("SSIM-Y", 4), ("MS-SSIM", 4), ("SSIMULACRA2", 2), ("Flicker", 3), ("Temporal error", 3)];

fn values(scores: &Scores) -> [Option<f64>; 6] {
    [
        Some(scores.psnr_y),
        scores.ssim_y,
        scores.ms_ssim_y,
        scores.ssimulacra2,
        scores.flicker,
        scores.temporal_error,
    ]
}

/// The table; scores that no row has are left out.
fn scores(out: &mut String, report: &Report, table: &Table) {
    let mut columns: Vec<(String, Vec<String>)> = Vec::new();
    for (index, (heading, digits)) in SCORES.into_iter().enumerate() {
        let found = table.rows.iter().map(|row| values(&row.mean).get(index).copied().flatten());
        let cells = found.map(|value| value.map_or_else(String::new, |value| format!("{value:.digits$}")));
        columns.push((heading.to_owned(), cells.collect()));
    }
    let of_methods = |cell: &dyn Fn(&MethodInfo) -> String| report.methods.iter().map(cell).collect();
    let parameters = |info: &MethodInfo| info.parameters.map_or_else(String::new, |count| count.to_string());
    columns.push(("Parameters".to_owned(), of_methods(&parameters)));
    if let Some(time) = report.methods.iter().find_map(|info| info.time) {
        let heading = |threads: &str| format!("ms at {}x{}, {threads}", time.width, time.height);
        let one = |info: &MethodInfo| time_cell(info, |time| time.one_thread_ms);
        let several = |info: &MethodInfo| time_cell(info, |time| time.threads_ms);
        columns.push((heading("1 thread"), of_methods(&one)));
        columns.push((heading(&format!("{} threads", time.threads)), of_methods(&several)));
    }
    columns.retain(|(_, cells)| cells.iter().any(|cell| !cell.is_empty()));
    let names: Vec<&str> = table.rows.iter().map(|row| row.method.as_str()).collect();
    rows_and_columns(out, "Method", &names, &columns);
}

/// A table with a heading and a cell for each name in every column.
pub(super) fn rows_and_columns(
    out: &mut String,
    corner: &str,
    names: &[&str],
    columns: &[(String, Vec<String>)],
) {
    let _ = write!(out, "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">{}</th>", escape(corner));
    for (heading, _) in columns {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escape(heading));
    }
    out.push_str("</tr></thead><tbody>");
    for (number, name) in names.iter().enumerate() {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escape(name));
        for (_, cells) in columns {
            let _ = write!(out, "<td>{}</td>", cells.get(number).map_or("", String::as_str));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
}

fn time_cell(info: &MethodInfo, part: impl Fn(super::Time) -> f64) -> String {
    info.time.map_or_else(String::new, |time| format!("{:.1}", part(time)))
}

/// Quality against time; nothing if no model was timed.
fn against_time(report: &Report, table: &Table) -> String {
    let Some(time) = report.methods.iter().find_map(|info| info.time) else { return String::new() };
    let (mut points, mut levels) = (Vec::new(), Vec::new());
    for (colour, (row, info)) in table.rows.iter().zip(&report.methods).enumerate() {
        let (name, psnr) = (row.method.clone(), row.mean.psnr_y);
        match info.time {
            Some(time) => points.push(Marked { name, colour, values: (time.threads_ms, psnr) }),
            None => levels.push(Marked { name, colour, values: psnr }),
        }
    }
    let x_label = format!("ms a frame of {}x{} on {} threads", time.width, time.height, time.threads);
    let plot = plot::scatter("PSNR against time", &x_label, "PSNR-Y in dB", &points, &levels);
    figure("Quality against time; interpolations as lines", &plot)
}

/// The pictures and clips one after the other; nothing if there is one.
fn item_curves(table: &Table) -> String {
    let rows = table.rows.iter();
    let series: Vec<(String, Vec<f64>)> = rows
        .map(|row| (row.method.clone(), row.items.iter().map(|item| item.mean.psnr_y).collect()))
        .collect();
    if series.iter().all(|(_, values)| values.len() < 2) {
        return String::new();
    }
    let plot = plot::lines("PSNR of every picture or clip", "picture or clip", "PSNR-Y in dB", &series);
    let names = table.rows.first().map_or(&[][..], |row| &row.items);
    let names: String = names.iter().map(|item| format!("<li>{}</li>", escape(&item.name))).collect();
    figure(
        "Every picture or clip",
        &format!("{plot}<details><summary>Names</summary><ol>{names}</ol></details>"),
    )
}

/// The frames of a clip; nothing for a picture.
fn frame_curves(table: &Table, number: usize, item: &ItemScores) -> String {
    if item.frames.len() < 2 {
        return String::new();
    }
    let values = |item: &ItemScores| item.frames.iter().map(|frame| frame.psnr_y).collect();
    let rows = table.rows.iter();
    let series: Vec<(String, Vec<f64>)> =
        rows.filter_map(|row| Some((row.method.clone(), values(row.items.get(number)?)))).collect();
    figure(
        &format!("Frames of {}", item.name),
        &plot::lines("PSNR of every frame", "frame", "PSNR-Y in dB", &series),
    )
}

pub(super) fn figure(caption: &str, body: &str) -> String {
    format!("<figure><figcaption>{}</figcaption>{body}</figure>", escape(caption))
}

/// The versions of one cut-out. Each file is embedded once, as the background of a class.
fn sample_set(out: &mut String, id: &str, set: &SampleSet) {
    let Some((_, first)) = set.versions.first() else { return };
    out.push_str("<style>");
    for (number, (_, sample)) in set.versions.iter().enumerate() {
        let data = STANDARD.encode(&sample.png);
        let _ = write!(out, ".{id}v{number}{{background-image:url(data:image/png;base64,{data})}}");
    }
    let _ = write!(
        out,
        "</style><div class=\"set\" style=\"--width:{};--height:{}\"><h3>{}</h3>",
        first.width,
        first.height,
        escape(&set.item)
    );
    slider(out, id, set);
    out.push_str("<div class=\"controls\">");
    for (name, label, low, high, step, value) in
        [("zoom", "Zoom", 1, 8, "0.25", 2), ("x", "Across", 0, 100, "1", 50), ("y", "Down", 0, 100, "1", 50)]
    {
        let _ = write!(
            out,
            "<label>{label} <input type=\"range\" name=\"{name}\" min=\"{low}\" max=\"{high}\" step=\"{step}\" value=\"{value}\"></label>"
        );
    }
    out.push_str("</div><div class=\"panels\">");
    for (number, (name, _)) in set.versions.iter().enumerate() {
        let name = escape(name);
        let _ = write!(
            out,
            "<figure><div class=\"panel {id}v{number}\" role=\"img\" aria-label=\"{name}\"></div><figcaption>{name}</figcaption></figure>"
        );
    }
    out.push_str("</div></div>");
}

fn slider(out: &mut String, id: &str, set: &SampleSet) {
    let last = set.versions.len().saturating_sub(1);
    let before = set.versions.iter().position(|(name, _)| name == "lanczos").unwrap_or(0);
    let options = |chosen: usize| -> String {
        let names = set.versions.iter().enumerate();
        names
            .map(|(number, (name, _))| {
                let selected = if number == chosen { " selected" } else { "" };
                format!("<option value=\"{id}v{number}\"{selected}>{}</option>", escape(name))
            })
            .collect()
    };
    let _ = write!(
        out,
        "<div class=\"compare\"><div class=\"layer after {id}v{last}\"></div><div class=\"layer before {id}v{before}\"></div></div>\
         <div class=\"controls\"><label>Left <select name=\"before\">{}</select></label>\
         <label>Divide <input type=\"range\" name=\"divide\" min=\"0\" max=\"100\" step=\"1\" value=\"50\"></label>\
         <label>Right <select name=\"after\">{}</select></label></div>",
        options(before),
        options(last)
    );
}
