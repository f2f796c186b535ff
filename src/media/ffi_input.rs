//! The raw libavformat and libavcodec calls of the source, each behind a safe function.
#![allow(unsafe_code)]

use super::{Interrupt, StreamInfo, ending};
use crate::frame::{Rational, SideData};
use ffmpeg::ffi;
use ffmpeg::format::context::{Input, StreamIo};
use ffmpeg::packet::{Mut, Ref};
use ffmpeg_next as ffmpeg;
use std::ffi::{CStr, CString};
use std::ptr;
use std::sync::Arc;

// SAFETY: the codec parameters are the only part that is not `Sync` by itself. They are set when the description is
// built and only read afterwards (copied into muxers and decoders), which any number of threads may do at once.
unsafe impl Sync for StreamInfo {}

/// Why an input could not be opened.
pub(super) enum OpenFailure {
    /// FFmpeg has no demuxer of the requested name.
    UnknownFormat,
    /// A text holds a NUL character, which FFmpeg cannot take.
    Nul,
    /// Opening or recognising the input failed.
    Open(ffmpeg::Error),
    /// The container was recognised, but its streams could not be read.
    Streams(ffmpeg::Error),
}

/// An input whose streams' headers were read.
pub(super) struct OpenedInput {
    pub(super) input: Input,
    /// Names of the options that nothing took.
    pub(super) unused: Vec<String>,
    /// The first bytes of its byte stream, if they are still in memory.
    pub(super) head: Vec<u8>,
}

/// Opens an input and reads its streams' headers. Where there is a `stream`, its bytes are read, and the URL is a name only.
pub(super) fn open_input(
    url: &str,
    mut stream: Option<StreamIo>,
    format: Option<&str>,
    options: &[(String, String)],
    interrupt: &Interrupt,
) -> Result<OpenedInput, OpenFailure> {
    let url = CString::new(url).map_err(|_| OpenFailure::Nul)?;
    let demuxer = match format {
        Some(name) => find_demuxer(name)?,
        None => ptr::null(),
    };
    let mut dictionary = dictionary(options)?.into_raw();
    let asked = interrupt.clone();
    let callback = ffmpeg::util::interrupt::new(Box::new(move || asked.is_triggered()));
    // SAFETY: the context is allocated by FFmpeg and checked; `avformat_open_input` frees it, but not the stream, on failure and
    // takes the strings only for the call; the stream and `callback.guard` live inside the returned `Input`, which closes the
    // context before them, or to the end of this function.
    unsafe {
        let mut context = ffi::avformat_alloc_context();
        if context.is_null() {
            drop(Dictionary(dictionary));
            return Err(OpenFailure::Open(ffmpeg::Error::Other { errno: ffmpeg::error::ENOMEM }));
        }
        (*context).interrupt_callback = callback.interrupt;
        if let Some(stream) = &mut stream {
            (*context).pb = stream.as_mut_ptr();
        }
        let opened = ffi::avformat_open_input(&mut context, url.as_ptr(), demuxer, &mut dictionary);
        let unused = pairs(dictionary).into_iter().map(|(key, _)| key).collect();
        drop(Dictionary(dictionary));
        if opened < 0 {
            return Err(OpenFailure::Open(ffmpeg::Error::from(opened)));
        }
        let input = match stream {
            Some(stream) => Input::wrap_with_custom_io_and_interrupt(context, stream, callback.guard),
            None => Input::wrap_with_interrupt(context, callback.guard),
        };
        let head = buffered_head((*context).pb);
        match ffi::avformat_find_stream_info(context, ptr::null_mut()) {
            code if code < 0 => Err(OpenFailure::Streams(ffmpeg::Error::from(code))),
            _ => Ok(OpenedInput { input, unused, head }),
        }
    }
}

/// The first bytes of a byte stream, where its buffer still begins with them.
///
/// # Safety
/// `io` is null or valid.
unsafe fn buffered_head(io: *const ffi::AVIOContext) -> Vec<u8> {
    // SAFETY: a valid byte stream's buffer holds what lies between its two pointers, which ends at `pos` of the stream
    // while it is read from.
    unsafe {
        let Some(io) = io.as_ref().filter(|io| io.write_flag == 0 && !io.buffer.is_null()) else {
            return Vec::new();
        };
        let held = usize::try_from(io.buf_end.offset_from(io.buffer)).unwrap_or(0);
        match usize::try_from(io.pos) {
            Ok(end) if end == held => std::slice::from_raw_parts(io.buffer, held.min(ending::HEAD)).to_vec(),
            _ => Vec::new(),
        }
    }
}

/// Bytes of an input: all where that is known, else those up to where it is read.
pub(super) fn byte_count(input: &mut Input) -> Option<u64> {
    const CURRENT: i32 = 1;
    // SAFETY: the context is open; its byte stream is null for devices and network demuxers.
    unsafe {
        let io = (*input.as_mut_ptr()).pb;
        if io.is_null() {
            return None;
        }
        let size = ffi::avio_size(io);
        u64::try_from(if size > 0 { size } else { ffi::avio_seek(io, 0, CURRENT) }).ok()
    }
}

fn find_demuxer(name: &str) -> Result<*const ffi::AVInputFormat, OpenFailure> {
    let name = CString::new(name).map_err(|_| OpenFailure::Nul)?;
    // SAFETY: the name is a NUL-terminated string that outlives the call; the result is static or null.
    let demuxer = unsafe { ffi::av_find_input_format(name.as_ptr()) };
    if demuxer.is_null() { Err(OpenFailure::UnknownFormat) } else { Ok(demuxer) }
}

/// An owned `AVDictionary`.
struct Dictionary(*mut ffi::AVDictionary);

impl Dictionary {
    fn into_raw(mut self) -> *mut ffi::AVDictionary {
        std::mem::replace(&mut self.0, ptr::null_mut())
    }
}

impl Drop for Dictionary {
    fn drop(&mut self) {
        // SAFETY: the pointer is null or an owned dictionary.
        unsafe { ffi::av_dict_free(&mut self.0) }
    }
}

fn dictionary(options: &[(String, String)]) -> Result<Dictionary, OpenFailure> {
    let mut dictionary = Dictionary(ptr::null_mut());
    for (key, value) in options {
        let key = CString::new(key.as_str()).map_err(|_| OpenFailure::Nul)?;
        let value = CString::new(value.as_str()).map_err(|_| OpenFailure::Nul)?;
        // SAFETY: both strings outlive the call, which copies them.
        unsafe { ffi::av_dict_set(&mut dictionary.0, key.as_ptr(), value.as_ptr(), 0) };
    }
    Ok(dictionary)
}

/// Copies a dictionary's entries; bytes that are not UTF-8 are replaced, as old containers hold any encoding.
///
/// # Safety
/// `dictionary` is null or valid during the call.
unsafe fn pairs(dictionary: *const ffi::AVDictionary) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut entry = ptr::null();
    // SAFETY: the empty key with this flag walks all entries; each entry's strings are valid until the next change.
    unsafe {
        loop {
            entry = ffi::av_dict_get(dictionary, c"".as_ptr(), entry, ffi::AV_DICT_IGNORE_SUFFIX);
            if entry.is_null() {
                return pairs;
            }
            let text = |pointer| CStr::from_ptr(pointer).to_string_lossy().into_owned();
            pairs.push((text((*entry).key), text((*entry).value)));
        }
    }
}

/// What is known of an input as a whole.
pub(super) struct InputFacts {
    /// Demuxer by FFmpeg's name.
    pub(super) format: String,
    /// The demuxer's `AVFMT_*` flags.
    pub(super) format_flags: i32,
    /// Global tags.
    pub(super) metadata: Vec<(String, String)>,
    /// First time stamp of the input in microseconds, 0 if unknown.
    pub(super) start: i64,
    /// Length in microseconds.
    pub(super) duration: Option<i64>,
    /// True if the input can be positioned.
    pub(super) seekable: bool,
}

/// Reads [`InputFacts`].
pub(super) fn input_facts(input: &Input) -> InputFacts {
    // SAFETY: the context is open, so its demuxer and name are set; the byte stream may be null for devices and
    // network demuxers, which position themselves.
    unsafe {
        let context = input.as_ptr();
        let io = (*context).pb;
        InputFacts {
            format: CStr::from_ptr((*(*context).iformat).name).to_string_lossy().into_owned(),
            format_flags: (*(*context).iformat).flags,
            metadata: pairs((*context).metadata),
            start: known((*context).start_time).unwrap_or(0),
            duration: known((*context).duration).filter(|duration| *duration > 0),
            seekable: io.is_null() || (*io).seekable & ffi::AVIO_SEEKABLE_NORMAL != 0,
        }
    }
}

/// One chapter's numbers and tags.
pub(super) fn chapter_facts(input: &Input) -> Vec<super::Chapter> {
    // SAFETY: an open context holds `nb_chapters` valid chapters.
    unsafe {
        let context = input.as_ptr();
        (0..(*context).nb_chapters as usize)
            .map(|index| {
                let chapter = *(*context).chapters.add(index);
                super::Chapter {
                    id: (*chapter).id,
                    time_base: rational((*chapter).time_base),
                    start: (*chapter).start,
                    end: (*chapter).end,
                    metadata: pairs((*chapter).metadata),
                }
            })
            .collect()
    }
}

/// What libavformat knows of a stream.
pub(super) struct StreamFacts {
    pub(super) index: usize,
    pub(super) medium: ffmpeg::media::Type,
    pub(super) codec: String,
    pub(super) time_base: Rational,
    pub(super) average_rate: Rational,
    /// Lowest rate at which all time stamps can be represented, a guess.
    pub(super) real_rate: Rational,
    /// First time stamp, in ticks of `time_base`.
    pub(super) start: Option<i64>,
    /// In ticks of `time_base`.
    pub(super) duration: Option<i64>,
    pub(super) frames: Option<u64>,
    pub(super) disposition: i32,
    pub(super) metadata: Vec<(String, String)>,
    pub(super) side_data: Vec<SideData>,
    pub(super) parameters: ffmpeg::codec::Parameters,
    pub(super) picture: Option<ffmpeg::Packet>,
    pub(super) field_order: FieldOrder,
    /// H.273 matrix, primaries, transfer; range (`AVColorRange`); chroma location (`AVChromaLocation`).
    pub(super) color: RawColor,
}

/// FFmpeg's colour tags as numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RawColor {
    pub(super) matrix: u32,
    pub(super) primaries: u32,
    pub(super) transfer: u32,
    pub(super) range: u32,
    pub(super) location: u32,
}

/// How a container or bitstream says that fields lie in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldOrder {
    Unknown,
    Progressive,
    TopFirst,
    BottomFirst,
}

/// Reads [`StreamFacts`] of every stream.
pub(super) fn stream_facts(input: &Input) -> Vec<StreamFacts> {
    (0..input.nb_streams() as usize).filter_map(|index| Some(one_stream(&input.stream(index)?))).collect()
}

fn one_stream(stream: &ffmpeg::Stream<'_>) -> StreamFacts {
    let parameters = stream.parameters().clone();
    // SAFETY: the stream and its parameters are valid while the input is open; codec names are static strings.
    unsafe {
        let raw = stream.as_ptr();
        let codec = parameters.as_ptr();
        StreamFacts {
            index: stream.index(),
            medium: parameters.medium(),
            codec: CStr::from_ptr(ffi::avcodec_get_name((*codec).codec_id)).to_string_lossy().into_owned(),
            time_base: rational((*raw).time_base),
            average_rate: rational((*raw).avg_frame_rate),
            real_rate: rational((*raw).r_frame_rate),
            start: known((*raw).start_time),
            duration: known((*raw).duration).filter(|duration| *duration > 0),
            frames: u64::try_from((*raw).nb_frames).ok().filter(|frames| *frames > 0),
            disposition: (*raw).disposition,
            metadata: pairs((*raw).metadata),
            side_data: stream
                .side_data()
                .map(|data| SideData { kind: side_data_kind(&data), bytes: Arc::from(data.data()) })
                .collect(),
            picture: attached_picture(&(*raw).attached_pic),
            field_order: field_order((*codec).field_order),
            color: RawColor {
                matrix: (*codec).color_space as u32,
                primaries: (*codec).color_primaries as u32,
                transfer: (*codec).color_trc as u32,
                range: (*codec).color_range as u32,
                location: (*codec).chroma_location as u32,
            },
            parameters,
        }
    }
}

fn side_data_kind(data: &ffmpeg::packet::SideData<'_>) -> u32 {
    // SAFETY: the side data is valid while its stream is; the type is read as the number that it is in C, so that a
    // value that these bindings do not know stays a number.
    unsafe { ptr::addr_of!((*data.as_ptr()).type_).cast::<u32>().read() }
}

fn attached_picture(packet: &ffi::AVPacket) -> Option<ffmpeg::Packet> {
    if packet.size <= 0 {
        return None;
    }
    // SAFETY: `packet` is a valid packet of an open stream.
    unsafe { reference(packet) }
}

/// Another packet with the same data; `None` if there is no memory for it.
pub(super) fn share(packet: &ffmpeg::Packet) -> Option<ffmpeg::Packet> {
    // SAFETY: the packet is valid.
    unsafe { reference(packet.as_ptr()) }
}

/// # Safety
/// `packet` is valid during the call.
unsafe fn reference(packet: *const ffi::AVPacket) -> Option<ffmpeg::Packet> {
    let mut copy = ffmpeg::Packet::empty();
    // SAFETY: `packet` is valid; `copy` is blank and becomes a reference to its data.
    let code = unsafe { ffi::av_packet_ref(copy.as_mut_ptr(), packet) };
    (code >= 0).then_some(copy)
}

fn field_order(order: ffi::AVFieldOrder) -> FieldOrder {
    use ffi::AVFieldOrder::*;
    match order {
        AV_FIELD_PROGRESSIVE => FieldOrder::Progressive,
        AV_FIELD_TT | AV_FIELD_BT => FieldOrder::TopFirst,
        AV_FIELD_BB | AV_FIELD_TB => FieldOrder::BottomFirst,
        _ => FieldOrder::Unknown,
    }
}

/// Tells libavformat to throw away the packets of a stream.
pub(super) fn discard_stream(input: &mut Input, index: usize) {
    if let Some(mut stream) = input.stream_mut(index) {
        // SAFETY: the stream belongs to the open input, which is borrowed mutably.
        unsafe { (*stream.as_mut_ptr()).discard = ffi::AVDiscard::AVDISCARD_ALL };
    }
}

/// Goes back to the first byte of a container that has no index, where positioning by time lands on any picture;
/// false if the container is not of that kind.
pub(super) fn rewind_bytes(input: &mut Input) -> bool {
    // SAFETY: the context is open; its demuxer is set.
    unsafe {
        let context = input.as_mut_ptr();
        let flags = (*(*context).iformat).flags;
        let is_indexed = flags & ffi::AVFMT_TS_DISCONT == 0 || flags & ffi::AVFMT_NO_BYTE_SEEK != 0;
        !is_indexed && ffi::av_seek_frame(context, -1, 0, ffi::AVSEEK_FLAG_BYTE) >= 0
    }
}

/// Shape of a sample from the container, the codec and a decoded frame, as FFmpeg's tools weigh them.
pub(super) fn sample_aspect_ratio(
    input: &mut Input,
    index: usize,
    frame: &mut ffmpeg::frame::Video,
) -> Rational {
    // SAFETY: input, stream and frame are valid; the function only reads them.
    unsafe {
        let context = input.as_mut_ptr();
        let Some(mut stream) = input.stream_mut(index) else {
            return Rational::new(0, 1);
        };
        rational(ffi::av_guess_sample_aspect_ratio(context, stream.as_mut_ptr(), frame.as_mut_ptr()))
    }
}

/// Sets the decoder's number of threads; 0 lets FFmpeg choose. With `low_delay` they work on slices of one picture.
pub(super) fn set_threads(context: &mut ffmpeg::codec::Context, threads: usize, low_delay: bool) {
    // SAFETY: the context is allocated and not yet open.
    unsafe {
        (*context.as_mut_ptr()).thread_count = i32::try_from(threads).unwrap_or(0);
        if low_delay {
            (*context.as_mut_ptr()).thread_type = ffi::FF_THREAD_SLICE;
        }
    };
}

/// True if the error is "try again".
pub(super) fn is_again(error: ffmpeg::Error) -> bool {
    error == ffmpeg::Error::Other { errno: ffmpeg::error::EAGAIN }
}

/// True if the packet holds data or side data for a decoder; an empty one would end the stream.
pub(super) fn has_payload(packet: &ffmpeg::Packet) -> bool {
    // SAFETY: the packet is valid; only its numbers are read.
    unsafe { (*packet.as_ptr()).size > 0 || (*packet.as_ptr()).side_data_elems > 0 }
}

fn known(value: i64) -> Option<i64> {
    (value != ffi::AV_NOPTS_VALUE).then_some(value)
}

pub(super) fn rational(value: ffi::AVRational) -> Rational {
    Rational::new(value.num, value.den)
}
