//! One frame as one picture file.

use super::color_profile;
use super::frame_export::quantize;
use super::rgb_export::{RgbConverter, samples};
use super::turn::Turn;
use crate::frame::{Color, Frame, Model, PixelFormat};
use image::codecs::{
    bmp::BmpEncoder, jpeg::JpegEncoder, png::PngEncoder, tiff::TiffEncoder, webp::WebPEncoder,
};
use image::{ExtendedColorType, ImageEncoder, ImageError, ImageResult};
use std::io::Cursor;

/// A picture file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PictureKind {
    Png,
    Jpeg,
    WebP,
    Tiff,
    Bmp,
}

impl PictureKind {
    /// By a file name's extension.
    pub(super) fn from_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "png" => Some(Self::Png),
            "jpg" | "jpeg" => Some(Self::Jpeg),
            "webp" => Some(Self::WebP),
            "tif" | "tiff" => Some(Self::Tiff),
            "bmp" => Some(Self::Bmp),
            _ => None,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::WebP => "webp",
            Self::Tiff => "tiff",
            Self::Bmp => "bmp",
        }
    }

    pub(super) const fn holds_alpha(self) -> bool {
        !matches!(self, Self::Jpeg)
    }

    pub(super) const fn max_depth(self) -> u8 {
        if matches!(self, Self::Png | Self::Tiff) { 16 } else { 8 }
    }
}

/// Encodes frames of one format and size.
pub(super) struct PictureEncoder {
    kind: PictureKind,
    format: PixelFormat,
    /// Bits per sample in the file, 8 or 16.
    depth: u8,
    /// JPEG's quality, 1 to 100.
    quality: u8,
    turn: Turn,
    converter: RgbConverter,
    pixels: Vec<u8>,
    turned: Vec<u8>,
    file: Cursor<Vec<u8>>,
}

impl PictureEncoder {
    pub(super) fn new(
        kind: PictureKind,
        format: PixelFormat,
        color: Color,
        size: (u32, u32),
        depth: u8,
        quality: u8,
        turn: Turn,
    ) -> Self {
        let converter = RgbConverter::new(format, color, size);
        let (pixels, turned, file) = (Vec::new(), Vec::new(), Cursor::new(Vec::new()));
        Self { kind, format, depth, quality, turn, converter, pixels, turned, file }
    }

    /// True if the file can hold this colour profile, and it describes what is written.
    pub(super) fn keeps(&self, profile: &[u8]) -> bool {
        self.kind != PictureKind::Bmp && color_profile::describes(profile, self.channels() == 1)
    }

    /// FFmpeg's name for what is stored.
    pub(super) fn pixel_format(&self) -> &'static str {
        match (self.channels(), self.depth) {
            (1, 8) => "gray",
            (1, _) => "gray16",
            (3, 8) => "rgb24",
            (3, _) => "rgb48",
            (_, 8) => "rgba",
            _ => "rgba64",
        }
    }

    fn channels(&self) -> usize {
        match (self.format.model, self.format.alpha) {
            (Model::Gray, false) => 1,
            (_, false) => 3,
            (_, true) => 4,
        }
    }

    /// The bytes of the file.
    pub(super) fn encode(&mut self, frame: &Frame) -> ImageResult<&[u8]> {
        self.pack(frame);
        self.file.get_mut().clear();
        self.file.set_position(0);
        let size = self.turn(frame);
        let profile = color_profile::of(&frame.info.side_data).filter(|profile| self.keeps(profile));
        let color = match (self.channels(), self.depth) {
            (1, 8) => ExtendedColorType::L8,
            (1, _) => ExtendedColorType::L16,
            (3, 8) => ExtendedColorType::Rgb8,
            (3, _) => ExtendedColorType::Rgb16,
            (_, 8) => ExtendedColorType::Rgba8,
            _ => ExtendedColorType::Rgba16,
        };
        let content = Content { pixels: &self.pixels, size, color, profile };
        let file = &mut self.file;
        match self.kind {
            PictureKind::Png => content.write(PngEncoder::new(file))?,
            PictureKind::Jpeg => content.write(JpegEncoder::new_with_quality(file, self.quality))?,
            PictureKind::WebP => content.write(WebPEncoder::new_lossless(file))?,
            PictureKind::Tiff => content.write(TiffEncoder::new(file))?,
            PictureKind::Bmp => content.write(BmpEncoder::new(file))?,
        }
        Ok(self.file.get_ref())
    }

    /// Turns what was packed as it is to be shown; gives width and height.
    fn turn(&mut self, frame: &Frame) -> (u32, u32) {
        let size = (frame.info.width, frame.info.height);
        if self.turn != Turn::default() {
            let bytes = self.channels() * usize::from(self.depth / 8);
            self.turn.apply(&self.pixels, size, bytes, &mut self.turned);
            std::mem::swap(&mut self.pixels, &mut self.turned);
        }
        self.turn.size(size)
    }

    /// Interleaves the frame's channels, in native byte order.
    fn pack(&mut self, frame: &Frame) {
        let channels = self.channels();
        let sample = usize::from(self.depth / 8);
        let row_bytes = frame.info.width as usize * channels * sample;
        self.pixels.resize(row_bytes * frame.info.height as usize, 0);
        let alpha_plane = frame.planes().get(self.format.color_planes()).filter(|_| self.format.alpha);
        let max = f64::from(self.format.max_value());
        for (y, row) in self.pixels.chunks_exact_mut(row_bytes.max(1)).enumerate() {
            let rgb = self.converter.convert(frame, y);
            for (channel, values) in rgb.iter().take(channels).enumerate() {
                place(row, channel, channels, self.depth, values.iter().copied());
            }
            if let Some(plane) = alpha_plane {
                let alpha = samples(plane, y).map(|code| f64::from(code) / max);
                place(row, 3, channels, self.depth, alpha);
            }
        }
    }
}

/// What a file holds.
struct Content<'a> {
    pixels: &'a [u8],
    size: (u32, u32),
    color: ExtendedColorType,
    profile: Option<&'a [u8]>,
}

impl Content<'_> {
    fn write(self, mut encoder: impl ImageEncoder) -> ImageResult<()> {
        if let Some(profile) = self.profile {
            encoder.set_icc_profile(profile.to_vec()).map_err(ImageError::Unsupported)?;
        }
        let (width, height) = self.size;
        encoder.write_image(self.pixels, width, height, self.color)
    }
}

/// Writes one channel of a row of interleaved pixels.
fn place(row: &mut [u8], channel: usize, channels: usize, depth: u8, values: impl Iterator<Item = f64>) {
    let sample = usize::from(depth / 8);
    for (pixel, value) in row.chunks_exact_mut(channels * sample).zip(values) {
        let code = quantize(value, depth);
        match pixel.get_mut(channel * sample..) {
            Some([first, second, ..]) if sample == 2 => [*first, *second] = code.to_ne_bytes(),
            Some([first, ..]) => *first = code as u8,
            _ => {}
        }
    }
}
