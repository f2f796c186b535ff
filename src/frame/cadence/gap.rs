//! Frames that are missing from a stream of constant rate, found by their time stamps alone.

use crate::error::TimeError;
use crate::frame::Pts;

/// Equal intervals in a row after which a rate counts as constant.
const CONFIRMED: i64 = 8;
/// Intervals that the period is the mean of: when there are more, the older half is forgotten.
const MEMORY: i64 = 64;
/// An interval is a multiple of the period if it differs from it by at most one part in this many of a period: rounded
/// time stamps are, the intervals of a variable rate seldom.
const TOLERANCE_PARTS: i128 = 4;

/// Finds the time stamps at which frames of a constant-rate stream are missing.
///
/// The rate is learnt, not declared: after 8 intervals that are equal within a quarter of the period, an interval of 2 or
/// more periods, up to a limit, is a gap. In a stream of variable rate nothing is missing.
#[derive(Clone, Debug)]
pub struct GapFinder {
    longest: i64,
    last: Option<Pts>,
    /// Where the run of equal intervals began, and how many periods ago.
    run: Option<(Pts, i64)>,
}

impl GapFinder {
    /// Frames that a gap may lack by default; a longer one is a pause.
    pub const LONGEST: u32 = 8;

    /// Gaps of more than `longest` frames are left alone.
    pub fn new(longest: u32) -> Self {
        Self { longest: longest.into(), last: None, run: None }
    }

    /// The time stamps missing between the frame before and this one, in rising order.
    ///
    /// # Errors
    /// If `pts` is not later than the frame before, which goes on to count as the newest.
    pub fn push(&mut self, pts: Pts) -> Result<Vec<Pts>, TimeError> {
        let (Some(last), Some((start, periods))) = (self.last, self.run) else {
            (self.last, self.run) = (Some(pts), Some((pts, 0)));
            return Ok(Vec::new());
        };
        if pts <= last {
            return Err(TimeError::NotIncreasing { previous: last, found: pts });
        }
        self.last = Some(pts);
        let (interval, span) = (pts.saturating_sub(last), last.saturating_sub(start));
        let multiple = if periods == 0 { Some(1) } else { multiple(interval, (span, periods)) };
        match multiple {
            Some(1) => self.run = Some(shortened(start, pts, periods + 1)),
            Some(multiple) if periods >= CONFIRMED && multiple - 1 <= self.longest => {
                self.run = Some(shortened(start, pts, periods + multiple));
                return Ok((1..multiple).map(|part| between(last, pts, (part, multiple))).collect());
            }
            // The newest interval is the first of the next run.
            _ => self.run = Some((last, 1)),
        }
        Ok(Vec::new())
    }
}

/// How many periods of `span / periods` an interval has, if it has a whole number of them.
fn multiple(interval: i64, (span, periods): (i64, i64)) -> Option<i64> {
    let (span, scaled) = (i128::from(span), i128::from(interval) * i128::from(periods));
    let multiple = ((scaled + span / 2) / span).max(1);
    let is_whole = (scaled - multiple * span).abs() <= span / TOLERANCE_PARTS;
    is_whole.then(|| i64::try_from(multiple).ok()).flatten()
}

/// The run, the older half of it forgotten if it is long.
fn shortened(start: Pts, end: Pts, periods: i64) -> (Pts, i64) {
    if periods < MEMORY {
        return (start, periods);
    }
    let kept = MEMORY / 2;
    (between(start, end, (periods - kept, periods)), kept)
}

/// The time stamp this part of the way from `start` to `end`, rounded to nearest.
fn between(start: Pts, end: Pts, (part, parts): (i64, i64)) -> Pts {
    let way = (i128::from(end) - i128::from(start)) * i128::from(part);
    let parts = i128::from(parts);
    let offset = (way + parts / 2) / parts;
    i64::try_from(i128::from(start) + offset).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn missing(stamps: impl IntoIterator<Item = Pts>) -> Vec<Pts> {
        let mut finder = GapFinder::new(GapFinder::LONGEST);
        stamps.into_iter().flat_map(|pts| finder.push(pts).unwrap()).collect()
    }

    #[test]
    fn lost_frames_are_found_where_they_were() {
        let kept = |k: &i64| ![10, 20, 21, 22].contains(k);
        assert_eq!(missing((-3..40).filter(kept).map(|k| k * 512)), [5120, 10240, 10752, 11264]);
    }

    #[test]
    fn a_time_base_of_one_tick_per_frame_has_gaps_too() {
        assert_eq!(missing((0..30).filter(|k| *k != 12)), [12]);
    }

    #[test]
    fn a_pause_is_not_a_gap() {
        let limit = i64::from(GapFinder::LONGEST);
        assert_eq!(missing((0..20).chain(20 + limit + 1..60)), Vec::<Pts>::new());
        assert_eq!(missing((0..20).chain(20 + limit..60)).len(), GapFinder::LONGEST as usize);
    }

    #[test]
    fn a_variable_rate_has_no_gaps() {
        // On twos and threes, after a pulldown whose duplicates were taken out, and with no rule at all.
        assert_eq!(missing((0..60).map(|k| k * 5 / 2)), Vec::<Pts>::new());
        assert_eq!(missing((0..60).map(|k| k * 5 / 4)), Vec::<Pts>::new());
        assert_eq!(missing((0..60).map(|k| k * k)), Vec::<Pts>::new());
    }

    #[test]
    fn backward_steps_are_refused_and_forgotten() {
        let mut finder = GapFinder::new(4);
        finder.push(0).unwrap();
        finder.push(10).unwrap();
        assert!(matches!(finder.push(10), Err(TimeError::NotIncreasing { previous: 10, found: 10 })));
        assert!(finder.push(5).is_err());
        assert_eq!(finder.push(20).unwrap(), Vec::<Pts>::new());
    }

    proptest! {
        // Milliseconds, as in Matroska, at any rate up to 120 frames per second.
        #[test]
        fn rounded_time_stamps_hide_no_gap(
            (num, den) in (24_000i64..=120_000, 1000i64..=1001), start in -5000i64..5000,
            before in 9i64..200, lost in 1i64..=8,
        ) {
            let stamp = |k: i64| start + (k * 1000 * den + num / 2) / num;
            let all = (0..before).chain(before + lost..before + lost + 40).map(stamp);
            let found = missing(all);
            prop_assert_eq!(found.len() as i64, lost);
            for (found, k) in found.iter().zip(before..) {
                prop_assert!((found - stamp(k)).abs() <= 1);
            }
        }
    }
}
