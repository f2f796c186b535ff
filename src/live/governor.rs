//! Decides how much is left out where the machine is too slow.
//!
//! Enlarging and motion work side by side, each on threads of its own. What cannot keep up is what gets less: predictions that
//! take little are no help to a network that takes too long. Where both are busy, motion goes first.
//!
//! Edits are made on the thread that enlarges. The user asked for them, so a smaller network goes before them; but they take more than
//! they are worth where the other way out is to enlarge without any network, or to leave frames out.

use super::{EnlargingLevel, LeftOut, Level, MotionLevel};
use std::time::Duration;

/// The stretch after which the load is judged.
const WINDOW: Duration = Duration::from_millis(500);
/// Judged from this many events on.
const LEAST_EVENTS: u32 = 8;
/// The share of frames dropped or late, and of ticks missed, that is too much.
const TOO_MUCH: f64 = 0.1;
/// More is tried again when what would get it has been busy for at most this share of the time,
const IDLE: f64 = 0.6;
/// and the other for at most this share. Above it, a stage is taken for one that cannot keep up.
const FULL: f64 = 0.85;
/// For how long it must be so. Doubled, up to the longest, each time that a recovery fails within as long again.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(80);

/// The levels that differ for a run, the first being full.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    pub(super) motion: Vec<MotionLevel>,
    pub(super) enlarging: Vec<EnlargingLevel>,
    pub(super) edits: Vec<LeftOut>,
}

/// Watches the load and changes the level by one step at a time.
#[derive(Debug)]
pub(super) struct Governor {
    levels: Levels,
    motion: Side,
    enlarging: Side,
    /// On the thread that enlarges: how busy that is tells of both.
    edits: Side,
    since: Option<Duration>,
    events: u32,
    bad: u32,
    /// So was the last window.
    was_too_much: bool,
    /// Until then, what was waiting before the last change is worked off. What is judged began later.
    settled: Duration,
}

/// How far one part of the work is reduced.
#[derive(Debug)]
struct Side {
    index: usize,
    last: usize,
    /// The share of the last window that its busiest stage worked.
    busy: f64,
    idle_since: Option<Duration>,
    wait: Duration,
    recovered: Option<Duration>,
}

impl Side {
    const fn new(levels: usize) -> Self {
        let last = levels.saturating_sub(1);
        Self { index: 0, last, busy: 0.0, idle_since: None, wait: FIRST_WAIT, recovered: None }
    }

    const fn can_do_less(&self) -> bool {
        self.index < self.last
    }

    fn do_less(&mut self, now: Duration) {
        if let Some(recovered) = self.recovered.take()
            && now < recovered + self.wait
        {
            self.wait = (self.wait * 2).min(LONGEST_WAIT);
        }
        self.index += 1;
    }

    /// Does more if there has been room for long enough.
    fn recovers(&mut self, now: Duration, is_idle: bool) -> bool {
        if !is_idle || self.index == 0 {
            self.idle_since = None;
            return false;
        }
        if now < *self.idle_since.get_or_insert(now) + self.wait {
            return false;
        }
        self.index -= 1;
        (self.idle_since, self.recovered) = (None, Some(now));
        true
    }
}

impl Governor {
    /// Of these levels. Nothing is judged before `from`.
    pub(super) const fn new(levels: Levels, from: Duration) -> Self {
        Self {
            motion: Side::new(levels.motion.len()),
            enlarging: Side::new(levels.enlarging.len()),
            edits: Side::new(levels.edits.len()),
            levels,
            since: None,
            events: 0,
            bad: 0,
            was_too_much: false,
            settled: from,
        }
    }

    pub(super) fn level(&self) -> Level {
        Level {
            motion: self.levels.motion.get(self.motion.index).copied().unwrap_or_default(),
            enlarging: self.levels.enlarging.get(self.enlarging.index).copied().unwrap_or_default(),
            edits: self.levels.edits.get(self.edits.index).copied().unwrap_or_default(),
        }
    }

    /// Which of the levels of motion it is.
    pub(super) const fn motion_index(&self) -> usize {
        self.motion.index
    }

    /// A frame or a tick went as it should, or not.
    pub(super) const fn observe(&mut self, is_good: bool) {
        self.events += 1;
        self.bad += !is_good as u32;
    }

    /// The shares of the last window, 0 to 1, that enlarging worked, and the busier of finding motion and composing.
    pub(super) const fn load(&mut self, enlarging: f64, motion: f64) {
        (self.enlarging.busy, self.motion.busy) = (enlarging, motion);
    }

    /// The new level if it changes now.
    pub(super) fn judge(&mut self, now: Duration) -> Option<Level> {
        let Some(since) = self.since.filter(|since| *since >= self.settled) else {
            (self.since, self.events, self.bad) = (Some(now), 0, 0);
            return None;
        };
        if now < since + WINDOW || self.events < LEAST_EVENTS {
            return None;
        }
        let share = f64::from(self.bad) / f64::from(self.events);
        (self.since, self.events, self.bad) = (Some(now), 0, 0);
        let is_too_much = share > TOO_MUCH;
        let was_too_much = std::mem::replace(&mut self.was_too_much, is_too_much);
        if is_too_much && !was_too_much && self.enlarging.busy.max(self.motion.busy) <= IDLE {
            // What is late once while there is little to do waited for something else.
            return None;
        }
        let changes = if is_too_much { self.do_less(now) } else { self.do_more(now) };
        changes.then(|| {
            self.settled = now + WINDOW;
            self.level()
        })
    }

    fn do_less(&mut self, now: Duration) -> bool {
        self.wait_anew();
        let Self { motion, enlarging, edits, levels, .. } = self;
        let is_enlarging = enlarging.busy > FULL && motion.busy <= IDLE;
        let is_smaller_next = levels.enlarging.get(enlarging.index + 1) == Some(&EnlargingLevel::Small);
        let [first, second] = if is_smaller_next { [enlarging, edits] } else { [edits, enlarging] };
        let order = if is_enlarging { [first, second, motion] } else { [motion, first, second] };
        order.into_iter().find(|side| side.can_do_less()).is_some_and(|side| {
            side.do_less(now);
            true
        })
    }

    /// Smoothness comes back first: it takes less than sharpness. Edits come last, for they may be what takes too long; what they
    /// need is seen when all else is there. Single late frames do not put it off: other programs cause them on any machine.
    fn do_more(&mut self, now: Duration) -> bool {
        let Self { motion, enlarging, edits, .. } = self;
        let has_room = |side: &Side, other: &Side| side.busy <= IDLE && other.busy <= FULL;
        let is_smooth = motion.index == 0;
        let idle = [has_room(motion, enlarging), has_room(enlarging, motion) && is_smooth];
        let changes =
            motion.recovers(now, idle[0]) || enlarging.recovers(now, idle[1]) || edits.recovers(now, idle[1]);
        if changes {
            self.wait_anew();
        }
        changes
    }

    /// Whether there is room is to be seen again.
    const fn wait_anew(&mut self) {
        (self.motion.idle_since, self.enlarging.idle_since, self.edits.idle_since) = (None, None, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: LeftOut = LeftOut { style: false, denoise: false, low_light: false };
    const FULL_LEVEL: Level =
        Level { motion: MotionLevel::Full, enlarging: EnlargingLevel::Full, edits: NOTHING };
    const OFF: Level = Level { motion: MotionLevel::Off, ..FULL_LEVEL };
    const SMALL: Level = Level { enlarging: EnlargingLevel::Small, ..FULL_LEVEL };

    fn governor() -> Governor {
        governor_of(vec![NOTHING])
    }

    fn governor_of(edits: Vec<LeftOut>) -> Governor {
        let levels = Levels {
            motion: vec![MotionLevel::Full, MotionLevel::Off],
            enlarging: vec![EnlargingLevel::Full, EnlargingLevel::Small, EnlargingLevel::Resampled],
            edits,
        };
        Governor::new(levels, Duration::ZERO)
    }

    /// Runs for `seconds` with 60 events a second, of which `bad` in 60 go wrong; the changes and their times. `busy` is of
    /// enlarging and of motion.
    fn run(
        governor: &mut Governor,
        from: f64,
        seconds: f64,
        bad: u32,
        busy: (f64, f64),
    ) -> Vec<(f64, Level)> {
        let mut changes = Vec::new();
        for n in 0..(seconds * 60.0) as u32 {
            let now = from + f64::from(n) / 60.0;
            governor.observe(n * bad / 60 == (n + 1) * bad / 60);
            governor.load(busy.0, busy.1);
            changes.extend(governor.judge(Duration::from_secs_f64(now)).map(|level| (now, level)));
        }
        changes
    }

    #[test]
    fn with_everything_busy_it_steps_down_in_order_and_stays_where_there_is_nothing_left() {
        let mut governor = governor();
        assert!(run(&mut governor, 0.0, 10.0, 3, (0.9, 0.9)).is_empty(), "few late frames are no overload");
        let changes = run(&mut governor, 10.0, 10.0, 20, (1.0, 1.0));
        let names: Vec<String> = changes.iter().map(|change| change.1.name()).collect();
        assert_eq!(names, ["no prediction", "no prediction, small network", "no prediction, resampled"]);
        assert!(changes[2].0 < 13.0);
    }

    #[test]
    fn edits_go_after_the_large_network_and_before_the_small_one_and_come_back_last() {
        let style = LeftOut { style: true, ..NOTHING };
        let mut governor = governor_of(vec![NOTHING, style, LeftOut { denoise: true, ..style }]);
        let changes = run(&mut governor, 0.0, 10.0, 20, (1.0, 0.3));
        let names: Vec<String> = changes.iter().map(|change| change.1.name()).collect();
        assert_eq!(
            names,
            [
                "small network",
                "small network, no style",
                "small network, no style, no denoising",
                "resampled, no style, no denoising",
                "no prediction, resampled, no style, no denoising",
            ]
        );
        let changes = run(&mut governor, 10.0, 60.0, 0, (0.3, 0.3));
        let names: Vec<String> = changes.iter().map(|change| change.1.name()).collect();
        assert_eq!(
            names,
            [
                "resampled, no style, no denoising",
                "small network, no style, no denoising",
                "no style, no denoising",
                "no style",
                "full",
            ]
        );
        assert!(
            changes.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 5.0),
            "each is tried alone: {changes:?}"
        );
    }

    #[test]
    fn what_waited_at_a_change_is_not_judged_however_seldom_it_is_asked() {
        let mut governor = governor();
        let mut changes = Vec::new();
        for half in 0..7u32 {
            (0..30).for_each(|_| governor.observe(false));
            governor.load(1.0, 1.0);
            changes.extend(governor.judge(WINDOW * half).map(|_| half));
        }
        assert_eq!(changes, [1, 3, 5]);
    }

    #[test]
    fn what_cannot_keep_up_gets_less() {
        let mut governor = governor();
        let changes = run(&mut governor, 0.0, 0.9, 20, (1.0, 0.3));
        assert_eq!(changes.iter().map(|change| change.1).collect::<Vec<_>>(), [SMALL]);
        assert!(run(&mut governor, 0.9, 30.0, 0, (0.7, 0.3)).is_empty(), "the small network is busy enough");
        let changes = run(&mut governor, 40.0, 0.9, 20, (0.7, 1.0));
        assert_eq!(changes[0].1.name(), "no prediction, small network");
    }

    #[test]
    fn hiccups_on_a_machine_with_little_to_do_change_nothing_and_keep_nothing_from_recovering() {
        let mut governor = governor();
        for second in 0..20 {
            let second = f64::from(second);
            assert!(run(&mut governor, second, 0.5, 20, (0.3, 0.2)).is_empty());
            assert!(run(&mut governor, second + 0.5, 0.5, 0, (0.3, 0.2)).is_empty());
        }
        let changes = run(&mut governor, 20.0, 1.2, 20, (0.3, 0.2));
        assert_eq!(changes.iter().map(|change| change.1).collect::<Vec<_>>(), [OFF], "it lasts");
        let changes = run(&mut governor, 22.0, 8.0, 2, (0.3, 0.2));
        assert_eq!(
            changes.iter().map(|change| change.1).collect::<Vec<_>>(),
            [FULL_LEVEL],
            "a late frame in thirty"
        );
    }

    #[test]
    fn smoothness_recovers_before_sharpness() {
        let mut governor = governor();
        run(&mut governor, 0.0, 1.9, 20, (1.0, 1.0));
        assert_eq!(governor.level().name(), "no prediction, small network");
        let changes = run(&mut governor, 1.9, 60.0, 0, (0.7, 0.1));
        assert_eq!(changes.iter().map(|change| change.1).collect::<Vec<_>>(), [SMALL]);
        let changes = run(&mut governor, 70.0, 12.0, 0, (0.4, 0.3));
        assert_eq!(changes.iter().map(|change| change.1).collect::<Vec<_>>(), [FULL_LEVEL]);
    }

    #[test]
    fn it_recovers_when_there_is_room_and_waits_longer_after_failures() {
        let mut governor = governor();
        let mut time = 0.0;
        let mut until_change = |bad: u32, busy: f64| {
            let began = time;
            loop {
                let changes = run(&mut governor, time, 0.5, bad, (busy, busy));
                time += 0.5;
                if let Some((_, level)) = changes.first() {
                    return Some((time - began, *level));
                }
                if time - began > 200.0 {
                    return None;
                }
            }
        };
        assert_eq!(until_change(20, 1.0).unwrap().1, OFF);
        assert_eq!(until_change(0, 0.9), None, "no room");
        let mut waits = Vec::new();
        for _ in 0..6 {
            let (wait, level) = until_change(0, 0.3).unwrap();
            assert_eq!(level, FULL_LEVEL);
            waits.push(wait);
            assert_eq!(until_change(20, 1.0).unwrap().1, OFF);
        }
        assert!(waits[0] <= 6.5 && waits.windows(2).all(|pair| pair[0] <= pair[1]), "{waits:?}");
        assert!(waits[3] > 39.0 && waits[5] < 83.0, "{waits:?}");
    }
}
