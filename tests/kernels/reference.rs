//! What the kernels compute, pixel by pixel in double precision and as plainly as possible.

use framecast::frame::{DataType, Frame, Plane, Range, Tensor, TensorLayout};
use framecast::kernel::{
    Axis, Composition, Filter, Region, Skip, TensorColor, TensorSpec, TilePlace, UnpackSpec,
};

use crate::support::{elements, samples};

/// A plane as exact numbers; reads beyond the edges repeat them.
pub(crate) struct Picture {
    width: i64,
    height: i64,
    values: Vec<f64>,
}

impl Picture {
    pub(crate) fn of_plane(plane: &Plane) -> Self {
        let values = samples(plane).into_iter().map(f64::from).collect();
        Self { width: i64::from(plane.width), height: i64::from(plane.height), values }
    }

    fn at(&self, x: i64, y: i64) -> f64 {
        let (x, y) = (x.clamp(0, self.width - 1), y.clamp(0, self.height - 1));
        self.values[(y * self.width + x) as usize]
    }

    fn bilinear(&self, x: f64, y: f64) -> f64 {
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy) = (x - left, y - top);
        let at = |dx, dy| self.at(left as i64 + dx, top as i64 + dy);
        (at(0, 0) * (1.0 - fx) + at(1, 0) * fx) * (1.0 - fy) + (at(0, 1) * (1.0 - fx) + at(1, 1) * fx) * fy
    }
}

/// Places of a tensor's elements, as (channel, row, column) in the order of memory.
fn places([channels, rows, columns]: [usize; 3], layout: TensorLayout) -> Vec<[usize; 3]> {
    let count = channels * rows * columns;
    let place = |index: usize| match layout {
        TensorLayout::Nchw => [index / (rows * columns), index / columns % rows, index % columns],
        TensorLayout::Nhwc => [index % channels, index / channels / columns, index / channels % columns],
    };
    (0..count).map(place).collect()
}

/// The index in memory of an element.
fn index_of([channels, rows, columns]: [usize; 3], layout: TensorLayout, [c, y, x]: [usize; 3]) -> usize {
    match layout {
        TensorLayout::Nchw => (c * rows + y) * columns + x,
        TensorLayout::Nhwc => (y * columns + x) * channels + c,
    }
}

/// Elements of [`framecast::kernel::Kernels::pack`].
pub(crate) fn pack(frame: &Frame, region: Region, spec: &TensorSpec) -> Vec<f64> {
    let planes: Vec<_> = frame.planes().iter().map(Picture::of_plane).collect();
    let shape = spec.shape(region.width, region.height);
    places(shape, spec.layout)
        .into_iter()
        .map(|[channel, row, column]| {
            let component = channel / (spec.block * spec.block);
            let (dy, dx) = (channel / spec.block % spec.block, channel % spec.block);
            let x = region.x + (column * spec.block + dx) as i64;
            let y = region.y + (row * spec.block + dy) as i64;
            let x = x.clamp(0, i64::from(frame.info.width) - 1);
            let y = y.clamp(0, i64::from(frame.info.height) - 1);
            let value = match spec.color {
                TensorColor::Luma => planes[0].at(x, y) / f64::from(frame.info.format.max_value()),
                TensorColor::Rgb => rgb(frame, &planes, x, y)[component],
                TensorColor::Bgr => rgb(frame, &planes, x, y)[2 - component],
            };
            let element = value * f64::from(spec.range) - f64::from(spec.mean);
            if spec.kind == DataType::U8 { element.clamp(0.0, 255.0) } else { element }
        })
        .collect()
}
/// Full-range R'G'B' in 0..1 of a pixel, by H.273.
fn rgb(frame: &Frame, planes: &[Picture], x: i64, y: i64) -> [f64; 3] {
    let levels = Levels::of(frame);
    let luma = (planes[0].at(x, y) - levels.black) / levels.luma;
    if frame.info.format.color_planes() == 1 {
        return [luma; 3];
    }
    let s = frame.info.format.subsampling();
    let (px, py) = frame.info.color.siting.position();
    let place = |luma: i64, shift: u8, position: f64| {
        let block = f64::from(1 << shift);
        (luma as f64 - position * (block - 1.0)) / block
    };
    let chroma = |plane: usize| {
        let code = planes[plane].bilinear(place(x, s.x, px), place(y, s.y, py));
        (code - levels.neutral) / levels.chroma
    };
    let (kr, kb) = weights(frame);
    let red = luma + 2.0 * (1.0 - kr) * chroma(2);
    let blue = luma + 2.0 * (1.0 - kb) * chroma(1);
    let green = (luma - kr * red - kb * blue) / (1.0 - kr - kb);
    [red, green, blue]
}

fn weights(frame: &Frame) -> (f64, f64) {
    frame.info.color.resolved_matrix(frame.info.width, frame.info.height).weights()
}

struct Levels {
    black: f64,
    luma: f64,
    neutral: f64,
    chroma: f64,
}

impl Levels {
    fn of(frame: &Frame) -> Self {
        let unit = f64::from(1 << (frame.info.format.depth - 8));
        let max = f64::from(frame.info.format.max_value());
        match frame.info.color.range {
            Range::Limited => {
                Self { black: 16.0 * unit, luma: 219.0 * unit, neutral: 128.0 * unit, chroma: 224.0 * unit }
            }
            Range::Full => Self { black: 0.0, luma: max, neutral: 128.0 * unit, chroma: max },
        }
    }
}

/// Samples of [`framecast::kernel::Kernels::unpack`] plane by plane, neither rounded nor clamped; planes that are not
/// written are left out.
pub(crate) fn unpack(tensor: &Tensor, spec: &UnpackSpec, source: &Frame, out: &Frame) -> Vec<Vec<f64>> {
    let values = elements(tensor);
    let block = spec.tensor.block;
    let element = |component: usize, x: usize, y: usize| {
        let channel = (component * block + y % block) * block + x % block;
        values[index_of(tensor.shape, tensor.layout, [channel, y / block, x / block])]
    };
    let (width, height) = (out.info.width as usize, out.info.height as usize);
    let pixels = || (0..height).flat_map(move |y| (0..width).map(move |x| (x, y)));
    match spec.tensor.color {
        TensorColor::Luma => {
            let luma = Picture::of_plane(&source.planes()[0]);
            let source_max = f64::from(source.info.format.max_value());
            let gain = match out.info.color.range {
                Range::Full => f64::from(out.info.format.max_value()) / source_max,
                Range::Limited => {
                    2f64.powi(i32::from(out.info.format.depth) - i32::from(source.info.format.depth))
                }
            };
            let value = |(x, y)| {
                let unit = f64::from(spec.tensor.range);
                let picture = match spec.skip {
                    Skip::None => (element(0, x, y) + f64::from(spec.tensor.mean)) / unit * source_max,
                    Skip::Nearest => {
                        let nearest = luma.at((x / spec.scale) as i64, (y / spec.scale) as i64);
                        element(0, x, y) / unit * source_max + nearest
                    }
                };
                picture * gain
            };
            vec![pixels().map(value).collect()]
        }
        TensorColor::Rgb | TensorColor::Bgr => {
            let order = if spec.tensor.color == TensorColor::Rgb { [0, 1, 2] } else { [2, 1, 0] };
            let unit = |component, x, y| {
                (element(component, x, y) + f64::from(spec.tensor.mean)) / f64::from(spec.tensor.range)
            };
            let rgb: Vec<[f64; 3]> = pixels().map(|(x, y)| order.map(|c| unit(c, x, y))).collect();
            yuv(out, &rgb)
        }
    }
}

/// Code values of a picture of R'G'B' pixels.
fn yuv(out: &Frame, rgb: &[[f64; 3]]) -> Vec<Vec<f64>> {
    let levels = Levels::of(out);
    let (kr, kb) = weights(out);
    let luma = |[r, g, b]: [f64; 3]| kr * r + (1.0 - kr - kb) * g + kb * b;
    let mut planes = vec![rgb.iter().map(|rgb| levels.black + levels.luma * luma(*rgb)).collect()];
    if out.info.format.color_planes() == 1 {
        return planes;
    }
    let (width, height) = (i64::from(out.info.width), i64::from(out.info.height));
    let s = out.info.format.subsampling();
    let (px, py) = out.info.color.siting.position();
    for (component, weight) in [(2, kb), (0, kr)] {
        let difference = |rgb: [f64; 3]| (rgb[component] - luma(rgb)) / (2.0 * (1.0 - weight));
        let values = rgb.iter().map(|rgb| levels.neutral + levels.chroma * difference(*rgb)).collect();
        let full = Picture { width, height, values };
        let (chroma_width, chroma_height) = out.info.format.plane_size(1, out.info.width, out.info.height);
        let mut plane = Vec::new();
        for y in 0..i64::from(chroma_height) {
            for x in 0..i64::from(chroma_width) {
                let mut sum = 0.0;
                for (luma_y, wy) in coverage(y, s.y, py) {
                    for (luma_x, wx) in coverage(x, s.x, px) {
                        sum += wx * wy * full.at(luma_x, luma_y);
                    }
                }
                plane.push(sum);
            }
        }
        planes.push(plane);
    }
    planes
}

/// Luma samples under the box around chroma sample `j`, and their share.
fn coverage(j: i64, shift: u8, position: f64) -> Vec<(i64, f64)> {
    match (shift, position) {
        (0, _) => vec![(j, 1.0)],
        (1, 0.5) => vec![(2 * j, 0.5), (2 * j + 1, 0.5)],
        (1, 0.0) => vec![(2 * j - 1, 0.25), (2 * j, 0.5), (2 * j + 1, 0.25)],
        (1, 1.0) => vec![(2 * j, 0.25), (2 * j + 1, 0.5), (2 * j + 2, 0.25)],
        (2, 0.0) => (-2..3).map(|i| (4 * j + i, if i.abs() == 2 { 0.125 } else { 0.25 })).collect(),
        (2, 0.5) => (0..4).map(|i| (4 * j + i, 0.25)).collect(),
        _ => unimplemented!("shift {shift}, position {position}"),
    }
}

/// Samples of [`framecast::kernel::Kernels::resample`], neither rounded nor clamped.
pub(crate) fn resample(
    plane: &Plane,
    horizontal: &Axis,
    vertical: &Axis,
    filter: Filter,
    gain: f64,
) -> Vec<f64> {
    let source = Picture::of_plane(plane);
    let columns: Vec<_> = (0..horizontal.output).map(|j| filter_taps(horizontal, filter, j)).collect();
    let mut out = Vec::new();
    for j in 0..vertical.output {
        let rows = filter_taps(vertical, filter, j);
        for taps in &columns {
            let mut sum = 0.0;
            for (y, wy) in &rows {
                for (x, wx) in taps {
                    sum += wx * wy * source.at(*x, *y);
                }
            }
            out.push(sum * gain);
        }
    }
    out
}

/// Source samples of output sample `j`, and their weights.
fn filter_taps(axis: &Axis, filter: Filter, j: usize) -> Vec<(i64, f64)> {
    let centre = (j as f64 + 0.5) * axis.step - 0.5 + axis.offset;
    let widening = axis.step.max(1.0);
    let reach = (3.0 * widening).ceil() as i64 + 1;
    let nearest = centre.round() as i64;
    let taps: Vec<_> = (nearest - reach..=nearest + reach)
        .map(|i| (i, filter_value(filter, (i as f64 - centre) / widening)))
        .collect();
    let sum: f64 = taps.iter().map(|(_, weight)| weight).sum();
    taps.into_iter().map(|(i, weight)| (i, weight / sum)).collect()
}

fn filter_value(filter: Filter, x: f64) -> f64 {
    let x = x.abs();
    let sinc =
        |x: f64| if x == 0.0 { 1.0 } else { (x * std::f64::consts::PI).sin() / (x * std::f64::consts::PI) };
    match filter {
        Filter::Lanczos3 if x < 3.0 => sinc(x) * sinc(x / 3.0),
        Filter::CatmullRom if x < 1.0 => 1.5 * x.powi(3) - 2.5 * x.powi(2) + 1.0,
        Filter::CatmullRom if x < 2.0 => -0.5 * x.powi(3) + 2.5 * x.powi(2) - 4.0 * x + 2.0,
        Filter::Bilinear if x < 1.0 => 1.0 - x,
        _ => 0.0,
    }
}

/// Adds a tile to the elements of a canvas of `shape`.
pub(crate) fn blend(tile: &Tensor, place: &TilePlace, canvas: &mut [f64], shape: [usize; 3]) {
    let values = elements(tile);
    let rising = |ramp: Option<(usize, usize)>, i: usize| {
        ramp.map_or(1.0, |(start, length)| ((i as f64 - start as f64 + 0.5) / length as f64).clamp(0.0, 1.0))
    };
    let weight = |start, end: Option<(usize, usize)>, i| {
        rising(start, i) * end.map_or(1.0, |ramp| 1.0 - rising(Some(ramp), i))
    };
    for (value, [channel, row, column]) in values.into_iter().zip(places(tile.shape, tile.layout)) {
        let (x, y) = (place.x + column as i64, place.y + row as i64);
        if x < 0 || y < 0 || x >= shape[2] as i64 || y >= shape[1] as i64 {
            continue;
        }
        let w = weight(place.left, place.right, column) * weight(place.top, place.bottom, row);
        canvas[index_of(shape, tile.layout, [channel, y as usize, x as usize])] += w * value;
    }
}

/// Plane `index` of what a field makes of two frames, not rounded.
pub(crate) fn compose(composition: &Composition<'_>, index: usize) -> Vec<f64> {
    let Composition { field, first, other, gate, still, .. } = *composition;
    let info = &first.info;
    let (first, other) = (&first.planes()[index], &other.planes()[index]);
    let numbers = |plane| -> Vec<f64> { samples(plane).into_iter().map(f64::from).collect() };
    let (first_samples, other_samples) = (numbers(first), numbers(other));
    let (width, height) = (first.width as usize, first.height as usize);
    let (chroma, s) = (info.format.is_chroma(index), info.format.subsampling());
    let block = |shift: u8| if chroma { f64::from(1u32 << shift) } else { 1.0 };
    let (block_x, block_y) = (block(s.x), block(s.y));
    let (siting_x, siting_y) = info.color.siting.position();
    let per_x = f64::from(field.source.0) / f64::from(info.width);
    let per_y = f64::from(field.source.1) / f64::from(info.height);
    let shrink = field.shrink as f64;
    // A sample's place in source luma samples, then in cells.
    let cell_of = |i: usize, block: f64, siting: f64, per: f64| {
        let luma = i as f64 * block + siting * (block - 1.0);
        ((luma + 0.5) * per) / shrink - 0.5
    };
    let sigmoid: Vec<f64> = field.blend.iter().map(|v| 1.0 / (1.0 + (-f64::from(*v)).exp())).collect();
    let wide = |values: &[f32]| -> Vec<f64> { values.iter().copied().map(f64::from).collect() };
    let displacements = [&field.first[0], &field.first[1], &field.other[0], &field.other[1]].map(|v| wide(v));
    let gate = gate.map_or(vec![1.0; sigmoid.len()], wide);
    let mut out = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let cell = (cell_of(x, block_x, siting_x, per_x), cell_of(y, block_y, siting_y, per_y));
            let at = |values: &[f64]| bilinear(values, (field.width, field.height), cell);
            let [first_x, first_y, other_x, other_y] = displacements.each_ref().map(|values| at(values));
            let moved = |values: &[f64], dx: f64, dy: f64| {
                let (dx, dy) = (dx / (per_x * block_x), dy / (per_y * block_y));
                bilinear(values, (width, height), (x as f64 + dx, y as f64 + dy))
            };
            let a = moved(&first_samples, first_x, first_y);
            let b = moved(&other_samples, other_x, other_y);
            let own = first_samples[y * width + x];
            let predicted = a + at(&sigmoid) * (b - a);
            let held = still.is_some_and(|mask| {
                let covers = |i: usize, block: f64, luma: u32, per: f64| {
                    let start = i as f64 * block;
                    let end = (start + block - 1.0).min(f64::from(luma) - 1.0);
                    ((start + 0.5) * per) as usize..=((end + 0.5) * per) as usize
                };
                covers(y, block_y, info.height, per_y).any(|y| {
                    let mut columns = covers(x, block_x, info.width, per_x);
                    columns.any(|x| mask.values[y * mask.width + x] != 0)
                })
            });
            out.push(if held { own } else { own + at(&gate) * (predicted - own) });
        }
    }
    out
}

/// The value at `place` between the nearest four; the edge goes on outside.
fn bilinear(values: &[f64], (width, height): (usize, usize), (x, y): (f64, f64)) -> f64 {
    let (x, y) = (x.clamp(0.0, width as f64 - 1.0), y.clamp(0.0, height as f64 - 1.0));
    let (left, top) = (x.floor(), y.floor());
    let at = |dx: f64, dy: f64| {
        let column = ((left + dx) as usize).min(width - 1);
        let row = ((top + dy) as usize).min(height - 1);
        (1.0 - (x - left - dx).abs()) * (1.0 - (y - top - dy).abs()) * values[row * width + column]
    };
    at(0.0, 0.0) + at(1.0, 0.0) + at(0.0, 1.0) + at(1.0, 1.0)
}
