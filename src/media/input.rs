//! The two kinds of input, containers and pictures, behind one face.

use super::decode::{Decoder, Decoding};
use super::ending::Ending;
use super::ffi_input::{self, FieldOrder, InputFacts, OpenedInput, RawColor, StreamFacts};
use super::image_read::{self, Animation, PictureReader};
use super::reader::{Raw, Reader, ReaderSetup};
use super::trim::Trim;
use super::{Chapter, InputOptions, Interrupt, MediaError, StreamKind};
use super::{describe, open, select};
use crate::frame::{MemoryPlace, Rational, rescale};
use ffmpeg::codec::{Id, Parameters};
use ffmpeg::ffi::{AVFMT_NOTIMESTAMPS, AVFMT_TS_DISCONT};
use ffmpeg::frame::Video;
use ffmpeg::media::Type;
use ffmpeg_next as ffmpeg;

/// An input that is ready to be read, and what is known of it.
pub(super) struct Opened {
    pub(super) reader: InputReader,
    pub(super) facts: InputFacts,
    pub(super) streams: Vec<StreamFacts>,
    /// Role of each stream, `None` for those left out.
    pub(super) kinds: Vec<Option<StreamKind>>,
    pub(super) chapters: Vec<Chapter>,
    pub(super) trim: Trim,
}

impl Opened {
    /// The processed video.
    pub(super) fn video(&self) -> Option<&StreamFacts> {
        self.streams.get(processed(&self.kinds)?)
    }
}

/// Where pictures and packets come from.
pub(super) enum InputReader {
    Container(Box<Reader>),
    Pictures(PictureReader),
}

impl InputReader {
    /// The next picture or packet.
    ///
    /// # Errors
    /// As [`Reader::next`] and [`PictureReader::next`].
    pub(super) fn next(&mut self) -> Result<Raw, MediaError> {
        match self {
            Self::Container(reader) => reader.next(),
            Self::Pictures(reader) => reader.next(),
        }
    }

    /// Damaged packets and pictures so far.
    pub(super) fn damaged(&self) -> u64 {
        match self {
            Self::Container(reader) => reader.damaged(),
            Self::Pictures(reader) => reader.damaged(),
        }
    }

    /// Takes a used picture back.
    pub(super) fn recycle(&mut self, picture: Video) {
        if let Self::Container(reader) = self {
            reader.recycle(picture);
        }
    }

    /// Leaves decoded pictures on their device from now on, if its memory is at `place`; true if so.
    pub(super) fn keep_on_device(&mut self, place: MemoryPlace) -> bool {
        match self {
            Self::Container(reader) => reader.keep_on_device(place),
            Self::Pictures(_) => false,
        }
    }

    /// What decodes.
    pub(super) fn decoding(&self) -> Decoding<'_> {
        match self {
            Self::Container(reader) => reader.decoding(),
            Self::Pictures(reader) => Decoding { decoder: reader.codec(), hardware: None, problem: None },
        }
    }

    /// Shape of a sample; 0/1 if unknown.
    pub(super) fn sample_aspect_ratio(&mut self, picture: &mut Video) -> Rational {
        match self {
            Self::Container(reader) => reader.sample_aspect_ratio(picture),
            Self::Pictures(_) => Rational::new(0, 1),
        }
    }
}

/// Opens a location.
///
/// # Errors
/// As [`super::Source::open`].
pub(super) fn open(
    location: &str,
    options: &InputOptions,
    interrupt: Interrupt,
) -> Result<Opened, MediaError> {
    check_part(options)?;
    let Some(codec) = image_read::codec(location).filter(|_| options.format.is_none()) else {
        return open_container(location, options, interrupt);
    };
    match image_read::animation(location) {
        Some(Animation::Png) => {
            let options = InputOptions { format: Some("apng".to_owned()), ..options.clone() };
            open_container(location, &options, interrupt)
        }
        Some(Animation::WebP) => Err(open::wrong(
            location,
            "is an animated WebP, of which only the first picture could be read",
            "convert it to APNG, GIF or a sequence of pictures first",
        )),
        None => open_pictures(location, codec, options, interrupt),
    }
}

/// Refuses a part of the input that cannot be.
fn check_part(options: &InputOptions) -> Result<(), MediaError> {
    let wrong = |option: &str, problem: String, remedy: &str| {
        Err(MediaError::Option { option: option.to_owned(), problem, remedy: remedy.to_owned() })
    };
    match (options.start, options.duration) {
        (Some(start), _) if start < 0 => {
            wrong("--start", format!("{start} µs is before the input"), "give 0 or more")
        }
        (_, Some(duration)) if duration <= 0 => {
            wrong("--duration", format!("nothing is {duration} µs long"), "give more than 0")
        }
        _ => Ok(()),
    }
}

fn open_container(
    location: &str,
    options: &InputOptions,
    interrupt: Interrupt,
) -> Result<Opened, MediaError> {
    let OpenedInput { input, unused, head } = open::open(location, options, &interrupt)?;
    let facts = ffi_input::input_facts(&input);
    let mut streams = ffi_input::stream_facts(&input);
    let chapters = ffi_input::chapter_facts(&input);
    let best = input.streams().best(Type::Video).map(|stream| stream.index());
    let kinds = select::select(location, &streams, best, &options.map)?;
    let video = processed(&kinds).and_then(|index| streams.get_mut(index));
    let video = video.ok_or_else(|| undecodable(location))?;
    // Elementary streams have no time stamps of their own, so the user's rate counts.
    let rate = options.rate.filter(|rate| rate.is_positive() && is_elementary(&facts.format));
    if let Some(rate) = rate {
        video.average_rate = rate;
        video.real_rate = rate;
    }
    let without_effect = open::ineffective(&unused).into_iter();
    let has_times = facts.format_flags & AVFMT_NOTIMESTAMPS == 0;
    warn_of(location, without_effect.filter(|option| *option != "--rate" || has_times));
    let frame_rate = options.rate.unwrap_or_else(|| describe::frame_rate(video));
    let decoder = Decoder::open(location, video, options)?;
    let trim = Trim::new(facts.start, options.start, options.duration);
    let mut reader = Reader::new(ReaderSetup {
        location,
        input,
        interrupt,
        decoder,
        streams: &streams,
        kinds: &kinds,
        frame_rate,
        trim,
        is_strict: options.strict,
        may_restart: facts.format_flags & AVFMT_TS_DISCONT != 0,
        is_free_running: rate.is_some(),
        ending: Ending::new(&head, &facts.format),
    });
    if facts.seekable {
        reader.seek_to_start(facts.start)?;
    }
    Ok(Opened { reader: InputReader::Container(Box::new(reader)), facts, streams, kinds, chapters, trim })
}

fn open_pictures(
    location: &str,
    codec: &str,
    options: &InputOptions,
    interrupt: Interrupt,
) -> Result<Opened, MediaError> {
    let files = image_read::files(location)?;
    let given =
        [("--video-size", options.video_size.is_some()), ("--input-pix-fmt", options.pixel_format.is_some())];
    warn_of(location, given.into_iter().filter(|(_, is_given)| *is_given).map(|(option, _)| option));
    let rate = options.rate.filter(|rate| rate.is_positive()).unwrap_or(Rational::new(25, 1));
    let time_base = rate.inverse();
    let count = files.len() as i64;
    let duration = rescale(count, time_base, Rational::new(1, 1_000_000));
    let trim = Trim::new(0, options.start, options.duration);
    let mut parameters = Parameters::new();
    parameters.set_medium(Type::Video);
    parameters.set_id(picture_codec(codec));
    let stream = StreamFacts {
        index: 0,
        medium: Type::Video,
        codec: codec.to_owned(),
        time_base,
        average_rate: rate,
        real_rate: rate,
        start: Some(0),
        duration: Some(count),
        frames: u64::try_from(count).ok(),
        disposition: 0,
        metadata: Vec::new(),
        side_data: Vec::new(),
        parameters,
        picture: None,
        field_order: FieldOrder::Progressive,
        color: RawColor { matrix: 2, primaries: 2, transfer: 2, range: 0, location: 0 },
    };
    let streams = vec![stream];
    let kinds = select::select(location, &streams, Some(0), &options.map)?;
    let reader = PictureReader::new(location, files, time_base, interrupt, trim, options.strict);
    let facts = InputFacts {
        format: "image2".to_owned(),
        format_flags: 0,
        metadata: Vec::new(),
        start: 0,
        duration: Some(duration),
        seekable: true,
    };
    Ok(Opened { reader: InputReader::Pictures(reader), facts, streams, kinds, chapters: Vec::new(), trim })
}

fn warn_of(location: &str, without_effect: impl Iterator<Item = &'static str>) {
    for option in without_effect {
        tracing::warn!("{option} has no effect: {location} says that itself");
    }
}

/// True for demuxers of coded video without a container.
fn is_elementary(format: &str) -> bool {
    const DEMUXERS: [&str; 14] = [
        "h264",
        "hevc",
        "vvc",
        "obu",
        "m4v",
        "mpegvideo",
        "mjpeg",
        "vc1",
        "cavsvideo",
        "dirac",
        "h261",
        "h263",
        "avs2",
        "avs3",
    ];
    DEMUXERS.contains(&format)
}

fn picture_codec(name: &str) -> Id {
    match name {
        "png" => Id::PNG,
        "webp" => Id::WEBP,
        "tiff" => Id::TIFF,
        "bmp" => Id::BMP,
        _ => Id::MJPEG,
    }
}

fn processed(kinds: &[Option<StreamKind>]) -> Option<usize> {
    kinds.iter().position(|kind| *kind == Some(StreamKind::Video))
}

/// The input opened, but nothing of its video came out.
pub(super) fn undecodable(location: &str) -> MediaError {
    MediaError::Input {
        input: location.to_owned(),
        problem: "not one picture of the video could be decoded".to_owned(),
        remedy: "the file is damaged or cut off, or the trimmed part is empty".to_owned(),
    }
}
