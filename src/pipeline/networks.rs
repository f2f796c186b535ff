//! The networks of a run: found, given their arguments, and made into one chain per worker.

use super::workload::Workload;
use crate::config::{ProcessingOptions, Reuse};
use crate::error::{ConfigError, Error};
use crate::frame::BufferPool;
use crate::kernel;
use crate::model::{Model, Runtime, Task};
use crate::stage::{
    Geometry, JoinOptions, ModelChain, NETWORK_MEMORY, Upscaler, UpscalerOptions, chain_output, tile_limit,
};

/// Where tiles would be smaller than this, one worker with all threads has more memory for them than several.
const CRAMPED_TILE: usize = 256;

/// While one worker's network runs on a card, the next one's frame is packed and another's unpacked.
const WORKERS_PER_CARD: usize = 3;

/// Networks that run one after the other.
#[derive(Debug)]
pub(super) struct Networks {
    runtime: Runtime,
    models: Vec<Model>,
}

/// The chains of all workers, and how they run.
pub(super) struct Workers {
    pub(super) chains: Vec<ModelChain>,
    /// Threads of each worker's networks.
    pub(super) threads: usize,
}

impl Networks {
    /// Loads the models that `options` names, or `default`, and binds their arguments. `None` without a model.
    pub(super) fn find(options: &ProcessingOptions, default: Option<&str>) -> Result<Option<Self>, Error> {
        let library = options.runtime_library.as_deref();
        let named = options.models.iter().map(String::as_str);
        let names: Vec<&str> =
            if options.models.is_empty() { default.into_iter().collect() } else { named.collect() };
        let open = |name: &&str| Model::open(name, library);
        let mut models = names.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        models.iter().try_for_each(makes_pictures)?;
        if let Some(amount) = options.detail {
            models = detailed(models, &names, amount)?;
        }
        bind_arguments(&mut models, &options.model_arguments)?;
        if models.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { runtime: Runtime::load(library)?, models }))
    }

    /// One network that runs alone.
    pub(super) fn single(runtime: Runtime, model: Model) -> Self {
        Self { runtime, models: vec![model] }
    }

    /// Names of the models, in the order in which they run.
    pub(super) fn names(&self) -> String {
        self.models.iter().map(|model| model.manifest.name.as_str()).collect::<Vec<_>>().join(" + ")
    }

    /// Geometry of what they make of frames of `source`.
    pub(super) fn output(&self, source: Geometry) -> Geometry {
        chain_output(&self.models, source)
    }

    /// As many as the workload has use for. Networks that need much memory have one worker with all threads, too.
    pub(super) fn workers(
        &self,
        options: &ProcessingOptions,
        source: Geometry,
        workload: Workload,
        pool: &BufferPool,
    ) -> Result<Workers, Error> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = options.threads.unwrap_or(cores);
        let alone = workload.is_one_at_a_time()
            || (options.tile.is_none() && self.smallest_tile(threads) < CRAMPED_TILE);
        let (workers, threads) = if alone { (1, threads) } else { (threads, 1) };
        let kernels = || kernel::create(options.kernels);
        let joining = JoinOptions { kernels: &kernels, pool: pool.clone() };
        let upscaler = |worker: usize, model: &Model, size: (u32, u32)| {
            let options = UpscalerOptions {
                model,
                execution: options.execution.for_worker(worker),
                threads,
                size,
                tile: Some(options.tile.unwrap_or_else(|| self.tile(model, workers))),
                dither: options.dither,
                reuse: options.reuse == Reuse::Auto && workload != Workload::Picture,
            };
            Upscaler::new(&self.runtime, &options, kernels()?, pool.clone())
        };
        let chain = |worker| {
            ModelChain::new(&self.models, source, &joining, |model, size| upscaler(worker, model, size))
        };
        let mut chains = vec![chain(0)?];
        let on_processor = chains
            .iter()
            .flat_map(ModelChain::running)
            .all(|network| network.report().provider.uses_processor());
        let workers = if on_processor || workload.is_one_at_a_time() {
            workers
        } else {
            WORKERS_PER_CARD * options.execution.device.count()
        };
        for worker in 1..workers {
            chains.push(chain(worker)?);
        }
        Ok(Workers { chains, threads })
    }

    fn smallest_tile(&self, workers: usize) -> usize {
        self.models.iter().map(|model| self.tile(model, workers)).min().unwrap_or(0)
    }

    /// Largest side of a tile for which all networks of all workers stay within the memory for them.
    fn tile(&self, model: &Model, workers: usize) -> usize {
        tile_limit(&model.manifest, NETWORK_MEMORY / (workers * self.models.len()).max(1) as u64)
    }
}

/// Networks whose output is no picture belong to other options.
fn makes_pictures(model: &Model) -> Result<(), Error> {
    let option = match model.manifest.task {
        task if task.gives_picture() => return Ok(()),
        task if task.gives_motion() => "--motion-model",
        Task::LowLight => "--enhance low-light",
        _ => "--style",
    };
    Err(ConfigError {
        setting: "--model".into(),
        expected: "models that make pictures".into(),
        found: format!("{}, which belongs to {option}", model.manifest.name),
    }
    .into())
}

/// Mixes every model that has a partner with it; the last one tells what is missing where none has.
fn detailed(models: Vec<Model>, names: &[&str], amount: f32) -> Result<Vec<Model>, Error> {
    if models.is_empty() {
        return Err(ConfigError {
            setting: "--detail".into(),
            expected: "a model that runs (--model, or --upscale above 1)".into(),
            found: "none".into(),
        }
        .into());
    }
    let last = models.len() - 1;
    let any = models.iter().any(|model| model.manifest.detail.is_some());
    let mix = |(index, (model, name)): (usize, (Model, &&str))| {
        let mixes = model.manifest.detail.is_some() || (!any && index == last);
        if mixes { model.with_detail(name, amount) } else { Ok(model) }
    };
    Ok(models.into_iter().zip(names).enumerate().map(mix).collect::<Result<_, _>>()?)
}

/// Gives the models the user's values. A name may be qualified by its model's: `model:name`.
fn bind_arguments(models: &mut [Model], given: &[(String, String)]) -> Result<(), ConfigError> {
    for (key, text) in given {
        let declares =
            |model: &Model, name: &str| model.manifest.arguments.iter().any(|argument| argument.name == name);
        // An argument's own name may hold a colon.
        let (wanted, name) = match key.split_once(':') {
            Some((wanted, name)) if !models.iter().any(|model| declares(model, key)) => (Some(wanted), name),
            _ => (None, key.as_str()),
        };
        let takes = |model: &&mut Model| {
            wanted.is_none_or(|wanted| model.manifest.name == wanted) && declares(model, name)
        };
        let refused = |expected: String| ConfigError {
            setting: "--model-arg".into(),
            expected,
            found: format!("{key}={text}"),
        };
        let known = listed(models);
        let mut takers: Vec<&mut Model> = models.iter_mut().filter(takes).collect();
        let first = takers.first().map(|model| model.manifest.name.clone());
        if takers.iter().any(|model| Some(&model.manifest.name) != first.as_ref()) {
            return Err(refused(format!("the name of one model before the argument's, as in {known}")));
        }
        if takers.is_empty() {
            return Err(refused(known));
        }
        let values: Option<Vec<f64>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
        let values = values.ok_or_else(|| refused("a number, or numbers with commas between them".into()))?;
        for model in &mut takers {
            let declared = model.manifest.arguments.iter().find(|argument| argument.name == name);
            if let Some(declared) = declared {
                let values = declared.values(&values).map_err(refused)?;
                model.arguments.insert(name.into(), values);
            }
        }
    }
    Ok(())
}

/// All arguments of the models, for errors.
fn listed(models: &[Model]) -> String {
    let all: Vec<String> = models
        .iter()
        .flat_map(|model| {
            model.manifest.arguments.iter().map(|argument| format!("{}:{argument}", model.manifest.name))
        })
        .collect();
    match all.as_slice() {
        [] => "no argument, for no model that runs has one".into(),
        all => all.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Color, PixelFormat};
    use crate::model::Execution;

    #[test]
    fn no_worker_is_made_that_has_nothing_to_do() {
        let options = ProcessingOptions {
            models: vec!["nano-x2".into()],
            threads: Some(3),
            execution: Execution::CPU,
            ..ProcessingOptions::default()
        };
        let networks = Networks::find(&options, None).unwrap().unwrap();
        let source =
            Geometry { width: 64, height: 48, format: PixelFormat::YUV420P, color: Color::default() };
        let made = [Workload::Stream, Workload::Live, Workload::Picture].map(|workload| {
            let workers = networks.workers(&options, source, workload, &BufferPool::new()).unwrap();
            (workers.chains.len(), workers.threads)
        });
        assert_eq!(made, [(3, 1), (1, 3), (1, 3)]);
    }
}
