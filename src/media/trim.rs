//! Reading only a part of an input.

use super::Chapter;
use crate::frame::{Pts, Rational, TimeBase, rescale};

const MICROSECONDS: TimeBase = Rational::new(1, 1_000_000);

/// The part of an input that is delivered, in microseconds on the input's own clock, and by how much its time stamps
/// move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Trim {
    start: Option<i64>,
    end: Option<i64>,
}

impl Trim {
    /// `start` and `duration` count from `input_start`, the input's first time stamp; all in microseconds.
    pub(super) fn new(input_start: i64, start: Option<i64>, duration: Option<i64>) -> Self {
        let begin = start.map(|start| input_start.saturating_add(start));
        let end = duration.map(|duration| begin.unwrap_or(input_start).saturating_add(duration));
        Self { start: begin, end }
    }

    /// Where to begin, in microseconds on the input's clock.
    pub(super) fn start(&self) -> Option<i64> {
        self.start
    }

    /// True if `pts` lies before the part.
    pub(super) fn is_before(&self, pts: Pts, time_base: TimeBase) -> bool {
        self.start.is_some_and(|start| pts < rescale(start, MICROSECONDS, time_base))
    }

    /// True if `pts` lies after the part.
    pub(super) fn is_after(&self, pts: Pts, time_base: TimeBase) -> bool {
        self.end.is_some_and(|end| pts >= rescale(end, MICROSECONDS, time_base))
    }

    /// True if `pts` lies more than `slack` microseconds after the part's end.
    pub(super) fn is_long_after(&self, pts: Pts, time_base: TimeBase, slack: i64) -> bool {
        self.end.is_some_and(|end| pts > rescale(end.saturating_add(slack), MICROSECONDS, time_base))
    }

    /// Ticks to subtract from every time stamp, so that the part begins near 0.
    pub(super) fn shift(&self, time_base: TimeBase) -> i64 {
        self.start.map_or(0, |start| rescale(start, MICROSECONDS, time_base))
    }

    /// Length of the part of an input of `total` microseconds that begins at `input_start`.
    pub(super) fn length(&self, input_start: i64, total: Option<i64>) -> Option<i64> {
        let begin = self.start.unwrap_or(input_start);
        let input_end = total.map(|total| input_start.saturating_add(total));
        let end = match (self.end, input_end) {
            (Some(end), Some(input_end)) => Some(end.min(input_end)),
            (end, input_end) => end.or(input_end),
        };
        end.map(|end| end.saturating_sub(begin).max(0))
    }

    /// The chapters that overlap the part, cut to it and moved with it.
    pub(super) fn chapters(&self, chapters: Vec<Chapter>) -> Vec<Chapter> {
        chapters
            .into_iter()
            .filter_map(|chapter| {
                let tick = |time: i64| rescale(time, MICROSECONDS, chapter.time_base);
                let first = self.start.map_or(chapter.start, |start| chapter.start.max(tick(start)));
                let last = self.end.map_or(chapter.end, |end| chapter.end.min(tick(end)));
                let shift = self.shift(chapter.time_base);
                (first < last || *self == Self::default()).then(|| Chapter {
                    start: first.saturating_sub(shift),
                    end: last.saturating_sub(shift),
                    ..chapter
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECONDS: TimeBase = Rational::new(1, 1000);

    fn chapter(start: i64, end: i64) -> Chapter {
        Chapter { id: start, time_base: MILLISECONDS, start, end, metadata: Vec::new() }
    }

    #[test]
    fn a_part_is_half_open_and_counts_from_the_inputs_start() {
        let trim = Trim::new(1_400_000, Some(500_000), Some(250_000));
        assert!(trim.is_before(1899, MILLISECONDS));
        assert!(!trim.is_before(1900, MILLISECONDS));
        assert!(!trim.is_after(2149, MILLISECONDS));
        assert!(trim.is_after(2150, MILLISECONDS));
        assert_eq!(trim.shift(MILLISECONDS), 1900);
        assert_eq!(trim.length(1_400_000, Some(600_000)), Some(100_000));
        assert_eq!(trim.length(1_400_000, None), Some(250_000));
    }

    #[test]
    fn chapters_are_cut_and_moved() {
        let trim = Trim::new(0, Some(500_000), Some(1_000_000));
        let cut = trim.chapters(vec![chapter(0, 400), chapter(400, 1000), chapter(1000, 2000)]);
        assert_eq!(cut.iter().map(|c| (c.start, c.end)).collect::<Vec<_>>(), [(0, 500), (500, 1000)]);
    }

    #[test]
    fn the_whole_input_is_untouched() {
        let trim = Trim::new(-40_000, None, None);
        assert!(!trim.is_before(-1000, MILLISECONDS));
        assert!(!trim.is_after(i64::MAX, MILLISECONDS));
        assert_eq!(trim.chapters(vec![chapter(5, 5)]), [chapter(5, 5)]);
        assert_eq!(trim.shift(MILLISECONDS), 0);
    }
}
