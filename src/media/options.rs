//! What a user may say about inputs and outputs.

use super::ffi_encode::VideoCodec;
use super::hwaccel::HardwareDecoding;
use super::surface_choice;
use crate::frame::{MemoryPlace, Rational};

/// When fields are joined into frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deinterlace {
    /// Frames that are flagged, or that look, interlaced.
    #[default]
    Auto,
    /// Every frame.
    On,
    /// None.
    Off,
}

/// What helps where damage ended a strict reading.
pub(crate) const WITHOUT_STRICT: &str = "without --strict, damage is skipped and counted";

/// How an input is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InputOptions {
    /// Demuxer by FFmpeg's name (`rawvideo`, `mpegts`, ...); by probing if `None`.
    pub format: Option<String>,
    /// Width and height of raw video.
    pub video_size: Option<(u32, u32)>,
    /// Frame rate of raw video, a picture sequence, or a source without time stamps.
    pub rate: Option<Rational>,
    /// Pixel format of raw video by FFmpeg's name.
    pub pixel_format: Option<String>,
    /// Further demuxer and protocol options.
    pub options: Vec<(String, String)>,
    /// Where to begin, in microseconds from the start of the input, 0 or more.
    pub start: Option<i64>,
    /// How much to read, in microseconds, more than 0.
    pub duration: Option<i64>,
    /// Stream selections in FFmpeg's spirit: `0`, `0:v:0`, `a`, `s:1`, `m:language:eng`, `-0:d`, `0:3`; all streams
    /// (with the best video stream as the one that is processed) if empty.
    pub map: Vec<String>,
    /// Damaged packets end the run instead of being skipped and counted.
    pub strict: bool,
    /// Deinterlacing.
    pub deinterlace: Deinterlace,
    /// Decoder threads; FFmpeg's choice if `None`.
    pub threads: Option<usize>,
    /// Decoder threads share each picture, as far as its slices go, instead of each holding one back.
    pub low_delay: bool,
    /// Decoding in hardware.
    pub hardware: HardwareDecoding,
}

impl InputOptions {
    /// True if a card may be used for decoding, at times that nobody else knows.
    pub fn may_decode_on_device(&self) -> bool {
        self.hardware != HardwareDecoding::Off
    }
}

/// How an output is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutputOptions {
    /// Muxer by FFmpeg's name (`null`, `matroska`, `nut`, `yuv4mpegpipe`, ...); by the file name if `None`.
    pub format: Option<String>,
    /// Replaces an existing file.
    pub overwrite: bool,
    /// Encoder by FFmpeg's name (also a codec's name). By default the container's: for most `libx264`, or for more than 8 bits and
    /// HDR `libx265`; `libvpx-vp9` for WebM, samples as they are for NUT, YUV4MPEG and `null`.
    pub codec: Option<String>,
    /// Constant rate factor, on the encoder's scale.
    pub crf: Option<f64>,
    /// Speed preset, by the encoder's names.
    pub preset: Option<String>,
    /// Pixel format by FFmpeg's name; the source's format where the encoder takes it, else the nearest that it takes.
    pub pixel_format: Option<String>,
    /// Further encoder options, as `-c:v`'s private and generic options in FFmpeg.
    pub encoder_options: Vec<(String, String)>,
    /// Further muxer options.
    pub muxer_options: Vec<(String, String)>,
    /// Leaves subtitles out.
    pub no_subtitles: bool,
    /// Leaves audio out.
    pub no_audio: bool,
    /// Leaves data streams out.
    pub no_data: bool,
    /// Leaves attachments (fonts, cover art) out.
    pub no_attachments: bool,
    /// Damaged packets of other streams end the run instead of being skipped and counted.
    pub strict: bool,
    /// Encoder threads; FFmpeg's choice if `None`.
    pub threads: Option<usize>,
    /// A recording, which cannot be made again: where writing fails, the file is completed as far as possible and kept, and room on the
    /// disk is set aside for that. Else the file is removed.
    pub is_recording: bool,
    /// The device in whose memory frames may lie when they come: an encoder that takes pictures there gets copies on the device.
    pub frames_at: Option<MemoryPlace>,
}

impl OutputOptions {
    /// True if the encoder could take pictures from a card's memory; it uses the card at times that nobody else knows.
    pub fn may_encode_on_device(&self) -> bool {
        self.codec.as_deref().and_then(VideoCodec::find).is_some_and(surface_choice::takes_pictures_on_card)
    }
}
