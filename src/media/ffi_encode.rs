//! Encoders and the pictures that they are fed, behind functions that cannot be misused. No decision is taken here.
#![allow(unsafe_code)]

use super::encoder_pixel::{Component, PixelLayout};
use super::ffi_hwaccel::{Device, surfaces_of};
use super::ffi_output::{av_rational, c_string, check, dictionary, left_over, static_str};
use super::ffi_picture::{ColorCodes, Picture};
use super::ffi_surfaces::Surfaces;
use crate::frame::{Color, Frame, Pts, Rational, SideData, SurfaceLayout, TimeBase};
use ffmpeg_next::codec::Parameters;
use ffmpeg_next::ffi::*;
use ffmpeg_next::frame::Video;
use ffmpeg_next::packet::Mut;
use ffmpeg_next::{Dictionary, Packet};
use std::ptr::{self, NonNull};

/// The codec's name for an identifier.
pub(super) fn codec_name(id: AVCodecID) -> &'static str {
    // SAFETY: the call reads a constant table.
    static_str(unsafe { avcodec_get_name(id) })
}

/// The identifier for a codec's name, of whatever kind of stream.
pub(super) fn codec_id(name: &str) -> Option<AVCodecID> {
    let name = c_string(name);
    // SAFETY: the name is zero-terminated and the descriptors are constants.
    unsafe { avcodec_descriptor_get_by_name(name.as_ptr()).as_ref() }.map(|descriptor| descriptor.id)
}

/// A video encoder.
#[derive(Clone, Copy)]
pub(super) struct VideoCodec(NonNull<AVCodec>);

// SAFETY: it points to a constant of libavcodec.
unsafe impl Send for VideoCodec {}

impl VideoCodec {
    /// The video encoder of this name, or the preferred one of the codec of this name.
    pub(super) fn find(name: &str) -> Option<Self> {
        let text = c_string(name);
        // SAFETY: the name is zero-terminated.
        let named = unsafe { avcodec_find_encoder_by_name(text.as_ptr()) };
        NonNull::new(named.cast_mut())
            .map(Self)
            .or_else(|| codec_id(name).and_then(Self::for_codec))
            .filter(|codec| codec.get().type_ == AVMediaType::AVMEDIA_TYPE_VIDEO)
    }

    /// FFmpeg's preferred encoder of a codec.
    pub(super) fn for_codec(id: AVCodecID) -> Option<Self> {
        // SAFETY: the call reads a constant table.
        NonNull::new(unsafe { avcodec_find_encoder(id) }.cast_mut()).map(Self)
    }

    /// Names of all video encoders that this FFmpeg has.
    pub(super) fn all_names() -> Vec<&'static str> {
        let mut names = Vec::new();
        let mut state = ptr::null_mut();
        // SAFETY: the iteration is libavcodec's own, over constants.
        while let Some(codec) = unsafe { av_codec_iterate(&raw mut state).as_ref() } {
            // SAFETY: the codec is a constant.
            let encodes = unsafe { av_codec_is_encoder(codec) } != 0;
            if encodes && codec.type_ == AVMediaType::AVMEDIA_TYPE_VIDEO {
                names.push(static_str(codec.name));
            }
        }
        names
    }

    fn get(&self) -> &AVCodec {
        // SAFETY: the pointer is to a constant of libavcodec.
        unsafe { self.0.as_ref() }
    }

    pub(super) fn name(&self) -> &'static str {
        static_str(self.get().name)
    }

    pub(super) fn id(&self) -> AVCodecID {
        self.get().id
    }

    /// The pixel formats that it lists, or `None` if it takes any.
    pub(super) fn pixel_layouts(&self) -> Option<Vec<PixelLayout>> {
        // SAFETY: the wrapped pointer is a valid codec.
        let codec = unsafe { ffmpeg_next::Codec::wrap(self.0.as_ptr()) };
        let formats = codec.video().ok()?.formats()?;
        Some(formats.filter_map(|format| pixel_layout(format.into())).collect())
    }

    /// True if it takes pictures in host memory.
    pub(super) fn takes_host_pictures(&self) -> bool {
        self.pixel_layouts().is_none_or(|layouts| layouts.iter().any(PixelLayout::is_writable))
    }

    pub(super) fn as_ptr(&self) -> *const AVCodec {
        self.0.as_ptr()
    }

    /// True if the encoder has a private option of this name.
    pub(super) fn has_option(&self, name: &str) -> bool {
        let name = c_string(name);
        let class: *const *const AVClass = &raw const self.get().priv_class;
        if self.get().priv_class.is_null() {
            return false;
        }
        // SAFETY: a pointer to a class pointer is what a fake-object search expects.
        let option = unsafe {
            av_opt_find(class.cast_mut().cast(), name.as_ptr(), ptr::null(), 0, AV_OPT_SEARCH_FAKE_OBJ)
        };
        !option.is_null()
    }

    /// True if the codec can only be lossless.
    pub(super) fn is_lossless(&self) -> bool {
        // SAFETY: the descriptors are constants.
        unsafe { avcodec_descriptor_get(self.id()).as_ref() }.is_some_and(|descriptor| {
            descriptor.props & AV_CODEC_PROP_LOSSLESS != 0 && descriptor.props & AV_CODEC_PROP_LOSSY == 0
        })
    }
}

/// The layout of a pixel format by name (`yuv420p10` means the one in native byte order).
pub(super) fn pixel_layout_by_name(name: &str) -> Option<PixelLayout> {
    let name = c_string(name);
    // SAFETY: the name is zero-terminated.
    pixel_layout(unsafe { av_get_pix_fmt(name.as_ptr()) })
}

/// Every pixel format that FFmpeg knows.
pub(super) fn all_pixel_layouts() -> Vec<PixelLayout> {
    let mut layouts = Vec::new();
    let mut descriptor = ptr::null();
    loop {
        // SAFETY: the iteration is libavutil's own, over constants.
        descriptor = unsafe { av_pix_fmt_desc_next(descriptor) };
        if descriptor.is_null() {
            return layouts;
        }
        // SAFETY: the descriptor came from the iteration.
        layouts.extend(pixel_layout(unsafe { av_pix_fmt_desc_get_id(descriptor) }));
    }
}

fn pixel_layout(format: AVPixelFormat) -> Option<PixelLayout> {
    // SAFETY: the descriptors are constants; unknown formats give null.
    let descriptor = unsafe { av_pix_fmt_desc_get(format).as_ref() }?;
    let has = |flag: i32| descriptor.flags & u64::try_from(flag).unwrap_or_default() != 0;
    let components = descriptor.comp.iter().take(usize::from(descriptor.nb_components));
    Some(PixelLayout {
        id: format as i32,
        name: static_str(descriptor.name),
        components: components
            .map(|component| Component {
                plane: usize::try_from(component.plane).unwrap_or_default(),
                step: usize::try_from(component.step).unwrap_or_default(),
                offset: usize::try_from(component.offset).unwrap_or_default(),
                shift: u32::try_from(component.shift).unwrap_or_default(),
                depth: u8::try_from(component.depth).unwrap_or(u8::MAX),
            })
            .collect(),
        subsampling: (descriptor.log2_chroma_w, descriptor.log2_chroma_h),
        is_rgb: has(AV_PIX_FMT_FLAG_RGB),
        is_palette: has(AV_PIX_FMT_FLAG_PAL),
        has_alpha: has(AV_PIX_FMT_FLAG_ALPHA),
        is_big_endian: has(AV_PIX_FMT_FLAG_BE),
        is_opaque: has(AV_PIX_FMT_FLAG_HWACCEL)
            || has(AV_PIX_FMT_FLAG_BITSTREAM)
            || has(AV_PIX_FMT_FLAG_BAYER)
            || has(AV_PIX_FMT_FLAG_FLOAT),
    })
}

/// Everything that an encoder is opened with.
pub(super) struct EncoderSettings {
    pub(super) codec: VideoCodec,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) layout: PixelLayout,
    pub(super) color: Color,
    pub(super) time_base: TimeBase,
    pub(super) frame_rate: Rational,
    pub(super) sample_aspect_ratio: Rational,
    /// 0 for the encoder's own choice.
    pub(super) codec_tag: u32,
    /// Headers in the container instead of in the stream.
    pub(super) global_header: bool,
    pub(super) threads: Option<usize>,
    pub(super) options: Vec<(String, String)>,
    /// For encoders that take pictures on it, or no others.
    pub(super) device: Option<Device>,
}

/// An open encoder and a ring of pictures to fill.
pub(super) struct Encoder {
    context: NonNull<AVCodecContext>,
    pictures: Vec<Picture>,
    /// What is known of a picture whose samples never come to host memory.
    label: Option<Picture>,
    settings: EncoderSettings,
    /// For encoders that take pictures on a device.
    surfaces: Option<Surfaces>,
}

// SAFETY: the context is owned, and libavcodec's encoders may be moved between threads between calls.
unsafe impl Send for Encoder {}

impl Encoder {
    /// Opens an encoder and returns it with the names of the options that it did not take.
    pub(super) fn open(settings: EncoderSettings) -> Result<(Self, Vec<String>), i32> {
        // SAFETY: the codec is valid; the context that comes back is owned.
        let context = unsafe { avcodec_alloc_context3(settings.codec.0.as_ptr()) };
        let context = NonNull::new(context).ok_or(AVERROR(ffmpeg_next::util::error::ENOMEM))?;
        let mut encoder = Self { context, pictures: Vec::new(), label: None, settings, surfaces: None };
        encoder.apply_settings();
        encoder.make_surfaces()?;
        // SAFETY: the context is valid; the dictionary goes in owned and what is left of it comes back owned.
        let left = unsafe {
            let mut raw = dictionary(&encoder.settings.options).disown();
            let code = avcodec_open2(context.as_ptr(), encoder.settings.codec.0.as_ptr(), &raw mut raw);
            let left = Dictionary::own(raw);
            check(code)?;
            left_over(&left)
        };
        Ok((encoder, left))
    }

    fn apply_settings(&mut self) {
        let settings = &self.settings;
        // SAFETY: the context is valid and not open yet. Enumerations of FFmpeg are written as the integers they are,
        // since a file may hold values that the bindings do not know.
        unsafe {
            let context = self.context.as_mut();
            context.width = i32::try_from(settings.width).unwrap_or(i32::MAX);
            context.height = i32::try_from(settings.height).unwrap_or(i32::MAX);
            (&raw mut context.pix_fmt).cast::<i32>().write(settings.layout.id);
            context.time_base = av_rational(settings.time_base);
            context.framerate = av_rational(settings.frame_rate);
            context.sample_aspect_ratio = av_rational(settings.sample_aspect_ratio);
            context.codec_tag = settings.codec_tag;
            context.bits_per_raw_sample = i32::from(settings.layout.depth());
            context.strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
            context.field_order = AVFieldOrder::AV_FIELD_PROGRESSIVE;
            let color = ColorCodes::new(settings);
            (&raw mut context.color_range).cast::<u32>().write(color.range);
            (&raw mut context.color_primaries).cast::<u32>().write(color.primaries);
            (&raw mut context.color_trc).cast::<u32>().write(color.transfer);
            (&raw mut context.colorspace).cast::<u32>().write(color.matrix);
            (&raw mut context.chroma_sample_location).cast::<u32>().write(color.siting);
            if settings.global_header {
                context.flags |= AV_CODEC_FLAG_GLOBAL_HEADER as i32;
            }
            if let Some(threads) = settings.threads {
                context.thread_count = i32::try_from(threads).unwrap_or(i32::MAX);
            }
        }
    }

    fn make_surfaces(&mut self) -> Result<(), i32> {
        let surfaces = surfaces_of(self.settings.codec.as_ptr());
        let (Some(device), Some((_, format))) = (&self.settings.device, surfaces) else { return Ok(()) };
        // SAFETY: the context is valid and not open yet; its pixel format is that of the pictures in host memory.
        let context = unsafe { self.context.as_mut() };
        let made = Surfaces::new(device, (format, context.pix_fmt), (context.width, context.height))?;
        made.attach(context);
        context.pix_fmt = format;
        self.surfaces = Some(made);
        Ok(())
    }

    pub(super) fn settings(&self) -> &EncoderSettings {
        &self.settings
    }

    /// The codec parameters for a muxer.
    pub(super) fn parameters(&self) -> Parameters {
        let mut parameters = Parameters::new();
        // SAFETY: both are valid; the context is open.
        unsafe { avcodec_parameters_from_context(parameters.as_mut_ptr(), self.context.as_ptr()) };
        parameters
    }

    /// The side data that the encoder has for the stream (rate control limits).
    pub(super) fn side_data(&self) -> Vec<SideData> {
        // SAFETY: the context is valid and holds `nb_coded_side_data` entries of `size` bytes each.
        unsafe {
            let context = self.context.as_ref();
            let count = usize::try_from(context.nb_coded_side_data).unwrap_or_default();
            (0..count)
                .map(|index| {
                    let entry = &*context.coded_side_data.add(index);
                    let bytes = std::slice::from_raw_parts(entry.data, entry.size);
                    SideData { kind: entry.type_ as u32, bytes: bytes.into() }
                })
                .collect()
        }
    }

    /// A picture that the encoder no longer reads, its samples unspecified. Allocates only until the ring is as long as
    /// the encoder's delay.
    pub(super) fn writable_picture(&mut self) -> Result<&mut Picture, i32> {
        let free = self.pictures.iter_mut().position(Picture::is_writable);
        let index = match free {
            Some(index) => index,
            None => {
                self.pictures.push(Picture::new(&self.settings)?);
                self.pictures.len() - 1
            }
        };
        // First is where `send_picture` finds it.
        self.pictures.swap(index, 0);
        self.pictures.first_mut().ok_or(AVERROR_BUG)
    }

    /// Encodes the picture that [`Encoder::writable_picture`] gave last.
    pub(super) fn send_picture(&mut self) -> Result<(), i32> {
        let Some(picture) = self.pictures.first() else { return Err(AVERROR_BUG) };
        if let Some(surfaces) = &self.surfaces {
            // SAFETY: the picture lives and is in host memory.
            let surface = unsafe { surfaces.upload_raw(picture.as_ptr()) }?;
            return self.send_surface(&surface);
        }
        // SAFETY: both are valid; the encoder takes its own references.
        check(unsafe { avcodec_send_frame(self.context.as_ptr(), picture.as_ptr()) })
    }

    /// The picture that `frame` is, copied on the encoder's device, with the frame's side data and this time stamp; `None` if its samples do
    /// not lie there as `layout`, and the encoder's pictures, have them.
    pub(super) fn copy_on_device(
        &mut self,
        frame: &Frame,
        layout: &SurfaceLayout,
        pts: Pts,
    ) -> Result<Option<Video>, i32> {
        let (Some(surfaces), Some(rows)) = (&self.surfaces, layout.rows_of(frame)) else { return Ok(None) };
        let settings = &self.settings;
        let place = settings.device.as_ref().and_then(Device::place);
        let own = settings.layout.components.iter().map(Component::on_surface);
        if place != Some(layout.place) || !layout.components.iter().copied().eq(own) {
            return Ok(None);
        }
        if self.label.is_none() {
            self.label = Some(Picture::without_samples(settings)?);
        }
        let Some(label) = &mut self.label else { return Ok(None) };
        label.set_pts(pts);
        label.set_side_data(&frame.info.side_data)?;
        // SAFETY: the label lives; the frame's samples vouch for the rows, and that they stay until the copy has been made. There is one
        // value for each plane of the encoder's format, on its device.
        unsafe { surfaces.copy_rows_raw(&rows, label.as_ptr()) }.map(Some)
    }

    /// Encodes a picture that is on the encoder's device.
    pub(super) fn send_surface(&mut self, surface: &Video) -> Result<(), i32> {
        // SAFETY: both are valid; the encoder takes its own reference to the surface.
        check(unsafe { avcodec_send_frame(self.context.as_ptr(), surface.as_ptr()) })
    }

    /// Says that no more pictures come.
    pub(super) fn send_end(&mut self) -> Result<(), i32> {
        // SAFETY: the context is valid; a null frame means the end.
        check(unsafe { avcodec_send_frame(self.context.as_ptr(), ptr::null()) })
    }

    /// The next packet, if there is one.
    pub(super) fn receive(&mut self) -> Result<Option<Packet>, i32> {
        let mut packet = Packet::empty();
        // SAFETY: both are valid.
        match unsafe { avcodec_receive_packet(self.context.as_ptr(), packet.as_mut_ptr()) } {
            0 => Ok(Some(packet)),
            code if code == AVERROR_EOF || code == AVERROR(ffmpeg_next::util::error::EAGAIN) => Ok(None),
            code => Err(code),
        }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let mut context = self.context.as_ptr();
        // SAFETY: the context is owned and not used again.
        unsafe { avcodec_free_context(&raw mut context) };
    }
}
