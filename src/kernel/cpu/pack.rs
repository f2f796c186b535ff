//! Picture samples to tensor elements.

use super::rows::{self, Sample};
use super::separable::Horizontal;
use crate::frame::{Frame, Plane};
use crate::kernel::convert::{self, ChromaKey};
use crate::kernel::{Region, Taps, TensorColor, TensorLayout, TensorSpec};

#[derive(Default)]
pub(super) struct Packer {
    chroma: Option<Enlarger>,
    /// Elements of one row of the region.
    row: Vec<f32>,
    rgb: RgbRows,
}

/// How chroma of one kind of picture is brought to luma size.
struct Enlarger {
    key: ChromaKey,
    horizontal: Horizontal,
    vertical: Taps,
}

/// One row at luma size, as code values: only the columns that the region sees.
#[derive(Default)]
struct RgbRows {
    padded: Vec<f32>,
    luma: Vec<f32>,
    chroma: [Vec<f32>; 2],
}

impl Packer {
    pub(super) fn run(
        &mut self,
        arch: pulp::Arch,
        frame: &Frame,
        region: Region,
        spec: &TensorSpec,
        out: &mut [f32],
    ) {
        match (spec.color, frame.info.format.sample_bytes()) {
            (TensorColor::Luma, 1) => self.luma::<u8>(arch, frame, region, spec, out),
            (TensorColor::Luma, _) => self.luma::<u16>(arch, frame, region, spec, out),
            (TensorColor::Rgb | TensorColor::Bgr, 1) => self.rgb::<u8>(arch, frame, region, spec, out),
            (TensorColor::Rgb | TensorColor::Bgr, _) => self.rgb::<u16>(arch, frame, region, spec, out),
        }
    }

    fn luma<S: Sample>(
        &mut self,
        arch: pulp::Arch,
        frame: &Frame,
        region: Region,
        spec: &TensorSpec,
        out: &mut [f32],
    ) {
        let Some(plane) = frame.planes().first() else { return };
        let map = convert::pack_luma(&frame.info, spec);
        let columns = Span::new(region.x, region.width, plane.width);
        self.row.resize(region.width, 0.0);
        let row = &mut self.row;
        rows::vectorized(
            arch,
            #[inline(always)]
            || {
                let mut scatter = Scatter::new(out, region, spec);
                for y in 0..region.height {
                    let samples = columns.visible(samples::<S>(plane, clamp_row(region.y, y, plane.height)));
                    scatter.row(0, y, row, |row| {
                        rows::widen_linear(samples, map, columns.placed(row));
                        columns.extend(row);
                    });
                }
            },
        );
    }

    fn rgb<S: Sample>(
        &mut self,
        arch: pulp::Arch,
        frame: &Frame,
        region: Region,
        spec: &TensorSpec,
        out: &mut [f32],
    ) {
        let Some(luma) = frame.planes().first() else { return };
        let map = convert::yuv_to_rgb(&frame.info, spec);
        let chroma = match frame.planes() {
            [_, cb, cr, ..] => Some((Enlarger::for_frame(&mut self.chroma, frame), [cb, cr])),
            _ => None,
        };
        let columns = Span::new(region.x, region.width, luma.width);
        self.row.resize(region.width, 0.0);
        self.rgb.resize(columns.count, chroma.as_ref().map(|(enlarger, _)| *enlarger));
        let (row, rgb) = (&mut self.row, &mut self.rgb);
        rows::vectorized(
            arch,
            #[inline(always)]
            || {
                let mut scatter = Scatter::new(out, region, spec);
                for y in 0..region.height {
                    let picture_row = clamp_row(region.y, y, luma.height);
                    rows::widen(columns.visible(samples::<S>(luma, picture_row)), &mut rgb.luma);
                    let mut skipped = 0;
                    if let Some((enlarger, planes)) = &chroma {
                        let [cb, cr] = &mut rgb.chroma;
                        for (plane, out) in planes.iter().zip([cb, cr]) {
                            skipped =
                                enlarger.row::<S>(plane, picture_row, columns.start, &mut rgb.padded, out);
                        }
                    }
                    let inputs = rgb.inputs(skipped);
                    for (component, (weights, offset)) in map.weights.iter().zip(map.offsets).enumerate() {
                        scatter.row(component, y, row, |row| {
                            rows::affine(inputs, *weights, offset, columns.placed(row));
                            columns.extend(row);
                        });
                    }
                }
            },
        );
    }
}

impl RgbRows {
    /// Makes room for `count` columns. Without an enlarger there is no chroma, and its rows are zero.
    fn resize(&mut self, count: usize, enlarger: Option<&Enlarger>) {
        self.luma.resize(count, 0.0);
        let mut length = count;
        if let Some(Enlarger { horizontal, .. }) = enlarger {
            length = horizontal.row_length(count + horizontal.period());
            self.padded.resize(horizontal.padded_length(), 0.0);
        }
        for row in &mut self.chroma {
            row.clear();
            row.resize(length, 0.0);
        }
    }

    /// Y, Cb and Cr of the region's first visible column and on.
    #[inline(always)]
    fn inputs(&self, skipped: usize) -> [&[f32]; 3] {
        let [cb, cr] = &self.chroma;
        [&self.luma, cb.get(skipped..).unwrap_or_default(), cr.get(skipped..).unwrap_or_default()]
    }
}

impl Enlarger {
    /// The enlarger of `frame`, made when `kept` is for another kind of picture.
    fn for_frame<'a>(kept: &'a mut Option<Self>, frame: &Frame) -> &'a Self {
        let key = ChromaKey::of(frame);
        if kept.as_ref().is_some_and(|enlarger| enlarger.key != key) {
            *kept = None;
        }
        kept.get_or_insert_with(|| {
            let (horizontal, vertical) = key.enlarging();
            let width = frame.planes().get(1).map_or(0, |plane| plane.width as usize);
            Self { key, horizontal: Horizontal::new(width, &horizontal), vertical }
        })
    }

    /// Computes row `y` at luma size into `out` and gives the index there of column `start`.
    #[inline(always)]
    fn row<S: Sample>(
        &self,
        plane: &Plane,
        y: usize,
        start: usize,
        padded: &mut [f32],
        out: &mut [f32],
    ) -> usize {
        let width = self.vertical.width;
        let first = self.vertical.first.get(y).map_or(0, |first| i64::from(*first));
        let weights = self.vertical.weights.get(y * width..).unwrap_or_default();
        let inside = self.horizontal.inside(padded);
        inside.fill(0.0);
        for (k, weight) in weights.iter().copied().take(width).enumerate() {
            let row = samples::<S>(plane, clamp_row(first, k, plane.height));
            for (sum, sample) in inside.iter_mut().zip(row) {
                *sum += weight * sample.widen();
            }
        }
        self.horizontal.pad(padded);
        let skipped = start % self.horizontal.period();
        self.horizontal.apply(padded, start - skipped, out);
        skipped
    }
}

#[inline(always)]
fn samples<S: Sample>(plane: &Plane, y: usize) -> &[S] {
    bytemuck::cast_slice(plane.row(y))
}

/// The row `origin + y`, moved into the picture.
fn clamp_row(origin: i64, y: usize, height: u32) -> usize {
    origin.saturating_add(y as i64).clamp(0, i64::from(height) - 1) as usize
}

/// The columns of a picture that a region sees, and where they lie in the region.
#[derive(Clone, Copy, Debug)]
struct Span {
    /// First column of the picture that is seen.
    start: usize,
    /// Number of columns that are seen, at least one.
    count: usize,
    /// Column of the region where `start` lies; those before repeat it.
    left: usize,
}

impl Span {
    fn new(origin: i64, length: usize, size: u32) -> Self {
        let origin = convert::nearest_origin(origin, length, size);
        let size = i64::from(size);
        let start = origin.max(0);
        let end = (origin + length as i64).min(size);
        Self { start: start as usize, count: (end - start) as usize, left: (start - origin) as usize }
    }

    #[inline(always)]
    fn visible<'a, S>(&self, row: &'a [S]) -> &'a [S] {
        row.get(self.start..self.start + self.count).unwrap_or_default()
    }

    #[inline(always)]
    fn placed<'a>(&self, row: &'a mut [f32]) -> &'a mut [f32] {
        row.get_mut(self.left..self.left + self.count).unwrap_or_default()
    }

    #[inline(always)]
    fn extend(&self, row: &mut [f32]) {
        rows::extend_edges(row, self.left, self.left + self.count);
    }
}

/// Writes picture rows to a tensor in space-to-depth order.
struct Scatter<'a> {
    out: &'a mut [f32],
    block: usize,
    columns: usize,
    rows: usize,
    /// Elements from one column to the next where channels are innermost.
    pixel: Option<usize>,
}

impl<'a> Scatter<'a> {
    fn new(out: &'a mut [f32], region: Region, spec: &TensorSpec) -> Self {
        let [channels, rows, columns] = spec.shape(region.width, region.height);
        let pixel = (spec.layout == TensorLayout::Nhwc && channels > 1).then_some(channels);
        Self { out, block: spec.block, columns, rows, pixel }
    }

    /// Writes row `y` of picture channel `component`, which `fill` computes, in `scratch` if it cannot be in place.
    #[inline(always)]
    fn row(&mut self, component: usize, y: usize, scratch: &mut [f32], fill: impl FnOnce(&mut [f32])) {
        let block = self.block;
        let channel = (component * block + y % block) * block;
        let row = y / block;
        if let Some(pixel) = self.pixel {
            fill(scratch);
            let start = row * self.columns * pixel;
            let out = self.out.get_mut(start..start + self.columns * pixel).unwrap_or_default();
            rows::scatter_pixels(scratch, block, pixel, channel, out);
            return;
        }
        let plane = self.columns * self.rows;
        let start = channel * plane + row * self.columns;
        if block == 1 {
            fill(self.out.get_mut(start..start + self.columns).unwrap_or_default());
            return;
        }
        fill(scratch);
        for phase in 0..block {
            let start = start + phase * plane;
            if let Some(out) = self.out.get_mut(start..start + self.columns) {
                rows::take_phase(scratch, block, phase, out);
            }
        }
    }
}
