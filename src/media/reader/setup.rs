//! What a reader is told, and how it begins.

use super::super::beginning::Beginning;
use super::super::decode::Decoder;
use super::super::ending::Ending;
use super::super::ffi_input::{self, StreamFacts};
use super::super::timeline::Timeline;
use super::super::timing::Stamper;
use super::super::trim::Trim;
use super::super::{Interrupt, StreamKind};
use super::{Reader, Track};
use crate::frame::Rational;
use ffmpeg_next::format::context::Input;
use std::collections::VecDeque;

/// What to read and how.
pub(in crate::media) struct ReaderSetup<'a> {
    pub(in crate::media) location: &'a str,
    pub(in crate::media) input: Input,
    pub(in crate::media) interrupt: Interrupt,
    pub(in crate::media) decoder: Decoder,
    pub(in crate::media) streams: &'a [StreamFacts],
    /// Role of each stream, `None` for those left out.
    pub(in crate::media) kinds: &'a [Option<StreamKind>],
    pub(in crate::media) frame_rate: Rational,
    pub(in crate::media) trim: Trim,
    pub(in crate::media) is_strict: bool,
    /// True if the container's time stamps may start over.
    pub(in crate::media) may_restart: bool,
    /// True if pictures follow `frame_rate` whatever the stream says.
    pub(in crate::media) is_free_running: bool,
    pub(in crate::media) ending: Ending,
}

impl Reader {
    /// A reader that stands where its input does.
    pub(in crate::media) fn new(mut setup: ReaderSetup<'_>) -> Self {
        let video = setup.decoder.stream();
        let mut position = 0;
        let mut tracks = Vec::new();
        for (stream, kind) in setup.streams.iter().zip(setup.kinds) {
            let is_copied = !matches!(
                kind,
                None | Some(StreamKind::Video | StreamKind::Picture | StreamKind::Attachment)
            );
            if !is_copied && stream.index != video {
                ffi_input::discard_stream(&mut setup.input, stream.index);
            }
            let is_audio = *kind == Some(StreamKind::Audio);
            tracks.push(Track {
                time_base: stream.time_base,
                position: is_copied.then_some(position),
                is_dense: is_audio || stream.index == video,
                is_awaited: is_audio,
            });
            position += usize::from(kind.is_some());
        }
        let time_base = tracks.get(video).map_or(Rational::new(1, 1), |track| track.time_base);
        Self {
            location: setup.location.to_owned(),
            beginning: Beginning::new(
                time_base,
                if setup.is_free_running { Rational::new(0, 1) } else { setup.frame_rate },
            ),
            stamper: Stamper::new(setup.location, time_base, setup.frame_rate),
            timeline: Timeline::new(setup.location, tracks.len(), video, setup.may_restart),
            input: setup.input,
            interrupt: setup.interrupt,
            decoder: setup.decoder,
            tracks,
            time_base,
            trim: setup.trim,
            is_strict: setup.is_strict,
            is_free_running: setup.is_free_running,
            unsent: None,
            may_have_pictures: false,
            is_finished: false,
            video_is_past: false,
            landed: None,
            lookahead: VecDeque::new(),
            errors_in_a_row: 0,
            damaged: 0,
            ending: setup.ending,
        }
    }
}
