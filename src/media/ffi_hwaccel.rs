//! The raw libavutil and libavcodec calls for decoders and encoders in hardware, each behind a safe function.
#![allow(unsafe_code)]

use crate::frame::MemoryPlace;
use ffmpeg::ffi;
use ffmpeg::format::Pixel;
use ffmpeg::frame::Video;
use ffmpeg_next as ffmpeg;
use std::ffi::{CStr, CString};
use std::ptr;

/// A kind of device that FFmpeg was built with, such as `cuda` or `vaapi`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DeviceKind(ffi::AVHWDeviceType);

impl DeviceKind {
    /// All of them, in FFmpeg's order.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let next = |kind| {
            // SAFETY: iterates over a static table; "none" begins and ends it.
            let next = unsafe { ffi::av_hwdevice_iterate_types(kind) };
            (next != ffi::AVHWDeviceType::AV_HWDEVICE_TYPE_NONE).then_some(next)
        };
        std::iter::successors(next(ffi::AVHWDeviceType::AV_HWDEVICE_TYPE_NONE), move |kind| next(*kind))
            .map(Self)
    }

    /// FFmpeg's name.
    pub(super) fn name(self) -> &'static str {
        // SAFETY: the name of a known kind is a static text; null is for unknown ones.
        unsafe {
            let name = ffi::av_hwdevice_get_type_name(self.0);
            if name.is_null() { "" } else { CStr::from_ptr(name).to_str().unwrap_or_default() }
        }
    }

    /// True if `codec` can give out pictures on a device of this kind.
    pub(super) fn decodes(self, codec: &ffmpeg::Codec) -> bool {
        // SAFETY: the codec is one of FFmpeg's static ones, which live for ever.
        self.decodes_raw(unsafe { codec.as_ptr() })
    }

    fn decodes_raw(self, codec: *const ffi::AVCodec) -> bool {
        configurations(codec).any(|config| config.device_type == self.0 && takes_device(config.methods))
    }

    /// Names of the decoders that can use it.
    pub(super) fn decoders(self) -> Vec<&'static str> {
        codecs()
            .filter(|codec| is_decoder(codec) && self.decodes_raw(*codec))
            .map(|codec| name(&codec))
            .collect()
    }
}

/// True if a decoder works on the device that it is given. Those that also find one by themselves are wrappers of a driver's
/// own decoder (`h264_cuvid`, `h264_v4l2m2m`), which keeps time stamps and damage in its own way.
fn takes_device(methods: i32) -> bool {
    let (given, own) =
        (ffi::AV_CODEC_HW_CONFIG_METHOD_HW_DEVICE_CTX as i32, ffi::AV_CODEC_HW_CONFIG_METHOD_INTERNAL as i32);
    methods & given != 0 && methods & own == 0
}

/// FFmpeg's decoders of a codec, in its order; those that it calls experimental are left out.
pub(super) fn decoders_of(id: ffmpeg::codec::Id) -> Vec<ffmpeg::Codec> {
    let is_ready = |codec: &*const ffi::AVCodec| {
        // SAFETY: the codec is static.
        let capabilities = unsafe { (**codec).capabilities };
        is_decoder(codec) && capabilities & ffi::AV_CODEC_CAP_EXPERIMENTAL as i32 == 0
    };
    codecs()
        .filter(is_ready)
        // SAFETY: the codec is static.
        .map(|codec| unsafe { ffmpeg::Codec::wrap(codec) })
        .filter(|codec| codec.id() == id)
        .collect()
}

/// How a codec works with devices.
fn configurations(codec: *const ffi::AVCodec) -> impl Iterator<Item = &'static ffi::AVCodecHWConfig> {
    (0..).map_while(move |index| {
        // SAFETY: FFmpeg's codecs are static, and so is what is returned; null ends the list.
        unsafe { ffi::avcodec_get_hw_config(codec, index).as_ref() }
    })
}

/// Names of FFmpeg's encoders that work in hardware.
pub(super) fn hardware_encoders() -> Vec<&'static str> {
    let is_hardware = |codec: &*const ffi::AVCodec| {
        // SAFETY: the codec is static.
        let capabilities = unsafe { (**codec).capabilities };
        !is_decoder(codec) && capabilities & ffi::AV_CODEC_CAP_HARDWARE as i32 != 0
    };
    codecs().filter(is_hardware).map(|codec| name(&codec)).collect()
}

fn codecs() -> impl Iterator<Item = *const ffi::AVCodec> {
    let mut state = ptr::null_mut();
    std::iter::from_fn(move || {
        // SAFETY: the state belongs to this iteration alone; null ends it.
        let codec = unsafe { ffi::av_codec_iterate(&mut state) };
        (!codec.is_null()).then_some(codec)
    })
}

fn is_decoder(codec: &*const ffi::AVCodec) -> bool {
    // SAFETY: the codec is static.
    unsafe { ffi::av_codec_is_decoder(*codec) != 0 }
}

fn name(codec: &*const ffi::AVCodec) -> &'static str {
    // SAFETY: the codec and its name are static.
    unsafe { CStr::from_ptr((**codec).name) }.to_str().unwrap_or_default()
}

/// An opened device.
pub(super) struct Device {
    kind: DeviceKind,
    buffer: *mut ffi::AVBufferRef,
    /// Where its memory lies, if others can be told.
    place: Option<MemoryPlace>,
}

// SAFETY: a reference to a counted buffer whose count is atomic; FFmpeg's devices may be used from any thread.
unsafe impl Send for Device {}

impl Device {
    /// Opens the device that FFmpeg knows by `name`, or the first one.
    pub(super) fn open(kind: DeviceKind, name: Option<&str>) -> Result<Self, ffmpeg::Error> {
        let text = name.map(CString::new).transpose().map_err(|_| ffmpeg::Error::InvalidData)?;
        if kind.0 == ffi::AVHWDeviceType::AV_HWDEVICE_TYPE_CUDA {
            // The primary context is the one that others on the same device use; somebody may have set it up differently.
            if let (Ok(buffer), Ok(index)) =
                (create(kind, text.as_deref(), PRIMARY), name.unwrap_or("0").parse())
            {
                return Ok(Self { kind, buffer, place: Some(MemoryPlace::Cuda(index)) });
            }
        }
        create(kind, text.as_deref(), 0).map(|buffer| Self { kind, buffer, place: None })
    }

    /// Where its memory lies, if kernels and networks may have the same device's.
    pub(super) fn place(&self) -> Option<MemoryPlace> {
        self.place
    }

    /// What it is.
    pub(super) fn kind(&self) -> DeviceKind {
        self.kind
    }

    /// FFmpeg's context of it, for pools of pictures.
    pub(super) fn context(&self) -> *mut ffi::AVBufferRef {
        self.buffer
    }

    /// Has a decoder that is not open yet use it: FFmpeg then takes the device's pixel format wherever it is offered.
    pub(super) fn attach(&self, context: &mut ffmpeg::codec::Context) {
        // SAFETY: the context lives and is not open; it owns the new reference and drops it when it is freed.
        unsafe { (*context.as_mut_ptr()).hw_device_ctx = ffi::av_buffer_ref(self.buffer) }
    }
}

/// `AV_CUDA_USE_PRIMARY_CONTEXT`.
const PRIMARY: i32 = 1;

fn create(kind: DeviceKind, name: Option<&CStr>, flags: i32) -> Result<*mut ffi::AVBufferRef, ffmpeg::Error> {
    let name = name.map_or(ptr::null(), CStr::as_ptr);
    let mut buffer = ptr::null_mut();
    // SAFETY: the output is valid for writing, the name is null or ends with NUL and is read during the call.
    let code = unsafe { ffi::av_hwdevice_ctx_create(&mut buffer, kind.0, name, ptr::null_mut(), flags) };
    if code < 0 || buffer.is_null() { Err(ffmpeg::Error::from(code)) } else { Ok(buffer) }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: the reference is ours and is dropped once.
        unsafe { ffi::av_buffer_unref(&mut self.buffer) }
    }
}

/// True if the picture lies on a device.
pub(super) fn is_on_device(picture: &Video) -> bool {
    // SAFETY: the frame lives; the field is null for pictures in host memory.
    unsafe { !(*picture.as_ptr()).hw_frames_ctx.is_null() }
}

/// What a picture on a device is one of.
pub(super) fn frames_of(picture: &Video) -> Option<&ffi::AVHWFramesContext> {
    // SAFETY: the frame lives, and with it the context, whose data is of this type; null for pictures in host memory.
    unsafe {
        (*picture.as_ptr())
            .hw_frames_ctx
            .as_ref()
            .and_then(|buffer| buffer.data.cast::<ffi::AVHWFramesContext>().as_ref())
    }
}

/// The format of a picture's samples, wherever they lie.
pub(super) fn samples_format(picture: &Video) -> Pixel {
    frames_of(picture).map_or_else(|| picture.format(), |frames| Pixel::from(frames.sw_format))
}

/// What every plane begins with until a copy overwrites it.
const UNTOUCHED: [u8; 16] = *b"nothing was read";

/// Copies a picture from its device, with all that is known of it, into `host`, which is empty.
pub(super) fn download(picture: &Video, host: &mut Video) -> Result<(), ffmpeg::Error> {
    let is_marked = match frames_of(picture) {
        // FFmpeg says that a copy from CUDA went well even where it did not.
        Some(frames) if frames.format == ffi::AVPixelFormat::AV_PIX_FMT_CUDA => {
            allocate_marked(frames, host)?;
            true
        }
        _ => false,
    };
    // SAFETY: both frames live; FFmpeg allocates the samples of an empty one, in the device's own layout.
    let code = unsafe {
        match ffi::av_hwframe_transfer_data(host.as_mut_ptr(), picture.as_ptr(), 0) {
            code if code < 0 => code,
            _ => ffi::av_frame_copy_props(host.as_mut_ptr(), picture.as_ptr()),
        }
    };
    if code < 0 {
        return Err(ffmpeg::Error::from(code));
    }
    if is_marked {
        if beginnings(host).any(|beginning| *beginning == UNTOUCHED) {
            return Err(ffmpeg::Error::External);
        }
        host.set_width(picture.width());
        host.set_height(picture.height());
    }
    Ok(())
}

/// Gives the empty `host` samples like those of `frames`, marked at the beginning of each plane.
fn allocate_marked(frames: &ffi::AVHWFramesContext, host: &mut Video) -> Result<(), ffmpeg::Error> {
    // SAFETY: the frame is ours and empty; its format and size are set before it gets samples.
    let code = unsafe {
        let raw = &mut *host.as_mut_ptr();
        raw.format = frames.sw_format as i32;
        (raw.width, raw.height) = (frames.width, frames.height);
        ffi::av_frame_get_buffer(raw, 0)
    };
    if code < 0 {
        return Err(ffmpeg::Error::from(code));
    }
    beginnings(host).for_each(|beginning| *beginning = UNTOUCHED);
    Ok(())
}

/// The first bytes of each plane of a picture that [`allocate_marked`] gave samples.
fn beginnings(host: &mut Video) -> impl Iterator<Item = &mut [u8; UNTOUCHED.len()]> {
    // SAFETY: the frame lives; planes that it lacks have no address.
    let planes = unsafe { (*host.as_mut_ptr()).data };
    planes.into_iter().map_while(|plane| {
        // SAFETY: the frame is borrowed for as long, and its planes lie apart; FFmpeg aligns their rows to more bytes than these.
        unsafe { plane.cast::<[u8; UNTOUCHED.len()]>().as_mut() }
    })
}

/// The kind of device whose surfaces an encoder takes, and FFmpeg's number of their pixel format; `None` for encoders that
/// take pictures in host memory.
pub(super) fn surfaces_of(encoder: *const ffi::AVCodec) -> Option<(DeviceKind, ffi::AVPixelFormat)> {
    let method = ffi::AV_CODEC_HW_CONFIG_METHOD_HW_FRAMES_CTX as i32;
    let found = configurations(encoder).find(|config| config.methods & method != 0)?;
    Some((DeviceKind(found.device_type), found.pix_fmt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_must_take_the_device_and_find_none_by_itself() {
        let [given, frames, own, special] = [
            ffi::AV_CODEC_HW_CONFIG_METHOD_HW_DEVICE_CTX,
            ffi::AV_CODEC_HW_CONFIG_METHOD_HW_FRAMES_CTX,
            ffi::AV_CODEC_HW_CONFIG_METHOD_INTERNAL,
            ffi::AV_CODEC_HW_CONFIG_METHOD_AD_HOC,
        ]
        .map(|method| method as i32);
        assert!(takes_device(given) && takes_device(given | frames | special));
        assert!(!takes_device(own) && !takes_device(given | own) && !takes_device(frames | special));
    }
}
