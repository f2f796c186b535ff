//! Planes that lie on the same device: they are copied there, without a way through host memory.

use super::device::Dispatch;
use super::{GpuKernels, interop, params, word_invocations};
use crate::frame::{DeviceLayout, DeviceSamples, MemoryPlace, Plane};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;
use wgpu::Buffer;

/// Which device's memory can be read, and the buffers that planes come to.
#[derive(Default)]
pub(super) struct Remote {
    place: OnceCell<Option<MemoryPlace>>,
    buffers: HashMap<&'static str, Rows>,
    has_failed: bool,
}

/// Memory for the rows of a plane, and whose rows are in it.
struct Rows {
    memory: interop::CopiedRows,
    of: Option<Arc<dyn DeviceSamples>>,
}

impl Remote {
    /// The device whose memory shaders on `adapter` read.
    pub(super) fn place(&self, adapter: &wgpu::Adapter) -> Option<MemoryPlace> {
        *self.place.get_or_init(|| interop::device_of(adapter))
    }
}

/// `Params` in `take_plane.wgsl`.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Params {
    size: [u32; 2],
    plane: params::Rows,
    pitch: u32,
    step: u32,
    offset: u32,
    shift: u32,
}

impl Params {
    fn new(plane: &Plane, layout: &DeviceLayout) -> Self {
        Self {
            size: [plane.width, plane.height],
            plane: params::Rows::new(plane),
            pitch: layout.pitch as u32,
            step: layout.step as u32,
            offset: layout.offset as u32,
            shift: layout.shift,
        }
    }
}

impl GpuKernels {
    /// The samples of `plane` in the buffer `label`, if they lie on this device and can be copied.
    pub(super) fn take_plane(&mut self, label: &'static str, plane: &Plane) -> Option<Buffer> {
        let samples = plane.buffer.device()?;
        let place = self.remote.place(self.device.adapter());
        if self.remote.has_failed || place != Some(samples.layout().place) {
            return None;
        }
        match self.take_rows(label, plane, samples) {
            Ok(buffer) => Some(buffer),
            Err(problem) => {
                tracing::warn!("pictures on the card go through host memory: {problem}");
                self.remote.has_failed = true;
                None
            }
        }
    }

    fn take_rows(
        &mut self,
        label: &'static str,
        plane: &Plane,
        samples: &Arc<dyn DeviceSamples>,
    ) -> Result<Buffer, String> {
        let layout = samples.layout();
        if self.remote.buffers.get(label).is_none_or(|rows| rows.memory.size() < layout.size()) {
            let memory = interop::CopiedRows::allocate(&self.device, layout)?;
            self.remote.buffers.insert(label, Rows { memory, of: None });
        }
        let rows = self.remote.buffers.get_mut(label).ok_or("there is no memory for it")?;
        if !rows.of.as_ref().is_some_and(|held| Arc::ptr_eq(held, samples)) {
            // Nobody may read what was there before any more.
            self.device.settle().map_err(|error| error.to_string())?;
            rows.memory.fill(samples.as_ref())?;
            rows.of = Some(Arc::clone(samples));
        }
        let rows = rows.memory.buffer();
        let params = self.device.uniform("take_plane params", &Params::new(plane, &layout));
        let result = self.device.storage(label, plane.buffer.len());
        let dispatch = Dispatch {
            pipeline: &self.take_plane,
            buffers: &[&params, &rows, &result],
            invocations: word_invocations(plane),
        };
        self.device.run_before("take_plane", &dispatch);
        Ok(result)
    }
}
