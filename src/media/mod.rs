//! Everything FFmpeg: opening, decoding, encoding, and passing other streams through untouched.
//!
//! A [`Source`] turns an input into frames and packets; a [`Sink`] turns them into an output. FFmpeg's types do not
//! leave this module.

mod container;
mod copy;
mod copy_track;
mod encode;
mod encoder_choice;
mod encoder_options;
mod ffi_encode;
mod ffi_output;
mod ffi_parameters;
mod ffi_picture;
mod frame_export;
mod hdr;
mod image_write;
mod metadata;
mod mov_text;
mod muxed;
mod options;
mod output_streams;
mod picture_sink;
mod pixel;
mod rgb;
mod sink;
mod stream;
mod subtitle;
mod temporary;
mod video_open;

pub use options::{Deinterlace, InputOptions, OutputOptions};
pub use sink::Sink;
pub use stream::{
    Chapter, CopyPacket, Delivered, InputDescription, Interrupt, SinkReport, SourceItem, SourceReport,
    StreamInfo, StreamKind, VideoInfo,
};
