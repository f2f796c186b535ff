//! What is done to every captured frame, on one thread: it is steadied, edited and enlarged.

use super::LeftOut;
use super::parts::geometry;
use crate::config::{MotionOptions, ProcessingOptions, Target};
use crate::error::Error;
use crate::frame::{BufferPool, Frame, FrameInfo};
use crate::kernel;
use crate::media::InputDescription;
use crate::model::{DEFAULT_MODEL, RunningNetwork, SMALL_MODEL};
use crate::pipeline::{ChainOptions, Clock, Edit, Plan, Workload};
use crate::stage::{Composer, Geometry, ModelChain, Steadier, Upscaled};
use std::sync::Arc;

/// The way that enlarges without a network.
const RESAMPLED: &str = "resampled";

/// One way to enlarge frames: a network, or none, and what makes the output frame of it.
struct Way {
    name: String,
    chain: Option<ModelChain>,
    composer: Composer,
}

impl Way {
    fn process(&mut self, source: Frame) -> Result<Frame, Error> {
        let network = match &mut self.chain {
            Some(chain) => Some(chain.process(&source)?),
            None => None,
        };
        self.composer.process(Upscaled { source, network })
    }
}

/// Makes output frames of captured ones, which come in order.
pub(super) struct Enlarger {
    steadier: Option<Steadier>,
    /// What happens to captured frames.
    before: Vec<Edit>,
    /// The best one first.
    ways: Vec<Way>,
    /// What happens to output frames, whichever way they came.
    after: Vec<Edit>,
}

impl Enlarger {
    /// For output frames of geometry `target`.
    pub(super) fn new(
        processing: &ProcessingOptions,
        description: &InputDescription,
        target: Geometry,
        pool: &BufferPool,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let making = Making { processing, description, target, pool, clock };
        let ChainOptions { steadier, before, after, .. } = making.edits()?;
        let mut enlarger = Self { steadier, before, ways: making.ways()?, after };
        enlarger.warm_up(&making)?;
        Ok(enlarger)
    }

    /// The names of the ways.
    pub(super) fn names(&self) -> Vec<String> {
        self.ways.iter().map(|way| way.name.clone()).collect()
    }

    /// Where the networks run.
    pub(super) fn running(&self) -> Vec<RunningNetwork> {
        let ways = self.ways.iter().filter_map(|way| way.chain.as_ref()).flat_map(ModelChain::running);
        let (before, after) = (self.before.iter(), self.after.iter());
        before.flat_map(Edit::running).chain(ways).chain(after.flat_map(Edit::running)).collect()
    }

    /// The output frame of a captured one, enlarged by one of the ways, without the edits that are left out.
    pub(super) fn process(
        &mut self,
        mut frame: Frame,
        way: usize,
        left_out: LeftOut,
    ) -> Result<Frame, Error> {
        if let Some(steadier) = &mut self.steadier {
            frame = steadier.process(frame);
        }
        frame = edited(frame, &mut self.before, left_out)?;
        frame = match self.ways.get_mut(way) {
            Some(way) => way.process(frame)?,
            None => return Err(Error::Panic { stage: "upscale".into(), message: format!("no way {way}") }),
        };
        edited(frame, &mut self.after, left_out)
    }

    /// Runs every network once: the first run of a network takes several times as long as the others.
    fn warm_up(&mut self, making: &Making<'_>) -> Result<(), Error> {
        let blank = making.blank();
        self.before.iter_mut().try_for_each(|edit| edit.warm_up(&blank))?;
        for way in &mut self.ways {
            let enlarged = way.process(blank.clone())?;
            // All ways make frames of one size: one is enough.
            let after = if way.chain.is_none() { self.after.as_mut_slice() } else { &mut [] };
            after.iter_mut().try_for_each(|edit| edit.warm_up(&enlarged))?;
        }
        Ok(())
    }
}

fn edited(frame: Frame, edits: &mut [Edit], left_out: LeftOut) -> Result<Frame, Error> {
    let is_made = |edit: &&mut Edit| match edit {
        Edit::Style(..) => !left_out.style,
        Edit::Denoise(..) => !left_out.denoise,
        Edit::Enhance(..) => !left_out.low_light,
    };
    edits.iter_mut().filter(is_made).try_fold(frame, |frame, edit| edit.process(frame))
}

/// What an [`Enlarger`] is made from.
struct Making<'a> {
    processing: &'a ProcessingOptions,
    description: &'a InputDescription,
    target: Geometry,
    pool: &'a BufferPool,
    clock: &'a Arc<dyn Clock>,
}

impl Making<'_> {
    /// What is done whichever way frames are enlarged: all but super-resolution.
    fn edits(&self) -> Result<ChainOptions, Error> {
        self.stages(ProcessingOptions {
            target: Target::Factor(1),
            models: Vec::new(),
            model_arguments: Vec::new(),
            detail: None,
            ..self.processing.clone()
        })
    }

    /// The ways to enlarge, the best one first.
    fn ways(&self) -> Result<Vec<Way>, Error> {
        let source = geometry(self.description);
        let enlarges = self.target.width > source.width || self.target.height > source.height;
        let mut choices: Vec<Vec<String>> = Vec::new();
        if !self.processing.models.is_empty() {
            choices.push(self.processing.models.clone());
        } else if enlarges {
            choices.push(vec![DEFAULT_MODEL.into()]);
        }
        if enlarges && choices.iter().flatten().all(|model| model != SMALL_MODEL) {
            choices.push(vec![SMALL_MODEL.into()]);
        }
        let mut ways = choices.into_iter().map(|models| self.way(models)).collect::<Result<Vec<_>, _>>()?;
        let kernels = kernel::create(self.processing.kernels)?;
        let aspect = self.description.video.sample_aspect_ratio;
        let (dither, pool) = (self.processing.dither, self.pool.clone());
        let composer = Composer::new(source, None, self.target, aspect, dither, kernels, pool);
        ways.push(Way { name: RESAMPLED.into(), chain: None, composer });
        Ok(ways)
    }

    fn way(&self, models: Vec<String>) -> Result<Way, Error> {
        let name = models.join(" + ");
        let ChainOptions { upscalers, composer, .. } = self.stages(ProcessingOptions {
            models,
            denoise: None,
            enhance: None,
            style: None,
            static_threshold: 0,
            ..self.processing.clone()
        })?;
        Ok(Way { name, chain: upscalers.into_iter().next(), composer })
    }

    fn stages(&self, options: ProcessingOptions) -> Result<ChainOptions, Error> {
        let options = ProcessingOptions {
            threads: Some(options.threads.unwrap_or(1)),
            motion: MotionOptions::default(),
            ..options
        };
        let (video, turned) = (&self.description.video, self.description.is_turned());
        let (source, aspect) = (geometry(self.description), video.sample_aspect_ratio);
        let mut plan = Plan::new(source, aspect, video.time_base, turned, Workload::Live, &options)?;
        plan.stages(&options, self.target, aspect, self.pool, self.clock.clone())
    }

    fn blank(&self) -> Frame {
        let video = &self.description.video;
        let info = FrameInfo {
            color: video.color,
            sample_aspect_ratio: video.sample_aspect_ratio,
            ..FrameInfo::new(video.width, video.height, video.format)
        };
        let mut blank = Frame::allocate(info, Some(self.pool));
        blank.planes_mut().iter_mut().for_each(|plane| plane.rows_mut().for_each(|row| row.fill(0)));
        blank
    }
}
