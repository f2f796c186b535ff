//! Closed captions at another frame rate: a running text of which no part may be lost or shown twice.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use framecast::config::{ProcessingOptions, Target};
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
        width,
        height,
        format,
        color,
        sample_aspect_ratio: Rational::new(1, 1),
        pts: index,
        duration: 1,
        is_damaged: false,
        side_data: vec![captions],
    };
    Frame::allocate(info, None)
}

/// The captions of every output frame, without fillers, of `count` frames in `time_base`.
fn shown(time_base: TimeBase, rate: FrameRate, mode: MotionMode, count: i64) -> Vec<Vec<u8>> {
    let mut options = ProcessingOptions { target: Target::Factor(1), ..Default::default() };
    (options.motion.rate, options.motion.mode) = (rate, mode);
    options.motion.model = Some("flow".into());
    let mut engine = Engine::new(source(), Rational::new(1, 1), time_base, &options).unwrap();
    let mut frames = Vec::new();
    for index in 0..count {
        let mut frame = captioned(index);
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

#[test]
fn every_part_is_shown_once_and_in_order() {
    let fixed = |rate| FrameRate::Fixed(Rational::new(rate, 1));
    let (film, ntsc, fast) = (Rational::new(1, 24), Rational::new(1001, 30000), Rational::new(1, 60));
    let text: Vec<u8> = (0..COUNT).flat_map(|index| units(index)[..3].to_vec()).collect();
    for mode in [MotionMode::Interpolate, MotionMode::Predict] {
        for (time_base, rate) in
            [(film, fixed(60)), (ntsc, fixed(60)), (film, FrameRate::Multiple(2)), (fast, fixed(24))]
        {
            let shown = shown(time_base, rate, mode, COUNT);
            assert_eq!(shown.concat(), text, "{time_base:?} to {rate:?}, {mode:?}");
        }
    }
    // Those of film are with the first frame at their time or after it.
    let shown = shown(film, fixed(60), MotionMode::Interpolate, 3);
    let lengths: Vec<_> = shown.iter().map(Vec::len).collect();
    assert_eq!(lengths[..6], [3, 0, 0, 3, 0, 3]);
}
