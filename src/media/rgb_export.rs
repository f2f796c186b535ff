//! Exact conversion of a planar frame to RGB, row by row, in double precision.

use crate::frame::{Color, Frame, PixelFormat, Plane, Range};

/// The two chroma samples around a luma position, and the weight of the second.
#[derive(Clone, Copy)]
struct Tap {
    first: usize,
    second: usize,
    weight: f64,
}

/// Converts frames of one format and size. Chroma is interpolated linearly by its siting.
pub(super) struct RgbConverter {
    format: PixelFormat,
    luma: Scale,
    chroma: Scale,
    /// Red of Cr, green of Cb, green of Cr, blue of Cb.
    matrix: [f64; 4],
    columns: Vec<Tap>,
    rows: Vec<Tap>,
    /// Red, green and blue of the row that was converted last, 0 to 1.
    row: [Vec<f64>; 3],
}

/// From code values to -0.5..0.5 (chroma) or 0..1 (luma).
#[derive(Clone, Copy)]
struct Scale {
    zero: f64,
    factor: f64,
}

impl RgbConverter {
    pub(super) fn new(format: PixelFormat, color: Color, (width, height): (u32, u32)) -> Self {
        let (kr, kb) = color.resolved_matrix(width, height).weights();
        let kg = 1.0 - kr - kb;
        let (red, blue) = (2.0 * (1.0 - kr), 2.0 * (1.0 - kb));
        let subsampling = format.subsampling();
        let (x, y) = color.siting.position();
        let (chroma_width, chroma_height) = match format.color_planes() {
            3 => format.plane_size(1, width, height),
            _ => (width, height),
        };
        Self {
            format,
            luma: luma_scale(format.depth, color.range),
            chroma: chroma_scale(format.depth, color.range),
            matrix: [red, -blue * kb / kg, -red * kr / kg, blue],
            columns: taps(width, chroma_width, subsampling.x, x),
            rows: taps(height, chroma_height, subsampling.y, y),
            row: std::array::from_fn(|_| vec![0.0; width as usize]),
        }
    }

    /// Red, green and blue of row `y`, 0 to 1.
    pub(super) fn convert(&mut self, frame: &Frame, y: usize) -> &[Vec<f64>; 3] {
        let [red, green, blue] = &mut self.row;
        let luma = self.luma;
        let Some(luma_plane) = frame.planes().first() else { return &self.row };
        for (target, code) in green.iter_mut().zip(samples(luma_plane, y)) {
            *target = (f64::from(code) - luma.zero) * luma.factor;
        }
        let chroma_planes = (frame.planes().get(1), frame.planes().get(2));
        let (3, (Some(cb), Some(cr)), Some(&tap)) =
            (self.format.color_planes(), chroma_planes, self.rows.get(y))
        else {
            red.copy_from_slice(green);
            blue.copy_from_slice(green);
            return &self.row;
        };
        let chroma = self.chroma;
        let [red_cr, green_cb, green_cr, blue_cb] = self.matrix;
        let cb_rows = (RowRef::new(cb, tap.first), RowRef::new(cb, tap.second));
        let cr_rows = (RowRef::new(cr, tap.first), RowRef::new(cr, tap.second));
        let targets = red.iter_mut().zip(green.iter_mut()).zip(blue.iter_mut());
        for (((r, g), b), column) in targets.zip(&self.columns) {
            let cb = (interpolate(cb_rows, *column, tap.weight) - chroma.zero) * chroma.factor;
            let cr = (interpolate(cr_rows, *column, tap.weight) - chroma.zero) * chroma.factor;
            let luma = *g;
            *r = luma + red_cr * cr;
            *g = luma + green_cb * cb + green_cr * cr;
            *b = luma + blue_cb * cb;
        }
        &self.row
    }
}

fn luma_scale(depth: u8, range: Range) -> Scale {
    let unit = f64::from(1u32 << (depth - 8));
    match range {
        Range::Limited => Scale { zero: 16.0 * unit, factor: 1.0 / (219.0 * unit) },
        Range::Full => Scale { zero: 0.0, factor: 1.0 / (256.0 * unit - 1.0) },
    }
}

fn chroma_scale(depth: u8, range: Range) -> Scale {
    let unit = f64::from(1u32 << (depth - 8));
    let span = match range {
        Range::Limited => 224.0 * unit,
        Range::Full => 256.0 * unit - 1.0,
    };
    Scale { zero: 128.0 * unit, factor: 1.0 / span }
}

/// The code value of full or limited range for each code value of the other, for luma and for chroma.
pub(super) fn range_tables(depth: u8, from: Range, to: Range) -> [Vec<u16>; 2] {
    let max = f64::from((1u32 << depth) - 1);
    let table = |from: Scale, to: Scale| {
        let convert = |code: u32| ((f64::from(code) - from.zero) * from.factor / to.factor + to.zero).round();
        (0..1u32 << depth).map(|code| convert(code).clamp(0.0, max) as u16).collect()
    };
    [
        table(luma_scale(depth, from), luma_scale(depth, to)),
        table(chroma_scale(depth, from), chroma_scale(depth, to)),
    ]
}

/// Where each of `count` luma positions falls among `chroma_count` samples, each of which covers `2^shift` positions
/// and lies at `position` (0 to 1) among them.
fn taps(count: u32, chroma_count: u32, shift: u8, position: f64) -> Vec<Tap> {
    let factor = f64::from(1u32 << shift);
    let last = f64::from(chroma_count.saturating_sub(1));
    (0..count)
        .map(|luma| {
            let at = ((f64::from(luma) - position * (factor - 1.0)) / factor).clamp(0.0, last);
            let first = at.floor();
            Tap { first: first as usize, second: (first + 1.0).min(last) as usize, weight: at - first }
        })
        .collect()
}

/// A row of samples of either size.
#[derive(Clone, Copy)]
enum RowRef<'a> {
    Bytes(&'a [u8]),
    Words(&'a [u16]),
}

impl<'a> RowRef<'a> {
    fn new(plane: &'a Plane, y: usize) -> Self {
        match plane.sample_bytes {
            1 => Self::Bytes(plane.row_u8(y)),
            _ => Self::Words(plane.row_u16(y)),
        }
    }

    fn at(self, x: usize) -> f64 {
        match self {
            Self::Bytes(row) => row.get(x).copied().map_or(0.0, f64::from),
            Self::Words(row) => row.get(x).copied().map_or(0.0, f64::from),
        }
    }
}

fn interpolate((upper, lower): (RowRef<'_>, RowRef<'_>), column: Tap, weight: f64) -> f64 {
    let along = |row: RowRef<'_>| {
        row.at(column.first) * (1.0 - column.weight) + row.at(column.second) * column.weight
    };
    along(upper) * (1.0 - weight) + along(lower) * weight
}

/// The samples of a row, whatever their size.
pub(super) fn samples(plane: &Plane, y: usize) -> impl Iterator<Item = u16> {
    let (bytes, words): (&[u8], &[u16]) = match plane.sample_bytes {
        1 => (plane.row_u8(y), &[]),
        _ => (&[], plane.row_u16(y)),
    };
    bytes.iter().map(|sample| u16::from(*sample)).chain(words.iter().copied())
}
