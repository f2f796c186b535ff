//! One stream that is passed through: exact times, and repairs where a container insists.

use super::delay::Delay;
use super::ffi_parameters::extradata;
use super::stream::StreamInfo;
use super::subtitle::SubtitleConversion;
use crate::frame::{TimeBase, rescale};
use ffmpeg_next::Packet;

/// Prepares the packets of one input stream for the muxer.
pub(super) struct CopyTrack {
    source: TimeBase,
    target: TimeBase,
    output_index: usize,
    conversion: Option<SubtitleConversion>,
    /// The input stream's extradata, for conversions.
    header: Vec<u8>,
    allows_equal_times: bool,
    /// Ticks of the source's time base by which the output is put off.
    delay: i64,
    /// Opus's initial padding at 48 kHz, else 0.
    opus_padding: i64,
    /// Ticks of the target's time base that the muxer forgets to add.
    forgotten_delay: i64,
    last_dts: Option<i64>,
    /// Where the next packet begins if it does not say, in the target's time base.
    next: Option<i64>,
}

impl CopyTrack {
    /// Payloads stay as they are.
    pub(super) fn unchanged(stream: &StreamInfo, output_index: usize, delay: Delay) -> Self {
        Self {
            source: stream.time_base,
            target: stream.time_base,
            output_index,
            conversion: None,
            header: Vec::new(),
            allows_equal_times: false,
            delay: delay.in_ticks_of(stream.time_base),
            opus_padding: if stream.codec == "opus" { stream.initial_padding() } else { 0 },
            forgotten_delay: 0,
            last_dts: None,
            next: None,
        }
    }

    /// Payloads of text subtitles change their wrapping.
    pub(super) fn converted(
        stream: &StreamInfo,
        output_index: usize,
        delay: Delay,
        conversion: SubtitleConversion,
    ) -> Self {
        let header = extradata(&stream.parameters).to_vec();
        Self { conversion: Some(conversion), header, ..Self::unchanged(stream, output_index, delay) }
    }

    pub(super) fn set_time_base(&mut self, target: TimeBase, allows_equal_times: bool) {
        self.target = target;
        self.allows_equal_times = allows_equal_times;
    }

    /// For a muxer that writes the codec delay, which readers subtract, but does not add it to the time stamps.
    pub(super) fn add_codec_delay(&mut self) {
        self.forgotten_delay = rescale(self.opus_padding, TimeBase::new(1, 48_000), self.target);
    }

    /// The packet for the muxer, or `None` if it has nothing to show or no place in time.
    pub(super) fn prepare(&mut self, packet: Packet) -> Option<Packet> {
        let mut packet = match self.conversion {
            Some(conversion) => converted(&packet, conversion, &self.header)?,
            None => packet,
        };
        let (from, to) = (self.source, self.target);
        // Before they are rescaled, so that streams of one time base stay in step exactly.
        packet.set_pts(packet.pts().map(|pts| pts + self.delay));
        packet.set_dts(packet.dts().map(|dts| dts + self.delay));
        packet.rescale_ts((from.num, from.den), (to.num, to.den));
        packet.set_pts(packet.pts().map(|pts| pts + self.forgotten_delay));
        packet.set_dts(packet.dts().map(|dts| dts + self.forgotten_delay));
        let pts = packet.pts().or(packet.dts()).or(self.next)?;
        let dts = packet.dts().unwrap_or(pts);
        let step = i64::from(!self.allows_equal_times);
        let dts = self.last_dts.map_or(dts, |last| dts.max(last + step));
        let pts = pts.max(dts);
        packet.set_pts(Some(pts));
        packet.set_dts(Some(dts));
        packet.set_stream(self.output_index);
        packet.set_position(-1);
        self.last_dts = Some(dts);
        self.next = Some(pts + packet.duration());
        Some(packet)
    }
}

fn converted(packet: &Packet, conversion: SubtitleConversion, header: &[u8]) -> Option<Packet> {
    let payload = conversion.convert(packet.data().unwrap_or_default(), header)?;
    let mut converted = Packet::copy(&payload);
    converted.set_pts(packet.pts());
    converted.set_dts(packet.dts());
    converted.set_duration(packet.duration());
    converted.set_flags(packet.flags());
    Some(converted)
}
