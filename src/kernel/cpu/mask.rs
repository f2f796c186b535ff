//! Which samples of a plane stand still.

use super::lanes::BLOCK;
use crate::frame::StillMask;
use crate::kernel::motion::GridAxis;

/// A block of the mask: 255 for each sample that stands still.
pub(super) type Still = [u8; BLOCK];
pub(super) const ALL: Still = [255; BLOCK];
pub(super) const NONE: Still = [0; BLOCK];

/// A mask brought to the grid of a plane's strip, row by row.
#[derive(Debug, Default)]
pub(super) struct MaskRow {
    /// The mask's columns that all samples of the strip cover: first and end.
    covered: (usize, usize),
    /// Those that each sample covers, counted from the first: first and last.
    columns: Vec<(u32, u32)>,
    cover: Cover,
    /// The mask's rows, from first to last, that `values` were made of.
    rows: Option<(usize, usize)>,
    /// The union of those rows.
    union: Vec<u8>,
    values: Vec<u8>,
}

/// How samples lie on the mask's columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Cover {
    /// One sample to a column.
    One,
    /// Two samples to a column: a picture of twice the size.
    Halves,
    /// Two columns to a sample: chroma of a picture of the same size.
    Pairs,
    #[default]
    Any,
}

impl Cover {
    fn of(columns: &[(u32, u32)]) -> Self {
        let all =
            |covered: &dyn Fn(u32) -> (u32, u32)| (0..).zip(columns).all(|(i, found)| *found == covered(i));
        if all(&|i| (i, i)) {
            Self::One
        } else if all(&|i| (i / 2, i / 2)) {
            Self::Halves
        } else if all(&|i| (2 * i, 2 * i + 1)) {
            Self::Pairs
        } else {
            Self::Any
        }
    }
}

impl MaskRow {
    pub(super) fn restart(&mut self, mask: Option<&StillMask>, across: GridAxis) {
        self.rows = None;
        self.values.clear();
        self.values.resize(across.samples.next_multiple_of(BLOCK), 0);
        if mask.is_none() {
            return;
        }
        let last = across.samples.saturating_sub(1);
        let start = across.covered(0).0;
        self.covered = (start, across.covered(last).1 + 1);
        self.columns.clear();
        self.columns.extend(
            (0..across.samples)
                .map(|index| across.covered(index))
                .map(|(first, last)| ((first - start) as u32, (last - start) as u32)),
        );
        self.cover = Cover::of(&self.columns);
    }

    #[inline(always)]
    pub(super) fn move_to(&mut self, mask: Option<&StillMask>, [across, down]: [GridAxis; 2], y: usize) {
        let Some(mask) = mask else { return };
        let rows = down.covered(y);
        if self.rows == Some(rows) {
            return;
        }
        self.rows = Some(rows);
        let row = |y: usize| mask.row(y).get(self.covered.0..self.covered.1).unwrap_or_default();
        self.union.clear();
        self.union.extend_from_slice(row(rows.0));
        for y in rows.0 + 1..=rows.1 {
            for (union, value) in self.union.iter_mut().zip(row(y)) {
                *union |= value;
            }
        }
        let values = self.values.get_mut(..across.samples).unwrap_or_default();
        let any = self.union.iter().fold(0, |any, value| any | value) != 0;
        if !any {
            values.fill(0);
            return;
        }
        match self.cover {
            Cover::One => values.iter_mut().zip(&self.union).for_each(|(value, column)| *value = *column),
            Cover::Halves => {
                let (pairs, rest) = values.as_chunks_mut::<2>();
                pairs.iter_mut().zip(&self.union).for_each(|(pair, column)| *pair = [*column; 2]);
                rest.fill(self.union.last().copied().unwrap_or_default());
            }
            Cover::Pairs => {
                let pairs = self.union.as_chunks::<2>().0;
                values.iter_mut().zip(pairs).for_each(|(value, [left, right])| *value = left | right);
            }
            Cover::Any => {
                let at = |column: u32| self.union.get(column as usize).copied().unwrap_or_default();
                for (value, (first, last)) in values.iter_mut().zip(&self.columns) {
                    *value = (*first..=*last).fold(0, |any, column| any | at(column));
                }
            }
        }
    }

    /// The row: 255 for each sample that stands still.
    pub(super) fn values(&self) -> &[u8] {
        &self.values
    }
}
