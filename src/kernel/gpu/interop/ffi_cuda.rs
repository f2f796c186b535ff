//! The raw CUDA driver calls for memory that Vulkan sees too, each behind a safe function. Not yet run: written on machines
//! without a card of NVIDIA's.

#![allow(unsafe_code)]

use crate::frame::{DeviceSamples, MemoryPlace};
use cudarc::driver::sys::{
    self, CUmemAccess_flags, CUmemAccessDesc, CUmemAllocationGranularity_flags, CUmemAllocationHandleType,
    CUmemAllocationProp, CUmemAllocationProp_st__bindgen_ty_1, CUmemAllocationType,
    CUmemGenericAllocationHandle, CUmemLocation, CUmemLocationType,
};
use cudarc::driver::{CudaContext, DriverError};
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::Arc;

/// What a file descriptor is handed over as.
const HANDLE: CUmemAllocationHandleType = CUmemAllocationHandleType::CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;

/// CUDA's index of the device of this number, which Vulkan has for it too; says why there is none.
pub(super) fn device_of(uuid: [u8; 16]) -> Result<u32, String> {
    check_driver()?;
    let count = CudaContext::device_count().map_err(failed)?;
    let mut devices = 0..u32::try_from(count).unwrap_or_default();
    devices
        .find(|index| device_uuid(*index).is_ok_and(|found| found == uuid))
        .ok_or_else(|| format!("none of the {count} CUDA devices is this adapter"))
}

fn device_uuid(index: u32) -> Result<[u8; 16], String> {
    let index = i32::try_from(index).map_err(|error| error.to_string())?;
    let device = cudarc::driver::result::device::get(index).map_err(failed)?;
    let uuid = cudarc::driver::result::device::get_uuid(device).map_err(failed)?;
    Ok(uuid.bytes.map(|byte| byte as u8))
}

/// The driver's functions must not be called where there is none: cudarc panics.
pub(super) fn check_driver() -> Result<(), String> {
    // SAFETY: loading the driver's library runs its initialisation only.
    if unsafe { sys::is_culib_present() } {
        return Ok(());
    }
    Err("CUDA's driver (libcuda.so) is not installed".into())
}

pub(super) fn failed(error: DriverError) -> String {
    format!("CUDA: {error:?}")
}

/// Memory of a CUDA device that can be handed to Vulkan; frees it when dropped.
pub(super) struct CudaMemory {
    context: Arc<CudaContext>,
    index: u32,
    handle: CUmemGenericAllocationHandle,
    /// What was reserved: address and size.
    reserved: (sys::CUdeviceptr, usize),
    mapped: bool,
}

impl CudaMemory {
    /// Zeroed memory of at least `length` bytes.
    pub(super) fn allocate(index: u32, length: usize) -> Result<Self, String> {
        check_driver()?;
        // The primary context, which ONNX Runtime uses as well.
        let context = CudaContext::new(index as usize).map_err(failed)?;
        let location =
            CUmemLocation { type_: CUmemLocationType::CU_MEM_LOCATION_TYPE_DEVICE, id: context.cu_device() };
        let wanted = CUmemAllocationProp {
            type_: CUmemAllocationType::CU_MEM_ALLOCATION_TYPE_PINNED,
            requestedHandleTypes: HANDLE,
            location,
            win32HandleMetaData: std::ptr::null_mut(),
            allocFlags: CUmemAllocationProp_st__bindgen_ty_1 {
                compressionType: 0,
                gpuDirectRDMACapable: 0,
                usage: 0,
                reserved: [0; 4],
            },
        };
        let minimum = CUmemAllocationGranularity_flags::CU_MEM_ALLOC_GRANULARITY_MINIMUM;
        let mut granularity = 0;
        // SAFETY: the structure is complete and the output is valid for writing.
        unsafe { sys::cuMemGetAllocationGranularity(&mut granularity, &wanted, minimum) }
            .result()
            .map_err(failed)?;
        let size = length.next_multiple_of(granularity.max(1));
        let mut handle = 0;
        // SAFETY: the structure is complete, the size is a multiple of the granularity, the output valid for writing.
        unsafe { sys::cuMemCreate(&mut handle, size, &wanted, 0) }.result().map_err(failed)?;
        // From here on errors free what there is.
        let mut memory = Self { context, index, handle, reserved: (0, size), mapped: false };
        memory.map(location).map_err(failed)?;
        Ok(memory)
    }

    fn map(&mut self, location: CUmemLocation) -> Result<(), DriverError> {
        let size = self.reserved.1;
        let access =
            CUmemAccessDesc { location, flags: CUmemAccess_flags::CU_MEM_ACCESS_FLAGS_PROT_READWRITE };
        // SAFETY: the address range is reserved for this allocation alone, before it is mapped, made accessible and
        // written, each over its whole size; the context is current.
        unsafe {
            sys::cuMemAddressReserve(&mut self.reserved.0, size, 0, 0, 0).result()?;
            sys::cuMemMap(self.reserved.0, size, 0, self.handle, 0).result()?;
            self.mapped = true;
            sys::cuMemSetAccess(self.reserved.0, size, &access, 1).result()?;
            sys::cuMemsetD8_v2(self.reserved.0, 0, size).result()?;
        }
        self.context.synchronize()
    }

    /// Its address on the device.
    pub(super) const fn address(&self) -> u64 {
        self.reserved.0
    }

    /// Its size in bytes.
    pub(super) const fn size(&self) -> usize {
        self.reserved.1
    }

    /// Copies the rows of `samples`, which must lie on the same device, to its beginning, after all work that was begun in the
    /// primary context's default stream (FFmpeg's, too), and waits.
    pub(super) fn fill(&self, samples: &dyn DeviceSamples) -> Result<(), String> {
        let layout = samples.layout();
        if layout.place != MemoryPlace::Cuda(self.index) || layout.size() > self.size() {
            let (found, room) = (layout.size(), self.size());
            return Err(format!(
                "expected at most {room} bytes on CUDA device {}, found {found} in {}",
                self.index, layout.place
            ));
        }
        self.context.bind_to_thread().map_err(failed)?;
        let stream = std::ptr::null_mut();
        // SAFETY: `DeviceSamples` promises that the rows are valid for reading, and they fit into this memory, which shaders
        // do not use meanwhile: kernels wait for their work before. The context is current.
        unsafe {
            sys::cuMemcpyDtoDAsync_v2(self.reserved.0, layout.address as u64, layout.size(), stream)
                .result()
                .map_err(failed)?;
            sys::cuStreamSynchronize(stream).result().map_err(failed)
        }
    }

    /// Waits for all work that was begun in the primary context's default stream.
    pub(super) fn settle(&self) -> Result<(), String> {
        self.context.bind_to_thread().map_err(failed)?;
        // SAFETY: the context is current, and the default stream is always there.
        unsafe { sys::cuStreamSynchronize(std::ptr::null_mut()) }.result().map_err(failed)
    }

    /// Copies the first bytes to host memory.
    pub(super) fn read(&self, bytes: &mut [u8]) -> Result<(), String> {
        if bytes.len() > self.size() {
            return Err(format!("expected at most {} bytes, found {}", self.size(), bytes.len()));
        }
        self.context.bind_to_thread().map_err(failed)?;
        // SAFETY: the bytes lie inside of this memory and have been written; the context is current.
        unsafe { sys::cuMemcpyDtoH_v2(bytes.as_mut_ptr().cast(), self.reserved.0, bytes.len()) }
            .result()
            .map_err(failed)
    }

    /// A file descriptor that stands for the memory.
    pub(super) fn export(&self) -> Result<OwnedFd, String> {
        let mut descriptor = -1i32;
        // SAFETY: the allocation was made for this kind of handle, and the output is valid for writing an int.
        unsafe { sys::cuMemExportToShareableHandle((&raw mut descriptor).cast(), self.handle, HANDLE, 0) }
            .result()
            .map_err(failed)?;
        // SAFETY: CUDA opened the descriptor for the caller, who closes it.
        Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
    }
}

impl Drop for CudaMemory {
    fn drop(&mut self) {
        // What still runs on the device may use the memory; errors cannot be told any more.
        let _ = self.context.synchronize();
        let (address, size) = self.reserved;
        // SAFETY: each is undone once, in the opposite order, and only if it was done.
        unsafe {
            if self.mapped {
                let _ = sys::cuMemUnmap(address, size);
            }
            if address != 0 {
                let _ = sys::cuMemAddressFree(address, size);
            }
            let _ = sys::cuMemRelease(self.handle);
        }
    }
}
