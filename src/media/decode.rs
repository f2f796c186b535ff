//! Decoding of the processed video stream.

use super::MediaError;
use super::ffi_frame;
use super::ffi_hwaccel::{self, Device};
use super::ffi_input::{self, StreamFacts};
use super::hwaccel::{HardwareDecoding, device_for};
use crate::frame::Pts;
use ffmpeg::frame::Video;
use ffmpeg_next as ffmpeg;

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

/// The decoder of one video stream.
pub(super) struct Decoder {
    decoder: ffmpeg::decoder::Video,
    input: String,
    stream: usize,
    codec: String,
    /// Where it is to decode, if not on the processor.
    device: Option<Device>,
    /// The kind of device of the last picture that did not come from the processor.
    used: Option<&'static str>,
    /// True once a picture came from the processor in spite of a device.
    has_declined: bool,
    /// Emptied pictures for reuse.
    spare: Vec<Video>,
    drained: bool,
}

impl Decoder {
    /// Opens the decoder of `stream`. `threads` and `hardware` as in [`super::InputOptions`].
    ///
    /// # Errors
    /// [`MediaError::Input`] if FFmpeg has no decoder for the codec or the decoder refuses the stream;
    /// [`MediaError::Option`] if a device that was named does not work.
    pub(super) fn open(
        input: &str,
        stream: &StreamFacts,
        threads: Option<usize>,
        hardware: &HardwareDecoding,
    ) -> Result<Self, MediaError> {
        let failed = |problem: String, remedy: &str| MediaError::Input {
            input: input.to_owned(),
            problem,
            remedy: remedy.to_owned(),
        };
        let Some(codec) = find_codec(stream) else {
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
        let mut context =
            ffmpeg::codec::Context::from_parameters(stream.parameters.clone()).map_err(refused)?;
        ffi_input::set_threads(&mut context, threads.unwrap_or(0));
        let device = device_for(input, &codec, hardware)?;
        if let Some(device) = &device {
            device.attach(&mut context);
        }
        let mut decoder = context.decoder();
        decoder.set_packet_time_base(ffmpeg::Rational::new(stream.time_base.num, stream.time_base.den));
        let decoder = decoder.open_as(codec).and_then(|opened| opened.video()).map_err(refused)?;
        Ok(Self {
            decoder,
            input: input.to_owned(),
            stream: stream.index,
            codec: codec.name().to_owned(),
            device,
            used: None,
            has_declined: false,
            spare: Vec::new(),
            drained: false,
        })
    }

    /// The stream that this decodes.
    pub(super) fn stream(&self) -> usize {
        self.stream
    }

    /// Its name, and the kind of device that it has decoded on.
    pub(super) fn decoding(&self) -> (&str, Option<&'static str>) {
        (&self.codec, self.used)
    }

    /// Gives the decoder a packet. False if it must be asked for pictures first.
    ///
    /// # Errors
    /// What the decoder says of damaged data.
    pub(super) fn send(&mut self, packet: &ffmpeg::Packet) -> Result<bool, ffmpeg::Error> {
        if !ffi_input::has_payload(packet) {
            return Ok(true);
        }
        match self.decoder.send_packet(packet) {
            Ok(()) => Ok(true),
            Err(error) if ffi_input::is_again(error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Tells the decoder that no packet follows.
    pub(super) fn finish(&mut self) {
        // A decoder that is already draining says so; it gives out what it has either way.
        let _ = self.decoder.send_eof();
    }

    /// Takes the next picture into `picture`.
    pub(super) fn receive(&mut self, picture: &mut Video) -> Received {
        if self.drained {
            return Received::Drained;
        }
        match self.decoder.receive_frame(picture) {
            Ok(()) => match self.bring_to_host(picture) {
                Ok(()) => {
                    Received::Picture { is_damaged: picture.is_corrupt() || picture.has_decode_errors() }
                }
                Err(_) => Received::Damaged,
            },
            Err(ffmpeg::Error::Eof) => {
                self.drained = true;
                Received::Drained
            }
            Err(error) if ffi_input::is_again(error) => Received::Hungry,
            Err(_) => Received::Damaged,
        }
    }

    /// Takes a picture off the device, if it is on one.
    fn bring_to_host(&mut self, picture: &mut Video) -> Result<(), ffmpeg::Error> {
        let Some(kind) = self.device.as_ref().map(|device| device.kind().name()) else { return Ok(()) };
        if !ffi_hwaccel::is_on_device(picture) {
            // FFmpeg goes on by itself where a device declines a sequence.
            if !std::mem::replace(&mut self.has_declined, true) {
                let (input, codec) = (&self.input, &self.codec);
                tracing::warn!("{input}: {kind} declines this {codec} stream; the processor decodes it");
            }
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

/// FFmpeg's decoder for a stream; for VP8 and VP9 with alpha the one that decodes alpha, where it is built in.
fn find_codec(stream: &StreamFacts) -> Option<ffmpeg::Codec> {
    let has_alpha =
        stream.metadata.iter().any(|(key, value)| key.eq_ignore_ascii_case("alpha_mode") && value == "1");
    let with_alpha = match stream.codec.as_str() {
        "vp8" if has_alpha => ffmpeg::decoder::find_by_name("libvpx"),
        "vp9" if has_alpha => ffmpeg::decoder::find_by_name("libvpx-vp9"),
        _ => None,
    };
    with_alpha.or_else(|| ffmpeg::decoder::find(stream.parameters.id()))
}
