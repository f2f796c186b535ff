//! Codec parameters read and made, behind functions that cannot be misused.
#![allow(unsafe_code)]

use super::stream::StreamInfo;
use ffmpeg_next::codec::Parameters;
use ffmpeg_next::ffi::*;
use std::ptr;

impl StreamInfo {
    pub(super) fn codec_id(&self) -> AVCodecID {
        // SAFETY: the parameters are valid for as long as `self` is borrowed.
        unsafe { (*self.parameters.as_ptr()).codec_id }
    }

    /// The four characters that the input's container calls the codec.
    pub(super) fn codec_tag(&self) -> [u8; 4] {
        // SAFETY: as above.
        unsafe { (*self.parameters.as_ptr()).codec_tag }.to_le_bytes()
    }

    /// Samples at the start of an audio stream that decoders throw away.
    pub(super) fn initial_padding(&self) -> i64 {
        // SAFETY: as above.
        i64::from(unsafe { (*self.parameters.as_ptr()).initial_padding })
    }

    /// Of an audio stream; 0 if unknown.
    pub(super) fn sample_rate(&self) -> i32 {
        // SAFETY: as above.
        unsafe { (*self.parameters.as_ptr()).sample_rate }
    }
}

/// The codec's out-of-band header.
pub(super) fn extradata(parameters: &Parameters) -> &[u8] {
    // SAFETY: the parameters are valid while borrowed, and their extradata has the size that they say.
    unsafe {
        let parameters = &*parameters.as_ptr();
        let size = usize::try_from(parameters.extradata_size).unwrap_or_default();
        if parameters.extradata.is_null() {
            &[]
        } else {
            std::slice::from_raw_parts(parameters.extradata, size)
        }
    }
}

/// Parameters of a text subtitle stream that is shown over a picture of `size`.
pub(super) fn text_parameters(codec: AVCodecID, header: &[u8], size: (u32, u32)) -> Parameters {
    let mut parameters = Parameters::new();
    // SAFETY: the parameters are new and owned.
    unsafe {
        let raw = &mut *parameters.as_mut_ptr();
        raw.codec_type = AVMediaType::AVMEDIA_TYPE_SUBTITLE;
        raw.codec_id = codec;
        raw.width = i32::try_from(size.0).unwrap_or_default();
        raw.height = i32::try_from(size.1).unwrap_or_default();
    }
    set_extradata(&mut parameters, header);
    parameters
}

/// Parameters of an attachment with these contents, its codec that of `picture`.
pub(super) fn attachment_parameters(picture: &Parameters, contents: &[u8]) -> Parameters {
    let mut parameters = Parameters::new();
    // SAFETY: both are valid; `parameters` is new and owned.
    unsafe {
        let raw = &mut *parameters.as_mut_ptr();
        raw.codec_type = AVMediaType::AVMEDIA_TYPE_ATTACHMENT;
        raw.codec_id = (*picture.as_ptr()).codec_id;
    }
    set_extradata(&mut parameters, contents);
    parameters
}

fn set_extradata(parameters: &mut Parameters, bytes: &[u8]) {
    let Ok(size) = i32::try_from(bytes.len()) else { return };
    if bytes.is_empty() {
        return;
    }
    // SAFETY: the new parameters have no extradata yet; it is allocated with the padding that FFmpeg asks for and
    // freed with them.
    unsafe {
        let data: *mut u8 = av_mallocz(bytes.len() + AV_INPUT_BUFFER_PADDING_SIZE as usize).cast();
        if data.is_null() {
            return;
        }
        ptr::copy_nonoverlapping(bytes.as_ptr(), data, bytes.len());
        let raw = &mut *parameters.as_mut_ptr();
        raw.extradata = data;
        raw.extradata_size = size;
    }
}
