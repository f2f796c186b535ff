//! Decoded pictures that stay in a device's memory until the processor looks at them.
#![allow(unsafe_code)]

use super::ffi_frame::{Component, PixelDescription};
use super::frame_import::copy_component;
use super::{ffi_frame, ffi_hwaccel};
use crate::frame::{DeviceLayout, DeviceSamples, MemoryPlace, PixelFormat};
use ffmpeg_next::frame::Video;
use std::sync::{Arc, OnceLock};

/// Addresses and pitches that kernels can read.
const ALIGNMENT: usize = 4;

/// A picture on a device, and the processor's copy of it once there is one.
struct Picture {
    surface: Video,
    pixel: PixelDescription,
    host: OnceLock<Result<Video, String>>,
}

impl Picture {
    fn host(&self) -> Result<&Video, String> {
        let brought = self.host.get_or_init(|| {
            let mut host = Video::empty();
            ffi_hwaccel::download(&self.surface, &mut host).map_err(|error| error.to_string())?;
            Ok(host)
        });
        brought.as_ref().map_err(Clone::clone)
    }
}

/// One component of a picture.
struct Samples {
    picture: Arc<Picture>,
    component: usize,
    width: usize,
    sample_bytes: usize,
    layout: DeviceLayout,
}

// SAFETY: the layout is that of a plane of the surface, which nobody writes and which lives as long as this value.
unsafe impl DeviceSamples for Samples {
    fn layout(&self) -> DeviceLayout {
        self.layout
    }

    fn read(&self, stride: usize, rows: &mut [u8]) -> Result<(), String> {
        let (host, used) = (self.picture.host()?, self.width * self.sample_bytes);
        let rows = rows.chunks_exact_mut(stride).map(|row| row.split_at_mut(used.min(stride)).0);
        copy_component(rows, self.sample_bytes, self.component, host, &self.picture.pixel, &mut Vec::new());
        Ok(())
    }
}

/// The planes of `surface`, a picture at `place`, as those of a frame of `format`, which holds its samples as they are; `None`
/// if kernels could not read them there.
pub(super) fn planes(
    surface: &Video,
    place: MemoryPlace,
    format: PixelFormat,
) -> Option<Vec<Arc<dyn DeviceSamples>>> {
    let pixel = PixelDescription::of(ffi_hwaccel::samples_format(surface))?;
    let size = (surface.width(), surface.height());
    let picture = Picture { surface: ffi_frame::share(surface)?, pixel, host: OnceLock::new() };
    let picture = Arc::new(picture);
    let plane = |index| {
        let (width, height) = format.plane_size(index, size.0, size.1);
        let component = picture.pixel.components.get(index)?;
        let layout = layout(&picture.surface, component, place, height as usize)?;
        let (sample_bytes, picture) = (format.sample_bytes(), Arc::clone(&picture));
        let samples = Samples { picture, component: index, width: width as usize, sample_bytes, layout };
        Some(Arc::new(samples) as Arc<dyn DeviceSamples>)
    };
    (0..format.plane_count()).map(plane).collect()
}

/// Where a component with `rows` rows lies.
fn layout(surface: &Video, component: &Component, place: MemoryPlace, rows: usize) -> Option<DeviceLayout> {
    // SAFETY: the frame lives; a plane that it lacks has no address.
    let (address, pitch) = unsafe {
        let raw = surface.as_ptr();
        (*(*raw).data.get(component.plane)? as usize, *(*raw).linesize.get(component.plane)?)
    };
    let pitch = usize::try_from(pitch).ok()?;
    let is_readable = address != 0 && pitch > 0 && (address | pitch).is_multiple_of(ALIGNMENT);
    is_readable.then_some(DeviceLayout {
        place,
        address,
        pitch,
        rows,
        step: component.step,
        offset: component.offset,
        shift: component.shift,
    })
}
