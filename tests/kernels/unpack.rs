//! Tensors to samples, and there and back.

use crate::reference;
use crate::support::{
    SIZES, assert_rounded, backends, color, colors, formats, frame_of, noise_frame, noise_tensor, samples,
    spec, whole,
};
use framecast::error::KernelError;
use framecast::frame::{
    DataType, Frame, Matrix, PixelFormat, Range, Siting, Subsampling, Tensor, TensorData, TensorLayout,
};
use framecast::kernel::{Kernels, Skip, TensorColor, TensorSpec, UnpackSpec};
use half::f16;

const fn plain(tensor: TensorSpec) -> UnpackSpec {
    UnpackSpec { tensor, scale: 1, skip: Skip::None, dither: false }
}

fn check(kernels: &mut dyn Kernels, tensor: &Tensor, spec: &UnpackSpec, source: &Frame, out: &mut Frame) {
    let untouched: Vec<_> = out.planes().iter().map(samples).collect();
    let exact = reference::unpack(tensor, spec, source, out);
    kernels.unpack(tensor.view(), spec, source, out).unwrap();
    let case = format!("{} {} {:?} {spec:?}", kernels.name(), out.info.format, out.info.color);
    for (index, plane) in out.planes().iter().enumerate() {
        let case = format!("{case} plane {index}");
        match exact.get(index) {
            Some(exact) => assert_rounded(&samples(plane), exact, out.info.format.max_value(), &case),
            None => assert_eq!(samples(plane), untouched[index], "{case}"),
        }
    }
}

#[test]
fn luma_of_every_format() {
    for mut kernels in backends() {
        for format in formats() {
            for size in SIZES {
                let color = color(Matrix::Bt709, Range::Limited, Siting::Left);
                let mut out = noise_frame(size, format, color);
                let source = out.clone();
                for block in [1, 2, 3, 4] {
                    let spec = plain(spec(TensorColor::Luma, block));
                    let region = whole(&out, block);
                    let tensor = noise_tensor(spec.tensor.shape(region.width, region.height), -0.1, 1.1);
                    check(kernels.as_mut(), &tensor, &spec, &source, &mut out);
                }
            }
        }
    }
}

#[test]
fn residuals_are_added_to_the_repeated_source() {
    for mut kernels in backends() {
        for (source_depth, depth) in [(8, 8), (10, 10), (16, 16), (8, 10), (10, 8)] {
            for (scale, block) in [(2, 4), (2, 2), (3, 3), (1, 2), (4, 1), (5, 1)] {
                for range in [Range::Limited, Range::Full] {
                    let color = color(Matrix::Bt709, range, Siting::Left);
                    let source = noise_frame((21, 13), PixelFormat::gray(source_depth), color);
                    let size = (21 * scale as u32 - 1, 13 * scale as u32);
                    let mut out = noise_frame(size, PixelFormat::gray(depth), color);
                    let spec = TensorSpec { mean: 7.0, range: 255.0, ..spec(TensorColor::Luma, block) };
                    let spec = UnpackSpec { scale, skip: Skip::Nearest, ..plain(spec) };
                    let region = whole(&out, block);
                    let tensor =
                        noise_tensor(spec.tensor.shape(region.width + block, region.height), -30.0, 30.0);
                    check(kernels.as_mut(), &tensor, &spec, &source, &mut out);
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
                for block in [1, 2] {
                    let color = color(Matrix::Bt709, Range::Limited, Siting::Left);
                    let mut out = noise_frame(size, format, color);
                    let source = out.clone();
                    let spec = plain(spec(TensorColor::Rgb, block));
                    let region = whole(&out, block);
                    let tensor = noise_tensor(spec.tensor.shape(region.width, region.height), 0.0, 1.0);
                    check(kernels.as_mut(), &tensor, &spec, &source, &mut out);
                }
            }
        }
    }
}

#[test]
fn rgb_of_every_colour() {
    for mut kernels in backends() {
        for color in colors() {
            for depth in [8, 10] {
                let mut out = noise_frame((38, 26), PixelFormat::yuv(Subsampling::S420, depth), color);
                let source = out.clone();
                let spec = plain(TensorSpec { mean: 0.5, range: 255.0, ..spec(TensorColor::Rgb, 1) });
                let tensor = noise_tensor([3, 30, 40], -20.0, 270.0);
                check(kernels.as_mut(), &tensor, &spec, &source, &mut out);
            }
        }
    }
}

#[test]
fn half_precision() {
    for mut kernels in backends() {
        let color = color(Matrix::Bt709, Range::Limited, Siting::Left);
        let source = noise_frame((31, 23), PixelFormat::YUV420P, color);
        let mut out = noise_frame((62, 46), PixelFormat::YUV420P, color);
        for (tensor_color, skip) in [(TensorColor::Luma, Skip::Nearest), (TensorColor::Rgb, Skip::None)] {
            let spec = TensorSpec { kind: DataType::F16, ..spec(tensor_color, 2) };
            let tensor = noise_tensor(spec.shape(62, 46), 0.0, 0.7);
            let TensorData::F32(values) = &tensor.data else { unreachable!() };
            let data = TensorData::F16(values.iter().copied().map(f16::from_f32).collect());
            let tensor = Tensor { shape: tensor.shape, layout: TensorLayout::Nchw, data };
            let spec = UnpackSpec { scale: 2, skip, ..plain(spec) };
            check(kernels.as_mut(), &tensor, &spec, &source, &mut out);
        }
    }
}

#[test]
fn every_order_of_axes_and_channels() {
    for mut kernels in backends() {
        for format in [PixelFormat::YUV420P, PixelFormat::gray(10)] {
            let colour = color(Matrix::Bt709, Range::Limited, Siting::Left);
            let mut out = noise_frame((37, 26), format, colour);
            let source = out.clone();
            for color in [TensorColor::Luma, TensorColor::Rgb, TensorColor::Bgr] {
                for layout in [TensorLayout::Nchw, TensorLayout::Nhwc] {
                    for block in [1, 2, 3] {
                        let spec = plain(TensorSpec { layout, mean: 1.0, range: 2.0, ..spec(color, block) });
                        let shape = spec.tensor.shape(42, 30);
                        let tensor = Tensor { layout, ..noise_tensor(shape, -1.2, 1.2) };
                        check(kernels.as_mut(), &tensor, &spec, &source, &mut out);
                    }
                }
            }
        }
    }
}

#[test]
fn bytes() {
    for mut kernels in backends() {
        let colour = color(Matrix::Bt709, Range::Limited, Siting::Left);
        let source = noise_frame((38, 26), PixelFormat::YUV420P, colour);
        let mut out = source.clone();
        for color in [TensorColor::Luma, TensorColor::Bgr] {
            for layout in [TensorLayout::Nchw, TensorLayout::Nhwc] {
                let spec = plain(TensorSpec { kind: DataType::U8, range: 255.0, layout, ..spec(color, 1) });
                let noise = noise_tensor(spec.tensor.shape(38, 26), 0.0, 255.0);
                let mut data = TensorData::U8(vec![0; noise.len()]);
                data.store(noise.as_f32().unwrap());
                let tensor = Tensor { layout, data, shape: noise.shape };
                check(kernels.as_mut(), &tensor, &spec, &source, &mut out);
            }
        }
    }
}

#[test]
fn a_tensor_of_another_layout_is_refused() {
    for mut kernels in backends() {
        let color = color(Matrix::Bt709, Range::Limited, Siting::Left);
        let source = noise_frame((18, 16), PixelFormat::YUV420P, color);
        let mut out = source.clone();
        let tensor = Tensor { layout: TensorLayout::Nhwc, ..Tensor::zeros([3, 16, 18]) };
        let error = kernels.unpack(tensor.view(), &plain(spec(TensorColor::Rgb, 1)), &source, &mut out);
        assert!(error.unwrap_err().to_string().contains("expected NCHW"));
    }
}

#[test]
fn not_a_number_becomes_black() {
    for mut kernels in backends() {
        let color = color(Matrix::Bt709, Range::Limited, Siting::Left);
        let source = noise_frame((18, 16), PixelFormat::gray(8), color);
        let mut out = source.clone();
        let tensor = Tensor {
            shape: [1, 16, 18],
            layout: TensorLayout::Nchw,
            data: TensorData::F32(vec![f32::NAN; 288]),
        };
        kernels.unpack(tensor.view(), &plain(spec(TensorColor::Luma, 1)), &source, &mut out).unwrap();
        assert!(samples(&out.planes()[0]).iter().all(|sample| *sample == 0), "{}", kernels.name());
    }
}

#[test]
fn luma_survives_the_round_trip_bit_by_bit() {
    for mut kernels in backends() {
        for (depth, block) in [(8, 1), (8, 2), (10, 1), (12, 4), (16, 1)] {
            let color = color(Matrix::Bt709, Range::Limited, Siting::Left);
            let format = PixelFormat::gray(depth);
            let frame = frame_of((256, 256), format, color, |_, x, y| {
                (x as u32 + 256 * y as u32) & format.max_value()
            });
            let mut out = noise_frame((256, 256), format, color);
            let spec = spec(TensorColor::Luma, block);
            let mut tensor = Tensor::empty();
            kernels.pack(&frame, whole(&frame, block), &spec, &mut tensor).unwrap();
            kernels.unpack(tensor.view(), &plain(spec), &frame, &mut out).unwrap();
            assert_eq!(samples(&out.planes()[0]), samples(&frame.planes()[0]), "{} {depth}", kernels.name());
        }
    }
}

#[test]
fn rgb_survives_the_round_trip_within_one_code_value() {
    for mut kernels in backends() {
        for color in colors() {
            let frame = noise_frame((64, 64), PixelFormat::yuv(Subsampling::S444, 8), color);
            let mut out = frame_of((64, 64), frame.info.format, color, |_, _, _| 0);
            let spec = spec(TensorColor::Rgb, 1);
            let mut tensor = Tensor::empty();
            kernels.pack(&frame, whole(&frame, 1), &spec, &mut tensor).unwrap();
            kernels.unpack(tensor.view(), &plain(spec), &frame, &mut out).unwrap();
            for (actual, expected) in out.planes().iter().zip(frame.planes()) {
                for (a, e) in samples(actual).into_iter().zip(samples(expected)) {
                    assert!(a.abs_diff(e) <= 1, "{} {color:?}: {a} for {e}", kernels.name());
                }
            }
        }
    }
}

#[test]
fn dither_keeps_the_mean_of_a_flat_picture() {
    for mut kernels in backends() {
        let color = color(Matrix::Bt709, Range::Full, Siting::Left);
        let source = noise_frame((64, 32), PixelFormat::gray(8), color);
        let mut out = source.clone();
        let spec = UnpackSpec { dither: true, ..plain(spec(TensorColor::Luma, 1)) };
        for level in [0.25, 100.0, 100.3, 100.5, 254.75] {
            let tensor = Tensor {
                shape: [1, 32, 64],
                layout: TensorLayout::Nchw,
                data: TensorData::F32(vec![level / 255.0; 2048]),
            };
            kernels.unpack(tensor.view(), &spec, &source, &mut out).unwrap();
            let samples = samples(&out.planes()[0]);
            let mean = f64::from(samples.iter().sum::<u32>()) / 2048.0;
            assert!((mean - f64::from(level)).abs() < 1.0 / 64.0, "{}: {mean} for {level}", kernels.name());
            // The first row and column of the matrix belong to the first sample, which is rounded down most.
            assert_eq!(samples[0], level.floor() as u32, "{}", kernels.name());
        }
    }
}

#[test]
fn tensors_that_do_not_fit_are_refused() {
    for mut kernels in backends() {
        let color = color(Matrix::Bt709, Range::Limited, Siting::Left);
        let source = noise_frame((18, 16), PixelFormat::YUV420P, color);
        let mut out = source.clone();
        let luma = plain(spec(TensorColor::Luma, 1));
        let residual_of_rgb = UnpackSpec { skip: Skip::Nearest, ..plain(spec(TensorColor::Rgb, 1)) };
        for (shape, spec) in [([1, 16, 17], luma), ([3, 16, 18], luma), ([3, 16, 18], residual_of_rgb)] {
            let error = kernels.unpack(Tensor::zeros(shape).view(), &spec, &source, &mut out);
            assert!(matches!(error, Err(KernelError::Shape { operation: "unpack", .. })), "{shape:?}");
        }
    }
}
