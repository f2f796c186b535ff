//! Which encoder writes the video, in which pixel format, and with which options.

use super::encoder_options::encoder_options;
use super::encoder_pixel::{PixelLayout, Wanted, nearest};
use super::ffi_encode::{VideoCodec, all_pixel_layouts, codec_id, pixel_layout_by_name};
use super::ffi_output::OutputFormat;
use super::options::OutputOptions;
use super::stream::{InputDescription, VideoInfo};
use crate::error::MediaError;
use crate::frame::{Color, PixelFormat, Range};
use ffmpeg_next::ffi::AVCodecID;

/// An encoder with all that it is told, and what it is fed.
pub(super) struct EncoderChoice {
    pub(super) codec: VideoCodec,
    pub(super) layout: PixelLayout,
    /// Of the frames that the sink wants.
    pub(super) delivered_format: PixelFormat,
    /// Of the frames that the encoder gets.
    pub(super) color: Color,
    pub(super) options: Vec<(String, String)>,
    pub(super) notes: Vec<String>,
}

/// Decides on encoder, pixel format, range and options.
pub(super) fn choose_encoder(
    format: OutputFormat,
    options: &OutputOptions,
    input: &InputDescription,
) -> Result<EncoderChoice, MediaError> {
    let video = &input.video;
    let source = SourceFormat::new(video);
    let codec = match &options.codec {
        Some(name) => VideoCodec::find(name).ok_or_else(|| unknown_encoder(name))?,
        None => default_encoder(format, &source, video)?,
    };
    let mut notes = Vec::new();
    let layout = choose_layout(codec, format, options, &source, video)?;
    note_losses(&layout, &source, codec, options, &mut notes);
    let color = encoded_color(codec, &layout, options, video, &mut notes);
    let encoder_options = encoder_options(codec, format, options, input, &mut notes)?;
    let delivered_format = delivered_format(&layout, video.format);
    Ok(EncoderChoice { codec, layout, delivered_format, color, options: encoder_options, notes })
}

/// Encoders that refuse a picture whose last chroma samples cover only part of a block.
const WHOLE_BLOCKS_ONLY: &[&str] =
    &["libx264", "libx265", "libsvtav1", "libopenh264", "h264_", "hevc_", "av1_"];

impl EncoderChoice {
    /// The size that the encoder takes for a picture of `width` x `height`: at most a sample wider and higher.
    pub(super) fn encodable_size(&mut self, width: u32, height: u32) -> (u32, u32) {
        let name = self.codec.name();
        if !WHOLE_BLOCKS_ONLY.iter().any(|prefix| name.starts_with(prefix)) {
            return (width, height);
        }
        let (x, y) = self.layout.subsampling;
        let size = (width.next_multiple_of(1 << x), height.next_multiple_of(1 << y));
        if size != (width, height) {
            self.notes.push(format!(
                "{width}x{height} becomes {}x{}: {name} takes no odd size in {}; --pix-fmt yuv444p or --codec ffv1 keeps it",
                size.0, size.1, self.layout.name
            ));
        }
        size
    }
}

/// Pictures of more samples than this count as large: x264's default of 40 frames of look-ahead alone would hold
/// 600 MiB of them at 3840x2160.
const LARGE_PICTURE: u64 = 2560 * 1440;

impl EncoderChoice {
    /// Keeps the encoder's memory within bounds for large pictures, unless the user chose a preset or a look-ahead.
    pub(super) fn limit_memory(&mut self, options: &OutputOptions, width: u32, height: u32) {
        let is_large = u64::from(width) * u64::from(height) > LARGE_PICTURE;
        let is_chosen = |(key, _): &(String, String)| key == "rc-lookahead" || key.starts_with("x264");
        let chosen = options.preset.is_some() || options.encoder_options.iter().any(is_chosen);
        if is_large && !chosen && self.codec.name() == "libx264" {
            self.options.push(("rc-lookahead".to_owned(), "20".to_owned()));
        }
    }
}

/// What the source's samples are worth keeping.
struct SourceFormat {
    /// As delivered, but with the depth that the decoder gave: RGB is delivered with more.
    format: PixelFormat,
    is_rgb: bool,
    name: String,
}

impl SourceFormat {
    fn new(video: &VideoInfo) -> Self {
        let layout = pixel_layout_by_name(&video.source_format);
        let rgb = layout.filter(|layout| layout.is_rgb || layout.is_palette);
        let depth = rgb.as_ref().map_or(video.format.depth, |layout| layout.depth().max(8));
        Self {
            format: PixelFormat { depth: depth.min(16), ..video.format },
            is_rgb: rgb.is_some(),
            name: video.source_format.clone(),
        }
    }
}

/// Bits per sample that the source was stored with.
pub(super) fn source_depth(video: &VideoInfo) -> u8 {
    SourceFormat::new(video).format.depth
}

fn default_encoder(
    format: OutputFormat,
    source: &SourceFormat,
    video: &VideoInfo,
) -> Result<VideoCodec, MediaError> {
    let named = match format.name() {
        "nut" | "rawvideo" => Some("rawvideo"),
        // Before FFmpeg 6 the writer of YUV4MPEG takes nothing else.
        "yuv4mpegpipe" | "null" => Some("wrapped_avframe"),
        "webm" | "ivf" => Some("libvpx-vp9"),
        "hevc" => Some("libx265"),
        // FFmpeg's choices, Sorenson's codec and H.263, are what nobody expects any more; the latter knows few sizes.
        "flv" | "3gp" | "3g2" => Some("libx264"),
        _ => None,
    };
    if let Some(codec) = named.and_then(VideoCodec::find) {
        return Ok(codec);
    }
    let deep = source.format.depth > 8 || video.color.is_hdr();
    let preferred: &[(&str, AVCodecID)] = if deep {
        &[("libx265", AVCodecID::AV_CODEC_ID_HEVC), ("libx264", AVCodecID::AV_CODEC_ID_H264)]
    } else {
        &[("libx264", AVCodecID::AV_CODEC_ID_H264)]
    };
    let is_general = matches!(
        format.default_video(),
        AVCodecID::AV_CODEC_ID_H264 | AVCodecID::AV_CODEC_ID_MPEG4 | AVCodecID::AV_CODEC_ID_MPEG2VIDEO
    ) && !matches!(
        format.name(),
        "m4v" | "mpeg2video" | "mpeg" | "vob" | "dvd" | "svcd" | "mxf" | "mxf_d10"
    );
    let suitable = preferred.iter().filter(|(_, id)| is_general && format.takes(*id) != Some(false));
    suitable
        .filter_map(|(name, _)| VideoCodec::find(name))
        .next()
        .or_else(|| VideoCodec::for_codec(format.default_video()))
        .ok_or_else(|| MediaError::Option {
            option: "--codec".to_owned(),
            problem: format!("this FFmpeg has no default video encoder for {}", format.name()),
            remedy: "name one that it takes, for example --codec libx264; `ffmpeg -encoders` lists them"
                .to_owned(),
        })
}

fn unknown_encoder(name: &str) -> MediaError {
    let mut names = VideoCodec::all_names();
    names.sort_by_key(|candidate| (!candidate.contains(name), edit_distance(candidate, name)));
    names.truncate(SUGGESTED_ENCODERS);
    let problem = match codec_id(name) {
        Some(_) => format!("this FFmpeg has no video encoder for `{name}`"),
        None => format!("there is no video encoder called `{name}`"),
    };
    MediaError::Option {
        option: "--codec".to_owned(),
        problem,
        remedy: format!("use one of {}; `ffmpeg -encoders` lists all", names.join(", ")),
    }
}

/// Of those that a misspelt name may stand for; there are more than a hundred.
const SUGGESTED_ENCODERS: usize = 6;

/// Levenshtein's distance.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut current = vec![i + 1];
        for ((j, y), pair) in b.bytes().enumerate().zip(previous.windows(2)) {
            let (diagonal, above) = (pair.first().copied(), pair.last().copied());
            let substituted = diagonal.unwrap_or(j) + usize::from(x != y);
            let left = current.last().copied().unwrap_or(i + 1);
            current.push(substituted.min(above.unwrap_or(j) + 1).min(left + 1));
        }
        previous = current;
    }
    previous.last().copied().unwrap_or_default()
}

/// What pictures are uploaded in to encoders that take them on a device only: every device has these.
fn surface_layouts(codec: VideoCodec) -> Vec<PixelLayout> {
    // H.264 has 10 bits, but hardware does not.
    let deep = (!codec.name().starts_with("h264")).then_some("p010");
    ["nv12"].into_iter().chain(deep).filter_map(pixel_layout_by_name).collect()
}

fn choose_layout(
    codec: VideoCodec,
    format: OutputFormat,
    options: &OutputOptions,
    source: &SourceFormat,
    video: &VideoInfo,
) -> Result<PixelLayout, MediaError> {
    let mut layouts = match codec.takes_host_pictures() {
        true => codec.pixel_layouts().unwrap_or_else(all_pixel_layouts),
        false => surface_layouts(codec),
    };
    if format.name() == "yuv4mpegpipe" {
        layouts.retain(is_y4m_layout);
    }
    let found = match &options.pixel_format {
        Some(name) => {
            // The `j` formats are the plain ones with full range, which is a tag here.
            let plain = name.strip_prefix("yuvj").map(|rest| format!("yuv{rest}"));
            let wanted = pixel_layout_by_name(plain.as_deref().unwrap_or(name));
            wanted.filter(|wanted| layouts.contains(wanted))
        }
        None => {
            let hdr_depth = if video.color.is_hdr() && codec.name() != "wrapped_avframe" { 10 } else { 8 };
            let depth = source.format.depth.max(hdr_depth);
            let prefers_rgb = source.is_rgb && codec.is_lossless() && codec.name() != "wrapped_avframe";
            nearest(&layouts, Wanted { format: PixelFormat { depth, ..source.format }, prefers_rgb })
        }
    };
    found.filter(PixelLayout::is_writable).ok_or_else(|| {
        let names: Vec<_> = layouts.iter().filter(|l| l.is_writable()).map(|layout| layout.name).collect();
        let asked = options.pixel_format.as_deref().unwrap_or(&source.name);
        MediaError::Option {
            option: "--pix-fmt".to_owned(),
            problem: format!("encoder {} does not take `{asked}`", codec.name()),
            remedy: format!("use one of {}", names.join(", ")),
        }
    })
}

fn is_y4m_layout(layout: &PixelLayout) -> bool {
    let is_listed = ["gray", "yuv411p", "yuv420p", "yuv422p", "yuv444p"]
        .iter()
        .any(|prefix| layout.name.starts_with(prefix));
    is_listed && !layout.is_big_endian && !layout.name.contains('f')
}

/// The frames that make up pictures of `layout`, coming from frames of `source`.
fn delivered_format(layout: &PixelLayout, source: PixelFormat) -> PixelFormat {
    let format = layout.delivered(source.depth);
    // What the source lacks is filled in while packing: grey chroma, opaque alpha.
    let model = if source.color_planes() == 1 { source.model } else { format.model };
    PixelFormat { model, alpha: format.alpha && source.alpha, ..format }
}

fn note_losses(
    layout: &PixelLayout,
    source: &SourceFormat,
    codec: VideoCodec,
    options: &OutputOptions,
    notes: &mut Vec<String>,
) {
    let name = codec.name();
    let format = source.format;
    if format.alpha && !layout.has_alpha {
        notes.push(format!("alpha is dropped: encoder {name} takes {}, which has none", layout.name));
    }
    if layout.depth() < format.depth {
        notes.push(format!(
            "{} bits per sample become {}: {name} takes {}",
            format.depth,
            layout.depth(),
            layout.name
        ));
    }
    if source.is_rgb && !layout.is_rgb && !layout.is_palette && name != "wrapped_avframe" {
        let remedy = if options.pixel_format.is_none() { "; --pix-fmt yuv420p plays everywhere" } else { "" };
        notes.push(format!("{} is encoded as {} ({name}){remedy}", source.name, layout.name));
    }
    let (x, y) = layout.subsampling;
    let subsampling = format.subsampling();
    if !source.is_rgb
        && layout.has_color()
        && (x > subsampling.x || y > subsampling.y)
        && format.color_planes() == 3
    {
        notes.push(format!("chroma is reduced: {format} becomes {} for {name}", layout.name));
    }
}

/// The colour that the encoder is told. Range is changed where the codec cannot say which one it has.
fn encoded_color(
    codec: VideoCodec,
    layout: &PixelLayout,
    options: &OutputOptions,
    video: &VideoInfo,
    notes: &mut Vec<String>,
) -> Color {
    let source = video.color;
    if layout.is_rgb || layout.is_palette {
        return Color { range: Range::Full, range_tagged: true, ..source };
    }
    let asks_full = options.pixel_format.as_deref().is_some_and(|name| name.starts_with("yuvj"));
    let range = match codec_range(codec.id()) {
        _ if layout.implies_full_range() || asks_full => Range::Full,
        Some(range) => range,
        None => source.range,
    };
    if range == source.range {
        return source;
    }
    let (word, other) = match range {
        Range::Full => ("full", "limited"),
        Range::Limited => ("limited", "full"),
    };
    notes.push(format!("range is changed from {other} to {word}: {} holds no other", codec.name()));
    Color { range, range_tagged: true, ..source }
}

/// The only range that a codec's bitstream stands for, if it has no flag for it.
fn codec_range(id: AVCodecID) -> Option<Range> {
    use AVCodecID::{
        AV_CODEC_ID_AMV, AV_CODEC_ID_CFHD, AV_CODEC_ID_DNXHD, AV_CODEC_ID_DVVIDEO, AV_CODEC_ID_FLV1,
        AV_CODEC_ID_H261, AV_CODEC_ID_H263, AV_CODEC_ID_H263P, AV_CODEC_ID_LJPEG, AV_CODEC_ID_MJPEG,
        AV_CODEC_ID_MPEG1VIDEO, AV_CODEC_ID_MPEG2VIDEO, AV_CODEC_ID_MPEG4, AV_CODEC_ID_MSMPEG4V2,
        AV_CODEC_ID_MSMPEG4V3, AV_CODEC_ID_PRORES, AV_CODEC_ID_THEORA, AV_CODEC_ID_VP8, AV_CODEC_ID_WMV1,
        AV_CODEC_ID_WMV2,
    };
    match id {
        AV_CODEC_ID_MJPEG | AV_CODEC_ID_LJPEG | AV_CODEC_ID_AMV => Some(Range::Full),
        AV_CODEC_ID_MPEG1VIDEO
        | AV_CODEC_ID_MPEG2VIDEO
        | AV_CODEC_ID_MPEG4
        | AV_CODEC_ID_MSMPEG4V2
        | AV_CODEC_ID_MSMPEG4V3
        | AV_CODEC_ID_WMV1
        | AV_CODEC_ID_WMV2
        | AV_CODEC_ID_FLV1
        | AV_CODEC_ID_H261
        | AV_CODEC_ID_H263
        | AV_CODEC_ID_H263P
        | AV_CODEC_ID_THEORA
        | AV_CODEC_ID_VP8
        | AV_CODEC_ID_PRORES
        | AV_CODEC_ID_DNXHD
        | AV_CODEC_ID_CFHD
        | AV_CODEC_ID_DVVIDEO => Some(Range::Limited),
        _ => None,
    }
}
