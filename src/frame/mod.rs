//! Pictures, colour, time and the buffers that hold them: the vocabulary of every other module.
//!
//! Nothing here knows FFmpeg, ONNX Runtime or wgpu.

mod buffer;
mod cadence;
mod color;
mod ffi_device;
mod ffi_shared;
mod ffi_stream;
mod format;
mod layout;
mod motion;
mod picture;
mod small;
mod surface;
mod tensor;
mod time;

pub use buffer::{AlignedBuffer, BufferPool, PooledBuffer};
pub use cadence::{Cadence, Content, Dedup, FrameRate, GapFinder, MotionMode, MotionScale, Tau, Tick, Ticks};
pub(crate) use cadence::{TOLERANCE_PARTS, reduced};
pub use color::{Color, Matrix, Range, Siting};
pub use ffi_device::{DeviceLayout, DeviceSamples};
pub use ffi_shared::{MemoryPlace, SharedMemory, SharedTensor};
pub use ffi_stream::{ComputeStream, NetworkTurns};
pub use format::{Model, PixelFormat, Subsampling};
pub use layout::{Skip, TensorColor, TensorSpec, UnpackSpec};
pub use motion::{MotionField, Sharpness, StillMask};
pub use picture::{Frame, FrameData, FrameInfo, Plane, Planes, SideData};
pub use small::SmallFrame;
pub use surface::{SurfaceComponent, SurfaceLayout};
pub use tensor::{DataType, Tensor, TensorData, TensorLayout, TensorSlice, TensorView};
pub use time::{Pts, Rational, TimeBase, rescale};
