//! Tags and side data that stay true in the output.

use super::ffi_output::OutputFormat;
use super::stream::{InputDescription, StreamKind};
use crate::frame::SideData;
use ffmpeg_next::ffi::AVPacketSideDataType;

type Tags = Vec<(String, String)>;

/// Global tags without those that describe the input file itself.
pub(super) fn global_tags(tags: &[(String, String)]) -> Tags {
    const OF_THE_FILE: [&str; 5] =
        ["major_brand", "minor_version", "compatible_brands", "encoder", "duration"];
    keep(tags, |key| !OF_THE_FILE.contains(&key))
}

/// A stream's tags without counts and rates of the input file, and for the encoded video without its old encoder.
pub(super) fn stream_tags(tags: &[(String, String)], kind: StreamKind) -> Tags {
    // mkvmerge's statistics may carry a language, as in `BPS-eng`.
    const STATISTICS: [&str; 7] = [
        "duration",
        "bps",
        "number_of_frames",
        "number_of_bytes",
        "_statistics_writing_app",
        "_statistics_writing_date_utc",
        "_statistics_tags",
    ];
    let is_statistic = |key: &str| {
        STATISTICS
            .iter()
            .any(|name| key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
    };
    let is_of_encoder =
        |key: &str| kind == StreamKind::Video && matches!(key, "encoder" | "encoder_options" | "vendor_id");
    keep(tags, |key| !is_statistic(key) && !is_of_encoder(key))
}

fn keep(tags: &[(String, String)], wanted: impl Fn(&str) -> bool) -> Tags {
    tags.iter().filter(|(key, _)| wanted(&key.to_ascii_lowercase())).cloned().collect()
}

/// What to tell the user if the video is to be shown turned and the container does not store that.
pub(super) fn rotation_note(format: OutputFormat, input: &InputDescription) -> Option<String> {
    /// Version of libavformat (FFmpeg 7.0) that writes a turn into Matroska.
    const TURNS_MATROSKA: u32 = 61;
    let video = input.streams.iter().find(|stream| stream.kind == StreamKind::Video)?;
    let matrix = AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX as u32;
    video.side_data.iter().find(|data| data.kind == matrix)?;
    let is_kept = match format.name() {
        "mov" | "mp4" | "ipod" | "null" => true,
        "matroska" | "webm" => ffmpeg_next::format::version() >> 16 >= TURNS_MATROSKA,
        _ => false,
    };
    (!is_kept).then(|| {
        format!("the rotation of the picture is lost: {} cannot store it here; use -o x.mp4", format.name())
    })
}

/// What to tell the user if the input has chapters and the container stores none.
pub(super) fn chapter_note(format: OutputFormat, input: &InputDescription) -> Option<String> {
    let is_kept = matches!(
        format.name(),
        "matroska"
            | "webm"
            | "mov"
            | "mp4"
            | "ipod"
            | "3gp"
            | "3g2"
            | "f4v"
            | "ismv"
            | "nut"
            | "asf"
            | "null"
    );
    (!is_kept && !input.chapters.is_empty())
        .then(|| format!("the chapters are lost: {} stores none; use -o x.mkv or x.mp4", format.name()))
}

/// The video's side data that describes the picture and not its old encoding.
pub(super) fn video_side_data(side_data: &[SideData]) -> Vec<SideData> {
    use AVPacketSideDataType::{
        AV_PKT_DATA_CONTENT_LIGHT_LEVEL, AV_PKT_DATA_DISPLAYMATRIX, AV_PKT_DATA_ICC_PROFILE,
        AV_PKT_DATA_MASTERING_DISPLAY_METADATA, AV_PKT_DATA_SPHERICAL, AV_PKT_DATA_STEREO3D,
    };
    let kept = [
        AV_PKT_DATA_DISPLAYMATRIX,
        AV_PKT_DATA_STEREO3D,
        AV_PKT_DATA_SPHERICAL,
        AV_PKT_DATA_MASTERING_DISPLAY_METADATA,
        AV_PKT_DATA_CONTENT_LIGHT_LEVEL,
        AV_PKT_DATA_ICC_PROFILE,
    ];
    side_data.iter().filter(|data| kept.iter().any(|kind| *kind as u32 == data.kind)).cloned().collect()
}
