//! What image-to-image steps do to tensors and planes: holding still, curves, mixing.

use super::rows::{self, Sample};
use crate::frame::{Plane, TensorLayout};
use crate::kernel::Steadiness;
use crate::kernel::convert;

#[derive(Default)]
pub(super) struct ImageWork {
    /// A row of the picture before's share, one for each pixel, then one for each element.
    shares: Vec<f32>,
    element_shares: Vec<f32>,
    /// Sums over three rows of a row's differences, with one more at each end.
    sums: Vec<f32>,
    /// Two rows of every map, enlarged to the picture's width, and which rows they are.
    upper: MapRows,
    lower: MapRows,
    values: [Vec<f32>; 2],
    bias: Vec<f32>,
}

#[derive(Default)]
struct MapRows {
    row: Option<usize>,
    values: Vec<f32>,
}

impl ImageWork {
    pub(super) fn steady(
        &mut self,
        arch: pulp::Arch,
        (luma, before): (&[f32], &[f32]),
        steadiness: &Steadiness,
        kept: &[f32],
        (values, shape, layout): (&mut [f32], [usize; 3], TensorLayout),
    ) {
        let [channels, height, width] = shape;
        let (shares, element_shares, sums) = (&mut self.shares, &mut self.element_shares, &mut self.sums);
        shares.resize(width, 0.0);
        sums.resize(width + 2, 0.0);
        let planar = layout == TensorLayout::Nchw;
        element_shares.resize(if planar { 0 } else { width * channels }, 0.0);
        rows::vectorized(
            arch,
            #[inline(always)]
            || {
                for y in 0..height {
                    let last = height - 1;
                    let around = [y.saturating_sub(1), y, (y + 1).min(last)];
                    shares_of_row(
                        around.map(|y| (row(luma, y, width), row(before, y, width))),
                        steadiness,
                        sums,
                        shares,
                    );
                    if planar {
                        for channel in 0..channels {
                            let start = (channel * height + y) * width;
                            if let (Some(values), Some(kept)) =
                                (values.get_mut(start..start + width), kept.get(start..start + width))
                            {
                                keep(kept, shares, values);
                            }
                        }
                        continue;
                    }
                    for (pixel, share) in element_shares.chunks_exact_mut(channels).zip(&*shares) {
                        pixel.fill(*share);
                    }
                    let length = width * channels;
                    if let (Some(values), Some(kept)) =
                        (values.get_mut(y * length..(y + 1) * length), kept.get(y * length..(y + 1) * length))
                    {
                        keep(kept, element_shares, values);
                    }
                }
            },
        );
    }

    /// `picture` is planar, three channels of `size` (width, height).
    pub(super) fn apply_curves(
        &mut self,
        arch: pulp::Arch,
        maps: &[f32],
        [count, map_height, map_width]: [usize; 3],
        picture: &mut [f32],
        (width, height): (usize, usize),
    ) {
        let columns = convert::enlarging_taps(map_width, width);
        let lines = convert::enlarging_taps(map_height, height);
        let (upper, lower) = (&mut self.upper, &mut self.lower);
        (upper.row, lower.row) = (None, None);
        upper.values.resize(count * width, 0.0);
        lower.values.resize(count * width, 0.0);
        for (y, &(first, second, share)) in lines.iter().enumerate() {
            if upper.row != Some(first) && lower.row == Some(first) {
                std::mem::swap(upper, lower);
            }
            for (rows, wanted) in [(&mut *upper, first), (&mut *lower, second)] {
                if rows.row != Some(wanted) {
                    rows.row = Some(wanted);
                    let map_rows = maps.chunks_exact(map_width).skip(wanted).step_by(map_height);
                    for (out, map) in rows.values.chunks_exact_mut(width).zip(map_rows) {
                        enlarge(map, &columns, out);
                    }
                }
            }
            let (upper, lower) = (&upper.values, &lower.values);
            rows::vectorized(
                arch,
                #[inline(always)]
                || {
                    let lines = picture.chunks_exact_mut(width).skip(y).step_by(height);
                    for (channel, line) in lines.enumerate() {
                        let upper = upper.chunks_exact(width).skip(channel).step_by(3);
                        let lower = lower.chunks_exact(width).skip(channel).step_by(3);
                        for (upper, lower) in upper.zip(lower) {
                            curve(upper, lower, share, line);
                        }
                    }
                },
            );
        }
    }

    pub(super) fn mix(&mut self, arch: pulp::Arch, from: &Plane, share: f32, into: &mut Plane) {
        if into.sample_bytes == 1 {
            self.mix_typed::<u8>(arch, from, share, into);
        } else {
            self.mix_typed::<u16>(arch, from, share, into);
        }
    }

    fn mix_typed<S: Sample>(&mut self, arch: pulp::Arch, from: &Plane, share: f32, into: &mut Plane) {
        let width = into.width as usize;
        let max = if into.sample_bytes == 1 { 255 } else { 65535 };
        self.bias.resize(width, 0.0);
        rows::rounding_bias(0.0, false, 0, &mut self.bias);
        let [a, b] = &mut self.values;
        a.resize(width, 0.0);
        b.resize(width, 0.0);
        let bias = &self.bias;
        rows::vectorized(
            arch,
            #[inline(always)]
            || {
                for (from, into) in from.rows().zip(into.rows_mut()) {
                    let into: &mut [S] = bytemuck::cast_slice_mut(into);
                    rows::widen::<S>(bytemuck::cast_slice(from), a);
                    rows::widen::<S>(into, b);
                    for (value, from) in b.iter_mut().zip(&*a) {
                        *value = from + share * (*value - from);
                    }
                    rows::quantize::<S>(b, 1.0, bias, max, into);
                }
            },
        );
    }
}

#[inline(always)]
fn row(values: &[f32], y: usize, width: usize) -> &[f32] {
    values.get(y * width..(y + 1) * width).unwrap_or_default()
}

/// The share of the picture before of every pixel in a row, from the rows around it.
#[inline(always)]
fn shares_of_row(
    around: [(&[f32], &[f32]); 3],
    steadiness: &Steadiness,
    sums: &mut [f32],
    shares: &mut [f32],
) {
    let [(a, a_before), (b, b_before), (c, c_before)] = around;
    let width = shares.len();
    let inside = sums.get_mut(1..=width).unwrap_or_default();
    let now = a.iter().zip(b).zip(c);
    let before = a_before.iter().zip(b_before).zip(c_before);
    for ((sum, ((a, b), c)), ((a_before, b_before), c_before)) in inside.iter_mut().zip(now).zip(before) {
        *sum = (a - a_before) + (b - b_before) + (c - c_before);
    }
    rows::extend_edges(sums, 1, width + 1);
    let (gain, offset) = steadiness.ramp();
    let (middle, right) = (sums.get(1..).unwrap_or_default(), sums.get(2..).unwrap_or_default());
    for (((share, left), middle), right) in shares.iter_mut().zip(&*sums).zip(middle).zip(right) {
        let difference = (left + middle + right).abs() / 9.0;
        let value = difference * gain + offset;
        let value = if value > 0.0 { value } else { 0.0 };
        *share = if value < 1.0 { value } else { 1.0 } * steadiness.most;
    }
}

/// Draws `values` towards `kept` by `shares`.
#[inline(always)]
fn keep(kept: &[f32], shares: &[f32], values: &mut [f32]) {
    for ((value, kept), share) in values.iter_mut().zip(kept).zip(shares) {
        *value += share * (kept - *value);
    }
}

fn enlarge(map: &[f32], columns: &[(usize, usize, f32)], out: &mut [f32]) {
    let at = |index: usize| map.get(index).copied().unwrap_or_default();
    for (out, &(first, second, share)) in out.iter_mut().zip(columns) {
        *out = at(first) + share * (at(second) - at(first));
    }
}

/// One iteration of a curve over a row, with the map between two rows of maps.
#[inline(always)]
fn curve(upper: &[f32], lower: &[f32], share: f32, line: &mut [f32]) {
    for ((value, upper), lower) in line.iter_mut().zip(upper).zip(lower) {
        let bend = upper + share * (lower - upper);
        let bent = *value - bend * *value * (1.0 - *value);
        let bent = if bent > 0.0 { bent } else { 0.0 };
        *value = if bent < 1.0 { bent } else { 1.0 };
    }
}
