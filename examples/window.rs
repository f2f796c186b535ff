//! Fills the window of a live run with generated pictures, to see the window without a source and without a model.
//!
//! ```sh
//! cargo run --example window -- [SECONDS [SOURCE-STATE [LEVEL [SCREENSHOT-FOLDER]]]]
//! ```
//!
//! `SECONDS` is 10 by default, `SOURCE-STATE` is `live` (`waiting`, `reconnecting` and `ended` show their notes), `LEVEL`
//! is `full`. At the end the pictures handed over and those not drawn are printed.

#![allow(clippy::print_stdout, reason = "an example tells how it went")]

use framecast::error::Error;
use framecast::frame::{Color, Frame, FrameInfo, Matrix, PixelFormat, Plane, Range, Rational};
use framecast::live::window::{WindowLoop, WindowOptions, WindowOutput};
use framecast::live::{
    Controls, LiveFormat, LiveStatistics, Output, Percentiles, Shown, ShownContent, SourceState,
    StatisticsBoard,
};
use framecast::media::Interrupt;
use framecast::stage::Geometry;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SIZE: (u32, u32) = (1280, 720);
const RATE: u32 = 60;
/// Luma, Cb and Cr of white, yellow, cyan, green, magenta, red and blue at three quarters, in BT.709.
const BARS: [[u8; 3]; 7] = [
    [180, 128, 128],
    [168, 44, 136],
    [145, 147, 44],
    [133, 63, 52],
    [63, 193, 204],
    [51, 109, 212],
    [28, 212, 120],
];

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(10);
    let source = match arguments.next().as_deref() {
        Some("waiting") => SourceState::Waiting,
        Some("reconnecting") => SourceState::Reconnecting,
        Some("ended") => SourceState::Ended,
        _ => SourceState::Live,
    };
    let level = arguments.next().unwrap_or_else(|| "full".to_owned());
    let screenshots = arguments.next().unwrap_or_else(|| ".".to_owned()).into();
    let names = ["live-x2", "live-x2-small", "lanczos"].map(str::to_owned).to_vec();
    let controls = Arc::new(Controls::new(names));
    let statistics = Arc::new(StatisticsBoard::default());
    let interrupt = Interrupt::default();
    let geometry = |(width, height)| Geometry { width, height, format: PixelFormat::YUV420P, color: color() };
    let options = WindowOptions {
        title: "framecast".to_owned(),
        format: LiveFormat {
            shown: geometry(SIZE),
            source: geometry((SIZE.0 / 2, SIZE.1 / 2)),
            sample_aspect_ratio: Rational::new(1, 1),
            time_base: Rational::new(1, RATE as i32),
            frame_rate: Rational::new(RATE as i32, 1),
        },
        controls: Arc::clone(&controls),
        statistics: Arc::clone(&statistics),
        interrupt: interrupt.clone(),
        screenshots,
    };
    let (window, output) = WindowLoop::new(options)?;
    let run = std::thread::spawn(move || {
        feed(output, seconds, &interrupt, &statistics, &controls, (source, level))
    });
    window.run()?;
    // The thread ends with the window: by its interrupt, or because it was done.
    let _ = run.join();
    Ok(())
}

/// Hands a picture over at every tick, until the time is over or the window is closed.
fn feed(
    mut output: WindowOutput,
    seconds: u32,
    interrupt: &Interrupt,
    statistics: &StatisticsBoard,
    controls: &Controls,
    (source, level): (SourceState, String),
) {
    let begin = Instant::now();
    let mut handed_over = 0;
    for tick in 0..seconds * RATE {
        if interrupt.is_triggered() {
            break;
        }
        let due = Duration::from_secs(1) * tick / RATE;
        std::thread::sleep(due.saturating_sub(begin.elapsed()));
        let frame = picture(SIZE, tick);
        let shown = Shown {
            source: halved(&frame, tick / 2),
            frame,
            content: if tick % 2 == 0 { ShownContent::Real } else { ShownContent::Predicted(0.5) },
            captured: due,
            handed_over: begin.elapsed(),
        };
        statistics.update(|now| tell(now, tick, source, &level, controls));
        if output.show(&shown).is_err() {
            break;
        }
        handed_over += 1;
    }
    println!("{handed_over} pictures handed over, {} not drawn", output.missed());
}

fn tell(now: &mut LiveStatistics, tick: u32, source: SourceState, level: &str, controls: &Controls) {
    now.source = source;
    now.fps_in = 30.0;
    now.fps_out = 60.0;
    now.frames_in = u64::from(tick / 2);
    now.frames_out = u64::from(tick);
    now.real = u64::from(tick.div_ceil(2));
    now.predicted = u64::from(tick / 2);
    now.hit_rate = Some(0.93);
    now.latency = Percentiles { p50: 21.4, p95: 33.0, p99: 40.0, max: 51.0 };
    now.level = level.to_owned();
    now.model = controls.models().get(controls.model()).cloned().unwrap_or_default();
    now.predicts = controls.predicts();
}

fn color() -> Color {
    Color { matrix: Matrix::Bt709, range: Range::Limited, matrix_code: 1, ..Color::default() }
}

/// Fine rings that move over a slope of grey, above bars of known colours.
fn picture((width, height): (u32, u32), tick: u32) -> Frame {
    let info = FrameInfo {
        color: color(),
        pts: i64::from(tick),
        duration: 1,
        ..FrameInfo::new(width, height, PixelFormat::YUV420P)
    };
    let mut frame = Frame::allocate(info, None);
    let center = (width * (tick % 240) / 240, height * 2 / 5);
    for (component, plane) in frame.planes_mut().iter_mut().enumerate() {
        let shift = u32::from(component > 0);
        for (y, row) in (0u32..).zip(plane.rows_mut()) {
            for (x, sample) in (0u32..).zip(row) {
                *sample = code_at(component, (x << shift, y << shift), (width, height), center);
            }
        }
    }
    frame
}

fn code_at(component: usize, (x, y): (u32, u32), (width, height): (u32, u32), center: (u32, u32)) -> u8 {
    if y >= height * 4 / 5 {
        let bar = BARS.get((x * 7 / width) as usize).and_then(|bar| bar.get(component));
        return bar.copied().unwrap_or(128);
    }
    if component > 0 {
        return 128;
    }
    let (dx, dy) = (x.abs_diff(center.0), y.abs_diff(center.1));
    let distance = dx * dx + dy * dy;
    match distance < 200 * 200 {
        true => 60 + 120 * u8::from(distance / 1200 % 2 == 0),
        false => (40 + 100 * x / width) as u8,
    }
}

/// The frame at half its size: means of four samples.
fn halved(frame: &Frame, source_tick: u32) -> Frame {
    let (width, height) = (frame.info.width / 2, frame.info.height / 2);
    let info = FrameInfo { width, height, pts: i64::from(source_tick), ..frame.info.clone() };
    let mut half = Frame::allocate(info, None);
    for (from, into) in frame.planes().iter().zip(half.planes_mut()) {
        halve(from, into);
    }
    half
}

fn halve(from: &Plane, into: &mut Plane) {
    for (y, row) in into.rows_mut().enumerate() {
        let pairs = from.row(2 * y).chunks(2).zip(from.row(2 * y + 1).chunks(2));
        for (sample, (above, below)) in row.iter_mut().zip(pairs) {
            let sum: u32 = above.iter().chain(below).map(|sample| u32::from(*sample)).sum();
            *sample = (sum / (above.len() + below.len()) as u32) as u8;
        }
    }
}
