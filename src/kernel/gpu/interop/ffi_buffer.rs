//! Makes shared buffers: of memory that CUDA exports, or of memory that the processor addresses.

#![allow(unsafe_code, reason = "vouches for memory that others made")]

use super::{ffi_cuda, ffi_vulkan};
use crate::frame::{DeviceSamples, MemoryPlace, SharedMemory, SharedTensor};

pub(in super::super) use super::ffi_timeline::open;
pub(super) use super::turns::{stream, take_turns};
pub(super) use ffi_vulkan::check_host;

/// What keeps shared memory.
struct SharedBuffer {
    buffer: wgpu::Buffer,
    /// CUDA's own view, where the memory is CUDA's.
    _cuda: Option<ffi_cuda::CudaMemory>,
}

/// The CUDA device that `adapter` is, if memory can be shared with it.
pub(super) fn cuda_device(adapter: &wgpu::Adapter) -> Result<u32, String> {
    ffi_vulkan::check_import(adapter)?;
    ffi_cuda::device_of(ffi_vulkan::device_uuid(adapter)?)
}

/// Zeroed memory of `length` bytes (more than 0) that `device`, which is `adapter`'s, and providers at `place` see.
pub(super) fn allocate(
    adapter: &wgpu::Adapter,
    device: &wgpu::Device,
    place: MemoryPlace,
    length: usize,
) -> Result<SharedMemory, String> {
    let size = length as u64;
    let (owner, address) = match place {
        MemoryPlace::Host => {
            ffi_vulkan::check_host(adapter)?;
            let (buffer, address) = ffi_vulkan::host_buffer(device, size)?;
            (SharedBuffer { buffer, _cuda: None }, address)
        }
        MemoryPlace::Cuda(index) => {
            let (buffer, cuda) = cuda_buffer(adapter, device, index, length)?;
            let address = usize::try_from(cuda.address()).map_err(|error| error.to_string())?;
            (SharedBuffer { buffer, _cuda: Some(cuda) }, address)
        }
    };
    // SAFETY: both makers give zeroed memory of at least that length, aligned for pages, that lives as long as the owner;
    // the kernels touch its buffer only through the tensor that the memory is given to.
    Ok(unsafe { SharedMemory::new(address, length, place, Box::new(owner)) })
}

/// Memory of `length` bytes that CUDA allocated on device `index`, which `adapter` must be, and a buffer over it.
pub(super) fn cuda_buffer(
    adapter: &wgpu::Adapter,
    device: &wgpu::Device,
    index: u32,
    length: usize,
) -> Result<(wgpu::Buffer, ffi_cuda::CudaMemory), String> {
    let own = cuda_device(adapter)?;
    if own != index {
        return Err(format!("it is CUDA device {own}, not device {index}"));
    }
    let cuda = ffi_cuda::CudaMemory::allocate(index, length)?;
    let buffer = ffi_vulkan::imported_buffer(device, cuda.export()?, cuda.size() as u64, length as u64)?;
    Ok((buffer, cuda))
}

/// A buffer that CUDA writes and shaders read.
pub(super) struct Copies {
    buffer: wgpu::Buffer,
    cuda: ffi_cuda::CudaMemory,
}

impl Copies {
    /// For `length` bytes (more than 0) at `place`.
    pub(super) fn allocate(
        adapter: &wgpu::Adapter,
        device: &wgpu::Device,
        place: MemoryPlace,
        length: usize,
    ) -> Result<Self, String> {
        let MemoryPlace::Cuda(index) = place else {
            return Err(format!("expected memory of a CUDA device, found {place}"));
        };
        let (buffer, cuda) = cuda_buffer(adapter, device, index, length)?;
        Ok(Self { buffer, cuda })
    }

    pub(super) fn fill(&self, samples: &dyn DeviceSamples) -> Result<(), String> {
        self.cuda.fill(samples)
    }

    pub(super) const fn size(&self) -> usize {
        self.cuda.size()
    }

    pub(super) fn buffer(&self) -> wgpu::Buffer {
        self.buffer.clone()
    }
}

/// The buffer of a tensor that was made here.
pub(super) fn buffer_of(tensor: &SharedTensor) -> Option<wgpu::Buffer> {
    tensor.owner().downcast_ref::<SharedBuffer>().map(|shared| shared.buffer.clone())
}
