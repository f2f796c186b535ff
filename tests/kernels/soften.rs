//! Detail is taken away from where it is not trusted, against a reference in f64.

use crate::support::{backends, color, frame_of, samples};
use framecast::error::KernelError;
use framecast::frame::{
    Frame, Matrix, MotionField, PixelFormat, Range, Sharpness, Siting, StillMask, Subsampling,
};
use framecast::kernel::cpu::CpuKernels;
use framecast::kernel::{Composition, Kernels};

const SOURCE: (u32, u32) = (52, 36);
const SIDE: usize = 8;

fn noise(plane: usize, x: usize, y: usize) -> u32 {
    let mix = (x as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ (y as u64 + 1).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    ((mix ^ (plane as u64) << 7).wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 40) as u32
}

fn picture(format: PixelFormat, size: (u32, u32)) -> Frame {
    frame_of(size, format, color(Matrix::Bt709, Range::Limited, Siting::Left), |plane, x, y| {
        noise(plane, x, y) & ((1 << format.depth) - 1)
    })
}

fn sharpness(value: impl Fn(usize) -> f32) -> Sharpness {
    let mut sharpness = Sharpness::default();
    sharpness.reshape(SOURCE, SIDE);
    sharpness.values.iter_mut().enumerate().for_each(|(index, out)| *out = value(index));
    sharpness
}

/// `frame` again, composed without motion.
fn soften(
    kernels: &mut dyn Kernels,
    frame: &Frame,
    sharpness: &Sharpness,
    still: Option<&StillMask>,
) -> Result<Frame, KernelError> {
    let field = MotionField::still(SOURCE, 4);
    let mut out = frame.clone();
    let sharpness = Some(sharpness);
    let composition = Composition { field: &field, first: frame, other: frame, gate: None, still, sharpness };
    kernels.compose(&composition, &mut out).map(|()| out)
}

/// Where sample `index` lies among blocks, 0 at the first one's centre; `position` is a chroma sample's among its `block`
/// luma samples, from 0 (the first one's place) to 1.
fn place(index: usize, block: f64, position: f64, per_luma: f64) -> f64 {
    (index as f64 * block + position * (block - 1.0) + 0.5) * per_luma - 0.5
}

/// Plane `plane` of `frame`, softened, in f64.
fn reference(frame: &Frame, plane: usize, sharpness: &Sharpness) -> Vec<f64> {
    let info = &frame.info;
    let shifts = info.format.subsampling();
    let chroma = plane > 0;
    let (width, height) = info.format.plane_size(plane, info.width, info.height);
    let axis = |samples: u32, blocks: usize, shift: u8, position: f64, luma: u32, source: u32| -> Vec<f64> {
        let block = if chroma { f64::from(1u32 << shift) } else { 1.0 };
        let per_luma = f64::from(source) / f64::from(luma) / SIDE as f64;
        let last = blocks as f64 - 1.0;
        (0..samples as usize).map(|i| place(i, block, position, per_luma).clamp(0.0, last)).collect()
    };
    // Left-sited chroma lies on the first luma sample across and between two down.
    let across = axis(width, sharpness.width, shifts.x, 0.0, info.width, SOURCE.0);
    let down =
        axis(height, sharpness.height, shifts.y, if chroma { 0.5 } else { 0.0 }, info.height, SOURCE.1);
    let values = samples(&frame.planes()[plane]);
    let nearest = |place: f64| (place + 0.5).floor() as usize;
    let mut sums = vec![(0.0, 0.0); sharpness.width * sharpness.height];
    for (y, row) in down.iter().enumerate() {
        for (x, column) in across.iter().enumerate() {
            let block = nearest(*row).min(sharpness.height - 1) * sharpness.width
                + nearest(*column).min(sharpness.width - 1);
            sums[block].0 += f64::from(values[y * width as usize + x]);
            sums[block].1 += 1.0;
        }
    }
    let bilinear = |value: &dyn Fn(usize) -> f64, x: f64, y: f64| {
        let (left, top) = (x.floor() as usize, y.floor() as usize);
        let (right, bottom) = ((left + 1).min(sharpness.width - 1), (top + 1).min(sharpness.height - 1));
        let row = |y: usize| {
            let [a, b] = [left, right].map(|x| value(y * sharpness.width + x));
            a + (x - x.floor()) * (b - a)
        };
        row(top) + (y - y.floor()) * (row(bottom) - row(top))
    };
    let mut out = Vec::new();
    for (y, row) in down.iter().enumerate() {
        for (x, column) in across.iter().enumerate() {
            let mean = bilinear(&|block| sums[block].0 / sums[block].1, *column, *row);
            let sharp = bilinear(&|block| f64::from(sharpness.values[block]), *column, *row);
            out.push(mean + sharp * (f64::from(values[y * width as usize + x]) - mean));
        }
    }
    out
}

#[test]
fn softened_frames_are_the_references() {
    for (subsampling, depth, size) in [
        (Subsampling::S420, 8, SOURCE),
        (Subsampling::S420, 10, (104, 72)),
        (Subsampling::S422, 8, (78, 54)),
        (Subsampling::S444, 12, SOURCE),
    ] {
        let before = picture(PixelFormat::yuv(subsampling, depth), size);
        let sharpness = sharpness(|index| [1.0, 0.0, 0.3, 0.8, 0.55][index % 5]);
        for mut kernels in backends() {
            let after = soften(kernels.as_mut(), &before, &sharpness, None).unwrap();
            for plane in 0..3 {
                let found = samples(&after.planes()[plane]);
                let expected = reference(&before, plane, &sharpness);
                assert_eq!(found.len(), expected.len());
                let errors = found.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs());
                let worst = errors.fold(0.0, f64::max);
                assert!(worst < 0.51, "{subsampling:?} of {depth} bits, {size:?}, plane {plane}: {worst}");
            }
        }
    }
}

#[test]
fn what_is_trusted_or_still_stays_bit_for_bit() {
    let before = picture(PixelFormat::yuv(Subsampling::S420, 8), SOURCE);
    let mut still = StillMask::default();
    still.reshape(SOURCE.0 as usize, SOURCE.1 as usize);
    still.values.iter_mut().enumerate().for_each(|(i, v)| *v = if i % 52 < 26 { 255 } else { 0 });
    for mut kernels in backends() {
        let after = soften(kernels.as_mut(), &before, &sharpness(|_| 1.0), None).unwrap();
        assert!((0..3).all(|plane| samples(&after.planes()[plane]) == samples(&before.planes()[plane])));

        let after = soften(kernels.as_mut(), &before, &sharpness(|_| 0.0), Some(&still)).unwrap();
        for (plane, columns) in [(0, 52), (1, 26), (2, 26)] {
            let [before, after] = [&before, &after].map(|frame| samples(&frame.planes()[plane]));
            let equal = |from: usize, to: usize| {
                let rows = before.chunks(columns).zip(after.chunks(columns));
                rows.map(|(a, b)| a[from..to] == b[from..to]).collect::<Vec<_>>()
            };
            assert!(equal(0, columns / 2).iter().all(|equal| *equal), "plane {plane}");
            assert!(equal(columns / 2, columns).iter().all(|equal| !*equal), "plane {plane}");
        }
    }
}

/// A plain picture whose one block is as large as itself stays what it is when it is softened.
fn assert_plain_stays((size, value): (u32, u32), kernels: &mut dyn Kernels) {
    let source = (8, 8);
    let plain = frame_of(
        (size, size),
        PixelFormat::yuv(Subsampling::S444, 16),
        color(Matrix::Bt709, Range::Full, Siting::Left),
        |_, _, _| value,
    );
    let mut half = Sharpness::default();
    half.reshape(source, SIDE);
    half.values.fill(0.5);
    let field = MotionField::still(source, 4);
    let mut out = plain.clone();
    let (first, other, sharpness) = (&plain, &plain, Some(&half));
    let composition = Composition { field: &field, first, other, gate: None, still: None, sharpness };
    kernels.compose(&composition, &mut out).unwrap();
    for plane in out.planes() {
        let furthest = samples(plane).iter().map(|sample| sample.abs_diff(value)).max();
        assert_eq!(furthest, Some(0), "{size}x{size} of {value}");
    }
}

#[test]
fn large_blocks_of_deep_samples_keep_their_mean() {
    for mut kernels in backends() {
        assert_plain_stays((240, 65_407), kernels.as_mut());
    }
    // Software drivers leave loops over so many samples, so that shaders cannot be tried here.
    for mut kernels in [CpuKernels::new(), CpuKernels::portable()] {
        assert_plain_stays((300, 65_535), &mut kernels);
    }
}

#[test]
fn sharpness_for_another_size_is_an_error() {
    let frame = picture(PixelFormat::yuv(Subsampling::S420, 8), SOURCE);
    let mut short = sharpness(|_| 0.5);
    short.values.pop();
    let mut other = Sharpness::default();
    other.reshape((8, 8), SIDE);
    for mut kernels in backends() {
        for sharpness in [&short, &other, &Sharpness::default()] {
            let found = soften(kernels.as_mut(), &frame, sharpness, None).map(drop);
            assert!(matches!(found, Err(KernelError::Shape { operation: "compose", .. })), "{found:?}");
        }
    }
}
