//! How decoding in hardware begins: until the first picture, packets are kept for the processor's decoder, which takes over
//! if none comes.

use ffmpeg::Packet;
use ffmpeg_next as ffmpeg;
use std::collections::VecDeque;

/// Packets that are kept at most. Decoders hold back a few dozen: references, reordering, one for each thread.
const PACKETS: usize = 128;
/// Their bytes.
const BYTES: usize = 64 << 20;
/// Packets from a key frame on that are called damaged until the device is doubted: one or two may well be.
const DAMAGED: u64 = 3;

/// The packets that a decoder in hardware was given, and what became of them. It ends with the first picture.
#[derive(Default)]
pub(super) struct Trial {
    kept: VecDeque<Packet>,
    bytes: usize,
    has_key: bool,
    failures: u64,
    failures_from_key: u64,
    last: Option<ffmpeg::Error>,
}

impl Trial {
    /// Keeps a packet that the decoder was given.
    pub(super) fn keep(&mut self, packet: Packet) {
        self.has_key |= packet.is_key();
        self.bytes += packet.size();
        self.kept.push_back(packet);
        // Without a key frame nothing is expected of them: a stream was joined in the middle.
        while !self.has_key && self.is_full() {
            self.bytes -= self.kept.pop_front().map_or(0, |oldest| oldest.size());
        }
    }

    /// Notes that the decoder failed.
    pub(super) fn fail(&mut self, error: ffmpeg::Error) {
        self.failures += 1;
        self.failures_from_key += u64::from(self.has_key);
        self.last = Some(error);
    }

    /// Why nothing is to be expected any more, if so.
    pub(super) fn verdict(&self) -> Option<String> {
        match self.last {
            // FFmpeg's AV1 decoder, where the device offers nothing for a stream.
            Some(ffmpeg::Error::Other { errno: ffmpeg::error::ENOSYS }) => {
                return Some("the device does not support it".to_owned());
            }
            Some(ffmpeg::Error::InvalidData)
                if self.failures_from_key < DAMAGED && self.failures <= PACKETS as u64 => {}
            // All others are failures of the device: decoders find damage to be invalid data.
            Some(error) => return Some(format!("it failed on the first packets ({error})")),
            None => {}
        }
        (self.has_key && self.is_full()).then(|| self.nothing_came())
    }

    /// Why the processor takes over at the end of the stream; `None` if there was nothing to decode.
    pub(super) fn verdict_at_end(&self) -> Option<String> {
        (!self.kept.is_empty()).then(|| self.nothing_came())
    }

    /// Failures so far.
    pub(super) fn failures(&self) -> u64 {
        self.failures
    }

    /// The packets, in their order.
    pub(super) fn into_packets(self) -> VecDeque<Packet> {
        self.kept
    }

    fn is_full(&self) -> bool {
        self.kept.len() > PACKETS || self.bytes > BYTES
    }

    fn nothing_came(&self) -> String {
        format!("no picture came of the first {} packets", self.kept.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ffmpeg::packet::Flags;

    const DAMAGE: ffmpeg::Error = ffmpeg::Error::InvalidData;

    fn packet(bytes: usize, is_key: bool, pts: i64) -> Packet {
        let mut packet = Packet::new(bytes);
        packet.set_flags(if is_key { Flags::KEY } else { Flags::empty() });
        packet.set_pts(Some(pts));
        packet
    }

    fn begun() -> Trial {
        let mut trial = Trial::default();
        trial.keep(packet(1000, true, 0));
        trial
    }

    #[test]
    fn a_stream_that_the_device_does_not_support_is_known_at_once() {
        let mut trial = begun();
        assert_eq!(trial.verdict(), None);
        trial.fail(ffmpeg::Error::Other { errno: ffmpeg::error::ENOSYS });
        assert_eq!(trial.verdict().as_deref(), Some("the device does not support it"));
    }

    #[test]
    fn a_failure_of_the_device_is_no_damage() {
        let mut trial = begun();
        trial.fail(ffmpeg::Error::External);
        assert!(trial.verdict().unwrap().starts_with("it failed on the first packets"));
    }

    #[test]
    fn damage_may_be_met_twice_and_failures_before_a_key_frame_do_not_count() {
        let mut trial = Trial::default();
        for pts in 0..50 {
            trial.keep(packet(1000, false, pts));
            trial.fail(DAMAGE);
        }
        trial.keep(packet(1000, true, 50));
        trial.fail(DAMAGE);
        trial.fail(DAMAGE);
        assert_eq!((trial.verdict(), trial.failures()), (None, 52));
        trial.fail(DAMAGE);
        assert!(trial.verdict().is_some());
        let kept: Vec<_> = trial.into_packets().iter().map(Packet::pts).collect();
        assert_eq!(kept, (0..=50).map(Some).collect::<Vec<_>>());
    }

    #[test]
    fn no_more_than_the_limits_is_kept() {
        for (bytes, most) in [(1, PACKETS), (BYTES / 4, 4)] {
            let mut trial = Trial::default();
            for pts in 0..200 {
                trial.keep(packet(bytes, false, pts));
                assert!(trial.kept.len() <= most && trial.bytes == bytes * trial.kept.len());
            }
            assert_eq!(trial.verdict(), None);
            // The newest are there, and the next one is one too many.
            assert_eq!(trial.kept.back().and_then(Packet::pts), Some(199));
            trial.keep(packet(bytes, true, 200));
            assert_eq!(trial.verdict(), Some(format!("no picture came of the first {} packets", most + 1)));
        }
    }

    #[test]
    fn a_stream_may_end_before_a_picture_came() {
        assert_eq!(Trial::default().verdict_at_end(), None);
        assert_eq!(begun().verdict_at_end().as_deref(), Some("no picture came of the first 1 packets"));
    }

    #[test]
    fn a_decoder_that_fails_without_taking_anything_in_does_not_go_on_for_ever() {
        let mut trial = Trial::default();
        for _ in 0..=PACKETS {
            assert_eq!(trial.verdict(), None);
            trial.fail(DAMAGE);
        }
        assert!(trial.verdict().is_some());
    }
}
