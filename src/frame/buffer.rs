//! Aligned memory and a pool that recycles it, so that a running pipeline allocates no frame.

use crossbeam_channel::{Receiver, Sender, bounded};

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

    /// Changes the length, keeping the allocation when it is large enough. Contents are unspecified.
    pub fn resize(&mut self, length: usize) {
        self.blocks.resize(length.div_ceil(64), bytemuck::Zeroable::zeroed());
        self.length = length;
    }
}

impl std::fmt::Debug for AlignedBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AlignedBuffer({} bytes)", self.length)
    }
}

/// Buffers kept for reuse beyond this many are freed.
const KEPT: usize = 64;

/// Hands out buffers and takes them back when they are dropped.
///
/// The pool itself never waits: back-pressure comes from the bounded channels through which frames travel,
/// and the pool only makes sure that their memory is reused.
#[derive(Clone, Debug)]
pub struct BufferPool {
    returned: Receiver<AlignedBuffer>,
    home: Sender<AlignedBuffer>,
}

impl Default for BufferPool {
    fn default() -> Self {
        Self::new()
    }
}

impl BufferPool {
    /// An empty pool.
    pub fn new() -> Self {
        let (home, returned) = bounded(KEPT);
        Self { returned, home }
    }

    /// A buffer of `length` bytes with unspecified contents, recycled when one is free.
    pub fn take(&self, length: usize) -> PooledBuffer {
        let mut buffer = self.returned.try_recv().unwrap_or_default();
        buffer.resize(length);
        PooledBuffer { buffer, home: Some(self.home.clone()) }
    }
}

/// A buffer that goes back to its pool when dropped.
#[derive(Debug, Default)]
pub struct PooledBuffer {
    buffer: AlignedBuffer,
    home: Option<Sender<AlignedBuffer>>,
}

impl PooledBuffer {
    /// A buffer that belongs to no pool.
    pub fn unpooled(length: usize) -> Self {
        Self { buffer: AlignedBuffer::new(length), home: None }
    }
}

impl Clone for PooledBuffer {
    fn clone(&self) -> Self {
        Self { buffer: self.buffer.clone(), home: self.home.clone() }
    }
}

impl std::ops::Deref for PooledBuffer {
    type Target = AlignedBuffer;
    fn deref(&self) -> &AlignedBuffer {
        &self.buffer
    }
}

impl std::ops::DerefMut for PooledBuffer {
    fn deref_mut(&mut self) -> &mut AlignedBuffer {
        &mut self.buffer
    }
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        if let Some(home) = &self.home {
            // A full pool means enough spare buffers: this one is freed.
            let _ = home.try_send(std::mem::take(&mut self.buffer));
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
        let second = pool.take(900);
        assert_eq!(second.bytes().as_ptr(), address);
        assert_eq!(second.len(), 900);
        assert_eq!(address.align_offset(64), 0);
    }
}
