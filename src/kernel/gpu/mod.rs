//! The backend for graphics processors: WGSL compute shaders on wgpu, over planes and tensors in host memory.

mod compose;
mod device;
mod interop;
mod kept;
mod order;
mod params;
mod remote;
mod report;
mod shaders;
mod soften;
mod timing;
mod work;

#[cfg(all(test, target_os = "linux"))]
pub(crate) use interop::processor;
pub use interop::{InteropReport, interop_reports};
pub use report::{AdapterReport, adapter_reports};
pub use shaders::{SHADERS, Shader};
pub use timing::KernelTime;

use super::{
    Composition, Kernels, Region, ResamplePlan, SharedKernels, Steadiness, TensorSpec, TilePlace, UnpackSpec,
    check,
};
use crate::error::KernelError;
use crate::frame::{Frame, MemoryPlace, Plane, SurfaceLayout, Tensor, TensorLayout, TensorView};
use device::{Device, Dispatch};
use wgpu::{Buffer, ComputePipeline};
use work::Work;

/// The GPU backend.
///
/// Elements other than f32 are converted on the host, or in shared memory by integer arithmetic, so that shaders run on
/// devices without 16-bit floats.
pub struct GpuKernels {
    device: Device,
    pack_luma: ComputePipeline,
    pack_rgb: ComputePipeline,
    unpack_luma: ComputePipeline,
    unpack_rgb: ComputePipeline,
    unpack_chroma: ComputePipeline,
    blend_tile: ComputePipeline,
    resample_horizontal: ComputePipeline,
    resample_vertical: ComputePipeline,
    steady: ComputePipeline,
    apply_curves: ComputePipeline,
    mix: ComputePipeline,
    compose: compose::Pipelines,
    narrow: ComputePipeline,
    widen: ComputePipeline,
    take_plane: ComputePipeline,
    put_plane: ComputePipeline,
    sharing: bool,
    composer: compose::Composer,
    remote: remote::Remote,
    results: kept::Results,
    /// Elements as f32 of a tensor of another type.
    staging: Vec<f32>,
    /// Weights of a tile's columns and rows.
    weights: Vec<f32>,
}

impl GpuKernels {
    /// The backend on the best adapter of this machine: hardware before software renderers, discrete before integrated.
    ///
    /// # Errors
    ///
    /// [`KernelError::Unavailable`] if there is no adapter or it cannot be opened, [`KernelError::Device`] if it
    /// refuses a shader.
    pub fn new() -> Result<Self, KernelError> {
        let device = Device::open()?;
        let kernels = Self {
            pack_luma: device.pipeline(shaders::PACK_LUMA),
            pack_rgb: device.pipeline(shaders::PACK_RGB),
            unpack_luma: device.pipeline(shaders::UNPACK_LUMA),
            unpack_rgb: device.pipeline(shaders::UNPACK_RGB),
            unpack_chroma: device.pipeline(shaders::UNPACK_CHROMA),
            blend_tile: device.pipeline(shaders::BLEND_TILE),
            resample_horizontal: device.pipeline(shaders::RESAMPLE_HORIZONTAL),
            resample_vertical: device.pipeline(shaders::RESAMPLE_VERTICAL),
            steady: device.pipeline(shaders::STEADY),
            apply_curves: device.pipeline(shaders::APPLY_CURVES),
            mix: device.pipeline(shaders::MIX),
            compose: compose::Pipelines {
                compose: device.pipeline(shaders::COMPOSE),
                means: device.pipeline(shaders::BLOCK_MEANS),
                soften: device.pipeline(shaders::SOFTEN),
            },
            narrow: device.pipeline(shaders::NARROW),
            widen: device.pipeline(shaders::WIDEN),
            take_plane: device.pipeline(shaders::TAKE_PLANE),
            put_plane: device.pipeline(shaders::PUT_PLANE),
            sharing: true,
            composer: compose::Composer::default(),
            remote: remote::Remote::default(),
            results: kept::Results::default(),
            staging: Vec::new(),
            weights: Vec::new(),
            device,
        };
        kernels.device.check()?;
        Ok(kernels)
    }

    /// Without [`Kernels::shared`]: every tensor is copied to host memory and back.
    #[must_use]
    pub fn without_sharing(self) -> Self {
        Self { sharing: false, ..self }
    }

    /// Measures every kernel from now on; see [`GpuKernels::take_times`].
    pub fn start_timing(&mut self) {
        self.device.start_timing();
    }

    /// What was measured since the last call, in the order of the runs.
    pub fn take_times(&mut self) -> Vec<KernelTime> {
        self.device.take_times()
    }

    /// True if this machine has an adapter that is not a software renderer. Loads the drivers where there may be one,
    /// which takes tens of milliseconds.
    pub fn hardware_available() -> bool {
        device::hardware_available()
    }

    /// Uploads the elements of `tensor` as f32.
    fn upload_elements(&mut self, label: &'static str, tensor: TensorView<'_>) -> Buffer {
        let elements = tensor.data.widened(&mut self.staging);
        self.device.upload(label, bytemuck::cast_slice(elements))
    }

    /// Runs `before` and what makes `out` of the elements.
    fn unpack_elements(
        &mut self,
        tensor: ([usize; 3], TensorLayout),
        elements: &Buffer,
        before: Vec<Work>,
        spec: &UnpackSpec,
        source: &Frame,
        out: &mut Frame,
    ) -> Result<(), KernelError> {
        let (planes, results) = self.unpack_work(tensor, elements, spec, source, out);
        let work: Vec<_> = before.into_iter().chain(planes).collect();
        self.deliver("unpack", &work, &results, out)
    }

    fn upload_plane(&mut self, label: &'static str, plane: &Plane) -> Buffer {
        if let Some(buffer) = self.take_plane(label, plane) {
            return buffer;
        }
        self.device.upload(label, plane.buffer.bytes())
    }
}

impl Kernels for GpuKernels {
    fn name(&self) -> String {
        format!("gpu ({})", self.device.adapter().get_info().name)
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
        let size = out.len() * size_of::<f32>();
        let elements = self.device.storage("elements", size);
        let Some(work) = self.pack_work(frame, region, spec, &elements) else { return Ok(()) };
        self.run("pack", &[work], &[(&elements, size)], |_, bytes| {
            out.data.store(bytemuck::cast_slice(bytes));
        })
    }

    fn unpack(
        &mut self,
        tensor: TensorView<'_>,
        spec: &UnpackSpec,
        source: &Frame,
        out: &mut Frame,
    ) -> Result<(), KernelError> {
        check::unpack(tensor, spec, source, out)?;
        let elements = self.upload_elements("elements", tensor);
        self.unpack_elements((tensor.shape, tensor.layout), &elements, Vec::new(), spec, source, out)
    }

    fn blend_tile(
        &mut self,
        tile: TensorView<'_>,
        place: &TilePlace,
        canvas: &mut Tensor,
    ) -> Result<(), KernelError> {
        check::blend(tile, place, canvas)?;
        let elements = self.upload_elements("elements", tile);
        let sums = self.upload_elements("canvas", canvas.view());
        let work = self.blend_work((tile.shape, tile.layout), place, &elements, canvas.shape, &sums);
        let size = canvas.len() * size_of::<f32>();
        self.run("blend_tile", &[work], &[(&sums, size)], |_, bytes| {
            canvas.data.store(bytemuck::cast_slice(bytes));
        })
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
        let [_, rows, columns] = values.shape;
        let params = self.device.uniform("steady params", &params::Steady::new(values, steadiness));
        let luma = self.upload_elements("luma", luma.view());
        let before = self.upload_elements("luma before", before.view());
        let kept = self.upload_elements("values before", kept.view());
        let result = self.upload_elements("values", values.view());
        let dispatch = Dispatch {
            pipeline: &self.steady,
            buffers: &[&params, &luma, &before, &kept, &result],
            invocations: [columns, rows, 1],
        };
        let size = values.len() * size_of::<f32>();
        self.device.run("steady", &[dispatch], &[(&result, size)], |_, bytes| {
            values.data.store(bytemuck::cast_slice(bytes));
        })
    }

    fn apply_curves(&mut self, maps: &Tensor, picture: &mut Tensor) -> Result<(), KernelError> {
        check::curves(maps, picture)?;
        let [_, height, width] = picture.shape;
        let params = self.device.uniform("apply_curves params", &params::ApplyCurves::new(maps, picture));
        let maps = self.upload_elements("maps", maps.view());
        let result = self.upload_elements("picture", picture.view());
        let dispatch = Dispatch {
            pipeline: &self.apply_curves,
            buffers: &[&params, &maps, &result],
            invocations: [width, height, 1],
        };
        let size = picture.len() * size_of::<f32>();
        self.device.run("apply_curves", &[dispatch], &[(&result, size)], |_, bytes| {
            picture.data.store(bytemuck::cast_slice(bytes));
        })
    }

    fn mix(&mut self, from: &Plane, share: f32, into: &mut Plane) -> Result<(), KernelError> {
        check::mix(from, share, into)?;
        let params = self.device.uniform("mix params", &params::Mix::new(into, share));
        let source = self.upload_plane("source plane", from);
        let result = self.upload_plane("plane", into);
        let size = into.buffer.len();
        let dispatch = Dispatch {
            pipeline: &self.mix,
            buffers: &[&params, &source, &result],
            invocations: word_invocations(into),
        };
        self.device.run("mix", &[dispatch], &[(&result, size)], |_, bytes| {
            into.buffer.bytes_mut().copy_from_slice(bytes);
        })
    }

    fn compose(&mut self, composition: &Composition<'_>, out: &mut Frame) -> Result<(), KernelError> {
        check::compose(composition, out)?;
        let mut composer = std::mem::take(&mut self.composer);
        let composed = composer.run(self, composition, out);
        self.composer = composer;
        composed
    }

    fn resample(&mut self, plan: &ResamplePlan, source: &Plane, out: &mut Plane) -> Result<(), KernelError> {
        check::resample(plan, source, out)?;
        let horizontal = params::ResampleHorizontal::new(plan, source);
        let vertical = params::ResampleVertical::new(plan, source, out);
        let horizontal = self.device.uniform("resample_horizontal params", &horizontal);
        let vertical = self.device.uniform("resample_vertical params", &vertical);
        let samples = self.upload_plane("source plane", source);
        let column_first = self.device.upload("column taps", bytemuck::cast_slice(&plan.horizontal.first));
        let column_weights =
            self.device.upload("column weights", bytemuck::cast_slice(&plan.horizontal.weights));
        let row_first = self.device.upload("row taps", bytemuck::cast_slice(&plan.vertical.first));
        let row_weights = self.device.upload("row weights", bytemuck::cast_slice(&plan.vertical.weights));
        let rows = self.device.storage("filtered rows", plan.output.0 * plan.source.1 * size_of::<f32>());
        let result = self.device.storage("plane", out.buffer.len());
        let dispatches = [
            Dispatch {
                pipeline: &self.resample_horizontal,
                buffers: &[&horizontal, &samples, &column_first, &column_weights, &rows],
                invocations: [plan.output.0, plan.source.1, 1],
            },
            Dispatch {
                pipeline: &self.resample_vertical,
                buffers: &[&vertical, &rows, &row_first, &row_weights, &result],
                invocations: word_invocations(out),
            },
        ];
        let planes = std::slice::from_mut(out);
        self.results.deliver(&mut self.device, "resample", &dispatches, &[&result], planes)
    }

    fn device(&self) -> Option<MemoryPlace> {
        self.remote.place(self.device.adapter())
    }

    fn keep_on_device(&mut self) {
        if let Some(place) = self.device() {
            let pool = interop::Pool::new(self.device.adapter(), self.device.raw(), place);
            self.results.keep_in(pool);
        }
    }

    fn arrange(&mut self, frame: &mut Frame, surface: &SurfaceLayout) -> Result<(), KernelError> {
        self.put_planes(frame, surface)
    }

    fn shared(&mut self) -> Option<&mut dyn SharedKernels> {
        if self.sharing { Some(self) } else { None }
    }
}

/// One invocation per word of the plane's samples.
fn word_invocations(plane: &Plane) -> [usize; 3] {
    [(plane.width as usize * plane.sample_bytes).div_ceil(4), plane.height as usize, 1]
}

fn write_plane(planes: &mut [Plane], index: usize, bytes: &[u8]) {
    if let Some(plane) = planes.get_mut(index) {
        plane.buffer.bytes_mut().copy_from_slice(bytes);
    }
}
