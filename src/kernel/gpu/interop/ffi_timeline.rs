//! The raw Vulkan calls for a semaphore that counts turns and that others see too, each behind a safe function.

#![allow(unsafe_code)]

use super::super::order::Order;
use super::ffi_vulkan::not_vulkan;
use ash::vk;
use std::ffi::CStr;
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use wgpu::hal::api::Vulkan;

/// What a device must have to hand semaphores to other interfaces.
const EXTENSION: &CStr = ash::khr::external_semaphore_fd::NAME;

/// How semaphores are handed over.
const HANDLE: vk::ExternalSemaphoreHandleTypeFlags = vk::ExternalSemaphoreHandleTypeFlags::OPAQUE_FD;

/// How long the kernels' own work may take at most before a turn of others is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// A timeline semaphore whose value is the number of turns that have ended.
pub(super) struct Timeline {
    /// Keeps the device that the semaphore belongs to.
    device: wgpu::Device,
    raw: ash::Device,
    semaphore: vk::Semaphore,
    /// Turns that have begun, each of which somebody is to end.
    turns: AtomicU64,
    /// The last of them that the network is to end.
    promised: AtomicU64,
}

/// Whether a device of `adapter` can count turns with a semaphore that other interfaces see; says why not.
pub(super) fn check_export(adapter: &wgpu::Adapter) -> Result<(), String> {
    // SAFETY: the adapter is asked, not changed, and lives longer than the guard.
    let raw = unsafe { adapter.as_hal::<Vulkan>() }.ok_or_else(not_vulkan)?;
    let instance = raw.shared_instance();
    check_timelines(instance, raw.raw_physical_device())?;
    if !raw.physical_device_capabilities().supports_extension(EXTENSION) {
        return Err("its Vulkan driver lacks VK_KHR_external_semaphore_fd".into());
    }
    let mut kind = vk::SemaphoreTypeCreateInfo::default().semaphore_type(vk::SemaphoreType::TIMELINE);
    let wanted = vk::PhysicalDeviceExternalSemaphoreInfo::default().handle_type(HANDLE).push_next(&mut kind);
    let mut found = vk::ExternalSemaphoreProperties::default();
    // SAFETY: the physical device belongs to that instance, which is of version 1.2 or later.
    unsafe {
        instance.raw_instance().get_physical_device_external_semaphore_properties(
            raw.raw_physical_device(),
            &wanted,
            &mut found,
        );
    }
    if found.external_semaphore_features.contains(vk::ExternalSemaphoreFeatureFlags::EXPORTABLE) {
        return Ok(());
    }
    Err("its Vulkan driver does not export timeline semaphores as file descriptors".into())
}

/// Whether there are timeline semaphores, with functions of version 1.2; says why not.
fn check_timelines(
    instance: &wgpu::hal::vulkan::InstanceShared,
    physical: vk::PhysicalDevice,
) -> Result<(), String> {
    let lacking = || Err("it needs Vulkan 1.2 or later with timeline semaphores".into());
    // SAFETY: the physical device belongs to that instance.
    let version = unsafe { instance.raw_instance().get_physical_device_properties(physical) }.api_version;
    if instance.instance_api_version().min(version) < vk::API_VERSION_1_2 {
        return lacking();
    }
    let mut timelines = vk::PhysicalDeviceTimelineSemaphoreFeatures::default();
    let mut features = vk::PhysicalDeviceFeatures2::default().push_next(&mut timelines);
    // SAFETY: as above, and the version is 1.2 or later.
    unsafe { instance.raw_instance().get_physical_device_features2(physical, &mut features) };
    if timelines.timeline_semaphore == vk::TRUE { Ok(()) } else { lacking() }
}

/// Opens a device of `adapter`, with the extension by which semaphores are handed over where it has that: no feature of
/// wgpu brings it.
pub(in super::super) fn open(
    adapter: &wgpu::Adapter,
    descriptor: &wgpu::DeviceDescriptor<'_>,
) -> Result<(wgpu::Device, wgpu::Queue), String> {
    if check_export(adapter).is_ok() {
        match open_extended(adapter, descriptor, EXTENSION) {
            Ok(opened) => return Ok(opened),
            Err(reason) => tracing::debug!("no device with semaphores for others: {reason}"),
        }
    }
    pollster::block_on(adapter.request_device(descriptor)).map_err(|error| error.to_string())
}

pub(super) fn open_extended(
    adapter: &wgpu::Adapter,
    descriptor: &wgpu::DeviceDescriptor<'_>,
    extension: &'static CStr,
) -> Result<(wgpu::Device, wgpu::Queue), String> {
    let (features, limits) = (descriptor.required_features, &descriptor.required_limits);
    // What wgpu checks before it opens a device.
    if !adapter.features().contains(features) || !limits.check_limits(&adapter.limits()) {
        return Err("it lacks a feature, or a limit is too low".into());
    }
    // SAFETY: the adapter is asked, not changed, and lives longer than the guard.
    let raw = unsafe { adapter.as_hal::<Vulkan>() }.ok_or_else(not_vulkan)?;
    let extend = |arguments: wgpu::hal::vulkan::CreateDeviceCallbackArgs<'_, '_, '_>| {
        if !arguments.extensions.contains(&extension) {
            arguments.extensions.push(extension);
        }
    };
    if !raw.physical_device_capabilities().supports_extension(extension) {
        return Err(format!("its Vulkan driver lacks {}", extension.to_string_lossy()));
    }
    // SAFETY: features and limits are the adapter's; the callback adds an extension that the adapter has, once, and
    // changes nothing else.
    let opened =
        unsafe { raw.open_with_callback(features, limits, &descriptor.memory_hints, Some(Box::new(extend))) };
    let opened = opened.map_err(|error| error.to_string())?;
    // SAFETY: the device was made from that adapter, with these features.
    unsafe { adapter.create_device_from_hal(opened, descriptor) }.map_err(|error| error.to_string())
}

/// Whether `device` was opened so that its semaphores can be handed to others; says why not.
pub(super) fn check_opened(device: &wgpu::Device) -> Result<(), String> {
    if enables(device, EXTENSION) {
        return Ok(());
    }
    Err("its Vulkan driver hands no timeline semaphores to others".into())
}

/// True if `device` was opened with that extension.
pub(super) fn enables(device: &wgpu::Device, extension: &CStr) -> bool {
    // SAFETY: the device is asked, not changed, and lives longer than the guard.
    let raw = unsafe { device.as_hal::<Vulkan>() };
    raw.is_some_and(|raw| raw.enabled_device_extensions().contains(&extension))
}

impl Timeline {
    /// A semaphore of `device` before the first turn; it can be exported if it is for others.
    pub(super) fn new(device: &wgpu::Device, for_others: bool) -> Result<Self, String> {
        // SAFETY: the device is asked, not changed, and lives longer than the guard.
        let raw = unsafe { device.as_hal::<Vulkan>() }.ok_or_else(not_vulkan)?;
        check_timelines(raw.shared_instance(), raw.raw_physical_device())?;
        let mut kind = vk::SemaphoreTypeCreateInfo::default().semaphore_type(vk::SemaphoreType::TIMELINE);
        let mut export = vk::ExportSemaphoreCreateInfo::default().handle_types(HANDLE);
        let mut wanted = vk::SemaphoreCreateInfo::default().push_next(&mut kind);
        if for_others {
            check_opened(device)?;
            wanted = wanted.push_next(&mut export);
        }
        let own = raw.raw_device().clone();
        // SAFETY: the structure is complete; wgpu enables timeline semaphores wherever there are any, and the extension
        // has been asked for above.
        let semaphore = unsafe { own.create_semaphore(&wanted, None) }
            .map_err(|error| format!("a timeline semaphore cannot be made: {error}"))?;
        Ok(Self {
            device: device.clone(),
            raw: own,
            semaphore,
            turns: AtomicU64::new(0),
            promised: AtomicU64::new(0),
        })
    }

    /// A file descriptor that stands for the semaphore.
    pub(super) fn export(&self) -> Result<OwnedFd, String> {
        check_opened(&self.device)?;
        // SAFETY: the device is asked, not changed, and lives longer than the guard.
        let raw = unsafe { self.device.as_hal::<Vulkan>() }.ok_or_else(not_vulkan)?;
        let instance = raw.shared_instance().raw_instance();
        let extension = ash::khr::external_semaphore_fd::Device::new(instance, &self.raw);
        let wanted = vk::SemaphoreGetFdInfoKHR::default().semaphore(self.semaphore).handle_type(HANDLE);
        // SAFETY: the device has the extension, and the semaphore was made to be exported.
        let descriptor = unsafe { extension.get_semaphore_fd(&wanted) }
            .map_err(|error| format!("a timeline semaphore cannot be exported: {error}"))?;
        // SAFETY: Vulkan opened the descriptor for the caller, who closes it.
        Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
    }

    /// Turns that have begun: the value that tells the end of the last one.
    pub(super) fn turns(&self) -> u64 {
        self.turns.load(Ordering::Acquire)
    }

    /// Counts a turn of the kernels, which have queued what makes [`Timeline::turns`] the semaphore's value.
    pub(super) fn advance(&self) {
        self.turns.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts a turn of the network, which has queued the same.
    pub(super) fn promise(&self) {
        let turns = self.turns.fetch_add(1, Ordering::AcqRel) + 1;
        self.promised.store(turns, Ordering::Release);
    }

    /// Ends the network's last turn from the processor, if nobody else has. What the network had queued is gone.
    pub(super) fn release(&self) {
        let promised = self.promised.load(Ordering::Acquire);
        // Values only rise: the kernels' turn before that comes first, which nothing keeps from its end.
        if promised > 0 && self.wait_for(promised - 1, PATIENCE) {
            self.signal(promised);
        }
    }

    /// Waits until that many turns have ended; false if that takes longer than `patience`.
    pub(super) fn wait_for(&self, turns: u64, patience: Duration) -> bool {
        let (semaphores, values) = ([self.semaphore], [turns]);
        let wanted = vk::SemaphoreWaitInfo::default().semaphores(&semaphores).values(&values);
        let nanoseconds = u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX);
        // SAFETY: the semaphore belongs to this living device, and the structure is complete.
        unsafe { self.raw.wait_semaphores(&wanted, nanoseconds) }.is_ok()
    }

    /// Ends the first `turns` turns. Nobody may have anything queued that ends one of them.
    pub(super) fn signal(&self, turns: u64) {
        // SAFETY: the semaphore belongs to this living device, and its value rises.
        unsafe {
            if self.raw.get_semaphore_counter_value(self.semaphore).is_ok_and(|ended| ended < turns) {
                let wanted = vk::SemaphoreSignalInfo::default().semaphore(self.semaphore).value(turns);
                // A device that is lost waits for nothing.
                let _ = self.raw.signal_semaphore(&wanted);
            }
        }
    }
}

impl Drop for Timeline {
    fn drop(&mut self) {
        // The network's part is gone, and has waited for what it promised; the device must not use the semaphore either.
        self.release();
        let _ = self.device.poll(wgpu::PollType::wait_indefinitely());
        // SAFETY: it belongs to this living device, and nothing that was submitted uses it any more.
        unsafe { self.raw.destroy_semaphore(self.semaphore, None) };
    }
}

/// The kernels' part in the turns. The network's turn before theirs has always been queued to its end when they queue one:
/// wgpu orders submissions by binary semaphores too, which Vulkan allows only after what they depend on.
pub(super) struct KernelTurns {
    pub(super) timeline: Arc<Timeline>,
    /// Whether the network's turns will end; says why not.
    pub(super) others: Box<dyn Fn() -> Result<(), String> + Send>,
}

impl Order for KernelTurns {
    fn enter(&self, queue: &wgpu::Queue) {
        // SAFETY: the queue is told of a semaphore of its own device, which lives until what was submitted has ended.
        let Some(raw) = (unsafe { queue.as_hal::<Vulkan>() }) else { return };
        let (semaphore, turns) = (self.timeline.semaphore, self.timeline.turns());
        // The next submission takes both; whoever owns the queue makes no other one in between.
        raw.add_wait_semaphore(semaphore, Some(turns), vk::PipelineStageFlags::ALL_COMMANDS);
        raw.add_signal_semaphore(semaphore, Some(turns + 1));
    }

    fn leave(&self, queue: &wgpu::Queue) -> bool {
        // SAFETY: as in `enter`.
        let Some(raw) = (unsafe { queue.as_hal::<Vulkan>() }) else { return false };
        let semaphore = self.timeline.semaphore;
        let left = [raw.remove_wait_semaphore(semaphore), raw.remove_signal_semaphore(semaphore)];
        let submitted = left == [false; 2];
        if submitted {
            self.timeline.advance();
        }
        submitted
    }

    fn check_others(&self) -> Result<(), String> {
        (self.others)()
    }

    fn release(&self) {
        self.timeline.release();
    }
}

/// The processor in the place of another interface.
#[cfg(test)]
impl Timeline {
    /// Waits until every turn that has begun has ended; false if that takes longer than `patience`.
    pub(super) fn wait(&self, patience: Duration) -> bool {
        self.wait_for(self.turns(), patience)
    }

    /// Its value.
    pub(super) fn ended(&self) -> u64 {
        // SAFETY: the semaphore belongs to this living device.
        unsafe { self.raw.get_semaphore_counter_value(self.semaphore) }.unwrap()
    }

    /// A semaphore of another device that is this one, as an importing interface has it.
    pub(super) fn imported(&self, device: &wgpu::Device) -> Result<Self, String> {
        use std::os::fd::IntoRawFd;
        let other = Self::new(device, false)?;
        let descriptor = self.export()?.into_raw_fd();
        let wanted = vk::ImportSemaphoreFdInfoKHR::default()
            .semaphore(other.semaphore)
            .handle_type(HANDLE)
            .fd(descriptor);
        // SAFETY: the device has the extension; on success Vulkan owns the descriptor.
        unsafe {
            let raw = device.as_hal::<Vulkan>().ok_or_else(not_vulkan)?;
            let instance = raw.shared_instance().raw_instance();
            let extension = ash::khr::external_semaphore_fd::Device::new(instance, &other.raw);
            extension.import_semaphore_fd(&wanted).map_err(|error| error.to_string())?;
        }
        Ok(other)
    }
}

/// What stands for a stream of the processor.
#[cfg(test)]
pub(super) fn processor_stream() -> crate::frame::ComputeStream {
    let (place, owner) = (crate::frame::MemoryPlace::Host, Arc::new(()));
    // SAFETY: the processor has no streams, and nothing looks at the handle.
    unsafe { crate::frame::ComputeStream::new(0, place, owner) }
}
