//! RGB conversion beside FFmpeg's zscale: every matrix and range, through the kernels and through picture outputs.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use framecast::frame::{
    Color, DataType, Frame, FrameInfo, Matrix, PixelFormat, Range, Siting, Subsampling, Tensor, TensorData,
    TensorLayout,
};
use framecast::kernel::cpu::CpuKernels;
use framecast::kernel::{Kernels, Region, Skip, TensorColor, TensorSpec, UnpackSpec};
use std::path::Path;
use support::{clip, ffmpeg, scratch, succeed};

const WIDTH: usize = 96;
const HEIGHT: usize = 64;

/// Matrix, its name in zscale and in FFmpeg's tags.
const MATRICES: [(Matrix, &str, &str); 3] = [
    (Matrix::Bt601, "170m", "smpte170m"),
    (Matrix::Bt709, "709", "bt709"),
    (Matrix::Bt2020, "2020_ncl", "bt2020nc"),
];
const RANGES: [(Range, &str, &str); 2] = [(Range::Limited, "limited", "tv"), (Range::Full, "full", "pc")];

/// A smooth picture in all colours, so that the taps of chroma interpolation do not matter.
const SOURCE: &str = "testsrc2=s=96x64:r=25:d=0.04,gblur=sigma=5";

/// The samples that FFmpeg makes of `input` by `filter`, in `format`.
fn converted(input: &[&str], filter: &str, format: &str) -> Vec<u8> {
    let mut command = ffmpeg();
    command.args(input).args(["-vf", filter, "-pix_fmt", format, "-f", "rawvideo", "-"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{filter}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn to_rgb(matrix: &str, range: &str) -> String {
    // Primaries and transfer equal on both sides: nothing but matrix and range is converted.
    format!("zscale=min={matrix}:rin={range}:tin=709:pin=709:m=gbr:r=full:t=709:p=709:c=left,format=gbrp")
}

fn from_rgb(matrix: &str, range: &str) -> String {
    format!("zscale=min=gbr:rin=full:tin=709:pin=709:m={matrix}:r={range}:t=709:p=709,format=yuv444p")
}

fn frame(format: PixelFormat, matrix: Matrix, range: Range, samples: &[u8]) -> Frame {
    let color = Color { matrix, range, siting: Siting::Left, ..Color::default() };
    let info = FrameInfo { color, duration: 1, ..FrameInfo::new(WIDTH as u32, HEIGHT as u32, format) };
    let mut frame = Frame::allocate(info, None);
    let mut rest = samples;
    for plane in frame.planes_mut() {
        for row in plane.rows_mut() {
            let (now, later) = rest.split_at(row.len());
            row.copy_from_slice(now);
            rest = later;
        }
    }
    frame
}

fn mean_difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let sum: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len() as f64
}

const RGB: TensorSpec = TensorSpec {
    color: TensorColor::Rgb,
    kind: DataType::F32,
    layout: TensorLayout::Nchw,
    block: 1,
    mean: 0.0,
    range: 255.0,
};

#[test]
fn kernels_read_yuv_as_zscale_does() {
    for (subsampling, name) in [(Subsampling::S444, "yuv444p"), (Subsampling::S420, "yuv420p")] {
        let raw = converted(&["-f", "lavfi", "-i", SOURCE], "null", name);
        let folder = scratch();
        let path = folder.path().join("source.yuv");
        std::fs::write(&path, &raw).unwrap();
        for (matrix, matrix_name, _) in MATRICES {
            for (range, range_name, _) in RANGES {
                let input = ["-f", "rawvideo", "-s", "96x64", "-pix_fmt", name, "-i", path.to_str().unwrap()];
                let expected = converted(&input, &to_rgb(matrix_name, range_name), "gbrp");
                let source = frame(PixelFormat::yuv(subsampling, 8), matrix, range, &raw);
                let mut tensor = Tensor::empty();
                let region = Region { x: 0, y: 0, width: WIDTH, height: HEIGHT };
                CpuKernels::new().pack(&source, region, &RGB, &mut tensor).unwrap();
                let values = tensor.as_f32().unwrap();
                let made: Vec<u8> =
                    values.iter().map(|value| value.round().clamp(0.0, 255.0) as u8).collect();
                let plane = WIDTH * HEIGHT;
                // FFmpeg's planes are green, blue, red.
                let made = [&made[plane..2 * plane], &made[2 * plane..], &made[..plane]].concat();
                let mean = mean_difference(&made, &expected);
                assert!(mean < 1.0, "{name} {matrix_name} {range_name}: {mean}");
            }
        }
    }
}

#[test]
fn kernels_write_yuv_as_zscale_does() {
    let raw = converted(&["-f", "lavfi", "-i", SOURCE], "null", "gbrp");
    let folder = scratch();
    let path = folder.path().join("source.rgb");
    std::fs::write(&path, &raw).unwrap();
    let plane = WIDTH * HEIGHT;
    let red_green_blue = [&raw[2 * plane..], &raw[..plane], &raw[plane..2 * plane]].concat();
    let mut tensor = Tensor::zeros([3, HEIGHT, WIDTH]);
    tensor.data = TensorData::F32(red_green_blue.iter().map(|sample| f32::from(*sample)).collect());
    for (matrix, matrix_name, _) in MATRICES {
        for (range, range_name, _) in RANGES {
            let input = ["-f", "rawvideo", "-s", "96x64", "-pix_fmt", "gbrp", "-i", path.to_str().unwrap()];
            let expected = converted(&input, &from_rgb(matrix_name, range_name), "yuv444p");
            let blank = vec![0; 3 * plane];
            let mut out = frame(PixelFormat::yuv(Subsampling::S444, 8), matrix, range, &blank);
            let source = out.clone();
            let spec = UnpackSpec { tensor: RGB, scale: 1, skip: Skip::None, dither: false };
            CpuKernels::new().unpack(tensor.view(), &spec, &source, &mut out).unwrap();
            let made: Vec<u8> =
                out.planes().iter().flat_map(|plane| plane.rows().flatten().copied()).collect();
            let mean = mean_difference(&made, &expected);
            assert!(mean < 1.0, "{matrix_name} {range_name}: {mean}");
        }
    }
}

/// Red, green and blue of a picture file.
fn rgb_of(path: &Path) -> Vec<u8> {
    converted(&["-i", path.to_str().unwrap()], "null", "gbrp")
}

#[test]
fn picture_outputs_have_the_colours_of_zscale() {
    for (_, matrix_name, tag) in MATRICES {
        for (_, range_name, range_tag) in RANGES {
            let recipe = format!(
                "-f lavfi -i {SOURCE} -pix_fmt yuv444p -c:v ffv1 -colorspace {tag} -color_range {range_tag}"
            );
            let input = clip(&format!("smooth-{tag}-{range_tag}.mkv"), &recipe);
            let folder = scratch();
            let output = folder.path().join("out.png");
            succeed(&input, &output, "--upscale 1");
            let source = ["-i", input.to_str().unwrap()];
            let expected = converted(&source, &to_rgb(matrix_name, range_name), "gbrp");
            let mean = mean_difference(&rgb_of(&output), &expected);
            assert!(mean < 1.0, "{tag} {range_tag}: {mean}");
        }
    }
}

#[test]
fn an_rgb_network_keeps_the_colours_of_a_picture_that_outgrows_standard_definition() {
    let recipe = "-f lavfi -i testsrc2=s=640x360:r=25:d=0.04,gblur=sigma=5 -pix_fmt yuv444p -c:v ffv1";
    let input = clip("untagged-360.mkv", recipe);
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    let model = format!("--model {}/tests/models/rgb-nearest-x2.onnx", env!("CARGO_MANIFEST_DIR"));
    succeed(&input, &output, &format!("{model} --codec ffv1"));
    let made = converted(&["-i", output.to_str().unwrap()], "scale=640:360:flags=neighbor", "yuv444p");
    let original = converted(&["-i", input.to_str().unwrap()], "null", "yuv444p");
    // Read with one matrix and written with another, chroma would be several code values off.
    let mean = mean_difference(&made, &original);
    assert!(mean < 1.0, "{mean}");
    assert_eq!(support::Probe::new(&output).video()["color_space"], "smpte170m");
}

#[test]
fn odd_sizes_reach_an_encoder_that_takes_none() {
    let input =
        clip("odd.mkv", "-f lavfi -i testsrc2=s=98x66:r=25:d=0.2,scale=97:65 -pix_fmt yuv420p -c:v ffv1");
    let folder = scratch();
    let output = folder.path().join("out.mp4");
    let outcome = succeed(&input, &output, "--upscale 1");
    assert_eq!(support::Probe::new(&output).size(), (98, 66));
    assert!(outcome.stderr.contains("97x65 becomes 98x66"), "{}", outcome.stderr);
}
