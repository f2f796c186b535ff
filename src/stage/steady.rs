//! Source pixels whose changes are noise are held still, so that static areas neither shimmer nor are inferred again.

use super::cells::{CellMap, same_kind, shifts};
use crate::frame::{BufferPool, Frame, Plane};

/// Side of the cells that are held or not, in luma samples. Their means are over enough samples that noise does not
/// move them.
const CELL: usize = 32;

/// Largest drift of a cell's mean, in 8-bit code values: slow fades must not become steps that can be seen.
const LARGEST_DRIFT: i64 = 1;

/// Holds the cells of a stream's frames in which only noise changes. It must see every frame, in order.
///
/// A frame is compared with what was handed on, not with the frame before, so that small changes cannot add up.
#[derive(Debug)]
pub struct Steadier {
    /// Largest difference of a sample that counts as noise, in 8-bit code values.
    threshold: u32,
    map: CellMap,
    held: Option<Frame>,
    pool: BufferPool,
}

impl Steadier {
    /// For frames of `size` (width, height). Differences of up to `threshold` 8-bit code values count as noise.
    pub fn new(threshold: u32, (width, height): (u32, u32), pool: BufferPool) -> Self {
        Self { threshold, map: CellMap::new((width as usize, height as usize), CELL), held: None, pool }
    }

    /// The frame with the cells of earlier frames where it shows the same but for noise.
    pub fn process(&mut self, source: Frame) -> Frame {
        let steady = match self.held.take() {
            Some(held) if same_kind(&held.info, &source.info) => self.merge(held, source),
            _ => source,
        };
        self.held = Some(steady.clone());
        steady
    }

    fn merge(&mut self, held: Frame, source: Frame) -> Frame {
        self.map.clear();
        let unit = 1 << (source.info.format.depth - 8);
        for (index, (before, now)) in held.planes().iter().zip(source.planes()).enumerate() {
            let cell = cell_size(&source, index, &self.map);
            if before.sample_bytes == 1 {
                mark_plane::<u8>(&mut self.map, before, now, cell, (self.threshold, unit));
            } else {
                mark_plane::<u16>(&mut self.map, before, now, cell, (self.threshold, unit));
            }
        }
        match self.map.count() {
            0 => Frame { info: source.info, data: held.data },
            count if count == self.map.columns * self.map.rows => source,
            _ => self.assemble(&held, &source),
        }
    }

    /// Marked cells from `source`, the others from `held`.
    fn assemble(&mut self, held: &Frame, source: &Frame) -> Frame {
        let mut out = Frame::allocate(source.info.clone(), Some(&self.pool));
        let planes = out.planes_mut().iter_mut().zip(held.planes()).zip(source.planes());
        for (index, ((out, held), source_plane)) in planes.enumerate() {
            let (width, height) = cell_size(source, index, &self.map);
            let width = width * out.sample_bytes;
            let rows = out.rows_mut().zip(held.rows()).zip(source_plane.rows());
            for (y, ((out, held), source)) in rows.enumerate() {
                out.copy_from_slice(held);
                let cells = out.chunks_mut(width).zip(source.chunks(width));
                for ((out, source), mark) in cells.zip(self.map.row(y / height)) {
                    if *mark {
                        out.copy_from_slice(source);
                    }
                }
            }
        }
        out
    }
}

/// Width and height of a cell in samples of plane `index`.
fn cell_size(frame: &Frame, index: usize, map: &CellMap) -> (usize, usize) {
    let (x, y) = shifts(frame.info.format, index);
    (map.side >> x, map.side >> y)
}

/// Marks the cells in which a sample changed by more than the threshold or the mean drifted.
fn mark_plane<S: bytemuck::Pod + Into<i32>>(
    map: &mut CellMap,
    before: &Plane,
    now: &Plane,
    (width, height): (usize, usize),
    (threshold, unit): (u32, u32),
) {
    let mut sums = vec![(0i64, 0i64); map.columns];
    let mut lines = before.rows().zip(now.rows());
    for marks in map.rows_mut() {
        sums.fill((0, 0));
        for (before, now) in lines.by_ref().take(height) {
            let before: &[S] = bytemuck::cast_slice(before);
            let now: &[S] = bytemuck::cast_slice(now);
            let cells = before.chunks(width).zip(now.chunks(width));
            for ((mark, (sum, count)), (before, now)) in marks.iter_mut().zip(&mut sums).zip(cells) {
                let (largest, total) = differences(before, now);
                *mark |= largest > threshold * unit;
                *sum += i64::from(total);
                *count += before.len() as i64;
            }
        }
        for (mark, (sum, count)) in marks.iter_mut().zip(&sums) {
            *mark |= sum.abs() > count * LARGEST_DRIFT * i64::from(unit);
        }
    }
}

/// The largest difference and the sum of all.
fn differences<S: Copy + Into<i32>>(before: &[S], now: &[S]) -> (u32, i32) {
    before.iter().zip(now).fold((0, 0), |(largest, sum), (before, now)| {
        let difference: i32 = (*now).into() - (*before).into();
        (largest.max(difference.unsigned_abs()), sum + difference)
    })
}
