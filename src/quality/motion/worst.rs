//! The frames that came out worst, to look at.

use super::super::reference::wrong;
use super::super::rgb;
use super::clip::ClipFrame;
use super::judge::Made;
use crate::error::Error;
use crate::frame::Frame;
use crate::kernel::Kernels;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

/// Frames of a clip that are shown at most.
const OF_A_CLIP: usize = 2;
/// Quality of JPEG pictures, 1 to 100.
const QUALITY: u8 = 90;
/// Factor by which errors and predicted scales are brighter than they are.
pub(super) const AMPLIFICATION: f32 = 4.0;

/// A frame with a low PSNR.
#[derive(Clone, Debug, PartialEq)]
pub struct WorstFrame {
    /// The clip.
    pub clip: String,
    /// The method that made it.
    pub method: String,
    /// Its number in the clip, from 0.
    pub number: usize,
    /// PSNR of R'G'B' in dB.
    pub psnr_rgb: f64,
    /// The truth, what was made, the error, and how far the method trusted it.
    pub pictures: Vec<WorstPicture>,
}

/// A picture of a [`WorstFrame`].
#[derive(Clone, Debug, PartialEq)]
pub struct WorstPicture {
    /// What it shows.
    pub label: String,
    /// True if its pixels are cells of several pixels of the frame.
    pub is_cells: bool,
    /// `image/jpeg` or `image/png`.
    pub kind: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Keeps the worst frames that one method made of a clip.
pub(super) struct Worst {
    method: String,
    limit: usize,
    kept: Vec<Kept>,
}

struct Kept {
    number: usize,
    psnr: f64,
    truth: ClipFrame,
    made: Made,
}

impl Worst {
    /// Watches `method`, and keeps at most `limit` frames.
    pub(super) fn new(method: String, limit: usize) -> Self {
        Self { method, limit: limit.min(OF_A_CLIP), kept: Vec::new() }
    }

    /// Looks at a frame of any method.
    pub(super) fn see(&mut self, method: &str, number: usize, psnr: f64, truth: &ClipFrame, made: Made) {
        if method != self.method || self.limit == 0 {
            return;
        }
        let place = self.kept.iter().position(|kept| psnr < kept.psnr).unwrap_or(self.kept.len());
        if place < self.limit {
            self.kept.insert(place, Kept { number, psnr, truth: truth.clone(), made });
            self.kept.truncate(self.limit);
        }
    }

    /// The pictures of the kept frames.
    pub(super) fn draw(self, clip: &str, kernels: &mut dyn Kernels) -> Result<Vec<WorstFrame>, Error> {
        let Self { method, kept, .. } = self;
        let one = |Kept { number, psnr, truth, made }| {
            let (clip, method) = (clip.to_owned(), method.clone());
            let pictures = pictures(&truth, &made, kernels)?;
            Ok(WorstFrame { clip, method, number, psnr_rgb: psnr, pictures })
        };
        kept.into_iter().map(one).collect()
    }
}

/// Merges the worst frames of another clip into those so far, of which the `limit` worst stay.
///
/// The result does not depend on the order of the clips.
pub(super) fn merge(so_far: &mut Vec<WorstFrame>, more: Vec<WorstFrame>, limit: usize) {
    so_far.extend(more);
    so_far.sort_by(|a, b| {
        let place = |frame: &WorstFrame| (frame.clip.clone(), frame.number);
        a.psnr_rgb.total_cmp(&b.psnr_rgb).then_with(|| place(a).cmp(&place(b)))
    });
    so_far.truncate(limit);
}

fn pictures(truth: &ClipFrame, made: &Made, kernels: &mut dyn Kernels) -> Result<Vec<WorstPicture>, Error> {
    let label = |what: &str| format!("{what} of luma, {AMPLIFICATION} times as bright");
    let mut pictures = vec![
        colour("truth", &truth.frame, kernels)?,
        colour("made", &made.frame, kernels)?,
        error(label("absolute error"), &truth.frame, &made.frame)?,
    ];
    if let Some((field, share)) = &made.motion {
        let size = (field.width, field.height);
        let scales = field.log_scale.iter().map(|log_scale| AMPLIFICATION * log_scale.exp());
        pictures.push(cells(label("predicted scale of the error"), size, scales)?);
        let shares = share.iter().copied();
        pictures.push(cells("share of the prediction: white all, black none".into(), size, shares)?);
    }
    Ok(pictures)
}

fn colour(label: &str, frame: &Frame, kernels: &mut dyn Kernels) -> Result<WorstPicture, Error> {
    let picture = rgb::from_frame(frame, 0, kernels)?;
    let bytes: Vec<u8> = picture.pixels.iter().flatten().map(|value| code(*value)).collect();
    jpeg(label.to_owned(), &bytes, (picture.width, picture.height), ExtendedColorType::Rgb8)
}

fn error(label: String, truth: &Frame, made: &Frame) -> Result<WorstPicture, Error> {
    let rows = truth.planes().first().zip(made.planes().first());
    let rows = rows.map(|(truth, made)| truth.rows().zip(made.rows()));
    let amplified = |(a, b): (&u8, &u8)| code(AMPLIFICATION * f32::from(a.abs_diff(*b)) / 255.0);
    let bytes: Vec<u8> =
        rows.into_iter().flatten().flat_map(|(truth, made)| truth.iter().zip(made).map(amplified)).collect();
    jpeg(label, &bytes, (truth.info.width as usize, truth.info.height as usize), ExtendedColorType::L8)
}

fn jpeg(
    label: String,
    samples: &[u8],
    (width, height): (usize, usize),
    kind: ExtendedColorType,
) -> Result<WorstPicture, Error> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .write_image(samples, width as u32, height as u32, kind)
        .map_err(|problem| undrawn(&problem))?;
    Ok(WorstPicture { label, is_cells: false, kind: "image/jpeg", bytes })
}

/// One pixel for each value, 1 being white.
fn cells(
    label: String,
    (width, height): (usize, usize),
    values: impl Iterator<Item = f32>,
) -> Result<WorstPicture, Error> {
    let samples: Vec<u8> = values.map(code).collect();
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(&samples, width as u32, height as u32, ExtendedColorType::L8)
        .map_err(|problem| undrawn(&problem))?;
    Ok(WorstPicture { label, is_cells: true, kind: "image/png", bytes })
}

fn code(value: f32) -> u8 {
    (value * 255.0 + 0.5).floor().clamp(0.0, 255.0) as u8
}

fn undrawn(problem: &image::ImageError) -> Error {
    wrong("a frame of the report", problem.to_string(), "use --samples 0").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_frames_are_the_same_whatever_clip_comes_first() {
        let frame = |clip: &str, number, psnr_rgb| WorstFrame {
            clip: clip.into(),
            method: "flow".into(),
            number,
            psnr_rgb,
            pictures: Vec::new(),
        };
        let (a, b) =
            (vec![frame("a", 5, 20.0), frame("a", 3, 22.0)], vec![frame("b", 3, 21.0), frame("b", 9, 22.0)]);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        merge(&mut first, a.clone(), 3);
        merge(&mut first, b.clone(), 3);
        merge(&mut second, b, 3);
        merge(&mut second, a, 3);
        assert_eq!(first, second);
        let found: Vec<(&str, usize)> =
            first.iter().map(|frame| (frame.clip.as_str(), frame.number)).collect();
        assert_eq!(found, [("a", 5), ("b", 3), ("a", 3)]);
    }
}
