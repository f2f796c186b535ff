//! Decides, frame by frame, what is shown until the next one comes.

use super::super::{Detector, DetectorOptions, Transition};
use super::LeftCaptions;
use crate::error::{ConfigError, Error, TimeError};
use crate::frame::{
    Cadence, Content, Dedup, Frame, FrameInfo, FrameRate, GapFinder, MotionMode, Pts, SmallFrame, Tick,
    TimeBase,
};
use crate::kernel::cpu::shrink;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Source pixels along a side of the largest cells by which duplicates are found.
const JUDGED: usize = 4;

/// A source frame as motion estimation sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The frame.
    pub frame: Frame,
    /// The frame, shrunk.
    pub small: Arc<SmallFrame>,
}

/// A source frame, and what is shown from its time until that of the next one.
#[derive(Debug)]
pub struct Span {
    /// Frame k.
    pub source: Seen,
    /// The frame from or to which things move: k-1 to predict from, k+1 to interpolate to. `None` at the ends of the
    /// stream and across cuts, flashes and dissolves.
    pub other: Option<Seen>,
    /// What is shown, in the order of time; all of frame k.
    pub ticks: Vec<Tick>,
    /// How long the last tick is shown, in the output's time base; 0: until the next span's first one.
    pub shown: i64,
    /// The captions of source frames after frame k that are not shown themselves, in the order of time.
    pub captions: Vec<LeftCaptions>,
}

/// How a [`Pacer`] decides.
#[derive(Clone, Debug)]
pub struct PacerOptions {
    /// The output's frames.
    pub rate: FrameRate,
    /// Of the source's time stamps.
    pub time_base: TimeBase,
    /// What frames between two source frames are made of.
    pub mode: MotionMode,
    /// Of the predictor, see [`SmallFrame`].
    pub shrink: usize,
    /// Thresholds for cuts, flashes, dissolves and duplicates.
    pub detector: DetectorOptions,
    /// Leaves out frames that show nothing new, and spaces the others as they were before a regular pattern of repetitions,
    /// so that the real cadence is what is worked on.
    pub dedup: bool,
    /// Takes damaged frames for lost ones; at the source's rate and its multiples, shows frames of motion at every time at which
    /// a stream of constant rate lacks one. (At a fixed rate no tick is without a frame; where repeated frames are left
    /// out, none are missing.)
    pub conceal: bool,
}

impl PacerOptions {
    /// The cadence of the output.
    ///
    /// # Errors
    /// If the rate is out of its range.
    pub fn cadence(&self) -> Result<Cadence, ConfigError> {
        let time_base = if self.dedup { Dedup::new(self.time_base).time_base() } else { self.time_base };
        Cadence::new(self.rate, self.mode, time_base)
    }
}

/// What a [`Pacer`] found in the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaceCount {
    /// Cuts, flashes and dissolves: places without motion to go by.
    pub breaks: u64,
    /// Duplicates that were left out.
    pub duplicates: u64,
    /// Missing and damaged frames whose place was filled in.
    pub concealed: u64,
    /// Damaged frames that were not shown.
    pub damaged: u64,
    /// Frames that were dropped because their time stamps did not rise.
    pub dropped: u64,
    /// Gaps that were too long to be filled at a fixed rate, see [`Cadence::LONGEST_FILLED`].
    pub unfilled: u64,
}

/// Holds each frame until it is known what is shown while it is the newest. It must see the frames in order.
#[derive(Debug)]
pub struct Pacer {
    options: PacerOptions,
    cadence: Cadence,
    detector: Detector,
    dedup: Option<Dedup>,
    gaps: GapFinder,
    /// When damaged frames would have been shown since the newest one, and those before them that are missing.
    missing: Vec<Pts>,
    /// Frames that the cadence has accepted.
    frames: u64,
    previous: Option<Seen>,
    held: Option<Held>,
    /// When the newest frame ends, or the last one after it that was left out, if this is not told by the newest one's duration.
    tail: Option<Pts>,
    /// The captions of the frames that were left out since the newest one.
    left: Vec<LeftCaptions>,
    count: PaceCount,
}

/// The newest frame, whose ticks are not all known yet.
#[derive(Debug)]
struct Held {
    seen: Seen,
    /// Motion leads to it from the frame before.
    follows: bool,
    ticks: Vec<Tick>,
}

/// Ticks between two frames.
struct Parted {
    /// They show the earlier one, or go out from it.
    before: Vec<Tick>,
    /// They show the later one.
    newest: Vec<Tick>,
}

impl Pacer {
    /// A pacer that has seen nothing.
    ///
    /// # Errors
    /// If the rate is out of its range.
    pub fn new(options: PacerOptions) -> Result<Self, ConfigError> {
        Ok(Self {
            cadence: options.cadence()?,
            detector: Detector::new(options.detector),
            dedup: options.dedup.then(|| Dedup::new(options.time_base)),
            gaps: GapFinder::new(GapFinder::LONGEST),
            missing: Vec::new(),
            options,
            frames: 0,
            previous: None,
            held: None,
            tail: None,
            left: Vec::new(),
            count: PaceCount::default(),
        })
    }

    /// Takes the next frame and gives the one before it, whose ticks are now known. A frame that is not later than the
    /// one before cannot be shown in time and is dropped.
    pub fn push(&mut self, mut frame: Frame) -> Result<Option<Span>, Error> {
        if self.is_hidden(&frame) {
            self.count.damaged += 1;
            self.keep_captions(&frame.info);
            return Ok(None);
        }
        let mut small = SmallFrame::default();
        shrink(&frame, self.options.shrink, &mut small)?;
        let transition = self.judge(&frame, &small)?;
        let ticks = match self.ticks(&mut frame, transition) {
            Ok(ticks) => ticks,
            Err(TimeError::NotIncreasing { previous, found }) => {
                tracing::warn!("a frame at {found} comes after one at {previous}: it is dropped");
                self.count.dropped += 1;
                self.keep_captions(&frame.info);
                return Ok(None);
            }
        };
        self.count_unfilled();
        let Some(Parted { before, newest }) = ticks else {
            self.keep_captions(&frame.info);
            return Ok(None);
        };
        self.count.breaks += u64::from(!transition.has_motion() && transition != Transition::First);
        let seen = Seen { frame, small: Arc::new(small) };
        let finished = self.held.replace(Held { seen, follows: transition.has_motion(), ticks: newest });
        Ok(finished.map(|mut held| {
            held.ticks.extend(before);
            self.release(held)
        }))
    }

    /// Nothing more will come: gives the last frame.
    pub fn end(&mut self) -> Option<Span> {
        let mut held = self.held.take()?;
        let info = &held.seen.frame.info;
        let (newest, end) = (info.pts, self.tail.unwrap_or(info.pts.saturating_add(info.duration)));
        held.ticks.extend(self.cadence.finish(end.saturating_sub(newest)));
        self.count_unfilled();
        let missing = std::mem::take(&mut self.missing);
        let last = missing.last().copied().filter(|_| self.follows_source()).unwrap_or(newest);
        if last > newest {
            self.count.concealed += missing.len() as u64;
            held.ticks.extend(self.concealed(newest, self.frames - 1, &missing, None));
        }
        let mut span = self.release(held);
        // At a fixed rate all frames are shown for as long.
        if !matches!(self.options.rate, FrameRate::Fixed(_)) {
            span.shown = self.cadence.rescaled(end.saturating_sub(last));
        }
        // No later frame will come that could have them.
        if let Some(last) = span.ticks.last() {
            span.captions.iter_mut().for_each(|captions| captions.pts = captions.pts.min(last.pts));
        }
        Some(span)
    }

    /// What was found so far.
    pub const fn count(&self) -> PaceCount {
        self.count
    }

    /// How the frame follows the one before, by its small picture.
    fn judge(&mut self, frame: &Frame, small: &SmallFrame) -> Result<Transition, Error> {
        if !self.options.dedup || small.shrink <= JUDGED {
            return Ok(self.detector.observe(small));
        }
        // In larger cells little movements are lost.
        let mut fine = SmallFrame::default();
        shrink(frame, JUDGED, &mut fine)?;
        Ok(self.detector.observe(&fine))
    }

    /// Frames that are not shown themselves leave their captions to those that are.
    fn keep_captions(&mut self, info: &FrameInfo) {
        let pts = self.cadence.rescaled(info.pts.saturating_mul(self.parts()));
        self.left.extend(LeftCaptions::of(info, pts));
    }

    /// Parts of a source tick that the cadence counts in.
    fn parts(&self) -> i64 {
        let divided = self.dedup.as_ref().map_or(self.options.time_base, Dedup::time_base);
        i64::from(divided.den / self.options.time_base.den)
    }

    fn count_unfilled(&mut self) {
        let unfilled = self.cadence.unfilled();
        if unfilled > self.count.unfilled {
            tracing::warn!(
                "no frame for more than {} s: the one before is shown for all of that time",
                Cadence::LONGEST_FILLED
            );
        }
        self.count.unfilled = unfilled;
    }

    /// Whether `frame` is damaged and motion is the better picture.
    fn is_hidden(&mut self, frame: &Frame) -> bool {
        let is_known = self.held.is_some() && self.missing.len() < GapFinder::LONGEST as usize;
        if !(self.options.conceal && frame.info.is_damaged && is_known) {
            return false;
        }
        let (pts, duration) = (frame.info.pts, frame.info.duration);
        if let Ok(before) = self.gaps.push(pts) {
            self.missing.extend(before);
            self.missing.push(pts);
            self.tail = Some(pts.saturating_add(duration).saturating_mul(self.parts()));
        }
        true
    }

    /// The ticks of the frame before, and those of `frame`, whose time stamp becomes the one that it has without
    /// repetitions; `None` if it is one.
    fn ticks(&mut self, frame: &mut Frame, transition: Transition) -> Result<Option<Parted>, TimeError> {
        let (info, parts) = (&mut frame.info, self.parts());
        let mut tail = None;
        if let Some(dedup) = &mut self.dedup {
            let end = info.pts.saturating_add(info.duration).saturating_mul(parts);
            info.duration = info.duration.saturating_mul(parts);
            match dedup.push(info.pts, transition.is_duplicate())? {
                // Even spacing puts frames off, but not their end.
                Some(pts) => (info.pts, tail) = (pts, Some(end).filter(|end| *end > pts)),
                None => {
                    self.count.duplicates += 1;
                    self.tail = Some(end);
                    return Ok(None);
                }
            }
        }
        let ticks = self.cadence.push(info.pts)?;
        self.tail = tail;
        let newest = self.frames;
        self.frames += 1;
        let (mut before, newest) = ticks.partition::<Vec<_>, _>(|tick| frame_of(tick) < newest);
        if self.options.conceal && self.follows_source() {
            self.conceal(info.pts, &mut before)?;
        } else {
            self.missing.clear();
        }
        Ok(Some(Parted { before, newest }))
    }

    /// Replaces the ticks between the newest frame and `pts`, if frames are missing or damaged there, by those that there
    /// would be with them.
    fn conceal(&mut self, pts: Pts, before_pts: &mut Vec<Tick>) -> Result<(), TimeError> {
        let mut times = std::mem::take(&mut self.missing);
        times.extend(self.gaps.push(pts)?);
        let Some(held) = self.held.as_ref().filter(|_| !times.is_empty()) else { return Ok(()) };
        self.count.concealed += times.len() as u64;
        times.push(pts);
        *before_pts = self.concealed(held.seen.frame.info.pts, self.frames - 2, &times, Some(pts));
        // The last one is the frame at `pts`.
        before_pts.pop();
        Ok(())
    }

    /// The ticks that there would be with frames at `times`, made of frame number `frame` at `newest` and the one at `next`.
    fn concealed(&self, newest: Pts, frame: u64, times: &[Pts], next: Option<Pts>) -> Vec<Tick> {
        let unit = match self.options.mode {
            MotionMode::Predict => {
                self.previous.as_ref().map(|seen| newest.saturating_sub(seen.frame.info.pts))
            }
            MotionMode::Interpolate => next.map(|next| next.saturating_sub(newest)),
        };
        let (cadence, mode) = (&self.cadence, self.options.mode);
        let (unit, start) = (unit.map(|unit| cadence.rescaled(unit)), cadence.rescaled(newest));
        let starts = std::iter::once(newest).chain(times.iter().copied());
        let ticks = starts.zip(times).flat_map(|(start, end)| cadence.parts(start, *end));
        ticks.map(|pts| Tick { pts, content: mode.content(frame, pts.saturating_sub(start), unit) }).collect()
    }

    /// Whether the output has the source's frames and parts of the intervals between them.
    const fn follows_source(&self) -> bool {
        !matches!(self.options.rate, FrameRate::Fixed(_)) && self.dedup.is_none()
    }

    fn release(&mut self, held: Held) -> Span {
        let Held { seen, follows, ticks } = held;
        let before = self.previous.replace(seen.clone()).filter(|_| follows);
        let after = self.held.as_ref().filter(|held| held.follows).map(|held| held.seen.clone());
        let other = match self.options.mode {
            MotionMode::Predict => before,
            MotionMode::Interpolate => after,
        };
        Span { source: seen, other, ticks, shown: 0, captions: std::mem::take(&mut self.left) }
    }
}

/// The number of the frame that a tick shows or goes out from.
const fn frame_of(tick: &Tick) -> u64 {
    match tick.content {
        Content::Original(frame) | Content::Hold(frame) | Content::Between { frame, .. } => frame,
    }
}
