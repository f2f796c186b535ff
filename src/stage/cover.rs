//! Windows that cover the changed parts of a picture with little for the network to do.

use super::cells::CellMap;

/// Smallest side of a window where the picture has room for it, in input pixels. Smaller ones cost as much for their
/// margins as for themselves.
const LEAST_SIDE: usize = 64;

/// What a run of the network costs beside its pixels, in input pixels.
const RUN_COST: usize = 1024;

/// A rectangle inside a picture, in input pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Area {
    pub(super) const fn pixels(&self) -> usize {
        self.width * self.height
    }
}

/// A part of the picture that the network is to do again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// What the network sees.
    pub(super) input: Area,
    /// Where its output is what it would be for the whole picture, and can differ from the output before.
    pub(super) exact: Area,
}

impl Window {
    pub(super) const fn cost(&self) -> usize {
        self.input.pixels() + RUN_COST
    }
}

/// How windows lie in a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Width and height of the picture, rounded up to the network's multiple.
    pub(super) padded: (usize, usize),
    /// Starts of windows are multiples of this, and so are their ends inside of the picture.
    pub(super) unit: usize,
    /// How far a changed pixel reaches, a multiple of `unit`.
    pub(super) margin: usize,
    /// Largest width and height of a window.
    pub(super) limit: (usize, usize),
}

/// A rectangle of cells: first ones, and the ones behind the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
}

impl Layout {
    /// Windows for all marked cells of `map`.
    ///
    /// By recursive bisection, as adaptive meshes are made (Berger and Rigoutsos, 1991): a rectangle around marked
    /// cells is cut in two where that lowers the cost most.
    pub(super) fn cover(&self, map: &CellMap) -> Vec<Window> {
        let mut windows = Vec::new();
        let all = Block { left: 0, right: map.columns, top: 0, bottom: map.rows };
        if let Some(block) = shrink(map, all) {
            self.cover_block(map, block, &mut windows);
        }
        windows
    }

    fn cover_block(&self, map: &CellMap, block: Block, windows: &mut Vec<Window>) {
        let window = self.window(map.side, block);
        let fits = window.input.width <= self.limit.0 && window.input.height <= self.limit.1;
        let parts = if fits {
            self.best_cut(map, block).filter(|(_, cost)| *cost < window.cost()).map(|(parts, _)| parts)
        } else {
            self.halves(map, block, &window)
        };
        match parts {
            Some(parts) => parts.into_iter().for_each(|part| self.cover_block(map, part, windows)),
            None => windows.push(window),
        }
    }

    /// The cut of `block` whose two windows cost least, and their cost.
    fn best_cut(&self, map: &CellMap, block: Block) -> Option<([Block; 2], usize)> {
        let (rows, columns) = ranges(map, block);
        let upright = |part: Extent| Block {
            left: block.left + part.first,
            right: block.left + part.last + 1,
            top: block.top + part.low,
            bottom: block.top + part.high + 1,
        };
        let lying = |part: Extent| Block {
            left: block.left + part.low,
            right: block.left + part.high + 1,
            top: block.top + part.first,
            bottom: block.top + part.last + 1,
        };
        let across = cuts(&columns).map(|parts| parts.map(upright));
        let down = cuts(&rows).map(|parts| parts.map(lying));
        across
            .chain(down)
            .map(|parts| (parts, parts.iter().map(|part| self.window(map.side, *part).cost()).sum()))
            .min_by_key(|(_, cost)| *cost)
    }

    /// Both halves of a block whose window is too large; `None` if it is a single cell along that side.
    fn halves(&self, map: &CellMap, block: Block, window: &Window) -> Option<[Block; 2]> {
        let middle = |from: usize, to: usize| (to - from > 1).then_some(from.midpoint(to));
        let [first, second] = if window.input.width > self.limit.0 {
            let cut = middle(block.left, block.right)?;
            [Block { right: cut, ..block }, Block { left: cut, ..block }]
        } else {
            let cut = middle(block.top, block.bottom)?;
            [Block { bottom: cut, ..block }, Block { top: cut, ..block }]
        };
        Some([shrink(map, first)?, shrink(map, second)?])
    }

    fn window(&self, side: usize, block: Block) -> Window {
        let (x, across) = self.span(block.left * side, block.right * side, self.padded.0);
        let (y, down) = self.span(block.top * side, block.bottom * side, self.padded.1);
        Window {
            input: Area { x: x.0, y: y.0, width: x.1 - x.0, height: y.1 - y.0 },
            exact: Area { x: across.0, y: down.0, width: across.1 - across.0, height: down.1 - down.0 },
        }
    }

    /// Start and end of a window's input and of its exact part along one axis.
    fn span(&self, start: usize, end: usize, padded: usize) -> ((usize, usize), (usize, usize)) {
        let exact = (start.saturating_sub(self.margin), (end + self.margin).min(padded));
        let from = exact.0.saturating_sub(self.margin);
        let to = (exact.1 + self.margin).min(padded);
        let least = LEAST_SIDE.next_multiple_of(self.unit);
        let to = to.max((from + least).min(padded));
        let from = from.min(to.saturating_sub(least) / self.unit * self.unit);
        ((from, to), exact)
    }
}

/// The smallest block around the marked cells of `block`, if there are any.
fn shrink(map: &CellMap, block: Block) -> Option<Block> {
    let mut found: Option<Block> = None;
    for row in block.top..block.bottom {
        let marks = map.row(row).get(block.left..block.right).unwrap_or_default();
        let Some(first) = marks.iter().position(|mark| *mark) else { continue };
        let last = marks.iter().rposition(|mark| *mark).unwrap_or(first);
        let (left, right) = (block.left + first, block.left + last + 1);
        found = Some(match found {
            None => Block { left, right, top: row, bottom: row + 1 },
            Some(so_far) => Block {
                left: so_far.left.min(left),
                right: so_far.right.max(right),
                top: so_far.top,
                bottom: row + 1,
            },
        });
    }
    found
}

/// First and last marked cell of a line of cells, if it has any.
type Marked = Option<(usize, usize)>;

/// The marked cells of each row and of each column of `block`, counted from its corner.
fn ranges(map: &CellMap, block: Block) -> (Vec<Marked>, Vec<Marked>) {
    let mut columns: Vec<Marked> = vec![None; block.right - block.left];
    let rows = (block.top..block.bottom)
        .enumerate()
        .map(|(y, row)| {
            let marks = map.row(row).get(block.left..block.right).unwrap_or_default();
            for (column, _) in columns.iter_mut().zip(marks).filter(|(_, mark)| **mark) {
                *column = Some((column.map_or(y, |(first, _)| first), y));
            }
            Some((marks.iter().position(|mark| *mark)?, marks.iter().rposition(|mark| *mark)?))
        })
        .collect();
    (rows, columns)
}

/// The rectangle around the marked cells of some lines: first and last line, lowest and highest cell.
#[derive(Clone, Copy)]
struct Extent {
    first: usize,
    last: usize,
    low: usize,
    high: usize,
}

/// What lies on both sides of every cut between two lines.
fn cuts(lines: &[Marked]) -> impl Iterator<Item = [Extent; 2]> {
    let before = extents(lines.iter().enumerate());
    let mut after = extents(lines.iter().enumerate().rev());
    after.reverse();
    before.into_iter().zip(after.into_iter().skip(1)).filter_map(|(first, second)| Some([first?, second?]))
}

/// The rectangle around each line and those that came before it.
fn extents<'a>(lines: impl Iterator<Item = (usize, &'a Marked)>) -> Vec<Option<Extent>> {
    let mut around: Option<Extent> = None;
    lines
        .map(|(line, marked)| {
            if let Some((low, high)) = *marked {
                let start = around.unwrap_or(Extent { first: line, last: line, low, high });
                around = Some(Extent {
                    first: start.first.min(line),
                    last: start.last.max(line),
                    low: start.low.min(low),
                    high: start.high.max(high),
                });
            }
            around
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LAYOUT: Layout = Layout { padded: (640, 360), unit: 8, margin: 8, limit: (640, 640) };

    fn map(cells: &[(usize, usize)]) -> CellMap {
        let mut map = CellMap::new((640, 360), 16);
        for (column, row) in cells {
            map.rows_mut().nth(*row).unwrap()[*column] = true;
        }
        map
    }

    #[test]
    fn one_cell_is_one_small_window_and_far_ones_are_windows_of_their_own() {
        assert_eq!(LAYOUT.cover(&map(&[])), []);
        let [window] = LAYOUT.cover(&map(&[(10, 10)]))[..] else { panic!() };
        assert_eq!(window.exact, Area { x: 152, y: 152, width: 32, height: 32 });
        assert_eq!((window.input.width, window.input.height), (64, 64));
        let corners = LAYOUT.cover(&map(&[(0, 0), (39, 0), (0, 22), (39, 22)]));
        assert_eq!(corners.len(), 4);
        assert_eq!(corners.iter().map(|window| window.input.pixels()).sum::<usize>(), 4 * 64 * 64);
        assert_eq!(LAYOUT.cover(&map(&[(10, 10), (11, 10), (10, 11), (12, 12)])).len(), 1);
    }

    fn reaches(area: &Area, x: usize, y: usize) -> bool {
        (area.x..area.x + area.width).contains(&x) && (area.y..area.y + area.height).contains(&y)
    }

    proptest! {
        /// Every pixel within reach of a changed one is done again, and the network sees all that it needs for it.
        #[test]
        fn windows_hold_what_changes(
            cells in proptest::collection::vec((0usize..40, 0usize..23), 1..60),
            margin in (0usize..5).prop_map(|units| units * 8),
            limit in prop_oneof![Just(256usize), Just(640)],
        ) {
            let layout = Layout { margin, limit: (limit, limit), ..LAYOUT };
            let windows = layout.cover(&map(&cells));
            for (column, row) in cells {
                for (x, y) in [(column * 16, row * 16), (column * 16 + 15, row * 16 + 15)] {
                    let (left, top) = (x.saturating_sub(margin), y.saturating_sub(margin));
                    for (x, y) in [(left, top), ((x + margin).min(639), (y + margin).min(359))] {
                        prop_assert!(y > 359 || windows.iter().any(|window| reaches(&window.exact, x, y)));
                    }
                }
            }
            for window in windows {
                let (input, exact) = (window.input, window.exact);
                prop_assert!(input.x % 8 == 0 && input.y % 8 == 0);
                prop_assert!(input.x + input.width <= 640 && input.y + input.height <= 360);
                prop_assert!(input.width <= limit && input.height <= limit);
                prop_assert!(input.x == 0 || input.x + margin <= exact.x);
                prop_assert!(input.y == 0 || input.y + margin <= exact.y);
                let (right, bottom) = (input.x + input.width, input.y + input.height);
                prop_assert!(right == 640 || exact.x + exact.width + margin <= right);
                prop_assert!(bottom == 360 || exact.y + exact.height + margin <= bottom);
            }
        }
    }
}
