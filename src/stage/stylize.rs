//! Painting frames in a style: the network's pictures, steadied, at the frame's size and mixed with it.

use super::{Composer, Geometry, Inferred, Smoother, TensorPool};
use crate::error::Error;
use crate::frame::{BufferPool, Frame, FrameInfo};
use crate::kernel::{Kernels, UnpackSpec};
use crate::model::Manifest;

/// What a [`Stylizer`] is made of.
#[derive(Debug)]
pub struct StylizerOptions<'a> {
    /// Of the network whose pictures come.
    pub manifest: &'a Manifest,
    /// The frames.
    pub source: Geometry,
    /// What the network saw of them.
    pub seen: Geometry,
    /// Share of the painted picture, 0 to 1.
    pub strength: f32,
    /// Share of the frame before where nothing moves, 0 to 1.
    pub smoothing: f32,
    /// Dithers the network's output.
    pub dither: bool,
}

/// Makes painted frames of the source's size and format. It must see the frames in order.
#[derive(Debug)]
pub struct Stylizer {
    brush: Brush,
    unpack: UnpackSpec,
    seen: Geometry,
    smoother: Smoother,
    pool: BufferPool,
}

impl Stylizer {
    /// Plans painting.
    pub fn new(
        options: &StylizerOptions<'_>,
        kernels: Box<dyn Kernels>,
        composing: Box<dyn Kernels>,
        pool: BufferPool,
        tensors: TensorPool,
    ) -> Self {
        Self {
            brush: Brush::new(
                options.source,
                options.seen,
                options.strength,
                kernels,
                composing,
                pool.clone(),
            ),
            unpack: options.manifest.unpack_spec(options.dither),
            seen: options.seen,
            smoother: Smoother::new(options.smoothing, tensors),
            pool,
        }
    }

    /// The painted frame. Time stamps, side data and alpha are the source's.
    pub fn process(&mut self, inferred: Inferred) -> Result<Frame, Error> {
        let (source, picture) = self.smoother.smooth(&mut *self.brush.kernels, inferred)?;
        let mut painted = Frame::allocate(picture_info(&source.info, self.seen), Some(&self.pool));
        self.brush.kernels.unpack(picture.view(), &self.unpack, &source, &mut painted)?;
        self.brush.apply(source, painted)
    }
}

/// What a picture of `geometry` that was made of a frame says of itself.
pub(super) fn picture_info(source: &FrameInfo, geometry: Geometry) -> FrameInfo {
    FrameInfo {
        width: geometry.width,
        height: geometry.height,
        format: geometry.format,
        color: geometry.color,
        side_data: Vec::new(),
        ..source.clone()
    }
}

/// Puts a picture over a frame: at the frame's size and format, with its alpha, and mixed with it.
pub(super) struct Brush {
    pub(super) kernels: Box<dyn Kernels>,
    composer: Composer,
    strength: f32,
}

impl std::fmt::Debug for Brush {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Brush({}, {:?})", self.strength, self.composer)
    }
}

impl Brush {
    /// For frames of `source` and pictures of `picture`, which get the share `strength`.
    pub(super) fn new(
        source: Geometry,
        picture: Geometry,
        strength: f32,
        kernels: Box<dyn Kernels>,
        composing: Box<dyn Kernels>,
        pool: BufferPool,
    ) -> Self {
        let aspect = crate::frame::Rational::new(1, 1);
        let composer = Composer::new(source, Some(picture), source, aspect, false, composing, pool);
        Self { kernels, composer, strength }
    }

    pub(super) fn apply(&mut self, source: Frame, picture: Frame) -> Result<Frame, Error> {
        let aspect = source.info.sample_aspect_ratio;
        let mut out = self.composer.compose(&source, Some(picture))?;
        out.info.sample_aspect_ratio = aspect;
        if self.strength < 1.0 {
            let colours = source.info.format.color_planes();
            for (from, into) in source.planes().iter().zip(out.planes_mut()).take(colours) {
                self.kernels.mix(from, self.strength, into)?;
            }
        }
        Ok(out)
    }
}
