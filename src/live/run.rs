//! A live run: what it is made of, and its threads.

use super::capture::{Capture, CaptureOptions, Captured};
use super::conductor::{Conductor, Done, EnlargeJob, LiveObserver, MotionJob, Setup, Wires};
use super::director::Director;
use super::encoded::EncodedOutput;
use super::outputs::OutputQueues;
use super::present::{Busy, Presenter, timed};
use super::workers::{Enlarger, MotionFinder};
use super::{Controls, Level, LiveConfig, LiveFormat, LiveStatistics, Output, StatisticsBoard};
use crate::config::{ProcessingOptions, Target};
use crate::error::{ConfigError, Error};
use crate::frame::{BufferPool, Frame, FrameInfo, FrameRate, MotionMode, Rational};
use crate::kernel;
use crate::media::{InputDescription, Interrupt, Sink, is_network};
use crate::model::{DEFAULT_MODEL, SMALL_MODEL};
use crate::pipeline::{ChainOptions, Clock, Plan, RateChange, SystemClock, guarded, spawn};
use crate::stage::{Composer, Geometry, OutputSize};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::Arc;
use std::thread::JoinHandle;

/// The way that enlarges without a network.
const RESAMPLED: &str = "resampled";
/// Classical motion.
const CLASSICAL: &str = "flow";
/// How network streams are probed: a second of them tells enough, and what was read meanwhile is not kept.
const PROBING: [(&str, &str); 2] = [("analyzeduration", "1000000"), ("fflags", "nobuffer")];
/// Things that wait between capture and the rest.
const DEPTH: usize = 4;
/// Packets of other streams.
const PACKETS: usize = 256;

/// An opened live run.
pub struct Live {
    config: LiveConfig,
    capture: Capture,
    director: Director,
    enlargers: Vec<Enlarger>,
    motion: MotionParts,
    format: LiveFormat,
    outputs: Vec<Box<dyn Output>>,
    notes: Vec<String>,
    controls: Arc<Controls>,
    statistics: Arc<StatisticsBoard>,
    clock: Arc<dyn Clock>,
    interrupt: Interrupt,
    reading: Interrupt,
}

struct MotionParts {
    finder: MotionFinder,
    predictors: usize,
    maker: crate::stage::MotionMaker,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Live({:?})", self.format)
    }
}

impl Live {
    /// Opens the source, the networks and the encoded outputs of `config`.
    ///
    /// # Errors
    /// What is wrong with one of them, before anything is written.
    pub fn open(config: LiveConfig, interrupt: Interrupt) -> Result<Self, Error> {
        config.validate()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let pool = BufferPool::new();
        // The user's interruption ends the reading; so does the end of the run, without one.
        let reading = interrupt.child();
        let capture = Capture::open(capture_options(&config, &pool), reading.clone(), clock.clone())?;
        let description = capture.description();
        let video = &description.video;
        let rate = config.rate(video.frame_rate);
        let mode = config.processing.motion.mode;
        let director = Director::new(rate, mode, video.time_base, config.max_latency)?;
        let source = geometry(&description);
        let size = output_size(&config, &description)?;
        let shown = InputDescription {
            video: crate::media::VideoInfo {
                color: video.color.for_size((source.width, source.height), (size.width, size.height)),
                frame_rate: rate,
                time_base: director.time_base(),
                ..video.clone()
            },
            ..(*description).clone()
        };
        let (sinks, notes) = open_sinks(&config, &shown, size, video.sample_aspect_ratio)?;
        let target = sinks.first().map_or(
            Geometry { width: size.width, height: size.height, color: shown.video.color, ..source },
            |(_, sink)| delivered(sink),
        );
        let aspect = video.sample_aspect_ratio;
        let (ways, mut enlargers) = enlargers(&config.processing, &description, target, &pool, &clock)?;
        warm_up(&mut enlargers, &description, &pool)?;
        let mut outputs: Vec<Box<dyn Output>> = Vec::new();
        for (location, sink) in sinks {
            let wanted = delivered(&sink);
            let kernels = kernel::create(config.processing.kernels)?;
            let converter = (wanted != target)
                .then(|| Composer::new(target, None, wanted, aspect, false, kernels, pool.clone()));
            outputs.push(Box::new(EncodedOutput::new(location, sink, converter)));
        }
        let motion = motion_parts(&config.processing, rate, &description, &pool)?;
        let format = LiveFormat {
            shown: target,
            source,
            sample_aspect_ratio: aspect,
            time_base: director.time_base(),
            frame_rate: rate,
        };
        let controls = Arc::new(Controls::new(ways));
        controls.set_predicts(config.predicts);
        Ok(Self {
            config,
            capture,
            director,
            enlargers,
            motion,
            format,
            outputs,
            notes,
            controls,
            statistics: Arc::default(),
            clock,
            interrupt,
            reading,
        })
    }

    /// What outputs are given.
    pub const fn format(&self) -> &LiveFormat {
        &self.format
    }

    /// The run's switches.
    pub fn controls(&self) -> Arc<Controls> {
        self.controls.clone()
    }

    /// The run's statistics, while it goes on.
    pub fn statistics(&self) -> Arc<StatisticsBoard> {
        self.statistics.clone()
    }

    /// Decisions on the outputs that the user should know of.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Shows everything on another output as well.
    pub fn add_output(&mut self, output: Box<dyn Output>) {
        self.outputs.push(output);
    }

    /// Runs until the source has ended, all outputs have, or the run is interrupted. `observer` is called every second.
    ///
    /// # Errors
    /// The first failure of a stage or an output; the other outputs are finished nevertheless.
    pub fn run(self, observer: LiveObserver) -> Result<LiveStatistics, Error> {
        let Self { config, capture, director, enlargers, motion, outputs, controls, statistics, .. } = self;
        let (clock, interrupt, reading) = (self.clock, self.interrupt, self.reading);
        let description = capture.description();
        let stream_bases = description.streams.iter().map(|stream| stream.time_base).collect();
        let time_bases = (stream_bases, description.video.time_base);
        let queues = OutputQueues::start(outputs, &statistics)?;
        let busy: Vec<Busy> = (0..3).map(|_| Busy::default()).collect();
        let [upscaling, moving, composing] =
            [0, 1, 2].map(|index| busy.get(index).cloned().unwrap_or_default());

        let (captured_in, captured) = bounded::<Captured>(DEPTH);
        let (enlarge, enlarge_jobs) = bounded::<EnlargeJob>(1);
        let (find, motion_jobs) = bounded::<MotionJob>(1);
        let (done_in, done) = bounded::<Done>(2 * DEPTH);
        let (present, work) = bounded(DEPTH);
        let (packets, waiting_packets) = bounded(PACKETS);

        let reader = spawn("capture", move || capture.run(&captured_in))?;
        let enlarger = {
            let (done, clock, statistics) = (done_in.clone(), clock.clone(), statistics.clone());
            spawn("upscale", move || {
                enlarge_all(enlargers, &enlarge_jobs, &done, |work| {
                    timed(&*clock, &upscaling, &statistics, "upscale", work)
                });
            })?
        };
        let finder = {
            let (clock, statistics, mut finder) = (clock.clone(), statistics.clone(), motion.finder);
            spawn("motion", move || {
                find_all(&mut finder, &motion_jobs, &done_in, |work| {
                    timed(&*clock, &moving, &statistics, "motion", work)
                });
            })?
        };
        let presenter = Presenter {
            maker: motion.maker,
            outputs: queues,
            clock: clock.clone(),
            statistics: statistics.clone(),
            busy: composing,
        };
        let presenter =
            spawn("present", move || guarded("present", || presenter.run(&work, &waiting_packets)))?;
        let levels = levels(&config, motion.predictors, &controls);
        let setup = Setup {
            director,
            mode: config.processing.motion.mode,
            levels,
            longest: config.max_latency,
            predictors: motion.predictors,
            time_bases,
            controls,
            statistics: statistics.clone(),
            clock,
            interrupt,
            busy,
            observer,
        };
        let wires = Wires { captured, enlarge, motion: find, done, present, packets };
        let conducted = guarded("conduct", || Conductor::new(setup, wires).run(&|| !presenter.is_finished()));
        reading.trigger();
        // The channels are closed: every thread comes to its end.
        let [read, enlarged, found] = [reader, enlarger, finder].map(join);
        let presented = presenter.join().unwrap_or_else(|_| Err(lost("present")));
        let finished = presented.and_then(OutputQueues::finish);
        conducted.and(read).and(enlarged).and(found).and(finished)?;
        Ok(statistics.read())
    }
}

fn join(thread: JoinHandle<()>) -> Result<(), Error> {
    let name = thread.thread().name().unwrap_or("live").to_owned();
    thread.join().map_err(|_| lost(&name))
}

fn lost(stage: &str) -> Error {
    Error::Panic { stage: stage.into(), message: "the thread ended without a result".into() }
}

fn enlarge_all(
    mut ways: Vec<Enlarger>,
    jobs: &Receiver<EnlargeJob>,
    done: &Sender<Done>,
    timed: impl Fn(&mut dyn FnMut() -> Done) -> Done,
) {
    for EnlargeJob { sequence, frame, way } in jobs {
        let mut frame = Some(frame);
        let made = timed(&mut || {
            let enlarged = guarded("upscale", || match (ways.get_mut(way), frame.take()) {
                (Some(way), Some(frame)) => way.process(frame),
                _ => Err(lost("upscale")),
            });
            Done::Enlarged(sequence, enlarged)
        });
        if done.send(made).is_err() {
            return;
        }
    }
}

fn find_all(
    finder: &mut MotionFinder,
    jobs: &Receiver<MotionJob>,
    done: &Sender<Done>,
    timed: impl Fn(&mut dyn FnMut() -> Done) -> Done,
) {
    for MotionJob { sequence, frame, moments, predictor } in jobs {
        let found = timed(&mut || {
            Done::Moved(sequence, guarded("motion", || finder.find(sequence, &frame, &moments, predictor)))
        });
        if done.send(found).is_err() {
            return;
        }
    }
}

fn capture_options(config: &LiveConfig, pool: &BufferPool) -> CaptureOptions {
    let mut input = config.input_options.clone();
    // Threads of a decoder each hold a frame back.
    input.threads = Some(input.threads.unwrap_or(1));
    if is_network(&config.input) && !config.input.starts_with("http") {
        for (name, value) in PROBING {
            if input.options.iter().all(|(known, _)| known != name) {
                input.options.push((name.into(), value.into()));
            }
        }
    }
    CaptureOptions {
        location: config.input.clone(),
        input,
        is_paced: config.is_paced(),
        reconnects: config.reconnects(),
        silence: config.silence,
        kernels: config.processing.kernels,
        pool: pool.clone(),
    }
}

fn geometry(description: &InputDescription) -> Geometry {
    let video = &description.video;
    Geometry { width: video.width, height: video.height, format: video.format, color: video.color }
}

fn delivered(sink: &Sink) -> Geometry {
    let delivered = sink.delivered();
    Geometry {
        width: delivered.width,
        height: delivered.height,
        format: delivered.format,
        color: delivered.color,
    }
}

fn output_size(config: &LiveConfig, description: &InputDescription) -> Result<OutputSize, Error> {
    let video = &description.video;
    Ok(match config.processing.target {
        Target::Factor(factor) => OutputSize { width: video.width * factor, height: video.height * factor },
        Target::Within { width, height } => crate::stage::fit(
            (video.width, video.height),
            video.sample_aspect_ratio,
            description.is_turned(),
            width,
            height,
        ),
    })
}

type Sinks = Vec<(String, Sink)>;

fn open_sinks(
    config: &LiveConfig,
    shown: &InputDescription,
    size: OutputSize,
    aspect: Rational,
) -> Result<(Sinks, Vec<String>), Error> {
    let (mut sinks, mut notes) = (Vec::new(), Vec::new());
    for output in &config.outputs {
        let options = output.live_options();
        let (width, height) = (size.width, size.height);
        // Not the user's interruption, which ends the reading: what was read is still written.
        let sink =
            Sink::open(&output.location, &options, shown, width, height, aspect, Interrupt::default())?;
        notes.extend(sink.notes().into_iter().map(|note| format!("{}: {note}", output.location)));
        sinks.push((output.location.clone(), sink));
    }
    Ok((sinks, notes))
}

/// The ways to enlarge, the best one first, with their names.
fn enlargers(
    processing: &ProcessingOptions,
    description: &InputDescription,
    target: Geometry,
    pool: &BufferPool,
    clock: &Arc<dyn Clock>,
) -> Result<(Vec<String>, Vec<Enlarger>), Error> {
    let source = geometry(description);
    let video = &description.video;
    let aspect = video.sample_aspect_ratio;
    let enlarges = target.width > source.width || target.height > source.height;
    let mut choices: Vec<Vec<String>> = Vec::new();
    if !processing.models.is_empty() {
        choices.push(processing.models.clone());
    } else if enlarges {
        choices.push(vec![DEFAULT_MODEL.into()]);
    }
    if enlarges && choices.iter().flatten().all(|model| model != SMALL_MODEL) {
        choices.push(vec![SMALL_MODEL.into()]);
    }
    let (mut names, mut ways) = (Vec::new(), Vec::new());
    for models in choices {
        let options = ProcessingOptions {
            models: models.clone(),
            threads: Some(processing.threads.unwrap_or(1)),
            motion: Default::default(),
            ..processing.clone()
        };
        let turned = description.is_turned();
        let mut plan = Plan::new(source, aspect, video.time_base, turned, false, &options)?;
        let ChainOptions { upscalers, composer, .. } =
            plan.stages(&options, target, aspect, pool, clock.clone())?;
        names.push(models.join(" + "));
        ways.push(Enlarger { chain: upscalers.into_iter().next(), composer });
    }
    let kernels = kernel::create(processing.kernels)?;
    let composer = Composer::new(source, None, target, aspect, processing.dither, kernels, pool.clone());
    names.push(RESAMPLED.into());
    ways.push(Enlarger { chain: None, composer });
    Ok((names, ways))
}

/// Runs every way once: the first run of a network takes several times as long as the others.
fn warm_up(ways: &mut [Enlarger], description: &InputDescription, pool: &BufferPool) -> Result<(), Error> {
    let video = &description.video;
    let info = FrameInfo {
        width: video.width,
        height: video.height,
        format: video.format,
        color: video.color,
        sample_aspect_ratio: video.sample_aspect_ratio,
        pts: 0,
        duration: 0,
        is_damaged: false,
        side_data: Vec::new(),
    };
    let mut blank = Frame::allocate(info, Some(pool));
    blank.planes_mut().iter_mut().for_each(|plane| plane.rows_mut().for_each(|row| row.fill(0)));
    ways.iter_mut().try_for_each(|way| way.process(blank.clone()).map(drop))
}

/// What finds motion and what makes frames of it: the network of the options if they name one, and the classical estimate.
fn motion_parts(
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
    let mut predictors = vec![change.predictor(&options, 1)?];
    if change.has_network() {
        predictors.push(crate::stage::MotionPredictor::classical(options.motion.mode));
    }
    let pacing = change.pacing();
    Ok(MotionParts {
        predictors: predictors.len(),
        finder: MotionFinder::new(pacing.mode, pacing.shrink, pacing.detector, predictors),
        maker: change.maker(&options, pool)?,
    })
}

/// The levels that differ.
fn levels(config: &LiveConfig, predictors: usize, controls: &Controls) -> Vec<Level> {
    let ways = controls.models().len();
    let interpolates = config.processing.motion.mode == MotionMode::Interpolate;
    let all = [
        (Level::Full, true),
        (Level::LightMotion, predictors > 1),
        (Level::NoPrediction, config.predicts || interpolates),
        (Level::SmallNetwork, ways > 2),
        (Level::Resampled, ways > 1),
    ];
    all.into_iter().filter(|(_, differs)| *differs).map(|(level, _)| level).collect()
}
