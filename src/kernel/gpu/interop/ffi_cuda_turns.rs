//! The raw CUDA driver calls for a stream that takes turns with Vulkan, each behind a safe function. Not yet run: written on
//! machines without a card of NVIDIA's.

#![allow(unsafe_code)]

use super::ffi_cuda::{check_driver, failed};
use super::ffi_timeline::Timeline;
use crate::frame::{ComputeStream, MemoryPlace, NetworkTurns};
use cudarc::driver::sys::{
    self, CUDA_EXTERNAL_SEMAPHORE_HANDLE_DESC, CUDA_EXTERNAL_SEMAPHORE_HANDLE_DESC_st__bindgen_ty_1,
    CUDA_EXTERNAL_SEMAPHORE_SIGNAL_PARAMS, CUDA_EXTERNAL_SEMAPHORE_WAIT_PARAMS, CUexternalSemaphore,
    CUexternalSemaphoreHandleType, CUresult,
};
use cudarc::driver::{CudaContext, CudaStream};
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::sync::Arc;

/// A new stream of the CUDA device of that index.
pub(super) fn stream(index: u32) -> Result<ComputeStream, String> {
    check_driver()?;
    // The primary context, which ONNX Runtime uses as well.
    let context = CudaContext::new(index as usize).map_err(failed)?;
    let stream = context.new_stream().map_err(failed)?;
    let handle = stream.cu_stream() as usize;
    // SAFETY: the owner destroys the stream when it is dropped; CUDA's streams may be used from any thread.
    Ok(unsafe { ComputeStream::new(handle, MemoryPlace::Cuda(index), Arc::new(stream)) })
}

/// CUDA's own view of a stream that was made here.
fn cuda_stream(stream: &ComputeStream) -> Result<Arc<CudaStream>, String> {
    let found = stream.owner().downcast_ref::<Arc<CudaStream>>();
    found.cloned().ok_or_else(|| format!("expected a stream of CUDA's, found {stream:?} of others"))
}

/// Tells whether what is on `stream` will end.
pub(super) fn check(stream: &ComputeStream) -> Result<Box<dyn Fn() -> Result<(), String> + Send>, String> {
    let stream = cuda_stream(stream)?;
    Ok(Box::new(move || {
        stream.context().bind_to_thread().map_err(failed)?;
        // SAFETY: the stream lives, and its context is current.
        match unsafe { sys::cuStreamQuery(stream.cu_stream()) } {
            CUresult::CUDA_SUCCESS | CUresult::CUDA_ERROR_NOT_READY => Ok(()),
            error => error.result().map_err(failed),
        }
    }))
}

/// The part in the turns of a network that runs on a stream.
pub(super) struct CudaTurns {
    stream: Arc<CudaStream>,
    semaphore: CUexternalSemaphore,
    timeline: Arc<Timeline>,
}

// SAFETY: CUDA's semaphores may be used from any thread, by one at a time, and this is their only user.
unsafe impl Send for CudaTurns {}

impl CudaTurns {
    /// Of `stream`, on the device that `timeline` belongs to.
    pub(super) fn new(stream: &ComputeStream, timeline: Arc<Timeline>) -> Result<Self, String> {
        let stream = cuda_stream(stream)?;
        stream.context().bind_to_thread().map_err(failed)?;
        let descriptor = timeline.export()?.into_raw_fd();
        let wanted = CUDA_EXTERNAL_SEMAPHORE_HANDLE_DESC {
            type_: CUexternalSemaphoreHandleType::CU_EXTERNAL_SEMAPHORE_HANDLE_TYPE_TIMELINE_SEMAPHORE_FD,
            handle: CUDA_EXTERNAL_SEMAPHORE_HANDLE_DESC_st__bindgen_ty_1 { fd: descriptor },
            flags: 0,
            reserved: [0; 16],
        };
        let mut semaphore = std::ptr::null_mut();
        // SAFETY: the structure is complete, the descriptor is open, and on success CUDA owns it; the output is valid for
        // writing, and the context is current.
        let imported = unsafe { sys::cuImportExternalSemaphore(&mut semaphore, &wanted) };
        imported.result().map_err(|error| {
            // SAFETY: the import failed, so the descriptor is still ours, and known to nobody else.
            drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
            format!("a timeline semaphore cannot be imported into CUDA: {}", failed(error))
        })?;
        Ok(Self { stream, semaphore, timeline })
    }
}

impl NetworkTurns for CudaTurns {
    fn begin(&mut self) -> Result<(), String> {
        self.stream.context().bind_to_thread().map_err(failed)?;
        // SAFETY: all bits 0 are a value of every field: numbers, and pointers that are not used.
        let mut wanted: CUDA_EXTERNAL_SEMAPHORE_WAIT_PARAMS = unsafe { std::mem::zeroed() };
        wanted.params.fence.value = self.timeline.turns();
        // SAFETY: semaphore and stream live, their context is current, and both arrays are of one element.
        unsafe { sys::cuWaitExternalSemaphoresAsync(&self.semaphore, &wanted, 1, self.stream.cu_stream()) }
            .result()
            .map_err(failed)
    }

    fn end(&mut self) -> Result<(), String> {
        // SAFETY: as in `begin`.
        let mut wanted: CUDA_EXTERNAL_SEMAPHORE_SIGNAL_PARAMS = unsafe { std::mem::zeroed() };
        wanted.params.fence.value = self.timeline.turns() + 1;
        let queued = self.stream.context().bind_to_thread().and_then(|()| {
            // SAFETY: as in `begin`.
            unsafe {
                sys::cuSignalExternalSemaphoresAsync(&self.semaphore, &wanted, 1, self.stream.cu_stream())
            }
            .result()
        });
        match queued {
            Ok(()) => {
                self.timeline.promise();
                Ok(())
            }
            Err(error) => {
                // The kernels do not learn of the end, so they must not begin before it.
                let _ = self.stream.synchronize();
                Err(failed(error))
            }
        }
    }
}

impl Drop for CudaTurns {
    fn drop(&mut self) {
        // What is on the stream still uses the semaphore; errors cannot be told any more.
        let _ = self.stream.synchronize();
        // SAFETY: the semaphore was imported once, is destroyed once, and nothing uses it any more.
        let _ = unsafe { sys::cuDestroyExternalSemaphore(self.semaphore) };
    }
}
