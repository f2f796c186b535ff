//! An output with a container: one encoded video stream among the streams that are passed through.

use super::container::{
    Destination, M2TS_OPTION, check_holds_video, choose_destination, choose_format, is_m2ts, write_error,
};
use super::copy::{Fate, decide_fates, is_mp4_family, refused_header};
use super::delay::Delay;
use super::encode::{EncodeError, VideoTrack};
use super::encoder_choice::choose_encoder;
use super::ffi_output::{Muxer, OutputFormat, error_text, shared_packet};
use super::metadata::{global_tags, rotation_note};
use super::options::OutputOptions;
use super::output_streams::{OutputStreams, Track};
use super::stream::{Chapter, CopyPacket, Delivered, InputDescription, Interrupt, SinkReport, StreamKind};
use super::video_open::open_video;
use crate::error::MediaError;
use crate::frame::{Frame, Rational, SurfaceLayout, TimeBase};
use ffmpeg_next::Packet;
use ffmpeg_next::ffi::{
    AVERROR_EXIT, AVERROR_INVALIDDATA, AVERROR_PATCHWELCOME, AVFMT_AVOID_NEG_TS_DISABLED,
};

/// A muxer with its tracks.
pub(super) struct MuxedSink {
    // Dropped before the destination, whose file it holds open.
    muxer: Muxer,
    destination: Destination,
    location: String,
    video: VideoTrack,
    streams: OutputStreams,
    delay: Delay,
    /// The last packet, where frames that are missing must be repeated because readers count them.
    repeater: Option<Repeater>,
    packets: u64,
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
        let repeater = (format.name() == "yuv4mpegpipe").then(Repeater::default);
        let location = location.to_owned();
        let mut sink = Self {
            muxer,
            destination,
            location,
            video,
            streams,
            delay,
            repeater,
            packets: 0,
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
        self.video.send(frame).map_err(|error| self.encode_error(error))?;
        self.write_encoded()
    }

    fn write_encoded(&mut self) -> Result<(), MediaError> {
        loop {
            let received = self.video.receive();
            let Some(packet) = received.map_err(|code| self.encode_error(EncodeError::Encoder(code)))? else {
                return Ok(());
            };
            let packets = match &mut self.repeater {
                Some(repeater) => repeater.fill_gap(packet),
                None => Ok(vec![packet]),
            };
            for packet in packets.map_err(|code| write_error(&self.location, code))? {
                self.mux_video(packet)?;
            }
        }
    }

    fn mux_video(&mut self, mut packet: Packet) -> Result<(), MediaError> {
        let index = self.streams.video_index();
        let (from, to) = (self.video.packet_time_base(), self.streams.video_time_base());
        let late = self.delay.in_ticks_of(from);
        packet.set_pts(packet.pts().map(|pts| pts + late));
        packet.set_dts(packet.dts().map(|dts| dts + late));
        packet.rescale_ts((from.num, from.den), (to.num, to.den));
        packet.set_stream(index);
        packet.set_position(-1);
        self.mux(packet)
    }

    fn mux(&mut self, mut packet: Packet) -> Result<(), MediaError> {
        self.muxer.write(&mut packet).map_err(|code| write_error(&self.location, code))
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
    fn mux_copy(&mut self, mut packet: Packet) -> Result<(), MediaError> {
        match self.muxer.write(&mut packet) {
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
                remedy: "without --strict, damage is skipped and counted".to_owned(),
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
        self.video.send_end().map_err(|code| self.encode_error(EncodeError::Encoder(code)))?;
        self.write_encoded()?;
        let failed = |code| write_error(&self.location, code);
        self.muxer.write_trailer().map_err(failed)?;
        self.muxer.close().map_err(failed)?;
        let bytes = match &mut self.destination {
            Destination::File(file) => {
                file.complete()?;
                file.size()
            }
            Destination::Direct(_) => None,
        };
        let settings = self.video.encoder().settings();
        Ok(SinkReport {
            frames: self.video.frames(),
            packets: self.packets,
            damaged: self.damaged,
            bytes,
            encoder: settings.codec.name().to_owned(),
            pixel_format: settings.layout.name.to_owned(),
            frames_on_device: self.video.frames_on_device(),
            device_problem: self.video.placement().problem.clone(),
        })
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
                "use -o x.mkv with --codec libx264, which store any time stamp",
            ),
        };
        MediaError::Output { output: self.location.clone(), problem, remedy: remedy.to_owned() }
    }
}

/// Why there is no header.
enum HeaderFailure {
    /// The file or connection failed, with FFmpeg's error code.
    Output(i32),
    /// The muxer refuses what it was given.
    Refused(i32),
    /// The muxer has to go back to its beginning, and the output cannot.
    NotSeekable,
    /// Nothing took these options.
    UnknownOptions(Vec<String>),
}

fn write_header(
    muxer: &mut Muxer,
    location: &str,
    destination: &Destination,
    options: &OutputOptions,
    video: TimeBase,
) -> Result<(), HeaderFailure> {
    let settings = muxer_options(muxer, location, options, video);
    muxer.open(&destination.location()).map_err(HeaderFailure::Output)?;
    match muxer.write_header(&settings) {
        Ok(unknown) if unknown.is_empty() => Ok(()),
        Ok(unknown) => Err(HeaderFailure::UnknownOptions(unknown)),
        Err(code) if code != AVERROR_EXIT && muxer.is_output_sound() => {
            let is_whole =
                !settings.iter().any(|(key, value)| key.contains("frag") || value.contains("frag"));
            let goes_back = is_mp4_family(muxer.format()) && is_whole;
            Err(match goes_back && !muxer.is_seekable() {
                true => HeaderFailure::NotSeekable,
                false => HeaderFailure::Refused(code),
            })
        }
        Err(code) => Err(HeaderFailure::Output(code)),
    }
}

impl HeaderFailure {
    fn explain(
        &self,
        format: OutputFormat,
        location: &str,
        options: &OutputOptions,
        input: &InputDescription,
        fates: &[Fate],
    ) -> MediaError {
        match self {
            Self::Output(code) => write_error(location, *code),
            Self::Refused(code) => refused_header(format, *code, options, input, fates),
            Self::NotSeekable => MediaError::Output {
                output: location.to_owned(),
                problem: format!("{} goes back to its beginning at the end, and pipes cannot", format.name()),
                remedy: "use matroska, mpegts or nut, or add --muxer-opt movflags=frag_keyframe+empty_moov"
                    .to_owned(),
            },
            Self::UnknownOptions(names) => MediaError::Option {
                option: "--muxer-opt".to_owned(),
                problem: format!("{} does not know {}", format.name(), names.join(", ")),
                remedy: format!("`ffmpeg -h muxer={}` lists its options", format.name()),
            },
        }
    }
}

/// Our defaults for the muxer, then the user's.
fn muxer_options(
    muxer: &mut Muxer,
    location: &str,
    options: &OutputOptions,
    video: TimeBase,
) -> Vec<(String, String)> {
    let mut settings: Vec<(String, String)> = Vec::new();
    if muxer.format().name() == "mpegts" {
        // Otherwise every time stamp is put off by 1.4 s.
        muxer.set_max_delay(0);
        muxer.set_avoid_negative_ts(AVFMT_AVOID_NEG_TS_DISABLED);
        settings.push(("mpegts_copyts".to_owned(), "1".to_owned()));
    }
    if is_m2ts(muxer.format(), location, options) {
        settings.push((M2TS_OPTION.to_owned(), "1".to_owned()));
    }
    if matches!(muxer.format().name(), "mp4" | "mov" | "ipod") {
        // Late starts are stored in ticks of the movie, whose default of a millisecond rounds them.
        settings.push(("movie_timescale".to_owned(), video.den.max(1000).to_string()));
    }
    settings.extend(options.muxer_options.iter().cloned());
    settings
}

/// Repeats packets so that none is missing in a format whose readers count frames.
#[derive(Default)]
struct Repeater {
    last: Option<Packet>,
}

impl Repeater {
    /// Repetitions of the packet before, if there is a gap, and `packet`.
    fn fill_gap(&mut self, packet: Packet) -> Result<Vec<Packet>, i32> {
        let mut filled = Vec::new();
        if let (Some(last), Some(pts)) = (&self.last, packet.pts()) {
            for missing in last.pts().map_or(pts, |last| last + 1)..pts {
                let mut repeated = shared_packet(last)?;
                repeated.set_pts(Some(missing));
                repeated.set_dts(Some(missing));
                filled.push(repeated);
            }
        }
        self.last = Some(shared_packet(&packet)?);
        filled.push(packet);
        Ok(filled)
    }
}
