//! Cut-outs of frames to look at.

use super::{Samples, rgb};
use crate::error::Error;
use crate::frame::Frame;
use crate::kernel::{Kernels, Region};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

/// Largest size of a cut-out.
const WIDTH: usize = 384;
const HEIGHT: usize = 256;
/// Steps in which places are tried.
const STEP: usize = 16;

/// A cut-out as a PNG file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// The file.
    pub png: Vec<u8>,
}

/// The part of a frame with the most detail: where luma changes most from sample to sample.
pub(super) fn most_detailed(frame: &Frame) -> Region {
    let luma = frame.planes().first().map_or_else(Samples::empty, Samples::from_plane);
    let (width, height) = (WIDTH.min(luma.width), HEIGHT.min(luma.height));
    let sums = summed_detail(&luma);
    let detail = |x: usize, y: usize| {
        let at = |x: usize, y: usize| sums.get(y * (luma.width + 1) + x).copied().unwrap_or(0.0);
        at(x + width, y + height) - at(x + width, y) - at(x, y + height) + at(x, y)
    };
    let rows = (0..=luma.height - height).step_by(STEP);
    let places = rows.flat_map(|y| (0..=luma.width - width).step_by(STEP).map(move |x| (x, y)));
    let best = places.max_by(|&(ax, ay), &(bx, by)| detail(ax, ay).total_cmp(&detail(bx, by)));
    let (x, y) = best.unwrap_or((0, 0));
    Region { x: x as i64, y: y as i64, width, height }
}

/// Summed-area table, one row and column larger, of the absolute differences to the left and upper neighbours.
fn summed_detail(luma: &Samples) -> Vec<f64> {
    let stride = luma.width + 1;
    let mut sums = vec![0.0; stride];
    for y in 0..luma.height {
        let (row, upper) = (luma.row(y), luma.row(y.saturating_sub(1)));
        let lefts = std::iter::once(row.first().copied().unwrap_or(0.0)).chain(row.iter().copied());
        let details =
            row.iter().zip(lefts).zip(upper).map(|((v, left), up)| (v - left).abs() + (v - up).abs());
        let above: Vec<f64> = sums.iter().skip(y * stride).take(stride).copied().collect();
        let mut running = 0.0;
        sums.push(0.0);
        for (detail, above) in details.zip(above.iter().skip(1)) {
            running += detail;
            sums.push(running + above);
        }
    }
    sums
}

/// The part of a frame as a PNG file.
pub(super) fn cut_out(frame: &Frame, region: Region, kernels: &mut dyn Kernels) -> Result<Sample, Error> {
    let picture = rgb::cut(frame, region, kernels)?;
    let bytes: Vec<u8> =
        picture.pixels.iter().flatten().map(|value| (value * 255.0 + 0.5).floor() as u8).collect();
    let mut png = Vec::new();
    let (width, height) = (picture.width as u32, picture.height as u32);
    PngEncoder::new_with_quality(&mut png, CompressionType::Best, FilterType::Adaptive)
        .write_image(&bytes, width, height, ExtendedColorType::Rgb8)
        .map_err(|error| super::reference::wrong("a cut-out", error.to_string(), "use --samples 0"))?;
    Ok(Sample { width: picture.width, height: picture.height, png })
}
