//! From the planar frames of the pipeline to the pictures that an encoder wants: packing, range, RGB.

use super::encoder_pixel::{Component, PixelLayout};
use super::ffi_picture::{Picture, PlaneMut};
use super::rgb_export::{RgbConverter, range_tables, samples};
use crate::frame::{Color, Frame, PixelFormat, Plane};

/// Fills pictures of one layout from frames of one format.
pub(super) struct FrameExport {
    layout: PixelLayout,
    format: PixelFormat,
    conversion: Conversion,
}

enum Conversion {
    /// The layouts are the same.
    Rows,
    /// Samples go elsewhere, and through a table (luma's, chroma's) if the range changes.
    Samples(Option<[Vec<u16>; 2]>),
    /// To RGB.
    Rgb(Box<RgbConverter>),
    /// To a fixed palette of 6 x 6 x 6 colours with ordered dither.
    Palette(Box<RgbConverter>),
}

impl FrameExport {
    /// `format` and `color` are the frames', `encoded` is the colour of the pictures, `size` that of both.
    pub(super) fn new(
        layout: PixelLayout,
        format: PixelFormat,
        color: Color,
        encoded: Color,
        size: (u32, u32),
    ) -> Self {
        let converter = || Box::new(RgbConverter::new(format, color, size));
        let tables =
            (color.range != encoded.range).then(|| range_tables(format.depth, color.range, encoded.range));
        let conversion = match () {
            () if layout.is_palette => Conversion::Palette(converter()),
            () if layout.is_rgb => Conversion::Rgb(converter()),
            () if tables.is_none() && layout.name == native_name(format) => Conversion::Rows,
            () => Conversion::Samples(tables),
        };
        Self { layout, format, conversion }
    }

    /// Writes the samples of `frame` into `picture`.
    pub(super) fn fill(&mut self, frame: &Frame, picture: &mut Picture) {
        match &mut self.conversion {
            Conversion::Rows => copy_rows(frame, picture),
            Conversion::Samples(tables) => {
                scatter_frame(frame, self.format, &self.layout, tables.as_ref(), picture);
            }
            Conversion::Rgb(converter) => scatter_rgb(frame, self.format, &self.layout, converter, picture),
            Conversion::Palette(converter) => {
                write_palette(picture.palette_mut());
                dither_to_palette(frame, converter, picture.plane_mut(0));
            }
        }
    }
}

/// FFmpeg's name of a planar format in this machine's byte order.
fn native_name(format: PixelFormat) -> String {
    let order = if cfg!(target_endian = "big") { "be" } else { "le" };
    if format.depth > 8 { format!("{format}{order}") } else { format.to_string() }
}

fn copy_rows(frame: &Frame, picture: &mut Picture) {
    for (index, plane) in frame.planes().iter().enumerate() {
        let target = picture.plane_mut(index);
        for (to, from) in target.bytes.chunks_mut(target.stride).zip(plane.rows()) {
            if let Some(to) = to.get_mut(..from.len()) {
                to.copy_from_slice(from);
            }
        }
    }
}

fn scatter_frame(
    frame: &Frame,
    format: PixelFormat,
    layout: &PixelLayout,
    tables: Option<&[Vec<u16>; 2]>,
    picture: &mut Picture,
) {
    let has_color = layout.has_color();
    for (index, component) in layout.components.iter().enumerate() {
        let is_alpha = layout.has_alpha && index + 1 == layout.components.len();
        let is_chroma = has_color && !is_alpha && index > 0;
        let table = tables.filter(|_| !is_alpha).map(|[luma, chroma]| if is_chroma { chroma } else { luma });
        let plane = source_plane(frame, format, index, is_alpha);
        let filler = if is_alpha { u16::MAX >> (16 - component.depth) } else { 1 << (component.depth - 1) };
        let big_endian = layout.is_big_endian;
        let target = picture.plane_mut(component.plane);
        for (y, row) in target.bytes.chunks_mut(target.stride).enumerate() {
            match (plane, table) {
                (None, _) => {
                    let width = filled_width(frame.info.width, layout, is_chroma);
                    scatter(row, component, big_endian, std::iter::repeat_n(filler, width));
                }
                (Some(plane), None) => scatter(row, component, big_endian, samples(plane, y)),
                (Some(plane), Some(table)) => {
                    let mapped =
                        samples(plane, y).map(|code| table.get(usize::from(code)).copied().unwrap_or(code));
                    scatter(row, component, big_endian, mapped);
                }
            }
        }
    }
}

/// The frame's plane for a component, if it has one: grey frames have no chroma, most have no alpha.
fn source_plane(frame: &Frame, format: PixelFormat, index: usize, is_alpha: bool) -> Option<&Plane> {
    match is_alpha {
        true => frame.planes().get(format.color_planes()).filter(|_| format.alpha),
        false => frame.planes().get(index).filter(|_| index < format.color_planes()),
    }
}

fn filled_width(width: u32, layout: &PixelLayout, is_chroma: bool) -> usize {
    let shift = if is_chroma { layout.subsampling.0 } else { 0 };
    width.div_ceil(1 << shift) as usize
}

fn scatter_rgb(
    frame: &Frame,
    format: PixelFormat,
    layout: &PixelLayout,
    converter: &mut RgbConverter,
    picture: &mut Picture,
) {
    let big_endian = layout.is_big_endian;
    for y in 0..frame.info.height as usize {
        let rgb = converter.convert(frame, y);
        for (component, values) in layout.components.iter().zip(rgb) {
            let codes = values.iter().map(|value| quantize(*value, component.depth));
            scatter_row(picture.plane_mut(component.plane), y, component, big_endian, codes);
        }
        let Some(component) = layout.components.get(3).filter(|_| layout.has_alpha) else { continue };
        let target = picture.plane_mut(component.plane);
        match source_plane(frame, format, 3, true) {
            Some(plane) => {
                let (from, to) = (max_code(format.depth), max_code(component.depth));
                let codes = samples(plane, y).map(|code| ((u32::from(code) * to + from / 2) / from) as u16);
                scatter_row(target, y, component, big_endian, codes);
            }
            None => {
                let opaque =
                    std::iter::repeat_n(u16::MAX >> (16 - component.depth), frame.info.width as usize);
                scatter_row(target, y, component, big_endian, opaque);
            }
        }
    }
}

const fn max_code(depth: u8) -> u32 {
    (1 << depth) - 1
}

/// 0 to 1 as a code value, rounded to nearest.
pub(super) fn quantize(value: f64, depth: u8) -> u16 {
    (value.clamp(0.0, 1.0) * f64::from(max_code(depth))).round() as u16
}

fn scatter_row(
    target: PlaneMut<'_>,
    y: usize,
    component: &Component,
    big_endian: bool,
    codes: impl Iterator<Item = u16>,
) {
    let rows = target.bytes.chunks_mut(target.stride);
    if let Some(row) = rows.into_iter().nth(y) {
        scatter(row, component, big_endian, codes);
    }
}

/// Writes one component's samples into a row of packed or planar pixels.
fn scatter(row: &mut [u8], component: &Component, big_endian: bool, codes: impl Iterator<Item = u16>) {
    let size = component.bytes();
    let Some(row) = row.get_mut(component.offset..) else { return };
    for (pixel, code) in row.chunks_mut(component.step.max(1)).zip(codes) {
        let code = code << component.shift;
        match (pixel, size, big_endian) {
            ([low, ..], 1, _) => *low = code as u8,
            ([first, second, ..], _, true) => [*first, *second] = code.to_be_bytes(),
            ([first, second, ..], _, false) => [*first, *second] = code.to_le_bytes(),
            _ => {}
        }
    }
}

/// Levels per channel of the fixed palette.
const LEVELS: u16 = 6;

fn write_palette(palette: &mut [u8]) {
    for (index, entry) in palette.chunks_exact_mut(4).enumerate() {
        let index = u32::try_from(index).unwrap_or_default().min(215);
        let level = |place: u32| index / place % u32::from(LEVELS) * 51;
        let argb = 0xff00_0000 | level(36) << 16 | level(6) << 8 | level(1);
        entry.copy_from_slice(&argb.to_ne_bytes());
    }
}

/// Bayer's 4 x 4 thresholds.
const THRESHOLDS: [[f64; 4]; 4] =
    [[0.0, 8.0, 2.0, 10.0], [12.0, 4.0, 14.0, 6.0], [3.0, 11.0, 1.0, 9.0], [15.0, 7.0, 13.0, 5.0]];

fn dither_to_palette(frame: &Frame, converter: &mut RgbConverter, target: PlaneMut<'_>) {
    for (y, row) in target.bytes.chunks_mut(target.stride).take(frame.info.height as usize).enumerate() {
        let [red, green, blue] = converter.convert(frame, y);
        let thresholds = THRESHOLDS.iter().cycle().nth(y % 4).into_iter().flatten().cycle();
        let pixels = row.iter_mut().zip(red).zip(green).zip(blue).zip(thresholds);
        for ((((index, red), green), blue), threshold) in pixels {
            let offset = (threshold + 0.5) / 16.0;
            let level = |value: f64| {
                let scaled = value.clamp(0.0, 1.0) * f64::from(LEVELS - 1) + offset;
                (scaled.floor() as u16).min(LEVELS - 1)
            };
            *index = ((level(*red) * LEVELS + level(*green)) * LEVELS + level(*blue)) as u8;
        }
    }
}
