//! The image-to-image steps of a run: which networks they need, and their stages.

use super::chain::Edit;
use super::networks::{Networks, Workers};
use super::workload::Workload;
use crate::config::{Order, ProcessingOptions, Step, Style, StyleOptions};
use crate::error::{Error, ModelError};
use crate::frame::BufferPool;
use crate::kernel;
use crate::model::{Model, Runtime, Task};
use crate::stage::{
    Denoiser, Enhancer, Geometry, ImageNetwork, ImageNetworkOptions, Stylizer, StylizerOptions, TensorPool,
    curve_size, describe_style, seen_geometry,
};

/// Names of the models in the catalogue.
const NUMBERED_STYLES: &str = "multistyle26";
const PICTURE_STYLE: &str = "arbitrary-style-transform";
const STYLE_OF_PICTURE: &str = "arbitrary-style-predict";
const LOW_LIGHT: &str = "zero-dce";
const DENOISE: &str = "denoise-x1";

/// The steps that a run has beside super-resolution, with their models.
#[derive(Debug, Default)]
pub(super) struct Edits {
    steps: Vec<(Step, Runtime, Model)>,
}

/// How the networks share the processor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Threads {
    pub(super) workers: usize,
    /// Threads of each worker's network.
    pub(super) each: usize,
    pub(super) workload: Workload,
}

/// Edits before and after super-resolution.
pub(super) type Sides = (Vec<Edit>, Vec<Edit>);

impl Edits {
    /// Finds the models, so that a missing one is told before anything is written.
    pub(super) fn find(options: &ProcessingOptions) -> Result<Self, Error> {
        let Order(order) = options.order;
        let mut steps = Vec::new();
        for step in order {
            let model = match step {
                Step::Denoise => options.denoise.is_some().then(|| of_task(DENOISE, Task::Denoise)),
                Step::Enhance => options.enhance.is_some().then(|| of_task(LOW_LIGHT, Task::LowLight)),
                Step::Style => options.style.as_ref().map(|style| style_model(style, options)),
                Step::Upscale => None,
            };
            if let Some(model) = model.transpose()? {
                steps.push((step, Runtime::load(options.runtime_library.as_deref())?, model));
            }
        }
        Ok(Self { steps })
    }

    /// Names of the models, in the order in which they run, before and after super-resolution.
    pub(super) fn model_names(&self, order: Order) -> (Vec<String>, Vec<String>) {
        let name = |step: &&(Step, Runtime, Model)| step.2.manifest.name.clone();
        let (before, after): (Vec<_>, Vec<_>) =
            self.steps.iter().partition(|(step, ..)| is_before_upscale(order, *step));
        (before.iter().map(name).collect(), after.iter().map(name).collect())
    }

    /// Makes the stages: those before super-resolution for frames of `source`, those after it for frames of `target`.
    pub(super) fn stages(
        &self,
        options: &ProcessingOptions,
        (source, target): (Geometry, Geometry),
        threads: Threads,
        pool: &BufferPool,
    ) -> Result<Sides, Error> {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for (step, runtime, model) in &self.steps {
            let is_before = is_before_upscale(options.order, *step);
            let frames = if is_before { source } else { target };
            let maker = Maker { options, runtime, model, frames, threads, pool };
            let edit = match step {
                Step::Denoise => maker.denoise()?,
                Step::Enhance => maker.enhance()?,
                Step::Style => maker.style()?,
                Step::Upscale => continue,
            };
            if is_before { &mut before } else { &mut after }.push(edit);
        }
        Ok((before, after))
    }
}

fn is_before_upscale(Order(order): Order, step: Step) -> bool {
    let place = |wanted| order.iter().position(|step| *step == wanted);
    place(step) < place(Step::Upscale)
}

fn of_task(name: &str, task: Task) -> Result<Model, Error> {
    let model = Model::find(name)?;
    if model.manifest.task == task {
        return Ok(model);
    }
    Err(ModelError::Model {
        model: name.into(),
        problem: format!("expected a network for {task:?}, found one for {:?}", model.manifest.task),
        remedy: format!("fetch it again: framecast models pull {name}"),
    }
    .into())
}

/// The model that paints, with the style as its argument.
fn style_model(style: &StyleOptions, options: &ProcessingOptions) -> Result<Model, Error> {
    let (mut model, values) = match &style.style {
        Style::Mix(mix) => {
            let model = of_task(NUMBERED_STYLES, Task::Style)?;
            let count = model.manifest.arguments.first().map_or(0, crate::model::Argument::len);
            let weight =
                |number| mix.iter().find(|(known, _)| *known == number).map_or(0.0, |(_, weight)| *weight);
            let weights = (0..count).map(weight).collect();
            (model, weights)
        }
        Style::Picture(path) => {
            let model = of_task(PICTURE_STYLE, Task::Style)?;
            let predictor = of_task(STYLE_OF_PICTURE, Task::StylePrediction)?;
            let runtime = Runtime::load(options.runtime_library.as_deref())?;
            (model, describe_style(&runtime, &predictor, options.execution, 1, path)?)
        }
    };
    let Some(argument) = model.manifest.arguments.first() else {
        let model = model.manifest.name;
        return Err(ModelError::Model {
            remedy: format!("fetch it again: framecast models pull {model}"),
            model,
            problem: "expected an argument that takes the style, found none".into(),
        }
        .into());
    };
    model.arguments.insert(argument.name.clone(), values);
    Ok(model)
}

/// What one step's stages are made of.
struct Maker<'a> {
    options: &'a ProcessingOptions,
    runtime: &'a Runtime,
    model: &'a Model,
    frames: Geometry,
    threads: Threads,
    pool: &'a BufferPool,
}

impl Maker<'_> {
    fn style(&self) -> Result<Edit, Error> {
        let size = self.options.style.as_ref().map_or(StyleOptions::SIZE, |style| style.size);
        let strength = self.options.style.as_ref().map_or(1.0, |style| style.strength);
        let input = &self.model.manifest.input;
        let fitted = fit_longest((self.frames.width, self.frames.height), size as u32);
        let width = input.width.map_or(fitted.0, |width| width as u32);
        let height = input.height.map_or(fitted.1, |height| height as u32);
        let seen = seen_geometry(self.frames, width, height);
        let tensors = TensorPool::default();
        let networks = self.networks(seen, 0, &tensors)?;
        let options = StylizerOptions {
            manifest: &self.model.manifest,
            source: self.frames,
            seen,
            strength: strength as f32,
            smoothing: self.smoothing(),
            dither: self.options.dither,
        };
        let (kernels, composing) = (self.kernels()?, self.kernels()?);
        Ok(Edit::Style(networks, Stylizer::new(&options, kernels, composing, self.pool.clone(), tensors)))
    }

    fn denoise(&self) -> Result<Edit, Error> {
        let strength = self.options.denoise.unwrap_or_default().strength as f32;
        let networks = Networks::single(self.runtime.clone(), self.model.clone());
        let Workers { chains, .. } =
            networks.workers(self.options, self.frames, self.threads.workload, self.pool)?;
        let (kernels, composing) = (self.kernels()?, self.kernels()?);
        let made = networks.output(self.frames);
        Ok(Edit::Denoise(
            chains,
            Denoiser::new(self.frames, made, strength, kernels, composing, self.pool.clone()),
        ))
    }

    fn enhance(&self) -> Result<Edit, Error> {
        let strength = self.options.enhance.unwrap_or_default().strength as f32;
        let multiple = self.model.manifest.input.multiple as u32;
        let margin = self.model.manifest.receptive_margin;
        let (width, height) = curve_size(self.frames.width, self.frames.height, multiple);
        let tensors = TensorPool::default();
        let networks = self.networks(seen_geometry(self.frames, width, height), margin, &tensors)?;
        let enhancer = Enhancer::new(
            self.frames,
            (strength, self.smoothing()),
            self.options.dither,
            self.kernels()?,
            self.kernels()?,
            self.pool.clone(),
            tensors,
        );
        Ok(Edit::Enhance(networks, enhancer))
    }

    fn networks(
        &self,
        seen: Geometry,
        margin: usize,
        tensors: &TensorPool,
    ) -> Result<Vec<ImageNetwork>, Error> {
        let options = |worker| ImageNetworkOptions {
            model: self.model,
            execution: self.options.execution.for_worker(worker),
            threads: self.threads.each,
            source: self.frames,
            seen,
            margin,
        };
        let make = |worker| {
            let options = options(worker);
            let (kernels, scaling) = (self.kernels()?, self.kernels()?);
            ImageNetwork::new(self.runtime, &options, kernels, scaling, self.pool.clone(), tensors.clone())
        };
        (0..self.threads.workers).map(make).collect()
    }

    fn kernels(&self) -> Result<Box<dyn kernel::Kernels>, Error> {
        Ok(kernel::create(self.options.kernels)?)
    }

    fn smoothing(&self) -> f32 {
        self.options.smoothing.unwrap_or(ProcessingOptions::SMOOTHING) as f32
    }
}

/// The size with a longer side of at most `longest` and the same shape.
fn fit_longest((width, height): (u32, u32), longest: u32) -> (u32, u32) {
    let largest = width.max(height);
    if largest <= longest {
        return (width, height);
    }
    let side = |length: u32| {
        let scaled = (u64::from(length) * u64::from(longest) + u64::from(largest) / 2) / u64::from(largest);
        (scaled as u32).max(1)
    };
    (side(width), side(height))
}

#[cfg(test)]
mod tests {
    use super::fit_longest;

    #[test]
    fn large_pictures_are_painted_small() {
        assert_eq!(fit_longest((640, 360), 640), (640, 360));
        assert_eq!(fit_longest((1080, 1920), 640), (360, 640));
        assert_eq!(fit_longest((4000, 1), 64), (64, 1));
    }
}
