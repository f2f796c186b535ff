//! Buffers that shaders and a network's provider both see, so that tensors are not copied through host memory.

#[cfg(target_os = "linux")]
mod ffi_buffer;
#[cfg(target_os = "linux")]
mod ffi_cuda;
#[cfg(target_os = "linux")]
mod ffi_cuda_turns;
#[cfg(target_os = "linux")]
mod ffi_kept;
#[cfg(target_os = "linux")]
mod ffi_timeline;
#[cfg(target_os = "linux")]
mod ffi_vulkan;
mod kernels;
#[cfg(not(target_os = "linux"))]
mod nowhere;
#[cfg(target_os = "linux")]
mod turns;

#[cfg(target_os = "linux")]
use ffi_buffer as maker;
#[cfg(target_os = "linux")]
use ffi_kept as kept;
#[cfg(not(target_os = "linux"))]
use {nowhere as kept, nowhere as maker};

use super::device::{self, Device};
use crate::frame::{DeviceLayout, DeviceSamples, MemoryPlace};

pub(super) use kept::{Lease, Pool};
pub(super) use maker::open;
#[cfg(all(test, target_os = "linux"))]
pub(crate) use turns::processor;

/// Which memory an adapter can share with networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InteropReport {
    /// Name of the adapter.
    pub adapter: String,
    /// Whether it can with networks on the processor, or why not.
    pub host: Result<(), String>,
    /// Index of the CUDA device that it is and can share memory with, or why there is none.
    pub cuda: Result<u32, String>,
}

/// The device whose memory shaders on `adapter` can be given to read.
pub(super) fn device_of(adapter: &wgpu::Adapter) -> Option<MemoryPlace> {
    maker::cuda_device(adapter).ok().map(MemoryPlace::Cuda)
}

/// Memory of a device that shaders read, for copies of rows that lie elsewhere on it.
pub(super) struct CopiedRows(maker::Copies);

impl CopiedRows {
    /// For rows like those of `layout`.
    ///
    /// # Errors
    ///
    /// Why there is no such memory, for people.
    pub(super) fn allocate(device: &Device, layout: DeviceLayout) -> Result<Self, String> {
        // Whole words, and at least one.
        let length = layout.size().next_multiple_of(4).max(4);
        maker::Copies::allocate(device.adapter(), device.raw(), layout.place, length).map(Self)
    }

    /// Copies the rows of `samples` to the beginning; they are there when it returns.
    ///
    /// # Errors
    ///
    /// Why it failed, for people.
    pub(super) fn fill(&self, samples: &dyn DeviceSamples) -> Result<(), String> {
        self.0.fill(samples)
    }

    /// Its size in bytes.
    pub(super) fn size(&self) -> usize {
        self.0.size()
    }

    /// What shaders read.
    pub(super) fn buffer(&self) -> wgpu::Buffer {
        self.0.buffer()
    }
}

/// What each adapter of this machine can share. Loads the drivers, which takes tens of milliseconds.
pub fn interop_reports() -> Vec<InteropReport> {
    device::adapters().iter().map(report).collect()
}

fn report(adapter: &wgpu::Adapter) -> InteropReport {
    let (host, cuda) = (maker::check_host(adapter), maker::cuda_device(adapter));
    InteropReport { adapter: adapter.get_info().name, host, cuda }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![expect(clippy::print_stdout, reason = "a test says why it is skipped")]

    use super::super::device::Device;
    use super::ffi_vulkan::{check_import, export::exported, imported_buffer};
    use super::interop_reports;
    use crate::error::KernelError;

    /// Memory goes the way of CUDA's, but Vulkan exports it: where the processor sees it, it can be compared.
    #[test]
    fn an_imported_buffer_is_the_memory_that_was_exported() {
        let mut device = match Device::open() {
            Ok(device) => device,
            Err(KernelError::Unavailable { reason, .. }) => return println!("skipped: {reason}"),
            Err(error) => panic!("{error}"),
        };
        if let Err(reason) = check_import(device.adapter()) {
            return println!("skipped: {reason}");
        }
        let (descriptor, bytes) = exported(device.raw(), 1 << 16);
        bytes[4096..8192].fill(3);
        let buffer = imported_buffer(device.raw(), descriptor, 1 << 16, 8192).unwrap();
        // What was there before the import is read by the device,
        device
            .run("read", &[], &[(&buffer, 8192)], |_, seen| {
                assert_eq!(seen[..4096], [0; 4096]);
                assert_eq!(seen[4096..], [3; 4096]);
            })
            .unwrap();
        // and what the device writes is seen outside.
        device.clear(&buffer, 6000).unwrap();
        assert_eq!(bytes[..6000], [0; 6000]);
        assert_eq!(bytes[6000..8192], [3; 2192]);
    }

    #[test]
    fn too_little_exported_memory_is_refused() {
        let Ok(device) = Device::open() else { return println!("skipped: no adapter") };
        if let Err(reason) = check_import(device.adapter()) {
            return println!("skipped: {reason}");
        }
        let (descriptor, _) = exported(device.raw(), 1 << 12);
        let error = imported_buffer(device.raw(), descriptor, 1 << 12, 1 << 16).unwrap_err();
        assert!(error.contains("at least 65536"), "{error}");
    }

    #[test]
    fn every_adapter_says_what_it_shares_or_why_not() {
        for report in interop_reports() {
            assert!(!report.adapter.is_empty());
            for reason in [report.host.err(), report.cuda.err()].into_iter().flatten() {
                assert!(reason.len() > 10, "{reason}");
            }
        }
    }
}
