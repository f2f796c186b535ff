//! The streams of an output, in the input's order.

use super::copy::Fate;
use super::copy_track::CopyTrack;
use super::delay::Delay;
use super::encode::VideoTrack;
use super::ffi_output::{Muxer, StreamSpec};
use super::ffi_parameters::{attachment_parameters, text_parameters};
use super::metadata::{stream_tags, video_side_data};
use super::mov_text;
use super::stream::{InputDescription, StreamInfo, StreamKind};
use super::subtitle::TextFormat;
use crate::frame::{Rational, TimeBase};
use ffmpeg_next::codec::Parameters;
use ffmpeg_next::ffi::{AV_DISPOSITION_ATTACHED_PIC, AVCodecID};

/// Where the packets of an input stream go.
pub(super) enum Track {
    /// Ignored: the encoder makes them.
    Video,
    Copy(Box<CopyTrack>),
    /// Counted, not stored.
    Count,
    Nowhere,
}

/// A stream of the input and its place in the output.
struct Entry {
    track: Track,
    output_index: Option<usize>,
}

/// All streams, by position in the input's list.
pub(super) struct OutputStreams {
    entries: Vec<Entry>,
    video_index: usize,
    video_time_base: TimeBase,
}

impl OutputStreams {
    /// Adds the streams to the muxer.
    pub(super) fn add(
        muxer: &mut Muxer,
        fates: &[Fate],
        input: &InputDescription,
        video: &VideoTrack,
        delay: Delay,
    ) -> Result<Self, i32> {
        let mut video_index = None;
        let mut entries = Vec::with_capacity(fates.len());
        for (stream, fate) in input.streams.iter().zip(fates) {
            let entry = match fate {
                Fate::Encode => {
                    video_index = Some(add_video(muxer, Some(stream), video)?);
                    Entry { track: Track::Video, output_index: video_index }
                }
                Fate::Drop => Entry { track: Track::Nowhere, output_index: None },
                Fate::Count => Entry { track: Track::Count, output_index: None },
                Fate::Copy => add_copy(muxer, stream, delay)?,
                Fate::Convert(conversion) => {
                    let parameters = text_track_parameters(conversion.to, video);
                    let spec = StreamSpec { parameters: &parameters, ..spec_of(stream, &[]) };
                    let index = muxer.add_stream(&spec)?;
                    let track = CopyTrack::converted(stream, index, delay, *conversion);
                    Entry { track: Track::Copy(Box::new(track)), output_index: Some(index) }
                }
                Fate::AttachPicture => {
                    add_cover_attachment(muxer, stream)?;
                    Entry { track: Track::Nowhere, output_index: None }
                }
            };
            entries.push(entry);
        }
        let video_index = match video_index {
            Some(index) => index,
            None => add_video(muxer, None, video)?,
        };
        Ok(Self { entries, video_index, video_time_base: TimeBase::new(0, 1) })
    }

    /// Takes over the time bases that the muxer has settled on, once the header is written.
    pub(super) fn learn_time_bases(&mut self, muxer: &Muxer) {
        self.video_time_base = muxer.time_base(self.video_index);
        // libavformat 59 (FFmpeg 5) does; measured, as its time stamps drift from run to run otherwise.
        let forgets_codec_delay = matches!(muxer.format().name(), "matroska" | "webm")
            && ffmpeg_next::format::version() >> 16 == 59;
        for entry in &mut self.entries {
            if let (Track::Copy(track), Some(index)) = (&mut entry.track, entry.output_index) {
                track.set_time_base(muxer.time_base(index), muxer.allows_equal_times());
                if forgets_codec_delay {
                    track.add_codec_delay();
                }
            }
        }
    }

    pub(super) fn video_index(&self) -> usize {
        self.video_index
    }

    pub(super) fn video_time_base(&self) -> TimeBase {
        self.video_time_base
    }

    pub(super) fn track_mut(&mut self, position: usize) -> Option<&mut Track> {
        self.entries.get_mut(position).map(|entry| &mut entry.track)
    }

    pub(super) fn output_index(&self, position: usize) -> Option<usize> {
        self.entries.get(position).and_then(|entry| entry.output_index)
    }
}

fn add_video(muxer: &mut Muxer, stream: Option<&StreamInfo>, video: &VideoTrack) -> Result<usize, i32> {
    let settings = video.encoder().settings();
    let parameters = video.encoder().parameters();
    let mut side_data = video.encoder().side_data();
    side_data.extend(stream.map(|stream| video_side_data(&stream.side_data)).unwrap_or_default());
    let metadata = stream.map(|stream| stream_tags(&stream.metadata, StreamKind::Video)).unwrap_or_default();
    muxer.add_stream(&StreamSpec {
        parameters: &parameters,
        time_base: video.packet_time_base(),
        frame_rate: settings.frame_rate,
        sample_aspect_ratio: settings.sample_aspect_ratio,
        disposition: stream.map_or(0, |stream| stream.disposition),
        metadata: &metadata,
        side_data: &side_data,
        is_copy: false,
    })
}

fn add_copy(muxer: &mut Muxer, stream: &StreamInfo, delay: Delay) -> Result<Entry, i32> {
    let metadata = stream_tags(&stream.metadata, stream.kind);
    let mut spec = spec_of(stream, &metadata);
    if stream.kind == StreamKind::Picture {
        // The mp4 family knows a cover by this disposition alone.
        spec.disposition = AV_DISPOSITION_ATTACHED_PIC;
    }
    let index = muxer.add_stream(&spec)?;
    let track = match stream.kind {
        StreamKind::Picture | StreamKind::Attachment => Track::Nowhere,
        _ => Track::Copy(Box::new(CopyTrack::unchanged(stream, index, delay))),
    };
    Ok(Entry { track, output_index: Some(index) })
}

fn spec_of<'a>(stream: &'a StreamInfo, metadata: &'a [(String, String)]) -> StreamSpec<'a> {
    let metadata = if metadata.is_empty() { &stream.metadata } else { metadata };
    StreamSpec {
        parameters: &stream.parameters,
        time_base: stream.time_base,
        frame_rate: stream.frame_rate,
        sample_aspect_ratio: Rational::new(0, 1),
        disposition: stream.disposition,
        metadata,
        side_data: &stream.side_data,
        is_copy: true,
    }
}

fn text_track_parameters(format: TextFormat, video: &VideoTrack) -> Parameters {
    let settings = video.encoder().settings();
    let size = (settings.width, settings.height);
    match format {
        TextFormat::MovText => {
            text_parameters(AVCodecID::AV_CODEC_ID_MOV_TEXT, &mov_text::SAMPLE_DESCRIPTION, size)
        }
        TextFormat::WebVtt => text_parameters(AVCodecID::AV_CODEC_ID_WEBVTT, &[], size),
        TextFormat::SubRip | TextFormat::Plain => text_parameters(AVCodecID::AV_CODEC_ID_SUBRIP, &[], size),
    }
}

/// Matroska readers show an attached picture called `cover.*` as cover art.
fn add_cover_attachment(muxer: &mut Muxer, stream: &StreamInfo) -> Result<(), i32> {
    let Some(bytes) = stream.picture.as_ref().and_then(|packet| packet.data()) else { return Ok(()) };
    let (extension, mime) = match stream.codec.as_str() {
        "png" => ("png", "image/png"),
        "bmp" => ("bmp", "image/bmp"),
        "gif" => ("gif", "image/gif"),
        "webp" => ("webp", "image/webp"),
        "tiff" => ("tiff", "image/tiff"),
        _ => ("jpg", "image/jpeg"),
    };
    let parameters = attachment_parameters(&stream.parameters, bytes);
    let mut metadata = stream.metadata.clone();
    metadata.retain(|(key, _)| !matches!(key.as_str(), "filename" | "mimetype"));
    metadata.push(("filename".to_owned(), format!("cover.{extension}")));
    metadata.push(("mimetype".to_owned(), mime.to_owned()));
    let spec =
        StreamSpec { parameters: &parameters, disposition: 0, side_data: &[], ..spec_of(stream, &metadata) };
    muxer.add_stream(&spec).map(|_| ())
}
