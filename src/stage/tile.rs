//! Cutting a picture into tiles of one size, so that memory is bounded and the network's shape is fixed.

use crate::kernel::{Region, TilePlace};

/// Ramp between two tiles, in input pixels.
const FEATHER: usize = 8;

/// One tile of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// What the network sees, in input pixels.
    pub region: Region,
    /// Where its output goes, in elements of the output tensor.
    pub place: TilePlace,
}

/// Tiles that cover a picture; all have the same size and lie inside the padded picture, so that the network sees
/// the picture's edge exactly where it would without tiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileGrid {
    /// Picture size rounded up to the network's multiple.
    pub padded: (usize, usize),
    /// Width and height of every tile, in input pixels.
    pub tile: (usize, usize),
    /// The tiles, row by row.
    pub tiles: Vec<Tile>,
}

/// One axis of a grid: tile length and starts, in input pixels.
struct Cuts {
    padded: usize,
    length: usize,
    starts: Vec<usize>,
}

impl TileGrid {
    /// Plans tiles with sides of at most `limit` input pixels.
    ///
    /// `multiple` is what sides must be multiples of, `margin` the overlap that the network needs on each side, and
    /// one input pixel corresponds to `elements.0 / elements.1` output tensor elements; `multiple` times that is whole.
    pub fn new(
        size: (usize, usize),
        limit: usize,
        multiple: usize,
        margin: usize,
        elements: (usize, usize),
    ) -> Self {
        let margin = margin.next_multiple_of(multiple);
        let feather = FEATHER.next_multiple_of(multiple);
        let columns = cut(size.0, limit, multiple, margin, feather);
        let rows = cut(size.1, limit, multiple, margin, feather);
        let scaled = |length: usize| length * elements.0 / elements.1;
        let mut tiles = Vec::with_capacity(columns.starts.len() * rows.starts.len());
        for (row, &y) in rows.starts.iter().enumerate() {
            for (column, &x) in columns.starts.iter().enumerate() {
                let (left, right) = ramps(&columns, column, margin, feather, scaled);
                let (top, bottom) = ramps(&rows, row, margin, feather, scaled);
                tiles.push(Tile {
                    region: Region { x: x as i64, y: y as i64, width: columns.length, height: rows.length },
                    place: TilePlace { x: scaled(x) as i64, y: scaled(y) as i64, left, right, top, bottom },
                });
            }
        }
        Self { padded: (columns.padded, rows.padded), tile: (columns.length, rows.length), tiles }
    }

    /// True if one tile covers the picture.
    pub fn is_whole(&self) -> bool {
        self.tiles.len() == 1
    }
}

fn cut(size: usize, limit: usize, multiple: usize, margin: usize, feather: usize) -> Cuts {
    let padded = size.next_multiple_of(multiple);
    let overlap = 2 * margin + feather;
    // A tile must be longer than its overlaps, or the grid would never advance.
    let limit = limit.max(2 * overlap + multiple).next_multiple_of(multiple);
    if padded <= limit {
        return Cuts { padded, length: padded, starts: vec![0] };
    }
    let count = (padded - overlap).div_ceil(limit - overlap);
    let length = (padded + (count - 1) * overlap).div_ceil(count).next_multiple_of(multiple);
    // Evenly spread and rounded down, neighbours still share at least `overlap`.
    let last = padded - length;
    let starts = (0..count).map(|index| index * last / (count - 1) / multiple * multiple).collect();
    Cuts { padded, length, starts }
}

/// Ramp position and length inside a tile, in output tensor elements.
type Ramp = Option<(usize, usize)>;

/// The ramps at both ends of tile `index`: in the middle of what it shares with its neighbour.
fn ramps(
    cuts: &Cuts,
    index: usize,
    margin: usize,
    feather: usize,
    scaled: impl Fn(usize) -> usize,
) -> (Ramp, Ramp) {
    let start_of = |index: usize| cuts.starts.get(index).copied();
    let Some(start) = start_of(index) else { return (None, None) };
    // A pair's ramp begins `margin` after the later tile's start: both tiles are exact there.
    let before = index.checked_sub(1).and_then(start_of).map(|_| (scaled(margin), scaled(feather)));
    let after = start_of(index + 1).map(|next| (scaled(next - start + margin), scaled(feather)));
    (before, after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_small_picture_is_one_tile() {
        let grid = TileGrid::new((641, 359), 2048, 2, 8, (1, 2));
        assert!(grid.is_whole());
        assert_eq!(grid.padded, (642, 360));
        assert_eq!(grid.tiles[0].place.left, None);
    }

    fn weight(tile: &Tile, x: i64) -> f64 {
        let local = x - tile.place.x;
        let ramp = |(start, length): (usize, usize)| {
            ((local - start as i64) as f64 + 0.5).clamp(0.0, length as f64) / length as f64
        };
        tile.place.left.map_or(1.0, ramp) * tile.place.right.map_or(1.0, |right| 1.0 - ramp(right))
    }

    proptest! {
        #[test]
        fn tiles_cover_every_element_once(width in 1usize..3000, limit in 64usize..900, margin in 0usize..20, multiple in 1usize..5) {
            let grid = TileGrid::new((width, 10), limit, multiple, margin, (2, 1));
            let length = (grid.padded.0 * 2) as i64;
            let mut sums = vec![0.0f64; length as usize];
            for tile in &grid.tiles {
                prop_assert!(tile.region.x >= 0);
                prop_assert!(tile.region.x as usize + tile.region.width <= grid.padded.0);
                prop_assert_eq!(tile.region.x as usize % multiple, 0);
                let start = tile.place.x;
                for x in start..start + (tile.region.width * 2) as i64 {
                    sums[x as usize] += weight(tile, x);
                }
            }
            for (x, sum) in sums.iter().enumerate() {
                prop_assert!((sum - 1.0).abs() < 1e-9, "element {} has weight {}", x, sum);
            }
        }
    }
}
