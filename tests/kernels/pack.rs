//! Samples to tensors.

use crate::reference;
use crate::support::{
    SIZES, assert_close, backends, color, colors, elements, formats, noise_frame, spec, whole,
};
use framecast::error::KernelError;
use framecast::frame::{
    DataType, Frame, Matrix, PixelFormat, Range, Siting, Subsampling, Tensor, TensorLayout,
};
use framecast::kernel::{Kernels, Region, TensorColor, TensorSpec};

/// Relative to the largest value of the tensor.
const TOLERANCE: f64 = 1e-5;

fn check(kernels: &mut dyn Kernels, frame: &Frame, region: Region, spec: &TensorSpec, tolerance: f64) {
    let mut out = Tensor::empty();
    kernels.pack(frame, region, spec, &mut out).unwrap();
    assert_eq!(out.shape, spec.shape(region.width, region.height));
    assert_eq!((out.layout, out.kind()), (spec.layout, spec.kind));
    let case = format!("{} {} {:?} {region:?} {spec:?}", kernels.name(), frame.info.format, frame.info.color);
    let scale = f64::from(spec.range);
    let unit = |values: Vec<f64>| values.into_iter().map(|value| value / scale).collect::<Vec<_>>();
    let expected = unit(reference::pack(frame, region, spec));
    assert_close(&unit(elements(&out)), &expected, tolerance, &case);
}

#[test]
fn luma_of_every_format() {
    for mut kernels in backends() {
        for format in formats() {
            for size in SIZES {
                let frame = noise_frame(size, format, color(Matrix::Bt709, Range::Limited, Siting::Left));
                for block in [1, 2, 3, 4] {
                    let spec = spec(TensorColor::Luma, block);
                    check(kernels.as_mut(), &frame, whole(&frame, block), &spec, TOLERANCE);
                }
            }
        }
    }
}

#[test]
fn rgb_of_every_format() {
    for mut kernels in backends() {
        for format in formats() {
            for size in SIZES {
                let frame = noise_frame(size, format, color(Matrix::Bt709, Range::Limited, Siting::Left));
                let spec = spec(TensorColor::Rgb, 1);
                check(kernels.as_mut(), &frame, whole(&frame, 1), &spec, TOLERANCE);
            }
        }
    }
}

#[test]
fn rgb_of_every_colour() {
    for mut kernels in backends() {
        for color in colors() {
            for depth in [8, 10] {
                let frame = noise_frame((38, 26), PixelFormat::yuv(Subsampling::S420, depth), color);
                let spec = TensorSpec { mean: 0.5, range: 255.0, ..spec(TensorColor::Rgb, 2) };
                check(kernels.as_mut(), &frame, whole(&frame, 2), &spec, TOLERANCE);
            }
        }
    }
}

#[test]
fn regions_inside_across_and_beside_the_picture() {
    for mut kernels in backends() {
        let frame =
            noise_frame((61, 45), PixelFormat::YUV420P, color(Matrix::Bt601, Range::Full, Siting::Left));
        for (x, y) in [(0, 0), (5, 7), (-3, -9), (50, 40), (-40, 3), (70, 60), (-1000, 1000)] {
            for color in [TensorColor::Luma, TensorColor::Rgb] {
                let region = Region { x, y, width: 24, height: 16 };
                check(kernels.as_mut(), &frame, region, &spec(color, 2), TOLERANCE);
            }
        }
        let around = Region { x: -10, y: -6, width: 80, height: 60 };
        check(kernels.as_mut(), &frame, around, &spec(TensorColor::Rgb, 4), TOLERANCE);
    }
}

#[test]
fn half_precision() {
    for mut kernels in backends() {
        let frame = noise_frame(
            (62, 46),
            PixelFormat::yuv(Subsampling::S422, 10),
            color(Matrix::Bt2020, Range::Limited, Siting::TopLeft),
        );
        for color in [TensorColor::Luma, TensorColor::Rgb] {
            let spec = TensorSpec { kind: DataType::F16, ..spec(color, 2) };
            check(kernels.as_mut(), &frame, whole(&frame, 2), &spec, 1.0 / 1024.0);
        }
    }
}

#[test]
fn every_order_of_axes_and_channels() {
    for mut kernels in backends() {
        for (format, size) in [(PixelFormat::YUV420P, (61, 45)), (PixelFormat::gray(10), (24, 18))] {
            let frame = noise_frame(size, format, color(Matrix::Bt709, Range::Limited, Siting::Left));
            for color in [TensorColor::Luma, TensorColor::Rgb, TensorColor::Bgr] {
                for layout in [TensorLayout::Nchw, TensorLayout::Nhwc] {
                    for block in [1, 2, 3] {
                        let spec = TensorSpec { layout, mean: 1.0, range: 2.0, ..spec(color, block) };
                        check(kernels.as_mut(), &frame, whole(&frame, block), &spec, TOLERANCE);
                    }
                }
            }
        }
    }
}

#[test]
fn bytes_are_rounded_and_clamped() {
    for mut kernels in backends() {
        // Limited range has codes below black and above white, which bytes cannot hold.
        let frame =
            noise_frame((62, 46), PixelFormat::YUV420P, color(Matrix::Bt709, Range::Limited, Siting::Left));
        for color in [TensorColor::Luma, TensorColor::Rgb, TensorColor::Bgr] {
            for layout in [TensorLayout::Nchw, TensorLayout::Nhwc] {
                let spec = TensorSpec { kind: DataType::U8, range: 255.0, layout, ..spec(color, 1) };
                check(kernels.as_mut(), &frame, whole(&frame, 1), &spec, 0.501 / 255.0);
            }
        }
    }
}

#[test]
fn a_region_that_is_no_multiple_of_the_block_is_refused() {
    for mut kernels in backends() {
        let frame =
            noise_frame((18, 16), PixelFormat::YUV420P, color(Matrix::Bt709, Range::Limited, Siting::Left));
        let region = Region { x: 0, y: 0, width: 18, height: 15 };
        let error = kernels.pack(&frame, region, &spec(TensorColor::Luma, 2), &mut Tensor::empty());
        assert!(matches!(error, Err(KernelError::Shape { operation: "pack", .. })));
    }
}
