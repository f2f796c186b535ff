//! Weighted addition of a tile into a canvas.

use super::rows;
use crate::kernel::TilePlace;

#[derive(Default)]
pub(super) struct Blender {
    weights: Vec<f32>,
}

impl Blender {
    /// Sizes are (columns, rows) in elements.
    pub(super) fn run(
        &mut self,
        arch: pulp::Arch,
        tile: &[f32],
        (columns, rows): (usize, usize),
        place: &TilePlace,
        canvas: &mut [f32],
        (canvas_columns, canvas_rows): (usize, usize),
    ) {
        self.weights.clear();
        self.weights.extend((0..columns).map(|column| place.column_weight(column)));
        let weights = &self.weights;
        let (skipped_columns, first_column) = clip(place.x);
        let (skipped_rows, first_row) = clip(place.y);
        rows::vectorized(
            arch,
            #[inline(always)]
            || {
                let channels = canvas.chunks_exact_mut(canvas_columns * canvas_rows);
                for (canvas, tile) in channels.zip(tile.chunks_exact(columns * rows)) {
                    let canvas_rows = canvas.chunks_exact_mut(canvas_columns).skip(first_row);
                    let tile_rows = tile.chunks_exact(columns).enumerate().skip(skipped_rows);
                    for (canvas, (row, tile)) in canvas_rows.zip(tile_rows) {
                        let row_weight = place.row_weight(row);
                        let canvas = canvas.get_mut(first_column..).unwrap_or_default();
                        let tile = tile.get(skipped_columns..).unwrap_or_default();
                        let weights = weights.get(skipped_columns..).unwrap_or_default();
                        for ((sum, value), weight) in canvas.iter_mut().zip(tile).zip(weights) {
                            *sum += value * (weight * row_weight);
                        }
                    }
                }
            },
        );
    }
}

/// Elements of the tile before the canvas, and elements of the canvas before the tile.
fn clip(position: i64) -> (usize, usize) {
    (usize::try_from(-position).unwrap_or(0), usize::try_from(position).unwrap_or(0))
}
