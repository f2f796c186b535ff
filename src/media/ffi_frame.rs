//! The raw libavutil and libswscale calls on frames, each behind a safe function.
#![allow(unsafe_code)]

use super::ffi_input::RawColor;
use crate::frame::SideData;
use ffmpeg::ffi;
use ffmpeg::format::Pixel;
use ffmpeg::frame::Video;
use ffmpeg_next as ffmpeg;
use std::ffi::{CStr, CString};
use std::ptr;
use std::sync::Arc;

/// How one component (luma, chroma, red, ..., alpha) of a pixel format lies in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Component {
    /// Plane that holds it.
    pub(super) plane: usize,
    /// Bytes (bits in bit streams) from one sample to the next.
    pub(super) step: usize,
    /// Bytes (bits in bit streams) before the first sample.
    pub(super) offset: usize,
    /// Bits below the value.
    pub(super) shift: u32,
    /// Bits of the value.
    pub(super) depth: u8,
}

/// FFmpeg's description of a pixel format.
#[derive(Clone, Debug)]
pub(super) struct PixelDescription {
    /// FFmpeg's name.
    pub(super) name: String,
    /// One entry per component, alpha last.
    pub(super) components: Vec<Component>,
    /// Log2 of the chroma subsampling, horizontally and vertically.
    pub(super) chroma: (u8, u8),
    flags: u64,
}

impl PixelDescription {
    /// The description of a format; `None` for "no format".
    pub(super) fn of(pixel: Pixel) -> Option<Self> {
        // SAFETY: the function returns null or a static description with a static name.
        unsafe {
            let description = ffi::av_pix_fmt_desc_get(pixel.into()).as_ref()?;
            let count = usize::from(description.nb_components);
            Some(Self {
                name: CStr::from_ptr(description.name).to_string_lossy().into_owned(),
                components: description.comp.iter().take(count).map(component).collect(),
                chroma: (description.log2_chroma_w, description.log2_chroma_h),
                flags: description.flags,
            })
        }
    }

    fn has(&self, flag: i32) -> bool {
        self.flags & flag as u64 != 0
    }

    /// True for red, green and blue (not for palettes).
    pub(super) fn is_rgb(&self) -> bool {
        self.has(ffi::AV_PIX_FMT_FLAG_RGB)
    }

    /// True if samples index a palette.
    pub(super) fn is_palette(&self) -> bool {
        self.has(ffi::AV_PIX_FMT_FLAG_PAL)
    }

    /// True if samples are packed into bits without byte alignment.
    pub(super) fn is_bitstream(&self) -> bool {
        self.has(ffi::AV_PIX_FMT_FLAG_BITSTREAM)
    }

    /// True if samples lie in the other byte order.
    pub(super) fn is_foreign_endian(&self) -> bool {
        self.has(ffi::AV_PIX_FMT_FLAG_BE) != cfg!(target_endian = "big")
    }

    /// True for an alpha component or a palette with alpha.
    pub(super) fn has_alpha(&self) -> bool {
        self.has(ffi::AV_PIX_FMT_FLAG_ALPHA)
    }

    /// True for floating-point samples.
    pub(super) fn is_float(&self) -> bool {
        self.has(ffi::AV_PIX_FMT_FLAG_FLOAT)
    }

    /// True for a sensor's colour filter mosaic.
    pub(super) fn is_bayer(&self) -> bool {
        self.has(ffi::AV_PIX_FMT_FLAG_BAYER)
    }

    /// True for a handle to a surface outside host memory.
    pub(super) fn is_hardware(&self) -> bool {
        self.has(ffi::AV_PIX_FMT_FLAG_HWACCEL)
    }
}

fn component(raw: &ffi::AVComponentDescriptor) -> Component {
    let size = |value: i32| usize::try_from(value).unwrap_or(0);
    Component {
        plane: size(raw.plane),
        step: size(raw.step),
        offset: size(raw.offset),
        shift: u32::try_from(raw.shift).unwrap_or(0),
        depth: u8::try_from(raw.depth).unwrap_or(0),
    }
}

/// The pixel format of FFmpeg's name, in native byte order where the name leaves it open.
pub(super) fn pixel_by_name(name: &str) -> Option<Pixel> {
    let name = CString::new(name).ok()?;
    // SAFETY: the name is a NUL-terminated string that outlives the call.
    let pixel = Pixel::from(unsafe { ffi::av_get_pix_fmt(name.as_ptr()) });
    (pixel != Pixel::None).then_some(pixel)
}

/// The first `bytes` bytes of row `y` of a plane, if the frame has them.
pub(super) fn row(frame: &Video, plane: usize, y: usize, bytes: usize) -> Option<&[u8]> {
    // SAFETY: row and length are checked against the plane's size, chroma shifted as FFmpeg shifts it; a decoded
    // frame's planes hold `linesize` bytes per row, and the slice lives no longer than the frame. A negative line
    // size (bottom-up pictures) counts from the same first row.
    unsafe {
        let raw = frame.as_ptr();
        let description = ffi::av_pix_fmt_desc_get(frame.format().into()).as_ref()?;
        let shift = if plane == 1 || plane == 2 { description.log2_chroma_h } else { 0 };
        let rows = frame.height().div_ceil(1 << shift) as usize;
        let start = *(*raw).data.get(plane)?;
        let stride = *(*raw).linesize.get(plane)? as isize;
        if start.is_null() || y >= rows || bytes > stride.unsigned_abs() {
            return None;
        }
        let y = isize::try_from(y).ok()?;
        Some(std::slice::from_raw_parts(start.offset(stride * y), bytes))
    }
}

/// Reads a row of one component as numbers, whatever its packing; `out` is at most the component's width.
///
/// For palettes the numbers are the indices.
pub(super) fn read_component(frame: &Video, component: usize, y: usize, out: &mut [u16]) {
    // SAFETY: the description is static; the row and the width are checked against the component's size (chroma
    // shifted as FFmpeg shifts it), the planes' pointers stay valid while the frame is borrowed, and `out` takes
    // `out.len()` two-byte elements.
    unsafe {
        let raw = frame.as_ptr();
        let Some(description) = ffi::av_pix_fmt_desc_get(frame.format().into()).as_ref() else {
            return;
        };
        let is_chroma = (component == 1 || component == 2)
            && description.nb_components >= 3
            && description.flags & ffi::AV_PIX_FMT_FLAG_RGB as u64 == 0;
        let (x_shift, y_shift) =
            if is_chroma { (description.log2_chroma_w, description.log2_chroma_h) } else { (0, 0) };
        let width = frame.width().div_ceil(1 << x_shift) as usize;
        let height = frame.height().div_ceil(1 << y_shift) as usize;
        if component >= usize::from(description.nb_components) || y >= height || out.len() > width {
            return;
        }
        let mut planes: [*const u8; 4] = [ptr::null(); 4];
        let mut strides = [0; 4];
        for (index, (plane, stride)) in planes.iter_mut().zip(&mut strides).enumerate() {
            *plane = (*raw).data.get(index).map_or(ptr::null(), |data| *data);
            *stride = (*raw).linesize.get(index).copied().unwrap_or(0);
        }
        ffi::av_read_image_line2(
            out.as_mut_ptr().cast(),
            planes.as_mut_ptr(),
            strides.as_ptr(),
            description,
            0,
            y as i32,
            component as i32,
            out.len() as i32,
            0,
            2,
        );
    }
}

/// The 256 palette entries (0xAARRGGBB) of a palette frame.
pub(super) fn palette(frame: &Video) -> Option<[u32; 256]> {
    let described = PixelDescription::of(frame.format())?;
    // SAFETY: a frame with a palette format holds 256 native-endian 32-bit entries in its second plane.
    unsafe {
        let start = *(*frame.as_ptr()).data.get(1)?;
        if !described.is_palette() || start.is_null() {
            return None;
        }
        let mut entries = [0u32; 256];
        ptr::copy_nonoverlapping(start, entries.as_mut_ptr().cast::<u8>(), 1024);
        Some(entries)
    }
}

/// Another reference to a frame and its samples; `None` if there is no memory for it.
pub(super) fn share(frame: &Video) -> Option<Video> {
    let mut shared = Video::empty();
    // SAFETY: both frames live, and the new one is empty.
    let code = unsafe { ffi::av_frame_ref(shared.as_mut_ptr(), frame.as_ptr()) };
    (code >= 0).then_some(shared)
}

/// Colour tags of a frame.
pub(super) fn raw_color(frame: &Video) -> RawColor {
    // SAFETY: the frame is valid; only its numbers are read.
    unsafe {
        let raw = frame.as_ptr();
        RawColor {
            matrix: (*raw).colorspace as u32,
            primaries: (*raw).color_primaries as u32,
            transfer: (*raw).color_trc as u32,
            range: (*raw).color_range as u32,
            location: (*raw).chroma_location as u32,
        }
    }
}

/// A frame's side data whose `AVFrameSideDataType` passes `keep`.
pub(super) fn side_data(frame: &Video, keep: impl Fn(u32) -> bool) -> Vec<SideData> {
    let mut kept = Vec::new();
    // SAFETY: a frame holds `nb_side_data` valid entries of `size` bytes each; the type is read as the number that it
    // is in C, so that a value that these bindings do not know stays a number.
    unsafe {
        let raw = frame.as_ptr();
        for index in 0..usize::try_from((*raw).nb_side_data).unwrap_or(0) {
            let entry = *(*raw).side_data.add(index);
            let kind = ptr::addr_of!((*entry).type_).cast::<u32>().read();
            if keep(kind) && !(*entry).data.is_null() {
                let bytes = std::slice::from_raw_parts((*entry).data, (*entry).size);
                kept.push(SideData { kind, bytes: Arc::from(bytes) });
            }
        }
    }
    kept
}

/// Attaches an ICC profile to a frame. Without memory for it the frame stays without.
pub(super) fn attach_profile(frame: &mut Video, profile: &[u8]) {
    let kind = ffi::AVFrameSideDataType::AV_FRAME_DATA_ICC_PROFILE;
    // SAFETY: the frame is valid and owned, and the new entry has the asked size.
    unsafe {
        let entry = ffi::av_frame_new_side_data(frame.as_mut_ptr(), kind, profile.len());
        if let Some(entry) = entry.as_ref() {
            ptr::copy_nonoverlapping(profile.as_ptr(), entry.data, profile.len());
        }
    }
}

/// Lets go of the frame's picture and clears its properties, keeping the frame itself for reuse.
pub(super) fn clear(frame: &mut Video) {
    // SAFETY: the frame is valid and owned.
    unsafe { ffi::av_frame_unref(frame.as_mut_ptr()) }
}

/// A blank frame with memory for a picture; `None` if there is none.
pub(super) fn allocate(pixel: Pixel, width: u32, height: u32) -> Option<Video> {
    let frame = Video::new(pixel, width, height);
    // SAFETY: the frame is valid; only a pointer is read.
    let has_memory = unsafe { !(*frame.as_ptr()).data[0].is_null() };
    has_memory.then_some(frame)
}

/// Writes `bytes` into row `y` of the first plane of a frame that this module allocated.
pub(super) fn write_row(frame: &mut Video, y: usize, bytes: &[u8]) {
    // SAFETY: row and length are checked against the allocation, which `allocate` made and nobody shares.
    unsafe {
        let raw = frame.as_mut_ptr();
        let stride = usize::try_from((*raw).linesize[0]).unwrap_or(0);
        if y < frame.height() as usize && bytes.len() <= stride && !(*raw).data[0].is_null() {
            ptr::copy_nonoverlapping(bytes.as_ptr(), (*raw).data[0].add(y * stride), bytes.len());
        }
    }
}

/// A swscale conversion into a frame of its own, for pictures that change size or format in mid-stream and for rare
/// formats.
pub(super) struct Scaler {
    context: ffmpeg::software::scaling::Context,
    output: Video,
}

// SAFETY: swscale keeps no thread-local state; the context is only used through `&mut self`.
unsafe impl Send for Scaler {}

impl Scaler {
    /// A conversion from frames like `input` to `pixel`, `width` x `height`. `ranges` say whether source and target
    /// are full range.
    pub(super) fn new(input: &Video, pixel: Pixel, size: (u32, u32), ranges: (bool, bool)) -> Option<Self> {
        use ffmpeg::software::scaling::Flags;
        let flags = Flags::LANCZOS | Flags::ACCURATE_RND | Flags::FULL_CHR_H_INT | Flags::FULL_CHR_H_INP;
        let (width, height) = (input.width(), input.height());
        let mut context = ffmpeg::software::scaling::Context::get(
            input.format(),
            width,
            height,
            pixel,
            size.0,
            size.1,
            flags,
        )
        .ok()?;
        // SAFETY: the context is valid and the coefficient tables are static. Formats without a range ignore it.
        unsafe {
            let table = ffi::sws_getCoefficients(ffi::SWS_CS_DEFAULT);
            ffi::sws_setColorspaceDetails(
                context.as_mut_ptr(),
                table,
                i32::from(ranges.0),
                table,
                i32::from(ranges.1),
                0,
                1 << 16,
                1 << 16,
            );
        }
        Some(Self { context, output: allocate(pixel, size.0, size.1)? })
    }

    /// True if the conversion fits frames like `input`.
    pub(super) fn fits(&self, input: &Video) -> bool {
        let definition = self.context.input();
        (definition.format, definition.width, definition.height)
            == (input.format(), input.width(), input.height())
    }

    /// Converts; the result is valid until the next call.
    pub(super) fn run(&mut self, input: &Video) -> Option<&Video> {
        self.context.run(input, &mut self.output).ok()?;
        Some(&self.output)
    }
}
