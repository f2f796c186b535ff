//! What the command line declares, and how it becomes a [`RunConfig`].

use super::eval_args::EvalArgs;
use super::models_args::ModelsArgs;
use super::value;
use clap::{ArgAction, ArgMatches, Args, Parser, Subcommand, ValueEnum};
use framecast::config::{
    Device, EnhanceOptions, Order, ProcessingOptions, Reuse, RunConfig, Style, StyleOptions, Target,
};
use framecast::frame::Rational;
use framecast::kernel::KernelChoice;
use framecast::media::{Deinterlace, InputOptions, OutputOptions};
use std::path::PathBuf;

pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0    done; also when the reader of a piped output closed it
  1    internal error, or the kernels failed
  2    wrong usage: an option, or its value
  3    the input cannot be read
  4    the output, or a folder of models, cannot be written
  5    a model or the ONNX Runtime cannot be used
  6    the output container cannot hold a stream of the input
  7    a model cannot be fetched
  130  ended early by Ctrl-C or SIGTERM

Environment:
  FRAMECAST_LOG  what is logged to standard error, e.g. `info` or `framecast::media=trace`";

/// Super-resolves video: decodes, enlarges every frame with a generator network, and encodes, with time stamps, colour
/// and all other streams kept.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Enlarges a video from a file, pipe, URL or picture sequence into another one
    Run(Box<RunArgs>),
    /// Measures quality: of models on a reference, or of one file against another
    Eval(Box<EvalArgs>),
    /// Lists, fetches, checks and removes models
    Models(ModelsArgs),
}

impl Cli {
    /// Whether an early end still yields an output. Other commands are all or nothing.
    pub(crate) const fn has_output_to_finish(&self) -> bool {
        matches!(self.command, Command::Run(_))
    }
}

/// Enlarges a video from a file, pipe, URL or picture sequence into another one.
///
/// Every option has a default; `framecast run -i IN.mp4 -o OUT.mp4` doubles the size. The output appears under its name
/// only when it is complete, or when Ctrl-C asked for an early end; a second Ctrl-C abandons it.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct RunArgs {
    /// File, URL, picture pattern (shot-%04d.png), or - for standard input
    #[arg(short, long, value_name = "IN", allow_hyphen_values = true, help_heading = "Input")]
    input: String,

    /// Format by FFmpeg's name: of the input if given before -i, of the output if given after it
    ///
    /// Default: the input is probed; the output goes by its name, and `-o -` is NUT, or Matroska where there is sound
    /// or the like. Raw input needs it. No cost.
    #[arg(short, long, value_name = "FORMAT", action = ArgAction::Append, help_heading = "Input")]
    format: Vec<String>,

    /// Format of the input, wherever it stands on the line [default: probed; no cost]
    #[arg(long, value_name = "FORMAT", help_heading = "Input")]
    input_format: Option<String>,

    /// Size of raw video [default: from the input; no cost]
    #[arg(long, value_name = "WxH", value_parser = value::size, help_heading = "Input")]
    video_size: Option<(u32, u32)>,

    /// Frame rate of raw video or a picture sequence: 25, 30000/1001 or 23.976 [default: from the input; no cost]
    #[arg(long, value_name = "N[/D]", value_parser = value::rate, allow_hyphen_values = true, help_heading = "Input")]
    rate: Option<Rational>,

    /// Pixel format of raw video by FFmpeg's name [default: from the input; no cost]
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    input_pix_fmt: Option<String>,

    /// Demuxer or protocol option; may be repeated [default: none]
    #[arg(long, value_name = "NAME=VALUE", value_parser = value::pair, help_heading = "Input")]
    input_option: Vec<(String, String)>,

    /// Where to begin: 12.5, 250ms or [HH:]MM:SS[.m…], exact to the frame
    ///
    /// Default: the beginning. Costs the decoding from the key frame before it.
    #[arg(long, value_name = "TIME", value_parser = value::duration, allow_hyphen_values = true, help_heading = "Input")]
    start: Option<i64>,

    /// How much to read: 12.5, 250ms or [HH:]MM:SS[.m…] [default: all; no cost]
    #[arg(long, value_name = "TIME", value_parser = value::positive_duration, allow_hyphen_values = true, help_heading = "Input")]
    duration: Option<i64>,

    /// Streams to take, as FFmpeg's -map: 0, 0:v:0, a, s:1, m:language:eng, -0:d; may be repeated
    ///
    /// Default: all streams; the best video stream is the one that is enlarged. No cost.
    #[arg(long, value_name = "STREAMS", allow_hyphen_values = true, help_heading = "Input")]
    map: Vec<String>,

    /// Ends the run at the first damaged packet or frame [default: skip and count them; no cost]
    #[arg(long, help_heading = "Input")]
    strict: bool,

    /// Joins fields into frames
    ///
    /// Default: auto, frames flagged as interlaced. Costs some milliseconds for each frame it works on.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, help_heading = "Input")]
    deinterlace: DeinterlaceArg,

    /// Size to reach: a factor from 1 to 8, WxH to fit into, 720p, 1080p, 1440p or 4k
    ///
    /// Cost grows with the number of pixels of the input; 1 is a plain transcode without a network.
    #[arg(long, value_name = "SIZE", value_parser = value::target, default_value = "2", allow_hyphen_values = true, help_heading = "Processing")]
    upscale: Target,

    /// Model by name, or any .onnx file; may be repeated, and runs in this order
    ///
    /// Default: live-x2-int8. The models set the cost: see `framecast models list`. A file without its manifest (.toml) beside
    /// it is probed, which takes up to some seconds.
    #[arg(long, value_name = "NAME", help_heading = "Processing")]
    model: Vec<String>,

    /// Value of a model's argument: a number or several with commas; may be repeated [default: the models' own; no cost]
    ///
    /// Where several models have the argument, its name goes after the model's: denoise:strength=0.5.
    #[arg(long, value_name = "[MODEL:]NAME=VALUE", value_parser = value::pair, help_heading = "Processing")]
    model_arg: Vec<(String, String)>,

    /// How much the model makes up, from 0 (keeps to the source) to 1 (sharpest), for models with a partner to mix with
    ///
    /// Default: off, the model as it is. Costs a moment at the start.
    #[arg(long, value_name = "0..1", value_parser = value::part, allow_hyphen_values = true, help_heading = "Processing")]
    detail: Option<f32>,

    /// Paints in a style: a number from 0 to 25, a mix such as 3:0.6,7:0.4, or a picture whose style it takes
    ///
    /// Default: none. The weights of a mix are relative. Needs `framecast models pull multistyle26`, for pictures
    /// arbitrary-style-predict and arbitrary-style-transform. Costs many times what live-x2-int8 does.
    #[arg(long, value_name = "N|N:W,N:W|PICTURE", value_parser = value::style, allow_hyphen_values = true, help_heading = "Processing")]
    style: Option<Style>,

    /// Share of the painted picture, 0 to 1; the rest stays as it was [default: 1; no cost]
    #[arg(long, value_name = "SHARE", value_parser = value::share(1.0), requires = "style", allow_hyphen_values = true, help_heading = "Processing")]
    style_strength: Option<f64>,

    /// Longer side of what is painted, 64 to 2048 pixels
    ///
    /// Default: 640. Larger frames are painted at this size and enlarged; cost grows with its square. A picture's style is
    /// always painted at 384 x 384.
    #[arg(long, value_name = "PIXELS", value_parser = value::count(64, 2048), requires = "style", allow_hyphen_values = true, help_heading = "Processing")]
    style_size: Option<usize>,

    /// Brightens dark frames
    ///
    /// Default: off. Needs `framecast models pull zero-dce`. The network sees a quarter of the size, at most 320 pixels,
    /// and its curves are applied to every pixel of the frame: both cost time.
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "Processing")]
    enhance: Option<EnhanceArg>,

    /// Share of the brightened picture, 0 to 1; the rest stays as it was [default: 1; no cost]
    #[arg(long, value_name = "SHARE", value_parser = value::share(1.0), requires = "enhance", allow_hyphen_values = true, help_heading = "Processing")]
    enhance_strength: Option<f64>,

    /// Share of the frame before in styles and enhancement where nothing moves, 0 to 0.95
    ///
    /// Default: 0.8. Less flickers more, more follows changes of light later. Costs a pass over
    /// the frame.
    #[arg(long, value_name = "SHARE", value_parser = value::share(0.95), allow_hyphen_values = true, help_heading = "Processing")]
    smoothing: Option<f64>,

    /// In which order enhance, style and upscale run
    ///
    /// Default: enhance,style,upscale: everything on small frames, which costs least, and the style on well-lit ones.
    /// Deinterlacing always comes first. Steps after upscale see its larger frames and cost accordingly.
    #[arg(long, value_name = "STEP,STEP,STEP", value_parser = value::order, default_value = "enhance,style,upscale", hide_default_value = true, help_heading = "Processing")]
    order: Order,

    /// Where the network runs [auto: the fastest that works here; cpu: slower, always works]
    #[arg(long, value_enum, value_name = "DEVICE", default_value_t, help_heading = "Processing")]
    device: DeviceArg,

    /// What does the pixel work [auto: a GPU if there is one, else SIMD; gpu: also on a slow software adapter]
    #[arg(long, value_enum, value_name = "KERNELS", default_value_t, help_heading = "Processing")]
    kernels: KernelsArg,

    /// Threads for network, decoder and encoder each, 1 to 1024 [default: all cores; fewer is slower]
    #[arg(long, value_name = "N", value_parser = value::count(1, 1024), allow_hyphen_values = true, help_heading = "Processing")]
    threads: Option<usize>,

    /// Largest side of a tile in input pixels, 64 to 8192
    ///
    /// Default: by memory. Smaller tiles need less memory and cost time, for tiles overlap.
    #[arg(long, value_name = "PIXELS", value_parser = value::count(64, 8192), allow_hyphen_values = true, help_heading = "Processing")]
    tile: Option<usize>,

    /// Keeps what the network made where the source did not change [auto: the same output, sooner; off: no reuse]
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, help_heading = "Processing")]
    reuse: ReuseArg,

    /// Holds still what changes by up to this many 8-bit code values where nothing moves, 0 to 64
    ///
    /// Default: 0, nothing. For noise of a camera; about 6 times its standard deviation, e.g. 8. Stops its shimmer and saves
    /// time, for what is held is not inferred again; faint motion is delayed.
    #[arg(long, value_name = "N", value_parser = value::count(0, 64), default_value_t, allow_hyphen_values = true, help_heading = "Processing")]
    static_threshold: usize,

    /// Dithers where bit depth shrinks or a network's output is rounded [default: off; costs a little bit rate]
    #[arg(long, help_heading = "Processing")]
    dither: bool,

    /// The ONNX Runtime library [default: searched beside the program and in .cache/onnxruntime/lib]
    #[arg(long, value_name = "FILE", help_heading = "Processing")]
    ort_lib: Option<PathBuf>,

    /// File, URL, picture pattern, or - for standard output
    #[arg(short, long, value_name = "OUT", allow_hyphen_values = true, help_heading = "Output")]
    pub(super) output: String,

    /// Replaces an existing output [default: refuse]
    #[arg(short = 'y', long, help_heading = "Output")]
    overwrite: bool,

    /// Format of the output, wherever it stands on the line [default: by the output's name; no cost]
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    output_format: Option<String>,

    /// Video encoder or codec by FFmpeg's name [default: one that suits the container and the source; sets the cost]
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    codec: Option<String>,

    /// Constant rate factor on the encoder's scale [default: the encoder's; lower is larger and slower]
    #[arg(long, value_name = "N", value_parser = value::number, allow_hyphen_values = true, help_heading = "Output")]
    crf: Option<f64>,

    /// Speed preset by the encoder's names [default: the encoder's; slower is smaller]
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    preset: Option<String>,

    /// Pixel format by FFmpeg's name [default: the source's, or the nearest that the encoder takes; others convert]
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pix_fmt: Option<String>,

    /// Encoder option; may be repeated [default: none]
    #[arg(long, value_name = "NAME=VALUE", value_parser = value::pair, help_heading = "Output")]
    encoder_opt: Vec<(String, String)>,

    /// Muxer option; may be repeated [default: none]
    #[arg(long, value_name = "NAME=VALUE", value_parser = value::pair, help_heading = "Output")]
    muxer_opt: Vec<(String, String)>,

    /// Leaves subtitles out [default: kept; no cost]
    #[arg(long, help_heading = "Output")]
    no_subtitles: bool,

    /// Leaves audio out [default: kept; no cost]
    #[arg(long, help_heading = "Output")]
    no_audio: bool,

    /// Leaves data streams out [default: kept; no cost]
    #[arg(long, help_heading = "Output")]
    no_data: bool,

    /// Leaves attachments (fonts, cover art) out [default: kept; no cost]
    #[arg(long, help_heading = "Output")]
    no_attachments: bool,

    /// Writes one JSON object a line (events progress, summary, error) instead of text
    ///
    /// They go to standard output, or to standard error if the output is -. Default: off. No cost.
    #[arg(long, conflicts_with = "quiet", help_heading = "Reporting")]
    pub(super) json: bool,

    /// Prints errors only [default: progress and a summary; no cost]
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Reporting")]
    pub(super) quiet: bool,

    /// Logs more: -v info, -vv debug, -vvv trace; FRAMECAST_LOG goes before it [default: warnings; trace is slow]
    #[arg(short, long, action = ArgAction::Count, help_heading = "Reporting")]
    pub(super) verbose: u8,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum DeinterlaceArg {
    #[default]
    Auto,
    On,
    Off,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EnhanceArg {
    LowLight,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum DeviceArg {
    #[default]
    Auto,
    Cpu,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum KernelsArg {
    #[default]
    Auto,
    Cpu,
    Gpu,
}

impl From<DeviceArg> for Device {
    fn from(device: DeviceArg) -> Self {
        match device {
            DeviceArg::Auto => Self::Auto,
            DeviceArg::Cpu => Self::Cpu,
        }
    }
}

impl From<KernelsArg> for KernelChoice {
    fn from(kernels: KernelsArg) -> Self {
        match kernels {
            KernelsArg::Auto => Self::Auto,
            KernelsArg::Cpu => Self::Cpu,
            KernelsArg::Gpu => Self::Gpu,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ReuseArg {
    #[default]
    Auto,
    Off,
}

impl RunArgs {
    /// The run that the arguments describe; `matches` are those of the subcommand.
    pub(super) fn into_config(self, matches: &ArgMatches) -> Result<RunConfig, String> {
        let (before, after) = formats_around_input(&self.format, matches)?;
        let input_format = one_of("input", self.input_format, before)?;
        let output_format = one_of("output", self.output_format, after)?;
        Ok(RunConfig {
            input: self.input,
            input_options: InputOptions {
                format: input_format,
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
                threads: self.threads,
            },
            output: self.output,
            output_options: OutputOptions {
                format: output_format,
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
                threads: self.threads,
            },
            processing: ProcessingOptions {
                target: self.upscale,
                models: self.model,
                model_arguments: self.model_arg,
                detail: self.detail,
                device: self.device.into(),
                kernels: self.kernels.into(),
                enhance: self.enhance.map(|EnhanceArg::LowLight| EnhanceOptions {
                    strength: self.enhance_strength.unwrap_or(1.0),
                }),
                style: self.style.map(|style| StyleOptions {
                    style,
                    strength: self.style_strength.unwrap_or(1.0),
                    size: self.style_size.unwrap_or(StyleOptions::SIZE),
                }),
                smoothing: self.smoothing,
                order: self.order,
                threads: self.threads,
                tile: self.tile,
                dither: self.dither,
                static_threshold: self.static_threshold,
                reuse: match self.reuse {
                    ReuseArg::Auto => Reuse::Auto,
                    ReuseArg::Off => Reuse::Off,
                },
                runtime_library: self.ort_lib,
            },
        })
    }
}

/// The values of `-f` that stand before and after `-i`.
fn formats_around_input(
    formats: &[String],
    matches: &ArgMatches,
) -> Result<(Option<String>, Option<String>), String> {
    let input = matches.index_of("input").unwrap_or(0);
    let places = matches.indices_of("format").into_iter().flatten();
    let (mut before, mut after) = (None, None);
    for (format, place) in formats.iter().zip(places) {
        let side = if place < input { &mut before } else { &mut after };
        if side.replace(format.clone()).is_some() {
            return Err("-f was given twice on the same side of -i; before -i it is the input's format, \
                        after it the output's"
                .into());
        }
    }
    Ok((before, after))
}

fn one_of(side: &str, long: Option<String>, short: Option<String>) -> Result<Option<String>, String> {
    match (long, short) {
        (Some(_), Some(_)) => Err(format!("the {side}'s format was given by both --{side}-format and -f")),
        (long, short) => Ok(long.or(short)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, FromArgMatches};

    fn config(line: &str) -> Result<RunConfig, String> {
        let words = ["framecast", "run"].into_iter().chain(line.split_whitespace());
        let matches = Cli::command().try_get_matches_from(words).map_err(|error| error.to_string())?;
        let Command::Run(arguments) = Cli::from_arg_matches(&matches).unwrap().command else {
            unreachable!()
        };
        arguments.into_config(matches.subcommand().unwrap().1)
    }

    #[test]
    fn the_declaration_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_format_belongs_to_the_side_of_the_input_on_which_it_stands() {
        for (line, input, output) in [
            ("-i a -o b", None, None),
            ("-f rawvideo -i - -o b", Some("rawvideo"), None),
            ("-i a -f null -o -", None, Some("null")),
            ("-i a -o - -f null", None, Some("null")),
            ("-f rawvideo -i - -f nut -o -", Some("rawvideo"), Some("nut")),
            ("-o - --format nut --input a", Some("nut"), None),
            ("--input-format nut -o b -i a", Some("nut"), None),
            ("--output-format nut -f y4m -i a -o -", Some("y4m"), Some("nut")),
        ] {
            let config = config(line).unwrap();
            assert_eq!(config.input_options.format.as_deref(), input, "{line}");
            assert_eq!(config.output_options.format.as_deref(), output, "{line}");
        }
        for line in [
            "-f a -f b -i c -o d",
            "-i c -f a -o d -f b",
            "-f a --input-format b -i c -o d",
            "-i c -o d -f a --output-format b",
        ] {
            assert!(config(line).is_err(), "{line}");
        }
    }

    #[test]
    fn options_reach_their_fields() {
        let config = config(
            "-i - -o out.mkv -y --video-size 64x48 --rate 30000/1001 --input-pix-fmt gray --input-option a=b \
             --start 1:00 --duration 250ms --map 0 --map -0:d --strict --deinterlace off --upscale 4k --model m --model n --model-arg m:s=1,2 --detail 0.25 \
             --device cpu --kernels gpu --threads 3 --tile 256 --reuse off --static-threshold 8 --dither --ort-lib x.so \
             --codec ffv1 --crf 18.5 \
             --preset fast --pix-fmt yuv420p --encoder-opt g=1 --encoder-opt bf=0 --muxer-opt movflags=faststart \
             --no-subtitles --no-audio --no-data --no-attachments --style 3:3,7 --style-strength 0.5 --style-size 320 \
             --enhance low-light --enhance-strength 0.25 --smoothing 0 --order upscale,style,enhance",
        )
        .unwrap();
        let (input, output) = (&config.input_options, &config.output_options);
        assert_eq!((config.input.as_str(), config.output.as_str()), ("-", "out.mkv"));
        assert_eq!(input.video_size, Some((64, 48)));
        assert_eq!(input.rate, Some(Rational::new(30000, 1001)));
        assert_eq!(input.pixel_format.as_deref(), Some("gray"));
        assert_eq!(input.options, [("a".into(), "b".into())]);
        assert_eq!((input.start, input.duration), (Some(60_000_000), Some(250_000)));
        assert_eq!(input.map, ["0", "-0:d"]);
        assert!(input.strict);
        assert_eq!(input.deinterlace, Deinterlace::Off);
        assert_eq!((input.threads, output.threads, config.processing.threads), (Some(3), Some(3), Some(3)));
        assert_eq!(config.processing.target, Target::Within { width: 3840, height: 2160 });
        assert_eq!(config.processing.models, ["m", "n"]);
        assert_eq!(config.processing.model_arguments, [("m:s".into(), "1,2".into())]);
        assert_eq!(config.processing.kernels, KernelChoice::Gpu);
        assert_eq!(config.processing.device, Device::Cpu);
        assert_eq!(config.processing.tile, Some(256));
        assert_eq!((config.processing.reuse, config.processing.static_threshold), (Reuse::Off, 8));
        assert_eq!(config.processing.detail, Some(0.25));
        let style = Style::Mix(vec![(3, 0.75), (7, 0.25)]);
        assert_eq!(config.processing.style, Some(StyleOptions { style, strength: 0.5, size: 320 }));
        assert_eq!(config.processing.enhance, Some(EnhanceOptions { strength: 0.25 }));
        assert_eq!(config.processing.smoothing, Some(0.0));
        assert_eq!(config.processing.order, "upscale,style,enhance".parse().unwrap());
        assert_eq!(output.crf, Some(18.5));
        assert_eq!(output.encoder_options, [("g".into(), "1".into()), ("bf".into(), "0".into())]);
        assert_eq!(output.muxer_options, [("movflags".into(), "faststart".into())]);
        assert!(output.overwrite && output.no_subtitles && output.no_audio);
        assert!(output.no_data && output.no_attachments && config.processing.dither);
    }

    #[test]
    fn nothing_given_is_the_library_default() {
        let config = config("-i a -o b").unwrap();
        let expected = RunConfig { input: "a".into(), output: "b".into(), ..RunConfig::default() };
        assert_eq!(config, expected);
    }
}
