//! Pictures, tensors, backends and comparisons that the tests share.

#[cfg(feature = "gpu")]
use framecast::error::KernelError;
use framecast::frame::{
    Color, DataType, Frame, FrameInfo, Matrix, PixelFormat, Plane, Range, Siting, Subsampling, Tensor,
    TensorData, TensorLayout,
};
use framecast::kernel::cpu::CpuKernels;
use framecast::kernel::{Kernels, Region, TensorColor, TensorSpec};

/// Every backend of this machine.
pub(crate) fn backends() -> Vec<Box<dyn Kernels>> {
    let mut backends: Vec<Box<dyn Kernels>> = vec![Box::new(CpuKernels::new())];
    backends.extend(gpu());
    backends
}

/// The GPU backend, on a software renderer if need be; nothing where there is no adapter at all.
#[cfg(feature = "gpu")]
pub(crate) fn gpu() -> Option<Box<dyn Kernels>> {
    match framecast::kernel::gpu::GpuKernels::new() {
        Ok(kernels) => Some(Box::new(kernels)),
        Err(KernelError::Unavailable { reason, .. }) => {
            eprintln!("skipped on the GPU: {reason}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[cfg(not(feature = "gpu"))]
pub(crate) fn gpu() -> Option<Box<dyn Kernels>> {
    None
}

pub(crate) const SIZES: [(u32, u32); 3] = [(321, 181), (18, 16), (1, 1)];

/// Formats of every depth and subsampling that the kernels tell apart.
pub(crate) fn formats() -> Vec<PixelFormat> {
    let mut formats: Vec<_> = [8, 10, 16].map(PixelFormat::gray).into();
    for subsampling in [Subsampling::S420, Subsampling::S422, Subsampling::S444] {
        formats.extend([8, 10, 12, 16].map(|depth| PixelFormat::yuv(subsampling, depth)));
    }
    formats.push(PixelFormat { alpha: true, ..PixelFormat::YUV420P });
    formats.push(PixelFormat::yuv(Subsampling { x: 2, y: 0 }, 8));
    formats.push(PixelFormat::yuv(Subsampling { x: 0, y: 1 }, 8));
    formats
}

/// Matrices, ranges and sitings, combined.
pub(crate) fn colors() -> Vec<Color> {
    let mut colors = Vec::new();
    for matrix in [Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020] {
        for range in [Range::Limited, Range::Full] {
            for siting in [Siting::Left, Siting::Center, Siting::TopLeft] {
                colors.push(color(matrix, range, siting));
            }
        }
    }
    colors.push(color(Matrix::Unspecified, Range::Limited, Siting::BottomLeft));
    colors
}

pub(crate) fn color(matrix: Matrix, range: Range, siting: Siting) -> Color {
    Color { matrix, range, siting, ..Color::default() }
}

/// A frame of noise.
pub(crate) fn noise_frame(size: (u32, u32), format: PixelFormat, color: Color) -> Frame {
    let mut noise = Noise::new(u64::from(size.0) + u64::from(format.depth));
    frame_of(size, format, color, |_, _, _| noise.below(format.max_value() + 1))
}

/// A frame whose samples are `value(plane, x, y)`.
pub(crate) fn frame_of(
    (width, height): (u32, u32),
    format: PixelFormat,
    color: Color,
    mut value: impl FnMut(usize, usize, usize) -> u32,
) -> Frame {
    let info = FrameInfo { color, ..FrameInfo::new(width, height, format) };
    let mut frame = Frame::allocate(info, None);
    for (index, plane) in frame.planes_mut().iter_mut().enumerate() {
        fill(plane, |x, y| value(index, x, y));
    }
    frame
}

pub(crate) fn fill(plane: &mut Plane, mut value: impl FnMut(usize, usize) -> u32) {
    let bytes = plane.sample_bytes;
    for (y, row) in plane.rows_mut().enumerate() {
        for (x, sample) in row.chunks_exact_mut(bytes).enumerate() {
            sample.copy_from_slice(&value(x, y).to_ne_bytes()[..bytes]);
        }
    }
}

/// The samples of a plane, row by row.
pub(crate) fn samples(plane: &Plane) -> Vec<u32> {
    let widen = |sample: &[u8]| match *sample {
        [low] => u32::from(low),
        [a, b] => u32::from(u16::from_ne_bytes([a, b])),
        _ => unreachable!(),
    };
    plane.rows().flat_map(|row| row.chunks_exact(plane.sample_bytes).map(widen)).collect()
}

/// A tensor of noise in `low..high`.
pub(crate) fn noise_tensor(shape: [usize; 3], low: f32, high: f32) -> Tensor {
    let mut noise = Noise::new(shape.iter().sum::<usize>() as u64);
    let values = (0..shape.iter().product()).map(|_| low + (high - low) * noise.unit()).collect();
    Tensor { shape, layout: TensorLayout::Nchw, data: TensorData::F32(values) }
}

pub(crate) fn elements(tensor: &Tensor) -> Vec<f64> {
    match &tensor.data {
        TensorData::F32(values) => values.iter().copied().map(f64::from).collect(),
        TensorData::F16(values) => values.iter().map(|value| value.to_f64()).collect(),
        TensorData::U8(values) => values.iter().copied().map(f64::from).collect(),
    }
}

/// A plain tensor of f32, channels outermost.
pub(crate) fn spec(color: TensorColor, block: usize) -> TensorSpec {
    TensorSpec { color, kind: DataType::F32, layout: TensorLayout::Nchw, block, mean: 0.0, range: 1.0 }
}

pub(crate) fn whole(frame: &Frame, block: usize) -> Region {
    let width = (frame.info.width as usize).next_multiple_of(block);
    let height = (frame.info.height as usize).next_multiple_of(block);
    Region { x: 0, y: 0, width, height }
}

/// Compares elements: `tolerance` is absolute and relative at once.
pub(crate) fn assert_close(actual: &[f64], expected: &[f64], tolerance: f64, case: &str) {
    assert_eq!(actual.len(), expected.len(), "{case}: length");
    for (index, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!(
            (a - e).abs() <= tolerance * e.abs().max(1.0),
            "{case}: element {index} is {a}, expected {e}"
        );
    }
}

/// Compares code values with exact ones, not rounded: none may be off by more than 1, and their mean distance may
/// not exceed what rounding causes.
pub(crate) fn assert_rounded(actual: &[u32], exact: &[f64], max: u32, case: &str) {
    assert_eq!(actual.len(), exact.len(), "{case}: length");
    let mut sum = 0.0;
    for (index, (a, e)) in actual.iter().zip(exact).enumerate() {
        let distance = (f64::from(*a) - e.clamp(0.0, f64::from(max))).abs();
        assert!(distance <= 1.0, "{case}: sample {index} is {a}, expected {e}");
        sum += distance;
    }
    let mean = sum / actual.len() as f64;
    assert!(mean < 0.51, "{case}: mean distance {mean}");
}

/// Equidistributed numbers (xorshift64*), the same in every run.
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as u32
    }

    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        self.next() % bound
    }

    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 8) as f32 / 16_777_216.0
    }
}
