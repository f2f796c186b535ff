//! What the command line declares, and how it becomes a [`RunConfig`].

use super::devices::DevicesArgs;
use super::doctor::DoctorArgs;
use super::eval_args::EvalArgs;
use super::input_args::InputArgs;
use super::live_args::LiveArgs;
use super::models_args::ModelsArgs;
use super::output_args::OutputArgs;
use super::processing_args::{ProcessingArgs, RepairArgs};
use clap::{ArgAction, ArgMatches, Args, Parser, Subcommand};
use framecast::config::RunConfig;
use framecast::frame::MotionMode;

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
    /// Shows a camera, a stream or a file larger and smoother while it comes
    Live(Box<LiveArgs>),
    /// Lists cameras, their formats, sizes and frame rates
    Devices(DevicesArgs),
    /// Says what this machine has for framecast, what of it works, and what to do about the rest
    Doctor(DoctorArgs),
    /// Measures quality: of models on a reference, or of one file against another
    Eval(Box<EvalArgs>),
    /// Lists, fetches, checks and removes models
    Models(ModelsArgs),
}

impl Cli {
    /// Whether an early end still yields an output. Other commands are all or nothing.
    pub(crate) const fn has_output_to_finish(&self) -> bool {
        matches!(self.command, Command::Run(_) | Command::Live(_))
    }
}

/// Enlarges a video from a file, pipe, URL or picture sequence into another one.
///
/// Every option has a default; `framecast run -i IN.mp4 -o OUT.mp4` doubles the size. The output appears under its name
/// only when it is complete, or when Ctrl-C asked for an early end; a second Ctrl-C abandons it.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct RunArgs {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    processing: ProcessingArgs,

    #[command(flatten)]
    repairs: RepairArgs,

    #[command(flatten)]
    pub(super) output: OutputArgs,

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

impl RunArgs {
    /// The run that the arguments describe; `matches` are those of the subcommand.
    pub(super) fn into_config(mut self, matches: &ArgMatches) -> Result<RunConfig, String> {
        let (before, after) = formats_around_input(&self.input.format, matches)?;
        let input_format = one_of("input", self.input.input_format.take(), before)?;
        let output_format = one_of("output", self.output.output_format.take(), after)?;
        let threads = self.processing.threads;
        let strict = self.input.is_strict();
        let mut processing = self.processing.into_options(MotionMode::Interpolate);
        let motion = &mut processing.motion;
        (motion.dedup, motion.conceal) = (self.repairs.dedup, self.repairs.conceal);
        motion.detector.duplicate = self.repairs.duplicate_threshold;
        Ok(RunConfig {
            input: self.input.input.clone(),
            input_options: self.input.into_options(input_format, threads),
            output: self.output.output.clone(),
            output_options: self.output.encoding.into_options(output_format, threads, strict),
            processing,
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
    use framecast::config::{DenoiseOptions, EnhanceOptions, Execution, Reuse, Style, StyleOptions, Target};
    use framecast::frame::Rational;
    use framecast::kernel::KernelChoice;
    use framecast::media::Deinterlace;
    use framecast::stage::DetectorOptions;

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
             --enhance low-light --enhance-strength 0.25 --smoothing 0 --order upscale,style,enhance,denoise --denoise \
             --scene-threshold 0.5 --flash-threshold 0.1 --dissolve-threshold 0.2 --dedup --duplicate-threshold 0",
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
        assert_eq!(config.processing.execution, Execution::CPU);
        assert_eq!(config.processing.tile, Some(256));
        assert_eq!((config.processing.reuse, config.processing.static_threshold), (Reuse::Off, 8));
        assert_eq!(config.processing.detail, Some(0.25));
        let detector = DetectorOptions { cut: 0.5, flash: 0.1, dissolve: 0.2, duplicate: 0.0 };
        assert_eq!((config.processing.motion.detector, config.processing.motion.dedup), (detector, true));
        let style = Style::Mix(vec![(3, 0.75), (7, 0.25)]);
        assert_eq!(config.processing.style, Some(StyleOptions { style, strength: 0.5, size: 320 }));
        assert_eq!(config.processing.enhance, Some(EnhanceOptions { strength: 0.25 }));
        assert_eq!(config.processing.smoothing, Some(0.0));
        assert_eq!(config.processing.denoise, Some(DenoiseOptions { strength: 1.0 }));
        assert_eq!(config.processing.order, "upscale,style,enhance,denoise".parse().unwrap());
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
