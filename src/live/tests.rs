//! The loop on a virtual clock: frames of a panning picture arrive by a script, workers take the time that they are given, and
//! what is shown is compared with what an undisturbed camera would have seen at that moment.

use super::capture::Captured;
use super::companions::Companions;
use super::conductor::{Conductor, Done, EnlargeJob, MotionJob, Setup, Wires};
use super::director::Director;
use super::governor::Levels;
use super::motion::MotionFinder;
use super::outputs::OutputQueues;
use super::present::{Busy, Presenter, Work};
use super::{
    Controls, EnlargingLevel, LeftOut, Level, LiveStatistics, MotionLevel, ShownContent, StatisticsBoard,
};
use crate::frame::{BufferPool, Frame, FrameInfo, MotionMode, MotionScale, PixelFormat, Pts, Rational};
use crate::kernel::{self, KernelChoice};
use crate::media::Interrupt;
use crate::pipeline::Clock;
use crate::stage::{Captions, DetectorOptions, MotionMaker, MotionPredictor};
use crossbeam_channel::{Receiver, bounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

mod captions;
mod edits;

const WIDTH: usize = 160;
const HEIGHT: usize = 90;
/// Pixels a second.
const SPEED: f64 = 75.0;
const RATE: i64 = 25;
const TICKS: i32 = 50;

#[derive(Default)]
struct ManualClock(AtomicU64);

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// What a camera sees at `time` (seconds).
fn seen(time: f64, pts: Pts) -> Frame {
    let info = FrameInfo { pts, ..FrameInfo::new(WIDTH as u32, HEIGHT as u32, PixelFormat::YUV420P) };
    let mut frame = Frame::allocate(info, None);
    for plane in frame.planes_mut() {
        let scale = WIDTH as f64 / f64::from(plane.width);
        for (y, row) in plane.rows_mut().enumerate() {
            for (x, sample) in row.iter_mut().enumerate() {
                let (x, y) = (x as f64 * scale - SPEED * time, y as f64 * scale);
                let value = (x * 0.21).sin() + (x * 0.083 + y * 0.11).sin() + (y * 0.17 - x * 0.05).sin();
                *sample = (128.0 + 30.0 * value).round() as u8;
            }
        }
    }
    frame
}

fn error(a: &Frame, b: &Frame) -> f64 {
    let rows = a.planes()[0].rows().zip(b.planes()[0].rows()).skip(8).take(HEIGHT - 16);
    let (mut sum, mut count) = (0.0, 0);
    for (a, b) in rows {
        // What comes in at the edges cannot be known.
        for (a, b) in a[16..WIDTH - 16].iter().zip(&b[16..WIDTH - 16]) {
            sum += f64::from(a.abs_diff(*b)).powi(2);
            count += 1;
        }
    }
    sum / f64::from(count)
}

/// How a camera and a machine behave.
struct Script {
    frames: i64,
    /// When frame k arrives, in milliseconds after its capture; `None` if it never does.
    late: Box<dyn Fn(i64) -> Option<f64>>,
    /// Milliseconds that enlarging takes: by which way, without which edits, at which second.
    work: Box<dyn Fn(usize, LeftOut, f64) -> f64>,
    /// The levels of edits.
    edits: Vec<LeftOut>,
    mode: MotionMode,
    predicts: bool,
}

impl Script {
    fn new(frames: i64, late: impl Fn(i64) -> Option<f64> + 'static) -> Self {
        Self {
            frames,
            late: Box::new(late),
            work: Box::new(|_, _, _| 12.0),
            edits: vec![LeftOut::default()],
            mode: MotionMode::Predict,
            predicts: true,
        }
    }
}

/// A picture that was shown.
struct Seen {
    /// Seconds.
    time: f64,
    content: ShownContent,
    /// PSNR in dB against the undisturbed camera.
    psnr: f64,
    /// Milliseconds from the capture of the content to its hand-over.
    latency: f64,
    captions: Vec<u8>,
}

struct Result {
    shown: Vec<Seen>,
    statistics: LiveStatistics,
    levels: Vec<(f64, Level)>,
}

impl Result {
    /// What was shown, in a letter each: a real frame, a prediction (or interpolation), a repetition.
    fn letters(&self, from: f64, to: f64) -> String {
        let letter = |seen: &Seen| match seen.content {
            ShownContent::Real => 'R',
            ShownContent::Predicted(_) | ShownContent::Interpolated(_) => 'p',
            ShownContent::Held => '=',
        };
        self.shown.iter().filter(|seen| seen.time >= from && seen.time < to).map(letter).collect()
    }

    fn mean_psnr(&self, from: f64) -> f64 {
        let after: Vec<f64> =
            self.shown.iter().filter(|seen| seen.time >= from).map(|seen| seen.psnr.min(60.0)).collect();
        after.iter().sum::<f64>() / after.len() as f64
    }
}

/// A frame on its way, by when it is there: in microseconds.
enum Event {
    Arrives(Frame),
    Enlarged(u64, Frame),
}

struct Stage {
    clock: Arc<ManualClock>,
    conductor: Conductor,
    enlarge: Receiver<EnlargeJob>,
    motion: Receiver<MotionJob>,
    work: Receiver<Work>,
    finder: MotionFinder,
    presenter: Presenter,
    /// What the worker that enlarges has worked, in nanoseconds.
    busy: Busy,
    /// When it is free again.
    free: u64,
    /// The job that it works on; the channel holds one more.
    events: Vec<(u64, Event)>,
}

fn play(script: &Script) -> Result {
    let clock = Arc::<ManualClock>::default();
    let statistics = Arc::<StatisticsBoard>::default();
    let mut stage = stage(script, &clock, &statistics);
    for k in 0..script.frames {
        if let Some(late) = (script.late)(k) {
            let capture = 1e6 * k as f64 / RATE as f64 + 1e6;
            let mut frame = seen(k as f64 / RATE as f64, k * 1000 / RATE);
            frame.info.side_data.push(captions::of(k));
            stage.events.push(((capture + 1e3 * late) as u64, Event::Arrives(frame)));
        }
    }
    let end = 1_000_000 + 1_000_000 * script.frames as u64 / RATE as u64;
    let mut result = Result { shown: Vec::new(), statistics: LiveStatistics::default(), levels: Vec::new() };
    for now in (0..end).step_by(500) {
        clock.0.store(now, Ordering::Relaxed);
        stage.step(script, now);
        stage.conductor.complete();
        stage.conductor.show_due();
        let before = stage.conductor.level();
        stage.conductor.judge();
        if stage.conductor.level() != before {
            result.levels.push((now as f64 / 1e6, stage.conductor.level()));
        }
        stage.present(now, &mut result.shown);
    }
    result.statistics = statistics.read();
    result
}

fn stage(script: &Script, clock: &Arc<ManualClock>, statistics: &Arc<StatisticsBoard>) -> Stage {
    let (enlarge_in, enlarge) = bounded(1);
    let (motion_in, motion) = bounded(1);
    let (present, work) = bounded(8);
    let clock_of = || -> Arc<dyn Clock> { clock.clone() };
    let milliseconds = Rational::new(1, 1000);
    let longest = Duration::from_millis(80);
    let director = Director::new(Rational::new(TICKS, 1), script.mode, milliseconds, longest).unwrap();
    let controls = Arc::new(Controls::new(vec!["large".into(), "small".into(), "resampled".into()]));
    controls.set_predicts(script.predicts);
    let busy = Busy::default();
    let setup = Setup {
        director,
        mode: script.mode,
        levels: Levels {
            motion: vec![MotionLevel::Full, MotionLevel::Off],
            enlarging: vec![EnlargingLevel::Full, EnlargingLevel::Small, EnlargingLevel::Resampled],
            edits: script.edits.clone(),
        },
        longest,
        controls,
        statistics: statistics.clone(),
        clock: clock_of(),
        interrupt: Interrupt::default(),
        busy: [busy.clone(), Busy::default(), Busy::default()],
        observer: Box::new(|_| ()),
    };
    let wires = Wires {
        captured: crossbeam_channel::never(),
        enlarge: enlarge_in,
        motion: motion_in,
        done: crossbeam_channel::never(),
        present,
    };
    let companions = Companions::new((Vec::new(), milliseconds), bounded(1).0, statistics.clone());
    let kernels = kernel::create(KernelChoice::Cpu).unwrap();
    let finder = MotionFinder::new(
        script.mode,
        DetectorOptions::default(),
        vec![MotionPredictor::classical(script.mode, 4, MotionScale::Full)],
    );
    let presenter = Presenter {
        maker: MotionMaker::new(script.mode, 0, kernels, BufferPool::new()),
        outputs: OutputQueues::start(Vec::new(), statistics).unwrap(),
        clock: clock_of(),
        statistics: statistics.clone(),
        busy: Busy::default(),
        captions: Captions::default(),
    };
    let conductor = Conductor::new(setup, wires, companions);
    Stage {
        clock: clock.clone(),
        conductor,
        enlarge,
        motion,
        work,
        finder,
        presenter,
        busy,
        free: 0,
        events: Vec::new(),
    }
}

impl Stage {
    /// Everything that happens by `now`, in its order.
    fn step(&mut self, script: &Script, now: u64) {
        let (mut due, later): (Vec<_>, Vec<_>) = self.events.drain(..).partition(|(time, _)| *time <= now);
        self.events = later;
        due.sort_by_key(|(time, _)| *time);
        for (_, event) in due {
            match event {
                Event::Arrives(frame) => {
                    self.conductor.take(Captured::Frame(frame, self.clock.now())).unwrap();
                }
                Event::Enlarged(sequence, frame) => {
                    self.conductor.collect(Done::Enlarged(sequence, Ok(frame))).unwrap();
                }
            }
        }
        for MotionJob { sequence, frame, moments, predictor } in self.motion.try_iter() {
            let motion = self.finder.find(sequence, &frame, &moments, predictor);
            self.conductor.collect(Done::Moved(sequence, motion)).unwrap();
        }
        if self.free <= now
            && let Ok(EnlargeJob { sequence, frame, way, left_out }) = self.enlarge.try_recv()
        {
            let takes = (1e3 * (script.work)(way, left_out, now as f64 / 1e6)) as u64;
            self.busy.fetch_add(1000 * takes, Ordering::Relaxed);
            self.free = now + takes;
            self.events.push((self.free, Event::Enlarged(sequence, frame)));
        }
    }

    fn present(&mut self, now: u64, shown: &mut Vec<Seen>) {
        let work: Vec<Work> = self.work.try_iter().collect();
        for work in work {
            match work {
                Work::Learn(known) => self.presenter.learn(*known).unwrap(),
                Work::Show(picture) => {
                    let (pts, captured, due) = (picture.pts, picture.captured, picture.due);
                    let (frame, content) = self.presenter.make(picture.made_of, pts).unwrap();
                    // A tick of the output is a millisecond, as one of the source.
                    let time = pts as f64 / 1e3;
                    let psnr = 10.0 * (255.0f64.powi(2) / error(&frame, &seen(time, 0)).max(1e-3)).log10();
                    let handed_over = due.as_secs_f64().max(now as f64 / 1e6);
                    let latency = (handed_over - captured.as_secs_f64()) * 1e3;
                    let captions = captions::text(&frame.info.side_data);
                    shown.push(Seen { time, content, psnr, latency, captions });
                }
            }
        }
    }
}

/// Repeatable numbers from 0 to 1.
fn noise(k: i64) -> f64 {
    let mixed =
        (k as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed >> 40) as f64 / f64::from(1 << 24)
}

#[test]
fn a_steady_camera_is_shown_at_twice_its_rate_and_near_the_truth() {
    let result = play(&Script::new(200, |_| Some(0.0)));
    let letters = result.letters(4.0, 7.0);
    assert!(letters.contains("RpRpRpRp") && !letters.contains('='), "{letters}");
    assert_eq!(result.statistics.missed, 0);
    assert!(result.mean_psnr(2.0) > 45.0, "{}", result.mean_psnr(2.0));
    let held = play(&Script { predicts: false, ..Script::new(200, |_| Some(0.0)) });
    assert!(held.letters(4.0, 7.0).contains("R=R=R="));
    assert!(result.mean_psnr(2.0) > held.mean_psnr(2.0) + 5.0, "{}", held.mean_psnr(2.0));
}

#[test]
fn prediction_adds_no_delay_and_interpolation_adds_a_frames() {
    let latency = |mode| {
        let result = play(&Script { mode, ..Script::new(200, |_| Some(0.0)) });
        let mut all: Vec<f64> =
            result.shown.iter().filter(|seen| seen.time > 4.0).map(|seen| seen.latency).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() * 95 / 100]
    };
    let (predicted, interpolated) = (latency(MotionMode::Predict), latency(MotionMode::Interpolate));
    assert!(predicted <= 16.0, "12 ms of work and the margin: {predicted}");
    assert!((38.0..=42.0).contains(&(interpolated - predicted)), "{interpolated} {predicted}");
}

#[test]
fn jitter_loss_and_stops_are_covered_by_prediction() {
    type Late = fn(i64) -> Option<f64>;
    let disturbed: [(&str, Late); 4] = [
        ("jitter", |k| Some(40.0 * noise(k))),
        ("5 % loss", |k| (k == 0 || noise(k) > 0.05).then_some(0.0)),
        ("bursts", |k| Some(if k / 4 % 8 == 7 { 40.0 * (3 - k % 4) as f64 } else { 0.0 })),
        ("stops", |k| (k % 50 < 43).then_some(0.0)),
    ];
    for (name, late) in disturbed {
        let predicted = play(&Script::new(150, late));
        let held = play(&Script { predicts: false, ..Script::new(150, late) });
        let (with, without) = (predicted.mean_psnr(2.0), held.mean_psnr(2.0));
        assert!(with > without + 3.0, "{name}: {with} {without}");
        // A tick every 20 ms, whatever comes.
        let times: Vec<f64> = predicted.shown.iter().map(|seen| seen.time).collect();
        let gaps = times.windows(2).filter(|pair| pair[1] - pair[0] > 0.0205).count();
        assert!(gaps <= 1, "{name}: {gaps}");
        assert!(predicted.levels.is_empty(), "{name}: {:?}", predicted.levels);
    }
}

#[test]
fn a_camera_of_another_clock_is_followed_without_a_hole() {
    // 0.1 % slow: 10 ms in 10 s.
    let result = play(&Script::new(300, |k| Some(0.04 * k as f64)));
    let letters = result.letters(8.0, 11.0);
    assert!(!letters.contains('=') && letters.contains("RpRpRp"), "{letters}");
    assert_eq!((result.statistics.missed, result.statistics.frames_dropped), (0, 0));
}

#[test]
fn a_stop_is_held_after_two_intervals_and_then_goes_on() {
    let result = play(&Script::new(150, |k| (!(75..100).contains(&k)).then_some(0.0)));
    // Frame 74 is at 2.96 s; predictions reach 80 ms further.
    assert!(result.letters(2.95, 3.1).starts_with("Rpppp=="), "{}", result.letters(2.95, 3.1));
    assert!(result.letters(3.2, 3.9).chars().all(|letter| letter == '='));
    assert!(result.letters(4.1, 5.0).contains("RpRpRp"), "{}", result.letters(4.0, 5.0));
    assert_eq!(result.statistics.frames_lost, 0, "a pause of a second is not a loss of frames");
}

#[test]
fn a_network_that_is_too_slow_gives_way_to_a_smaller_one_and_comes_back() {
    let mut script = Script::new(700, |_| Some(0.0));
    // From second 5 to 12 another program takes the processor: large networks take 70 ms, small ones 30.
    script.work = Box::new(|way, _, second| match ((5.0..12.0).contains(&second), way) {
        (true, 0) => 70.0,
        (true, 1) => 30.0,
        (true, _) => 2.0,
        (false, _) => 12.0,
    });
    let result = play(&script);
    let levels: Vec<Level> = result.levels.iter().map(|(_, level)| *level).collect();
    let small = Level { enlarging: EnlargingLevel::Small, ..Level::default() };
    assert_eq!(levels[0], small, "{:?}", result.levels);
    assert!(result.levels[0].0 < 7.0, "{:?}", result.levels);
    assert_eq!(levels.last(), Some(&Level::default()), "{:?}", result.levels);
    // The small network keeps up, so that prediction goes on.
    let letters = result.letters(8.0, 10.0);
    assert!(letters.contains("RpRpRpRp") && !letters.contains('='), "{letters}");
    assert!(result.statistics.frames_dropped > 0);
    // Nothing queues up: what is shown is never older than the queue is deep.
    let oldest =
        result.shown.iter().filter(|seen| seen.time > 2.0).map(|seen| seen.latency).fold(0.0, f64::max);
    assert!(oldest < 260.0, "{oldest}");
}
