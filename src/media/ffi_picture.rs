//! The pictures that an encoder is fed, behind functions that cannot be misused.
#![allow(unsafe_code)]

use super::ffi_encode::EncoderSettings;
use super::ffi_output::{av_rational, check};
use super::{ffi_frame, ffi_hwaccel};
use crate::frame::{Pts, Range, SideData, Siting};
use ffmpeg_next::ffi::*;
use ffmpeg_next::frame::Video;
use std::ptr::{self, NonNull};

/// FFmpeg's numbers for a picture's colour.
pub(super) struct ColorCodes {
    pub(super) range: u32,
    pub(super) primaries: u32,
    pub(super) transfer: u32,
    pub(super) matrix: u32,
    pub(super) siting: u32,
}

impl ColorCodes {
    pub(super) fn new(settings: &EncoderSettings) -> Self {
        let color = &settings.color;
        let range = match color.range {
            _ if !color.range_tagged => AVColorRange::AVCOL_RANGE_UNSPECIFIED,
            Range::Limited => AVColorRange::AVCOL_RANGE_MPEG,
            Range::Full => AVColorRange::AVCOL_RANGE_JPEG,
        };
        let siting = match color.siting {
            Siting::Unspecified => AVChromaLocation::AVCHROMA_LOC_UNSPECIFIED,
            Siting::Left => AVChromaLocation::AVCHROMA_LOC_LEFT,
            Siting::Center => AVChromaLocation::AVCHROMA_LOC_CENTER,
            Siting::TopLeft => AVChromaLocation::AVCHROMA_LOC_TOPLEFT,
            Siting::Top => AVChromaLocation::AVCHROMA_LOC_TOP,
            Siting::BottomLeft => AVChromaLocation::AVCHROMA_LOC_BOTTOMLEFT,
            Siting::Bottom => AVChromaLocation::AVCHROMA_LOC_BOTTOM,
        };
        // RGB and palettes have no luma/chroma matrix (code point 0, identity).
        let has_matrix = !settings.layout.is_rgb && !settings.layout.is_palette;
        Self {
            range: range as u32,
            primaries: u32::from(color.primaries_code),
            transfer: u32::from(color.transfer_code),
            matrix: if has_matrix { u32::from(color.matrix_code) } else { 0 },
            siting: siting as u32,
        }
    }
}

/// A plane of a picture that is being filled.
pub(super) struct PlaneMut<'a> {
    /// Bytes from one row to the next.
    pub(super) stride: usize,
    pub(super) bytes: &'a mut [u8],
}

/// A picture in an encoder's own format.
pub(super) struct Picture {
    frame: NonNull<AVFrame>,
    attached: Vec<AVFrameSideDataType>,
    plane_rows: [usize; 4],
    /// As [`PixelLayout::plane_samples`](super::encoder_pixel::PixelLayout::plane_samples).
    plane_samples: [(usize, u32); 4],
}

impl Picture {
    pub(super) fn new(settings: &EncoderSettings) -> Result<Self, i32> {
        let mut picture = Self::without_samples(settings)?;
        // SAFETY: the frame is valid and has no buffers yet.
        check(unsafe { av_frame_get_buffer(picture.frame.as_mut(), 0) })?;
        picture.plane_rows = settings.layout.plane_rows(settings.height as usize);
        picture.plane_samples = settings.layout.plane_samples(settings.width as usize);
        Ok(picture)
    }

    /// What is known of a picture whose samples are elsewhere.
    pub(super) fn without_samples(settings: &EncoderSettings) -> Result<Self, i32> {
        // SAFETY: the frame that comes back is owned.
        let frame =
            NonNull::new(unsafe { av_frame_alloc() }).ok_or(AVERROR(ffmpeg_next::util::error::ENOMEM))?;
        let mut picture =
            Self { frame, attached: Vec::new(), plane_rows: [0; 4], plane_samples: [(0, 0); 4] };
        let color = ColorCodes::new(settings);
        // SAFETY: the frame is valid and has no buffers yet; see `apply_settings` for the enumerations.
        unsafe {
            let frame = picture.frame.as_mut();
            frame.format = settings.layout.id;
            frame.width = i32::try_from(settings.width).unwrap_or(i32::MAX);
            frame.height = i32::try_from(settings.height).unwrap_or(i32::MAX);
            frame.sample_aspect_ratio = av_rational(settings.sample_aspect_ratio);
            (&raw mut frame.color_range).cast::<u32>().write(color.range);
            (&raw mut frame.color_primaries).cast::<u32>().write(color.primaries);
            (&raw mut frame.color_trc).cast::<u32>().write(color.transfer);
            (&raw mut frame.colorspace).cast::<u32>().write(color.matrix);
            (&raw mut frame.chroma_location).cast::<u32>().write(color.siting);
        }
        Ok(picture)
    }

    /// True if the encoder holds no reference to the samples.
    pub(super) fn is_writable(&mut self) -> bool {
        // SAFETY: the frame is valid.
        unsafe { av_frame_is_writable(self.frame.as_ptr()) > 0 }
    }

    /// Plane `index`; empty if the format has fewer.
    pub(super) fn plane_mut(&mut self, index: usize) -> PlaneMut<'_> {
        // SAFETY: the frame is valid, its buffers are writable (the encoder handed them back), and each plane holds
        // `stride` bytes for each of its rows; a palette is 256 entries of 4 bytes.
        unsafe {
            let frame = self.frame.as_mut();
            let data = frame.data.get(index).copied().unwrap_or(ptr::null_mut());
            let stride = frame.linesize.get(index).copied().unwrap_or_default();
            let stride = usize::try_from(stride).unwrap_or_default();
            let rows = self.plane_rows.get(index).copied().unwrap_or_default();
            if data.is_null() {
                return PlaneMut { stride: 1, bytes: &mut [] };
            }
            PlaneMut { stride: stride.max(1), bytes: std::slice::from_raw_parts_mut(data, stride * rows) }
        }
    }

    /// The 256 colours of a palette picture as native-endian ARGB words; empty for other formats.
    pub(super) fn palette_mut(&mut self) -> &mut [u8] {
        // SAFETY: the second plane of a palette format is its palette, 1024 bytes.
        unsafe {
            let frame = self.frame.as_mut();
            let data = frame.data.get(1).copied().unwrap_or(ptr::null_mut());
            if frame.format != AVPixelFormat::AV_PIX_FMT_PAL8 as i32 || data.is_null() {
                return &mut [];
            }
            std::slice::from_raw_parts_mut(data, 1024)
        }
    }

    /// True if a picture on a device, of the same format and size, has the same samples; looking brings it from there.
    pub(super) fn has_samples_of(&mut self, surface: &Video) -> bool {
        let mut host = Video::empty();
        if ffi_hwaccel::download(surface, &mut host).is_err() {
            return false;
        }
        let planes = self.plane_samples.into_iter().zip(self.plane_rows).enumerate();
        planes.into_iter().all(|(index, ((used, shift), rows))| {
            let own = self.plane_mut(index);
            own.bytes.chunks(own.stride).take(rows).enumerate().all(|(y, own)| {
                let pair = own.get(..used).zip(ffi_frame::row(&host, index, y, used));
                pair.is_some_and(|(own, other)| have_same_samples(own, other, shift))
            })
        })
    }

    pub(super) fn set_pts(&mut self, pts: Pts) {
        // SAFETY: the frame is valid.
        unsafe { self.frame.as_mut().pts = pts };
    }

    /// For the encoder to read.
    pub(super) fn as_ptr(&self) -> *const AVFrame {
        self.frame.as_ptr()
    }

    /// Replaces the side data by those of `side_data` that describe a new encode as truly as the source.
    pub(super) fn set_side_data(&mut self, side_data: &[SideData]) -> Result<(), i32> {
        for kind in self.attached.drain(..) {
            // SAFETY: the frame is valid.
            unsafe { av_frame_remove_side_data(self.frame.as_ptr(), kind) };
        }
        for data in side_data {
            let Some(kind) = carried_side_data(data.kind) else { continue };
            // SAFETY: the frame is valid, and the new entry has the asked size.
            unsafe {
                let entry = av_frame_new_side_data(self.frame.as_ptr(), kind, data.bytes.len());
                if entry.is_null() {
                    return Err(AVERROR(ffmpeg_next::util::error::ENOMEM));
                }
                ptr::copy_nonoverlapping(data.bytes.as_ptr(), (*entry).data, data.bytes.len());
            }
            self.attached.push(kind);
        }
        Ok(())
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        let mut frame = self.frame.as_ptr();
        // SAFETY: the frame is owned and not used again.
        unsafe { av_frame_free(&raw mut frame) };
    }
}

/// Compares rows of samples; those with unused low bits have two bytes.
fn have_same_samples(own: &[u8], other: &[u8], shift: u32) -> bool {
    let sample = |pair: &[u8]| pair.try_into().map(u16::from_le_bytes).map(|sample| sample >> shift).ok();
    shift == 0 && own == other || shift > 0 && own.chunks(2).map(sample).eq(other.chunks(2).map(sample))
}

/// The kinds of side data that stay true when a picture is enlarged and encoded anew.
fn carried_side_data(kind: u32) -> Option<AVFrameSideDataType> {
    use AVFrameSideDataType::{
        AV_FRAME_DATA_A53_CC, AV_FRAME_DATA_AFD, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL,
        AV_FRAME_DATA_DYNAMIC_HDR_PLUS, AV_FRAME_DATA_GOP_TIMECODE, AV_FRAME_DATA_ICC_PROFILE,
        AV_FRAME_DATA_MASTERING_DISPLAY_METADATA, AV_FRAME_DATA_S12M_TIMECODE, AV_FRAME_DATA_SPHERICAL,
        AV_FRAME_DATA_STEREO3D,
    };
    [
        AV_FRAME_DATA_STEREO3D,
        AV_FRAME_DATA_A53_CC,
        AV_FRAME_DATA_AFD,
        AV_FRAME_DATA_MASTERING_DISPLAY_METADATA,
        AV_FRAME_DATA_GOP_TIMECODE,
        AV_FRAME_DATA_SPHERICAL,
        AV_FRAME_DATA_CONTENT_LIGHT_LEVEL,
        AV_FRAME_DATA_ICC_PROFILE,
        AV_FRAME_DATA_S12M_TIMECODE,
        AV_FRAME_DATA_DYNAMIC_HDR_PLUS,
    ]
    .into_iter()
    .find(|known| *known as u32 == kind)
}
