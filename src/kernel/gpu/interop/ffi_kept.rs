//! Memory that CUDA exports, shaders write, and whoever works on the device reads: for frames that stay there.

#![allow(unsafe_code, reason = "vouches for memory that others made")]

use super::ffi_buffer::cuda_buffer;
use super::ffi_cuda::CudaMemory;
use crate::frame::{DeviceLayout, DeviceSamples, MemoryPlace, Plane};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Memory that nobody needs is kept for the next frames up to so many pieces; more is freed.
const KEPT: usize = 16;

/// One piece.
struct Memory {
    /// What was asked for, in bytes.
    length: usize,
    buffer: wgpu::Buffer,
    cuda: CudaMemory,
}

type Shelf = Mutex<Vec<Arc<Memory>>>;

/// Hands out memory and takes it back when the frames that lie in it are dropped.
pub(in super::super) struct Pool {
    adapter: wgpu::Adapter,
    device: wgpu::Device,
    place: MemoryPlace,
    shelf: Arc<Shelf>,
}

impl Pool {
    /// For shaders on `device`, which is `adapter`'s, and memory at `place`.
    pub(in super::super) fn new(adapter: &wgpu::Adapter, device: &wgpu::Device, place: MemoryPlace) -> Self {
        Self { adapter: adapter.clone(), device: device.clone(), place, shelf: Arc::default() }
    }

    /// Memory of `length` bytes (whole words, more than 0), which nobody reads any more.
    ///
    /// # Errors
    ///
    /// Why there is none, for people.
    pub(in super::super) fn take(&self, length: usize) -> Result<Lease, String> {
        let spare = {
            let mut shelf = lock(&self.shelf);
            let fitting = shelf.iter().position(|memory| memory.length == length);
            fitting.map(|index| shelf.swap_remove(index))
        };
        let memory = match spare {
            Some(memory) => {
                // Copies that were begun in time may not have ended.
                memory.cuda.settle()?;
                memory
            }
            None => Arc::new(self.allocate(length)?),
        };
        Ok(Lease { memory, place: self.place, home: Arc::downgrade(&self.shelf) })
    }

    fn allocate(&self, length: usize) -> Result<Memory, String> {
        let MemoryPlace::Cuda(index) = self.place else {
            return Err(format!("expected memory of a CUDA device, found {}", self.place));
        };
        let (buffer, cuda) = cuda_buffer(&self.adapter, &self.device, index, length)?;
        Ok(Memory { length, buffer, cuda })
    }
}

fn lock(shelf: &Shelf) -> MutexGuard<'_, Vec<Arc<Memory>>> {
    // A panic elsewhere leaves the shelf whole: each operation on it is a single push or removal.
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Memory in use; goes back to its pool when it is dropped, if the pool is still there.
pub(in super::super) struct Lease {
    memory: Arc<Memory>,
    place: MemoryPlace,
    home: Weak<Shelf>,
}

impl Lease {
    /// What shaders write.
    pub(in super::super) fn buffer(&self) -> wgpu::Buffer {
        self.memory.buffer.clone()
    }

    /// The rows of `plane`, which were written to the beginning as [`Plane`] has them.
    pub(in super::super) fn rows_like(self: &Arc<Self>, plane: &Plane) -> Arc<dyn DeviceSamples> {
        let layout = DeviceLayout {
            place: self.place,
            address: self.address(),
            pitch: plane.stride,
            rows: plane.height as usize,
            step: plane.sample_bytes,
            offset: 0,
            shift: 0,
        };
        Arc::new(Kept { lease: Arc::clone(self), layout, of: None })
    }

    /// The samples of `plane`, which were written as `layout` says, whose address counts from the beginning of this memory.
    pub(in super::super) fn samples_of(
        self: &Arc<Self>,
        plane: &Plane,
        layout: DeviceLayout,
    ) -> Arc<dyn DeviceSamples> {
        let address = self.address() + layout.address;
        let layout = DeviceLayout { place: self.place, address, ..layout };
        Arc::new(Kept { lease: Arc::clone(self), layout, of: Some(plane.clone()) })
    }

    fn address(&self) -> usize {
        self.memory.cuda.address() as usize
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(shelf) = self.home.upgrade() else { return };
        let mut shelf = lock(&shelf);
        if shelf.len() < KEPT {
            shelf.push(Arc::clone(&self.memory));
        }
    }
}

/// A plane in memory that is in use.
struct Kept {
    lease: Arc<Lease>,
    layout: DeviceLayout,
    /// What it is a copy of, where its own rows have another form than a plane's.
    of: Option<Plane>,
}

// SAFETY: the rows lie inside of the memory, which the lease keeps from being freed and from being handed out anew; whoever was
// given it wrote it before he made this value. It is written again only when the device's default stream has come to its end.
unsafe impl DeviceSamples for Kept {
    fn layout(&self) -> DeviceLayout {
        self.layout
    }

    fn read(&self, stride: usize, rows: &mut [u8]) -> Result<(), String> {
        let source = match &self.of {
            Some(plane) => (plane.stride, plane.buffer.len()),
            None => (self.layout.pitch, self.layout.size()),
        };
        if (stride, rows.len()) != source {
            return Err(format!(
                "expected {source:?} bytes in a row and in all, found {:?}",
                (stride, rows.len())
            ));
        }
        match &self.of {
            Some(plane) => {
                rows.copy_from_slice(plane.buffer.bytes());
                Ok(())
            }
            None => self.lease.memory.cuda.read(rows),
        }
    }
}
