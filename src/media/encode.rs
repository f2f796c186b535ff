//! The video of an output: frames in, packets out, every packet with exactly its frame's time.

use super::container::Counting;
use super::ffi_encode::Encoder;
use super::ffi_output::error_text;
use super::frame_counter::FrameCounter;
use super::frame_export::FrameExport;
use super::surface_choice::Placement;
use crate::frame::{Frame, FrameInfo, Pts, Rational, SideData, TimeBase, rescale};
use ffmpeg_next::Packet;
use ffmpeg_next::frame::Video;
use std::collections::BTreeMap;

/// How frames' time stamps become an encoder's.
pub(super) enum Clock {
    /// The encoder counts in the source's time base.
    Source,
    /// The encoder counts frames; the container keeps the source's time stamps or counts frames too.
    Counter(FrameCounter),
}

/// Why a frame was not encoded.
#[derive(Debug)]
pub(super) enum EncodeError {
    /// FFmpeg's error code.
    Encoder(i32),
    /// A frame at this time stamp falls between two frames of the fixed rate.
    OffGrid(Pts, Rational),
}

/// A frame inside the encoder.
struct Timing {
    pts: Pts,
    duration: i64,
}

/// An encoder with its clock and its packing.
pub(super) struct VideoTrack {
    encoder: Encoder,
    export: FrameExport,
    clock: Clock,
    placement: Placement,
    /// Frames that went to the encoder on its device.
    on_device: u64,
    source: TimeBase,
    /// Usual duration, for frames that do not know theirs.
    usual_duration: i64,
    in_flight: BTreeMap<Pts, Timing>,
    /// The last frame's time stamps, for the encoder and of the source.
    last: Option<(Pts, Pts)>,
    /// The last frame, where it may have to be repeated.
    newest: Option<Frame>,
    frames: u64,
}

impl VideoTrack {
    pub(super) fn new(
        encoder: Encoder,
        export: FrameExport,
        (clock, placement): (Clock, Placement),
        source: TimeBase,
        frame_rate: Rational,
    ) -> Self {
        let usual_duration =
            if frame_rate.is_positive() { rescale(1, frame_rate.inverse(), source) } else { 0 };
        let in_flight = BTreeMap::new();
        Self {
            encoder,
            export,
            clock,
            placement,
            on_device: 0,
            source,
            usual_duration,
            in_flight,
            last: None,
            newest: None,
            frames: 0,
        }
    }

    pub(super) fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// Frames encoded.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Where the encoder gets its pictures.
    pub(super) fn placement(&self) -> &Placement {
        &self.placement
    }

    /// Frames that went to the encoder on its device.
    pub(super) fn frames_on_device(&self) -> u64 {
        self.on_device
    }

    /// Time base of the packets that come out.
    pub(super) fn packet_time_base(&self) -> TimeBase {
        match &self.clock {
            Clock::Counter(counter) if counter.container() != Counting::No => counter.rate().inverse(),
            _ => self.source,
        }
    }

    /// Gaps that were too long to be filled, see [`FrameCounter::missing`].
    pub(super) fn unfilled(&self) -> u64 {
        match &self.clock {
            Clock::Counter(counter) => counter.unfilled(),
            Clock::Source => 0,
        }
    }

    /// The frames to be encoded before one at `pts`: the one before it again, where readers count frames.
    pub(super) fn missing_before(&mut self, pts: Pts) -> impl Iterator<Item = Frame> + use<> {
        let missing = match (&mut self.clock, self.last) {
            (Clock::Counter(counter), Some((last, _))) => Some(counter.missing(last, pts)),
            _ => None,
        };
        self.newest
            .take()
            .into_iter()
            .zip(missing)
            .flat_map(|(newest, missing)| missing.map(move |pts| repeated(&newest, pts)))
    }

    /// Hands a frame to the encoder.
    pub(super) fn send(&mut self, frame: &Frame) -> Result<(), EncodeError> {
        let encoder_pts = self.encoder_pts(frame.info.pts)?;
        if let Some((last_encoder_pts, last_pts)) = self.last {
            self.learn_duration(last_encoder_pts, frame.info.pts.saturating_sub(last_pts));
        }
        self.last = Some((encoder_pts, frame.info.pts));
        let timing = Timing { pts: frame.info.pts, duration: frame.info.duration };
        self.in_flight.insert(encoder_pts, timing);
        let sent = match self.copy_on_device(frame, encoder_pts) {
            Some(surface) => {
                self.on_device += 1;
                self.encoder.send_surface(&surface)
            }
            None => self.send_from_host(frame, encoder_pts),
        };
        sent.map_err(EncodeError::Encoder)?;
        self.frames += 1;
        self.newest = self.is_complete().then(|| frame.clone());
        Ok(())
    }

    /// Whether readers of the container need each frame.
    fn is_complete(&self) -> bool {
        matches!(&self.clock, Clock::Counter(counter) if counter.container() == Counting::Complete)
    }

    fn send_from_host(&mut self, frame: &Frame, encoder_pts: Pts) -> Result<(), i32> {
        let picture = self.encoder.writable_picture()?;
        self.export.fill(frame, picture);
        picture.set_pts(encoder_pts);
        picture.set_side_data(&frame.info.side_data)?;
        self.encoder.send_picture()
    }

    /// The frame as a picture on the encoder's device, if it lies there.
    fn copy_on_device(&mut self, frame: &Frame, encoder_pts: Pts) -> Option<Video> {
        let surface = self.placement.surface.as_ref()?;
        let problem = match self.encoder.copy_on_device(frame, surface, encoder_pts) {
            Ok(Some(copy)) if self.is_right(&copy, frame) => return Some(copy),
            Ok(Some(_)) => "they come out different".to_owned(),
            Ok(None) => {
                let problem = || "frames came in host memory".to_owned();
                self.placement.problem.get_or_insert_with(problem);
                return None;
            }
            Err(code) => error_text(code),
        };
        let problem = format!("pictures cannot be copied on the device ({problem})");
        tracing::warn!("{problem}; they go through host memory");
        self.placement = Placement::in_host_memory(problem);
        None
    }

    /// Compares the first copy with what goes through host memory: not every version of FFmpeg tells that a copy failed.
    fn is_right(&mut self, copy: &Video, frame: &Frame) -> bool {
        if self.on_device > 0 {
            return true;
        }
        let Ok(picture) = self.encoder.writable_picture() else { return false };
        self.export.fill(frame, picture);
        picture.has_samples_of(copy)
    }

    fn encoder_pts(&mut self, pts: Pts) -> Result<Pts, EncodeError> {
        let wanted = match &mut self.clock {
            Clock::Source => pts,
            Clock::Counter(counter) => {
                counter.number(pts).ok_or(EncodeError::OffGrid(pts, counter.rate()))?
            }
        };
        // Encoders refuse a time stamp twice; a damaged input may have one.
        Ok(self.last.map_or(wanted, |(last, _)| wanted.max(last.saturating_add(1))))
    }

    /// A frame without a duration lasts until the next.
    fn learn_duration(&mut self, encoder_pts: Pts, until_next: i64) {
        if until_next <= 0 {
            return;
        }
        if let Some(timing) = self.in_flight.get_mut(&encoder_pts).filter(|timing| timing.duration <= 0) {
            timing.duration = until_next;
        }
        if self.usual_duration <= 0 {
            self.usual_duration = until_next;
        }
    }

    /// Says that no more frames come.
    pub(super) fn send_end(&mut self) -> Result<(), i32> {
        self.encoder.send_end()
    }

    /// The next packet that is ready, its times in [`VideoTrack::packet_time_base`].
    pub(super) fn receive(&mut self) -> Result<Option<Packet>, i32> {
        let Some(mut packet) = self.encoder.receive()? else { return Ok(None) };
        let timing = packet.pts().and_then(|pts| self.in_flight.remove(&pts));
        let duration = timing.as_ref().map_or(0, |timing| timing.duration);
        let duration = if duration > 0 { duration } else { self.usual_duration };
        match &self.clock {
            Clock::Source => packet.set_duration(duration),
            Clock::Counter(counter) if counter.container() != Counting::No => {
                let first = counter.origin_number();
                packet.set_pts(packet.pts().map(|pts| pts.saturating_add(first)));
                packet.set_dts(packet.dts().map(|dts| dts.saturating_add(first)));
                packet.set_duration(1);
            }
            Clock::Counter(counter) => {
                let pts = timing.map(|timing| timing.pts).or(packet.pts());
                let decoded = |number| {
                    rescale(number, counter.rate().inverse(), self.source).saturating_add(counter.origin())
                };
                let dts = packet.dts().map(decoded).map(|dts| pts.map_or(dts, |pts| dts.min(pts)));
                packet.set_pts(pts);
                packet.set_dts(dts);
                packet.set_duration(duration);
            }
        }
        Ok(Some(packet))
    }
}

/// The frame at another time. Its captions are shown once.
fn repeated(frame: &Frame, pts: Pts) -> Frame {
    let side_data = frame.info.side_data.iter().filter(|data| data.kind != SideData::CAPTIONS).cloned();
    let info = FrameInfo { pts, duration: 0, side_data: side_data.collect(), ..frame.info.clone() };
    Frame { info, data: frame.data.clone() }
}
