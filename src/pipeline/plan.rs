//! Decides what a run needs before it starts: size, model, workers, kernels.

use super::chain::{ChainOptions, Edit};
use super::clock::Clock;
use super::edits::{Edits, Threads};
use super::networks::{Networks, Workers};
use super::rate::RateChange;
use super::retime::Retiming;
use super::running::Running;
use super::workload::Workload;
use crate::config::{Order, ProcessingOptions, Target};
use crate::error::Error;
use crate::frame::{BufferPool, Rational, TimeBase};
use crate::kernel;
use crate::model::{DEFAULT_DETAILED_MODEL, DEFAULT_MODEL};
use crate::stage::{Composer, Geometry, ModelChain, OutputSize, Steadier, fit};
use std::sync::Arc;

/// The decisions for one run.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Size that the output should have.
    pub(crate) output: OutputSize,
    /// What runs the networks; known once the stages exist.
    pub(crate) running: Running,
    /// The kernels' backend; known once the stages exist.
    pub(crate) kernels: String,
    networks: Option<Networks>,
    edits: Edits,
    rate: Option<RateChange>,
    order: Order,
    source: Geometry,
    workload: Workload,
}

impl Plan {
    /// Decides size and model, and loads what they need, so that a missing one is told before anything is written.
    ///
    /// Frames come with time stamps in `time_base`. `turned` pictures are shown turned by a quarter.
    pub(crate) fn new(
        source: Geometry,
        sample_aspect_ratio: Rational,
        time_base: TimeBase,
        turned: bool,
        workload: Workload,
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
        let default = if options.detail.is_some() { DEFAULT_DETAILED_MODEL } else { DEFAULT_MODEL };
        let networks = Networks::find(options, enlarges.then_some(default))?;
        let edits = Edits::find(options)?;
        let rate = RateChange::find(options, time_base)?;
        let order = options.order;
        Ok(Self {
            output,
            rate,
            running: Running::default(),
            kernels: String::new(),
            networks,
            edits,
            order,
            source,
            workload,
        })
    }

    /// Names of the models that run, if any, in their order.
    pub(crate) fn model_name(&self) -> Option<String> {
        let (mut names, after) = self.edits.model_names(self.order);
        names.extend(self.networks.as_ref().map(Networks::names));
        names.extend(self.rate.as_ref().map(RateChange::model_name));
        names.extend(after);
        (!names.is_empty()).then(|| names.join(" + "))
    }

    /// The frame rate of the output and the time base of its time stamps, for a source of `rate` in `time_base`.
    pub(crate) fn timing(&self, rate: Rational, time_base: TimeBase) -> (Rational, TimeBase) {
        match &self.rate {
            Some(change) => {
                change.warn_of_drift(rate);
                (change.frame_rate(rate), change.time_base())
            }
            None => (rate, time_base),
        }
    }

    /// Whether the output's frames come at a fixed rate, whatever the source's.
    pub(crate) fn has_fixed_rate(&self) -> bool {
        self.rate.as_ref().is_some_and(RateChange::is_fixed)
    }

    /// Makes the stages for output frames of geometry `target`.
    pub(crate) fn stages(
        &mut self,
        options: &ProcessingOptions,
        target: Geometry,
        sample_aspect_ratio: Rational,
        pool: &BufferPool,
        clock: Arc<dyn Clock>,
    ) -> Result<ChainOptions, Error> {
        let composer_kernels = kernel::create(options.kernels)?;
        self.kernels = composer_kernels.name();
        let network = self.networks.as_ref().map(|networks| networks.output(self.source));
        let composer = Composer::new(
            self.source,
            network,
            target,
            sample_aspect_ratio,
            options.dither,
            composer_kernels,
            pool.clone(),
        );
        let threads = self.threads(options);
        let (before, after) = self.edits.stages(options, (self.source, target), threads, pool)?;
        self.running.set_layout(threads.workers, threads.each);
        self.running.add(before.iter().flat_map(Edit::running));
        let mut upscalers = Vec::new();
        if let Some(networks) = &self.networks {
            let Workers { chains, threads } = networks.workers(options, self.source, self.workload, pool)?;
            self.running.set_layout(chains.len(), threads);
            self.running.add(chains.iter().flat_map(ModelChain::running));
            upscalers = chains;
        }
        let retiming = match &self.rate {
            Some(change) => {
                let threads = Threads { workers: upscalers.len().max(1), ..threads };
                let threads = if upscalers.is_empty() { self.threads(options) } else { threads };
                Some(change.stages(options, threads, (self.source.width, self.source.height), pool)?)
            }
            None => None,
        };
        self.running.add(retiming.iter().flat_map(Retiming::running));
        self.running.add(after.iter().flat_map(Edit::running));
        let steadier = self.steadier(options, pool);
        Ok(ChainOptions { steadier, upscalers, composer, retiming, before, after, clock })
    }

    /// As [`Workload`] says, all threads being one for each core unless the user asks for others.
    fn threads(&self, options: &ProcessingOptions) -> Threads {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = options.threads.unwrap_or(cores);
        let workload = self.workload;
        let (workers, each) = if workload.is_one_at_a_time() { (1, threads) } else { (threads, 1) };
        Threads { workers, each, workload }
    }

    /// What holds the noise of the source still, if the user asks for it.
    fn steadier(&self, options: &ProcessingOptions, pool: &BufferPool) -> Option<Steadier> {
        let size = (self.source.width, self.source.height);
        let threshold = u32::try_from(options.static_threshold).ok().filter(|threshold| *threshold > 0)?;
        Some(Steadier::new(threshold, size, pool.clone()))
    }
}
