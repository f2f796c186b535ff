//! The scores of one frame, and of many.

use super::similarity::{block_ssim, ms_ssim, psnr, ssim};
use super::temporal::{Pair, flicker, temporal_error};
use super::{Samples, rgb};
use crate::error::{ConfigError, Error};
use crate::frame::Frame;
use crate::kernel::Kernels;
use serde::Serialize;
use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Smallest side that SSIMULACRA2 takes.
const SSIMULACRA2_SIDE: usize = 8;

/// Transfer characteristics of HDR in H.273: PQ and HLG.
const HDR_TRANSFERS: [u8; 2] = [16, 18];

/// The scores of an output against its reference; in JSON, `null` for what could not be measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Scores {
    /// PSNR of luma in dB; infinite (in JSON `null`) for equal planes.
    pub psnr_y: f64,
    /// SSIM of luma, -1 to 1; `None` if a side is below 11.
    pub ssim_y: Option<f64>,
    /// MS-SSIM of luma, 0 to 1; `None` if a side is below 176.
    pub ms_ssim_y: Option<f64>,
    /// SSIMULACRA2 of the colour picture, at most 100; `None` if a side is below 8, and for HDR, which it does not know.
    pub ssimulacra2: Option<f64>,
    /// Change in excess of the reference's where that is static, in code values of 8 bits; from the second frame on.
    pub flicker: Option<f64>,
    /// Change of the error from one frame to the next, in code values of 8 bits; from the second frame on.
    pub temporal_error: Option<f64>,
    /// SSIM of luma as FFmpeg's filter counts it; `None` if a side is below 8.
    pub ssim_y_ffmpeg: Option<f64>,
}

impl Scores {
    /// The mean of each score over those that have it.
    pub fn mean<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let all: Vec<&Self> = all.into_iter().collect();
        let over = |score: fn(&Self) -> Option<f64>| {
            let found: Vec<f64> = all.iter().filter_map(|scores| score(scores)).collect();
            (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
        };
        Self {
            psnr_y: over(|scores| Some(scores.psnr_y)).unwrap_or_default(),
            ssim_y: over(|scores| scores.ssim_y),
            ms_ssim_y: over(|scores| scores.ms_ssim_y),
            ssimulacra2: over(|scores| scores.ssimulacra2),
            flicker: over(|scores| scores.flicker),
            temporal_error: over(|scores| scores.temporal_error),
            ssim_y_ffmpeg: over(|scores| scores.ssim_y_ffmpeg),
        }
    }
}

/// Scores the frames of one clip, or one picture, in their order.
pub struct Scorer {
    border: usize,
    kernels: Box<dyn Kernels>,
    colour: bool,
    before: Option<Pair>,
}

impl Scorer {
    /// A scorer that leaves `border` pixels on each side out.
    pub const fn new(border: usize, kernels: Box<dyn Kernels>) -> Self {
        Self { border, kernels, colour: true, before: None }
    }

    /// Leaves SSIMULACRA2 out, which takes most of the time.
    #[must_use]
    pub fn without_colour(self) -> Self {
        Self { colour: false, ..self }
    }

    /// Compares an output with its reference. Both have the same size and depth.
    ///
    /// # Errors
    /// [`ConfigError`] if the frames do not fit each other, or nothing is left inside the border.
    pub fn score(&mut self, reference: &Frame, output: &Frame) -> Result<Scores, Error> {
        check(reference, output, self.border)?;
        let peak = f64::from(reference.info.format.max_value());
        // Clips of several depths have one mean.
        let to_eight_bits = 255.0 / peak;
        let luma = |frame: &Frame| {
            let plane = frame.planes().first().map(Samples::from_plane);
            Arc::new(plane.map(|samples| samples.without_border(self.border)).unwrap_or_else(Samples::empty))
        };
        let now = Pair { reference: luma(reference), output: luma(output) };
        let ssimulacra2 = self.ssimulacra2(reference, output)?;
        let before = self.before.as_ref();
        let scores = Scores {
            psnr_y: psnr(&now.reference, &now.output, peak),
            ssim_y: ssim(&now.reference, &now.output, peak),
            ms_ssim_y: ms_ssim(&now.reference, &now.output, peak),
            ssimulacra2,
            flicker: before.and_then(|before| Some(flicker(before, &now, peak)? * to_eight_bits)),
            temporal_error: before.map(|before| temporal_error(before, &now) * to_eight_bits),
            ssim_y_ffmpeg: block_ssim(&now.reference, &now.output, peak),
        };
        self.before = Some(now);
        Ok(scores)
    }

    fn ssimulacra2(&mut self, reference: &Frame, output: &Frame) -> Result<Option<f64>, Error> {
        if !self.colour || HDR_TRANSFERS.contains(&reference.info.color.transfer_code) {
            return Ok(None);
        }
        let (Some(reference), Some(output)) = (self.colour(reference)?, self.colour(output)?) else {
            return Ok(None);
        };
        Ok(compute_frame_ssimulacra2(reference, output).ok())
    }

    /// The picture inside the border as sRGB; `None` if it is too small.
    fn colour(&mut self, frame: &Frame) -> Result<Option<Rgb>, Error> {
        let picture = rgb::from_frame(frame, self.border, self.kernels.as_mut())?;
        let (width, height) = (NonZeroUsize::new(picture.width), NonZeroUsize::new(picture.height));
        let (Some(width), Some(height)) = (width, height) else { return Ok(None) };
        if picture.width.min(picture.height) < SSIMULACRA2_SIDE {
            return Ok(None);
        }
        let (transfer, primaries) = (TransferCharacteristic::SRGB, ColorPrimaries::BT709);
        Ok(Rgb::new(picture.pixels, width.get(), height.get(), transfer, primaries).ok())
    }
}

fn check(reference: &Frame, output: &Frame, border: usize) -> Result<(), ConfigError> {
    let (a, b) = (&reference.info, &output.info);
    if (a.width, a.height, a.format.depth) != (b.width, b.height, b.format.depth) {
        let tell = |width, height, depth| format!("{width}x{height} with {depth} bits");
        return Err(ConfigError {
            setting: "a frame to compare".into(),
            expected: tell(a.width, a.height, a.format.depth),
            found: tell(b.width, b.height, b.format.depth),
        });
    }
    let side = a.width.min(a.height) as usize;
    if side <= 2 * border {
        return Err(ConfigError {
            setting: "--border".into(),
            expected: format!("less than half of the {}x{} picture", a.width, a.height),
            found: border.to_string(),
        });
    }
    Ok(())
}
