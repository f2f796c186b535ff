//! Options that say what is written.

use super::value;
use clap::Args;
use framecast::media::OutputOptions;

#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// File, URL, picture pattern, or - for standard output
    #[arg(short, long, value_name = "OUT", allow_hyphen_values = true)]
    pub(super) output: String,

    /// Format of the output, wherever it stands on the line [default: by the output's name; no cost]
    #[arg(long, value_name = "FORMAT")]
    pub(super) output_format: Option<String>,

    #[command(flatten)]
    pub(super) encoding: EncodingArgs,
}

/// How outputs are encoded and written.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub(super) struct EncodingArgs {
    /// Replaces an existing output [default: refuse]
    #[arg(short = 'y', long)]
    overwrite: bool,

    /// Video encoder or codec by FFmpeg's name [default: one that suits the container and the source; sets the cost]
    #[arg(long, value_name = "NAME")]
    codec: Option<String>,

    /// Constant rate factor on the encoder's scale [default: the encoder's; lower is larger and slower]
    #[arg(long, value_name = "N", value_parser = value::number, allow_hyphen_values = true)]
    crf: Option<f64>,

    /// Speed preset by the encoder's names [default: the encoder's; slower is smaller]
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,

    /// Pixel format by FFmpeg's name [default: the source's, or the nearest that the encoder takes; others convert]
    #[arg(long, value_name = "NAME")]
    pix_fmt: Option<String>,

    /// Encoder option; may be repeated [default: none]
    #[arg(long, value_name = "NAME=VALUE", value_parser = value::pair)]
    encoder_opt: Vec<(String, String)>,

    /// Muxer option; may be repeated [default: none]
    #[arg(long, value_name = "NAME=VALUE", value_parser = value::pair)]
    muxer_opt: Vec<(String, String)>,

    /// Leaves subtitles out [default: kept; no cost]
    #[arg(long)]
    no_subtitles: bool,

    /// Leaves audio out [default: kept; no cost]
    #[arg(long)]
    no_audio: bool,

    /// Leaves data streams out [default: kept; no cost]
    #[arg(long)]
    no_data: bool,

    /// Leaves attachments (fonts, cover art) out [default: kept; no cost]
    #[arg(long)]
    no_attachments: bool,
}

impl EncodingArgs {
    /// The library's options; `format` is what `-f` and `--output-format` come to.
    pub(super) fn into_options(
        self,
        format: Option<String>,
        threads: Option<usize>,
        strict: bool,
    ) -> OutputOptions {
        OutputOptions {
            format,
            overwrite: self.overwrite,
            codec: self.codec,
            crf: self.crf,
            preset: self.preset,
            pixel_format: self.pix_fmt,
            encoder_options: self.encoder_opt,
            muxer_options: self.muxer_opt,
            no_subtitles: self.no_subtitles,
            no_audio: self.no_audio,
            no_data: self.no_data,
            no_attachments: self.no_attachments,
            strict,
            threads,
            is_recording: false,
            frames_at: None,
        }
    }
}
