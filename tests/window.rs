//! What the window of a live run draws, without a window: colours, letterbox, divider, scaling.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test fails by panicking and says why it is left out"
)]
#![cfg(feature = "window")]

use framecast::frame::{Color, Frame, FrameInfo, Matrix, Model, PixelFormat, Range, Siting, Subsampling};
use framecast::live::window::{Area, Painter, Scene};

/// Largest difference in code values of 8 bits: rounding to the picture's codes and back.
const TOLERANCE: i32 = 2;
const COLORS: [[u8; 3]; 8] = [
    [0, 0, 0],
    [255, 255, 255],
    [128, 128, 128],
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [20, 90, 200],
    [230, 160, 40],
];

#[test]
fn colours_are_those_of_the_matrix_and_the_range_at_every_depth() {
    let Some(mut painter) = painter(Painter::offscreen()) else { return };
    for matrix in [Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020] {
        for range in [Range::Limited, Range::Full] {
            for depth in [8, 10, 12, 16] {
                for subsampling in [Subsampling::S420, Subsampling::S422, Subsampling::S444] {
                    let color = Color { matrix, range, ..Color::default() };
                    check_colors(&mut painter, PixelFormat::yuv(subsampling, depth), color);
                }
            }
        }
    }
}

#[test]
fn colours_are_the_same_where_the_surface_encodes_them() {
    let Some(mut painter) = painter(Painter::offscreen_srgb()) else { return };
    check_colors(&mut painter, PixelFormat::YUV420P, Color { matrix: Matrix::Bt709, ..Color::default() });
}

#[test]
fn grey_pictures_have_no_colour() {
    let Some(mut painter) = painter(Painter::offscreen()) else { return };
    for (range, code, expected) in
        [(Range::Limited, 126, 128), (Range::Full, 128, 128), (Range::Limited, 235, 255)]
    {
        let color = Color { range, ..Color::default() };
        let frame = filled((8, 8), PixelFormat::gray(8), color, |_, _| code);
        painter.set_picture(&frame);
        let picture = drawn(&mut painter, &whole(8, 8), (8, 8));
        assert_near(picture.at(4, 4), [expected; 3], &format!("{range:?} {code}"));
    }
}

#[test]
fn the_picture_lies_in_the_middle_of_black() {
    let Some(mut painter) = painter(Painter::offscreen()) else { return };
    painter.set_picture(&flat((64, 36), [255, 0, 0]));
    let scene = Scene { area: Area::fitted((64, 36), (100, 100)), ..Scene::default() };
    let picture = drawn(&mut painter, &scene, (100, 100));
    assert_eq!(scene.area, Area { x: 0, y: 22, width: 100, height: 56 });
    for (y, expected) in
        [(0, [0; 3]), (21, [0; 3]), (22, [255, 0, 0]), (77, [255, 0, 0]), (78, [0; 3]), (99, [0; 3])]
    {
        assert_near(picture.at(0, y), expected, &format!("row {y}"));
        assert_near(picture.at(99, y), expected, &format!("row {y}"));
    }
}

#[test]
fn the_source_is_left_of_the_divider() {
    let Some(mut painter) = painter(Painter::offscreen()) else { return };
    painter.set_picture(&flat((64, 36), [0, 255, 0]));
    painter.set_source(&flat((32, 18), [255, 0, 0]));
    let divided = Scene { divider: Some(40), ..whole(128, 72) };
    let picture = drawn(&mut painter, &divided, (128, 72));
    for (x, expected) in [(0, [255, 0, 0]), (39, [255, 0, 0]), (40, [0, 255, 0]), (127, [0, 255, 0])] {
        assert_near(picture.at(x, 36), expected, &format!("column {x}"));
    }
    let picture = drawn(&mut painter, &whole(128, 72), (128, 72));
    assert_near(picture.at(0, 36), [0, 255, 0], "without a divider");
}

#[test]
fn chroma_lies_where_its_siting_says() {
    let Some(mut painter) = painter(Painter::offscreen()) else { return };
    for (siting, offset) in [(Siting::Left, 0.0), (Siting::Center, -0.5)] {
        let color = Color { matrix: Matrix::Bt709, range: Range::Full, siting, ..Color::default() };
        // Cb rises by 6 for each of its samples, so by 3 for each pixel: half a pixel is more than the tolerance.
        let frame = filled((64, 8), PixelFormat::YUV420P, color, |component, x| match component {
            0 => 128,
            1 => 40 + 6 * x,
            _ => 128,
        });
        painter.set_picture(&frame);
        let picture = drawn(&mut painter, &whole(64, 8), (64, 8));
        for x in [10, 11, 31, 40] {
            let cb = 40.0 + 3.0 * (f64::from(x) + offset) - 128.0;
            let blue = 128.0 + 1.8556 * cb;
            let found = f64::from(picture.at(x, 4)[2]);
            assert!(
                (found - blue).abs() <= f64::from(TOLERANCE),
                "{siting:?}, column {x}: expected {blue}, found {found}"
            );
        }
    }
}

#[test]
fn all_samples_count_where_the_picture_is_made_smaller() {
    let Some(mut painter) = painter(Painter::offscreen()) else { return };
    let color = Color { range: Range::Full, ..Color::default() };
    let frame = filled((64, 64), PixelFormat::gray(8), color, |_, x| if x % 2 == 0 { 0 } else { 200 });
    painter.set_picture(&frame);
    for size in [32, 21, 9] {
        let picture = drawn(&mut painter, &whole(size, size), (size, size));
        for x in 2..size - 2 {
            let found = picture.at(x, size / 2)[0];
            assert!((90..=110).contains(&found), "{size}, column {x}: {found}");
        }
    }
}

#[test]
fn a_picture_of_another_size_and_format_follows() {
    let Some(mut painter) = painter(Painter::offscreen()) else { return };
    painter.set_picture(&flat((64, 36), [255, 0, 0]));
    let color = Color { matrix: Matrix::Bt2020, ..Color::default() };
    painter.set_picture(&encoded((33, 17), [0, 0, 255], PixelFormat::yuv(Subsampling::S444, 10), color));
    assert_near(drawn(&mut painter, &whole(50, 50), (50, 50)).at(25, 25), [0, 0, 255], "the second picture");
}

fn check_colors(painter: &mut Painter, format: PixelFormat, color: Color) {
    for expected in COLORS {
        painter.set_picture(&encoded((6, 6), expected, format, color));
        let picture = drawn(painter, &whole(6, 6), (6, 6));
        for (x, y) in [(0, 0), (3, 3), (5, 5)] {
            assert_near(
                picture.at(x, y),
                expected,
                &format!("{format}, {:?}, {:?}", color.matrix, color.range),
            );
        }
    }
}

/// `None`, saying why, where nothing can be drawn.
fn painter(opened: Result<Painter, framecast::error::Error>) -> Option<Painter> {
    opened.inspect_err(|error| eprintln!("left out: {error}")).ok()
}

fn whole(width: u32, height: u32) -> Scene {
    Scene { area: Area::whole((width, height)), ..Scene::default() }
}

struct Picture {
    width: u32,
    pixels: Vec<u8>,
}

impl Picture {
    fn at(&self, x: u32, y: u32) -> [u8; 3] {
        let index = (y * self.width + x) as usize * 4;
        [self.pixels[index], self.pixels[index + 1], self.pixels[index + 2]]
    }
}

fn drawn(painter: &mut Painter, scene: &Scene, size: (u32, u32)) -> Picture {
    Picture { width: size.0, pixels: painter.draw(scene, size).unwrap() }
}

fn assert_near(found: [u8; 3], expected: [u8; 3], what: &str) {
    let is_near = found.iter().zip(expected).all(|(a, b)| (i32::from(*a) - i32::from(b)).abs() <= TOLERANCE);
    assert!(is_near, "{what}: expected {expected:?}, found {found:?}");
}

fn flat(size: (u32, u32), rgb: [u8; 3]) -> Frame {
    encoded(size, rgb, PixelFormat::YUV420P, Color { matrix: Matrix::Bt709, ..Color::default() })
}

/// A picture of one colour, by the definition of H.273.
fn encoded(size: (u32, u32), rgb: [u8; 3], format: PixelFormat, color: Color) -> Frame {
    let [red, green, blue] = rgb.map(|code| f64::from(code) / 255.0);
    let (kr, kb) = match color.matrix {
        Matrix::Bt601 => (0.299, 0.114),
        Matrix::Bt2020 => (0.2627, 0.0593),
        _ => (0.2126, 0.0722),
    };
    let y = kr * red + (1.0 - kr - kb) * green + kb * blue;
    let (cb, cr) = ((blue - y) / (2.0 - 2.0 * kb), (red - y) / (2.0 - 2.0 * kr));
    let unit = f64::from(1u32 << (format.depth - 8));
    let largest = f64::from((1u32 << format.depth) - 1);
    let codes = match color.range {
        Range::Limited => [
            16.0 * unit + 219.0 * unit * y,
            128.0 * unit + 224.0 * unit * cb,
            128.0 * unit + 224.0 * unit * cr,
        ],
        Range::Full => [largest * y, 128.0 * unit + largest * cb, 128.0 * unit + largest * cr],
    };
    let codes = codes.map(|code| code.round().clamp(0.0, largest) as u32);
    filled(size, format, color, |component, _| codes[component])
}

/// A picture by the code of each component in each column.
fn filled(
    (width, height): (u32, u32),
    format: PixelFormat,
    color: Color,
    code: impl Fn(usize, u32) -> u32,
) -> Frame {
    assert!(matches!(format.model, Model::Gray | Model::Yuv(_)));
    let info = FrameInfo { color, duration: 1, ..FrameInfo::new(width, height, format) };
    let mut frame = Frame::allocate(info, None);
    for (component, plane) in frame.planes_mut().iter_mut().enumerate() {
        let bytes = plane.sample_bytes;
        for row in plane.rows_mut() {
            for (x, sample) in (0..).zip(row.chunks_exact_mut(bytes)) {
                sample.copy_from_slice(&code(component, x).to_ne_bytes()[..bytes]);
            }
        }
    }
    frame
}
