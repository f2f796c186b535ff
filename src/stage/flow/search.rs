//! Coarse to fine: which displacement each patch of a grid has.

use super::patch::{Match, SIDE, Template, Vector};
use super::plane::Level;

/// From one patch to the next, in samples.
pub(super) const STRIDE: usize = 4;

/// Where patches lie along an axis: at multiples of the stride, the last one at the end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Axis {
    last: usize,
    pub(super) count: usize,
}

impl Axis {
    pub(super) fn new(length: usize) -> Self {
        let last = length.saturating_sub(SIDE);
        Self { last, count: last.div_ceil(STRIDE) + 1 }
    }

    pub(super) fn place(self, index: usize) -> usize {
        (index * STRIDE).min(self.last)
    }
}

/// The matches of one level's patches, row by row.
#[derive(Clone, Debug, Default)]
pub(super) struct Grid {
    pub(super) columns: Axis,
    pub(super) rows: Axis,
    pub(super) matches: Vec<Match>,
}

impl Grid {
    fn reshape(&mut self, level: &Level) {
        (self.columns, self.rows) = (Axis::new(level.width), Axis::new(level.height));
        self.matches.clear();
        self.matches.resize(self.columns.count * self.rows.count, Match::default());
    }

    /// Searches `other` for the patches of `first`, from the matches of the level above. Good matches spread to the right
    /// and down; `in_two_passes`, to the left and up as well.
    #[inline(always)]
    pub(super) fn search(
        &mut self,
        first: &Level,
        other: &Level,
        coarse: Option<&Self>,
        in_two_passes: bool,
    ) {
        self.reshape(first);
        for row in 0..self.rows.count {
            for column in 0..self.columns.count {
                let patch = Patch::new(first, self, (column, row));
                let found = self.search_patch(&patch, other, coarse, (column, row));
                self.set((column, row), found);
            }
        }
        if !in_two_passes {
            return;
        }
        for row in (0..self.rows.count).rev() {
            for column in (0..self.columns.count).rev() {
                let patch = Patch::new(first, self, (column, row));
                if let Some(found) = self.improve_patch(&patch, other, (column, row)) {
                    self.set((column, row), found);
                }
            }
        }
    }

    #[inline(always)]
    fn search_patch(
        &self,
        patch: &Patch,
        other: &Level,
        coarse: Option<&Self>,
        (column, row): (usize, usize),
    ) -> Match {
        // Standing still comes first: overlays do.
        let mut best = Match { vector: (0.0, 0.0), cost: patch.cost(other, (0.0, 0.0)) };
        if let Some(coarse) = coarse {
            for row in [row / 2, row.div_ceil(2)] {
                for column in [column / 2, column.div_ceil(2)] {
                    let vector =
                        coarse.get((column, row)).map(|found| (2.0 * found.vector.0, 2.0 * found.vector.1));
                    best = patch.better(other, best, vector);
                }
            }
        }
        let left = column.checked_sub(1).and_then(|column| self.get((column, row)));
        let above = row.checked_sub(1).and_then(|row| self.get((column, row)));
        for neighbour in [left, above] {
            best = patch.better(other, best, neighbour.map(|found| found.vector));
        }
        patch.template.descend(other, patch.place, best.vector)
    }

    /// A better match that the patches to the right or below lead to.
    #[inline(always)]
    fn improve_patch(&self, patch: &Patch, other: &Level, (column, row): (usize, usize)) -> Option<Match> {
        let known = self.get((column, row))?;
        let mut best = known;
        for neighbour in [self.get((column + 1, row)), self.get((column, row + 1))] {
            best = patch.better(other, best, neighbour.map(|found| found.vector));
        }
        (best.vector != known.vector).then(|| patch.template.descend(other, patch.place, best.vector))
    }

    fn get(&self, (column, row): (usize, usize)) -> Option<Match> {
        if column >= self.columns.count {
            return None;
        }
        self.matches.get(row * self.columns.count + column).copied()
    }

    fn set(&mut self, (column, row): (usize, usize), found: Match) {
        if let Some(place) = self.matches.get_mut(row * self.columns.count + column) {
            *place = found;
        }
    }
}

/// A template with its place.
struct Patch {
    template: Template,
    place: Vector,
}

impl Patch {
    #[inline(always)]
    fn new(level: &Level, grid: &Grid, (column, row): (usize, usize)) -> Self {
        let (x, y) = (grid.columns.place(column), grid.rows.place(row));
        Self { template: Template::new(level, x as isize, y as isize), place: (x as f32, y as f32) }
    }

    #[inline(always)]
    fn cost(&self, other: &Level, vector: Vector) -> f32 {
        self.template.cost(other, self.place, vector)
    }

    /// `best`, or what is at `vector` if that matches better.
    #[inline(always)]
    fn better(&self, other: &Level, best: Match, vector: Option<Vector>) -> Match {
        match vector {
            Some(vector) if vector != best.vector => {
                let cost = self.cost(other, vector);
                if cost < best.cost { Match { vector, cost } } else { best }
            }
            _ => best,
        }
    }
}
