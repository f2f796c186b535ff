//! Which of FFmpeg's decoders of a codec decodes a stream, on the processor or on a device.

use super::ffi_hwaccel::{DeviceKind, decoders_of};
use super::ffi_input::StreamFacts;
use ffmpeg::Codec;
use ffmpeg_next as ffmpeg;

/// FFmpeg's decoders of one stream.
pub(super) struct Decoders {
    /// FFmpeg's name of the codec.
    pub(super) codec: String,
    /// The one that decodes on the processor. Many of FFmpeg's own can work on devices too.
    pub(super) usual: Codec,
    /// All that keep what is in the stream.
    all: Vec<Codec>,
}

impl Decoders {
    /// Those of a stream; `None` if this FFmpeg has none.
    pub(super) fn of(stream: &StreamFacts) -> Option<Self> {
        if let Some(usual) = alpha_decoder(stream) {
            // No other gives out what lies in the alpha channel.
            return Some(Self { codec: stream.codec.clone(), usual, all: vec![usual] });
        }
        let usual = ffmpeg::decoder::find(stream.parameters.id())?;
        Some(Self::with_usual(usual, &stream.codec))
    }

    /// All decoders of the codec that `usual` decodes.
    pub(super) fn with_usual(usual: Codec, codec: &str) -> Self {
        Self { codec: codec.to_owned(), usual, all: decoders_of(usual.id()) }
    }

    /// The decoder that works on devices of this kind. For AV1 it is another than the usual one, and can do nothing else.
    pub(super) fn on(&self, kind: DeviceKind) -> Option<Codec> {
        prefer(self.usual, &self.all, |codec| kind.decodes(codec))
    }
}

/// The decoder that decodes the alpha of VP8 and VP9, if the stream has one and it is built in.
fn alpha_decoder(stream: &StreamFacts) -> Option<Codec> {
    let has_alpha =
        stream.metadata.iter().any(|(key, value)| key.eq_ignore_ascii_case("alpha_mode") && value == "1");
    match stream.codec.as_str() {
        "vp8" if has_alpha => ffmpeg::decoder::find_by_name("libvpx"),
        "vp9" if has_alpha => ffmpeg::decoder::find_by_name("libvpx-vp9"),
        _ => None,
    }
}

/// The usual one if it suits, else the first of all that does.
fn prefer<T: Copy>(usual: T, all: &[T], suits: impl Fn(&T) -> bool) -> Option<T> {
    std::iter::once(&usual).chain(all).find(|one| suits(one)).copied()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::print_stdout, reason = "a test says why it is skipped")]

    use super::super::library;
    use super::*;

    #[test]
    fn the_usual_decoder_is_preferred_and_the_first_in_order_comes_next() {
        let all = ["libdav1d", "libaom-av1", "av1", "av1_qsv"];
        assert_eq!(prefer("libdav1d", &all, |name| name.starts_with("av1")), Some("av1"));
        assert_eq!(prefer("libdav1d", &all, |name| *name == "av1_qsv"), Some("av1_qsv"));
        assert_eq!(prefer("libaom-av1", &all, |name| name.starts_with("lib")), Some("libaom-av1"));
        assert_eq!(prefer("libdav1d", &all, |_| false), None);
    }

    #[test]
    fn a_codec_decodes_on_a_device_with_ffmpegs_own_decoder() {
        library::initialise();
        // The decoder to begin with, a kind of device, and the decoder that is taken.
        let cases = [
            ("libdav1d", "cuda", Some("av1")),
            ("libdav1d", "vaapi", Some("av1")),
            ("libdav1d", "opencl", None),
            ("libvpx-vp9", "vaapi", Some("vp9")),
            ("vp9", "cuda", Some("vp9")),
            ("h264", "cuda", Some("h264")),
            ("h264", "vaapi", Some("h264")),
            ("ffv1", "cuda", None),
        ];
        for (usual, kind, expected) in cases {
            let found = DeviceKind::all().find(|known| known.name() == kind);
            let (Some(usual), Some(kind)) = (ffmpeg::decoder::find_by_name(usual), found) else {
                println!("skipped: this FFmpeg has no {usual} or no {kind}");
                continue;
            };
            let chosen = Decoders::with_usual(usual, usual.name()).on(kind);
            let chosen = chosen.as_ref().map(Codec::name);
            assert_eq!(chosen, expected, "{} on {}", usual.name(), kind.name());
        }
    }
}
