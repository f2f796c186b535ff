//! Opening a container, and saying in one line why that is not possible.

use super::ending;
use super::ffi_frame;
use super::ffi_input::{self, OpenFailure, OpenedInput};
#[cfg(target_os = "linux")]
use super::ffi_stdin::StandardInput;
use super::{InputOptions, Interrupt, MediaError};
use ffmpeg_next as ffmpeg;
use std::io::Read;
use std::path::Path;

/// Opens `location` with libavformat and reads its streams' headers.
///
/// # Errors
/// [`MediaError::Input`] if it cannot be read, [`MediaError::Option`] for options that are missing or wrong,
/// [`MediaError::Interrupted`].
pub(super) fn open(
    location: &str,
    options: &InputOptions,
    interrupt: &Interrupt,
) -> Result<OpenedInput, MediaError> {
    let format = options.format.as_deref().or_else(|| camera_format(location));
    let reads_device = format.is_some_and(is_device);
    if !reads_device {
        check_file(location)?;
    }
    check_raw_video(location, options)?;
    let url = match location {
        "-" => "pipe:0".to_owned(),
        // The names of devices, and filter graphs, are no files.
        name if reads_device => name.to_owned(),
        // FFmpeg would take what stands before a colon for a protocol.
        name if is_local(name) && name.contains(':') => format!("file:{name}"),
        name => name.to_owned(),
    };
    let settings = demuxer_options(options, format);
    let opened = match location {
        #[cfg(target_os = "linux")]
        "-" => open_standard_input(&url, format, &settings, interrupt),
        _ => ffi_input::open_input(&url, None, format, &settings, interrupt),
    };
    match opened {
        Ok(mut opened) => {
            check_unused(options, &opened.unused)?;
            // Reading what lies at a file's end may have replaced the beginning in memory.
            if !reads_device && opened.head.is_empty() && Path::new(location).is_file() {
                opened.head = head(location);
            }
            Ok(opened)
        }
        Err(_) if interrupt.is_triggered() => Err(MediaError::Interrupted),
        Err(failure) => Err(explain(location, options, &failure)),
    }
}

#[cfg(target_os = "linux")]
fn open_standard_input(
    url: &str,
    format: Option<&str>,
    settings: &[(String, String)],
    interrupt: &Interrupt,
) -> Result<OpenedInput, OpenFailure> {
    let StandardInput { stream, head } =
        StandardInput::open(interrupt, ending::HEAD).map_err(OpenFailure::Open)?;
    let mut opened = ffi_input::open_input(url, Some(stream), format, settings, interrupt)?;
    if opened.head.is_empty() {
        opened.head = head;
    }
    Ok(opened)
}

/// FFmpeg's demuxer for a location that is a camera by its name alone.
pub fn camera_format(location: &str) -> Option<&'static str> {
    let number = location.strip_prefix("/dev/video")?;
    number.bytes().all(|digit| digit.is_ascii_digit()).then_some("v4l2")
}

/// True if FFmpeg's demuxer of this name reads a device, or a filter graph, instead of a file.
pub fn is_device(format: &str) -> bool {
    const DEVICES: [&str; 14] = [
        "lavfi",
        "v4l2",
        "video4linux2",
        "x11grab",
        "xcbgrab",
        "avfoundation",
        "dshow",
        "gdigrab",
        "kmsgrab",
        "fbdev",
        "decklink",
        "iec61883",
        "libdc1394",
        "android_camera",
    ];
    DEVICES.contains(&format)
}

/// True if `location` is read from a network.
pub fn is_network(location: &str) -> bool {
    const PROTOCOLS: [&str; 16] = [
        "rtsp", "rtsps", "rtmp", "rtmps", "rtmpt", "udp", "rtp", "srtp", "srt", "tcp", "tls", "http",
        "https", "mmst", "rist", "hls",
    ];
    !is_local(location)
        && location.split_once(':').is_some_and(|(protocol, _)| {
            let first = protocol.split('+').next().unwrap_or_default();
            PROTOCOLS.contains(&first.to_ascii_lowercase().as_str())
        })
}

/// True if `location` names a file of this machine rather than a URL or a pipe.
pub(super) fn is_local(location: &str) -> bool {
    location != "-" && (Path::new(location).exists() || !has_protocol(location))
}

fn has_protocol(location: &str) -> bool {
    let Some((protocol, _)) = location.split_once(':') else {
        return false;
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | ',');
    // One letter is a drive.
    protocol.len() > 1 && protocol.chars().all(is_name)
}

/// Says what is wrong with a local file before FFmpeg does, which is less clear.
///
/// # Errors
/// [`MediaError::Input`] if it is missing, a directory or empty.
pub(super) fn check_file(location: &str) -> Result<(), MediaError> {
    // A pattern for picture sequences names no file itself.
    if !is_local(location) || location.contains('%') || location.contains('*') {
        return Ok(());
    }
    let metadata = std::fs::metadata(location).map_err(|error| unreadable(location, &error))?;
    if metadata.is_dir() {
        return Err(wrong(
            location,
            "is a directory",
            "name a file in it, or a picture sequence such as frame%05d.png",
        ));
    }
    if metadata.is_file() && metadata.len() == 0 {
        return Err(wrong(location, "is an empty file", "check that it was copied or recorded completely"));
    }
    Ok(())
}

/// What the system said when a file was opened.
pub(super) fn unreadable(location: &str, error: &std::io::Error) -> MediaError {
    match error.kind() {
        std::io::ErrorKind::NotFound => wrong(location, "no such file", "check the path"),
        std::io::ErrorKind::PermissionDenied => {
            wrong(location, "permission denied", "check who may read the file")
        }
        _ => wrong(location, &format!("cannot be opened ({error})"), "check the path"),
    }
}

/// [`MediaError::Input`] in short.
pub(super) fn wrong(location: &str, problem: &str, remedy: &str) -> MediaError {
    MediaError::Input { input: location.to_owned(), problem: problem.to_owned(), remedy: remedy.to_owned() }
}

/// Raw video says nothing of itself, so the user must.
fn check_raw_video(location: &str, options: &InputOptions) -> Result<(), MediaError> {
    let is_raw = match options.format.as_deref() {
        Some(format) => format == "rawvideo",
        None => {
            let extension = Path::new(location).extension().and_then(|extension| extension.to_str());
            is_local(location) && extension.is_some_and(|extension| extension.eq_ignore_ascii_case("yuv"))
        }
    };
    let missing = |option: &str, example: &str| MediaError::Option {
        option: option.to_owned(),
        problem: "is missing; raw video does not say it itself".to_owned(),
        remedy: format!("give it, for example {option} {example}"),
    };
    if !is_raw {
        return Ok(());
    }
    if options.video_size.is_none() {
        return Err(missing("--video-size", "1280x720"));
    }
    if options.pixel_format.is_none() {
        return Err(missing("--input-pix-fmt", "yuv420p"));
    }
    if options.rate.is_none() {
        return Err(missing("--rate", "30000/1001"));
    }
    match options.pixel_format.as_deref() {
        Some(name) if ffi_frame::pixel_by_name(name).is_none() => Err(MediaError::Option {
            option: "--input-pix-fmt".to_owned(),
            problem: format!("FFmpeg has no pixel format {name}"),
            remedy: "ffmpeg -pix_fmts lists them".to_owned(),
        }),
        _ => Ok(()),
    }
}

fn demuxer_options(options: &InputOptions, format: Option<&str>) -> Vec<(String, String)> {
    let mut all = Vec::new();
    if let Some((width, height)) = options.video_size {
        all.push(("video_size".to_owned(), format!("{width}x{height}")));
    }
    if let Some(rate) = options.rate {
        all.push(("framerate".to_owned(), rate.to_string()));
    }
    if let Some(pixel_format) = &options.pixel_format {
        // V4L2 takes codecs here too, as some cameras give MJPEG.
        let is_v4l2 = matches!(format, Some("v4l2" | "video4linux2"));
        let name = if is_v4l2 { "input_format" } else { "pixel_format" };
        all.push((name.to_owned(), pixel_format.clone()));
    }
    all.extend(options.options.iter().cloned());
    all
}

/// The user's options that only raw video, cameras and the like have, where the input took none of them.
pub(super) fn ineffective(unused: &[String]) -> Vec<&'static str> {
    const OPTIONS: [(&str, &str); 4] = [
        ("video_size", "--video-size"),
        ("framerate", "--rate"),
        ("pixel_format", "--input-pix-fmt"),
        ("input_format", "--input-pix-fmt"),
    ];
    let is_unused = |key: &str| unused.iter().any(|name| name == key);
    OPTIONS.iter().filter(|(key, _)| is_unused(key)).map(|(_, option)| *option).collect()
}

/// An option of the user's own that neither demuxer nor protocol took is a mistake worth saying.
fn check_unused(options: &InputOptions, unused: &[String]) -> Result<(), MediaError> {
    let is_unused = |(key, _): &&(String, String)| unused.contains(key);
    match options.options.iter().find(is_unused) {
        Some((key, _)) => Err(MediaError::Option {
            option: format!("--input-option {key}"),
            problem: "neither the demuxer nor the protocol of the input has this option".to_owned(),
            remedy: "ffmpeg -h demuxer=NAME lists a demuxer's options".to_owned(),
        }),
        None => Ok(()),
    }
}

fn explain(location: &str, options: &InputOptions, failure: &OpenFailure) -> MediaError {
    let invalid = ffmpeg::Error::InvalidData;
    match failure {
        OpenFailure::UnknownFormat => MediaError::Option {
            option: "--input-format".to_owned(),
            problem: format!("FFmpeg has no demuxer {}", options.format.as_deref().unwrap_or_default()),
            remedy: "ffmpeg -demuxers lists them".to_owned(),
        },
        OpenFailure::Open(_) if options.format.as_deref() == Some("lavfi") => wrong(
            location,
            "FFmpeg cannot build this filter graph",
            "check the names and options of its filters; ffmpeg -filters lists them",
        ),
        OpenFailure::Nul => wrong(location, "the name or an option holds a NUL character", "remove it"),
        OpenFailure::Open(
            ffmpeg::Error::OptionNotFound | ffmpeg::Error::Other { errno: ffmpeg::error::EINVAL },
        ) => wrong(
            location,
            "the demuxer or protocol refuses the given options",
            "check the input options' names and values",
        ),
        OpenFailure::Open(ffmpeg::Error::ProtocolNotFound) => {
            let remedy = format!("ffmpeg -protocols lists them; a file of this name is ./{location}");
            wrong(location, "FFmpeg does not know this protocol", &remedy)
        }
        OpenFailure::Open(error) if *error == invalid && is_mp4(location) => wrong(
            location,
            "the MP4 index (moov atom) is missing or damaged",
            "the recording was cut off or is still being written; repair it from a sound recording of the same device",
        ),
        OpenFailure::Open(error) if *error == invalid || *error == ffmpeg::Error::Eof => wrong(
            location,
            "is no video in a format that FFmpeg knows",
            "check the file, or name its demuxer if it is one without a header",
        ),
        OpenFailure::Open(error) => wrong(
            location,
            &format!("cannot be opened ({error})"),
            match camera_format(location) {
                Some(_) => "`framecast devices` lists the cameras that are there",
                None => "check the name and that it can be reached",
            },
        ),
        OpenFailure::Streams(error) => wrong(
            location,
            &format!("its streams cannot be read ({error})"),
            "the file is damaged or cut off",
        ),
    }
}

fn head(location: &str) -> Vec<u8> {
    let mut head = Vec::new();
    let file = std::fs::File::open(location);
    let _ = file.and_then(|file| file.take(ending::HEAD as u64).read_to_end(&mut head));
    head
}

/// True if the file begins like MP4 or QuickTime.
fn is_mp4(location: &str) -> bool {
    let mut head = [0; 8];
    let read = std::fs::File::open(location).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && matches!(head.get(4..8), Some(b"ftyp" | b"mdat" | b"moov" | b"wide" | b"free" | b"skip"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_from_file_names() {
        for url in
            ["-", "pipe:3", "http://host/a.mp4", "rtsp://host", "file:a.mp4", "concat:a|b", "http+unix://x"]
        {
            assert!(!is_local(url), "{url}");
        }
        for file in
            ["a.mp4", "/tmp/12:30.mp4", "a dir/b:c.mkv", "C:\\a.mp4", "frame%05d.png", "gr\u{fc}n:1.mp4"]
        {
            assert!(is_local(file), "{file}");
        }
    }
}
