//! A run of ticks between two source frames, and what each is made of.

use super::units::{Units, gcd};
use super::{Content, MotionMode, Tick};

/// An exact fraction of an interval between two source frames, in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tau {
    num: i128,
    den: i128,
}

impl Tau {
    /// `den` is positive, `num` not negative.
    pub(super) fn new(num: i128, den: i128) -> Self {
        let divisor = gcd(num, den).max(1);
        Self { num: num / divisor, den: den / divisor }
    }

    /// The numerator, above 0.
    pub const fn num(self) -> i128 {
        self.num
    }

    /// The denominator, above 0.
    pub const fn den(self) -> i128 {
        self.den
    }

    /// The nearest number that networks and warps take.
    pub fn to_f32(self) -> f32 {
        (self.num as f64 / self.den as f64) as f32
    }
}

/// The source frames around a run of ticks. Times are in units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings {
    /// Frame k-1.
    pub(super) older: Option<i128>,
    /// Frame k, the newest that is not later than the ticks.
    pub(super) base: i128,
    /// Frame k+1, if it is known.
    pub(super) later: Option<i128>,
    /// The number k.
    pub(super) index: u64,
    pub(super) mode: MotionMode,
    /// How far a frame may be from the tick that shows it untouched.
    pub(super) tolerance: i128,
    /// How far motion is trusted, in intervals from k-1 to k.
    pub(super) longest: i128,
}

impl Surroundings {
    fn content(&self, time: i128) -> Content {
        let since = time - self.base;
        let ahead = self.later.map(|later| later - time);
        if since <= self.tolerance && ahead.is_none_or(|ahead| since <= ahead) {
            return Content::Original(self.index);
        }
        if ahead.is_some_and(|ahead| ahead <= self.tolerance) {
            return Content::Original(self.index + 1);
        }
        match self.tau(since) {
            Some(tau) => Content::Between { frame: self.index, tau },
            None => Content::Hold(self.index),
        }
    }

    /// None where there is no motion to go by.
    fn tau(&self, since: i128) -> Option<Tau> {
        let before = self.older.map(|older| self.base - older);
        let (unit, gap) = match self.mode {
            MotionMode::Predict => (before?, since),
            MotionMode::Interpolate => {
                let interval = self.later? - self.base;
                (interval, interval)
            }
        };
        let is_too_long = before.is_some_and(|before| gap > before * self.longest);
        (!is_too_long).then(|| Tau::new(since, unit))
    }
}

/// Ticks at equal distances, computed as they are taken.
#[derive(Clone, Debug)]
pub struct Ticks {
    units: Units,
    /// None if there are no ticks.
    around: Option<Surroundings>,
    next: i128,
    step: i128,
    left: i128,
}

impl Ticks {
    pub(super) const fn none(units: Units) -> Self {
        Self { units, around: None, next: 0, step: 1, left: 0 }
    }

    /// From a sequence of times: the first, the step, how many.
    pub(super) const fn new(
        units: Units,
        around: Surroundings,
        (next, step, left): (i128, i128, i128),
    ) -> Self {
        Self { units, around: Some(around), next, step, left }
    }
}

impl Iterator for Ticks {
    type Item = Tick;

    fn next(&mut self) -> Option<Tick> {
        let around = self.around.filter(|_| self.left > 0)?;
        let tick = Tick { pts: self.units.pts(self.next), content: around.content(self.next) };
        self.next += self.step;
        self.left -= 1;
        Some(tick)
    }
}
