//! What `ffprobe` and `ffmpeg` say about a file.

use super::clip::ffmpeg;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// A number as numerator and denominator in lowest terms.
pub(crate) type Fraction = (i64, i64);

/// Streams, chapters and tags of a file.
#[derive(Debug)]
pub(crate) struct Probe(Value);

impl Probe {
    /// Asks `ffprobe`.
    pub(crate) fn new(path: &Path) -> Self {
        Self(ffprobe(path, "-show_streams -show_chapters -show_format"))
    }

    /// All streams of a kind (`video`, `audio`, `subtitle`, `attachment`).
    pub(crate) fn streams(&self, kind: &str) -> Vec<&Value> {
        self.0["streams"].as_array().unwrap().iter().filter(|stream| stream["codec_type"] == kind).collect()
    }

    /// The first video stream.
    pub(crate) fn video(&self) -> &Value {
        self.streams("video")[0]
    }

    /// Width and height of the first video stream.
    pub(crate) fn size(&self) -> (i64, i64) {
        let side = |name: &str| self.video()[name].as_i64().unwrap();
        (side("width"), side("height"))
    }

    /// Values of a tag in all streams of a kind.
    pub(crate) fn tags(&self, kind: &str, tag: &str) -> Vec<String> {
        self.streams(kind).iter().map(|stream| text(&stream["tags"][tag])).collect()
    }

    /// Values of a disposition in all streams of a kind.
    pub(crate) fn dispositions(&self, kind: &str, name: &str) -> Vec<i64> {
        self.streams(kind).iter().map(|stream| stream["disposition"][name].as_i64().unwrap()).collect()
    }

    /// Start, end (in seconds, as text) and title of every chapter.
    pub(crate) fn chapters(&self) -> Vec<(String, String, String)> {
        let chapters = self.0["chapters"].as_array().unwrap();
        let entry = |chapter: &Value| {
            (text(&chapter["start_time"]), text(&chapter["end_time"]), text(&chapter["tags"]["title"]))
        };
        chapters.iter().map(entry).collect()
    }

    /// Name of the container.
    pub(crate) fn format(&self) -> String {
        text(&self.0["format"]["format_name"])
    }

    /// A tag of the whole file.
    pub(crate) fn tag(&self, name: &str) -> String {
        text(&self.0["format"]["tags"][name])
    }
}

/// Presentation times in seconds of a stream's decoded frames, in order of presentation.
pub(crate) fn frame_times(path: &Path, stream: &str) -> Vec<Fraction> {
    times(path, stream, "frames", "frame=pts")
}

/// Presentation times in seconds of a stream's packets, sorted.
pub(crate) fn packet_times(path: &Path, stream: &str) -> Vec<Fraction> {
    let mut times = times(path, stream, "packets", "packet=pts");
    times.sort_by_key(|&(num, den)| i128::from(num) * 1_000_000_000 / i128::from(den));
    times
}

/// The first presentation time of a stream in seconds.
pub(crate) fn start_time(path: &Path, stream: &str) -> f64 {
    let (num, den) = packet_times(path, stream)[0];
    num as f64 / den as f64
}

/// A hash of every selected stream's packets.
pub(crate) fn stream_hashes(path: &Path, map: &str) -> Vec<String> {
    hashes(path, &format!("-map {map} -c copy -f streamhash -hash md5 -"))
}

/// A hash of a stream's decoded contents in a given form (`-pix_fmt ...`), or in its own.
pub(crate) fn decoded_hash(path: &Path, map: &str, options: &str) -> String {
    hashes(path, &format!("-map {map} {options} -fps_mode passthrough -f md5 -")).concat()
}

/// The samples of the video as they were stored.
pub(crate) fn raw(path: &Path) -> Vec<u8> {
    let output =
        ffmpeg().arg("-i").arg(path).args(["-map", "0:v:0", "-f", "rawvideo", "-"]).output().unwrap();
    output.stdout
}

/// True if no sample differs by more than a code value; wide ones have two bytes.
pub(crate) fn agree(found: &[u8], expected: &[u8], is_wide: bool) -> bool {
    let near = |found: u16, expected: u16| found.abs_diff(expected) <= 1;
    let wide = |bytes: &[u8]| u16::from_le_bytes([bytes[0], bytes[1]]);
    found.len() == expected.len()
        && if is_wide {
            found.chunks_exact(2).zip(expected.chunks_exact(2)).all(|(a, b)| near(wide(a), wide(b)))
        } else {
            found.iter().zip(expected).all(|(a, b)| near(u16::from(*a), u16::from(*b)))
        }
}

/// Text of a subtitle stream as SubRip.
pub(crate) fn texts(path: &Path, stream: &str) -> String {
    let arguments = format!("-map 0:{stream} -f srt -");
    let output = ffmpeg().arg("-i").arg(path).args(arguments.split_whitespace()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// PSNR in dB of a component (`y`, `u`, `v`) of two files; `filter` is applied to the first.
pub(crate) fn psnr(path: &Path, filter: &str, reference: &Path, component: char) -> f64 {
    let graph = format!("[0:v]{filter}[a];[a][1:v]psnr");
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-hide_banner", "-i"])
        .arg(path)
        .arg("-i")
        .arg(reference)
        .args(["-lavfi", &graph, "-f", "null", "-"])
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = log.lines().rfind(|line| line.contains("PSNR")).unwrap_or_else(|| panic!("{log}"));
    let value = line.split(&format!(" {component}:")).nth(1).unwrap().split(' ').next().unwrap();
    value.parse().unwrap()
}

/// A fraction such as `30000/1001` as `ffprobe` prints it.
pub(crate) fn fraction(text: &str) -> Fraction {
    let (num, den) = text.split_once(['/', ':']).unwrap();
    reduced(num.parse().unwrap(), den.parse().unwrap())
}

/// What `ffprobe OPTIONS` prints as JSON.
fn ffprobe(path: &Path, options: &str) -> Value {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-of", "json"])
        .args(options.split_whitespace())
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn times(path: &Path, stream: &str, list: &str, entry: &str) -> Vec<Fraction> {
    let options = format!("-select_streams {stream} -show_entries {entry}:stream=time_base");
    let answer = ffprobe(path, &options);
    let (num, den) = fraction(answer["streams"][0]["time_base"].as_str().unwrap());
    let times = answer[list].as_array().unwrap().iter();
    times.filter_map(|entry| entry["pts"].as_i64()).map(|pts| reduced(pts * num, den)).collect()
}

fn hashes(path: &Path, arguments: &str) -> Vec<String> {
    let output = ffmpeg().arg("-i").arg(path).args(arguments.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.rsplit('=').next().unwrap().to_owned()).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn reduced(num: i64, den: i64) -> Fraction {
    let (mut a, mut b) = (num.abs(), den);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (num / a, den / a)
}
