//! Samples that lie in a device's memory until the processor asks for them.

#![allow(unsafe_code, reason = "a device's memory is known by its address only")]

use super::MemoryPlace;

/// How the samples of one plane lie in a device's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceLayout {
    /// The device.
    pub place: MemoryPlace,
    /// Where the first row begins, at [`DeviceLayout::place`]. A multiple of 4.
    pub address: usize,
    /// Bytes from one row to the next. A multiple of 4.
    pub pitch: usize,
    /// Number of rows.
    pub rows: usize,
    /// Bytes from one sample to the next: samples of other planes may lie in between.
    pub step: usize,
    /// Bytes before a row's first sample.
    pub offset: usize,
    /// Bits of a sample below its code value.
    pub shift: u32,
}

impl DeviceLayout {
    /// Size in bytes of all rows.
    pub const fn size(&self) -> usize {
        self.pitch * self.rows
    }
}

/// One plane in a device's memory.
///
/// # Safety
///
/// As long as the value lives, [`DeviceLayout::size`] bytes at the address of its layout are valid for reading at that place
/// and are not written. Copies that were begun meanwhile in the default stream of the device's primary context may end later:
/// whoever owns the memory frees it or writes it anew only in that stream's order, or when the stream has come to its end.
pub unsafe trait DeviceSamples: Send + Sync {
    /// Where the samples are.
    fn layout(&self) -> DeviceLayout;

    /// Copies the samples into rows of `stride` bytes, as [`Plane`](super::Plane) has them.
    ///
    /// # Errors
    ///
    /// Why they cannot be had, for people.
    fn read(&self, stride: usize, rows: &mut [u8]) -> Result<(), String>;
}
