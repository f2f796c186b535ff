//! From any matrix, range, depth and siting to what JPEG means: BT.601, full range, 8 bit, chroma in the middle.

use super::ffi_picture::{Picture, PlaneMut};
use super::rgb_export::samples;
use crate::frame::{Color, Frame, Matrix, Model, PixelFormat, Plane, Range, Subsampling};

/// The subsampling of the JPEG picture of a frame; browsers know few.
pub(super) const fn jpeg_subsampling(format: PixelFormat) -> Subsampling {
    match format.model {
        Model::Yuv(Subsampling::S444) => Subsampling::S444,
        Model::Yuv(Subsampling::S422) => Subsampling::S422,
        _ => Subsampling::S420,
    }
}

/// Fills pictures from frames of one format and size.
///
/// Grey has no chroma under any matrix, so chroma depends on chroma alone and needs no enlarging; luma gets a share of
/// both chroma planes, which is none if the matrix stays.
pub(super) struct JpegColor {
    luma: Linear,
    chroma: Linear,
    /// What Cb and Cr (as fractions) add to luma code values, if anything.
    to_luma: Option<[f32; 2]>,
    /// Code values of the new Cb, and of the new Cr, for each of the old two.
    to_chroma: [[f32; 2]; 2],
    across: Shares,
    down: Shares,
    /// Cb, Cr and luma's share of them, of the picture's chroma size.
    planes: [Vec<f32>; 3],
    size: (usize, usize),
    /// A row of chroma size, its ends repeated once.
    row: Vec<f32>,
    /// What chroma adds to a row of luma.
    added: Vec<f32>,
}

/// `code * gain + offset`.
#[derive(Clone, Copy)]
struct Linear {
    gain: f32,
    offset: f32,
}

impl Linear {
    /// Code values that span `span` from `zero`, as 0 to `scale`.
    fn new(zero: f64, span: f64, scale: f64) -> Self {
        Self { gain: (scale / span) as f32, offset: (-zero * scale / span) as f32 }
    }

    fn of(self, code: f32) -> f32 {
        code * self.gain + self.offset
    }
}

/// How luma and chroma positions lie to each other along an axis whose chroma is halved.
#[derive(Clone, Copy)]
struct Shares {
    is_halved: bool,
    /// Of the chroma sample before in an even luma sample, of the one after in an odd one.
    even_before: f32,
    odd_after: f32,
    /// Of the chroma sample before, and after, in one that lies in the middle.
    centred: (f32, f32),
}

impl Shares {
    /// `position` is the chroma samples' among the luma samples that they cover, 0 to 1.
    fn new(is_halved: bool, position: f64) -> Self {
        let position = position as f32;
        let shift = (0.5 - position) / 2.0;
        Self {
            is_halved,
            even_before: position / 2.0,
            odd_after: (1.0 - position) / 2.0,
            centred: ((-shift).max(0.0), shift.max(0.0)),
        }
    }

    /// For luma sample `index`: its chroma sample, its neighbour's index and that one's share.
    fn luma(&self, index: usize) -> (usize, usize, f32) {
        match (self.is_halved, index / 2, index % 2) {
            (false, ..) => (index, index, 0.0),
            (_, chroma, 0) => (chroma, chroma.saturating_sub(1), self.even_before),
            (_, chroma, _) => (chroma, chroma + 1, self.odd_after),
        }
    }
}

impl JpegColor {
    pub(super) fn new(format: PixelFormat, color: Color, (width, height): (u32, u32)) -> Self {
        let unit = f64::from(1u32 << (format.depth - 8));
        let max = f64::from(format.max_value());
        let (luma, chroma) = match color.range {
            Range::Limited => {
                let neutral = Linear::new(128.0 * unit, 224.0 * unit, 1.0);
                (Linear::new(16.0 * unit, 219.0 * unit, 255.0), neutral)
            }
            Range::Full => (Linear::new(0.0, max, 255.0), Linear::new(128.0 * unit, max, 1.0)),
        };
        let (to_luma, to_chroma) = to_bt601(color.resolved_matrix(width, height));
        let (given, wanted) = (format.subsampling(), jpeg_subsampling(format));
        let (x, y) = color.siting.position();
        // Chroma that is thinned out anew is taken as it comes.
        let shares = |given: u8, wanted: u8, position| {
            Shares::new(wanted == 1, if given == wanted { position } else { 0.5 })
        };
        let size = PixelFormat::yuv(wanted, 8).plane_size(1, width, height);
        let size = (size.0 as usize, size.1 as usize);
        Self {
            luma,
            chroma,
            to_luma,
            to_chroma,
            across: shares(given.x, wanted.x, x),
            down: shares(given.y, wanted.y, y),
            planes: std::array::from_fn(|_| vec![0.0; size.0 * size.1]),
            size,
            row: vec![0.0; size.0 + 2],
            added: vec![0.0; width.next_multiple_of(2) as usize],
        }
    }

    /// Writes the frame's picture.
    pub(super) fn fill(&mut self, frame: &Frame, picture: &mut Picture) {
        let is_colored = self.read_chroma(frame);
        self.write_chroma(is_colored, picture);
        let to_luma = self.to_luma.filter(|_| is_colored);
        if let Some(shares) = to_luma {
            self.weigh_chroma(shares);
        }
        if let Some(plane) = frame.planes().first() {
            self.write_luma(plane, to_luma.is_some(), picture.plane_mut(0));
        }
    }

    /// Chroma as fractions, at the picture's chroma size; false if the frame is grey.
    fn read_chroma(&mut self, frame: &Frame) -> bool {
        let format = frame.info.format;
        let (given, wanted) = (format.subsampling(), jpeg_subsampling(format));
        let (width, chroma) = (self.size.0.max(1), self.chroma);
        for (plane, target) in frame.planes().iter().skip(1).zip(self.planes.iter_mut().take(2)) {
            for (y, row) in target.chunks_exact_mut(width).enumerate() {
                let from = (y << wanted.y) >> given.y;
                if given.x == wanted.x && plane.sample_bytes == 1 {
                    let codes = plane.row_u8(from);
                    row.iter_mut().zip(codes).for_each(|(to, code)| *to = chroma.of(f32::from(*code)));
                    continue;
                }
                // 4:1:1 and 4:1:0 are repeated, 4:4:0 is thinned out.
                let (repeats, step) =
                    (1 << given.x.saturating_sub(wanted.x), 1 << wanted.x.saturating_sub(given.x));
                let codes = samples(plane, from).step_by(step);
                let codes = codes.flat_map(|code| std::iter::repeat_n(code, repeats));
                row.iter_mut().zip(codes).for_each(|(to, code)| *to = chroma.of(f32::from(code)));
            }
        }
        format.model != Model::Gray
    }

    fn write_chroma(&mut self, is_colored: bool, picture: &mut Picture) {
        let width = self.size.0.max(1);
        let [cb, cr, _] = &self.planes;
        for (index, [of_cb, of_cr]) in self.to_chroma.into_iter().enumerate() {
            let target = picture.plane_mut(index + 1);
            let rows = target.bytes.chunks_mut(target.stride).take(self.size.1);
            for (y, row) in rows.enumerate() {
                if !is_colored {
                    row.fill(128);
                    continue;
                }
                let (before, after) = self.down.centred;
                self.row.fill(0.0);
                for (from, share) in
                    [(y, 1.0 - before - after), (y.saturating_sub(1), before), (y + 1, after)]
                {
                    if share > 0.0 {
                        let (cb, cr) = (row_of(cb, width, from), row_of(cr, width, from));
                        for ((to, cb), cr) in self.row.iter_mut().skip(1).zip(cb).zip(cr) {
                            *to += share * (of_cb * cb + of_cr * cr);
                        }
                    }
                }
                repeat_ends(&mut self.row);
                write_centred(&self.row, self.across.centred, row);
            }
        }
    }

    fn weigh_chroma(&mut self, [of_cb, of_cr]: [f32; 2]) {
        let [cb, cr, weighed] = &mut self.planes;
        for ((to, cb), cr) in weighed.iter_mut().zip(cb).zip(cr) {
            *to = of_cb * *cb + of_cr * *cr;
        }
    }

    fn write_luma(&mut self, plane: &Plane, adds_chroma: bool, target: PlaneMut<'_>) {
        let width = self.size.0.max(1);
        let luma = self.luma;
        let rows = target.bytes.chunks_mut(target.stride).take(plane.height as usize);
        for (y, row) in rows.enumerate() {
            if adds_chroma {
                let (near, far, share) = self.down.luma(y);
                let weighed = &self.planes[2];
                let (near, far) = (row_of(weighed, width, near), row_of(weighed, width, far));
                for ((to, near), far) in self.row.iter_mut().skip(1).zip(near).zip(far) {
                    *to = near + share * (far - near);
                }
                repeat_ends(&mut self.row);
                enlarge(&self.row, self.across, &mut self.added);
            }
            if plane.sample_bytes == 1 {
                for ((to, code), added) in row.iter_mut().zip(plane.row_u8(y)).zip(&self.added) {
                    *to = rounded(luma.of(f32::from(*code)) + added);
                }
            } else {
                for ((to, code), added) in row.iter_mut().zip(plane.row_u16(y)).zip(&self.added) {
                    *to = rounded(luma.of(f32::from(*code)) + added);
                }
            }
        }
    }
}

/// Row `y`, clamped to the last one.
fn row_of(plane: &[f32], width: usize, y: usize) -> &[f32] {
    let start = y.min((plane.len() / width).saturating_sub(1)) * width;
    plane.get(start..start + width).unwrap_or_default()
}

fn repeat_ends(row: &mut [f32]) {
    if let [before, first, ..] = row {
        *before = *first;
    }
    if let [.., last, after] = row {
        *after = *last;
    }
}

/// Code values around 128, moved by a part of a sample.
fn write_centred(row: &[f32], (before, after): (f32, f32), target: &mut [u8]) {
    let own = 1.0 - before - after;
    for (to, values) in target.iter_mut().zip(row.windows(3)) {
        if let [previous, value, next] = values {
            *to = rounded(own * value + before * previous + after * next + 128.0);
        }
    }
}

/// A row of chroma size at luma size, linearly.
fn enlarge(row: &[f32], shares: Shares, target: &mut [f32]) {
    if !shares.is_halved {
        target.iter_mut().zip(row.iter().skip(1)).for_each(|(to, value)| *to = *value);
        return;
    }
    let (before, after) = (shares.even_before, shares.odd_after);
    for (pair, values) in target.chunks_exact_mut(2).zip(row.windows(3)) {
        if let ([even, odd], [previous, value, next]) = (pair, values) {
            *even = value + before * (previous - value);
            *odd = value + after * (next - value);
        }
    }
}

/// To the nearest code value. The sum leaves it in the lowest bits of the mantissa; a cast would not be vectorised.
fn rounded(value: f32) -> u8 {
    const INTEGERS: f32 = 8_388_608.0;
    (value.clamp(0.0, 255.0) + INTEGERS).to_bits() as u8
}

/// What Cb and Cr of a matrix add to luma of BT.601, and what BT.601's Cb and Cr are made of, in code values.
fn to_bt601(from: Matrix) -> (Option<[f32; 2]>, [[f32; 2]; 2]) {
    let (kr, kb) = from.weights();
    let (to_kr, to_kb) = Matrix::Bt601.weights();
    let (kg, to_kg) = (1.0 - kr - kb, 1.0 - to_kr - to_kb);
    let (red, blue) = (2.0 * (1.0 - kr), 2.0 * (1.0 - kb));
    let luma = [to_kb * blue - to_kg * blue * kb / kg, to_kr * red - to_kg * red * kr / kg];
    let (to_blue, to_red) = (2.0 * (1.0 - to_kb), 2.0 * (1.0 - to_kr));
    let cb = [(blue - luma[0]) / to_blue, -luma[1] / to_blue];
    let cr = [-luma[0] / to_red, (red - luma[1]) / to_red];
    let codes = |row: [f64; 2]| row.map(|weight| (255.0 * weight) as f32);
    ((from != Matrix::Bt601).then(|| codes(luma)), [codes(cb), codes(cr)])
}
