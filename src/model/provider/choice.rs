//! Chooses provider and precision for a network: by trial, once for each network, size and machine.

use super::append::{Placement, precisions};
use super::memory::{Memory, Remembered, key};
use super::plugins::Unusable;
use super::trial::{Trial, Tried, agreement, trial_shape};
use super::{Device, Execution, Precision, Provider};
use crate::error::ModelError;
use crate::model::{Manifest, Model, Runtime};
use ort::value::DynValue;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What a session is to run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::model) struct Choice {
    /// From the start.
    pub(in crate::model) first: Placement,
    /// Later, when it has been built and found right.
    pub(in crate::model) then: Option<Placement>,
    /// Why, for the user.
    pub(in crate::model) notes: Vec<String>,
}

impl Choice {
    const fn plain(first: Placement) -> Self {
        Self { first, then: None, notes: Vec::new() }
    }
}

/// What a choice is made for.
pub(in crate::model) struct Question<'a> {
    pub(in crate::model) runtime: &'a Runtime,
    pub(in crate::model) model: &'a Model,
    pub(in crate::model) execution: Execution,
    pub(in crate::model) threads: usize,
    /// Largest input tensor: channels, height, width.
    pub(in crate::model) shape: [usize; 3],
    /// The inputs beside the picture.
    pub(in crate::model) arguments: &'a [(String, DynValue)],
}

/// Choices made by this process; the lock is held during a trial, so that other workers wait for its result.
static CHOICES: Mutex<BTreeMap<String, Choice>> = Mutex::new(BTreeMap::new());

/// Chooses, by trial where there is a choice.
///
/// # Errors
///
/// [`ModelError::Device`] if the device that was asked for does not work, with the reason.
pub(in crate::model) fn choose(question: &Question<'_>) -> Result<Choice, ModelError> {
    let Execution { device, precision, required, .. } = question.execution;
    if let Device::On(provider, indices) = device {
        let index = indices.iter().next();
        let of = |precision| Placement { provider, index, precision };
        if provider == Provider::TensorRt && !required {
            return in_background(question, index);
        }
        let known = precisions(provider);
        let only = known.len() == 1 || known.first() == Some(&Precision::Fp32);
        match precision {
            Precision::Auto if only => return Ok(Choice::plain(of(Precision::Fp32))),
            Precision::Auto => {}
            named => return Ok(Choice::plain(of(named))),
        }
    }
    let candidates = candidates(question);
    if let [only] = candidates.as_slice()
        && device == Device::Auto
    {
        return Ok(Choice::plain(*only));
    }
    let key = key(question, &candidates);
    let mut made = CHOICES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(choice) = made.get(&key) {
        return Ok(choice.clone());
    }
    let choice = match Memory::read().get(&key) {
        Some(remembered) => told(question, remembered, " (found earlier)"),
        None => {
            let found = try_all(question, &candidates)?;
            Memory::store(&key, &found);
            told(question, &found, "")
        }
    };
    made.insert(key, choice.clone());
    Ok(choice)
}

/// TensorRT after CUDA: an engine takes from seconds to minutes to build.
fn in_background(question: &Question<'_>, index: Option<u32>) -> Result<Choice, ModelError> {
    question
        .runtime
        .origin(Provider::TensorRt)
        .map_err(|unusable| refusal(question, Provider::TensorRt, unusable))?;
    let precision = engine_precision(question);
    let engine = Placement { provider: Provider::TensorRt, index, precision };
    Ok(Choice {
        first: Placement { provider: Provider::Cuda, index, precision: Precision::Fp32 },
        then: Some(engine),
        notes: Vec::new(),
    })
}

/// Displacements need 32 bits; pictures do with 16.
fn engine_precision(question: &Question<'_>) -> Precision {
    match question.execution.precision {
        Precision::Auto if question.model.manifest.task.gives_motion() => Precision::Fp32,
        Precision::Auto => Precision::Fp16,
        named => named,
    }
}

/// What is tried: all providers that are there or the one that is asked for, in the precision that they are fastest with
/// and in 32 bits; CUDA in all, for some networks hold no 16 bits. TensorRT, whose building takes long, is tried only where
/// it alone is asked for, and in one precision.
fn candidates(question: &Question<'_>) -> Vec<Placement> {
    let Execution { device, precision, .. } = question.execution;
    let (providers, index) = match device {
        Device::Auto => (Provider::ALL.to_vec(), None),
        Device::On(provider, indices) => (vec![provider], indices.iter().next()),
    };
    let is_there = |provider: &Provider| {
        device != Device::Auto
            || (*provider != Provider::TensorRt && question.runtime.origin(*provider).is_ok())
    };
    let mut found = Vec::new();
    for provider in providers.into_iter().filter(is_there) {
        let known = precisions(provider);
        let fastest = known.first().copied();
        let tried = |known: &&Precision| match (precision, provider) {
            (Precision::Auto, Provider::TensorRt) => **known == engine_precision(question),
            (Precision::Auto, Provider::Cuda) => true,
            (Precision::Auto, _) => Some(**known) == fastest || **known == Precision::Fp32,
            (named, _) => **known == named,
        };
        found.extend(known.iter().filter(tried).map(|precision| Placement {
            provider,
            index,
            precision: *precision,
        }));
    }
    found
}

/// Tries all candidates on a picture and returns the fastest that computes the right thing.
fn try_all(question: &Question<'_>, candidates: &[Placement]) -> Result<Remembered, ModelError> {
    let manifest = &question.model.manifest;
    let Question { runtime, model, threads, shape, arguments, .. } = *question;
    // The engine of a trial at the true size is the one that the run takes from the cache.
    let builds_engines = candidates.iter().any(|candidate| candidate.provider == Provider::TensorRt);
    let tried_shape = if builds_engines { shape } else { trial_shape(manifest, shape) };
    let trial = Trial::new(runtime, model, threads, tried_shape, arguments);
    let Tried { output: reference, time: processor, .. } =
        trial.on(Placement::CPU).map_err(|unusable| refusal(question, Provider::Cpu, unusable))?;
    let mut tried: Vec<(Placement, Result<Duration, String>)> = Vec::new();
    let mut first_refusal = None;
    for &placement in candidates {
        let result = match placement.provider {
            Provider::Cpu => Ok(processor),
            _ => trial.on(placement).and_then(|tried| match agreement(manifest, &tried.output, &reference) {
                None => Ok(tried.time),
                Some(problem) => Err(Unusable::new(
                    format!("{} {}: {problem}", placement.provider, placement.precision),
                    "use --precision fp32",
                )),
            }),
        };
        if let Err(unusable) = &result {
            tracing::debug!(model = manifest.name, %placement.provider, problem = unusable.problem, "not usable");
            first_refusal.get_or_insert_with(|| unusable.clone());
        }
        let result = result.map_err(|unusable| unusable.problem);
        // A provider that does not work at all says so in each precision.
        if !tried
            .iter()
            .any(|(other, known)| other.provider == placement.provider && result.is_err() && *known == result)
        {
            tried.push((placement, result));
        }
    }
    let works = tried.iter().filter_map(|(placement, result)| Some((*placement, *result.as_ref().ok()?)));
    let fastest = works.min_by_key(|(_, time)| *time);
    match (fastest, first_refusal) {
        (Some((placement, _)), _) => Ok(Remembered::new(placement, &tried)),
        (None, refused) => {
            let provider = candidates.first().map_or(Provider::Cpu, |placement| placement.provider);
            let unusable = refused.unwrap_or_else(|| {
                let problem =
                    format!("no provider that works here computes in {}", question.execution.precision);
                Unusable::new(problem, "leave --precision out, or see `framecast doctor`")
            });
            Err(refusal(question, provider, unusable))
        }
    }
}

/// The choice that a trial leads to, with what the user should know of it.
fn told(question: &Question<'_>, found: &Remembered, when: &str) -> Choice {
    let Manifest { name, .. } = &question.model.manifest;
    let first = found.placement();
    let asked = question.execution.device;
    let compiles = asked == Device::Auto
        && first.provider == Provider::Cuda
        && question.runtime.origin(Provider::TensorRt).is_ok();
    let engine =
        Placement { provider: Provider::TensorRt, index: first.index, precision: engine_precision(question) };
    let then = compiles.then_some(engine);
    let note = format!("{name} runs on {} {}: {}{when}", first.provider, first.precision, found.times_text());
    tracing::info!("{note}");
    Choice { first, then, notes: vec![note] }
}

/// An error that names the device.
pub(in crate::model) fn refusal(
    question: &Question<'_>,
    provider: Provider,
    unusable: Unusable,
) -> ModelError {
    ModelError::Device {
        device: match question.execution.device {
            Device::Auto => format!("auto ({provider})"),
            device => device.to_string(),
        },
        problem: unusable.problem,
        remedy: unusable.remedy,
    }
}
