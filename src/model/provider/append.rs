//! Makes sessions on a provider.

use super::assignment::NetworkReport;
use super::capture::begin_building;
use super::cuda::{self, Extras};
use super::engine_cache::EngineCache;
use super::ffi_assignment::RECORD;
use super::plugins::{Origin, Unusable};
use super::saturation::saturates;
use super::{Precision, Provider};
use crate::frame::ComputeStream;
use crate::model::Runtime;
use crate::model::float16::in_float16;
use ort::device::Device;
use ort::ep::{self, ArbitrarilyConfigurableExecutionProvider, ExecutionProviderDispatch};
use ort::memory::DeviceType;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use std::borrow::Cow;

/// One device of one provider, and the precision there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) struct Placement {
    pub(in crate::model) provider: Provider,
    /// `None` for the provider's own choice.
    pub(in crate::model) index: Option<u32>,
    /// Never [`Precision::Auto`].
    pub(in crate::model) precision: Precision,
}

impl Placement {
    /// ONNX Runtime's own kernels.
    pub(in crate::model) const CPU: Self =
        Self { provider: Provider::Cpu, index: None, precision: Precision::Fp32 };
}

/// What a session is made of.
pub(in crate::model) struct SessionPlan<'a> {
    pub(in crate::model) model: &'a str,
    pub(in crate::model) network: &'a [u8],
    /// Name and shape of the picture's tensor.
    pub(in crate::model) input: (&'a str, [usize; 4]),
    /// Of providers that use the processor.
    pub(in crate::model) threads: usize,
    /// What it is to run on, where its provider takes streams and kernels take turns with it.
    pub(in crate::model) stream: Option<&'a ComputeStream>,
    /// Whether its runs are to be captured where that can be.
    pub(in crate::model) graphs: bool,
}

/// A session, and where its nodes run.
#[derive(Debug)]
pub(in crate::model) struct Built {
    pub(in crate::model) session: Session,
    pub(in crate::model) report: NetworkReport,
    /// What of the plan it can do.
    pub(in crate::model) extras: Extras,
}

/// Makes the session of `plan` on `placement`, or says why there is none; without graphs or its stream if need be. Never
/// falls back to another provider, but for single nodes that this one does not know, which the report names.
pub(in crate::model) fn build(
    runtime: &Runtime,
    plan: &SessionPlan<'_>,
    placement: Placement,
) -> Result<Built, Unusable> {
    let _others_do_not_capture = begin_building(placement.provider);
    let mut last = None;
    for extras in cuda::ways(plan, placement.provider) {
        match build_with(runtime, plan, placement, extras) {
            Ok(built) => return Ok(built),
            Err(unusable) => {
                tracing::debug!(?extras, problem = unusable.problem, "no such session");
                last = Some(unusable);
            }
        }
    }
    Err(last.unwrap_or_else(|| Unusable::new("nothing could be tried", "see `framecast doctor`")))
}

fn build_with(
    runtime: &Runtime,
    plan: &SessionPlan<'_>,
    placement: Placement,
    extras: Extras,
) -> Result<Built, Unusable> {
    let failed = |error: ort::Error| {
        Unusable::new(
            format!("{} refuses {}: {}", placement.provider, plan.model, first_line(&error.to_string())),
            "use another device (--device), or see `framecast doctor`",
        )
    };
    let builder = builder(runtime, plan.threads).map_err(failed)?;
    let mut builder = append(runtime, builder, plan, placement, extras)?;
    let session = builder.commit_from_memory(&network(plan, placement)?).map_err(failed)?;
    let report = NetworkReport::of(&session, plan.model, placement);
    Ok(Built { session, report, extras })
}

/// The network as the provider is to get it: some compute in the precision of its tensors, others in any that they are told.
fn network<'a>(plan: &SessionPlan<'a>, placement: Placement) -> Result<Cow<'a, [u8]>, Unusable> {
    let Placement { provider, precision, .. } = placement;
    if precision != Precision::Fp16
        || !matches!(provider, Provider::Cuda | Provider::WebGpu | Provider::DirectMl)
    {
        return Ok(plan.network.into());
    }
    let refused = |problem| {
        Unusable::new(
            format!("{} cannot run in fp16 on {provider}: {problem}", plan.model),
            "leave --precision out",
        )
    };
    in_float16(plan.network).map(Into::into).map_err(refused)
}

/// A session on ONNX Runtime's own kernels.
pub(in crate::model) fn on_processor(
    runtime: &Runtime,
    network: &[u8],
    threads: usize,
) -> ort::Result<Session> {
    processor(runtime, builder(runtime, threads)?, network)?.commit_from_memory(network)
}

/// Names ONNX Runtime's own kernels: where nothing is named, ort has networks given to the most efficient plugin.
fn processor(runtime: &Runtime, mut builder: SessionBuilder, network: &[u8]) -> ort::Result<SessionBuilder> {
    if saturates(network) {
        builder = builder.with_config_entry("session.disable_quant_qdq", "1")?;
    }
    builder.with_devices(devices(runtime, Provider::Cpu).next(), None).map_err(Into::into)
}

/// The devices that a provider offers, in the order of their indices.
fn devices(runtime: &Runtime, provider: Provider) -> impl Iterator<Item = Device<'_>> {
    let name = provider.runtime_name();
    runtime.environment().devices().filter(move |device| device.ep().is_ok_and(|found| found == name))
}

fn builder(runtime: &Runtime, threads: usize) -> ort::Result<SessionBuilder> {
    Ok(Session::builder(runtime.environment())?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads)?
        .with_inter_threads(1)?
        // Spinning workers take the processor from the decoder and the encoder.
        .with_intra_op_spinning(false)?
        .with_config_entry(RECORD.0, RECORD.1)?)
}

fn append(
    runtime: &Runtime,
    builder: SessionBuilder,
    plan: &SessionPlan<'_>,
    placement: Placement,
    extras: Extras,
) -> Result<SessionBuilder, Unusable> {
    let Placement { provider, .. } = placement;
    if !precisions(provider).contains(&placement.precision) {
        return Err(unknown_precision(placement));
    }
    if provider == Provider::Cpu {
        return processor(runtime, builder, plan.network).map_err(|error| does_not_start(provider, &error));
    }
    match runtime.origin(provider)? {
        Origin::Plugin => append_plugin(runtime, builder, plan, placement),
        Origin::BuiltIn => {
            let named = [built_in(plan, placement, extras).error_on_failure()];
            builder.with_execution_providers(named).map_err(|error| does_not_start(provider, &error))
        }
    }
}

fn does_not_start(provider: Provider, error: &impl std::fmt::Display) -> Unusable {
    Unusable::new(
        format!("{provider} does not start: {}", first_line(&error.to_string())),
        "see `framecast doctor`, or use another device (--device)",
    )
}

/// Kinds of the devices that a registered plugin offers, in its order.
pub(in crate::model) fn plugin_devices(runtime: &Runtime, provider: Provider) -> Vec<DeviceType> {
    devices(runtime, provider).map(|device| device.hardware_device().ty()).collect()
}

/// True if networks could run on `provider`, as far as can be told without a session.
pub(in crate::model) fn is_offered(runtime: &Runtime, provider: Provider) -> bool {
    match runtime.origin(provider) {
        Ok(Origin::Plugin) => !plugin_devices(runtime, provider).is_empty(),
        Ok(Origin::BuiltIn) => true,
        Err(_) => false,
    }
}

fn append_plugin(
    runtime: &Runtime,
    builder: SessionBuilder,
    plan: &SessionPlan<'_>,
    placement: Placement,
) -> Result<SessionBuilder, Unusable> {
    let Placement { provider, index, .. } = placement;
    let kinds = plugin_devices(runtime, provider);
    if kinds.is_empty() {
        // With an empty list of devices ONNX Runtime would take the processor without a word.
        let remedy = match provider {
            Provider::OpenVino => {
                "its plugin takes Intel's processors and GPUs; use another device (--device)"
            }
            _ => "it needs a GPU with a working driver; use another device (--device)",
        };
        return Err(Unusable::new(format!("{provider} offers no device on this machine"), remedy));
    }
    let wanted = index.map_or_else(|| best_device(&kinds), |index| index as usize);
    let Some(kind) = kinds.get(wanted).copied() else {
        return Err(Unusable::new(
            format!("expected a device 0 to {} of {provider}, found {wanted}", kinds.len() - 1),
            "`framecast doctor` lists them",
        ));
    };
    let name = provider.runtime_name();
    let options = plugin_options(plan, placement, kind);
    let options: Vec<_> = options.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)).collect();
    let device = devices(runtime, provider).nth(wanted);
    builder.with_devices(device, Some(&options)).map_err(|error| does_not_start(provider, &error))
}

/// Graphics before NPUs before processors.
fn best_device(kinds: &[DeviceType]) -> usize {
    let rank = |kind: &DeviceType| match *kind {
        DeviceType::GPU => 0,
        DeviceType::NPU => 1,
        _ => 2,
    };
    kinds.iter().enumerate().min_by_key(|(_, kind)| rank(kind)).map_or(0, |(place, _)| place)
}

fn plugin_options(
    plan: &SessionPlan<'_>,
    placement: Placement,
    kind: DeviceType,
) -> Vec<(&'static str, String)> {
    match placement.provider {
        Provider::OpenVino => {
            vec![("load_config", openvino_properties(plan.threads, placement.precision, kind))]
        }
        Provider::TensorRtRtx => {
            let shape = format!("{}:{}", plan.input.0, shape_text(plan.input.1));
            let profile = ["nv_profile_min_shapes", "nv_profile_opt_shapes", "nv_profile_max_shapes"];
            let cache = EngineCache::new(plan, placement).folder();
            let cache = cache.map(|folder| ("nv_runtime_cache_path", folder));
            profile.into_iter().map(|key| (key, shape.clone())).chain(cache).collect()
        }
        _ => Vec::new(),
    }
}

/// What OpenVINO reads as `load_config`.
fn openvino_properties(threads: usize, precision: Precision, kind: DeviceType) -> String {
    let hint = match precision {
        Precision::Fp16 => "f16",
        Precision::Bf16 => "bf16",
        Precision::Auto | Precision::Fp32 | Precision::Tf32 => "f32",
    };
    let properties = match kind {
        DeviceType::GPU => serde_json::json!({ "GPU": { "INFERENCE_PRECISION_HINT": hint } }),
        DeviceType::NPU => serde_json::json!({ "NPU": {} }),
        _ => serde_json::json!({
            "CPU": { "INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": threads.to_string() }
        }),
    };
    properties.to_string()
}

fn built_in(plan: &SessionPlan<'_>, placement: Placement, extras: Extras) -> ExecutionProviderDispatch {
    let Placement { provider, index, precision } = placement;
    let device = index.unwrap_or_default();
    let (fp16, fp32) = (precision == Precision::Fp16, precision == Precision::Fp32);
    match provider {
        Provider::Cpu => ep::CPU::default().with_arena_allocator(true).build(),
        Provider::Cuda => cuda::provider(plan, placement, extras),
        Provider::TensorRt => {
            let shape = format!("{}:{}", plan.input.0, shape_text(plan.input.1));
            let mut engine = ep::TensorRT::default()
                .with_arbitrary_config("device_id", device)
                .with_arbitrary_config("trt_fp16_enable", u8::from(fp16))
                .with_arbitrary_config("trt_bf16_enable", u8::from(precision == Precision::Bf16))
                .with_arbitrary_config("trt_profile_min_shapes", &shape)
                .with_arbitrary_config("trt_profile_opt_shapes", &shape)
                .with_arbitrary_config("trt_profile_max_shapes", &shape);
            if let Some(folder) = EngineCache::new(plan, placement).folder() {
                engine = engine
                    .with_arbitrary_config("trt_engine_cache_enable", 1)
                    .with_arbitrary_config("trt_engine_cache_path", &folder)
                    .with_arbitrary_config("trt_timing_cache_enable", 1)
                    .with_arbitrary_config("trt_timing_cache_path", &folder);
            }
            engine.build()
        }
        Provider::TensorRtRtx => ep::NVRTX::default().with_arbitrary_config("device_id", device).build(),
        Provider::OpenVino => ep::OpenVINO::default()
            .with_arbitrary_config("device_type", "CPU")
            .with_arbitrary_config("num_of_threads", plan.threads)
            .with_arbitrary_config("precision", if fp32 { "ACCURACY" } else { "FP16" })
            .build(),
        Provider::WebGpu => ep::WebGPU::default().with_arbitrary_config("deviceId", device).build(),
        Provider::DirectMl => ep::DirectML::default().with_device_id(device as i32).build(),
        Provider::CoreMl => ep::CoreML::default().with_static_input_shapes(true).build(),
        Provider::MiGraphX => ep::MIGraphX::default().with_device_id(device as i32).with_fp16(fp16).build(),
    }
}

/// The precisions that a provider can be asked for; the first is the one that it is usually fastest with.
pub(in crate::model) fn precisions(provider: Provider) -> &'static [Precision] {
    match provider {
        Provider::TensorRt => &[Precision::Fp16, Precision::Bf16, Precision::Fp32],
        Provider::TensorRtRtx => &[Precision::Fp32],
        Provider::Cuda => &[Precision::Fp16, Precision::Tf32, Precision::Fp32],
        Provider::OpenVino => openvino_precisions(),
        Provider::MiGraphX | Provider::WebGpu | Provider::DirectMl => &[Precision::Fp16, Precision::Fp32],
        Provider::Cpu | Provider::CoreMl => &[Precision::Fp32],
    }
}

/// Without instructions for it, bfloat16 is emulated.
fn openvino_precisions() -> &'static [Precision] {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512bf16") {
        return &[Precision::Bf16, Precision::Fp32, Precision::Fp16];
    }
    &[Precision::Fp32, Precision::Fp16, Precision::Bf16]
}

fn unknown_precision(placement: Placement) -> Unusable {
    let known: Vec<&str> = precisions(placement.provider).iter().map(|precision| precision.name()).collect();
    Unusable::new(
        format!(
            "expected --precision {} for {}, found {}",
            known.join(", "),
            placement.provider,
            placement.precision
        ),
        "leave --precision out",
    )
}

/// `1x4x540x960`.
pub(super) fn shape_text(shape: [usize; 4]) -> String {
    shape.map(|side| side.to_string()).join("x")
}

/// ONNX Runtime appends call stacks.
pub(super) fn first_line(text: &str) -> &str {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim()
}
