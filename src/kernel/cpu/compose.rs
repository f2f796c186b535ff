//! Predicted frames from motion and two real frames.

use super::field::{Block, FieldBand, Origin};
use super::lanes::{BLOCK, DEEPEST_FIXED, Fixed, Floating, LINE, Lanes, Numbers};
#[cfg(target_arch = "x86_64")]
use super::lanes_avx2::Avx2;
use super::mask::{ALL, MaskRow, NONE, Still};
use super::rows::{self, Sample};
use super::warp::{Ends, Source, prefetch_rows, region, warp, warp_each};
use crate::frame::{Frame, StillMask};
use crate::kernel::Composition;
use crate::kernel::motion::{Cells, GridAxis};
use std::ops::Range;

#[derive(Default)]
pub(super) struct Composer {
    cells: Cells,
    fixed: FieldBand<[i16; BLOCK], i16>,
    floating: FieldBand<Numbers, f32>,
    mask: MaskBand,
}

/// One plane's work.
struct PlaneWork<'a, S> {
    first: Source<'a, S>,
    other: Source<'a, S>,
    out: &'a mut [S],
    /// Samples from one row of `out` to the next.
    stride: usize,
    /// What blocks at the edges read, of either frame.
    outside: [Vec<S>; 2],
}

/// Columns that are composed from top to bottom before the next ones, so that what is kept of the field stays in the
/// fastest caches.
const STRIP: usize = 40 * BLOCK;

impl Composer {
    pub(super) fn run(&mut self, arch: pulp::Arch, composition: &Composition<'_>, out: &mut Frame) {
        self.cells.prepare(composition);
        let format = composition.first.info.format;
        let depth = u32::from(format.depth);
        for chroma in [false, true] {
            let wanted = |index: &usize| format.is_chroma(*index) == chroma;
            let Some(sample) = (0..out.planes().len()).find(wanted) else { continue };
            let axes = GridAxis::of_plane(composition.field, &composition.first.info, sample);
            let Self { cells, fixed, floating, mask } = self;
            match arch {
                _ if depth > DEEPEST_FIXED => {
                    let grid = Grid { cells, field: floating, mask, axes, still: composition.still };
                    grid.planes::<u16, _>(arch, Floating, &mut planes_of(composition, wanted, out));
                }
                #[cfg(target_arch = "x86_64")]
                pulp::Arch::V3(simd) => {
                    let grid = Grid { cells, field: fixed, mask, axes, still: composition.still };
                    grid.fixed(arch, Avx2::new(simd, depth), composition, wanted, out);
                }
                _ => {
                    let grid = Grid { cells, field: fixed, mask, axes, still: composition.still };
                    grid.fixed(arch, Fixed::new(depth), composition, wanted, out);
                }
            }
        }
    }
}

/// The planes that are `wanted`, which share a grid: luma and alpha, or both of chroma.
fn planes_of<'a, S: Sample>(
    composition: &Composition<'a>,
    wanted: impl Fn(&usize) -> bool,
    out: &'a mut Frame,
) -> [Option<PlaneWork<'a, S>>; 2] {
    let sources = composition.first.planes().iter().zip(composition.other.planes());
    let mut planes = sources.zip(out.planes_mut()).enumerate().filter(|(index, _)| wanted(index)).map(
        |(_, ((first, other), out))| PlaneWork {
            first: Source::new(first),
            other: Source::new(other),
            stride: out.stride / size_of::<S>(),
            outside: [Vec::new(), Vec::new()],
            out: bytemuck::cast_slice_mut(out.buffer.bytes_mut()),
        },
    );
    [planes.next(), planes.next()]
}

/// What planes of one grid are composed by.
struct Grid<'a, T, F> {
    cells: &'a Cells,
    field: &'a mut FieldBand<T, F>,
    mask: &'a mut MaskBand,
    axes: [GridAxis; 2],
    still: Option<&'a StillMask>,
}

impl<T: Copy + Default, F: Copy> Grid<'_, T, F> {
    /// Composes planes in fixed point.
    fn fixed<L: Lanes<u8, Stored = T, Share = F> + Lanes<u16, Stored = T, Share = F>>(
        self,
        arch: pulp::Arch,
        lanes: L,
        composition: &Composition<'_>,
        wanted: impl Fn(&usize) -> bool,
        out: &mut Frame,
    ) {
        if composition.first.info.format.sample_bytes() == 1 {
            self.planes::<u8, L>(arch, lanes, &mut planes_of(composition, wanted, out));
        } else {
            self.planes::<u16, L>(arch, lanes, &mut planes_of(composition, wanted, out));
        }
    }

    fn planes<S: Sample, L: Lanes<S, Stored = T, Share = F>>(
        self,
        arch: pulp::Arch,
        lanes: L,
        planes: &mut [Option<PlaneWork<'_, S>>; 2],
    ) {
        let Self { cells, field, mask, axes: [across, down], still } = self;
        rows::vectorized(
            arch,
            #[inline(always)]
            || {
                for start in (0..across.samples).step_by(STRIP) {
                    let strip = across.part(start, STRIP);
                    field.restart(strip);
                    mask.row.restart(still, strip);
                    let mut rows = 0..0;
                    while rows.end < down.samples {
                        rows = field.move_to(lanes, cells, [strip, down], rows.end);
                        mask.move_to(still, [strip, down], rows.clone());
                        for plane in planes.iter_mut().flatten() {
                            plane.band(lanes, field, mask, (start, strip.samples), rows.clone());
                        }
                    }
                }
            },
        );
    }
}

/// Which samples of a strip stand still, in some rows.
#[derive(Default)]
struct MaskBand {
    row: MaskRow,
    /// Samples from one row to the next.
    stride: usize,
    /// Rows of a byte for each sample; none if nothing is known to be still.
    values: Vec<u8>,
}

impl MaskBand {
    #[inline(always)]
    fn move_to(&mut self, still: Option<&StillMask>, axes: [GridAxis; 2], rows: Range<usize>) {
        self.values.clear();
        if still.is_none() {
            return;
        }
        for y in rows {
            self.row.move_to(still, axes, y);
            self.values.extend_from_slice(self.row.values());
        }
        self.stride = self.row.values().len();
    }

    #[inline(always)]
    fn block(&self, index: usize, row: usize) -> Still {
        let start = row * self.stride + index * BLOCK;
        self.values.get(start..).and_then(|rest| rest.first_chunk()).copied().unwrap_or(NONE)
    }
}

impl<S: Sample> PlaneWork<'_, S> {
    /// Composes `rows`, which lie between two rows of cells, of the strip that starts at `start`.
    #[inline(always)]
    fn band<L: Lanes<S>>(
        &mut self,
        lanes: L,
        field: &FieldBand<L::Stored, L::Share>,
        mask: &MaskBand,
        (start, samples): (usize, usize),
        rows: Range<usize>,
    ) {
        for index in 0..samples.div_ceil(BLOCK) {
            let x = start + index * BLOCK;
            match field.block(index) {
                Some(block) => self.block(lanes, field, (index, block), mask, (x, rows.clone())),
                None => {
                    let rows = rows_of(self.first, (self.out, self.stride), (x, rows.clone()));
                    rows.for_each(|(own, out)| *out = *own);
                }
            }
        }
    }

    #[inline(always)]
    fn block<L: Lanes<S>>(
        &mut self,
        lanes: L,
        field: &FieldBand<L::Stored, L::Share>,
        (index, block): (usize, &Block<L::Stored>),
        mask: &MaskBand,
        (x, rows): (usize, Range<usize>),
    ) {
        let Self { first, other, out, stride, outside: [outside_first, outside_other] } = self;
        let (place, count) = ((x, rows.start), rows.len());
        let [mut first_region, mut other_region] = [None; 2];
        if block.origin != Origin::Other {
            first_region = region(*first, place, count, &block.first, outside_first);
        }
        if block.origin != Origin::First {
            other_region = region(*other, place, count, &block.other, outside_other);
        }
        if index.is_multiple_of(LINE / (BLOCK * size_of::<S>())) {
            // Neighbouring blocks are further apart in memory than processors foresee; the next band reads about the same columns.
            for region in [first_region, other_region].into_iter().flatten() {
                region.prefetch(lanes, count);
            }
            prefetch_rows(lanes, out.get(rows.start * *stride + x..).unwrap_or_default(), *stride, count);
        }
        let samples = rows_of(*first, (out, *stride), (x, rows.clone()));
        for (row, ((own, out), (y, (number, share)))) in samples.zip(rows.zip(&field.shares)).enumerate() {
            let still = mask.block(index, row);
            if still == ALL {
                *out = *own;
                continue;
            }
            let share = lanes.everywhere(*share);
            let mut values = lanes.values(*own);
            if block.origin != Origin::Other {
                values = match first_region {
                    Some(region) => warp(lanes, region, row, &block.first, share),
                    None => apart(lanes, *first, field.displacements(index, false), (x, y), *number),
                };
            }
            if block.origin != Origin::First {
                let others = match other_region {
                    Some(region) => warp(lanes, region, row, &block.other, share),
                    None => apart(lanes, *other, field.displacements(index, true), (x, y), *number),
                };
                values = match block.origin {
                    Origin::Both => lanes.between(values, others, block.weight.at(lanes, share)),
                    _ => others,
                };
            }
            if block.mixed {
                values = lanes.between(lanes.values(*own), values, block.share.at(lanes, share));
            }
            *out = lanes.round(values);
            if still != NONE {
                for ((out, own), still) in out.iter_mut().zip(own).zip(still) {
                    *out = S::select(still != 0, *own, *out);
                }
            }
        }
    }
}

/// The block at column `x` in `rows`: the first frame's samples, and where the composed ones go.
#[inline(always)]
fn rows_of<'a, S: Sample>(
    first: Source<'a, S>,
    (out, stride): (&'a mut [S], usize),
    (x, rows): (usize, Range<usize>),
) -> impl Iterator<Item = (&'a [S; BLOCK], &'a mut [S; BLOCK])> {
    let out = out.get_mut(rows.start * stride + x..).unwrap_or_default();
    let out = out.chunks_mut(stride).map_while(|row| row.first_chunk_mut());
    first.blocks(x, rows.start).zip(out).take(rows.len())
}

/// A row of a block whose displacements have little in common.
#[inline(always)]
fn apart<S: Sample, L: Lanes<S>>(
    lanes: L,
    source: Source<'_, S>,
    displacements: Option<[Ends<&Numbers>; 2]>,
    place: (usize, usize),
    share: f32,
) -> L::Values {
    let numbers = match displacements {
        Some(displacements) => warp_each(source, place, displacements, share),
        None => [0.0; BLOCK],
    };
    lanes.of_numbers(&numbers)
}
