//! Takes frames from the source as they come, and opens it again when it is lost.

use super::backlog::Backlog;
use crate::error::{Error, MediaError};
use crate::frame::{BufferPool, Frame, Pts, TimeBase, rescale};
use crate::kernel::{self, KernelChoice};
use crate::media::{CopyPacket, InputDescription, InputOptions, Interrupt, Source, SourceItem, StreamInfo};
use crate::pipeline::Clock;
use crate::stage::{Composer, Geometry};
use crossbeam_channel::Sender;
use std::sync::Arc;
use std::time::Duration;

/// The first wait before the source is opened again, doubled up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// A source that ends so near to the end of what was asked for is not lost: a frame of a slow camera.
const END_TOLERANCE: Duration = Duration::from_millis(1100);
/// Opening a lost source again may take as long: nobody waits for it, as pictures are shown meanwhile.
const REOPENING: Duration = Duration::from_secs(15);
/// A paced source that is later than this, in nanoseconds, is not caught up with.
const LATE: i128 = 500_000_000;
/// Sleep is cut into pieces of at most this, so that an end is soon heeded.
const NAP: Duration = Duration::from_millis(20);

/// What capture says.
#[derive(Debug)]
pub(super) enum Captured {
    /// A frame, and when it arrived on the run's clock.
    Frame(Frame, Duration),
    /// A packet of another stream.
    Packet(CopyPacket),
    /// The source was lost, for this reason; it is being opened again.
    Lost(String),
    /// It was opened again.
    Reopened,
    /// Nothing more will come.
    Ended,
    /// Nothing more will come, because of this.
    Failed(Error),
}

/// How a source is captured.
pub(super) struct CaptureOptions {
    pub(super) location: String,
    pub(super) input: InputOptions,
    /// Frames are taken at the pace of their time stamps: the source would give them faster.
    pub(super) is_paced: bool,
    /// What was gathered until the source was open is handed on faster than it was captured, but not all at once.
    pub(super) has_backlog: bool,
    /// A lost source is opened again.
    pub(super) reconnects: bool,
    /// But not one of a known length that was read to its end.
    pub(super) may_end: bool,
    /// A source that gives nothing for so long is lost.
    pub(super) silence: Duration,
    /// Opening it at first may take so long.
    pub(super) opening: Duration,
    pub(super) kernels: KernelChoice,
    pub(super) pool: BufferPool,
}

/// Reads a source on a thread of its own.
pub(super) struct Capture {
    options: CaptureOptions,
    /// `None` while it is lost.
    source: Option<Source>,
    /// Of the source as it was first opened; all frames are delivered so.
    description: Arc<InputDescription>,
    /// Ends reading for good.
    interrupt: Interrupt,
    /// Ends reading of this opening of the source.
    opening: Interrupt,
    clock: Arc<dyn Clock>,
    /// When the first frame arrived.
    began: Option<Duration>,
    /// The wall time of the time stamp 0 of a paced source, in nanoseconds.
    pace: Option<i128>,
    /// Of this opening of the source.
    backlog: Backlog,
    /// Makes frames of a source that came back otherwise like those before.
    converter: Option<Composer>,
    /// Time base of the source as it is now.
    time_base: TimeBase,
    /// Of a source that was opened again: which stream of the first opening each goes on with, and its time base.
    places: Option<Vec<Option<(usize, TimeBase)>>>,
    /// The first and the last frame of this opening.
    read: Option<(Pts, Pts)>,
}

impl Capture {
    /// Opens the source.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub(super) fn open(
        options: CaptureOptions,
        interrupt: Interrupt,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let opening = interrupt.child();
        opening.expire_after(options.opening);
        let pool = options.pool.clone();
        let opened = Source::open(&options.location, &options.input, opening.clone(), pool);
        let source = opened.map_err(|error| match error {
            MediaError::Interrupted if !interrupt.is_triggered() => {
                silent(&options.location, options.opening)
            }
            error => error,
        })?;
        let description = source.description();
        let time_base = description.video.time_base;
        Ok(Self {
            options,
            source: Some(source),
            description,
            interrupt,
            opening,
            clock,
            began: None,
            pace: None,
            backlog: Backlog::default(),
            converter: None,
            time_base,
            places: None,
            read: None,
        })
    }

    /// What the source consists of.
    pub(super) fn description(&self) -> Arc<InputDescription> {
        self.description.clone()
    }

    /// Reads until the source ends, or nobody listens any more.
    pub(super) fn run(mut self, to: &Sender<Captured>) {
        loop {
            let lost = match self.read(to) {
                Ok(Read::Unheard) => break,
                Ok(Read::Ended) if !self.options.reconnects || self.is_done() || self.is_read() => {
                    let _ = to.send(Captured::Ended);
                    break;
                }
                _ if self.interrupt.is_triggered() => {
                    let _ = to.send(Captured::Ended);
                    break;
                }
                Ok(Read::Ended) => "it has ended".to_owned(),
                Err(error) if !self.options.reconnects => {
                    let is_silent = self.opening.is_triggered();
                    let error = if is_silent {
                        silent(&self.options.location, self.options.silence).into()
                    } else {
                        error
                    };
                    let _ = to.send(Captured::Failed(error));
                    break;
                }
                Err(_) if self.opening.is_triggered() => {
                    format!("nothing came for {} s", self.options.silence.as_secs_f32())
                }
                Err(error) => error.to_string(),
            };
            if to.send(Captured::Lost(lost)).is_err() || !self.reopen() {
                let _ = to.send(Captured::Ended);
                break;
            }
            if to.send(Captured::Reopened).is_err() {
                break;
            }
        }
    }

    /// Reads this opening of the source to its end.
    fn read(&mut self, to: &Sender<Captured>) -> Result<Read, Error> {
        loop {
            self.opening.expire_after(self.options.silence);
            let Some(source) = &mut self.source else { return Ok(Read::Ended) };
            let item = source.next()?;
            let captured = match item {
                SourceItem::Frame(frame) => {
                    let frame = self.like_before(frame)?;
                    if !self.wait_for(frame.info.pts) {
                        return Ok(Read::Ended);
                    }
                    let now = self.clock.now();
                    self.began.get_or_insert(now);
                    self.read = Some((self.read.map_or(frame.info.pts, |(first, _)| first), frame.info.pts));
                    Captured::Frame(frame, now)
                }
                SourceItem::Packet(packet) => match self.packet_like_before(packet) {
                    Some(packet) => Captured::Packet(packet),
                    None => continue,
                },
                SourceItem::End => return Ok(Read::Ended),
            };
            if to.send(captured).is_err() {
                return Ok(Read::Unheard);
            }
        }
    }

    /// Whether all that was asked for has been captured.
    fn is_done(&self) -> bool {
        let (Some(microseconds), Some(began)) = (self.options.input.duration, self.began) else {
            return false;
        };
        let wanted = Duration::from_micros(u64::try_from(microseconds).unwrap_or(0));
        self.clock.now() + END_TOLERANCE >= began + wanted
    }

    /// Whether it has a length, and was read to its end.
    fn is_read(&self) -> bool {
        let (Some(length), Some((first, last)), true) =
            (self.description.duration, self.read, self.options.may_end)
        else {
            return false;
        };
        let microseconds = TimeBase::new(1, 1_000_000);
        let read = rescale(last - first, self.description.video.time_base, microseconds);
        let tolerance = i64::try_from(END_TOLERANCE.as_micros()).unwrap_or(i64::MAX);
        read.saturating_add(tolerance) >= length - self.options.input.start.unwrap_or(0)
    }

    /// Waits until the frame is to be handed on. False if the run is over.
    fn wait_for(&mut self, pts: Pts) -> bool {
        let base = self.description.video.time_base;
        let time = i128::from(pts) * i128::from(base.num) * 1_000_000_000 / i128::from(base.den);
        let now = self.clock.now();
        if self.options.is_paced {
            let now = i128::try_from(now.as_nanos()).unwrap_or(0);
            let start = *self.pace.get_or_insert(now - time);
            let left = start + time - now;
            if left < -LATE {
                // It paused, and goes on from here.
                self.pace = Some(now - time);
            }
            return self.sleep_until(Duration::from_nanos(u64::try_from(start + time).unwrap_or(0)));
        }
        let held = if self.options.has_backlog { self.backlog.hold(time, now) } else { Duration::ZERO };
        held.is_zero() || self.sleep_until(now + held)
    }

    /// False if the run is over.
    fn sleep_until(&self, end: Duration) -> bool {
        loop {
            let left = end.saturating_sub(self.clock.now());
            if left.is_zero() || self.interrupt.is_triggered() {
                return !self.interrupt.is_triggered();
            }
            std::thread::sleep(left.min(NAP));
        }
    }

    /// Opens the source again, with longer and longer waits. False if the run is over.
    fn reopen(&mut self) -> bool {
        let mut wait = FIRST_WAIT;
        // Its port or device is needed.
        self.source = None;
        loop {
            if !self.sleep_until(self.clock.now() + wait) {
                return false;
            }
            wait = (wait * 2).min(LONGEST_WAIT);
            self.opening = self.interrupt.child();
            self.opening.expire_after(self.options.silence.max(REOPENING));
            let (options, pool) = (&self.options, self.options.pool.clone());
            let opened = Source::open(&options.location, &options.input, self.opening.clone(), pool);
            match opened.map_err(Error::from).and_then(|source| self.adopt(source)) {
                Ok(()) => return true,
                Err(error) => tracing::info!("{}: {error}", self.options.location),
            }
        }
    }

    /// Goes on with a newly opened source.
    fn adopt(&mut self, source: Source) -> Result<(), Error> {
        let (old, new) = (&self.description.video, source.description());
        self.time_base = new.video.time_base;
        let geometry = |video: &crate::media::VideoInfo| Geometry {
            width: video.width,
            height: video.height,
            format: video.format,
            color: video.color,
        };
        let (wanted, found) = (geometry(old), geometry(&new.video));
        self.converter = None;
        if wanted != found {
            tracing::warn!(
                "{}: it came back as {}x{} {} instead of {}x{} {}, and is converted",
                self.options.location,
                found.width,
                found.height,
                found.format,
                wanted.width,
                wanted.height,
                wanted.format
            );
            let kernels = kernel::create(self.options.kernels)?;
            let aspect = old.sample_aspect_ratio;
            let pool = self.options.pool.clone();
            self.converter = Some(Composer::new(found, None, wanted, aspect, false, kernels, pool));
        }
        let continued = self.description.continued_by(&new);
        for (stream, _) in new.streams.iter().zip(&continued).filter(|(_, place)| place.is_none()) {
            tracing::warn!(
                "{}: it came back with a stream of {} that it did not have before, which is left out",
                self.options.location,
                stream.codec
            );
        }
        let with_base = |(place, stream): (Option<usize>, &StreamInfo)| Some((place?, stream.time_base));
        self.places = Some(continued.into_iter().zip(&new.streams).map(with_base).collect());
        self.source = Some(source);
        self.read = None;
        (self.pace, self.backlog) = (None, Backlog::default());
        Ok(())
    }

    /// The packet as the source first gave them; `None` if it had no such stream.
    fn packet_like_before(&self, mut packet: CopyPacket) -> Option<CopyPacket> {
        if let Some(places) = &self.places {
            let (place, base) = (*places.get(packet.stream)?)?;
            packet.adopt(place, base, self.description.streams.get(place)?.time_base);
        }
        Some(packet)
    }

    /// The frame as the source first gave them.
    fn like_before(&mut self, mut frame: Frame) -> Result<Frame, Error> {
        if let Some(converter) = &mut self.converter {
            frame = converter.resample(&frame)?;
        }
        let base = self.description.video.time_base;
        if self.time_base != base {
            frame.info.pts = rescale(frame.info.pts, self.time_base, base);
            frame.info.duration = rescale(frame.info.duration, self.time_base, base);
        }
        Ok(frame)
    }
}

/// A source that is open, but gives nothing.
fn silent(location: &str, time: Duration) -> MediaError {
    MediaError::Input {
        input: location.to_owned(),
        problem: format!("it gave no pictures for {} s", time.as_secs_f32()),
        remedy: "check that it sends, or wait longer with --timeout".into(),
    }
}

enum Read {
    Ended,
    /// Nobody listens.
    Unheard,
}
