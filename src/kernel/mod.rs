//! The pixel work between planes and tensors: one trait, two backends that agree within 1 code value.
//!
//! [`Kernels`] is implemented by `cpu` (SIMD through `pulp`) and, with the feature `gpu`, by `gpu` (WGSL on wgpu).

mod check;
mod convert;
pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
mod motion;
mod resample;
mod shared;

#[cfg(feature = "window")]
pub(crate) use convert::display_colors;
pub use motion::Composition;
pub(crate) use motion::{exponential, logistic};
pub use resample::{Axis, Filter, ResamplePlan, Taps};
pub use shared::SharedKernels;

use crate::error::KernelError;
use crate::frame::{Frame, MemoryPlace, Plane, SurfaceLayout, Tensor, TensorView};

pub use crate::frame::{Skip, TensorColor, TensorLayout, TensorSpec, UnpackSpec};

/// A rectangle in luma samples. It may reach beyond the picture: the nearest sample inside is repeated there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Left edge.
    pub x: i64,
    /// Top edge.
    pub y: i64,
    /// Width.
    pub width: usize,
    /// Height.
    pub height: usize,
}

/// Where a tile's tensor goes in the canvas, in tensor elements (after space-to-depth), and how it fades into its
/// neighbours.
///
/// A ramp `(start, length)` covers the tile's columns (or rows) `start..start + length`. Along a left or top ramp,
/// position i weighs `(i + 0.5) / length`; along a right or bottom ramp it weighs 1 minus that. So where the right
/// ramp of one tile and the left ramp of the next have the same length and cover the same canvas columns, their
/// weights sum to 1. An element's weight is the product of its column's and its row's. A length of 0 cuts hard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TilePlace {
    /// Position of the tile's first column in the canvas; may be negative when the tile was padded beyond the picture.
    pub x: i64,
    /// Position of the tile's first row in the canvas; may be negative.
    pub y: i64,
    /// Ramp in tile columns towards the left neighbour; columns before it weigh nothing. `None` at the picture's
    /// edge, where the tile weighs fully.
    pub left: Option<(usize, usize)>,
    /// Ramp in tile columns towards the right neighbour; columns after it weigh nothing. `None` as for `left`.
    pub right: Option<(usize, usize)>,
    /// See `left`, in rows.
    pub top: Option<(usize, usize)>,
    /// See `right`, in rows.
    pub bottom: Option<(usize, usize)>,
}

impl TilePlace {
    /// Weight of tile column `column`, 0 to 1.
    pub fn column_weight(&self, column: usize) -> f32 {
        rising(self.left, column) * (1.0 - falling(self.right, column))
    }

    /// Weight of tile row `row`, 0 to 1.
    pub fn row_weight(&self, row: usize) -> f32 {
        rising(self.top, row) * (1.0 - falling(self.bottom, row))
    }
}

/// The ramp from 0 to 1 at `position`; 1 where there is none.
fn rising(ramp: Option<(usize, usize)>, position: usize) -> f32 {
    let Some((start, length)) = ramp else { return 1.0 };
    match position.checked_sub(start) {
        None => 0.0,
        Some(i) if i >= length => 1.0,
        Some(i) => (i as f32 + 0.5) / length as f32,
    }
}

/// As [`rising`], but 0 where there is no ramp.
fn falling(ramp: Option<(usize, usize)>, position: usize) -> f32 {
    ramp.map_or(0.0, |ramp| rising(Some(ramp), position))
}

/// How much of the picture before stays where the source does not move.
///
/// At each pixel the source's luma is compared with the frame before: the absolute mean, over the 3 x 3 pixels around
/// it, of the differences, which noise hardly raises. Up to `still` the picture before gets the share `most`, from
/// `moving` on none, and in between in proportion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steadiness {
    /// Largest share of the picture before, 0 to 1.
    pub most: f32,
    /// Difference of luma (1 = from black to white) that still counts as none.
    pub still: f32,
    /// Difference from which on nothing stays; more than `still`.
    pub moving: f32,
}

impl Steadiness {
    /// Gain and offset that map a difference to the share of `most`, before clamping to 0..1.
    fn ramp(&self) -> (f32, f32) {
        let gain = -1.0 / (self.moving - self.still);
        (gain, -gain * self.moving)
    }
}

/// Which backend to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KernelChoice {
    /// The GPU where there is one that works, else the CPU. Software renderers do not count: the CPU backend is faster.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU, or a software renderer if there is none.
    Gpu,
}

/// Makes the backend that `choice` asks for.
///
/// # Errors
///
/// [`KernelError::Unavailable`] if the GPU is asked for and the crate was built without the feature `gpu`, or there is
/// no usable device; [`KernelError::Device`] if the device refuses the shaders. Never for [`KernelChoice::Auto`] and
/// [`KernelChoice::Cpu`].
pub fn create(choice: KernelChoice) -> Result<Box<dyn Kernels>, KernelError> {
    match choice {
        KernelChoice::Cpu => Ok(Box::new(cpu::CpuKernels::new())),
        KernelChoice::Gpu => create_gpu(),
        KernelChoice::Auto if !hardware_available() => create(KernelChoice::Cpu),
        KernelChoice::Auto => create_gpu().or_else(|error| {
            tracing::warn!("{error}");
            create(KernelChoice::Cpu)
        }),
    }
}

#[cfg(feature = "gpu")]
fn create_gpu() -> Result<Box<dyn Kernels>, KernelError> {
    Ok(Box::new(gpu::GpuKernels::new()?))
}

#[cfg(feature = "gpu")]
fn hardware_available() -> bool {
    gpu::GpuKernels::hardware_available()
}

#[cfg(not(feature = "gpu"))]
fn create_gpu() -> Result<Box<dyn Kernels>, KernelError> {
    Err(KernelError::Unavailable { backend: "gpu", reason: "this build lacks the feature `gpu`".to_owned() })
}

#[cfg(not(feature = "gpu"))]
const fn hardware_available() -> bool {
    false
}

/// The pixel work. Implementations keep scratch memory, hence `&mut self`; after warm-up none allocates.
///
/// Every method checks that its arguments fit each other and returns [`KernelError::Shape`] if not. Rounding is to
/// nearest, halves up; what is not a number becomes code value 0. The dither is an 8x8 Bayer matrix centred on 0 whose
/// place is that of the sample in its output plane.
pub trait Kernels: Send {
    /// Name of the backend and its device, for example `cpu (avx2)` or `gpu (llvmpipe)`.
    fn name(&self) -> String;

    /// Reads `region` of `frame` into `out`, which gets the shape `spec.shape(region.width, region.height)` and the
    /// layout and type of `spec`; [`DataType::U8`](crate::frame::DataType::U8) rounds and clamps.
    ///
    /// For RGB and BGR chroma is brought to luma size bilinearly with the frame's siting.
    fn pack(
        &mut self,
        frame: &Frame,
        region: Region,
        spec: &TensorSpec,
        out: &mut Tensor,
    ) -> Result<(), KernelError>;

    /// Writes the top-left part of `tensor` into `out`, rounding and clamping to `out`'s code values.
    ///
    /// The tensor may be larger than the frame (padding). [`TensorColor::Luma`] writes plane 0 only;
    /// RGB and BGR write the three planes with the matrix, range and siting of `out`, chroma being averaged
    /// with a box of the subsampling's size placed by the siting (a tent of taps 1 2 1 where it is co-sited).
    /// `source` is the frame that was packed from its top-left corner; [`Skip::Nearest`] adds its luma. A luma element
    /// stands for a code value of `source`; where `out` is deeper or shallower, it is scaled as by
    /// [`ResamplePlan::new`], so limited range keeps its black and white.
    fn unpack(
        &mut self,
        tensor: TensorView<'_>,
        spec: &UnpackSpec,
        source: &Frame,
        out: &mut Frame,
    ) -> Result<(), KernelError>;

    /// Adds `tile`, weighted as `place` says, into `canvas` (same channels and layout, type f32, cleared by the caller). What lies
    /// outside of the canvas is left out.
    fn blend_tile(
        &mut self,
        tile: TensorView<'_>,
        place: &TilePlace,
        canvas: &mut Tensor,
    ) -> Result<(), KernelError>;

    /// Draws `values` towards `kept`, the values of the frame before, where the source hardly moved. `luma` and `before`
    /// are the source's luma in both frames, of `values`' rows and columns; all are f32. See [`Steadiness`].
    fn steady(
        &mut self,
        luma: &Tensor,
        before: &Tensor,
        steadiness: &Steadiness,
        kept: &Tensor,
        values: &mut Tensor,
    ) -> Result<(), KernelError>;

    /// Bends the channels of `picture` (3 channels, NCHW, f32, 0 to 1) by curves, as in Zero-DCE: for each group of
    /// three maps in turn, `v - a v (1 - v)`, clamped to 0..1. `maps` (NCHW, f32, a multiple of 3 channels) may be of
    /// another size: its maps cover the picture and are resampled bilinearly, pixel centres at halves, edges repeated.
    fn apply_curves(&mut self, maps: &Tensor, picture: &mut Tensor) -> Result<(), KernelError>;

    /// Keeps the share `share` (0 to 1) of `into` and takes the rest from `from`, a plane of the same size and type.
    fn mix(&mut self, from: &Plane, share: f32, into: &mut Plane) -> Result<(), KernelError>;

    /// Makes a frame from motion: brings the field to each plane's grid bilinearly, samples both frames bilinearly along
    /// it (the nearest sample inside where it leads outside), blends them by the weights, and mixes in the first frame's
    /// own samples as the gate says. Logits become weights in the cells, before they are brought to the grid. Of the rounded
    /// samples, each becomes mean + sharpness (sample - mean), with the means of the plane's blocks and the sharpness
    /// brought to the grid bilinearly.
    ///
    /// `out` has the size and format of both frames. Where the mask says so, and where the sharpness is 1 and either motion
    /// is 0 and the other frame weighs nothing or the gate is 0, it gets the first frame's samples bit for bit.
    fn compose(&mut self, composition: &Composition<'_>, out: &mut Frame) -> Result<(), KernelError>;

    /// Resamples one plane by `plan`, with its change of depth, rounding and clamping to `0..=plan.output_max`.
    fn resample(&mut self, plan: &ResamplePlan, source: &Plane, out: &mut Plane) -> Result<(), KernelError>;

    /// The device whose memory these kernels read, so that the planes of frames may lie there; `None` for the processor's.
    /// Loads the device's driver.
    fn device(&self) -> Option<MemoryPlace> {
        None
    }

    /// Leaves planes that are unpacked, resampled or composed from now on in memory of [`Kernels::device`], if there is one; they
    /// are brought to host memory for whoever looks at them.
    fn keep_on_device(&mut self) {}

    /// Puts the planes of `frame`, wherever they lie, into memory of [`Kernels::device`] as `surface` has them. For kernels that
    /// keep results there.
    fn arrange(&mut self, frame: &mut Frame, surface: &SurfaceLayout) -> Result<(), KernelError> {
        Err(KernelError::Shape {
            operation: "arrange",
            expected: format!("kernels that work on {}", surface.place),
            found: format!("{} for a frame of {}", self.name(), frame.info.format),
        })
    }

    /// The same work on tensors that a network reads and writes where they lie; `None` for backends whose tensors are in
    /// host memory anyway.
    fn shared(&mut self) -> Option<&mut dyn SharedKernels> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{KernelChoice, create};

    #[test]
    fn every_machine_has_kernels() {
        assert!(create(KernelChoice::Cpu).unwrap().name().starts_with("cpu ("));
        assert!(create(KernelChoice::Auto).is_ok());
    }

    #[cfg(not(feature = "gpu"))]
    #[test]
    fn a_build_without_the_gpu_says_what_to_do() {
        let error = create(KernelChoice::Gpu).err().unwrap().to_string();
        assert!(error.contains("feature `gpu`") && error.contains("--kernels cpu"), "{error}");
    }
}
