//! A live run: what it is made of, and its threads.

use super::capture::{Capture, Captured};
use super::companions::Companions;
use super::conductor::{Conductor, Done, EnlargeJob, LiveObserver, MotionJob, Setup, Wires};
use super::director::Director;
use super::encoded::EncodedOutput;
use super::enlarge::Enlarger;
use super::motion::MotionFinder;
use super::outputs::OutputQueues;
use super::parts::{
    MotionParts, capture_options, delivered, geometry, levels, motion_parts, open_sinks, output_size,
};
use super::present::{Busy, Presenter, timed};
use super::{Controls, LiveConfig, LiveFormat, LiveStatistics, Output, StatisticsBoard};
use crate::error::Error;
use crate::frame::{BufferPool, MotionMode, Rational};
use crate::kernel;
use crate::media::{InputDescription, Interrupt};
use crate::model::RunningNetwork;
use crate::pipeline::{Clock, SystemClock, guarded, spawn};
use crate::stage::{Captions, Composer, Geometry};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Things that wait between capture and the rest.
const DEPTH: usize = 4;
/// Packets of other streams.
const PACKETS: usize = 256;
/// After the end of the run, receivers on the network may take so long to take what is left.
const SENDING: Duration = Duration::from_secs(5);

/// An opened live run.
pub struct Live {
    config: LiveConfig,
    capture: Capture,
    director: Director,
    enlarger: Enlarger,
    motion: MotionParts,
    format: LiveFormat,
    outputs: Vec<Box<dyn Output>>,
    notes: Vec<String>,
    controls: Arc<Controls>,
    statistics: Arc<StatisticsBoard>,
    clock: Arc<dyn Clock>,
    interrupt: Interrupt,
    reading: Interrupt,
    /// Ends what network outputs wait for.
    sending: Interrupt,
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
    pub fn open(mut config: LiveConfig, interrupt: Interrupt) -> Result<Self, Error> {
        config.validate()?;
        config.processing.execution.without_graphs |= config.input_options.may_decode_on_device()
            || config.outputs.iter().any(|output| output.options.may_encode_on_device());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let pool = BufferPool::new();
        // The user's interruption ends the reading; so does the end of the run, without one.
        let reading = interrupt.child();
        let capture = Capture::open(capture_options(&config, &pool), reading.clone(), clock.clone())?;
        let description = capture.description();
        let video = &description.video;
        let rate = config.rate(video.frame_rate);
        let mode = config.processing.motion.mode;
        warn_of_interpolation(&config, video.frame_rate);
        let director = Director::new(rate, mode, video.time_base, config.max_latency)?;
        let source = geometry(&description);
        let size = output_size(&config, &description)?;
        let mut shown = InputDescription::clone(&description);
        shown.video.color = video.color.for_size((source.width, source.height), (size.width, size.height));
        shown.retime(rate, director.time_base());
        // Whatever the source's, pictures are shown at this rate.
        shown.video.variable_rate = false;
        let sending = Interrupt::default();
        let (sinks, notes) = open_sinks(&config, &shown, size, video.sample_aspect_ratio, &sending)?;
        let target = sinks.first().map_or(
            Geometry { width: size.width, height: size.height, color: shown.video.color, ..source },
            |(_, sink)| delivered(sink),
        );
        let aspect = video.sample_aspect_ratio;
        let enlarger = Enlarger::new(&config.processing, &description, target, &pool, &clock)?;
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
        let controls = Arc::new(Controls::new(enlarger.names()));
        controls.set_predicts(config.predicts);
        Ok(Self {
            config,
            capture,
            director,
            enlarger,
            motion,
            format,
            outputs,
            notes,
            controls,
            statistics: Arc::default(),
            clock,
            interrupt,
            reading,
            sending,
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

    /// Where the networks run, those for motion last.
    pub fn networks(&self) -> Vec<RunningNetwork> {
        self.enlarger.running().into_iter().chain(self.motion.finder.running()).collect()
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
        let Self { config, capture, director, enlarger, motion, outputs, controls, statistics, .. } = self;
        let (clock, interrupt, reading, sending) = (self.clock, self.interrupt, self.reading, self.sending);
        let description = capture.description();
        let stream_bases = description.streams.iter().map(|stream| stream.time_base).collect();
        let time_bases = (stream_bases, description.video.time_base);
        let queues = OutputQueues::start(outputs, &statistics)?;
        let busy: [Busy; 3] = Default::default();
        let [upscaling, moving, composing] = busy.clone();

        let (captured_in, captured) = bounded::<Captured>(DEPTH);
        let (enlarge, enlarge_jobs) = bounded::<EnlargeJob>(1);
        let (find, motion_jobs) = bounded::<MotionJob>(1);
        let (done_in, done) = bounded::<Done>(2 * DEPTH);
        let (present, work) = bounded(4 * DEPTH);
        let (packets, waiting_packets) = bounded(PACKETS);

        let reader = spawn("capture", move || capture.run(&captured_in))?;
        let enlarging = {
            let (done, clock, statistics) = (done_in.clone(), clock.clone(), statistics.clone());
            spawn("upscale", move || {
                enlarge_all(enlarger, &enlarge_jobs, &done, |work| {
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
            captions: Captions::default(),
        };
        let presenter =
            spawn("present", move || guarded("present", || presenter.run(&work, &waiting_packets)))?;
        let levels = levels(&config, motion.levels, &controls);
        let setup = Setup {
            director,
            mode: config.processing.motion.mode,
            levels,
            longest: config.max_latency,
            controls,
            statistics: statistics.clone(),
            clock,
            interrupt,
            busy,
            observer,
        };
        let wires = Wires { captured, enlarge, motion: find, done, present };
        let companions = Companions::new(time_bases, packets, statistics.clone());
        let conductor = Conductor::new(setup, wires, companions);
        let conducted = guarded("conduct", || conductor.run(&|| !presenter.is_finished()));
        reading.trigger();
        // The channels are closed: every thread comes to its end.
        let [read, enlarged, found] = [reader, enlarging, finder].map(join);
        sending.expire_after(SENDING);
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
    mut enlarger: Enlarger,
    jobs: &Receiver<EnlargeJob>,
    done: &Sender<Done>,
    timed: impl Fn(&mut dyn FnMut() -> Done) -> Done,
) {
    for EnlargeJob { sequence, frame, way, left_out } in jobs {
        let mut frame = Some(frame);
        let made = timed(&mut || {
            let enlarged = guarded("upscale", || match frame.take() {
                Some(frame) => enlarger.process(frame, way, left_out),
                None => Err(lost("upscale")),
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

/// What interpolation takes beside waiting for the next frame.
const INTERPOLATING: Duration = Duration::from_millis(20);

/// Pictures between frames are late if the next frame comes, and is worked on, after they are due.
fn warn_of_interpolation(config: &LiveConfig, rate: Rational) {
    if config.processing.motion.mode != MotionMode::Interpolate || !rate.is_positive() {
        return;
    }
    let needed = Duration::from_secs_f64(1.0 / rate.to_f64()) + INTERPOLATING;
    if config.max_latency < needed {
        tracing::warn!(
            "interpolation waits for the next frame: with --max-latency {} ms many pictures between frames are held; \
             use at least {} ms, or --mode predict",
            config.max_latency.as_millis(),
            needed.as_millis()
        );
    }
}
