//! Streams on which networks' providers run, and the turns that they take with kernels.

#![allow(unsafe_code, reason = "streams of other interfaces are known by their handles only")]

use super::MemoryPlace;
use std::any::Any;
use std::sync::Arc;

/// A stream of a device, on which work runs in the order in which it is queued. It lives as long as a clone of this.
#[derive(Clone)]
pub struct ComputeStream {
    handle: usize,
    place: MemoryPlace,
    owner: Arc<dyn Any + Send + Sync>,
}

impl ComputeStream {
    /// The stream that its interface knows as `handle`, on the device whose memory is `place`.
    ///
    /// # Safety
    ///
    /// As long as `owner` lives, `handle` is a stream of that device, and may be used from any thread.
    pub unsafe fn new(handle: usize, place: MemoryPlace, owner: Arc<dyn Any + Send + Sync>) -> Self {
        Self { handle, place, owner }
    }

    /// What its interface knows it as.
    pub const fn handle(&self) -> usize {
        self.handle
    }

    /// The memory of its device.
    pub const fn place(&self) -> MemoryPlace {
        self.place
    }

    /// What keeps the stream, for the backend that made it.
    pub fn owner(&self) -> &(dyn Any + Send + Sync) {
        self.owner.as_ref()
    }
}

impl std::fmt::Debug for ComputeStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ComputeStream({})", self.place)
    }
}

/// A network's part in the turns that kernels and network take in shared memory, where the device orders them: what is
/// between both calls is the network's turn.
pub trait NetworkTurns: Send {
    /// What is queued on the network's stream from now on waits until the kernels' last turn has ended.
    ///
    /// # Errors
    ///
    /// Why that failed; nothing has been queued then.
    fn begin(&mut self) -> Result<(), String>;

    /// The kernels' next turn waits until what is queued by now has ended, be it that it failed.
    ///
    /// # Errors
    ///
    /// Why that failed; what was queued has ended then, as far as that can be known, and the kernels do not wait for it.
    fn end(&mut self) -> Result<(), String>;
}
