//! How near frames made of motion are to the real ones.
//!
//! Protocols: *next*, frames k-1 and k give k+1. *Half-step*, every second frame is taken away, and is predicted from the two
//! kept ones before it. *Between*, the same frames, made of the kept ones before and after.
//!
//! Clips are judged side by side, each by one thread with methods of its own, so that no result depends on the number of
//! threads.

mod calibration;
mod clip;
mod html;
mod judge;
mod method;
mod peer;
mod protocol;
mod report;
mod worst;

pub use html::write_motion_html;
pub use report::{MotionReport, MotionRow, MotionScores, MotionTable};
pub use worst::{WorstFrame, WorstPicture};

use super::reference::{Content, Item, items, wrong};
use super::workers;
use crate::error::{ConfigError, Error};
use crate::frame::{MotionMode, MotionScale};
use crate::media::Interrupt;
use calibration::Calibration;
use clip::{ClipOutcome, ClipRow, LEAST_FRAMES, judge_clip};
use protocol::Protocol;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// What is evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MotionEvalConfig {
    /// A clip, or a folder of clips.
    pub reference: String,
    /// Prediction (next and half-step) or interpolation (between).
    pub mode: MotionMode,
    /// Names of motion models or paths of their files; each makes a row.
    pub models: Vec<String>,
    /// At what part of the models' usual size motion is found.
    pub scale: MotionScale,
    /// Frames of each clip that are read at most, at least 5; all if `None`.
    pub limit: Option<usize>,
    /// Clips judged at a time, at least 1; as many as there are processor cores if `None`.
    pub threads: Option<usize>,
    /// Frames of which pictures are kept for a report: the worst of each protocol, at most 2 of a clip.
    pub worst: usize,
    /// Adds a row for FFmpeg's filter minterpolate; for interpolation only.
    pub minterpolate: bool,
    /// The ONNX Runtime library; searched if `None`.
    pub runtime_library: Option<PathBuf>,
}

impl MotionEvalConfig {
    /// Checks the ranges.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let require = |holds: bool, setting: &str, expected: &str, found: String| {
            let error = || ConfigError { setting: setting.into(), expected: expected.into(), found };
            holds.then_some(()).ok_or_else(error)
        };
        let limit = self.limit.unwrap_or(LEAST_FRAMES);
        require(limit >= LEAST_FRAMES, "--limit", "at least 5 frames of each clip", limit.to_string())?;
        require(self.threads != Some(0), "--threads", "at least 1", "0".into())?;
        let fits = !self.minterpolate || self.mode == MotionMode::Interpolate;
        require(fits, "--compare minterpolate", "--task interpolate", "--task predict".into())
    }
}

/// Runs every method over every clip. `observer` is told how many clips are done, of how many.
///
/// # Errors
/// [`Error::Config`] for settings out of range; [`Error::Media`] if there is no clip, one has fewer than 5 frames or cannot be
/// read, or it is interrupted; [`Error::Model`] if a model cannot be used.
pub fn evaluate_motion(
    config: &MotionEvalConfig,
    interrupt: &Interrupt,
    observer: &(dyn Fn(usize, usize) + Sync),
) -> Result<MotionReport, Error> {
    config.validate()?;
    let clips: Vec<Item> =
        items(&config.reference, Content::Auto)?.into_iter().filter(|item| item.is_clip).collect();
    if clips.is_empty() {
        let remedy = "name a video, or folders of pictures of one size that are numbered without a gap";
        return Err(wrong(&config.reference, "there is no clip".into(), remedy).into());
    }
    let protocols = Protocol::of(config.mode);
    let mut tables: Vec<MotionTable> =
        protocols.iter().map(|protocol| empty_table(*protocol, &clips)).collect();
    // Pictures of all clips would be many: those that stay are chosen as clips are done.
    let worst = Mutex::new(vec![Vec::new(); tables.len()]);
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let done = |done| observer(done, clips.len());
    done(0);
    let threads = config.threads.unwrap_or_else(cores);
    let outcomes = workers::run(clips.len(), threads, interrupt, &done, |number| {
        let Some(clip) = clips.get(number) else { return Ok(Vec::new()) };
        let mut outcomes = judge_clip(config, clip, interrupt)?;
        let mut worst = worst.lock().unwrap_or_else(PoisonError::into_inner);
        for (so_far, outcome) in worst.iter_mut().zip(&mut outcomes) {
            worst::merge(so_far, std::mem::take(&mut outcome.worst), config.worst);
        }
        Ok(outcomes)
    })?;
    let mut by_table: Vec<Vec<ClipOutcome>> = tables.iter().map(|_| Vec::new()).collect();
    for of_clip in outcomes {
        by_table.iter_mut().zip(of_clip).for_each(|(all, outcome)| all.push(outcome));
    }
    let worst = worst.into_inner().unwrap_or_else(PoisonError::into_inner);
    for ((table, outcomes), worst) in tables.iter_mut().zip(by_table).zip(worst) {
        fill(table, outcomes);
        table.worst = worst;
    }
    let task = match config.mode {
        MotionMode::Predict => "predict",
        MotionMode::Interpolate => "interpolate",
    };
    let version = env!("CARGO_PKG_VERSION");
    Ok(MotionReport { version, task, reference: config.reference.clone(), tables })
}

fn empty_table(protocol: Protocol, clips: &[Item]) -> MotionTable {
    MotionTable {
        protocol: protocol.name,
        description: protocol.description,
        clips: clips.iter().map(|item| item.name.clone()).collect(),
        frames: Vec::new(),
        rows: Vec::new(),
        worst: Vec::new(),
    }
}

/// Gathers the clips, each of which has the same rows.
fn fill(table: &mut MotionTable, clips: Vec<ClipOutcome>) {
    let mut sums: Vec<Calibration> = Vec::new();
    for ClipOutcome { frames, rows, .. } in clips {
        table.frames.push(frames);
        for (index, ClipRow { method, frames, calibration }) in rows.into_iter().enumerate() {
            if table.rows.len() == index {
                sums.push(Calibration::default());
                table.rows.push(empty_row(method));
            }
            if let (Some(row), Some(sum)) = (table.rows.get_mut(index), sums.get_mut(index)) {
                row.clips.push(MotionScores::mean(&frames));
                row.psnr_rgb.push(frames.iter().map(|scores| scores.psnr_rgb).collect());
                sum.add_all(&calibration);
            }
        }
    }
    for (row, sum) in table.rows.iter_mut().zip(sums) {
        row.mean = MotionScores::mean(&row.clips);
        row.calibration = sum.means();
    }
}

fn empty_row(method: String) -> MotionRow {
    let (clips, psnr_rgb, calibration) = (Vec::new(), Vec::new(), Vec::new());
    MotionRow { method, mean: MotionScores::default(), clips, psnr_rgb, calibration }
}
