//! Finished frames are put where an encoder takes them.

use crate::frame::{Frame, MemoryPlace, SurfaceLayout};
use crate::kernel::Kernels;

/// Puts finished frames that lie on an encoder's device there as its pictures have them.
pub struct Handover {
    kernels: Box<dyn Kernels>,
    has_failed: bool,
}

impl std::fmt::Debug for Handover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handover({})", self.kernels.name())
    }
}

impl Handover {
    /// With kernels of its own.
    pub fn new(mut kernels: Box<dyn Kernels>) -> Self {
        kernels.keep_on_device();
        Self { kernels, has_failed: false }
    }

    /// As [`Kernels::device`].
    pub fn device(&self) -> Option<MemoryPlace> {
        self.kernels.device()
    }

    /// The frame as the encoder takes it; as it is where no part of it lies on the device, or where that fails.
    pub fn process(&mut self, mut frame: Frame, surface: &SurfaceLayout) -> Frame {
        if self.has_failed || !surface.has_part_of(&frame) || surface.rows_of(&frame).is_some() {
            return frame;
        }
        if let Err(problem) = self.kernels.arrange(&mut frame, surface) {
            tracing::warn!("finished pictures go through host memory: {problem}");
            self.has_failed = true;
        }
        frame
    }
}
