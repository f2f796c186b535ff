//! What each provider is worth on this machine: found, loaded, working.

use super::append::{Placement, plugin_devices, precisions};
use super::libraries::{folder, plugin};
use super::plugins::Origin;
use super::trial::{Trial, Tried, agreement};
use super::{Precision, Provider};
use crate::model::{Model, Runtime, SMALL_MODEL};
use ort::memory::DeviceType;
use std::path::PathBuf;

/// Input tensor of the network that is tried: a picture of 320 x 180.
const SHAPE: [usize; 3] = [4, 90, 160];

/// One provider.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ProviderReport {
    /// The name that `--device` takes.
    pub device: String,
    /// The library that it comes from, if a file of its own was found.
    pub library: Option<PathBuf>,
    /// True if ONNX Runtime has it, by itself or plugged in.
    pub loaded: bool,
    /// Kinds of the devices that it offers, in the order of their indices; only of plugged-in ones.
    pub devices: Vec<&'static str>,
    /// True if it ran the tried network, at least in part, and computed what ONNX Runtime's own kernels do.
    pub working: bool,
    /// Nodes of the tried network that it ran, and all of them.
    pub nodes: Option<(usize, usize)>,
    /// Milliseconds that the tried network took on one thread, by precision.
    pub milliseconds: Vec<(&'static str, f64)>,
    /// What is wrong, if anything is.
    pub problem: Option<String>,
    /// What helps.
    pub remedy: Option<String>,
}

/// Tries all providers on a small network of ours.
pub fn provider_reports(runtime: &Runtime) -> Vec<ProviderReport> {
    let Ok(model) = Model::find(SMALL_MODEL) else { return Vec::new() };
    let trial = Trial::new(runtime, &model, 1, SHAPE, &[]);
    let reference = trial.on(Placement::CPU).map(|tried| tried.output).unwrap_or_default();
    let report = |provider| {
        let mut report = ProviderReport {
            device: Provider::name(provider).into(),
            library: plugin(provider).or_else(|| folder(provider)),
            loaded: false,
            devices: Vec::new(),
            working: false,
            nodes: None,
            milliseconds: Vec::new(),
            problem: None,
            remedy: None,
        };
        match runtime.origin(provider) {
            Ok(origin) => {
                report.loaded = true;
                if origin == Origin::Plugin {
                    report.devices = plugin_devices(runtime, provider).into_iter().map(kind_name).collect();
                }
            }
            Err(unusable) => {
                (report.problem, report.remedy) = (Some(unusable.problem), Some(unusable.remedy));
                return report;
            }
        }
        for &precision in precisions(provider) {
            match trial.on(Placement { provider, index: None, precision }) {
                Ok(tried) => report.take(&model, precision, &tried, &reference),
                Err(unusable) => {
                    (report.problem, report.remedy) = (Some(unusable.problem), Some(unusable.remedy));
                }
            }
        }
        report.working = !report.milliseconds.is_empty();
        report
    };
    Provider::ALL.into_iter().map(report).collect()
}

impl ProviderReport {
    fn take(&mut self, model: &Model, precision: Precision, tried: &Tried, reference: &[f32]) {
        self.nodes = Some(tried.nodes);
        match agreement(&model.manifest, &tried.output, reference) {
            None => self.milliseconds.push((precision.name(), tried.time.as_secs_f64() * 1e3)),
            Some(problem) => {
                self.problem = Some(format!("in {precision} {problem}"));
                self.remedy = Some("use another --precision or --device".into());
            }
        }
    }
}

fn kind_name(kind: DeviceType) -> &'static str {
    match kind {
        DeviceType::GPU => "gpu",
        DeviceType::NPU => "npu",
        DeviceType::CPU => "cpu",
        _ => "other",
    }
}
