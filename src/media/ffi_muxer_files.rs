//! Files that a muxer opens by itself, as those of HLS and DASH: not every muxer asks whether all of a file was written.
#![allow(unsafe_code)]

use ffmpeg_next::ffi::{AVFormatContext, AVIOContext, avio_close};
use std::ffi::c_int;
use std::sync::atomic::{AtomicI32, Ordering};

/// What closing them said.
pub(super) struct MuxerFiles {
    /// The first error, 0 if there was none. Contexts point to it, so it must stay where it is.
    failure: Box<AtomicI32>,
}

impl MuxerFiles {
    /// Notes the errors of all files that the muxer of `context`, and those that it uses in turn, close. The result must live
    /// as long as the context.
    pub(super) fn watch(context: &mut AVFormatContext) -> Self {
        let failure = Box::new(AtomicI32::new(0));
        context.opaque = (&raw const *failure).cast_mut().cast();
        context.io_close2 = Some(close);
        Self { failure }
    }

    /// # Errors
    /// FFmpeg's code of the first error.
    pub(super) fn check(&self) -> Result<(), i32> {
        match self.failure.load(Ordering::Relaxed) {
            0 => Ok(()),
            code => Err(code),
        }
    }
}

unsafe extern "C" fn close(context: *mut AVFormatContext, output: *mut AVIOContext) -> c_int {
    // SAFETY: FFmpeg gives a valid context, with its own `opaque` or that of the context it belongs to, and an output that it opened.
    unsafe {
        let code = avio_close(output);
        if let Some(failure) = (*context).opaque.cast::<AtomicI32>().as_ref().filter(|_| code < 0) {
            let _ = failure.compare_exchange(0, code, Ordering::Relaxed, Ordering::Relaxed);
        }
        code
    }
}
