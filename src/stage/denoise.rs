//! Removing noise: the picture of a network that keeps the size, mixed with the frame.

use super::stylize::Brush;
use super::{Geometry, Upscaled};
use crate::error::Error;
use crate::frame::{BufferPool, Frame};
use crate::kernel::Kernels;

/// Makes frames of the source's size and format out of what a network made of them. Planes that the network does not
/// give, chroma of a luma network and alpha, are the source's.
#[derive(Debug)]
pub struct Denoiser {
    brush: Brush,
}

impl Denoiser {
    /// For frames of `source` and a network whose pictures have the geometry `network`; `strength` is their share, 0 to 1.
    pub fn new(
        source: Geometry,
        network: Geometry,
        strength: f32,
        kernels: Box<dyn Kernels>,
        composing: Box<dyn Kernels>,
        pool: BufferPool,
    ) -> Self {
        Self { brush: Brush::new(source, network, strength, kernels, composing, pool) }
    }

    /// The denoised frame. Time stamps and side data are the source's.
    pub fn process(&mut self, upscaled: Upscaled) -> Result<Frame, Error> {
        let Upscaled { source, network } = upscaled;
        match network {
            Some(network) => self.brush.apply(source, network),
            None => Ok(source),
        }
    }
}
