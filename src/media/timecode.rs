//! Time codes as tags of a file and its streams: those of the first frame.

use super::ffi_timecode::{is_valid, later};
use crate::frame::Rational;

type Tags = [(String, String)];

/// The time code among `tags`, whose keys Matroska writes in capitals.
pub(super) fn find(tags: &Tags) -> Option<&str> {
    tags.iter().find(|(key, _)| is_timecode(key)).map(|(_, value)| value.as_str())
}

/// Makes the time code of the first frame that of a frame further on.
pub(super) fn move_on(tags: &mut Tags, rate: Rational, frames: i64) {
    if frames != 0 {
        change(tags, |timecode| later(timecode, rate, frames));
    }
}

/// Makes a time code for frames of one rate that of the same frame at another rate.
pub(super) fn convert(tags: &mut Tags, from: Rational, to: Rational) {
    if from != to && from.is_positive() && to.is_positive() {
        change(tags, |timecode| at_rate(timecode, from, to));
    }
}

fn is_timecode(key: &str) -> bool {
    key.eq_ignore_ascii_case("timecode")
}

fn change(tags: &mut Tags, change: impl Fn(&str) -> Option<String>) {
    for (_, timecode) in tags.iter_mut().filter(|(key, _)| is_timecode(key)) {
        if let Some(changed) = change(timecode) {
            *timecode = changed;
        }
    }
}

/// Hours, minutes and seconds stay, and the frame is that of the same part of the second. Only rates of 30000/1001 and its
/// multiples leave out numbers (`;`); those that they leave out of a minute are as many parts of a second at each of them. `None` if it
/// is no time code at the first rate.
fn at_rate(timecode: &str, from: Rational, to: Rational) -> Option<String> {
    if !is_valid(timecode, from) {
        return None;
    }
    let (rest, frame) = timecode.split_at_checked(timecode.len().checked_sub(2)?)?;
    let frame = frame.parse::<i64>().ok()?;
    let (rest, separator) = rest.split_at_checked(rest.len().checked_sub(1)?)?;
    let (before, after) = (frames_a_second(from), frames_a_second(to));
    if frame >= before {
        return None;
    }
    let separator = if separator == ":" || leaves_out_numbers(to) { separator } else { ":" };
    Some(format!("{rest}{separator}{:02}", frame * after / before))
}

/// As time codes count them.
fn frames_a_second(rate: Rational) -> i64 {
    let (num, den) = (i64::from(rate.num), i64::from(rate.den));
    ((num + den / 2) / den).max(1)
}

fn leaves_out_numbers(rate: Rational) -> bool {
    rate.den == 1001 && rate.num % 30000 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAL: Rational = Rational::new(25, 1);
    const FILM: Rational = Rational::new(24000, 1001);
    const NTSC: Rational = Rational::new(30000, 1001);
    const TWICE_NTSC: Rational = Rational::new(60000, 1001);

    #[test]
    fn the_frame_is_that_of_the_same_part_of_the_second() {
        for (timecode, from, to, expected) in [
            ("01:02:03:12", PAL, Rational::new(50, 1), "01:02:03:24"),
            ("01:02:03:24", PAL, Rational::new(50, 1), "01:02:03:48"),
            ("01:02:03:13", Rational::new(50, 1), PAL, "01:02:03:06"),
            ("01:00:00:20", PAL, Rational::new(60, 1), "01:00:00:48"),
            ("10:00:00:23", FILM, TWICE_NTSC, "10:00:00:57"),
            ("10:00:59:29", NTSC, TWICE_NTSC, "10:00:59:58"),
            // Numbers 0 and 1 of the minute are left out at the one rate, 0 to 3 at the other.
            ("10:01:00;02", NTSC, TWICE_NTSC, "10:01:00;04"),
            ("10:00:59;29", NTSC, TWICE_NTSC, "10:00:59;58"),
            ("10:01:00;05", TWICE_NTSC, NTSC, "10:01:00;02"),
            ("10:10:00;00", NTSC, Rational::new(120_000, 1001), "10:10:00;00"),
            // No number is left out at whole rates.
            ("10:01:00;02", NTSC, Rational::new(60, 1), "10:01:00:04"),
            ("10:01:00;02", NTSC, PAL, "10:01:00:01"),
        ] {
            let converted = at_rate(timecode, from, to);
            assert_eq!(converted.as_deref(), Some(expected), "{timecode}");
            assert!(is_valid(expected, to), "{expected}");
        }
    }

    #[test]
    fn what_is_no_time_code_stays() {
        let fifty = Rational::new(50, 1);
        for text in ["noon", "", "01:02:03:25", "01:00:00;00"] {
            let mut tags = [("TIMECODE".to_owned(), text.to_owned())];
            convert(&mut tags, PAL, fifty);
            assert_eq!(find(&tags), Some(text));
        }
        let mut tags = [("timecode".to_owned(), "01:00:00:01".to_owned())];
        convert(&mut tags, Rational::new(0, 1), fifty);
        assert_eq!(find(&tags), Some("01:00:00:01"));
    }

    #[test]
    fn tags_in_capitals_are_time_codes_too() {
        let mut tags =
            [("TIMECODE".to_owned(), "01:00:00:00".to_owned()), ("title".to_owned(), "x".to_owned())];
        move_on(&mut tags, PAL, 30);
        assert_eq!(find(&tags), Some("01:00:01:05"));
    }
}
