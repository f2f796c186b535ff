//! FFmpeg's process-wide state.

use ffmpeg_next as ffmpeg;
use std::sync::Once;

/// Sets FFmpeg up once per process and silences its log, which would mix with ours on standard error, unless the program has
/// chosen a level itself.
pub(super) fn initialise() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Only registers the texts of error codes; it cannot fail.
        let _ = ffmpeg::init();
        // FFmpeg's own choice.
        if ffmpeg::log::get_level() == Ok(ffmpeg::log::Level::Info) {
            ffmpeg::log::set_level(ffmpeg::log::Level::Fatal);
        }
    });
}

/// Lets FFmpeg write its own warnings to standard error (`true`), or only fatal errors (`false`, the default).
pub fn set_library_log_level(verbose: bool) {
    initialise();
    let level = if verbose { ffmpeg::log::Level::Verbose } else { ffmpeg::log::Level::Fatal };
    ffmpeg::log::set_level(level);
}

/// Names and versions of FFmpeg's libraries that the program runs with.
pub fn library_versions() -> Vec<(&'static str, String)> {
    let text = |version: u32| format!("{}.{}.{}", version >> 16, version >> 8 & 0xff, version & 0xff);
    vec![
        ("libavcodec", text(ffmpeg::codec::version())),
        ("libavformat", text(ffmpeg::format::version())),
        ("libavfilter", text(ffmpeg::filter::version())),
        ("libswscale", text(ffmpeg::software::scaling::version())),
    ]
}
