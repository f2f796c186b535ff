//! Tags and side data that stay true in the output.

use super::stream::StreamKind;
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
