//! A session that is built beside one that runs already, and takes its place when it computes the same.

use super::provider::{Built, Placement, SessionPlan, Unusable, agreement, begin_run, build};
use super::session::output;
use super::{Manifest, Model, Runtime};
use ort::session::SessionInputValue;
use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

/// Engines are built one at a time: workers of one network want the same, which the next finds in the cache.
static BUILDING: Mutex<()> = Mutex::new(());

/// A session in the making. A run that ends sooner leaves the thread to the end of the process: compilers of engines
/// cannot be stopped, and what they have not finished is not kept.
#[derive(Debug)]
pub(super) struct Successor {
    thread: Option<JoinHandle<Result<Built, Unusable>>>,
}

impl Successor {
    /// Builds `model` on `placement` for inputs of `shape`, channels, height and width.
    pub(super) fn start(
        runtime: &Runtime,
        model: &Model,
        threads: usize,
        shape: [usize; 3],
        placement: Placement,
    ) -> Self {
        let (runtime, model) = (runtime.clone(), model.clone());
        let work = move || {
            let manifest = &model.manifest;
            let plan = SessionPlan {
                model: &manifest.name,
                network: &model.network,
                input: (&manifest.input.name, manifest.pack_spec().layout.axes(shape)),
                threads,
                stream: None,
                graphs: false,
            };
            let _one = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
            build(&runtime, &plan, placement)
        };
        // Without a thread there is no successor, which `finish` tells.
        Self { thread: std::thread::Builder::new().name("engine".into()).spawn(work).ok() }
    }

    /// True if [`Successor::finish`] does not wait.
    pub(super) fn is_ready(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// The session, if it makes `reference` of `inputs`; else what is wrong.
    pub(super) fn finish<'a>(
        self,
        manifest: &Manifest,
        inputs: impl Fn() -> ort::Result<Vec<(Cow<'a, str>, SessionInputValue<'a>)>>,
        reference: &[f32],
    ) -> Result<Built, String> {
        let thread = self.thread.ok_or("no thread could be started for its engine")?;
        let built = thread.join().map_err(|_| "the compiler of its engine panicked")?;
        let mut built = built.map_err(|unusable| unusable.problem)?;
        if built.report.runs_nothing() {
            return Err(built.report.nothing_text());
        }
        let name = built.report.to_string();
        let _others_do_not_capture = begin_run(built.report.provider);
        let outputs = inputs().and_then(|inputs| {
            let outputs = built.session.run(inputs)?;
            output(&outputs, manifest)
        });
        let found = outputs.map_err(|error| format!("{name} fails while running: {error}"))?;
        match agreement(manifest, &found, reference) {
            None => Ok(built),
            Some(problem) => Err(format!("on {name} {problem}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Tensor, TensorData, TensorView};
    use crate::model::provider::Provider;
    use crate::model::{Execution, Session, session};

    const SHAPE: [usize; 3] = [4, 12, 16];

    fn model() -> (Runtime, Model) {
        (Runtime::load(None).unwrap(), Model::find("nano-x2").unwrap())
    }

    fn picture() -> Tensor {
        let mut tensor = Tensor::zeros(SHAPE);
        if let TensorData::F32(values) = &mut tensor.data {
            values.iter_mut().enumerate().for_each(|(index, value)| *value = (index % 7) as f32 / 14.0);
        }
        tensor
    }

    fn finished(placement: Placement, reference: &[f32]) -> Result<Built, String> {
        let (runtime, model) = model();
        let picture = picture();
        let successor = Successor::start(&runtime, &model, 1, SHAPE, placement);
        let inputs = || session::inputs(&model.manifest, &picture, &[]);
        successor.finish(&model.manifest, inputs, reference)
    }

    fn output_of_the_first() -> Vec<f32> {
        let (runtime, model) = model();
        let mut session = Session::new(&runtime, &model, Execution::CPU, 1, SHAPE).unwrap();
        let expected = model.manifest.unpack_spec(false).tensor.shape(64, 48);
        let elements = |output: TensorView<'_>| {
            let mut tensor = Tensor::empty();
            tensor.assign(output);
            tensor.as_f32().unwrap().to_vec()
        };
        session.run(&picture(), expected, elements).unwrap()
    }

    #[test]
    fn a_successor_that_computes_the_same_takes_over() {
        let built = finished(Placement::CPU, &output_of_the_first()).unwrap();
        assert!(built.report.is_complete() && built.report.nodes > 0);
    }

    #[test]
    fn a_successor_that_computes_something_else_does_not() {
        let mut reference = output_of_the_first();
        reference.iter_mut().for_each(|value| *value += 0.02);
        assert!(finished(Placement::CPU, &reference).unwrap_err().contains("code values"));
    }

    #[test]
    fn a_successor_that_cannot_be_built_says_why() {
        let nowhere = if cfg!(target_os = "macos") { Provider::DirectMl } else { Provider::CoreMl };
        let placement = Placement { provider: nowhere, ..Placement::CPU };
        assert!(finished(placement, &[]).unwrap_err().contains("only"));
    }
}
