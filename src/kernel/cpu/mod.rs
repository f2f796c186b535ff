//! The backend that runs everywhere: plain loops over rows, compiled for each instruction set that `pulp` knows and
//! chosen when the program runs.

mod blend;
mod pack;
mod resample;
mod rows;
mod separable;
mod unpack;

use super::{Kernels, Region, ResamplePlan, TensorSpec, TilePlace, UnpackSpec, check};
use crate::error::KernelError;
use crate::frame::{Frame, Plane, Tensor, TensorData, TensorSlice, TensorView};
use half::slice::HalfFloatSliceExt;

/// The CPU backend.
pub struct CpuKernels {
    arch: pulp::Arch,
    /// Elements of an f16 tensor as f32.
    staging: Vec<f32>,
    packer: pack::Packer,
    unpacker: unpack::Unpacker,
    blender: blend::Blender,
    resampler: resample::Resampler,
}

impl Default for CpuKernels {
    fn default() -> Self {
        Self::new()
    }
}

impl CpuKernels {
    /// The backend with the best instructions of this processor.
    pub fn new() -> Self {
        Self {
            arch: pulp::Arch::new(),
            staging: Vec::new(),
            packer: pack::Packer::default(),
            unpacker: unpack::Unpacker::default(),
            blender: blend::Blender::default(),
            resampler: resample::Resampler::default(),
        }
    }

    /// The elements of `tensor`, converted into `staging` when they are f16.
    fn elements<'a>(staging: &'a mut Vec<f32>, tensor: TensorView<'a>) -> &'a [f32] {
        match tensor.data {
            TensorSlice::F32(values) => values,
            TensorSlice::F16(values) => {
                staging.resize(values.len(), 0.0);
                values.convert_to_f32_slice(staging);
                staging
            }
        }
    }
}

impl Kernels for CpuKernels {
    fn name(&self) -> String {
        let instructions = match self.arch {
            #[cfg(target_arch = "x86_64")]
            pulp::Arch::V3(_) => "avx2",
            #[cfg(target_arch = "aarch64")]
            pulp::Arch::Neon(_) => "neon",
            _ => "scalar",
        };
        format!("cpu ({instructions})")
    }

    fn pack(
        &mut self,
        frame: &Frame,
        region: Region,
        spec: &TensorSpec,
        out: &mut Tensor,
    ) -> Result<(), KernelError> {
        check::pack(frame, region, spec)?;
        out.reset(spec.shape(region.width, region.height), spec.kind);
        match &mut out.data {
            TensorData::F32(values) => self.packer.run(self.arch, frame, region, spec, values),
            TensorData::F16(values) => {
                self.staging.resize(values.len(), 0.0);
                self.packer.run(self.arch, frame, region, spec, &mut self.staging);
                values.convert_from_f32_slice(&self.staging);
            }
        }
        Ok(())
    }

    fn unpack(
        &mut self,
        tensor: TensorView<'_>,
        spec: &UnpackSpec,
        source: &Frame,
        out: &mut Frame,
    ) -> Result<(), KernelError> {
        check::unpack(tensor, spec, source, out)?;
        let [_, rows, columns] = tensor.shape;
        let elements = Self::elements(&mut self.staging, tensor);
        self.unpacker.run(self.arch, elements, (columns, rows), spec, source, out);
        Ok(())
    }

    fn blend_tile(
        &mut self,
        tile: TensorView<'_>,
        place: &TilePlace,
        canvas: &mut Tensor,
    ) -> Result<(), KernelError> {
        check::blend(tile, place, canvas)?;
        let [_, canvas_rows, canvas_columns] = canvas.shape;
        let [_, rows, columns] = tile.shape;
        let elements = Self::elements(&mut self.staging, tile);
        if let TensorData::F32(values) = &mut canvas.data {
            let blender = &mut self.blender;
            blender.run(self.arch, elements, (columns, rows), place, values, (canvas_columns, canvas_rows));
        }
        Ok(())
    }

    fn resample(&mut self, plan: &ResamplePlan, source: &Plane, out: &mut Plane) -> Result<(), KernelError> {
        check::resample(plan, source, out)?;
        self.resampler.run(self.arch, plan, source, out);
        Ok(())
    }
}
