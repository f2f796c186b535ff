//! Streams that begin before time 0, and containers that show nothing before it.

use super::copy::{Fate, is_mp4_family};
use super::ffi_output::OutputFormat;
use super::stream::{InputDescription, StreamInfo, StreamKind};
use crate::frame::{Rational, TimeBase, rescale};

const MICROSECONDS: TimeBase = Rational::new(1, 1_000_000);
/// Initial padding is counted in samples at this rate where no other is known: Opus's.
const PADDING_RATE: i32 = 48_000;

/// By how much all streams of an output are put off together, so that they stay in step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delay {
    ticks: i64,
    time_base: TimeBase,
}

impl Delay {
    /// The least with which no picture and no sound of `input` is lost.
    pub(super) fn choose(format: OutputFormat, input: &InputDescription, fates: &[Fate]) -> Self {
        let none = Self { ticks: 0, time_base: MICROSECONDS };
        if !is_mp4_family(format) {
            return none;
        }
        let written = input.streams.iter().zip(fates).filter(|(_, fate)| **fate != Fate::Drop);
        let delays = written.filter_map(|(stream, _)| {
            Some(Self { ticks: begin(stream)?.saturating_neg(), time_base: stream.time_base })
        });
        delays.chain([none]).max_by_key(|delay| delay.in_ticks_of(MICROSECONDS)).unwrap_or(none)
    }

    pub(super) fn in_ticks_of(&self, time_base: TimeBase) -> i64 {
        rescale(self.ticks, self.time_base, time_base)
    }

    /// What to tell the user, if anything.
    pub(super) fn note(&self, format: OutputFormat) -> Option<String> {
        let milliseconds = self.in_ticks_of(Rational::new(1, 1000));
        (self.ticks > 0).then(|| {
            format!(
                "all streams are put off by {milliseconds} ms: the input begins before time 0, and {} shows nothing \
                 before it",
                format.name()
            )
        })
    }
}

/// Where a stream's pictures or sound begin. Padding that decoders throw away may lie before time 0: it is not heard.
fn begin(stream: &StreamInfo) -> Option<i64> {
    let is_shown = matches!(stream.kind, StreamKind::Video | StreamKind::OtherVideo | StreamKind::Audio);
    let start = stream.start.filter(|_| is_shown)?;
    let padding = stream.initial_padding();
    if padding == 0 {
        return Some(start);
    }
    let rate = Some(stream.sample_rate()).filter(|rate| *rate > 0).unwrap_or(PADDING_RATE);
    // Coarse time stamps are off by up to a tick.
    Some(start + rescale(padding, Rational::new(1, rate), stream.time_base) + 1)
}
