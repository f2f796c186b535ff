//! Reading video: frames of one size and format, and the packets of all other streams.

use super::decode::{Decoded, Decoder};
use super::deinterlace::{Deinterlacer, Fields};
use super::describe::{self, Parts};
use super::ffi_input::{self, StreamFacts};
use super::frame_import::{self, Importer};
use super::reader::{Raw, Reader, ReaderSetup};
use super::trim::Trim;
use super::{InputDescription, InputOptions, Interrupt, MediaError, SourceItem, SourceReport};
use super::{library, open, select};
use crate::frame::{BufferPool, Rational};
use ffmpeg_next::ffi::AVFMT_TS_DISCONT;
use std::collections::VecDeque;
use std::sync::Arc;

/// An opened input.
///
/// Frames come in the order of their time stamps, which always grow. They are planar and native-endian, all of the
/// size and format of the first one; RGB of any kind is delivered as full-range BT.709 4:4:4 in 16 bit. Packets of
/// the other selected streams come in between, as they lie in the container; cover art and attachments are part of
/// the description only.
pub struct Source {
    reader: Reader,
    deinterlacer: Deinterlacer,
    importer: Importer,
    description: Arc<InputDescription>,
    /// Read ahead to see how the video begins.
    preview: VecDeque<Raw>,
    /// Deinterlaced pictures.
    ready: VecDeque<Decoded>,
    is_finished: bool,
    frames: u64,
}

impl Source {
    /// Opens `location`: a file, a URL of any protocol that FFmpeg knows, `-` for standard input, one picture, or a
    /// picture sequence with a number pattern such as `frame%05d.png`. Decodes the first picture, as containers are
    /// often wrong about what is inside. `interrupt` ends blocking reads; frames take their memory from `pool`.
    ///
    /// # Errors
    /// [`MediaError::Input`] if the input is missing, unreadable, has no video, or no picture of it can be decoded;
    /// [`MediaError::Option`] for options that are wrong or missing; [`MediaError::Interrupted`].
    pub fn open(
        location: &str,
        options: &InputOptions,
        interrupt: Interrupt,
        pool: BufferPool,
    ) -> Result<Self, MediaError> {
        library::initialise();
        let input = open::open(location, options, &interrupt)?;
        let facts = ffi_input::input_facts(&input);
        let streams = ffi_input::stream_facts(&input);
        let best = input.streams().best(ffmpeg_next::media::Type::Video).map(|stream| stream.index());
        let kinds = select::select(location, &streams, best, &options.map)?;
        let video = kinds.iter().position(|kind| *kind == Some(super::StreamKind::Video));
        let Some(video) = video.and_then(|index| streams.get(index)) else {
            return Err(undecodable(location));
        };
        let trim = Trim::new(facts.start, options.start, options.duration);
        let mut reader = Reader::new(ReaderSetup {
            location,
            input,
            interrupt,
            decoder: Decoder::open(location, video, options.threads)?,
            streams: &streams,
            kinds: &kinds,
            frame_rate: options.rate.unwrap_or_else(|| describe::frame_rate(video)),
            trim,
            is_strict: options.strict,
            may_restart: facts.format_flags & AVFMT_TS_DISCONT != 0,
        });
        if facts.seekable {
            reader.seek_to_start(facts.start)?;
        }
        let mut preview = VecDeque::new();
        read_to_picture(location, &mut reader, &mut preview)?;
        let Some(Raw::Picture(first)) = preview.back_mut() else {
            return Err(undecodable(location));
        };
        let aspect = ffi_input::sample_aspect_ratio(reader.input_mut(), video.index, &mut first.picture);
        let importer = Importer::new(location, &first.picture, &video.codec, video.color, aspect, pool)?;
        let first_side_data = frame_import::stream_side_data(&first.picture);
        let deinterlacer = deinterlacer(location, options, video, aspect);
        let parts = Parts {
            location,
            facts: &facts,
            streams,
            kinds: &kinds,
            importer: &importer,
            sample_aspect_ratio: aspect,
            trim,
            first_side_data,
        };
        let description =
            describe::describe(reader.input_mut(), parts).ok_or_else(|| undecodable(location))?;
        let mut source = Self {
            reader,
            deinterlacer,
            importer,
            description: Arc::new(description),
            preview,
            ready: VecDeque::new(),
            is_finished: false,
            frames: 0,
        };
        source.look_ahead()?;
        Ok(source)
    }

    /// What the input consists of.
    pub fn description(&self) -> Arc<InputDescription> {
        Arc::clone(&self.description)
    }

    /// The next frame or packet; [`SourceItem::End`] once all were given out, and from then on.
    ///
    /// # Errors
    /// [`MediaError::Interrupted`]; [`MediaError::Input`] for the first damage if reading is strict, or if a picture
    /// cannot be converted.
    pub fn next(&mut self) -> Result<SourceItem, MediaError> {
        loop {
            if let Some(decoded) = self.ready.pop_front() {
                let frame = self.importer.import(&decoded)?;
                self.reader.recycle(decoded.picture);
                self.frames += 1;
                return Ok(SourceItem::Frame(frame));
            }
            if self.is_finished {
                return Ok(SourceItem::End);
            }
            let raw = match self.preview.pop_front() {
                Some(raw) => raw,
                None => self.reader.next()?,
            };
            match raw {
                Raw::Picture(decoded) => self.deinterlacer.push(decoded, &mut self.ready)?,
                Raw::Packet(packet) => return Ok(SourceItem::Packet(packet)),
                Raw::End => {
                    self.is_finished = true;
                    self.deinterlacer.finish(&mut self.ready)?;
                }
            }
        }
    }

    /// What happened so far.
    pub fn report(&self) -> SourceReport {
        SourceReport {
            frames: self.frames,
            damaged: self.reader.damaged(),
            rescaled: self.importer.rescaled(),
            deinterlaced: self.deinterlacer.deinterlaced(),
        }
    }

    /// Shows the first pictures to the deinterlacer, so that it decides before any is delivered.
    fn look_ahead(&mut self) -> Result<(), MediaError> {
        let mut seen = 0;
        loop {
            for raw in self.preview.iter().skip(seen) {
                match raw {
                    Raw::Picture(decoded) if self.deinterlacer.wants_preview(&decoded.picture) => {
                        self.deinterlacer.preview(&decoded.picture);
                    }
                    Raw::Picture(_) | Raw::End => return Ok(()),
                    Raw::Packet(_) => {}
                }
            }
            seen = self.preview.len();
            self.preview.push_back(self.reader.next()?);
        }
    }
}

/// Reads on until `read` ends with a picture.
fn read_to_picture(location: &str, reader: &mut Reader, read: &mut VecDeque<Raw>) -> Result<(), MediaError> {
    loop {
        let raw = reader.next()?;
        let is_picture = matches!(raw, Raw::Picture(_));
        if matches!(raw, Raw::End) {
            return Err(undecodable(location));
        }
        read.push_back(raw);
        if is_picture {
            return Ok(());
        }
    }
}

fn deinterlacer(
    location: &str,
    options: &InputOptions,
    video: &StreamFacts,
    aspect: Rational,
) -> Deinterlacer {
    let fields = Fields { order: video.field_order, codec: &video.codec };
    Deinterlacer::new(location, options.deinterlace, &fields, video.time_base, aspect)
}

fn undecodable(location: &str) -> MediaError {
    MediaError::Input {
        input: location.to_owned(),
        problem: "not one picture of the video could be decoded".to_owned(),
        remedy: "the file is damaged or cut off, or the trimmed part is empty".to_owned(),
    }
}
