//! Gives CUDA's provider a stream to run on.

#![allow(unsafe_code, reason = "ONNX Runtime knows streams by their address")]

use crate::frame::ComputeStream;
use ort::ep;

/// Has `provider` run on `stream`. Who makes a session of it keeps the stream for as long as the session.
pub(super) fn run_on(provider: ep::CUDA, stream: &ComputeStream) -> ep::CUDA {
    // SAFETY: the handle is that of a living stream, which `Session` drops after the session that was made of this.
    unsafe { provider.with_compute_stream(stream.handle() as *mut ()) }
}

/// A stream that nothing runs on.
#[cfg(test)]
pub(super) fn unused() -> ComputeStream {
    let (place, owner) = (crate::frame::MemoryPlace::Host, std::sync::Arc::new(()));
    // SAFETY: nobody looks at the handle.
    unsafe { ComputeStream::new(0, place, owner) }
}
