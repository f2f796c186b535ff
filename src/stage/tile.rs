//! Cutting a picture into tiles of one size, so that memory is bounded and the network's shape is fixed.

use crate::kernel::{Region, TilePlace};
use crate::model::Manifest;

/// Ramp between two tiles, in input pixels.
const FEATHER: usize = 8;

/// Memory that networks may take beside their weights unless the user sets the size of tiles, in bytes.
pub const NETWORK_MEMORY: u64 = 640 << 20;

/// Largest side of a tile where memory asks for no smaller one, in input pixels.
const TILE_SIDE: usize = 640;

/// Smallest side of a tile: smaller ones would be overlap, mostly.
const SMALLEST_TILE: usize = 64;

/// Networks of fewer weights are taken for narrow ones where their manifest does not say what memory they need.
const NARROW: u64 = 200_000;

/// One tile of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// What the network sees, in input pixels.
    pub region: Region,
    /// Where its output goes, in elements of the output tensor.
    pub place: TilePlace,
}

/// Largest side of a tile, in input pixels, for which the network of `manifest` takes about `memory` bytes. A network
/// that depends on the whole picture is not tiled.
pub fn tile_limit(manifest: &Manifest, memory: u64) -> usize {
    if manifest.global {
        return usize::from(u16::MAX);
    }
    let scale = manifest.scale as u64;
    let bytes = manifest.bytes_per_pixel.unwrap_or_else(|| match manifest.parameters {
        Some(parameters) if parameters < NARROW => 64 * size_of::<f32>() as u64,
        // Two activations of 64 channels at the output's size.
        _ => 2 * 64 * size_of::<f32>() as u64 * scale * scale,
    });
    let side = (memory / bytes.max(1)).isqrt() as usize;
    manifest.tile.unwrap_or(TILE_SIDE).min(side).max(SMALLEST_TILE)
}

/// What a network asks of its tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileRules {
    /// Largest width and height of what the network sees, in input pixels, unless the other rules ask for more.
    pub limit: usize,
    /// What width and height must be multiples of.
    pub multiple: usize,
    /// Pixels around a tile that the network uses up: they are in its input, but not in its output.
    pub padding: usize,
    /// Overlap that the network needs on each side.
    pub margin: usize,
    /// The only width and height that the network takes, with the padding.
    pub fixed: (Option<usize>, Option<usize>),
    /// One input pixel corresponds to `elements.0 / elements.1` output tensor elements; `multiple` times that is whole.
    pub elements: (usize, usize),
}

impl TileRules {
    /// The rules of a network for tiles of at most `limit` pixels a side.
    pub fn new(manifest: &Manifest, limit: usize) -> Self {
        let input = &manifest.input;
        Self {
            limit,
            multiple: input.multiple,
            padding: input.padding,
            margin: manifest.receptive_margin,
            fixed: (input.width, input.height),
            elements: (manifest.scale, manifest.output.depth_to_space),
        }
    }

    /// The next length from `length` on that gives, with the padding, a multiple.
    const fn fit(&self, length: usize) -> usize {
        let padding = 2 * self.padding;
        (length + padding).next_multiple_of(self.multiple) - padding
    }
}

/// Tiles that cover a picture; all have the same size and lie inside the padded picture, so that the network sees
/// the picture's edge exactly where it would without tiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileGrid {
    /// Picture size rounded up to what the network takes, without its padding.
    pub padded: (usize, usize),
    /// Width and height that every tile covers, in input pixels, without the network's padding.
    pub tile: (usize, usize),
    /// The tiles, row by row.
    pub tiles: Vec<Tile>,
}

/// One axis of a grid: tile length and starts, in input pixels.
struct Cuts {
    padded: usize,
    length: usize,
    starts: Vec<usize>,
    margin: usize,
    feather: usize,
}

impl TileGrid {
    /// Plans tiles for a picture of `size`.
    pub fn new(size: (usize, usize), rules: &TileRules) -> Self {
        let columns = cut(size.0, rules.fixed.0, rules);
        let rows = cut(size.1, rules.fixed.1, rules);
        let scaled = |length: usize| length * rules.elements.0 / rules.elements.1;
        let padding = rules.padding;
        let mut tiles = Vec::with_capacity(columns.starts.len() * rows.starts.len());
        for (row, &y) in rows.starts.iter().enumerate() {
            for (column, &x) in columns.starts.iter().enumerate() {
                let (left, right) = ramps(&columns, column, scaled);
                let (top, bottom) = ramps(&rows, row, scaled);
                tiles.push(Tile {
                    region: Region {
                        x: x as i64 - padding as i64,
                        y: y as i64 - padding as i64,
                        width: columns.length + 2 * padding,
                        height: rows.length + 2 * padding,
                    },
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

fn cut(size: usize, fixed: Option<usize>, rules: &TileRules) -> Cuts {
    let multiple = rules.multiple;
    // What makes a length without its overlap a multiple, so that tiles can start at multiples.
    let slack = rules.fit(0);
    let margin = rules.margin.next_multiple_of(multiple);
    let feather = FEATHER.next_multiple_of(multiple);
    let padded = rules.fit(size);
    let Some(side) = fixed else {
        let overlap = 2 * margin + feather + slack;
        // A tile must be longer than its overlaps, or the grid would never advance.
        let limit = rules.fit(rules.limit.saturating_sub(2 * rules.padding).max(2 * overlap + multiple));
        if padded <= limit {
            return Cuts { padded, length: padded, starts: vec![0], margin, feather };
        }
        let count = (padded - overlap).div_ceil(limit - overlap);
        let length = rules.fit((padded + (count - 1) * overlap).div_ceil(count));
        return spread(padded, length, count, (margin, feather), multiple);
    };
    let length = side - 2 * rules.padding;
    if size <= length {
        return Cuts { padded: length, length, starts: vec![0], margin, feather };
    }
    // The length is given, so margin and ramp take what it leaves.
    let feather = if length >= 2 * feather + multiple + slack { feather } else { 0 };
    let room = (length - slack).saturating_sub(2 * feather + multiple) / 2;
    let margin = margin.min(room / multiple * multiple);
    let overlap = 2 * margin + feather + slack;
    let count = (padded - overlap).div_ceil(length - overlap);
    spread(padded, length, count, (margin, feather), multiple)
}

/// `count` tiles of `length`, evenly spread over `padded`. Starts are rounded down to multiples, so neighbours are no
/// farther apart than the next multiple of their mean distance.
fn spread(
    padded: usize,
    length: usize,
    count: usize,
    (margin, feather): (usize, usize),
    multiple: usize,
) -> Cuts {
    let last = padded - length;
    let starts: Vec<usize> =
        (0..count).map(|index| index * last / (count - 1).max(1) / multiple * multiple).collect();
    // No longer than the way to the next tile, or three tiles would fade into each other.
    let step = starts.windows(2).filter_map(|pair| Some(pair.last()? - pair.first()?)).min();
    let feather = feather.min(step.unwrap_or(feather));
    Cuts { padded, length, starts, margin, feather }
}

/// Ramp position and length inside a tile, in output tensor elements.
type Ramp = Option<(usize, usize)>;

/// The ramps at both ends of tile `index`: in the middle of what it shares with its neighbour.
fn ramps(cuts: &Cuts, index: usize, scaled: impl Fn(usize) -> usize) -> (Ramp, Ramp) {
    let (margin, feather) = (cuts.margin, scaled(cuts.feather));
    let start_of = |index: usize| cuts.starts.get(index).copied();
    let Some(start) = start_of(index) else { return (None, None) };
    // A pair's ramp begins `margin` after the later tile's start: both tiles are exact there.
    let before = index.checked_sub(1).and_then(start_of).map(|_| (scaled(margin), feather));
    let after = start_of(index + 1).map(|next| (scaled(next - start + margin), feather));
    (before, after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: TileRules =
        TileRules { limit: 2048, multiple: 1, padding: 0, margin: 8, fixed: (None, None), elements: (2, 1) };

    #[test]
    fn a_small_picture_is_one_tile() {
        let grid = TileGrid::new((641, 359), &TileRules { multiple: 2, elements: (1, 2), ..RULES });
        assert!(grid.is_whole());
        assert_eq!(grid.padded, (642, 360));
        assert_eq!(grid.tiles[0].place.left, None);
    }

    #[test]
    fn a_picture_smaller_than_the_only_size_is_padded_to_it() {
        let grid = TileGrid::new((50, 200), &TileRules { padding: 3, fixed: (Some(64), Some(64)), ..RULES });
        assert_eq!((grid.tile, grid.padded), ((58, 58), (58, 200)));
        assert_eq!(grid.tiles[0].region, Region { x: -3, y: -3, width: 64, height: 64 });
        assert!(grid.tiles.iter().all(|tile| (tile.region.width, tile.region.height) == (64, 64)));
    }

    /// Checks that weights sum to 1 everywhere, and that a tile weighs nothing within the margin of an inner edge.
    fn check(width: usize, rules: &TileRules, margin: usize) -> Result<(), TestCaseError> {
        let grid = TileGrid::new((width, 10), rules);
        let scale = rules.elements.0;
        prop_assert!(grid.padded.0 >= width);
        let mut sums = vec![0.0f64; grid.padded.0 * scale];
        for tile in &grid.tiles {
            let start = tile.region.x + rules.padding as i64;
            let length = tile.region.width - 2 * rules.padding;
            prop_assert!(start >= 0 && start as usize + length <= grid.padded.0);
            prop_assert_eq!(start as usize % rules.multiple, 0);
            prop_assert_eq!(tile.region.width % rules.multiple, 0);
            prop_assert!(rules.fixed.0.is_none_or(|fixed| tile.region.width == fixed));
            for x in 0..length * scale {
                let weight = f64::from(tile.place.column_weight(x));
                sums[tile.place.x as usize + x] += weight;
                let inner_left = start > 0 && x < margin * scale;
                let inner_right = start as usize + length < grid.padded.0 && x >= (length - margin) * scale;
                prop_assert!(weight == 0.0 || !(inner_left || inner_right), "{} weighs {}", x, weight);
            }
        }
        for (x, sum) in sums.iter().enumerate() {
            prop_assert!((sum - 1.0).abs() < 1e-6, "element {} has weight {}", x, sum);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn tiles_cover_every_element_once(
            width in 1usize..3000,
            limit in 64usize..900,
            margin in 0usize..20,
            multiple in 1usize..5,
            padding in 0usize..20,
        ) {
            check(width, &TileRules { limit, multiple, margin, padding, ..RULES }, margin)?;
        }

        #[test]
        fn tiles_of_the_only_size_do_so_too(
            width in 1usize..1000,
            units in 1usize..80,
            margin in 0usize..60,
            multiple in 1usize..5,
            padding in 0usize..20,
        ) {
            let side = (2 * padding + 1).next_multiple_of(multiple) + units * multiple;
            let rules = TileRules { multiple, margin, padding, fixed: (Some(side), None), ..RULES };
            // Where the margin does not fit, a smaller one is better than nothing.
            let kept = if side >= 2 * padding + 2 * margin + 60 { margin } else { 0 };
            check(width, &rules, kept)?;
        }
    }
}
