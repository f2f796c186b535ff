//! When the frames of a live source were captured, on the run's clock.

use crate::frame::{Pts, TimeBase};
use std::collections::VecDeque;
use std::time::Duration;

/// A time stamp that is further than this from where the clock says is a jump: the source has begun anew.
const JUMP: i128 = 1_000_000_000;
/// All frames of the last while are late by more than this: the source has paused, and goes on where it was.
const PAUSE: i128 = 50_000_000;
/// The stretch over which the least delayed frame tells when frames are captured.
const WINDOW: Duration = Duration::from_secs(2);
/// Fewer arrivals say nothing.
const LEAST_ARRIVALS: usize = 8;
/// At the beginning, and when a source begins anew, buffers empty themselves and frames come ever earlier.
const WARM_UP: Duration = Duration::from_secs(2);
/// Parts of the time since the last frame by which the offset follows the least delayed frame: two clocks drift apart by
/// less, and faster would be seen; when frames come earlier than was thought, delay is given back faster.
const DRIFT_PARTS: i128 = 200;
const CATCH_UP_PARTS: i128 = 20;

/// For so long after a jump, packets of other streams may belong before it.
const AFTER_JUMP: Duration = Duration::from_secs(2);

/// Maps time stamps to the run's clock.
///
/// Frames arrive with jitter, but never before they were captured; so the least delayed of the last ones tell when frames
/// are captured. A jump of the time stamps (a source that begins anew, a clock that was set, time stamps that wrapped) is
/// taken out: frames go on rising as the clock does. The first frame is at 0, whatever the source counts from.
#[derive(Debug)]
pub(super) struct Timeline {
    time_base: TimeBase,
    /// Nanoseconds from a time stamp to the clock.
    offset: Option<i128>,
    /// Arrival and offset of the last frames.
    recent: VecDeque<(Duration, i128)>,
    began: Duration,
    last: Option<(Pts, Duration)>,
    /// Added to the source's time stamps.
    shift: Pts,
    /// What was added before the last jump, and when that came.
    before: Option<(Pts, Duration)>,
    /// The next frame is the first one of a source that was opened again.
    is_anew: bool,
}

impl Timeline {
    pub(super) const fn new(time_base: TimeBase) -> Self {
        Self {
            time_base,
            offset: None,
            recent: VecDeque::new(),
            began: Duration::ZERO,
            last: None,
            shift: 0,
            before: None,
            is_anew: false,
        }
    }

    /// The source was opened again: what its time stamps say now has nothing to do with those before, even where they are near.
    pub(super) const fn begin_anew(&mut self) {
        self.is_anew = true;
    }

    /// A frame with the time stamp `pts` arrived. Gives its time stamp without jumps; `None` if it is not later than the
    /// frame before.
    pub(super) fn arrive(&mut self, pts: Pts, now: Duration) -> Option<Pts> {
        let Some((last, arrived)) = self.last else {
            (self.began, self.last, self.shift) = (now, Some((0, now)), -pts);
            self.offset = Some(nanoseconds(now));
            return Some(0);
        };
        let elapsed = nanoseconds(now.saturating_sub(arrived));
        let stepped = self.nanoseconds_of(pts + self.shift) - self.nanoseconds_of(last);
        let is_anew = std::mem::take(&mut self.is_anew);
        if is_anew || (stepped - elapsed).abs() > JUMP {
            // Of a source that was closed nothing more comes.
            self.before = (!is_anew).then_some((self.shift, now));
            let elapsed = self.ticks(elapsed).max(1);
            self.shift = last + elapsed - pts;
            self.recent.clear();
            self.began = now;
        }
        let shifted = pts + self.shift;
        if shifted <= last {
            return None;
        }
        self.last = Some((shifted, now));
        let shifted = self.follow(shifted, now, elapsed);
        self.last = Some((shifted, now));
        Some(shifted)
    }

    /// Ticks that were added to the source's time stamps, because they jumped.
    pub(super) const fn shift(&self) -> Pts {
        self.shift
    }

    /// The shift by which what came at `now`, `nanoseconds` by the source's time stamps, is nearest to the clock, and how near. Shortly
    /// after a jump other streams still send what belongs before it.
    pub(super) fn nearest_shift(&self, nanoseconds: i128, now: Duration) -> (Pts, i128) {
        let distance = |shift: Pts| {
            let place = nanoseconds + self.nanoseconds_of(shift) + self.offset.unwrap_or(0);
            (shift, (place - self::nanoseconds(now)).abs())
        };
        let before = self.before.filter(|(_, jumped)| now < *jumped + AFTER_JUMP);
        let shifts = before.map(|(shift, _)| shift).into_iter().chain([self.shift]);
        shifts.map(distance).min_by_key(|(_, distance)| *distance).unwrap_or((self.shift, 0))
    }

    /// When the frame with this time stamp was captured.
    pub(super) fn captured(&self, pts: Pts) -> Duration {
        self.captured_at(self.nanoseconds_of(pts))
    }

    /// When what lies `nanoseconds` from the time stamp 0 was captured.
    pub(super) fn captured_at(&self, nanoseconds: i128) -> Duration {
        let time = nanoseconds + self.offset.unwrap_or(0);
        Duration::from_nanos(u64::try_from(time).unwrap_or(0))
    }

    /// Lets the offset follow the least delayed frame; gives the frame's time stamp, later after a pause.
    fn follow(&mut self, pts: Pts, now: Duration, elapsed: i128) -> Pts {
        let found = nanoseconds(now) - self.nanoseconds_of(pts);
        self.recent.push_back((now, found));
        while self.recent.front().is_some_and(|(arrived, _)| *arrived + WINDOW < now) {
            self.recent.pop_front();
        }
        let offset = self.offset.unwrap_or(found);
        let least = self.recent.iter().map(|(_, found)| *found).min().unwrap_or(found);
        let (is_enough, is_new) = (self.recent.len() >= LEAST_ARRIVALS, now < self.began + WARM_UP);
        if least - offset > PAUSE && is_enough && !is_new {
            let late = self.ticks(least - offset);
            self.shift += late;
            self.recent.clear();
            return pts + late;
        }
        self.offset = Some(match least - offset {
            earlier if earlier < 0 && is_new => least,
            earlier if earlier < 0 => offset + earlier.max(-elapsed / CATCH_UP_PARTS),
            later if is_enough => offset + later.min(elapsed / DRIFT_PARTS),
            _ => offset,
        });
        pts
    }

    fn nanoseconds_of(&self, pts: Pts) -> i128 {
        let (num, den) = (i128::from(self.time_base.num), i128::from(self.time_base.den));
        i128::from(pts) * num * 1_000_000_000 / den
    }

    fn ticks(&self, nanoseconds: i128) -> Pts {
        let (num, den) = (i128::from(self.time_base.num), i128::from(self.time_base.den));
        i64::try_from(nanoseconds * den / (num * 1_000_000_000)).unwrap_or(i64::MAX / 4)
    }
}

fn nanoseconds(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Rational;

    const MILLISECONDS: TimeBase = Rational::new(1, 1000);

    fn ms(time: i64) -> Duration {
        Duration::from_millis(time as u64)
    }

    /// Feeds frames of 25 a second, each `late(k)` milliseconds after its capture at 1000 + 40 k.
    fn feed(timeline: &mut Timeline, frames: std::ops::Range<i64>, late: impl Fn(i64) -> i64) -> Vec<Pts> {
        frames.filter_map(|k| timeline.arrive(40 * k, ms(1000 + 40 * k + late(k)))).collect()
    }

    #[test]
    fn jitter_does_not_move_the_capture() {
        let mut timeline = Timeline::new(MILLISECONDS);
        let shown = feed(&mut timeline, 0..200, |k| k * 7 % 19);
        assert_eq!(shown, (0..200).map(|k| 40 * k).collect::<Vec<_>>());
        assert_eq!(timeline.captured(4000), ms(5000));
    }

    #[test]
    fn a_slow_clock_is_followed() {
        let mut timeline = Timeline::new(MILLISECONDS);
        // The source's clock is 1 part in 1000 slow: a second late after 1000 s.
        feed(&mut timeline, 0..25_000, |k| k * 40 / 1000);
        let error = timeline.captured(999_960).as_millis() as i64 - (1000 + 999_960 + 1000);
        assert!(error.abs() <= 4, "{error}");
    }

    #[test]
    fn buffered_frames_at_the_beginning_are_not_taken_for_delay() {
        let mut timeline = Timeline::new(MILLISECONDS);
        feed(&mut timeline, 0..10, |k| 40 * (9 - k));
        assert_eq!(timeline.captured(360), ms(1360));
    }

    #[test]
    fn a_jump_is_taken_out() {
        let mut timeline = Timeline::new(MILLISECONDS);
        feed(&mut timeline, 0..50, |_| 0);
        // It begins again at 5, half a second after the last frame.
        assert_eq!(timeline.arrive(5, ms(1000 + 49 * 40 + 500)), Some(49 * 40 + 500));
        assert_eq!(timeline.arrive(45, ms(1000 + 49 * 40 + 540)), Some(49 * 40 + 540));
        assert_eq!(timeline.captured(49 * 40 + 540), ms(1000 + 49 * 40 + 540));
    }

    #[test]
    fn after_a_new_opening_even_a_small_jump_is_taken_out() {
        for begin in [-300, 0, 300, 49 * 40 + 900] {
            let mut timeline = Timeline::new(MILLISECONDS);
            feed(&mut timeline, 0..50, |_| 0);
            timeline.begin_anew();
            // The clock is 500 ms further.
            let last = 49 * 40;
            let again: Vec<_> = (0..50)
                .filter_map(|k| timeline.arrive(begin + 40 * k, ms(1000 + last + 500 + 40 * k)))
                .collect();
            assert_eq!(again, (0..50).map(|k| last + 500 + 40 * k).collect::<Vec<_>>(), "{begin}");
            assert_eq!(timeline.captured(again[0]), ms(1000 + last + 500), "{begin}");
        }
    }

    #[test]
    fn what_was_buffered_when_the_source_begins_anew_is_not_taken_for_delay() {
        let mut timeline = Timeline::new(MILLISECONDS);
        feed(&mut timeline, 0..50, |_| 0);
        // Captured from 5000 on, and stuck until 5600 while the source was opened again.
        let stuck = |k: i64| 5000 + (40 * k).max(600);
        let again: Vec<_> = (0..25).filter_map(|k| timeline.arrive(40 * k, ms(stuck(k)))).collect();
        assert!(again.windows(2).all(|pair| pair[1] - pair[0] == 40), "{again:?}");
        // What comes after the burst is shown when it comes, not 600 ms later.
        assert_eq!(timeline.captured(again[24]), ms(5000 + 40 * 24));
    }

    #[test]
    fn a_pause_moves_what_comes_after_it() {
        let mut timeline = Timeline::new(MILLISECONDS);
        feed(&mut timeline, 0..100, |_| 0);
        // It stopped for 300 ms and goes on where it was.
        let after = feed(&mut timeline, 100..180, |_| 300);
        assert!(after.windows(2).all(|pair| pair[0] < pair[1]));
        let last = after.last().copied().unwrap();
        let captured = timeline.captured(last).as_millis() as i64;
        assert!((captured - (1000 + 179 * 40 + 300)).abs() <= 15, "{captured}");
    }

    #[test]
    fn a_burst_after_a_stall_keeps_its_times() {
        let mut timeline = Timeline::new(MILLISECONDS);
        // Frames 50 to 57 are stuck and come together with frame 57.
        let stuck = |k: i64| if (50..58).contains(&k) { 40 * (57 - k) } else { 0 };
        let shown = feed(&mut timeline, 0..120, stuck);
        assert_eq!(shown, (0..120).map(|k| 40 * k).collect::<Vec<_>>());
        assert!(timeline.captured(4000).abs_diff(ms(5000)) <= ms(2));
    }

    #[test]
    fn frames_out_of_order_are_refused() {
        let mut timeline = Timeline::new(MILLISECONDS);
        assert_eq!(timeline.arrive(90_040, ms(1000)), Some(0));
        assert_eq!(timeline.arrive(90_020, ms(1010)), None);
        assert_eq!(timeline.arrive(90_080, ms(1040)), Some(40));
    }
}
