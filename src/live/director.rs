//! Decides what is shown at every tick. Nothing else does; it knows neither threads nor pictures.

use super::delay::Delay;
use super::phase::Phase;
use super::timeline::Timeline;
use crate::error::ConfigError;
use crate::frame::{Cadence, Content, FrameRate, MotionMode, Pts, Rational, Tick, TimeBase};
use std::collections::VecDeque;
use std::time::Duration;

/// Pictures made of motion are decided on so long before they are due, or this part of a tick before: their making then
/// mostly falls into the time before the next frame comes and the other threads have work.
const LEAD: Duration = Duration::from_millis(10);
const LEAD_PART: f64 = 0.6;

/// What is shown at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    /// In the output's time base, and of which frames. Frames are counted as [`Director::ready`] numbered them.
    pub(super) tick: Tick,
    /// When it is to be handed over.
    pub(super) due: Duration,
    /// When its content was captured, or would have been.
    pub(super) captured: Duration,
}

/// Turns arrivals of frames into what is shown at a steady rate.
///
/// Ticks lie on a grid in the source's own time, so that source frames fall on it where the rates allow. A tick is decided a
/// delay after the moment that it shows was captured: long enough for most frames to be ready. One that is not ready is
/// predicted from those before it. To interpolate, the frame after the tick must be there, so it waits for one more.
#[derive(Debug)]
pub(super) struct Director {
    cadence: Cadence,
    mode: MotionMode,
    timeline: Timeline,
    phase: Phase,
    /// A tick: the time stamp of the first frame that could be shown.
    origin: Option<Pts>,
    /// The last place that was given.
    placed: Option<Pts>,
    delay: Delay,
    lead: Duration,
    /// Output ticks of the time stamps in an eighth of a period: a frame this near is shown untouched.
    tolerance: Pts,
    /// Ready frames that no tick has reached yet.
    waiting: VecDeque<Pts>,
    /// Interpolation: ticks that are known before they are due.
    known: VecDeque<Tick>,
    /// Frames numbered so far.
    numbered: u64,
    last: Option<Pts>,
    /// From the frame before the last one to it.
    interval: Option<Pts>,
    /// The shorter of the last two intervals: between longer ones, frames were lost.
    usual: Option<Pts>,
}

impl Director {
    /// For frames with time stamps in `time_base`, shown at `rate` a second, at most `longest` after their capture.
    ///
    /// # Errors
    /// If the rate is out of its range.
    pub(super) fn new(
        rate: Rational,
        mode: MotionMode,
        time_base: TimeBase,
        longest: Duration,
    ) -> Result<Self, ConfigError> {
        let cadence = Cadence::new(FrameRate::Fixed(rate), mode, time_base)?;
        let tolerance = cadence.tick_duration(0) / 8;
        Ok(Self {
            cadence,
            mode,
            timeline: Timeline::new(time_base),
            phase: Phase::new(rate, time_base),
            origin: None,
            placed: None,
            delay: Delay::new(longest),
            lead: LEAD.min(Duration::from_secs_f64(LEAD_PART / rate.to_f64())),
            tolerance,
            waiting: VecDeque::new(),
            known: VecDeque::new(),
            numbered: 0,
            last: None,
            interval: None,
            usual: None,
        })
    }

    /// Time base of the ticks.
    pub(super) const fn time_base(&self) -> TimeBase {
        self.cadence.time_base()
    }

    /// Where time stamps are on the clock.
    pub(super) const fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// As [`Timeline::begin_anew`].
    pub(super) const fn begin_anew(&mut self) {
        self.timeline.begin_anew();
    }

    /// A frame arrived. Gives the time stamp that it has in this run; `None` if it is too late to be of use.
    pub(super) fn arrive(&mut self, pts: Pts, now: Duration) -> Option<Pts> {
        let pts = self.timeline.arrive(pts, now)?;
        let origin = self.origin.unwrap_or(0);
        let place = origin + self.phase.place(pts - origin);
        // Where it was moved behind the frame before, it is that frame's double.
        let place = self.placed.map_or(place, |placed| place.max(placed + 1));
        self.placed = Some(place);
        Some(place)
    }

    /// When the frame of this time stamp was captured.
    pub(super) fn captured(&self, pts: Pts) -> Duration {
        self.timeline.captured(pts)
    }

    /// True if the next tick is not earlier than the end of the last frame, which is taken to last as long as the one before.
    pub(super) fn is_past_end(&self) -> bool {
        let (Some(last), true) = (self.last, self.known.is_empty()) else { return false };
        let end = self.cadence.rescaled(last + self.interval.unwrap_or(0));
        self.waiting.is_empty() && self.cadence.next_tick().is_some_and(|next| next + self.tolerance >= end)
    }

    /// The delay that is aimed at.
    pub(super) const fn delay(&self) -> Duration {
        self.delay.now()
    }

    /// Times are other ones from now on: the work has changed.
    pub(super) fn forget_lags(&mut self) {
        self.delay.forget();
    }

    /// The frame of this time stamp can be shown. Gives its number, rising by 1 from 0; `None` if a later one is there
    /// already.
    pub(super) fn ready(&mut self, pts: Pts, now: Duration) -> Option<u64> {
        if self.last.is_some_and(|last| pts <= last) {
            return None;
        }
        let interval = self.last.map(|last| pts - last);
        self.usual = interval.map(|interval| self.interval.map_or(interval, |before| before.min(interval)));
        self.interval = interval;
        self.origin.get_or_insert(pts);
        // To interpolate, what it is needed for begins at the frame before.
        let needed = match (self.mode, self.last) {
            (MotionMode::Interpolate, Some(last)) => last,
            _ => pts,
        };
        self.delay.observe(now.saturating_sub(self.timeline.captured(needed)));
        self.last = Some(pts);
        match self.mode {
            MotionMode::Predict => self.waiting.push_back(pts),
            MotionMode::Interpolate => {
                // It cannot be refused: time stamps rise.
                self.known.extend(self.cadence.push(pts).into_iter().flatten());
            }
        }
        self.numbered += 1;
        Some(self.numbered - 1)
    }

    /// When the next tick can be decided; `None` before the first frame. That is when it is due or, where it is made of
    /// motion from frames that are there, sooner, for that takes time.
    pub(super) fn next_decision(&self) -> Option<Duration> {
        let due = self.next_due()?;
        let is_early = match self.known.front() {
            Some(tick) => matches!(tick.content, Content::Between { .. }),
            None => self.cadence.next_tick().is_some_and(|tick| self.comes_before_the_next_frame(tick)),
        };
        Some(if is_early { due.saturating_sub(self.lead) } else { due })
    }

    /// Whether no other frame than the newest one can be meant for a tick: none waits, and the next one is captured later.
    fn comes_before_the_next_frame(&self, tick: Pts) -> bool {
        let (Some(last), Some(usual), true) = (self.last, self.usual, self.waiting.is_empty()) else {
            return false;
        };
        let own = self.cadence.rescaled(last) + self.tolerance;
        tick > own && tick + self.tolerance < self.cadence.rescaled(last + usual)
    }

    /// When the next tick is due; `None` before the first frame.
    fn next_due(&self) -> Option<Duration> {
        let pts = match self.known.front() {
            Some(tick) => tick.pts,
            None => self.cadence.next_tick().or_else(|| self.first_tick())?,
        };
        Some(self.captured_at(pts) + self.delay.now())
    }

    /// What is shown at the ticks that can be decided by `now`, of which the last is the newest. More than one means that
    /// the others were missed.
    pub(super) fn decide(&mut self, now: Duration) -> Vec<Decision> {
        let mut decisions = Vec::new();
        while self.next_decision().is_some_and(|time| time <= now) {
            let Some(due) = self.next_due() else { break };
            let Some(tick) = self.next_tick() else { break };
            decisions.push(Decision { tick, due, captured: self.captured_of(&tick) });
        }
        decisions
    }

    /// The moments between the last two frames, or after the last one, at which ticks will need motion: parts of the
    /// interval between them, for frames at `before` and `pts`.
    pub(super) fn moments(&self, before: Pts, pts: Pts) -> Vec<f32> {
        let interval = pts - before;
        let start = match self.mode {
            MotionMode::Predict => pts,
            MotionMode::Interpolate => before,
        };
        let moments = self.cadence.between(start, start + interval);
        // Where all frames fall on ticks, a late one is still predicted.
        if moments.is_empty() { vec![1.0] } else { moments }
    }

    fn next_tick(&mut self) -> Option<Tick> {
        if let Some(tick) = self.known.pop_front() {
            return Some(tick);
        }
        let reached = self.cadence.next_tick().or_else(|| self.first_tick())?;
        let mut shown = None;
        while let Some(pts) = self.waiting.front().copied() {
            if self.cadence.rescaled(pts) > reached + self.tolerance {
                break;
            }
            self.waiting.pop_front();
            // Its own tick comes out at once, if it is this one.
            shown = self.cadence.push(pts).into_iter().flatten().last().or(shown);
        }
        shown.or_else(|| self.cadence.take())
    }

    /// Before any tick: that of the first frame.
    fn first_tick(&self) -> Option<Pts> {
        self.waiting.front().map(|pts| self.cadence.rescaled(*pts))
    }

    /// What is held is as old as its frame.
    fn captured_of(&self, tick: &Tick) -> Duration {
        match (tick.content, self.last) {
            (Content::Hold(_), Some(last)) => self.timeline.captured(last).min(self.captured_at(tick.pts)),
            _ => self.captured_at(tick.pts),
        }
    }

    fn captured_at(&self, pts: Pts) -> Duration {
        let base = self.time_base();
        let nanoseconds = i128::from(pts) * i128::from(base.num) * 1_000_000_000 / i128::from(base.den);
        self.timeline.captured_at(nanoseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECONDS: TimeBase = Rational::new(1, 1000);

    fn ms(time: i64) -> Duration {
        Duration::from_micros((time * 1000) as u64)
    }

    /// A frame: its time stamp, when it arrives, and when it is ready.
    type Script = Vec<(Pts, i64, i64)>;

    /// Frames of 25 a second, captured 1000 ms after their time stamp, that take `work` milliseconds.
    fn steady(count: i64, work: i64) -> Script {
        (0..count).map(|k| (40 * k, 1000 + 40 * k, 1000 + 40 * k + work)).collect()
    }

    /// Runs the script on a clock of half milliseconds; what is shown at 50 a second: time stamp, and `3` for frame 3,
    /// `3+0.5` for a prediction or interpolation, `3=` for a repetition.
    fn play(mode: MotionMode, script: &Script) -> Vec<(Pts, String, Decision)> {
        let mut director =
            Director::new(Rational::new(50, 1), mode, MILLISECONDS, Duration::from_millis(50)).unwrap();
        let mut shown = Vec::new();
        let end = script.iter().map(|frame| frame.2).max().unwrap() + 200;
        let mut given: Vec<(Option<Pts>, i64)> = Vec::new();
        for half in 0..2 * end {
            let now = Duration::from_micros(500) * half as u32;
            for (pts, _, ready) in script.iter().filter(|frame| ms(frame.1) == now) {
                given.push((director.arrive(*pts, now), *ready));
            }
            for (pts, ready) in &given {
                if let Some(pts) = pts.filter(|_| ms(*ready) == now) {
                    director.ready(pts, now);
                }
            }
            shown.extend(director.decide(now).last().map(|decision| {
                let text = match decision.tick.content {
                    Content::Original(frame) => format!("{frame}"),
                    Content::Hold(frame) => format!("{frame}="),
                    Content::Between { frame, tau } => format!("{frame}+{}", tau.to_f32()),
                };
                (decision.tick.pts, text, *decision)
            }));
        }
        shown
    }

    fn texts(shown: &[(Pts, String, Decision)]) -> String {
        shown.iter().map(|(_, text, _)| text.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_steady_source_alternates_real_and_predicted_frames() {
        let shown = play(MotionMode::Predict, &steady(40, 15));
        assert!(texts(&shown).starts_with("0 0= 1 1+0.5 2 2+0.5 3 3+0.5 4 "), "{}", texts(&shown));
        assert!(shown.windows(2).all(|pair| pair[1].0 - pair[0].0 == 20), "every tick once, in order");
        // Handed over a fixed time after the capture: the work and the margin.
        let late = &shown[60].2;
        assert!(late.due - late.captured <= ms(25) && late.due - late.captured >= ms(15));
    }

    #[test]
    fn interpolation_shows_the_same_a_frame_later() {
        let shown = play(MotionMode::Interpolate, &steady(40, 5));
        assert!(texts(&shown).contains("10 10+0.5 11 11+0.5 12"), "{}", texts(&shown));
        let delay = shown[60].2.due - shown[60].2.captured;
        assert!(delay >= ms(45) && delay <= ms(50), "{delay:?}");
    }

    #[test]
    fn a_lost_frame_is_predicted() {
        let mut script = steady(40, 15);
        script.remove(20);
        let shown = texts(&play(MotionMode::Predict, &script));
        // Frame 19 is followed by that of time 21, which has number 20.
        assert!(shown.contains("19 19+0.5 19+1 19+1.5 20 20+0.25 21 21+0.5"), "{shown}");
    }

    #[test]
    fn late_frames_are_predicted_until_they_come() {
        let mut script = steady(60, 15);
        (script[30].1, script[30].2) = (script[30].1 + 25, script[30].2 + 25);
        let shown = texts(&play(MotionMode::Predict, &script));
        assert!(shown.contains("29 29+0.5 29+1 30+0.5 31 31+0.5"), "{shown}");
    }

    #[test]
    fn a_stop_of_300_ms_is_predicted_for_two_intervals_and_then_held() {
        let mut script = steady(80, 15);
        script.retain(|frame| !(40..48).contains(&(frame.0 / 40)));
        let shown = texts(&play(MotionMode::Predict, &script));
        assert!(shown.contains("39 39+0.5 39+1 39+1.5 39+2 39= 39= "), "{shown}");
        assert!(shown.ends_with("="), "after the end the last frame is held: {shown}");
        assert!(shown.contains("= 40 "), "{shown}");
    }

    #[test]
    fn a_burst_shows_the_newest_frames_at_their_times() {
        let mut script = steady(80, 15);
        for frame in &mut script[40..44] {
            (frame.1, frame.2) = (1000 + 43 * 40, 1000 + 43 * 40 + 15);
        }
        let shown = texts(&play(MotionMode::Predict, &script));
        assert!(shown.contains("39+2"), "{shown}");
        assert!(shown.contains("43 43+0.5 44"), "{shown}");
    }

    #[test]
    fn jitter_within_the_delay_is_not_seen() {
        let mut script = steady(150, 12);
        for (k, frame) in script.iter_mut().enumerate() {
            let late = (k as i64 * 7) % 13;
            (frame.1, frame.2) = (frame.1 + late, frame.2 + late);
        }
        let shown = texts(&play(MotionMode::Predict, &script));
        assert!(shown.contains("140 140+0.5 141 141+0.5 142 142+0.5 143"), "{shown}");
    }

    #[test]
    fn a_camera_that_is_a_little_faster_than_it_says_shows_its_own_frames() {
        // 25.2 a second instead of 25, that begin half a tick beside the grid.
        let pts = |k: i64| if k == 0 { 0 } else { 10 + k * 5000 / 126 };
        let script: Script = (0..500).map(|k| (pts(k), 1000 + pts(k), 1012 + pts(k))).collect();
        let shown = play(MotionMode::Predict, &script);
        let real =
            shown.iter().filter(|(_, _, decision)| matches!(decision.tick.content, Content::Original(_)));
        assert!(real.count() >= 470, "{}", texts(&shown));
    }

    #[test]
    fn other_rates_keep_their_exact_moments() {
        let director = Director::new(
            Rational::new(60, 1),
            MotionMode::Predict,
            Rational::new(1, 24),
            Duration::from_millis(50),
        );
        let mut director = director.unwrap();
        for k in 0..3 {
            let pts = director.arrive(k, Duration::from_micros(41_667) * k as u32).unwrap();
            director.ready(pts, Duration::from_micros(41_667) * k as u32);
            director.decide(Duration::from_micros(41_667) * k as u32 + Duration::from_millis(30));
        }
        assert_eq!(director.time_base(), Rational::new(1, 120));
        // Ticks at 5 and 7.5 sixtieths, frame 2 at 5: the next ones are at 0.4 and 0.8 of the interval after it.
        assert_eq!(director.moments(1, 2), [0.4, 0.8]);
    }
}
