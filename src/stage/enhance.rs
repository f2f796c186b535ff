//! Brightening frames of dim light: curves that a network estimates at low resolution bend the frame at its full size.

use super::stylize::{Brush, picture_info};
use super::{Geometry, Inferred, Smoother, TensorPool};
use crate::error::Error;
use crate::frame::{BufferPool, DataType, Frame, PixelFormat, Skip, Tensor};
use crate::kernel::{Kernels, Region, TensorColor, TensorLayout, TensorSpec, UnpackSpec};

/// The network works at this part of the frame's sides...
const SHRINK: u32 = 4;
/// ... but sees no more than this on the longer one, and no less on the shorter: curves are smooth.
const LONGEST: u32 = 320;
const SHORTEST: u32 = 16;

/// Full-range R'G'B' from 0 to 1, as the curves are defined on.
const RGB: TensorSpec = TensorSpec {
    color: TensorColor::Rgb,
    kind: DataType::F32,
    layout: TensorLayout::Nchw,
    block: 1,
    mean: 0.0,
    range: 1.0,
};

/// Width and height at which the network estimates curves for frames of `width` x `height`, both of a multiple.
pub fn curve_size(width: u32, height: u32, multiple: u32) -> (u32, u32) {
    let longest = width.max(height);
    let bound = (longest / SHRINK).clamp(1, LONGEST);
    let side = |length: u32| {
        let scaled = (u64::from(length) * u64::from(bound)).div_ceil(u64::from(longest.max(1)));
        (scaled as u32).max(SHORTEST).next_multiple_of(multiple)
    };
    (side(width), side(height))
}

/// Makes enhanced frames of the source's size and format. It must see the frames in order.
#[derive(Debug)]
pub struct Enhancer {
    brush: Brush,
    bent: Geometry,
    smoother: Smoother,
    picture: Tensor,
    dither: bool,
    pool: BufferPool,
}

impl Enhancer {
    /// For frames of `source`. `strength` is the share of the enhanced picture, `smoothing` that of the curves before
    /// where nothing moves, both 0 to 1.
    pub fn new(
        source: Geometry,
        (strength, smoothing): (f32, f32),
        dither: bool,
        kernels: Box<dyn Kernels>,
        composing: Box<dyn Kernels>,
        pool: BufferPool,
        tensors: TensorPool,
    ) -> Self {
        let bent = Geometry { format: PixelFormat { alpha: false, ..source.format }, ..source };
        Self {
            brush: Brush::new(source, bent, strength, kernels, composing, pool.clone()),
            bent,
            smoother: Smoother::new(smoothing, tensors),
            picture: Tensor::empty(),
            dither,
            pool,
        }
    }

    /// The enhanced frame. Time stamps, side data and alpha are the source's.
    pub fn process(&mut self, inferred: Inferred) -> Result<Frame, Error> {
        let kernels = &mut *self.brush.kernels;
        let (source, maps) = self.smoother.smooth(kernels, inferred)?;
        let (width, height) = (source.info.width as usize, source.info.height as usize);
        kernels.pack(&source, Region { x: 0, y: 0, width, height }, &RGB, &mut self.picture)?;
        kernels.apply_curves(maps, &mut self.picture)?;
        let mut bent = Frame::allocate(picture_info(&source.info, self.bent), Some(&self.pool));
        let unpack = UnpackSpec { tensor: RGB, scale: 1, skip: Skip::None, dither: self.dither };
        kernels.unpack(self.picture.view(), &unpack, &source, &mut bent)?;
        self.brush.apply(source, bent)
    }
}

#[cfg(test)]
mod tests {
    use super::curve_size;

    #[test]
    fn curves_are_estimated_at_a_quarter_and_never_at_much() {
        assert_eq!(curve_size(640, 360, 1), (160, 90));
        assert_eq!(curve_size(3840, 2160, 1), (320, 180));
        assert_eq!(curve_size(1080, 1920, 1), (180, 320));
        assert_eq!(curve_size(64, 40, 4), (16, 16));
    }
}
