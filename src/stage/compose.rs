//! Composition: the network's picture and the source's other planes become a frame of the output's size and format.

use super::Upscaled;
use crate::error::{Error, KernelError};
use crate::frame::{
    BufferPool, Color, Frame, FrameData, FrameInfo, MemoryPlace, PixelFormat, Plane, Range, Rational,
};
use crate::kernel::{Axis, Filter, Kernels, ResamplePlan};

/// Size, format and meaning of frames at one point of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Width in luma samples.
    pub width: u32,
    /// Height in luma samples.
    pub height: u32,
    /// Sample layout.
    pub format: PixelFormat,
    /// What the numbers mean.
    pub color: Color,
}

/// Where an output plane comes from.
#[derive(Clone, Debug)]
enum PlaneSource {
    /// Plane of the network's picture.
    Network(usize, ResamplePlan),
    /// Plane of the decoded frame.
    Source(usize, ResamplePlan),
    /// Neutral: chroma of a grey source, alpha of an opaque one.
    Constant(u16),
}

/// Makes output frames. Planned once; every frame of a run has the same geometry.
pub struct Composer {
    kernels: Box<dyn Kernels>,
    planes: Vec<PlaneSource>,
    target: Geometry,
    sample_aspect_ratio: Rational,
    passes_through: bool,
    pool: BufferPool,
}

impl std::fmt::Debug for Composer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Composer({:?})", self.planes)
    }
}

impl Composer {
    /// Plans composition from frames of `source`, and what a network of `network` geometry made of them, to `target`.
    pub fn new(
        source: Geometry,
        network: Option<Geometry>,
        target: Geometry,
        sample_aspect_ratio: Rational,
        dither: bool,
        kernels: Box<dyn Kernels>,
        pool: BufferPool,
    ) -> Self {
        let planes = (0..target.format.plane_count())
            .map(|index| plane_source(index, source, network, target, dither))
            .collect();
        let passes_through = network.is_none()
            && source.width == target.width
            && source.height == target.height
            && source.format == target.format
            && source.color.siting == target.color.siting;
        Self { kernels, planes, target, sample_aspect_ratio, passes_through, pool }
    }

    /// As [`Kernels::device`].
    pub fn device(&self) -> Option<MemoryPlace> {
        self.kernels.device()
    }

    /// As [`Kernels::keep_on_device`].
    pub fn keep_on_device(&mut self) {
        self.kernels.keep_on_device();
    }

    /// Makes the output frame. Time stamps and side data are the source's.
    pub fn process(&mut self, upscaled: Upscaled) -> Result<Frame, Error> {
        let Upscaled { source, network } = upscaled;
        if self.passes_through {
            return Ok(Frame { info: self.info(&source), data: source.data });
        }
        self.compose(&source, network)
    }

    /// As [`Composer::process`], of a frame that is still needed and without a network's picture.
    pub fn resample(&mut self, source: &Frame) -> Result<Frame, Error> {
        self.compose(source, None)
    }

    fn info(&self, source: &Frame) -> FrameInfo {
        FrameInfo {
            width: self.target.width,
            height: self.target.height,
            format: self.target.format,
            color: self.target.color,
            sample_aspect_ratio: self.sample_aspect_ratio,
            ..source.info.clone()
        }
    }

    /// Makes the output frame of `source` and the network's picture.
    pub(super) fn compose(&mut self, source: &Frame, network: Option<Frame>) -> Result<Frame, Error> {
        let mut network_planes = take_planes(network);
        let mut out = Frame::allocate(self.info(source), Some(&self.pool));
        for (plane, from) in out.planes_mut().iter_mut().zip(&self.planes) {
            match from {
                PlaneSource::Network(index, plan) => {
                    let made = network_planes.get_mut(*index).ok_or_else(|| missing(*index))?;
                    if plan.is_copy() && made.stride == plane.stride {
                        // The network's plane is the output's plane: hand over the memory.
                        std::mem::swap(made, plane);
                    } else {
                        self.kernels.resample(plan, made, plane)?;
                    }
                }
                PlaneSource::Source(index, plan) => {
                    let decoded = source.planes().get(*index).ok_or_else(|| missing(*index))?;
                    self.kernels.resample(plan, decoded, plane)?;
                }
                PlaneSource::Constant(value) => fill(plane, *value),
            }
        }
        Ok(out)
    }
}

fn take_planes(frame: Option<Frame>) -> Vec<Plane> {
    frame.map_or_else(Vec::new, |frame| {
        let FrameData::Host(planes) = frame.data;
        planes
    })
}

fn missing(index: usize) -> KernelError {
    KernelError::Shape {
        operation: "compose",
        expected: format!("a frame with plane {index}"),
        found: "a frame of another format than the stream began with".into(),
    }
}

fn fill(plane: &mut Plane, value: u16) {
    let wide = plane.sample_bytes == 2;
    for row in plane.rows_mut() {
        if wide {
            bytemuck::cast_slice_mut::<u8, u16>(row).fill(value);
        } else {
            row.fill(value as u8);
        }
    }
}

fn plane_source(
    index: usize,
    source: Geometry,
    network: Option<Geometry>,
    target: Geometry,
    dither: bool,
) -> PlaneSource {
    let is_alpha = target.format.alpha && index + 1 == target.format.plane_count();
    let is_chroma = target.format.is_chroma(index);
    let neutral = 1u16 << (target.format.depth - 1);
    if is_alpha {
        let opaque = target.format.max_value() as u16;
        return match source.format.alpha {
            true => PlaneSource::Source(
                source.format.plane_count() - 1,
                plan(source, target, false, true, dither),
            ),
            false => PlaneSource::Constant(opaque),
        };
    }
    if let Some(network) = network.filter(|network| index < network.format.color_planes()) {
        return PlaneSource::Network(index, plan(network, target, is_chroma, false, dither));
    }
    if index < source.format.color_planes() {
        return PlaneSource::Source(index, plan(source, target, is_chroma, false, dither));
    }
    PlaneSource::Constant(neutral)
}

fn plan(from: Geometry, to: Geometry, chroma: bool, alpha: bool, dither: bool) -> ResamplePlan {
    let depths = (from.format.depth, to.format.depth);
    let full = alpha || from.color.range == Range::Full;
    let index = usize::from(chroma);
    let (from_width, from_height) = from.format.plane_size(index, from.width, from.height);
    let (to_width, to_height) = to.format.plane_size(index, to.width, to.height);
    let (from_width, from_height) = (from_width as usize, from_height as usize);
    let (to_width, to_height) = (to_width as usize, to_height as usize);
    let (horizontal, vertical) = if chroma {
        let (from_sub, to_sub) = (from.format.subsampling(), to.format.subsampling());
        let (from_position, to_position) = (from.color.siting.position(), to.color.siting.position());
        (
            Axis::chroma(
                from_width,
                to_width,
                f64::from(from.width) / f64::from(to.width),
                (from_sub.x, from_position.0),
                (to_sub.x, to_position.0),
            ),
            Axis::chroma(
                from_height,
                to_height,
                f64::from(from.height) / f64::from(to.height),
                (from_sub.y, from_position.1),
                (to_sub.y, to_position.1),
            ),
        )
    } else {
        (Axis::luma(from_width, to_width), Axis::luma(from_height, to_height))
    };
    ResamplePlan::new(horizontal, vertical, Filter::Lanczos3, depths, full, dither)
}
