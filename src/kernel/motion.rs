//! What the composition of a predicted frame is given, and its geometry, shared by the backends.

use crate::frame::{Frame, FrameInfo, MotionField, PixelFormat, Sharpness, StillMask};
use std::f32::consts::{LN_2, LOG2_E};

/// What [`Kernels::compose`](super::Kernels::compose) makes a frame from.
#[derive(Clone, Copy, Debug)]
pub struct Composition<'a> {
    /// Where each cell's content lies in the two frames.
    pub field: &'a MotionField,
    /// The newest frame before the predicted one, at the source's size or super-resolved.
    pub first: &'a Frame,
    /// The frame before that (prediction) or the next one (interpolation); of the same size and format.
    pub other: &'a Frame,
    /// The share of the prediction for each cell of the field, 0 to 1; the rest is `first`'s own pixel. `None` is 1
    /// everywhere.
    pub gate: Option<&'a [f32]>,
    /// Pixels of the source that are copied from `first`. A chroma sample is copied if any of the luma samples that it
    /// covers is, and a super-resolved pixel if the source's pixel under its centre is.
    pub still: Option<&'a StillMask>,
    /// How much of its detail what was made keeps, after it was rounded; `None` is all. Pixels that are copied because of
    /// `still` keep theirs.
    pub sharpness: Option<&'a Sharpness>,
}

/// Planes of [`Cells`].
pub(super) const CELL_PLANES: usize = 6;

/// A field made ready: dx and dy into the first frame and into the other one, in source luma samples, the other frame's
/// weight, and the prediction's share.
#[derive(Debug, Default)]
pub(super) struct Cells {
    pub(super) planes: [Vec<f32>; CELL_PLANES],
    /// For each row of cells, true if it only shows the first frame's own samples.
    pub(super) own_rows: Vec<bool>,
}

impl Cells {
    /// Reads the field and gate of `composition`. Displacements are limited to [`FARTHEST`], and what is not a number
    /// becomes 0. Weights that move no sample by a quarter of a code value become 0 or 1, so that
    /// work can be left out.
    pub(super) fn prepare(&mut self, composition: &Composition<'_>) {
        let field = composition.field;
        let [first_x, first_y, other_x, other_y, weight, share] = &mut self.planes;
        let [from_first_x, from_first_y] = &field.first;
        let [from_other_x, from_other_y] = &field.other;
        for (out, values) in [
            (&mut *first_x, from_first_x),
            (&mut *first_y, from_first_y),
            (other_x, from_other_x),
            (other_y, from_other_y),
        ] {
            out.clear();
            out.extend(values.iter().copied().map(limited));
        }
        let least = least_weight(composition.first.info.format);
        weight.clear();
        weight.extend(field.blend.iter().map(|logit| snapped(logistic(*logit), least)));
        share.clear();
        match composition.gate {
            Some(gate) => share.extend(gate.iter().map(|share| snapped(*share, least))),
            None => share.resize(weight.len(), 1.0),
        }
        let zero = |plane: &[f32], row: usize| {
            let row = plane.get(row * field.width..(row + 1) * field.width).unwrap_or_default();
            row.iter().all(|value| *value == 0.0)
        };
        self.own_rows.clear();
        self.own_rows.extend(
            (0..field.height).map(|row| {
                zero(share, row) || (zero(weight, row) && zero(first_x, row) && zero(first_y, row))
            }),
        );
    }
}

/// The longest displacement in luma samples; more leads out of every picture.
const FARTHEST: f32 = 65_536.0;

/// `displacement` within plus and minus [`FARTHEST`], 0 if it is not a number.
fn limited(displacement: f32) -> f32 {
    if displacement.is_nan() { 0.0 } else { displacement.clamp(-FARTHEST, FARTHEST) }
}

/// 1 / (1 + e^-`logit`) within a millionth; not a number if `logit` is none.
#[inline]
pub(crate) fn logistic(logit: f32) -> f32 {
    1.0 / (1.0 + exponential(-logit))
}

/// e^`power`, within a few millionths of it, in operations that compilers vectorise: from e^-69 to e^69, and not a number if `power` is
/// none.
#[inline]
pub(crate) fn exponential(power: f32) -> f32 {
    /// From here on neighbouring floats are 1 apart, for numbers of both signs, so the low bits are an integer's.
    const INTEGER_BASE: f32 = 12_582_912.0;
    /// (ln 2)^n / n!, the series of 2^x from n = 6 down.
    const SERIES: [f32; 6] = [1.540_353e-4, 1.333_355_8e-3, 9.618_129e-3, 5.550_411e-2, 0.240_226_5, LN_2];
    let exponent = (power * LOG2_E).clamp(-100.0, 100.0);
    let shifted = exponent + INTEGER_BASE;
    let rest = exponent - (shifted - INTEGER_BASE);
    let part = SERIES.iter().fold(0.0, |sum, term| (sum + term) * rest) + 1.0;
    part * f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits()))
}

/// The weight that moves a sample by a quarter of a code value at most.
pub(super) fn least_weight(format: PixelFormat) -> f32 {
    0.25 / format.max_value() as f32
}

/// A weight within 0..1, moved to either end if it is nearer to that than `least`; 0 if it is not a number.
pub(super) fn snapped(weight: f32, least: f32) -> f32 {
    if weight > 1.0 - least {
        1.0
    } else if weight >= least {
        weight
    } else {
        0.0
    }
}

/// How samples of a plane relate to the cells of a field along an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct GridAxis {
    /// The first sample, if the axis is a part of a plane's.
    pub(super) start: usize,
    /// Samples of the plane, or of the part.
    pub(super) samples: usize,
    /// Cells of the field.
    pub(super) cells: usize,
    /// Position of sample 0 in cells: 0 at the first cell's centre.
    pub(super) first: f64,
    /// Cells from one sample to the next.
    pub(super) step: f64,
    /// Samples per luma sample of the source: the factor of displacements.
    pub(super) scale: f64,
    /// Luma samples per sample.
    pub(super) block: usize,
    /// Luma samples of the source.
    pub(super) source: usize,
    /// Luma samples of the picture.
    pub(super) luma: usize,
}

impl GridAxis {
    /// The axes, across and down, of plane `index` of a picture on the cells of a field.
    pub(super) fn of_plane(field: &MotionField, info: &FrameInfo, index: usize) -> [Self; 2] {
        Self::of_cells((field.width, field.height), field.source, field.shrink, info, index)
    }

    /// The axes of plane `index` of a picture on cells of `shrink` luma samples of its `source` along each side.
    pub(super) fn of_cells(
        cells: (usize, usize),
        source: (u32, u32),
        shrink: usize,
        info: &FrameInfo,
        index: usize,
    ) -> [Self; 2] {
        let chroma = info.format.is_chroma(index);
        let subsampling = info.format.subsampling();
        let (x, y) = info.color.siting.position();
        let (columns, rows) = info.format.plane_size(index, info.width, info.height);
        [
            (columns, cells.0, source.0, info.width, subsampling.x, x),
            (rows, cells.1, source.1, info.height, subsampling.y, y),
        ]
        .map(|(samples, cells, source, luma, shift, position)| {
            let block = if chroma { 1usize << shift } else { 1 };
            let position = if chroma { position } else { 0.0 };
            let per_luma = f64::from(source) / (f64::from(luma) * shrink as f64);
            Self {
                start: 0,
                samples: samples as usize,
                cells,
                first: (position * (block as f64 - 1.0) + 0.5) * per_luma - 0.5,
                step: block as f64 * per_luma,
                scale: f64::from(luma) / (f64::from(source) * block as f64),
                block,
                source: source as usize,
                luma: luma as usize,
            }
        })
    }

    /// The axis of up to `count` samples from `start` on.
    pub(super) fn part(&self, start: usize, count: usize) -> Self {
        let samples = count.min(self.samples.saturating_sub(start));
        Self { start: self.start + start, samples, first: self.first + start as f64 * self.step, ..*self }
    }

    /// The two cells between which sample `index` lies, and the second one's share.
    pub(super) fn cells_at(&self, index: usize) -> (usize, usize, f32) {
        let last = self.cells.saturating_sub(1);
        let place = (self.first + index as f64 * self.step).clamp(0.0, last as f64);
        let cell = place.floor();
        (cell as usize, (cell as usize + 1).min(last), (place - cell) as f32)
    }

    /// The samples that are nearest to cell `index`: first and end, at least one.
    pub(super) fn samples_of(&self, index: usize) -> (usize, usize) {
        let from = |cell: usize| ((cell as f64 - 0.5 - self.first) / self.step).ceil().max(0.0) as usize;
        let last = self.samples.saturating_sub(1);
        let first = if index == 0 { 0 } else { from(index).min(last) };
        let end = if index + 1 >= self.cells { self.samples } else { from(index + 1) };
        (first, end.clamp(first + 1, self.samples.max(first + 1)))
    }

    /// First and last luma sample of the source that sample `index` covers.
    pub(super) fn covered(&self, index: usize) -> (usize, usize) {
        let last = self.source.saturating_sub(1);
        let source_of = |luma: usize| ((2 * luma + 1) * self.source / (2 * self.luma)).min(last);
        let start = (self.start + index) * self.block;
        (source_of(start), source_of((start + self.block - 1).min(self.luma - 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Color, PixelFormat, Siting, Subsampling};

    fn axes(size: (u32, u32), index: usize) -> [GridAxis; 2] {
        let info = FrameInfo {
            color: Color { siting: Siting::Left, ..Color::default() },
            ..FrameInfo::new(size.0, size.1, PixelFormat::yuv(Subsampling::S420, 8))
        };
        GridAxis::of_plane(&MotionField::still((64, 32), 4), &info, index)
    }

    #[test]
    fn planes_lie_on_the_field_by_size_subsampling_and_siting() {
        // Luma sample 1.5 of the source is the first cell's centre.
        let [across, down] = axes((64, 32), 0);
        assert!((across.first + 1.5 * across.step).abs() < 1e-9 && (across.scale - 1.0).abs() < 1e-9);
        assert_eq!(down.cells_at(5), (0, 1, 0.875));
        assert_eq!((down.cells_at(0), down.cells_at(31)), ((0, 1, 0.0), (7, 7, 0.0)));
        // At twice the size that is 3.5; left-sited chroma has it at 1.75 across, centred chroma at 1.5 down.
        let [across, down] = axes((128, 64), 1);
        assert!((across.first + 1.75 * across.step).abs() < 1e-9 && (across.scale - 1.0).abs() < 1e-9);
        assert!((down.first + 1.5 * down.step).abs() < 1e-9);
        assert_eq!(across.covered(3), (3, 3));
        assert_eq!(axes((64, 32), 1)[0].covered(3), (6, 7));
        assert_eq!(axes((128, 64), 0)[0].covered(7), (3, 3));
    }

    #[test]
    fn weights_are_within_their_limits() {
        let least = 0.001;
        let cases = [(f32::NAN, 0.0), (-3.0, 0.0), (0.0005, 0.0), (0.5, 0.5), (0.9995, 1.0), (7.0, 1.0)];
        for (weight, expected) in cases {
            assert!((snapped(weight, least) - expected).abs() < 1e-9, "{weight}");
        }
        assert_eq!((limited(f32::NAN), limited(f32::INFINITY)), (0.0, FARTHEST));
    }

    #[test]
    fn the_logistic_function_is_exact_to_a_millionth() {
        for step in -4000..4000i32 {
            let logit = step as f32 * 0.0107;
            let expected = 1.0 / (1.0 + (-f64::from(logit)).exp());
            assert!((f64::from(logistic(logit)) - expected).abs() < 1e-6, "{logit}: {}", logistic(logit));
        }
        for (logit, expected) in [(f32::NEG_INFINITY, 0.0), (-1e30, 0.0), (1e30, 1.0), (f32::INFINITY, 1.0)] {
            assert!((logistic(logit) - expected).abs() < 1e-6, "{logit}");
        }
        assert!(logistic(f32::NAN).is_nan());
    }
}
