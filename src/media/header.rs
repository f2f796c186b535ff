//! The beginning of a container: the muxer's options, and what it means if it refuses them or the streams.

use super::container::{Destination, M2TS_OPTION, is_m2ts, write_error};
use super::copy::{Fate, is_mp4_family, refused_header};
use super::ffi_output::{Muxer, OutputFormat};
use super::options::OutputOptions;
use super::stream::InputDescription;
use crate::error::MediaError;
use crate::frame::TimeBase;
use ffmpeg_next::ffi::{AVERROR_EXIT, AVFMT_AVOID_NEG_TS_DISABLED};

/// Why there is no header.
pub(super) enum HeaderFailure {
    /// The file or connection failed, with FFmpeg's error code.
    Output(i32),
    /// The muxer refuses what it was given.
    Refused(i32),
    /// The muxer has to go back to its beginning, and the output cannot.
    NotSeekable,
    /// Nothing took these options.
    UnknownOptions(Vec<String>),
}

/// Opens the output and writes the header.
pub(super) fn write_header(
    muxer: &mut Muxer,
    location: &str,
    destination: &Destination,
    options: &OutputOptions,
    video: TimeBase,
) -> Result<(), HeaderFailure> {
    let settings = muxer_options(muxer, location, options, video);
    muxer.open(&destination.location()).map_err(HeaderFailure::Output)?;
    match muxer.write_header(&settings) {
        Ok(unknown) if unknown.is_empty() => Ok(()),
        Ok(unknown) => Err(HeaderFailure::UnknownOptions(unknown)),
        Err(code) if code != AVERROR_EXIT && muxer.is_output_sound() => {
            let is_whole =
                !settings.iter().any(|(key, value)| key.contains("frag") || value.contains("frag"));
            let goes_back = is_mp4_family(muxer.format()) && is_whole;
            Err(match goes_back && !muxer.is_seekable() {
                true => HeaderFailure::NotSeekable,
                false => HeaderFailure::Refused(code),
            })
        }
        Err(code) => Err(HeaderFailure::Output(code)),
    }
}

impl HeaderFailure {
    /// What it means for the user.
    pub(super) fn explain(
        &self,
        format: OutputFormat,
        location: &str,
        options: &OutputOptions,
        input: &InputDescription,
        fates: &[Fate],
    ) -> MediaError {
        match self {
            Self::Output(code) => write_error(location, *code),
            Self::Refused(code) => refused_header(format, *code, options, input, fates),
            Self::NotSeekable => MediaError::Output {
                output: location.to_owned(),
                problem: format!("{} goes back to its beginning at the end, and pipes cannot", format.name()),
                remedy: "use matroska, mpegts or nut, or add --muxer-opt movflags=frag_keyframe+empty_moov"
                    .to_owned(),
            },
            Self::UnknownOptions(names) => MediaError::Option {
                option: "--muxer-opt".to_owned(),
                problem: format!("{} does not know {}", format.name(), names.join(", ")),
                remedy: format!("`ffmpeg -h muxer={}` lists its options", format.name()),
            },
        }
    }
}

/// Our defaults for the muxer, then the user's.
fn muxer_options(
    muxer: &mut Muxer,
    location: &str,
    options: &OutputOptions,
    video: TimeBase,
) -> Vec<(String, String)> {
    let mut settings: Vec<(String, String)> = Vec::new();
    if muxer.format().name() == "mpegts" {
        // Otherwise every time stamp is put off by 1.4 s.
        muxer.set_max_delay(0);
        muxer.set_avoid_negative_ts(AVFMT_AVOID_NEG_TS_DISABLED);
        settings.push(("mpegts_copyts".to_owned(), "1".to_owned()));
    }
    if is_m2ts(muxer.format(), location, options) {
        settings.push((M2TS_OPTION.to_owned(), "1".to_owned()));
    }
    if matches!(muxer.format().name(), "mp4" | "mov" | "ipod") {
        // Late starts are stored in ticks of the movie, whose default of a millisecond rounds them.
        settings.push(("movie_timescale".to_owned(), video.den.max(1000).to_string()));
    }
    settings.extend(options.muxer_options.iter().cloned());
    settings
}
