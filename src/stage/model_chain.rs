//! Networks that run one after the other on a frame, with the pictures between them.

use super::{Composer, Geometry, ReuseCount, Upscaled, Upscaler};
use crate::error::{Error, KernelError};
use crate::frame::{BufferPool, Frame, PixelFormat, Rational};
use crate::kernel::Kernels;
use crate::model::{Manifest, Model, RunningNetwork};
use std::time::Duration;

/// One network, and what brings the picture before it into the form that it takes.
struct Step {
    /// Gives a luma picture the chroma of the last colour picture, for a network that takes colour.
    join: Option<Composer>,
    upscaler: Upscaler,
    gives_colour: bool,
}

/// Runs networks in turn: luma networks pass luma on, and its chroma follows, resampled, where a colour network comes
/// next.
pub struct ModelChain {
    steps: Vec<Step>,
    /// Joins luma with chroma at the end, where a colour network came before the last luma network.
    finish: Option<Composer>,
}

impl std::fmt::Debug for ModelChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.steps.iter().map(|step| &step.upscaler)).finish()
    }
}

/// The pictures of a chain: sizes and formats between its networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flow {
    /// The last picture with colour of its own.
    colour: Geometry,
    /// The last picture.
    last: Geometry,
}

impl Flow {
    const fn new(source: Geometry) -> Self {
        Self { colour: source, last: source }
    }

    /// What joining luma and chroma gives, if there is chroma to join.
    fn joined(&self) -> Option<Geometry> {
        let lacks_colour = self.last.format.color_planes() < self.colour.format.color_planes();
        let format = PixelFormat { alpha: false, ..self.colour.format };
        lacks_colour.then_some(Geometry { format, ..self.last })
    }

    /// Goes through a network; the first value is what it needs joined before.
    fn step(&mut self, manifest: &Manifest) -> Option<(Self, Geometry)> {
        let before = *self;
        let takes_colour = manifest.input.colour.channels() > 1;
        let join = self.joined().filter(|_| takes_colour).map(|joined| {
            *self = Self::new(joined);
            (before, joined)
        });
        let (from, scale) = (self.last, manifest.scale as u32);
        let color = manifest.unpack_spec(false).tensor.color;
        let (width, height) = (from.width * scale, from.height * scale);
        self.last = Geometry {
            width,
            height,
            format: color.picture_format(self.colour.format),
            color: from.color.for_size((from.width, from.height), (width, height)),
        };
        if color.channels() > 1 {
            self.colour = self.last;
        }
        join
    }

    /// What is to be joined at the end: chroma that is not the source's.
    fn end(&self, source: Geometry) -> Option<Geometry> {
        self.joined().filter(|_| self.colour != source)
    }
}

/// Geometry of what a chain of networks makes of frames of `source`.
pub fn chain_output(models: &[Model], source: Geometry) -> Geometry {
    let mut flow = Flow::new(source);
    for model in models {
        flow.step(&model.manifest);
    }
    flow.end(source).unwrap_or(flow.last)
}

/// What the pictures between networks are made with.
pub struct JoinOptions<'a> {
    /// Makes kernels for one composer.
    pub kernels: &'a dyn Fn() -> Result<Box<dyn Kernels>, KernelError>,
    /// Where frames come from.
    pub pool: BufferPool,
}

impl ModelChain {
    /// A chain of `models` for frames of `source`; `make` makes the upscaler of one of them for frames of a size.
    pub fn new(
        models: &[Model],
        source: Geometry,
        joining: &JoinOptions<'_>,
        mut make: impl FnMut(&Model, (u32, u32)) -> Result<Upscaler, Error>,
    ) -> Result<Self, Error> {
        let join = |flow: Flow, to: Geometry| -> Result<Composer, Error> {
            let shape = Rational::new(0, 1);
            let (kernels, pool) = ((joining.kernels)()?, joining.pool.clone());
            Ok(Composer::new(flow.colour, Some(flow.last), to, shape, false, kernels, pool))
        };
        let mut flow = Flow::new(source);
        let mut steps = Vec::new();
        for model in models {
            let manifest = &model.manifest;
            let size = (flow.last.width, flow.last.height);
            let before = flow.step(manifest).map(|(flow, to)| join(flow, to)).transpose()?;
            let gives_colour = manifest.unpack_spec(false).tensor.color.channels() > 1;
            steps.push(Step { join: before, upscaler: make(model, size)?, gives_colour });
        }
        let finish = flow.end(source).map(|to| join(flow, to)).transpose()?;
        Ok(Self { steps, finish })
    }

    /// As [`Kernels::keep_on_device`], for what comes out. What is between networks is compared with what was there before, for reuse.
    pub fn keep_on_device(&mut self) {
        if let Some(step) = self.steps.last_mut() {
            step.upscaler.keep_on_device();
        }
        if let Some(finish) = &mut self.finish {
            finish.keep_on_device();
        }
    }

    /// Runs every network on `source` and gives the last one's picture. Time stamps and tags are `source`'s.
    pub fn process(&mut self, source: &Frame) -> Result<Frame, Error> {
        let mut colour = source.clone();
        let mut luma: Option<Frame> = None;
        for step in &mut self.steps {
            if let Some(join) = &mut step.join {
                colour = join.process(Upscaled { source: colour, network: luma.take() })?;
            }
            let made = step.upscaler.process(luma.as_ref().unwrap_or(&colour))?;
            if step.gives_colour {
                (colour, luma) = (made, None);
            } else {
                luma = Some(made);
            }
        }
        match &mut self.finish {
            Some(finish) => finish.process(Upscaled { source: colour, network: luma }),
            None => Ok(luma.unwrap_or(colour)),
        }
    }

    /// Time spent inside ONNX Runtime so far.
    pub fn network_time(&self) -> Duration {
        self.steps.iter().map(|step| step.upscaler.network_time()).sum()
    }

    /// How much was copied so far, summed over the networks.
    pub fn reuse_count(&self) -> ReuseCount {
        self.steps.iter().fold(ReuseCount::default(), |sum, step| {
            let count = step.upscaler.reuse_count();
            ReuseCount { copied: sum.copied + count.copied, all: sum.all + count.all }
        })
    }

    /// Where the nodes of each network run.
    pub fn running(&self) -> Vec<RunningNetwork> {
        self.steps.iter().map(|step| step.upscaler.running().clone()).collect()
    }
}

impl From<Upscaler> for ModelChain {
    /// A chain of one network.
    fn from(upscaler: Upscaler) -> Self {
        Self { steps: vec![Step { join: None, upscaler, gives_colour: false }], finish: None }
    }
}
