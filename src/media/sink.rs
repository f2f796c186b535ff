//! Where frames and packets go: a container, a pipe, a connection, pictures.

use super::library;
use super::muxed::{Geometry, MuxedSink, Opened};
use super::options::OutputOptions;
use super::picture_sink::PictureSink;
use super::stream::{CopyPacket, Delivered, InputDescription, Interrupt, SinkReport};
use crate::error::MediaError;
use crate::frame::{Frame, Rational, SurfaceLayout};

/// An output that takes frames and packets in any interleaving, and appears under its name when it is finished.
///
/// Dropping an unfinished sink removes what it has written, as [`Sink::abort`] does.
pub struct Sink {
    body: Body,
    delivered: Delivered,
    notes: Vec<String>,
}

enum Body {
    Muxed(Box<MuxedSink>),
    Pictures(Box<PictureSink>),
}

impl Sink {
    /// Eight times the largest side that an engine takes.
    const LARGEST_SIDE: u32 = 8 * 32768;

    /// Decides everything about the output, opens the encoder and writes the header.
    ///
    /// `location` is a file, a URL or `-` for standard output. `width` and `height` are those of the frames to come, in
    /// luma samples; `sample_aspect_ratio` is the shape of a sample, 0/1 if unknown. An encoder that takes no odd size
    /// makes [`Sink::delivered`] a sample wider or higher.
    ///
    /// # Errors
    ///
    /// [`MediaError::Unsupported`] if the container cannot hold a stream of the input, [`MediaError::Option`] if an
    /// option does not fit encoder or container, [`MediaError::Output`] if the output exists already or cannot be
    /// written.
    pub fn open(
        location: &str,
        options: &OutputOptions,
        input: &InputDescription,
        width: u32,
        height: u32,
        sample_aspect_ratio: Rational,
        interrupt: Interrupt,
    ) -> Result<Self, MediaError> {
        library::initialise();
        if [width, height].iter().any(|side| !(1..=Self::LARGEST_SIDE).contains(side)) {
            return Err(MediaError::Output {
                output: location.to_owned(),
                problem: format!(
                    "expected frames of 1 to {} samples a side, found {width}x{height}",
                    Self::LARGEST_SIDE
                ),
                remedy: "choose another size".to_owned(),
            });
        }
        let geometry = Geometry { width, height, sample_aspect_ratio };
        if let Some(kind) = PictureSink::kind_of(location, options) {
            let (sink, delivered, notes) = PictureSink::open(location, kind, options, input, geometry)?;
            return Ok(Self { body: Body::Pictures(Box::new(sink)), delivered, notes });
        }
        let Opened { sink, delivered, notes } =
            MuxedSink::open(location, options, input, geometry, interrupt)?;
        Ok(Self { body: Body::Muxed(Box::new(sink)), delivered, notes })
    }

    /// The frames that [`Sink::write_frame`] takes.
    pub fn delivered(&self) -> &Delivered {
        &self.delivered
    }

    /// How frames lie that the encoder takes on their device; `None` if it takes them in host memory.
    pub fn surface(&self) -> Option<&SurfaceLayout> {
        match &self.body {
            Body::Muxed(sink) => sink.surface(),
            Body::Pictures(_) => None,
        }
    }

    /// Decisions that the user should know of: what is converted, reduced or left out.
    pub fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    /// Encodes a frame, its time stamp and duration in the time base of the input's video.
    ///
    /// Time stamps rise from frame to frame. One that does not is taken as that of the frame before and one tick more, for encoders
    /// take no time twice. In MP4 and MOV nothing is shown of what lies before time 0, unless the input's description has a stream
    /// that starts there ([`StreamInfo::start`](super::StreamInfo::start)): then all streams are put off.
    ///
    /// # Errors
    ///
    /// [`MediaError::Output`] if the frame is not as [`Sink::delivered`] says, its planes do not fit it ([`Frame::validate`]), it has
    /// no time stamp (FFmpeg's `AV_NOPTS_VALUE`, `i64::MIN`), or if encoding or writing fails;
    /// [`MediaError::ClosedPipe`] if the reader of the output is gone.
    pub fn write_frame(&mut self, frame: &Frame) -> Result<(), MediaError> {
        self.check(frame)?;
        match &mut self.body {
            Body::Muxed(sink) => sink.write_frame(frame),
            Body::Pictures(sink) => sink.write_frame(frame),
        }
    }

    /// Passes a packet of another stream on.
    ///
    /// # Errors
    ///
    /// [`MediaError::Output`] if writing fails, [`MediaError::ClosedPipe`] if the reader of the output is gone.
    pub fn write_packet(&mut self, packet: CopyPacket) -> Result<(), MediaError> {
        match &mut self.body {
            Body::Muxed(sink) => sink.write_packet(packet),
            Body::Pictures(_) => Ok(()),
        }
    }

    /// Drains the encoder, ends the file and gives it its name.
    ///
    /// # Errors
    ///
    /// As [`Sink::write_frame`]; the unfinished file is removed, but for a recording's.
    pub fn finish(self) -> Result<SinkReport, MediaError> {
        match self.body {
            Body::Muxed(sink) => sink.finish(),
            Body::Pictures(sink) => sink.finish(),
        }
    }

    /// Gives up because of `error`, which comes back. The file of a recording ([`OutputOptions::is_recording`]) is completed as far
    /// as possible and kept, which the error then says; any other is removed.
    #[must_use]
    pub fn fail(self, error: MediaError) -> MediaError {
        match self.body {
            Body::Muxed(sink) => sink.fail(error),
            Body::Pictures(_) => error,
        }
    }

    /// Gives up and removes what was written.
    pub fn abort(self) {}

    fn check(&self, frame: &Frame) -> Result<(), MediaError> {
        let (info, wanted) = (&frame.info, &self.delivered);
        let refuse = |problem: String, remedy: &str| {
            Err(MediaError::Output { output: self.location().to_owned(), problem, remedy: remedy.to_owned() })
        };
        if (info.width, info.height, info.format) != (wanted.width, wanted.height, wanted.format) {
            let problem = format!(
                "expected frames of {}x{} {}, found {}x{} {}",
                wanted.width, wanted.height, wanted.format, info.width, info.height, info.format
            );
            return refuse(problem, "deliver what Sink::delivered says");
        }
        if info.color != wanted.color {
            let problem = format!("expected frames of {:?}, found {:?}", wanted.color, info.color);
            return refuse(problem, "deliver what Sink::delivered says");
        }
        if info.pts == i64::MIN {
            return refuse("a frame has no time stamp".to_owned(), "give it one");
        }
        frame.validate().or_else(|misfit| refuse(misfit.to_string(), "make frames with Frame::allocate"))
    }

    /// The output as the user named it.
    fn location(&self) -> &str {
        match &self.body {
            Body::Muxed(sink) => sink.location(),
            Body::Pictures(sink) => sink.location(),
        }
    }
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sink({}, {:?})", self.location(), self.delivered)
    }
}
