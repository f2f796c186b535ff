//! What is written where: the muxer for a location, and whether a file, a pipe or a connection receives it.

use super::ffi_encode::VideoCodec;
use super::ffi_output::{OutputFormat, error_text};
use super::open::is_network;
use super::options::OutputOptions;
use super::stream::{InputDescription, StreamKind};
use super::temporary::{TemporaryFile, check_replaceable};
use crate::error::MediaError;
use ffmpeg_next::ffi::{AVERROR_EXIT, AVERROR_PROTOCOL_NOT_FOUND, AVFMT_NOFILE};
use ffmpeg_next::util::error as errno;
use std::path::Path;

/// Standard output.
const STDOUT: &str = "-";

/// Where the bytes go.
pub(super) enum Destination {
    /// A file that appears when it is complete.
    File(TemporaryFile),
    /// A pipe, a connection, a device, or files that the muxer itself names.
    Direct(String),
}

impl Destination {
    /// What to tell the muxer.
    pub(super) fn location(&self) -> String {
        match self {
            // The protocol is spelled out, so that a name like `a:b.mkv` is a file.
            Self::File(file) => format!("file:{}", file.part().display()),
            Self::Direct(location) => location.clone(),
        }
    }
}

/// Chooses the muxer.
pub(super) fn choose_format(
    location: &str,
    options: &OutputOptions,
    input: &InputDescription,
) -> Result<OutputFormat, MediaError> {
    if let Some(name) = &options.format {
        return OutputFormat::find(Some(name), location).ok_or_else(|| MediaError::Option {
            option: "--output-format".to_owned(),
            problem: format!("FFmpeg has no muxer called `{name}`"),
            remedy: "`ffmpeg -muxers` lists them, for example matroska, mp4, mov, mpegts, nut, null"
                .to_owned(),
        });
    }
    let name = match location {
        STDOUT | "pipe:" | "pipe:1" if carries_other_streams(options, input) => Some("matroska"),
        STDOUT | "pipe:" | "pipe:1" => Some("nut"),
        url if url.starts_with("rtmp") => Some("flv"),
        url if ["udp:", "srt:", "tcp:", "rtp:"].iter().any(|scheme| url.starts_with(scheme)) => {
            Some("mpegts")
        }
        _ => None,
    };
    let found = match OutputFormat::find(name, location) {
        // FFmpeg's choice is MPEG-1, which has no shape of a sample but its own few.
        Some(format) if format.name() == "mpeg" && options.codec.as_deref() != Some("mpeg1video") => {
            OutputFormat::find(Some("vob"), location).or(Some(format))
        }
        found => found,
    };
    found.ok_or_else(|| MediaError::Output {
        output: location.to_owned(),
        problem: "its name does not say which format it has".to_owned(),
        remedy: "end it in .mkv, .mp4, .mov, .ts or .png, or name a muxer with --output-format".to_owned(),
    })
}

/// Refuses a container that has no place for the video, before anything about its codec is asked.
pub(super) fn check_holds_video(
    format: OutputFormat,
    location: &str,
    options: &OutputOptions,
) -> Result<(), MediaError> {
    let named = options.codec.as_deref().and_then(VideoCodec::find);
    if format.holds_video() || named.is_some_and(|codec| format.takes(codec.id()) == Some(true)) {
        return Ok(());
    }
    Err(MediaError::Unsupported {
        problem: format!("the container of {location} ({}) holds no video", format.name()),
        remedy: "use -o x.mkv, x.mp4, x.mov, x.webm or x.ts, or --output-format matroska, mp4, mov, webm or mpegts"
            .to_owned(),
    })
}

fn carries_other_streams(options: &OutputOptions, input: &InputDescription) -> bool {
    let mut others = input.streams.iter().filter(|stream| stream.kind != StreamKind::Video);
    others.any(|stream| !is_left_out(stream.kind, options))
}

/// True if the user does not want streams of this kind.
pub(super) const fn is_left_out(kind: StreamKind, options: &OutputOptions) -> bool {
    match kind {
        StreamKind::Video | StreamKind::OtherVideo => false,
        StreamKind::Audio => options.no_audio,
        StreamKind::Subtitle => options.no_subtitles,
        StreamKind::Data => options.no_data,
        StreamKind::Attachment | StreamKind::Picture => options.no_attachments,
    }
}

/// Decides between a file and anything else, and reserves the file.
pub(super) fn choose_destination(
    location: &str,
    format: OutputFormat,
    options: &OutputOptions,
    input: &InputDescription,
) -> Result<Destination, MediaError> {
    if format.name() == "null" {
        return Ok(Destination::Direct(location.to_owned()));
    }
    if location == STDOUT {
        return Ok(Destination::Direct("pipe:1".to_owned()));
    }
    let Some(path) = local_path(location) else { return Ok(Destination::Direct(location.to_owned())) };
    let is_special = std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
    if is_special {
        return Ok(Destination::Direct(location.to_owned()));
    }
    check_replaceable(path, &input.location, options.overwrite)?;
    if format.has_flag(AVFMT_NOFILE) {
        return Ok(Destination::Direct(location.to_owned()));
    }
    TemporaryFile::create(path).map(Destination::File)
}

/// The path of a file, or nothing if the location has another protocol.
pub(super) fn local_path(location: &str) -> Option<&Path> {
    if let Some(path) = location.strip_prefix("file:") {
        return Some(Path::new(path));
    }
    let is_scheme = |scheme: &str| {
        scheme.len() > 1 && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    };
    let protocol = location.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| is_scheme(scheme));
    protocol.is_none().then(|| Path::new(location))
}

/// Whether a format stores frames at a fixed rate, and its readers count them instead of reading time stamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counting {
    /// It stores time stamps.
    No,
    /// Its muxer fills gaps with packets of nothing.
    Filled,
    /// All frames must be there.
    Complete,
}

/// What a format does. (FFmpeg's own flag for this is missing from formats that store any time stamp.)
pub(super) fn counting(format: OutputFormat) -> Counting {
    match format.name() {
        "avi" => Counting::Filled,
        "yuv4mpegpipe" | "mxf" | "mxf_d10" | "mxf_opatom" | "dv" | "gxf" | "swf" => Counting::Complete,
        _ => Counting::No,
    }
}

/// True for a transport stream as Blu-ray has it. FFmpeg goes by the output's name, which is a temporary one here.
pub(super) fn is_m2ts(format: OutputFormat, location: &str, options: &OutputOptions) -> bool {
    if format.name() != "mpegts" {
        return false;
    }
    let asked = options.muxer_options.iter().rev().find(|(key, _)| key == M2TS_OPTION);
    match asked {
        Some((_, value)) => !matches!(value.as_str(), "0" | "false" | "-1" | "auto"),
        None => {
            let extension = Path::new(location).extension();
            extension.is_some_and(|extension| extension.eq_ignore_ascii_case("m2ts"))
        }
    }
}

/// The option of FFmpeg's muxer that makes [`is_m2ts`] true.
pub(super) const M2TS_OPTION: &str = "mpegts_m2ts_mode";

fn is_quota(errno: i32) -> bool {
    std::io::Error::from_raw_os_error(errno).kind() == std::io::ErrorKind::QuotaExceeded
}

/// Where virtual cameras are.
const CAMERAS: &str = "/dev/video";

/// What FFmpeg's error code means of a camera that pictures were to go to.
fn camera_error(location: &str, code: i32) -> MediaError {
    let number = location.strip_prefix(CAMERAS).unwrap_or_default();
    let (problem, remedy) = match code.saturating_neg() {
        errno::ENOENT | errno::ENODEV | errno::ENXIO => (
            "there is no such device".to_owned(),
            format!(
                "a virtual camera is made by v4l2loopback: sudo modprobe v4l2loopback video_nr={number}; \
                 `ls {CAMERAS}*` shows those that are there"
            ),
        ),
        errno::EACCES | errno::EPERM => {
            ("it must not be written".to_owned(), "join its group: sudo usermod -aG video $USER".to_owned())
        }
        _ => (
            format!("it takes no pictures: {}", error_text(code)),
            "write to a virtual camera of v4l2loopback that no other program writes to".to_owned(),
        ),
    };
    MediaError::Output { output: location.to_owned(), problem, remedy }
}

/// What FFmpeg's error code means for the user who named `location`.
pub(super) fn write_error(location: &str, code: i32) -> MediaError {
    let is_pipe = location == STDOUT || location.starts_with("pipe:");
    let errno = code.saturating_neg();
    if code == AVERROR_EXIT {
        return MediaError::Interrupted;
    }
    if errno == errno::EPIPE && is_pipe {
        return MediaError::ClosedPipe;
    }
    let remedy = match errno {
        _ if location.starts_with(CAMERAS) => return camera_error(location, code),
        errno::ENOSPC => "free some space or write to another disk",
        errno::EFBIG => "raise the file size limit or write to another disk",
        _ if is_quota(errno) => "delete files of yours or write to another disk",
        errno::EACCES | errno::EPERM | errno::EROFS => "write to a folder of your own",
        errno::ENOENT => "create the folder first",
        errno::EPIPE | errno::ECONNRESET | errno::ECONNREFUSED | errno::ETIMEDOUT => {
            "see whether the receiver is listening"
        }
        // What SRT says of every refusal.
        errno::EIO if is_network(location) => "see whether the receiver is listening",
        _ if code == AVERROR_PROTOCOL_NOT_FOUND => "use a protocol that `ffmpeg -protocols` lists",
        _ => "try another file or another container, for example -o x.mkv",
    };
    MediaError::Output {
        output: location.to_owned(),
        problem: format!("cannot be written: {}", error_text(code)),
        remedy: remedy.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_goes_with_what_the_output_is() {
        for (location, code, remedy) in [
            ("srt://127.0.0.1:9000", errno::EIO, "see whether the receiver is listening"),
            ("rtmp://127.0.0.1/live", errno::ECONNREFUSED, "see whether the receiver is listening"),
            ("srt://127.0.0.1:9000", errno::EINVAL, "try another file or another container"),
            ("/dev/video77", errno::ENOENT, "sudo modprobe v4l2loopback video_nr=77"),
            ("/dev/video0", errno::EACCES, "sudo usermod -aG video"),
            ("/dev/video0", errno::EINVAL, "a virtual camera of v4l2loopback"),
            ("out.mkv", errno::EIO, "try another file or another container"),
        ] {
            let told = write_error(location, -code).to_string();
            assert!(told.starts_with(location) && told.contains(remedy), "{told}");
        }
    }
}
