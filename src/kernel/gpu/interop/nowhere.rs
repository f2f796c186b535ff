//! Systems where no memory is shared.

use crate::frame::{DeviceSamples, MemoryPlace, SharedMemory, SharedTensor};
use std::convert::Infallible;

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

pub(super) struct Copies(Infallible);

impl Copies {
    pub(super) fn allocate(
        _adapter: &wgpu::Adapter,
        _device: &wgpu::Device,
        _place: MemoryPlace,
        _length: usize,
    ) -> Result<Self, String> {
        Err(REASON.into())
    }

    pub(super) fn fill(&self, _samples: &dyn DeviceSamples) -> Result<(), String> {
        match self.0 {}
    }

    pub(super) fn size(&self) -> usize {
        match self.0 {}
    }

    pub(super) fn buffer(&self) -> wgpu::Buffer {
        match self.0 {}
    }
}
