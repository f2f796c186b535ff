//! How long a model takes for a frame.

use super::enlarge::engine;
use super::report::Time;
use crate::config::{ProcessingOptions, Reuse};
use crate::engine::{Engine, Pull, Push};
use crate::error::Error;
use crate::frame::{Frame, FrameInfo, PixelFormat};
use std::time::{Duration, Instant};

/// Rounds of which the median counts.
const ROUNDS: usize = 3;
/// Wall time that a round aims at.
const ROUND: Duration = Duration::from_millis(600);
/// A first frame that takes longer than this is the measurement.
const SLOW: Duration = Duration::from_secs(4);
/// Frames of a round at most.
const MAX_FRAMES: usize = 200;

/// Times `model` over 8-bit 4:2:0 frames of this size, on one thread and on `threads`.
pub(super) fn measure(
    model: &str,
    scale: u32,
    (width, height): (u32, u32),
    threads: usize,
    options: &ProcessingOptions,
) -> Result<Time, Error> {
    let frame = pattern(width, height);
    // The frames are all the same, and copying what did not change is not what is measured.
    let options = &ProcessingOptions { reuse: Reuse::Off, ..options.clone() };
    let milliseconds = |threads| -> Result<f64, Error> {
        let mut engine = engine(model, scale, &frame.info, Some(threads), options)?;
        Ok(frame_time(&mut engine, &frame, threads)?.as_secs_f64() * 1000.0)
    };
    let one_thread_ms = milliseconds(1)?;
    let threads_ms = if threads == 1 { one_thread_ms } else { milliseconds(threads)? };
    Ok(Time { width, height, one_thread_ms, threads_ms, threads })
}

fn frame_time(engine: &mut Engine, frame: &Frame, threads: usize) -> Result<Duration, Error> {
    // Every worker's first run allocates.
    let warm_up = round(engine, frame, 2 * threads)? / (2 * threads as u32);
    if warm_up > SLOW {
        return Ok(warm_up);
    }
    let fitting = (ROUND.as_secs_f64() / warm_up.as_secs_f64().max(1e-6)) as usize;
    let count = fitting.clamp(2 * threads, MAX_FRAMES);
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        rounds.push(round(engine, frame, count)? / count as u32);
    }
    rounds.sort_unstable();
    Ok(rounds.get(ROUNDS / 2).copied().unwrap_or_default())
}

/// Time from the first push to the last pull of `count` frames.
fn round(engine: &mut Engine, frame: &Frame, count: usize) -> Result<Duration, Error> {
    let started = Instant::now();
    let (mut pushed, mut pulled) = (0, 0);
    while pulled < count {
        if pushed < count && matches!(engine.push_frame(frame.clone())?, Push::Accepted) {
            pushed += 1;
        } else if matches!(engine.wait_frame()?, Pull::Frame(_)) {
            pulled += 1;
        }
    }
    Ok(started.elapsed())
}

/// A frame with structure in every place, so that nothing is skipped.
fn pattern(width: u32, height: u32) -> Frame {
    let info = FrameInfo { duration: 1, ..FrameInfo::new(width, height, PixelFormat::YUV420P) };
    let mut frame = Frame::allocate(info, None);
    for plane in frame.planes_mut() {
        for (y, row) in plane.rows_mut().enumerate() {
            for (x, sample) in row.iter_mut().enumerate() {
                *sample = (16 + (x * 7 + y * 13 + (x * y) % 31) % 220) as u8;
            }
        }
    }
    frame
}
