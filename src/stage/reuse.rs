//! Output pixels are kept where the source did not change, so that the network does only the rest again.
//!
//! A pixel of the output depends on source pixels within the network's margin alone. Where none of them changed, the
//! network would make the same pixel again; around those that changed, windows are inferred with all that their pixels
//! depend on. So the output is the one without reuse, bit for bit, as far as the manifest's margin is true.

use super::cells::{CellMap, same_kind, shifts};
use super::cover::{Area, Layout, Window};
use super::tile::TileGrid;
use crate::frame::{Frame, FrameInfo, PixelFormat, Plane, TensorColor};
use crate::model::Manifest;

/// Side of the cells whose changes are noticed, in input pixels.
const CELL: usize = 16;

/// Period of the dither in samples of a plane.
const DITHER_PERIOD: usize = 8;

/// Most luma samples that a chroma sample stands for, along one side.
const CHROMA_BLOCK: usize = 4;

/// Above this share of what the whole picture costs, in percent, windows are not worth their overhead.
const WORTHWHILE: usize = 90;

/// What is to be done for a frame.
pub(super) enum Work {
    /// The whole picture is to be inferred.
    Everything,
    /// These windows are to be inferred; all else is that of an earlier output.
    Windows(Vec<Window>, Frame),
}

/// What may be inferred beside whole pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parts {
    /// Windows of any size.
    Windows,
    /// Nothing: another size costs much where networks are compiled for theirs, or gives other last bits.
    WholeOnly,
}

/// Pixels of the input, counted over all frames so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReuseCount {
    /// Those whose output was copied from an earlier frame.
    pub copied: u64,
    /// All; 0 where reuse is off.
    pub all: u64,
}

impl ReuseCount {
    /// The copied share, 0 to 1; `None` where reuse is off.
    pub fn share(&self) -> Option<f64> {
        (self.all > 0).then(|| self.copied as f64 / self.all as f64)
    }
}

/// The memory of one worker: the last frame that it saw and what it made of it.
#[derive(Debug)]
pub(super) struct Reuse {
    layout: Layout,
    parts: Parts,
    map: CellMap,
    /// Planes that the network sees.
    planes: usize,
    whole_cost: usize,
    held: Option<Held>,
    count: ReuseCount,
}

#[derive(Debug)]
struct Held {
    source: Frame,
    output: Frame,
}

impl Reuse {
    /// For frames of `size` that go through the network of `manifest` in tiles of `grid`. `None` if the network needs the
    /// whole picture for each pixel, or pictures of one size.
    pub(super) fn new(
        manifest: &Manifest,
        dither: bool,
        size: (usize, usize),
        grid: &TileGrid,
        parts: Parts,
    ) -> Option<Self> {
        let input = &manifest.input;
        let multiples_fit = (2 * input.padding).is_multiple_of(input.multiple);
        if manifest.global || input.width.is_some() || input.height.is_some() || !multiples_fit {
            return None;
        }
        // Valid convolutions reach as far as the pixels that they use up.
        let margin = manifest.receptive_margin + input.padding;
        let luma = |color: TensorColor| color == TensorColor::Luma;
        let planes = if luma(input.colour) { 1 } else { 3 };
        let (reach, period) = if luma(input.colour) && luma(manifest.unpack_spec(false).tensor.color) {
            (margin, DITHER_PERIOD)
        } else {
            // A chroma sample spreads over its neighbours' luma samples on the way in, and again on the way out.
            let period = if dither { DITHER_PERIOD * CHROMA_BLOCK } else { 2 * CHROMA_BLOCK };
            (margin + 2 * CHROMA_BLOCK, period)
        };
        let unit = least_common_multiple(input.multiple, period);
        let layout =
            Layout { padded: grid.padded, unit, margin: reach.next_multiple_of(unit), limit: grid.tile };
        Some(Self {
            layout,
            parts,
            map: CellMap::new(size, CELL.next_multiple_of(unit)),
            planes,
            whole_cost: grid.tiles.len() * grid.tile.0 * grid.tile.1,
            held: None,
            count: ReuseCount::default(),
        })
    }

    /// Decides what to do for `source`.
    pub(super) fn plan(&mut self, source: &Frame) -> Work {
        let all = source.info.width as usize * source.info.height as usize;
        self.count.all += all as u64;
        if source.is_remote() {
            // Comparing would bring it from its device.
            return Work::Everything;
        }
        let Some(held) = self.held.as_ref().filter(|held| same_kind(&held.source.info, &source.info)) else {
            return Work::Everything;
        };
        self.map.clear();
        self.map.mark_differences(&held.source, source, self.planes);
        let worthwhile = match self.parts {
            Parts::Windows => self.whole_cost * WORTHWHILE / 100,
            Parts::WholeOnly => 0,
        };
        if self.map.count() * self.map.side * self.map.side > worthwhile {
            return Work::Everything;
        }
        let windows = self.layout.cover(&self.map);
        if windows.iter().map(Window::cost).sum::<usize>() > worthwhile {
            return Work::Everything;
        }
        let inferred: usize = windows.iter().map(|window| window.exact.pixels()).sum();
        self.count.copied += all.saturating_sub(inferred) as u64;
        Work::Windows(windows, held.output.clone())
    }

    /// Remembers a frame and its output, unless the frame is still on its device. Their samples are shared, not copied.
    pub(super) fn keep(&mut self, source: &Frame, output: &Frame) {
        let is_here = !source.is_remote();
        self.held = is_here.then(|| Held { source: source.clone(), output: output.clone() });
    }

    pub(super) const fn count(&self) -> ReuseCount {
        self.count
    }
}

fn least_common_multiple(a: usize, b: usize) -> usize {
    (1..=b).map(|factor| a * factor).find(|multiple| multiple.is_multiple_of(b)).unwrap_or(a * b)
}

/// A window's part of the source and of the output, in memory that all windows share.
#[derive(Debug)]
pub(super) struct Patch {
    /// Luma only: it is for the skip connection.
    pub(super) source: Frame,
    pub(super) output: Frame,
}

impl Patch {
    /// Cuts `window` out of `source` and makes room for its part of `out`, which is `scale` times as large.
    pub(super) fn cut<'a>(
        kept: &'a mut Option<Self>,
        window: &Window,
        source: &Frame,
        out: &Frame,
        scale: usize,
    ) -> &'a mut Self {
        let area = &window.input;
        let luma = PixelFormat::gray(source.info.format.depth);
        let source_info = cropped(&source.info, area, 1, luma);
        let output_info = cropped(&out.info, area, scale, out.info.format);
        let patch = kept.get_or_insert_with(|| Self {
            source: Frame::allocate(source_info.clone(), None),
            output: Frame::allocate(output_info.clone(), None),
        });
        patch.source.reshape(source_info);
        patch.output.reshape(output_info);
        if let (Some(from), Some(to)) = (source.planes().first(), patch.source.planes_mut().first_mut()) {
            let size = (to.width as usize, to.height as usize);
            copy_samples(from, (area.x, area.y), to, (0, 0), size);
        }
        patch
    }

    /// Copies the part of `window` that is right into `out`.
    pub(super) fn paste(&self, window: &Window, out: &mut Frame, scale: usize) {
        let format = out.info.format;
        let (input, exact) = (&window.input, &window.exact);
        for (index, (from, to)) in self.output.planes().iter().zip(out.planes_mut()).enumerate() {
            let shift = shifts(format, index);
            let place = |x: usize, y: usize| ((x * scale) >> shift.0, (y * scale) >> shift.1);
            let inside = place(exact.x - input.x, exact.y - input.y);
            let start = place(exact.x, exact.y);
            // Rounded up, for the picture's last chroma sample may stand for less than a whole block.
            let blocks = |length: usize, shift: u8| (length * scale).div_ceil(1 << shift);
            let end = (blocks(exact.x + exact.width, shift.0), blocks(exact.y + exact.height, shift.1));
            copy_samples(from, inside, to, start, (end.0 - start.0, end.1 - start.1));
        }
    }
}

/// `info` of the part of a picture inside of `area`, whose unit is `scale` samples.
fn cropped(info: &FrameInfo, area: &Area, scale: usize, format: PixelFormat) -> FrameInfo {
    let part = |start: usize, length: usize, size: u32| {
        size.saturating_sub((start * scale) as u32).min((length * scale) as u32)
    };
    let (width, height) = (part(area.x, area.width, info.width), part(area.y, area.height, info.height));
    FrameInfo {
        width,
        height,
        format,
        // An untagged matrix goes by the picture's size, not by the part's.
        color: info.color.for_size((info.width, info.height), (width, height)),
        side_data: Vec::new(),
        ..info.clone()
    }
}

/// Copies a rectangle of samples, as far as both planes reach.
fn copy_samples(
    from: &Plane,
    (from_x, from_y): (usize, usize),
    to: &mut Plane,
    (to_x, to_y): (usize, usize),
    (width, height): (usize, usize),
) {
    let bytes = to.sample_bytes;
    let rows = from.rows().skip(from_y).zip(to.rows_mut().skip(to_y)).take(height);
    for (from, to) in rows {
        let from = from.get(from_x * bytes..).unwrap_or_default();
        let to = to.get_mut(to_x * bytes..).unwrap_or_default();
        let length = (width * bytes).min(from.len()).min(to.len());
        for (to, from) in to.iter_mut().zip(from).take(length) {
            *to = *from;
        }
    }
}
