//! Time of each kernel on one core. `cargo bench --bench kernels -- --quick`; append `live` for what a 360p to 720p
//! stream costs per frame outside of its network.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure ends the measurement")]
#![allow(missing_docs, reason = "`criterion_group` makes a public function")]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use framecast::frame::{
    Color, DataType, Frame, FrameInfo, Matrix, PixelFormat, Plane, Range, Rational, Subsampling, Tensor,
    TensorData, TensorLayout,
};
use framecast::kernel::cpu::CpuKernels;
use framecast::kernel::{
    Axis, Filter, Kernels, Region, ResamplePlan, Skip, TensorColor, TensorSpec, TilePlace, UnpackSpec,
};
use std::hint::black_box;

fn main_benches(criterion: &mut Criterion) {
    live(criterion);
    formats(criterion);
    resampling(criterion);
    tiles(criterion);
}

/// The work around a luma network that doubles 640x360, 8-bit 4:2:0.
fn live(criterion: &mut Criterion) {
    let mut kernels = CpuKernels::new();
    let small = frame(640, 360, PixelFormat::YUV420P);
    let mut large = frame(1280, 720, PixelFormat::YUV420P);
    let (pack_spec, unpack_spec) = live_specs();
    let mut packed = Tensor::empty();
    let residual = tensor(unpack_spec.tensor.shape(1280, 720));
    let plan = chroma_plan((320, 180), (640, 360), 0.5);

    let mut group = criterion.benchmark_group("live");
    group.bench_function("pack luma, block 2", |bencher| {
        bencher.iter(|| kernels.pack(black_box(&small), whole(&small), &pack_spec, &mut packed));
    });
    group.bench_function("unpack luma, block 4, skip", |bencher| {
        bencher.iter(|| kernels.unpack(black_box(residual.view()), &unpack_spec, &small, &mut large));
    });
    group.bench_function("double both chroma planes", |bencher| {
        bencher.iter(|| double_chroma(&mut kernels, &plan, &small, &mut large));
    });
    group.bench_function("all", |bencher| {
        bencher.iter(|| {
            kernels.pack(black_box(&small), whole(&small), &pack_spec, &mut packed).unwrap();
            kernels.unpack(black_box(residual.view()), &unpack_spec, &small, &mut large).unwrap();
            double_chroma(&mut kernels, &plan, &small, &mut large);
        });
    });
    group.finish();
}

fn live_specs() -> (TensorSpec, UnpackSpec) {
    let pack = TensorSpec {
        color: TensorColor::Luma,
        kind: DataType::F32,
        layout: TensorLayout::Nchw,
        block: 2,
        mean: 0.0,
        range: 1.0,
    };
    let tensor = TensorSpec { block: 4, ..pack };
    (pack, UnpackSpec { tensor, scale: 2, skip: Skip::Nearest, dither: false })
}

fn double_chroma(kernels: &mut CpuKernels, plan: &ResamplePlan, small: &Frame, large: &mut Frame) {
    for (source, out) in small.planes().iter().zip(large.planes_mut()).skip(1) {
        kernels.resample(plan, black_box(source), out).unwrap();
    }
}

/// 1080p in and out of tensors.
fn formats(criterion: &mut Criterion) {
    let mut kernels = CpuKernels::new();
    let mut group = criterion.benchmark_group("1080p");
    for (color, kind, format) in [
        (TensorColor::Luma, DataType::F16, PixelFormat::YUV420P),
        (TensorColor::Luma, DataType::F32, PixelFormat::yuv(Subsampling::S420, 10)),
        (TensorColor::Rgb, DataType::F32, PixelFormat::YUV420P),
        (TensorColor::Rgb, DataType::F32, PixelFormat::yuv(Subsampling::S420, 10)),
        (TensorColor::Rgb, DataType::F32, PixelFormat::yuv(Subsampling::S444, 8)),
    ] {
        let picture = frame(1920, 1080, format);
        let mut out = frame(1920, 1080, format);
        let spec = TensorSpec { color, kind, layout: TensorLayout::Nchw, block: 1, mean: 0.0, range: 1.0 };
        let unpack = UnpackSpec { tensor: spec, scale: 1, skip: Skip::None, dither: false };
        let mut packed = Tensor::empty();
        let case = format!("{color:?} {kind:?} {format}");
        group.bench_function(BenchmarkId::new("pack", &case), |bencher| {
            bencher.iter(|| kernels.pack(black_box(&picture), whole(&picture), &spec, &mut packed));
        });
        kernels.pack(&picture, whole(&picture), &spec, &mut packed).unwrap();
        group.bench_function(BenchmarkId::new("unpack", &case), |bencher| {
            bencher.iter(|| kernels.unpack(black_box(packed.view()), &unpack, &picture, &mut out));
        });
    }
    group.finish();
}

fn resampling(criterion: &mut Criterion) {
    let mut kernels = CpuKernels::new();
    let mut group = criterion.benchmark_group("resample");
    for (source, output) in [
        ((960, 540), (1920, 1080)),
        ((640, 360), (960, 540)),
        ((1920, 1080), (1280, 720)),
        ((1280, 720), (3840, 2160)),
    ] {
        let format = PixelFormat::gray(8);
        let plan = chroma_plan(source, output, source.0 as f64 / output.0 as f64);
        let picture = frame(source.0 as u32, source.1 as u32, format);
        let mut out = frame(output.0 as u32, output.1 as u32, format);
        group.bench_function(format!("{source:?} to {output:?}"), |bencher| {
            bencher.iter(|| kernels.resample(&plan, black_box(plane(&picture)), &mut out.planes_mut()[0]));
        });
    }
    group.finish();
}

fn tiles(criterion: &mut Criterion) {
    let mut kernels = CpuKernels::new();
    let tile = tensor([16, 256, 256]);
    let mut canvas = Tensor::zeros([16, 480, 480]);
    let ramp = Some((0, 16));
    let place = TilePlace { x: 100, y: 100, left: ramp, right: Some((240, 16)), top: ramp, bottom: None };
    criterion.bench_function("blend a tile of 16 x 256 x 256", |bencher| {
        bencher.iter(|| kernels.blend_tile(black_box(tile.view()), &place, &mut canvas));
    });
}

/// Left-sited 4:2:0 chroma.
fn chroma_plan(source: (usize, usize), output: (usize, usize), luma_step: f64) -> ResamplePlan {
    let horizontal = Axis::chroma(source.0, output.0, luma_step, (1, 0.0), (1, 0.0));
    let vertical = Axis::chroma(source.1, output.1, luma_step, (1, 0.5), (1, 0.5));
    ResamplePlan::new(horizontal, vertical, Filter::Lanczos3, (8, 8), false, false)
}

fn plane(frame: &Frame) -> &Plane {
    &frame.planes()[0]
}

fn whole(frame: &Frame) -> Region {
    Region { x: 0, y: 0, width: frame.info.width as usize, height: frame.info.height as usize }
}

/// A frame of changing samples.
fn frame(width: u32, height: u32, format: PixelFormat) -> Frame {
    let color = Color { matrix: Matrix::Bt709, range: Range::Limited, ..Color::default() };
    let info = FrameInfo {
        width,
        height,
        format,
        color,
        sample_aspect_ratio: Rational::new(0, 1),
        pts: 0,
        duration: 0,
        side_data: Vec::new(),
    };
    let mut frame = Frame::allocate(info, None);
    for plane in frame.planes_mut() {
        for (y, row) in plane.rows_mut().enumerate() {
            for (x, byte) in row.iter_mut().enumerate() {
                *byte = if format.depth > 8 && x % 2 == 1 { 1 } else { (x * 7 + y * 13) as u8 };
            }
        }
    }
    frame
}

/// A tensor of small changing values.
fn tensor(shape: [usize; 3]) -> Tensor {
    let values = (0..shape.iter().product()).map(|i: usize| (i % 97) as f32 / 970.0 - 0.05).collect();
    Tensor { shape, layout: TensorLayout::Nchw, data: TensorData::F32(values) }
}

criterion_group!(benches, main_benches);
criterion_main!(benches);
