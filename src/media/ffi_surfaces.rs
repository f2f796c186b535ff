//! Pools of pictures on a device, each of libavutil's calls behind a safe function.
#![allow(unsafe_code)]

use super::ffi_hwaccel::{Device, frames_of};
use crate::frame::DeviceLayout;
use ffmpeg::ffi;
use ffmpeg::frame::Video;
use ffmpeg_next as ffmpeg;

/// Pictures that a pool begins with where it cannot grow: encoders keep up to 16 for their references, and some wait on either side.
const POOL: i32 = 20;

/// Pictures of one size and format on a device.
pub(super) struct Surfaces {
    frames: *mut ffi::AVBufferRef,
}

// SAFETY: a reference to a counted buffer whose count is atomic; its pool may be used from any thread.
unsafe impl Send for Surfaces {}

impl Surfaces {
    /// For pictures of `width` x `height` in the `host` format; `format` is the device's.
    pub(super) fn new(
        device: &Device,
        (format, host): (ffi::AVPixelFormat, ffi::AVPixelFormat),
        (width, height): (i32, i32),
    ) -> Result<Self, i32> {
        // Encoders hold several at once. CUDA adds as many as are wanted, other devices may not.
        let pool = if format == ffi::AVPixelFormat::AV_PIX_FMT_CUDA { 0 } else { POOL };
        Self::with_pool(device, (format, host), (width, height), pool)
    }

    /// For copies of pictures like `picture`, which lies on `device`; as many as there are wanted.
    pub(super) fn like(device: &Device, picture: &Video) -> Result<Self, i32> {
        let Some(context) = frames_of(picture) else { return Err(ffi::AVERROR(ffmpeg::error::EINVAL)) };
        Self::with_pool(device, (context.format, context.sw_format), (context.width, context.height), 0)
    }

    fn with_pool(
        device: &Device,
        (format, host): (ffi::AVPixelFormat, ffi::AVPixelFormat),
        (width, height): (i32, i32),
        pool: i32,
    ) -> Result<Self, i32> {
        // SAFETY: the device lives; the new context is ours, checked, and set up before it is initialised.
        let (surfaces, code) = unsafe {
            let surfaces = Self { frames: ffi::av_hwframe_ctx_alloc(device.context()) };
            let Some(buffer) = surfaces.frames.as_ref() else {
                return Err(ffi::AVERROR(ffmpeg::error::ENOMEM));
            };
            let context = buffer.data.cast::<ffi::AVHWFramesContext>();
            (*context).format = format;
            (*context).sw_format = host;
            (*context).width = width;
            (*context).height = height;
            (*context).initial_pool_size = pool;
            let code = ffi::av_hwframe_ctx_init(surfaces.frames);
            (surfaces, code)
        };
        if code < 0 { Err(code) } else { Ok(surfaces) }
    }

    /// True if they are like `picture`, so that it can be copied to one of them.
    pub(super) fn fit(&self, picture: &Video) -> bool {
        // SAFETY: the reference is ours, to a context that was set up.
        let own = unsafe { &*(*self.frames).data.cast::<ffi::AVHWFramesContext>() };
        frames_of(picture).is_some_and(|other| {
            (own.format, own.sw_format, own.width, own.height)
                == (other.format, other.sw_format, other.width, other.height)
        })
    }

    /// A copy, on the device, of a picture there; as large as it is shown.
    pub(super) fn copy(&self, picture: &Video) -> Result<Video, i32> {
        // SAFETY: the frame lives, on the device of these surfaces.
        let mut copy = unsafe { self.upload_raw(picture.as_ptr()) }?;
        // SAFETY: the frame is ours; surfaces may be larger than what is shown of them, never smaller.
        unsafe {
            (*copy.as_mut_ptr()).width = (*picture.as_ptr()).width;
            (*copy.as_mut_ptr()).height = (*picture.as_ptr()).height;
        }
        Ok(copy)
    }

    /// Has an encoder that is not open yet take them.
    pub(super) fn attach(&self, context: &mut ffi::AVCodecContext) {
        // SAFETY: the reference is ours; the context owns the new one and drops it when it is freed.
        context.hw_frames_ctx = unsafe { ffi::av_buffer_ref(self.frames) };
    }

    /// As [`Surfaces::upload_raw`].
    #[cfg(test)]
    pub(super) fn upload(&self, picture: &Video) -> Result<Video, i32> {
        // SAFETY: the frame lives.
        unsafe { self.upload_raw(picture.as_ptr()) }
    }

    /// A copy of a picture on the device, with all that is known of it.
    ///
    /// # Safety
    /// `picture` points to a frame in host memory, or on the same device, that lives during the call.
    pub(super) unsafe fn upload_raw(&self, picture: *const ffi::AVFrame) -> Result<Video, i32> {
        let mut surface = Video::empty();
        let check = |code: i32| if code < 0 { Err(code) } else { Ok(()) };
        // SAFETY: both frames live; the surface is empty before, and samples go only to one of this pool's.
        unsafe {
            check(ffi::av_hwframe_get_buffer(self.frames, surface.as_mut_ptr(), 0))?;
            check(ffi::av_hwframe_transfer_data(surface.as_mut_ptr(), picture, 0))?;
            check(ffi::av_frame_copy_props(surface.as_mut_ptr(), picture))?;
        }
        Ok(surface)
    }

    /// A copy, on the device, of the picture whose planes lie there as `rows` says, with all that `properties` is known for, which is of
    /// the pool's size. The copy is made in the device's own order, so the rows must not be written before that has come to it.
    ///
    /// # Safety
    /// `properties` points to a frame that lives during the call; the rows, one value for each plane of the pool's format, are
    /// valid for reading on the same device and as many as that format has.
    pub(super) unsafe fn copy_rows_raw(
        &self,
        rows: &[DeviceLayout],
        properties: *const ffi::AVFrame,
    ) -> Result<Video, i32> {
        let mut there = Video::empty();
        // SAFETY: the new frame is ours; it gets the context of a living pool, and addresses that the caller vouches for. It owns
        // no samples, so nothing of them is freed with it.
        unsafe {
            let raw = &mut *there.as_mut_ptr();
            let own = &*(*self.frames).data.cast::<ffi::AVHWFramesContext>();
            raw.format = own.format as i32;
            (raw.width, raw.height) = (own.width, own.height);
            raw.hw_frames_ctx = ffi::av_buffer_ref(self.frames);
            for ((data, pitch), rows) in raw.data.iter_mut().zip(&mut raw.linesize).zip(rows) {
                *data = rows.address as *mut u8;
                *pitch = i32::try_from(rows.pitch).map_err(|_| ffi::AVERROR(ffmpeg::error::EINVAL))?;
            }
            match ffi::av_frame_copy_props(raw, properties) {
                code if code < 0 => Err(code),
                _ => self.upload_raw(there.as_ptr()),
            }
        }
    }
}

impl Drop for Surfaces {
    fn drop(&mut self) {
        // SAFETY: the reference is ours and is dropped once; null is ignored.
        unsafe { ffi::av_buffer_unref(&mut self.frames) }
    }
}
