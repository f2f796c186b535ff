//! One network, ready to run.

mod ffi_shared;
mod graphs;
mod running;

pub use ffi_shared::SharedRun;
pub(crate) use graphs::RUNS_UNTIL_REPLAY;
pub use running::RunningNetwork;

use super::fit::check_graph;
use super::provider::{
    Built, Device, Execution, NetworkReport, Question, SessionPlan, begin_run, build, choose, refusal,
};
use super::swap::Successor;
use super::{Argument, Manifest, Model, Runtime, tensor};
use crate::error::ModelError;
use crate::frame::{ComputeStream, MemoryPlace, Tensor, TensorLayout, TensorSpec, TensorView};
use graphs::Graphs;
use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, SessionInputValue, SessionOutputs};
use ort::value::{DynValue, ValueType};
use std::borrow::Cow;
use std::time::{Duration, Instant};

/// A network on a device. Runs one frame or tile at a time.
pub struct Session {
    session: ort::session::Session,
    manifest: Manifest,
    spec: TensorSpec,
    /// The values of the inputs beside the picture, in the order of the declarations.
    arguments: Vec<(String, DynValue)>,
    /// The output tensor that runs of the largest shape write into, and its shape.
    bound: Option<(RunOptions<HasSelectedOutputs>, [usize; 3])>,
    /// What takes over when it has been built.
    successor: Option<Successor>,
    running: RunningNetwork,
    graphs: Graphs,
    /// What it runs on, or why on nothing that kernels can take turns with. Below the session, which needs it.
    stream: Result<ComputeStream, String>,
    time: Duration,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({} on {})", self.manifest.name, self.running.report())
    }
}

impl Session {
    /// Loads `model`; on the processor it has `threads` threads of its own. `shape` is the largest input that it will be
    /// run on, as channels, height and width: where a device is to be chosen, it is tried on that.
    ///
    /// # Errors
    ///
    /// [`ModelError::Model`] if the graph does not fit its manifest, or an argument without a default has no value;
    /// [`ModelError::Device`] if the device that is asked for does not work, or does not run all that it must.
    pub fn new(
        runtime: &Runtime,
        model: &Model,
        execution: Execution,
        threads: usize,
        shape: [usize; 3],
    ) -> Result<Self, ModelError> {
        let none = &mut |_| Err("the session was made without a stream".into());
        Self::make(runtime, model, execution, threads, shape, (none, false))
    }

    /// As [`Session::new`], for runs on shared tensors: on the stream that `streams` has for the memory of its device, if
    /// any, and so that runs can be replayed as CUDA graphs, where that can be.
    ///
    /// # Errors
    ///
    /// As for [`Session::new`].
    pub fn for_shared_tensors(
        runtime: &Runtime,
        model: &Model,
        execution: Execution,
        threads: usize,
        shape: [usize; 3],
        streams: &mut dyn FnMut(MemoryPlace) -> Result<ComputeStream, String>,
    ) -> Result<Self, ModelError> {
        Self::make(runtime, model, execution, threads, shape, (streams, true))
    }

    fn make(
        runtime: &Runtime,
        model: &Model,
        execution: Execution,
        threads: usize,
        shape: [usize; 3],
        (streams, shares): (&mut dyn FnMut(MemoryPlace) -> Result<ComputeStream, String>, bool),
    ) -> Result<Self, ModelError> {
        let manifest = &model.manifest;
        let arguments = bind_arguments(model)?;
        let question = Question { runtime, model, execution, threads, shape, arguments: &arguments };
        let choice = choose(&question)?;
        let layout = manifest.pack_spec().layout;
        let stream = ffi_shared::stream_place(choice.first).and_then(streams);
        let plan = SessionPlan {
            model: &manifest.name,
            network: &model.network,
            input: (&manifest.input.name, layout.axes(shape)),
            threads,
            stream: stream.as_ref().ok(),
            // Arguments lie in host memory, where a replay does not look.
            graphs: shares && arguments.is_empty() && !execution.without_graphs,
        };
        let Built { session, mut report, extras } = build(runtime, &plan, choice.first)
            .map_err(|unusable| refusal(&question, choice.first.provider, unusable))?;
        check_graph(session.inputs(), session.outputs(), manifest)
            .map_err(|problem| fault(&manifest.name, problem))?;
        check_assignment(&report, execution)?;
        report.notes = choice.notes;
        let stream = stream.and_then(|stream| match (extras.stream, report.is_complete()) {
            (true, true) => Ok(stream),
            (false, _) => Err("its provider takes no stream".into()),
            (true, false) => Err("some of its nodes run elsewhere".into()),
        });
        let graphs = Graphs::new(extras.graphs, report.is_complete());
        let successor =
            choice.then.map(|placement| Successor::start(runtime, model, threads, shape, placement));
        Ok(Self {
            session,
            manifest: manifest.clone(),
            spec: manifest.unpack_spec(false).tensor,
            arguments,
            bound: None,
            successor,
            running: RunningNetwork::new(report),
            graphs,
            stream,
            time: Duration::ZERO,
        })
    }

    /// Gives an argument other values, for the runs that follow: one for each element, or one for all.
    pub fn set_argument(&mut self, name: &str, values: &[f64]) -> Result<(), ModelError> {
        let model = &self.manifest.name;
        let declared = self.manifest.arguments.iter().find(|declared| declared.name == name);
        let value = self.arguments.iter_mut().find(|(declared, _)| declared == name);
        let Some((declared, (_, value))) = declared.zip(value) else {
            return Err(fault(model, format!("it has no argument {name:?}")));
        };
        *value = bind(model, declared, values)?;
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
        self.take_over(input, expected)?;
        let _others_do_not_capture = self.begin();
        let model = &self.manifest.name;
        let failed = |error: ort::Error| fault(model, format!("it failed while running: {error}"));
        let length = |shape: &[usize; 3]| shape.iter().product::<usize>();
        if self.bound.as_ref().is_none_or(|(_, shape)| length(shape) < length(&expected)) {
            self.bound = Some((self.bind_output(expected).map_err(failed)?, expected));
        }
        let inputs = inputs(&self.manifest, input, &self.arguments).map_err(failed)?;
        let plain;
        let started = Instant::now();
        let outputs = match &self.bound {
            Some((options, shape)) if *shape == expected => self.session.run_with_options(inputs, options),
            // Parts of a picture come in many shapes; ONNX Runtime's arena has room for their outputs.
            _ => {
                plain = self.graphs.options(None).map_err(failed)?;
                self.session.run_with_options(inputs, &plain)
            }
        }
        .map_err(failed)?;
        self.time += started.elapsed();
        let value = outputs
            .get(&self.manifest.output.name)
            .ok_or_else(|| fault(model, "it gave no output".into()))?;
        let view = tensor::view(value, self.spec.kind, self.spec.layout, expected).map_err(failed)?;
        Ok(then(view))
    }

    /// Changes to the successor once it is there and computes the same.
    fn take_over(&mut self, input: &Tensor, expected: [usize; 3]) -> Result<(), ModelError> {
        let Some(successor) = self.successor.take_if(|successor| successor.is_ready()) else { return Ok(()) };
        let failed =
            |error: ort::Error| fault(&self.manifest.name, format!("it failed while running: {error}"));
        let other = self.begin();
        let options = self.graphs.options(None).map_err(failed)?;
        let inputs_now = inputs(&self.manifest, input, &self.arguments).map_err(failed)?;
        let outputs = self.session.run_with_options(inputs_now, &options);
        let reference = outputs.and_then(|outputs| output(&outputs, &self.manifest)).map_err(failed)?;
        // Captures that wait do not let the same thread begin twice.
        drop(other);
        let inputs = || inputs(&self.manifest, input, &self.arguments);
        match successor.finish(&self.manifest, inputs, &reference) {
            Ok(Built { session, report, .. }) => {
                let note = format!("{} changed to {report} when its engine was built", self.manifest.name);
                tracing::info!("{note}");
                self.session = session;
                self.graphs = Graphs::default();
                self.stream = Err(format!("{} takes no stream", report.provider));
                self.running.replace(report, note);
                self.bound = Some((self.bind_output(expected).map_err(failed)?, expected));
            }
            Err(problem) => {
                let note = format!("{} stays where it is: {problem}", self.manifest.name);
                tracing::warn!("{note}");
                self.running.note(note);
            }
        }
        Ok(())
    }

    /// A tensor that ONNX Runtime writes every output into, so that no run allocates one.
    fn bind_output(&self, shape: [usize; 3]) -> ort::Result<RunOptions<HasSelectedOutputs>> {
        let name = self.manifest.output.name.as_str();
        let axes = self.spec.layout.axes(shape);
        let output = tensor::allocate(self.session.allocator(), self.spec.kind, axes)?;
        let selector = OutputSelector::no_default().with(name).preallocate(name, output);
        Ok(self.graphs.options(None)?.with_outputs(selector))
    }

    /// Channels of the output, if the graph fixes them.
    pub fn output_channels(&self) -> Option<usize> {
        let outlet =
            self.session.outputs().iter().find(|outlet| outlet.name() == self.manifest.output.name)?;
        let ValueType::Tensor { shape, .. } = outlet.dtype() else { return None };
        let channels = shape.get(match self.spec.layout {
            TensorLayout::Nchw => 1,
            TensorLayout::Nhwc => 3,
        })?;
        usize::try_from(*channels).ok()
    }

    /// Where the network's nodes run.
    pub const fn running(&self) -> &RunningNetwork {
        &self.running
    }

    /// True if inputs of other sizes cost nothing extra and give the same pixels: parts of a picture may be run.
    pub fn takes_any_size(&self) -> bool {
        self.successor.is_none() && self.running.report().provider.takes_any_size()
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

/// The picture and the arguments, by name.
pub(super) fn inputs<'a>(
    manifest: &'a Manifest,
    picture: &'a Tensor,
    arguments: &'a [(String, DynValue)],
) -> ort::Result<Vec<(Cow<'a, str>, SessionInputValue<'a>)>> {
    let mut inputs = Vec::with_capacity(1 + arguments.len());
    inputs.push((Cow::from(manifest.input.name.as_str()), tensor::picture(picture)?));
    inputs.extend(arguments.iter().map(|(name, value)| (Cow::from(name.as_str()), value.into())));
    Ok(inputs)
}

/// The network's output as f32.
pub(super) fn output(outputs: &SessionOutputs<'_>, manifest: &Manifest) -> ort::Result<Vec<f32>> {
    outputs.get(&manifest.output.name).map_or_else(|| Ok(Vec::new()), tensor::elements)
}

/// A provider that runs nothing has fallen back in silence; with `required` no node may run elsewhere.
fn check_assignment(report: &NetworkReport, execution: Execution) -> Result<(), ModelError> {
    let refused = |problem: String| ModelError::Device {
        device: match execution.device {
            Device::Auto => report.provider.to_string(),
            device => device.to_string(),
        },
        problem,
        remedy: "use another device or model, or leave --require-device out".into(),
    };
    let NetworkReport { model, provider, nodes, nodes_total, .. } = report;
    if report.is_complete() && *nodes_total > 0 {
        return Ok(());
    }
    if report.runs_nothing() {
        return Err(refused(report.nothing_text()));
    }
    let elsewhere = report.elsewhere_text();
    if execution.required {
        return Err(refused(match nodes_total {
            0 => format!(
                "expected all nodes of {model} on {provider}, but ONNX Runtime does not tell where they run"
            ),
            _ => format!(
                "expected all {nodes_total} nodes of {model} on {provider}, found {nodes}; elsewhere {elsewhere}"
            ),
        }));
    }
    if *nodes_total > 0 {
        tracing::warn!("{model}: {nodes} of {nodes_total} nodes run on {provider}; elsewhere {elsewhere}");
    }
    Ok(())
}

/// The model's arguments with the user's values, or their defaults.
fn bind_arguments(model: &Model) -> Result<Vec<(String, DynValue)>, ModelError> {
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
        Ok((declared.name.clone(), bind(&manifest.name, declared, values)?))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::TensorData;
    use crate::model::provider::{Placement, Precision, Provider};

    const SHAPE: [usize; 3] = [4, 12, 16];

    fn elements(output: TensorView<'_>) -> Vec<f32> {
        let mut tensor = Tensor::empty();
        tensor.assign(output);
        tensor.as_f32().unwrap().to_vec()
    }

    fn report(nodes: usize, nodes_total: usize) -> NetworkReport {
        let elsewhere = ("CPUExecutionProvider".into(), "Shape".into(), nodes_total - nodes);
        NetworkReport {
            model: "a".into(),
            provider: Provider::Cuda,
            index: None,
            precision: Precision::Fp32,
            nodes,
            nodes_total,
            elsewhere: if nodes < nodes_total { vec![elsewhere] } else { Vec::new() },
            notes: Vec::new(),
        }
    }

    #[test]
    fn nodes_elsewhere_are_an_error_where_the_device_is_required() {
        let cuda = Execution { device: "cuda".parse().unwrap(), ..Execution::default() };
        let required = Execution { required: true, ..cuda };
        assert!(check_assignment(&report(9, 9), required).is_ok());
        assert!(check_assignment(&report(7, 9), cuda).is_ok());
        let error = check_assignment(&report(7, 9), required).unwrap_err().to_string();
        assert!(
            error.contains("expected all 9 nodes of a on cuda, found 7; elsewhere 2 Shape on cpu"),
            "{error}"
        );
        assert!(check_assignment(&report(0, 0), required).unwrap_err().to_string().contains("does not tell"));
    }

    #[test]
    fn a_device_that_runs_nothing_is_an_error_always() {
        let cuda = Execution { device: "cuda:1".parse().unwrap(), ..Execution::default() };
        let error = check_assignment(&report(0, 9), cuda).unwrap_err().to_string();
        assert!(error.starts_with("--device cuda:1: cuda runs none of the 9 nodes of a;"), "{error}");
    }

    #[test]
    fn frames_go_on_while_a_successor_is_built_and_after_it_took_over() {
        let runtime = Runtime::load(None).unwrap();
        let model = Model::find("nano-x2").unwrap();
        let mut session = Session::new(&runtime, &model, Execution::CPU, 1, SHAPE).unwrap();
        let expected = model.manifest.unpack_spec(false).tensor.shape(64, 48);
        let mut picture = Tensor::zeros(SHAPE);
        if let TensorData::F32(values) = &mut picture.data {
            values.iter_mut().enumerate().for_each(|(index, value)| *value = (index % 5) as f32 / 10.0);
        }
        let before = session.run(&picture, expected, elements).unwrap();

        session.successor = Some(Successor::start(&runtime, &model, 1, SHAPE, Placement::CPU));
        assert!(!session.takes_any_size());
        while session.successor.is_some() {
            assert_eq!(session.run(&picture, expected, elements).unwrap(), before);
        }
        assert_eq!(session.run(&picture, expected, elements).unwrap(), before);
        let notes = session.running().report().notes;
        assert!(
            notes.len() == 1 && notes[0].contains("nano-x2 changed to cpu fp32, 7 of 7 nodes"),
            "{notes:?}"
        );
    }
}
