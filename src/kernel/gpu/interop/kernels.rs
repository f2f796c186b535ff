//! The kernels between planes and tensors over shared memory.

use super::maker;
use crate::error::KernelError;
use crate::frame::{ComputeStream, DataType, Frame, MemoryPlace, NetworkTurns, SharedTensor, TensorLayout};
use crate::kernel::gpu::GpuKernels;
use crate::kernel::gpu::work::Work;
use crate::kernel::{Region, SharedKernels, TensorSpec, TilePlace, UnpackSpec, check};
use wgpu::Buffer;

impl SharedKernels for GpuKernels {
    fn allocate(&mut self, place: MemoryPlace, length: usize) -> Result<SharedTensor, KernelError> {
        let adapter = self.device.adapter();
        // Whole words, and at least one.
        let length = length.next_multiple_of(4).max(4);
        let memory = maker::allocate(adapter, self.device.raw(), place, length).map_err(|reason| {
            let name = adapter.get_info().name;
            KernelError::Unavailable {
                backend: "gpu",
                reason: format!("{name} shares no memory with {place}: {reason}"),
            }
        })?;
        self.device.check()?;
        Ok(SharedTensor::new(memory))
    }

    fn stream(&mut self, place: MemoryPlace) -> Result<ComputeStream, KernelError> {
        maker::stream(self.device.adapter(), self.device.raw(), place)
            .map_err(|reason| self.takes_no_turns(place, &reason))
    }

    fn take_turns(&mut self, stream: &ComputeStream) -> Result<Box<dyn NetworkTurns>, KernelError> {
        self.end_turns();
        let (order, turns) = maker::take_turns(self.device.raw(), stream)
            .map_err(|reason| self.takes_no_turns(stream.place(), &reason))?;
        self.device.set_order(Some(order));
        Ok(turns)
    }

    fn end_turns(&mut self) {
        self.device.set_order(None);
    }

    fn pack_shared(
        &mut self,
        frame: &Frame,
        region: Region,
        spec: &TensorSpec,
        out: &mut SharedTensor,
    ) -> Result<(), KernelError> {
        check::pack(frame, region, spec)?;
        let (memory, is_narrow) = (buffer_of("pack", out)?, is_narrow("pack", spec.kind)?);
        reset("pack", out, spec.shape(region.width, region.height), spec.layout, spec.kind)?;
        let count = out.len();
        let elements = if is_narrow { self.wide_elements(count) } else { memory.clone() };
        let mut work = Vec::with_capacity(2);
        work.extend(self.pack_work(frame, region, spec, &elements));
        if is_narrow {
            work.push(self.narrow_work(count, &elements, &memory));
        }
        self.finish("pack", &work, &memory)
    }

    fn unpack_shared(
        &mut self,
        tensor: &SharedTensor,
        spec: &UnpackSpec,
        source: &Frame,
        out: &mut Frame,
    ) -> Result<(), KernelError> {
        let form = (tensor.shape(), tensor.layout());
        check::unpack_shape(form, spec, source, out)?;
        let (elements, before) = self.elements_of("unpack", tensor)?;
        self.unpack_elements(form, &elements, before, spec, source, out)
    }

    fn clear_shared(
        &mut self,
        shape: [usize; 3],
        layout: TensorLayout,
        tensor: &mut SharedTensor,
    ) -> Result<(), KernelError> {
        let memory = buffer_of("clear", tensor)?;
        reset("clear", tensor, shape, layout, DataType::F32)?;
        self.device.clear(&memory, tensor.size())
    }

    fn blend_tile_shared(
        &mut self,
        tile: &SharedTensor,
        place: &TilePlace,
        canvas: &mut SharedTensor,
    ) -> Result<(), KernelError> {
        let form = (tile.shape(), tile.layout());
        check::blend_shapes(form, place, (canvas.shape(), canvas.layout(), canvas.kind()))?;
        let sums = buffer_of("blend_tile", canvas)?;
        let (elements, mut work) = self.elements_of("blend_tile", tile)?;
        work.push(self.blend_work(form, place, &elements, canvas.shape(), &sums));
        self.finish("blend_tile", &work, &sums)
    }
}

impl GpuKernels {
    fn takes_no_turns(&self, place: MemoryPlace, reason: &str) -> KernelError {
        let name = self.device.adapter().get_info().name;
        KernelError::Unavailable {
            backend: "gpu",
            reason: format!("{name} takes no turns with {place}: {reason}"),
        }
    }

    /// A tensor's elements as f32, and what must run before they are there.
    fn elements_of(
        &mut self,
        operation: &'static str,
        tensor: &SharedTensor,
    ) -> Result<(Buffer, Vec<Work>), KernelError> {
        let memory = buffer_of(operation, tensor)?;
        if !is_narrow(operation, tensor.kind())? {
            return Ok((memory, Vec::new()));
        }
        let elements = self.wide_elements(tensor.len());
        let work = self.widen_work(tensor.len(), &memory, &elements);
        Ok((elements, vec![work]))
    }

    fn wide_elements(&mut self, count: usize) -> Buffer {
        self.device.storage("elements", count * size_of::<f32>())
    }
}

fn buffer_of(operation: &'static str, tensor: &SharedTensor) -> Result<Buffer, KernelError> {
    maker::buffer_of(tensor).ok_or_else(|| KernelError::Shape {
        operation,
        expected: "memory of the gpu kernels".into(),
        found: format!("{tensor:?} of others"),
    })
}

fn reset(
    operation: &'static str,
    tensor: &mut SharedTensor,
    shape: [usize; 3],
    layout: TensorLayout,
    kind: DataType,
) -> Result<(), KernelError> {
    if tensor.reset(shape, layout, kind) {
        return Ok(());
    }
    let expected = format!("memory for {shape:?} elements of {kind}");
    Err(KernelError::Shape { operation, expected, found: format!("{tensor:?}") })
}

/// True for 16 bits, false for 32.
fn is_narrow(operation: &'static str, kind: DataType) -> Result<bool, KernelError> {
    match kind {
        DataType::F32 => Ok(false),
        DataType::F16 => Ok(true),
        DataType::U8 => Err(KernelError::Shape {
            operation,
            expected: "elements of f32 or f16 in shared memory".into(),
            found: kind.to_string(),
        }),
    }
}
