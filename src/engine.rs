//! The engine: what the command line, and programs that embed framecast, use.
//!
//! [`run`] does a whole file or stream. [`Engine`] is for programs that have frames of their own: they push decoded
//! frames and pull enlarged ones. [`Predictor`] gives the next frame alone, and how sure it is.

mod predictor;

use crate::config::ProcessingOptions;
use crate::error::{ConfigError, Error, TimeError};
use crate::frame::{BufferPool, Frame, Pts, Rational, TimeBase};
use crate::model::NetworkReport;
use crate::pipeline::{Chain, Event, Plan, RateCount, Running, StageTime, SystemClock, Workload};
use crate::stage::{Geometry, ReuseCount};
use crossbeam_channel::{Receiver, RecvError, Select, TryRecvError, TrySendError};
use std::sync::Arc;

pub use crate::pipeline::{Observer, run};
pub use predictor::{Prediction, Predictor};

/// What became of a pushed frame.
#[derive(Debug)]
pub enum Push {
    /// It is on its way.
    Accepted,
    /// There is no room: pull with [`Engine::wait_frame`], then push this one again.
    Full(Frame),
}

/// What a pull brought.
#[derive(Debug)]
pub enum Pull {
    /// The next frame, in the order in which they were pushed.
    Frame(Frame),
    /// None is ready: push another, or wait.
    Pending,
    /// All frames pushed before [`Engine::flush`] have been pulled, or a failure has: nothing more will come.
    End,
}

/// Enlarges frames that its user decodes, on threads of its own.
///
/// ```no_run
/// use framecast::config::ProcessingOptions;
/// use framecast::engine::{Engine, Pull, Push};
/// use framecast::frame::{Color, Frame, PixelFormat, Rational};
/// use framecast::stage::Geometry;
///
/// # fn decoded() -> Option<Frame> { None }
/// # fn main() -> Result<(), framecast::error::Error> {
/// let source =
///     Geometry { width: 640, height: 360, format: PixelFormat::YUV420P, color: Color::default() };
/// let (square, time_base) = (Rational::new(1, 1), Rational::new(1, 25));
/// let mut engine = Engine::new(source, square, time_base, &ProcessingOptions::default())?;
/// while let Some(mut frame) = decoded() {
///     while let Push::Full(back) = engine.push_frame(frame)? {
///         frame = back;
///         if let Pull::Frame(enlarged) = engine.wait_frame()? {
///             println!("{} x {}", enlarged.info.width, enlarged.info.height);
///         }
///     }
/// }
/// engine.flush()?;
/// while let Pull::Frame(enlarged) = engine.wait_frame()? {
///     println!("{} x {}", enlarged.info.width, enlarged.info.height);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Engine {
    chain: Chain,
    source: Geometry,
    target: Geometry,
    running: Running,
    time_base: TimeBase,
    /// There was no room for the last frame pushed.
    refused: bool,
    /// A failure was pulled.
    has_failed: bool,
    /// Where frames are added: the time stamp of the last frame accepted.
    newest: Option<Pts>,
    adds_frames: bool,
}

impl Engine {
    /// Prepares the network and starts the threads. All frames pushed must have the geometry `source`, and time stamps in
    /// `time_base` (seconds per tick), which rise from frame to frame. Where frames are added or left out (`options.motion`),
    /// those that do not rise are refused; else they are passed on as they are.
    ///
    /// At a fixed frame rate there is an output frame at every tick, but in gaps of more than [`Cadence::LONGEST_FILLED`] seconds:
    /// there the frame before stands for all of the time, and [`Engine::rate_count`] tells.
    ///
    /// [`Cadence::LONGEST_FILLED`]: crate::frame::Cadence::LONGEST_FILLED
    ///
    /// Output frames have the source's format and the size that `options.target` asks for.
    ///
    /// # Errors
    /// If an option or a part of `source` is out of its range, there is no positive time base, or a model, the ONNX Runtime or the
    /// kernels cannot be used.
    pub fn new(
        source: Geometry,
        sample_aspect_ratio: Rational,
        time_base: TimeBase,
        options: &ProcessingOptions,
    ) -> Result<Self, Error> {
        options.validate()?;
        check_source(source)?;
        if !time_base.is_positive() {
            let (setting, expected) = ("time base".into(), "seconds per tick, a fraction above 0".into());
            return Err(ConfigError { setting, expected, found: time_base.to_string() }.into());
        }
        let mut plan = Plan::new(source, sample_aspect_ratio, time_base, false, Workload::Stream, options)?;
        let target = Geometry { width: plan.output.width, height: plan.output.height, ..source };
        let pool = BufferPool::new();
        let clock = Arc::new(SystemClock::default());
        let (_, time_base) = plan.timing(Rational::new(0, 1), time_base);
        let chain = Chain::start(plan.stages(options, target, sample_aspect_ratio, &pool, clock)?)?;
        let adds_frames = options.motion.adds_frames();
        let running = plan.running;
        Ok(Self {
            chain,
            source,
            target,
            running,
            time_base,
            refused: false,
            has_failed: false,
            newest: None,
            adds_frames,
        })
    }

    /// Geometry of the frames that come out.
    pub const fn output(&self) -> Geometry {
        self.target
    }

    /// Time base of the time stamps of the frames that come out, in seconds per tick: the source's, or with another frame
    /// rate one in which all of them are exact.
    pub const fn time_base(&self) -> TimeBase {
        self.time_base
    }

    /// What really runs the networks, for people, with the thread layout; `None` without a network.
    pub fn provider(&self) -> Option<String> {
        self.running.text()
    }

    /// Provider and nodes of each network, as of now.
    pub fn networks(&self) -> Vec<NetworkReport> {
        self.running.reports()
    }

    /// Gives the engine a frame, without waiting.
    ///
    /// # Errors
    /// If the frame is not of the source's geometry, its planes are not those that its description tells of
    /// ([`Frame::validate`]), it comes after [`Engine::flush`] or a failure, or, where frames are added, is not later
    /// than the one before ([`TimeError::NotIncreasing`]). The engine goes on as if it had not been pushed.
    pub fn push_frame(&mut self, frame: Frame) -> Result<Push, Error> {
        self.check(&frame)?;
        self.check_time(&frame)?;
        let pts = frame.info.pts;
        let sent = self.chain.input().map(|input| input.try_send(Event::Item(frame)));
        self.refused = matches!(sent, Some(Err(TrySendError::Full(_))));
        match sent {
            Some(Err(TrySendError::Full(Event::Item(frame)))) => Ok(Push::Full(frame)),
            // Where the chain has failed, its reason is the next thing to pull.
            _ => {
                self.newest = Some(pts);
                Ok(Push::Accepted)
            }
        }
    }

    /// Takes the next frame if one is ready.
    ///
    /// # Errors
    /// What failed while frames were made. It is told once; after it comes [`Pull::End`].
    pub fn next_frame(&mut self) -> Result<Pull, Error> {
        match self.chain.output().map(Receiver::try_recv) {
            Some(Ok(event)) => self.pulled(event),
            Some(Err(TryRecvError::Empty)) => Ok(Pull::Pending),
            Some(Err(TryRecvError::Disconnected)) | None => Ok(Pull::End),
        }
    }

    /// Waits for the next frame, or the end. Where the last push found no room, it gives [`Pull::Pending`] as soon as there
    /// is: frames that show nothing new, or more than the output's rate, leave nothing to pull. Otherwise it waits for ever
    /// if nothing was pushed that makes a frame.
    ///
    /// # Errors
    /// As [`Engine::next_frame`].
    pub fn wait_frame(&mut self) -> Result<Pull, Error> {
        if self.refused && !self.has_failed && self.waits_for_room() {
            return Ok(Pull::Pending);
        }
        match self.chain.output().map(Receiver::recv) {
            Some(Ok(event)) => self.pulled(event),
            Some(Err(RecvError)) | None => Ok(Pull::End),
        }
    }

    /// Says that no frame will follow, without waiting. Frames on their way can still be pulled.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.chain.close_input();
        Ok(())
    }

    /// Time that the stages spent so far.
    pub fn times(&self) -> Vec<StageTime> {
        self.chain.times()
    }

    /// How much of the frames was copied from earlier outputs, because the source had not changed there.
    pub fn reuse_count(&self) -> ReuseCount {
        self.chain.reuse_count()
    }

    /// What became of the frames so far where some are added; `None` at the source's rate.
    pub fn rate_count(&self) -> Option<RateCount> {
        self.chain.rate_count()
    }

    /// Waits until a frame can be pulled or pushed; true if only pushed.
    fn waits_for_room(&self) -> bool {
        let (Some(input), Some(output)) = (self.chain.input(), self.chain.output()) else { return false };
        let mut either = Select::new();
        let room = either.send(input);
        either.recv(output);
        either.ready() == room && output.is_empty()
    }

    fn pulled(&mut self, event: Event) -> Result<Pull, Error> {
        match event {
            Event::Item(frame) => Ok(Pull::Frame(frame)),
            Event::End => Ok(Pull::End),
            Event::Failed(error) => {
                self.has_failed = true;
                Err(error)
            }
        }
    }

    fn check(&self, frame: &Frame) -> Result<(), ConfigError> {
        let refuse = |expected: String, found: String| {
            Err(ConfigError { setting: "push_frame".into(), expected, found })
        };
        if self.has_failed {
            return refuse("no frame after a failure, but a new engine".into(), "a frame".into());
        }
        if self.chain.input().is_none() {
            return refuse("no frame after flush".into(), "a frame".into());
        }
        check_frame(frame, self.source)
    }

    fn check_time(&self, frame: &Frame) -> Result<(), TimeError> {
        let found = frame.info.pts;
        match self.newest.filter(|newest| self.adds_frames && found <= *newest) {
            Some(previous) => Err(TimeError::NotIncreasing { previous, found }),
            None => Ok(()),
        }
    }
}

fn check_source(source: Geometry) -> Result<(), ConfigError> {
    for (setting, side) in [("width", source.width), ("height", source.height)] {
        if !(1..=32768).contains(&side) {
            let (setting, found) = (setting.into(), side.to_string());
            return Err(ConfigError { setting, expected: "1 to 32768".into(), found });
        }
    }
    source.format.validate()
}

/// Refuses a frame that is not of the source's geometry, or not what its description tells of.
fn check_frame(frame: &Frame, source: Geometry) -> Result<(), ConfigError> {
    let Geometry { width, height, format, color } = source;
    let info = &frame.info;
    let (expected, found) = if (info.width, info.height, info.format) != (width, height, format) {
        let text = |width, height, format| format!("{width} x {height} {format}");
        (text(width, height, format), text(info.width, info.height, info.format))
    } else if info.color != color {
        (format!("{color:?}"), format!("{:?}", info.color))
    } else {
        return frame.validate();
    };
    Err(ConfigError { setting: "push_frame".into(), expected, found })
}
