//! Opens the encoder as it was decided, with a clock that suits encoder and container.

use super::container::{Counting, counting};
use super::copy::video_tag;
use super::encode::{Clock, VideoTrack};
use super::encoder_choice::EncoderChoice;
use super::ffi_encode::{Encoder, EncoderSettings, codec_name};
use super::ffi_hwaccel::Device;
use super::ffi_output::{OutputFormat, error_text};
use super::frame_counter::FrameCounter;
use super::frame_export::FrameExport;
use super::hwaccel::encoding_device;
use super::options::OutputOptions;
use super::stream::{Delivered, InputDescription, VideoInfo};
use super::surface_choice::{Placement, device_for_frames, takes_pictures_on_card};
use crate::error::MediaError;
use ffmpeg_next::ffi::{AVCodecID, AVFMT_GLOBALHEADER};

/// Opens the video track of an output.
pub(super) fn open_video(
    format: OutputFormat,
    choice: EncoderChoice,
    options: &OutputOptions,
    input: &InputDescription,
    delivered: &Delivered,
) -> Result<VideoTrack, MediaError> {
    let video = &input.video;
    let name = choice.codec.name();
    if format.takes(choice.codec.id()) == Some(false) && format.name() != "null" {
        return Err(MediaError::Option {
            option: "--codec".to_owned(),
            problem: format!("{} cannot hold {}", format.name(), codec_name(choice.codec.id())),
            remedy: "use another encoder or another container, for example -o x.mkv".to_owned(),
        });
    }
    let container = counting(format);
    let encoder_counts = has_fixed_rate_codec(choice.codec.id());
    let is_fixed = container != Counting::No || encoder_counts;
    if is_fixed {
        check_rate(if encoder_counts { name } else { format.name() }, video)?;
    }
    let export = FrameExport::new(
        choice.layout.clone(),
        delivered.format,
        delivered.color,
        choice.color,
        (delivered.width, delivered.height),
    );
    let settings = |device| EncoderSettings {
        codec: choice.codec,
        width: delivered.width,
        height: delivered.height,
        layout: choice.layout.clone(),
        color: choice.color,
        time_base: if is_fixed { video.frame_rate.inverse() } else { video.time_base },
        frame_rate: video.frame_rate,
        sample_aspect_ratio: delivered.sample_aspect_ratio,
        codec_tag: video_tag(format, choice.codec.id()),
        global_header: format.has_flag(AVFMT_GLOBALHEADER),
        threads: options.threads,
        options: choice.options.clone(),
        device,
    };
    let ((encoder, unknown), placement) = match open_on_device(&choice, options, delivered, settings) {
        Ok(opened) => opened,
        Err(placement) => {
            let opened = Encoder::open(settings(encoding_device(choice.codec)?));
            let failed = |code| open_error(name, choice.layout.name, options, delivered, code);
            (opened.map_err(failed)?, placement)
        }
    };
    if !unknown.is_empty() {
        return Err(MediaError::Option {
            option: "--encoder-opt".to_owned(),
            problem: format!("encoder {name} does not know {}", unknown.join(", ")),
            remedy: format!("`ffmpeg -h encoder={name}` lists its options"),
        });
    }
    let clock = if is_fixed {
        Clock::Counter(FrameCounter::new(video.frame_rate, video.time_base, container))
    } else {
        Clock::Source
    };
    Ok(VideoTrack::new(encoder, export, (clock, placement), video.time_base, video.frame_rate))
}

/// An open encoder, with the names of the options that it did not take.
type Opened = (Encoder, Vec<String>);

/// Opens the encoder for pictures on the device where finished frames lie; else says where it gets them.
fn open_on_device(
    choice: &EncoderChoice,
    options: &OutputOptions,
    delivered: &Delivered,
    settings: impl Fn(Option<Device>) -> EncoderSettings,
) -> Result<(Opened, Placement), Placement> {
    if !takes_pictures_on_card(choice.codec) {
        return Err(Placement::default());
    }
    let (device, surface) =
        device_for_frames(choice, options, delivered).map_err(Placement::in_host_memory)?;
    let refused = |code| {
        let problem =
            format!("{} takes no pictures on the device ({})", choice.codec.name(), error_text(code));
        tracing::warn!("{problem}; they go through host memory");
        Placement::in_host_memory(problem)
    };
    let opened = Encoder::open(settings(Some(device))).map_err(refused)?;
    Ok((opened, Placement { surface: Some(surface), problem: None }))
}

fn check_rate(who: &str, video: &VideoInfo) -> Result<(), MediaError> {
    let problem = match (video.variable_rate, video.frame_rate.is_positive()) {
        (false, true) => return Ok(()),
        (true, _) => "the input has a variable one",
        (false, false) => "that of the input is unknown",
    };
    Err(MediaError::Option {
        option: "--codec".to_owned(),
        problem: format!("{who} needs a fixed frame rate, and {problem}"),
        remedy: "give the output one with --fps, or use --codec libx264 with -o x.mkv or x.mp4, which store any time stamp"
            .to_owned(),
    })
}

/// Codecs whose bitstream counts frames or coarse ticks, or whose encoder (VC-2's) takes a tick for a frame where it shares out bits.
fn has_fixed_rate_codec(id: AVCodecID) -> bool {
    use AVCodecID::{
        AV_CODEC_ID_DIRAC, AV_CODEC_ID_DNXHD, AV_CODEC_ID_DVVIDEO, AV_CODEC_ID_FLV1, AV_CODEC_ID_H261,
        AV_CODEC_ID_H263, AV_CODEC_ID_H263P, AV_CODEC_ID_MPEG1VIDEO, AV_CODEC_ID_MPEG2VIDEO,
        AV_CODEC_ID_MPEG4, AV_CODEC_ID_MSMPEG4V2, AV_CODEC_ID_MSMPEG4V3, AV_CODEC_ID_THEORA,
        AV_CODEC_ID_WMV1, AV_CODEC_ID_WMV2,
    };
    matches!(
        id,
        AV_CODEC_ID_MPEG1VIDEO
            | AV_CODEC_ID_MPEG2VIDEO
            | AV_CODEC_ID_MPEG4
            | AV_CODEC_ID_MSMPEG4V2
            | AV_CODEC_ID_MSMPEG4V3
            | AV_CODEC_ID_H261
            | AV_CODEC_ID_H263
            | AV_CODEC_ID_H263P
            | AV_CODEC_ID_FLV1
            | AV_CODEC_ID_WMV1
            | AV_CODEC_ID_WMV2
            | AV_CODEC_ID_THEORA
            | AV_CODEC_ID_DIRAC
            | AV_CODEC_ID_DNXHD
            | AV_CODEC_ID_DVVIDEO
    )
}

fn open_error(
    name: &str,
    layout: &str,
    options: &OutputOptions,
    delivered: &Delivered,
    code: i32,
) -> MediaError {
    let (width, height) = (delivered.width, delivered.height);
    let given: Vec<String> =
        options.encoder_options.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let with = if given.is_empty() { String::new() } else { format!(" with {}", given.join(" ")) };
    let preset = options.preset.as_ref().map(|preset| format!(" and preset {preset}")).unwrap_or_default();
    MediaError::Option {
        option: "--codec".to_owned(),
        problem: format!(
            "encoder {name} refuses {width}x{height} {layout}{with}{preset}: {}",
            error_text(code)
        ),
        remedy: format!(
            "`ffmpeg -h encoder={name}` lists what it takes; libx264 and ffv1 take most sizes and rates"
        ),
    }
}
