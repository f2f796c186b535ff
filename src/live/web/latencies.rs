//! Latencies of the last pictures: those of the whole run hardly change once it is long.

use super::super::Percentiles;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How far back it looks.
const WINDOW: Duration = Duration::from_secs(2);
/// Most pictures of the window.
const MOST: usize = 1024;

/// The latencies of the last 2 seconds.
#[derive(Default)]
pub(super) struct Latencies(Mutex<VecDeque<(Duration, Duration)>>);

impl Latencies {
    /// A picture was handed over at `now`.
    pub(super) fn add(&self, now: Duration, latency: Duration) {
        let mut recent = self.lock();
        recent.push_back((now, latency));
        while recent.len() > MOST || recent.front().is_some_and(|(then, _)| *then + WINDOW <= now) {
            recent.pop_front();
        }
    }

    /// Nearest-rank percentiles in milliseconds; all 0 before the first picture.
    pub(super) fn percentiles(&self) -> Percentiles {
        let mut sorted: Vec<Duration> = self.lock().iter().map(|(_, latency)| *latency).collect();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(index).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
        };
        Percentiles { p50: at(50), p95: at(95), p99: at(99), max: at(100) }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Duration, Duration)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_two_seconds_count() {
        let latencies = Latencies::default();
        assert_eq!(latencies.percentiles(), Percentiles::default());
        for tick in 0..400u64 {
            let latency = if tick < 200 { 500 } else { 1 + tick % 100 };
            latencies.add(Duration::from_millis(tick * 20), Duration::from_millis(latency));
        }
        let found = latencies.percentiles();
        assert_eq!(found, Percentiles { p50: 50.0, p95: 95.0, p99: 99.0, max: 100.0 });
    }
}
