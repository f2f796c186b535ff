//! How near the GPU kernels come to the device's memory bandwidth on 4K frames, and what sharing tensors with a network
//! saves. `cargo bench --bench gpu_bandwidth` prints tables in Markdown.
//!
//! Times of kernels are by the device's clock where it has one. Bytes are those that must move: every input read once,
//! every output written once.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a failure ends the measurement"
)]

use framecast::frame::{
    DataType, Frame, FrameInfo, MemoryPlace, MotionField, PixelFormat, SharedTensor, Subsampling, Tensor,
    TensorColor, TensorData, TensorLayout,
};
use framecast::kernel::gpu::GpuKernels;
use framecast::kernel::{
    Axis, Composition, Filter, Kernels, Region, ResamplePlan, SharedKernels, Skip, Steadiness, TensorSpec,
    TilePlace, UnpackSpec,
};
use std::time::{Duration, Instant};

const LARGE: (u32, u32) = (3840, 2160);
const SMALL: (u32, u32) = (1920, 1080);
/// Runs of each kernel; the median counts.
const RUNS: usize = 9;
/// Copies between buffers of this many bytes, so that caches hold none.
const COPIED: u64 = 256 << 20;
const COPIES: u32 = 8;

fn main() {
    // Tests of all targets run this too.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mut kernels = match GpuKernels::new() {
        Ok(kernels) => kernels,
        Err(error) => return eprintln!("{error}"),
    };
    let name = kernels.name();
    let adapter = name.strip_prefix("gpu (").and_then(|name| name.strip_suffix(')')).unwrap();
    let copy = copy_bandwidth(adapter);
    println!("{name}; copies from buffer to buffer move {copy:.2} GB/s\n");
    kernels.start_timing();
    let mut table = Table { kernels, copy, rows: Vec::new() };
    packing(&mut table);
    unpacking(&mut table);
    resampling(&mut table);
    composing(&mut table);
    others(&mut table);
    table.print();
    table.print_ways();
    for place in [MemoryPlace::Host, MemoryPlace::Cuda(0)] {
        sharing(&mut table.kernels, place);
    }
}

/// Gigabytes a second, read and written, that the device's own copies move.
fn copy_bandwidth(adapter: &str) -> f64 {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    let adapter = adapters.into_iter().find(|found| found.get_info().name == adapter).unwrap();
    let limits = adapter.limits();
    let descriptor = wgpu::DeviceDescriptor { required_limits: limits, ..Default::default() };
    let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).unwrap();
    let usage = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
    let buffers = [0, 1].map(|_| {
        device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: COPIED,
            usage,
            mapped_at_creation: false,
        })
    });
    let round = || {
        let mut encoder = device.create_command_encoder(&Default::default());
        for _ in 0..COPIES {
            encoder.copy_buffer_to_buffer(&buffers[0], 0, &buffers[1], 0, COPIED);
        }
        queue.submit([encoder.finish()]);
        device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
    };
    let time = median(RUNS, round);
    2.0 * f64::from(COPIES) * COPIED as f64 / time.as_secs_f64() / 1e9
}

/// The median wall time of `work`, after two runs that do not count.
fn median(runs: usize, mut work: impl FnMut()) -> Duration {
    work();
    work();
    let mut times: Vec<_> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

struct Row {
    kernel: String,
    time: Duration,
    bytes: usize,
    wall: Duration,
    on_device: bool,
}

struct Table {
    kernels: GpuKernels,
    copy: f64,
    rows: Vec<Row>,
}

impl Table {
    /// Measures a kernel that must move `bytes`.
    fn measure(&mut self, kernel: &str, bytes: usize, mut work: impl FnMut(&mut GpuKernels)) {
        let wall = median(RUNS, || work(&mut self.kernels));
        let mut times = self.kernels.take_times();
        times.sort_by_key(|measured| measured.time);
        let middle = &times[times.len() / 2];
        let (time, on_device) = (middle.time, middle.on_device);
        self.rows.push(Row { kernel: kernel.into(), time, bytes, wall, on_device });
    }

    fn print(&self) {
        println!("| kernel | ms | MB | GB/s | of a copy | ms with upload and download |");
        println!("|---|---|---|---|---|---|");
        for Row { kernel, time, bytes, wall, on_device } in &self.rows {
            let seconds = time.as_secs_f64();
            let rate = *bytes as f64 / seconds / 1e9;
            let star = if *on_device { "" } else { " (wall)" };
            println!(
                "| {kernel} | {:.2}{star} | {:.1} | {rate:.2} | {:.0}% | {:.2} |",
                seconds * 1e3,
                *bytes as f64 / 1e6,
                100.0 * rate / self.copy,
                wall.as_secs_f64() * 1e3,
            );
        }
    }

    /// What surrounds a network for each 4K frame.
    fn print_ways(&self) {
        println!("\n| before and after a network, for a 4K frame | ms |\n|---|---|");
        for (way, parts) in [
            ("luma, doubled from 1080p", [PACK_LUMA, UNPACK_LUMA]),
            ("RGB of 4K and back", [PACK_RGB, UNPACK_RGB]),
        ] {
            let time = |part: &str| self.rows.iter().find(|row| row.kernel == part).unwrap().time;
            println!("| {way} | {:.2} |", (time(parts[0]) + time(parts[1])).as_secs_f64() * 1e3);
        }
    }
}

const PACK_LUMA: &str = "pack luma of 1080p, blocks of 2";
const PACK_RGB: &str = "pack RGB of 4K 4:2:0";
const UNPACK_LUMA: &str = "unpack luma of 4K, blocks of 4, on 1080p";
const UNPACK_RGB: &str = "unpack RGB to 4K 4:2:0";

fn packing(table: &mut Table) {
    for (name, size, color, block) in [
        (PACK_LUMA, SMALL, TensorColor::Luma, 2),
        ("pack luma of 4K", LARGE, TensorColor::Luma, 1),
        (PACK_RGB, LARGE, TensorColor::Rgb, 1),
    ] {
        let frame = frame(size, PixelFormat::YUV420P);
        let (spec, mut out) = (spec(color, block), Tensor::empty());
        table.kernels.pack(&frame, whole(&frame), &spec, &mut out).unwrap();
        let read = if color == TensorColor::Luma { samples(&frame, 1) } else { samples(&frame, 3) };
        table.measure(name, read + 4 * out.len(), |kernels| {
            kernels.pack(&frame, whole(&frame), &spec, &mut out).unwrap();
        });
    }
}

fn unpacking(table: &mut Table) {
    let source = frame(SMALL, PixelFormat::YUV420P);
    for (name, color, block, skip, planes) in [
        (UNPACK_LUMA, TensorColor::Luma, 4, Skip::Nearest, 1),
        (UNPACK_RGB, TensorColor::Rgb, 1, Skip::None, 3),
    ] {
        let spec = UnpackSpec { tensor: spec(color, block), scale: 2, skip, dither: false };
        let tensor = tensor(spec.tensor.shape(LARGE.0 as usize, LARGE.1 as usize));
        let mut out = frame(LARGE, PixelFormat::YUV420P);
        let added = if skip == Skip::Nearest { samples(&source, 1) } else { 0 };
        table.measure(name, 4 * tensor.len() + added + samples(&out, planes), |kernels| {
            kernels.unpack(tensor.view(), &spec, &source, &mut out).unwrap();
        });
    }
}

fn resampling(table: &mut Table) {
    for (name, from, to) in [
        ("resample a plane of 1080p to 4K, Lanczos", SMALL, LARGE),
        ("shrink a plane of 4K to 1080p, Lanczos", LARGE, SMALL),
    ] {
        let axis = |from: u32, to: u32| Axis::luma(from as usize, to as usize);
        let (horizontal, vertical) = (axis(from.0, to.0), axis(from.1, to.1));
        let plan = ResamplePlan::new(horizontal, vertical, Filter::Lanczos3, (8, 8), false, false);
        let (source, mut out) = (frame(from, PixelFormat::gray(8)), frame(to, PixelFormat::gray(8)));
        // Rows are filtered into a buffer of floats, which is read again.
        let between = 2 * 4 * (to.0 * from.1) as usize;
        table.measure(name, samples(&source, 1) + between + samples(&out, 1), |kernels| {
            kernels.resample(&plan, &source.planes()[0], &mut out.planes_mut()[0]).unwrap();
        });
    }
}

fn composing(table: &mut Table) {
    let frames = [0, 1].map(|_| frame(LARGE, PixelFormat::YUV420P));
    let mut field = MotionField::still(SMALL, 4);
    for index in 0..field.width * field.height {
        let (x, y) = ((index % field.width) as f32, (index / field.width) as f32);
        field.first[0][index] = 0.05 * x - 0.01 * y;
        field.first[1][index] = 0.03 * y + 0.02 * x;
        field.other[0][index] = -0.05 * x + 0.01 * y;
        field.other[1][index] = -0.03 * y - 0.02 * x;
        field.blend[index] = 0.5 * (x / 9.0).sin();
    }
    let mut out = frames[0].clone();
    let composition = Composition {
        field: &field,
        first: &frames[0],
        other: &frames[1],
        gate: None,
        still: None,
        sharpness: None,
    };
    let bytes = 3 * samples(&out, 3) + 6 * 4 * field.width * field.height;
    table.measure("warp two frames of 4K 4:2:0 and blend", bytes, |kernels| {
        kernels.compose(&composition, &mut out).unwrap();
    });
}

fn others(table: &mut Table) {
    let (from, mut into) = (frame(LARGE, PixelFormat::gray(8)), frame(LARGE, PixelFormat::gray(8)));
    let bytes = 3 * samples(&from, 1);
    table.measure("mix a plane of 4K", bytes, |kernels| {
        kernels.mix(&from.planes()[0], 0.5, &mut into.planes_mut()[0]).unwrap();
    });
    let (tile, mut canvas) = (tensor([16, 540, 960]), tensor([16, 540, 960]));
    let place = TilePlace { x: 0, y: 0, left: Some((0, 16)), right: None, top: None, bottom: None };
    table.measure("blend a tile of 16 x 540 x 960", 3 * 4 * tile.len(), |kernels| {
        kernels.blend_tile(tile.view(), &place, &mut canvas).unwrap();
    });
    let (luma, kept, mut values) =
        (tensor([1, 2160, 3840]), tensor([3, 2160, 3840]), tensor([3, 2160, 3840]));
    let steadiness = Steadiness { most: 0.8, still: 0.01, moving: 0.03 };
    let bytes = 4 * (2 * luma.len() + 3 * values.len());
    table.measure("steady RGB of 4K", bytes, |kernels| {
        kernels.steady(&luma, &luma, &steadiness, &kept, &mut values).unwrap();
    });
    let (maps, mut picture) = (tensor([24, 135, 240]), tensor([3, 2160, 3840]));
    table.measure("curves on RGB of 4K", 4 * (maps.len() + 2 * picture.len()), |kernels| {
        kernels.apply_curves(&maps, &mut picture).unwrap();
    });
}

/// What sharing the tensors of a luma network from 1080p to 4K saves: both ways to it and back, by wall time.
fn sharing(kernels: &mut GpuKernels, place: MemoryPlace) {
    let (source, mut out) = (frame(SMALL, PixelFormat::YUV420P), frame(LARGE, PixelFormat::YUV420P));
    for kind in [DataType::F32, DataType::F16] {
        let pack = TensorSpec { kind, ..spec(TensorColor::Luma, 2) };
        let tensor = TensorSpec { kind, ..spec(TensorColor::Luma, 4) };
        let unpack = UnpackSpec { tensor, scale: 2, skip: Skip::Nearest, dither: false };
        let shape = tensor.shape(LARGE.0 as usize, LARGE.1 as usize);
        let length = shape.iter().product::<usize>() * size_of::<f32>();
        let tensors = [length / 4, length].map(|length| kernels.allocate(place, length));
        let [Ok(mut input), Ok(mut output)] = tensors else {
            let reason = tensors.into_iter().find_map(Result::err).unwrap();
            return println!("\n{reason}");
        };
        assert!(output.reset(shape, TensorLayout::Nchw, kind));
        let mut elements = Tensor::empty();
        let mut result = Tensor::empty();
        result.reset(shape, TensorLayout::Nchw, kind);
        kernels.take_times();
        let copied = median(RUNS, || {
            kernels.pack(&source, whole(&source), &pack, &mut elements).unwrap();
            kernels.unpack(result.view(), &unpack, &source, &mut out).unwrap();
        });
        let copied_kernels = device_time(kernels);
        let shared = median(RUNS, || {
            kernels.pack_shared(&source, whole(&source), &pack, &mut input).unwrap();
            kernels.unpack_shared(&output, &unpack, &source, &mut out).unwrap();
        });
        let shared_kernels = device_time(kernels);
        println!("\n| 1080p to 4K luma, {kind}, {place} | ms | of that in kernels |\n|---|---|---|");
        for (way, wall, device) in
            [("tensors copied", copied, copied_kernels), ("tensors shared", shared, shared_kernels)]
        {
            println!("| {way} | {:.2} | {:.2} |", wall.as_secs_f64() * 1e3, device.as_secs_f64() * 1e3);
        }
        let planes = planes_alone(kernels, &source, &mut out);
        let own = shared.saturating_sub(shared_kernels).saturating_sub(planes);
        println!("| moving the planes alone | {:.2} | |", planes.as_secs_f64() * 1e3);
        println!("| shared, without kernels and planes | {:.2} | |", own.as_secs_f64() * 1e3);
        read_once(&input);
    }
}

/// Median time in the kernels of a run that packs and unpacks.
fn device_time(kernels: &mut GpuKernels) -> Duration {
    let times = kernels.take_times();
    let mut sums: Vec<Duration> =
        times.chunks(2).map(|pair| pair.iter().map(|part| part.time).sum()).collect();
    sums.sort();
    sums[sums.len() / 2]
}

/// Upload of the source's luma, twice as the kernels do it, and download of the result's, by a kernel that does little
/// else: mixing two planes uploads both and downloads one.
fn planes_alone(kernels: &mut GpuKernels, source: &Frame, out: &mut Frame) -> Duration {
    let (small, mut copy) = (&source.planes()[0], source.planes()[0].clone());
    let large = out.planes()[0].clone();
    kernels.take_times();
    let both = |kernels: &mut GpuKernels| {
        let times = kernels.take_times();
        times.iter().map(|part| part.time).min().unwrap_or_default()
    };
    let small_time = median(RUNS, || kernels.mix(small, 0.0, &mut copy).unwrap());
    let small_time = small_time.saturating_sub(both(kernels));
    let large_time = median(RUNS, || kernels.mix(&large, 0.0, &mut out.planes_mut()[0]).unwrap());
    let large_time = large_time.saturating_sub(both(kernels));
    // Of the three large planes that were moved, one is the result's.
    small_time.mul_f64(2.0 / 3.0) + large_time / 3
}

/// Keeps the packed tensor from being nothing that anybody reads.
fn read_once(tensor: &SharedTensor) {
    if let Some(bytes) = tensor.host_bytes() {
        assert!(bytes.iter().any(|byte| *byte != 0));
    }
}

fn spec(color: TensorColor, block: usize) -> TensorSpec {
    TensorSpec { color, kind: DataType::F32, layout: TensorLayout::Nchw, block, mean: 0.0, range: 1.0 }
}

fn whole(frame: &Frame) -> Region {
    Region { x: 0, y: 0, width: frame.info.width as usize, height: frame.info.height as usize }
}

/// Bytes of the samples of the first `planes` planes.
fn samples(frame: &Frame, planes: usize) -> usize {
    let size = |plane: &framecast::frame::Plane| (plane.width * plane.height) as usize * plane.sample_bytes;
    frame.planes().iter().take(planes).map(size).sum()
}

fn frame((width, height): (u32, u32), format: PixelFormat) -> Frame {
    debug_assert!(format == PixelFormat::gray(8) || format == PixelFormat::yuv(Subsampling::S420, 8));
    let info = FrameInfo { duration: 1, ..FrameInfo::new(width, height, format) };
    let mut frame = Frame::allocate(info, None);
    for plane in frame.planes_mut() {
        for (y, row) in plane.rows_mut().enumerate() {
            row.iter_mut().enumerate().for_each(|(x, sample)| *sample = (x * 7 + y * 13) as u8);
        }
    }
    frame
}

fn tensor(shape: [usize; 3]) -> Tensor {
    let values = (0..shape.iter().product()).map(|i: usize| (i % 97) as f32 / 97.0).collect();
    Tensor { shape, layout: TensorLayout::Nchw, data: TensorData::F32(values) }
}
