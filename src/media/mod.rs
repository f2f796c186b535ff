//! Everything FFmpeg: opening, decoding, encoding, and passing other streams through untouched.
//!
//! A [`Source`] turns an input into frames and packets; a [`Sink`] turns them into an output. FFmpeg's types do not
//! leave this module.

mod beginning;
mod color_profile;
mod comb;
mod container;
mod copy;
mod copy_track;
mod decode;
mod decoder_choice;
mod deinterlace;
mod delay;
mod describe;
mod devices;
mod encode;
mod encoder_choice;
mod encoder_options;
mod encoder_pixel;
mod ending;
mod ffi_encode;
mod ffi_frame;
mod ffi_hwaccel;
mod ffi_input;
mod ffi_muxer_files;
mod ffi_output;
mod ffi_parameters;
mod ffi_picture;
mod ffi_remote;
#[cfg(target_os = "linux")]
mod ffi_room;
#[cfg(target_os = "linux")]
mod ffi_stdin;
mod ffi_surfaces;
mod ffi_timecode;
mod frame_counter;
mod frame_export;
mod frame_import;
mod hardware_trial;
mod hdr;
mod header;
mod hwaccel;
mod image_read;
mod image_write;
mod input;
mod interpolate;
mod jpeg;
mod jpeg_color;
mod library;
mod metadata;
mod mov_text;
mod muxed;
mod open;
mod options;
mod output_streams;
mod picture_sink;
mod pixel;
mod reader;
mod rgb;
mod rgb_export;
mod room;
mod select;
mod sink;
mod source;
mod stream;
mod subtitle;
mod surface_choice;
mod temporary;
mod tiff_pages;
mod timecode;
mod timeline;
mod timing;
mod trim;
mod turn;
mod video_open;

use crate::error::MediaError;

pub(crate) use options::WITHOUT_STRICT;
pub(crate) use temporary::{TemporaryFile, check_replaceable};

pub use devices::{CAMERA_FORMAT, Camera, CameraMode, CameraRate, cameras};
pub use hwaccel::{HardwareDecoding, HardwareReport, hardware_reports};
pub use interpolate::MotionInterpolation;
pub use jpeg::JpegEncoder;
pub use library::{library_versions, set_library_log_level};
pub use open::{camera_format, is_device, is_network};
pub use options::{Deinterlace, InputOptions, OutputOptions};
pub use picture_sink::pattern_instead;
pub use sink::Sink;
pub use source::Source;
pub use stream::{
    Chapter, CopyPacket, Delivered, InputDescription, Interrupt, SinkReport, SourceItem, SourceReport,
    StreamInfo, StreamKind, VideoInfo,
};
