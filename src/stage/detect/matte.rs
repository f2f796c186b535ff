//! Bars beside a picture of another shape: letterboxes, pillarboxes, windows. They stand still at a cut as well, and their edges have
//! more contrast than most of what they frame.

use super::measure::{BLOCK, View};
use std::ops::Range;

/// How far a bar's samples may be from its colour, in luma (0 to 1): two 8-bit code values, which coding may change.
const NOISE: f32 = 0.008;
/// Blocks along a side that are left at least; of fewer, too little is explained by motion.
const FEWEST_BLOCKS: usize = 3;

/// The columns and rows between the bars that two pictures of one size have in common.
pub(super) fn framed(now: View<'_>, before: View<'_>) -> (Range<usize>, Range<usize>) {
    let pictures = [now, before];
    let rows = between(now.height(), |y| colour(pictures.iter().flat_map(|picture| picture.row(y))));
    let columns = between(now.width(), |x| {
        let inside = rows.clone();
        colour(pictures.iter().flat_map(|picture| inside.clone().flat_map(|y| picture.row(y).get(x))))
    });
    if rows.len().min(columns.len()) < FEWEST_BLOCKS * BLOCK {
        return (0..now.width(), 0..now.height());
    }
    (columns, rows)
}

/// The lines between the bars at both ends of `count` lines, whose colour is that of those that have only one.
fn between(count: usize, colour: impl Fn(usize) -> Option<f32>) -> Range<usize> {
    let thickness = |line: &dyn Fn(usize) -> usize| {
        let colours = (0..count).map_while(|number| colour(line(number)));
        let mut first = None;
        let same =
            colours.take_while(|colour| (colour - *first.get_or_insert(*colour)).abs() <= NOISE).count();
        // The line beside a bar has samples of both.
        if same > 0 { same + 1 } else { 0 }
    };
    let start = thickness(&|number| number).min(count);
    let end = count.saturating_sub(thickness(&|number| count - 1 - number));
    start..end.max(start)
}

/// The colour of samples that are all the same.
fn colour<'a>(samples: impl Iterator<Item = &'a f32>) -> Option<f32> {
    let (least, most) = samples.fold((f32::INFINITY, f32::NEG_INFINITY), |(least, most), sample| {
        (sample.min(least), sample.max(most))
    });
    (most - least <= 2.0 * NOISE).then_some((least + most) * 0.5)
}
