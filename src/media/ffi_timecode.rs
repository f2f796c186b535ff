//! Time codes of SMPTE 12M, as FFmpeg counts them.
#![allow(unsafe_code)]

use super::ffi_output::{av_rational, c_string};
use crate::frame::Rational;
use ffmpeg_next::ffi::{
    AV_TIMECODE_STR_SIZE, AVTimecode, AVTimecodeFlag, av_timecode_init_from_string, av_timecode_make_string,
};
use std::ffi::{CStr, c_char, c_int};
use std::ptr;

/// The time code of the frame that comes so many frames after the one with `timecode`, which may leave out numbers (drop-frame) and
/// begins anew at midnight; `None` if it is no time code at this rate.
pub(super) fn later(timecode: &str, rate: Rational, frames: i64) -> Option<String> {
    let frames = c_int::try_from(frames).ok()?;
    let mut first = parse(timecode, rate)?;
    first.start.checked_add(frames)?;
    first.flags |= AVTimecodeFlag::AV_TIMECODE_FLAG_24HOURSMAX as u32;
    let mut later: [c_char; AV_TIMECODE_STR_SIZE as usize] = [0; AV_TIMECODE_STR_SIZE as usize];
    // SAFETY: the structure is initialised, and the text has the size that FFmpeg asks for, its terminating zero included.
    let later = unsafe {
        av_timecode_make_string(&first, later.as_mut_ptr(), frames);
        CStr::from_ptr(later.as_ptr())
    };
    later.to_str().ok().map(str::to_owned)
}

/// True if it is a time code at this rate.
pub(super) fn is_valid(timecode: &str, rate: Rational) -> bool {
    parse(timecode, rate).is_some()
}

/// As FFmpeg understands it; `None` if it is no time code at this rate.
fn parse(timecode: &str, rate: Rational) -> Option<AVTimecode> {
    let text = c_string(timecode);
    let mut parsed = AVTimecode { start: 0, flags: 0, rate: av_rational(rate), fps: 0 };
    // SAFETY: the structure and the text outlive the call; no log context is allowed.
    let code =
        unsafe { av_timecode_init_from_string(&mut parsed, parsed.rate, text.as_ptr(), ptr::null_mut()) };
    (code >= 0).then_some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_codes_go_on_by_frames() {
        let ntsc = Rational::new(30000, 1001);
        for (timecode, rate, frames, expected) in [
            ("01:00:00:00", Rational::new(25, 1), 50, "01:00:02:00"),
            ("01:00:00:20", Rational::new(25, 1), 30, "01:00:02:00"),
            ("10:00:59:28", ntsc, 4, "10:01:00:02"),
            // The first two numbers of a minute are left out, but for each tenth.
            ("10:00:59;28", ntsc, 2, "10:01:00;02"),
            ("10:09:59;28", ntsc, 2, "10:10:00;00"),
            ("23:59:59:00", Rational::new(24, 1), 24, "00:00:00:00"),
        ] {
            assert_eq!(later(timecode, rate, frames).as_deref(), Some(expected), "{timecode}");
        }
    }

    #[test]
    fn what_is_no_time_code_has_none_after_it() {
        assert_eq!(later("noon", Rational::new(25, 1), 1), None);
        assert_eq!(later("01:00:00:00", Rational::new(0, 1), 1), None);
        assert_eq!(later("01:00:00;00", Rational::new(25, 1), 1), None);
    }
}
