//! Demultiplexing and decoding: from an open container to pictures and packets in time.

mod seek;
mod setup;

pub(super) use setup::ReaderSetup;

use super::beginning::Beginning;
use super::decode::{Decoded, Decoder, Decoding, Received};
use super::ending::Ending;
use super::ffi_input;
use super::timeline::Timeline;
use super::timing::Stamper;
use super::trim::Trim;
use super::{CopyPacket, Interrupt, MediaError, WITHOUT_STRICT};
use crate::frame::{MemoryPlace, Pts, Rational, TimeBase};
use ffmpeg::format::context::Input;
use ffmpeg_next as ffmpeg;
use std::collections::VecDeque;
use std::time::Duration;

/// What comes out of an input before pictures are processed.
pub(super) enum Raw {
    /// A picture of the processed stream.
    Picture(Decoded),
    /// A packet of another stream.
    Packet(CopyPacket),
    /// Nothing more.
    End,
}

/// After the trimmed part's end other streams are awaited for this long, in microseconds.
const INTERLEAVING: i64 = 10_000_000;
/// More errors in a row mean that a demuxer or decoder makes no progress.
const ERRORS_IN_A_ROW: u32 = 1000;

/// What a reader must know of each stream of the input.
struct Track {
    time_base: TimeBase,
    /// Position among the selected streams, if its packets are passed through.
    position: Option<usize>,
    is_dense: bool,
    /// True while packets of the trimmed part may still come.
    is_awaited: bool,
}

/// Reads one input.
pub(super) struct Reader {
    location: String,
    input: Input,
    interrupt: Interrupt,
    decoder: Decoder,
    tracks: Vec<Track>,
    time_base: TimeBase,
    beginning: Beginning<Early>,
    stamper: Stamper,
    timeline: Timeline,
    trim: Trim,
    is_strict: bool,
    is_free_running: bool,
    /// A packet that the decoder had no room for.
    unsent: Option<ffmpeg::Packet>,
    may_have_pictures: bool,
    is_finished: bool,
    video_is_past: bool,
    /// Time stamp of the first picture since opening or seeking, delivered or not.
    landed: Option<i64>,
    lookahead: VecDeque<Raw>,
    errors_in_a_row: u32,
    damaged: u64,
    ending: Ending,
}

/// A decoded picture whose place in time is still sought.
struct Early {
    picture: ffmpeg::frame::Video,
    is_damaged: bool,
}

impl Reader {
    /// As [`Decoder::keep_on_device`].
    pub(super) fn keep_on_device(&mut self, place: MemoryPlace) -> bool {
        self.decoder.keep_on_device(place)
    }

    /// Shape of a sample of the processed video, from the container, the codec and a picture.
    pub(super) fn sample_aspect_ratio(&mut self, picture: &mut ffmpeg::frame::Video) -> Rational {
        ffi_input::sample_aspect_ratio(&mut self.input, self.decoder.stream(), picture)
    }

    /// What decodes.
    pub(super) fn decoding(&self) -> Decoding<'_> {
        self.decoder.decoding()
    }

    /// Damaged packets and pictures so far.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Takes a used picture back.
    pub(super) fn recycle(&mut self, picture: ffmpeg::frame::Video) {
        self.decoder.recycle(picture);
    }

    /// The next picture or packet.
    ///
    /// # Errors
    /// [`MediaError::Interrupted`]; [`MediaError::Input`] if reading fails before any picture, and at any damage if
    /// reading is strict.
    pub(super) fn next(&mut self) -> Result<Raw, MediaError> {
        match self.lookahead.pop_front() {
            Some(raw) => Ok(raw),
            None => self.read_on(),
        }
    }

    fn read_on(&mut self) -> Result<Raw, MediaError> {
        loop {
            if self.interrupt.is_triggered() {
                return Err(MediaError::Interrupted);
            }
            while let Some((early, pts)) = self.beginning.next() {
                if let Some(decoded) = self.place(early, pts) {
                    return Ok(Raw::Picture(decoded));
                }
            }
            if self.may_have_pictures {
                self.receive()?;
                continue;
            }
            if self.is_finished {
                return Ok(Raw::End);
            }
            if let Some(packet) = self.unsent.take() {
                self.send(packet)?;
            } else if let Some(raw) = self.read()? {
                return Ok(raw);
            }
        }
    }

    /// Reads one packet: the video's goes to the decoder, others are returned if they are wanted.
    fn read(&mut self) -> Result<Option<Raw>, MediaError> {
        let mut packet = ffmpeg::Packet::empty();
        match packet.read(&mut self.input) {
            Ok(()) => {
                self.errors_in_a_row = 0;
                self.ending.follow(&packet);
            }
            Err(error) => {
                self.handle_read_error(error)?;
                return Ok(None);
            }
        }
        let is_video = packet.stream() == self.decoder.stream();
        let Some(track) = self.tracks.get(packet.stream()) else {
            return Ok(None); // A stream that appeared after opening.
        };
        if is_video || track.position.is_some() {
            self.timeline.place(&mut packet, track.time_base, track.is_dense);
        }
        if is_video {
            if !self.video_is_past {
                self.send(packet)?;
            } else if packet
                .dts()
                .is_some_and(|dts| self.trim.is_long_after(dts, self.time_base, INTERLEAVING))
            {
                self.finish();
            }
            return Ok(None);
        }
        Ok(self.pass(packet).map(Raw::Packet))
    }

    /// Prepares a packet of another stream, if it lies in the trimmed part.
    fn pass(&mut self, mut packet: ffmpeg::Packet) -> Option<CopyPacket> {
        let track = self.tracks.get_mut(packet.stream())?;
        let stream = track.position?;
        if let Some(time) = packet.pts().or(packet.dts()) {
            if self.trim.is_after(time, track.time_base) {
                track.is_awaited = false;
                self.finish_if_past();
                return None;
            }
            if self.trim.is_before(time, track.time_base) {
                return None;
            }
        }
        let shift = self.trim.shift(track.time_base);
        packet.set_pts(packet.pts().map(|pts| pts - shift));
        packet.set_dts(packet.dts().map(|dts| dts - shift));
        Some(CopyPacket { stream, packet })
    }

    fn finish_if_past(&mut self) {
        if self.video_is_past && !self.tracks.iter().any(|track| track.is_awaited) {
            self.finish();
        }
    }

    fn finish(&mut self) {
        if !self.is_finished {
            self.is_finished = true;
            self.may_have_pictures = !self.video_is_past;
            self.decoder.finish();
        }
    }

    fn handle_read_error(&mut self, error: ffmpeg::Error) -> Result<(), MediaError> {
        if self.interrupt.is_triggered() {
            return Err(MediaError::Interrupted);
        }
        if ffi_input::is_again(error) {
            // Live devices have nothing yet.
            std::thread::sleep(Duration::from_millis(1));
            return Ok(());
        }
        self.errors_in_a_row += 1;
        match error {
            ffmpeg::Error::Eof => {
                if !self.is_finished && self.ending.is_premature(&mut self.input) {
                    self.note_damage("the input is cut off")?;
                }
                self.finish();
                return Ok(());
            }
            ffmpeg::Error::InvalidData if self.errors_in_a_row < ERRORS_IN_A_ROW => {
                return self.note_damage("the container is damaged");
            }
            _ => {}
        }
        if self.landed.is_none() {
            return Err(
                self.failure(&format!("reading failed ({error})"), "check the input and the connection")
            );
        }
        tracing::warn!("{}: reading failed ({error}); the output ends here", self.location);
        self.note_damage("reading failed")?;
        self.finish();
        Ok(())
    }

    fn send(&mut self, packet: ffmpeg::Packet) -> Result<(), MediaError> {
        self.may_have_pictures = true;
        match self.decoder.send(&packet) {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.unsent = Some(packet);
                Ok(())
            }
            Err(_) => self.note_damage("a video packet is damaged"),
        }
    }

    /// Asks the decoder for a picture.
    fn receive(&mut self) -> Result<(), MediaError> {
        let mut picture = self.decoder.blank();
        match self.decoder.receive(&mut picture) {
            Received::Picture { is_damaged } => {
                self.errors_in_a_row = 0;
                if is_damaged {
                    self.note_damage("a picture is damaged")?;
                }
                let pts = picture.pts();
                self.beginning.push(Early { picture, is_damaged }, pts);
                return Ok(());
            }
            Received::Damaged if self.errors_in_a_row < ERRORS_IN_A_ROW => {
                self.errors_in_a_row += 1;
                self.note_damage("a video packet is damaged")?;
            }
            Received::Drained => {
                self.beginning.end();
                self.may_have_pictures = false;
            }
            Received::Hungry | Received::Damaged => self.may_have_pictures = false,
        }
        self.decoder.recycle(picture);
        Ok(())
    }

    /// Gives a picture its time, `pts` if that is known; `None` if it lies outside the trimmed part.
    fn place(&mut self, early: Early, pts: Option<Pts>) -> Option<Decoded> {
        let Early { picture, is_damaged } = early;
        let (known, duration) = match self.is_free_running {
            true => (None, 0),
            false => (pts.or(picture.timestamp()), picture.packet().duration.max(0)),
        };
        let pts = self.stamper.stamp(known, duration);
        self.landed.get_or_insert(pts);
        if self.trim.is_after(pts, self.time_base) {
            self.video_is_past = true;
            self.finish_if_past();
        }
        if self.video_is_past || self.trim.is_before(pts, self.time_base) {
            self.decoder.recycle(picture);
            return None;
        }
        Some(Decoded { picture, pts: pts - self.trim.shift(self.time_base), duration, is_damaged })
    }

    fn note_damage(&mut self, what: &str) -> Result<(), MediaError> {
        self.damaged += 1;
        if self.is_strict {
            return Err(self.failure(what, WITHOUT_STRICT));
        }
        if self.damaged == 1 {
            tracing::warn!("{}: {what}; damage is skipped or concealed, and counted", self.location);
        }
        Ok(())
    }

    fn failure(&self, problem: &str, remedy: &str) -> MediaError {
        MediaError::Input {
            input: self.location.clone(),
            problem: problem.to_owned(),
            remedy: remedy.to_owned(),
        }
    }
}
