//! The muxer: FFmpeg's output context behind functions that cannot be misused. No decision is taken here.
#![allow(unsafe_code)]

use super::ffi_muxer_files::MuxerFiles;
use super::stream::{Chapter, Interrupt};
use crate::frame::{Rational, SideData, TimeBase};
use ffmpeg_next::codec::Parameters;
use ffmpeg_next::ffi::*;
use ffmpeg_next::packet::Mut;
use ffmpeg_next::{Dictionary, Error, Packet};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{self, NonNull};

pub(super) const fn av_rational(value: Rational) -> AVRational {
    AVRational { num: value.num, den: value.den }
}

/// The text at `text`, or nothing if it is null or not UTF-8.
pub(super) fn static_str(text: *const c_char) -> &'static str {
    if text.is_null() {
        return "";
    }
    // SAFETY: FFmpeg's names are constant, zero-terminated strings that live as long as the library.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap_or("")
}

pub(super) fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', "")).unwrap_or_default()
}

pub(super) fn dictionary(pairs: &[(String, String)]) -> Dictionary<'static> {
    let mut dictionary = Dictionary::new();
    for (key, value) in pairs {
        dictionary.set(&key.replace('\0', ""), &value.replace('\0', ""));
    }
    dictionary
}

/// The keys that FFmpeg left in an options dictionary: those that nothing took.
pub(super) fn left_over(dictionary: &Dictionary<'_>) -> Vec<String> {
    dictionary.iter().map(|(key, _)| key.to_owned()).collect()
}

pub(super) const fn check(code: c_int) -> Result<(), i32> {
    if code < 0 { Err(code) } else { Ok(()) }
}

/// FFmpeg's words for an error code.
pub(super) fn error_text(code: i32) -> String {
    Error::from(code).to_string()
}

/// A muxer, by name or file name.
#[derive(Clone, Copy)]
pub(super) struct OutputFormat(NonNull<AVOutputFormat>);

// SAFETY: it points to a constant of libavformat.
unsafe impl Send for OutputFormat {}

impl OutputFormat {
    /// The muxer called `name`, or else the one for the extension of `file`.
    pub(super) fn find(name: Option<&str>, file: &str) -> Option<Self> {
        let name = name.map(c_string);
        let file = c_string(file);
        let (name, file) = match &name {
            Some(name) => (name.as_ptr(), ptr::null()),
            None => (ptr::null(), file.as_ptr()),
        };
        // SAFETY: both strings are zero-terminated or null and outlive the call.
        NonNull::new(unsafe { av_guess_format(name, file, ptr::null()) }.cast_mut()).map(Self)
    }

    fn get(&self) -> &AVOutputFormat {
        // SAFETY: the pointer is to a constant of libavformat.
        unsafe { self.0.as_ref() }
    }

    pub(super) fn name(&self) -> &'static str {
        static_str(self.get().name)
    }

    pub(super) fn has_flag(&self, flag: c_int) -> bool {
        self.get().flags & flag != 0
    }

    pub(super) fn default_video(&self) -> AVCodecID {
        self.get().video_codec
    }

    /// False for formats of sound or subtitles, with cover art or without; true where FFmpeg does not tell.
    pub(super) fn holds_video(&self) -> bool {
        let format = self.get();
        match format.video_codec {
            // Muxers that hand their streams on to another one have no codecs of their own.
            AVCodecID::AV_CODEC_ID_NONE => {
                !self.holds_audio() && format.subtitle_codec == AVCodecID::AV_CODEC_ID_NONE
            }
            AVCodecID::AV_CODEC_ID_PNG => !self.holds_audio(),
            _ => true,
        }
    }

    /// True if the format has a default codec for sound: elementary streams and pictures have none.
    pub(super) fn holds_audio(&self) -> bool {
        self.get().audio_codec != AVCodecID::AV_CODEC_ID_NONE
    }

    /// Whether the muxer says that it takes the codec; `None` if it does not know.
    pub(super) fn takes(&self, codec: AVCodecID) -> Option<bool> {
        // SAFETY: the format is valid and the call only reads tables.
        match unsafe { avformat_query_codec(self.0.as_ptr(), codec, FF_COMPLIANCE_EXPERIMENTAL) } {
            0 => Some(false),
            answer if answer > 0 => Some(true),
            _ => None,
        }
    }

    /// The source's codec tag if it means the same in this format, else 0 (the muxer's choice): FFmpeg's own rule.
    fn usable_tag(&self, codec: AVCodecID, tag: u32) -> u32 {
        let tags = self.get().codec_tag;
        if tags.is_null() {
            return tag;
        }
        let mut other = 0;
        // SAFETY: `tags` is the format's own null-terminated list of tables.
        let usable = unsafe {
            av_codec_get_id(tags, tag) == codec || av_codec_get_tag2(tags, codec, &raw mut other) == 0
        };
        if usable { tag } else { 0 }
    }
}

/// What the muxer is told of a stream beside its codec parameters.
pub(super) struct StreamSpec<'a> {
    pub(super) parameters: &'a Parameters,
    /// A wish; the muxer may choose another.
    pub(super) time_base: TimeBase,
    pub(super) frame_rate: Rational,
    pub(super) sample_aspect_ratio: Rational,
    pub(super) disposition: i32,
    pub(super) metadata: &'a [(String, String)],
    pub(super) side_data: &'a [SideData],
    /// False keeps the parameters' tag as it is (an encoder's), true replaces a tag of another container.
    pub(super) is_copy: bool,
}

/// An output context and the file or connection behind it.
pub(super) struct Muxer {
    context: NonNull<AVFormatContext>,
    format: OutputFormat,
    /// Pointed to by the context's interrupt callback, so it must stay where it is.
    interrupt: Box<Interrupt>,
    files: MuxerFiles,
}

// SAFETY: the context is owned, and FFmpeg's muxers are not tied to a thread.
unsafe impl Send for Muxer {}

unsafe extern "C" fn is_interrupted(opaque: *mut c_void) -> c_int {
    // SAFETY: `opaque` is the boxed `Interrupt` of the muxer, which outlives every call of its context.
    c_int::from(unsafe { &*opaque.cast::<Interrupt>() }.is_triggered())
}

impl Muxer {
    pub(super) fn new(format: OutputFormat, location: &str, interrupt: Interrupt) -> Result<Self, i32> {
        let mut context = ptr::null_mut();
        let location = c_string(location);
        // SAFETY: `context` receives an owned context or stays null; the strings outlive the call.
        check(unsafe {
            avformat_alloc_output_context2(
                &raw mut context,
                format.0.as_ptr(),
                ptr::null(),
                location.as_ptr(),
            )
        })?;
        let mut context = NonNull::new(context).ok_or(AVERROR_UNKNOWN)?;
        // SAFETY: the context is valid, and nothing else points to it yet.
        let files = MuxerFiles::watch(unsafe { context.as_mut() });
        let muxer = Self { context, format, interrupt: Box::new(interrupt), files };
        // SAFETY: the context is owned and valid.
        unsafe {
            (*context.as_ptr()).interrupt_callback = muxer.interrupt_callback();
            (*context.as_ptr()).strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
        }
        Ok(muxer)
    }

    fn interrupt_callback(&self) -> AVIOInterruptCB {
        let opaque: *const Interrupt = &raw const *self.interrupt;
        AVIOInterruptCB { callback: Some(is_interrupted), opaque: opaque.cast_mut().cast() }
    }

    pub(super) fn format(&self) -> OutputFormat {
        self.format
    }

    /// Adds a stream and returns its index.
    pub(super) fn add_stream(&mut self, spec: &StreamSpec<'_>) -> Result<usize, i32> {
        // SAFETY: the context is valid; the stream that comes back belongs to it. The parameters are copied.
        unsafe {
            let stream = avformat_new_stream(self.context.as_ptr(), ptr::null());
            let Some(stream) = stream.as_mut() else { return Err(AVERROR(ffmpeg_next::util::error::ENOMEM)) };
            check(avcodec_parameters_copy(stream.codecpar, spec.parameters.as_ptr()))?;
            if spec.is_copy {
                let tag = (*stream.codecpar).codec_tag;
                (*stream.codecpar).codec_tag = self.format.usable_tag((*stream.codecpar).codec_id, tag);
                repair_block_align(&mut *stream.codecpar);
            }
            stream.time_base = av_rational(spec.time_base);
            stream.avg_frame_rate = av_rational(spec.frame_rate);
            stream.sample_aspect_ratio = av_rational(spec.sample_aspect_ratio);
            stream.disposition = spec.disposition;
            stream.metadata = dictionary(spec.metadata).disown();
            for data in spec.side_data {
                add_stream_side_data(stream, data)?;
            }
            Ok(usize::try_from(stream.index).unwrap_or_default())
        }
    }

    /// Sets an output file's tags.
    pub(super) fn set_metadata(&mut self, metadata: &[(String, String)]) {
        // SAFETY: the context is valid and has no tags yet; it frees those that it is given.
        unsafe { (*self.context.as_ptr()).metadata = dictionary(metadata).disown() };
    }

    pub(super) fn add_chapter(&mut self, chapter: &Chapter) -> Result<(), i32> {
        // SAFETY: chapters and their list are allocated as libavformat does, and freed by it with the context.
        unsafe {
            let context = self.context.as_mut();
            let count = context.nb_chapters as usize;
            let size = (count + 1) * size_of::<*mut AVChapter>();
            let list: *mut *mut AVChapter = av_realloc(context.chapters.cast(), size).cast();
            let new: *mut AVChapter = av_mallocz(size_of::<AVChapter>()).cast();
            if list.is_null() || new.is_null() {
                return Err(AVERROR(ffmpeg_next::util::error::ENOMEM));
            }
            (*new).id = chapter.id;
            (*new).time_base = av_rational(chapter.time_base);
            (*new).start = chapter.start;
            (*new).end = chapter.end;
            (*new).metadata = dictionary(&chapter.metadata).disown();
            list.add(count).write(new);
            context.chapters = list;
            context.nb_chapters += 1;
        }
        Ok(())
    }

    /// The longest delay between a packet's decoding and its arrival, in microseconds.
    pub(super) fn set_max_delay(&mut self, microseconds: i32) {
        // SAFETY: the context is valid.
        unsafe { (*self.context.as_ptr()).max_delay = microseconds };
    }

    /// One of `AVFMT_AVOID_NEG_TS_*`.
    pub(super) fn set_avoid_negative_ts(&mut self, mode: c_int) {
        // SAFETY: the context is valid.
        unsafe { (*self.context.as_ptr()).avoid_negative_ts = mode };
    }

    /// Opens the file or connection, unless the muxer does that itself.
    pub(super) fn open(&mut self, location: &str) -> Result<(), i32> {
        if self.format.has_flag(AVFMT_NOFILE) {
            return Ok(());
        }
        let location = c_string(location);
        let callback = self.interrupt_callback();
        // SAFETY: the context is valid and has no output yet; the callback's target lives as long as the muxer.
        check(unsafe {
            avio_open2(
                &raw mut (*self.context.as_ptr()).pb,
                location.as_ptr(),
                AVIO_FLAG_WRITE,
                &raw const callback,
                ptr::null_mut(),
            )
        })
    }

    /// Writes the header and returns the names of the options that nothing took.
    pub(super) fn write_header(&mut self, options: &[(String, String)]) -> Result<Vec<String>, i32> {
        // SAFETY: the context is valid; the dictionary goes in owned and what is left of it comes back owned.
        unsafe {
            let mut raw = dictionary(options).disown();
            let code = avformat_write_header(self.context.as_ptr(), &raw mut raw);
            let left = Dictionary::own(raw);
            check(code)?;
            Ok(left_over(&left))
        }
    }

    /// True if what just failed was not the file or connection, so that the muxer itself objects to what it was given.
    pub(super) fn is_output_sound(&self) -> bool {
        // SAFETY: the context is valid, and its output is null or open.
        unsafe { self.context.as_ref().pb.as_ref() }.is_some_and(|output| output.error >= 0)
    }

    /// False for pipes and connections, where nothing written can be changed any more.
    pub(super) fn is_seekable(&self) -> bool {
        // SAFETY: the context is valid, and its output is null or open.
        let output = unsafe { self.context.as_ref().pb.as_ref() };
        output.is_none_or(|output| output.seekable & AVIO_SEEKABLE_NORMAL != 0)
    }

    /// Bytes that were written so far, to the output or to its buffer.
    pub(super) fn position(&self) -> u64 {
        const CURRENT: c_int = 1;
        // SAFETY: the context is valid; its output is null, for which there is no call, or open.
        let position = unsafe {
            let output = self.context.as_ref().pb;
            if output.is_null() { 0 } else { avio_seek(output, 0, CURRENT) }
        };
        u64::try_from(position).unwrap_or(0)
    }

    /// The time base of stream `index`, final once the header is written.
    pub(super) fn time_base(&self, index: usize) -> TimeBase {
        // SAFETY: the context is valid, and the index is checked against its number of streams.
        unsafe {
            let context = self.context.as_ref();
            if index >= context.nb_streams as usize {
                return TimeBase::new(0, 1);
            }
            let base = (**context.streams.add(index)).time_base;
            TimeBase::new(base.num, base.den)
        }
    }

    /// True if packets of a stream may share a decoding time.
    pub(super) fn allows_equal_times(&self) -> bool {
        self.format.has_flag(AVFMT_TS_NONSTRICT)
    }

    /// Queues a packet whose time stamps are in its stream's time base and writes what is due. Takes the payload.
    pub(super) fn write(&mut self, packet: &mut Packet) -> Result<(), i32> {
        // SAFETY: the context has its header, and the packet is valid; its reference moves to the muxer.
        check(unsafe { av_interleaved_write_frame(self.context.as_ptr(), packet.as_mut_ptr()) })?;
        self.files.check()
    }

    /// Writes what is queued and the trailer.
    pub(super) fn write_trailer(&mut self) -> Result<(), i32> {
        // SAFETY: the context has its header.
        check(unsafe { av_write_trailer(self.context.as_ptr()) })?;
        self.files.check()
    }

    /// Flushes and closes the output; some errors of the disk show only here.
    pub(super) fn close(&mut self) -> Result<(), i32> {
        if self.format.has_flag(AVFMT_NOFILE) {
            return Ok(());
        }
        // SAFETY: the output was opened by `open`, or is null, which the call accepts.
        check(unsafe { avio_closep(&raw mut (*self.context.as_ptr()).pb) })
    }
}

impl Drop for Muxer {
    fn drop(&mut self) {
        let _ = self.close();
        // SAFETY: the context is owned and not used again.
        unsafe { avformat_free_context(self.context.as_ptr()) };
    }
}

/// Containers that store a block size that is not one for these codecs would mislead the next (as FFmpeg's tool does).
fn repair_block_align(parameters: &mut AVCodecParameters) {
    let codec = parameters.codec_id;
    let bogus_mp3 = codec == AVCodecID::AV_CODEC_ID_MP3 && matches!(parameters.block_align, 1 | 576 | 1152);
    if bogus_mp3 || codec == AVCodecID::AV_CODEC_ID_AC3 {
        parameters.block_align = 0;
    }
}

fn add_stream_side_data(stream: &mut AVStream, data: &SideData) -> Result<(), i32> {
    if data.kind >= AVPacketSideDataType::AV_PKT_DATA_NB as u32 {
        return Ok(());
    }
    // SAFETY: the kinds are contiguous from 0 up to the bound just checked; the buffer that comes back has the
    // asked size.
    unsafe {
        let kind = std::mem::transmute::<u32, AVPacketSideDataType>(data.kind);
        let target = av_stream_new_side_data(stream, kind, data.bytes.len());
        if target.is_null() {
            return Err(AVERROR(ffmpeg_next::util::error::ENOMEM));
        }
        ptr::copy_nonoverlapping(data.bytes.as_ptr(), target, data.bytes.len());
    }
    Ok(())
}
