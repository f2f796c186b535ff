//! Predicted frames from motion and two real frames.

use super::blended::Blended;
use super::field::{Block, FieldRows, Origin};
use super::mask::{ALL, MaskRow, NONE};
use super::rows;
use super::warp::{BLOCK, Lanes, Source, Values, Window, blend, warp};
use crate::frame::Frame;
use crate::kernel::Composition;
use crate::kernel::motion::{CELL_PLANES, Cells, GridAxis};

#[derive(Default)]
pub(super) struct Composer {
    cells: Cells,
    field: FieldRows,
    mask: MaskRow,
}

/// One plane's work.
struct PlaneWork<'a, S> {
    first: Source<'a, S>,
    other: Source<'a, S>,
    out: &'a mut [S],
    /// Samples from one row of `out` to the next.
    stride: usize,
}

/// Columns that are composed from top to bottom before the next ones, so that what is kept of the field for a row stays in
/// the fastest cache.
const STRIP: usize = 20 * BLOCK;

impl Composer {
    pub(super) fn run(&mut self, arch: pulp::Arch, composition: &Composition<'_>, out: &mut Frame) {
        self.cells.prepare(composition);
        let is_chroma = |index: usize| composition.first.info.format.is_chroma(index);
        for chroma in [false, true] {
            let wanted = |index: &usize| is_chroma(*index) == chroma;
            let Some(sample) = (0..out.planes().len()).find(wanted) else { continue };
            let axes = GridAxis::of_plane(composition.field, &composition.first.info, sample);
            if composition.first.info.format.sample_bytes() == 1 {
                self.planes::<u8>(arch, composition, axes, wanted, out);
            } else {
                self.planes::<u16>(arch, composition, axes, wanted, out);
            }
        }
    }

    /// Composes the planes that are `wanted`, which share a grid: luma and alpha, or both of chroma.
    fn planes<S: Blended>(
        &mut self,
        arch: pulp::Arch,
        composition: &Composition<'_>,
        axes: [GridAxis; 2],
        wanted: impl Fn(&usize) -> bool,
        out: &mut Frame,
    ) {
        let [across, down] = axes;
        let sources = composition.first.planes().iter().zip(composition.other.planes());
        let mut planes = sources.zip(out.planes_mut()).enumerate().filter(|(index, _)| wanted(index)).map(
            |(_, ((first, other), out))| PlaneWork::<S> {
                first: Source::new(first),
                other: Source::new(other),
                stride: out.stride / size_of::<S>(),
                out: bytemuck::cast_slice_mut(out.buffer.bytes_mut()),
            },
        );
        let mut planes = [planes.next(), planes.next()];
        let (cells, field, mask) = (&self.cells, &mut self.field, &mut self.mask);
        rows::vectorized(
            arch,
            #[inline(always)]
            || {
                let mut outside = [S::zeroed(); _];
                for start in (0..across.samples).step_by(STRIP) {
                    let strip = across.part(start, STRIP);
                    field.restart(strip);
                    mask.restart(composition.still, strip);
                    for y in 0..down.samples {
                        field.move_to(cells, [strip, down], y);
                        mask.move_to(composition.still, [strip, down], y);
                        for plane in planes.iter_mut().flatten() {
                            plane.row(field, mask, (start, y), &mut outside);
                        }
                    }
                }
            },
        );
    }
}

impl<S: Blended> PlaneWork<'_, S> {
    #[inline(always)]
    fn row(
        &mut self,
        field: &FieldRows,
        mask: &MaskRow,
        (start, y): (usize, usize),
        outside: &mut Window<S>,
    ) {
        let own = self.first.blocks(y).get(start / BLOCK..).unwrap_or_default();
        let out = self.out.get_mut(y * self.stride + start..(y + 1) * self.stride);
        let out = out.unwrap_or_default().as_chunks_mut::<BLOCK>().0;
        for (index, ((out, own), block)) in out.iter_mut().zip(own).zip(field.blocks()).enumerate() {
            let x = start + index * BLOCK;
            let still = mask.block(index);
            let (Some(lanes), false) = (field.lanes(index), block.origin == Origin::Own || still == ALL)
            else {
                *out = *own;
                continue;
            };
            let place = (x as i32, y as i32);
            let mut values = predicted((self.first, self.other), place, block, lanes, outside);
            if block.mixed {
                let [.., share] = lanes;
                let mut mixed = own.map(S::value);
                blend::<S>(&mut mixed, &values, share);
                values = mixed;
            }
            for (out, value) in out.iter_mut().zip(values) {
                *out = S::round(value);
            }
            if still != NONE {
                for ((out, own), still) in out.iter_mut().zip(own).zip(still) {
                    *out = if still == 0 { *out } else { *own };
                }
            }
        }
    }
}

#[inline(always)]
fn predicted<S: Blended>(
    (first, other): (Source<'_, S>, Source<'_, S>),
    place: (i32, i32),
    block: &Block,
    [first_x, first_y, other_x, other_y, weight, _]: [&Lanes; CELL_PLANES],
    outside: &mut Window<S>,
) -> Values<S> {
    if block.origin == Origin::Other {
        return warp(other, place, block.other, (other_x, other_y), outside);
    }
    let mut values = warp(first, place, block.first, (first_x, first_y), outside);
    if block.origin == Origin::Both {
        let others = warp(other, place, block.other, (other_x, other_y), outside);
        blend::<S>(&mut values, &others, weight);
    }
    values
}
