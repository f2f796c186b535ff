//! How near frames made of motion are to the real ones.
//!
//! Protocols: *next*, frames k-1 and k give k+1. *Half-step*, every second frame is taken away, and is predicted from the two
//! kept ones before it. *Between*, the same frames, made of the kept ones before and after.

use super::metrics::{Scorer, Scores};
use super::reference::{Content, Item, ReferenceReader, items, wrong};
use super::rgb;
use crate::error::Error;
use crate::frame::{Frame, MotionField, MotionMode, SmallFrame};
use crate::kernel::cpu::shrink;
use crate::kernel::{self, Composition, KernelChoice, Kernels};
use crate::media::Interrupt;
use crate::model::{Device, Model, Runtime, Task};
use crate::stage::{Gate, MotionCount, MotionPredictor};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// What is evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MotionEvalConfig {
    /// A clip, or a folder of clips.
    pub reference: String,
    /// Prediction (next and half-step) or interpolation (between).
    pub mode: MotionMode,
    /// Names of motion models or paths of their files; each makes a row.
    pub models: Vec<String>,
    /// Frames of each clip that are read at most; all if `None`.
    pub limit: Option<usize>,
    /// The ONNX Runtime library; searched if `None`.
    pub runtime_library: Option<PathBuf>,
}

/// Scores of one method on one clip, or their mean over clips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct MotionScores {
    /// PSNR of R'G'B' in dB, mean over frames.
    pub psnr_rgb: f64,
    /// The other scores, mean over frames.
    #[serde(flatten)]
    pub scores: Scores,
    /// Negative log-likelihood of luma under the predicted Laplace density, in bits; `None` without one.
    pub bits: Option<f64>,
}

/// One method.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MotionRow {
    /// `repeat`, `mix`, `flow` or a model's name; with `, gated` where past predictions decide how far it is trusted.
    pub method: String,
    /// Mean over the clips.
    pub mean: MotionScores,
    /// Each clip, in the order of [`MotionTable::clips`].
    pub clips: Vec<MotionScores>,
    /// Mean predicted scale and mean absolute error of luma, in codes of 255, in bins of rising scale.
    pub calibration: Vec<[f64; 2]>,
}

/// One protocol.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MotionTable {
    /// `next`, `half-step` or `between`.
    pub protocol: &'static str,
    /// Names of the clips.
    pub clips: Vec<String>,
    /// The methods.
    pub rows: Vec<MotionRow>,
}

/// What [`evaluate_motion`] found.
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

/// How the frames of a clip are used.
#[derive(Clone, Copy, Debug)]
struct Protocol {
    name: &'static str,
    mode: MotionMode,
    /// Frames from one used frame to the next.
    step: usize,
    tau: f32,
}

const NEXT: Protocol = Protocol { name: "next", mode: MotionMode::Predict, step: 1, tau: 1.0 };
const HALF_STEP: Protocol = Protocol { name: "half-step", mode: MotionMode::Predict, step: 2, tau: 0.5 };
const BETWEEN: Protocol = Protocol { name: "between", mode: MotionMode::Interpolate, step: 2, tau: 0.5 };

impl Protocol {
    /// The numbers of the first frame, the other one, and the wanted one, in a clip of `count` frames.
    fn triples(self, count: usize) -> Vec<[usize; 3]> {
        if self.step == 1 {
            return (1..count.saturating_sub(1)).map(|k| [k, k - 1, k + 1]).collect();
        }
        // The same wanted frames for half-step and between.
        let wanted = (3..count.saturating_sub(1)).step_by(2);
        let other = |wanted: usize| match self.mode {
            MotionMode::Predict => wanted - 3,
            MotionMode::Interpolate => wanted + 1,
        };
        wanted.map(|wanted| [wanted - 1, other(wanted), wanted]).collect()
    }
}

/// A way to make the wanted frame.
enum Method {
    Repeat,
    Mix,
    Motion(Box<MotionPredictor>),
}

/// Bins of the calibration, by the logarithm of the scale.
const BINS: usize = 6;

/// Runs every method over every clip.
///
/// # Errors
/// [`Error::Media`] if there is no clip of at least 4 frames; [`Error::Model`] if a model cannot be used.
pub fn evaluate_motion(
    config: &MotionEvalConfig,
    interrupt: &Interrupt,
    observer: &(dyn Fn(usize, usize) + Sync),
) -> Result<MotionReport, Error> {
    let clips: Vec<Item> =
        items(&config.reference, Content::Auto)?.into_iter().filter(|item| item.is_clip).collect();
    if clips.is_empty() {
        return Err(wrong(
            &config.reference,
            "there is no clip".into(),
            "name a video or folders of numbered pictures",
        )
        .into());
    }
    let (task, protocols) = match config.mode {
        MotionMode::Predict => ("predict", vec![NEXT, HALF_STEP]),
        MotionMode::Interpolate => ("interpolate", vec![BETWEEN]),
    };
    let total = clips.len() * protocols.len();
    let mut tables: Vec<MotionTable> = Vec::new();
    for protocol in protocols {
        let names = clips.iter().map(|item| item.name.clone()).collect();
        let mut table = MotionTable { protocol: protocol.name, clips: names, rows: Vec::new() };
        for (number, clip) in clips.iter().enumerate() {
            observer(tables.len() * clips.len() + number, total);
            let frames = read(clip, config.limit, interrupt)?;
            let rows = methods(config)?.into_iter().map(|(name, method, gated)| {
                let name = if gated { format!("{name}, gated") } else { name };
                Judge::new(protocol, gated)?.run(&frames, method).map(|judged| (name, judged))
            });
            for (index, row) in rows.enumerate() {
                let (method, (scores, bins)) = row?;
                if table.rows.len() == index {
                    let mean = MotionScores::default();
                    table.rows.push(MotionRow {
                        method,
                        mean,
                        clips: Vec::new(),
                        calibration: vec![[0.0; 2]; BINS],
                    });
                }
                if let Some(row) = table.rows.get_mut(index) {
                    row.clips.push(scores);
                    row.calibration = merged(&row.calibration, &bins, number);
                }
            }
        }
        for row in &mut table.rows {
            row.mean = mean(&row.clips);
            row.calibration.retain(|bin| bin.iter().any(|value| *value > 0.0));
        }
        tables.push(table);
    }
    let version = env!("CARGO_PKG_VERSION");
    Ok(MotionReport { version, task, reference: config.reference.clone(), tables })
}

/// The rows: name, method, and whether past predictions gate it.
fn methods(config: &MotionEvalConfig) -> Result<Vec<(String, Method, bool)>, Error> {
    let motion = |predictor| Method::Motion(Box::new(predictor));
    let mut all = vec![("repeat".to_owned(), Method::Repeat, false), ("mix".to_owned(), Method::Mix, false)];
    let both = |all: &mut Vec<_>, name: &str, make: &dyn Fn() -> Result<MotionPredictor, Error>| {
        all.push((name.to_owned(), motion(make()?), false));
        if config.mode == MotionMode::Predict {
            all.push((name.to_owned(), motion(make()?), true));
        }
        Ok::<(), Error>(())
    };
    both(&mut all, "flow", &|| Ok(MotionPredictor::classical(config.mode)))?;
    let library = config.runtime_library.as_deref();
    for name in &config.models {
        let model = Model::open(name, library)?;
        let task = match config.mode {
            MotionMode::Predict => Task::Prediction,
            MotionMode::Interpolate => Task::Interpolation,
        };
        if model.manifest.task != task {
            return Err(crate::error::ConfigError {
                setting: "--model".into(),
                expected: format!("a model whose task is {task:?}"),
                found: format!("{name} for {:?}", model.manifest.task),
            }
            .into());
        }
        let runtime = Runtime::load(library)?;
        let name = model.manifest.name.clone();
        both(&mut all, &name, &|| Ok(MotionPredictor::new(&runtime, &model, config.mode, Device::Auto, 1)?))?;
    }
    Ok(all)
}

fn read(
    clip: &Item,
    limit: Option<usize>,
    interrupt: &Interrupt,
) -> Result<Vec<(Frame, Arc<SmallFrame>)>, Error> {
    let mut reader = ReferenceReader::open(&clip.location, 1, true, limit, interrupt.clone())?;
    let mut frames = Vec::new();
    while let Some(frame) = reader.next()? {
        let mut small = SmallFrame::default();
        shrink(&frame, 4, &mut small)?;
        frames.push((frame, Arc::new(small)));
    }
    if frames.len() < 5 {
        let problem = format!("it has {} frames", frames.len());
        return Err(wrong(&clip.location, problem, "use clips of at least 5 frames").into());
    }
    Ok(frames)
}

/// Judges one method on one clip.
struct Judge {
    protocol: Protocol,
    kernels: Box<dyn Kernels>,
    scorer: Scorer,
    gate: Option<Gate>,
    count: MotionCount,
    bins: Bins,
}

/// For each bin: sums of predicted scale and of absolute error, and how many.
type Bins = [[f64; 3]; BINS];

impl Judge {
    fn new(protocol: Protocol, gated: bool) -> Result<Self, Error> {
        Ok(Self {
            protocol,
            kernels: kernel::create(KernelChoice::Cpu)?,
            scorer: Scorer::new(0, kernel::create(KernelChoice::Cpu)?).without_colour(),
            gate: gated.then(Gate::default),
            count: MotionCount::default(),
            bins: Bins::default(),
        })
    }

    fn run(
        mut self,
        frames: &[(Frame, Arc<SmallFrame>)],
        mut method: Method,
    ) -> Result<(MotionScores, Bins), Error> {
        let mut all = Vec::new();
        for triple in self.protocol.triples(frames.len()) {
            let [Some(first), Some(other), Some(wanted)] = triple.map(|index| frames.get(index)) else {
                continue;
            };
            if let Some(gate) = &mut self.gate {
                gate.score(&first.1, &mut self.count);
            }
            let (made, bits) = self.make(&mut method, first, other, &wanted.0)?;
            let psnr_rgb = self.psnr_rgb(&wanted.0, &made)?;
            let scores = self.scorer.score(&wanted.0, &made)?;
            all.push(MotionScores { psnr_rgb, scores, bits });
        }
        Ok((mean(&all), self.bins))
    }

    fn make(
        &mut self,
        method: &mut Method,
        first: &(Frame, Arc<SmallFrame>),
        other: &(Frame, Arc<SmallFrame>),
        wanted: &Frame,
    ) -> Result<(Frame, Option<f64>), Error> {
        let tau = self.protocol.tau;
        let field = match method {
            Method::Repeat => return Ok((first.0.clone(), None)),
            Method::Mix => MotionField::uniform(first.1.source, 4, [0.0; 2], [0.0; 2], 0.0),
            Method::Motion(predictor) => {
                predictor.estimate(&first.1, &other.1);
                predictor.field(&first.1, &other.1, tau)?
            }
        };
        let is_motion = matches!(method, Method::Motion(_));
        let mut own = Gate::default();
        let gate = self.gate.as_mut().unwrap_or(&mut own).share(&field, tau).to_vec();
        let mut made = Frame::allocate(wanted.info.clone(), None);
        let composition =
            Composition { field: &field, first: &first.0, other: &other.0, gate: Some(&gate), still: None };
        self.kernels.compose(&composition, &mut made)?;
        let bits = is_motion.then(|| likelihood(&field, wanted, &made, &mut self.bins));
        if let Some(gate) = &mut self.gate {
            gate.expect(field, tau, &first.1, &other.1);
        }
        Ok((made, bits))
    }

    fn psnr_rgb(&mut self, wanted: &Frame, made: &Frame) -> Result<f64, Error> {
        let a = rgb::from_frame(wanted, 0, self.kernels.as_mut())?;
        let b = rgb::from_frame(made, 0, self.kernels.as_mut())?;
        let code = |value: f32| f64::from((value * 255.0).round());
        let pairs = a.pixels.iter().flatten().zip(b.pixels.iter().flatten());
        let sum: f64 = pairs.map(|(a, b)| (code(*a) - code(*b)).powi(2)).sum();
        let error = sum / (3 * a.pixels.len()).max(1) as f64;
        Ok(10.0 * (255.0f64.powi(2) / error.max(1e-9)).log10())
    }
}

/// Mean negative log-likelihood of luma in bits for each code, each pixel having the scale of its cell.
fn likelihood(field: &MotionField, wanted: &Frame, made: &Frame, bins: &mut Bins) -> f64 {
    let [Some(wanted), Some(made)] = [wanted, made].map(|frame| frame.planes().first()) else { return 0.0 };
    let (mut bits, mut count) = (0.0, 0u64);
    for (y, (wanted, made)) in wanted.rows().zip(made.rows()).enumerate() {
        let row = y / field.shrink * field.width;
        for (x, (wanted, made)) in wanted.iter().zip(made).enumerate() {
            let log_scale = field.log_scale.get(row + x / field.shrink).copied().unwrap_or_default();
            let scale = (255.0 * f64::from(log_scale.exp())).max(0.1);
            let error = f64::from(wanted.abs_diff(*made));
            bits += (2.0 * scale).log2() + error / scale * std::f64::consts::LOG2_E;
            count += 1;
            let bin = (scale.log2().max(0.0) as usize).min(BINS - 1);
            if let Some(sums) = bins.get_mut(bin) {
                sums.iter_mut().zip([scale, error, 1.0]).for_each(|(sum, value)| *sum += value);
            }
        }
    }
    bits / count.max(1) as f64
}

/// The means of the bins so far, over `clips` clips, and of one more.
fn merged(so_far: &[[f64; 2]], bins: &Bins, clips: usize) -> Vec<[f64; 2]> {
    let one_more = |(mean, [scale, error, count]): (&[f64; 2], &[f64; 3])| {
        if *count == 0.0 {
            return *mean;
        }
        let new = [scale / count, error / count];
        if mean.iter().all(|value| *value == 0.0) {
            return new;
        }
        let [a, b] = [0, 1].map(|index| (mean.get(index), new.get(index)));
        [a, b].map(|pair| match pair {
            (Some(mean), Some(new)) => (mean * clips as f64 + new) / (clips + 1) as f64,
            _ => 0.0,
        })
    };
    so_far.iter().zip(bins).map(one_more).collect()
}

fn mean(all: &[MotionScores]) -> MotionScores {
    let over =
        |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
    MotionScores {
        psnr_rgb: over(all.iter().map(|scores| scores.psnr_rgb).collect()).unwrap_or_default(),
        scores: Scores::mean(all.iter().map(|scores| &scores.scores)),
        bits: over(all.iter().filter_map(|scores| scores.bits).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_use_the_frames_that_they_say() {
        assert_eq!(NEXT.triples(5), [[1, 0, 2], [2, 1, 3], [3, 2, 4]]);
        assert_eq!(HALF_STEP.triples(8), [[2, 0, 3], [4, 2, 5]]);
        assert_eq!(BETWEEN.triples(8), [[2, 4, 3], [4, 6, 5]]);
    }
}
