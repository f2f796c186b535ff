//! Packets of a stream whose time stamps jump before those of the video do, or after them.

use super::timeline::Timeline;
use crate::frame::Pts;
use std::collections::VecDeque;
use std::time::Duration;

/// A stream whose time stamps step by so many nanoseconds more or less than the clock has jumped; more than makes the video's a jump,
/// so that one of the video's explains it.
const JUMP: i128 = 1_500_000_000;
/// What waits longer for the video's jump is lost: where it belongs is not known.
const PATIENCE: Duration = Duration::from_secs(2);

/// One stream beside the video.
///
/// All streams of a source jump together, but the packet that shows it comes sooner in one than in another. What has jumped before
/// the video waits until that has jumped too; what has not yet jumped after it goes on as before.
#[derive(Debug)]
pub(super) struct Drift<P> {
    /// Nanoseconds of the last packet by its time stamp, and when it came.
    last: Option<(i128, Duration)>,
    /// Packets that wait, with the same.
    held: VecDeque<(P, i128, Duration)>,
}

/// What becomes of packets.
#[derive(Debug)]
pub(super) struct Sorted<P> {
    /// To be moved by so many ticks of the video.
    pub(super) passed: Vec<(P, Pts)>,
    /// How many are lost.
    pub(super) lost: usize,
}

impl<P> Default for Drift<P> {
    fn default() -> Self {
        Self { last: None, held: VecDeque::new() }
    }
}

impl<P> Drift<P> {
    /// A packet came at `now`, `time` nanoseconds by its time stamp.
    pub(super) fn push(&mut self, packet: P, time: i128, now: Duration, timeline: &Timeline) -> Sorted<P> {
        let elapsed = |since: Duration| i128::try_from((now.saturating_sub(since)).as_nanos()).unwrap_or(0);
        let has_jumped = self.last.is_some_and(|(last, since)| (time - last - elapsed(since)).abs() > JUMP);
        self.last = Some((time, now));
        let (shift, distance) = timeline.nearest_shift(time, now);
        if has_jumped && distance <= JUMP {
            // It is back, and what waits was a stray.
            return Sorted { lost: self.held.drain(..).count(), passed: vec![(packet, shift)] };
        }
        if has_jumped || !self.held.is_empty() {
            self.held.push_back((packet, time, now));
            return Sorted { passed: Vec::new(), lost: self.give_up(now) };
        }
        Sorted { passed: vec![(packet, shift)], lost: 0 }
    }

    /// A frame came, which may have told of a jump.
    pub(super) fn follow(&mut self, timeline: &Timeline) -> Vec<(P, Pts)> {
        let explains = |(_, time, came): &(P, i128, Duration)| timeline.nearest_shift(*time, *came).1 <= JUMP;
        if !self.held.front().is_some_and(explains) {
            return Vec::new();
        }
        let placed = |(packet, time, came)| (packet, timeline.nearest_shift(time, came).0);
        self.held.drain(..).map(placed).collect()
    }

    fn give_up(&mut self, now: Duration) -> usize {
        let held = self.held.len();
        while self.held.front().is_some_and(|(_, _, came)| *came + PATIENCE < now) {
            self.held.pop_front();
        }
        held - self.held.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::TimeBase;

    /// A frame every 40 ms and a packet every 20, for 4 s. The frames jump at `frames_at` ms, the packets at `packets_at`, both by `jump`
    /// ms. Where the packets lie in the run, in ms, by when they were sent; and how many were lost.
    fn played(jump: i64, frames_at: i64, packets_at: i64) -> (Vec<(i64, i64)>, usize) {
        let mut timeline = Timeline::new(TimeBase::new(1, 1000));
        let (mut drift, mut out, mut lost) = (Drift::default(), Vec::new(), 0);
        for now in (0..4000).step_by(20) {
            let clock = Duration::from_millis(1000 + now as u64);
            if now % 40 == 0 {
                let pts = 10_000 + now + if now >= frames_at { jump } else { 0 };
                timeline.arrive(pts, clock).unwrap();
                out.extend(drift.follow(&timeline));
            }
            let pts = 10_000 + now + if now >= packets_at { jump } else { 0 };
            let sorted = drift.push((now, pts), i128::from(pts) * 1_000_000, clock, &timeline);
            out.extend(sorted.passed);
            lost += sorted.lost;
        }
        (out.into_iter().map(|((sent, pts), shift)| (sent, pts + shift)).collect(), lost)
    }

    #[test]
    fn whoever_jumps_first_packets_stay_beside_the_frames_of_their_time() {
        for jump in [2_000, -2_000, 3_600_000, -3_600_000, 95_443_718] {
            for packets_at in [1600, 1980, 2000, 2020, 2400] {
                let (placed, lost) = played(jump, 2000, packets_at);
                assert_eq!(lost, 0, "{jump} {packets_at}");
                let expected: Vec<(i64, i64)> = (0..4000).step_by(20).map(|sent| (sent, sent)).collect();
                assert_eq!(placed, expected, "{jump} {packets_at}");
            }
        }
    }

    #[test]
    fn packets_that_jump_alone_are_lost_until_they_are_back() {
        let (placed, lost) = played(3_600_000, 4000, 1000);
        assert!(placed.iter().all(|(sent, place)| sent == place), "{placed:?}");
        assert_eq!((placed.len(), lost), (50, 49), "the last 2 s wait");
    }

    #[test]
    fn a_stray_takes_nothing_with_it() {
        let mut timeline = Timeline::new(TimeBase::new(1, 1000));
        let mut drift = Drift::default();
        timeline.arrive(0, Duration::ZERO).unwrap();
        for (now, time, passed, lost) in [(0, 0, 1, 0), (20, 3_600_000, 0, 0), (40, 40, 1, 1), (60, 60, 1, 0)]
        {
            let sorted = drift.push((), time * 1_000_000, Duration::from_millis(now), &timeline);
            assert_eq!((sorted.passed.len(), sorted.lost), (passed, lost), "{now}");
        }
    }
}
