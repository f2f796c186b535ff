//! Bilinear sampling of a plane along motion, for blocks of neighbouring samples at a time.
//!
//! Gathers are slow and motion is smooth: within a block, displacements have few integer parts, mostly one. So a block's
//! neighbours are loaded for each whole-sample shift that occurs in it, contiguously, and those that belong to a sample
//! are picked out of them.

use super::lanes::{BLOCK, Lanes, MOST_SHIFTS, Numbers, Pair, Window, block_at};
use super::rows::Sample;
use crate::frame::Plane;

/// Most windows, of one shift across and down each, that are looked at; blocks with more are sampled one by one.
const MOST: usize = 96;

/// A plane that is read.
#[derive(Clone, Copy)]
pub(super) struct Source<'a, S> {
    samples: &'a [S],
    stride: usize,
    width: i32,
    height: i32,
}

impl<'a, S: Sample> Source<'a, S> {
    pub(super) fn new(plane: &'a Plane) -> Self {
        Self {
            samples: bytemuck::cast_slice(plane.buffer.bytes()),
            stride: plane.stride / size_of::<S>(),
            width: plane.width as i32,
            height: plane.height as i32,
        }
    }

    /// Rows of blocks from (x, y) on; the memory of rows holds whole blocks.
    #[inline(always)]
    pub(super) fn blocks(self, x: usize, y: usize) -> impl Iterator<Item = &'a [S; BLOCK]> {
        let samples = self.samples.get(y * self.stride + x..).unwrap_or_default();
        samples.chunks(self.stride).map_while(|row| row.first_chunk())
    }

    /// The samples of `rows` rows from (x, y) on, `columns` in each, and how far it is from a row to the next. Those
    /// outside the picture are the nearest inside, copied into `outside`.
    #[inline(always)]
    fn region<'b>(
        &self,
        (x, y): (i32, i32),
        (columns, rows): (usize, usize),
        outside: &'b mut Vec<S>,
    ) -> Region<'b, S>
    where
        'a: 'b,
    {
        if x >= 0 && y >= 0 && x + columns as i32 <= self.width && y + rows as i32 <= self.height {
            let start = y as usize * self.stride + x as usize;
            let samples = self.samples.get(start..).unwrap_or_default();
            if samples.len() >= (rows - 1) * self.stride + WINDOW {
                return Region { samples, stride: self.stride };
            }
        }
        self.copy_region((x, y), (columns, rows), outside);
        Region { samples: outside, stride: WINDOW }
    }

    #[cold]
    fn copy_region(&self, (x, y): (i32, i32), (columns, rows): (usize, usize), outside: &mut Vec<S>) {
        // What is there already is written over.
        outside.resize(outside.len().max(rows * WINDOW), S::zeroed());
        let within = |x: i32| x.clamp(0, self.width) as usize;
        let (first, end) = (within(x), within(x + columns as i32));
        let before = (-x).clamp(0, columns as i32) as usize;
        for (out, y) in outside.as_chunks_mut::<WINDOW>().0.iter_mut().take(rows).zip(y..) {
            let start = y.clamp(0, self.height - 1) as usize * self.stride;
            let row = self.samples.get(start..start + self.width as usize).unwrap_or_default();
            let (Some(leftmost), Some(rightmost)) = (row.first(), row.last()) else { continue };
            let whole = row.get(first..).and_then(|row| row.first_chunk());
            if let Some(window) = whole.filter(|_| before == 0) {
                *out = *window;
                continue;
            }
            if first == end {
                *out = [if before > 0 { *leftmost } else { *rightmost }; WINDOW];
                continue;
            }
            let (left, rest) = out.split_at_mut(before);
            left.fill(*leftmost);
            let inside = row.get(first..end).unwrap_or_default();
            let (middle, right) = rest.split_at_mut(inside.len().min(rest.len()));
            middle.copy_from_slice(inside.get(..middle.len()).unwrap_or_default());
            right.fill(*rightmost);
        }
    }

    #[inline(always)]
    fn at(&self, x: i32, y: i32) -> f32 {
        let place = y.clamp(0, self.height - 1) as usize * self.stride + x.clamp(0, self.width - 1) as usize;
        self.samples.get(place).map_or(0.0, |sample| sample.widen())
    }
}

/// Samples of a [`Window`].
const WINDOW: usize = BLOCK + MOST_SHIFTS;

/// Samples that a block reads in all of its rows.
#[derive(Clone, Copy)]
pub(super) struct Region<'a, S> {
    samples: &'a [S],
    stride: usize,
}

impl<'a, S: Sample> Region<'a, S> {
    /// Has the `rows` rows below the first `rows` ones fetched.
    #[inline(always)]
    pub(super) fn prefetch<L: Lanes<S>>(&self, lanes: L, rows: usize) {
        prefetch_rows(lanes, self.samples, self.stride, rows);
    }

    #[inline(always)]
    fn window(&self, row: usize) -> Option<&'a Window<S>> {
        self.samples.get(row * self.stride..)?.first_chunk()
    }

    /// The neighbours of each sample of a row.
    #[inline(always)]
    fn pair(&self, row: usize) -> Pair<S> {
        let Some(window) = self.window(row) else { return [[S::zeroed(); BLOCK]; 2] };
        [block_at(window, 0), block_at(window, 1)]
    }

    /// Those of samples `columns` further, which are less than `most`.
    #[inline(always)]
    fn picked<L: Lanes<S>>(&self, lanes: L, row: usize, columns: [S; BLOCK], most: usize) -> Pair<S> {
        let Some(window) = self.window(row) else { return [[S::zeroed(); BLOCK]; 2] };
        lanes.pick(window, columns, most)
    }
}

/// Has the `rows` rows below the first `rows` ones of `samples` fetched, a line of the cache each.
#[inline(always)]
pub(super) fn prefetch_rows<S: Sample, L: Lanes<S>>(lanes: L, samples: &[S], stride: usize, rows: usize) {
    for row in rows..2 * rows {
        lanes.prefetch(samples.as_ptr().wrapping_add(row * stride));
    }
}

/// The integer parts of the displacements in a block along one axis.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Shifts {
    /// The least.
    pub(super) first: i32,
    /// Displacements are less than this much more than the least integer part.
    pub(super) most: usize,
    /// Bits for an integer less than `most`, as far as fixed point has them.
    pub(super) bits: u32,
}

impl Shifts {
    pub(super) const ONE: Self = Self { first: 0, most: 1, bits: 0 };

    /// The shifts of displacements from `least` to `greatest`, which are within plus and minus 2^22.
    #[inline(always)]
    pub(super) fn between((least, greatest): (f32, f32)) -> Self {
        let first = least.floor() as i32;
        let most = (greatest.floor() as i32 - first + 1).max(1) as usize;
        let bits = (most - 1).min(MOST_SHIFTS).checked_ilog2().map_or(0, |bits| bits + 1);
        Self { first, most, bits }
    }
}

/// A number for each sample of a block, in the row of cells above and in the one below.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ends<T> {
    pub(super) upper: T,
    pub(super) lower: T,
}

impl<T> Ends<T> {
    /// The numbers a share of the way down.
    #[inline(always)]
    pub(super) fn at<S: Sample, L: Lanes<S, Stored = T>>(&self, lanes: L, share: L::Values) -> L::Values {
        lanes.between(lanes.load(&self.upper), lanes.load(&self.lower), share)
    }
}

/// The motion of a block between two rows of cells.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Motion<T> {
    pub(super) across: Shifts,
    pub(super) down: Shifts,
    /// Displacements, counted from the first shifts.
    pub(super) dx: Ends<T>,
    pub(super) dy: Ends<T>,
}

impl<T> Motion<T> {
    /// True if displacements have so little in common that they are not counted from anything: their own numbers are
    /// needed.
    #[inline(always)]
    pub(super) const fn is_apart(&self) -> bool {
        let (across, down) = (self.across.most, self.down.most);
        across >= MOST_SHIFTS || down >= MOST_SHIFTS || (across + 1) * (down + 1) > MOST
    }
}

/// Where `source` shows the block at (x, y), of `rows` rows, along `motion`: what [`warp`] reads; nothing if the
/// displacements are apart.
#[inline(always)]
pub(super) fn region<'b, S: Sample, T>(
    source: Source<'b, S>,
    (x, y): (usize, usize),
    rows: usize,
    motion: &Motion<T>,
    outside: &'b mut Vec<S>,
) -> Option<Region<'b, S>> {
    if motion.is_apart() {
        return None;
    }
    let start = (x as i32 + motion.across.first, y as i32 + motion.down.first);
    Some(source.region(start, (BLOCK + motion.across.most, rows + motion.down.most), outside))
}

/// Row `row` of a block along `motion`, a share of the way between the rows of cells.
#[inline(always)]
pub(super) fn warp<S: Sample, L: Lanes<S>>(
    lanes: L,
    region: Region<'_, S>,
    row: usize,
    motion: &Motion<L::Stored>,
    share: L::Values,
) -> L::Values {
    let (dx, dy) = (motion.dx.at(lanes, share), motion.dy.at(lanes, share));
    let most = motion.across.most;
    if most == 1 && motion.down.most == 1 {
        return interpolate(lanes, [region.pair(row), region.pair(row + 1)], dx, dy);
    }
    let (columns, right) = lanes.split(dx, motion.across.bits);
    let (rows, below) = lanes.split(dy, motion.down.bits);
    let mut upper = region.picked(lanes, row, columns, most);
    let mut lower = region.picked(lanes, row + 1, columns, most);
    let mut last = lower;
    for place in 1..motion.down.most {
        let next = region.picked(lanes, row + 1 + place, columns, most);
        upper = lanes.replace(rows, place, last, upper);
        lower = lanes.replace(rows, place, next, lower);
        last = next;
    }
    interpolate(lanes, [upper, lower], right, below)
}

/// Interpolates by shares of the right and of the lower neighbours.
#[inline(always)]
fn interpolate<S: Sample, L: Lanes<S>>(
    lanes: L,
    [[upper_left, upper_right], [lower_left, lower_right]]: [Pair<S>; 2],
    right: L::Values,
    below: L::Values,
) -> L::Values {
    let upper = lanes.between(lanes.values(upper_left), lanes.values(upper_right), right);
    let lower = lanes.between(lanes.values(lower_left), lanes.values(lower_right), right);
    lanes.between(upper, lower, below)
}

/// As [`warp`], of the row at (x, y) of a block whose displacements have little in common.
#[cold]
pub(super) fn warp_each<S: Sample>(
    source: Source<'_, S>,
    (x, y): (usize, usize),
    [dx, dy]: [Ends<&Numbers>; 2],
    share: f32,
) -> Numbers {
    let between = |a: f32, b: f32, share: f32| a + share * (b - a);
    let (x, y) = (x as i32, y as i32);
    let mut out = [0.0; BLOCK];
    let displacements = dx.upper.iter().zip(dx.lower).zip(dy.upper.iter().zip(dy.lower));
    for ((out, x), ((dx, dx_below), (dy, dy_below))) in out.iter_mut().zip(x..).zip(displacements) {
        let (dx, dy) = (between(*dx, *dx_below, share), between(*dy, *dy_below, share));
        let (x, y) = (x + dx.floor() as i32, y + dy.floor() as i32);
        let row = |y: i32| between(source.at(x, y), source.at(x + 1, y), dx - dx.floor());
        *out = between(row(y), row(y + 1), dy - dy.floor());
    }
    out
}
