//! Which parts of a picture changed: a map of square cells.

use crate::frame::{Frame, FrameInfo, PixelFormat, Plane};

/// A picture cut into square cells, each marked or not.
#[derive(Clone, Debug)]
pub(super) struct CellMap {
    /// Side of a cell in luma samples.
    pub(super) side: usize,
    pub(super) columns: usize,
    pub(super) rows: usize,
    marks: Vec<bool>,
}

impl CellMap {
    /// The map of a picture of `width` x `height` samples, nothing marked. `side` is a multiple of 8.
    pub(super) fn new((width, height): (usize, usize), side: usize) -> Self {
        let (columns, rows) = (width.div_ceil(side), height.div_ceil(side));
        Self { side, columns, rows, marks: vec![false; columns * rows] }
    }

    pub(super) fn clear(&mut self) {
        self.marks.fill(false);
    }

    /// The marks of one row of cells.
    pub(super) fn row(&self, row: usize) -> &[bool] {
        self.marks.get(row * self.columns..(row + 1) * self.columns).unwrap_or_default()
    }

    /// Marks of the rows of cells, writable.
    pub(super) fn rows_mut(&mut self) -> impl Iterator<Item = &mut [bool]> {
        self.marks.chunks_exact_mut(self.columns.max(1))
    }

    /// Number of marked cells.
    pub(super) fn count(&self) -> usize {
        self.marks.iter().filter(|mark| **mark).count()
    }

    /// Marks the cells in which one of the first `planes` planes of two frames of one format differ.
    pub(super) fn mark_differences(&mut self, before: &Frame, now: &Frame, planes: usize) {
        let format = now.info.format;
        for (index, (before, now)) in before.planes().iter().zip(now.planes()).take(planes).enumerate() {
            let (x, y) = shifts(format, index);
            let cell = ((self.side >> x) * format.sample_bytes(), self.side >> y);
            self.mark_plane(before, now, cell);
        }
    }

    /// `width` is a cell's in bytes, `height` in rows.
    fn mark_plane(&mut self, before: &Plane, now: &Plane, (width, height): (usize, usize)) {
        let mut lines = before.rows().zip(now.rows());
        for marks in self.rows_mut() {
            for (before, now) in lines.by_ref().take(height) {
                if before == now {
                    continue;
                }
                for ((mark, before), now) in marks.iter_mut().zip(before.chunks(width)).zip(now.chunks(width))
                {
                    *mark = *mark || before != now;
                }
            }
        }
    }
}

/// Log2 of how many luma samples a sample of plane `index` stands for, across and down.
pub(super) const fn shifts(format: PixelFormat, index: usize) -> (u8, u8) {
    let subsampling = format.subsampling();
    if format.is_chroma(index) { (subsampling.x, subsampling.y) } else { (0, 0) }
}

/// Two frames whose samples mean the same.
pub(super) fn same_kind(a: &FrameInfo, b: &FrameInfo) -> bool {
    (a.width, a.height, a.format, a.color) == (b.width, b.height, b.format, b.color)
}
