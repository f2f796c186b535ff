//! Aligned memory and a pool that recycles it, so that a running pipeline allocates no frame.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

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
        let spare = lock(&self.shelves).get_mut(&length).and_then(Vec::pop);
        let buffer = spare.unwrap_or_else(|| AlignedBuffer::new(length));
        PooledBuffer { buffer: Some(Arc::new(buffer)), home: Arc::downgrade(&self.shelves) }
    }
}

fn lock(shelves: &Shelves) -> MutexGuard<'_, HashMap<usize, Vec<AlignedBuffer>>> {
    // A panic elsewhere leaves the shelves whole: each operation on them is a single push or pop.
    shelves.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A buffer that goes back to its pool when it and its clones are dropped, if the pool is still there.
///
/// Clones share their bytes; whoever writes while there is another clone writes into a copy of its own.
#[derive(Clone, Debug, Default)]
pub struct PooledBuffer {
    /// `None` stands for no byte.
    buffer: Option<Arc<AlignedBuffer>>,
    home: Weak<Shelves>,
}

/// What a [`PooledBuffer`] without memory shows.
static EMPTY: AlignedBuffer = AlignedBuffer { blocks: Vec::new(), length: 0 };

impl PooledBuffer {
    /// A buffer that belongs to no pool.
    pub fn unpooled(length: usize) -> Self {
        Self { buffer: Some(Arc::new(AlignedBuffer::new(length))), home: Weak::new() }
    }
}

impl std::ops::Deref for PooledBuffer {
    type Target = AlignedBuffer;
    fn deref(&self) -> &AlignedBuffer {
        self.buffer.as_deref().unwrap_or(&EMPTY)
    }
}

impl std::ops::DerefMut for PooledBuffer {
    fn deref_mut(&mut self) -> &mut AlignedBuffer {
        Arc::make_mut(self.buffer.get_or_insert_default())
    }
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        // Only the last of the clones gets the memory.
        let Some(buffer) = self.buffer.take().and_then(Arc::into_inner) else { return };
        let Some(shelves) = self.home.upgrade() else { return };
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
}
