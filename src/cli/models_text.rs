//! Models for people: the table of all, and all about one.

use framecast::model::Manifest;
use framecast::model::zoo::{Entry, State};
use serde::Serialize;
use std::fmt::Write;

const HEADINGS: [&str; 9] =
    ["NAME", "STATE", "TASK", "SCALE", "COLOUR", "PARAMETERS", "GFLOP/MP", "SET5 dB", "LICENCE"];

/// One line for each model, under headings.
pub(super) fn table(entries: &[Entry]) -> String {
    let heading = HEADINGS.map(str::to_owned);
    let rows: Vec<[String; 9]> = [heading].into_iter().chain(entries.iter().map(row)).collect();
    let mut widths = [0; 9];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; 9]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn row(entry: &Entry) -> [String; 9] {
    let manifest = &entry.manifest;
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    [
        manifest.name.clone(),
        state(&entry.state).into(),
        word(&manifest.task),
        format!("x{}", manifest.scale),
        word(&manifest.input.colour),
        or_dash(manifest.parameters.map(thousands)),
        or_dash(manifest.gflop_per_megapixel.map(|cost| format!("{cost:.1}"))),
        or_dash(manifest.scores.set5_psnr.map(|score| format!("{score:.2}"))),
        manifest.licence.clone(),
    ]
}

/// All about a model, a line for each fact.
pub(super) fn details(entry: &Entry) -> String {
    let manifest = &entry.manifest;
    let (input, output, scores) = (&manifest.input, &manifest.output, &manifest.scores);
    let mut text = String::new();
    let mut fact = |name: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<21}{value}");
    };
    fact("name", manifest.name.clone());
    fact("description", manifest.description.clone());
    fact("state", state(&entry.state).into());
    if let State::Installed(path) = &entry.state {
        fact("manifest", path.display().to_string());
    }
    fact("task", word(&manifest.task));
    fact("scale", format!("x{}", manifest.scale));
    fact("input", format!("{:?}, {} {}", input.name, word(&input.colour), word(&input.dtype)));
    fact("range", format!("{} to {}", 0.0 - input.mean, input.range - input.mean));
    fact("multiple of", format!("{} pixels", input.multiple));
    fact("space to depth", input.space_to_depth.to_string());
    fact("output", format!("{:?}", output.name));
    fact("depth to space", output.depth_to_space.to_string());
    fact("added outside", word(&output.skip));
    fact("margin of tiles", format!("{} pixels", manifest.receptive_margin));
    let facts = [
        ("parameters", manifest.parameters.map(thousands)),
        ("GFLOP per megapixel", manifest.gflop_per_megapixel.map(|cost| format!("{cost:.1}"))),
        ("Set5", score(scores.set5_psnr, scores.set5_ssim, scores.bicubic_set5_psnr)),
        ("Set14", score(scores.set14_psnr, scores.set14_ssim, scores.bicubic_set14_psnr)),
        ("SHA-256", manifest.sha256.clone()),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            fact(name, value);
        }
    }
    text + &licence(manifest)
}

/// The licence and where the model comes from.
pub(super) fn licence(manifest: &Manifest) -> String {
    let mut text = format!("{:<21}{}\n", "licence", manifest.licence);
    let Some(source) = &manifest.source else { return text };
    let lines = [
        ("copyright", source.copyright.clone()),
        ("about the licence", source.licence_note.clone()),
        ("source", Some(source.describe())),
        ("licence's text", source.licence_file.as_ref().map(|path| format!("{path} in the package"))),
    ];
    for (name, value) in lines {
        if let Some(value) = value {
            let _ = writeln!(text, "{name:<21}{value}");
        }
    }
    text
}

const fn state(state: &State) -> &'static str {
    match state {
        State::BuiltIn => "built in",
        State::Installed(_) => "installed",
        State::Available => "available",
    }
}

/// A value as manifests spell it.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn score(psnr: Option<f64>, ssim: Option<f64>, bicubic: Option<f64>) -> Option<String> {
    let mut text = format!("{:.2} dB", psnr?);
    if let Some(ssim) = ssim {
        let _ = write!(text, ", SSIM {ssim:.4}");
    }
    if let Some(bicubic) = bicubic {
        let _ = write!(text, " (bicubic {bicubic:.2} dB)");
    }
    Some(text)
}

/// `1234567` as `1 234 567`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_groups_of_three() {
        for (number, text) in [(7, "7"), (621_424, "621 424"), (16_697_987, "16 697 987"), (1000, "1 000")] {
            assert_eq!(thousands(number), text);
        }
    }
}
