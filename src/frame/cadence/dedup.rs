//! The real cadence of a stream that repeats frames: which frames are new, and when each was meant to be shown.

use crate::error::TimeError;
use crate::frame::{Pts, Rational, TimeBase};
use std::collections::VecDeque;

/// The longest pattern that is recognised, in frames: 24 frames per second in a stream of 25 repeat every 25th.
const LONGEST_PATTERN: usize = 25;
/// Frames that must repeat the pattern before them, at least; and at least one pattern's length.
const CONFIRMED: usize = 15;
/// Intervals of a stream of constant rate differ from their mean by at most one part in this many.
const TOLERANCE_PARTS: i128 = 4;

/// Leaves out repeated frames and gives the others the time stamps that they would have in a stream without repetition.
///
/// Where repetitions come in a regular pattern that shows evenly spaced frames as evenly as it can (24 frames per second in
/// 25, 30 or 60; 15 in 30), the new frames are spaced evenly, none earlier than it came. Everywhere else (animation that is
/// held as long as the animator wished) a frame keeps its time stamp.
#[derive(Clone, Debug)]
pub struct Dedup {
    source: TimeBase,
    subdivision: i32,
    /// The newest last: the time stamp, and if the frame is new.
    frames: VecDeque<(Pts, bool)>,
    last: Option<Pts>,
}

impl Dedup {
    /// Parts of a source tick that the output's time base has: even spacing of up to 6 and of 8, 10, 12, 15, 20 and 24
    /// frames is exact.
    pub const SUBDIVISION: i32 = 120;

    /// For time stamps in `source`.
    pub const fn new(source: TimeBase) -> Self {
        let subdivision =
            if source.den.checked_mul(Self::SUBDIVISION).is_some() { Self::SUBDIVISION } else { 1 };
        Self { source, subdivision, frames: VecDeque::new(), last: None }
    }

    /// The time base of the time stamps given: the source's, each tick in [`Dedup::SUBDIVISION`] parts, or undivided if
    /// that had a denominator of more than 31 bits.
    pub const fn time_base(&self) -> TimeBase {
        Rational::new(self.source.num, self.source.den * self.subdivision)
    }

    /// The next frame: its new time stamp, or none if it repeats the frame before.
    ///
    /// # Errors
    /// If `pts` is not later than the frame before; the frame is as if it had not come.
    pub fn push(&mut self, pts: Pts, is_duplicate: bool) -> Result<Option<Pts>, TimeError> {
        if let Some((previous, _)) = self.frames.back().filter(|(previous, _)| pts <= *previous) {
            return Err(TimeError::NotIncreasing { previous: *previous, found: pts });
        }
        let is_new = !is_duplicate || self.frames.is_empty();
        if self.frames.len() > 2 * LONGEST_PATTERN {
            self.frames.pop_front();
        }
        self.frames.push_back((pts, is_new));
        if !is_new {
            return Ok(None);
        }
        let parts = i128::from(self.subdivision);
        let spaced = (2..=LONGEST_PATTERN).find_map(|length| self.evenly_spaced(length));
        let time = spaced.unwrap_or(i128::from(pts) * parts);
        let time = i64::try_from(time)
            .unwrap_or(if time < 0 { i64::MIN } else { i64::MAX })
            .max(self.last.map_or(i64::MIN, |last| last.saturating_add(1)));
        self.last = Some(time);
        Ok(Some(time))
    }

    /// The newest frame's time if the stream repeats a pattern of `length` frames.
    fn evenly_spaced(&self, length: usize) -> Option<i128> {
        let newest_first = || self.frames.iter().rev();
        let before = self.frames.len().checked_sub(length + length.max(CONFIRMED))?;
        let flags = || newest_first().map(|(_, is_new)| *is_new);
        let mut compared = flags().zip(flags().skip(length)).take(self.frames.len() - length - before);
        let count = flags().take(length).filter(|is_new| *is_new).count() as i128;
        if count == length as i128 || compared.any(|(later, earlier)| later != earlier) {
            return None;
        }
        let now = i128::from(newest_first().next()?.0);
        let span = now - i128::from(newest_first().nth(length)?.0);
        if !self.is_constant(length, span) {
            return None;
        }
        // Frames of the pattern on a line of even spacing through each of them: the latest line is the one that none is
        // ahead of.
        let parts = i128::from(self.subdivision);
        let new = newest_first().take(length).filter(|(_, is_new)| *is_new);
        let line =
            |(ahead, (pts, _)): (i128, &(Pts, bool))| i128::from(*pts) * parts * count + ahead * span * parts;
        let latest = (0..).zip(new).map(line).max()?;
        let time = (2 * latest + count).div_euclid(2 * count);
        let is_even = (time - now * parts) * (length as i128) < span * parts;
        is_even.then_some(time)
    }

    fn is_constant(&self, length: usize, span: i128) -> bool {
        let length_wide = length as i128;
        let stamps = || self.frames.iter().rev().map(|(pts, _)| i128::from(*pts));
        let mut intervals =
            stamps().zip(stamps().skip(1)).take(length).map(|(later, earlier)| later - earlier);
        intervals.all(|interval| (interval * length_wide - span).abs() * TOLERANCE_PARTS <= span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Time stamps of the new frames, if frame k shows source frame `shown(k)`.
    fn recover(
        source: TimeBase,
        count: i64,
        stamp: impl Fn(i64) -> Pts,
        shown: impl Fn(i64) -> i64,
    ) -> Vec<Pts> {
        let mut dedup = Dedup::new(source);
        let push = |k| dedup.push(stamp(k), k > 0 && shown(k) == shown(k - 1)).unwrap();
        (0..count).filter_map(push).collect()
    }

    const THIRTIETHS: TimeBase = Rational::new(1, 30);

    #[test]
    fn fifteen_in_thirty_keep_their_time() {
        let found = recover(THIRTIETHS, 60, |k| k, |k| k / 2);
        assert_eq!(found, (0..30).map(|k| k * 2 * 120).collect::<Vec<_>>());
    }

    #[test]
    fn film_in_thirty_is_spaced_evenly() {
        // A B C D D: one in five repeats.
        let found = recover(THIRTIETHS, 100, |k| k, |k| k * 4 / 5);
        assert_eq!(found.len(), 80);
        let differences: Vec<_> = found.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(differences[..8].contains(&240), "not known at first: {differences:?}");
        assert_eq!(differences[24..], [150; 55]);
    }

    #[test]
    fn held_drawings_keep_their_time() {
        let found = recover(THIRTIETHS, 60, |k| k, |k| k / 2 + k / 5 + k / 7);
        let kept: Vec<_> = (0..60)
            .filter(|k| *k == 0 || (k / 2 + k / 5 + k / 7) != ((k - 1) / 2 + (k - 1) / 5 + (k - 1) / 7))
            .collect();
        assert_eq!(found, kept.into_iter().map(|k| k * 120).collect::<Vec<_>>());
    }

    #[test]
    fn a_picture_that_stands_still_has_one_frame() {
        assert_eq!(recover(THIRTIETHS, 50, |k| k, |_| 0), [0]);
        let moves_again = recover(THIRTIETHS, 50, |k| k, |k| (k - 40).max(0));
        assert_eq!(moves_again, [0].into_iter().chain(41..50).map(|k| k * 120).collect::<Vec<_>>());
    }

    #[test]
    fn fine_time_bases_are_not_divided() {
        assert_eq!(Dedup::new(Rational::new(1, 90_000)).time_base(), Rational::new(1, 10_800_000));
        assert_eq!(Dedup::new(Rational::new(1, 1_000_000_000)).time_base(), Rational::new(1, 1_000_000_000));
    }

    #[test]
    fn backward_steps_are_refused() {
        let mut dedup = Dedup::new(THIRTIETHS);
        dedup.push(5, false).unwrap();
        assert!(matches!(dedup.push(5, false), Err(TimeError::NotIncreasing { previous: 5, found: 5 })));
    }

    proptest! {
        // Any pulldown, any phase, time stamps rounded to milliseconds.
        #[test]
        fn pulldown_is_undone(
            (real, rate) in prop::sample::select(vec![(24i64, 30i64), (24, 60), (25, 30), (24, 25), (15, 30), (12, 30), (20, 30)]),
            phase in 0i64..60,
        ) {
            let milliseconds = Rational::new(1, 1000);
            let shown = |k: i64| (k + phase) * real / rate;
            let found = recover(milliseconds, 200, |k| (k * 1000 + rate / 2) / rate, shown);
            let settled = &found[found.len() / 2..];
            for (k, pts) in settled.iter().enumerate() {
                let even = settled[0] as f64 + k as f64 * 120_000.0 / real as f64;
                // The time stamp, and the span that it is spaced by, are each off by up to a millisecond.
                prop_assert!((*pts as f64 - even).abs() <= 240.0, "{} {} {}", k, pts, even);
            }
        }

        #[test]
        fn time_stamps_rise_and_stay_near(
            frames in prop::collection::vec((1i64..100, any::<bool>()), 1..200),
            start in -1000i64..1000, cycle in 1usize..8,
        ) {
            let mut dedup = Dedup::new(THIRTIETHS);
            let (mut pts, mut last) = (start, i64::MIN);
            for (k, (interval, _)) in frames.iter().enumerate() {
                pts += if k / 50 % 2 == 0 { 10 } else { *interval };
                let is_duplicate = frames[k % cycle.min(frames.len())].1;
                if let Some(found) = dedup.push(pts, is_duplicate).unwrap() {
                    prop_assert!(found > last && found >= pts * 120);
                    last = found;
                }
            }
        }
    }
}
