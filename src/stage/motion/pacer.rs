//! Decides, frame by frame, what is shown until the next one comes.

use super::super::{Detector, DetectorOptions, Transition};
use crate::error::{ConfigError, Error, TimeError};
use crate::frame::{
    Cadence, Content, Dedup, Frame, FrameRate, GapFinder, MotionMode, Pts, SmallFrame, Tick, TimeBase,
};
use crate::kernel::cpu::shrink;
use std::sync::Arc;

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
    /// When the last duplicate that was left out ends.
    tail: Option<Pts>,
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
            count: PaceCount::default(),
        })
    }

    /// Takes the next frame and gives the one before it, whose ticks are now known. A frame that is not later than the
    /// one before cannot be shown in time and is dropped.
    pub fn push(&mut self, mut frame: Frame) -> Result<Option<Span>, Error> {
        if self.is_hidden(&frame) {
            self.count.damaged += 1;
            return Ok(None);
        }
        let mut small = SmallFrame::default();
        shrink(&frame, self.options.shrink, &mut small)?;
        let transition = self.detector.observe(&small);
        let ticks = match self.ticks(&mut frame, transition) {
            Ok(ticks) => ticks,
            Err(TimeError::NotIncreasing { previous, found }) => {
                tracing::warn!("a frame at {found} comes after one at {previous}: it is dropped");
                self.count.dropped += 1;
                return Ok(None);
            }
        };
        self.count_unfilled();
        let Some(Parted { before, newest }) = ticks else { return Ok(None) };
        self.tail = None;
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
        let duration = self.tail.map_or(info.duration, |tail| tail - info.pts);
        held.ticks.extend(self.cadence.finish(duration));
        self.count_unfilled();
        let mut span = self.release(held);
        // At a fixed rate all frames are shown for as long.
        if !matches!(self.options.rate, FrameRate::Fixed(_)) {
            span.shown = self.cadence.rescaled(duration);
        }
        Some(span)
    }

    /// What was found so far.
    pub const fn count(&self) -> PaceCount {
        self.count
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
        let pts = frame.info.pts;
        if let Ok(before) = self.gaps.push(pts) {
            self.missing.extend(before);
            self.missing.push(pts);
        }
        true
    }

    /// The ticks of the frame before, and those of `frame`, whose time stamp becomes the one that it has without
    /// repetitions; `None` if it is one.
    fn ticks(&mut self, frame: &mut Frame, transition: Transition) -> Result<Option<Parted>, TimeError> {
        let info = &mut frame.info;
        if let Some(dedup) = &mut self.dedup {
            let parts = i64::from(dedup.time_base().den / self.options.time_base.den);
            let end = info.pts.saturating_add(info.duration).saturating_mul(parts);
            info.duration = info.duration.saturating_mul(parts);
            match dedup.push(info.pts, transition.is_duplicate())? {
                Some(pts) => info.pts = pts,
                None => {
                    self.count.duplicates += 1;
                    self.tail = Some(end);
                    return Ok(None);
                }
            }
        }
        let ticks = self.cadence.push(info.pts)?;
        let newest = self.frames;
        self.frames += 1;
        let (mut before, newest) = ticks.partition::<Vec<_>, _>(|tick| frame_of(tick) < newest);
        let follows_source = !matches!(self.options.rate, FrameRate::Fixed(_)) && self.dedup.is_none();
        if self.options.conceal && follows_source {
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
        let newest = held.seen.frame.info.pts;
        times.push(pts);
        let before = self.previous.as_ref().map(|seen| newest - seen.frame.info.pts);
        let unit = match self.options.mode {
            MotionMode::Predict => before,
            MotionMode::Interpolate => Some(pts - newest),
        };
        let (cadence, mode) = (&self.cadence, self.options.mode);
        let (unit, start, frame) =
            (unit.map(|unit| cadence.rescaled(unit)), cadence.rescaled(newest), self.frames - 2);
        let starts = std::iter::once(newest).chain(times.iter().copied());
        let ticks = starts.zip(&times).flat_map(|(start, end)| cadence.parts(start, *end));
        *before_pts =
            ticks.map(|pts| Tick { pts, content: mode.content(frame, pts - start, unit) }).collect();
        // The last one is the frame at `pts`.
        before_pts.pop();
        Ok(())
    }

    fn release(&mut self, held: Held) -> Span {
        let Held { seen, follows, ticks } = held;
        let before = self.previous.replace(seen.clone()).filter(|_| follows);
        let after = self.held.as_ref().filter(|held| held.follows).map(|held| held.seen.clone());
        let other = match self.options.mode {
            MotionMode::Predict => before,
            MotionMode::Interpolate => after,
        };
        Span { source: seen, other, ticks, shown: 0 }
    }
}

/// The number of the frame that a tick shows or goes out from.
const fn frame_of(tick: &Tick) -> u64 {
    match tick.content {
        Content::Original(frame) | Content::Hold(frame) | Content::Between { frame, .. } => frame,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Color, FrameInfo, FrameRate, PixelFormat, Rational};

    /// A frame of its own brightness.
    fn frame(pts: Pts) -> Frame {
        grey(pts, pts as u8)
    }

    fn grey(pts: Pts, value: u8) -> Frame {
        let info = FrameInfo {
            width: 16,
            height: 8,
            format: PixelFormat::YUV420P,
            color: Color::default(),
            sample_aspect_ratio: Rational::new(1, 1),
            pts,
            duration: 1,
            is_damaged: false,
            side_data: Vec::new(),
        };
        let mut frame = Frame::allocate(info, None);
        frame.planes_mut().iter_mut().for_each(|plane| plane.rows_mut().for_each(|row| row.fill(value)));
        frame
    }

    fn options(rate: FrameRate, mode: MotionMode) -> PacerOptions {
        PacerOptions {
            rate,
            time_base: Rational::new(1, 24),
            mode,
            shrink: 4,
            detector: DetectorOptions::default(),
            dedup: false,
            conceal: false,
        }
    }

    fn spans(mode: MotionMode, stamps: &[Pts]) -> Vec<Span> {
        let rate = FrameRate::Fixed(Rational::new(60, 1));
        let mut pacer = Pacer::new(options(rate, mode)).unwrap();
        let mut spans: Vec<Span> =
            stamps.iter().filter_map(|pts| pacer.push(grey(*pts, 100)).unwrap()).collect();
        spans.extend(pacer.end());
        spans
    }

    #[test]
    fn every_tick_belongs_to_its_frame_and_has_the_other_one() {
        for (mode, others) in [
            (MotionMode::Predict, [None, Some(0), Some(1), Some(2)]),
            (MotionMode::Interpolate, [Some(1), Some(2), Some(3), None]),
        ] {
            let spans = spans(mode, &[0, 1, 2, 3]);
            let pts = |seen: &Seen| seen.frame.info.pts;
            assert_eq!(spans.iter().map(|span| pts(&span.source)).collect::<Vec<_>>(), [0, 1, 2, 3]);
            assert_eq!(spans.iter().map(|span| span.other.as_ref().map(pts)).collect::<Vec<_>>(), others);
            for (k, span) in spans.iter().enumerate() {
                assert!(span.ticks.iter().all(|tick| frame_of(tick) == k as u64));
            }
            let times: Vec<Pts> = spans.iter().flat_map(|span| &span.ticks).map(|tick| tick.pts).collect();
            assert_eq!(times, (0..10).map(|n| 2 * n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn frames_out_of_order_are_dropped_and_counted() {
        let rate = FrameRate::Multiple(2);
        let mode = MotionMode::Predict;
        let mut pacer = Pacer::new(options(rate, mode)).unwrap();
        let taken: Vec<_> = [0, 2, 1, 3].map(|pts| pacer.push(frame(pts)).unwrap().is_some()).into();
        assert_eq!((taken, pacer.count().dropped), (vec![false, true, false, true], 1));
    }

    #[test]
    fn duplicates_are_left_out_and_still_shown_for_as_long() {
        let (rate, mode) = (FrameRate::Fixed(Rational::new(24, 1)), MotionMode::Interpolate);
        let mut pacer = Pacer::new(PacerOptions { dedup: true, ..options(rate, mode) }).unwrap();
        let twos = |pts: Pts| {
            let mut shown = frame(pts / 2 * 2);
            shown.info.pts = pts;
            shown
        };
        let mut spans: Vec<Span> = (0..8).filter_map(|pts| pacer.push(twos(pts)).unwrap()).collect();
        spans.extend(pacer.end());
        assert_eq!((spans.len(), pacer.count().duplicates), (4, 4));
        let ticks: Vec<&Tick> = spans.iter().flat_map(|span| &span.ticks).collect();
        let parts = i64::from(Dedup::SUBDIVISION);
        assert_eq!(
            ticks.iter().map(|tick| tick.pts).collect::<Vec<_>>(),
            (0..8).map(|n| n * parts).collect::<Vec<_>>()
        );
        // Half-way between two drawings there is motion now.
        assert!(
            matches!(ticks[1].content, Content::Between { frame: 0, tau } if (tau.num(), tau.den()) == (1, 2))
        );
    }

    #[test]
    fn lost_frames_are_filled_in_where_they_are_missing() {
        for (mode, expected) in
            [(MotionMode::Predict, [1.0, 2.0]), (MotionMode::Interpolate, [1.0 / 3.0, 2.0 / 3.0])]
        {
            let mut pacer =
                Pacer::new(PacerOptions { conceal: true, ..options(FrameRate::Source, mode) }).unwrap();
            let kept = (0..20).filter(|pts| ![12, 13].contains(pts));
            let mut spans: Vec<Span> = kept.filter_map(|pts| pacer.push(frame(pts)).unwrap()).collect();
            spans.extend(pacer.end());
            let times: Vec<Pts> = spans.iter().flat_map(|span| &span.ticks).map(|tick| tick.pts).collect();
            assert_eq!(times, (0..20).collect::<Vec<_>>());
            assert_eq!(pacer.count().concealed, 2);
            let filled: Vec<f32> = spans[11]
                .ticks
                .iter()
                .filter_map(|tick| match tick.content {
                    Content::Between { frame: 11, tau } => Some(tau.to_f32()),
                    _ => None,
                })
                .collect();
            assert_eq!(filled, expected);
        }
    }
}
