//! Planes that stay on the device: results, and frames put there as an encoder's pictures have them.

use super::device::{Device, Dispatch};
use super::interop::{Lease, Pool};
use super::work::Work;
use super::{GpuKernels, params, write_plane};
use crate::error::KernelError;
use crate::frame::{DeviceLayout, Frame, Plane, SurfaceComponent, SurfaceLayout};
use std::sync::Arc;
use wgpu::Buffer;

/// Rows of pictures begin at multiples of this.
const PITCH: usize = 256;

/// Names of a plane's buffers: parameters, samples.
const LABELS: [[&str; 2]; 4] = [
    ["put_plane params 0", "put plane 0"],
    ["put_plane params 1", "put plane 1"],
    ["put_plane params 2", "put plane 2"],
    ["put_plane params 3", "put plane 3"],
];

/// Where results go: to host memory, unless they are kept.
#[derive(Default)]
pub(super) struct Results {
    kept: Option<Pool>,
}

impl Results {
    /// Has results stay in memory of `pool` from now on.
    pub(super) fn keep_in(&mut self, pool: Pool) {
        self.kept = Some(pool);
    }

    /// Runs programs one after the other; then `planes` are what is in `results`, one for each of them from the first on.
    pub(super) fn deliver(
        &mut self,
        device: &mut Device,
        label: &'static str,
        dispatches: &[Dispatch<'_>],
        results: &[&Buffer],
        planes: &mut [Plane],
    ) -> Result<(), KernelError> {
        let sizes = planes.iter().map(|plane| plane.buffer.len());
        let outputs: Vec<_> = results.iter().copied().zip(sizes).collect();
        let Some(leases) = self.leases(&outputs) else {
            return device.run(label, dispatches, &outputs, |index, bytes| write_plane(planes, index, bytes));
        };
        let buffers: Vec<_> = leases.iter().map(|lease| lease.buffer()).collect();
        device.keep(label, dispatches, &outputs, &buffers)?;
        for (plane, lease) in planes.iter_mut().zip(&leases) {
            let (samples, stride) = (lease.rows_like(plane), plane.stride);
            plane.buffer.put_on_device(samples, stride);
        }
        Ok(())
    }

    /// Memory for results of these sizes, where they are kept and there is any.
    fn leases(&mut self, outputs: &[(&Buffer, usize)]) -> Option<Vec<Arc<Lease>>> {
        let pool = self.kept.as_ref()?;
        let leases = outputs.iter().map(|(_, size)| pool.take(*size).map(Arc::new));
        match leases.collect() {
            Ok(leases) => Some(leases),
            Err(problem) => {
                tracing::warn!("finished pictures go through host memory: {problem}");
                self.kept = None;
                None
            }
        }
    }
}

/// `Params` in `put_plane.wgsl`.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Params {
    size: [u32; 2],
    plane: params::Rows,
    first: u32,
    pitch: u32,
    step: u32,
    offset: u32,
    shift: u32,
}

impl Params {
    fn new(plane: &Plane, layout: &DeviceLayout) -> Self {
        Self {
            size: [plane.width, plane.height],
            plane: params::Rows::new(plane),
            first: (layout.address / 4) as u32,
            pitch: (layout.pitch / 4) as u32,
            step: layout.step as u32,
            offset: layout.offset as u32,
            shift: layout.shift,
        }
    }
}

impl GpuKernels {
    /// As [`Kernels::arrange`](crate::kernel::Kernels::arrange).
    pub(super) fn put_planes(
        &mut self,
        frame: &mut Frame,
        surface: &SurfaceLayout,
    ) -> Result<(), KernelError> {
        let (layouts, size) = arranged(frame, surface)?;
        let taken = match &self.results.kept {
            Some(pool) => pool.take(size),
            None => Err("results go to host memory".into()),
        };
        let lease = taken.map_err(|reason| KernelError::Device { backend: "gpu", reason })?;
        let (memory, lease) = (lease.buffer(), Arc::new(lease));
        let work = self.put_work(frame, &layouts, &memory);
        self.finish("put_plane", &work, &memory)?;
        self.device.settle()?;
        for (plane, layout) in frame.planes_mut().iter_mut().zip(layouts) {
            let (samples, stride) = (lease.samples_of(plane, layout), plane.stride);
            plane.buffer.put_on_device(samples, stride);
        }
        Ok(())
    }

    /// Writes the planes of `frame` to `memory` as `layouts` says.
    fn put_work(&mut self, frame: &Frame, layouts: &[DeviceLayout], memory: &Buffer) -> Vec<Work> {
        let planes = LABELS.into_iter().zip(frame.planes().iter().zip(layouts));
        planes
            .map(|([params_label, label], (plane, layout))| {
                let params = self.device.uniform(params_label, &Params::new(plane, layout));
                let samples = self.upload_plane(label, plane);
                let words = (plane.width as usize * layout.step).div_ceil(4);
                Work {
                    pipeline: self.put_plane.clone(),
                    buffers: vec![params, samples, memory.clone()],
                    invocations: [words, plane.height as usize, 1],
                }
            })
            .collect()
    }
}

/// Where the planes of `frame` come to lie, with addresses that count from the beginning of their memory, and its size.
fn arranged(frame: &Frame, surface: &SurfaceLayout) -> Result<(Vec<DeviceLayout>, usize), KernelError> {
    let pairs = || frame.planes().iter().zip(&surface.components);
    let is_possible = |(plane, component): (&Plane, &SurfaceComponent)| {
        let SurfaceComponent { step, offset, .. } = *component;
        matches!(step, 1 | 2 | 4) && offset + plane.sample_bytes <= step
    };
    if frame.planes().len() != surface.components.len() || !pairs().all(is_possible) {
        return Err(KernelError::Shape {
            operation: "put_plane",
            expected: "a component for each plane, in steps of 1, 2 or 4 bytes".into(),
            found: format!("{:?} for {}", surface.components, frame.info.format),
        });
    }
    let (mut starts, mut size) = (Vec::new(), 0);
    for index in 0..surface.plane_count() {
        let inside = || pairs().filter(|(_, component)| component.plane == index);
        let pitch = inside().map(|(plane, component)| plane.width as usize * component.step).max();
        let rows = inside().map(|(plane, _)| plane.height as usize).max();
        let (pitch, rows) = (pitch.unwrap_or_default().next_multiple_of(PITCH), rows.unwrap_or_default());
        starts.push((size, pitch, rows));
        size += pitch * rows;
    }
    let layout = |(_, component): (&Plane, &SurfaceComponent)| {
        let (address, pitch, rows) = starts.get(component.plane).copied().unwrap_or_default();
        let SurfaceComponent { step, offset, shift, .. } = *component;
        DeviceLayout { place: surface.place, address, pitch, rows, step, offset, shift }
    };
    Ok((pairs().map(layout).collect(), size))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::print_stdout, reason = "a test says why it is skipped")]

    use super::*;
    use crate::frame::{FrameInfo, MemoryPlace, PixelFormat, Subsampling};

    /// Of a size that fills no word of any plane.
    fn frame(depth: u8) -> Frame {
        let info =
            FrameInfo { duration: 1, ..FrameInfo::new(37, 11, PixelFormat::yuv(Subsampling::S420, depth)) };
        let mut frame = Frame::allocate(info, None);
        for (index, plane) in frame.planes_mut().iter_mut().enumerate() {
            let bytes = plane.sample_bytes;
            for (y, row) in plane.rows_mut().enumerate() {
                for (x, sample) in row.chunks_exact_mut(bytes).enumerate() {
                    let value = (index * 97 + y * 29 + x * 5) % (1 << depth);
                    sample.copy_from_slice(&(value as u16).to_le_bytes()[..bytes]);
                }
            }
        }
        frame
    }

    fn surface(components: [(usize, usize, usize, u32); 3]) -> SurfaceLayout {
        let component = |(plane, step, offset, shift)| SurfaceComponent { plane, step, offset, shift };
        SurfaceLayout { place: MemoryPlace::Cuda(0), components: components.map(component).to_vec() }
    }

    #[test]
    fn every_sample_comes_to_its_place_in_the_encoders_picture() {
        let mut kernels = match GpuKernels::new() {
            Ok(kernels) => kernels,
            Err(KernelError::Unavailable { reason, .. }) => return println!("skipped: {reason}"),
            Err(error) => panic!("{error}"),
        };
        let planar = surface([(0, 1, 0, 0), (1, 1, 0, 0), (2, 1, 0, 0)]);
        let nv12 = surface([(0, 1, 0, 0), (1, 2, 0, 0), (1, 2, 1, 0)]);
        let p010 = surface([(0, 2, 0, 6), (1, 4, 0, 6), (1, 4, 2, 6)]);
        for (surface, depth) in [(planar, 8), (nv12, 8), (p010, 10)] {
            let frame = frame(depth);
            let (layouts, size) = arranged(&frame, &surface).unwrap();
            let memory = kernels.device.storage("memory", size);
            let work = kernels.put_work(&frame, &layouts, &memory);
            let mut bytes = Vec::new();
            kernels.run("put_plane", &work, &[(&memory, size)], |_, seen| bytes = seen.to_vec()).unwrap();
            for (plane, layout) in frame.planes().iter().zip(&layouts) {
                assert!(layout.pitch.is_multiple_of(PITCH) && layout.address.is_multiple_of(PITCH));
                for (y, row) in plane.rows().enumerate() {
                    for (x, sample) in row.chunks_exact(plane.sample_bytes).enumerate() {
                        let at = layout.address + y * layout.pitch + layout.offset + x * layout.step;
                        let expected =
                            sample.iter().rev().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
                        let found = &bytes[at..at + plane.sample_bytes];
                        let found = found.iter().rev().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
                        assert_eq!(found, expected << layout.shift, "{x} {y} {layout:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn pictures_whose_samples_share_words_unevenly_are_refused() {
        let rgb = surface([(0, 3, 0, 0), (0, 3, 1, 0), (0, 3, 2, 0)]);
        assert!(arranged(&frame(8), &rgb).unwrap_err().to_string().contains("steps of 1, 2 or 4"));
        let narrow = surface([(0, 1, 0, 0), (1, 1, 0, 0), (2, 1, 0, 0)]);
        assert!(arranged(&frame(10), &narrow).is_err());
        let grey = SurfaceLayout { components: narrow.components[..1].to_vec(), ..narrow };
        assert!(arranged(&frame(8), &grey).is_err());
    }
}
