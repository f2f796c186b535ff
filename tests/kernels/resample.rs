//! Planes to planes of another size, place or depth.

use crate::reference;
use crate::support::{assert_rounded, backends, color, frame_of, noise_frame, samples};
use framecast::error::KernelError;
use framecast::frame::{Frame, Matrix, PixelFormat, Range, Siting};
use framecast::kernel::{Axis, Filter, Kernels, ResamplePlan};

fn gray(size: (usize, usize), depth: u8) -> Frame {
    let color = color(Matrix::Bt709, Range::Limited, Siting::Left);
    noise_frame((size.0 as u32, size.1 as u32), PixelFormat::gray(depth), color)
}

fn check(
    kernels: &mut dyn Kernels,
    axes: (Axis, Axis),
    filter: Filter,
    depths: (u8, u8),
    full_range: bool,
    dither: bool,
) {
    let (horizontal, vertical) = axes;
    let plan = ResamplePlan::new(horizontal, vertical, filter, depths, full_range, dither);
    let source = gray(plan.source, depths.0);
    let mut out = gray(plan.output, depths.1);
    kernels.resample(&plan, &source.planes()[0], &mut out.planes_mut()[0]).unwrap();
    let gain = if full_range {
        (2f64.powi(depths.1.into()) - 1.0) / (2f64.powi(depths.0.into()) - 1.0)
    } else {
        2f64.powi(i32::from(depths.1) - i32::from(depths.0))
    };
    let exact = reference::resample(&source.planes()[0], &horizontal, &vertical, filter, gain);
    let case = format!("{} {axes:?} {filter:?} {depths:?} {full_range} {dither}", kernels.name());
    assert_rounded(&samples(&out.planes()[0]), &exact, plan.output_max(), &case);
}

#[test]
fn every_filter_and_ratio() {
    for mut kernels in backends() {
        for filter in [Filter::Lanczos3, Filter::CatmullRom, Filter::Bilinear] {
            for (source, output) in [
                ((40, 30), (80, 60)),
                ((41, 31), (123, 124)),
                ((40, 30), (60, 45)),
                ((90, 70), (45, 35)),
                ((321, 181), (100, 97)),
                ((33, 17), (33, 34)),
                ((3, 2), (300, 200)),
                ((1, 1), (2, 2)),
                ((2, 2), (1, 1)),
                ((1, 1), (1, 1)),
            ] {
                let axes = (Axis::luma(source.0, output.0), Axis::luma(source.1, output.1));
                check(kernels.as_mut(), axes, filter, (8, 8), false, false);
            }
        }
    }
}

#[test]
fn every_siting_of_chroma() {
    for mut kernels in backends() {
        for (from, to) in [(0.0, 0.0), (0.5, 0.5), (0.0, 0.5), (1.0, 0.0)] {
            for step in [0.5, 1.0, 2.0] {
                let output = (36.0 / step) as usize;
                let axis = Axis::chroma(36, output, step, (1, from), (1, to));
                check(kernels.as_mut(), (axis, axis), Filter::Lanczos3, (8, 8), false, false);
                let to_444 = Axis::chroma(36, 2 * output, step, (1, from), (0, 0.0));
                check(kernels.as_mut(), (to_444, axis), Filter::CatmullRom, (10, 10), false, false);
            }
        }
    }
}

#[test]
fn every_change_of_depth() {
    for mut kernels in backends() {
        for depths in [(8, 8), (8, 10), (10, 8), (10, 10), (12, 16), (16, 12), (16, 8), (16, 16), (9, 14)] {
            for full_range in [false, true] {
                let doubled = (Axis::luma(37, 74), Axis::luma(23, 46));
                check(kernels.as_mut(), doubled, Filter::Lanczos3, depths, full_range, false);
                let same = (Axis::luma(37, 37), Axis::luma(23, 23));
                check(kernels.as_mut(), same, Filter::Lanczos3, depths, full_range, false);
            }
        }
    }
}

#[test]
fn an_identity_is_exact() {
    for mut kernels in backends() {
        for depth in [8, 10, 16] {
            let source = gray((321, 181), depth);
            let mut out = gray((321, 181), depth);
            out.planes_mut()[0].buffer.bytes_mut().fill(0);
            let axes = (Axis::luma(321, 321), Axis::luma(181, 181));
            let plan = ResamplePlan::new(axes.0, axes.1, Filter::Lanczos3, (depth, depth), false, false);
            assert!(plan.is_copy());
            kernels.resample(&plan, &source.planes()[0], &mut out.planes_mut()[0]).unwrap();
            assert_eq!(samples(&out.planes()[0]), samples(&source.planes()[0]), "{}", kernels.name());
        }
    }
}

#[test]
fn dither_keeps_the_mean_when_depth_shrinks() {
    for mut kernels in backends() {
        let color = color(Matrix::Bt709, Range::Limited, Siting::Left);
        let axes = (Axis::luma(64, 64), Axis::luma(64, 64));
        let plan = ResamplePlan::new(axes.0, axes.1, Filter::Lanczos3, (10, 8), false, true);
        for level in [401, 402, 403] {
            let source = frame_of((64, 64), PixelFormat::gray(10), color, |_, _, _| level);
            let mut out = gray((64, 64), 8);
            kernels.resample(&plan, &source.planes()[0], &mut out.planes_mut()[0]).unwrap();
            let mean = f64::from(samples(&out.planes()[0]).iter().sum::<u32>()) / 4096.0;
            assert!((mean - f64::from(level) / 4.0).abs() < 1.0 / 64.0, "{}: {mean}", kernels.name());
        }
    }
}

#[test]
fn planes_that_do_not_fit_are_refused() {
    for mut kernels in backends() {
        let axes = (Axis::luma(20, 40), Axis::luma(10, 20));
        let plan = ResamplePlan::new(axes.0, axes.1, Filter::Lanczos3, (8, 8), false, false);
        for (source, depth) in [((21, 10), 8), ((20, 10), 10)] {
            let source = gray(source, depth);
            let mut out = gray((40, 20), 8);
            let error = kernels.resample(&plan, &source.planes()[0], &mut out.planes_mut()[0]);
            assert!(matches!(error, Err(KernelError::Shape { operation: "resample", .. })));
        }
    }
}
