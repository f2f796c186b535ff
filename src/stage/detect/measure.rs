//! What a pair of consecutive pictures has in common, measured at a size of a few thousand samples.

use super::matte;
use crate::frame::SmallFrame;
use std::ops::Range;

/// Width, in samples, that pictures are reduced to at most: thresholds so hold for any resolution.
const LARGEST_WIDTH: usize = 96;
/// Side of the blocks that are compared.
pub(super) const BLOCK: usize = 8;
/// How far a block is sought, in samples: 1/16 to 1/8 of the width.
const REACH: isize = 6;
/// Contrast below which a block counts as flat, in luma (0 to 1): half an 8-bit code value.
const FLAT: f32 = 0.002;

/// A picture's luma, reduced.
#[derive(Clone, Debug, Default)]
pub(super) struct Miniature {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

/// How two pictures differ if blocks may move.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Difference {
    /// What no movement explains, as a share of the contrast: 0 for the same picture, about 0.7 to 1 for unrelated ones.
    pub(super) structure: f32,
    /// Mean change of the blocks' brightness, in luma (0 to 1).
    pub(super) brightness: f32,
}

/// How three consecutive pictures change if nothing moves.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fading {
    /// Mean absolute difference of the last two, in luma (0 to 1).
    pub(super) change: f32,
    /// How unlike the two differences are: 0 if they are the same, 1 if they are unrelated or opposite.
    pub(super) unsteadiness: f32,
    /// The share of the last difference that a small movement of each block does not explain, 0 to 1.
    pub(super) unmoved: f32,
    /// How evenly the last difference is spread over the picture: 1 if all blocks have as much, a share of that if the
    /// difference is in as large a share of the blocks.
    pub(super) spread: f32,
}

/// How alike two frames are, sample by sample.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sameness {
    /// Mean absolute difference of the plane that has most: luma (0 to 1) or chroma (-0.5 to 0.5).
    pub(super) mean: f32,
    /// The largest mean absolute difference of a block of 8 x 8.
    pub(super) largest: f32,
    /// The share of the energy of luma's differences that a small movement of each block does not explain, 0 to 1.
    pub(super) unmoved: f32,
}

impl Miniature {
    /// Becomes `frame`'s luma at up to the largest width.
    pub(super) fn take(&mut self, frame: &SmallFrame) {
        self.reduce(frame, (2 * frame.width).div_ceil(LARGEST_WIDTH).max(1));
    }

    /// Becomes `frame`'s luma, `factor` times smaller.
    fn reduce(&mut self, frame: &SmallFrame, factor: usize) {
        (self.width, self.height) = (2 * frame.width / factor, 2 * frame.height / factor);
        self.values.clear();
        self.values.resize(self.width * self.height, 0.0);
        let scale = 1.0 / (factor * factor) as f32;
        for (y, out) in self.values.chunks_exact_mut(self.width.max(1)).enumerate() {
            for row in y * factor..(y + 1) * factor {
                for (out, group) in out.iter_mut().zip(frame.luma_row(row).chunks_exact(factor)) {
                    *out += group.iter().sum::<f32>() * scale;
                }
            }
        }
    }

    pub(super) fn view(&self) -> View<'_> {
        View { width: self.width, height: self.height, stride: self.width, values: &self.values }
    }
}

/// Luma, row by row, of a picture or a part of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    width: usize,
    height: usize,
    /// Samples from one row to the next.
    stride: usize,
    values: &'a [f32],
}

/// The rows of a block.
type Block<'a> = [&'a [f32; BLOCK]; BLOCK];

impl<'a> View<'a> {
    fn of(frame: &'a SmallFrame) -> Self {
        let (width, height) = (2 * frame.width, 2 * frame.height);
        Self { width, height, stride: width, values: &frame.luma }
    }

    pub(super) const fn width(self) -> usize {
        self.width
    }

    pub(super) const fn height(self) -> usize {
        self.height
    }

    /// Row number `y`; nothing beyond the last one.
    pub(super) fn row(self, y: usize) -> &'a [f32] {
        let start = y * self.stride;
        self.values.get(start..start + self.width).unwrap_or_default()
    }

    /// These columns and rows of it.
    pub(super) fn cropped(self, columns: Range<usize>, rows: Range<usize>) -> Self {
        let start = rows.start * self.stride + columns.start;
        let values = self.values.get(start..).unwrap_or_default();
        Self { width: columns.len(), height: rows.len(), stride: self.stride, values }
    }

    /// The block whose corner is at (x, y), or none if it is not all inside.
    fn block(self, x: isize, y: isize) -> Option<Block<'a>> {
        let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
        if x + BLOCK > self.width || y + BLOCK > self.height {
            return None;
        }
        let mut rows = [&[0.0; BLOCK]; BLOCK];
        for (row, y) in rows.iter_mut().zip(y..) {
            *row = self.values.get(y * self.stride + x..)?.first_chunk()?;
        }
        Some(rows)
    }

    /// Corners of the blocks side by side that cover the picture, but for what is left at its right and lower edge.
    fn corners(self) -> impl Iterator<Item = (isize, isize)> {
        let (columns, rows) = (self.width / BLOCK, self.height / BLOCK);
        let corner = |index: usize| (index * BLOCK) as isize;
        (0..rows).flat_map(move |row| (0..columns).map(move |column| (corner(column), corner(row))))
    }

    /// The blocks of both pictures.
    fn pairs(self, other: Self) -> impl Iterator<Item = (Block<'a>, Block<'a>)> {
        self.corners().filter_map(move |(x, y)| Some((self.block(x, y)?, other.block(x, y)?)))
    }
}

/// Compares `now` with `before`, from where each of its blocks is sought.
pub(super) fn difference(now: View, before: View) -> Difference {
    let (columns, rows) = matte::framed(now, before);
    // What is of one colour in both pictures may be a bar, or a background that things move over: it is sought in as well.
    let (start_x, start_y) = (columns.start as isize, rows.start as isize);
    let now = now.cropped(columns, rows);
    let (mut left, mut contrast, mut brightness, mut count) = (0.0, 0.0, 0.0, 0.0);
    for (x, y) in now.corners() {
        let Some(block) = now.block(x, y) else { continue };
        let (unexplained, change) = best_match(&block, before, (start_x + x, start_y + y));
        left += unexplained.sqrt();
        contrast += (deviation(&block) + FLAT * FLAT).sqrt();
        brightness += change.abs();
        count += 1.0;
    }
    if count == 0.0 {
        return Difference::default();
    }
    // Blocks of unrelated pictures differ by more than their contrast; a share is 1 at most.
    Difference { structure: (left / contrast).min(1.0), brightness: brightness / count }
}

/// The least variance of differences to the block, and the mean difference there.
fn best_match(block: &Block, before: View, (x, y): (isize, isize)) -> (f32, f32) {
    let mut best = (f32::INFINITY, 0.0);
    for dy in -REACH..=REACH {
        for dx in -REACH..=REACH {
            let Some(candidate) = before.block(x + dx, y + dy) else { continue };
            let found = variance(block, &candidate);
            if found.0 < best.0 {
                best = found;
            }
        }
    }
    best
}

/// Variance and mean of the differences of two blocks.
fn variance(a: &Block, b: &Block) -> (f32, f32) {
    let (mut sums, mut squares) = ([0.0; BLOCK], [0.0; BLOCK]);
    for (a, b) in a.iter().zip(b) {
        for ((sum, square), (a, b)) in sums.iter_mut().zip(&mut squares).zip(a.iter().zip(*b)) {
            let difference = a - b;
            *sum += difference;
            *square += difference * difference;
        }
    }
    let count = (BLOCK * BLOCK) as f32;
    let mean = sums.iter().sum::<f32>() / count;
    ((squares.iter().sum::<f32>() / count - mean * mean).max(0.0), mean)
}

fn deviation(block: &Block) -> f32 {
    variance(block, &[&[0.0; BLOCK]; BLOCK]).0
}

/// Compares the newest of three pictures with the ones before.
pub(super) fn fading(now: View, before: View, older: View) -> Fading {
    let (mut change, mut other, mut uneven) = (0.0, 0.0, 0.0);
    for ((now, before), older) in now.values.iter().zip(before.values).zip(older.values) {
        let (last, first) = (now - before, before - older);
        change += last.abs();
        other += first.abs();
        uneven += (last - first).abs();
    }
    let (mut left, mut all, mut squares, mut count) = (0.0, 0.0, 0.0, 0.0);
    for (now, before) in now.pairs(before) {
        let (rest, energy) = unmoved(&now, &before);
        left += rest.sqrt();
        all += energy.sqrt();
        squares += energy;
        count += 1.0;
    }
    let share = |part: f32, of: f32| if of > 0.0 { part / of } else { 1.0 };
    Fading {
        change: change / now.values.len().max(1) as f32,
        unsteadiness: share(uneven, change + other),
        unmoved: share(left, all),
        spread: share(all * all, squares * count),
    }
}

/// The energy of the difference of two blocks that no small movement explains (least squares on the gradients; Lucas and
/// Kanade, 1981), and all of it. Their outermost samples have no gradient and are left out.
fn unmoved(now: &Block, before: &Block) -> (f32, f32) {
    let (mut means, mut changes) = ([[0.0; BLOCK]; BLOCK], [[0.0; BLOCK]; BLOCK]);
    for ((mean, change), (now, before)) in means.iter_mut().zip(&mut changes).zip(now.iter().zip(before)) {
        for ((mean, change), (now, before)) in mean.iter_mut().zip(change).zip(now.iter().zip(*before)) {
            (*mean, *change) = ((now + before) * 0.5, now - before);
        }
    }
    // Sums of products of the gradients and the change; the first are never singular.
    let (mut xx, mut xy, mut yy) = (1e-9, 0.0, 1e-9);
    let (mut xt, mut yt, mut tt) = (0.0, 0.0, 0.0);
    for (rows, changes) in means.windows(3).zip(changes.iter().skip(1)) {
        let [above, here, below] = rows else { continue };
        let columns = above.iter().zip(below).skip(1);
        for ((beside, (above, below)), change) in here.windows(3).zip(columns).zip(changes.iter().skip(1)) {
            let [left, _, right] = beside else { continue };
            let (across, down) = ((right - left) * 0.5, (below - above) * 0.5);
            xx += across * across;
            xy += across * down;
            yy += down * down;
            xt += across * change;
            yt += down * change;
            tt += change * change;
        }
    }
    let explained = (yy * xt * xt - 2.0 * xy * xt * yt + xx * yt * yt) / (xx * yy - xy * xy);
    ((tt - explained).max(0.0), tt)
}

/// Compares two frames of the same size.
///
/// Luma is compared at half of the source's size, for which the thresholds hold, whatever the frames' cells.
pub(super) fn sameness(now: &SmallFrame, before: &SmallFrame) -> Sameness {
    let mut found = if now.shrink == 2 {
        let [now, before] = [now, before].map(|frame| {
            let mut half = Miniature::default();
            half.reduce(frame, 2);
            half
        });
        sameness_of(now.view(), before.view())
    } else {
        sameness_of(View::of(now), View::of(before))
    };
    for (plane, earlier) in now.chroma.iter().zip(&before.chroma) {
        let [now, before] = [plane, earlier].map(|values| View {
            width: now.width,
            height: now.height,
            stride: now.width,
            values,
        });
        let (mean, largest) = distance(now, before);
        (found.mean, found.largest) = (found.mean.max(mean), found.largest.max(largest));
    }
    found
}

fn sameness_of(now: View<'_>, before: View<'_>) -> Sameness {
    if now.corners().next().is_none() {
        return Sameness { mean: 1.0, largest: 1.0, unmoved: 1.0 };
    }
    let (mut left, mut all) = (0.0, 0.0);
    for (now, before) in now.pairs(before) {
        let (rest, energy) = unmoved(&now, &before);
        left += rest;
        all += energy;
    }
    let (mean, largest) = distance(now, before);
    Sameness { mean, largest, unmoved: if all > 0.0 { left / all } else { 1.0 } }
}

/// The mean absolute difference of two pictures' blocks, and that of the block that has most.
fn distance(now: View<'_>, before: View<'_>) -> (f32, f32) {
    let (mut sum, mut largest, mut count) = (0.0, 0.0f32, 0.0);
    for (now, before) in now.pairs(before) {
        let samples = now.iter().zip(&before).flat_map(|(now, before)| now.iter().zip(*before));
        let block = samples.map(|(now, before)| (now - before).abs()).sum::<f32>();
        sum += block;
        largest = largest.max(block);
        count += 1.0;
    }
    let samples = (BLOCK * BLOCK) as f32;
    (sum / (samples * f32::max(count, 1.0)), largest / samples)
}
