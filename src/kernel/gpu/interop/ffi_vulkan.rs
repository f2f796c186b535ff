//! The raw Vulkan calls for buffers whose memory others see too, each behind a safe function.

#![allow(unsafe_code)]

use ash::vk;
use std::os::fd::{IntoRawFd, OwnedFd};
use wgpu::BufferUsages;
use wgpu::hal::api::Vulkan;

/// What shared buffers are used for.
const USAGE: BufferUsages = BufferUsages::STORAGE.union(BufferUsages::COPY_SRC).union(BufferUsages::COPY_DST);

/// The same for Vulkan.
const RAW_USAGE: vk::BufferUsageFlags = vk::BufferUsageFlags::from_raw(
    vk::BufferUsageFlags::STORAGE_BUFFER.as_raw()
        | vk::BufferUsageFlags::TRANSFER_SRC.as_raw()
        | vk::BufferUsageFlags::TRANSFER_DST.as_raw(),
);

/// Memory that the processor reads and writes as fast as its own, without flushes.
const HOST_FLAGS: vk::MemoryPropertyFlags = vk::MemoryPropertyFlags::from_raw(
    vk::MemoryPropertyFlags::HOST_VISIBLE.as_raw()
        | vk::MemoryPropertyFlags::HOST_COHERENT.as_raw()
        | vk::MemoryPropertyFlags::HOST_CACHED.as_raw(),
);

/// How other interfaces hand over memory.
const HANDLE: vk::ExternalMemoryHandleTypeFlags = vk::ExternalMemoryHandleTypeFlags::OPAQUE_FD;

/// Vulkan's number for a device, which CUDA has for it too; says why there is none.
pub(super) fn device_uuid(adapter: &wgpu::Adapter) -> Result<[u8; 16], String> {
    // SAFETY: the adapter is asked, not changed, and lives longer than the guard.
    let raw = unsafe { adapter.as_hal::<Vulkan>() }.ok_or_else(not_vulkan)?;
    check_version(raw.shared_instance().instance_api_version())?;
    let mut identity = vk::PhysicalDeviceIDProperties::default();
    let mut properties = vk::PhysicalDeviceProperties2::default().push_next(&mut identity);
    // SAFETY: the physical device belongs to that instance, which is of version 1.1 or later.
    unsafe {
        raw.shared_instance()
            .raw_instance()
            .get_physical_device_properties2(raw.raw_physical_device(), &mut properties);
    }
    Ok(identity.device_uuid)
}

/// Whether buffers can be made of memory that another interface exported; says why not.
pub(super) fn check_import(adapter: &wgpu::Adapter) -> Result<(), String> {
    if !adapter.features().contains(wgpu::Features::VULKAN_EXTERNAL_MEMORY_FD) {
        return Err("its Vulkan driver lacks VK_KHR_external_memory_fd".into());
    }
    // SAFETY: the adapter is asked, not changed, and lives longer than the guard.
    let raw = unsafe { adapter.as_hal::<Vulkan>() }.ok_or_else(not_vulkan)?;
    check_version(raw.shared_instance().instance_api_version())?;
    let wanted = vk::PhysicalDeviceExternalBufferInfo::default().usage(RAW_USAGE).handle_type(HANDLE);
    let mut found = vk::ExternalBufferProperties::default();
    // SAFETY: the physical device belongs to that instance, which is of version 1.1 or later.
    unsafe {
        raw.shared_instance().raw_instance().get_physical_device_external_buffer_properties(
            raw.raw_physical_device(),
            &wanted,
            &mut found,
        );
    }
    let features = found.external_memory_properties.external_memory_features;
    if features.contains(vk::ExternalMemoryFeatureFlags::IMPORTABLE) {
        return Ok(());
    }
    Err("its Vulkan driver does not import storage buffers as file descriptors".into())
}

/// Whether the processor can share buffers with it; says why not.
pub(super) fn check_host(adapter: &wgpu::Adapter) -> Result<(), String> {
    // SAFETY: the adapter is asked, not changed, and lives longer than the guard.
    let raw = unsafe { adapter.as_hal::<Vulkan>() }.ok_or_else(not_vulkan)?;
    let instance = raw.shared_instance().raw_instance();
    // SAFETY: the physical device belongs to that instance.
    let memory = unsafe { instance.get_physical_device_memory_properties(raw.raw_physical_device()) };
    memory_type(&memory, u32::MAX, HOST_FLAGS)
        .map(|_| ())
        .ok_or_else(|| "it has no memory that the processor reads through its cache".into())
}

/// A zeroed buffer of `length` bytes and the address that the processor has for it, valid as long as the buffer lives.
pub(super) fn host_buffer(device: &wgpu::Device, length: u64) -> Result<(wgpu::Buffer, usize), String> {
    let parts = Parts::create(device, length, HOST_FLAGS, None)?;
    // SAFETY: the memory is visible to the host, is not mapped yet, and is unmapped when it is freed.
    let address =
        unsafe { parts.device.map_memory(parts.memory, 0, vk::WHOLE_SIZE, vk::MemoryMapFlags::empty()) }
            .map_err(|error| format!("its memory cannot be mapped: {error}"))?;
    let size = usize::try_from(length).map_err(|error| error.to_string())?;
    // SAFETY: the mapping is at least `length` bytes long, and nobody else knows it yet.
    unsafe { address.cast::<u8>().write_bytes(0, size) };
    Ok((parts.wrap(device, length), address as usize))
}

/// A buffer of `length` bytes on an exported allocation of `allocated` bytes that has been written once.
pub(super) fn imported_buffer(
    device: &wgpu::Device,
    exported: OwnedFd,
    allocated: u64,
    length: u64,
) -> Result<wgpu::Buffer, String> {
    let parts =
        Parts::create(device, length, vk::MemoryPropertyFlags::DEVICE_LOCAL, Some((exported, allocated)))?;
    Ok(parts.wrap(device, length))
}

pub(super) fn not_vulkan() -> String {
    "it is not driven through Vulkan".into()
}

fn check_version(version: u32) -> Result<(), String> {
    if version >= vk::API_VERSION_1_1 {
        return Ok(());
    }
    Err("it needs Vulkan 1.1 or later".into())
}

/// The first type among `allowed` (a bit for each) that has all `flags`.
fn memory_type(
    memory: &vk::PhysicalDeviceMemoryProperties,
    allowed: u32,
    flags: vk::MemoryPropertyFlags,
) -> Option<u32> {
    let fits = |(index, kind): (u32, &vk::MemoryType)| {
        (allowed & (1 << index) != 0 && kind.property_flags.contains(flags)).then_some(index)
    };
    (0..).zip(memory.memory_types_as_slice()).find_map(fits)
}

/// A Vulkan buffer and its memory; destroys both when dropped.
struct Parts {
    device: ash::Device,
    buffer: vk::Buffer,
    memory: vk::DeviceMemory,
}

impl Parts {
    /// A buffer of `length` bytes in memory of these flags, or in `imported` (and its size), which Vulkan then owns.
    fn create(
        device: &wgpu::Device,
        length: u64,
        flags: vk::MemoryPropertyFlags,
        imported: Option<(OwnedFd, u64)>,
    ) -> Result<Self, String> {
        // SAFETY: the device is used, not destroyed, and lives longer than the guard.
        let raw = unsafe { device.as_hal::<Vulkan>() }.ok_or_else(not_vulkan)?;
        let handles = if imported.is_some() { HANDLE } else { vk::ExternalMemoryHandleTypeFlags::empty() };
        let mut external = vk::ExternalMemoryBufferCreateInfo::default().handle_types(handles);
        let wanted = vk::BufferCreateInfo::default()
            .size(length)
            .usage(RAW_USAGE)
            .sharing_mode(vk::SharingMode::EXCLUSIVE)
            .push_next(&mut external);
        let device = raw.raw_device().clone();
        // SAFETY: the structure is complete, and the device has the extension where `imported` asks for it.
        let buffer = unsafe { device.create_buffer(&wanted, None) }
            .map_err(|error| format!("a shared buffer of {length} bytes cannot be made: {error}"))?;
        // From here on errors destroy the buffer; freeing no memory at all is allowed.
        let mut parts = Self { device, buffer, memory: vk::DeviceMemory::null() };
        // SAFETY: buffer and physical device belong to this device.
        let (needs, memory) = unsafe {
            (
                parts.device.get_buffer_memory_requirements(buffer),
                raw.shared_instance()
                    .raw_instance()
                    .get_physical_device_memory_properties(raw.raw_physical_device()),
            )
        };
        let kind = memory_type(&memory, needs.memory_type_bits, flags)
            .ok_or_else(|| format!("it has no memory for shared buffers ({flags:?})"))?;
        parts.memory = parts.allocate(needs.size, kind, imported)?;
        // SAFETY: both were made of this device just now, and the memory is of the size and type that the buffer needs.
        unsafe { parts.device.bind_buffer_memory(parts.buffer, parts.memory, 0) }
            .map_err(|error| format!("a shared buffer cannot be bound: {error}"))?;
        Ok(parts)
    }

    fn allocate(
        &self,
        size: u64,
        kind: u32,
        imported: Option<(OwnedFd, u64)>,
    ) -> Result<vk::DeviceMemory, String> {
        let failed = |error| format!("shared memory of {size} bytes cannot be allocated: {error}");
        let wanted = vk::MemoryAllocateInfo::default().memory_type_index(kind);
        let Some((exported, allocated)) = imported else {
            // SAFETY: the structure is complete.
            return unsafe { self.device.allocate_memory(&wanted.allocation_size(size), None) }
                .map_err(failed);
        };
        if allocated < size {
            return Err(format!("expected at least {size} bytes of exported memory, found {allocated}"));
        }
        let descriptor = exported.into_raw_fd();
        let mut import = vk::ImportMemoryFdInfoKHR::default().handle_type(HANDLE).fd(descriptor);
        let wanted = wanted.allocation_size(allocated).push_next(&mut import);
        // SAFETY: the structures are complete and the descriptor is open; on success Vulkan owns it.
        let memory = unsafe { self.device.allocate_memory(&wanted, None) };
        memory.map_err(|error| {
            // SAFETY: the import failed, so the descriptor is still ours, and known to nobody else.
            drop(unsafe { <OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(descriptor) });
            format!("exported memory cannot be imported into Vulkan: {error}")
        })
    }

    /// The buffer as one of wgpu's, which destroys it after its last use.
    fn wrap(self, device: &wgpu::Device, length: u64) -> wgpu::Buffer {
        let descriptor = wgpu::BufferDescriptor {
            label: Some("shared"),
            size: length,
            usage: USAGE,
            mapped_at_creation: false,
        };
        let buffer = self.buffer;
        // SAFETY: wgpu drops the callback, and with it the buffer, when nothing on the device uses it any more, and
        // keeps the device until then. The buffer was made of that device as the descriptor says, and was written once.
        unsafe {
            let raw =
                wgpu::hal::vulkan::Buffer::from_raw_externally_owned(buffer, Box::new(move || drop(self)));
            device.create_buffer_from_hal::<Vulkan>(raw, &descriptor)
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        // SAFETY: both belong to this living device and are used by nobody any more; null is ignored.
        unsafe {
            self.device.destroy_buffer(self.buffer, None);
            self.device.free_memory(self.memory, None);
        }
    }
}

/// Memory that Vulkan exports, in the place of CUDA's where there is none.
#[cfg(test)]
pub(super) mod export {
    use super::{HANDLE, HOST_FLAGS, memory_type};
    use ash::vk;
    use std::os::fd::{FromRawFd, OwnedFd};
    use wgpu::hal::api::Vulkan;

    /// Zeroed memory, its file descriptor, and where the processor sees it; it is never freed.
    pub(in super::super) fn exported(device: &wgpu::Device, size: u64) -> (OwnedFd, &'static mut [u8]) {
        // SAFETY: the calls are those of the specification, in order, on one device that lives.
        unsafe {
            let raw = device.as_hal::<Vulkan>().unwrap();
            let instance = raw.shared_instance().raw_instance();
            let memory = instance.get_physical_device_memory_properties(raw.raw_physical_device());
            let mut export = vk::ExportMemoryAllocateInfo::default().handle_types(HANDLE);
            let wanted = vk::MemoryAllocateInfo::default()
                .allocation_size(size)
                .memory_type_index(memory_type(&memory, u32::MAX, HOST_FLAGS).unwrap())
                .push_next(&mut export);
            let memory = raw.raw_device().allocate_memory(&wanted, None).unwrap();
            let flags = vk::MemoryMapFlags::empty();
            let address = raw.raw_device().map_memory(memory, 0, vk::WHOLE_SIZE, flags).unwrap();
            let extension = ash::khr::external_memory_fd::Device::new(instance, raw.raw_device());
            let request = vk::MemoryGetFdInfoKHR::default().memory(memory).handle_type(HANDLE);
            let descriptor = extension.get_memory_fd(&request).unwrap();
            let bytes = std::slice::from_raw_parts_mut(address.cast::<u8>(), size as usize);
            bytes.fill(0);
            (OwnedFd::from_raw_fd(descriptor), bytes)
        }
    }
}
