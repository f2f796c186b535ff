//! Tensors in memory that the kernels and a network's provider both see.

#![allow(unsafe_code, reason = "memory that other interfaces own is known by its address only")]

use super::{DataType, TensorLayout};
use std::any::Any;

/// Where memory lies, as networks' providers tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemoryPlace {
    /// Memory that the processor addresses.
    Host,
    /// Memory of the CUDA device of this index.
    Cuda(u32),
}

impl std::fmt::Display for MemoryPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host => f.write_str("host memory"),
            Self::Cuda(index) => write!(f, "CUDA device {index}"),
        }
    }
}

/// Memory that a graphics interface and a network's provider both see.
pub struct SharedMemory {
    address: usize,
    length: usize,
    place: MemoryPlace,
    owner: Box<dyn Any + Send + Sync>,
}

impl SharedMemory {
    /// Memory of `length` bytes at `address` of `place`.
    ///
    /// # Safety
    ///
    /// As long as `owner` lives, the memory is valid for reading and writing at that address of that place, is aligned
    /// for 32-bit elements, has been written once, and is touched through this value and its owner only.
    pub unsafe fn new(
        address: usize,
        length: usize,
        place: MemoryPlace,
        owner: Box<dyn Any + Send + Sync>,
    ) -> Self {
        Self { address, length, place, owner }
    }

    /// Its size in bytes.
    pub const fn length(&self) -> usize {
        self.length
    }
}

/// A dense tensor of one picture in shared memory.
pub struct SharedTensor {
    memory: SharedMemory,
    shape: [usize; 3],
    layout: TensorLayout,
    kind: DataType,
}

impl SharedTensor {
    /// An empty tensor in `memory`, to be given its shape by [`SharedTensor::reset`].
    pub const fn new(memory: SharedMemory) -> Self {
        Self { memory, shape: [0; 3], layout: TensorLayout::Nchw, kind: DataType::F32 }
    }

    /// Gives the tensor a shape and type if its memory has room for them, else does nothing and returns false.
    /// Contents are unspecified.
    #[must_use]
    pub fn reset(&mut self, shape: [usize; 3], layout: TensorLayout, kind: DataType) -> bool {
        let fits = bytes(shape, kind).is_some_and(|bytes| bytes <= self.memory.length);
        if fits {
            (self.shape, self.layout, self.kind) = (shape, layout, kind);
        }
        fits
    }

    /// Channels, height, width, whatever the layout.
    pub const fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// How its elements lie in memory.
    pub const fn layout(&self) -> TensorLayout {
        self.layout
    }

    /// Element type.
    pub const fn kind(&self) -> DataType {
        self.kind
    }

    /// Where its memory lies.
    pub const fn place(&self) -> MemoryPlace {
        self.memory.place
    }

    /// Address of the first element, at [`SharedTensor::place`].
    pub const fn address(&self) -> usize {
        self.memory.address
    }

    /// Bytes of memory, of which the elements may need less.
    pub const fn capacity(&self) -> usize {
        self.memory.length
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// True if the tensor has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Size of the elements in bytes.
    pub fn size(&self) -> usize {
        bytes(self.shape, self.kind).unwrap_or_default()
    }

    /// What keeps the memory, for the backend that made it.
    pub fn owner(&self) -> &(dyn Any + Send + Sync) {
        self.memory.owner.as_ref()
    }

    /// The elements' bytes; `None` where the processor cannot address them.
    pub fn host_bytes(&self) -> Option<&[u8]> {
        // SAFETY: the memory is valid and has been written (see `SharedMemory::new`), and `size` is at most its length.
        // Who writes it needs this value mutably, so nobody does as long as the slice lives.
        (self.place() == MemoryPlace::Host)
            .then(|| unsafe { std::slice::from_raw_parts(self.address() as *const u8, self.size()) })
    }

    /// As [`SharedTensor::host_bytes`], for writing.
    pub fn host_bytes_mut(&mut self) -> Option<&mut [u8]> {
        // SAFETY: as for `host_bytes`; this value is borrowed mutably, so nobody else reads or writes.
        (self.place() == MemoryPlace::Host)
            .then(|| unsafe { std::slice::from_raw_parts_mut(self.address() as *mut u8, self.size()) })
    }
}

impl std::fmt::Debug for SharedTensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SharedTensor({:?}, {} {}, {})", self.shape, self.layout, self.kind, self.place())
    }
}

/// Bytes of a tensor.
fn bytes(shape: [usize; 3], kind: DataType) -> Option<usize> {
    shape.iter().try_fold(kind.bytes(), |bytes: usize, side| bytes.checked_mul(*side))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(words: usize) -> SharedTensor {
        let owner = Box::new(vec![0u32; words]);
        let (address, length) = (owner.as_ptr() as usize, 4 * words);
        // SAFETY: the vector is the owner, zeroed, aligned for 32 bits, and of that length.
        SharedTensor::new(unsafe { SharedMemory::new(address, length, MemoryPlace::Host, owner) })
    }

    #[test]
    fn a_tensor_takes_shapes_that_fit_its_memory() {
        let mut tensor = tensor(6);
        assert!(tensor.is_empty() && tensor.host_bytes() == Some(&[]));
        assert!(tensor.reset([1, 2, 3], TensorLayout::Nchw, DataType::F32));
        assert!(!tensor.reset([1, 3, 3], TensorLayout::Nchw, DataType::F32));
        assert!(!tensor.reset([usize::MAX, 2, 2], TensorLayout::Nchw, DataType::F32));
        assert_eq!((tensor.shape(), tensor.size()), ([1, 2, 3], 24));
        assert!(tensor.reset([3, 2, 2], TensorLayout::Nhwc, DataType::F16));
        tensor.host_bytes_mut().unwrap().fill(7);
        assert_eq!(tensor.host_bytes().unwrap(), [7; 24]);
    }
}
