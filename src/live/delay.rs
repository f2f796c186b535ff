//! How long after its capture a moment is shown.

use std::collections::VecDeque;
use std::time::Duration;

/// Frames over which the delay is judged.
const WINDOW: usize = 90;
/// Of them, this share (in hundredths) is to be ready in time. The others come late, and predictions take their place.
const READY_IN_TIME: usize = 90;
/// Beside what they take, for the scheduler's sake.
const MARGIN: Duration = Duration::from_millis(2);
/// The delay grows by at most this much a frame, and shrinks by at most that much: a change moves all that is shown.
const GROWTH: Duration = Duration::from_millis(2);
const SHRINKAGE: Duration = Duration::from_micros(200);
/// Until frames have told, in which time the delay is free to change.
const FIRST: Duration = Duration::from_millis(25);
const WARM_UP: usize = 15;

/// The delay from capture to hand-over: just long enough for most frames to be ready, and bounded.
#[derive(Debug)]
pub(super) struct Delay {
    longest: Duration,
    now: Duration,
    lags: VecDeque<Duration>,
    seen: usize,
}

impl Delay {
    /// Of up to `longest`.
    pub(super) fn new(longest: Duration) -> Self {
        Self { longest, now: FIRST.min(longest), lags: VecDeque::new(), seen: 0 }
    }

    /// A frame was ready for its place in time `lag` after its capture.
    pub(super) fn observe(&mut self, lag: Duration) {
        if self.lags.len() == WINDOW {
            self.lags.pop_front();
        }
        self.lags.push_back(lag);
        self.seen += 1;
        let wanted = (self.quantile(READY_IN_TIME) + MARGIN).min(self.longest);
        self.now = if self.seen <= WARM_UP {
            self.now.max(wanted)
        } else if wanted > self.now {
            (self.now + GROWTH).min(wanted)
        } else {
            self.now.saturating_sub(SHRINKAGE).max(wanted)
        };
    }

    /// From capture to hand-over.
    pub(super) const fn now(&self) -> Duration {
        self.now
    }

    /// Forgets the lags so far, which other work has caused.
    pub(super) fn forget(&mut self) {
        self.lags.clear();
    }

    fn quantile(&self, hundredths: usize) -> Duration {
        let mut sorted: Vec<Duration> = self.lags.iter().copied().collect();
        sorted.sort_unstable();
        sorted
            .get((sorted.len() * hundredths / 100).min(sorted.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    #[test]
    fn it_is_what_nearly_all_frames_need() {
        let mut delay = Delay::new(ms(50));
        for k in 0..400 {
            // One frame in twenty takes long.
            delay.observe(if k % 20 == 7 { ms(90) } else { ms(18) });
        }
        assert_eq!(delay.now(), ms(20));
    }

    #[test]
    fn it_grows_soon_shrinks_slowly_and_stays_within_its_bound() {
        let mut delay = Delay::new(ms(50));
        (0..100).for_each(|_| delay.observe(ms(10)));
        let before = delay.now();
        (0..25).for_each(|_| delay.observe(ms(200)));
        assert!(delay.now() > ms(40), "{:?}", delay.now());
        (0..200).for_each(|_| delay.observe(ms(200)));
        assert_eq!(delay.now(), ms(50));
        (0..100).for_each(|_| delay.observe(ms(10)));
        assert!(delay.now() >= ms(30) && before < ms(26));
    }
}
