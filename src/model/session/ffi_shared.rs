//! Runs of a network on tensors where they lie.
//!
//! An `IoBinding` would not do: ort copies what it is given to bind. So inputs and preallocated outputs are handed to the
//! run itself, as values that only point to the memory.

#![allow(unsafe_code)]

use super::graphs::Fixed;
use super::{Session, begin_run, fault};
use crate::error::ModelError;
use crate::frame::{ComputeStream, MemoryPlace, NetworkTurns, SharedTensor};
use crate::model::provider::{Placement, Running, begin_capture};
use crate::model::{Provider, tensor};
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::{OutputSelector, SessionInputValue};
use ort::value::DynValue;
use ort::{AsPointer, api};
use std::borrow::Cow;
use std::ptr::{self, NonNull};
use std::time::Instant;

/// Run option that has a run return once its work is queued.
const UNSYNCHRONISED: (&str, &str) = ("disable_synchronize_execution_providers", "1");

/// How a run on shared tensors goes.
#[derive(Default)]
pub struct SharedRun<'a> {
    /// Makes it a turn among those of the kernels, on [`Session::stream`]; it is then queued only. `None` if it is to have
    /// finished when it returns.
    pub turns: Option<&'a mut dyn NetworkTurns>,
    /// Captures it as a CUDA graph, or replays that, where [`Session::replays`].
    pub replay: bool,
}

/// Where the memory of a placement lies, if what runs there can be ordered among others' turns.
pub(super) fn stream_place(placement: Placement) -> Result<MemoryPlace, String> {
    match placement.provider {
        Provider::Cpu | Provider::Cuda => memory_place(placement.provider, placement.index),
        other => Err(format!("{other} takes no stream")),
    }
}

fn memory_place(provider: Provider, index: Option<u32>) -> Result<MemoryPlace, String> {
    match provider {
        Provider::Cpu => Ok(MemoryPlace::Host),
        // CUDA's own choice is the first device.
        Provider::Cuda | Provider::TensorRt => Ok(MemoryPlace::Cuda(index.unwrap_or_default())),
        other => Err(format!("tensors of {other} cannot be shared")),
    }
}

impl Session {
    /// Where tensors must lie for [`Session::run_shared`]; `None` as long as another provider may take over, which happens
    /// in [`Session::run`] only.
    ///
    /// # Errors
    ///
    /// Why it cannot be used, for people.
    pub fn memory_place(&self) -> Result<Option<MemoryPlace>, String> {
        if self.successor.is_some() {
            return Ok(None);
        }
        let (provider, index) = self.running.place();
        memory_place(provider, index).map(Some)
    }

    /// The stream that it runs on, for kernels that are to take turns with it.
    ///
    /// # Errors
    ///
    /// Why there is none, for people.
    pub fn stream(&self) -> Result<ComputeStream, String> {
        self.stream.clone()
    }

    /// True if runs on the same tensors can be captured once and replayed from then on.
    pub const fn replays(&self) -> bool {
        self.graphs.are_usable()
    }

    /// Keeps others from capturing as long as the value lives: whatever allocates memory of CUDA's meanwhile would fail.
    pub(crate) fn begin(&self) -> Option<Running> {
        let (provider, _) = self.running.place();
        begin_run(provider)
    }

    /// Runs the network on `input`, which lies at [`Session::memory_place`], and has it write into `output`, which lies
    /// there too and gets the channels, height and width `expected`. Neither is copied. Not yet run on CUDA.
    ///
    /// # Errors
    ///
    /// [`ModelError::Model`] if the network fails, or a tensor does not fit it. Kernels that take turns with it do not wait
    /// for it then.
    pub fn run_shared(
        &mut self,
        input: &SharedTensor,
        output: &mut SharedTensor,
        expected: [usize; 3],
        how: SharedRun<'_>,
    ) -> Result<(), ModelError> {
        let model = &self.manifest.name;
        let place = self
            .memory_place()
            .and_then(|place| place.ok_or_else(|| "another provider may still take over".into()))
            .map_err(|problem| fault(model, problem))?;
        if let Some(found) = [input.place(), output.place()].into_iter().find(|found| *found != place) {
            return Err(fault(model, format!("expected a tensor in {place}, found one in {found}")));
        }
        if !output.reset(expected, self.spec.layout, self.spec.kind) {
            return Err(fault(
                model,
                format!("expected memory for an output of {expected:?}, found {output:?}"),
            ));
        }
        let failed = |error: ort::Error| fault(model, format!("it failed while running: {error}"));
        let name = self.manifest.output.name.as_str();
        let (from, to) = (value_at(input).map_err(failed)?, value_at(output).map_err(failed)?);
        let selector = OutputSelector::no_default().with(name).preallocate(name, to);
        let fixed =
            Fixed { addresses: [input.address(), output.address()], shapes: [input.shape(), output.shape()] };
        let graph = how.replay.then(|| self.graphs.next(fixed)).flatten();
        let mut options = self.graphs.options(graph).map_err(failed)?;
        if how.turns.is_some() {
            options.set(UNSYNCHRONISED.0, UNSYNCHRONISED.1).map_err(failed)?;
        }
        let options = options.with_outputs(selector);
        let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> =
            Vec::with_capacity(1 + self.arguments.len());
        inputs.push((self.manifest.input.name.as_str().into(), (&from).into()));
        inputs.extend(self.arguments.iter().map(|(name, value)| (name.as_str().into(), value.into())));
        let may_capture = graph.is_some_and(|graph| graph.may_capture);
        let capture =
            if may_capture { Some(begin_capture().ok_or_else(busy).map_err(failed)?) } else { None };
        let _others_do_not_capture = if may_capture { None } else { self.begin() };
        let unordered = |reason| fault(model, format!("it cannot take turns with the kernels: {reason}"));
        let started = Instant::now();
        // Without turns the run waits for the provider's device, so both tensors are free when it returns.
        match how.turns {
            None => self.session.run_with_options(inputs, &options).map(|_| ()).map_err(failed)?,
            Some(turns) => {
                turns.begin().map_err(unordered)?;
                let run = self.session.run_with_options(inputs, &options).map(|_| ()).map_err(failed);
                // A turn that failed ends too.
                let end = turns.end().map_err(unordered);
                run.and(end)?;
            }
        }
        drop(capture);
        self.time += started.elapsed();
        Ok(())
    }

    /// Tells how tensors go between kernels and network, among the notes of [`super::RunningNetwork`].
    pub(crate) fn note(&self, note: String) {
        self.running.note(note);
    }
}

fn busy() -> ort::Error {
    ort::Error::new("a session is being made, so no graph can be captured")
}

/// A value that points to a tensor's memory. It must not live longer than the tensor.
fn value_at(tensor: &SharedTensor) -> ort::Result<DynValue> {
    let memory = match tensor.place() {
        MemoryPlace::Host => MemoryInfo::default(),
        MemoryPlace::Cuda(index) => MemoryInfo::new(
            AllocationDevice::CUDA,
            index.cast_signed(),
            AllocatorType::Device,
            MemoryType::Default,
        )?,
    };
    let axes = tensor.layout().axes(tensor.shape()).map(|side| side as i64);
    let mut value = ptr::null_mut();
    // SAFETY: `SharedMemory` promises that the address is valid at that place for the whole length, which the tensor's
    // size does not exceed; the axes are read during the call, and the output is valid for writing.
    let status = unsafe {
        (api().CreateTensorWithDataAsOrtValue)(
            memory.ptr(),
            tensor.address() as *mut _,
            tensor.size(),
            axes.as_ptr(),
            axes.len(),
            tensor::element_type(tensor.kind()).into(),
            &mut value,
        )
    };
    // SAFETY: the status comes from the call above and is used once.
    unsafe { ort::Error::result_from_status(status) }?;
    let value = NonNull::new(value).ok_or_else(|| ort::Error::new("ONNX Runtime gave no value"))?;
    // SAFETY: the value is new, and nobody else releases it. Its memory is not freed with it: it was not allocated by
    // ONNX Runtime, so which allocator is named here does not matter.
    Ok(unsafe { DynValue::from_ptr(value, Some(&Allocator::default())) })
}
