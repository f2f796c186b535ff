//! Takes detail away from composed planes: one program for the means of blocks, one that mixes them in.

use super::compose::Place;
use super::device::Device;
use super::params::Rows;
use super::word_invocations;
use crate::frame::{Plane, Sharpness};
use crate::kernel::Composition;
use crate::kernel::motion::{GridAxis, least_weight};
use wgpu::Buffer;

/// `Params` in `block_means.wgsl`.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct MeansParams {
    rows: Rows,
    blocks: [u32; 2],
}

/// `Params` in `soften.wgsl`.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct SoftenParams {
    size: [u32; 2],
    rows: Rows,
    columns: u32,
    mask_width: u32,
    largest: u32,
    least: f32,
}

/// Names of a plane's buffers: parameters of both programs, spans, places, means.
const LABELS: [[&str; 5]; 4] = [
    ["means params 0", "soften params 0", "block spans 0", "block places 0", "block means 0"],
    ["means params 1", "soften params 1", "block spans 1", "block places 1", "block means 1"],
    ["means params 2", "soften params 2", "block spans 2", "block places 2", "block means 2"],
    ["means params 3", "soften params 3", "block spans 3", "block places 3", "block means 3"],
];

/// What planes share, and the plane that is softened in its place.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) values: &'a Buffer,
    pub(super) mask: &'a Buffer,
    pub(super) plane: &'a Buffer,
}

/// One plane's buffers and work.
pub(super) struct Softening {
    means_params: Buffer,
    soften_params: Buffer,
    spans: Buffer,
    places: Buffer,
    means: Buffer,
    values: Buffer,
    mask: Buffer,
    plane: Buffer,
    /// Invocations of both programs.
    pub(super) blocks: [usize; 3],
    pub(super) words: [usize; 3],
}

/// The sharpness that changes anything.
pub(super) fn wanted<'a>(composition: &Composition<'a>) -> Option<&'a Sharpness> {
    composition.sharpness.filter(|sharpness| sharpness.values.iter().any(|value| *value < 1.0))
}

impl Softening {
    /// Uploads what is needed for a plane and its index.
    pub(super) fn new(
        device: &mut Device,
        (composition, sharpness): (&Composition<'_>, &Sharpness),
        (index, plane): (usize, &Plane),
        Parts { values, mask, plane: composed }: Parts<'_>,
    ) -> Self {
        let info = &composition.first.info;
        let [means_label, soften_label, spans_label, places_label, block_label] =
            LABELS.get(index).copied().unwrap_or_default();
        let (columns, rows) = (sharpness.width, sharpness.height);
        let axes = GridAxis::of_cells((columns, rows), sharpness.source, sharpness.side, info, index);
        let spans = axes.iter().flat_map(|axis| (0..axis.cells).map(|cell| axis.samples_of(cell)));
        let spans: Vec<_> = spans.map(|(first, end)| [first as u32, end as u32]).collect();
        let places = axes.iter().flat_map(|axis| (0..axis.samples).map(|sample| Place::new(axis, sample)));
        let places: Vec<_> = places.collect();
        let means_params = MeansParams { rows: Rows::new(plane), blocks: [columns as u32, rows as u32] };
        let soften_params = SoftenParams {
            size: [plane.width, plane.height],
            rows: Rows::new(plane),
            columns: columns as u32,
            mask_width: composition.still.map_or(0, |mask| mask.width as u32),
            largest: info.format.max_value(),
            least: least_weight(info.format),
        };
        Self {
            means_params: device.uniform(means_label, &means_params),
            soften_params: device.uniform(soften_label, &soften_params),
            spans: device.upload(spans_label, bytemuck::cast_slice(&spans)),
            places: device.upload(places_label, bytemuck::cast_slice(&places)),
            means: device.storage(block_label, columns * rows * size_of::<f32>()),
            values: values.clone(),
            mask: mask.clone(),
            plane: composed.clone(),
            blocks: [columns, rows, 1],
            words: word_invocations(plane),
        }
    }

    /// What both programs are bound to.
    pub(super) fn buffers(&self) -> ([&Buffer; 4], [&Buffer; 6]) {
        let Self { means_params, soften_params, spans, places, means, values, mask, plane, .. } = self;
        ([means_params, spans, plane, means], [soften_params, places, values, means, mask, plane])
    }
}
