//! What an encoder is told beside the format: quality, speed, HDR metadata, and the user's own options.

use super::ffi_encode::VideoCodec;
use super::ffi_output::OutputFormat;
use super::hdr::StaticMetadata;
use super::options::OutputOptions;
use super::stream::{InputDescription, StreamKind};
use crate::error::MediaError;
use ffmpeg_next::ffi::AVFMT_NOTIMESTAMPS;

/// Lagrange units per step of a quantiser scale (FFmpeg's `FF_QP2LAMBDA`).
const QP_TO_LAMBDA: f64 = 118.0;

/// Options that set a quality or a rate, so that no default may.
const RATE_OPTIONS: [&str; 12] = [
    "b",
    "crf",
    "qp",
    "q",
    "qscale",
    "global_quality",
    "cq",
    "lossless",
    "qmin",
    "qmax",
    "maxrate",
    "quality",
];

/// The options for the encoder: defaults first, so that the user's come last and win.
pub(super) fn encoder_options(
    codec: VideoCodec,
    format: OutputFormat,
    options: &OutputOptions,
    input: &InputDescription,
    notes: &mut Vec<String>,
) -> Result<Vec<(String, String)>, MediaError> {
    check_supported(codec, options)?;
    let mut chosen: Vec<(String, String)> = Vec::new();
    let mut set = |key: &str, value: String| chosen.push((key.to_owned(), value));
    if !sets_rate(options) {
        for (key, value) in default_rate(codec.name()) {
            set(key, (*value).to_owned());
        }
    }
    for (key, value) in default_speed(codec.name(), options) {
        set(key, (*value).to_owned());
    }
    if let Some(crf) = options.crf {
        let (key, beside) = constant_quality(codec.name());
        set(key, crf.to_string());
        for (key, value) in beside {
            set(key, (*value).to_owned());
        }
        if matches!(codec.name(), "libvpx-vp9" | "libaom-av1") {
            // Without it, the rate factor is only a bound of a target rate.
            set("b", "0".to_owned());
        }
    }
    if let Some(preset) = &options.preset {
        set("preset", preset.clone());
    }
    if codec.name() == "libx265" {
        set("x265-params", x265_parameters(input, notes));
    }
    let has_rate = input.video.frame_rate.is_positive()
        && (!input.video.variable_rate || format.has_flag(AVFMT_NOTIMESTAMPS));
    if has_rate && matches!(codec.name(), "libx264" | "libx264rgb") {
        // Writes the frame rate into the stream, not the unit of the time stamps, which stay as they are.
        set("x264-params", "force-cfr=1".to_owned());
    }
    if format.name() == "avi" && matches!(codec.name(), "libx264" | "libx264rgb") {
        // AVI stores no more than the order of decoding, from which readers guess when frames are shown: too late, and the last not.
        set("bf", "0".to_owned());
    }
    for (key, value) in &options.encoder_options {
        match (key.as_str(), value.parse::<f64>()) {
            ("q" | "qscale", Ok(scale)) => {
                set("flags", "+qscale".to_owned());
                set("global_quality", (scale * QP_TO_LAMBDA).round().to_string());
            }
            _ => set(key, value.clone()),
        }
    }
    Ok(merged(chosen))
}

/// The option that is an encoder's constant rate factor, and what it needs beside it.
fn constant_quality(encoder: &str) -> (&'static str, &'static [(&'static str, &'static str)]) {
    match encoder.rsplit_once('_') {
        // Without them, the quality is only a bound of a target rate.
        Some((_, "nvenc")) => ("cq", &[("rc", "vbr"), ("b", "0")]),
        Some((_, "qsv")) => ("global_quality", &[]),
        Some((_, "vaapi")) => ("qp", &[("rc_mode", "CQP")]),
        _ => ("crf", &[]),
    }
}

/// The largest constant rate factor of encoders that clip larger ones without a word.
fn worst_crf(encoder: &str) -> Option<f64> {
    match encoder {
        "libx264" | "libx264rgb" | "libx265" => Some(51.0),
        "libvpx" | "libvpx-vp9" | "libaom-av1" | "libsvtav1" => Some(63.0),
        name if ["_nvenc", "_qsv", "_vaapi"].iter().any(|kind| name.ends_with(kind)) => Some(51.0),
        _ => None,
    }
}

fn check_supported(codec: VideoCodec, options: &OutputOptions) -> Result<(), MediaError> {
    let name = codec.name();
    let lacks = |option: &str, meaning: &str, remedy: &str| MediaError::Option {
        option: option.to_owned(),
        problem: format!("encoder {name} has no {meaning}"),
        remedy: remedy.to_owned(),
    };
    let (quality, _) = constant_quality(name);
    if options.crf.is_some() && quality != "global_quality" && !codec.has_option(quality) {
        let remedy = "leave it out, or set the quality with --encoder-opt q=2 (1 to 31) or b=8M";
        return Err(lacks("--crf", "constant rate factor", remedy));
    }
    if let (Some(crf), Some(worst)) = (options.crf, worst_crf(name))
        && !(0.0..=worst).contains(&crf)
    {
        return Err(MediaError::Option {
            option: "--crf".to_owned(),
            problem: format!("expected 0 to {worst} for encoder {name}, found {crf}"),
            remedy: "lower is better; 18 is hard to tell from the source with libx264".to_owned(),
        });
    }
    if options.preset.is_some() && !codec.has_option("preset") {
        let remedy = match name {
            "libvpx" | "libvpx-vp9" | "libaom-av1" => "set the speed with --encoder-opt cpu-used=4",
            _ => "leave it out",
        };
        return Err(lacks("--preset", "presets", remedy));
    }
    Ok(())
}

fn sets_rate(options: &OutputOptions) -> bool {
    let in_private =
        |value: &str| ["crf=", "qp=", "bitrate=", "lossless="].iter().any(|key| value.contains(key));
    options.crf.is_some()
        || options.encoder_options.iter().any(|(key, value)| {
            RATE_OPTIONS.contains(&key.as_str()) || (key.ends_with("-params") && in_private(value))
        })
}

/// A quality that does not show, where FFmpeg's default is a low rate.
fn default_rate(encoder: &str) -> &'static [(&'static str, &'static str)] {
    match encoder {
        "libx264" | "libx264rgb" | "libx265" => &[("crf", "18")],
        "libvpx-vp9" | "libaom-av1" => &[("crf", "24"), ("b", "0")],
        "libvpx" => &[("crf", "10"), ("b", "8M")],
        "libsvtav1" => &[("crf", "24")],
        "mpeg4" | "libxvid" | "mpeg2video" | "mpeg1video" | "mjpeg" | "msmpeg4" | "msmpeg4v2" | "wmv1"
        | "wmv2" | "flv" | "h263" | "h263p" => &[("flags", "+qscale"), ("global_quality", "236")],
        "libtheora" => &[("flags", "+qscale"), ("global_quality", "1062")],
        _ => &[],
    }
}

fn default_speed(encoder: &str, options: &OutputOptions) -> &'static [(&'static str, &'static str)] {
    match encoder {
        "libx264" | "libx264rgb" | "libx265" if options.preset.is_none() => &[("preset", "medium")],
        "libsvtav1" if options.preset.is_none() => &[("preset", "8")],
        "libvpx-vp9" => &[("row-mt", "1"), ("cpu-used", "3")],
        "libaom-av1" => &[("row-mt", "1"), ("cpu-used", "6")],
        _ => &[],
    }
}

/// HDR metadata for x265 to write into the bitstream; FFmpeg 5 and 6 pass none on.
fn x265_parameters(input: &InputDescription, notes: &mut Vec<String>) -> String {
    let video = input.streams.iter().find(|stream| stream.kind == StreamKind::Video);
    let metadata = video.map(|stream| StaticMetadata::from_stream(&stream.side_data)).unwrap_or_default();
    let mut parameters = vec!["log-level=none".to_owned()];
    if metadata.is_present() {
        parameters.extend(metadata.x265_parameters());
        notes.push("HDR10 metadata is kept".to_owned());
    }
    parameters.join(":")
}

/// One entry per key: lists of private parameters and flags are joined, of the others the last wins.
fn merged(options: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut merged: Vec<(String, String)> = Vec::with_capacity(options.len());
    for (key, value) in options {
        match merged.iter_mut().find(|(known, _)| *known == key) {
            Some((key, known)) if key.ends_with("-params") => *known = format!("{known}:{value}"),
            Some((key, known)) if key == "flags" && value.starts_with(['+', '-']) => known.push_str(&value),
            Some((_, known)) => *known = value,
            None => merged.push((key, value)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constant_quality_of_encoders_is_an_option_that_they_have() {
        super::super::library::initialise();
        for (name, expected) in
            [("libx264", "crf"), ("h264_nvenc", "cq"), ("hevc_nvenc", "cq"), ("h264_vaapi", "qp")]
        {
            let (quality, beside) = constant_quality(name);
            assert_eq!(quality, expected);
            // Builds of FFmpeg differ in the encoders that they have.
            let Some(codec) = VideoCodec::find(name) else { continue };
            assert!(codec.has_option(quality), "{name} {quality}");
            let private = beside.iter().filter(|(key, _)| *key != "b");
            assert!(private.into_iter().all(|(key, _)| codec.has_option(key)), "{name} {beside:?}");
            let far = OutputOptions { crf: Some(60.0), ..OutputOptions::default() };
            let error = check_supported(codec, &far).unwrap_err().to_string();
            assert!(error.contains("expected 0 to 51"), "{error}");
        }
        assert_eq!(constant_quality("h264_qsv").0, "global_quality");
    }
}
