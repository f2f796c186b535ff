//! `framecast devices`.

use super::answer::answer;
use clap::Args;
use framecast::media::{CAMERA_FORMAT, Camera, cameras};

/// Lists cameras and what they give: pixel formats or codecs, sizes and frames a second.
#[derive(Args, Debug)]
pub(super) struct DevicesArgs {
    /// Writes one JSON array instead of text [default: off]
    #[arg(long)]
    json: bool,
}

/// Lists them on standard output; returns the exit code.
pub(super) fn devices(arguments: &DevicesArgs) -> u8 {
    let cameras = cameras();
    let text = if arguments.json {
        serde_json::to_string_pretty(&cameras).unwrap_or_default() + "\n"
    } else {
        text(&cameras)
    };
    answer(&text, 0)
}

fn text(cameras: &[Camera]) -> String {
    let mut lines: Vec<String> = cameras.iter().flat_map(lines).collect();
    if cameras.is_empty() && CAMERA_FORMAT == "v4l2" {
        lines.push("no camera was found (no /dev/video* that captures)".into());
    } else if cameras.is_empty() {
        lines.push(format!(
            "this system's cameras are listed by: ffmpeg -f {CAMERA_FORMAT} -list_devices true -i \"\""
        ));
    }
    lines.push("without a camera: framecast live -f lavfi -i testsrc2=s=640x360:r=30 -o - -f null".into());
    lines.join("\n") + "\n"
}

fn lines(camera: &Camera) -> Vec<String> {
    let Camera { location, name, format, modes, problem } = camera;
    let mut lines = vec![format!("{location}  {name}  (-f {format} -i {location})")];
    for mode in modes {
        let rates: Vec<String> = mode.rates.iter().map(ToString::to_string).collect();
        let rates = if rates.is_empty() { "any".into() } else { rates.join(", ") };
        let (width, height) = (mode.width, mode.height);
        lines.push(format!("  {:10} {width:>5} x {height:<5} {rates} frames/s", mode.pixel_format));
    }
    lines.extend(problem.iter().map(|problem| format!("  cannot be asked: {problem}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use framecast::media::{CameraMode, CameraRate};

    #[test]
    fn cameras_are_listed_with_all_that_chooses_a_mode() {
        let camera = Camera {
            location: "/dev/video0".into(),
            name: "Integrated Camera".into(),
            format: "v4l2".into(),
            modes: vec![CameraMode {
                pixel_format: "mjpeg".into(),
                width: 1280,
                height: 720,
                rates: vec![CameraRate { frames: 30, seconds: 1 }, CameraRate { frames: 15, seconds: 2 }],
            }],
            problem: None,
        };
        let text = text(&[camera]);
        assert!(text.starts_with("/dev/video0  Integrated Camera  (-f v4l2 -i /dev/video0)\n"), "{text}");
        assert!(text.contains("mjpeg       1280 x 720   30/1, 15/2 frames/s"), "{text}");
    }
}
