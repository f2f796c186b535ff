//! A wgpu device with the buffers and programs that the kernels keep on it.

use super::interop;
use super::order::Order;
use super::shaders::Shader;
use super::timing::{KernelTime, Timer};
use crate::error::KernelError;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use wgpu::{BufferUsages, BufferUses, DeviceType, Features};

/// Invocations of a workgroup along x and y, as the shaders declare.
const WORKGROUP: [u32; 2] = [32, 4];

/// Graphics interfaces with compute shaders.
const BACKENDS: wgpu::Backends = wgpu::Backends::PRIMARY;

/// What is used where a device has it: memory of other interfaces, and times of kernels.
const OPTIONAL: Features = Features::VULKAN_EXTERNAL_MEMORY_FD.union(Features::TIMESTAMP_QUERY);

/// How long the device may stand still before those who take turns with it are asked whether they will end theirs.
const PATIENCE: Duration = Duration::from_millis(500);

/// Submissions that nobody has waited for, at most: each keeps what it was uploaded.
const AHEAD: usize = 8;

pub(super) struct Device {
    adapter: wgpu::Adapter,
    device: wgpu::Device,
    queue: wgpu::Queue,
    buffers: HashMap<&'static str, wgpu::Buffer>,
    /// Measures every program, if asked to.
    timer: Option<Timer>,
    /// Orders submissions among the turns of others, who do not wait for the processor then.
    order: Option<Box<dyn Order>>,
    /// Submissions since the processor has waited.
    ahead: usize,
    /// What wgpu or the driver reported outside of a call that returns an error.
    failure: Arc<Mutex<Option<String>>>,
}

/// One program's work: its buffers in the order of their bindings, and its invocations along x, y and z.
pub(super) struct Dispatch<'a> {
    pub(super) pipeline: &'a wgpu::ComputePipeline,
    pub(super) buffers: &'a [&'a wgpu::Buffer],
    pub(super) invocations: [usize; 3],
}

/// True if there is an adapter that is not a software renderer.
pub(super) fn hardware_available() -> bool {
    may_have_hardware() && adapters().iter().any(|adapter| adapter.get_info().device_type != DeviceType::Cpu)
}

/// False if there is no graphics processor for sure, so that the drivers need not be asked: that takes up to a second,
/// and Mesa complains on standard error where there is no desktop.
fn may_have_hardware() -> bool {
    // Direct rendering (all open drivers), NVIDIA's, WSL's, Qualcomm's and Arm's own.
    const NODES: [&str; 5] = ["/dev/dri", "/dev/nvidiactl", "/dev/dxg", "/dev/kgsl-3d0", "/dev/mali0"];
    !cfg!(target_os = "linux") || NODES.iter().any(|node| Path::new(node).exists())
}

pub(super) fn adapters() -> Vec<wgpu::Adapter> {
    let descriptor = wgpu::InstanceDescriptor {
        backends: BACKENDS,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    };
    pollster::block_on(wgpu::Instance::new(descriptor).enumerate_adapters(BACKENDS))
}

/// How much an adapter is preferred.
fn rank(adapter: &wgpu::Adapter) -> u8 {
    match adapter.get_info().device_type {
        DeviceType::DiscreteGpu => 4,
        DeviceType::IntegratedGpu => 3,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 1,
        DeviceType::Cpu => 0,
    }
}

fn unavailable(reason: impl ToString) -> KernelError {
    KernelError::Unavailable { backend: "gpu", reason: reason.to_string() }
}

impl Device {
    /// Opens the best adapter.
    pub(super) fn open() -> Result<Self, KernelError> {
        let adapter = adapters()
            .into_iter()
            .max_by_key(rank)
            .ok_or_else(|| unavailable("no Vulkan, Metal or Direct3D 12 device was found"))?;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("framecast"),
            required_features: adapter.features() & OPTIONAL,
            required_limits: adapter.limits(),
            ..wgpu::DeviceDescriptor::default()
        };
        let (device, queue) = interop::open(&adapter, &descriptor).map_err(unavailable)?;
        let failure = Arc::new(Mutex::new(None));
        let reported = Arc::clone(&failure);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| report(&reported, error.to_string())));
        let lost = Arc::clone(&failure);
        device.set_device_lost_callback(move |_, message| report(&lost, message));
        Ok(Self {
            adapter,
            device,
            queue,
            buffers: HashMap::new(),
            timer: None,
            order: None,
            ahead: 0,
            failure,
        })
    }

    /// What it was opened on.
    pub(super) const fn adapter(&self) -> &wgpu::Adapter {
        &self.adapter
    }

    /// For buffers that are made elsewhere.
    pub(super) const fn raw(&self) -> &wgpu::Device {
        &self.device
    }

    /// For orders.
    #[cfg(test)]
    pub(super) const fn queue(&self) -> &wgpu::Queue {
        &self.queue
    }

    /// Orders the submissions from now on; without an order nobody takes turns with the device any more.
    pub(super) fn set_order(&mut self, order: Option<Box<dyn Order>>) {
        self.order = order;
    }

    /// Measures the programs of all runs from now on.
    pub(super) fn start_timing(&mut self) {
        self.timer = Some(Timer::new(&self.device, &self.queue));
    }

    /// The times measured since the last call.
    pub(super) fn take_times(&mut self) -> Vec<KernelTime> {
        self.timer.as_mut().map(Timer::take).unwrap_or_default()
    }

    /// Compiles a program.
    pub(super) fn pipeline(&self, shader: Shader) -> wgpu::ComputePipeline {
        let label = Some(shader.name);
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label,
            source: wgpu::ShaderSource::Wgsl(shader.source.into()),
        });
        self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: None,
            module: &module,
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        })
    }

    /// The storage buffer `label` of at least `size` bytes, with unspecified contents.
    pub(super) fn storage(&mut self, label: &'static str, size: usize) -> wgpu::Buffer {
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC;
        self.buffer(label, size, usage)
    }

    /// The storage buffer `label`, beginning with `contents`.
    pub(super) fn upload(&mut self, label: &'static str, contents: &[u8]) -> wgpu::Buffer {
        let buffer = self.storage(label, contents.len());
        self.queue.write_buffer(&buffer, 0, contents);
        buffer
    }

    /// The uniform buffer `label` with the parameters of a program.
    pub(super) fn uniform(&mut self, label: &'static str, params: &impl bytemuck::Pod) -> wgpu::Buffer {
        let contents = bytemuck::bytes_of(params);
        let buffer = self.buffer(label, contents.len(), BufferUsages::UNIFORM | BufferUsages::COPY_DST);
        self.queue.write_buffer(&buffer, 0, contents);
        buffer
    }

    fn buffer(&mut self, label: &'static str, size: usize, usage: BufferUsages) -> wgpu::Buffer {
        let size = size.next_multiple_of(256) as u64;
        if let Some(buffer) = self.buffers.get(label).filter(|buffer| buffer.size() >= size) {
            return buffer.clone();
        }
        let descriptor =
            wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false };
        let buffer = self.device.create_buffer(&descriptor);
        self.buffers.insert(label, buffer.clone());
        buffer
    }

    /// Runs programs one after the other and gives the bytes of `outputs` (buffer and size) one by one to `read`.
    pub(super) fn run(
        &mut self,
        label: &'static str,
        dispatches: &[Dispatch<'_>],
        outputs: &[(&wgpu::Buffer, usize)],
        mut read: impl FnMut(usize, &[u8]),
    ) -> Result<(), KernelError> {
        let mut encoder = self.encoded(label, dispatches);
        let total: usize = outputs.iter().map(|(_, size)| size).sum();
        let download = self.buffer("download", total, BufferUsages::MAP_READ | BufferUsages::COPY_DST);
        let mut offset = 0;
        for (buffer, size) in outputs {
            encoder.copy_buffer_to_buffer(buffer, 0, &download, offset, *size as u64);
            offset += *size as u64;
        }
        self.submit(encoder)?;
        // Whether mapping succeeded is seen by `get_mapped_range`.
        download.map_async(wgpu::MapMode::Read, ..total as u64, |_| {});
        if let Err(error) = self.wait() {
            download.unmap();
            return Err(error);
        }
        let view = download.get_mapped_range(..total as u64).map_err(failed)?;
        let mut rest: &[u8] = &view;
        for (index, (_, size)) in outputs.iter().enumerate() {
            let (bytes, after) = rest.split_at_checked(*size).unwrap_or((rest, &[]));
            read(index, bytes);
            rest = after;
        }
        drop(view);
        download.unmap();
        Ok(())
    }

    /// Has a program run before those that are submitted later. It is not measured, and touches no shared memory, so it is
    /// nobody's turn.
    pub(super) fn run_before(&mut self, label: &'static str, dispatch: &Dispatch<'_>) {
        let timer = self.timer.take();
        let encoder = self.encoded(label, std::slice::from_ref(dispatch));
        self.queue.submit([encoder.finish()]);
        self.timer = timer;
    }

    /// Waits for what was submitted, if nobody has.
    pub(super) fn settle(&mut self) -> Result<(), KernelError> {
        if self.ahead > 0 { self.wait() } else { Ok(()) }
    }

    /// Runs programs one after the other, and waits until what they wrote to `written` is seen outside of the device; with
    /// an order, until that is queued.
    pub(super) fn finish(
        &mut self,
        label: &'static str,
        dispatches: &[Dispatch<'_>],
        written: &[&wgpu::Buffer],
    ) -> Result<(), KernelError> {
        let mut encoder = self.encoded(label, dispatches);
        show(&mut encoder, written.iter().copied());
        self.submit(encoder)?;
        self.end_turn()
    }

    /// Runs programs one after the other, copies each of `outputs` (buffer and size) to its buffer in `kept`, and waits until they
    /// are seen there outside of the device.
    pub(super) fn keep(
        &mut self,
        label: &'static str,
        dispatches: &[Dispatch<'_>],
        outputs: &[(&wgpu::Buffer, usize)],
        kept: &[wgpu::Buffer],
    ) -> Result<(), KernelError> {
        let mut encoder = self.encoded(label, dispatches);
        for ((buffer, size), kept) in outputs.iter().zip(kept) {
            encoder.copy_buffer_to_buffer(buffer, 0, kept, 0, *size as u64);
        }
        show(&mut encoder, kept.iter());
        self.submit(encoder)?;
        self.wait()
    }

    /// Sets `size` bytes to 0 and waits, as [`Device::finish`] does.
    pub(super) fn clear(&mut self, buffer: &wgpu::Buffer, size: usize) -> Result<(), KernelError> {
        let mut encoder = self.encoded("clear", &[]);
        encoder.clear_buffer(buffer, 0, Some(size as u64));
        self.submit(encoder)?;
        self.end_turn()
    }

    fn submit(&mut self, encoder: wgpu::CommandEncoder) -> Result<(), KernelError> {
        let Some(order) = &self.order else {
            self.queue.submit([encoder.finish()]);
            return Ok(());
        };
        order.enter(&self.queue);
        self.queue.submit([encoder.finish()]);
        if order.leave(&self.queue) {
            return Ok(());
        }
        self.check()?;
        Err(failed("it took no work"))
    }

    /// Waits for what was submitted last, unless the others wait for it themselves.
    fn end_turn(&mut self) -> Result<(), KernelError> {
        self.ahead += 1;
        // The timer has room for one run.
        if self.order.is_none() || self.timer.is_some() || self.ahead >= AHEAD {
            return self.wait();
        }
        self.check()
    }

    /// The commands of programs, with those that measure them.
    fn encoded(&mut self, label: &'static str, dispatches: &[Dispatch<'_>]) -> wgpu::CommandEncoder {
        let mut encoder =
            self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some(label) });
        for (index, dispatch) in dispatches.iter().enumerate() {
            self.encode(label, index, dispatch, &mut encoder);
        }
        if let Some(timer) = &mut self.timer {
            timer.resolve(label, dispatches.len(), &mut encoder);
        }
        encoder
    }

    /// Waits for what was submitted last.
    fn wait(&mut self) -> Result<(), KernelError> {
        if let Some(timer) = &mut self.timer {
            timer.request();
        }
        self.ahead = 0;
        self.wait_for_turns()?;
        if let Some(timer) = &mut self.timer {
            timer.read();
        }
        self.check()
    }

    /// Waits for the device, which may wait for others; should those have failed, it goes on without them.
    fn wait_for_turns(&self) -> Result<(), KernelError> {
        let Some(order) = &self.order else {
            return self.device.poll(wgpu::PollType::wait_indefinitely()).map(|_| ()).map_err(failed);
        };
        let some_time = || wgpu::PollType::Wait { submission_index: None, timeout: Some(PATIENCE) };
        loop {
            match self.device.poll(some_time()) {
                Ok(_) => return Ok(()),
                Err(wgpu::PollError::Timeout) => {}
                Err(error) => return Err(failed(error)),
            }
            if let Err(reason) = order.check_others() {
                order.release();
                self.device.poll(wgpu::PollType::wait_indefinitely()).map_err(failed)?;
                return Err(failed(format!("a network does not end its turn: {reason}")));
            }
        }
    }

    fn encode(&self, label: &str, index: usize, dispatch: &Dispatch<'_>, encoder: &mut wgpu::CommandEncoder) {
        let entries: Vec<_> = (0..)
            .zip(dispatch.buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let bindings = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(label),
            layout: &dispatch.pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        let timestamp_writes = self.timer.as_ref().and_then(|timer| timer.writes(index));
        let mut pass =
            encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: Some(label), timestamp_writes });
        pass.set_pipeline(dispatch.pipeline);
        pass.set_bind_group(0, &bindings, &[]);
        let [x, y, z] = dispatch.invocations.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        let [width, height] = WORKGROUP;
        pass.dispatch_workgroups(x.div_ceil(width), y.div_ceil(height), z);
    }

    /// The failure that was reported since the last call, as an error.
    pub(super) fn check(&self) -> Result<(), KernelError> {
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(reason) => Err(failed(reason)),
            None => Ok(()),
        }
    }
}

/// Has others see what was written to `buffers`: a fence alone does not make writes of shaders available to them.
fn show<'a>(encoder: &mut wgpu::CommandEncoder, buffers: impl Iterator<Item = &'a wgpu::Buffer>) {
    let seen = |buffer| wgpu::BufferTransition { buffer, state: BufferUses::MAP_READ };
    encoder.transition_resources(buffers.map(seen), std::iter::empty());
}

fn report(failure: &Mutex<Option<String>>, message: String) {
    failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(message);
}

fn failed(reason: impl ToString) -> KernelError {
    KernelError::Device { backend: "gpu", reason: reason.to_string() }
}
