//! Pictures before the first one that has a time stamp: Matroska, for one, cannot say when those before time 0 are shown.

use crate::frame::{Pts, Rational, TimeBase, rescale};
use std::collections::VecDeque;

/// A stream without time stamps on this many pictures has none. Encoders hold back less.
const LONGEST: usize = 16;

/// Holds pictures back until a time stamp tells where they belong.
pub(super) struct Beginning<P> {
    time_base: TimeBase,
    /// Seconds per frame.
    frame_time: Rational,
    held: VecDeque<P>,
    /// Pictures to be given out, with what is known of their times.
    ready: VecDeque<(P, Option<Pts>)>,
    is_over: bool,
}

impl<P> Beginning<P> {
    /// For time stamps in `time_base`. A stream of an unknown rate has pictures that cannot be placed, and holds none back.
    pub(super) fn new(time_base: TimeBase, frame_rate: Rational) -> Self {
        let is_over = !frame_rate.is_positive();
        let frame_time = if is_over { Rational::new(0, 1) } else { frame_rate.inverse() };
        Self { time_base, frame_time, held: VecDeque::new(), ready: VecDeque::new(), is_over }
    }

    /// Takes the next picture; `pts` is its own, not one that was guessed.
    pub(super) fn push(&mut self, picture: P, pts: Option<Pts>) {
        if self.is_over {
            self.ready.push_back((picture, None));
            return;
        }
        self.held.push_back(picture);
        if pts.is_some() || self.held.len() > LONGEST {
            self.release(pts);
        }
    }

    /// The next picture that is held back no longer, with a time stamp if it got one here.
    pub(super) fn next(&mut self) -> Option<(P, Option<Pts>)> {
        self.ready.pop_front()
    }

    /// No picture follows.
    pub(super) fn end(&mut self) {
        self.release(None);
    }

    /// Forgets everything, after a seek.
    pub(super) fn reset(&mut self) {
        self.held.clear();
        self.ready.clear();
        self.is_over = !self.frame_time.is_positive();
    }

    /// Gives out what is held; `last` is the time stamp of the last one of them.
    fn release(&mut self, last: Option<Pts>) {
        self.is_over = true;
        let after = (0..self.held.len() as i64).rev();
        let (frame_time, time_base) = (self.frame_time, self.time_base);
        let placed = |after| last.map(|last| last - rescale(after, frame_time, time_base));
        self.ready.extend(self.held.drain(..).zip(after.map(placed)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out, in milliseconds, of pictures at 25 frames a second.
    fn through(times: &[Option<Pts>]) -> Vec<(usize, Option<Pts>)> {
        let mut beginning = Beginning::new(Rational::new(1, 1000), Rational::new(25, 1));
        let mut out = Vec::new();
        for (index, pts) in times.iter().enumerate() {
            beginning.push(index, *pts);
            out.extend(std::iter::from_fn(|| beginning.next()));
        }
        beginning.end();
        out.extend(std::iter::from_fn(|| beginning.next()));
        out
    }

    #[test]
    fn pictures_without_times_precede_the_first_with_one() {
        let found = through(&[None, None, Some(1000), None, Some(1080)]);
        let expected = [(0, Some(920)), (1, Some(960)), (2, Some(1000)), (3, None), (4, None)];
        assert_eq!(found, expected);
    }

    #[test]
    fn nothing_is_lost_of_a_stream_without_times() {
        for count in [0, 1, LONGEST, 3 * LONGEST] {
            assert_eq!(
                through(&vec![None; count]),
                (0..count).map(|index| (index, None)).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn a_stream_of_an_unknown_rate_is_not_held_back() {
        let mut beginning = Beginning::new(Rational::new(1, 1000), Rational::new(0, 1));
        beginning.push('a', None);
        assert_eq!(beginning.next(), Some(('a', None)));
    }
}
