//! Bilinear sampling of a plane along motion, for blocks of neighbouring samples at a time.
//!
//! Gathers are slow and motion is smooth: within a block, displacements have few integer parts, mostly one. So a block's
//! neighbours are loaded for each whole-sample shift that occurs in it, contiguously, and those that belong to a sample
//! are picked by comparisons.

use super::blended::{Blended, INTEGER_BASE};
use super::rows::Sample;
use crate::frame::Plane;

/// Samples of a block.
pub(super) const BLOCK: usize = 16;

/// One number for each sample of a block.
pub(super) type Lanes = [f32; BLOCK];

/// One value for each sample of a block.
pub(super) type Values<S> = [<S as Blended>::Value; BLOCK];

/// Most shifts along an axis, and in all, that are loaded; blocks with more are sampled one by one.
const MOST_ALONG: usize = 16;
const MOST: usize = 96;

/// The samples that a row of a block reads.
pub(super) type Window<S> = [S; BLOCK + MOST_ALONG];

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

    /// Row `y` in blocks, the last of which may reach beyond the picture.
    #[inline(always)]
    pub(super) fn blocks(&self, y: usize) -> &'a [[S; BLOCK]] {
        self.samples.get(y * self.stride..(y + 1) * self.stride).unwrap_or_default().as_chunks().0
    }

    /// What a row of a block reads from (x, y) on, samples moved to the nearest inside. Only the first `count` are
    /// meant; the others are of any value.
    #[inline(always)]
    fn window<'b>(&'b self, x: i32, y: i32, count: usize, outside: &'b mut Window<S>) -> &'b Window<S> {
        let start = y.clamp(0, self.height - 1) as usize * self.stride;
        if x >= 0 && x + count as i32 <= self.width {
            let rest = self.samples.get(start + x as usize..).unwrap_or_default();
            if let Some(window) = rest.first_chunk() {
                return window;
            }
        }
        for (sample, x) in outside.iter_mut().zip(x..).take(count) {
            let place = start + x.clamp(0, self.width - 1) as usize;
            *sample = self.samples.get(place).copied().unwrap_or(S::zeroed());
        }
        outside
    }

    #[inline(always)]
    fn at(&self, x: i32, y: i32) -> S {
        let place = y.clamp(0, self.height - 1) as usize * self.stride + x.clamp(0, self.width - 1) as usize;
        self.samples.get(place).copied().unwrap_or(S::zeroed())
    }
}

/// The integer parts of the displacements in a block along one axis.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Shifts {
    /// The least.
    pub(super) first: i32,
    /// Whole-sample shifts from the least integer part to the greatest one plus 1, at least 2.
    pub(super) count: usize,
}

/// The greatest integer up to `value`, which is within plus and minus 2^22.
#[inline(always)]
fn integer_part(value: f32) -> i32 {
    (value.floor() + INTEGER_BASE).to_bits() as i32 - INTEGER_BASE.to_bits() as i32
}

impl Shifts {
    /// The shifts of all displacements between `upper` and `lower`.
    #[inline(always)]
    pub(super) fn between(upper: &Lanes, lower: &Lanes) -> Self {
        let (mut least, mut greatest) = (i32::MAX, i32::MIN);
        for (upper, lower) in upper.iter().zip(lower) {
            let (upper, lower) = (integer_part(*upper), integer_part(*lower));
            least = least.min(upper).min(lower);
            greatest = greatest.max(upper).max(lower);
        }
        Self { first: least, count: greatest.saturating_sub(least) as usize + 2 }
    }
}

/// The block at (x, y) of what `source` shows along displacements `dx` and `dy`, whose shifts are given.
#[inline(always)]
pub(super) fn warp<S: Blended>(
    source: Source<'_, S>,
    (x, y): (i32, i32),
    [across, down]: [Shifts; 2],
    (dx, dy): (&Lanes, &Lanes),
    outside: &mut Window<S>,
) -> Values<S> {
    let start = (x + across.first, y + down.first);
    if across.count == 2 && down.count == 2 {
        let upper = pair_at(source.window(start.0, start.1, BLOCK + 1, outside), 0);
        let lower = pair_at(source.window(start.0, start.1 + 1, BLOCK + 1, outside), 0);
        let right = from_shift(dx, across.first);
        let below = from_shift(dy, down.first);
        return interpolate([upper, lower], &right, &below);
    }
    if across.count > MOST_ALONG || across.count * down.count > MOST {
        return warp_each(source, (x, y), (dx, dy));
    }
    let (columns, right) = split(&from_shift(dx, across.first));
    let (rows, below) = split(&from_shift(dy, down.first));
    let near = gather(source, start, (across.count, down.count), (&columns, &rows), outside);
    interpolate(near, &right, &below)
}

/// Displacements counted from a shift.
#[inline(always)]
fn from_shift(displacements: &Lanes, shift: i32) -> Lanes {
    let shift = shift as f32;
    displacements.map(
        #[inline(always)]
        |displacement| displacement - shift,
    )
}

/// The integer parts of small numbers, none of which is negative, and the rests.
#[inline(always)]
fn split<S: Sample>(values: &Lanes) -> ([S; BLOCK], Lanes) {
    let (mut integers, mut rests) = ([S::zeroed(); BLOCK], [0.0; BLOCK]);
    for ((integer, rest), value) in integers.iter_mut().zip(&mut rests).zip(values) {
        let whole = value.floor();
        *integer = S::truncate((whole + INTEGER_BASE).to_bits());
        *rest = value - whole;
    }
    (integers, rests)
}

/// Neighbours in a row for each sample of a block: the left ones and the right ones.
type Pair<S> = [[S; BLOCK]; 2];

/// The neighbours in `window`, each pair `columns` further, which is up to `across - 2`.
#[inline(always)]
fn picked<S: Sample>(window: &Window<S>, across: usize, columns: &[S; BLOCK]) -> Pair<S> {
    match across {
        // The same each time, but compiled for each number.
        2 => pick(window, 2, columns),
        3 => pick(window, 3, columns),
        4 => pick(window, 4, columns),
        _ => pick(window, across, columns),
    }
}

#[inline(always)]
fn pick<S: Sample>(window: &Window<S>, across: usize, columns: &[S; BLOCK]) -> Pair<S> {
    let mut pair = pair_at(window, 0);
    for column in 1..across - 1 {
        replace(columns, column, pair_at(window, column), &mut pair);
    }
    pair
}

#[inline(always)]
fn pair_at<S: Sample>(window: &Window<S>, column: usize) -> Pair<S> {
    let block = |start: usize| window.get(start..).and_then(|rest| rest.first_chunk()).copied();
    [column, column + 1].map(|start| block(start).unwrap_or([S::zeroed(); BLOCK]))
}

/// The upper and the lower neighbours of each sample, `columns` and `rows` after (x, y).
#[inline(always)]
fn gather<S: Sample>(
    source: Source<'_, S>,
    (x, y): (i32, i32),
    (across, down): (usize, usize),
    (columns, rows): (&[S; BLOCK], &[S; BLOCK]),
    outside: &mut Window<S>,
) -> [Pair<S>; 2] {
    let count = BLOCK + across - 1;
    let mut upper = picked(source.window(x, y, count, outside), across, columns);
    let mut lower = picked(source.window(x, y + 1, count, outside), across, columns);
    let mut last = lower;
    for row in 1..down - 1 {
        let next = picked(source.window(x, y + row as i32 + 1, count, outside), across, columns);
        replace(rows, row, last, &mut upper);
        replace(rows, row, next, &mut lower);
        last = next;
    }
    [upper, lower]
}

/// Takes samples from `from` where `places` is at least `place`.
#[inline(always)]
fn replace<S: Sample>(places: &[S; BLOCK], place: usize, from: Pair<S>, into: &mut Pair<S>) {
    let place = S::truncate(place as u32);
    for (into, from) in into.iter_mut().zip(from) {
        for ((into, from), at) in into.iter_mut().zip(from).zip(places) {
            *into = S::select(*at >= place, from, *into);
        }
    }
}

/// Interpolates by shares, within 0..1, of the right and of the lower neighbours.
#[inline(always)]
fn interpolate<S: Blended>([upper, lower]: [Pair<S>; 2], right: &Lanes, below: &Lanes) -> Values<S> {
    let right = shares::<S>(right);
    let mut out = between_columns::<S>(&upper, &right);
    let lower = between_columns::<S>(&lower, &right);
    blend::<S>(&mut out, &lower, below);
    out
}

#[inline(always)]
fn shares<S: Blended>(shares: &Lanes) -> Values<S> {
    let mut out = [S::ZERO; BLOCK];
    for (out, share) in out.iter_mut().zip(shares) {
        *out = S::share(*share);
    }
    out
}

#[inline(always)]
fn between_columns<S: Blended>([left, right]: &Pair<S>, shares: &Values<S>) -> Values<S> {
    let mut out = [S::ZERO; BLOCK];
    for (((out, left), right), share) in out.iter_mut().zip(left).zip(right).zip(shares) {
        *out = S::between(left.value(), right.value(), *share);
    }
    out
}

/// Moves `values` towards `others` by shares within 0..1.
#[inline(always)]
pub(super) fn blend<S: Blended>(values: &mut Values<S>, others: &Values<S>, shares: &Lanes) {
    for ((value, other), share) in values.iter_mut().zip(others).zip(shares) {
        *value = S::between(*value, *other, S::share(*share));
    }
}

/// Samples a block whose displacements have little in common.
fn warp_each<S: Blended>(source: Source<'_, S>, (x, y): (i32, i32), (dx, dy): (&Lanes, &Lanes)) -> Values<S> {
    let mut out = [S::ZERO; BLOCK];
    for ((out, x), (dx, dy)) in out.iter_mut().zip(x..).zip(dx.iter().zip(dy)) {
        let (left, top) = (dx.floor(), dy.floor());
        let (right, below) = (S::share(dx - left), S::share(dy - top));
        let (x, y) = (x + left as i32, y + top as i32);
        let between = |y: i32| S::between(source.at(x, y).value(), source.at(x + 1, y).value(), right);
        *out = S::between(between(y), between(y + 1), below);
    }
    out
}
