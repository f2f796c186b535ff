//! Keeps what a network makes of a video from flickering where the video itself stands still.

use super::{Inferred, TensorPool};
use crate::error::KernelError;
use crate::frame::{Frame, Tensor};
use crate::kernel::{Kernels, Steadiness};

/// Differences of luma that noise makes, and that motion makes.
const STILL: f32 = 4.0 / 255.0;
const MOVING: f32 = 14.0 / 255.0;

/// Mean difference of luma between two frames that do not belong to the same scene.
const CUT: f64 = 0.12;

/// Blends what a network made of a frame with what was made of the frame before. It must see the frames in order.
#[derive(Debug)]
pub struct Smoother {
    steadiness: Steadiness,
    tensors: TensorPool,
    /// Luma and values of the frame before.
    before: Option<(Tensor, Tensor)>,
}

impl Smoother {
    /// `most` is the share of the frame before where nothing moves, 0 to 1; 0 switches it off.
    pub const fn new(most: f32, tensors: TensorPool) -> Self {
        let steadiness = Steadiness { most, still: STILL, moving: MOVING };
        Self { steadiness, tensors, before: None }
    }

    /// The frame, and what the network made of it, steadied.
    pub fn smooth(
        &mut self,
        kernels: &mut dyn Kernels,
        inferred: Inferred,
    ) -> Result<(Frame, &Tensor), KernelError> {
        let Inferred { source, luma, mut output } = inferred;
        if let Some((luma_before, kept)) = self.before.take() {
            if self.steadiness.most > 0.0 && !is_cut(&luma, &luma_before) {
                kernels.steady(&luma, &luma_before, &self.steadiness, &kept, &mut output)?;
            }
            self.tensors.give(luma_before);
            self.tensors.give(kept);
        }
        let (_, steadied) = self.before.insert((luma, output));
        Ok((source, steadied))
    }
}

/// True if two lumas are of different scenes, or of different sizes.
fn is_cut(luma: &Tensor, before: &Tensor) -> bool {
    let (Some(now), Some(then)) = (luma.as_f32(), before.as_f32()) else { return true };
    if now.len() != then.len() || now.is_empty() {
        return true;
    }
    let sum: f64 = now.iter().zip(then).map(|(a, b)| f64::from((a - b).abs())).sum();
    sum / now.len() as f64 > CUT
}
