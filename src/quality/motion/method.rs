//! The ways to make a frame.

use super::MotionEvalConfig;
use super::clip::ClipFrame;
use crate::error::{ConfigError, Error};
use crate::frame::{MotionField, MotionMode};
use crate::model::{Execution, Model, Runtime, Task};
use crate::stage::{Estimate, MotionPredictor};

const CLASSICAL_SHRINK: usize = MotionPredictor::CLASSICAL_SHRINK;

/// How the motion is found.
pub(super) enum Method {
    /// The first frame is shown again.
    Repeat,
    /// Both frames, half of each.
    Mix,
    /// Classical flow, with a network or alone.
    Motion(Box<MotionPredictor>),
}

impl Method {
    /// The motion to the moment `tau`, `None` if the first frame is shown again; and the classical estimate that a prediction
    /// began with.
    pub(super) fn field(
        &mut self,
        first: &ClipFrame,
        other: &ClipFrame,
        tau: f32,
    ) -> Result<(Option<MotionField>, Option<Estimate>), Error> {
        match self {
            Self::Repeat => Ok((None, None)),
            Self::Mix => {
                let source = (first.frame.info.width, first.frame.info.height);
                Ok((Some(MotionField::uniform(source, CLASSICAL_SHRINK, [0.0; 2], [0.0; 2], 0.0)), None))
            }
            Self::Motion(predictor) => {
                let smalls = [first, other].map(|frame| frame.small(predictor.shrink()));
                let [Some(first), Some(other)] = smalls else { return Ok((None, None)) };
                let estimate = predictor.estimate(first, other);
                Ok((Some(predictor.field(first, other, tau)?), estimate))
            }
        }
    }

    /// True if the motion comes with a predicted scale of the error.
    pub(super) const fn has_scale(&self) -> bool {
        matches!(self, Self::Motion(..))
    }

    /// Source pixels along a side of the cells of the motion; `None` if none is found.
    pub(super) const fn shrink(&self) -> Option<usize> {
        match self {
            Self::Motion(predictor) => Some(predictor.shrink()),
            Self::Repeat | Self::Mix => None,
        }
    }
}

/// All methods by name, new, as they forget nothing: repeat, mix, flow, then the models.
pub(super) fn methods(config: &MotionEvalConfig) -> Result<Vec<(String, Method)>, Error> {
    let flow = MotionPredictor::classical(config.mode, CLASSICAL_SHRINK, config.scale);
    let mut all = vec![
        ("repeat".to_owned(), Method::Repeat),
        ("mix".to_owned(), Method::Mix),
        ("flow".to_owned(), Method::Motion(Box::new(flow))),
    ];
    for name in &config.models {
        all.push(network(name, config)?);
    }
    Ok(all)
}

/// Size of frames for which networks are prepared; they take others too.
const TYPICAL: (u32, u32) = (854, 480);

fn network(name: &str, config: &MotionEvalConfig) -> Result<(String, Method), Error> {
    let library = config.runtime_library.as_deref();
    let model = Model::open(name, library)?;
    let task = match config.mode {
        MotionMode::Predict => Task::Prediction,
        MotionMode::Interpolate => Task::Interpolation,
    };
    if model.manifest.task != task {
        return Err(ConfigError {
            setting: "--model".into(),
            expected: format!("a model whose task is {task:?}"),
            found: format!("{name} for {:?}", model.manifest.task),
        }
        .into());
    }
    let runtime = Runtime::load(library)?;
    let (mode, scale) = (config.mode, config.scale);
    let predictor = MotionPredictor::new(&runtime, &model, mode, scale, Execution::CPU, 1, TYPICAL)?;
    Ok((model.manifest.name.clone(), Method::Motion(Box::new(predictor))))
}
