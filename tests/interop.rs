//! Tensors that kernels and networks share: the same elements and pixels as with copies, without any.

#![cfg(feature = "gpu")]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use framecast::error::KernelError;
use framecast::frame::{
    BufferPool, DataType, Frame, FrameInfo, MemoryPlace, PixelFormat, SharedTensor, Subsampling, Tensor,
    TensorColor, TensorData, TensorLayout,
};
use framecast::kernel::cpu::CpuKernels;
use framecast::kernel::gpu::GpuKernels;
use framecast::kernel::{Kernels, Region, SharedKernels, Skip, TensorSpec, TilePlace, UnpackSpec};
use framecast::model::{Execution, Model, Runtime, Session, SharedRun};
use framecast::stage::{Upscaler, UpscalerOptions};
use std::path::Path;

/// Kernels on a GPU or a software renderer that share memory with the processor; nothing where there are none.
fn kernels() -> Option<GpuKernels> {
    let mut kernels = match GpuKernels::new() {
        Ok(kernels) => kernels,
        Err(KernelError::Unavailable { reason, .. }) => {
            eprintln!("skipped: {reason}");
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    match kernels.allocate(MemoryPlace::Host, 4) {
        Ok(_) => Some(kernels),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// A picture that changes with `time`.
fn frame(size: (u32, u32), format: PixelFormat, time: u32) -> Frame {
    let info = FrameInfo { pts: i64::from(time), duration: 1, ..FrameInfo::new(size.0, size.1, format) };
    let mut frame = Frame::allocate(info, None);
    for (index, plane) in frame.planes_mut().iter_mut().enumerate() {
        let bytes = plane.sample_bytes;
        for (y, row) in plane.rows_mut().enumerate() {
            for (x, sample) in row.chunks_exact_mut(bytes).enumerate() {
                let (x, y) = (x as u32, y as u32);
                let value = (x * 7 + y * 13 + time * 5 + (x / 9 + y / 5) * 40 + index as u32 * 31)
                    .wrapping_mul(if bytes == 1 { 1 } else { 77 });
                let value = value % (format.max_value() + 1);
                sample.copy_from_slice(&value.to_ne_bytes()[..bytes]);
            }
        }
    }
    frame
}

fn whole(frame: &Frame) -> Region {
    Region { x: 0, y: 0, width: frame.info.width as usize, height: frame.info.height as usize }
}

fn bytes(tensor: &Tensor) -> &[u8] {
    match &tensor.data {
        TensorData::F32(values) => bytemuck::cast_slice(values),
        TensorData::F16(values) => bytemuck::cast_slice(values),
        TensorData::U8(values) => values,
    }
}

/// A copy of `tensor` in shared memory.
fn shared(kernels: &mut GpuKernels, tensor: &Tensor) -> SharedTensor {
    let mut copy = kernels.allocate(MemoryPlace::Host, bytes(tensor).len()).unwrap();
    assert!(copy.reset(tensor.shape, tensor.layout, tensor.kind()));
    copy.host_bytes_mut().unwrap().copy_from_slice(bytes(tensor));
    copy
}

fn assert_same(found: &Frame, expected: &Frame, tolerance: i32, case: &str) {
    assert_eq!(found.planes().len(), expected.planes().len());
    for (found, expected) in found.planes().iter().zip(expected.planes()) {
        let bytes = found.sample_bytes;
        for (found, expected) in found.rows().zip(expected.rows()) {
            let sample =
                |sample: &[u8]| sample.iter().rev().fold(0, |value, byte| value << 8 | i32::from(*byte));
            for (found, expected) in found.chunks(bytes).zip(expected.chunks(bytes)) {
                let (found, expected) = (sample(found), sample(expected));
                assert!((found - expected).abs() <= tolerance, "{case}: {found} instead of {expected}");
            }
        }
    }
}

/// Specifications of every layout and type; the ranges reach where 16 bits are subnormal and where they overflow.
fn specifications() -> Vec<TensorSpec> {
    let mut found = Vec::new();
    for color in [TensorColor::Luma, TensorColor::Rgb] {
        for layout in [TensorLayout::Nchw, TensorLayout::Nhwc] {
            for kind in [DataType::F32, DataType::F16] {
                for (block, mean, range) in [(1, 0.45, 1.0), (2, 0.0, 3e-6), (1, 0.1, 70000.0)] {
                    found.push(TensorSpec { color, kind, layout, block, mean, range });
                }
            }
        }
    }
    found
}

#[test]
fn shared_tensors_are_packed_as_others() {
    let Some(mut gpu) = kernels() else { return };
    for depth in [8, 16] {
        // An odd number of elements ends in half a word of 16-bit floats.
        for size in [(34, 18), (35, 17)] {
            let frame = frame(size, PixelFormat::yuv(Subsampling::S420, depth), 3);
            for spec in specifications() {
                if size.0 % spec.block as u32 != 0 {
                    continue;
                }
                let mut copied = Tensor::empty();
                gpu.pack(&frame, whole(&frame), &spec, &mut copied).unwrap();
                let mut packed = gpu.allocate(MemoryPlace::Host, bytes(&copied).len()).unwrap();
                gpu.pack_shared(&frame, whole(&frame), &spec, &mut packed).unwrap();
                assert_eq!((packed.shape(), packed.kind()), (copied.shape, copied.kind()));
                assert_eq!(packed.host_bytes().unwrap(), bytes(&copied), "{depth} bit {size:?} {spec:?}");
            }
        }
    }
}

#[test]
fn shared_tensors_are_unpacked_as_others() {
    let Some(mut gpu) = kernels() else { return };
    let source = frame((32, 18), PixelFormat::YUV420P, 1);
    for tensor in specifications().into_iter().filter(|spec| spec.range < 2.0) {
        let skip = if tensor.color == TensorColor::Luma { Skip::Nearest } else { Skip::None };
        let spec = UnpackSpec { tensor, scale: 2, skip, dither: true };
        let large = frame((64, 36), PixelFormat::YUV420P, 2);
        let mut elements = Tensor::empty();
        gpu.pack(&large, whole(&large), &tensor, &mut elements).unwrap();
        let (mut copied, mut read) = (large.clone(), large.clone());
        gpu.unpack(elements.view(), &spec, &source, &mut copied).unwrap();
        let elements = shared(&mut gpu, &elements);
        read.planes_mut().iter_mut().for_each(|plane| plane.buffer.bytes_mut().fill(0));
        gpu.unpack_shared(&elements, &spec, &source, &mut read).unwrap();
        let planes = if tensor.color == TensorColor::Luma { 1 } else { 3 };
        for (read, copied) in read.planes().iter().zip(copied.planes()).take(planes) {
            assert!(read.rows().eq(copied.rows()), "{spec:?}");
        }
    }
}

#[test]
fn shared_tiles_are_blended_as_others() {
    let Some(mut gpu) = kernels() else { return };
    let place = TilePlace { x: 5, y: -2, left: Some((2, 4)), right: None, top: None, bottom: Some((9, 3)) };
    for kind in [DataType::F32, DataType::F16] {
        let spec = TensorSpec {
            color: TensorColor::Rgb,
            kind,
            layout: TensorLayout::Nchw,
            block: 1,
            mean: 0.0,
            range: 1.0,
        };
        let frame = frame((22, 14), PixelFormat::yuv(Subsampling::S444, 8), 0);
        let (mut tile, mut canvas) = (Tensor::empty(), Tensor::empty());
        gpu.pack(&frame, whole(&frame), &spec, &mut tile).unwrap();
        canvas.clear([3, 20, 40], TensorLayout::Nchw);
        let mut sums = gpu.allocate(MemoryPlace::Host, bytes(&canvas).len()).unwrap();
        gpu.clear_shared(canvas.shape, canvas.layout, &mut sums).unwrap();
        let elements = shared(&mut gpu, &tile);
        for _ in 0..2 {
            gpu.blend_tile(tile.view(), &place, &mut canvas).unwrap();
            gpu.blend_tile_shared(&elements, &place, &mut sums).unwrap();
        }
        assert_eq!(sums.host_bytes().unwrap(), bytes(&canvas), "{kind}");
        assert!(bytes(&canvas).iter().any(|byte| *byte != 0));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let Some(mut gpu) = kernels() else { return };
    let frame = frame((16, 16), PixelFormat::YUV420P, 0);
    let spec = specifications()[0];
    let mut small = gpu.allocate(MemoryPlace::Host, 100).unwrap();
    let error = gpu.pack_shared(&frame, whole(&frame), &spec, &mut small).unwrap_err().to_string();
    assert!(error.contains("memory for [1, 16, 16]"), "{error}");
    let spec = TensorSpec { kind: DataType::U8, ..spec };
    let error = gpu.pack_shared(&frame, whole(&frame), &spec, &mut small).unwrap_err().to_string();
    assert!(error.contains("f32 or f16"), "{error}");
    // No machine has so many devices.
    let error = gpu.allocate(MemoryPlace::Cuda(31), 4).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, KernelError::Unavailable { .. }) && text.contains("CUDA device 31: "), "{text}");
    assert!(gpu.without_sharing().shared().is_none());
    assert!(CpuKernels::new().shared().is_none());
}

fn model(name: &str) -> Model {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/models/{name}.onnx"));
    Model::open(if file.exists() { file.to_str().unwrap() } else { name }, None).unwrap()
}

/// The values of `tensor`, as f32.
fn values(tensor: &SharedTensor) -> Vec<f32> {
    let bytes = tensor.host_bytes().unwrap();
    match tensor.kind() {
        DataType::F32 => bytemuck::cast_slice(bytes).to_vec(),
        DataType::F16 => {
            bytemuck::cast_slice::<u8, half::f16>(bytes).iter().map(|value| value.to_f32()).collect()
        }
        DataType::U8 => panic!("bytes"),
    }
}

/// Nobody but the network knows the memory, so what it gives shows what it saw there, run by run.
#[test]
fn networks_read_and_write_the_memory_itself() {
    let Some(mut gpu) = kernels() else { return };
    let runtime = Runtime::load(None).unwrap();
    for (name, kind) in [("luma-blur", DataType::F32), ("luma-identity-f16", DataType::F16)] {
        let mut session = Session::new(&runtime, &model(name), Execution::CPU, 1, [1, 8, 8]).unwrap();
        assert_eq!(session.memory_place(), Ok(Some(MemoryPlace::Host)));
        let mut input = gpu.allocate(MemoryPlace::Host, 256).unwrap();
        let mut output = gpu.allocate(MemoryPlace::Host, 256).unwrap();
        assert!(input.reset([1, 8, 8], TensorLayout::Nchw, kind));
        for value in [0.25f32, 0.75] {
            let host = input.host_bytes_mut().unwrap();
            match kind {
                DataType::F32 => bytemuck::cast_slice_mut(host).fill(value),
                _ => bytemuck::cast_slice_mut(host).fill(half::f16::from_f32(value)),
            }
            session.run_shared(&input, &mut output, [1, 8, 8], SharedRun::default()).unwrap();
            assert_eq!((output.shape(), output.kind()), ([1, 8, 8], kind));
            // Away from the edges, a blur leaves a plain picture as it is.
            let inside = values(&output)[3 * 8 + 3];
            assert!((inside - value).abs() < 1e-3, "{name}: {inside} instead of {value}");
        }
        let error = session
            .run_shared(&input, &mut output, [1, 64, 64], SharedRun::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains("memory for an output"), "{error}");
    }
}

/// Frames and notes of an upscaler with these kernels.
fn enlarge(
    name: &str,
    tile: Option<usize>,
    kernels: Box<dyn Kernels>,
    frames: &[Frame],
) -> (Vec<Frame>, Vec<String>) {
    let runtime = Runtime::load(None).unwrap();
    let model = model(name);
    let info = &frames[0].info;
    let options = UpscalerOptions {
        model: &model,
        execution: Execution::CPU,
        threads: 1,
        size: (info.width, info.height),
        tile,
        dither: false,
        reuse: false,
    };
    let mut upscaler = Upscaler::new(&runtime, &options, kernels, BufferPool::new()).unwrap();
    let made = frames.iter().map(|frame| upscaler.process(frame).unwrap()).collect();
    (made, upscaler.running().report().notes)
}

#[test]
fn pictures_are_the_same_with_and_without_copies() {
    let Some(gpu) = kernels() else { return };
    drop(gpu);
    let gpu = || GpuKernels::new().unwrap();
    // In one piece, in tiles, in colour, and of 16-bit floats.
    for (name, tile, depth) in [
        ("live-x2", None, 8),
        ("live-x2", Some(64), 10),
        ("rgb-nearest-x2", Some(64), 8),
        ("luma-identity-f16", None, 8),
        ("luma-identity-f16", Some(64), 8),
    ] {
        let format = PixelFormat::yuv(Subsampling::S420, depth);
        let frames: Vec<_> = (0..4).map(|time| frame((150, 90), format, time)).collect();
        let (shared, notes) = enlarge(name, tile, Box::new(gpu()), &frames);
        assert_eq!(notes, ["tensors: shared with the network in host memory"], "{name}");
        let (copied, notes) = enlarge(name, tile, Box::new(gpu().without_sharing()), &frames);
        assert_eq!(notes, [""; 0], "{name}");
        let (on_processor, _) = enlarge(name, tile, Box::new(CpuKernels::new()), &frames);
        for ((shared, copied), on_processor) in shared.iter().zip(&copied).zip(&on_processor) {
            assert_same(shared, copied, 0, name);
            assert_same(shared, on_processor, 1, name);
        }
        assert!(!shared[2].planes()[0].rows().eq(shared[3].planes()[0].rows()), "{name}");
    }
}

#[test]
fn what_cannot_be_shared_is_copied_and_told() {
    let Some(gpu) = kernels() else { return };
    let frames: Vec<_> = (0..3).map(|time| frame((48, 32), PixelFormat::YUV420P, time)).collect();
    let (made, notes) = enlarge("bytes-nhwc-x2", None, Box::new(gpu), &frames);
    assert!(notes[0].starts_with("tensors: copied through host memory, because ") && notes[0].contains("u8"));
    let (expected, _) = enlarge("bytes-nhwc-x2", None, Box::new(CpuKernels::new()), &frames);
    for (made, expected) in made.iter().zip(&expected) {
        assert_same(made, expected, 1, "bytes");
    }
}

/// Every 16-bit float there is goes to 32 bits and back.
#[test]
fn every_half_becomes_the_number_that_it_is() {
    let Some(mut gpu) = kernels() else { return };
    let finite = |bits: &u16| half::f16::from_bits(*bits).is_finite();
    let halves: Vec<half::f16> = (0..=u16::MAX).filter(finite).map(half::f16::from_bits).collect();
    let shape = [1, 1, halves.len()];
    let tile = Tensor { shape, layout: TensorLayout::Nchw, data: TensorData::F16(halves.clone()) };
    let tile = shared(&mut gpu, &tile);
    let mut canvas = gpu.allocate(MemoryPlace::Host, 4 * halves.len()).unwrap();
    gpu.clear_shared(shape, TensorLayout::Nchw, &mut canvas).unwrap();
    let place = TilePlace { x: 0, y: 0, left: None, right: None, top: None, bottom: None };
    gpu.blend_tile_shared(&tile, &place, &mut canvas).unwrap();
    for (found, expected) in values(&canvas).iter().zip(&halves) {
        assert!((found - expected.to_f32()).abs() <= 0.0, "{found} instead of {expected}");
    }
}
