//! Which providers the loaded ONNX Runtime has, by itself or plugged in.

use super::Provider;
use super::libraries::{folder, has_nvidia_driver, plugin};
use ort::environment::Environment;
use ort::ep::{self, ExecutionProvider};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// How a provider came into ONNX Runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum Origin {
    /// Its library has it.
    BuiltIn,
    /// Its plugin was registered.
    Plugin,
}

/// Why a provider cannot be used, and what helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::model) struct Unusable {
    pub(in crate::model) problem: String,
    pub(in crate::model) remedy: String,
}

impl Unusable {
    pub(super) fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { problem: problem.into(), remedy: remedy.into() }
    }
}

/// Plugins are registered when they are first asked for, once per process.
#[derive(Debug, Default)]
pub(in crate::model) struct Plugins(Mutex<BTreeMap<Provider, Result<Origin, Unusable>>>);

impl Plugins {
    /// How `provider` is there, or why it is not.
    pub(in crate::model) fn origin(
        &self,
        environment: &Environment,
        provider: Provider,
    ) -> Result<Origin, Unusable> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(provider).or_insert_with(|| find(environment, provider)).clone()
    }
}

fn find(environment: &Environment, provider: Provider) -> Result<Origin, Unusable> {
    if is_built_in(provider) {
        return Ok(Origin::BuiltIn);
    }
    if let Some(path) = plugin(provider) {
        return match environment.register_ep_library(provider.runtime_name(), &path) {
            Ok(()) => Ok(Origin::Plugin),
            Err(error) => Err(Unusable::new(
                format!("{} cannot be used: {error}", path.display()),
                format!(
                    "fetch it again: remove its folder and run `make {}`",
                    set_up(provider).unwrap_or("setup")
                ),
            )),
        };
    }
    if let Some(system) = only_system(provider).filter(|system| *system != std::env::consts::OS) {
        return Err(Unusable::new(format!("it exists on {system} only"), "use another device (--device)"));
    }
    let needs_driver = matches!(provider, Provider::Cuda | Provider::TensorRt | Provider::TensorRtRtx);
    if needs_driver && !has_nvidia_driver() {
        return Err(Unusable::new(
            "there is no NVIDIA driver (libcuda.so.1)",
            "on a machine with an NVIDIA card, install its driver",
        ));
    }
    let problem = match (provider, folder(provider)) {
        (Provider::Cuda | Provider::TensorRt, Some(folder)) => {
            format!("the ONNX Runtime library in use has it not, though {} is there", folder.display())
        }
        _ => "its library was not found".into(),
    };
    Err(Unusable::new(
        problem,
        match set_up(provider) {
            Some(target) => {
                format!("run `make {target}`, or name an ONNX Runtime library that has it with --ort-lib")
            }
            None => "name an ONNX Runtime library that has it with --ort-lib".into(),
        },
    ))
}

/// The only operating system that has it.
const fn only_system(provider: Provider) -> Option<&'static str> {
    match provider {
        Provider::DirectMl => Some("windows"),
        Provider::CoreMl => Some("macos"),
        Provider::MiGraphX => Some("linux"),
        _ => None,
    }
}

/// The set-up that fetches it.
const fn set_up(provider: Provider) -> Option<&'static str> {
    match provider {
        Provider::OpenVino => Some("setup-openvino"),
        Provider::WebGpu => Some("setup-webgpu"),
        Provider::TensorRtRtx => Some("setup-tensorrt-rtx"),
        // One library has both; TensorRT's own come from NVIDIA.
        Provider::Cuda | Provider::TensorRt => Some("setup-cuda"),
        Provider::Cpu | Provider::DirectMl | Provider::CoreMl | Provider::MiGraphX => None,
    }
}

fn is_built_in(provider: Provider) -> bool {
    match provider {
        Provider::Cpu => Ok(true),
        Provider::Cuda => ep::CUDA::is_available(),
        Provider::TensorRt => ep::TensorRT::is_available(),
        Provider::TensorRtRtx => ep::NVRTX::is_available(),
        Provider::OpenVino => ep::OpenVINO::is_available(),
        Provider::WebGpu => ep::WebGPU::is_available(),
        Provider::DirectMl => ep::DirectML::is_available(),
        Provider::CoreMl => ep::CoreML::is_available(),
        Provider::MiGraphX => ep::MIGraphX::is_available(),
    }
    .unwrap_or(false)
}
