//! Cameras that can be captured, and what they give.

use crate::frame::Rational;
use serde::Serialize;

/// A camera.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Camera {
    /// What the input is called: a path, or a name.
    pub location: String,
    /// Its name for people.
    pub name: String,
    /// FFmpeg's demuxer for it.
    pub format: String,
    /// What it gives; empty where the system does not tell.
    pub modes: Vec<CameraMode>,
    /// Why its modes are not known, if they are not.
    pub problem: Option<String>,
}

/// A way in which a camera gives pictures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CameraMode {
    /// Codec or pixel format, by FFmpeg's name where it has one, else by its four characters.
    pub pixel_format: String,
    /// Width in pixels; of a range the largest.
    pub width: u32,
    /// Height in pixels; of a range the largest.
    pub height: u32,
    /// Frames a second, the highest first; of a range the ends.
    pub rates: Vec<CameraRate>,
}

/// Frames a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CameraRate {
    /// Frames.
    pub frames: i32,
    /// In so many seconds.
    pub seconds: i32,
}

impl std::fmt::Display for CameraRate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", Rational::new(self.frames, self.seconds))
    }
}

/// FFmpeg's demuxer for the cameras of this system.
pub const CAMERA_FORMAT: &str = if cfg!(target_os = "macos") {
    "avfoundation"
} else if cfg!(target_os = "windows") {
    "dshow"
} else {
    "v4l2"
};

/// Names that FFmpeg gives to the four characters of V4L2.
const PIXEL_FORMATS: [(&str, &str); 12] = [
    ("YUYV", "yuyv422"),
    ("UYVY", "uyvy422"),
    ("MJPG", "mjpeg"),
    ("JPEG", "mjpeg"),
    ("H264", "h264"),
    ("HEVC", "hevc"),
    ("NV12", "nv12"),
    ("NV21", "nv21"),
    ("YU12", "yuv420p"),
    ("422P", "yuv422p"),
    ("RGB3", "rgb24"),
    ("GREY", "gray"),
];

#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "other systems do not tell modes"))]
fn pixel_format(characters: &str) -> String {
    let characters = characters.trim();
    let known = PIXEL_FORMATS.iter().find(|(code, _)| *code == characters);
    known.map_or_else(|| characters.to_owned(), |(_, name)| (*name).to_owned())
}

/// The cameras of this system, in the order of their names. Where the system does not tell (all but Linux), none:
/// FFmpeg lists them with `-list_devices true`.
pub fn cameras() -> Vec<Camera> {
    #[cfg(target_os = "linux")]
    return linux::cameras();
    #[cfg(not(target_os = "linux"))]
    return Vec::new();
}

#[cfg(target_os = "linux")]
mod linux {
    use super::{CAMERA_FORMAT, Camera, CameraMode, CameraRate, pixel_format};
    use std::io;
    use std::path::Path;
    use v4l::capability::Flags;
    use v4l::frameinterval::FrameIntervalEnum;
    use v4l::framesize::FrameSizeEnum;
    use v4l::video::Capture;
    use v4l::{Device, FourCC};

    pub(super) fn cameras() -> Vec<Camera> {
        let names = std::fs::read_dir("/dev").into_iter().flatten().flatten();
        let mut numbers: Vec<u32> = names
            .filter_map(|entry| entry.file_name().to_str()?.strip_prefix("video")?.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers.into_iter().filter_map(|number| camera(&format!("/dev/video{number}"))).collect()
    }

    /// `None` for nodes that capture nothing: outputs, and the metadata of cameras.
    fn camera(path: &str) -> Option<Camera> {
        let camera = |name: String| Camera {
            location: path.to_owned(),
            name,
            format: CAMERA_FORMAT.to_owned(),
            modes: Vec::new(),
            problem: None,
        };
        let looked_at = Device::with_path(Path::new(path)).and_then(|device| {
            let capabilities = device.query_caps()?;
            Ok((device, capabilities))
        });
        match looked_at {
            Ok((device, capabilities)) => {
                if !capabilities.capabilities.contains(Flags::VIDEO_CAPTURE) {
                    return None;
                }
                let found = camera(capabilities.card);
                Some(match modes(&device) {
                    Ok(modes) => Camera { modes, ..found },
                    Err(error) => Camera { problem: Some(error.to_string()), ..found },
                })
            }
            Err(error) => Some(Camera { problem: Some(error.to_string()), ..camera(String::new()) }),
        }
    }

    fn modes(device: &Device) -> io::Result<Vec<CameraMode>> {
        let mut modes = Vec::new();
        for format in Capture::enum_formats(device)? {
            let name = pixel_format(&format.fourcc.to_string());
            for size in Capture::enum_framesizes(device, format.fourcc)? {
                let (width, height) = match size.size {
                    FrameSizeEnum::Discrete(size) => (size.width, size.height),
                    FrameSizeEnum::Stepwise(range) => (range.max_width, range.max_height),
                };
                let rates = rates(device, format.fourcc, width, height);
                modes.push(CameraMode { pixel_format: name.clone(), width, height, rates });
            }
        }
        Ok(modes)
    }

    /// None where the camera does not tell.
    fn rates(device: &Device, fourcc: FourCC, width: u32, height: u32) -> Vec<CameraRate> {
        let intervals = Capture::enum_frameintervals(device, fourcc, width, height).unwrap_or_default();
        let rate = |interval: v4l::Fraction| CameraRate {
            frames: i32::try_from(interval.denominator).unwrap_or(i32::MAX),
            seconds: i32::try_from(interval.numerator).unwrap_or(i32::MAX),
        };
        let ends = intervals.into_iter().flat_map(|interval| match interval.interval {
            FrameIntervalEnum::Discrete(interval) => vec![rate(interval)],
            FrameIntervalEnum::Stepwise(range) => vec![rate(range.min), rate(range.max)],
        });
        let mut rates: Vec<CameraRate> = ends.collect();
        // a/b > c/d
        rates.sort_by_key(|rate| {
            std::cmp::Reverse(i64::from(rate.frames) * 1000 / i64::from(rate.seconds.max(1)))
        });
        rates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_ffmpegs_names() {
        assert_eq!(pixel_format("YUYV"), "yuyv422");
        assert_eq!(pixel_format("MJPG"), "mjpeg");
        assert_eq!(pixel_format("Y16 "), "Y16");
    }
}
