//! Kernels over tensors that a network reads and writes where they lie.

use super::{Region, TensorSpec, TilePlace, UnpackSpec};
use crate::error::KernelError;
use crate::frame::{ComputeStream, Frame, MemoryPlace, NetworkTurns, SharedTensor, TensorLayout};

/// What [`Kernels`](super::Kernels) do on tensors in memory that a network's provider sees as well, so that no element
/// passes through a copy in host memory. Each method gives the same elements and pixels as its namesake in `Kernels`, and
/// has finished its work in that memory when it returns; or, once there are turns, has queued it.
pub trait SharedKernels {
    /// Memory of `length` bytes, zeroed, that these kernels and providers at `place` both see.
    ///
    /// # Errors
    ///
    /// [`KernelError::Unavailable`] with the reason if there is no such memory on this machine.
    fn allocate(&mut self, place: MemoryPlace, length: usize) -> Result<SharedTensor, KernelError>;

    /// A stream for a provider at `place` whose work these kernels can take turns with.
    ///
    /// # Errors
    ///
    /// [`KernelError::Unavailable`] with the reason if there is no such stream on this machine.
    fn stream(&mut self, place: MemoryPlace) -> Result<ComputeStream, KernelError>;

    /// From now on these kernels take turns with the network on `stream`, whose part is returned: a device's semaphore
    /// counts the turns, and the processor waits for nothing but the pixels of [`SharedKernels::unpack_shared`]. Each
    /// method is a turn that begins when the last one has ended, the network's included.
    ///
    /// # Errors
    ///
    /// [`KernelError::Unavailable`] with the reason if that cannot be; each method then finishes its work, as before.
    fn take_turns(&mut self, stream: &ComputeStream) -> Result<Box<dyn NetworkTurns>, KernelError>;

    /// From now on each method finishes its work again.
    fn end_turns(&mut self);

    /// As [`Kernels::pack`](super::Kernels::pack); `spec` must ask for floats, and `out` must have room.
    fn pack_shared(
        &mut self,
        frame: &Frame,
        region: Region,
        spec: &TensorSpec,
        out: &mut SharedTensor,
    ) -> Result<(), KernelError>;

    /// As [`Kernels::unpack`](super::Kernels::unpack).
    fn unpack_shared(
        &mut self,
        tensor: &SharedTensor,
        spec: &UnpackSpec,
        source: &Frame,
        out: &mut Frame,
    ) -> Result<(), KernelError>;

    /// Gives `tensor` a shape and sets every element to 0, as f32.
    fn clear_shared(
        &mut self,
        shape: [usize; 3],
        layout: TensorLayout,
        tensor: &mut SharedTensor,
    ) -> Result<(), KernelError>;

    /// As [`Kernels::blend_tile`](super::Kernels::blend_tile).
    fn blend_tile_shared(
        &mut self,
        tile: &SharedTensor,
        place: &TilePlace,
        canvas: &mut SharedTensor,
    ) -> Result<(), KernelError>;
}
