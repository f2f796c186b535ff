//! What an input consists of, in the words of [`InputDescription`].

use super::ffi_input::{InputFacts, StreamFacts};
use super::frame_import::Importer;
use super::trim::Trim;
use super::{Chapter, InputDescription, StreamInfo, StreamKind, VideoInfo, timecode};
use crate::frame::{Pts, Rational, SideData, rescale};
use ffmpeg_next::ffi::{AVFMT_NOTIMESTAMPS, AVPacketSideDataType};

const MICROSECONDS: Rational = Rational::new(1, 1_000_000);

/// All that a description is made of.
pub(super) struct Parts<'a> {
    pub(super) location: &'a str,
    pub(super) facts: &'a InputFacts,
    pub(super) streams: Vec<StreamFacts>,
    pub(super) kinds: &'a [Option<StreamKind>],
    pub(super) chapters: Vec<Chapter>,
    pub(super) importer: &'a Importer,
    pub(super) sample_aspect_ratio: Rational,
    pub(super) trim: Trim,
    /// Of the first picture, as it is delivered.
    pub(super) first_pts: Pts,
    /// Side data of the first picture that belongs to the stream.
    pub(super) first_side_data: Vec<SideData>,
}

/// Describes an opened input; `None` if it has no processed video.
pub(super) fn describe(parts: Parts<'_>) -> Option<InputDescription> {
    let processed = parts.kinds.iter().position(|kind| *kind == Some(StreamKind::Video))?;
    let video = video_info(&parts, parts.streams.get(processed)?);
    let duration = parts.trim.length(parts.facts.start, parts.facts.duration);
    let skipped = skipped_frames(&parts, parts.streams.get(processed)?);
    let mut streams = Vec::new();
    for (facts, kind) in parts.streams.into_iter().zip(parts.kinds) {
        if let Some(kind) = kind {
            let mut stream = stream_info(facts, *kind);
            // A part begins at 0, whatever lies before it.
            stream.start = stream.start.filter(|_| parts.trim.start().is_none());
            timecode::move_on(&mut stream.metadata, video.frame_rate, skipped);
            streams.push(stream);
        }
    }
    for stream in streams.iter_mut().filter(|stream| stream.kind == StreamKind::Video) {
        // The first pictures may have no time stamps in the container.
        stream.start = stream.start.map(|start| start.min(parts.first_pts));
        add_missing(&mut stream.side_data, &parts.first_side_data);
    }
    let mut metadata = parts.facts.metadata.clone();
    timecode::move_on(&mut metadata, video.frame_rate, skipped);
    Some(InputDescription {
        location: parts.location.to_owned(),
        format: parts.facts.format.clone(),
        video,
        streams,
        chapters: parts.trim.chapters(parts.chapters),
        metadata,
        duration,
    })
}

/// Frames of the video that lie before the trimmed part.
fn skipped_frames(parts: &Parts<'_>, stream: &StreamFacts) -> i64 {
    let rate = frame_rate(stream);
    if parts.trim.start().is_none() || !rate.is_positive() {
        return 0;
    }
    let begin = stream.start.unwrap_or_else(|| rescale(parts.facts.start, MICROSECONDS, stream.time_base));
    let first = parts.first_pts + parts.trim.shift(stream.time_base);
    rescale(first - begin, stream.time_base, rate.inverse())
}

fn video_info(parts: &Parts<'_>, stream: &StreamFacts) -> VideoInfo {
    let (width, height) = parts.importer.size();
    VideoInfo {
        width,
        height,
        format: parts.importer.format(),
        source_format: parts.importer.source_format().to_owned(),
        color: parts.importer.color(),
        sample_aspect_ratio: parts.sample_aspect_ratio,
        time_base: stream.time_base,
        frame_rate: frame_rate(stream),
        frame_estimate: frame_estimate(parts, stream),
        variable_rate: is_variable(parts.facts, stream),
        is_picture: is_picture(&parts.facts.format),
    }
}

/// True for demuxers of single pictures and picture sequences.
pub(super) fn is_picture(format: &str) -> bool {
    format.starts_with("image2") || format.ends_with("_pipe")
}

/// The average frame rate, else the guessed one; 0/1 if both are unknown.
pub(super) fn frame_rate(stream: &StreamFacts) -> Rational {
    [stream.average_rate, stream.real_rate]
        .into_iter()
        .find(|rate| rate.is_positive())
        .unwrap_or(Rational::new(0, 1))
}

/// The container's count, else length times rate; the latter also for a part of the input.
fn frame_estimate(parts: &Parts<'_>, stream: &StreamFacts) -> Option<u64> {
    let is_whole = parts.trim == Trim::default();
    if let Some(frames) = stream.frames.filter(|_| is_whole) {
        return Some(frames);
    }
    let rate = frame_rate(stream);
    if !rate.is_positive() {
        return None;
    }
    let own = stream.duration.map(|ticks| rescale(ticks, stream.time_base, MICROSECONDS));
    let length = parts.trim.length(parts.facts.start, own.or(parts.facts.duration))?;
    u64::try_from(rescale(length, MICROSECONDS, rate.inverse())).ok()
}

/// A guess: the rate that could represent all time stamps is not the average rate (nor the field rate).
fn is_variable(facts: &InputFacts, stream: &StreamFacts) -> bool {
    let (average, real) = (stream.average_rate, stream.real_rate);
    if facts.format_flags & AVFMT_NOTIMESTAMPS != 0 || !average.is_positive() || !real.is_positive() {
        return false;
    }
    // real / average in thousandths.
    let ratio = 1000 * i128::from(real.num) * i128::from(average.den)
        / (i128::from(real.den) * i128::from(average.num));
    !(995..=1005).contains(&ratio) && !(1990..=2010).contains(&ratio)
}

fn stream_info(facts: StreamFacts, kind: StreamKind) -> StreamInfo {
    let is_video = matches!(kind, StreamKind::Video | StreamKind::OtherVideo);
    let frame_rate = if is_video { frame_rate(&facts) } else { Rational::new(0, 1) };
    if facts.codec == "none" || facts.codec == "unknown_codec" {
        tracing::debug!("stream {} has a codec that FFmpeg does not know", facts.index);
    }
    StreamInfo {
        index: facts.index,
        kind,
        codec: facts.codec,
        time_base: facts.time_base,
        start: facts.start,
        frame_rate,
        disposition: facts.disposition,
        metadata: facts.metadata,
        side_data: facts.side_data.into_iter().filter(|data| !describes_coding(data.kind)).collect(),
        parameters: facts.parameters,
        picture: facts.picture,
    }
}

/// Side data about the coded bits rather than about the stream's meaning.
fn describes_coding(kind: u32) -> bool {
    kind == AVPacketSideDataType::AV_PKT_DATA_CPB_PROPERTIES as u32
}

fn add_missing(side_data: &mut Vec<SideData>, found: &[SideData]) {
    for data in found {
        if !side_data.iter().any(|present| present.kind == data.kind) {
            side_data.push(data.clone());
        }
    }
}
