//! Options of `framecast live`.

use super::args::EXIT_CODES;
use super::input_args::InputArgs;
use super::output_args::EncodingArgs;
use super::processing_args::ProcessingArgs;
use super::value;
use clap::{ArgAction, ArgMatches, Args, ValueEnum};
use framecast::frame::MotionMode;
use framecast::live::{LiveConfig, LiveOutput, WebOutput};
use std::time::Duration;

/// Shows a camera, a stream or a file larger and smoother while it comes, and never falls behind.
///
/// Frames between those of the source are predicted, so that nothing waits for the next one; lost and late frames are
/// predicted too. Where the machine is too slow, less is done, step by step, and said.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct LiveArgs {
    #[command(flatten)]
    input: InputArgs,

    /// Where it is shown: window, web[:[ADDR:]PORT], a file, a URL (rtmp, srt, udp, rtsp), /dev/videoN, or - for standard output; may be repeated
    ///
    /// window has keys: H lists them. web is a page in the browser, at 127.0.0.1:8080 unless it says otherwise; it costs a third of a core while somebody looks.
    /// A format (-f) belongs to the output after it, or at the end of the line to the last one. Streams are encoded with
    /// libx264, ultrafast and without holding frames back, unless options say otherwise.
    #[arg(short, long, value_name = "OUT", action = ArgAction::Append, required = true, allow_hyphen_values = true, help_heading = "Output")]
    pub(super) output: Vec<String>,

    #[command(flatten)]
    encoding: EncodingArgs,

    /// The longest time from capture to the moment that is shown [default: 50ms; the delay is as short as the machine allows]
    #[arg(long, value_name = "TIME", value_parser = value::positive_duration, allow_hyphen_values = true, help_heading = "Live")]
    max_latency: Option<i64>,

    /// Shows the newest frame of the source again instead of predicting [default: predict]
    #[arg(long, help_heading = "Live")]
    hold: bool,

    /// Takes frames at the pace of their time stamps [default: auto, for files and filters, which would give them faster]
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, num_args = 0..=1, default_missing_value = "on", hide_default_value = true, help_heading = "Live")]
    realtime: When,

    /// Opens a lost source again, with longer and longer waits of up to 8 s [default: auto, for networks and devices, but not for films that are over]
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, num_args = 0..=1, default_missing_value = "on", hide_default_value = true, help_heading = "Live")]
    reconnect: When,

    /// A source that gives nothing for so long is lost; at first, opening it may take no longer [default: 5s, and 15s at first]
    #[arg(long, value_name = "TIME", value_parser = value::positive_duration, allow_hyphen_values = true, help_heading = "Live")]
    timeout: Option<i64>,

    /// What a browser must know to see the page, once, as http://ADDR:PORT/?token=...; needed for other addresses than loopback
    ///
    /// Default: none. The connection is not encrypted. FRAMECAST_WEB_TOKEN is the same without showing it to other users.
    #[arg(
        long,
        value_name = "TEXT",
        env = "FRAMECAST_WEB_TOKEN",
        hide_env_values = true,
        help_heading = "Live"
    )]
    pub(super) web_token: Option<String>,

    /// Serves the statistics to Prometheus, under /metrics [default: off; no cost]
    #[arg(long, value_name = "[ADDR:]PORT", help_heading = "Live")]
    pub(super) metrics: Option<String>,

    #[command(flatten)]
    processing: ProcessingArgs,

    /// Writes one JSON object a line (events statistics, every second, summary, error) instead of text
    ///
    /// They go to standard output, or to standard error if an output is -. Default: off. No cost.
    #[arg(long, conflicts_with = "quiet", help_heading = "Reporting")]
    pub(super) json: bool,

    /// Prints errors only [default: a line every few seconds and a summary; no cost]
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Reporting")]
    pub(super) quiet: bool,

    /// Logs more: -v info, -vv debug, -vvv trace; FRAMECAST_LOG goes before it [default: warnings; trace is slow]
    #[arg(short, long, action = ArgAction::Count, help_heading = "Reporting")]
    pub(super) verbose: u8,
}

/// Something that is decided by the source unless the user does.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum When {
    #[default]
    Auto,
    On,
    Off,
}

impl When {
    const fn decided(self) -> Option<bool> {
        match self {
            Self::Auto => None,
            Self::On => Some(true),
            Self::Off => Some(false),
        }
    }
}

impl LiveArgs {
    /// The run that the arguments describe; `matches` are those of the subcommand.
    pub(super) fn into_config(mut self, matches: &ArgMatches) -> Result<LiveConfig, String> {
        if self.output.iter().filter(|output| *output == WINDOW).count() > 1 {
            return Err(
                "-o window was given twice, but there is one window: leave one out; -o web shows the same \
                        in a browser"
                    .into(),
            );
        }
        let formats = Formats::sort(&self.input.format, self.output.len(), matches)?;
        let threads = self.processing.threads;
        let input_format = match (self.input.input_format.take(), formats.input) {
            (Some(_), Some(_)) => {
                return Err("the input's format was given by both --input-format and -f".into());
            }
            (long, short) => long.or(short),
        };
        let strict = self.input.is_strict();
        let encoded =
            self.output.into_iter().zip(formats.outputs).filter(|(name, _)| !is_page(name) && name != WINDOW);
        let outputs = encoded.map(|(location, format)| LiveOutput {
            location,
            options: self.encoding.clone().into_options(format, threads, strict),
        });
        let default = LiveConfig::default();
        let time = |microseconds: Option<i64>, default: Duration| {
            microseconds.and_then(|time| u64::try_from(time).ok()).map_or(default, Duration::from_micros)
        };
        Ok(LiveConfig {
            outputs: outputs.collect(),
            max_latency: time(self.max_latency, default.max_latency),
            silence: time(self.timeout, default.silence),
            opening: time(self.timeout, default.opening),
            predicts: !self.hold,
            realtime: self.realtime.decided(),
            reconnect: self.reconnect.decided(),
            input: self.input.input.clone(),
            input_options: self.input.into_options(input_format, threads),
            processing: self.processing.into_options(MotionMode::Predict),
        })
    }
}

/// The output that is a window.
pub(super) const WINDOW: &str = "window";

/// Whether an output is a page rather than encoded.
pub(super) fn is_page(output: &str) -> bool {
    WebOutput::is_meant(output)
}

/// The values of `-f` by what they belong to.
struct Formats {
    input: Option<String>,
    outputs: Vec<Option<String>>,
}

impl Formats {
    /// A format belongs to the input or output after it; after the last output, to that one.
    fn sort(formats: &[String], outputs: usize, matches: &ArgMatches) -> Result<Self, String> {
        let input = matches.index_of("input").unwrap_or(0);
        let places: Vec<usize> = matches.indices_of("output").into_iter().flatten().collect();
        let mut sorted = Self { input: None, outputs: vec![None; outputs] };
        for (format, place) in formats.iter().zip(matches.indices_of("format").into_iter().flatten()) {
            let after = places.iter().position(|output| *output > place);
            let is_inputs = place < input && after.is_none_or(|after| places.get(after) > Some(&input));
            let slot = match after.unwrap_or(outputs.saturating_sub(1)) {
                _ if is_inputs => &mut sorted.input,
                output => match sorted.outputs.get_mut(output) {
                    Some(slot) => slot,
                    None => continue,
                },
            };
            if slot.replace(format.clone()).is_some() {
                return Err("-f was given twice before the same input or output".into());
            }
        }
        Ok(sorted)
    }
}

#[cfg(test)]
mod tests {
    use super::super::args::{Cli, Command};
    use super::*;
    use clap::{CommandFactory, FromArgMatches};
    use framecast::frame::{FrameRate, Rational};

    fn config(line: &str) -> Result<LiveConfig, String> {
        let words = ["framecast", "live"].into_iter().chain(line.split_whitespace());
        let matches = Cli::command().try_get_matches_from(words).map_err(|error| error.to_string())?;
        let Command::Live(arguments) = Cli::from_arg_matches(&matches).unwrap().command else {
            unreachable!()
        };
        arguments.into_config(matches.subcommand().unwrap().1)
    }

    #[test]
    fn nothing_given_is_the_library_default() {
        let expected = LiveConfig {
            input: "a".into(),
            outputs: vec![LiveOutput { location: "b".into(), options: Default::default() }],
            ..LiveConfig::default()
        };
        assert_eq!(config("-i a -o b").unwrap(), expected);
    }

    #[test]
    fn every_output_has_its_format() {
        let line = "-f lavfi -i testsrc2 -f null -o - -o out.mkv -f mpegts -o pipe:1 --fps 60 --max-latency 80ms --hold --reconnect";
        let config = config(line).unwrap();
        assert_eq!(config.input_options.format.as_deref(), Some("lavfi"));
        let formats: Vec<_> = config.outputs.iter().map(|output| output.options.format.as_deref()).collect();
        assert_eq!(formats, [Some("null"), None, Some("mpegts")]);
        assert_eq!(config.processing.motion.rate, FrameRate::Fixed(Rational::new(60, 1)));
        assert_eq!((config.max_latency, config.predicts), (Duration::from_millis(80), false));
        assert_eq!((config.reconnect, config.realtime), (Some(true), None));
        assert_eq!((config.silence, config.opening), (Duration::from_secs(5), Duration::from_secs(15)));
    }

    #[test]
    fn the_time_to_wait_for_a_source_holds_for_opening_it_too() {
        let config = config("-i a -o b --timeout 700ms").unwrap();
        assert_eq!(
            (config.silence, config.opening),
            (Duration::from_millis(700), Duration::from_millis(700))
        );
    }

    #[test]
    fn there_is_one_window() {
        assert!(config("-i a -o window -o b.mkv").is_ok());
        let told = config("-i a -o window -o b.mkv -o window").unwrap_err();
        assert!(told.contains("there is one window"), "{told}");
    }

    #[test]
    fn a_format_at_the_end_is_the_last_outputs() {
        let config = config("-i a -o b -o - -f null").unwrap();
        assert_eq!(config.outputs[1].options.format.as_deref(), Some("null"));
        assert_eq!(config.outputs[0].options.format, None);
    }
}
