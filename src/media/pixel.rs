//! How each of FFmpeg's pixel formats is brought into ours.

use super::ffi_frame::PixelDescription;
use crate::frame::{Model, PixelFormat, Subsampling};

/// What a decoder's pixel format needs to become planar and native-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Grey or YUV samples: planes are copied, packed and foreign-endian samples are taken apart; nothing is lost.
    Native(PixelFormat),
    /// Red, green and blue in any packing: converted to full-range BT.709 4:4:4.
    Rgb {
        /// True if there is alpha.
        alpha: bool,
    },
    /// A format that swscale must bring into the named one first.
    Convert(&'static str),
    /// A surface that is not in host memory.
    Unsupported,
}

impl Layout {
    /// The layout of a pixel format.
    pub(super) fn of(pixel: &PixelDescription) -> Self {
        if pixel.is_hardware() {
            return Self::Unsupported;
        }
        if pixel.is_palette() {
            return Self::Rgb { alpha: pixel.has_alpha() };
        }
        if let Some(name) = intermediate(pixel) {
            return Self::Convert(name);
        }
        if pixel.is_rgb() || pixel.is_bitstream() {
            return Self::Rgb { alpha: pixel.has_alpha() };
        }
        native(pixel).map_or(Self::Convert("yuv444p16"), Self::Native)
    }

    /// The format that frames of this layout are delivered in.
    pub(super) fn delivered(&self) -> Option<PixelFormat> {
        match self {
            Self::Native(format) => Some(*format),
            Self::Rgb { alpha } => {
                Some(PixelFormat { model: Model::Yuv(Subsampling::S444), depth: 16, alpha: *alpha })
            }
            Self::Convert(_) | Self::Unsupported => None,
        }
    }
}

/// The format into which swscale brings formats whose samples cannot be read as integers.
fn intermediate(pixel: &PixelDescription) -> Option<&'static str> {
    // CIE XYZ counts as RGB in FFmpeg's flags, or as nothing, by version.
    let is_xyz = pixel.name.starts_with("xyz");
    if is_xyz || pixel.is_bayer() || (pixel.is_rgb() && (pixel.is_float() || deepest(pixel) > 16)) {
        return Some(if pixel.has_alpha() { "gbrap16" } else { "gbrp16" });
    }
    if pixel.is_float() {
        return Some("gray16");
    }
    // This 4:1:1 packing has an uneven distance between luma samples, which FFmpeg's description cannot express.
    (pixel.name == "uyyvyy411").then_some("yuv411p")
}

fn deepest(pixel: &PixelDescription) -> u8 {
    pixel.components.iter().map(|component| component.depth).max().unwrap_or(0)
}

/// The planar format that holds a grey or YUV format's samples without loss.
fn native(pixel: &PixelDescription) -> Option<PixelFormat> {
    let alpha = pixel.has_alpha();
    let model = match pixel.components.len() - usize::from(alpha) {
        1 => Model::Gray,
        3 => Model::Yuv(Subsampling { x: pixel.chroma.0, y: pixel.chroma.1 }),
        _ => return None,
    };
    let depth = deepest(pixel);
    let is_even = pixel.components.iter().all(|component| component.depth == depth);
    (is_even && (8..=16).contains(&depth)).then_some(PixelFormat { model, depth, alpha })
}
