//! Takes detail away from a frame that was made, where it is not to be trusted.

use super::field::Enlarger;
use super::mask::MaskRow;
use super::rows::{self, Sample};
use crate::frame::{Frame, FrameInfo, Plane, Sharpness, StillMask};
use crate::kernel::motion::{GridAxis, least_weight, snapped};

/// Takes detail away: a sample becomes mean + sharpness (sample - mean), with the means of blocks and their sharpness
/// enlarged bilinearly.
#[derive(Debug, Default)]
pub(super) struct Softener {
    enlarger: Enlarger,
    mask: MaskRow,
    /// First and end of the samples of each column of blocks.
    spans: Vec<(usize, usize)>,
    /// Of blocks: means of a plane, and what is worked on for a row of samples.
    means: Vec<f32>,
    mean_row: Vec<f32>,
    sharp_row: Vec<f32>,
    /// Of samples: sums over the rows of a block, means and sharpness.
    sums: Vec<f32>,
    soft: Vec<f32>,
    sharp: Vec<f32>,
}

impl Softener {
    /// Takes the detail of `frame` away that `sharpness` does not leave it, but for what is `still`.
    pub(super) fn run(
        &mut self,
        arch: pulp::Arch,
        frame: &mut Frame,
        sharpness: &Sharpness,
        still: Option<&StillMask>,
    ) {
        if sharpness.values.iter().all(|value| *value >= 1.0) {
            return;
        }
        let info = frame.info.clone();
        for (index, plane) in frame.planes_mut().iter_mut().enumerate() {
            if info.format.sample_bytes() == 1 {
                self.plane::<u8>(arch, plane, (&info, index), sharpness, still);
            } else {
                self.plane::<u16>(arch, plane, (&info, index), sharpness, still);
            }
        }
    }

    fn plane<S: Sample>(
        &mut self,
        arch: pulp::Arch,
        plane: &mut Plane,
        (info, index): (&FrameInfo, usize),
        sharpness: &Sharpness,
        still: Option<&StillMask>,
    ) {
        let blocks = (sharpness.width, sharpness.height);
        let axes = GridAxis::of_cells(blocks, sharpness.source, sharpness.side, info, index);
        let least = least_weight(info.format);
        let stride = plane.stride / size_of::<S>();
        let samples = bytemuck::cast_slice_mut::<u8, S>(plane.buffer.bytes_mut());
        rows::vectorized(
            arch,
            #[inline(always)]
            || {
                self.measure(samples, stride, axes);
                self.mix(samples, stride, axes, (sharpness, still), least);
            },
        );
    }

    /// Computes the mean of each block.
    #[inline(always)]
    fn measure<S: Sample>(&mut self, samples: &[S], stride: usize, [across, down]: [GridAxis; 2]) {
        self.means.clear();
        self.spans.clear();
        self.spans.extend((0..across.cells).map(|column| across.samples_of(column)));
        for block in 0..down.cells {
            self.sums.clear();
            self.sums.resize(across.samples, 0.0);
            let (first, end) = down.samples_of(block);
            for y in first..end {
                let row = samples.get(y * stride..).unwrap_or_default();
                self.sums.iter_mut().zip(row).for_each(|(sum, sample)| *sum += sample.widen());
            }
            self.means.extend(self.spans.iter().map(|&(left, right)| {
                let sums = self.sums.get(left..right).unwrap_or_default();
                sums.iter().sum::<f32>() / ((right - left) * (end - first)) as f32
            }));
        }
    }

    #[inline(always)]
    fn mix<S: Sample>(
        &mut self,
        samples: &mut [S],
        stride: usize,
        [across, down]: [GridAxis; 2],
        (sharpness, still): (&Sharpness, Option<&StillMask>),
        least: f32,
    ) {
        self.enlarger.plan(across);
        self.mask.restart(still, across);
        self.soft.resize(self.enlarger.length, 0.0);
        self.sharp.resize(self.enlarger.length, 0.0);
        for y in 0..down.samples {
            let (upper, lower, share) = down.cells_at(y);
            between(&sharpness.values, [upper, lower], share, across.cells, &mut self.sharp_row);
            self.sharp_row.iter_mut().for_each(|value| *value = snapped(*value, least));
            if self.sharp_row.iter().all(|value| *value >= 1.0) {
                continue;
            }
            between(&self.means, [upper, lower], share, across.cells, &mut self.mean_row);
            self.enlarger.enlarge(&self.mean_row, 1.0, &mut self.soft);
            self.enlarger.enlarge(&self.sharp_row, 1.0, &mut self.sharp);
            self.mask.move_to(still, [across, down], y);
            let row = samples.get_mut(y * stride..y * stride + across.samples).unwrap_or_default();
            let soft = self.soft.get(self.enlarger.lead..).unwrap_or_default();
            let sharp = self.sharp.get(self.enlarger.lead..).unwrap_or_default();
            for ((sample, still), (soft, sharp)) in
                row.iter_mut().zip(self.mask.values()).zip(soft.iter().zip(sharp))
            {
                let value = soft + sharp * (sample.widen() - soft);
                *sample = S::select(*still != 0, *sample, rows::nearest(value));
            }
        }
    }
}

/// A row between two rows of blocks.
#[inline(always)]
fn between(values: &[f32], rows: [usize; 2], share: f32, width: usize, out: &mut Vec<f32>) {
    let [upper, lower] = rows.map(|row| values.get(row * width..(row + 1) * width).unwrap_or_default());
    out.clear();
    out.extend(upper.iter().zip(lower).map(|(upper, lower)| upper + share * (lower - upper)));
}
