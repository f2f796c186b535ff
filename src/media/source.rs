//! Reading video: frames of one size and format, and the packets of all other streams.

use super::decode::{Decoded, Decoding};
use super::deinterlace::{Deinterlacer, Fields};
use super::describe::{self, Parts};
use super::frame_import::{self, Importer};
use super::input::{self, InputReader};
use super::library;
use super::reader::Raw;
use super::{Deinterlace, InputDescription, InputOptions, Interrupt, MediaError, SourceItem, SourceReport};
use crate::frame::{BufferPool, MemoryPlace};
use std::collections::VecDeque;
use std::sync::Arc;

/// An opened input.
///
/// Frames come in the order of their time stamps, which always grow. They are planar and native-endian, all of the
/// size and format of the first one; RGB of any kind is delivered as full-range BT.709 4:4:4 in 16 bit. Packets of
/// the other selected streams come in between, as they lie in the container; cover art and attachments are part of
/// the description only.
pub struct Source {
    reader: InputReader,
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
        let mut opened = input::open(location, options, interrupt)?;
        let mut preview = read_to_picture(location, &mut opened.reader)?;
        let (Some(Raw::Picture(first)), Some(video)) = (preview.back_mut(), opened.video()) else {
            return Err(input::undecodable(location));
        };
        let (codec, tags) = (video.codec.clone(), video.color);
        let fields = Fields { order: video.field_order, codec: &codec };
        let time_base = video.time_base;
        let aspect = opened.reader.sample_aspect_ratio(&mut first.picture);
        let importer = Importer::new(location, &first.picture, &codec, tags, aspect, pool)?;
        let mode = deinterlace_mode(options.deinterlace, &opened.facts.format);
        let deinterlacer = Deinterlacer::new(location, mode, &fields, time_base, aspect);
        let description = describe::describe(Parts {
            location,
            facts: &opened.facts,
            streams: opened.streams,
            kinds: &opened.kinds,
            chapters: opened.chapters,
            importer: &importer,
            sample_aspect_ratio: aspect,
            trim: opened.trim,
            first_pts: first.pts,
            first_side_data: frame_import::stream_side_data(&first.picture),
        });
        let mut source = Self {
            reader: opened.reader,
            deinterlacer,
            importer,
            description: Arc::new(description.ok_or_else(|| input::undecodable(location))?),
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
    #[expect(clippy::should_implement_trait, reason = "fails, and goes on answering after the end")]
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

    /// Leaves decoded pictures on their device from now on, if they are decoded on one whose memory is at `place`, and nobody has to
    /// look at them to find out whether they are interlaced.
    pub fn keep_on_device(&mut self, place: MemoryPlace) {
        let (_, height) = self.importer.size();
        if !self.deinterlacer.looks_at_pictures(height) && self.reader.keep_on_device(place) {
            self.importer.keep_on_device(place);
        }
    }

    /// What happened so far.
    pub fn report(&self) -> SourceReport {
        let Decoding { decoder, hardware, problem } = self.reader.decoding();
        SourceReport {
            decoder: decoder.to_owned(),
            hardware,
            hardware_problem: problem.map(str::to_owned),
            kept_on_device: self.importer.kept(),
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

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Source({}, {:?})", self.description.location, self.description.video)
    }
}

/// Reads until a picture comes; it is the last of what is returned.
fn read_to_picture(location: &str, reader: &mut InputReader) -> Result<VecDeque<Raw>, MediaError> {
    let mut read = VecDeque::new();
    loop {
        let raw = reader.next()?;
        match raw {
            Raw::Picture(_) => {
                read.push_back(raw);
                return Ok(read);
            }
            Raw::Packet(_) => read.push_back(raw),
            Raw::End => return Err(input::undecodable(location)),
        }
    }
}

/// Pictures are not looked at for interlacing.
fn deinterlace_mode(asked: Deinterlace, format: &str) -> Deinterlace {
    if asked == Deinterlace::Auto && describe::is_picture(format) { Deinterlace::Off } else { asked }
}
