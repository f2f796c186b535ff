//! Which output frames exist, when each is shown and what each is made of. Integers and fractions throughout: no time
//! is accumulated and none is a float.

mod dedup;
mod gap;
mod ticks;
mod units;

#[cfg(test)]
mod tests;

pub use dedup::Dedup;
pub use gap::GapFinder;
pub use ticks::{Tau, Ticks};

use super::{Pts, Rational, TimeBase};
use crate::error::{ConfigError, TimeError};
use ticks::Surroundings;
use units::Units;

pub(crate) use units::reduced;

/// A source frame is shown untouched at a tick that it misses by up to one part in this many of an output period: this
/// absorbs the rounding of containers (1 ms in Matroska) at up to 120 frames per second.
pub(crate) const TOLERANCE_PARTS: i128 = 8;

/// The output's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrameRate {
    /// The source's frames.
    #[default]
    Source,
    /// Frames per second, above 0 and up to [`FrameRate::HIGHEST`]. The grid starts at the first source frame, and has frames
    /// everywhere but in gaps of more than [`Cadence::LONGEST_FILLED`] seconds.
    Fixed(Rational),
    /// This many times the source's frames, 1 to [`FrameRate::LARGEST_MULTIPLE`]: each interval between source frames,
    /// however long, is cut into as many equal parts.
    Multiple(u32),
}

impl FrameRate {
    /// The highest rate, in frames per second.
    pub const HIGHEST: i32 = 1000;
    /// The largest multiple.
    pub const LARGEST_MULTIPLE: u32 = 64;
}

/// Which source frames a frame between two of them is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MotionMode {
    /// Of the two newest before it; the future is not seen.
    Predict,
    /// Of the one before and the one after it.
    Interpolate,
}

/// At what part of its usual size motion is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MotionScale {
    /// As the model was made for.
    #[default]
    Full,
    /// Half of that along each side: cells are twice as large, which takes about a quarter of the time and is less exact.
    Half,
}

impl MotionScale {
    /// Luma samples of the source along each side of a cell, for a model whose cells have `usual`.
    pub const fn shrink(self, usual: usize) -> usize {
        match self {
            Self::Full => usual,
            Self::Half => 2 * usual,
        }
    }
}

impl MotionMode {
    /// The longest time that motion is trusted for, in intervals between the two source frames that precede it: the
    /// time that is extrapolated over, or the interval that is interpolated in. Beyond, the picture stands: a pause of
    /// a screen recording is not a slow motion.
    const fn longest_gap(self) -> i128 {
        match self {
            Self::Predict => 2,
            Self::Interpolate => 4,
        }
    }

    /// What is shown `since` after frame number `frame`, where motion is measured over `unit` (both in the same ticks);
    /// the frame itself where there is no such interval, or prediction would go too far.
    pub(crate) fn content(self, frame: u64, since: i64, unit: Option<i64>) -> Content {
        let unit = unit.map(i128::from).filter(|unit| *unit > 0);
        let since = i128::from(since.max(0));
        match unit {
            Some(unit) if self == Self::Interpolate || since <= unit * self.longest_gap() => {
                Content::Between { frame, tau: Tau::new(since, unit) }
            }
            _ => Content::Hold(frame),
        }
    }
}

/// What an output frame is made of. Source frames are counted from 0 in the order in which they were pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// This source frame, which falls on the tick.
    Original(u64),
    /// A frame in motion.
    Between {
        /// The newest source frame that is not later than the tick: k.
        frame: u64,
        /// The time since frame k. [`MotionMode::Predict`]: in units of the interval from k-1 to k, above 0 and up to 2.
        /// [`MotionMode::Interpolate`]: in units of the interval from k to k+1, between 0 and 1.
        tau: Tau,
    },
    /// This source frame again: it has no predecessor or successor to move by, or the gap is too long (more than 2
    /// intervals ahead of the newest frame to predict, an interval of more than 4 times its predecessor to interpolate).
    Hold(u64),
}

/// An output frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// When it is shown, in [`Cadence::time_base`].
    pub pts: Pts,
    /// What it shows.
    pub content: Content,
}

/// Turns the time stamps of source frames into ticks of the output.
///
/// Offline, [`Cadence::push`] gives all ticks up to the frame pushed. Live, [`Cadence::until`] gives those that the clock
/// has reached before the next frame is there. Ticks come once each, in strictly rising order.
///
/// Number of ticks: at a fixed rate `max(1, round(T · rate))`, T from the first source frame to the end of the last one,
/// which is what FFmpeg's `fps` filter gives within one frame; and one more if this leaves out a tick that is not later than
/// the last source frame, or on which it falls. At K times the source, `K · (frames - 1) + 1`; the last frame is shown for all of its duration.
///
/// ```
/// use framecast::frame::{Cadence, Content, FrameRate, MotionMode, Rational};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rate = FrameRate::Fixed(Rational::new(60, 1));
/// let mut cadence = Cadence::new(rate, MotionMode::Predict, Rational::new(1, 24))?;
/// assert_eq!(cadence.time_base(), Rational::new(1, 120));
/// let mut ticks = Vec::new();
/// for pts in 0..3 {
///     ticks.extend(cadence.push(pts)?);
/// }
/// ticks.extend(cadence.finish(1));
/// assert_eq!(ticks.len(), 8); // 3/24 s at 60 frames per second: 7.5
/// assert_eq!((ticks[5].pts, ticks[5].content), (10, Content::Original(2)));
/// let Content::Between { frame: 1, tau } = ticks[3].content else { panic!() };
/// assert_eq!((tau.num(), tau.den()), (1, 5)); // 1/20 s is 1/120 s after frame 1, whose interval is 1/24 s
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Cadence {
    units: Units,
    mode: MotionMode,
    /// The time of the first frame, in units.
    start: i128,
    /// Frames k-1 and k, in units.
    older: Option<i128>,
    newest: Option<(Pts, i128)>,
    /// Frames pushed so far.
    count: u64,
    /// The last tick handed out, in units.
    last: Option<i128>,
    /// Gaps that were too long to be filled.
    unfilled: u64,
}

impl Cadence {
    /// At a fixed rate: the longest time, in seconds, that one source frame is shown again at each tick. Where there is no
    /// other one for longer, as after a jump of the time stamps, it has its first and its last tick only.
    pub const LONGEST_FILLED: u32 = 600;

    /// For source time stamps in `source`.
    ///
    /// # Errors
    /// If the rate, the multiple or the time base is out of its range.
    pub fn new(rate: FrameRate, mode: MotionMode, source: TimeBase) -> Result<Self, ConfigError> {
        let units = Units::new(rate, source)?;
        Ok(Self { units, mode, start: 0, older: None, newest: None, count: 0, last: None, unfilled: 0 })
    }

    /// Seconds per tick of the output's time stamps: the coarsest time base in which every source time stamp and every
    /// output time stamp is exact. Where its parts would not fit into 31 bits, nanoseconds, to which each time stamp is
    /// rounded by itself.
    pub const fn time_base(&self) -> TimeBase {
        self.units.output()
    }

    /// How long an output frame is shown, in [`Cadence::time_base`], rounded down where it is not a whole number:
    /// the period of a fixed rate, else its part of `source_duration` (source time base).
    pub fn tick_duration(&self, source_duration: i64) -> i64 {
        let units =
            self.units.period().unwrap_or_else(|| self.units.time(source_duration) / self.units.parts());
        self.units.pts(units)
    }

    /// Where the rate is not fixed: the time stamps, in [`Cadence::time_base`], that cut the time from `start` to `end` (in the
    /// source's) into the parts of one interval, the last one `end` itself.
    pub(crate) fn parts(&self, start: Pts, end: Pts) -> impl Iterator<Item = Pts> + use<> {
        let (units, parts) = (self.units, self.units.parts());
        let (start, length) = (units.time(start), units.time(end) - units.time(start));
        (1..=parts).map(move |part| units.pts(start + length * part / parts))
    }

    /// A duration of the source in [`Cadence::time_base`].
    pub fn rescaled(&self, source_duration: i64) -> i64 {
        self.units.pts(self.units.time(source_duration))
    }

    /// The next source frame: gives the ticks up to and with its time stamp that were not handed out yet.
    ///
    /// # Errors
    /// If `pts` is not later than the frame before. The cadence goes on as if the frame had not been pushed.
    pub fn push(&mut self, pts: Pts) -> Result<Ticks, TimeError> {
        let time = self.units.time(pts);
        let Some((previous, base)) = self.newest else {
            (self.newest, self.start, self.count) = (Some((pts, time)), time, 1);
            return Ok(self.hand_out((time, 1), time, self.around(None, time, None)));
        };
        if pts <= previous {
            return Err(TimeError::NotIncreasing { previous, found: pts });
        }
        let sequence = match self.units.period() {
            Some(period) => self.on_grid(period, base, time),
            None => self.next_part(base, (time - base) / self.units.parts()),
        };
        let around = self.around(self.older, base, Some(time));
        (self.older, self.newest) = (Some(base), Some((pts, time)));
        self.count += 1;
        Ok(self.hand_out(sequence, time, around))
    }

    /// Live: the ticks that `clock` (source time base) has reached and that were not handed out yet, made of the frames
    /// pushed so far. For prediction; interpolation holds the newest frame.
    ///
    /// At a fixed rate a tick is reached when the clock is more than one eighth of a period past it: until then a frame may
    /// come that falls on it. At a multiple of the source, the interval after the newest frame is taken to be as long as
    /// the one before.
    /// A frame pushed later shows in the ticks that are still to come.
    pub fn until(&mut self, clock: Pts) -> Ticks {
        let Some((_, base)) = self.newest else {
            return Ticks::none(self.units);
        };
        let clock = self.units.time(clock);
        let around = self.around(self.older, base, None);
        match (self.units.period(), self.older) {
            (Some(period), _) => {
                let sequence = (self.next_on_grid(period), period);
                self.hand_out(sequence, clock - tolerance(period) - 1, around)
            }
            (None, Some(older)) => {
                let step = (base - older) / self.units.parts();
                let last_part = base + step * (self.units.parts() - 1);
                self.hand_out(self.next_part(base, step), clock.min(last_part), around)
            }
            (None, None) => Ticks::none(self.units),
        }
    }

    /// Live, at a fixed rate: the time stamp of the next tick, in [`Cadence::time_base`]. `None` before the first frame.
    pub fn next_tick(&self) -> Option<Pts> {
        let period = self.units.period().filter(|_| self.newest.is_some())?;
        Some(self.units.pts(self.next_on_grid(period)))
    }

    /// Live, at a fixed rate: hands out the next tick, made of the frames pushed so far, whatever the clock says. For
    /// prediction; interpolation holds the newest frame.
    pub fn take(&mut self) -> Option<Tick> {
        let (_, base) = self.newest?;
        let period = self.units.period()?;
        let (next, around) = (self.next_on_grid(period), self.around(self.older, base, None));
        self.hand_out((next, period), next, around).next()
    }

    /// At a fixed rate: the ticks between two moments of the source and further than an eighth of a period from both, as
    /// parts of the time between them, 0 to 1. None before the first frame.
    pub fn between(&self, start: Pts, end: Pts) -> Vec<f32> {
        let (Some(period), Some(_)) = (self.units.period(), self.newest) else { return Vec::new() };
        let (start, end, near) = (self.units.time(start), self.units.time(end), tolerance(period));
        let first = self.start + (start - self.start).div_euclid(period) * period;
        let ticks = (0..).map(|step| first + step * period).take_while(|tick| *tick < end - near);
        let inside = ticks.filter(|tick| *tick > start + near);
        inside.map(|tick| Tau::new(tick - start, end - start).to_f32()).collect()
    }

    /// The end of the stream: the ticks while the last frame is shown. `duration` is the last frame's in the source time
    /// base; if it is not positive, the last frame is taken to be shown as long as the one before.
    pub fn finish(&mut self, duration: i64) -> Ticks {
        let (Some((_, base)), Some(period)) = (self.newest, self.units.period()) else {
            return Ticks::none(self.units);
        };
        let length = match self.older {
            _ if duration > 0 => self.units.time(duration),
            Some(older) if base - older <= self.longest_filled() => base - older,
            _ => period,
        };
        // Rounds the number of ticks to nearest; but a frame that falls on the grid is shown.
        let rounded = base + length - (period + 1) / 2;
        let next = self.next_on_grid(period);
        let end = rounded.max(next.min(base + tolerance(period)));
        let around = self.around(self.older, base, None);
        let sequence = self.on_grid(period, base, end);
        self.hand_out(sequence, end, around)
    }

    /// Gaps so far that were longer than [`Cadence::LONGEST_FILLED`] and left open.
    pub const fn unfilled(&self) -> u64 {
        self.unfilled
    }

    fn around(&self, older: Option<i128>, base: i128, later: Option<i128>) -> Surroundings {
        Surroundings {
            older,
            base,
            later,
            index: self.count.saturating_sub(1),
            mode: self.mode,
            tolerance: self.units.period().map_or(0, tolerance),
            longest: self.mode.longest_gap(),
        }
    }

    /// The next tick of a fixed rate and the step to those after it, up to `end`; only the last of them if that is too long
    /// after `base`.
    fn on_grid(&mut self, period: i128, base: i128, end: i128) -> (i128, i128) {
        let next = self.next_on_grid(period);
        let steps = (end - next).div_euclid(period);
        if end - base <= self.longest_filled() || steps < 2 {
            return (next, period);
        }
        self.unfilled += 1;
        (next, steps * period)
    }

    fn longest_filled(&self) -> i128 {
        self.units.of_seconds(Self::LONGEST_FILLED.into())
    }

    fn next_on_grid(&self, period: i128) -> i128 {
        self.last.map_or(self.start, |last| last + period)
    }

    /// The first tick after the last one in the interval that begins at `base`, and the step to the next.
    fn next_part(&self, base: i128, step: i128) -> (i128, i128) {
        let done = self.last.map_or(0, |last| (last - base).max(0) / step);
        (base + (done + 1) * step, step)
    }

    /// The ticks of a sequence (first, step) up to and with `end`.
    fn hand_out(&mut self, (first, step): (i128, i128), end: i128, around: Surroundings) -> Ticks {
        if first > end {
            return Ticks::none(self.units);
        }
        let count = (end - first) / step + 1;
        self.last = Some(first + (count - 1) * step);
        Ticks::new(self.units, around, (first, step, count))
    }
}

/// How far a source frame may be from a tick that shows it.
const fn tolerance(period: i128) -> i128 {
    period / TOLERANCE_PARTS
}
