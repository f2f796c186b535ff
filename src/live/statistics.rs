//! What a live run tells of itself while it goes on.

use super::ShownContent;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Times are kept in microseconds up to this one, with three significant digits.
const LONGEST: u64 = 60_000_000;
/// The stretch over which rates are counted.
const RATE_OVER: Duration = Duration::from_secs(2);

/// Percentiles of a time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// The median.
    pub p50: f64,
    /// 95 of 100 are at most this.
    pub p95: f64,
    /// 99 of 100 are at most this.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

/// What the source is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceState {
    /// Nothing came yet.
    #[default]
    Waiting,
    /// Frames come.
    Live,
    /// It was lost, and is being opened again.
    Reconnecting,
    /// It has ended.
    Ended,
}

/// Of one output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OutputCount {
    /// As [`Output::name`](super::Output::name) says.
    pub name: String,
    /// Pictures that it has shown.
    pub shown: u64,
    /// Pictures that it missed because it was not done with those before.
    pub dropped: u64,
    /// Packets of sound and other streams that it missed, likewise.
    pub packets_dropped: u64,
    /// Why it has stopped, if it has.
    pub failure: Option<String>,
}

/// Of one stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StageLatency {
    /// `upscale`, `motion` or `compose`.
    pub stage: String,
    /// Milliseconds for each frame.
    pub milliseconds: Percentiles,
}

/// A moment of a live run. Counts are since its beginning or, for latencies, since the warm-up.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LiveStatistics {
    /// Seconds since the beginning.
    pub seconds: f64,
    /// What the source is doing.
    pub source: SourceState,
    /// Times that the source was opened again.
    pub reconnects: u64,
    /// Frames that came.
    pub frames_in: u64,
    /// Frames that never came: gaps in the time stamps of a constant rate.
    pub frames_lost: u64,
    /// Frames that came and were left out, because those before took too long.
    pub frames_dropped: u64,
    /// Pictures shown: real, predicted, interpolated and held ones.
    pub frames_out: u64,
    /// Real frames shown.
    pub real: u64,
    /// Predicted pictures shown.
    pub predicted: u64,
    /// Interpolated pictures shown.
    pub interpolated: u64,
    /// Pictures that only repeat the newest real frame.
    pub held: u64,
    /// Ticks at which nothing was shown, because the one before took too long.
    pub missed: u64,
    /// Frames a second that came lately.
    pub fps_in: f64,
    /// Pictures a second that were shown lately.
    pub fps_out: f64,
    /// Predictions that were nearer to the real frame than the one before it, 0 to 1; `None` without predictions.
    pub hit_rate: Option<f64>,
    /// Share of pixels that were the newest real frame's own in predicted pictures, 0 to 1.
    pub gated: Option<f64>,
    /// From capture to hand-over of what is shown, in milliseconds.
    pub latency: Percentiles,
    /// The delay that the run aims at, in milliseconds.
    pub target_latency: f64,
    /// What is done to a frame at each stage.
    pub stages: Vec<StageLatency>,
    /// How much is left out because the machine is too slow; `full` is nothing.
    pub level: String,
    /// Times that more was left out.
    pub degradations: u64,
    /// The way that frames are enlarged at the moment.
    pub model: String,
    /// Whether frames between real ones are predicted at the moment.
    pub predicts: bool,
    /// Resident memory in bytes.
    pub memory: u64,
    /// Processor time per second of the last seconds, in cores.
    pub cores: f64,
    /// The outputs.
    pub outputs: Vec<OutputCount>,
}

/// Gathers statistics from all threads.
#[derive(Debug, Default)]
pub struct StatisticsBoard(Mutex<Board>);

/// Times of pictures and of stages.
#[derive(Debug, Default)]
struct Latencies {
    shown: Option<Histogram<u64>>,
    stages: Vec<(&'static str, Histogram<u64>)>,
}

impl Latencies {
    fn count(&self) -> u64 {
        self.shown.as_ref().map_or(0, Histogram::len)
    }
}

/// Pictures whose latencies tell more than those of the warm-up.
const TELLING: u64 = 20;

#[derive(Debug, Default)]
struct Board {
    now: LiveStatistics,
    latencies: Latencies,
    /// Those of the warm-up, until there are enough others.
    warm_up: Latencies,
    arrivals: VecDeque<Duration>,
    shown: VecDeque<Duration>,
}

impl StatisticsBoard {
    /// The newest statistics.
    pub fn read(&self) -> LiveStatistics {
        let board = self.lock();
        let mut now = board.now.clone();
        let is_telling = board.latencies.count() >= TELLING.min(board.warm_up.count());
        let latencies = if is_telling { &board.latencies } else { &board.warm_up };
        now.latency = latencies.shown.as_ref().map(percentiles).unwrap_or_default();
        let latency = |(stage, histogram): &(&'static str, _)| StageLatency {
            stage: (*stage).to_owned(),
            milliseconds: percentiles(histogram),
        };
        now.stages = latencies.stages.iter().map(latency).collect();
        now
    }

    /// Changes counts.
    pub fn update(&self, change: impl FnOnce(&mut LiveStatistics)) {
        change(&mut self.lock().now);
    }

    /// A frame came at `now`.
    pub(super) fn arrived(&self, now: Duration) {
        let mut board = self.lock();
        board.now.frames_in += 1;
        board.now.source = SourceState::Live;
        board.now.fps_in = rate(&mut board.arrivals, now);
    }

    /// A stage took `time` for a frame.
    pub(super) fn took(&self, stage: &'static str, time: Duration) {
        let stages = &mut self.lock().latencies.stages;
        let index = stages.iter().position(|(known, _)| *known == stage).unwrap_or_else(|| {
            stages.extend(histogram().map(|histogram| (stage, histogram)));
            stages.len().saturating_sub(1)
        });
        if let Some((_, histogram)) = stages.get_mut(index) {
            record(histogram, time);
        }
    }

    /// A picture of this content, captured and handed over at these times, was shown.
    pub(super) fn shown(&self, content: ShownContent, captured: Duration, now: Duration) {
        let mut board = self.lock();
        let count = &mut board.now;
        count.frames_out += 1;
        *match content {
            ShownContent::Real => &mut count.real,
            ShownContent::Predicted(_) => &mut count.predicted,
            ShownContent::Interpolated(_) => &mut count.interpolated,
            ShownContent::Held => &mut count.held,
        } += 1;
        board.now.seconds = now.as_secs_f64();
        board.now.fps_out = rate(&mut board.shown, now);
        if board.latencies.shown.is_none() {
            board.latencies.shown = histogram();
        }
        if let Some(histogram) = &mut board.latencies.shown {
            record(histogram, now.saturating_sub(captured));
        }
    }

    /// The warm-up is over: latencies are counted from here on, and told once there are some.
    pub(super) fn forget_latencies(&self) {
        let mut board = self.lock();
        board.warm_up = std::mem::take(&mut board.latencies);
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn histogram() -> Option<Histogram<u64>> {
    Histogram::new_with_max(LONGEST, 3).ok()
}

fn record(histogram: &mut Histogram<u64>, time: Duration) {
    histogram.saturating_record(u64::try_from(time.as_micros()).unwrap_or(LONGEST));
}

fn percentiles(histogram: &Histogram<u64>) -> Percentiles {
    let milliseconds = |microseconds: u64| microseconds as f64 / 1e3;
    let at = |quantile| milliseconds(histogram.value_at_quantile(quantile));
    Percentiles { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: milliseconds(histogram.max()) }
}

/// Events a second over the last while, one of them `now`.
fn rate(times: &mut VecDeque<Duration>, now: Duration) -> f64 {
    times.push_back(now);
    while times.front().is_some_and(|first| *first + RATE_OVER < now) {
        times.pop_front();
    }
    let span = times.front().map_or(0.0, |first| (now - *first).as_secs_f64());
    if span > 0.0 { (times.len() - 1) as f64 / span } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_rates_and_latencies_are_those_of_what_was_shown() {
        let board = StatisticsBoard::default();
        for tick in 0..240u32 {
            let now = Duration::from_micros(16_667) * tick;
            if tick % 2 == 0 {
                board.arrived(now);
            }
            let content = if tick % 2 == 0 { ShownContent::Real } else { ShownContent::Predicted(0.5) };
            board.shown(content, now.saturating_sub(Duration::from_millis(20)), now);
            board.took("compose", Duration::from_millis(4));
        }
        let statistics = board.read();
        assert_eq!((statistics.frames_in, statistics.frames_out), (120, 240));
        assert_eq!((statistics.real, statistics.predicted, statistics.held), (120, 120, 0));
        assert!((statistics.fps_in - 30.0).abs() < 0.01 && (statistics.fps_out - 60.0).abs() < 0.01);
        assert!((statistics.latency.p95 - 20.0).abs() < 0.1, "{:?}", statistics.latency);
        assert!((statistics.stages[0].milliseconds.max - 4.0).abs() < 0.1);
        // The warm-up's are told until there are some others.
        board.forget_latencies();
        for tick in 1..=TELLING {
            let told = board.read();
            assert!((told.latency.p95 - 20.0).abs() < 0.1 && told.stages.len() == 1, "{tick}: {told:?}");
            let now = Duration::from_millis(5000 + 17 * tick);
            board.shown(ShownContent::Real, now.saturating_sub(Duration::from_millis(7)), now);
        }
        let told = board.read();
        assert!((told.latency.max - 7.0).abs() < 0.1 && told.stages.is_empty(), "{told:?}");
    }
}
