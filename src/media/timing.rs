//! Time stamps of decoded frames: missing ones are filled in, and they always grow.

use crate::frame::{Pts, Rational, TimeBase, rescale};

/// Gives each decoded frame of a stream its time stamp.
pub(super) struct Stamper {
    input: String,
    time_base: TimeBase,
    /// Seconds per frame where the stream does not say; 25 frames per second if the rate is unknown.
    frame_time: Rational,
    /// The last known time stamp and how many frames without one followed it.
    anchor: Option<(Pts, i64)>,
    /// The last frame's time stamp and duration.
    last: Option<(Pts, i64)>,
    bumped: u64,
}

impl Stamper {
    pub(super) fn new(input: &str, time_base: TimeBase, frame_rate: Rational) -> Self {
        let rate = if frame_rate.is_positive() { frame_rate } else { Rational::new(25, 1) };
        Self {
            input: input.to_owned(),
            time_base,
            frame_time: rate.inverse(),
            anchor: None,
            last: None,
            bumped: 0,
        }
    }

    /// The time stamp of the next frame. `known` is the decoder's, `duration` the frame's (0 if unknown).
    pub(super) fn stamp(&mut self, known: Option<Pts>, duration: i64) -> Pts {
        let wanted = match known {
            Some(pts) => {
                self.anchor = Some((pts, 0));
                pts
            }
            None => self.extrapolate(),
        };
        let pts = match self.last {
            Some((last, _)) if wanted <= last => self.bump(wanted, last),
            _ => wanted,
        };
        self.last = Some((pts, duration));
        pts
    }

    /// Continues after the last frame: by its duration, else by the frame rate counted from the last known time
    /// stamp, so that rounding does not add up.
    fn extrapolate(&mut self) -> Pts {
        let (pts, frames) = self.anchor.map_or((0, 0), |(pts, frames)| (pts, frames + 1));
        self.anchor = Some((pts, frames));
        match self.last {
            Some((last, duration)) if duration > 0 => last + duration,
            _ => pts + rescale(frames, self.frame_time, self.time_base),
        }
    }

    fn bump(&mut self, wanted: Pts, last: Pts) -> Pts {
        self.bumped += 1;
        if self.bumped == 1 {
            tracing::warn!(
                "{}: a frame's time stamp {wanted} does not follow {last}; such frames are moved to just after it",
                self.input
            );
        }
        last + 1
    }

    /// Forgets the past, after a seek.
    pub(super) fn reset(&mut self) {
        self.anchor = None;
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamper() -> Stamper {
        Stamper::new("test", Rational::new(1, 1000), Rational::new(30000, 1001))
    }

    #[test]
    fn known_time_stamps_are_kept() {
        let mut stamper = stamper();
        let stamps: Vec<_> = [-5, 0, 40, 1000].iter().map(|pts| stamper.stamp(Some(*pts), 0)).collect();
        assert_eq!(stamps, [-5, 0, 40, 1000]);
    }

    #[test]
    fn missing_time_stamps_follow_the_rate_without_drift() {
        let mut stamper = stamper();
        let stamps: Vec<_> = (0..3001).map(|_| stamper.stamp(None, 0)).collect();
        assert_eq!(stamps[..4], [0, 33, 67, 100]);
        assert_eq!(stamps[3000], 100_100);
    }

    #[test]
    fn missing_time_stamps_follow_the_previous_duration() {
        let mut stamper = stamper();
        assert_eq!(stamper.stamp(Some(100), 20), 100);
        assert_eq!(stamper.stamp(None, 20), 120);
    }

    #[test]
    fn repeated_and_falling_time_stamps_are_moved_on() {
        let mut stamper = stamper();
        let stamps: Vec<_> = [10, 10, 5, 30].iter().map(|pts| stamper.stamp(Some(*pts), 0)).collect();
        assert_eq!(stamps, [10, 11, 12, 30]);
    }
}
