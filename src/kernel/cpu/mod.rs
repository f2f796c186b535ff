//! The backend that runs everywhere: plain loops over rows, compiled for each instruction set that `pulp` knows and
//! chosen when the program runs.

mod blend;
mod compose;
mod field;
mod image;
mod lanes;
#[cfg(target_arch = "x86_64")]
mod lanes_avx2;
mod mask;
mod pack;
mod resample;
mod rows;
mod separable;
mod shrink;
mod soften;
mod still;
mod unpack;
mod warp;

pub use shrink::{pack_pair, shrink};
pub use still::StillDetector;

use super::{
    Composition, Kernels, Region, ResamplePlan, Steadiness, TensorSpec, TilePlace, UnpackSpec, check,
};
use crate::error::KernelError;
use crate::frame::{Frame, Plane, Tensor, TensorData, TensorView};

/// The CPU backend.
pub struct CpuKernels {
    arch: pulp::Arch,
    /// Elements as f32 of a tensor of another type.
    staging: Vec<f32>,
    packer: pack::Packer,
    unpacker: unpack::Unpacker,
    blender: blend::Blender,
    resampler: resample::Resampler,
    image_work: image::ImageWork,
    composer: compose::Composer,
    softener: soften::Softener,
}

impl Default for CpuKernels {
    fn default() -> Self {
        Self::new()
    }
}

impl CpuKernels {
    /// The backend with the best instructions of this processor.
    pub fn new() -> Self {
        Self::with(pulp::Arch::new())
    }

    /// The backend as it is on processors of which it knows no further instructions. Slow: made to be compared with.
    pub fn portable() -> Self {
        Self::with(pulp::Arch::Scalar)
    }

    fn with(arch: pulp::Arch) -> Self {
        Self {
            arch,
            staging: Vec::new(),
            packer: pack::Packer::default(),
            unpacker: unpack::Unpacker::default(),
            blender: blend::Blender::default(),
            resampler: resample::Resampler::default(),
            image_work: image::ImageWork::default(),
            composer: compose::Composer::default(),
            softener: soften::Softener::default(),
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
        out.reset(spec.shape(region.width, region.height), spec.layout, spec.kind);
        if let TensorData::F32(values) = &mut out.data {
            self.packer.run(self.arch, frame, region, spec, values);
        } else {
            self.staging.resize(out.len(), 0.0);
            self.packer.run(self.arch, frame, region, spec, &mut self.staging);
            out.data.store(&self.staging);
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
        let elements = tensor.data.widened(&mut self.staging);
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
        let (tile_grid, canvas_grid) = (blend::Grid::of(tile), blend::Grid::of(canvas.view()));
        let elements = tile.data.widened(&mut self.staging);
        if let TensorData::F32(values) = &mut canvas.data {
            self.blender.run(self.arch, (elements, tile_grid), place, (values, canvas_grid));
        }
        Ok(())
    }

    fn steady(
        &mut self,
        luma: &Tensor,
        before: &Tensor,
        steadiness: &Steadiness,
        kept: &Tensor,
        values: &mut Tensor,
    ) -> Result<(), KernelError> {
        check::steady(luma, before, kept, values)?;
        let (shape, layout) = (values.shape, values.layout);
        let (Some(luma), Some(before), Some(kept)) = (luma.as_f32(), before.as_f32(), kept.as_f32()) else {
            return Ok(());
        };
        if let TensorData::F32(values) = &mut values.data {
            self.image_work.steady(self.arch, (luma, before), steadiness, kept, (values, shape, layout));
        }
        Ok(())
    }

    fn apply_curves(&mut self, maps: &Tensor, picture: &mut Tensor) -> Result<(), KernelError> {
        check::curves(maps, picture)?;
        let [_, height, width] = picture.shape;
        if let (Some(values), TensorData::F32(picture)) = (maps.as_f32(), &mut picture.data) {
            self.image_work.apply_curves(self.arch, values, maps.shape, picture, (width, height));
        }
        Ok(())
    }

    fn mix(&mut self, from: &Plane, share: f32, into: &mut Plane) -> Result<(), KernelError> {
        check::mix(from, share, into)?;
        self.image_work.mix(self.arch, from, share, into);
        Ok(())
    }

    fn compose(&mut self, composition: &Composition<'_>, out: &mut Frame) -> Result<(), KernelError> {
        check::compose(composition, out)?;
        self.composer.run(self.arch, composition, out);
        if let Some(sharpness) = composition.sharpness {
            self.softener.run(self.arch, out, sharpness, composition.still);
        }
        Ok(())
    }

    fn resample(&mut self, plan: &ResamplePlan, source: &Plane, out: &mut Plane) -> Result<(), KernelError> {
        check::resample(plan, source, out)?;
        self.resampler.run(self.arch, plan, source, out);
        Ok(())
    }
}
