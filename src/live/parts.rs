//! What a live run is made of, from its configuration.

use super::capture::CaptureOptions;
use super::governor::Levels;
use super::motion::MotionFinder;
use super::{Controls, EnlargingLevel, LeftOut, LiveConfig, MotionLevel};
use crate::config::{ProcessingOptions, Target};
use crate::error::{ConfigError, Error};
use crate::frame::{BufferPool, FrameRate, MotionMode, MotionScale, Rational};
use crate::media::{Deinterlace, InputDescription, Interrupt, Sink, is_network};
use crate::pipeline::RateChange;
use crate::stage::{Geometry, MotionMaker, OutputSize, fit};

/// Classical motion.
const CLASSICAL: &str = "flow";
/// Pixels of pictures in which motion takes so little time that finding it at half of their size is no help.
const SMALL: u32 = 640 * 480;
/// How long network streams are probed at most, in microseconds: it tells enough.
const PROBING: (&str, &str) = ("analyzeduration", "1000000");
/// What finds motion and what makes frames of it.
pub(super) struct MotionParts {
    pub(super) finder: MotionFinder,
    /// The level of each way to find motion, the best one first.
    pub(super) levels: Vec<MotionLevel>,
    pub(super) maker: MotionMaker,
}

pub(super) fn capture_options(config: &LiveConfig, pool: &BufferPool) -> CaptureOptions {
    let mut input = config.input_options.clone();
    // Each frame is wanted as soon as it can be.
    input.low_delay = true;
    input.threads = Some(input.threads.unwrap_or(1));
    // Looking whether a stream is interlaced holds back its first frames; cameras and screens are not.
    if input.deinterlace == Deinterlace::Auto && config.captures_device() {
        input.deinterlace = Deinterlace::Off;
    }
    let is_stream = is_network(&config.input) && !config.input.starts_with("http");
    let (name, value) = PROBING;
    if is_stream && input.options.iter().all(|(known, _)| known != name) {
        input.options.push((name.into(), value.into()));
    }
    CaptureOptions {
        location: config.input.clone(),
        input,
        is_paced: config.is_paced(),
        has_backlog: is_stream || config.input == "-",
        reconnects: config.reconnects(),
        may_end: config.may_end(),
        silence: config.silence,
        opening: config.opening,
        kernels: config.processing.kernels,
        pool: pool.clone(),
    }
}

pub(super) fn geometry(description: &InputDescription) -> Geometry {
    let video = &description.video;
    Geometry { width: video.width, height: video.height, format: video.format, color: video.color }
}

pub(super) fn delivered(sink: &Sink) -> Geometry {
    let delivered = sink.delivered();
    Geometry {
        width: delivered.width,
        height: delivered.height,
        format: delivered.format,
        color: delivered.color,
    }
}

pub(super) fn output_size(config: &LiveConfig, description: &InputDescription) -> Result<OutputSize, Error> {
    let video = &description.video;
    Ok(match config.processing.target {
        Target::Factor(factor) => OutputSize { width: video.width * factor, height: video.height * factor },
        Target::Within { width, height } => fit(
            (video.width, video.height),
            video.sample_aspect_ratio,
            description.is_turned(),
            width,
            height,
        ),
    })
}

pub(super) type Sinks = Vec<(String, Sink)>;

pub(super) fn open_sinks(
    config: &LiveConfig,
    shown: &InputDescription,
    size: OutputSize,
    aspect: Rational,
    sending: &Interrupt,
) -> Result<(Sinks, Vec<String>), Error> {
    let (mut sinks, mut notes) = (Vec::new(), Vec::new());
    for output in &config.outputs {
        let options = output.live_options();
        let (width, height) = (size.width, size.height);
        // Not the user's interruption, which ends the reading: what was read is still written, however long a file takes.
        let interrupt = if is_network(&output.location) { sending.clone() } else { Interrupt::default() };
        let sink = Sink::open(&output.location, &options, shown, width, height, aspect, interrupt)?;
        notes.extend(sink.notes().into_iter().map(|note| format!("{}: {note}", output.location)));
        sinks.push((output.location.clone(), sink));
    }
    Ok((sinks, notes))
}

/// What finds motion and what makes frames of it: the network of the options if they name one, and the classical estimate.
pub(super) fn motion_parts(
    processing: &ProcessingOptions,
    rate: Rational,
    description: &InputDescription,
    pool: &BufferPool,
) -> Result<MotionParts, Error> {
    let mut options = processing.clone();
    options.motion.rate = FrameRate::Fixed(rate);
    options.motion.model.get_or_insert_with(|| CLASSICAL.into());
    let missing =
        || ConfigError { setting: "--fps".into(), expected: "a frame rate".into(), found: rate.to_string() };
    let change = RateChange::find(&options, description.video.time_base)?.ok_or_else(missing)?;
    let size = (description.video.width, description.video.height);
    let (mut levels, mut predictors) =
        (vec![MotionLevel::Full], vec![change.predictor(options.execution, 1, size)?]);
    let scale = options.motion.scale;
    if change.has_network() {
        levels.push(MotionLevel::Light);
        predictors.push(change.classical(scale));
    }
    if scale == MotionScale::Full && size.0 * size.1 > SMALL {
        levels.push(MotionLevel::Coarse);
        predictors.push(change.classical(MotionScale::Half));
    }
    let pacing = change.pacing();
    Ok(MotionParts {
        levels,
        finder: MotionFinder::new(pacing.mode, pacing.detector, predictors),
        maker: change.maker(&options, pool)?,
    })
}

/// The levels that differ.
pub(super) fn levels(config: &LiveConfig, mut motion: Vec<MotionLevel>, controls: &Controls) -> Levels {
    let ways = controls.models().len();
    if config.predicts || config.processing.motion.mode == MotionMode::Interpolate {
        motion.push(MotionLevel::Off);
    }
    let enlarging = [
        (EnlargingLevel::Full, true),
        (EnlargingLevel::Small, ways > 2),
        (EnlargingLevel::Resampled, ways > 1),
    ];
    Levels {
        motion,
        enlarging: enlarging.into_iter().filter(|(_, differs)| *differs).map(|(level, _)| level).collect(),
        edits: edit_levels(&config.processing),
    }
}

/// What costs most is left out first.
fn edit_levels(processing: &ProcessingOptions) -> Vec<LeftOut> {
    let nothing = LeftOut::default();
    let style = LeftOut { style: processing.style.is_some(), ..nothing };
    let denoise = LeftOut { denoise: processing.denoise.is_some(), ..style };
    let mut levels = vec![nothing, style, denoise];
    levels.push(LeftOut { low_light: processing.enhance.is_some(), ..denoise });
    levels.dedup();
    levels
}
