//! Takes detail away from a frame that was made, where it is not to be trusted.

use super::field::Enlarger;
use super::lanes::{BLOCK, DEEPEST_FIXED, Floating, Lanes, Numbers};
#[cfg(target_arch = "x86_64")]
use super::lanes_avx2::Avx2;
use super::mask::{ALL, MaskRow, NONE};
use super::rows::{self, Sample};
use super::warp::Ends;
use crate::frame::{Frame, Plane, Sharpness, StillMask};
use crate::kernel::motion::{GridAxis, least_weight, snapped};

/// Takes detail away: a sample becomes mean + sharpness (sample - mean), with the means of blocks and their sharpness
/// enlarged bilinearly.
#[derive(Debug, Default)]
pub(super) struct Softener {
    enlarger: Enlarger,
    mask: MaskRow,
    /// Of each column of blocks: first and end of its samples, and of those that it has a share in.
    columns: Vec<Column>,
    /// Of each row of blocks: the columns, first and end, that lose detail; equal if none does.
    losing: Vec<(usize, usize)>,
    /// Of blocks: sharpness, and means of a plane where they are needed.
    sharp: Vec<f32>,
    means: Vec<f32>,
    /// Sums of samples over the rows of a block.
    sums: Vec<u32>,
    upper: EnlargedBlocks,
    lower: EnlargedBlocks,
}

#[derive(Clone, Copy, Debug)]
struct Column {
    own: (usize, usize),
    reached: (usize, usize),
}

/// A row of blocks, enlarged to the samples across.
#[derive(Debug, Default)]
struct EnlargedBlocks {
    row: Option<usize>,
    means: Vec<f32>,
    sharp: Vec<f32>,
}

impl EnlargedBlocks {
    /// Means and sharpness from `start` on, for blocks of samples.
    #[inline(always)]
    fn numbers(&self, start: usize) -> (&[Numbers], &[Numbers]) {
        let [means, sharp] = [&self.means, &self.sharp].map(|row| row.get(start..).unwrap_or_default());
        (means.as_chunks().0, sharp.as_chunks().0)
    }
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
        let info = frame.info.clone();
        let (least, depth) = (least_weight(info.format), u32::from(info.format.depth));
        self.sharp.clear();
        self.sharp.extend(sharpness.values.iter().map(|value| snapped(*value, least)));
        self.losing.clear();
        self.losing.extend(self.sharp.chunks(sharpness.width.max(1)).map(losing));
        if self.losing.iter().all(|(first, end)| first == end) {
            return;
        }
        for (index, plane) in frame.planes_mut().iter_mut().enumerate() {
            let blocks = (sharpness.width, sharpness.height);
            let axes = GridAxis::of_cells(blocks, sharpness.source, sharpness.side, &info, index);
            match (arch, info.format.sample_bytes()) {
                #[cfg(target_arch = "x86_64")]
                (pulp::Arch::V3(simd), 1) => {
                    self.plane::<u8, _>(arch, Avx2::new(simd, depth), plane, axes, still);
                }
                #[cfg(target_arch = "x86_64")]
                (pulp::Arch::V3(simd), _) if depth <= DEEPEST_FIXED => {
                    self.plane::<u16, _>(arch, Avx2::new(simd, depth), plane, axes, still);
                }
                (_, 1) => self.plane::<u8, _>(arch, Floating, plane, axes, still),
                _ => self.plane::<u16, _>(arch, Floating, plane, axes, still),
            }
        }
    }

    fn plane<S: Sample, L: Lanes<S>>(
        &mut self,
        arch: pulp::Arch,
        lanes: L,
        plane: &mut Plane,
        axes: [GridAxis; 2],
        still: Option<&StillMask>,
    ) {
        let stride = plane.stride / size_of::<S>();
        let samples = bytemuck::cast_slice_mut::<u8, S>(plane.buffer.bytes_mut());
        rows::vectorized(
            arch,
            #[inline(always)]
            || {
                self.measure(samples, stride, axes);
                self.mix(lanes, samples, stride, axes, still);
            },
        );
    }

    /// Computes the means of the blocks that have a share in samples that lose detail.
    #[inline(always)]
    fn measure<S: Sample>(&mut self, samples: &[S], stride: usize, [across, down]: [GridAxis; 2]) {
        self.columns.clear();
        self.columns.extend((0..across.cells).map(|column| {
            let (before, after) = (column.saturating_sub(1), (column + 1).min(across.cells - 1));
            let reached = (across.samples_of(before).0, across.samples_of(after).1);
            Column { own: across.samples_of(column), reached }
        }));
        self.means.clear();
        self.means.resize(across.cells * down.cells, 0.0);
        for block in 0..down.cells {
            let (left, right) = self.needed(block, across.cells);
            if left == right {
                continue;
            }
            let span = (self.column(left).own.0, self.column(right - 1).own.1);
            self.sums.clear();
            self.sums.resize(across.samples, 0);
            let sums = self.sums.get_mut(span.0..span.1).unwrap_or_default();
            let (first, end) = down.samples_of(block);
            let row = |y: usize| samples.get(y * stride + span.0..y * stride + span.1).unwrap_or_default();
            let mut rows = first..end;
            while rows.len() >= 4 {
                let [a, b, c, d] = [0, 1, 2, 3].map(|index| row(rows.start + index));
                let together = a.iter().zip(b).zip(c.iter().zip(d));
                for (sum, ((a, b), (c, d))) in sums.iter_mut().zip(together) {
                    *sum += a.integer() + b.integer() + c.integer() + d.integer();
                }
                rows.start += 4;
            }
            for y in rows {
                sums.iter_mut().zip(row(y)).for_each(|(sum, sample)| *sum += sample.integer());
            }
            let means = self.means.get_mut(block * across.cells..).unwrap_or_default();
            for (mean, column) in means.iter_mut().zip(&self.columns).take(right).skip(left) {
                let (from, to) = column.own;
                let sums = self.sums.get(from..to).unwrap_or_default();
                // Deep samples of large blocks do not fit into 32 bits together.
                let sum: u64 = sums.iter().copied().map(u64::from).sum();
                *mean = sum as f32 / ((to - from) * (end - first)) as f32;
            }
        }
    }

    /// The columns of blocks, first and end, whose means are needed in row `block`: they or their neighbours lose detail.
    fn needed(&self, block: usize, columns: usize) -> (usize, usize) {
        let rows = self.losing.get(block.saturating_sub(1)..(block + 2).min(self.losing.len()));
        let (first, end) = rows.unwrap_or_default().iter().copied().fold((0, 0), union);
        if first == end { (0, 0) } else { (first.saturating_sub(1), (end + 1).min(columns)) }
    }

    fn column(&self, index: usize) -> Column {
        self.columns.get(index).copied().unwrap_or(Column { own: (0, 0), reached: (0, 0) })
    }

    #[inline(always)]
    fn mix<S: Sample, L: Lanes<S>>(
        &mut self,
        lanes: L,
        samples: &mut [S],
        stride: usize,
        [across, down]: [GridAxis; 2],
        still: Option<&StillMask>,
    ) {
        self.enlarger.plan(across);
        self.mask.restart(still, across);
        for enlarged in [&mut self.upper, &mut self.lower] {
            enlarged.row = None;
            enlarged.means.resize(self.enlarger.length, 0.0);
            enlarged.sharp.resize(self.enlarger.length, 0.0);
        }
        for y in 0..down.samples {
            let (upper, lower, share) = down.cells_at(y);
            let rows = [upper, lower].map(|row| self.losing.get(row).copied().unwrap_or_default());
            let (first, end) = union(rows[0], rows[1]);
            if first == end {
                continue;
            }
            self.enlarge([upper, lower], across.cells);
            self.mask.move_to(still, [across, down], y);
            // Whole blocks, which the memory of rows holds; what is not reached keeps everything.
            let from = self.column(first).reached.0 / BLOCK * BLOCK;
            let to = self.column(end - 1).reached.1.next_multiple_of(BLOCK);
            let row = samples.get_mut(y * stride + from..y * stride + to).unwrap_or_default();
            let stays = self.mask.values().get(from..).unwrap_or_default().as_chunks().0;
            let lead = self.enlarger.lead + from;
            let [above, below] = [&self.upper, &self.lower].map(|blocks| blocks.numbers(lead));
            let numbers = above.0.iter().zip(below.0).zip(above.1.iter().zip(below.1));
            let blocks = row.as_chunks_mut().0.iter_mut().zip(stays);
            for ((samples, stays), ((means, means_below), (sharp, sharp_below))) in blocks.zip(numbers) {
                if *stays == ALL {
                    continue;
                }
                let means = Ends { upper: means, lower: means_below };
                let sharp = Ends { upper: sharp, lower: sharp_below };
                let softened = lanes.soften(*samples, means, sharp, share);
                if *stays == NONE {
                    *samples = softened;
                    continue;
                }
                for ((sample, softened), still) in samples.iter_mut().zip(softened).zip(stays) {
                    *sample = S::select(*still != 0, *sample, softened);
                }
            }
        }
    }

    /// Has both rows of blocks enlarged.
    #[inline(always)]
    fn enlarge(&mut self, [upper, lower]: [usize; 2], columns: usize) {
        if self.upper.row != Some(upper) && self.lower.row == Some(upper) {
            std::mem::swap(&mut self.upper, &mut self.lower);
        }
        for (enlarged, wanted) in [(&mut self.upper, upper), (&mut self.lower, lower)] {
            if enlarged.row == Some(wanted) {
                continue;
            }
            enlarged.row = Some(wanted);
            let blocks = wanted * columns..(wanted + 1) * columns;
            self.enlarger.enlarge(
                self.means.get(blocks.clone()).unwrap_or_default(),
                1.0,
                &mut enlarged.means,
            );
            self.enlarger.enlarge(self.sharp.get(blocks).unwrap_or_default(), 1.0, &mut enlarged.sharp);
        }
    }
}

/// First and end of the blocks of a row that lose detail.
fn losing(sharpness: &[f32]) -> (usize, usize) {
    let loses = |value: &f32| *value < 1.0;
    let first = sharpness.iter().position(loses);
    first.zip(sharpness.iter().rposition(loses)).map_or((0, 0), |(first, last)| (first, last + 1))
}

/// What covers both ranges; an empty one adds nothing.
fn union(a: (usize, usize), b: (usize, usize)) -> (usize, usize) {
    match (a.0 == a.1, b.0 == b.1) {
        (true, _) => b,
        (_, true) => a,
        _ => (a.0.min(b.0), a.1.max(b.1)),
    }
}
