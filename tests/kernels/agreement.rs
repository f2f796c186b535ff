//! The GPU backend against the CPU backend, dither included.

use crate::compose;
use crate::support::{assert_close, color, elements, gpu, noise_frame, noise_tensor, samples, spec, whole};
use framecast::frame::{Frame, Matrix, PixelFormat, Plane, Range, Siting, Subsampling, Tensor};
use framecast::kernel::cpu::CpuKernels;
use framecast::kernel::{
    Axis, Composition, Filter, Kernels, ResamplePlan, Skip, TensorColor, TensorLayout, TensorSpec, UnpackSpec,
};

/// No sample differs by more than 1, and hardly any by that: where the exact value lies at half a code value.
fn assert_same(actual: &Plane, expected: &Plane, case: &str) {
    assert_near(actual, expected, 0.01, case);
}

/// No sample differs by more than 1, and the mean difference is less than `most`.
fn assert_near(actual: &Plane, expected: &Plane, most: f64, case: &str) {
    let (actual, expected) = (samples(actual), samples(expected));
    let differences: Vec<_> = actual.iter().zip(&expected).map(|(a, e)| a.abs_diff(*e)).collect();
    let largest = differences.iter().max().unwrap();
    let mean = f64::from(differences.iter().sum::<u32>()) / differences.len() as f64;
    assert!(*largest <= 1 && mean < most, "{case}: at most {largest}, {mean} on average");
}

fn picture(size: (u32, u32), depth: u8) -> Frame {
    let color = color(Matrix::Bt709, Range::Limited, Siting::Left);
    noise_frame(size, PixelFormat::yuv(Subsampling::S420, depth), color)
}

#[test]
fn packed_tensors_agree() {
    let Some(mut gpu) = gpu() else { return };
    let mut cpu = CpuKernels::new();
    for depth in [8, 10] {
        let frame = picture((322, 182), depth);
        for color in [TensorColor::Luma, TensorColor::Rgb, TensorColor::Bgr] {
            for layout in [TensorLayout::Nchw, TensorLayout::Nhwc] {
                let spec = TensorSpec { layout, ..spec(color, 2) };
                let (mut actual, mut expected) = (Tensor::empty(), Tensor::empty());
                gpu.pack(&frame, whole(&frame, 2), &spec, &mut actual).unwrap();
                cpu.pack(&frame, whole(&frame, 2), &spec, &mut expected).unwrap();
                let case = format!("{depth} bit {spec:?}");
                assert_close(&elements(&actual), &elements(&expected), 1e-5, &case);
            }
        }
    }
}

#[test]
fn unpacked_frames_agree() {
    let Some(mut gpu) = gpu() else { return };
    let mut cpu = CpuKernels::new();
    for depth in [8, 10] {
        let source = picture((161, 91), depth);
        for (color, skip, low) in
            [(TensorColor::Luma, Skip::Nearest, -0.1), (TensorColor::Rgb, Skip::None, 0.9)]
        {
            for dither in [false, true] {
                let spec = UnpackSpec { tensor: spec(color, 2), scale: 2, skip, dither };
                let tensor = noise_tensor(spec.tensor.shape(322, 182), low, low + 0.2);
                let mut actual = picture((322, 182), depth);
                let mut expected = actual.clone();
                gpu.unpack(tensor.view(), &spec, &source, &mut actual).unwrap();
                cpu.unpack(tensor.view(), &spec, &source, &mut expected).unwrap();
                for (actual, expected) in actual.planes().iter().zip(expected.planes()) {
                    assert_same(actual, expected, &format!("{depth} bit {spec:?}"));
                }
            }
        }
    }
}

#[test]
fn resampled_planes_agree() {
    let Some(mut gpu) = gpu() else { return };
    let mut cpu = CpuKernels::new();
    for (depths, dither) in [((8, 8), false), ((10, 8), false), ((10, 8), true), ((16, 12), true)] {
        for (width, height) in [(640, 360), (480, 270), (160, 90)] {
            let (horizontal, vertical) = (Axis::luma(320, width), Axis::luma(180, height));
            let plan = ResamplePlan::new(horizontal, vertical, Filter::Lanczos3, depths, false, dither);
            let source = picture((320, 180), depths.0);
            let mut actual = picture((width as u32, height as u32), depths.1);
            let mut expected = actual.clone();
            gpu.resample(&plan, &source.planes()[0], &mut actual.planes_mut()[0]).unwrap();
            cpu.resample(&plan, &source.planes()[0], &mut expected.planes_mut()[0]).unwrap();
            let case = format!("{depths:?} to {width} x {height}, dither {dither}");
            assert_same(&actual.planes()[0], &expected.planes()[0], &case);
        }
    }
}

/// The compositions of every kind of motion, gated and masked; the frames that two backends make of each.
fn compare_composed(
    actual: &mut dyn Kernels,
    expected: &mut dyn Kernels,
    compare: impl Fn(&Plane, &Plane, &str),
) {
    for depth in [8, 10, 16] {
        for (scale, reach, roughness) in [(1, 5.0, 0.2), (2, 12.0, 1.0), (3, 2.0, 0.0), (1, 40.0, 40.0)] {
            let source = (161, 91);
            let color = color(Matrix::Bt709, Range::Limited, Siting::Left);
            let format = PixelFormat::yuv(Subsampling::S420, depth);
            let [first, other] = compose::pair((source.0 * scale, source.1 * scale), format, color);
            let field = compose::waves(source, 4, reach, roughness);
            let (gate, mask) = (compose::opening(&field), compose::blots(source));
            let composition = Composition {
                field: &field,
                first: &first,
                other: &other,
                gate: Some(&gate),
                still: Some(&mask),
                sharpness: Some(&compose::patches(source)),
            };
            let frames = [composed(actual, &composition), composed(expected, &composition)];
            for (actual, expected) in frames[0].planes().iter().zip(frames[1].planes()) {
                compare(actual, expected, &format!("{depth} bit times {scale}, {reach}"));
            }
        }
    }
}

fn composed(kernels: &mut dyn Kernels, composition: &Composition<'_>) -> Frame {
    let mut out = composition.first.clone();
    kernels.compose(composition, &mut out).unwrap();
    out
}

#[test]
fn composed_frames_agree() {
    let Some(mut gpu) = gpu() else { return };
    // In fixed point each of up to seven interpolations rounds, to a 32nd of a code value for 10 bits, and these are noise.
    let compare = |actual: &Plane, expected: &Plane, case: &str| assert_near(actual, expected, 0.02, case);
    compare_composed(gpu.as_mut(), &mut CpuKernels::new(), compare);
}

#[test]
fn instructions_do_not_change_composed_frames() {
    let compare = |actual: &Plane, expected: &Plane, case: &str| {
        // Deep samples are composed in floats, whose operations the compiler may join.
        if case.starts_with("16") {
            assert_same(actual, expected, case);
        } else {
            assert_eq!(samples(actual), samples(expected), "{case}");
        }
    };
    compare_composed(&mut CpuKernels::new(), &mut CpuKernels::portable(), compare);
}
