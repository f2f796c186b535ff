//! Decoding in hardware: what is asked for, what is there, and what is used.

use super::MediaError;
use super::decoder_choice::Decoders;
use super::ffi_encode::VideoCodec;
use super::ffi_hwaccel::{Device, DeviceKind, hardware_encoders, surfaces_of};
use super::library;
use ffmpeg_next as ffmpeg;

/// Kinds that decode faster than a processor, the likelier first.
const PREFERRED: [&str; 8] = ["cuda", "videotoolbox", "d3d11va", "vaapi", "qsv", "vulkan", "dxva2", "vdpau"];

/// Where video is decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HardwareDecoding {
    /// On the processor.
    #[default]
    Off,
    /// On the first device that works and knows the codec, else on the processor, as where it fails on the stream.
    Auto,
    /// On a device of this kind, else on the processor where it does not know the codec or fails on the stream.
    On {
        /// FFmpeg's name: `cuda`, `vaapi`, ...
        kind: String,
        /// Which one, as FFmpeg names it (`0`, `/dev/dri/renderD128`); the first one if `None`.
        device: Option<String>,
    },
}

impl std::str::FromStr for HardwareDecoding {
    type Err = String;

    /// Reads `off`, `auto`, `KIND` or `KIND:DEVICE`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, device) = match text {
            "off" => return Ok(Self::Off),
            "auto" => return Ok(Self::Auto),
            _ => text.split_once(':').map_or((text, None), |(kind, device)| (kind, Some(device))),
        };
        let device = device.filter(|device| !device.is_empty()).map(str::to_owned);
        match find(kind) {
            Some(kind) => Ok(Self::On { kind: kind.name().to_owned(), device }),
            None => Err(unknown(kind)),
        }
    }
}

fn unknown(kind: &str) -> String {
    let known: Vec<&str> = DeviceKind::all().map(DeviceKind::name).collect();
    format!("expected off, auto or one of {}, found {kind}", known.join(", "))
}

fn find(name: &str) -> Option<DeviceKind> {
    DeviceKind::all().find(|kind| kind.name() == name)
}

/// What decodes a stream.
pub(super) struct Chosen {
    pub(super) codec: ffmpeg::Codec,
    /// Where, if not on the processor.
    pub(super) device: Option<Device>,
    /// Why on the processor although a device was asked for.
    pub(super) problem: Option<String>,
}

/// Chooses one of a stream's decoders and its device. What was tried in vain is told.
///
/// # Errors
/// [`MediaError::Option`] if a device that was named cannot be opened, or FFmpeg knows no such kind.
pub(super) fn choose(
    input: &str,
    decoders: &Decoders,
    asked: &HardwareDecoding,
) -> Result<Chosen, MediaError> {
    let on_processor = |problem| Chosen { codec: decoders.usual, device: None, problem };
    match asked {
        HardwareDecoding::Off => Ok(on_processor(None)),
        HardwareDecoding::Auto => Ok(first_that_works(decoders).unwrap_or_else(|problem| {
            tracing::warn!("{input}: {} is decoded on the processor: {problem}", decoders.codec);
            on_processor(Some(problem))
        })),
        HardwareDecoding::On { kind, device } => {
            let found = find(kind).ok_or_else(|| MediaError::Option {
                option: "--hwaccel".to_owned(),
                problem: unknown(kind),
                remedy: "`framecast doctor` lists what is there".to_owned(),
            })?;
            let Some(codec) = decoders.on(found) else {
                let problem = format!("{kind} does not decode {}", decoders.codec);
                tracing::warn!("{input}: {problem}; the processor does");
                return Ok(on_processor(Some(problem)));
            };
            let device = Device::open(found, device.as_deref()).map_err(|error| MediaError::Option {
                option: "--hwaccel".to_owned(),
                problem: format!(
                    "expected {kind} to work{}, found that it cannot be opened ({error})",
                    device.as_ref().map(|device| format!(" on {device}")).unwrap_or_default()
                ),
                remedy: format!("{}, or use --hwaccel off", remedy(kind)),
            })?;
            Ok(Chosen { codec, device: Some(device), problem: None })
        }
    }
}

/// The likeliest device that can be opened, or why there is none.
fn first_that_works(decoders: &Decoders) -> Result<Chosen, String> {
    let mut reasons = Vec::new();
    for kind in PREFERRED.into_iter().filter_map(find) {
        let Some(codec) = decoders.on(kind) else { continue };
        match Device::open(kind, None) {
            Ok(device) => return Ok(Chosen { codec, device: Some(device), problem: None }),
            Err(error) => reasons.push(format!("{} cannot be opened ({error})", kind.name())),
        }
    }
    Err(if reasons.is_empty() { "no device knows the codec".to_owned() } else { reasons.join(", ") })
}

/// The device for an encoder that takes pictures on one only.
///
/// # Errors
/// [`MediaError::Option`] if none can be opened.
pub(super) fn encoding_device(encoder: VideoCodec) -> Result<Option<Device>, MediaError> {
    if encoder.takes_host_pictures() {
        return Ok(None);
    }
    let Some((kind, _)) = surfaces_of(encoder.as_ptr()) else { return Ok(None) };
    Device::open(kind, None).map(Some).map_err(|error| MediaError::Option {
        option: "--codec".to_owned(),
        problem: format!(
            "expected a {} device for encoder {}, found that none can be opened ({error})",
            kind.name(),
            encoder.name()
        ),
        remedy: format!("{}, or use another encoder, such as libx264", remedy(kind.name())),
    })
}

/// What makes devices of a kind work.
fn remedy(kind: &str) -> &'static str {
    match kind {
        "cuda" => "install NVIDIA's driver with its video libraries",
        "vaapi" | "qsv" => "install the card's VA-API driver and see that /dev/dri/renderD128 may be opened",
        "vulkan" => "install the card's Vulkan driver",
        "vdpau" => "install the card's VDPAU driver and set DISPLAY",
        "drm" => "name the device, such as drm:/dev/dri/card0",
        _ => "install the card's driver",
    }
}

/// A kind of device that FFmpeg was built with.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct HardwareReport {
    /// FFmpeg's name, as for `--hwaccel`.
    pub name: &'static str,
    /// True if a device can be opened.
    pub working: bool,
    /// Why not.
    pub problem: Option<String>,
    /// What helps then.
    pub remedy: Option<&'static str>,
    /// Names of the decoders that can use it.
    pub decoders: Vec<&'static str>,
    /// Names of the encoders that use it; it is not known whether the card has them.
    pub encoders: Vec<&'static str>,
}

/// What FFmpeg can do in hardware here. Opens the first device of each kind.
pub fn hardware_reports() -> Vec<HardwareReport> {
    library::initialise();
    let encoders = hardware_encoders();
    let report = |kind: DeviceKind| {
        let problem = Device::open(kind, None).err().map(|error| error.to_string());
        let name = kind.name();
        let used = encoders.iter().copied().filter(|encoder| device_of_encoder(encoder) == Some(name));
        HardwareReport {
            name,
            working: problem.is_none(),
            remedy: problem.is_some().then(|| remedy(name)),
            problem,
            decoders: kind.decoders(),
            encoders: used.collect(),
        }
    };
    DeviceKind::all().map(report).collect()
}

/// The kind of device that an encoder uses, by its name.
fn device_of_encoder(encoder: &str) -> Option<&'static str> {
    match encoder.rsplit_once('_')?.1 {
        "nvenc" => Some("cuda"),
        "vaapi" => Some("vaapi"),
        "qsv" => Some("qsv"),
        "videotoolbox" => Some("videotoolbox"),
        "amf" | "mf" => Some("d3d11va"),
        "vulkan" => Some("vulkan"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::print_stdout, reason = "a test says why it is skipped")]

    use super::super::ffi_frame;
    use super::super::ffi_hwaccel::{download, is_on_device};
    use super::super::ffi_surfaces::Surfaces;
    use super::*;
    use ffmpeg::format::Pixel;
    use ffmpeg::frame::Video;

    fn codec(name: &str) -> ffmpeg::Codec {
        library::initialise();
        ffmpeg::decoder::find_by_name(name).unwrap()
    }

    fn decoders(name: &str) -> Decoders {
        Decoders::with_usual(codec(name), name)
    }

    #[test]
    fn kinds_and_devices_are_read_and_others_refused() {
        let on = |device: Option<&str>| {
            Ok(HardwareDecoding::On { kind: "vaapi".into(), device: device.map(str::to_owned) })
        };
        assert_eq!("off".parse(), Ok(HardwareDecoding::Off));
        assert_eq!("auto".parse(), Ok(HardwareDecoding::Auto));
        assert_eq!("vaapi".parse(), on(None));
        assert_eq!("vaapi:/dev/dri/renderD129".parse(), on(Some("/dev/dri/renderD129")));
        let error = "abacus:0".parse::<HardwareDecoding>().unwrap_err();
        assert!(error.contains("off, auto or one of") && error.contains("found abacus"), "{error}");
    }

    #[test]
    fn what_a_device_decodes_is_known_before_it_is_opened() {
        let kind = find("vaapi").unwrap();
        assert!(kind.decodes(&codec("h264")) && kind.decoders().contains(&"hevc"));
        assert!(!kind.decodes(&codec("ffv1")) && !kind.decodes(&codec("libdav1d")));
    }

    #[test]
    fn a_kind_lists_the_decoders_that_it_is_given_to_and_no_wrappers() {
        let Some(kind) = find("cuda") else { return println!("skipped: this FFmpeg has no CUDA") };
        let names = kind.decoders();
        assert!(names.contains(&"h264"), "{names:?}");
        assert!(!names.iter().any(|name| name.ends_with("_cuvid")), "{names:?}");
    }

    #[test]
    fn a_named_device_that_is_not_there_is_an_error_with_its_remedy() {
        let asked: HardwareDecoding = "vaapi:/nonexistent".parse().unwrap();
        let error = choose("in.mkv", &decoders("h264"), &asked).err().unwrap().to_string();
        assert!(
            error.contains("expected vaapi to work on /nonexistent") && error.contains("--hwaccel off"),
            "{error}"
        );
        let chosen = choose("in.mkv", &decoders("ffv1"), &asked).unwrap();
        assert!(chosen.device.is_none() && chosen.codec.name() == "ffv1");
        assert_eq!(chosen.problem.as_deref(), Some("vaapi does not decode ffv1"));
        let nowhere = HardwareDecoding::On { kind: "abacus".into(), device: None };
        let error = choose("in.mkv", &decoders("h264"), &nowhere).err().unwrap().to_string();
        assert!(error.contains("found abacus"), "{error}");
    }

    #[test]
    fn every_kind_says_whether_it_works_or_what_helps() {
        let reports = hardware_reports();
        assert_eq!(reports.len(), DeviceKind::all().count());
        for report in reports {
            assert_eq!(report.working, report.problem.is_none() && report.remedy.is_none(), "{report:?}");
            assert_eq!(report.working, Device::open(find(report.name).unwrap(), None).is_ok(), "{report:?}");
        }
    }

    /// What comes back from a device is what went there, whichever card it is: here Vulkan's, which processors have too.
    #[test]
    fn a_picture_comes_back_from_a_device_as_it_was() {
        library::initialise();
        let device = match Device::open(find("vulkan").unwrap(), None) {
            Ok(device) => device,
            Err(error) => return println!("skipped: no Vulkan device can be opened ({error})"),
        };
        for format in [Pixel::NV12, Pixel::P010LE] {
            let mut picture = Video::new(format, 70, 38);
            for plane in 0..2 {
                for (index, byte) in picture.data_mut(plane).iter_mut().enumerate() {
                    *byte = (index * 7 + plane) as u8;
                }
            }
            picture.set_pts(Some(1234));
            let vulkan = ffi_frame::pixel_by_name("vulkan").unwrap();
            let surfaces = Surfaces::new(&device, (vulkan.into(), format.into()), (70, 38));
            let there = surfaces.and_then(|surfaces| surfaces.upload(&picture));
            let there = match there {
                Ok(there) => there,
                Err(code) => return println!("skipped: this Vulkan device takes no {format:?} ({code})"),
            };
            assert!(is_on_device(&there) && !is_on_device(&picture));
            let mut back = Video::empty();
            download(&there, &mut back).unwrap();
            assert!(!is_on_device(&back));
            assert_eq!((back.format(), back.width(), back.height()), (format, 70, 38));
            assert_eq!(back.pts(), Some(1234));
            let bytes = if format == Pixel::NV12 { 70 } else { 140 };
            for (plane, rows) in [(0, 38), (1, 19)] {
                for y in 0..rows {
                    let row = |frame: &Video| ffi_frame::row(frame, plane, y, bytes).map(<[u8]>::to_vec);
                    assert_eq!(row(&back), row(&picture), "{format:?} plane {plane} row {y}");
                }
            }
        }
    }
}
