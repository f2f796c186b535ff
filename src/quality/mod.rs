//! How good a picture is: metrics, and the protocols by which super-resolution is judged.
//!
//! [`evaluate`] makes large pictures small, enlarges them again by interpolation and by models, and compares; it runs
//! models through the [`engine`](crate::engine), as a run does. [`compare`] compares two existing files; [`evaluate_motion`]
//! judges frames made of motion.

mod camera;
mod compare;
mod config;
mod degrade;
mod enlarge;
mod evaluate;
mod html;
mod metrics;
mod motion;
mod plot;
mod reference;
mod report;
mod resize;
mod rgb;
mod sample;
mod samples;
mod similarity;
mod temporal;
mod timing;
mod workers;

pub use compare::{CompareConfig, Comparison, compare};
pub use config::EvalConfig;
pub use degrade::Degradation;
pub use enlarge::Method;
pub use evaluate::{EvalProgress, evaluate};
pub use html::{check_html, write_html};
pub use metrics::{Scorer, Scores};
pub use motion::{
    MotionEvalConfig, MotionReport, MotionRow, MotionScores, MotionTable, WorstFrame, WorstPicture,
    evaluate_motion, write_motion_html,
};
pub use reference::{Content, Item, items};
pub use report::{ItemScores, MethodInfo, Report, Row, SampleSet, Table, Time};
pub use resize::{Interpolation, blur, resize};
pub use sample::Sample;
pub use samples::Samples;
pub use similarity::{block_ssim, mean_squared_error, ms_ssim, psnr, ssim};
