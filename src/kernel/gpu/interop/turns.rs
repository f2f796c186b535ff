//! Turns that kernels and a network take on the device, without the processor between them.

use super::super::order::Parts;
use super::ffi_cuda_turns::{self, CudaTurns};
use super::ffi_timeline::{KernelTurns, Timeline, check_opened};
use super::maker::cuda_device;
use crate::frame::{ComputeStream, MemoryPlace};
use std::sync::Arc;

/// A stream at `place` that can take turns with `device`, which is `adapter`'s.
pub(super) fn stream(
    adapter: &wgpu::Adapter,
    device: &wgpu::Device,
    place: MemoryPlace,
) -> Result<ComputeStream, String> {
    match place {
        #[cfg(test)]
        MemoryPlace::Host if processor::takes_turns() => Ok(processor::stream()),
        MemoryPlace::Host => Err("networks on the processor have finished when they return".into()),
        MemoryPlace::Cuda(index) => {
            check_opened(device)?;
            let own = cuda_device(adapter)?;
            if own != index {
                return Err(format!("it is CUDA device {own}, and the network runs on device {index}"));
            }
            ffi_cuda_turns::stream(index)
        }
    }
}

/// The parts of both sides in the turns of `device` and of what runs on `stream`.
pub(super) fn take_turns(device: &wgpu::Device, stream: &ComputeStream) -> Result<Parts, String> {
    #[cfg(test)]
    if stream.place() == MemoryPlace::Host {
        return processor::take_turns(device);
    }
    let timeline = Arc::new(Timeline::new(device, true)?);
    let turns = CudaTurns::new(stream, Arc::clone(&timeline))?;
    let order = KernelTurns { timeline, others: ffi_cuda_turns::check(stream)? };
    Ok((Box::new(order), Box::new(turns)))
}

/// The processor as the other side, in CUDA's place where there is no card.
#[cfg(test)]
pub(crate) mod processor {
    use super::{Arc, ComputeStream, KernelTurns, Parts, Timeline};
    use crate::frame::NetworkTurns;
    use std::cell::Cell;
    use std::time::Duration;

    /// How networks on the processor take turns with kernels of the same thread.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Mode {
        /// They do not, as in earnest.
        Not,
        /// With a semaphore.
        Semaphore,
        /// So that every turn fails.
        Broken,
    }

    thread_local! {
        static MODE: Cell<Mode> = const { Cell::new(Mode::Not) };
    }

    /// From now on, for kernels of this thread.
    pub(crate) fn take_turns_as(mode: Mode) {
        MODE.set(mode);
    }

    pub(super) fn takes_turns() -> bool {
        MODE.get() != Mode::Not
    }

    pub(super) fn stream() -> ComputeStream {
        super::super::ffi_timeline::processor_stream()
    }

    pub(super) fn take_turns(device: &wgpu::Device) -> Result<Parts, String> {
        let timeline = Arc::new(Timeline::new(device, false)?);
        let order = KernelTurns { timeline: Arc::clone(&timeline), others: Box::new(|| Ok(())) };
        Ok((Box::new(order), Box::new(ProcessorTurns { timeline, mode: MODE.get() })))
    }

    struct ProcessorTurns {
        timeline: Arc<Timeline>,
        mode: Mode,
    }

    impl NetworkTurns for ProcessorTurns {
        fn begin(&mut self) -> Result<(), String> {
            if self.mode == Mode::Broken {
                return Err("its stream is broken".into());
            }
            if self.timeline.wait(Duration::from_secs(60)) {
                Ok(())
            } else {
                Err("kernels do not end".into())
            }
        }

        fn end(&mut self) -> Result<(), String> {
            self.timeline.promise();
            self.timeline.release();
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::print_stdout, reason = "a test says why it is skipped")]

    use super::super::super::device::Device;
    use super::super::super::order::Order;
    use super::super::ffi_timeline::{check_export, enables, open_extended};
    use super::super::maker;
    use super::*;
    use crate::error::KernelError;
    use crate::frame::{SharedTensor, TensorLayout};
    use crate::kernel::SharedKernels;
    use crate::kernel::gpu::GpuKernels;
    use std::time::Duration;

    /// For what does not happen, and for what does.
    const SHORT: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_secs(60);

    /// Kernels, memory of theirs that the processor sees, full of sevens, and a semaphore.
    fn kernels() -> Option<(GpuKernels, SharedTensor, Arc<Timeline>)> {
        let mut kernels = match GpuKernels::new() {
            Ok(kernels) => kernels,
            Err(KernelError::Unavailable { reason, .. }) => {
                println!("skipped: {reason}");
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        let timeline =
            Timeline::new(kernels.device.raw(), false).map_err(|reason| println!("skipped: {reason}"));
        let tensor =
            kernels.allocate(MemoryPlace::Host, 4096).map_err(|reason| println!("skipped: {reason}"));
        let (timeline, mut tensor) = (timeline.ok()?, tensor.ok()?);
        assert!(tensor.reset([1, 1, 1024], TensorLayout::Nchw, crate::frame::DataType::F32));
        tensor.host_bytes_mut().unwrap().fill(7);
        Some((kernels, tensor, Arc::new(timeline)))
    }

    fn order(timeline: &Arc<Timeline>, others: Result<(), String>) -> Option<Box<dyn Order>> {
        let others = Box::new(move || others.clone());
        Some(Box::new(KernelTurns { timeline: Arc::clone(timeline), others }))
    }

    fn clear(kernels: &mut GpuKernels, tensor: &mut SharedTensor) -> Result<(), KernelError> {
        kernels.clear_shared([1, 1, 1024], TensorLayout::Nchw, tensor)
    }

    #[test]
    fn kernels_begin_when_the_network_has_ended_and_end_before_it_begins() {
        let Some((mut kernels, mut tensor, timeline)) = kernels() else { return };
        kernels.device.set_order(order(&timeline, Ok(())));
        // The network begins the first turn, and the kernels queue the second one.
        timeline.promise();
        clear(&mut kernels, &mut tensor).unwrap();
        assert_eq!(timeline.turns(), 2);
        assert!(!timeline.wait(SHORT), "the kernels did not wait");
        assert_eq!((timeline.ended(), tensor.host_bytes().unwrap()), (0, [7; 4096].as_slice()));
        let network = Arc::clone(&timeline);
        std::thread::spawn(move || network.signal(1)).join().unwrap();
        assert!(timeline.wait(LONG), "the kernels still wait");
        assert_eq!((timeline.ended(), tensor.host_bytes().unwrap()), (2, [0; 4096].as_slice()));
    }

    #[test]
    fn any_number_of_turns_goes_without_the_processor_between_them() {
        let Some((mut kernels, mut tensor, timeline)) = kernels() else { return };
        kernels.device.set_order(order(&timeline, Ok(())));
        let network = Arc::clone(&timeline);
        let (begun, begins) = std::sync::mpsc::sync_channel(1);
        let network = std::thread::spawn(move || {
            for turn in begins {
                assert!(network.wait_for(turn - 1, LONG));
                network.signal(turn);
            }
        });
        for _ in 0..20 {
            timeline.promise();
            begun.send(timeline.turns()).unwrap();
            clear(&mut kernels, &mut tensor).unwrap();
        }
        assert!(timeline.wait(LONG));
        drop(begun);
        network.join().unwrap();
        assert_eq!((timeline.turns(), timeline.ended()), (40, 40));
        kernels.end_turns();
        clear(&mut kernels, &mut tensor).unwrap();
        assert_eq!((timeline.turns(), timeline.ended()), (40, 40));
    }

    #[test]
    fn a_network_that_does_not_end_its_turn_is_left_behind() {
        let Some((mut kernels, mut tensor, timeline)) = kernels() else { return };
        kernels.device.set_order(order(&timeline, Err("its stream is broken".into())));
        timeline.promise();
        let buffer = maker::buffer_of(&tensor).unwrap();
        let read = kernels.device.run("read", &[], &[(&buffer, 4096)], |_, _| panic!("nothing can be read"));
        let error = read.unwrap_err().to_string();
        assert!(error.contains("does not end its turn: its stream is broken"), "{error}");
        kernels.end_turns();
        tensor.host_bytes_mut().unwrap().fill(7);
        clear(&mut kernels, &mut tensor).unwrap();
        assert_eq!(tensor.host_bytes().unwrap(), [0; 4096]);
    }

    #[test]
    fn a_turn_that_nobody_ends_does_not_outlive_the_turns() {
        let Some((mut kernels, mut tensor, timeline)) = kernels() else { return };
        kernels.device.set_order(order(&timeline, Ok(())));
        timeline.promise();
        clear(&mut kernels, &mut tensor).unwrap();
        kernels.end_turns();
        drop(timeline);
        assert_eq!(tensor.host_bytes().unwrap(), [0; 4096]);
    }

    #[test]
    fn what_was_not_submitted_is_no_turn() {
        let Some((mut kernels, mut tensor, timeline)) = kernels() else { return };
        let order = order(&timeline, Ok(())).unwrap();
        let queue = kernels.device.queue().clone();
        order.enter(&queue);
        assert!(!order.leave(&queue));
        assert_eq!(timeline.turns(), 0);
        // And nothing is left over for the next submission.
        clear(&mut kernels, &mut tensor).unwrap();
        assert_eq!(timeline.ended(), 0);
    }

    #[test]
    fn another_device_ends_turns_with_the_semaphore_that_was_exported() {
        let Some((mut kernels, mut tensor, _)) = kernels() else { return };
        if let Err(reason) = check_export(kernels.device.adapter()) {
            return println!("skipped: {reason}");
        }
        let timeline = Arc::new(Timeline::new(kernels.device.raw(), true).unwrap());
        let other = Device::open().unwrap();
        let imported = timeline.imported(other.raw()).unwrap();
        kernels.device.set_order(order(&timeline, Ok(())));
        timeline.promise();
        clear(&mut kernels, &mut tensor).unwrap();
        imported.advance();
        imported.advance();
        assert!(!imported.wait(SHORT));
        imported.signal(1);
        assert!(imported.wait(LONG));
        assert_eq!((timeline.ended(), imported.ended()), (2, 2));
        assert_eq!(tensor.host_bytes().unwrap(), [0; 4096]);
    }

    /// With an extension that wgpu does not ask for, as no software renderer has the one that is needed.
    #[test]
    fn a_device_with_one_more_extension_works_as_others_do() {
        let Ok(device) = Device::open() else { return println!("skipped: no adapter") };
        let (adapter, extension) = (device.adapter(), ash::khr::bind_memory2::NAME);
        let descriptor = wgpu::DeviceDescriptor {
            required_features: device.raw().features(),
            required_limits: adapter.limits(),
            ..wgpu::DeviceDescriptor::default()
        };
        let (extended, queue) = match open_extended(adapter, &descriptor, extension) {
            Ok(opened) => opened,
            Err(reason) => return println!("skipped: {reason}"),
        };
        assert!(enables(&extended, extension) && !enables(device.raw(), extension));
        let buffer = extended.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 64,
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        queue.write_buffer(&buffer, 0, &[5; 64]);
        queue.submit([]);
        buffer.map_async(wgpu::MapMode::Read, .., |_| {});
        extended.poll(wgpu::PollType::wait_indefinitely()).unwrap();
        assert_eq!(*buffer.get_mapped_range(..).unwrap(), [5; 64]);
    }

    #[test]
    fn a_device_says_why_it_hands_out_no_semaphores() {
        let Ok(device) = Device::open() else { return println!("skipped: no adapter") };
        let exports = check_export(device.adapter());
        println!("timeline semaphores for others: {exports:?}");
        // It was opened for it where it can.
        assert_eq!(check_opened(device.raw()).is_ok(), exports.is_ok());
        assert_eq!(Timeline::new(device.raw(), true).is_ok(), exports.is_ok());
        let reason = stream(device.adapter(), device.raw(), MemoryPlace::Host).unwrap_err();
        assert!(reason.contains("processor"), "{reason}");
        let reason = stream(device.adapter(), device.raw(), MemoryPlace::Cuda(31)).unwrap_err();
        assert!(reason.len() > 10, "{reason}");
    }
}
