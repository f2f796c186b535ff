//! What a stream had gathered by the time that it was open.

use std::time::Duration;

/// Gathered frames are handed on at so many times their own pace.
const HASTE: i128 = 2;
/// Nobody gathers more than this.
const LONGEST: i128 = 10_000_000_000;
/// A larger step from frame to frame is a jump of the time stamps.
const JUMP: i128 = 1_000_000_000;

/// To learn what a stream consists of, a second of it is read, and its frames then come all at once. They are worth showing, and
/// to a short stream they are all; but nobody could work on so many together. So they are handed on faster than they were
/// captured, but not at once, until those that come are new ones. From then on nothing is held back.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Nanoseconds of the first frame by its time stamp, and when it was there.
    first: Option<(i128, Duration)>,
    last: i128,
    is_over: bool,
}

impl Backlog {
    /// How long to hold back a frame that is there at `now`, `time` nanoseconds by its time stamp.
    pub(super) fn hold(&mut self, time: i128, now: Duration) -> Duration {
        let (first, began) = *self.first.get_or_insert((time, now));
        let step = time - std::mem::replace(&mut self.last, time);
        let due = (time - first) / HASTE;
        let has_jumped = time != first && step.abs() > JUMP;
        self.is_over |= has_jumped || !(0..=LONGEST / HASTE).contains(&due);
        if self.is_over {
            return Duration::ZERO;
        }
        let due = began + Duration::from_nanos(u64::try_from(due).unwrap_or(0));
        due.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: u64 = 40_000_000;

    /// When frames that are there at these times are handed on, in milliseconds.
    fn handed_on(backlog: &mut Backlog, there: impl Iterator<Item = u64>) -> Vec<u128> {
        let mut now = Duration::ZERO;
        let hand_on = |(k, there)| {
            now = now.max(Duration::from_millis(there));
            now += backlog.hold(i128::from(FRAME * k), now);
            now.as_millis()
        };
        (0..).zip(there).map(hand_on).collect()
    }

    #[test]
    fn what_was_gathered_comes_at_twice_its_pace_and_what_is_new_at_once() {
        // A second of 25 frames is there at 1000 ms, the others come as they are captured.
        let handed_on = handed_on(&mut Backlog::default(), (0..75).map(|k| (40 * k).max(1000)));
        assert_eq!(handed_on[..4], [1000, 1020, 1040, 1060]);
        assert_eq!(handed_on[48..53], [1960, 1980, 2000, 2040, 2080]);
    }

    #[test]
    fn frames_that_are_stuck_later_come_at_once() {
        let stuck = |k: u64| if (50..60).contains(&k) { 2400 } else { 40 * k };
        let handed_on = handed_on(&mut Backlog::default(), (0..75).map(stuck));
        assert_eq!(
            handed_on[49..61],
            [1960, 2400, 2400, 2400, 2400, 2400, 2400, 2400, 2400, 2400, 2400, 2400]
        );
    }

    #[test]
    fn a_jump_is_no_backlog() {
        let mut backlog = Backlog::default();
        for time in [0, 3_600_000_000_000, 3_600_040_000_000, 80_000_000] {
            assert_eq!(backlog.hold(time, Duration::ZERO), Duration::ZERO, "{time}");
        }
        // Not even one that is shorter than what may be gathered.
        let mut backlog = Backlog::default();
        for k in 0..100 {
            let time = i128::from(FRAME * k) + if k < 50 { 0 } else { 5_000_000_000 };
            assert_eq!(backlog.hold(time, Duration::from_nanos(FRAME * k)), Duration::ZERO, "{k}");
        }
    }
}
