//! The graphics device that draws the window.

use crate::error::{Error, MediaError};
use std::sync::{Arc, Mutex, PoisonError};

/// A device and what it has reported.
pub(super) struct Graphics {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    /// Name of the adapter.
    pub(super) name: String,
    /// It is a software renderer.
    pub(super) is_software: bool,
    /// It has textures of 16 bits.
    pub(super) has_16_bits: bool,
    /// What wgpu or the driver reported outside of a call that returns an error.
    failure: Arc<Mutex<Option<String>>>,
}

impl Graphics {
    /// Opens the adapter that shows pictures on `surface`, or any.
    pub(super) fn open(
        instance: &wgpu::Instance,
        surface: Option<&wgpu::Surface<'_>>,
    ) -> Result<(Self, wgpu::Adapter), Error> {
        let options = wgpu::RequestAdapterOptions { compatible_surface: surface, ..Default::default() };
        let adapter = pollster::block_on(instance.request_adapter(&options)).map_err(|error| {
            window_error(
                format!("no graphics driver can draw it ({error})"),
                "install a Vulkan driver (mesa-vulkan-drivers draws without a graphics card), or use another output",
            )
        })?;
        let deep = wgpu::Features::TEXTURE_FORMAT_16BIT_NORM;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("framecast window"),
            required_features: adapter.features() & deep,
            required_limits: adapter.limits(),
            ..wgpu::DeviceDescriptor::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).map_err(failed)?;
        let failure = Arc::new(Mutex::new(None));
        let reported = Arc::clone(&failure);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| report(&reported, error.to_string())));
        let lost = Arc::clone(&failure);
        device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                report(&lost, message);
            }
        });
        let info = adapter.get_info();
        let is_software = info.device_type == wgpu::DeviceType::Cpu;
        let has_16_bits = device.features().contains(deep);
        Ok((Self { device, queue, name: info.name, is_software, has_16_bits, failure }, adapter))
    }

    /// The failure that was reported since the last call, as an error.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(reason) => Err(failed(reason)),
            None => Ok(()),
        }
    }

    /// A buffer for the parameters of a program.
    pub(super) fn uniform(&self, label: &str, params: &impl bytemuck::Pod) -> wgpu::Buffer {
        let contents = bytemuck::bytes_of(params);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: contents.len() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.queue.write_buffer(&buffer, 0, contents);
        buffer
    }

    /// A texture that shaders read.
    pub(super) fn texture(
        &self,
        label: &str,
        size: (u32, u32),
        format: wgpu::TextureFormat,
    ) -> wgpu::Texture {
        let usage = wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST;
        self.device.create_texture(&texture_descriptor(label, size, format, usage))
    }

    /// Fills a texture from rows of `stride` bytes.
    pub(super) fn fill(&self, texture: &wgpu::Texture, stride: usize, bytes: &[u8]) {
        let layout = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: u32::try_from(stride).ok(),
            rows_per_image: None,
        };
        self.queue.write_texture(texture.as_image_copy(), bytes, layout, texture.size());
    }

    /// The texels of a texture, without padding.
    pub(super) fn read(&self, texture: &wgpu::Texture) -> Result<Vec<u8>, Error> {
        let row = texture.width() as usize * texture.format().block_copy_size(None).unwrap_or(4) as usize;
        let stride = row.next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT as usize);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("window download"),
            size: stride as u64 * u64::from(texture.height()),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let layout = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: u32::try_from(stride).ok(),
            rows_per_image: None,
        };
        let target = wgpu::TexelCopyBufferInfo { buffer: &buffer, layout };
        encoder.copy_texture_to_buffer(texture.as_image_copy(), target, texture.size());
        self.queue.submit([encoder.finish()]);
        // Whether mapping succeeded is seen by `get_mapped_range`.
        buffer.map_async(wgpu::MapMode::Read, .., |_| {});
        self.device.poll(wgpu::PollType::wait_indefinitely()).map_err(failed)?;
        self.check()?;
        let view = buffer.get_mapped_range(..).map_err(failed)?;
        let mut texels = Vec::with_capacity(row * texture.height() as usize);
        for line in view.chunks_exact(stride) {
            texels.extend_from_slice(line.get(..row).unwrap_or(line));
        }
        Ok(texels)
    }
}

pub(super) fn texture_descriptor(
    label: &str,
    (width, height): (u32, u32),
    format: wgpu::TextureFormat,
    usage: wgpu::TextureUsages,
) -> wgpu::TextureDescriptor<'_> {
    wgpu::TextureDescriptor {
        label: Some(label),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage,
        view_formats: &[],
    }
}

pub(super) fn window_error(problem: impl Into<String>, remedy: impl Into<String>) -> Error {
    MediaError::Output { output: "window".to_owned(), problem: problem.into(), remedy: remedy.into() }.into()
}

fn report(failure: &Mutex<Option<String>>, message: String) {
    failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(message);
}

fn failed(reason: impl std::fmt::Display) -> Error {
    window_error(format!("the graphics driver failed: {reason}"), "update the driver, or use another output")
}
