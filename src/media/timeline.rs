//! Time stamps of containers that may jump back in mid-stream (concatenated transport streams, restarted broadcasts).

use crate::frame::{Rational, TimeBase, rescale};
use ffmpeg_next::Packet;

const MICROSECONDS: TimeBase = Rational::new(1, 1_000_000);
/// A smaller step back is a reordering or rounding, not a new beginning.
const TOLERANCE: i64 = 100_000;

#[derive(Clone, Copy, Default)]
struct Track {
    /// Added to the stream's time stamps, in microseconds.
    offset: i64,
    /// The last decoding time and the one expected next, in microseconds with the offset.
    last: Option<(i64, i64)>,
}

/// Joins the parts of an input whose time stamps start over, so that each goes on where the previous one ended.
///
/// Streams change to the new offset one by one, as packets of the old part may follow those of the new one.
pub(super) struct Timeline {
    input: String,
    tracks: Vec<Track>,
    /// The offset of the newest part.
    newest: i64,
    video: usize,
    is_enabled: bool,
}

impl Timeline {
    /// `is_enabled` if the container's time stamps may start over; else they are left alone.
    pub(super) fn new(input: &str, streams: usize, video: usize, is_enabled: bool) -> Self {
        Self {
            input: input.to_owned(),
            tracks: vec![Track::default(); streams],
            newest: 0,
            video,
            is_enabled,
        }
    }

    /// Moves a packet's time stamps to its place. `is_dense` is true for audio and video, whose packets follow each
    /// other without gaps.
    pub(super) fn place(&mut self, packet: &mut Packet, time_base: TimeBase, is_dense: bool) {
        let Some(time) = packet.dts().or(packet.pts()).filter(|_| self.is_enabled) else {
            return;
        };
        let index = packet.stream();
        let time = rescale(time, time_base, MICROSECONDS);
        let duration = rescale(packet.duration().max(0), time_base, MICROSECONDS);
        let offset = if is_dense { self.dense_offset(index, time) } else { self.sparse_offset(index, time) };
        if let Some(track) = self.tracks.get_mut(index) {
            *track = Track { offset, last: Some((time + offset, time + offset + duration)) };
        }
        if offset != 0 {
            let ticks = rescale(offset, MICROSECONDS, time_base);
            packet.set_pts(packet.pts().map(|pts| pts + ticks));
            packet.set_dts(packet.dts().map(|dts| dts + ticks));
        }
    }

    fn dense_offset(&mut self, index: usize, time: i64) -> i64 {
        let track = self.tracks.get(index).copied().unwrap_or_default();
        let Some((last, expected)) = track.last else {
            return self.newest;
        };
        let goes_on = |offset: i64| time + offset + TOLERANCE >= last;
        if goes_on(track.offset) {
            return track.offset;
        }
        if !goes_on(self.newest) {
            if self.newest == 0 {
                tracing::warn!("{}: time stamps start over in mid-stream; the parts are joined", self.input);
            }
            self.newest = expected - time;
        }
        self.newest
    }

    /// Subtitles and data have gaps: they belong to the part whose time is nearer to the video's.
    fn sparse_offset(&self, index: usize, time: i64) -> i64 {
        let own = self.tracks.get(index).map_or(0, |track| track.offset);
        let video = self.tracks.get(self.video).and_then(|track| track.last);
        let Some((now, _)) = video else {
            return own;
        };
        let distance = |offset: i64| (time + offset - now).abs();
        if distance(self.newest) < distance(own) { self.newest } else { own }
    }

    /// Forgets the past, after a seek.
    pub(super) fn reset(&mut self) {
        self.tracks.fill(Track::default());
        self.newest = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECONDS: TimeBase = Rational::new(1, 1000);

    fn placed(timeline: &mut Timeline, stream: usize, dts: i64, is_dense: bool) -> i64 {
        let mut packet = Packet::empty();
        packet.set_stream(stream);
        packet.set_dts(Some(dts));
        packet.set_pts(Some(dts));
        packet.set_duration(40);
        timeline.place(&mut packet, MILLISECONDS, is_dense);
        packet.dts().unwrap()
    }

    #[test]
    fn a_restart_goes_on_where_the_part_before_ended() {
        let mut timeline = Timeline::new("test", 3, 0, true);
        let video: Vec<_> =
            [1400, 1440, 1480].iter().map(|dts| placed(&mut timeline, 0, *dts, true)).collect();
        assert_eq!(video, [1400, 1440, 1480]);
        assert_eq!(placed(&mut timeline, 1, 1470, true), 1470);
        // The video restarts first; a late audio packet of the old part stays where it was.
        assert_eq!(placed(&mut timeline, 0, 1000, true), 1520);
        assert_eq!(placed(&mut timeline, 1, 1510, true), 1510);
        assert_eq!(placed(&mut timeline, 1, 1010, true), 1530);
        assert_eq!(placed(&mut timeline, 2, 1020, false), 1540);
    }

    #[test]
    fn other_containers_are_left_alone() {
        let mut timeline = Timeline::new("test", 1, 0, false);
        assert_eq!(placed(&mut timeline, 0, 5000, true), 5000);
        assert_eq!(placed(&mut timeline, 0, 0, true), 0);
    }

    #[test]
    fn gaps_stay() {
        let mut timeline = Timeline::new("test", 1, 0, true);
        assert_eq!(placed(&mut timeline, 0, 0, true), 0);
        assert_eq!(placed(&mut timeline, 0, 60_000, true), 60_000);
    }
}
