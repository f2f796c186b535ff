//! Makes frames of motion and scores them.

use super::super::metrics::Scorer;
use super::super::rgb::{self, RgbPicture};
use super::super::temporal::{Pair, flicker, temporal_error, temporal_information_error};
use super::calibration::Calibration;
use super::clip::ClipFrame;
use super::report::MotionScores;
use crate::error::Error;
use crate::frame::{Frame, MotionField};
use crate::kernel::{self, Composition, KernelChoice, Kernels};
use crate::stage::{Camera, Estimate, Gate, MotionCount};

/// The frames around a wanted one.
pub(super) struct Moment<'a> {
    pub(super) first: &'a ClipFrame,
    pub(super) other: &'a ClipFrame,
    pub(super) truth: &'a ClipFrame,
    pub(super) truth_rgb: &'a RgbPicture,
    /// The real frame that is shown after the made one; `None` if that is made as well.
    pub(super) after: Option<&'a ClipFrame>,
    /// When the wanted frame is, in steps from the first frame.
    pub(super) tau: f32,
}

/// A frame that was made.
pub(super) struct Made {
    pub(super) frame: Frame,
    /// The motion, and the share of it for each of its cells; `None` if the first frame was repeated.
    pub(super) motion: Option<(MotionField, Vec<f32>)>,
}

/// What the frames so far tell of predictions.
#[derive(Default)]
struct Past {
    gate: Gate,
    camera: Camera,
    count: MotionCount,
}

/// Makes and judges the frames of one method in one clip.
pub(super) struct Judge {
    kernels: Box<dyn Kernels>,
    scorer: Scorer,
    /// What past frames tell; `None` where they are not asked.
    past: Option<Past>,
    has_scale: bool,
    /// What was shown last.
    shown: Option<Pair>,
    pub(super) frames: Vec<MotionScores>,
    pub(super) calibration: Calibration,
}

impl Judge {
    /// A judge of a method with or without a predicted scale; `gated` if past predictions decide how far it is trusted.
    pub(super) fn new(has_scale: bool, gated: bool) -> Result<Self, Error> {
        Ok(Self {
            kernels: kernel::create(KernelChoice::Cpu)?,
            scorer: Scorer::new(0, kernel::create(KernelChoice::Cpu)?).without_colour(),
            past: gated.then(Past::default),
            has_scale,
            shown: None,
            frames: Vec::new(),
            calibration: Calibration::default(),
        })
    }

    /// Makes the wanted frame by `field`, which `estimate` led to, or by repeating the first one. Frames come in their order.
    pub(super) fn make(
        &mut self,
        field: Option<MotionField>,
        estimate: Option<&Estimate>,
        moment: &Moment<'_>,
    ) -> Result<Made, Error> {
        let Moment { first, other, truth, tau, .. } = *moment;
        let Some(mut field) = field else {
            return Ok(Made { frame: first.frame.clone(), motion: None });
        };
        let mut nothing_known = Gate::default();
        let (share, sharpness) = match &mut self.past {
            Some(Past { gate, camera, count }) => {
                if let Some(small) = first.small(field.shrink) {
                    gate.score(small, count);
                }
                if let Some(estimate) = estimate {
                    camera.learn(estimate.clone(), 1);
                }
                camera.correct(&mut field, tau);
                gate.trust(&field, tau)
            }
            None => nothing_known.trust(&field, tau),
        };
        let mut frame = Frame::allocate(truth.frame.info.clone(), None);
        let composition = Composition {
            field: &field,
            first: &first.frame,
            other: &other.frame,
            gate: Some(share),
            still: None,
            sharpness: Some(sharpness),
        };
        self.kernels.compose(&composition, &mut frame)?;
        let share = share.to_vec();
        let smalls = first.small(field.shrink).zip(other.small(field.shrink));
        if let (Some(Past { gate, .. }), Some((first, other))) = (&mut self.past, smalls) {
            gate.expect(field.clone(), tau, first, other);
        }
        Ok(Made { frame, motion: Some((field, share)) })
    }

    /// Scores a made frame; returns its PSNR.
    pub(super) fn score(&mut self, made: &Made, moment: &Moment<'_>) -> Result<f64, Error> {
        let truth = &moment.truth.frame;
        let mut scores = self.scorer.score(truth, &made.frame)?;
        let steps = self.steps(made, moment);
        let peak = f64::from(truth.info.format.max_value());
        let over = |score: &dyn Fn(&Pair, &Pair) -> Option<f64>| {
            let found: Vec<f64> = steps.iter().filter_map(|[before, now]| score(before, now)).collect();
            (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
        };
        scores.flicker = over(&|before, now| flicker(before, now, peak));
        scores.temporal_error = over(&|before, now| Some(temporal_error(before, now)));
        let information = over(&|before, now| temporal_information_error(before, now, peak));
        let scale = made.motion.as_ref().filter(|_| self.has_scale);
        let bits = scale.map(|(field, _)| self.calibration.add_frame(field, truth, &made.frame));
        let psnr_rgb = psnr_rgb(moment.truth_rgb, &made.frame, self.kernels.as_mut())?;
        self.frames.push(MotionScores { psnr_rgb, scores, temporal_information_error: information, bits });
        Ok(psnr_rgb)
    }

    /// The steps of the shown sequence that lead to the made frame and on from it.
    fn steps(&mut self, made: &Made, moment: &Moment<'_>) -> Vec<[Pair; 2]> {
        let output = super::clip::luma(&made.frame);
        let now = Pair { reference: moment.truth.luma.clone(), output };
        let last = self.shown.replace(now.clone());
        let Some(after) = moment.after else {
            return last.map(|last| [last, now]).into_iter().collect();
        };
        vec![[Pair::same(&moment.first.luma), now.clone()], [now, Pair::same(&after.luma)]]
    }
}

fn psnr_rgb(truth: &RgbPicture, made: &Frame, kernels: &mut dyn Kernels) -> Result<f64, Error> {
    let made = rgb::from_frame(made, 0, kernels)?;
    let code = |value: f32| f64::from((value * 255.0).round());
    let pairs = truth.pixels.iter().flatten().zip(made.pixels.iter().flatten());
    let sum: f64 = pairs.map(|(a, b)| (code(*a) - code(*b)).powi(2)).sum();
    let error = sum / (3 * truth.pixels.len()).max(1) as f64;
    Ok(10.0 * (255.0f64.powi(2) / error.max(1e-9)).log10())
}
