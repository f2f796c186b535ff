//! A motion field brought to the grid of a plane, and what it says about blocks of samples between two rows of cells.

use super::lanes::{BLOCK, LINE, Lanes, Numbers};
use super::rows::{self, Sample};
use super::warp::{Ends, Motion, Shifts};
use crate::kernel::motion::{CELL_PLANES, Cells, GridAxis};
use std::ops::Range;

/// Enlarges rows of cells linearly to rows of samples.
#[derive(Debug, Default)]
pub(super) struct Enlarger {
    axis: Option<GridAxis>,
    /// Samples before the first one, so that those between two cells start at a multiple of their number.
    pub(super) lead: usize,
    /// The cell on whose right side the first of all samples lies; -1 is the first cell again.
    first_cell: i64,
    samples: Samples,
    /// The cells between which the samples lie.
    cells: Vec<f32>,
    /// Length of an enlarged row with its lead.
    pub(super) length: usize,
}

/// Where samples lie between cells.
#[derive(Debug)]
enum Samples {
    /// As many between each two cells: their distances from the left one, in cells.
    Even(Vec<f32>),
    /// The left cell's index and the distance from it for each sample.
    Uneven(Vec<(u32, f32)>),
}

impl Default for Samples {
    fn default() -> Self {
        Self::Uneven(Vec::new())
    }
}

impl Enlarger {
    /// Makes the enlarger one for `axis`, unless it is that already.
    pub(super) fn plan(&mut self, axis: GridAxis) {
        if self.axis == Some(axis) {
            return;
        }
        self.axis = Some(axis);
        let padded = axis.samples.next_multiple_of(BLOCK);
        self.first_cell = axis.first.floor() as i64;
        let within = axis.first - self.first_cell as f64;
        let between = (1.0 / axis.step).round();
        let even = (1.0 / axis.step - between).abs() < 1e-9
            && matches!(between as u32, 1 | 2 | 3 | 4 | 6 | 8 | 12 | 16);
        let intervals = if even {
            // Distances are rounded, so a sample on a cell may lie a hair before it.
            let lead = (within * between + 1e-6).floor();
            let phase = within * between - lead;
            self.lead = lead as usize;
            let distance = |i: usize| ((i as f64 + phase) / between) as f32;
            self.samples = Samples::Even((0..between as usize).map(distance).collect());
            (padded + self.lead).div_ceil(between as usize)
        } else {
            self.lead = 0;
            let place = |index: usize| {
                let place = within + index as f64 * axis.step;
                (place.floor() as u32, (place - place.floor()) as f32)
            };
            let places: Vec<_> = (0..padded).map(place).collect();
            let last = places.last().map_or(0, |place| place.0 as usize);
            self.samples = Samples::Uneven(places);
            last + 1
        };
        self.length = match &self.samples {
            Samples::Even(distances) => intervals * distances.len(),
            Samples::Uneven(places) => places.len(),
        };
        self.cells.resize(intervals + 1, 0.0);
    }

    /// The first of the cells that are enlarged, and how many lines of the cache they lie in at most.
    fn needed(&self) -> (usize, usize) {
        let first = usize::try_from(self.first_cell).unwrap_or(0);
        (first, self.cells.len().div_ceil(LINE / size_of::<f32>()) + 1)
    }

    /// Enlarges `row`, multiplied by `scale`.
    #[inline(always)]
    pub(super) fn enlarge(&mut self, row: &[f32], scale: f32, out: &mut [f32]) {
        let before = usize::try_from(-self.first_cell).unwrap_or(0).min(self.cells.len() - 1);
        let skipped = usize::try_from(self.first_cell).unwrap_or(0).min(row.len() - 1);
        let mut end = before;
        let inside = self.cells.iter_mut().skip(before).zip(row.iter().skip(skipped));
        for (cell, value) in inside {
            *cell = value * scale;
            end += 1;
        }
        rows::extend_edges(&mut self.cells, before, end);
        match &self.samples {
            Samples::Even(distances) => match distances.len() {
                1 => between_cells::<1>(&self.cells, distances, out),
                2 => between_cells::<2>(&self.cells, distances, out),
                3 => between_cells::<3>(&self.cells, distances, out),
                4 => between_cells::<4>(&self.cells, distances, out),
                6 => between_cells::<6>(&self.cells, distances, out),
                8 => between_cells::<8>(&self.cells, distances, out),
                12 => between_cells::<12>(&self.cells, distances, out),
                _ => between_cells::<16>(&self.cells, distances, out),
            },
            Samples::Uneven(places) => {
                let at = |index: usize| self.cells.get(index).copied().unwrap_or_default();
                for (out, (cell, distance)) in out.iter_mut().zip(places) {
                    let left = at(*cell as usize);
                    *out = left + distance * (at(*cell as usize + 1) - left);
                }
            }
        }
    }
}

#[inline(always)]
fn between_cells<const N: usize>(cells: &[f32], distances: &[f32], out: &mut [f32]) {
    let Some(distances) = distances.first_chunk::<N>() else { return };
    let pairs = cells.iter().zip(cells.iter().skip(1));
    for (out, (left, right)) in out.as_chunks_mut::<N>().0.iter_mut().zip(pairs) {
        let slope = right - left;
        for (out, distance) in out.iter_mut().zip(distances) {
            *out = left + distance * slope;
        }
    }
}

/// One row of cells, enlarged to samples.
#[derive(Debug, Default)]
struct EnlargedRow {
    row: Option<usize>,
    planes: [Vec<f32>; CELL_PLANES],
}

/// Where the samples of a block come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Origin {
    /// The first frame's own samples.
    #[default]
    Own,
    /// The first frame along its motion.
    First,
    /// The other frame along its motion.
    Other,
    /// Both, blended.
    Both,
}

/// A block of samples in all rows between two rows of cells. What its origin does not need is of any value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Block<T> {
    pub(super) origin: Origin,
    /// True if the first frame's own samples have a share.
    pub(super) mixed: bool,
    pub(super) first: Motion<T>,
    pub(super) other: Motion<T>,
    /// The other frame's weight.
    pub(super) weight: Ends<T>,
    /// The share of what comes from motion.
    pub(super) share: Ends<T>,
}

/// The blocks of a strip between two rows of cells.
#[derive(Debug)]
pub(super) struct FieldBand<T, F> {
    enlarger: Enlarger,
    upper: EnlargedRow,
    lower: EnlargedRow,
    blocks: Vec<Block<T>>,
    /// Blocks about which something was found out; none if the first frame's own samples are wanted everywhere.
    judged: usize,
    /// For each row of samples, how far it is from the upper row of cells to the lower one: the share and what `F` is.
    pub(super) shares: Vec<(f32, F)>,
    padded: usize,
}

impl<T, F> Default for FieldBand<T, F> {
    fn default() -> Self {
        Self {
            enlarger: Enlarger::default(),
            upper: EnlargedRow::default(),
            lower: EnlargedRow::default(),
            blocks: Vec::new(),
            judged: 0,
            shares: Vec::new(),
            padded: 0,
        }
    }
}

impl<T: Copy + Default, F: Copy> FieldBand<T, F> {
    /// Starts a strip whose samples lie on the field as `across` says.
    pub(super) fn restart(&mut self, across: GridAxis) {
        self.enlarger.plan(across);
        let length = self.enlarger.length;
        for enlarged in [&mut self.upper, &mut self.lower] {
            enlarged.row = None;
            enlarged.planes.iter_mut().for_each(|plane| plane.resize(length, 0.0));
        }
        self.padded = across.samples.next_multiple_of(BLOCK);
        self.blocks.resize(self.padded / BLOCK, Block::default());
    }

    /// The block at `index`, unless the first frame's own samples are wanted.
    #[inline(always)]
    pub(super) fn block(&self, index: usize) -> Option<&Block<T>> {
        self.blocks.get(..self.judged)?.get(index).filter(|block| block.origin != Origin::Own)
    }

    /// Goes to the rows from `y` on that lie between the same two rows of cells, and returns them.
    #[inline(always)]
    pub(super) fn move_to<S: Sample, L: Lanes<S, Stored = T, Share = F>>(
        &mut self,
        lanes: L,
        cells: &Cells,
        [across, down]: [GridAxis; 2],
        y: usize,
    ) -> Range<usize> {
        let (upper, lower, _) = down.cells_at(y);
        self.shares.clear();
        for (_, _, share) in (y..down.samples)
            .map(|y| down.cells_at(y))
            .take_while(|found| (found.0, found.1) == (upper, lower))
        {
            self.shares.push((share, lanes.share(share)));
        }
        self.judged = 0;
        if ![upper, lower].iter().all(|row| cells.own_rows.get(*row) == Some(&true)) {
            self.enlarge(cells, [across, down], (upper, lower));
            self.prefetch(lanes, cells, across, lower + 1);
            self.judge(lanes);
        }
        y..y + self.shares.len()
    }

    #[inline(always)]
    fn enlarge(&mut self, cells: &Cells, [across, down]: [GridAxis; 2], (upper, lower): (usize, usize)) {
        if self.upper.row != Some(upper) && self.lower.row == Some(upper) {
            std::mem::swap(&mut self.upper, &mut self.lower);
        }
        let scales = [across.scale, down.scale, across.scale, down.scale, 1.0, 1.0];
        for (enlarged, wanted) in [(&mut self.upper, upper), (&mut self.lower, lower)] {
            if enlarged.row == Some(wanted) {
                continue;
            }
            enlarged.row = Some(wanted);
            for ((out, plane), scale) in enlarged.planes.iter_mut().zip(&cells.planes).zip(scales) {
                let row = plane.get(wanted * across.cells..(wanted + 1) * across.cells);
                self.enlarger.enlarge(row.unwrap_or_default(), scale as f32, out);
            }
        }
    }

    /// Has the cells of row `row` that the strip needs fetched: those of a strip are so far apart that processors do not foresee
    /// them.
    #[inline(always)]
    fn prefetch<S: Sample, L: Lanes<S>>(&self, lanes: L, cells: &Cells, across: GridAxis, row: usize) {
        let (first, count) = self.enlarger.needed();
        for plane in &cells.planes {
            let row = plane.get(row * across.cells..(row + 1) * across.cells).unwrap_or_default();
            for line in row.get(first..).unwrap_or_default().chunks(LINE / size_of::<f32>()).take(count) {
                lanes.prefetch(line.as_ptr().cast());
            }
        }
    }

    /// Finds out what holds for each block.
    #[inline(always)]
    fn judge<S: Sample, L: Lanes<S, Stored = T>>(&mut self, lanes: L) {
        let starts = (self.enlarger.lead..).step_by(BLOCK);
        for (block, start) in self.blocks.iter_mut().zip(starts) {
            let rows = (numbers_of(&self.upper.planes, start), numbers_of(&self.lower.planes, start));
            let (Some(upper), Some(lower)) = rows else { return };
            block.judge(lanes, upper, lower);
            self.judged += 1;
        }
    }

    /// The displacements of block `index` into the first frame or into the other.
    pub(super) fn displacements(&self, index: usize, other: bool) -> Option<[Ends<&Numbers>; 2]> {
        let start = self.enlarger.lead + index * BLOCK;
        let [first_x, first_y, other_x, other_y, ..] = numbers_of(&self.upper.planes, start)?;
        let upper = if other { [other_x, other_y] } else { [first_x, first_y] };
        let [first_x, first_y, other_x, other_y, ..] = numbers_of(&self.lower.planes, start)?;
        let lower = if other { [other_x, other_y] } else { [first_x, first_y] };
        let ([upper_x, upper_y], [lower_x, lower_y]) = (upper, lower);
        Some([Ends { upper: upper_x, lower: lower_x }, Ends { upper: upper_y, lower: lower_y }])
    }
}

/// dx and dy into the first frame and into the other, weights and shares of the block at `start`.
#[inline(always)]
fn numbers_of(planes: &[Vec<f32>; CELL_PLANES], start: usize) -> Option<[&Numbers; CELL_PLANES]> {
    let [a, b, c, d, e, f] = planes;
    Some([at(a, start)?, at(b, start)?, at(c, start)?, at(d, start)?, at(e, start)?, at(f, start)?])
}

#[inline(always)]
fn at(plane: &[f32], start: usize) -> Option<&Numbers> {
    plane.get(start..)?.first_chunk()
}

impl<T: Copy + Default> Block<T> {
    /// Finds out what holds for the block, in place: blocks are large and copying them costs as much.
    #[inline(always)]
    fn judge<S: Sample, L: Lanes<S, Stored = T>>(
        &mut self,
        lanes: L,
        upper: [&Numbers; CELL_PLANES],
        lower: [&Numbers; CELL_PLANES],
    ) {
        let [first_x, first_y, other_x, other_y, weight, share] = upper;
        let [first_x2, first_y2, other_x2, other_y2, weight2, share2] = lower;
        let [weights, shares] = lanes.bounds([weight, share], [weight2, share2]);
        let [none, all] = [(0.0, 0.0), (1.0, 1.0)];
        self.origin = Origin::Own;
        self.mixed = shares != all;
        if shares == none {
            return;
        }
        if weights != all {
            let bounds = lanes.bounds([first_x, first_y], [first_x2, first_y2]);
            if weights == none && bounds == [none; 2] {
                return;
            }
            self.first = motion(lanes, bounds, [first_x, first_y], [first_x2, first_y2]);
            self.origin = Origin::First;
        }
        if weights != none {
            let bounds = lanes.bounds([other_x, other_y], [other_x2, other_y2]);
            self.other = motion(lanes, bounds, [other_x, other_y], [other_x2, other_y2]);
            self.origin = if weights == all { Origin::Other } else { Origin::Both };
            self.weight = stored(lanes, weight, weight2, Shifts::ONE);
        }
        if self.mixed {
            self.share = stored(lanes, share, share2, Shifts::ONE);
        }
    }
}

#[inline(always)]
fn motion<S: Sample, L: Lanes<S>>(
    lanes: L,
    [across, down]: [(f32, f32); 2],
    [dx, dy]: [&Numbers; 2],
    [dx_below, dy_below]: [&Numbers; 2],
) -> Motion<L::Stored> {
    let (across, down) = (Shifts::between(across), Shifts::between(down));
    let (dx, dy) = (stored(lanes, dx, dx_below, across), stored(lanes, dy, dy_below, down));
    Motion { across, down, dx, dy }
}

#[inline(always)]
fn stored<S: Sample, L: Lanes<S>>(
    lanes: L,
    upper: &Numbers,
    lower: &Numbers,
    shifts: Shifts,
) -> Ends<L::Stored> {
    let (first, most, bits) = (shifts.first as f32, shifts.most, shifts.bits);
    Ends { upper: lanes.store(upper, first, most, bits), lower: lanes.store(lower, first, most, bits) }
}
