//! What makes large pictures out of small ones: interpolations, and networks through the engine.

use super::Samples;
use super::resize::{Interpolation, resize};
use crate::config::{ProcessingOptions, Reuse, Target};
use crate::engine::{Engine, Pull, Push};
use crate::error::Error;
use crate::frame::{Frame, FrameInfo, PixelFormat};
use crate::kernel::Axis;
use crate::stage::Geometry;

/// A row of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// An interpolation.
    Interpolation(Interpolation),
    /// A model by name or path.
    Model(String),
}

impl Method {
    /// Name in reports; a model's is its manifest's or its file's.
    pub fn name(&self) -> String {
        match self {
            Self::Interpolation(Interpolation::Nearest) => "nearest".into(),
            Self::Interpolation(Interpolation::Bilinear) => "bilinear".into(),
            Self::Interpolation(Interpolation::Bicubic) => "bicubic".into(),
            Self::Interpolation(Interpolation::Lanczos) => "lanczos".into(),
            Self::Model(name) => name.clone(),
        }
    }
}

/// Enlarges the frames of one item.
pub(super) enum Enlarger {
    Interpolation(Interpolation, u32),
    Model(Box<Engine>),
}

impl Enlarger {
    /// For frames like `first`. Models run on one thread with the kernels and the device of `options`.
    pub(super) fn new(
        method: &Method,
        scale: u32,
        first: &FrameInfo,
        options: &ProcessingOptions,
    ) -> Result<Self, Error> {
        match method {
            Method::Interpolation(interpolation) => Ok(Self::Interpolation(*interpolation, scale)),
            Method::Model(model) => {
                engine(model, scale, first, Some(1), options).map(Box::new).map(Self::Model)
            }
        }
    }

    /// The large frame, of the small one's format.
    pub(super) fn enlarge(&mut self, small: Frame) -> Result<Frame, Error> {
        match self {
            Self::Interpolation(interpolation, scale) => Ok(interpolated(&small, *scale, *interpolation)),
            Self::Model(engine) => through(engine, small),
        }
    }
}

/// An engine for one model over frames like `info`.
pub(super) fn engine(
    model: &str,
    scale: u32,
    info: &FrameInfo,
    threads: Option<usize>,
    options: &ProcessingOptions,
) -> Result<Engine, Error> {
    let source = Geometry { width: info.width, height: info.height, format: info.format, color: info.color };
    let options = ProcessingOptions {
        target: Target::Factor(scale),
        models: vec![model.to_owned()],
        threads,
        // The time of a frame is that of one which the engine has not seen.
        reuse: Reuse::Off,
        ..options.clone()
    };
    Engine::new(source, info.sample_aspect_ratio, crate::frame::Rational::new(1, 1), &options)
}

fn through(engine: &mut Engine, small: Frame) -> Result<Frame, Error> {
    // The engine is empty, so it takes the frame.
    let accepted = matches!(engine.push_frame(small)?, Push::Accepted);
    match engine.wait_frame()? {
        Pull::Frame(frame) if accepted => Ok(frame),
        _ => Err(Error::Panic {
            stage: "upscale".into(),
            message: "no frame came out for one that went in".into(),
        }),
    }
}

fn interpolated(small: &Frame, scale: u32, interpolation: Interpolation) -> Frame {
    let (width, height) = (small.info.width * scale, small.info.height * scale);
    resampled(small, (width, height), small.info.format, |samples, horizontal, vertical| {
        resize(&samples, horizontal, vertical, interpolation)
    })
}

/// A frame of another size and chroma subsampling, its planes made by `make` with their geometry (siting included).
pub(super) fn resampled(
    frame: &Frame,
    (width, height): (u32, u32),
    format: PixelFormat,
    make: impl Fn(Samples, &Axis, &Axis) -> Samples,
) -> Frame {
    let source = &frame.info;
    let info = FrameInfo { width, height, format, side_data: Vec::new(), ..source.clone() };
    let color = info.color;
    let mut out = Frame::allocate(info, None);
    let steps = (f64::from(source.width) / f64::from(width), f64::from(source.height) / f64::from(height));
    let (from_sub, to_sub) = (source.format.subsampling(), format.subsampling());
    let position = color.siting.position();
    for (index, (plane, from)) in out.planes_mut().iter_mut().zip(frame.planes()).enumerate() {
        let ((from_width, from_height), (to_width, to_height)) =
            ((from.width as usize, from.height as usize), (plane.width as usize, plane.height as usize));
        let (horizontal, vertical) = if format.is_chroma(index) {
            let (from_x, to_x) = ((from_sub.x, position.0), (to_sub.x, position.0));
            let (from_y, to_y) = ((from_sub.y, position.1), (to_sub.y, position.1));
            (
                Axis::chroma(from_width, to_width, steps.0, from_x, to_x),
                Axis::chroma(from_height, to_height, steps.1, from_y, to_y),
            )
        } else {
            (Axis::luma(from_width, to_width), Axis::luma(from_height, to_height))
        };
        make(Samples::from_plane(from), &horizontal, &vertical).store(plane, format.max_value());
    }
    out
}
