//! What an input consists of, and what flows from a source to a sink.

use super::timecode;
use crate::frame::{Color, Frame, PixelFormat, Rational, SideData, TimeBase};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Set by the caller to end blocking reads and writes. Clones are one and the same.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    signal: Arc<Signal>,
    /// Of those that this one is a child of.
    parents: Vec<Arc<Signal>>,
}

#[derive(Debug, Default)]
struct Signal {
    is_triggered: AtomicBool,
    /// When it is triggered by itself.
    deadline: Mutex<Option<Instant>>,
}

impl Interrupt {
    /// Asks every holder to stop.
    pub fn trigger(&self) {
        self.signal.is_triggered.store(true, Ordering::SeqCst);
    }

    /// True once [`Interrupt::trigger`] was called, or the time of [`Interrupt::expire_after`] has passed, on it or on one that
    /// it is a child of.
    pub fn is_triggered(&self) -> bool {
        self.parents.iter().chain([&self.signal]).any(|signal| signal.is_given())
    }

    /// Triggers it when this time has passed, unless this is called again before.
    pub fn expire_after(&self, time: Duration) {
        *self.signal.lock_deadline() = Instant::now().checked_add(time);
    }

    /// One that can be triggered alone, and is when this one is.
    pub fn child(&self) -> Self {
        let parents = self.parents.iter().chain([&self.signal]).cloned().collect();
        Self { signal: Arc::default(), parents }
    }
}

impl Signal {
    fn is_given(&self) -> bool {
        self.is_triggered.load(Ordering::SeqCst)
            || self.lock_deadline().is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn lock_deadline(&self) -> MutexGuard<'_, Option<Instant>> {
        self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Role of a stream in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// The video that is decoded, processed and encoded. Exactly one per input.
    Video,
    /// Another video stream, passed through.
    OtherVideo,
    /// Cover art (an attached picture), passed through.
    Picture,
    /// Audio, passed through.
    Audio,
    /// Subtitles, passed through or losslessly converted.
    Subtitle,
    /// Timed data, passed through.
    Data,
    /// A font or another file, passed through.
    Attachment,
}

/// One selected stream of the input.
#[derive(Clone)]
pub struct StreamInfo {
    /// Index in the input file, as FFmpeg counts.
    pub index: usize,
    /// Role in the run.
    pub kind: StreamKind,
    /// Codec by FFmpeg's name.
    pub codec: String,
    /// Seconds per tick of its time stamps.
    pub time_base: TimeBase,
    /// The first time stamp of the input's stream, if it is known and the whole input is read.
    pub start: Option<i64>,
    /// Average frame rate for video, else 0/1.
    pub frame_rate: Rational,
    /// FFmpeg's disposition bits (default, forced, hearing_impaired, attached_pic, ...).
    pub disposition: i32,
    /// Tags (language, title, ...).
    pub metadata: Vec<(String, String)>,
    /// Stream side data (display matrix, mastering display, content light level, ...), `kind` being FFmpeg's
    /// `AVPacketSideDataType`.
    pub side_data: Vec<SideData>,
    /// FFmpeg's codec parameters.
    pub(super) parameters: ffmpeg_next::codec::Parameters,
    /// The packet of an attached picture.
    pub(super) picture: Option<ffmpeg_next::Packet>,
}

impl StreamInfo {
    /// Whether a player that has begun with this stream's packets can go on with the other's.
    fn is_continued_by(&self, other: &Self) -> bool {
        (self.kind, self.codec_id(), self.sample_rate())
            == (other.kind, other.codec_id(), other.sample_rate())
    }
}

impl std::fmt::Debug for StreamInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StreamInfo(#{} {:?} {})", self.index, self.kind, self.codec)
    }
}

/// A chapter mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chapter {
    /// Identifier in the file.
    pub id: i64,
    /// Seconds per tick.
    pub time_base: TimeBase,
    /// First tick.
    pub start: i64,
    /// Tick after the last.
    pub end: i64,
    /// Tags (title).
    pub metadata: Vec<(String, String)>,
}

/// The video stream as [`SourceItem::Frame`]s deliver it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoInfo {
    /// Width in luma samples.
    pub width: u32,
    /// Height in luma samples.
    pub height: u32,
    /// Sample layout of the delivered frames.
    pub format: PixelFormat,
    /// Pixel format of the decoder, by FFmpeg's name. Differs from `format` for RGB, packed and semi-planar sources.
    pub source_format: String,
    /// Colour of the delivered frames.
    pub color: Color,
    /// Shape of a sample; 0/1 if unknown.
    pub sample_aspect_ratio: Rational,
    /// Seconds per tick of the frames' time stamps.
    pub time_base: TimeBase,
    /// Average frame rate; 0/1 if unknown. For encoders' rate control and progress, never for time stamps.
    pub frame_rate: Rational,
    /// Estimated number of frames, for progress.
    pub frame_estimate: Option<u64>,
    /// True if the stream holds time stamps that an MPEG-4 style fixed-rate encoder cannot carry.
    pub variable_rate: bool,
    /// True if the input is one still picture or a picture sequence.
    pub is_picture: bool,
}

/// All that a sink must know of an input before the first frame.
#[derive(Clone, Debug)]
pub struct InputDescription {
    /// The input as the user named it.
    pub location: String,
    /// Demuxer by FFmpeg's name.
    pub format: String,
    /// The processed video.
    pub video: VideoInfo,
    /// All selected streams in the input's order, the processed video among them.
    pub streams: Vec<StreamInfo>,
    /// Chapters, already cut to the trimmed part.
    pub chapters: Vec<Chapter>,
    /// Global tags.
    pub metadata: Vec<(String, String)>,
    /// Length in microseconds, if known.
    pub duration: Option<i64>,
}

/// FFmpeg's `AV_PKT_DATA_DISPLAYMATRIX`.
const DISPLAY_MATRIX: u32 = 5;

impl InputDescription {
    /// Of the same source opened again as `later`: for each of its streams, the position of the one here whose packets it goes on with.
    pub(crate) fn continued_by(&self, later: &Self) -> Vec<Option<usize>> {
        let mut is_free = vec![true; self.streams.len()];
        let place = |stream: &StreamInfo| {
            let places = self.streams.iter().zip(&mut is_free).enumerate();
            let fits = |(_, (own, is_free)): &(usize, (&StreamInfo, &mut bool))| {
                **is_free && own.is_continued_by(stream)
            };
            let (place, (_, is_free)) = places.into_iter().find(fits)?;
            *is_free = false;
            Some(place)
        };
        later.streams.iter().map(place).collect()
    }

    /// The stream that is processed.
    pub fn video_stream(&self) -> Option<&StreamInfo> {
        self.streams.iter().find(|stream| stream.kind == StreamKind::Video)
    }

    /// Says that the video's frames come at `rate` and in `time_base`: its time codes, which count frames, become those of this
    /// rate.
    pub fn retime(&mut self, rate: Rational, time_base: TimeBase) {
        let own = std::mem::replace(&mut self.video.frame_rate, rate);
        self.video.time_base = time_base;
        let streams = self.streams.iter_mut().map(|stream| &mut stream.metadata);
        for tags in streams.chain([&mut self.metadata]) {
            timecode::convert(tags, own, rate);
        }
    }

    /// True if players turn the picture by a quarter, so that its width is shown upright.
    pub fn is_turned(&self) -> bool {
        let side_data = self.video_stream().map(|stream| stream.side_data.as_slice()).unwrap_or_default();
        let matrix = side_data.iter().find(|data| data.kind == DISPLAY_MATRIX);
        // The matrix is nine native-endian 32-bit numbers; the first is the share of x that stays in x.
        let first =
            matrix.and_then(|data| data.bytes.first_chunk::<4>()).map(|bytes| i32::from_ne_bytes(*bytes));
        first == Some(0)
    }
}

/// A packet that is passed through. Clones copy its bytes.
#[derive(Clone)]
pub struct CopyPacket {
    /// Position of its stream in [`InputDescription::streams`].
    pub stream: usize,
    /// The packet, its time stamps in that stream's time base.
    pub(super) packet: ffmpeg_next::Packet,
}

impl CopyPacket {
    /// Presentation time stamp in ticks of its stream's time base, if it has one.
    pub fn pts(&self) -> Option<i64> {
        self.packet.pts()
    }

    /// The coded bytes.
    pub fn data(&self) -> &[u8] {
        self.packet.data().unwrap_or_default()
    }

    /// Puts it at `place` among the streams, and its times, which are in `from`, in `to`.
    pub(crate) fn adopt(&mut self, place: usize, from: TimeBase, to: TimeBase) {
        self.stream = place;
        if from != to {
            let [from, to] = [from, to].map(|base| ffmpeg_next::Rational::new(base.num, base.den));
            self.packet.rescale_ts(from, to);
        }
    }

    /// Moves its time stamps by this many ticks of its stream's time base.
    pub fn shift(&mut self, ticks: i64) {
        self.packet.set_pts(self.packet.pts().map(|pts| pts.saturating_add(ticks)));
        self.packet.set_dts(self.packet.dts().map(|dts| dts.saturating_add(ticks)));
    }
}

impl std::fmt::Debug for CopyPacket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CopyPacket(stream {}, {} bytes)", self.stream, self.packet.size())
    }
}

/// What a source yields next.
#[derive(Debug)]
pub enum SourceItem {
    /// A decoded frame.
    Frame(Frame),
    /// A packet of another stream.
    Packet(CopyPacket),
    /// Nothing more: the decoder is drained.
    End,
}

/// What a source has to say at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceReport {
    /// Frames delivered.
    pub frames: u64,
    /// Damaged packets or frames that were skipped.
    pub damaged: u64,
    /// Frames converted because the size or the pixel format changed in mid-stream.
    pub rescaled: u64,
    /// Frames deinterlaced.
    pub deinterlaced: u64,
    /// The decoder by FFmpeg's name.
    pub decoder: String,
    /// The kind of device that it decoded on, by FFmpeg's name; `None` for the processor.
    pub hardware: Option<&'static str>,
    /// Why the processor decoded although a device was asked for.
    pub hardware_problem: Option<String>,
    /// Frames that were delivered on that device, not in host memory.
    pub kept_on_device: u64,
}

/// The frames that a sink wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Width in luma samples.
    pub width: u32,
    /// Height in luma samples.
    pub height: u32,
    /// Sample layout.
    pub format: PixelFormat,
    /// Colour tags.
    pub color: Color,
    /// Shape of a sample.
    pub sample_aspect_ratio: Rational,
}

/// What a sink has to say at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkReport {
    /// Video frames written.
    pub frames: u64,
    /// Gaps between them that were left out, as they are too long to be filled with frames and the output has no time stamps; see
    /// [`Cadence::LONGEST_FILLED`](crate::frame::Cadence::LONGEST_FILLED).
    pub unfilled: u64,
    /// Packets of other streams written.
    pub packets: u64,
    /// Packets of other streams that the container could not take, as they are damaged.
    pub damaged: u64,
    /// Bytes of the output, if it is a file.
    pub bytes: Option<u64>,
    /// Encoder by FFmpeg's name.
    pub encoder: String,
    /// Pixel format that the encoder got, by FFmpeg's name.
    pub pixel_format: String,
    /// Frames that the encoder got as copies on the device where they lay.
    pub frames_on_device: u64,
    /// Why not all of them, although the encoder is one that takes pictures on a card.
    pub device_problem: Option<String>,
}
