//! Aligned memory and a pool that recycles it, so that a running pipeline allocates no frame.

use super::DeviceSamples;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

/// One cache line; the unit of allocation, so that every buffer starts on a 64-byte boundary.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Block([u8; 64]);

/// Bytes on a 64-byte boundary, readable as `u8`, `u16` or `f32` without a copy.
#[derive(Clone, Default)]
pub struct AlignedBuffer {
    blocks: Vec<Block>,
    length: usize,
}

impl AlignedBuffer {
    /// A zeroed buffer of `length` bytes.
    pub fn new(length: usize) -> Self {
        let blocks = vec![bytemuck::Zeroable::zeroed(); length.div_ceil(64)];
        Self { blocks, length }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Makes the buffer `length` bytes long, in the same memory if that is large enough. Contents are unspecified.
    pub fn resize(&mut self, length: usize) {
        self.blocks.resize(length.div_ceil(64), bytemuck::Zeroable::zeroed());
        self.length = length;
    }

    /// True if the buffer holds no byte.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        let all: &[u8] = bytemuck::cast_slice(&self.blocks);
        all.get(..self.length).unwrap_or(all)
    }

    /// The bytes, writable.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let length = self.length;
        let all: &mut [u8] = bytemuck::cast_slice_mut(&mut self.blocks);
        let end = length.min(all.len());
        all.split_at_mut(end).0
    }
}

impl std::fmt::Debug for AlignedBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AlignedBuffer({} bytes)", self.length)
    }
}

/// Buffers of one length kept for reuse; more are freed.
const KEPT: usize = 64;

/// Spare buffers by their length.
type Shelves = Mutex<HashMap<usize, Vec<AlignedBuffer>>>;

/// Hands out buffers and takes them back when they are dropped.
///
/// The pool itself never waits: back-pressure comes from the bounded channels through which frames travel,
/// and the pool only makes sure that their memory is reused.
#[derive(Clone, Debug, Default)]
pub struct BufferPool {
    shelves: Arc<Shelves>,
}

impl BufferPool {
    /// An empty pool.
    pub fn new() -> Self {
        Self::default()
    }

    /// A buffer of `length` bytes with unspecified contents, recycled when one of that length is free.
    pub fn take(&self, length: usize) -> PooledBuffer {
        let buffer = spare(&self.shelves, length);
        PooledBuffer { buffer: Some(Arc::new(buffer)), remote: None, home: Arc::downgrade(&self.shelves) }
    }

    /// The rows of a plane that lies on a device: `length` bytes, `stride` from row to row. They are brought into memory of
    /// the pool when somebody looks at them.
    pub fn remote(&self, samples: Arc<dyn DeviceSamples>, stride: usize, length: usize) -> PooledBuffer {
        let remote = Remote { samples, stride, length, brought: OnceLock::new() };
        PooledBuffer { buffer: None, remote: Some(Arc::new(remote)), home: Arc::downgrade(&self.shelves) }
    }
}

fn lock(shelves: &Shelves) -> MutexGuard<'_, HashMap<usize, Vec<AlignedBuffer>>> {
    // A panic elsewhere leaves the shelves whole: each operation on them is a single push or pop.
    shelves.lock().unwrap_or_else(PoisonError::into_inner)
}

fn spare(shelves: &Shelves, length: usize) -> AlignedBuffer {
    let spare = lock(shelves).get_mut(&length).and_then(Vec::pop);
    spare.unwrap_or_else(|| AlignedBuffer::new(length))
}

/// Bytes on a device, and in host memory once somebody has looked at them.
struct Remote {
    samples: Arc<dyn DeviceSamples>,
    stride: usize,
    length: usize,
    brought: OnceLock<AlignedBuffer>,
}

impl Remote {
    fn bring(&self, home: &Weak<Shelves>) -> &AlignedBuffer {
        self.brought.get_or_init(|| {
            let mut buffer = match home.upgrade() {
                Some(shelves) => spare(&shelves, self.length),
                None => AlignedBuffer::new(self.length),
            };
            if let Err(problem) = self.samples.read(self.stride, buffer.bytes_mut()) {
                // Whoever looks at samples expects no failure. A stage that panics ends the run with an error that says this.
                std::panic::resume_unwind(Box::new(format!(
                    "a picture cannot be read from its device: {problem}"
                )));
            }
            buffer
        })
    }
}

/// A buffer that goes back to its pool when it and its clones are dropped, if the pool is still there.
///
/// Clones share their bytes; whoever writes while there is another clone writes into a copy of its own. Bytes on a device are
/// brought from there when somebody looks at them.
#[derive(Clone, Default)]
pub struct PooledBuffer {
    /// `None` stands for no byte, or for those of `remote`.
    buffer: Option<Arc<AlignedBuffer>>,
    remote: Option<Arc<Remote>>,
    home: Weak<Shelves>,
}

/// What a [`PooledBuffer`] without memory shows.
static EMPTY: AlignedBuffer = AlignedBuffer { blocks: Vec::new(), length: 0 };

impl PooledBuffer {
    /// A buffer that belongs to no pool.
    pub fn unpooled(length: usize) -> Self {
        Self { buffer: Some(Arc::new(AlignedBuffer::new(length))), remote: None, home: Weak::new() }
    }

    /// Length in bytes; brings nothing from a device.
    pub fn len(&self) -> usize {
        let remote = self.remote.as_ref().map_or(0, |remote| remote.length);
        self.buffer.as_ref().map_or(remote, |buffer| buffer.len())
    }

    /// True if the buffer holds no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Has the buffer hold the rows of a plane that lies on a device, `stride` bytes from row to row, instead of its own bytes,
    /// whose memory goes home. Its length stays.
    pub fn put_on_device(&mut self, samples: Arc<dyn DeviceSamples>, stride: usize) {
        let remote = Remote { samples, stride, length: self.len(), brought: OnceLock::new() };
        *self = Self { buffer: None, remote: Some(Arc::new(remote)), home: self.home.clone() };
    }

    /// The samples on their device, if they are there.
    pub fn device(&self) -> Option<&Arc<dyn DeviceSamples>> {
        self.remote.as_ref().map(|remote| &remote.samples)
    }

    /// True if looking at the bytes brings them from a device first.
    pub fn is_remote(&self) -> bool {
        self.remote.as_ref().is_some_and(|remote| remote.brought.get().is_none())
    }
}

impl std::fmt::Debug for PooledBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = if self.is_remote() { " on a device" } else { "" };
        write!(f, "PooledBuffer({} bytes{place})", self.len())
    }
}

impl std::ops::Deref for PooledBuffer {
    type Target = AlignedBuffer;
    fn deref(&self) -> &AlignedBuffer {
        let remote = || self.remote.as_ref().map_or(&EMPTY, |remote| remote.bring(&self.home));
        self.buffer.as_deref().unwrap_or_else(remote)
    }
}

impl std::ops::DerefMut for PooledBuffer {
    fn deref_mut(&mut self) -> &mut AlignedBuffer {
        if let Some(remote) = self.remote.take() {
            remote.bring(&self.home);
            // What is written differs from what the device has, so only the bytes go on.
            let brought = Arc::try_unwrap(remote)
                .map_or_else(|shared| shared.brought.get().cloned(), |own| own.brought.into_inner());
            self.buffer = brought.map(Arc::new);
        }
        Arc::make_mut(self.buffer.get_or_insert_default())
    }
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        // Only the last of the clones gets the memory.
        let brought = self.remote.take().and_then(Arc::into_inner).and_then(|own| own.brought.into_inner());
        let own = self.buffer.take().and_then(Arc::into_inner);
        let (Some(buffer), Some(shelves)) = (own.or(brought), self.home.upgrade()) else { return };
        let mut shelves = lock(&shelves);
        let shelf = shelves.entry(buffer.len()).or_default();
        if shelf.len() < KEPT {
            shelf.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{DeviceLayout, MemoryPlace};
    use std::sync::atomic::{AtomicU8, Ordering};

    #[test]
    fn a_dropped_buffer_is_handed_out_again() {
        let pool = BufferPool::new();
        let first = pool.take(1000);
        let address = first.bytes().as_ptr();
        drop(first);
        assert_ne!(pool.take(900).bytes().as_ptr(), address);
        assert_eq!(pool.take(1000).bytes().as_ptr(), address);
        assert_eq!(address.align_offset(64), 0);
    }

    #[test]
    fn clones_share_memory_until_one_is_written_and_the_last_one_goes_home() {
        let pool = BufferPool::new();
        let mut first = pool.take(100);
        first.bytes_mut().fill(1);
        let address = first.bytes().as_ptr();
        let mut second = first.clone();
        assert_eq!(second.bytes().as_ptr(), address);
        second.bytes_mut().fill(2);
        assert_eq!((first.bytes()[99], second.bytes()[99]), (1, 2));
        let third = first.clone();
        drop(first);
        assert_ne!(pool.take(100).bytes().as_ptr(), address);
        drop(third);
        assert_eq!(pool.take(100).bytes().as_ptr(), address);
    }

    /// Counts how often it is read; every byte is the number of that reading.
    #[derive(Default)]
    struct Counted(AtomicU8);

    impl Counted {
        fn times(&self) -> u8 {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[allow(unsafe_code, reason = "a device for tests")]
    // SAFETY: the layout is of no byte.
    unsafe impl DeviceSamples for Counted {
        fn layout(&self) -> DeviceLayout {
            let place = MemoryPlace::Cuda(0);
            DeviceLayout { place, address: 0, pitch: 0, rows: 0, step: 1, offset: 0, shift: 0 }
        }

        fn read(&self, stride: usize, rows: &mut [u8]) -> Result<(), String> {
            assert_eq!((stride, rows.len()), (64, 128));
            rows.fill(1 + self.0.fetch_add(1, Ordering::Relaxed));
            Ok(())
        }
    }

    #[test]
    fn bytes_on_a_device_are_brought_once_and_only_if_somebody_looks_at_them() {
        let (pool, device) = (BufferPool::new(), Arc::new(Counted::default()));
        let first = pool.remote(Arc::clone(&device) as _, 64, 128);
        let mut second = first.clone();
        assert!(first.is_remote() && first.device().is_some() && first.len() == 128);
        assert_eq!(format!("{first:?}"), "PooledBuffer(128 bytes on a device)");
        assert_eq!(device.times(), 0);
        assert_eq!((first.bytes()[127], second.bytes()[0], device.times()), (1, 1, 1));
        assert!(!second.is_remote() && second.device().is_some());
        // Written bytes are those of this clone alone, and no longer those of the device.
        second.bytes_mut()[0] = 9;
        assert!(second.device().is_none());
        assert_eq!((first.bytes()[0], &second.bytes()[..2], device.times()), (1, &[9, 1][..], 1));
        // The memory of both goes home.
        let addresses = [first.bytes().as_ptr(), second.bytes().as_ptr()];
        drop((first, second));
        let again = [pool.take(128), pool.take(128)];
        assert!(again.iter().all(|buffer| addresses.contains(&buffer.bytes().as_ptr())));
    }

    #[test]
    fn bytes_that_give_way_to_those_of_a_device_leave_their_memory() {
        let pool = BufferPool::new();
        let mut buffer = pool.take(128);
        let address = buffer.bytes().as_ptr();
        buffer.put_on_device(Arc::new(Counted::default()), 64);
        assert!(buffer.is_remote() && buffer.len() == 128);
        // It is there for what is brought, too.
        assert_eq!((buffer.bytes().as_ptr(), buffer.bytes()[5]), (address, 1));
    }

    #[test]
    fn the_only_owner_writes_where_it_was_brought_to() {
        let pool = BufferPool::new();
        let mut buffer = pool.remote(Arc::new(Counted::default()), 64, 128);
        let address = buffer.bytes().as_ptr();
        buffer.bytes_mut()[1] = 7;
        assert_eq!((buffer.bytes().as_ptr(), &buffer.bytes()[..3]), (address, &[1, 7, 1][..]));
    }
}
