//! The loop of a live run: takes what comes, deals out the work, and shows what is due.

use super::capture::Captured;
use super::companions::Companions;
use super::director::Director;
use super::governor::{Governor, Levels};
use super::motion::Motion;
use super::pictures::{Finished, Pictures};
use super::present::{Busy, Work};
use super::{
    Controls, EnlargingLevel, LeftOut, Level, LiveStatistics, MotionLevel, SourceState, StatisticsBoard,
};
use crate::error::Error;
use crate::frame::{Frame, GapFinder, MotionMode, Pts};
use crate::media::Interrupt;
use crate::pipeline::{Clock, ProcessUsage};
use crate::stage::Captions;
use crossbeam_channel::{Receiver, Sender, select};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Work that may wait for the presenter when a picture is due; a picture beyond is missed.
const PICTURES: usize = 4;
/// The longest sleep, after which an interruption is heeded.
const NAP: Duration = Duration::from_millis(50);
/// Between two reports.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// Caches fill and networks are run for the first time: latencies do not count yet.
const WARM_UP: Duration = Duration::from_secs(2);

/// Called every second.
pub type LiveObserver = Box<dyn FnMut(&LiveStatistics) + Send>;

/// A frame to enlarge.
pub(super) struct EnlargeJob {
    pub(super) sequence: u64,
    pub(super) frame: Frame,
    /// Which way, see [`Controls::models`].
    pub(super) way: usize,
    /// What is not done to it beside.
    pub(super) left_out: LeftOut,
}

/// A frame whose motion is wanted.
pub(super) struct MotionJob {
    pub(super) sequence: u64,
    pub(super) frame: Frame,
    pub(super) moments: Vec<f32>,
    pub(super) predictor: usize,
}

/// What workers send back.
pub(super) enum Done {
    Enlarged(u64, Result<Frame, Error>),
    Moved(u64, Result<Motion, Error>),
}

/// The ends of all channels.
pub(super) struct Wires {
    pub(super) captured: Receiver<Captured>,
    pub(super) enlarge: Sender<EnlargeJob>,
    pub(super) motion: Sender<MotionJob>,
    pub(super) done: Receiver<Done>,
    pub(super) present: Sender<Work>,
}

/// A frame on its way.
struct Pending {
    sequence: u64,
    source: Frame,
    arrived: Duration,
    enlarged: Option<Frame>,
    motion: Option<Motion>,
}

/// What a [`Conductor`] works with.
pub(super) struct Setup {
    pub(super) director: Director,
    pub(super) mode: MotionMode,
    pub(super) levels: Levels,
    pub(super) longest: Duration,
    pub(super) controls: Arc<Controls>,
    pub(super) statistics: Arc<StatisticsBoard>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) interrupt: Interrupt,
    /// Of upscale, motion and composition.
    pub(super) busy: [Busy; 3],
    pub(super) observer: LiveObserver,
}

/// The loop.
pub(super) struct Conductor {
    setup: Setup,
    wires: Wires,
    governor: Governor,
    companions: Companions,
    gaps: GapFinder,
    /// Of frames that are left out, for the next one that is not.
    captions: Captions,
    sequence: u64,
    pending: VecDeque<Pending>,
    pictures: Pictures,
    /// Time stamp of the last frame.
    last: Option<Pts>,
    /// When the last frame arrived.
    arrived: Option<Duration>,
    /// Nothing more comes from the source.
    has_ended: bool,
    /// When latencies begin to count; `None` once they do.
    warm_up: Option<Duration>,
    reported: Duration,
    busy_before: (Duration, [u64; 3]),
    usage: (Duration, ProcessUsage),
}

impl Conductor {
    pub(super) fn new(setup: Setup, wires: Wires, companions: Companions) -> Self {
        let now = setup.clock.now();
        Self {
            governor: Governor::new(setup.levels.clone(), now + WARM_UP),
            companions,
            gaps: GapFinder::new(GapFinder::LONGEST),
            captions: Captions::default(),
            sequence: 0,
            pending: VecDeque::new(),
            pictures: Pictures::new(setup.mode),
            last: None,
            arrived: None,
            has_ended: false,
            warm_up: Some(now + WARM_UP),
            reported: now,
            busy_before: (now, [0; 3]),
            usage: (now, ProcessUsage::now()),
            setup,
            wires,
        }
    }

    /// Works until the source has ended and all of it was shown, or the run is interrupted.
    pub(super) fn run(mut self, is_heard: &dyn Fn() -> bool) -> Result<(), Error> {
        while !self.setup.interrupt.is_triggered() && is_heard() {
            self.wait()?;
            self.complete();
            if self.show_due() {
                break;
            }
            self.judge();
            self.report();
        }
        self.setup.statistics.update(|now| now.source = SourceState::Ended);
        Ok(())
    }

    /// Takes what comes until the next tick is due.
    fn wait(&mut self) -> Result<(), Error> {
        let now = self.now();
        let due = self.setup.director.next_decision().unwrap_or(now + NAP);
        let timeout = due.saturating_sub(now).min(NAP);
        let (captured, done) = (self.wires.captured.clone(), self.wires.done.clone());
        select! {
            recv(captured) -> item => match item {
                Ok(item) => self.take(item),
                Err(_) => {
                    self.has_ended = true;
                    // Its end is always readable; the clock goes on.
                    self.wires.captured = crossbeam_channel::never();
                    Ok(())
                }
            },
            recv(done) -> item => item.map_or(Ok(()), |done| self.collect(done)),
            default(timeout) => Ok(()),
        }
    }

    pub(super) fn take(&mut self, item: Captured) -> Result<(), Error> {
        let statistics = &self.setup.statistics;
        match item {
            Captured::Frame(frame, arrived) => self.take_frame(frame, arrived),
            Captured::Packet(packet) => {
                self.companions.push(packet, self.setup.director.timeline(), self.setup.clock.now())
            }
            Captured::Lost(reason) => {
                tracing::warn!("the source is lost: {reason}; it is opened again");
                statistics.update(|now| now.source = SourceState::Reconnecting);
            }
            Captured::Reopened => {
                statistics.update(|now| now.reconnects += 1);
                self.setup.director.begin_anew();
                self.companions.begin_anew();
            }
            Captured::Ended => self.has_ended = true,
            Captured::Failed(error) => return Err(error),
        }
        Ok(())
    }

    /// Deals a frame out to the workers, or leaves it out if they still have enough to do.
    fn take_frame(&mut self, mut frame: Frame, arrived: Duration) {
        let Setup { director, statistics, .. } = &mut self.setup;
        statistics.arrived(arrived);
        self.captions.take(&frame.info);
        let Some(pts) = director.arrive(frame.info.pts, arrived) else { return };
        self.companions.follow(director.timeline(), pts);
        frame.info.pts = pts;
        // It cannot be refused: time stamps rise.
        let lost = self.gaps.push(pts).map_or(0, |missing| missing.len() as u64);
        if lost > 0 {
            statistics.update(|now| now.frames_lost += lost);
        }
        let before = self.last.replace(pts);
        let since = self.arrived.replace(arrived).map(|before| arrived.saturating_sub(before));
        if self.wires.enlarge.is_full() || self.wires.motion.is_full() {
            // Frames that were stuck on their way and come all at once say nothing of the machine.
            let usual = before.map(|before| {
                self.setup.director.captured(pts).saturating_sub(self.setup.director.captured(before))
            });
            let is_burst = since.zip(usual).is_some_and(|(since, usual)| since < usual * 3 / 4);
            if !is_burst {
                self.governor.observe(false);
            }
            self.setup.statistics.update(|now| now.frames_dropped += 1);
            return;
        }
        self.captions.give(&mut frame.info);
        let moments = before.map_or_else(Vec::new, |before| self.setup.director.moments(before, pts));
        let predictor = self.predictor();
        let job = MotionJob { sequence: self.sequence, frame: frame.clone(), moments, predictor };
        // Nobody else sends, so there is room. A worker that is gone has told why.
        let _ = self.wires.motion.try_send(job);
        let (way, left_out) = (self.way(), self.level().edits);
        let job = EnlargeJob { sequence: self.sequence, frame: frame.clone(), way, left_out };
        let _ = self.wires.enlarge.try_send(job);
        self.pending.push_back(Pending {
            sequence: self.sequence,
            source: frame,
            arrived,
            enlarged: None,
            motion: None,
        });
        self.sequence += 1;
    }

    pub(super) fn collect(&mut self, done: Done) -> Result<(), Error> {
        match done {
            Done::Enlarged(sequence, frame) => {
                let frame = frame?;
                if let Some(pending) = self.pending_mut(sequence) {
                    pending.enlarged = Some(frame);
                }
            }
            Done::Moved(sequence, motion) => {
                let motion = motion?;
                if let Some(pending) = self.pending_mut(sequence) {
                    pending.motion = Some(motion);
                }
            }
        }
        Ok(())
    }

    fn pending_mut(&mut self, sequence: u64) -> Option<&mut Pending> {
        self.pending.iter_mut().find(|pending| pending.sequence == sequence)
    }

    /// Frames on which all work is done can be shown.
    pub(super) fn complete(&mut self) {
        while self.pending.front().is_some_and(|first| first.enlarged.is_some() && first.motion.is_some()) {
            let Some(Pending { sequence, source, arrived, enlarged: Some(frame), motion: Some(motion) }) =
                self.pending.pop_front()
            else {
                return;
            };
            let now = self.now();
            self.governor.observe(now.saturating_sub(arrived) <= self.setup.longest);
            let Some(number) = self.setup.director.ready(source.info.pts, now) else { continue };
            let known = self.pictures.push(Finished { number, sequence, source, frame, motion });
            // There is room, for pictures leave it; a presenter that is stuck learns less.
            let _ = self.wires.present.try_send(Work::Learn(Box::new(known)));
        }
    }

    /// Shows what is due. True once all is shown.
    pub(super) fn show_due(&mut self) -> bool {
        let decisions = self.setup.director.decide(self.now());
        let missed = decisions.len().saturating_sub(1) as u64;
        let Some(decision) = decisions.last() else { return self.is_over() };
        (0..missed).for_each(|_| self.governor.observe(false));
        let picture = self.pictures.picture(decision, &self.setup.director, self.predicts());
        let has_room = self.wires.present.len() < PICTURES;
        let shown = picture
            .filter(|_| has_room)
            .is_some_and(|picture| self.wires.present.try_send(Work::Show(Box::new(picture))).is_ok());
        self.governor.observe(shown);
        let missed = missed + u64::from(!shown);
        if missed > 0 {
            self.setup.statistics.update(|now| now.missed += missed);
        }
        self.is_over()
    }

    /// After the end, the last frame is shown for as long as those before it.
    fn is_over(&self) -> bool {
        if !self.has_ended || !self.pending.is_empty() {
            return false;
        }
        self.last.is_none() || self.setup.director.is_past_end()
    }

    /// How much is left out at the moment.
    pub(super) fn level(&self) -> Level {
        self.governor.level()
    }

    /// Whether frames between real ones are made.
    fn predicts(&self) -> bool {
        self.setup.controls.predicts() && self.level().motion < MotionLevel::Off
    }

    /// The way in which frames are enlarged now.
    fn way(&self) -> usize {
        let last = self.setup.controls.models().len().saturating_sub(1);
        let at_least = match self.level().enlarging {
            EnlargingLevel::Full => 0,
            EnlargingLevel::Small => 1,
            EnlargingLevel::Resampled => last,
        };
        self.setup.controls.model().max(at_least).min(last)
    }

    /// Which predictor works now, there being one for each level but the last; none beyond them.
    fn predictor(&self) -> usize {
        if !self.predicts() {
            return usize::MAX;
        }
        self.governor.motion_index()
    }

    pub(super) fn judge(&mut self) {
        let now = self.now();
        let elapsed = now.saturating_sub(self.busy_before.0);
        // The load is that of the stretch that is judged.
        if elapsed < REPORT_EVERY / 2 {
            return;
        }
        let busy = self.setup.busy.each_ref().map(|busy| busy.load(Ordering::Relaxed));
        let [upscale, motion, composition] = std::array::from_fn(|stage| {
            let before = self.busy_before.1.get(stage).copied().unwrap_or_default();
            busy.get(stage).map_or(0, |now| now - before) as f64 / elapsed.as_nanos() as f64
        });
        self.governor.load(upscale, f64::max(motion, composition));
        self.busy_before = (now, busy);
        let before = self.level();
        let Some(level) = self.governor.judge(now) else { return };
        let is_worse = level.is_below(before);
        tracing::warn!(
            "{} -> {}: {}",
            before.name(),
            level.name(),
            if is_worse { "the machine is too slow" } else { "there is room again" }
        );
        self.setup.director.forget_lags();
        self.setup.statistics.update(|now| now.degradations += u64::from(is_worse));
    }

    fn report(&mut self) {
        let now = self.now();
        if self.warm_up.is_some_and(|end| now >= end) {
            self.warm_up = None;
            self.setup.statistics.forget_latencies();
        }
        if now < self.reported + REPORT_EVERY {
            return;
        }
        self.reported = now;
        let elapsed = now.saturating_sub(self.usage.0).as_secs_f64();
        let cores = self.usage.1.processor_time_since().as_secs_f64() / elapsed.max(1e-3);
        self.usage = (now, ProcessUsage::now());
        let (memory, way) = (ProcessUsage::resident_memory(), self.way());
        let model = self.setup.controls.models().get(way).cloned().unwrap_or_default();
        let (level, predicts) = (self.level().name(), self.predicts());
        let target = self.setup.director.delay().as_secs_f64() * 1e3;
        self.setup.statistics.update(|statistics| {
            statistics.seconds = now.as_secs_f64();
            (statistics.memory, statistics.cores) = (memory, cores);
            (statistics.level, statistics.model, statistics.predicts) = (level, model, predicts);
            statistics.target_latency = target;
        });
        (self.setup.observer)(&self.setup.statistics.read());
    }

    fn now(&self) -> Duration {
        self.setup.clock.now()
    }
}
