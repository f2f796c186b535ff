//! Everything FFmpeg: opening, decoding, encoding, and passing other streams through untouched.
//!
//! A [`Source`] turns an input into frames and packets; a [`Sink`] turns them into an output. FFmpeg's types do not
//! leave this module.

mod options;
mod stream;

pub use options::{Deinterlace, InputOptions, OutputOptions};
pub use stream::{
    Chapter, CopyPacket, Delivered, InputDescription, Interrupt, SinkReport, SourceItem, SourceReport,
    StreamInfo, StreamKind, VideoInfo,
};
