//! Decides how much is left out where the machine is too slow.

use std::time::Duration;

/// How much is left out, from nothing to all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    #[default]
    Full,
    /// Motion is found without a network.
    LightMotion,
    /// Nothing is predicted: the newest real frame is held.
    NoPrediction,
    /// A smaller network enlarges.
    SmallNetwork,
    /// Frames are enlarged without a network.
    Resampled,
}

impl Level {
    /// For people and statistics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::LightMotion => "light motion",
            Self::NoPrediction => "no prediction",
            Self::SmallNetwork => "small network",
            Self::Resampled => "resampled",
        }
    }
}

/// The stretch after which the load is judged.
const WINDOW: Duration = Duration::from_millis(500);
/// Judged from this many events on.
const LEAST_EVENTS: u32 = 8;
/// The share of frames dropped or late, and of ticks missed, that is too much.
const TOO_MUCH: f64 = 0.1;
/// Recovery is tried when the busiest stage has been busy for at most this share of the time.
const IDLE: f64 = 0.6;
/// For how long it must be so. Doubled, up to the longest, each time that a recovery fails within as long again.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(80);

/// Watches the load and changes the level by one step at a time.
#[derive(Debug)]
pub(super) struct Governor {
    /// Those that differ for this run.
    levels: Vec<Level>,
    index: usize,
    since: Option<Duration>,
    events: u32,
    bad: u32,
    busiest: f64,
    idle_since: Option<Duration>,
    wait: Duration,
    recovered: Option<Duration>,
    /// Until then, what was waiting before the last change is worked off.
    settled: Duration,
}

impl Governor {
    /// Of these levels, the first being full. Nothing is judged before `from`.
    pub(super) const fn new(levels: Vec<Level>, from: Duration) -> Self {
        Self {
            levels,
            index: 0,
            since: None,
            events: 0,
            bad: 0,
            busiest: 0.0,
            idle_since: None,
            wait: FIRST_WAIT,
            recovered: None,
            settled: from,
        }
    }

    pub(super) fn level(&self) -> Level {
        self.levels.get(self.index).copied().unwrap_or_default()
    }

    /// A frame or a tick went as it should, or not.
    pub(super) const fn observe(&mut self, is_good: bool) {
        self.events += 1;
        self.bad += !is_good as u32;
    }

    /// `busy`: the share of the last window that the busiest stage worked, 0 to 1.
    pub(super) const fn load(&mut self, busy: f64) {
        self.busiest = busy;
    }

    /// The new level if it changes now.
    pub(super) fn judge(&mut self, now: Duration) -> Option<Level> {
        if now < self.settled {
            (self.since, self.events, self.bad) = (Some(now), 0, 0);
            return None;
        }
        let since = *self.since.get_or_insert(now);
        if now < since + WINDOW || self.events < LEAST_EVENTS {
            return None;
        }
        let share = f64::from(self.bad) / f64::from(self.events);
        (self.since, self.events, self.bad) = (Some(now), 0, 0);
        if share > TOO_MUCH {
            self.idle_since = None;
            return self.step_down(now);
        }
        if self.busiest > IDLE || share > 0.0 {
            self.idle_since = None;
            return None;
        }
        let idle_since = *self.idle_since.get_or_insert(now);
        if self.index == 0 || now < idle_since + self.wait {
            return None;
        }
        self.index -= 1;
        (self.idle_since, self.recovered, self.settled) = (None, Some(now), now + WINDOW);
        Some(self.level())
    }

    fn step_down(&mut self, now: Duration) -> Option<Level> {
        if self.index + 1 >= self.levels.len() {
            return None;
        }
        self.wait = match self.recovered.take() {
            Some(recovered) if now < recovered + self.wait => (self.wait * 2).min(LONGEST_WAIT),
            _ => self.wait,
        };
        self.index += 1;
        self.settled = now + WINDOW;
        Some(self.level())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVELS: [Level; 4] = [Level::Full, Level::NoPrediction, Level::SmallNetwork, Level::Resampled];

    /// Runs for `seconds` with 60 events a second, of which `bad` in 60 go wrong; the changes and their times.
    fn run(governor: &mut Governor, from: f64, seconds: f64, bad: u32, busy: f64) -> Vec<(f64, Level)> {
        let mut changes = Vec::new();
        for n in 0..(seconds * 60.0) as u32 {
            let now = from + f64::from(n) / 60.0;
            governor.observe(n * bad / 60 == (n + 1) * bad / 60);
            governor.load(busy);
            changes.extend(governor.judge(Duration::from_secs_f64(now)).map(|level| (now, level)));
        }
        changes
    }

    #[test]
    fn it_steps_down_in_order_and_stays_where_there_is_nothing_left() {
        let mut governor = Governor::new(LEVELS.to_vec(), Duration::ZERO);
        assert!(run(&mut governor, 0.0, 10.0, 3, 0.9).is_empty(), "few late frames are no overload");
        let changes = run(&mut governor, 10.0, 10.0, 20, 1.0);
        assert_eq!(changes.iter().map(|change| change.1).collect::<Vec<_>>(), LEVELS[1..]);
        assert!(changes[2].0 < 13.0);
    }

    #[test]
    fn it_recovers_when_there_is_room_and_waits_longer_after_failures() {
        let mut governor = Governor::new(LEVELS.to_vec(), Duration::ZERO);
        let mut time = 0.0;
        let mut until_change = |bad: u32, busy: f64| {
            let began = time;
            loop {
                let changes = run(&mut governor, time, 0.5, bad, busy);
                time += 0.5;
                if let Some((_, level)) = changes.first() {
                    return Some((time - began, *level));
                }
                if time - began > 200.0 {
                    return None;
                }
            }
        };
        assert_eq!(until_change(20, 1.0).unwrap().1, Level::NoPrediction);
        assert_eq!(until_change(0, 0.9), None, "no room");
        let mut waits = Vec::new();
        for _ in 0..6 {
            let (wait, level) = until_change(0, 0.3).unwrap();
            assert_eq!(level, Level::Full);
            waits.push(wait);
            assert_eq!(until_change(20, 1.0).unwrap().1, Level::NoPrediction);
        }
        assert!(waits[0] <= 6.5 && waits.windows(2).all(|pair| pair[0] <= pair[1]), "{waits:?}");
        assert!(waits[3] > 39.0 && waits[5] < 83.0, "{waits:?}");
    }
}
