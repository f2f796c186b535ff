//! What becomes of each stream that is not the processed video.

use super::container::{is_left_out, is_m2ts};
use super::ffi_output::{OutputFormat, error_text};
use super::options::OutputOptions;
use super::stream::{InputDescription, StreamInfo, StreamKind};
use super::subtitle::{SubtitleConversion, TextFormat};
use super::timecode;
use crate::error::MediaError;
use ffmpeg_next::ffi::AVCodecID;

/// The fate of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The processed video.
    Encode,
    /// Packets pass bit by bit.
    Copy,
    /// Text subtitles change their wrapping.
    Convert(SubtitleConversion),
    /// A cover picture becomes a Matroska attachment.
    AttachPicture,
    /// Left out: the user said so, or the format is of a single stream.
    Drop,
    /// Accepted and counted, but nothing is stored.
    Count,
}

/// Decides the fate of every stream, in the input's order.
pub(super) fn decide_fates(
    format: OutputFormat,
    location: &str,
    options: &OutputOptions,
    input: &InputDescription,
    notes: &mut Vec<String>,
) -> Result<Vec<Fate>, MediaError> {
    let family = Family::of(format, is_m2ts(format, location, options));
    let is_single = format.name() != "null" && !format.holds_audio();
    let fates: Result<Vec<Fate>, MediaError> = input
        .streams
        .iter()
        .map(|stream| match stream.kind {
            StreamKind::Video => Ok(Fate::Encode),
            kind if is_left_out(kind, options) || is_single => Ok(Fate::Drop),
            _ if format.name() == "null" => Ok(Fate::Count),
            _ => decide(family, format, stream, input),
        })
        .collect();
    let fates = fates?;
    note_fates(format, options, input, &fates, notes);
    Ok(fates)
}

fn decide(
    family: Family,
    format: OutputFormat,
    stream: &StreamInfo,
    input: &InputDescription,
) -> Result<Fate, MediaError> {
    if is_chapter_text(stream, input) || is_kept_timecode(format, stream, input) {
        return Ok(Fate::Drop);
    }
    if stream.kind == StreamKind::Picture && family == Family::Matroska {
        return Ok(Fate::AttachPicture);
    }
    if takes(family, format, stream) {
        return Ok(Fate::Copy);
    }
    let conversion = text_format(&stream.codec).and_then(|from| {
        let to = family.text_format().filter(|to| *to != from)?;
        Some(Fate::Convert(SubtitleConversion { from, to }))
    });
    conversion.ok_or_else(|| refusal(format, stream))
}

/// Containers whose tables we know better than their muxers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Mp4,
    Mov,
    Matroska,
    WebM,
    MpegTs,
    BluRay,
    Ogg,
    Other,
}

impl Family {
    fn of(format: OutputFormat, is_m2ts: bool) -> Self {
        match format.name() {
            "mp4" | "ipod" | "3gp" | "3g2" | "psp" | "f4v" | "ismv" => Self::Mp4,
            "mov" => Self::Mov,
            "matroska" => Self::Matroska,
            "webm" => Self::WebM,
            "mpegts" if is_m2ts => Self::BluRay,
            "mpegts" => Self::MpegTs,
            "ogg" | "ogv" => Self::Ogg,
            _ => Self::Other,
        }
    }

    /// The text subtitles that the container holds best.
    const fn text_format(self) -> Option<TextFormat> {
        match self {
            Self::Mp4 | Self::Mov => Some(TextFormat::MovText),
            Self::Matroska => Some(TextFormat::SubRip),
            Self::WebM => Some(TextFormat::WebVtt),
            _ => None,
        }
    }
}

fn text_format(codec: &str) -> Option<TextFormat> {
    match codec {
        "subrip" | "srt" => Some(TextFormat::SubRip),
        "text" => Some(TextFormat::Plain),
        "webvtt" => Some(TextFormat::WebVtt),
        "mov_text" => Some(TextFormat::MovText),
        _ => None,
    }
}

/// True for the text track that QuickTime stores its chapters in: they are written as chapters.
fn is_chapter_text(stream: &StreamInfo, input: &InputDescription) -> bool {
    stream.kind == StreamKind::Data
        && stream.codec == "bin_data"
        && stream.codec_tag() == *b"text"
        && !input.chapters.is_empty()
}

/// The time code that the muxer of this format makes a track of, from the tags of video and file.
fn kept_timecode(format: OutputFormat, input: &InputDescription) -> Option<&str> {
    let tags = input.video_stream().map(|stream| stream.metadata.as_slice()).unwrap_or_default();
    timecode::find(tags).or_else(|| timecode::find(&input.metadata)).filter(|_| is_mp4_family(format))
}

/// True for a track of time codes that the muxer makes again.
fn is_kept_timecode(format: OutputFormat, stream: &StreamInfo, input: &InputDescription) -> bool {
    stream.kind == StreamKind::Data
        && stream.codec_tag() == *b"tmcd"
        && kept_timecode(format, input).is_some()
}

fn takes(family: Family, format: OutputFormat, stream: &StreamInfo) -> bool {
    let codec = stream.codec.as_str();
    let by_muxer = || format.takes(stream.codec_id()).unwrap_or(false);
    match (family, stream.kind) {
        (_, StreamKind::Attachment) => family == Family::Matroska,
        (Family::Mp4 | Family::Mov, StreamKind::Data) => {
            // The muxer makes tracks of time codes itself and refuses those of others.
            stream.codec_tag() == *b"gpmd"
        }
        (Family::Mp4, StreamKind::Subtitle) => matches!(codec, "mov_text" | "dvd_subtitle" | "ttml"),
        (Family::Mov, StreamKind::Subtitle) => matches!(codec, "mov_text" | "eia_608"),
        // The muxer takes it for QuickTime and phones too, and writes it nowhere.
        (Family::Mp4 | Family::Mov, StreamKind::Picture) => {
            matches!(format.name(), "mp4" | "ipod" | "f4v") && matches!(codec, "mjpeg" | "png" | "bmp")
        }
        (Family::Mov, StreamKind::Audio) => !matches!(codec, "opus" | "flac" | "truehd") && by_muxer(),
        (Family::MpegTs, _) => mpegts_takes(codec),
        (Family::BluRay, _) => mpegts_takes(codec) || matches!(codec, "hdmv_pgs_subtitle" | "pcm_bluray"),
        (Family::Ogg, _) => {
            matches!(codec, "vorbis" | "opus" | "flac" | "speex" | "theora" | "vp8")
        }
        (Family::Matroska, StreamKind::Data) => false,
        (_, StreamKind::Picture) => stream_is_cover_elsewhere(format, stream),
        _ => format.takes(stream.codec_id()) != Some(false),
    }
}

/// Whether a container of no known family takes cover art.
fn stream_is_cover_elsewhere(format: OutputFormat, stream: &StreamInfo) -> bool {
    matches!(format.name(), "nut") && format.takes(stream.codec_id()) == Some(true)
}

/// What a transport stream has a stream type for; its muxer takes all the rest as anonymous private data.
fn mpegts_takes(codec: &str) -> bool {
    const CODECS: [&str; 27] = [
        "mpeg1video",
        "mpeg2video",
        "mpeg4",
        "h264",
        "hevc",
        "vvc",
        "cavs",
        "avs2",
        "avs3",
        "dirac",
        "vc1",
        "mp1",
        "mp2",
        "mp3",
        "aac",
        "aac_latm",
        "ac3",
        "eac3",
        "dts",
        "truehd",
        "opus",
        "s302m",
        "dvb_subtitle",
        "dvb_teletext",
        "smpte_klv",
        "klv",
        "timed_id3",
    ];
    CODECS.contains(&codec)
}

fn refusal(format: OutputFormat, stream: &StreamInfo) -> MediaError {
    let (kind, option) = match stream.kind {
        StreamKind::Video | StreamKind::OtherVideo => ("video", None),
        StreamKind::Picture => ("cover art", Some("--no-attachments")),
        StreamKind::Audio => ("audio", Some("--no-audio")),
        StreamKind::Subtitle => ("subtitle", Some("--no-subtitles")),
        StreamKind::Data => ("data", Some("--no-data")),
        StreamKind::Attachment => ("attachment", Some("--no-attachments")),
    };
    let language = stream.metadata.iter().find(|(key, _)| key == "language");
    let language = language.map(|(_, value)| format!(", {value}")).unwrap_or_default();
    let index = stream.index;
    let matroska = match (format.name(), stream.kind) {
        ("matroska", _) | (_, StreamKind::Data) => String::new(),
        _ => "use -o x.mkv, ".to_owned(),
    };
    let option = option.map(|option| format!("add {option} or ")).unwrap_or_else(|| "add ".to_owned());
    MediaError::Unsupported {
        problem: format!(
            "stream #{index} ({kind}{language}, {}) cannot be stored in {}",
            stream.codec,
            format.name()
        ),
        remedy: format!("{matroska}{option}--map -0:{index}"),
    }
}

/// The error for streams that the muxer takes one by one, but not these, or not together.
pub(super) fn refused_header(
    format: OutputFormat,
    code: i32,
    options: &OutputOptions,
    input: &InputDescription,
    fates: &[Fate],
) -> MediaError {
    let copied: Vec<_> = input.streams.iter().zip(fates).filter(|(_, fate)| **fate == Fate::Copy).collect();
    let names = copied.iter().map(|(stream, _)| format!("#{} ({})", stream.index, stream.codec));
    let names: Vec<_> = ["the video".to_owned()].into_iter().chain(names).collect();
    let mut remedies = vec!["use another container, for example -o x.mkv".to_owned()];
    for (kind, option) in [
        (StreamKind::Audio, "--no-audio"),
        (StreamKind::Subtitle, "--no-subtitles"),
        (StreamKind::Data, "--no-data"),
        (StreamKind::Picture, "--no-attachments"),
    ] {
        if copied.iter().any(|(stream, _)| stream.kind == kind) {
            remedies.push(format!("add {option}"));
        }
    }
    remedies
        .extend(copied.last().map(|(stream, _)| format!("leave one out, as with --map -0:{}", stream.index)));
    if !options.muxer_options.is_empty() {
        remedies.push("correct --muxer-opt".to_owned());
    }
    MediaError::Unsupported {
        problem: format!(
            "{} refuses these streams together or one of them: {} ({}; -vv shows why)",
            format.name(),
            names.join(", "),
            error_text(code)
        ),
        remedy: remedies.join(", or "),
    }
}

fn note_fates(
    format: OutputFormat,
    options: &OutputOptions,
    input: &InputDescription,
    fates: &[Fate],
    notes: &mut Vec<String>,
) {
    let mut dropped = Vec::new();
    for (stream, fate) in input.streams.iter().zip(fates) {
        match fate {
            Fate::Convert(conversion) => notes.push(format!(
                "subtitle stream #{} is converted from {} to {}",
                stream.index, stream.codec, conversion.to
            )),
            Fate::Drop if is_left_out(stream.kind, options) || is_chapter_text(stream, input) => {}
            Fate::Drop if is_kept_timecode(format, stream, input) => {
                notes.extend(kept_timecode(format, input).map(|timecode| {
                    format!("{} makes a track of its own of the time code {timecode}", format.name())
                }))
            }
            Fate::Drop => {
                dropped.push(format!("#{} ({})", stream.index, stream.codec));
            }
            _ => {}
        }
    }
    if !dropped.is_empty() {
        notes.push(format!("{} holds video only: left out {}", format.name(), dropped.join(", ")));
    }
}

pub(super) fn is_mp4_family(format: OutputFormat) -> bool {
    matches!(Family::of(format, false), Family::Mp4 | Family::Mov)
}

/// True for codecs that the mp4 family only plays widely under another tag.
pub(super) fn video_tag(format: OutputFormat, codec: AVCodecID) -> u32 {
    if is_mp4_family(format) && codec == AVCodecID::AV_CODEC_ID_HEVC {
        u32::from_le_bytes(*b"hvc1")
    } else {
        0
    }
}
