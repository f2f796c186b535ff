//! Frames to the small pictures in which motion is estimated, and pairs of those to tensors.

use super::rows::{self, Sample};
use crate::error::KernelError;
use crate::frame::{DataType, Frame, MotionField, Plane, SmallFrame, Tensor, TensorData, TensorLayout};
use crate::kernel::check;
use crate::kernel::convert::{self, Linear};

/// Shrinks `frame` by `shrink`, 2, 4 or 8, into `out`: means over boxes, alpha left out. Chroma siting is not considered:
/// it shifts chroma by at most half a luma sample.
///
/// # Errors
///
/// [`KernelError::Shape`] for another `shrink` or a frame whose planes do not fit its format.
pub fn shrink(frame: &Frame, shrink: usize, out: &mut SmallFrame) -> Result<(), KernelError> {
    check::shrink(frame, shrink)?;
    out.reshape((frame.info.width, frame.info.height), shrink);
    if frame.info.format.sample_bytes() == 1 {
        shrink_planes::<u8>(frame, out);
    } else {
        shrink_planes::<u16>(frame, out);
    }
    Ok(())
}

fn shrink_planes<S: Sample>(frame: &Frame, out: &mut SmallFrame) {
    let (luma_map, chroma_map) = convert::nominal(&frame.info);
    let (width, shrink) = (out.width, out.shrink);
    let subsampling = frame.info.format.subsampling();
    let (luma, chroma) = match frame.planes() {
        [luma, cb, cr, ..] => (luma, Some([cb, cr])),
        [luma, ..] => (luma, None),
        [] => return,
    };
    box_means::<S>(luma, [Cover::luma(shrink); 2], luma_map, 2 * width, &mut out.luma);
    let Some(planes) = chroma else {
        out.chroma.iter_mut().for_each(|values| values.fill(0.0));
        return;
    };
    let covers = [Cover::chroma(shrink, subsampling.x), Cover::chroma(shrink, subsampling.y)];
    for (plane, values) in planes.into_iter().zip(&mut out.chroma) {
        box_means::<S>(plane, covers, chroma_map, width, values);
    }
}

/// How samples and outputs relate along an axis: an output is the mean of `samples`, or `outputs` of them share one.
#[derive(Clone, Copy)]
struct Cover {
    samples: usize,
    outputs: usize,
}

impl Cover {
    const fn luma(shrink: usize) -> Self {
        Self { samples: shrink / 2, outputs: 1 }
    }

    /// Chroma that is subsampled by 2^`shift`.
    const fn chroma(shrink: usize, shift: u8) -> Self {
        match shrink >> shift {
            0 => Self { samples: 1, outputs: (1 << shift) / shrink },
            samples => Self { samples, outputs: 1 },
        }
    }
}

/// `out`, in rows of `columns`, = means of `plane` mapped by `map`; the plane's last samples are repeated.
fn box_means<S: Sample>(
    plane: &Plane,
    [across, down]: [Cover; 2],
    map: Linear,
    columns: usize,
    out: &mut [f32],
) {
    let map = Linear { gain: map.gain / (across.samples * down.samples) as f32, offset: map.offset };
    let mut sums = vec![0u32; (columns.div_ceil(across.outputs) * across.samples).max(plane.width as usize)];
    rows::vectorized(
        pulp::Arch::new(),
        #[inline(always)]
        || {
            for (y, out) in out.chunks_exact_mut(columns).enumerate() {
                sums.fill(0);
                let first = y / down.outputs * down.samples;
                for row in first..first + down.samples {
                    for (sum, sample) in sums.iter_mut().zip(bytemuck::cast_slice::<u8, S>(plane.row(row))) {
                        *sum += sample.integer();
                    }
                }
                let last = sums.get(plane.width as usize - 1).copied().unwrap_or_default();
                sums.iter_mut().skip(plane.width as usize).for_each(|sum| *sum = last);
                match across.samples {
                    1 => mean_row::<1>(&sums, across.outputs, map, out),
                    2 => mean_row::<2>(&sums, 1, map, out),
                    4 => mean_row::<4>(&sums, 1, map, out),
                    _ => mean_row::<8>(&sums, 1, map, out),
                }
            }
        },
    );
}

#[inline(always)]
fn mean_row<const N: usize>(sums: &[u32], outputs: usize, map: Linear, out: &mut [f32]) {
    let mean = |group: &[u32; N]| group.iter().sum::<u32>() as f32 * map.gain + map.offset;
    if outputs == 1 {
        for (out, group) in out.iter_mut().zip(sums.as_chunks::<N>().0) {
            *out = mean(group);
        }
        return;
    }
    for (out, group) in out.chunks_mut(outputs).zip(sums.as_chunks::<N>().0) {
        out.fill(mean(group));
    }
}

/// Makes displacements as large as the other channels.
const ESTIMATE_GAIN: f32 = 1.0 / 16.0;

/// What is subtracted from luma, about its mean over natural pictures.
const LUMA_MEAN: f32 = 0.45;

/// Writes the input of a motion predictor: an f32 NCHW tensor of 16 channels, one column and row for each cell, rounded up
/// to a multiple of `multiple` by repeating the last cells.
///
/// Channels 0..3 are luma of `first` minus 0.45 (the value at row dy and column dx of the cell in channel 2 dy + dx), 4 and
/// 5 its Cb and Cr, 6..11 the same of `other`, 12 is `tau` everywhere, 13 and 14 are `estimate` / 16, 15 is 0.
///
/// `estimate` says how far what is in each cell at `tau` moves from `first` to `other`: dx and dy in luma samples of the
/// source, one value for each cell.
///
/// # Errors
///
/// [`KernelError::Shape`] if the two differ in size, the estimate has not as many values, or `multiple` is 0.
pub fn pack_pair(
    first: &SmallFrame,
    other: &SmallFrame,
    tau: f32,
    estimate: &[Vec<f32>; 2],
    multiple: usize,
    out: &mut Tensor,
) -> Result<(), KernelError> {
    check::pack_pair(first, other, estimate, multiple)?;
    let (rows, columns) = (first.height.next_multiple_of(multiple), first.width.next_multiple_of(multiple));
    out.reset([MotionField::INPUT_CHANNELS, rows, columns], TensorLayout::Nchw, DataType::F32);
    let TensorData::F32(elements) = &mut out.data else { return Ok(()) };
    for (channel, plane) in elements.chunks_exact_mut(rows * columns).enumerate() {
        match channel {
            0..=5 => pack_channel(first, channel, columns, plane),
            6..=11 => pack_channel(other, channel - 6, columns, plane),
            12 => plane.fill(tau),
            _ => match estimate.get(channel - 13) {
                Some(values) => pack_rows(values, first, columns, ESTIMATE_GAIN, plane),
                None => plane.fill(0.0),
            },
        }
    }
    Ok(())
}

/// Writes one value for each cell, times `gain`, into `plane`, in rows of `columns`.
fn pack_rows(values: &[f32], small: &SmallFrame, columns: usize, gain: f32, plane: &mut [f32]) {
    for (y, out) in plane.chunks_exact_mut(columns).enumerate() {
        let y = y.min(small.height - 1);
        let row = values.get(y * small.width..(y + 1) * small.width).unwrap_or_default();
        out.iter_mut().zip(row).for_each(|(out, value)| *out = value * gain);
        rows::extend_edges(out, 0, small.width);
    }
}

/// Writes one of the six channels of `small` into `plane`, in rows of `columns`.
fn pack_channel(small: &SmallFrame, channel: usize, columns: usize, plane: &mut [f32]) {
    for (y, out) in plane.chunks_exact_mut(columns).enumerate() {
        let y = y.min(small.height - 1);
        let inside = out.get_mut(..small.width).unwrap_or_default();
        match small.chroma.get(channel.wrapping_sub(4)) {
            Some(values) => {
                inside
                    .copy_from_slice(values.get(y * small.width..(y + 1) * small.width).unwrap_or_default());
            }
            None => {
                rows::take_phase(small.luma_row(2 * y + channel / 2), 2, channel % 2, inside);
                inside.iter_mut().for_each(|value| *value -= LUMA_MEAN);
            }
        }
        rows::extend_edges(out, 0, small.width);
    }
}
