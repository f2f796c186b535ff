//! Packets of the source's other streams, on their way to the outputs: they are moved in time as its video is.

use super::drift::{Drift, Sorted};
use super::timeline::Timeline;
use super::{OutputCount, StatisticsBoard};
use crate::frame::{Pts, TimeBase, rescale};
use crate::media::CopyPacket;
use crossbeam_channel::Sender;
use std::sync::Arc;
use std::time::Duration;

/// Packets that may wait for the first frame.
const WAITING: usize = 1024;
/// What comes before the first picture by more milliseconds than this belongs to pictures that nobody has seen.
const EARLY: i64 = 100;

/// Passes packets on.
pub(super) struct Companions {
    /// Time bases of the source's streams, and of its video.
    time_bases: (Vec<TimeBase>, TimeBase),
    to: Sender<CopyPacket>,
    statistics: Arc<StatisticsBoard>,
    /// Those that came since the source was opened; `None` once its first frame has told by how much they are to be moved.
    waiting: Option<Vec<CopyPacket>>,
    /// Of each stream.
    drifts: Vec<Drift<CopyPacket>>,
}

impl Companions {
    pub(super) fn new(
        time_bases: (Vec<TimeBase>, TimeBase),
        to: Sender<CopyPacket>,
        statistics: Arc<StatisticsBoard>,
    ) -> Self {
        let drifts = time_bases.0.iter().map(|_| Drift::default()).collect();
        Self { time_bases, to, statistics, waiting: Some(Vec::new()), drifts }
    }

    /// The source was opened again.
    pub(super) fn begin_anew(&mut self) {
        self.waiting.get_or_insert_default();
        self.drifts.fill_with(Drift::default);
    }

    /// A frame came, and was moved to `pts`.
    pub(super) fn follow(&mut self, timeline: &Timeline, pts: Pts) {
        let shift = timeline.shift();
        for packet in self.waiting.take().unwrap_or_default() {
            if !self.is_early(&packet, pts - shift) {
                self.pass_on(packet, shift);
            }
        }
        let found: Vec<_> = self.drifts.iter_mut().flat_map(|drift| drift.follow(timeline)).collect();
        found.into_iter().for_each(|(packet, shift)| self.pass_on(packet, shift));
    }

    /// Whether it comes long before the first picture, which is at `first` in the source.
    fn is_early(&self, packet: &CopyPacket, first: Pts) -> bool {
        let (streams, video) = &self.time_bases;
        let Some((base, pts)) = streams.get(packet.stream).zip(packet.pts()) else { return false };
        let early = rescale(EARLY, TimeBase::new(1, 1000), *base);
        pts + early < rescale(first, *video, *base)
    }

    /// A packet came at `now`.
    pub(super) fn push(&mut self, packet: CopyPacket, timeline: &Timeline, now: Duration) {
        match &mut self.waiting {
            Some(waiting) if waiting.len() < WAITING => waiting.push(packet),
            Some(_) => self.lose(),
            None => self.place(packet, timeline, now),
        }
    }

    fn place(&mut self, packet: CopyPacket, timeline: &Timeline, now: Duration) {
        let Some((time, drift)) = self.nanoseconds(&packet).zip(self.drifts.get_mut(packet.stream)) else {
            return self.pass_on(packet, timeline.shift());
        };
        let Sorted { passed, lost } = drift.push(packet, time, now, timeline);
        passed.into_iter().for_each(|(packet, shift)| self.pass_on(packet, shift));
        (0..lost).for_each(|_| self.lose());
    }

    fn nanoseconds(&self, packet: &CopyPacket) -> Option<i128> {
        let base = self.time_bases.0.get(packet.stream)?;
        Some(i128::from(packet.pts()?) * i128::from(base.num) * 1_000_000_000 / i128::from(base.den))
    }

    fn pass_on(&self, mut packet: CopyPacket, shift: Pts) {
        let (streams, video) = &self.time_bases;
        if let Some(base) = streams.get(packet.stream) {
            packet.shift(rescale(shift, *video, *base));
        }
        if self.to.try_send(packet).is_err() {
            self.lose();
        }
    }

    fn lose(&self) {
        let lose = |output: &mut OutputCount| output.packets_dropped += 1;
        self.statistics.update(|statistics| statistics.outputs.iter_mut().for_each(lose));
    }
}
