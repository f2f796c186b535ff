//! What an operator does to the size of a picture, and from how far around each element takes its pixels.

use crate::model::onnx::NodeProto;
use std::collections::HashMap;

/// No tensor of an imported network has more channels.
const CHANNEL_LIMIT: usize = 1 << 16;
/// Nor a longer side, at the sizes that are tried here.
const SIDE_LIMIT: usize = 1 << 16;

/// One axis of a tensor. Element `i` depends on the picture's pixels from `i * step + first` to `i * step + last`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) length: usize,
    /// Pixels of the picture per element.
    pub(super) step: f64,
    pub(super) first: f64,
    pub(super) last: f64,
}

/// Shape of a tensor `[1, channels, rows, columns]`, and what of the picture its elements depend on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Extent {
    pub(super) channels: usize,
    pub(super) rows: Axis,
    pub(super) columns: Axis,
    /// Depends on the whole picture, through a mean or the like, besides what the axes say.
    pub(super) global: bool,
}

/// What is known of a constant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Constant {
    pub(super) dims: Vec<usize>,
    /// The values, where there are few.
    pub(super) values: Vec<f64>,
}

/// The tensors that operators can name.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub(super) extents: HashMap<String, Extent>,
    pub(super) constants: HashMap<String, Constant>,
}

impl Extent {
    /// The picture itself.
    pub(super) const fn picture(channels: usize, height: usize, width: usize) -> Self {
        const fn axis(length: usize) -> Axis {
            Axis { length, step: 1.0, first: 0.0, last: 0.0 }
        }
        Self { channels, rows: axis(height), columns: axis(width), global: false }
    }

    /// Elements per pixel of the picture.
    pub(super) fn density(&self) -> f64 {
        if self.is_single() { 0.0 } else { 1.0 / (self.rows.step * self.columns.step) }
    }

    /// True for one value per channel, as a mean over the picture gives.
    const fn is_single(&self) -> bool {
        self.rows.length == 1 && self.columns.length == 1
    }

    fn map(&self, change: impl Fn(usize, Axis) -> Result<Axis, String>) -> Result<Self, String> {
        Ok(Self { rows: change(0, self.rows)?, columns: change(1, self.columns)?, ..*self })
    }
}

impl Scope {
    /// The extent of what `node` gives, or why it cannot work.
    pub(super) fn infer(&self, node: &NodeProto) -> Result<Extent, String> {
        let extent = match node.operator() {
            "Conv" => self.convolution(node),
            "ConvTranspose" => self.transposed_convolution(node),
            "Add" | "Sub" | "Mul" | "Div" | "Max" | "Min" | "Pow" => self.elementwise(node),
            "Concat" => self.concatenation(node),
            "DepthToSpace" => self.depth_to_space(node),
            "Resize" => self.resize(node),
            "Slice" => self.slice(node),
            "Pad" => self.pad(node),
            "GlobalAveragePool" | "GlobalMaxPool" => self.global_pool(node),
            "Relu" | "LeakyRelu" | "PRelu" | "Clip" | "Sigmoid" | "Tanh" | "Neg" | "Abs" | "Exp" | "Sqrt"
            | "Log" | "CumSum" => self.extent(node, 0).copied(),
            // The places that it samples are a picture of the same size, and can be anywhere.
            "GridSample" => self.extent(node, 0).map(|extent| Extent { global: true, ..*extent }),
            other => Err(format!("the size of what {other} gives is not known")),
        }?;
        let too_large = extent.channels > CHANNEL_LIMIT
            || extent.rows.length > SIDE_LIMIT
            || extent.columns.length > SIDE_LIMIT;
        if too_large || extent.channels == 0 || extent.rows.length == 0 || extent.columns.length == 0 {
            return Err(format!(
                "{} would give {} x {} x {} values, expected 1 to {CHANNEL_LIMIT} on each axis",
                node.operator(),
                extent.channels,
                extent.rows.length,
                extent.columns.length
            ));
        }
        Ok(extent)
    }

    /// Multiplications and additions per pixel of the picture.
    pub(super) fn operations(&self, node: &NodeProto, output: &Extent) -> f64 {
        let Some(weights) = node.input.get(1).and_then(|name| self.constants.get(name)) else { return 0.0 };
        let count = weights.dims.iter().product::<usize>() as f64;
        match node.operator() {
            "Conv" => 2.0 * count * output.density(),
            "ConvTranspose" => 2.0 * count * self.extent(node, 0).map_or(0.0, Extent::density),
            _ => 0.0,
        }
    }

    fn extent(&self, node: &NodeProto, index: usize) -> Result<&Extent, String> {
        let name = node.input.get(index).map(String::as_str).unwrap_or_default();
        self.extents
            .get(name)
            .ok_or_else(|| format!("{} has no picture {name:?} to work on", node.operator()))
    }

    fn constant(&self, node: &NodeProto, index: usize) -> Result<&Constant, String> {
        let name = node.input.get(index).map(String::as_str).unwrap_or_default();
        self.constants.get(name).ok_or_else(|| format!("{} has no constant {name:?}", node.operator()))
    }

    fn convolution(&self, node: &NodeProto) -> Result<Extent, String> {
        let input = self.extent(node, 0)?;
        let window = Window::of(node)?;
        let [outputs, per_group, ..] = self.constant(node, 1)?.dims[..] else {
            return Err("a convolution's weights have no four axes".into());
        };
        expect_channels("convolution", per_group.checked_mul(window.groups), input)?;
        let output = input.map(|axis, source| window.convolve(axis, source))?;
        Ok(Extent { channels: outputs, ..output })
    }

    fn transposed_convolution(&self, node: &NodeProto) -> Result<Extent, String> {
        let input = self.extent(node, 0)?;
        let window = Window::of(node)?;
        let [inputs, per_group, ..] = self.constant(node, 1)?.dims[..] else {
            return Err("a deconvolution's weights have no four axes".into());
        };
        expect_channels("deconvolution", Some(inputs), input)?;
        let output = input.map(|axis, source| window.deconvolve(axis, source))?;
        Ok(Extent { channels: per_group.saturating_mul(window.groups), ..output })
    }

    fn elementwise(&self, node: &NodeProto) -> Result<Extent, String> {
        let operand = |index: usize| {
            let name = node.input.get(index).map(String::as_str).unwrap_or_default();
            match (self.extents.get(name), self.constants.get(name)) {
                (Some(extent), _) => Ok(*extent),
                (None, Some(constant)) => spread(constant),
                _ => Err(format!("{} has no operand {name:?}", node.operator())),
            }
        };
        let (left, right) = (operand(0)?, operand(1)?);
        let channels = broadcast(left.channels, right.channels)?;
        let global = left.global || right.global;
        let rows = join(left.rows, right.rows)?;
        Ok(Extent { channels, rows, columns: join(left.columns, right.columns)?, global })
    }

    fn concatenation(&self, node: &NodeProto) -> Result<Extent, String> {
        if node.int("axis") != Some(1) {
            return Err("pictures can be joined along their channels only".into());
        }
        let mut joined = *self.extent(node, 0)?;
        for index in 1..node.input.len() {
            let next = self.extent(node, index)?;
            if (next.rows.length, next.columns.length) != (joined.rows.length, joined.columns.length) {
                return Err(format!(
                    "pictures of {} x {} and {} x {} cannot be joined",
                    joined.columns.length, joined.rows.length, next.columns.length, next.rows.length
                ));
            }
            joined = Extent {
                channels: joined.channels.saturating_add(next.channels).min(CHANNEL_LIMIT + 1),
                rows: join(joined.rows, next.rows)?,
                columns: join(joined.columns, next.columns)?,
                global: joined.global || next.global,
            };
        }
        Ok(joined)
    }

    fn depth_to_space(&self, node: &NodeProto) -> Result<Extent, String> {
        let input = self.extent(node, 0)?;
        let block = node.int("blocksize").and_then(|block| usize::try_from(block).ok()).unwrap_or(0);
        if !(1..=16).contains(&block) || !input.channels.is_multiple_of(block * block) {
            return Err(format!(
                "{} channels cannot become blocks of {block} x {block}; expected a block of 1 to 16",
                input.channels
            ));
        }
        let output = input.map(|_, axis| Ok(axis.repeated(block)))?;
        Ok(Extent { channels: input.channels / (block * block), ..output })
    }

    fn resize(&self, node: &NodeProto) -> Result<Extent, String> {
        let input = self.extent(node, 0)?;
        let scales = &self.constant(node, 2)?.values;
        // Pixels beyond the nearest one that a kernel touches.
        let reach = match node.text("mode") {
            Some(b"cubic") => 2.0,
            Some(b"linear") => 1.0,
            _ => 0.0,
        };
        input.map(|axis, source| {
            let scale = scales.get(2 + axis).copied().unwrap_or(0.0);
            if !(0.0625..=16.0).contains(&scale) {
                return Err(format!("a picture is resized by {scale}, expected 1/16 to 16"));
            }
            Ok(source.resized(scale, reach))
        })
    }

    fn slice(&self, node: &NodeProto) -> Result<Extent, String> {
        let mut output = *self.extent(node, 0)?;
        let lists = [self.constant(node, 1)?, self.constant(node, 2)?, self.constant(node, 3)?];
        let [starts, ends, axes] = lists.map(|list| &list.values);
        for ((&start, &end), &axis) in starts.iter().zip(ends).zip(axes) {
            match axis as i64 {
                1 => {
                    let (from, to) = cut(output.channels, start, end)?;
                    output.channels = to - from;
                }
                2 => output.rows = output.rows.cropped(start, end)?,
                3 => output.columns = output.columns.cropped(start, end)?,
                other => return Err(format!("a picture has no axis {other} to cut along")),
            }
        }
        Ok(output)
    }

    fn pad(&self, node: &NodeProto) -> Result<Extent, String> {
        let input = self.extent(node, 0)?;
        let pads = &self.constant(node, 1)?.values;
        input.map(|axis, source| match (pads.get(2 + axis), pads.get(6 + axis)) {
            (Some(&before), Some(&after)) => Ok(Axis {
                length: source.length + before as usize + after as usize,
                first: source.first - source.step * before,
                last: source.last - source.step * before,
                ..source
            }),
            _ => Err("a border has no width".into()),
        })
    }

    fn global_pool(&self, node: &NodeProto) -> Result<Extent, String> {
        let output = self.extent(node, 0)?.map(|_, axis| Ok(Axis { length: 1, ..axis }))?;
        Ok(Extent { global: true, ..output })
    }
}

impl Axis {
    /// Every element repeated, or spread into a block: nearest enlargement and depth-to-space.
    fn repeated(self, times: usize) -> Self {
        let step = self.step / times as f64;
        let first = self.first - step * (times as f64 - 1.0);
        Self { length: self.length.saturating_mul(times), step, first, ..self }
    }

    fn resized(self, scale: f64, reach: f64) -> Self {
        // A millionth keeps 0.75 times 4 pixels from becoming 2.
        let length = (self.length as f64 * scale + 1e-6).floor() as usize;
        let step = self.step / scale;
        if reach == 0.0 {
            // The element at or before the place; at a whole scale it is less than one away.
            let slack = if scale >= 1.0 { 1.0 - 1.0 / scale } else { 1.0 };
            return Self { length, step, first: self.first - self.step * slack, ..self };
        }
        let shift = self.step * (0.5 / scale - 0.5);
        let reach = self.step * reach;
        Self { length, step, first: self.first + shift - reach, last: self.last + shift + reach }
    }

    fn cropped(self, start: f64, end: f64) -> Result<Self, String> {
        let (from, to) = cut(self.length, start, end)?;
        let shift = self.step * from as f64;
        Ok(Self { length: to - from, first: self.first + shift, last: self.last + shift, ..self })
    }
}

/// Start and end of a cut in elements; negative ones count from the end.
fn cut(length: usize, start: f64, end: f64) -> Result<(usize, usize), String> {
    let place =
        |value: f64| (if value < 0.0 { length as f64 + value } else { value }).clamp(0.0, length as f64);
    let (from, to) = (place(start) as usize, place(end) as usize);
    if from < to {
        return Ok((from, to));
    }
    Err(format!("nothing is left of {length} elements when cut from {start} to {end}"))
}

/// A constant as the picture that it is added to or multiplied with.
fn spread(constant: &Constant) -> Result<Extent, String> {
    let dim =
        |back: usize| constant.dims.len().checked_sub(back).and_then(|at| constant.dims.get(at)).copied();
    if constant.dims.len() > 4 || (constant.dims.len() == 4 && dim(4) != Some(1)) {
        return Err(format!("a constant of shape {:?} fits no picture", constant.dims));
    }
    Ok(Extent::picture(dim(3).unwrap_or(1), dim(2).unwrap_or(1), dim(1).unwrap_or(1)))
}

fn broadcast(left: usize, right: usize) -> Result<usize, String> {
    match (left, right) {
        (1, other) | (other, 1) => Ok(other),
        (left, right) if left == right => Ok(left),
        _ => Err(format!("{left} and {right} elements do not go together")),
    }
}

/// An axis that depends on what both depend on.
fn join(left: Axis, right: Axis) -> Result<Axis, String> {
    let length = broadcast(left.length, right.length)?;
    // A single element is a constant or a mean: it says nothing about the neighbourhood.
    match (left.length, right.length) {
        (1, _) => Ok(right),
        (_, 1) => Ok(left),
        _ if (left.step - right.step).abs() > 1e-9 => {
            Err(format!("{length} elements at two scales do not go together"))
        }
        _ => Ok(Axis { first: left.first.min(right.first), last: left.last.max(right.last), ..left }),
    }
}

fn expect_channels(what: &str, expected: Option<usize>, input: &Extent) -> Result<(), String> {
    match expected {
        Some(channels) if channels == input.channels => Ok(()),
        _ => Err(format!(
            "a {what} expects {} channels, its input has {}",
            expected.map_or_else(|| "too many".into(), |channels| channels.to_string()),
            input.channels
        )),
    }
}

/// The window of a convolution: rows first, columns second.
struct Window {
    kernel: [usize; 2],
    strides: [usize; 2],
    dilations: [usize; 2],
    /// Before the first and after the last element of each axis.
    pads: [[usize; 2]; 2],
    output_padding: [usize; 2],
    groups: usize,
}

impl Window {
    fn of(node: &NodeProto) -> Result<Self, String> {
        let list = |name: &str, default: i64, length: usize| -> Result<Vec<usize>, String> {
            let values = node.ints(name).map_or_else(|| vec![default; length], <[i64]>::to_vec);
            let limit = 1..=SIDE_LIMIT as i64;
            let fits = |&value: &i64| limit.contains(&value) || (value == 0 && default == 0);
            if values.len() == length && values.iter().all(fits) {
                return Ok(values.iter().map(|&value| value as usize).collect());
            }
            Err(format!("{name} of a convolution is {values:?}, expected {length} values from {default} up"))
        };
        let pair = |name: &str, default: i64| match list(name, default, 2)?[..] {
            [rows, columns] => Ok([rows, columns]),
            _ => Err(format!("{name} of a convolution has no two values")),
        };
        let pads = match list("pads", 0, 4)?[..] {
            [top, left, bottom, right] => [[top, bottom], [left, right]],
            _ => return Err("pads of a convolution have no four values".into()),
        };
        let groups = usize::try_from(node.int("group").unwrap_or(1)).unwrap_or(0);
        Ok(Self {
            kernel: pair("kernel_shape", 1)?,
            strides: pair("strides", 1)?,
            dilations: pair("dilations", 1)?,
            pads,
            output_padding: pair("output_padding", 0)?,
            groups,
        })
    }

    fn axis(&self, axis: usize) -> [usize; 5] {
        let of = |pair: [usize; 2]| if axis == 0 { pair[0] } else { pair[1] };
        let [before, after] = if axis == 0 { self.pads[0] } else { self.pads[1] };
        // The kernel's width without its first element.
        let width = (of(self.kernel) - 1).saturating_mul(of(self.dilations));
        [width, of(self.strides), before, after, of(self.output_padding)]
    }

    fn convolve(&self, axis: usize, source: Axis) -> Result<Axis, String> {
        let [width, stride, before, after, _] = self.axis(axis);
        let Some(room) = (source.length + before + after).checked_sub(width.saturating_add(1)) else {
            return Err(format!("a kernel of {} elements does not fit into {}", width + 1, source.length));
        };
        Ok(Axis {
            length: room / stride + 1,
            step: source.step * stride as f64,
            first: source.first - source.step * before as f64,
            last: source.last + source.step * (width as f64 - before as f64),
        })
    }

    fn deconvolve(&self, axis: usize, source: Axis) -> Result<Axis, String> {
        let [width, stride, before, after, extra] = self.axis(axis);
        let whole = (source.length - 1).saturating_mul(stride).saturating_add(width + 1 + extra);
        let length = whole.checked_sub(before + after).ok_or("a deconvolution cuts more than it makes")?;
        let step = source.step / stride as f64;
        Ok(Axis {
            length,
            step,
            first: source.first + step * (before as f64 - width as f64),
            last: source.last + step * before as f64,
        })
    }
}
