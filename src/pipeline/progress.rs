//! Progress figures from counters and a clock.

use super::stats::Progress;
use std::collections::VecDeque;
use std::time::Duration;

/// Frames per second are taken over this much of the recent past.
const WINDOW: Duration = Duration::from_secs(4);

/// Turns counts of finished frames into rates and an estimate of the time left.
#[derive(Debug)]
pub(super) struct ProgressMeter {
    frame_estimate: Option<u64>,
    /// Frames per media second; 0 if unknown.
    frame_rate: f64,
    history: VecDeque<(Duration, u64)>,
}

impl ProgressMeter {
    pub(super) fn new(frame_estimate: Option<u64>, frame_rate: f64) -> Self {
        let frame_rate = if frame_rate.is_finite() { frame_rate.max(0.0) } else { 0.0 };
        Self { frame_estimate, frame_rate, history: VecDeque::from([(Duration::ZERO, 0)]) }
    }

    pub(super) fn update(&mut self, elapsed: Duration, frames: u64, bottleneck: &'static str) -> Progress {
        self.history.push_back((elapsed, frames));
        while self.history.len() > 2
            && self.history.get(1).is_some_and(|(time, _)| elapsed.saturating_sub(*time) >= WINDOW)
        {
            self.history.pop_front();
        }
        let (since, before) = self.history.front().copied().unwrap_or_default();
        let frames_per_second = rate(frames.saturating_sub(before), elapsed.saturating_sub(since));
        let left = self.frame_estimate.map(|estimate| estimate.saturating_sub(frames));
        let remaining = left
            .filter(|_| frames_per_second > 0.0)
            .and_then(|left| Duration::try_from_secs_f64(left as f64 / frames_per_second).ok());
        Progress {
            frames,
            frame_estimate: self.frame_estimate,
            elapsed,
            frames_per_second,
            real_time_factor: real_time_factor(frames_per_second, self.frame_rate),
            remaining,
            bottleneck,
        }
    }
}

/// Frames per second; 0 while no time has passed.
pub(super) fn rate(frames: u64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { frames as f64 / time.as_secs_f64() }
}

/// Media seconds per wall second; 0 if the frame rate is unknown.
pub(super) fn real_time_factor(frames_per_second: f64, frame_rate: f64) -> f64 {
    if frame_rate > 0.0 { frames_per_second / frame_rate } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_the_recent_past() {
        let mut meter = ProgressMeter::new(Some(1000), 25.0);
        let seconds = Duration::from_secs;
        let is = |value: f64, expected: f64| (value - expected).abs() < 1e-9;
        assert!(is(meter.update(seconds(1), 10, "encode").frames_per_second, 10.0));
        for second in 2..10 {
            meter.update(seconds(second), 10 + 50 * (second - 1), "encode");
        }
        let progress = meter.update(seconds(10), 460, "encode");
        assert!(is(progress.frames_per_second, 50.0));
        assert!(is(progress.real_time_factor, 2.0));
        assert_eq!(progress.remaining, Some(Duration::from_secs_f64(10.8)));
    }
}
