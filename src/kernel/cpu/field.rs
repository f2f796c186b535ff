//! A motion field brought to the grid of a plane, row by row, and what that says about blocks of samples.

use super::rows;
use super::warp::{BLOCK, Lanes, Shifts};
use crate::kernel::motion::{CELL_PLANES, Cells, GridAxis};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The first frame's own samples.
    Own,
    /// The first frame along its motion.
    First,
    /// The other frame along its motion.
    Other,
    /// Both, blended.
    Both,
}

/// What is the same for a block of samples in all rows between two rows of cells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) origin: Origin,
    /// True if the first frame's own samples have a share.
    pub(super) mixed: bool,
    pub(super) first: [Shifts; 2],
    pub(super) other: [Shifts; 2],
}

/// Motion, weights and shares for a row of samples.
#[derive(Debug, Default)]
pub(super) struct FieldRows {
    enlarger: Enlarger,
    upper: EnlargedRow,
    lower: EnlargedRow,
    /// The rows of cells for which the following holds.
    between: Option<(usize, usize)>,
    blocks: Vec<Block>,
    /// The planes that any block needs.
    needed: [bool; CELL_PLANES],
    row: [Vec<f32>; CELL_PLANES],
}

impl FieldRows {
    /// Starts a plane whose samples lie on the field as `across` says.
    pub(super) fn restart(&mut self, across: GridAxis) {
        self.enlarger.plan(across);
        self.between = None;
        let length = self.enlarger.length;
        for enlarged in [&mut self.upper, &mut self.lower] {
            enlarged.row = None;
            enlarged.planes.iter_mut().for_each(|plane| plane.resize(length, 0.0));
        }
        let padded = across.samples.next_multiple_of(BLOCK);
        self.row.iter_mut().for_each(|plane| plane.resize(padded, 0.0));
    }

    /// Computes row `y` of the plane.
    #[inline(always)]
    pub(super) fn move_to(&mut self, cells: &Cells, [across, down]: [GridAxis; 2], y: usize) {
        let (upper, lower, share) = down.cells_at(y);
        if self.between != Some((upper, lower)) {
            self.between = Some((upper, lower));
            if [upper, lower].iter().all(|row| cells.own_rows.get(*row) == Some(&true)) {
                self.blocks.clear();
                self.blocks.resize(across.samples.div_ceil(BLOCK), Block::OWN);
                self.needed = [false; CELL_PLANES];
                return;
            }
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
            self.judge();
        }
        let lead = self.enlarger.lead;
        let planes = self.upper.planes.iter().zip(&self.lower.planes).zip(self.needed);
        for (out, ((upper, lower), needed)) in self.row.iter_mut().zip(planes) {
            if !needed {
                continue;
            }
            let upper = upper.get(lead..).unwrap_or_default();
            let lower = lower.get(lead..).unwrap_or_default();
            for ((out, upper), lower) in out.iter_mut().zip(upper).zip(lower) {
                *out = upper + share * (lower - upper);
            }
        }
    }

    /// Finds out what holds for each block between the two rows of cells.
    #[inline(always)]
    fn judge(&mut self) {
        let lead = self.enlarger.lead;
        self.blocks.clear();
        for start in (0..self.row.first().map_or(0, Vec::len)).step_by(BLOCK) {
            let pairs =
                lanes_of(&self.upper.planes, lead + start).zip(lanes_of(&self.lower.planes, lead + start));
            let Some((upper, lower)) = pairs else { continue };
            self.blocks.push(Block::between(upper, lower));
        }
        let any = |wanted: &[Origin]| self.blocks.iter().any(|block| wanted.contains(&block.origin));
        let both = any(&[Origin::Both]);
        let (first, other) = (both || any(&[Origin::First]), both || any(&[Origin::Other]));
        let mixed = self.blocks.iter().any(|block| block.mixed);
        self.needed = [first, first, other, other, both, mixed];
    }

    /// The blocks of the row.
    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Block `index` of the row: dx and dy into the first frame and into the other, weights, shares.
    #[inline(always)]
    pub(super) fn lanes(&self, index: usize) -> Option<[&Lanes; CELL_PLANES]> {
        lanes_of(&self.row, index * BLOCK)
    }
}

#[inline(always)]
fn lanes_of(planes: &[Vec<f32>; CELL_PLANES], start: usize) -> Option<[&Lanes; CELL_PLANES]> {
    let [a, b, c, d, e, f] = planes;
    Some([at(a, start)?, at(b, start)?, at(c, start)?, at(d, start)?, at(e, start)?, at(f, start)?])
}

#[inline(always)]
fn at(plane: &[f32], start: usize) -> Option<&Lanes> {
    plane.get(start..)?.first_chunk()
}

impl Block {
    const OWN: Self = {
        let none = [Shifts { first: 0, count: 2 }; 2];
        Self { origin: Origin::Own, mixed: false, first: none, other: none }
    };

    #[inline(always)]
    fn between(upper: [&Lanes; CELL_PLANES], lower: [&Lanes; CELL_PLANES]) -> Self {
        let [first_x, first_y, other_x, other_y, weight, share] = upper;
        let [first_x2, first_y2, other_x2, other_y2, weight2, share2] = lower;
        let unmoved = all(first_x, first_x2, 0.0) && all(first_y, first_y2, 0.0);
        let origin = if all(share, share2, 0.0) {
            Origin::Own
        } else if all(weight, weight2, 0.0) {
            if unmoved { Origin::Own } else { Origin::First }
        } else if all(weight, weight2, 1.0) {
            Origin::Other
        } else {
            Origin::Both
        };
        let mut block = Self { origin, mixed: !all(share, share2, 1.0), ..Self::OWN };
        if matches!(origin, Origin::First | Origin::Both) {
            block.first = [Shifts::between(first_x, first_x2), Shifts::between(first_y, first_y2)];
        }
        if matches!(origin, Origin::Other | Origin::Both) {
            block.other = [Shifts::between(other_x, other_x2), Shifts::between(other_y, other_y2)];
        }
        block
    }
}

/// True if both are `value` throughout.
#[inline(always)]
fn all(upper: &Lanes, lower: &Lanes, value: f32) -> bool {
    let differs = |lane: &f32| (*lane - value) != 0.0;
    // Not `any`, which stops at the first one and so is not vectorised.
    upper.iter().zip(lower).fold(0u32, |sum, (a, b)| sum | u32::from(differs(a) | differs(b))) == 0
}
