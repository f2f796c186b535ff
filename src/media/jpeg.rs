//! Frames as JPEG pictures, for browsers.

use super::encoder_pixel::PixelLayout;
use super::ffi_encode::{Encoder, EncoderSettings, VideoCodec, pixel_layout_by_name};
use super::ffi_output::error_text;
use super::jpeg_color::{JpegColor, jpeg_subsampling};
use crate::error::MediaError;
use crate::frame::{Color, Frame, Matrix, PixelFormat, Pts, Range, Rational, Siting, Subsampling};

/// Encodes frames as JPEG pictures of their size: 8 bit, 4:2:0, or 4:2:2 or 4:4:4 where the frames have that.
///
/// Matrix and range are converted to what JPEG means (BT.601, full range). Primaries and transfer are not: wide gamuts
/// and HDR look pale. Alpha is left out. Frames may change their size and format.
pub struct JpegEncoder {
    quality: u8,
    made: Option<Made>,
}

impl std::fmt::Debug for JpegEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JpegEncoder(quality {})", self.quality)
    }
}

impl JpegEncoder {
    /// With a quality of 1 (smallest) to 100 (best), on the scale of libjpeg; values beyond are taken as the nearest.
    pub const fn new(quality: u8) -> Self {
        Self { quality, made: None }
    }

    /// The bytes of a picture file.
    ///
    /// # Errors
    /// [`MediaError::Output`] if FFmpeg has no JPEG encoder, or it cannot take the frame: JPEG ends at 65500 samples. Also if the
    /// frame's planes do not fit it ([`Frame::validate`]).
    pub fn encode(&mut self, frame: &Frame) -> Result<Vec<u8>, MediaError> {
        let shape = Shape::of(frame);
        frame.validate().map_err(|misfit| failure(&shape, misfit.to_string()))?;
        self.made.take_if(|made| made.shape != shape);
        let made = match &mut self.made {
            Some(made) => made,
            none => none.insert(Made::open(shape, self.quality)?),
        };
        made.encode(frame).map_err(|code| failure(&made.shape, error_text(code)))
    }
}

fn failure(shape: &Shape, problem: String) -> MediaError {
    MediaError::Output {
        output: format!("JPEG picture of {}x{}", shape.width, shape.height),
        problem,
        remedy: "use an FFmpeg with the encoder mjpeg, and frames of at most 65500 samples a side".to_owned(),
    }
}

/// What an open encoder is good for.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    width: u32,
    height: u32,
    format: PixelFormat,
    color: Color,
}

impl Shape {
    fn of(frame: &Frame) -> Self {
        let info = &frame.info;
        Self { width: info.width, height: info.height, format: info.format, color: info.color }
    }
}

/// An open encoder.
struct Made {
    shape: Shape,
    encoder: Encoder,
    color: JpegColor,
    pictures: Pts,
}

impl Made {
    fn open(shape: Shape, quality: u8) -> Result<Self, MediaError> {
        let missing = || failure(&shape, "FFmpeg has no encoder mjpeg".to_owned());
        let codec = VideoCodec::find("mjpeg").ok_or_else(missing)?;
        let layout = layout(jpeg_subsampling(shape.format)).ok_or_else(missing)?;
        let settings = EncoderSettings {
            codec,
            width: shape.width,
            height: shape.height,
            layout,
            color: JPEG_COLOR,
            time_base: Rational::new(1, 1000),
            frame_rate: Rational::new(0, 1),
            // Known samples make the encoder write the JFIF header, which says what the colours mean.
            sample_aspect_ratio: Rational::new(1, 1),
            codec_tag: 0,
            global_header: false,
            // Threads that work on frames would delay them.
            threads: Some(1),
            options: options(quality),
            device: None,
        };
        let (encoder, _) = Encoder::open(settings).map_err(|code| failure(&shape, error_text(code)))?;
        let color = JpegColor::new(shape.format, shape.color, (shape.width, shape.height));
        Ok(Self { shape, encoder, color, pictures: 0 })
    }

    fn encode(&mut self, frame: &Frame) -> Result<Vec<u8>, i32> {
        let picture = self.encoder.writable_picture()?;
        self.color.fill(frame, picture);
        picture.set_pts(self.pictures);
        self.pictures += 1;
        self.encoder.send_picture()?;
        let mut file = Vec::new();
        while let Some(packet) = self.encoder.receive()? {
            file.extend_from_slice(packet.data().unwrap_or_default());
        }
        Ok(file)
    }
}

const JPEG_COLOR: Color = Color {
    matrix: Matrix::Bt601,
    range: Range::Full,
    range_tagged: true,
    siting: Siting::Center,
    matrix_code: 5,
    primaries_code: 2,
    transfer_code: 2,
};

fn layout(subsampling: Subsampling) -> Option<PixelLayout> {
    pixel_layout_by_name(match subsampling {
        Subsampling::S444 => "yuvj444p",
        Subsampling::S422 => "yuvj422p",
        _ => "yuvj420p",
    })
}

/// A fixed quantiser, and the standard Huffman tables: own ones would cost a second pass over the coefficients.
fn options(quality: u8) -> Vec<(String, String)> {
    let scale = quantiser_scale(quality).to_string();
    [("qmin", scale.as_str()), ("qmax", scale.as_str()), ("huffman", "default")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
}

/// FFmpeg's scale 8 stands for about the tables that libjpeg scales by 100 %.
fn quantiser_scale(quality: u8) -> u32 {
    let quality = u32::from(quality.clamp(1, 100));
    let percent = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    ((percent * 8 + 50) / 100).clamp(1, 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualities_cover_the_scale_of_quantisers() {
        assert_eq!([1, 25, 50, 75, 90, 100].map(quantiser_scale), [31, 16, 8, 4, 2, 1]);
    }
}
