//! A change of the frame rate: what it needs before it starts.

use super::drift::{Drift, drift};
use super::edits::Threads;
use super::retime::Retiming;
use crate::config::ProcessingOptions;
use crate::error::{ConfigError, Error};
use crate::frame::{BufferPool, FrameRate, MotionMode, MotionScale, Rational, TimeBase};
use crate::kernel;
use crate::model::{Execution, Model, Runtime, Task};
use crate::stage::{MotionMaker, MotionPredictor, Pacer, PacerOptions, Weaver};

/// The model that predicts.
const PREDICTOR: &str = "predict-live";
/// The same in 8 bits, as near to the truth, for ONNX Runtime's kernels on the processor; other providers have no such ones.
const CODED_PREDICTOR: &str = "predict-live-int8";
/// The classical estimate, without a network. Between two frames it was as near to the truth as a network on top of it.
const CLASSICAL: &str = "flow";

/// Difference in 8-bit code values up to which a pixel stands still. Overlays that codecs skip are equal; with more, pixels of
/// moving textures are taken for still ones by chance.
const STILL: u32 = 0;

/// Output frames at other times than the source's.
#[derive(Debug)]
pub(crate) struct RateChange {
    pacing: PacerOptions,
    /// Time base of the output's time stamps.
    output: TimeBase,
    /// None for the classical estimate.
    network: Option<(Runtime, Model)>,
    /// Source pixels along a side of a cell at full scale.
    usual: usize,
    scale: MotionScale,
}

impl RateChange {
    /// Loads the model of `options` for frames with time stamps in `time_base`; `None` at the source's rate.
    pub(crate) fn find(options: &ProcessingOptions, time_base: TimeBase) -> Result<Option<Self>, Error> {
        let motion = &options.motion;
        if !motion.adds_frames() {
            if let Some(name) = motion.model.as_deref() {
                find_model(options)?;
                tracing::warn!("--motion-model {name} has no effect: no frames are added (--fps, --conceal)");
            }
            if motion.scale != MotionScale::Full {
                tracing::warn!("--motion-scale has no effect: no frames are added (--fps, --conceal)");
            }
            return Ok(None);
        }
        Self::new(options, time_base).map(Some)
    }

    /// Loads the model of `options`, whether or not they add frames.
    pub(crate) fn new(options: &ProcessingOptions, time_base: TimeBase) -> Result<Self, Error> {
        let motion = &options.motion;
        let network = find_network(options)?;
        let of_network = network.as_ref().and_then(|(_, model)| model.manifest.shrink);
        let usual = of_network.unwrap_or(MotionPredictor::CLASSICAL_SHRINK);
        let pacing = PacerOptions {
            rate: motion.rate,
            time_base,
            mode: motion.mode,
            shrink: motion.scale.shrink(usual),
            detector: motion.detector,
            dedup: motion.dedup,
            conceal: motion.conceal,
        };
        let output = pacing.cadence()?.time_base();
        Ok(Self { pacing, output, network, usual, scale: motion.scale })
    }

    pub(super) fn model_name(&self) -> String {
        self.network.as_ref().map_or(CLASSICAL, |(_, model)| &model.manifest.name).to_owned()
    }

    /// Frames per second of the output, nominally.
    pub(super) const fn frame_rate(&self, source: Rational) -> Rational {
        match self.pacing.rate {
            FrameRate::Source => source,
            FrameRate::Fixed(rate) => rate,
            FrameRate::Multiple(multiple) => {
                Rational::new(source.num.saturating_mul(multiple as i32), source.den)
            }
        }
    }

    /// Says if frames of a source of rate `source` leave the output's grid only because its rate was rounded.
    pub(super) fn warn_of_drift(&self, source: Rational) {
        let FrameRate::Fixed(rate) = self.pacing.rate else { return };
        if let Some(Drift { nearest, seconds }) = drift(rate, source) {
            tracing::warn!(
                "{rate} frames a second is not quite a multiple of the source's {source}: after {seconds:.0} s its frames are off \
                 the output's grid, and others are made in their place; --fps {nearest} keeps them"
            );
        }
    }

    pub(super) const fn is_fixed(&self) -> bool {
        matches!(self.pacing.rate, FrameRate::Fixed(_))
    }

    /// Time base of the output's time stamps.
    pub(super) const fn time_base(&self) -> TimeBase {
        self.output
    }

    pub(super) fn stages(
        &self,
        options: &ProcessingOptions,
        threads: Threads,
        size: (u32, u32),
        pool: &BufferPool,
    ) -> Result<Retiming, Error> {
        let execution = |worker| options.execution.for_worker(worker);
        let predictors =
            (0..threads.workers).map(|worker| self.predictor(execution(worker), threads.each, size));
        Ok(Retiming {
            pacer: Pacer::new(self.pacing.clone())?,
            predictors: predictors.collect::<Result<_, _>>()?,
            weaver: Weaver::new(self.maker(options, pool)?),
        })
    }

    /// True if a network finds motion.
    pub(crate) const fn has_network(&self) -> bool {
        self.network.is_some()
    }

    /// How frames are shrunk and judged for it.
    pub(crate) const fn pacing(&self) -> &PacerOptions {
        &self.pacing
    }

    /// What finds motion in frames of `size`, on `threads` threads.
    pub(crate) fn predictor(
        &self,
        execution: Execution,
        threads: usize,
        size: (u32, u32),
    ) -> Result<MotionPredictor, Error> {
        let mode = self.pacing.mode;
        Ok(match &self.network {
            Some((runtime, model)) => {
                MotionPredictor::new(runtime, model, mode, self.scale, execution, threads, size)?
            }
            None => self.classical(self.scale),
        })
    }

    /// What finds motion without a network, in cells like the network's.
    pub(crate) fn classical(&self, scale: MotionScale) -> MotionPredictor {
        MotionPredictor::classical(self.pacing.mode, self.usual, scale)
    }

    /// What makes frames of it.
    pub(crate) fn maker(&self, options: &ProcessingOptions, pool: &BufferPool) -> Result<MotionMaker, Error> {
        Ok(MotionMaker::new(self.pacing.mode, STILL, kernel::create(options.kernels)?, pool.clone()))
    }
}

fn find_network(options: &ProcessingOptions) -> Result<Option<(Runtime, Model)>, Error> {
    let Some(model) = find_model(options)? else { return Ok(None) };
    Ok(Some((Runtime::load(options.runtime_library.as_deref())?, model)))
}

/// The network that `options` name, or the mode's own; `None` for the classical estimate.
fn find_model(options: &ProcessingOptions) -> Result<Option<Model>, Error> {
    let (motion, library) = (&options.motion, options.runtime_library.as_deref());
    let task = match motion.mode {
        MotionMode::Predict => Task::Prediction,
        MotionMode::Interpolate => Task::Interpolation,
    };
    let name = match (motion.model.as_deref(), motion.mode) {
        (Some(name), _) => name,
        (None, MotionMode::Interpolate) => CLASSICAL,
        (None, MotionMode::Predict) if Runtime::load(library)?.is_plain(options.execution.device) => {
            CODED_PREDICTOR
        }
        (None, MotionMode::Predict) => PREDICTOR,
    };
    if name == CLASSICAL {
        return Ok(None);
    }
    let model = Model::open(name, library)?;
    if model.manifest.task != task {
        return Err(ConfigError {
            setting: "--motion-model".into(),
            expected: format!("a model whose task is {task:?}, or {CLASSICAL}"),
            found: format!("{} for {:?}", model.manifest.name, model.manifest.task),
        }
        .into());
    }
    Ok(Some(model))
}
