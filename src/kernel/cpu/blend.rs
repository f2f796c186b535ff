//! Weighted addition of a tile into a canvas.

use super::rows;
use crate::frame::{TensorLayout, TensorView};
use crate::kernel::TilePlace;

#[derive(Default)]
pub(super) struct Blender {
    weights: Vec<f32>,
}

/// How a tensor lies in memory: planes of rows of columns of pixels, each of `pixel` elements.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    rows: usize,
    columns: usize,
    pixel: usize,
}

impl Grid {
    pub(super) const fn of(tensor: TensorView<'_>) -> Self {
        let [channels, rows, columns] = tensor.shape;
        let pixel = match tensor.layout {
            TensorLayout::Nchw => 1,
            TensorLayout::Nhwc => channels,
        };
        Self { rows, columns, pixel }
    }

    const fn row(self) -> usize {
        self.columns * self.pixel
    }
}

impl Blender {
    pub(super) fn run(
        &mut self,
        arch: pulp::Arch,
        (tile, tile_grid): (&[f32], Grid),
        place: &TilePlace,
        (canvas, canvas_grid): (&mut [f32], Grid),
    ) {
        let pixel = tile_grid.pixel;
        self.weights.clear();
        for column in 0..tile_grid.columns {
            self.weights.extend(std::iter::repeat_n(place.column_weight(column), pixel));
        }
        let weights = &self.weights;
        let (skipped_columns, first_column) = clip(place.x);
        let (skipped, first) = (skipped_columns * pixel, first_column * pixel);
        let (skipped_rows, first_row) = clip(place.y);
        rows::vectorized(
            arch,
            #[inline(always)]
            || {
                let planes = canvas.chunks_exact_mut(canvas_grid.row() * canvas_grid.rows);
                for (canvas, tile) in planes.zip(tile.chunks_exact(tile_grid.row() * tile_grid.rows)) {
                    let canvas_rows = canvas.chunks_exact_mut(canvas_grid.row()).skip(first_row);
                    let tile_rows = tile.chunks_exact(tile_grid.row()).enumerate().skip(skipped_rows);
                    for (canvas, (row, tile)) in canvas_rows.zip(tile_rows) {
                        let row_weight = place.row_weight(row);
                        let canvas = canvas.get_mut(first..).unwrap_or_default();
                        let tile = tile.get(skipped..).unwrap_or_default();
                        let weights = weights.get(skipped..).unwrap_or_default();
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
