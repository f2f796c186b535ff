//! Puts the frames of a source whose rate goes with the output's on its ticks.

use crate::frame::{Pts, Rational, TimeBase};
use std::collections::VecDeque;

/// Intervals that must be nearly the same whole number of ticks.
const INTERVALS: usize = 8;
/// Each by one part in this many of an interval, their mean by one in that many.
const EACH_PARTS: i128 = 3;
const MEAN_PARTS: i128 = 20;
/// The part of a frame's distance from its tick by which the phase follows.
const FOLLOWING_PARTS: i128 = 4;

/// A camera that is sold as one of 30 frames a second gives 29.97, or starts anywhere between two ticks: its frames would all
/// miss the ticks, and be shown by pictures of motion instead. Where a source has nearly a whole number of ticks per frame,
/// each frame is moved to the tick that is nearest, in the phase that the frames have on the whole. When the phase has drifted
/// by most of a tick, one interval is a tick longer or shorter. Frames of other rates stay where they are.
///
/// Positions are in parts of a source tick in which an output tick is whole as well.
#[derive(Debug)]
pub(super) struct Phase {
    /// Positions per source tick, and per output tick.
    per_source: i128,
    per_tick: i128,
    intervals: VecDeque<i128>,
    last: Option<Pts>,
    /// How much later than its tick a frame is; `None` where frames do not go with the ticks.
    phase: Option<i128>,
}

impl Phase {
    /// Ticks of `rate` a second, time stamps in `time_base`.
    pub(super) fn new(rate: Rational, time_base: TimeBase) -> Self {
        let [num, den] = [time_base.num, time_base.den].map(i128::from);
        Self {
            per_source: num * i128::from(rate.num),
            per_tick: den * i128::from(rate.den),
            intervals: VecDeque::new(),
            last: None,
            phase: None,
        }
    }

    /// The place of the frame that came at `pts`, both counted from a tick.
    pub(super) fn place(&mut self, pts: Pts) -> Pts {
        let position = i128::from(pts) * self.per_source;
        if let Some(last) = self.last.replace(pts) {
            self.intervals.push_back(position - i128::from(last) * self.per_source);
        }
        if self.intervals.len() > INTERVALS {
            self.intervals.pop_front();
        }
        if !self.goes_with_ticks() {
            self.phase = None;
            return pts;
        }
        // It begins as late as the first such frame is.
        let nearest = rounded(position, self.per_tick) * self.per_tick;
        let phase = self.phase.unwrap_or(position - nearest);
        let tick = rounded(position - phase, self.per_tick);
        let late = position - phase - tick * self.per_tick;
        let phase = phase + late / FOLLOWING_PARTS;
        // Well beyond half a tick, or jitter would make it go to and fro.
        let is_nearer_to_next = 4 * phase.abs() > 3 * self.per_tick;
        self.phase = Some(if is_nearer_to_next { phase - self.per_tick * phase.signum() } else { phase });
        i64::try_from(rounded(tick * self.per_tick, self.per_source)).unwrap_or(pts)
    }

    fn goes_with_ticks(&self) -> bool {
        let count = self.intervals.len() as i128;
        if self.intervals.len() < INTERVALS {
            return false;
        }
        let sum: i128 = self.intervals.iter().sum();
        let whole = rounded(sum, count * self.per_tick).max(1) * self.per_tick;
        let is_near = (sum - count * whole).abs() * MEAN_PARTS <= sum;
        is_near && self.intervals.iter().all(|interval| (interval - whole).abs() * EACH_PARTS <= whole)
    }
}

fn rounded(value: i128, by: i128) -> i128 {
    (2 * value + by).div_euclid(2 * by.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Time stamps in milliseconds, placed on ticks of `rate` a second.
    fn placed(rate: i32, count: i64, stamp: impl Fn(i64) -> f64) -> Vec<Pts> {
        let mut phase = Phase::new(Rational::new(rate, 1), Rational::new(1, 1000));
        (0..count).map(|k| phase.place(stamp(k).round() as Pts)).collect()
    }

    #[test]
    fn a_drifting_camera_stays_on_the_ticks_with_few_hiccups() {
        // 29.97 a second shown at 60: a tick is lost every 17 s.
        let found = placed(60, 1800, |k| 1000.0 * k as f64 / 29.97);
        let off = |pts: &&Pts| {
            (**pts as f64 * 60.0 / 1000.0).fract().min(1.0 - (**pts as f64 * 60.0 / 1000.0).fract())
        };
        assert!(found[10..].iter().filter(|pts| off(pts) > 0.04).count() == 0);
        let odd = found[10..].windows(2).filter(|pair| !(32..=35).contains(&(pair[1] - pair[0]))).count();
        assert!((2..=5).contains(&odd), "{odd}");
    }

    #[test]
    fn frames_between_two_ticks_do_not_go_to_and_fro() {
        // Half a tick late, with jitter.
        let found = placed(50, 400, |k| 40.0 * k as f64 + 10.0 + (k * 7 % 5) as f64 - 2.0);
        let odd = found[30..].windows(2).filter(|pair| pair[1] - pair[0] != 40).count();
        assert!(odd <= 1, "{odd}");
    }

    #[test]
    fn other_rates_and_variable_ones_stay_where_they_are() {
        let film = |k: i64| 1000.0 * k as f64 / 24.0;
        assert_eq!(placed(60, 50, film), (0..50).map(|k| film(k).round() as Pts).collect::<Vec<_>>());
        let uneven = |k: i64| (20 * (k + k / 3 * 2 + k % 2)) as f64;
        assert_eq!(placed(50, 50, uneven), (0..50).map(|k| uneven(k) as Pts).collect::<Vec<_>>());
    }
}
