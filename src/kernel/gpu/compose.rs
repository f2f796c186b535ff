//! Predicted frames from motion and two real frames: one program, run once for each plane.

use super::device::Dispatch;
use super::params::Rows;
use super::soften::{self, Softening};
use super::{GpuKernels, word_invocations};
use crate::error::KernelError;
use crate::frame::{Frame, Plane};
use crate::kernel::Composition;
use crate::kernel::motion::{Cells, GridAxis};
use wgpu::{Buffer, ComputePipeline};

/// `Params` in `compose.wgsl`.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Params {
    size: [u32; 2],
    rows: Rows,
    columns: u32,
    cells: u32,
    scale: [f32; 2],
    mask_width: u32,
    largest: u32,
}

/// `Place` in `common/place.wgsl`.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct Place {
    cells: [u32; 2],
    share: f32,
    covered: [u32; 2],
}

impl Place {
    pub(super) fn new(axis: &GridAxis, index: usize) -> Self {
        let (cell, next, share) = axis.cells_at(index);
        let (first, last) = axis.covered(index);
        Self { cells: [cell as u32, next as u32], share, covered: [first as u32, last as u32] }
    }
}

/// Names of a plane's buffers: parameters, places, both sources, result.
const LABELS: [[&str; 5]; 4] = [
    ["compose params 0", "places 0", "first 0", "other 0", "composed 0"],
    ["compose params 1", "places 1", "first 1", "other 1", "composed 1"],
    ["compose params 2", "places 2", "first 2", "other 2", "composed 2"],
    ["compose params 3", "places 3", "first 3", "other 3", "composed 3"],
];

/// The programs of a composition.
#[derive(Clone)]
pub(super) struct Pipelines {
    pub(super) compose: ComputePipeline,
    pub(super) means: ComputePipeline,
    pub(super) soften: ComputePipeline,
}

#[derive(Default)]
pub(super) struct Composer {
    cells: Cells,
    /// Contents of the buffers that are put together on the host.
    field: Vec<f32>,
    mask: Vec<u8>,
    places: Vec<Place>,
}

/// One plane's buffers and work.
struct PlaneWork {
    params: Buffer,
    places: Buffer,
    first: Buffer,
    other: Buffer,
    result: Buffer,
    invocations: [usize; 3],
}

impl Composer {
    pub(super) fn run(
        &mut self,
        kernels: &mut GpuKernels,
        composition: &Composition<'_>,
        out: &mut Frame,
    ) -> Result<(), KernelError> {
        let pipelines = kernels.compose.clone();
        self.cells.prepare(composition);
        self.field.clear();
        self.cells.planes.iter().for_each(|plane| self.field.extend_from_slice(plane));
        let field = kernels.device.upload("field", bytemuck::cast_slice(&self.field));
        self.mask.clear();
        self.mask.extend_from_slice(composition.still.map_or(&[], |mask| &mask.values));
        // Buffers consist of whole words.
        self.mask.resize(self.mask.len().next_multiple_of(4).max(4), 0);
        let mask = kernels.device.upload("mask", &self.mask);
        let work: Vec<_> = LABELS
            .into_iter()
            .zip(composition.first.planes().iter().zip(composition.other.planes()))
            .enumerate()
            .map(|(index, (labels, planes))| self.plane(kernels, composition, index, labels, planes))
            .collect();
        let buffers: Vec<_> = work
            .iter()
            .map(|work| [&work.params, &work.places, &field, &mask, &work.first, &work.other, &work.result])
            .collect();
        let pipeline = &pipelines.compose;
        let mut dispatches: Vec<_> = buffers
            .iter()
            .zip(&work)
            .map(|(buffers, work)| Dispatch { pipeline, buffers, invocations: work.invocations })
            .collect();
        let softenings: Vec<Softening> = match soften::wanted(composition) {
            Some(sharpness) => {
                let values = kernels.device.upload("sharpness", bytemuck::cast_slice(&sharpness.values));
                let planes = composition.first.planes().iter().zip(&work).enumerate();
                planes
                    .map(|(index, (plane, work))| {
                        let parts = soften::Parts { values: &values, mask: &mask, plane: &work.result };
                        Softening::new(&mut kernels.device, (composition, sharpness), (index, plane), parts)
                    })
                    .collect()
            }
            None => Vec::new(),
        };
        let soften_buffers: Vec<_> = softenings.iter().map(|softening| softening.buffers()).collect();
        for ((means, soften), softening) in soften_buffers.iter().zip(&softenings) {
            dispatches.push(Dispatch {
                pipeline: &pipelines.means,
                buffers: means,
                invocations: softening.blocks,
            });
            dispatches.push(Dispatch {
                pipeline: &pipelines.soften,
                buffers: soften,
                invocations: softening.words,
            });
        }
        let results: Vec<_> = work.iter().map(|work| &work.result).collect();
        kernels.results.deliver(&mut kernels.device, "compose", &dispatches, &results, out.planes_mut())
    }

    /// Uploads what is needed for plane `index`.
    fn plane(
        &mut self,
        kernels: &mut GpuKernels,
        composition: &Composition<'_>,
        index: usize,
        [params_label, places_label, first_label, other_label, result_label]: [&'static str; 5],
        (first, other): (&Plane, &Plane),
    ) -> PlaneWork {
        let field = composition.field;
        let [across, down] = GridAxis::of_plane(field, &composition.first.info, index);
        self.places.clear();
        self.places.extend((0..across.samples).map(|column| Place::new(&across, column)));
        self.places.extend((0..down.samples).map(|row| Place::new(&down, row)));
        let params = Params {
            size: [first.width, first.height],
            rows: Rows::new(first),
            columns: field.width as u32,
            cells: (field.width * field.height) as u32,
            scale: [across.scale as f32, down.scale as f32],
            mask_width: composition.still.map_or(0, |mask| mask.width as u32),
            largest: composition.first.info.format.max_value(),
        };
        PlaneWork {
            params: kernels.device.uniform(params_label, &params),
            places: kernels.device.upload(places_label, bytemuck::cast_slice(&self.places)),
            first: kernels.upload_plane(first_label, first),
            other: kernels.upload_plane(other_label, other),
            result: kernels.device.storage(result_label, first.buffer.len()),
            invocations: word_invocations(first),
        }
    }
}
