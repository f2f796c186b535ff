//! Systems where no memory is shared.

use super::super::order::Parts;
use crate::frame::{
    ComputeStream, DeviceLayout, DeviceSamples, MemoryPlace, Plane, SharedMemory, SharedTensor,
};
use std::convert::Infallible;
use std::sync::Arc;

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

pub(in super::super) struct Pool;

impl Pool {
    pub(in super::super) fn new(
        _adapter: &wgpu::Adapter,
        _device: &wgpu::Device,
        _place: MemoryPlace,
    ) -> Self {
        Self
    }

    pub(in super::super) fn take(&self, _length: usize) -> Result<Lease, String> {
        Err(REASON.into())
    }
}

pub(in super::super) struct Lease(Infallible);

impl Lease {
    pub(in super::super) fn buffer(&self) -> wgpu::Buffer {
        match self.0 {}
    }

    pub(in super::super) fn rows_like(self: &Arc<Self>, _plane: &Plane) -> Arc<dyn DeviceSamples> {
        match self.0 {}
    }

    pub(in super::super) fn samples_of(
        self: &Arc<Self>,
        _plane: &Plane,
        _layout: DeviceLayout,
    ) -> Arc<dyn DeviceSamples> {
        match self.0 {}
    }
}

pub(in super::super) fn open(
    adapter: &wgpu::Adapter,
    descriptor: &wgpu::DeviceDescriptor<'_>,
) -> Result<(wgpu::Device, wgpu::Queue), String> {
    pollster::block_on(adapter.request_device(descriptor)).map_err(|error| error.to_string())
}

pub(super) fn stream(
    _adapter: &wgpu::Adapter,
    _device: &wgpu::Device,
    _place: MemoryPlace,
) -> Result<ComputeStream, String> {
    Err(REASON.into())
}

pub(super) fn take_turns(_device: &wgpu::Device, _stream: &ComputeStream) -> Result<Parts, String> {
    Err(REASON.into())
}
