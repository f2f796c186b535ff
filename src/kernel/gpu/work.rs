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

    /// Runs programs one after the other; then the planes of `out` are what is in `results`, from the first one on.
    pub(super) fn deliver(
        &mut self,
        label: &'static str,
        work: &[Work],
        results: &[Buffer],
        out: &mut Frame,
    ) -> Result<(), KernelError> {
        let buffers = borrowed(work);
        let (dispatches, results) = (dispatches(work, &buffers), results.iter().collect::<Vec<_>>());
        self.results.deliver(&mut self.device, label, &dispatches, &results, out.planes_mut())
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

    /// Makes the planes of `out` that the tensor in `elements` (as f32) gives, in the buffers that are returned with the
    /// programs, in the planes' order.
    pub(super) fn unpack_work(
        &mut self,
        tensor: ([usize; 3], TensorLayout),
        elements: &Buffer,
        spec: &UnpackSpec,
        source: &Frame,
        out: &Frame,
    ) -> (Vec<Work>, Vec<Buffer>) {
        let Some(luma) = out.planes().first() else { return (Vec::new(), Vec::new()) };
        let result = self.device.storage("luma", luma.buffer.len());
        let invocations = word_invocations(luma);
        if spec.tensor.color == TensorColor::Luma {
            let Some(source_luma) = source.planes().first() else { return (Vec::new(), Vec::new()) };
            let params = params::UnpackLuma::new(tensor, spec, (source, source_luma), (out, luma));
            let params = self.device.uniform("unpack_luma params", &params);
            let source = self.upload_plane("source luma", source_luma);
            let buffers = vec![params, elements.clone(), source, result.clone()];
            let work = Work { pipeline: self.unpack_luma.clone(), buffers, invocations };
            return (vec![work], vec![result]);
        }
        let params = params::UnpackRgb::new(tensor, spec, (out, luma));
        let params = self.device.uniform("unpack_rgb params", &params);
        let buffers = vec![params, elements.clone(), result.clone()];
        let luma_work = Work { pipeline: self.unpack_rgb.clone(), buffers, invocations };
        let [_, cb, cr, ..] = out.planes() else { return (vec![luma_work], vec![result]) };
        let params = params::UnpackChroma::new(tensor, spec, (out, cb));
        let params = self.device.uniform("unpack_chroma params", &params);
        let [blue, red] =
            [("cb", cb), ("cr", cr)].map(|(label, plane)| self.device.storage(label, plane.buffer.len()));
        let buffers = vec![params, elements.clone(), blue.clone(), red.clone()];
        let chroma_work =
            Work { pipeline: self.unpack_chroma.clone(), buffers, invocations: word_invocations(cb) };
        (vec![luma_work, chroma_work], vec![result, blue, red])
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
