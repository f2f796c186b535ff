//! Everything FFmpeg: opening, decoding, encoding, and passing other streams through untouched.
//!
//! A [`Source`] turns an input into frames and packets; a [`Sink`] turns them into an output. FFmpeg's types do not
//! leave this module.

mod comb;
mod decode;
mod deinterlace;
mod describe;
mod ffi_frame;
mod ffi_input;
mod frame_import;
mod library;
mod open;
mod options;
mod pixel;
mod reader;
mod rgb;
mod select;
mod source;
mod stream;
mod timeline;
mod timing;
mod trim;

use crate::error::MediaError;

pub use library::set_library_log_level;
pub use options::{Deinterlace, InputOptions, OutputOptions};
pub use source::Source;
pub use stream::{
    Chapter, CopyPacket, Delivered, InputDescription, Interrupt, SinkReport, SourceItem, SourceReport,
    StreamInfo, StreamKind, VideoInfo,
};
