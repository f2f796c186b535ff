//! Options of `framecast run` that say what is read.

use super::value;
use clap::{ArgAction, Args, ValueEnum};
use framecast::frame::Rational;
use framecast::media::{Deinterlace, HardwareDecoding, InputOptions};

#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
pub(super) struct InputArgs {
    /// File, URL, picture pattern (shot-%04d.png), or - for standard input
    #[arg(short, long, value_name = "IN", allow_hyphen_values = true)]
    pub(super) input: String,

    /// Format by FFmpeg's name: of the input if given before -i, of the output if given after it
    ///
    /// Default: the input is probed; the output goes by its name, and `-o -` is NUT, or Matroska where there is sound
    /// or the like. Raw input needs it. No cost.
    #[arg(short, long, value_name = "FORMAT", action = ArgAction::Append)]
    pub(super) format: Vec<String>,

    /// Format of the input, wherever it stands on the line [default: probed; no cost]
    #[arg(long, value_name = "FORMAT")]
    pub(super) input_format: Option<String>,

    /// Size of raw video, or which one a camera shall give [default: from the input; no cost]
    #[arg(long, visible_alias = "size", value_name = "WxH", value_parser = value::size)]
    video_size: Option<(u32, u32)>,

    /// Frame rate of raw video, of a picture sequence, or that a camera shall have: 25, 30000/1001 or 23.976 [default: from the input; no cost]
    #[arg(long, value_name = "N[/D]", value_parser = value::rate, allow_hyphen_values = true)]
    rate: Option<Rational>,

    /// Pixel format of raw video by FFmpeg's name, or what a camera shall give, such as mjpeg [default: from the input; no cost]
    #[arg(long, value_name = "NAME")]
    input_pix_fmt: Option<String>,

    /// Demuxer or protocol option; may be repeated [default: none]
    #[arg(long, value_name = "NAME=VALUE", value_parser = value::pair)]
    input_option: Vec<(String, String)>,

    /// Where to begin: 12.5, 250ms or [HH:]MM:SS[.m…], exact to the frame
    ///
    /// Default: the beginning. Costs the decoding from the key frame before it.
    #[arg(long, value_name = "TIME", value_parser = value::duration, allow_hyphen_values = true)]
    start: Option<i64>,

    /// How much to read: 12.5, 250ms or [HH:]MM:SS[.m…] [default: all; no cost]
    #[arg(long, value_name = "TIME", value_parser = value::positive_duration, allow_hyphen_values = true)]
    duration: Option<i64>,

    /// Streams to take, as FFmpeg's -map: 0, 0:v:0, a, s:1, m:language:eng, -0:d; may be repeated
    ///
    /// Default: all streams; the best video stream is the one that is enlarged. No cost.
    #[arg(long, value_name = "STREAMS", allow_hyphen_values = true)]
    map: Vec<String>,

    /// Ends the run at the first damaged packet or frame [default: skip and count them; no cost]
    #[arg(long)]
    strict: bool,

    /// Joins fields into frames
    ///
    /// Default: auto, frames flagged as interlaced. Costs some milliseconds for each frame it works on.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    deinterlace: DeinterlaceArg,

    /// Decodes in hardware: off, auto, or a kind of device by FFmpeg's name and which one (cuda, cuda:1, vaapi:/dev/dri/renderD128)
    ///
    /// Default: off. auto takes the first device that works and knows the codec, else the processor, which also takes over
    /// where a device cannot decode a stream: until the first picture, up to 128 packets (64 MiB) are kept for that. Pictures
    /// are copied into host memory, which is slower than decoding on an idle processor for small pictures; `framecast
    /// doctor` lists what is there.
    #[arg(long, value_name = "DEVICE", default_value = "off")]
    hwaccel: HardwareDecoding,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum DeinterlaceArg {
    #[default]
    Auto,
    On,
    Off,
}

impl InputArgs {
    /// True if damage ends the run.
    pub(super) const fn is_strict(&self) -> bool {
        self.strict
    }

    /// The library's options; `format` is what `-f` and `--input-format` come to.
    pub(super) fn into_options(self, format: Option<String>, threads: Option<usize>) -> InputOptions {
        InputOptions {
            format,
            video_size: self.video_size,
            rate: self.rate,
            pixel_format: self.input_pix_fmt,
            options: self.input_option,
            start: self.start,
            duration: self.duration,
            map: self.map,
            strict: self.strict,
            deinterlace: match self.deinterlace {
                DeinterlaceArg::Auto => Deinterlace::Auto,
                DeinterlaceArg::On => Deinterlace::On,
                DeinterlaceArg::Off => Deinterlace::Off,
            },
            threads,
            low_delay: false,
            hardware: self.hwaccel,
        }
    }
}
