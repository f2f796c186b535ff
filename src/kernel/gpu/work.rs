//! The programs that lie between planes and tensors, over tensors on the device.

use super::device::Dispatch;
use super::{GpuKernels, params, word_invocations};
use crate::error::KernelError;
use crate::frame::{Frame, TensorLayout};
use crate::kernel::{Region, TensorColor, TensorSpec, TilePlace, UnpackSpec};
use wgpu::{Buffer, ComputePipeline};

/// One program, its buffers in the order of their bindings, and its invocations.
pub(super) struct Work {
    pub(super) pipeline: ComputePipeline,
    pub(super) buffers: Vec<Buffer>,
    pub(super) invocations: [usize; 3],
}

/// `Params` in `narrow.wgsl` and `widen.wgsl`.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Convert {
    count: u32,
    row: u32,
}

/// Invocations of one row of programs that take one word each.
const ROW: usize = 1 << 15;

impl GpuKernels {
    /// Runs programs one after the other and gives the bytes of `outputs` to `read`.
    pub(super) fn run(
        &mut self,
        label: &'static str,
        work: &[Work],
        outputs: &[(&Buffer, usize)],
        read: impl FnMut(usize, &[u8]),
    ) -> Result<(), KernelError> {
        let buffers = borrowed(work);
        self.device.run(label, &dispatches(work, &buffers), outputs, read)
    }

    /// Runs programs one after the other, the results staying in `written`.
    pub(super) fn finish(
        &mut self,
        label: &'static str,
        work: &[Work],
        written: &Buffer,
    ) -> Result<(), KernelError> {
        let buffers = borrowed(work);
        self.device.finish(label, &dispatches(work, &buffers), &[written])
    }

    /// Reads `region` into `elements`, as f32.
    pub(super) fn pack_work(
        &mut self,
        frame: &Frame,
        region: Region,
        spec: &TensorSpec,
        elements: &Buffer,
    ) -> Option<Work> {
        let invocations = [region.width, region.height, 1];
        let planes = frame.planes();
        if spec.color == TensorColor::Luma {
            let luma = planes.first()?;
            let params = params::PackLuma::new(frame, luma, region, spec);
            let params = self.device.uniform("pack_luma params", &params);
            let samples = self.upload_plane("source luma", luma);
            let buffers = vec![params, samples, elements.clone()];
            return Some(Work { pipeline: self.pack_luma.clone(), buffers, invocations });
        }
        let (luma, cb, cr) = match planes {
            // Chroma weighs nothing for a grey picture; luma stands in for it.
            [luma] | [luma, _] => (luma, luma, luma),
            [luma, cb, cr, ..] => (luma, cb, cr),
            [] => return None,
        };
        let params = params::PackRgb::new(frame, (luma, cb), region, spec);
        let params = self.device.uniform("pack_rgb params", &params);
        let luma = self.upload_plane("source luma", luma);
        let cb = self.upload_plane("source cb", cb);
        let cr = self.upload_plane("source cr", cr);
        let buffers = vec![params, luma, cb, cr, elements.clone()];
        Some(Work { pipeline: self.pack_rgb.clone(), buffers, invocations })
    }

    /// Writes each plane of `out` that the tensor in `elements` (as f32) gives; each program's last buffer is that
    /// plane's.
    pub(super) fn unpack_work(
        &mut self,
        (shape, layout): ([usize; 3], TensorLayout),
        elements: &Buffer,
        spec: &UnpackSpec,
        source: &Frame,
        out: &Frame,
    ) -> Vec<Work> {
        const LABELS: [(&str, &str); 3] = [("luma params", "luma"), ("cb params", "cb"), ("cr params", "cr")];
        if spec.tensor.color != TensorColor::Luma {
            let params = params::UnpackRgb::of_planes((shape, layout), spec, out);
            return out
                .planes()
                .iter()
                .zip(params)
                .zip(LABELS)
                .map(|((plane, params), (params_label, label))| {
                    let params = self.device.uniform(params_label, &params);
                    let result = self.device.storage(label, plane.buffer.len());
                    let buffers = vec![params, elements.clone(), result];
                    let invocations = word_invocations(plane);
                    Work { pipeline: self.unpack_rgb.clone(), buffers, invocations }
                })
                .collect();
        }
        let ([source_luma, ..], [luma, ..]) = (source.planes(), out.planes()) else { return Vec::new() };
        let params = params::UnpackLuma::new((shape, layout), spec, (source, source_luma), (out, luma));
        let params = self.device.uniform("unpack_luma params", &params);
        let source = self.upload_plane("source luma", source_luma);
        let result = self.device.storage("luma", luma.buffer.len());
        let buffers = vec![params, elements.clone(), source, result];
        vec![Work { pipeline: self.unpack_luma.clone(), buffers, invocations: word_invocations(luma) }]
    }

    /// Adds the tile in `elements` into the canvas in `sums`, both f32.
    pub(super) fn blend_work(
        &mut self,
        (shape, layout): ([usize; 3], TensorLayout),
        place: &TilePlace,
        elements: &Buffer,
        canvas: [usize; 3],
        sums: &Buffer,
    ) -> Work {
        let [channels, rows, columns] = shape;
        self.weights.clear();
        self.weights.extend((0..columns).map(|column| place.column_weight(column)));
        self.weights.extend((0..rows).map(|row| place.row_weight(row)));
        let params = params::BlendTile::new((shape, layout), place, canvas);
        let params = self.device.uniform("blend_tile params", &params);
        let weights = self.device.upload("tile weights", bytemuck::cast_slice(&self.weights));
        let buffers = vec![params, elements.clone(), weights, sums.clone()];
        Work { pipeline: self.blend_tile.clone(), buffers, invocations: [columns, rows, channels] }
    }

    /// Converts `count` elements of f32 in `wide` to f16 in `narrow`.
    pub(super) fn narrow_work(&mut self, count: usize, wide: &Buffer, narrow: &Buffer) -> Work {
        let pipeline = self.narrow.clone();
        self.convert_work("narrow params", pipeline, count, [wide, narrow])
    }

    /// Converts `count` elements of f16 in `narrow` to f32 in `wide`.
    pub(super) fn widen_work(&mut self, count: usize, narrow: &Buffer, wide: &Buffer) -> Work {
        let pipeline = self.widen.clone();
        self.convert_work("widen params", pipeline, count, [narrow, wide])
    }

    fn convert_work(
        &mut self,
        label: &'static str,
        pipeline: ComputePipeline,
        count: usize,
        [from, to]: [&Buffer; 2],
    ) -> Work {
        let params = self.device.uniform(label, &Convert { count: count as u32, row: ROW as u32 });
        let pairs = count.div_ceil(2);
        let buffers = vec![params, from.clone(), to.clone()];
        Work { pipeline, buffers, invocations: [pairs.min(ROW), pairs.div_ceil(ROW), 1] }
    }
}

fn borrowed(work: &[Work]) -> Vec<Vec<&Buffer>> {
    work.iter().map(|work| work.buffers.iter().collect()).collect()
}

fn dispatches<'a>(work: &'a [Work], buffers: &'a [Vec<&'a Buffer>]) -> Vec<Dispatch<'a>> {
    work.iter()
        .zip(buffers)
        .map(|(Work { pipeline, invocations, .. }, buffers)| Dispatch {
            pipeline,
            buffers,
            invocations: *invocations,
        })
        .collect()
}
