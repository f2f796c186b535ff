//! Colour pictures as red, green and blue, and MATLAB's way back to luma and chroma.

use crate::error::Error;
use crate::frame::{
    Color, DataType, Frame, FrameInfo, Matrix, PixelFormat, Plane, Range, Siting, Subsampling, Tensor,
    TensorColor, TensorLayout, TensorSpec,
};
use crate::kernel::{Kernels, Region};

/// A picture of R'G'B' values in 0..=1.
pub(super) struct RgbPicture {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<[f32; 3]>,
}

/// The picture that a frame stands for, without `border` pixels on each side.
pub(super) fn from_frame(
    frame: &Frame,
    border: usize,
    kernels: &mut dyn Kernels,
) -> Result<RgbPicture, Error> {
    let region = Region {
        x: border as i64,
        y: border as i64,
        width: (frame.info.width as usize).saturating_sub(2 * border),
        height: (frame.info.height as usize).saturating_sub(2 * border),
    };
    cut(frame, region, kernels)
}

/// A part of the picture that a frame stands for.
pub(super) fn cut(frame: &Frame, region: Region, kernels: &mut dyn Kernels) -> Result<RgbPicture, Error> {
    let spec = TensorSpec {
        color: TensorColor::Rgb,
        layout: TensorLayout::default(),
        kind: DataType::F32,
        block: 1,
        mean: 0.0,
        range: 1.0,
    };
    let mut tensor = Tensor::empty();
    kernels.pack(frame, region, &spec, &mut tensor)?;
    let count = region.width * region.height;
    let values = tensor.as_f32().unwrap_or(&[]);
    let mut channels = values.chunks_exact(count.max(1));
    let (red, green, blue) =
        (channels.next().unwrap_or(&[]), channels.next().unwrap_or(&[]), channels.next().unwrap_or(&[]));
    let colours = red.iter().zip(green).zip(blue);
    let pixels = colours.map(|((r, g), b)| [*r, *g, *b].map(|value| value.clamp(0.0, 1.0))).collect();
    Ok(RgbPicture { width: region.width, height: region.height, pixels })
}

/// 8-bit 4:4:4 YCbCr of a picture by MATLAB's `rgb2ycbcr` (BT.601, limited range), from its 8-bit RGB.
///
/// `like` gives time stamps; size and format are the picture's.
pub(super) fn to_matlab_ycbcr(picture: &RgbPicture, like: &FrameInfo) -> Frame {
    let info = FrameInfo {
        width: picture.width as u32,
        height: picture.height as u32,
        format: PixelFormat::yuv(Subsampling::S444, 8),
        color: bt601(like.color),
        side_data: Vec::new(),
        ..like.clone()
    };
    let mut frame = Frame::allocate(info, None);
    for (plane, weights) in frame.planes_mut().iter_mut().zip(&MATLAB_WEIGHTS) {
        fill(plane, picture, weights);
    }
    frame
}

/// Offset and weights of R, G and B (in 0..=255) for Y, Cb and Cr.
const MATLAB_WEIGHTS: [(f64, [f64; 3]); 3] = [
    (16.0, [65.481, 128.553, 24.966]),
    (128.0, [-37.797, -74.203, 112.0]),
    (128.0, [112.0, -93.786, -18.214]),
];

fn fill(plane: &mut Plane, picture: &RgbPicture, (offset, weights): &(f64, [f64; 3])) {
    for (row, pixels) in plane.rows_mut().zip(picture.pixels.chunks_exact(picture.width.max(1))) {
        for (sample, pixel) in row.iter_mut().zip(pixels) {
            let codes = pixel.map(|value| f64::from((value * 255.0 + 0.5).floor()));
            let sum: f64 = codes.iter().zip(weights).map(|(code, weight)| code * weight).sum();
            *sample = (offset + sum / 255.0 + 0.5).floor().clamp(0.0, 255.0) as u8;
        }
    }
}

const fn bt601(source: Color) -> Color {
    Color {
        matrix: Matrix::Bt601,
        range: Range::Limited,
        range_tagged: true,
        siting: Siting::Left,
        matrix_code: 6,
        ..source
    }
}
