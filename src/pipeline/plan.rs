//! Decides what a run needs before it starts: size, model, workers, kernels.

use crate::config::{ProcessingOptions, Target};
use crate::error::Error;
use crate::frame::{BufferPool, PixelFormat};
use crate::kernel::{self, TensorColor};
use crate::media::{Delivered, InputDescription, VideoInfo};
use crate::model::{DEFAULT_MODEL, Model, Runtime};
use crate::stage::{Composer, Geometry, OutputSize, Upscaler, UpscalerOptions, fit};

/// The decisions for one run.
#[derive(Debug)]
pub(super) struct Plan {
    /// Size that the output should have.
    pub output: OutputSize,
    /// The execution provider that runs the network and its thread layout; known once the stages exist.
    pub provider: Option<String>,
    /// The kernels' backend; known once the stages exist.
    pub kernels: String,
    /// Decisions worth telling the user.
    pub notes: Vec<String>,
    network: Option<(Runtime, Model)>,
    video: VideoInfo,
}

impl Plan {
    /// Decides size and model, and loads what they need, so that a missing one is told before anything is written.
    pub(super) fn new(input: &InputDescription, options: &ProcessingOptions) -> Result<Self, Error> {
        let video = &input.video;
        let output = output_size(options.target, video, input.is_turned());
        let enlarges = output.width > video.width || output.height > video.height;
        let name = options.model.as_deref().or(enlarges.then_some(DEFAULT_MODEL));
        let network = match name {
            Some(name) => {
                let model = Model::find(name)?;
                Some((Runtime::load(options.runtime_library.as_deref())?, model))
            }
            None => None,
        };
        let (provider, kernels, notes) = (None, String::new(), Vec::new());
        Ok(Self { output, provider, kernels, notes, network, video: video.clone() })
    }

    /// Name of the model that runs, if one does.
    pub(super) fn model_name(&self) -> Option<String> {
        self.network.as_ref().map(|(_, model)| model.manifest.name.clone())
    }

    /// Makes the workers and the composer.
    pub(super) fn stages(
        &mut self,
        options: &ProcessingOptions,
        delivered: &Delivered,
        pool: &BufferPool,
    ) -> Result<(Vec<Upscaler>, Composer), Error> {
        let source = Geometry {
            width: self.video.width,
            height: self.video.height,
            format: self.video.format,
            color: self.video.color,
        };
        let target = Geometry {
            width: delivered.width,
            height: delivered.height,
            format: delivered.format,
            color: delivered.color,
        };
        let composer_kernels = kernel::create(options.kernels)?;
        self.kernels = composer_kernels.name();
        let network = self.network.as_ref().map(|(_, model)| network_geometry(model, source));
        let composer = Composer::new(
            source,
            network,
            target,
            delivered.sample_aspect_ratio,
            options.dither,
            composer_kernels,
            pool.clone(),
        );
        Ok((self.upscalers(options, pool)?, composer))
    }

    /// One worker of one thread per core: frames are independent, and a network of one thread wastes no time in
    /// barriers. A single picture gets one worker with all threads.
    fn upscalers(&mut self, options: &ProcessingOptions, pool: &BufferPool) -> Result<Vec<Upscaler>, Error> {
        let Some((runtime, model)) = &self.network else { return Ok(Vec::new()) };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = options.threads.unwrap_or(cores);
        let (workers, threads) =
            if self.video.frame_estimate == Some(1) { (1, threads) } else { (threads, 1) };
        let upscaler_options = UpscalerOptions {
            model,
            device: options.device,
            threads,
            size: (self.video.width, self.video.height),
            tile: options.tile,
            dither: options.dither,
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

fn output_size(target: Target, video: &VideoInfo, turned: bool) -> OutputSize {
    match target {
        Target::Factor(factor) => OutputSize { width: video.width * factor, height: video.height * factor },
        Target::Within { width, height } => {
            fit((video.width, video.height), video.sample_aspect_ratio, turned, width, height)
        }
    }
}

fn network_geometry(model: &Model, source: Geometry) -> Geometry {
    let scale = model.manifest.scale as u32;
    let format = match model.manifest.input.colour {
        TensorColor::Luma => PixelFormat::gray(source.format.depth),
        TensorColor::Rgb => PixelFormat { alpha: false, ..source.format },
    };
    Geometry { width: source.width * scale, height: source.height * scale, format, color: source.color }
}
