//! Closed captions at another frame rate: a running text of which no part may be lost or shown twice.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use framecast::config::{MotionOptions, ProcessingOptions, Target};
use framecast::engine::{Engine, Pull, Push};
use framecast::frame::{
    Color, Frame, FrameInfo, FrameRate, MotionMode, PixelFormat, Rational, SideData, TimeBase,
};
use framecast::stage::Geometry;

/// So many that the last one falls on an output frame at each rate: what comes after the last of those has none to go with.
const COUNT: i64 = 41;

fn source() -> Geometry {
    Geometry { width: 32, height: 16, format: PixelFormat::YUV420P, color: Color::default() }
}

/// The two letters that frame `index` carries, and a filler.
fn units(index: i64) -> [u8; 6] {
    [0xfc, b'a' + (index % 26) as u8, b'A' + (index / 26) as u8, 0xf8, 0, 0]
}

fn captioned(index: i64) -> Frame {
    let captions = SideData { kind: SideData::CAPTIONS, bytes: units(index).as_slice().into() };
    let Geometry { width, height, format, color } = source();
    let info = FrameInfo {
        color,
        pts: index,
        duration: 1,
        side_data: vec![captions],
        ..FrameInfo::new(width, height, format)
    };
    Frame::allocate(info, None)
}

/// The same frame where nothing moves until `until`, and then the picture is another one with every second frame.
fn still_until(until: i64, index: i64) -> Frame {
    let mut frame = captioned(index);
    let grey = 16 + (index - until).max(0) / 2 * 8;
    frame.planes_mut()[0].rows_mut().for_each(|row| row.fill(grey as u8));
    frame
}

fn motion(rate: FrameRate, mode: MotionMode) -> MotionOptions {
    MotionOptions { rate, mode, model: Some("flow".into()), ..MotionOptions::default() }
}

/// The captions of every output frame, without fillers, of frames in `time_base`.
fn shown(
    time_base: TimeBase,
    motion: MotionOptions,
    source_frames: impl Iterator<Item = Frame>,
) -> Vec<Vec<u8>> {
    let options = ProcessingOptions { target: Target::Factor(1), motion, ..Default::default() };
    let mut engine = Engine::new(source(), Rational::new(1, 1), time_base, &options).unwrap();
    let mut frames = Vec::new();
    for mut frame in source_frames {
        while let Push::Full(back) = engine.push_frame(frame).unwrap() {
            frame = back;
            if let Pull::Frame(done) = engine.wait_frame().unwrap() {
                frames.push(done);
            }
        }
    }
    engine.flush().unwrap();
    while let Pull::Frame(done) = engine.wait_frame().unwrap() {
        frames.push(done);
    }
    frames.iter().map(captions_of).collect()
}

fn captions_of(frame: &Frame) -> Vec<u8> {
    let captions = frame.info.side_data.iter().filter(|data| data.kind == SideData::CAPTIONS);
    let units = captions.flat_map(|data| data.bytes.chunks(3).map(<[u8]>::to_vec).collect::<Vec<_>>());
    units.filter(|unit| unit.first().is_some_and(|first| first & 4 != 0)).flatten().collect()
}

fn fixed(rate: i32) -> FrameRate {
    FrameRate::Fixed(Rational::new(rate, 1))
}

/// All that the first frames say.
fn text(count: i64) -> Vec<u8> {
    (0..count).flat_map(|index| units(index)[..3].to_vec()).collect()
}

#[test]
fn every_part_is_shown_once_and_in_order() {
    let (film, ntsc, fast) = (Rational::new(1, 24), Rational::new(1001, 30000), Rational::new(1, 60));
    let text = text(COUNT);
    for mode in [MotionMode::Interpolate, MotionMode::Predict] {
        for (time_base, rate) in
            [(film, fixed(60)), (ntsc, fixed(60)), (film, FrameRate::Multiple(2)), (fast, fixed(24))]
        {
            let shown = shown(time_base, motion(rate, mode), (0..COUNT).map(captioned));
            assert_eq!(shown.concat(), text, "{time_base:?} to {rate:?}, {mode:?}");
        }
    }
    // Those of film are with the first frame at their time or after it.
    let shown = shown(film, motion(fixed(60), MotionMode::Interpolate), (0..3).map(captioned));
    let lengths: Vec<_> = shown.iter().map(Vec::len).collect();
    assert_eq!(lengths[..6], [3, 0, 0, 3, 0, 3]);
}

#[test]
fn duplicates_that_are_left_out_leave_their_part_to_the_frames_after_them() {
    let film = Rational::new(1, 24);
    for mode in [MotionMode::Interpolate, MotionMode::Predict] {
        for rate in [fixed(24), fixed(60), FrameRate::Multiple(2)] {
            let motion = MotionOptions { dedup: true, ..motion(rate, mode) };
            let shown = shown(film, motion, (0..100).map(|index| still_until(60, index)));
            assert_eq!(shown.concat(), text(100), "{rate:?}, {mode:?}");
            // At a fixed rate the picture that stands still is shown again and again, with each part at its time.
            if rate == fixed(24) {
                assert!(shown[..60].iter().all(|captions| captions.len() == 3), "{mode:?}");
            }
        }
    }
}

#[test]
fn parts_of_damaged_frames_are_shown_with_what_is_shown_instead() {
    let film = Rational::new(1, 24);
    let damaged = |index| {
        let mut frame = captioned(index);
        frame.info.is_damaged = (12..15).contains(&index);
        frame
    };
    for mode in [MotionMode::Interpolate, MotionMode::Predict] {
        for rate in [FrameRate::Source, FrameRate::Multiple(2), fixed(60)] {
            let motion = MotionOptions { conceal: true, ..motion(rate, mode) };
            let shown = shown(film, motion, (0..COUNT).map(damaged));
            assert_eq!(shown.concat(), text(COUNT), "{rate:?}, {mode:?}");
            if rate == FrameRate::Source {
                assert!(shown.iter().all(|captions| captions.len() == 3), "{mode:?}");
            }
        }
    }
}
