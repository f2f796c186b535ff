//! Decides what a run needs before it starts: size, model, workers, kernels.

use crate::config::{ProcessingOptions, Reuse, Target};
use crate::error::{ConfigError, Error};
use crate::frame::{BufferPool, Rational};
use crate::kernel;
use crate::model::{DEFAULT_MODEL, Model, Runtime};
use crate::stage::{Composer, Geometry, OutputSize, Steadier, Upscaler, UpscalerOptions, fit};

/// The decisions for one run.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Size that the output should have.
    pub(crate) output: OutputSize,
    /// The execution provider that runs the network and its thread layout; known once the stages exist.
    pub(crate) provider: Option<String>,
    /// The kernels' backend; known once the stages exist.
    pub(crate) kernels: String,
    network: Option<(Runtime, Model)>,
    source: Geometry,
    single: bool,
}

impl Plan {
    /// Decides size and model, and loads what they need, so that a missing one is told before anything is written.
    ///
    /// `turned` pictures are shown turned by a quarter; `single` says that there is one picture only.
    pub(crate) fn new(
        source: Geometry,
        sample_aspect_ratio: Rational,
        turned: bool,
        single: bool,
        options: &ProcessingOptions,
    ) -> Result<Self, Error> {
        let output = match options.target {
            Target::Factor(factor) => {
                OutputSize { width: source.width * factor, height: source.height * factor }
            }
            Target::Within { width, height } => {
                fit((source.width, source.height), sample_aspect_ratio, turned, width, height)
            }
        };
        let enlarges = output.width > source.width || output.height > source.height;
        let name = options.model.as_deref().or(enlarges.then_some(DEFAULT_MODEL));
        let network = match name {
            Some(name) => {
                let model = Model::find(name)?;
                let model = match options.detail {
                    Some(amount) => model.with_detail(name, amount)?,
                    None => model,
                };
                Some((Runtime::load(options.runtime_library.as_deref())?, model))
            }
            None if options.detail.is_some() => {
                return Err(ConfigError {
                    setting: "--detail".into(),
                    expected: "a model that runs (--model, or --upscale above 1)".into(),
                    found: "none".into(),
                }
                .into());
            }
            None => None,
        };
        Ok(Self { output, provider: None, kernels: String::new(), network, source, single })
    }

    /// Name of the model that runs, if one does.
    pub(crate) fn model_name(&self) -> Option<String> {
        self.network.as_ref().map(|(_, model)| model.manifest.name.clone())
    }

    /// Makes the workers, and the composer for frames of geometry `target`.
    pub(crate) fn stages(
        &mut self,
        options: &ProcessingOptions,
        target: Geometry,
        sample_aspect_ratio: Rational,
        pool: &BufferPool,
    ) -> Result<(Vec<Upscaler>, Composer), Error> {
        let composer_kernels = kernel::create(options.kernels)?;
        self.kernels = composer_kernels.name();
        let network = self.network.as_ref().map(|(_, model)| network_geometry(model, self.source));
        let composer = Composer::new(
            self.source,
            network,
            target,
            sample_aspect_ratio,
            options.dither,
            composer_kernels,
            pool.clone(),
        );
        Ok((self.upscalers(options, pool)?, composer))
    }

    /// What holds the noise of the source still, if the user asks for it.
    pub(crate) fn steadier(&self, options: &ProcessingOptions, pool: &BufferPool) -> Option<Steadier> {
        let size = (self.source.width, self.source.height);
        let threshold = u32::try_from(options.static_threshold).ok().filter(|threshold| *threshold > 0)?;
        Some(Steadier::new(threshold, size, pool.clone()))
    }

    /// One worker of one thread per core: frames are independent, and a network of one thread wastes no time in
    /// barriers. A single picture gets one worker with all threads.
    fn upscalers(&mut self, options: &ProcessingOptions, pool: &BufferPool) -> Result<Vec<Upscaler>, Error> {
        let Some((runtime, model)) = &self.network else { return Ok(Vec::new()) };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = options.threads.unwrap_or(cores);
        let (workers, threads) = if self.single { (1, threads) } else { (threads, 1) };
        let upscaler_options = UpscalerOptions {
            model,
            device: options.device,
            threads,
            size: (self.source.width, self.source.height),
            tile: options.tile,
            dither: options.dither,
            reuse: options.reuse == Reuse::Auto && !self.single,
        };
        let make =
            || Upscaler::new(runtime, &upscaler_options, kernel::create(options.kernels)?, pool.clone());
        let upscalers = (0..workers).map(|_| make()).collect::<Result<Vec<_>, Error>>()?;
        self.provider = upscalers
            .first()
            .map(|upscaler| format!("{} ({workers} x {threads} threads)", upscaler.provider()));
        Ok(upscalers)
    }
}

fn network_geometry(model: &Model, source: Geometry) -> Geometry {
    let scale = model.manifest.scale as u32;
    let format = model.manifest.unpack_spec(false).tensor.color.picture_format(source.format);
    Geometry { width: source.width * scale, height: source.height * scale, format, color: source.color }
}
