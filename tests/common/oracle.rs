//! What FFmpeg's own tools say of a clip.

use std::path::Path;
use std::process::Command;

/// The lines that `ffprobe` prints for `entries` of the selected streams, its fields separated by commas.
pub fn probe(clip: &Path, streams: &str, entries: &str) -> Vec<String> {
    let output = Command::new("ffprobe")
        .args(["-v", "quiet", "-select_streams", streams, "-show_entries", entries, "-of", "csv=p=0"])
        .arg(clip)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.trim_end_matches(',').to_owned()).filter(|line| !line.is_empty()).collect()
}

/// Time stamps of the decoded frames of the first video stream.
pub fn frame_times(clip: &Path) -> Vec<i64> {
    let lines = probe(clip, "v:0", "frame=best_effort_timestamp");
    // Side data of frames adds fields behind the first.
    lines.iter().filter_map(|line| line.split(',').next()?.parse().ok()).collect()
}

/// Time stamp and size of a stream's packets.
pub fn packets(clip: &Path, stream: &str) -> Vec<(i64, usize)> {
    let fields = |line: &String| {
        let (pts, size) = line.split_once(',').unwrap();
        (pts.parse().unwrap(), size.split(',').next().unwrap().parse().unwrap())
    };
    probe(clip, stream, "packet=pts,size").iter().map(fields).collect()
}

/// All frames of the first video stream as FFmpeg decodes them into `pixel_format`, with further output options.
pub fn decoded(clip: &Path, pixel_format: &str, options: &[&str]) -> Vec<u8> {
    decoded_from(&[], clip, pixel_format, options)
}

/// As [`decoded`], with input options.
pub fn decoded_from(input: &[&str], clip: &Path, pixel_format: &str, options: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-noautorotate"])
        .args(input)
        .arg("-i")
        .arg(clip)
        .args(["-map", "0:v:0"])
        .args(options)
        .args(["-fps_mode", "passthrough", "-pix_fmt", pixel_format, "-f", "rawvideo", "-"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
