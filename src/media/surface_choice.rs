//! Whether an encoder is given its pictures where finished frames lie, and how they lie there.

use super::encoder_choice::EncoderChoice;
use super::encoder_pixel::{Component, PixelLayout};
use super::ffi_encode::VideoCodec;
use super::ffi_hwaccel::{Device, DeviceKind, surfaces_of};
use super::options::OutputOptions;
use super::stream::Delivered;
use crate::frame::{MemoryPlace, SurfaceComponent, SurfaceLayout};

/// Where an encoder gets its pictures.
#[derive(Default)]
pub(super) struct Placement {
    /// How they lie on a device, if it takes them there.
    pub(super) surface: Option<SurfaceLayout>,
    /// Why it does not, or not all of them, although it could; `None` for encoders that take none on a card.
    pub(super) problem: Option<String>,
}

impl Placement {
    /// In host memory for the rest, or all, of the run.
    pub(super) fn in_host_memory(problem: String) -> Self {
        Self { surface: None, problem: Some(problem) }
    }
}

/// True for encoders that take pictures in CUDA's memory as well as in the host's.
pub(super) fn takes_pictures_on_card(codec: VideoCodec) -> bool {
    let kind = surfaces_of(codec.as_ptr()).map(|(kind, _)| kind);
    kind.map(DeviceKind::name) == Some("cuda") && codec.takes_host_pictures()
}

/// The device on which `choice` is to encode and how its pictures hold frames as they are `delivered`.
///
/// # Errors
/// Why they must come in host memory.
pub(super) fn device_for_frames(
    choice: &EncoderChoice,
    options: &OutputOptions,
    delivered: &Delivered,
) -> Result<(Device, SurfaceLayout), String> {
    let Some(place @ MemoryPlace::Cuda(index)) = options.frames_at else {
        return Err("the kernels' results are not on a CUDA device".into());
    };
    if let Some(other) = named_card(options).filter(|card| *card != index.to_string()) {
        return Err(format!("the kernels work on CUDA device {index}, the encoder on {other}"));
    }
    let Some(components) = components_for(choice, delivered) else {
        let (layout, format) = (choice.layout.name, delivered.format);
        return Err(format!("the processor makes {layout} pictures of {format} frames"));
    };
    let Some((kind, _)) = surfaces_of(choice.codec.as_ptr()) else {
        return Err(format!("{} takes no pictures on a device", choice.codec.name()));
    };
    let device = Device::open(kind, Some(&index.to_string()))
        .map_err(|error| format!("CUDA device {index} cannot be opened for encoding ({error})"))?;
    if device.place() != Some(place) {
        return Err(format!("the encoder's memory on CUDA device {index} is apart from that of the kernels"));
    }
    Ok((device, SurfaceLayout { place, components }))
}

/// The card that the user names for NVENC.
fn named_card(options: &OutputOptions) -> Option<&str> {
    let named = options.encoder_options.iter().rev().find(|(key, _)| key == "gpu");
    named.map(|(_, card)| card.as_str()).filter(|card| *card != "any" && *card != "-1")
}

/// Where the pictures have each plane of a frame, if they hold the same samples.
fn components_for(choice: &EncoderChoice, delivered: &Delivered) -> Option<Vec<SurfaceComponent>> {
    let EncoderChoice { layout, color, .. } = choice;
    let PixelLayout { is_rgb, is_palette, is_big_endian, components, .. } = layout;
    let is_converted = *is_rgb || *is_palette || color.range != delivered.color.range;
    let (format, swaps) = (delivered.format, *is_big_endian != cfg!(target_endian = "big"));
    let has_same_samples =
        |component: &Component| component.depth == format.depth && component.bytes() == format.sample_bytes();
    let fits = components.len() == format.plane_count() && components.iter().all(has_same_samples);
    let is_wide = format.sample_bytes() > 1;
    if is_converted || !fits || (is_wide && swaps) {
        return None;
    }
    Some(components.iter().map(Component::on_surface).collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::print_stdout, reason = "a test says why it is skipped")]

    use super::super::ffi_encode::pixel_layout_by_name;
    use super::super::library;
    use super::*;
    use crate::frame::{Color, PixelFormat, Range, Rational, Subsampling};

    fn choice(codec: VideoCodec, pixel: &str, depth: u8) -> (EncoderChoice, Delivered) {
        let format = PixelFormat::yuv(Subsampling::S420, depth);
        let color = Color::default();
        let choice = EncoderChoice {
            codec,
            layout: pixel_layout_by_name(pixel).unwrap(),
            delivered_format: format,
            color,
            options: Vec::new(),
            notes: Vec::new(),
        };
        let sample_aspect_ratio = Rational::new(1, 1);
        (choice, Delivered { width: 64, height: 64, format, color, sample_aspect_ratio })
    }

    fn refusal(choice: &EncoderChoice, delivered: &Delivered, options: &OutputOptions) -> String {
        device_for_frames(choice, options, delivered).err().unwrap()
    }

    #[test]
    fn an_encoder_that_cannot_have_frames_on_the_card_says_why() {
        library::initialise();
        let Some(codec) = VideoCodec::find("h264_nvenc") else { return println!("skipped: no h264_nvenc") };
        assert!(takes_pictures_on_card(codec));
        assert!(!takes_pictures_on_card(VideoCodec::find("libx264").unwrap()));
        let (planar, delivered) = choice(codec, "yuv420p", 8);
        let mut options = OutputOptions::default();
        assert!(refusal(&planar, &delivered, &options).contains("not on a CUDA device"));
        options.frames_at = Some(MemoryPlace::Cuda(3));
        let reason = refusal(&planar, &delivered, &options);
        assert!(reason.starts_with("CUDA device 3 cannot be opened for encoding"), "{reason}");
        let (rgb, delivered) = choice(codec, "bgr0", 8);
        assert_eq!(
            refusal(&rgb, &delivered, &options),
            "the processor makes bgr0 pictures of yuv420p frames"
        );
        let other_range = EncoderChoice { color: Color { range: Range::Full, ..planar.color }, ..planar };
        assert!(refusal(&other_range, &delivered, &options).contains("the processor makes yuv420p"));
        options.encoder_options.push(("gpu".into(), "1".into()));
        let reason = refusal(&other_range, &delivered, &options);
        assert_eq!(reason, "the kernels work on CUDA device 3, the encoder on 1");
        options.encoder_options.push(("gpu".into(), "any".into()));
        assert!(!refusal(&other_range, &delivered, &options).contains("the encoder on"));
    }

    #[test]
    fn components_are_those_of_the_encoders_format() {
        library::initialise();
        let codec = VideoCodec::find("libx264").unwrap();
        let (deep, delivered) = choice(codec, "p010le", 10);
        let component = |plane, step, offset| SurfaceComponent { plane, step, offset, shift: 6 };
        let expected = vec![component(0, 2, 0), component(1, 4, 0), component(1, 4, 2)];
        assert_eq!(components_for(&deep, &delivered), Some(expected));
        let (shallow, _) = choice(codec, "nv12", 8);
        assert_eq!(components_for(&shallow, &delivered), None);
    }
}
