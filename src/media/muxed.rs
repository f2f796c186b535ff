//! An output with a container: one encoded video stream among the streams that are passed through.

use super::container::{Destination, check_holds_video, choose_destination, choose_format, write_error};
use super::copy::{Fate, decide_fates};
use super::delay::Delay;
use super::encode::{EncodeError, VideoTrack};
use super::encoder_choice::choose_encoder;
use super::ffi_output::{Muxer, error_text};
use super::header::write_header;
use super::metadata::{chapter_note, global_tags, rotation_note};
use super::options::{OutputOptions, WITHOUT_STRICT};
use super::output_streams::{OutputStreams, Track};
use super::room::Room;
use super::stream::{Chapter, CopyPacket, Delivered, InputDescription, Interrupt, SinkReport, StreamKind};
use super::video_open::open_video;
use crate::error::MediaError;
use crate::frame::{Frame, Rational, SurfaceLayout};
use ffmpeg_next::Packet;
use ffmpeg_next::ffi::{AVERROR_INVALIDDATA, AVERROR_PATCHWELCOME};
use ffmpeg_next::util::error as errno;

/// A muxer with its tracks.
pub(super) struct MuxedSink {
    // Dropped before the destination, whose file it holds open.
    muxer: Muxer,
    destination: Destination,
    location: String,
    video: VideoTrack,
    streams: OutputStreams,
    delay: Delay,
    packets: u64,
    /// Packets of all streams that the muxer took.
    muxed: u64,
    is_recording: bool,
    /// The trailer was written, or failed.
    is_ended: bool,
    /// For the end of a recording.
    room: Option<Room>,
    /// The input as the user named it.
    input: String,
    is_strict: bool,
    /// Packets that the muxer refused.
    damaged: u64,
}

/// What opening an output yields.
pub(super) struct Opened {
    pub(super) sink: MuxedSink,
    pub(super) delivered: Delivered,
    pub(super) notes: Vec<String>,
}

/// Size and shape of the frames to come.
#[derive(Clone, Copy)]
pub(super) struct Geometry {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) sample_aspect_ratio: Rational,
}

impl MuxedSink {
    /// Decides everything, opens the encoder and writes the header.
    pub(super) fn open(
        location: &str,
        options: &OutputOptions,
        input: &InputDescription,
        geometry: Geometry,
        interrupt: Interrupt,
    ) -> Result<Opened, MediaError> {
        let format = choose_format(location, options, input)?;
        check_holds_video(format, location, options)?;
        let mut notes = Vec::new();
        let fates = decide_fates(format, location, options, input, &mut notes)?;
        let mut choice = choose_encoder(format, options, input)?;
        let (width, height) = choice.encodable_size(geometry.width, geometry.height);
        choice.limit_memory(options, width, height);
        notes.append(&mut choice.notes);
        notes.extend(rotation_note(format, input));
        notes.extend(chapter_note(format, input));
        let delivered = Delivered {
            width,
            height,
            format: choice.delivered_format,
            color: input.video.color,
            sample_aspect_ratio: geometry.sample_aspect_ratio,
        };
        let destination = choose_destination(location, format, options, input)?;
        let video = open_video(format, choice, options, input, &delivered)?;
        let failed = |code| write_error(location, code);
        let mut muxer = Muxer::new(format, &destination.location(), interrupt).map_err(failed)?;
        let delay = Delay::choose(format, input, &fates);
        notes.extend(delay.note(format));
        let mut streams = OutputStreams::add(&mut muxer, &fates, input, &video, delay).map_err(failed)?;
        muxer.set_metadata(&global_tags(&input.metadata));
        for chapter in &input.chapters {
            let late = delay.in_ticks_of(chapter.time_base);
            let (start, end) = (chapter.start + late, chapter.end + late);
            muxer.add_chapter(&Chapter { start, end, ..chapter.clone() }).map_err(failed)?;
        }
        write_header(&mut muxer, location, &destination, options, video.packet_time_base())
            .map_err(|failure| failure.explain(format, location, options, input, &fates))?;
        streams.learn_time_bases(&muxer);
        let room = match &destination {
            Destination::File(file) if options.is_recording => Room::of(file.part()),
            _ => None,
        };
        let location = location.to_owned();
        let mut sink = Self {
            muxer,
            destination,
            location,
            video,
            streams,
            delay,
            packets: 0,
            muxed: 0,
            is_recording: options.is_recording,
            is_ended: false,
            room,
            input: input.location.clone(),
            is_strict: options.strict,
            damaged: 0,
        };
        sink.write_covers(input, &fates)?;
        Ok(Opened { sink, delivered, notes })
    }

    /// The output as the user named it.
    pub(super) fn location(&self) -> &str {
        &self.location
    }

    /// How frames lie that the encoder takes on their device.
    pub(super) fn surface(&self) -> Option<&SurfaceLayout> {
        self.video.placement().surface.as_ref()
    }

    /// Cover pictures are packets that come before all others.
    fn write_covers(&mut self, input: &InputDescription, fates: &[Fate]) -> Result<(), MediaError> {
        let covers = input.streams.iter().zip(fates).enumerate();
        let covers =
            covers.filter(|(_, (stream, fate))| stream.kind == StreamKind::Picture && **fate == Fate::Copy);
        for (position, (stream, _)) in covers {
            let Some(mut packet) = stream.picture.clone() else { continue };
            packet.set_pts(Some(0));
            packet.set_dts(Some(0));
            if let Some(index) = self.streams.output_index(position) {
                packet.set_stream(index);
                self.mux(packet)?;
                self.packets += 1;
            }
        }
        Ok(())
    }

    /// Encodes a frame and writes the packets that are ready.
    pub(super) fn write_frame(&mut self, frame: &Frame) -> Result<(), MediaError> {
        for missing in self.video.missing_before(frame.info.pts) {
            self.encode(&missing)?;
        }
        self.encode(frame)
    }

    fn encode(&mut self, frame: &Frame) -> Result<(), MediaError> {
        self.video.send(frame).map_err(|error| self.encode_error(error))?;
        self.write_encoded()
    }

    fn write_encoded(&mut self) -> Result<(), MediaError> {
        loop {
            let received = self.video.receive();
            let Some(packet) = received.map_err(|code| self.encode_error(EncodeError::Encoder(code)))? else {
                return Ok(());
            };
            self.mux_video(packet)?;
        }
    }

    fn mux_video(&mut self, mut packet: Packet) -> Result<(), MediaError> {
        let index = self.streams.video_index();
        let (from, to) = (self.video.packet_time_base(), self.streams.video_time_base());
        let late = self.delay.in_ticks_of(from);
        packet.set_pts(packet.pts().map(|pts| pts.saturating_add(late)));
        packet.set_dts(packet.dts().map(|dts| dts.saturating_add(late)));
        packet.rescale_ts((from.num, from.den), (to.num, to.den));
        packet.set_stream(index);
        packet.set_position(-1);
        self.mux(packet)
    }

    fn mux(&mut self, packet: Packet) -> Result<(), MediaError> {
        self.put(packet).map_err(|code| write_error(&self.location, code))
    }

    /// Gives a packet to the muxer, if there is room for what comes after it too.
    fn put(&mut self, mut packet: Packet) -> Result<(), i32> {
        if let Some(room) = &mut self.room {
            let kept = room.keep(self.muxer.position() + packet.size() as u64, self.muxed);
            kept.map_err(|error| full_code(&error))?;
        }
        self.muxer.write(&mut packet)?;
        self.muxed += 1;
        Ok(())
    }

    /// Passes a packet through.
    pub(super) fn write_packet(&mut self, packet: CopyPacket) -> Result<(), MediaError> {
        match self.streams.track_mut(packet.stream) {
            Some(Track::Copy(track)) => {
                if let Some(packet) = track.prepare(packet.packet) {
                    return self.mux_copy(packet);
                }
            }
            Some(Track::Count) => self.packets += 1,
            Some(Track::Video | Track::Nowhere) | None => {}
        }
        Ok(())
    }

    /// Writes a packet that is passed through, unless it is so damaged that the container cannot take it.
    fn mux_copy(&mut self, packet: Packet) -> Result<(), MediaError> {
        match self.put(packet) {
            Ok(()) => {
                self.packets += 1;
                Ok(())
            }
            // A filter of the muxer's own, such as that for AAC, could not read it, or took noise for something rare.
            Err(AVERROR_INVALIDDATA | AVERROR_PATCHWELCOME) if self.muxer.is_output_sound() => {
                self.note_damage()
            }
            Err(code) => Err(write_error(&self.location, code)),
        }
    }

    fn note_damage(&mut self) -> Result<(), MediaError> {
        let problem =
            format!("a packet beside the video is damaged: {} refuses it", self.muxer.format().name());
        if self.is_strict {
            return Err(MediaError::Input {
                input: self.input.clone(),
                problem,
                remedy: WITHOUT_STRICT.to_owned(),
            });
        }
        if self.damaged == 0 {
            tracing::warn!("{}: {problem}; such packets are skipped and counted", self.input);
        }
        self.damaged += 1;
        Ok(())
    }

    /// Drains the encoder, ends the file and gives it its name.
    pub(super) fn finish(mut self) -> Result<SinkReport, MediaError> {
        let ended = self.drain().and_then(|()| self.end());
        let bytes = match ended.and_then(|()| self.complete()) {
            Ok(bytes) => bytes,
            Err(error) => return Err(self.fail(error)),
        };
        let settings = self.video.encoder().settings();
        Ok(SinkReport {
            frames: self.video.frames(),
            unfilled: self.video.unfilled(),
            packets: self.packets,
            damaged: self.damaged,
            bytes,
            encoder: settings.codec.name().to_owned(),
            pixel_format: settings.layout.name.to_owned(),
            frames_on_device: self.video.frames_on_device(),
            device_problem: self.video.placement().problem.clone(),
        })
    }

    fn drain(&mut self) -> Result<(), MediaError> {
        self.video.send_end().map_err(|code| self.encode_error(EncodeError::Encoder(code)))?;
        self.write_encoded()
    }

    fn end(&mut self) -> Result<(), MediaError> {
        let is_ended = std::mem::replace(&mut self.is_ended, true);
        let written = if is_ended { Ok(()) } else { self.muxer.write_trailer() };
        written.and(self.muxer.close()).map_err(|code| write_error(&self.location, code))
    }

    /// Gives the file its name, and its size in bytes.
    fn complete(&mut self) -> Result<Option<u64>, MediaError> {
        let Destination::File(file) = &mut self.destination else { return Ok(None) };
        if let Some(room) = &self.room {
            room.release();
        }
        file.complete()?;
        Ok(file.size())
    }

    /// Gives up because of `error`. A recording's file is ended as far as possible and kept, which the error then says; any other
    /// is removed.
    pub(super) fn fail(mut self, error: MediaError) -> MediaError {
        let holds_something = self.is_recording && self.muxed > 0;
        if !holds_something || !matches!(self.destination, Destination::File(_)) {
            return error;
        }
        // Why it cannot be written any further is known.
        let _ = (self.video.send_end(), self.write_encoded());
        let is_ended = !self.is_ended && self.end().is_ok();
        if self.complete().is_err() {
            return error;
        }
        match error {
            MediaError::Output { output, problem, remedy } => {
                let kept =
                    if is_ended { "was completed and kept" } else { "is kept, though without its end" };
                MediaError::Output { output, problem: format!("{problem}; what came before {kept}"), remedy }
            }
            error => error,
        }
    }

    fn encode_error(&self, error: EncodeError) -> MediaError {
        let encoder = self.video.encoder().settings().codec.name();
        let (problem, remedy) = match error {
            EncodeError::Encoder(code) => {
                (format!("encoder {encoder} failed: {}", error_text(code)), "try another one with --codec")
            }
            EncodeError::OffGrid(pts, rate) => (
                format!(
                    "a frame at time stamp {pts} is not on the fixed rate of {rate} that {encoder} needs"
                ),
                "give the output a fixed rate with --fps, or use -o x.mkv with --codec libx264, which store any time stamp",
            ),
        };
        MediaError::Output { output: self.location.clone(), problem, remedy: remedy.to_owned() }
    }
}

/// FFmpeg's code of an error that says that there is no room.
fn full_code(error: &std::io::Error) -> i32 {
    let too_large = error.kind() == std::io::ErrorKind::FileTooLarge;
    let otherwise = if too_large { errno::EFBIG } else { errno::ENOSPC };
    error.raw_os_error().unwrap_or(otherwise).saturating_neg()
}
