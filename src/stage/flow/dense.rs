//! From patches to cells: each cell's displacement is the mean of those of the patches over it, weighted by how well each
//! matches there.

use super::patch::{SIDE, Template, Values};
use super::plane::Level;
use super::search::Grid;

/// Added to the squared difference of a cell, in squared luma (0 to 1): two 8-bit code values.
const NOISE: f32 = 6e-5;

/// What is known of a cell: its displacement, in cells, and the mean absolute difference of luma between it and its
/// match.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cell {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) residual: f32,
}

/// The motion of each cell of a frame to another frame.
#[derive(Clone, Debug, Default)]
pub(super) struct Dense {
    pub(super) width: usize,
    pub(super) height: usize,
    cells: Vec<Cell>,
    weights: Vec<f32>,
}

impl Dense {
    /// The cells, row by row.
    pub(super) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// From the matches of a level, for cells of `SIZE` x `SIZE` of its samples.
    #[inline(always)]
    pub(super) fn gather<const SIZE: usize>(&mut self, grid: &Grid, first: &Level, other: &Level) {
        self.reset(first.width / SIZE, first.height / SIZE);
        let columns = grid.columns.count;
        for (index, found) in grid.matches.iter().enumerate() {
            let (x, y) = (grid.columns.place(index % columns), grid.rows.place(index / columns));
            let template = Template::new(first, x as isize, y as isize);
            let differences = template.differences(other, (x as f32, y as f32), found.vector);
            self.add::<SIZE>((x / SIZE, y / SIZE), found.vector, &differences);
        }
        for (cell, weight) in self.cells.iter_mut().zip(&self.weights) {
            let scale = if *weight > 0.0 { 1.0 / weight } else { 0.0 };
            let cells = scale / SIZE as f32;
            *cell = Cell { x: cell.x * cells, y: cell.y * cells, residual: cell.residual * scale };
        }
    }

    fn reset(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.cells.clear();
        self.cells.resize(width * height, Cell::default());
        self.weights.clear();
        self.weights.resize(width * height, 0.0);
    }

    /// Adds a patch whose first cell is at (x, y).
    #[inline(always)]
    fn add<const SIZE: usize>(&mut self, (x, y): (usize, usize), vector: (f32, f32), differences: &Values) {
        let width = self.width.saturating_sub(x).min(SIDE / SIZE);
        for (lines, row) in differences.chunks_exact(SIZE).zip(y..self.height) {
            let mut sums = [0.0; SIDE];
            for line in lines {
                for (sum, value) in sums.iter_mut().zip(line) {
                    *sum += value.abs();
                }
            }
            let start = row * self.width + x;
            let cells = self.cells.get_mut(start..start + width).unwrap_or_default();
            let weights = self.weights.get_mut(start..start + width).unwrap_or_default();
            for ((cell, total), sums) in cells.iter_mut().zip(weights).zip(sums.chunks_exact(SIZE)) {
                let residual = sums.iter().sum::<f32>() / (SIZE * SIZE) as f32;
                let weight = 1.0 / (residual * residual + NOISE);
                cell.x += vector.0 * weight;
                cell.y += vector.1 * weight;
                cell.residual += residual * weight;
                *total += weight;
            }
        }
    }

    /// What is known at a place between the centres of cells, interpolated bilinearly; at the nearest edge outside.
    #[inline(always)]
    pub(super) fn at(&self, x: f32, y: f32) -> Cell {
        let x = x.clamp(0.0, self.width.saturating_sub(1) as f32);
        let y = y.clamp(0.0, self.height.saturating_sub(1) as f32);
        let (column, row) = (x as usize, y as usize);
        let (share_x, share_y) = (x - column as f32, y - row as f32);
        let right = usize::from(column + 1 < self.width);
        let below = if row + 1 < self.height { self.width } else { 0 };
        let start = row * self.width + column;
        let cell = |offset: usize| self.cells.get(start + offset).copied().unwrap_or_default();
        let upper = cell(0).mixed(cell(right), share_x);
        upper.mixed(cell(below).mixed(cell(below + right), share_x), share_y)
    }
}

impl Cell {
    #[inline(always)]
    pub(super) fn mixed(self, other: Self, share: f32) -> Self {
        let mix = |a: f32, b: f32| a + (b - a) * share;
        Self {
            x: mix(self.x, other.x),
            y: mix(self.y, other.y),
            residual: mix(self.residual, other.residual),
        }
    }
}
