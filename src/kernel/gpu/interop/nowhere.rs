//! Systems where no memory is shared.

use crate::frame::{MemoryPlace, SharedMemory, SharedTensor};

const REASON: &str = "memory is shared with networks on Linux only";

pub(super) fn check_host(_adapter: &wgpu::Adapter) -> Result<(), String> {
    Err(REASON.into())
}

pub(super) fn cuda_device(_adapter: &wgpu::Adapter) -> Result<u32, String> {
    Err(REASON.into())
}

pub(super) fn allocate(
    _adapter: &wgpu::Adapter,
    _device: &wgpu::Device,
    _place: MemoryPlace,
    _length: usize,
) -> Result<SharedMemory, String> {
    Err(REASON.into())
}

pub(super) fn buffer_of(_tensor: &SharedTensor) -> Option<wgpu::Buffer> {
    None
}
