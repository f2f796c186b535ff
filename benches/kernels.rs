//! Time of each kernel on one core. `cargo bench --bench kernels -- --quick`; append `live` for what a 360p to 720p
//! stream costs per frame outside of its network.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure ends the measurement")]
#![allow(missing_docs, reason = "`criterion_group` makes a public function")]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use framecast::frame::{
    Color, DataType, Frame, FrameInfo, Matrix, MotionField, PixelFormat, Plane, Range, Rational, Sharpness,
    SmallFrame, StillMask, Subsampling, Tensor, TensorData, TensorLayout,
};
use framecast::kernel::cpu::{CpuKernels, pack_pair, shrink};
use framecast::kernel::{
    Axis, Composition, Filter, Kernels, Region, ResamplePlan, Skip, TensorColor, TensorSpec, TilePlace,
    UnpackSpec,
};
use std::hint::black_box;

fn main_benches(criterion: &mut Criterion) {
    live(criterion);
    formats(criterion);
    resampling(criterion);
    tiles(criterion);
    motion(criterion);
    composition(criterion);
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

/// The input of a motion predictor.
fn motion(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("motion");
    for (width, height) in [(640, 360), (1280, 720)] {
        let picture = frame(width, height, PixelFormat::YUV420P);
        let (mut small, mut packed) = (SmallFrame::default(), Tensor::empty());
        for factor in [4, 2] {
            group.bench_function(format!("shrink {width} x {height} by {factor}"), |bencher| {
                bencher.iter(|| shrink(black_box(&picture), factor, &mut small));
            });
            let estimate = [1, 2].map(|_| vec![0.5; small.width * small.height]);
            group.bench_function(format!("pack a pair of {width} x {height} by {factor}"), |bencher| {
                bencher.iter(|| pack_pair(black_box(&small), &small, 0.5, &estimate, 8, &mut packed));
            });
        }
    }
    group.finish();
}

/// 720p 4:2:0 from the motion of 720p and of 360p pictures.
fn composition(criterion: &mut Criterion) {
    let mut kernels = CpuKernels::new();
    let mut group = criterion.benchmark_group("compose 720p");
    for depth in [8, 10, 16] {
        let frames = [0, 1].map(|_| frame(1280, 720, PixelFormat::yuv(Subsampling::S420, depth)));
        let mut out = frames[0].clone();
        for source in [(1280, 720), (640, 360)] {
            let (everywhere, slow) = (smooth_motion(source, 1.0, 1.0), smooth_motion(source, 1.0, 0.25));
            let mut mask = StillMask::default();
            mask.reshape(source.0 as usize, source.1 as usize);
            mask.values.iter_mut().enumerate().for_each(|(i, v)| *v = if i / 40 % 2 == 0 { 255 } else { 0 });
            let mut sharpness = Sharpness::default();
            sharpness.reshape(source, 8);
            sharpness.values.fill(0.5);
            for (case, field, still, sharpness) in [
                ("fast zoom, blended", &everywhere, None, None),
                ("slow zoom, blended", &slow, None, None),
                ("slow zoom, softened", &slow, None, Some(&sharpness)),
                ("slow zoom, one frame", &first_alone(&slow), None, None),
                ("half still", &smooth_motion(source, 0.5, 1.0), None, None),
                ("half masked", &everywhere, Some(&mask), None),
                ("rough motion", &rough_motion(&everywhere), None, None),
            ] {
                let [first, other] = &frames;
                let composition = Composition { field, first, other, gate: None, still, sharpness };
                group.bench_function(format!("{depth} bit of {source:?}: {case}"), |bencher| {
                    bencher.iter(|| kernels.compose(black_box(&composition), &mut out));
                });
            }
        }
    }
    group.finish();
}

/// Zoom by 4% of `speed` and rotation over the left `share` of the picture, none in the rest; both frames weigh about the
/// same.
fn smooth_motion(source: (u32, u32), share: f32, speed: f32) -> MotionField {
    let mut field = MotionField::still(source, 4);
    for index in 0..field.width * field.height {
        let (x, y) = ((index % field.width) as f32, (index / field.width) as f32);
        if x >= share * field.width as f32 {
            continue;
        }
        field.first[0][index] = speed * (0.15 * x - 0.03 * y - 7.0);
        field.first[1][index] = speed * (0.1 * y + 0.05 * x - 5.0);
        field.other[0][index] = speed * (0.3 * x - 0.06 * y - 14.0);
        field.other[1][index] = speed * (0.2 * y + 0.1 * x - 10.0);
        field.blend[index] = 0.5 * (x / 9.0).sin();
    }
    field
}

fn first_alone(field: &MotionField) -> MotionField {
    MotionField { blend: vec![-40.0; field.blend.len()], ..field.clone() }
}

/// The field with steps of up to 2 samples from cell to cell.
fn rough_motion(field: &MotionField) -> MotionField {
    let mut field = field.clone();
    for plane in field.first.iter_mut().chain(&mut field.other) {
        plane.iter_mut().enumerate().for_each(|(index, value)| *value += (index * 7 % 13) as f32 / 6.0);
    }
    field
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
        color,
        sample_aspect_ratio: Rational::new(0, 1),
        ..FrameInfo::new(width, height, format)
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
