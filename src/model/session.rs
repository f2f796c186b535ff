//! One network, ready to run.

use super::{Argument, Manifest, Model, Runtime, tensor};
use crate::error::ModelError;
use crate::frame::{Tensor, TensorLayout, TensorSpec, TensorView};
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, SessionInputValue};
use ort::value::{DynValue, Outlet, TensorElementType, ValueType};
use std::borrow::Cow;
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
    spec: TensorSpec,
    /// The values of the inputs beside the picture, in the order of the declarations.
    arguments: Vec<(Argument, DynValue)>,
    /// The output tensor that runs of the largest shape write into, and its shape.
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
    /// Loads `model` with `threads` threads of its own. Fails if its inputs and outputs do not fit its manifest, or an
    /// argument without a default has no value.
    pub fn new(runtime: &Runtime, model: &Model, device: Device, threads: usize) -> Result<Self, ModelError> {
        let manifest = &model.manifest;
        // Both choices mean ONNX Runtime's CPU provider until others are registered here.
        let provider = match device {
            Device::Auto | Device::Cpu => "CPUExecutionProvider",
        };
        let session = commit(runtime, &model.network, threads)
            .map_err(|error| fault(&manifest.name, format!("ONNX Runtime refuses it: {error}")))?;
        check_graph(session.inputs(), session.outputs(), manifest)
            .map_err(|problem| fault(&manifest.name, problem))?;
        Ok(Self {
            session,
            model: manifest.name.clone(),
            input: manifest.input.name.clone(),
            output: manifest.output.name.clone(),
            spec: manifest.unpack_spec(false).tensor,
            arguments: bind_arguments(model)?,
            bound: None,
            provider,
            time: Duration::ZERO,
        })
    }

    /// Gives an argument other values, for the runs that follow: one for each element, or one for all.
    pub fn set_argument(&mut self, name: &str, values: &[f64]) -> Result<(), ModelError> {
        let Some((declared, value)) = self.arguments.iter_mut().find(|(declared, _)| declared.name == name)
        else {
            return Err(fault(&self.model, format!("it has no argument {name:?}")));
        };
        *value = bind(&self.model, declared, values)?;
        Ok(())
    }

    /// Runs the network on `input` and hands its output, which must have the channels, height and width `expected`, to
    /// `then`.
    pub fn run<R>(
        &mut self,
        input: &Tensor,
        expected: [usize; 3],
        then: impl FnOnce(TensorView<'_>) -> R,
    ) -> Result<R, ModelError> {
        let model = &self.model;
        let failed = |error: ort::Error| fault(model, format!("it failed while running: {error}"));
        let length = |shape: &[usize; 3]| shape.iter().product::<usize>();
        if self.bound.as_ref().is_none_or(|(_, shape)| length(shape) < length(&expected)) {
            self.bound = Some((self.bind_output(expected).map_err(failed)?, expected));
        }
        let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> =
            Vec::with_capacity(1 + self.arguments.len());
        inputs.push((self.input.as_str().into(), tensor::picture(input).map_err(failed)?));
        inputs.extend(
            self.arguments.iter().map(|(declared, value)| (declared.name.as_str().into(), value.into())),
        );
        let started = Instant::now();
        let outputs = match &self.bound {
            Some((options, shape)) if *shape == expected => self.session.run_with_options(inputs, options),
            // Parts of a picture come in many shapes; ONNX Runtime's arena has room for their outputs.
            _ => self.session.run(inputs),
        }
        .map_err(failed)?;
        self.time += started.elapsed();
        let value = outputs.get(&self.output).ok_or_else(|| fault(model, "it gave no output".into()))?;
        let view = tensor::view(value, self.spec.kind, self.spec.layout, expected).map_err(failed)?;
        Ok(then(view))
    }

    /// A tensor that ONNX Runtime writes every output into, so that no run allocates one.
    fn bind_output(&self, shape: [usize; 3]) -> ort::Result<RunOptions<HasSelectedOutputs>> {
        let axes = self.spec.layout.axes(shape);
        let output = tensor::allocate(self.session.allocator(), self.spec.kind, axes)?;
        let selector = OutputSelector::no_default().with(&self.output).preallocate(&self.output, output);
        Ok(RunOptions::new()?.with_outputs(selector))
    }

    /// Channels of the output, if the graph fixes them.
    pub fn output_channels(&self) -> Option<usize> {
        let outlet = self.session.outputs().iter().find(|outlet| outlet.name() == self.output)?;
        let ValueType::Tensor { shape, .. } = outlet.dtype() else { return None };
        let channels = shape.get(match self.spec.layout {
            TensorLayout::Nchw => 1,
            TensorLayout::Nhwc => 3,
        })?;
        usize::try_from(*channels).ok()
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

fn fault(model: &str, problem: String) -> ModelError {
    ModelError::Model {
        model: model.into(),
        problem,
        remedy: "use another model (--model), or mend its manifest".into(),
    }
}

pub(super) fn commit(
    runtime: &Runtime,
    network: &[u8],
    threads: usize,
) -> ort::Result<ort::session::Session> {
    let builder = ort::session::Session::builder(runtime.environment())?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads)?
        .with_inter_threads(1)?
        // Spinning workers take the processor from the decoder and the encoder.
        .with_intra_op_spinning(false)?;
    let mut builder = builder;
    builder.commit_from_memory(network)
}

/// The model's arguments with the user's values, or their defaults.
fn bind_arguments(model: &Model) -> Result<Vec<(Argument, DynValue)>, ModelError> {
    let manifest = &model.manifest;
    let with_value = |declared: &Argument| {
        let values = model.arguments.get(&declared.name).unwrap_or(&declared.default);
        if values.is_empty() {
            return Err(ModelError::Model {
                model: manifest.name.clone(),
                problem: format!("expected a value for its argument {declared}, found none"),
                remedy: format!("give one: --model-arg {}=VALUE", declared.name),
            });
        }
        Ok((declared.clone(), bind(&manifest.name, declared, values)?))
    };
    manifest.arguments.iter().map(with_value).collect()
}

fn bind(model: &str, declared: &Argument, values: &[f64]) -> Result<DynValue, ModelError> {
    let values = declared.values(values).map_err(|problem| ModelError::Model {
        model: model.into(),
        problem: format!("expected {problem}"),
        remedy: format!("give a legal value: --model-arg {}=VALUE", declared.name),
    })?;
    tensor::argument(declared, &values)
        .map_err(|error| fault(model, format!("argument {}: {error}", declared.name)))
}

/// Channels of the tensors of motion networks, see `pack_pair` and `MotionField::assign`.
const MOTION_INPUTS: usize = 16;
const MOTION_OUTPUTS: usize = 8;

/// Checks that the graph is what the manifest says.
fn check_graph(inputs: &[Outlet], outputs: &[Outlet], manifest: &Manifest) -> Result<(), String> {
    let (input, output) = (manifest.pack_spec(), manifest.unpack_spec(false).tensor);
    let block = manifest.input.space_to_depth;
    let sides = [manifest.input.height, manifest.input.width].map(|side| side.map(|side| side / block));
    let taken = if manifest.task.gives_motion() { MOTION_INPUTS } else { input.channels() };
    check_picture(inputs, &manifest.input.name, &input, Some(taken), Some(sides))
        .map_err(|problem| format!("its input {problem}"))?;
    let channels = if manifest.task.gives_motion() {
        Some(MOTION_OUTPUTS)
    } else {
        manifest.task.gives_picture().then(|| output.channels())
    };
    check_picture(outputs, &manifest.output.name, &output, channels, None)
        .map_err(|problem| format!("its output {problem}"))?;
    for declared in &manifest.arguments {
        check_argument(inputs, declared).map_err(|problem| format!("its input {problem}"))?;
    }
    let known = |name: &str| {
        name == manifest.input.name || manifest.arguments.iter().any(|declared| declared.name == name)
    };
    match inputs.iter().find(|outlet| !known(outlet.name())) {
        Some(outlet) => Err(format!("its input {:?} is not in the manifest", outlet.name())),
        None => Ok(()),
    }
}

/// Checks name, element type, rank, channels and, for an input, the fixed height and width of a picture.
fn check_picture(
    outlets: &[Outlet],
    name: &str,
    spec: &TensorSpec,
    channels: Option<usize>,
    sides: Option<[Option<usize>; 2]>,
) -> Result<(), String> {
    let found = tensor_shape(outlets, name, tensor::element_type(spec.kind))?;
    let fits = |side: i64, wanted: usize| side < 0 || usize::try_from(side) == Ok(wanted);
    // A side that the graph leaves open takes whatever the manifest fixes.
    let side_fits = |side: i64, wanted: Option<usize>| side < 0 || usize::try_from(side).ok() == wanted;
    let ordered = match (spec.layout, found) {
        (TensorLayout::Nchw, [n, c, h, w]) => Some([*n, *c, *h, *w]),
        (TensorLayout::Nhwc, [n, h, w, c]) => Some([*n, *c, *h, *w]),
        _ => None,
    };
    let Some([_, _, height, width]) =
        ordered.filter(|[n, c, ..]| fits(*n, 1) && channels.is_none_or(|channels| fits(*c, channels)))
    else {
        let channels = channels.map_or("any".to_owned(), |channels| channels.to_string());
        let expected = match spec.layout {
            TensorLayout::Nchw => format!("[1, {channels}, height, width]"),
            TensorLayout::Nhwc => format!("[1, height, width, {channels}]"),
        };
        return Err(format!("{name:?} has shape {found:?}, expected {expected} ({})", spec.layout));
    };
    match sides {
        Some([h, w]) if !side_fits(height, h) || !side_fits(width, w) => Err(format!(
            "{name:?} takes only height {height} and width {width} (-1 is any), which its manifest does not say"
        )),
        _ => Ok(()),
    }
}

fn check_argument(outlets: &[Outlet], declared: &Argument) -> Result<(), String> {
    let found = tensor_shape(outlets, &declared.name, tensor::argument_type(declared.dtype))?;
    let wanted = &declared.shape;
    let fits = |(side, wanted): (&i64, &usize)| *side < 0 || usize::try_from(*side) == Ok(*wanted);
    if found.len() == wanted.len() && found.iter().zip(wanted).all(fits) {
        return Ok(());
    }
    Err(format!("{:?} has shape {found:?}, the manifest says {wanted:?}", declared.name))
}

/// The shape of an input or output, whose element type must be `wanted`; -1 where it is open.
fn tensor_shape<'a>(
    outlets: &'a [Outlet],
    name: &str,
    wanted: TensorElementType,
) -> Result<&'a [i64], String> {
    let Some(outlet) = outlets.iter().find(|outlet| outlet.name() == name) else {
        let names: Vec<_> = outlets.iter().map(|outlet| outlet.name()).collect();
        return Err(format!("{name:?} is missing, found {names:?}"));
    };
    let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else {
        return Err(format!("{name:?} is no tensor"));
    };
    if *ty != wanted {
        return Err(format!("{name:?} has elements of {ty}, the manifest says {wanted}"));
    }
    Ok(shape)
}
