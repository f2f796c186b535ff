//! Decoding of the processed video stream.

use super::MediaError;
use super::decoder_choice::Decoders;
use super::ffi_frame;
use super::ffi_hwaccel::{self, Device};
use super::ffi_input::{self, StreamFacts};
use super::ffi_surfaces::Surfaces;
use super::hardware_trial::Trial;
use super::hwaccel::{Chosen, choose};
use super::options::InputOptions;
use crate::frame::{MemoryPlace, Pts, TimeBase};
use ffmpeg::frame::Video;
use ffmpeg_next as ffmpeg;
use std::collections::VecDeque;

/// A decoded picture with its place in time.
pub(super) struct Decoded {
    pub(super) picture: Video,
    /// In ticks of the stream's time base.
    pub(super) pts: Pts,
    /// In the same ticks; 0 if unknown.
    pub(super) duration: i64,
    pub(super) is_damaged: bool,
}

/// What a decoder says when asked for a picture.
pub(super) enum Received {
    /// A picture; true if it is damaged but shown.
    Picture { is_damaged: bool },
    /// It needs another packet.
    Hungry,
    /// All pictures were given out.
    Drained,
    /// It met damaged data.
    Damaged,
}

/// What decodes a stream.
pub(super) struct Decoding<'a> {
    /// FFmpeg's name.
    pub(super) decoder: &'a str,
    /// The kind of device that it has decoded on.
    pub(super) hardware: Option<&'static str>,
    /// Why the processor decodes although a device was asked for.
    pub(super) problem: Option<&'a str>,
}

/// The decoder of one video stream.
pub(super) struct Decoder {
    decoder: ffmpeg::decoder::Video,
    input: String,
    stream: usize,
    setup: Setup,
    decoders: Decoders,
    name: String,
    /// Where it is to decode, if not on the processor.
    device: Option<Device>,
    /// The kind of device of the last picture that did not come from the processor.
    used: Option<&'static str>,
    /// Why the processor decodes although a device was asked for.
    problem: Option<String>,
    /// Where there is a device: what it was given, until a picture has come.
    trial: Option<Trial>,
    /// Packets that a decoder in hardware made nothing of, and this one gets before any other.
    again: VecDeque<ffmpeg::Packet>,
    /// No packet follows.
    is_finishing: bool,
    /// The decoder knows that.
    has_finished: bool,
    /// Damage that was met, and that [`Decoder::receive`] has not told yet.
    untold: u64,
    /// Pictures stay on their device, as copies that do not fill the decoder's own pool.
    stays: bool,
    surfaces: Option<Surfaces>,
    /// Emptied pictures for reuse.
    spare: Vec<Video>,
    drained: bool,
}

impl Decoder {
    /// Opens the decoder of `stream`. Of `options`, threads and hardware are heeded.
    ///
    /// # Errors
    /// [`MediaError::Input`] if FFmpeg has no decoder for the codec or the decoder refuses the stream;
    /// [`MediaError::Option`] if a device that was named does not work.
    pub(super) fn open(
        input: &str,
        stream: &StreamFacts,
        options: &InputOptions,
    ) -> Result<Self, MediaError> {
        let failed = |problem: String, remedy: &str| MediaError::Input {
            input: input.to_owned(),
            problem,
            remedy: remedy.to_owned(),
        };
        let Some(decoders) = Decoders::of(stream) else {
            return Err(failed(
                format!("this FFmpeg has no decoder for the video codec {}", stream.codec),
                "convert the input to a common codec first, or use an FFmpeg build with that decoder",
            ));
        };
        let refused = |error: ffmpeg::Error| {
            failed(
                format!("the {} decoder refuses the video stream ({error})", stream.codec),
                "the file is damaged or uses an unsupported variant; check that it plays elsewhere",
            )
        };
        let setup = Setup {
            parameters: stream.parameters.clone(),
            time_base: stream.time_base,
            threads: options.threads,
            low_delay: options.low_delay,
        };
        let Chosen { mut codec, mut device, mut problem } = choose(input, &decoders, &options.hardware)?;
        let mut opened = setup.open(codec, device.as_ref());
        if let (Err(error), Some(failed)) = (&opened, &device) {
            let reason = format!("{} cannot be opened ({error})", codec.name());
            problem = Some(tell_take_over(input, &decoders, failed, &reason));
            (codec, device) = (decoders.usual, None);
            opened = setup.open(codec, None);
        }
        let decoder = opened.map_err(refused)?;
        Ok(Self {
            decoder,
            input: input.to_owned(),
            stream: stream.index,
            setup,
            decoders,
            name: codec.name().to_owned(),
            trial: device.is_some().then(Trial::default),
            device,
            used: None,
            problem,
            again: VecDeque::new(),
            is_finishing: false,
            has_finished: false,
            untold: 0,
            stays: false,
            surfaces: None,
            spare: Vec::new(),
            drained: false,
        })
    }

    /// The stream that this decodes.
    pub(super) fn stream(&self) -> usize {
        self.stream
    }

    /// What decodes it.
    pub(super) fn decoding(&self) -> Decoding<'_> {
        Decoding { decoder: &self.name, hardware: self.used, problem: self.problem.as_deref() }
    }

    /// Gives the decoder a packet. False if it must be asked for pictures first.
    ///
    /// # Errors
    /// What the decoder says of damaged data.
    pub(super) fn send(&mut self, packet: &ffmpeg::Packet) -> Result<bool, ffmpeg::Error> {
        if !ffi_input::has_payload(packet) {
            return Ok(true);
        }
        self.send_again();
        if !self.again.is_empty() {
            return Ok(false);
        }
        let sent = match self.decoder.send_packet(packet) {
            Err(error) if ffi_input::is_again(error) => return Ok(false),
            sent => sent,
        };
        let Some(trial) = &mut self.trial else { return sent.map(|()| true) };
        let Some(shared) = ffi_input::share(packet) else {
            return Err(ffmpeg::Error::Other { errno: ffmpeg::error::ENOMEM });
        };
        trial.keep(shared);
        if let Err(error) = sent {
            trial.fail(error);
        }
        self.judge();
        Ok(true)
    }

    /// Tells the decoder that no packet follows.
    pub(super) fn finish(&mut self) {
        self.is_finishing = true;
        self.send_again();
    }

    /// Sends what was kept for this decoder, then the end of the stream, as far as it has room. True if it took any.
    fn send_again(&mut self) -> bool {
        let mut has_taken = false;
        while let Some(packet) = self.again.front() {
            match self.decoder.send_packet(packet) {
                Err(error) if ffi_input::is_again(error) => return has_taken,
                sent => self.untold += u64::from(sent.is_err()),
            }
            self.again.pop_front();
            has_taken = true;
        }
        if self.is_finishing && !self.has_finished {
            // A decoder that is already draining says so; it gives out what it has either way.
            let _ = self.decoder.send_eof();
            self.has_finished = true;
            has_taken = true;
        }
        has_taken
    }

    /// Takes the next picture into `picture`.
    pub(super) fn receive(&mut self, picture: &mut Video) -> Received {
        loop {
            if let Some(left) = self.untold.checked_sub(1) {
                self.untold = left;
                return Received::Damaged;
            }
            if self.drained {
                return Received::Drained;
            }
            match self.decoder.receive_frame(picture).and_then(|()| self.settle(picture)) {
                Ok(()) => {
                    self.untold += self.trial.take().map_or(0, |trial| trial.failures());
                    return Received::Picture {
                        is_damaged: picture.is_corrupt() || picture.has_decode_errors(),
                    };
                }
                Err(error) if ffi_input::is_again(error) => {
                    if !self.send_again() {
                        return Received::Hungry;
                    }
                }
                Err(ffmpeg::Error::Eof) => match self.trial.as_ref().and_then(Trial::verdict_at_end) {
                    Some(reason) => self.take_over(&reason),
                    None => self.drained = true,
                },
                Err(error) => match &mut self.trial {
                    Some(trial) => {
                        trial.fail(error);
                        self.judge();
                    }
                    None => return Received::Damaged,
                },
            }
        }
    }

    fn judge(&mut self) {
        if let Some(reason) = self.trial.as_ref().and_then(Trial::verdict) {
            self.take_over(&reason);
        }
    }

    /// Goes on with the processor's decoder, from the first packet on, as no picture has come from the device.
    fn take_over(&mut self, reason: &str) {
        let (Some(trial), Some(device)) = (self.trial.take(), self.device.take()) else { return };
        self.problem = Some(tell_take_over(&self.input, &self.decoders, &device, reason));
        match self.setup.open(self.decoders.usual, None) {
            Ok(decoder) => {
                self.decoder = decoder;
                self.name = self.decoders.usual.name().to_owned();
                self.again = trial.into_packets();
                self.has_finished = false;
            }
            Err(error) => {
                tracing::warn!("{}: {} cannot be opened ({error})", self.input, self.decoders.usual.name());
                self.untold += trial.failures();
            }
        }
    }

    /// Leaves pictures on their device from now on, if its memory is at `place`; true if so.
    pub(super) fn keep_on_device(&mut self, place: MemoryPlace) -> bool {
        self.stays = self.device.as_ref().and_then(Device::place) == Some(place);
        self.stays
    }

    /// A copy of a picture on its device, where that is wanted and there is memory. What is interlaced must be filtered by the
    /// processor.
    fn kept(&mut self, picture: &Video) -> Option<Video> {
        let device = self.device.as_ref().filter(|_| self.stays && !picture.is_interlaced())?;
        if !self.surfaces.as_ref().is_some_and(|surfaces| surfaces.fit(picture)) {
            self.surfaces = Surfaces::like(device, picture).ok();
        }
        self.surfaces.as_ref()?.copy(picture).ok()
    }

    /// Takes a picture off the device, if it is on one and does not stay there.
    fn settle(&mut self, picture: &mut Video) -> Result<(), ffmpeg::Error> {
        let Some(kind) = self.device.as_ref().map(|device| device.kind().name()) else { return Ok(()) };
        if !ffi_hwaccel::is_on_device(picture) {
            // FFmpeg goes on by itself where a device declines a sequence and the decoder knows both ways.
            if self.problem.is_none() {
                let problem = format!("{kind} declines this {} stream", self.decoders.codec);
                tracing::warn!("{}: {problem}; the processor decodes it", self.input);
                self.problem = Some(problem);
            }
            return Ok(());
        }
        if let Some(copy) = self.kept(picture) {
            *picture = copy;
            self.used = Some(kind);
            return Ok(());
        }
        let mut host = self.blank();
        let brought = ffi_hwaccel::download(picture, &mut host);
        std::mem::swap(picture, &mut host);
        self.recycle(host);
        brought.map(|()| self.used = Some(kind))
    }

    /// Forgets everything, after a seek.
    pub(super) fn reset(&mut self) {
        self.decoder.flush();
        self.trial = self.trial.take().map(|_| Trial::default());
        self.again.clear();
        self.is_finishing = false;
        self.has_finished = false;
        self.untold = 0;
        self.drained = false;
    }

    /// An empty picture.
    pub(super) fn blank(&mut self) -> Video {
        self.spare.pop().unwrap_or_else(Video::empty)
    }

    /// Takes a used picture back.
    pub(super) fn recycle(&mut self, mut picture: Video) {
        ffi_frame::clear(&mut picture);
        self.spare.push(picture);
    }
}

/// What it takes to open a decoder of a stream.
struct Setup {
    parameters: ffmpeg::codec::Parameters,
    time_base: TimeBase,
    threads: Option<usize>,
    low_delay: bool,
}

impl Setup {
    fn open(
        &self,
        codec: ffmpeg::Codec,
        device: Option<&Device>,
    ) -> Result<ffmpeg::decoder::Video, ffmpeg::Error> {
        let mut context = ffmpeg::codec::Context::from_parameters(self.parameters.clone())?;
        ffi_input::set_threads(&mut context, self.threads.unwrap_or(0), self.low_delay);
        if let Some(device) = device {
            device.attach(&mut context);
        }
        let mut decoder = context.decoder();
        decoder.set_packet_time_base(ffmpeg::Rational::new(self.time_base.num, self.time_base.den));
        decoder.open_as(codec)?.video()
    }
}

/// Says that the processor decodes instead of a device; returns why.
fn tell_take_over(input: &str, decoders: &Decoders, device: &Device, reason: &str) -> String {
    let problem =
        format!("{} does not decode this {} stream: {reason}", device.kind().name(), decoders.codec);
    tracing::warn!("{input}: {problem}; {} on the processor takes over", decoders.usual.name());
    problem
}
