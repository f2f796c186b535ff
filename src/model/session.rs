//! One network, ready to run.

use super::{Model, Runtime};
use crate::error::ModelError;
use crate::frame::{DataType, Tensor, TensorData, TensorSlice, TensorView};
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions};
use ort::value::{TensorElementType, TensorRef, ValueType};
use std::time::{Duration, Instant};

/// Where networks run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The fastest that works on this machine.
    #[default]
    Auto,
    /// ONNX Runtime's CPU provider.
    Cpu,
}

/// A network on a device. Runs one frame or tile at a time.
pub struct Session {
    session: ort::session::Session,
    model: String,
    input: String,
    output: String,
    kind: DataType,
    /// The output tensor that every run of the same shape writes into, and its shape.
    bound: Option<(RunOptions<HasSelectedOutputs>, [usize; 3])>,
    provider: &'static str,
    time: Duration,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({} on {})", self.model, self.provider)
    }
}

impl Session {
    /// Loads `model` with `threads` threads of its own. Fails if its inputs and outputs do not fit its manifest.
    pub fn new(runtime: &Runtime, model: &Model, device: Device, threads: usize) -> Result<Self, ModelError> {
        let manifest = &model.manifest;
        let fault = |problem: String| ModelError::Model {
            model: manifest.name.clone(),
            problem,
            remedy: "use another model (--model), or mend its manifest".into(),
        };
        // Both choices mean ONNX Runtime's CPU provider until others are registered here.
        let provider = match device {
            Device::Auto | Device::Cpu => "CPUExecutionProvider",
        };
        let session = commit(runtime, &model.network, threads)
            .map_err(|error| fault(format!("ONNX Runtime refuses it: {error}")))?;
        check_outlet(
            session.inputs(),
            &manifest.input.name,
            manifest.input.dtype,
            manifest.pack_spec().channels(),
        )
        .map_err(|problem| fault(format!("its input {problem}")))?;
        let channels = manifest.unpack_spec(false).tensor.channels();
        check_outlet(session.outputs(), &manifest.output.name, manifest.input.dtype, channels)
            .map_err(|problem| fault(format!("its output {problem}")))?;
        if session.inputs().len() != 1 {
            return Err(fault(format!("it has {} inputs; super-resolution takes 1", session.inputs().len())));
        }
        Ok(Self {
            session,
            model: manifest.name.clone(),
            input: manifest.input.name.clone(),
            output: manifest.output.name.clone(),
            kind: manifest.input.dtype,
            bound: None,
            provider,
            time: Duration::ZERO,
        })
    }

    /// Runs the network on `input` and hands its output, which must have the shape `expected`, to `then`.
    pub fn run<R>(
        &mut self,
        input: &Tensor,
        expected: [usize; 3],
        then: impl FnOnce(TensorView<'_>) -> R,
    ) -> Result<R, ModelError> {
        let model = &self.model;
        let fault = |problem: String| ModelError::Model {
            model: model.clone(),
            problem,
            remedy: "use another model (--model), or mend its manifest".into(),
        };
        let failed = |error: ort::Error| fault(format!("it failed while running: {error}"));
        let [channels, height, width] = input.shape;
        let shape = [1, channels, height, width];
        let value = match &input.data {
            TensorData::F32(values) => {
                TensorRef::from_array_view((shape, values.as_slice())).map(|v| v.into_dyn())
            }
            TensorData::F16(values) => {
                TensorRef::from_array_view((shape, values.as_slice())).map(|v| v.into_dyn())
            }
        }
        .map_err(failed)?;
        if self.bound.as_ref().is_none_or(|(_, shape)| *shape != expected) {
            self.bound = Some((self.bind_output(expected).map_err(failed)?, expected));
        }
        let Some((options, _)) = &self.bound else { return Err(fault("it has no output".into())) };
        let started = Instant::now();
        let outputs = self
            .session
            .run_with_options(ort::inputs![self.input.as_str() => value], options)
            .map_err(failed)?;
        self.time += started.elapsed();
        let value = outputs.get(&self.output).ok_or_else(|| fault("it gave no output".into()))?;
        let data = match self.kind {
            DataType::F32 => TensorSlice::F32(value.try_extract_tensor::<f32>().map_err(failed)?.1),
            DataType::F16 => TensorSlice::F16(value.try_extract_tensor::<half::f16>().map_err(failed)?.1),
        };
        Ok(then(TensorView { shape: expected, data }))
    }

    /// A tensor that ONNX Runtime writes every output into, so that no run allocates one.
    fn bind_output(
        &self,
        [channels, height, width]: [usize; 3],
    ) -> ort::Result<RunOptions<HasSelectedOutputs>> {
        let shape = [1, channels, height, width];
        let allocator = self.session.allocator();
        let tensor = match self.kind {
            DataType::F32 => ort::value::Tensor::<f32>::new(allocator, shape)?.into_dyn(),
            DataType::F16 => ort::value::Tensor::<half::f16>::new(allocator, shape)?.into_dyn(),
        };
        let selector = OutputSelector::no_default().with(&self.output).preallocate(&self.output, tensor);
        Ok(RunOptions::new()?.with_outputs(selector))
    }

    /// The execution provider that runs the network.
    pub const fn provider(&self) -> &'static str {
        self.provider
    }

    /// Wall time spent inside ONNX Runtime so far.
    pub const fn time(&self) -> Duration {
        self.time
    }
}

fn commit(runtime: &Runtime, network: &[u8], threads: usize) -> ort::Result<ort::session::Session> {
    let builder = ort::session::Session::builder(runtime.environment())?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads)?
        .with_inter_threads(1)?
        // Spinning workers take the processor from the decoder and the encoder.
        .with_intra_op_spinning(false)?;
    let mut builder = builder;
    builder.commit_from_memory(network)
}

/// Checks name, element type, rank and channels of the graph's input or output.
fn check_outlet(
    outlets: &[ort::value::Outlet],
    name: &str,
    kind: DataType,
    channels: usize,
) -> Result<(), String> {
    let Some(outlet) = outlets.iter().find(|outlet| outlet.name() == name) else {
        let names: Vec<_> = outlets.iter().map(|outlet| outlet.name()).collect();
        return Err(format!("{name:?} is missing, found {names:?}"));
    };
    let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else {
        return Err(format!("{name:?} is no tensor"));
    };
    let wanted = match kind {
        DataType::F32 => TensorElementType::Float32,
        DataType::F16 => TensorElementType::Float16,
    };
    if *ty != wanted {
        return Err(format!("{name:?} has elements of {ty}, the manifest says {wanted}"));
    }
    let found: &[i64] = shape;
    match found {
        [batch, c, _, _]
            if (*batch == 1 || *batch < 0) && (*c < 0 || usize::try_from(*c) == Ok(channels)) =>
        {
            Ok(())
        }
        _ => Err(format!("{name:?} has shape {found:?}, expected [1, {channels}, height, width]")),
    }
}
