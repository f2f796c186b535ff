//! Runs of a network on tensors where they lie.
//!
//! An `IoBinding` would not do: ort copies what it is given to bind. So inputs and preallocated outputs are handed to the
//! run itself, as values that only point to the memory.

#![allow(unsafe_code)]

use super::{Session, fault};
use crate::error::ModelError;
use crate::frame::{MemoryPlace, SharedTensor};
use crate::model::{Provider, tensor};
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::{OutputSelector, RunOptions, SessionInputValue};
use ort::value::DynValue;
use ort::{AsPointer, api};
use std::borrow::Cow;
use std::ptr::{self, NonNull};
use std::time::Instant;

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
        let report = self.running.report();
        match report.provider {
            Provider::Cpu => Ok(Some(MemoryPlace::Host)),
            // CUDA's own choice is the first device.
            Provider::Cuda | Provider::TensorRt => {
                Ok(Some(MemoryPlace::Cuda(report.index.unwrap_or_default())))
            }
            other => Err(format!("tensors of {other} cannot be shared")),
        }
    }

    /// Runs the network on `input`, which lies at [`Session::memory_place`], and has it write into `output`, which lies
    /// there too and gets the channels, height and width `expected`. Neither is copied. Not yet run on CUDA.
    ///
    /// # Errors
    ///
    /// [`ModelError::Model`] if the network fails, or a tensor does not fit it.
    pub fn run_shared(
        &mut self,
        input: &SharedTensor,
        output: &mut SharedTensor,
        expected: [usize; 3],
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
        let options = RunOptions::new().map_err(failed)?.with_outputs(selector);
        let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> =
            Vec::with_capacity(1 + self.arguments.len());
        inputs.push((self.manifest.input.name.as_str().into(), (&from).into()));
        inputs.extend(self.arguments.iter().map(|(name, value)| (name.as_str().into(), value.into())));
        let started = Instant::now();
        // The run waits for the provider's device, so both tensors are free when it returns.
        self.session.run_with_options(inputs, &options).map_err(failed)?;
        self.time += started.elapsed();
        Ok(())
    }

    /// Tells how tensors go between kernels and network, among the notes of [`super::RunningNetwork`].
    pub(crate) fn note(&self, note: String) {
        self.running.note(note);
    }
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
