//! Colours of JPEG pictures, whatever the frames' matrix, range, depth, subsampling and siting.

use crate::pixels;
use framecast::frame::{Color, Matrix, Model, PixelFormat, Range, Siting, Subsampling};
use framecast::media::JpegEncoder;

/// Width and height of a patch.
const PATCH: u32 = 48;
pub(crate) const PATCHES: [[u8; 3]; 8] = [
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [128, 128, 128],
    [0, 0, 0],
    [255, 255, 255],
    [200, 150, 60],
    [30, 90, 160],
];

pub(crate) fn patches(format: PixelFormat, color: Color) -> framecast::frame::Frame {
    pixels::frame((PATCH * PATCHES.len() as u32, PATCH), format, color, |x, _| PATCHES[(x / PATCH) as usize])
}

/// Checks the middle of each patch; `tolerance` is in 8-bit code values.
pub(crate) fn check_patches(jpeg: &[u8], expected: impl Fn([u8; 3]) -> [u8; 3], tolerance: u8, name: &str) {
    let picture = image::load_from_memory_with_format(jpeg, image::ImageFormat::Jpeg).unwrap().to_rgb8();
    assert_eq!(picture.dimensions(), (PATCH * PATCHES.len() as u32, PATCH), "{name}");
    for (index, patch) in PATCHES.into_iter().enumerate() {
        let found = picture.get_pixel(index as u32 * PATCH + PATCH / 2, PATCH / 2).0;
        let wanted = expected(patch);
        let is_near = found.iter().zip(wanted).all(|(found, wanted)| found.abs_diff(wanted) <= tolerance);
        assert!(is_near, "{name}: expected {wanted:?}, found {found:?}");
    }
}

#[test]
fn pictures_have_the_colours_of_the_frames() {
    let subsamplings = [(1, 1), (1, 0), (0, 0), (0, 1), (2, 0), (2, 2)].map(|(x, y)| Subsampling { x, y });
    for matrix in [Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020, Matrix::Smpte240m] {
        for range in [Range::Limited, Range::Full] {
            for depth in [8, 10, 16] {
                for subsampling in subsamplings {
                    let color = Color { matrix, range, ..Color::default() };
                    let frame = patches(PixelFormat::yuv(subsampling, depth), color);
                    let jpeg = JpegEncoder::new(95).encode(&frame).unwrap();
                    let name = format!("{matrix:?} {range:?} {}", frame.info.format);
                    check_patches(&jpeg, |patch| patch, 4, &name);
                }
            }
        }
    }
}

#[test]
fn grey_and_alpha_need_nothing_else() {
    let gray = PixelFormat { model: Model::Gray, depth: 8, alpha: true };
    let jpeg = JpegEncoder::new(95).encode(&patches(gray, pixels::bt709())).unwrap();
    let luma = |[red, green, blue]: [u8; 3]| {
        let luma = 0.2126 * f64::from(red) + 0.7152 * f64::from(green) + 0.0722 * f64::from(blue);
        [luma.round() as u8; 3]
    };
    check_patches(&jpeg, luma, 3, "grey with alpha");
}

/// The middle of an edge between two colours lies where it is, whatever the siting of its chroma.
#[test]
fn edges_of_colour_do_not_move_with_the_siting() {
    let edge = |siting| {
        let color = Color { siting, ..pixels::bt709() };
        let (red, blue) = ([180, 60, 60], [60, 60, 180]);
        let mut frame =
            pixels::frame((64, 64), PixelFormat::YUV420P, color, |x, _| if x < 32 { red } else { blue });
        // Chroma as a linear ramp over 16 luma samples around the edge, sampled at its places.
        let (position, _) = siting.position();
        for index in [1, 2] {
            let plane = &mut frame.planes_mut()[index];
            for row in plane.rows_mut() {
                let (from, to) = (f64::from(row[0]), f64::from(row[31]));
                for (x, code) in row.iter_mut().enumerate() {
                    let at = 2.0 * x as f64 + position;
                    let share = ((at - 31.5) / 16.0 + 0.5).clamp(0.0, 1.0);
                    *code = (from + share * (to - from)).round() as u8;
                }
            }
        }
        let jpeg = JpegEncoder::new(100).encode(&frame).unwrap();
        let picture = image::load_from_memory(&jpeg).unwrap().to_rgb8();
        let red = |x: u32| f64::from(picture.get_pixel(x, 32).0[0]);
        // Where red falls through its middle.
        let middle = f64::midpoint(red(4), red(60));
        let before = (4..60).rfind(|x| red(*x) >= middle).unwrap();
        f64::from(before) + (red(before) - middle) / (red(before) - red(before + 1))
    };
    let centred = edge(Siting::Center);
    for siting in [Siting::Left, Siting::TopLeft, Siting::Bottom] {
        let found = edge(siting);
        assert!((found - centred).abs() < 0.2, "{siting:?}: {found} instead of {centred}");
    }
}

#[test]
fn sizes_and_formats_may_change_and_odd_sizes_are_kept() {
    let mut encoder = JpegEncoder::new(80);
    for (width, height, depth) in [(33, 17, 8), (1, 1, 8), (64, 48, 10), (33, 17, 8)] {
        let format = PixelFormat::yuv(Subsampling::S420, depth);
        let frame = pixels::frame((width, height), format, pixels::bt709(), |_, _| [90, 120, 150]);
        let picture = image::load_from_memory(&encoder.encode(&frame).unwrap()).unwrap();
        assert_eq!((picture.width(), picture.height()), (width, height));
    }
}

#[test]
fn a_higher_quality_makes_a_larger_file_that_is_nearer() {
    let noise = |x: u32, y: u32| [0u32, 1, 2].map(|c| ((x * 37 + y * 91 + c * 13) % 199) as u8);
    let frame = pixels::frame((256, 128), PixelFormat::YUV420P, pixels::bt709(), noise);
    let sizes = [30, 60, 85, 95].map(|quality| JpegEncoder::new(quality).encode(&frame).unwrap().len());
    assert!(sizes.is_sorted() && sizes[0] * 2 < sizes[3], "{sizes:?}");
}
