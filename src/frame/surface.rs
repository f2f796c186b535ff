//! Pictures on a device as an encoder takes them.

use super::{DeviceLayout, Frame, MemoryPlace};

/// Where an encoder's pictures hold the samples of one plane of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SurfaceComponent {
    /// Which of the picture's planes.
    pub plane: usize,
    /// Bytes from one sample to the next: samples of other planes may lie in between.
    pub step: usize,
    /// Bytes before a row's first sample.
    pub offset: usize,
    /// Bits of a sample below its code value.
    pub shift: u32,
}

/// How an encoder's pictures on a device hold the planes of frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurfaceLayout {
    /// The device.
    pub place: MemoryPlace,
    /// One for each plane of a frame, in their order.
    pub components: Vec<SurfaceComponent>,
}

impl SurfaceLayout {
    /// How many planes the pictures have.
    pub fn plane_count(&self) -> usize {
        self.components.iter().map(|component| component.plane + 1).max().unwrap_or(0)
    }

    /// True if any plane of `frame` lies on the device.
    pub fn has_part_of(&self, frame: &Frame) -> bool {
        let devices = frame.planes().iter().filter_map(|plane| plane.buffer.device());
        devices.map(|samples| samples.layout().place).any(|place| place == self.place)
    }

    /// Where the planes of the picture that `frame` is lie, if its samples lie as the encoder's pictures have them.
    pub fn rows_of(&self, frame: &Frame) -> Option<Vec<DeviceLayout>> {
        if frame.planes().len() != self.components.len() {
            return None;
        }
        let mut rows: Vec<Option<DeviceLayout>> = vec![None; self.plane_count()];
        for (plane, component) in frame.planes().iter().zip(&self.components) {
            let found = plane.buffer.device()?.layout();
            let SurfaceComponent { step, offset, shift, .. } = *component;
            let fits =
                (found.place, found.step, found.offset, found.shift) == (self.place, step, offset, shift);
            let known = rows.get_mut(component.plane)?;
            // Samples that take turns in one plane must do so in the same memory.
            let is_same = |known: DeviceLayout| {
                (known.address, known.pitch, known.rows) == (found.address, found.pitch, found.rows)
            };
            if !fits || !known.is_none_or(is_same) {
                return None;
            }
            *known = Some(found);
        }
        rows.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{BufferPool, DeviceSamples, FrameInfo, PixelFormat};
    use std::sync::Arc;

    struct Somewhere(DeviceLayout);

    #[allow(unsafe_code, reason = "a device for tests, whose memory nobody looks at")]
    // SAFETY: nobody follows the address.
    unsafe impl DeviceSamples for Somewhere {
        fn layout(&self) -> DeviceLayout {
            self.0
        }

        fn read(&self, _: usize, _: &mut [u8]) -> Result<(), String> {
            Err("there is none".into())
        }
    }

    const DEVICE: MemoryPlace = MemoryPlace::Cuda(0);

    fn layout(address: usize, rows: usize, step: usize, offset: usize) -> DeviceLayout {
        DeviceLayout { place: DEVICE, address, pitch: 64, rows, step, offset, shift: 0 }
    }

    fn frame(layouts: [DeviceLayout; 3]) -> Frame {
        let info = FrameInfo::new(20, 10, PixelFormat::YUV420P);
        let samples = layouts.map(|layout| Arc::new(Somewhere(layout)) as Arc<dyn DeviceSamples>);
        Frame::on_device(info, samples.to_vec(), &BufferPool::new())
    }

    fn surface(place: MemoryPlace, components: [(usize, usize, usize); 3]) -> SurfaceLayout {
        let component = |(plane, step, offset)| SurfaceComponent { plane, step, offset, shift: 0 };
        SurfaceLayout { place, components: components.map(component).to_vec() }
    }

    const PLANAR: [(usize, usize, usize); 3] = [(0, 1, 0), (1, 1, 0), (2, 1, 0)];
    const NV12: [(usize, usize, usize); 3] = [(0, 1, 0), (1, 2, 0), (1, 2, 1)];

    #[test]
    fn a_frame_is_a_picture_where_its_samples_lie_as_that_has_them() {
        let [luma, cb, cr] = [layout(0, 10, 1, 0), layout(1024, 5, 1, 0), layout(2048, 5, 1, 0)];
        let planar = frame([luma, cb, cr]);
        assert_eq!(surface(DEVICE, PLANAR).rows_of(&planar), Some(vec![luma, cb, cr]));
        assert_eq!(surface(DEVICE, NV12).rows_of(&planar), None);
        let [blue, red] = [layout(1024, 5, 2, 0), layout(1024, 5, 2, 1)];
        assert_eq!(surface(DEVICE, NV12).rows_of(&frame([luma, blue, red])), Some(vec![luma, red]));
        // Both chromas, but each in memory of its own.
        let apart = frame([luma, blue, layout(4096, 5, 2, 1)]);
        assert_eq!(surface(DEVICE, NV12).rows_of(&apart), None);
    }

    #[test]
    fn another_device_has_no_part_of_a_frame_and_host_memory_is_no_picture() {
        let planes = [layout(0, 10, 1, 0), layout(1024, 5, 1, 0), layout(2048, 5, 1, 0)];
        let other = surface(MemoryPlace::Cuda(1), PLANAR);
        assert!(other.rows_of(&frame(planes)).is_none() && !other.has_part_of(&frame(planes)));
        let own = surface(DEVICE, PLANAR);
        let here = Frame::allocate(frame(planes).info, None);
        assert!(own.rows_of(&here).is_none() && !own.has_part_of(&here));
        let mut mixed = frame(planes);
        mixed.planes_mut()[1] = here.planes()[1].clone();
        assert!(own.rows_of(&mixed).is_none() && own.has_part_of(&mixed));
    }
}
