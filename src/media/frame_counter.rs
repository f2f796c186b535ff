//! Frames by number, for encoders and containers that know a fixed rate and no time stamps.

use super::container::Counting;
use crate::frame::{Cadence, Pts, Rational, TimeBase, rescale};

/// Numbers frames by a fixed rate.
pub(super) struct FrameCounter {
    rate: Rational,
    source: TimeBase,
    container: Counting,
    /// Time stamp of frame 0.
    origin: Option<Pts>,
    /// Frames that would have been shown in gaps that were left out.
    skipped: i64,
    /// Those gaps.
    unfilled: u64,
}

impl FrameCounter {
    pub(super) const fn new(rate: Rational, source: TimeBase, container: Counting) -> Self {
        Self { rate, source, container, origin: None, skipped: 0, unfilled: 0 }
    }

    pub(super) const fn rate(&self) -> Rational {
        self.rate
    }

    /// What the container makes of the numbers.
    pub(super) const fn container(&self) -> Counting {
        self.container
    }

    /// Gaps that were too long to be filled.
    pub(super) const fn unfilled(&self) -> u64 {
        self.unfilled
    }

    /// The number of the frame at `pts`, or `None` if it falls between two frames.
    pub(super) fn number(&mut self, pts: Pts) -> Option<Pts> {
        let origin = *self.origin.get_or_insert(pts);
        let time = pts.saturating_sub(origin);
        let number = rescale(time, self.source, self.rate.inverse());
        // Time stamps in a coarse base are rounded or cut: one tick of doubt on either side.
        let error = rescale(number, self.rate.inverse(), self.source).saturating_sub(time).saturating_abs();
        (error <= 1).then_some(number.saturating_sub(self.skipped))
    }

    /// The number of the frame that would be shown first, were there one at time 0.
    pub(super) fn origin_number(&self) -> Pts {
        rescale(self.origin(), self.source, self.rate.inverse())
    }

    pub(super) fn origin(&self) -> Pts {
        self.origin.unwrap_or_default()
    }

    /// Time stamps of the frames that the container lacks between number `last` and the frame at `pts`. There are none in a gap that
    /// is too long to be filled: it is left out of the count.
    pub(super) fn missing(&mut self, last: Pts, pts: Pts) -> impl Iterator<Item = Pts> + use<> {
        let number = self.number(pts).filter(|_| self.container == Counting::Complete);
        let mut missing = number.map_or(0..0, |number| last.saturating_add(1)..number);
        let interval = i128::from(missing.end) - i128::from(missing.start) + 1;
        let longest = i128::from(Cadence::LONGEST_FILLED) * i128::from(self.rate.num);
        if interval * i128::from(self.rate.den) > longest {
            tracing::warn!(
                "no frame for more than {} s: that is left out, as the output has no time stamps; -o x.mkv keeps the time",
                Cadence::LONGEST_FILLED
            );
            self.skipped = self.skipped.saturating_add(missing.end.saturating_sub(missing.start));
            self.unfilled += 1;
            missing = 0..0;
        }
        let (origin, period, source, skipped) =
            (self.origin(), self.rate.inverse(), self.source, self.skipped);
        missing
            .map(move |number| origin.saturating_add(rescale(number.saturating_add(skipped), period, source)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECONDS: TimeBase = Rational::new(1, 1000);

    fn ntsc(container: Counting) -> FrameCounter {
        FrameCounter::new(Rational::new(30_000, 1001), MILLISECONDS, container)
    }

    /// When frame `number` is shown, rounded.
    fn shown(number: i64) -> Pts {
        5 + rescale(number, Rational::new(1001, 30_000), MILLISECONDS)
    }

    #[test]
    fn frames_that_are_missing_are_found_where_none_may_be() {
        for (container, expected) in [
            (Counting::Complete, vec![shown(3), shown(4)]),
            (Counting::Filled, vec![]),
            (Counting::No, vec![]),
        ] {
            let mut counter = ntsc(container);
            assert_eq!((counter.number(shown(0)), counter.number(shown(2))), (Some(0), Some(2)));
            assert_eq!(counter.missing(2, shown(5)).collect::<Vec<_>>(), expected);
            assert_eq!((counter.number(shown(5)), counter.unfilled()), (Some(5), 0));
        }
    }

    #[test]
    fn what_follows_a_gap_that_is_too_long_is_counted_on() {
        let mut counter = ntsc(Counting::Complete);
        let longest = 600 * 30_000 / 1001;
        assert_eq!(counter.number(shown(0)), Some(0));
        assert_eq!(counter.missing(0, shown(longest)).count() as i64, longest - 1);
        let mut last = longest;
        for jump in [1 << 20, longest + 1, 1 << 30] {
            let next = last + jump;
            let number = counter.number(shown(last)).unwrap();
            assert_eq!(counter.missing(number, shown(next)).count(), 0);
            assert_eq!(counter.number(shown(next)), Some(number + 1));
            assert_eq!(counter.missing(number + 1, shown(next + 2)).collect::<Vec<_>>(), [shown(next + 1)]);
            last = next + 2;
        }
        assert_eq!(counter.unfilled(), 3);
    }

    #[test]
    fn what_is_between_two_frames_has_no_number() {
        let mut counter = ntsc(Counting::Complete);
        assert_eq!(counter.number(shown(0)), Some(0));
        assert_eq!(counter.number(shown(3) + 10), None);
        assert_eq!(counter.missing(0, shown(3) + 10).count(), 0);
    }
}
