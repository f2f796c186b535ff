//! What an evaluation of motion found, in the form in which it is written as JSON.

use super::super::Scores;
use super::worst::WorstFrame;
use serde::Serialize;

/// Scores of one method on one frame or clip, or their mean over frames or clips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct MotionScores {
    /// PSNR of R'G'B' in dB, mean over frames.
    pub psnr_rgb: f64,
    /// The other scores, mean over frames. `flicker` and `temporal_error` are of the sequence as it is shown, as is
    /// `temporal_information_error`.
    #[serde(flatten)]
    pub scores: Scores,
    /// How far the change from frame to frame is from that of the real frames: 0 is as smooth and as sharp as they, 6 dB is
    /// half or double the change. `None` where the picture is smaller than 8 x 8.
    ///
    /// The mean of `|20 log10(TI(shown) / TI(real))|` over blocks of 8 x 8 luma samples and the steps of the shown sequence:
    /// real, made, real, made where every second frame is made, else made after made. TI is the temporal information of ITU-T
    /// P.910, the standard deviation of the difference of two frames, over each block and at least 3 code values of 255.
    /// It is not the error in other words: a made frame that is blurred, or stands still, changes too little at one step or
    /// too much at the next, while one that is merely displaced by a little changes as much as the real one.
    pub temporal_information_error: Option<f64>,
    /// Negative log-likelihood of luma under the predicted Laplace density, in bits; `None` without one.
    pub bits: Option<f64>,
}

impl MotionScores {
    /// The mean of each score over those that have it.
    pub(super) fn mean(all: &[Self]) -> Self {
        let over =
            |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        let information = all.iter().filter_map(|scores| scores.temporal_information_error);
        Self {
            psnr_rgb: over(all.iter().map(|scores| scores.psnr_rgb).collect()).unwrap_or_default(),
            scores: Scores::mean(all.iter().map(|scores| &scores.scores)),
            temporal_information_error: over(information.collect()),
            bits: over(all.iter().filter_map(|scores| scores.bits).collect()),
        }
    }
}

/// One method.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MotionRow {
    /// `repeat`, `mix`, `flow`, a model's name, or `minterpolate`; with `, gated` where past predictions decide how far it
    /// is trusted.
    pub method: String,
    /// Mean over the clips.
    pub mean: MotionScores,
    /// Each clip, in the order of [`MotionTable::clips`].
    pub clips: Vec<MotionScores>,
    /// PSNR of R'G'B' in dB of each made frame of each clip, in the order of [`MotionTable::frames`].
    pub psnr_rgb: Vec<Vec<f64>>,
    /// Mean predicted scale and mean absolute error of luma, in codes of 255, over the pixels of all clips in bins of
    /// rising scale: below 2, 4, 8, 16, 32, and above. Empty without a predicted scale.
    pub calibration: Vec<[f64; 2]>,
}

/// One protocol.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MotionTable {
    /// `next`, `half-step` or `between`.
    pub protocol: &'static str,
    /// What is made of what.
    pub description: &'static str,
    /// Names of the clips.
    pub clips: Vec<String>,
    /// Numbers, from 0, of the made frames of each clip.
    pub frames: Vec<Vec<usize>>,
    /// The methods.
    pub rows: Vec<MotionRow>,
    /// The worst frames of one method, the worst first, to look at.
    #[serde(skip)]
    pub worst: Vec<WorstFrame>,
}

/// What [`evaluate_motion`](super::evaluate_motion) found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MotionReport {
    /// Version of framecast.
    pub version: &'static str,
    /// `predict` or `interpolate`.
    pub task: &'static str,
    /// The reference.
    pub reference: String,
    /// The protocols.
    pub tables: Vec<MotionTable>,
}
