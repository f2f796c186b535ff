//! What a live run shall do.

use crate::config::{MotionOptions, ProcessingOptions};
use crate::error::ConfigError;
use crate::frame::{FrameRate, MotionMode, Rational};
use crate::media::{InputOptions, OutputOptions, camera_format, is_device, is_network, pattern_instead};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An encoded output.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveOutput {
    /// File, URL, device, or `-` for standard output.
    pub location: String,
    /// How it is written.
    pub options: OutputOptions,
}

/// A whole live run.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveConfig {
    /// Device, URL, file, or `-` for standard input.
    pub input: String,
    /// How it is read.
    pub input_options: InputOptions,
    /// Where what is shown is encoded to. Others are added with [`Live::add_output`](super::Live::add_output).
    pub outputs: Vec<LiveOutput>,
    /// What happens to frames. The rate of [`ProcessingOptions::motion`] is that of the pictures shown; a multiple goes by
    /// the rate that the source says it has.
    pub processing: ProcessingOptions,
    /// Whether frames between real ones are made; else the newest real one is held.
    pub predicts: bool,
    /// From capture to the moment that is shown: it is as short as the machine allows, and never longer.
    pub max_latency: Duration,
    /// Takes frames at the pace of their time stamps; where the source is a file or a filter if `None`.
    pub realtime: Option<bool>,
    /// Opens a lost source again; where it is a device or on the network if `None`.
    pub reconnect: Option<bool>,
    /// A source that gives nothing for so long is lost.
    pub silence: Duration,
    /// Opening the source, with its first picture, may take so long.
    pub opening: Duration,
}

impl Default for LiveConfig {
    /// At the source's rate, predicted, within 50 ms; a source is lost after 5 s, and opened within 15 s.
    fn default() -> Self {
        Self {
            input: String::new(),
            input_options: InputOptions::default(),
            outputs: Vec::new(),
            processing: ProcessingOptions {
                motion: MotionOptions { mode: MotionMode::Predict, ..MotionOptions::default() },
                ..ProcessingOptions::default()
            },
            predicts: true,
            max_latency: Duration::from_millis(50),
            realtime: None,
            reconnect: None,
            silence: Duration::from_secs(5),
            opening: Duration::from_secs(15),
        }
    }
}

impl LiveConfig {
    /// The shortest and the longest [`LiveConfig::max_latency`].
    pub const LATENCY: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(2));

    /// Checks the ranges that the types do not.
    ///
    /// # Errors
    /// The first that is wrong.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.processing.validate()?;
        let wrong = |setting: &str, expected: String, found: String| {
            Err(ConfigError { setting: setting.into(), expected, found })
        };
        let (shortest, longest) = Self::LATENCY;
        if self.max_latency < shortest || self.max_latency > longest {
            let expected = format!("{} ms to {} s", shortest.as_millis(), longest.as_secs());
            return wrong("--max-latency", expected, format!("{} ms", self.max_latency.as_millis()));
        }
        if let Some(twice) = self.named_twice() {
            return wrong("--output", "a name of its own for each output".into(), format!("{twice} twice"));
        }
        for LiveOutput { location, options } in &self.outputs {
            if let Some(pattern) = pattern_instead(location, options) {
                let expected = format!("many pictures, such as {pattern}, or a video, such as x.mkv");
                return wrong("--output", expected, format!("{location}, which is one picture"));
            }
        }
        let processing = &self.processing;
        let others = [("--dedup", processing.motion.dedup), ("--conceal", processing.motion.conceal)];
        match others.iter().find(|(_, is_set)| *is_set) {
            Some((setting, _)) => wrong(setting, "no such step in a live run".into(), "one".into()),
            None => Ok(()),
        }
    }

    /// Two outputs of one name would write over each other.
    fn named_twice(&self) -> Option<&str> {
        let written = self.outputs.iter().filter(|output| output.options.format.as_deref() != Some("null"));
        let mut names = HashSet::new();
        written.map(|output| output.location.as_str()).find(|location| !names.insert(same_name(location)))
    }

    /// Pictures a second, for a source that has this rate; 30 where it does not say.
    pub(super) fn rate(&self, source: Rational) -> Rational {
        let source = if source.is_positive() { source } else { Rational::new(30, 1) };
        match self.processing.motion.rate {
            FrameRate::Source => source,
            FrameRate::Fixed(rate) => rate,
            FrameRate::Multiple(multiple) => {
                let multiple = i32::try_from(multiple).unwrap_or(i32::MAX);
                Rational::new(source.num.saturating_mul(multiple), source.den)
            }
        }
    }

    fn input_format(&self) -> Option<&str> {
        self.input_options.format.as_deref().or_else(|| camera_format(&self.input))
    }

    /// Whether frames are taken at the pace of their time stamps: files and filters give them faster.
    pub(super) fn is_paced(&self) -> bool {
        let format = self.input_format();
        // HTTP gives files, or segments of seconds.
        let gives_all_at_once = format == Some("lavfi")
            || self.input.starts_with("http")
            || (self.input != "-" && !is_network(&self.input) && !format.is_some_and(is_device));
        self.realtime.unwrap_or(gives_all_at_once)
    }

    /// Whether the source is a camera, a screen or the like.
    pub(super) fn captures_device(&self) -> bool {
        self.input_format().is_some_and(|format| format != "lavfi" && is_device(format))
    }

    /// Whether a source that was read to the end of its length is over, as a film on a server is, rather than lost.
    pub(super) fn may_end(&self) -> bool {
        self.reconnect.is_none()
    }

    /// Whether a lost source is opened again.
    pub(super) fn reconnects(&self) -> bool {
        let format = self.input_format().filter(|format| *format != "lavfi");
        self.reconnect.unwrap_or(is_network(&self.input) || format.is_some_and(is_device))
    }
}

/// The location, the folder of a file without links and detours.
fn same_name(location: &str) -> PathBuf {
    let path = Path::new(location.strip_prefix("file:").unwrap_or(location));
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    match (std::fs::canonicalize(folder), path.file_name()) {
        (Ok(folder), Some(name)) if location != "-" && !is_network(location) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Muxers by the beginning of a URL.
const PROTOCOLS: [(&str, &str); 7] = [
    ("rtmp://", "flv"),
    ("rtmps://", "flv"),
    ("rtsp://", "rtsp"),
    ("srt://", "mpegts"),
    ("udp://", "mpegts"),
    ("tcp://", "mpegts"),
    ("/dev/video", "v4l2"),
];

impl LiveOutput {
    /// The options with what suits live pictures where the user has not chosen: the container that a protocol goes with,
    /// and an encoder that holds no frame back.
    pub(super) fn live_options(&self) -> OutputOptions {
        let mut options = OutputOptions { is_recording: true, ..self.options.clone() };
        let known = PROTOCOLS.iter().find(|(prefix, _)| self.location.starts_with(prefix));
        if options.format.is_none() {
            options.format = known.map(|(_, format)| (*format).to_owned());
        }
        let format = options.format.as_deref();
        let is_stream = matches!(format, Some("flv" | "mpegts" | "rtsp"));
        let is_segmented = matches!(format, Some("segment" | "stream_segment" | "hls" | "dash" | "tee"));
        if options.codec.is_none() && (is_stream || is_segmented || self.is_x264_file()) {
            options.codec = Some("libx264".into());
            // What all players take.
            if is_stream || is_segmented {
                options.pixel_format.get_or_insert_with(|| "yuv420p".into());
            }
        }
        if options.codec.as_deref() == Some("libx264") {
            options.preset.get_or_insert_with(|| "ultrafast".into());
            if options.encoder_options.iter().all(|(name, _)| name != "tune") {
                options.encoder_options.push(("tune".into(), "zerolatency".into()));
            }
        }
        options
    }

    fn is_x264_file(&self) -> bool {
        let extension = self.location.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        let known = ["mp4", "mkv", "mov", "m4v", "ts", "flv", "m3u8"];
        self.options.format.is_none()
            && extension.is_some_and(|extension| known.contains(&extension.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_would_come_too_fast_is_paced_and_only_what_can_be_lost_is_opened_again() {
        for (input, format, paced, reconnects) in [
            ("film.mkv", None, true, false),
            ("testsrc2", Some("lavfi"), true, false),
            ("/dev/video0", Some("v4l2"), false, true),
            ("/dev/video2", None, false, true),
            (":0.0", Some("x11grab"), false, true),
            ("rtsp://camera/1", None, false, true),
            ("https://host/live.m3u8", None, true, true),
            ("udp://127.0.0.1:5000", None, false, true),
            ("-", Some("nut"), false, false),
        ] {
            let mut config = LiveConfig { input: input.into(), ..LiveConfig::default() };
            config.input_options.format = format.map(Into::into);
            assert_eq!((config.is_paced(), config.reconnects()), (paced, reconnects), "{input}");
        }
    }

    #[test]
    fn streams_are_encoded_without_holding_frames_back() {
        for (location, format, tuned) in [
            ("rtmp://host/live", Some("flv"), true),
            ("srt://host:9000", Some("mpegts"), true),
            ("out.mkv", None, true),
            ("out.webm", None, false),
            ("/dev/video9", Some("v4l2"), false),
        ] {
            let output = LiveOutput { location: location.into(), options: OutputOptions::default() };
            let options = output.live_options();
            assert_eq!(options.format.as_deref(), format, "{location}");
            assert_eq!(options.preset.is_some(), tuned, "{location}");
        }
    }

    #[test]
    fn wrong_ranges_are_refused() {
        let config = LiveConfig { max_latency: Duration::from_secs(3), ..LiveConfig::default() };
        assert!(config.validate().unwrap_err().to_string().contains("5 ms to 2 s"));
    }

    #[test]
    fn one_picture_is_no_output() {
        let told = |location: &str, format: Option<&str>| {
            let options = OutputOptions { format: format.map(Into::into), ..OutputOptions::default() };
            let outputs = vec![LiveOutput { location: location.into(), options }];
            let config = LiveConfig { outputs, ..LiveConfig::default() };
            config.validate().err().map(|error| error.to_string())
        };
        for location in ["x.png", "shots/x.jpg", "file:x.webp"] {
            let told = told(location, None).unwrap_or_default();
            assert!(told.contains("such as x%05d.") && told.contains("which is one picture"), "{told}");
        }
        for (location, format) in [("x%03d.png", None), ("x.mkv", None), ("x.png", Some("null"))] {
            assert_eq!(told(location, format), None, "{location}");
        }
    }

    #[test]
    fn two_outputs_of_one_name_are_refused() {
        let refused = |locations: [&str; 2], format: Option<&str>| {
            let options = OutputOptions { format: format.map(Into::into), ..OutputOptions::default() };
            let outputs =
                locations.map(|location| LiveOutput { location: location.into(), options: options.clone() });
            let config = LiveConfig { outputs: outputs.into(), ..LiveConfig::default() };
            config.validate().err().map(|error| error.to_string())
        };
        for locations in [
            ["a.mkv", "a.mkv"],
            ["a.mkv", "./a.mkv"],
            ["src/a.mkv", "src/live/../a.mkv"],
            ["file:a.mkv", "a.mkv"],
            ["-", "-"],
            ["udp://127.0.0.1:5000", "udp://127.0.0.1:5000"],
        ] {
            let told = refused(locations, None).unwrap_or_default();
            let expected =
                format!("expected a name of its own for each output, found {} twice", locations[1]);
            assert!(told.contains(&expected), "{locations:?}: {told}");
        }
        for (locations, format) in [
            (["a.mkv", "b.mkv"], None),
            (["a.mkv", "src/a.mkv"], None),
            (["udp://127.0.0.1:5000", "udp://127.0.0.1:5001"], None),
            (["-", "-"], Some("null")),
        ] {
            assert_eq!(refused(locations, format), None, "{locations:?}");
        }
    }
}
