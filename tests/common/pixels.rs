//! Frames of plain colours, made with arithmetic of the tests' own.

use framecast::frame::{Color, Frame, FrameInfo, Matrix, Model, PixelFormat, Range};

/// BT.709 in limited range, tagged.
pub(crate) fn bt709() -> Color {
    Color { matrix: Matrix::Bt709, matrix_code: 1, range_tagged: true, ..Color::default() }
}

/// A frame whose pixel at (x, y) is `rgb(x, y)`, in 8-bit red, green and blue. Chroma is that of the pixel at the start
/// of its block.
pub(crate) fn frame(
    size: (u32, u32),
    format: PixelFormat,
    color: Color,
    rgb: impl Fn(u32, u32) -> [u8; 3],
) -> Frame {
    let info = FrameInfo { color, duration: 1, ..FrameInfo::new(size.0, size.1, format) };
    let mut frame = Frame::allocate(info, None);
    let shifts = format.subsampling();
    for (index, plane) in frame.planes_mut().iter_mut().enumerate() {
        let is_chroma = format.model != Model::Gray && (index == 1 || index == 2);
        let (x_shift, y_shift) = if is_chroma { (shifts.x, shifts.y) } else { (0, 0) };
        for (y, row) in plane.rows_mut().enumerate() {
            for (x, sample) in row.chunks_exact_mut(format.sample_bytes()).enumerate() {
                let pixel = rgb((x as u32) << x_shift, (y as u32) << y_shift);
                let code = codes(pixel, format.depth, color, size)[index];
                match sample {
                    [byte] => *byte = code as u8,
                    word => word.copy_from_slice(&code.to_ne_bytes()),
                }
            }
        }
    }
    frame
}

/// Y, Cb and Cr (H.273, equations 20 to 31 for non-constant luminance), and an opaque alpha.
fn codes(rgb: [u8; 3], depth: u8, color: Color, size: (u32, u32)) -> [u16; 4] {
    let [red, green, blue] = rgb.map(|value| f64::from(value) / 255.0);
    let (kr, kb) = color.resolved_matrix(size.0, size.1).weights();
    let luma = kr * red + (1.0 - kr - kb) * green + kb * blue;
    let (cb, cr) = ((blue - luma) / (2.0 * (1.0 - kb)), (red - luma) / (2.0 * (1.0 - kr)));
    let unit = f64::from(1u32 << (depth - 8));
    let max = f64::from((1u32 << depth) - 1);
    let [luma, cb, cr] = match color.range {
        Range::Limited => {
            [luma * 219.0 + 16.0, cb * 224.0 + 128.0, cr * 224.0 + 128.0].map(|code| code * unit)
        }
        Range::Full => [luma * max, cb * max + 128.0 * unit, cr * max + 128.0 * unit],
    };
    [luma, cb, cr, max].map(|code| code.round().clamp(0.0, max) as u16)
}
