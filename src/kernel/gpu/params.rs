//! The parameters of the shader programs, laid out as their `Params` structs are.

use crate::frame::{Frame, Plane, Tensor};
use crate::kernel::convert::{self, Affine};
use crate::kernel::{
    Region, ResamplePlan, Skip, Steadiness, TensorLayout, TensorSpec, TilePlace, UnpackSpec,
};

/// `Layout` in `common/depth_to_space.wgsl`.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct Layout {
    columns: u32,
    rows: u32,
    block: u32,
    pixel: u32,
}

impl Layout {
    fn new(shape: [usize; 3], layout: TensorLayout, block: usize) -> Self {
        let [_, rows, columns] = shape;
        let pixel = pixel(shape, layout) as u32;
        Self { columns: columns as u32, rows: rows as u32, block: block as u32, pixel }
    }

    fn of_region(region: Region, spec: &TensorSpec) -> Self {
        Self::new(spec.shape(region.width, region.height), spec.layout, spec.block)
    }
}

/// Elements from one column to the next.
const fn pixel([channels, ..]: [usize; 3], layout: TensorLayout) -> usize {
    match layout {
        TensorLayout::Nchw => 1,
        TensorLayout::Nhwc => channels,
    }
}

/// A plane as the shaders see it.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct Rows {
    /// Words from one row to the next.
    stride: u32,
    /// Log2 of the samples in a word.
    samples_log2: u32,
}

impl Rows {
    pub(super) fn new(plane: &Plane) -> Self {
        let samples_log2 = if plane.sample_bytes == 1 { 2 } else { 1 };
        Self { stride: (plane.stride / 4) as u32, samples_log2 }
    }
}

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct PackLuma {
    tensor: Layout,
    origin: [i32; 2],
    size: [i32; 2],
    luma: Rows,
    gain: f32,
    offset: f32,
}

impl PackLuma {
    pub(super) fn new(frame: &Frame, luma: &Plane, region: Region, spec: &TensorSpec) -> Self {
        let map = convert::pack_luma(&frame.info, spec);
        Self {
            tensor: Layout::of_region(region, spec),
            origin: origin(region, luma),
            size: [luma.width as i32, luma.height as i32],
            luma: Rows::new(luma),
            gain: map.gain,
            offset: map.offset,
        }
    }
}

fn origin(region: Region, luma: &Plane) -> [i32; 2] {
    [
        convert::nearest_origin(region.x, region.width, luma.width) as i32,
        convert::nearest_origin(region.y, region.height, luma.height) as i32,
    ]
}

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct PackRgb {
    tensor: Layout,
    forms: [[f32; 4]; 3],
    origin: [i32; 2],
    size: [i32; 2],
    luma: Rows,
    chroma_stride: u32,
    chroma_size: [i32; 2],
    chroma_first: [f32; 2],
    chroma_step: [f32; 2],
}

impl PackRgb {
    pub(super) fn new(
        frame: &Frame,
        (luma, chroma): (&Plane, &Plane),
        region: Region,
        spec: &TensorSpec,
    ) -> Self {
        let grid = ChromaGrid::of(frame);
        Self {
            tensor: Layout::of_region(region, spec),
            forms: forms(&convert::yuv_to_rgb(&frame.info, spec)),
            origin: origin(region, luma),
            size: [luma.width as i32, luma.height as i32],
            luma: Rows::new(luma),
            chroma_stride: Rows::new(chroma).stride,
            chroma_size: [chroma.width as i32, chroma.height as i32],
            chroma_first: grid.first.map(|first| first as f32),
            chroma_step: grid.step.map(|step| step as f32),
        }
    }
}

/// Each form's weights and its offset.
fn forms(map: &Affine) -> [[f32; 4]; 3] {
    let mut forms = [[0.0; 4]; 3];
    for ((form, [a, b, c]), offset) in forms.iter_mut().zip(map.weights).zip(map.offsets) {
        *form = [a, b, c, offset];
    }
    forms
}

/// Where chroma samples lie, in luma samples: the first one, and from one to the next.
struct ChromaGrid {
    first: [f64; 2],
    step: [f64; 2],
}

impl ChromaGrid {
    fn of(frame: &Frame) -> Self {
        let subsampling = frame.info.format.subsampling();
        let (x, y) = frame.info.color.siting.position();
        let [step_x, step_y] = [subsampling.x, subsampling.y].map(|shift| f64::from(1u32 << shift));
        Self { first: [x * (step_x - 1.0), y * (step_y - 1.0)], step: [step_x, step_y] }
    }
}

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct UnpackLuma {
    tensor: Layout,
    size: [u32; 2],
    luma: Rows,
    gain: f32,
    offset: f32,
    largest: u32,
    dithered: u32,
    skip_scale: u32,
    skip_gain: f32,
    source: Rows,
}

impl UnpackLuma {
    pub(super) fn new(
        (shape, layout): ([usize; 3], TensorLayout),
        spec: &UnpackSpec,
        (source, source_luma): (&Frame, &Plane),
        (out, luma): (&Frame, &Plane),
    ) -> Self {
        let (map, skip_gain) = convert::unpack_luma(spec, &source.info, &out.info);
        let skip_scale = match spec.skip {
            Skip::None => 0,
            Skip::Nearest => spec.scale as u32,
        };
        Self {
            tensor: Layout::new(shape, layout, spec.tensor.block),
            size: [luma.width, luma.height],
            luma: Rows::new(luma),
            gain: map.gain,
            offset: map.offset,
            largest: out.info.format.max_value(),
            dithered: spec.dither.into(),
            skip_scale,
            skip_gain,
            source: Rows::new(source_luma),
        }
    }
}

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct UnpackRgb {
    tensor: Layout,
    form: [f32; 4],
    size: [u32; 2],
    rows: Rows,
    largest: u32,
    dithered: u32,
}

impl UnpackRgb {
    pub(super) fn new(
        (shape, layout): ([usize; 3], TensorLayout),
        spec: &UnpackSpec,
        (out, luma): (&Frame, &Plane),
    ) -> Self {
        let [form, ..] = forms(&convert::rgb_to_yuv(&out.info, &spec.tensor));
        Self {
            tensor: Layout::new(shape, layout, spec.tensor.block),
            form,
            size: [luma.width, luma.height],
            rows: Rows::new(luma),
            largest: out.info.format.max_value(),
            dithered: spec.dither.into(),
        }
    }
}

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct UnpackChroma {
    tensor: Layout,
    forms: [[f32; 4]; 2],
    size: [u32; 2],
    rows: Rows,
    largest: u32,
    dithered: u32,
    picture: [i32; 2],
    box_first: [f32; 2],
    box_size: [f32; 2],
}

impl UnpackChroma {
    pub(super) fn new(
        (shape, layout): ([usize; 3], TensorLayout),
        spec: &UnpackSpec,
        (out, chroma): (&Frame, &Plane),
    ) -> Self {
        let [_, blue, red] = forms(&convert::rgb_to_yuv(&out.info, &spec.tensor));
        let ChromaGrid { first: [x, y], step: [width, height] } = ChromaGrid::of(out);
        Self {
            tensor: Layout::new(shape, layout, spec.tensor.block),
            forms: [blue, red],
            size: [chroma.width, chroma.height],
            rows: Rows::new(chroma),
            largest: out.info.format.max_value(),
            dithered: spec.dither.into(),
            picture: [out.info.width as i32, out.info.height as i32],
            // A sample's box is centred on the sample, whose own pixel is one wide.
            box_first: [(x + 0.5 - width / 2.0) as f32, (y + 0.5 - height / 2.0) as f32],
            box_size: [width as f32, height as f32],
        }
    }
}

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct ResampleHorizontal {
    width: u32,
    height: u32,
    source_width: i32,
    source: Rows,
    taps: u32,
}

impl ResampleHorizontal {
    pub(super) fn new(plan: &ResamplePlan, source: &Plane) -> Self {
        Self {
            width: plan.output.0 as u32,
            height: source.height,
            source_width: source.width as i32,
            source: Rows::new(source),
            taps: plan.horizontal.width as u32,
        }
    }
}

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct ResampleVertical {
    width: u32,
    height: u32,
    source_height: i32,
    out: Rows,
    taps: u32,
    gain: f32,
    largest: u32,
    dithered: u32,
}

impl ResampleVertical {
    pub(super) fn new(plan: &ResamplePlan, source: &Plane, out: &Plane) -> Self {
        Self {
            width: out.width,
            height: out.height,
            source_height: source.height as i32,
            out: Rows::new(out),
            taps: plan.vertical.width as u32,
            gain: plan.gain,
            largest: plan.output_max(),
            dithered: plan.dither.into(),
        }
    }
}

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct BlendTile {
    x: i32,
    y: i32,
    columns: u32,
    rows: u32,
    canvas_columns: i32,
    canvas_rows: i32,
    pixel: u32,
}

impl BlendTile {
    pub(super) fn new(
        (shape, layout): ([usize; 3], TensorLayout),
        place: &TilePlace,
        [_, canvas_rows, canvas_columns]: [usize; 3],
    ) -> Self {
        let [_, rows, columns] = shape;
        Self {
            x: place.x as i32,
            y: place.y as i32,
            columns: columns as u32,
            rows: rows as u32,
            canvas_columns: canvas_columns as i32,
            canvas_rows: canvas_rows as i32,
            pixel: pixel(shape, layout) as u32,
        }
    }
}

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct Steady {
    size: [i32; 2],
    channels: u32,
    pixel: u32,
    channel: u32,
    most: f32,
    gain: f32,
    offset: f32,
}

impl Steady {
    pub(super) fn new(values: &Tensor, steadiness: &Steadiness) -> Self {
        let [channels, rows, columns] = values.shape;
        let channel = match values.layout {
            TensorLayout::Nchw => rows * columns,
            TensorLayout::Nhwc => 1,
        };
        let (gain, offset) = steadiness.ramp();
        Self {
            size: [columns as i32, rows as i32],
            channels: channels as u32,
            pixel: pixel(values.shape, values.layout) as u32,
            channel: channel as u32,
            most: steadiness.most,
            gain,
            offset,
        }
    }
}

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct ApplyCurves {
    size: [u32; 2],
    map_size: [u32; 2],
    iterations: u32,
}

impl ApplyCurves {
    pub(super) fn new(maps: &Tensor, picture: &Tensor) -> Self {
        let [_, height, width] = picture.shape;
        let [count, map_height, map_width] = maps.shape;
        Self {
            size: [width as u32, height as u32],
            map_size: [map_width as u32, map_height as u32],
            iterations: (count / 3) as u32,
        }
    }
}

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct Mix {
    size: [u32; 2],
    rows: Rows,
    share: f32,
}

impl Mix {
    pub(super) fn new(plane: &Plane, share: f32) -> Self {
        Self { size: [plane.width, plane.height], rows: Rows::new(plane), share }
    }
}
