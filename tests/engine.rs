//! The engine by push and pull: order, time stamps, sizes, tiles, refusals.

#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use framecast::config::{ProcessingOptions, Target};
use framecast::engine::{Engine, Pull, Push};
use framecast::error::{Error, TimeError};
use framecast::frame::{Cadence, Color, Frame, FrameInfo, FrameRate, PixelFormat, Rational, Subsampling};
use framecast::stage::Geometry;

const SQUARE: Rational = Rational::new(1, 1);
const TICKS: Rational = Rational::new(1, 25);

fn geometry(width: u32, height: u32, format: PixelFormat) -> Geometry {
    Geometry { width, height, format, color: Color::default() }
}

/// A smooth picture with some detail, different for every `seed`, within limited range.
fn picture(geometry: Geometry, seed: i64) -> Frame {
    let info = FrameInfo {
        color: geometry.color,
        pts: seed * 1001,
        duration: 1001,
        ..FrameInfo::new(geometry.width, geometry.height, geometry.format)
    };
    let mut frame = Frame::allocate(info, None);
    let shift = geometry.format.depth - 8;
    for (index, plane) in frame.planes_mut().iter_mut().enumerate() {
        let wide = plane.sample_bytes == 2;
        for (y, row) in plane.rows_mut().enumerate() {
            let value = |x: usize| {
                let phase = (x as f64 + seed as f64) * 0.11 + index as f64;
                let wave = phase.sin() * ((y as f64) * 0.07).cos();
                ((wave * 90.0 + 126.0) as u16) << shift
            };
            if wide {
                for (x, sample) in row.chunks_exact_mut(2).enumerate() {
                    sample.copy_from_slice(&value(x).to_ne_bytes());
                }
            } else {
                for (x, sample) in row.iter_mut().enumerate() {
                    *sample = value(x) as u8;
                }
            }
        }
    }
    frame
}

fn enlarge_all(engine: &mut Engine, frames: Vec<Frame>) -> Result<Vec<Frame>, Error> {
    let mut out = Vec::new();
    for mut frame in frames {
        while let Push::Full(back) = engine.push_frame(frame)? {
            frame = back;
            if let Pull::Frame(done) = engine.wait_frame()? {
                out.push(done);
            }
        }
    }
    engine.flush()?;
    while let Pull::Frame(done) = engine.wait_frame()? {
        out.push(done);
    }
    Ok(out)
}

fn run(source: Geometry, count: i64, options: &ProcessingOptions) -> Result<Vec<Frame>, Error> {
    let mut engine = Engine::new(source, SQUARE, TICKS, options)?;
    enlarge_all(&mut engine, (0..count).map(|seed| picture(source, seed)).collect())
}

fn test_model(name: &str) -> Vec<String> {
    vec![format!("{}/tests/models/{name}.onnx", env!("CARGO_MANIFEST_DIR"))]
}

fn samples(frame: &Frame, plane: usize) -> Vec<i32> {
    let plane = &frame.planes()[plane];
    let wide = plane.sample_bytes == 2;
    let row = |row: &[u8]| -> Vec<i32> {
        if wide {
            row.chunks_exact(2).map(|s| i32::from(u16::from_ne_bytes([s[0], s[1]]))).collect()
        } else {
            row.iter().map(|s| i32::from(*s)).collect()
        }
    };
    plane.rows().flat_map(row).collect()
}

fn largest_difference(a: &Frame, b: &Frame) -> i32 {
    (0..a.planes().len())
        .flat_map(|plane| samples(a, plane).into_iter().zip(samples(b, plane)).map(|(a, b)| (a - b).abs()))
        .max()
        .unwrap()
}

#[test]
fn frames_come_out_in_order_with_their_time_stamps() {
    let source = geometry(64, 48, PixelFormat::YUV420P);
    let options = ProcessingOptions { threads: Some(3), ..Default::default() };
    let out = run(source, 25, &options).unwrap();
    let stamps: Vec<_> = out.iter().map(|frame| (frame.info.pts, frame.info.duration)).collect();
    assert_eq!(stamps, (0..25).map(|index| (index * 1001, 1001)).collect::<Vec<_>>());
    for (index, frame) in out.iter().enumerate() {
        assert_eq!((frame.info.width, frame.info.height), (128, 96));
        // Neighbouring pictures differ: the right one is the one whose averages match its source's.
        let small = samples(&picture(source, index as i64), 0);
        let large = samples(frame, 0);
        let mean = |v: &[i32]| v.iter().map(|s| f64::from(*s)).sum::<f64>() / v.len() as f64;
        assert!((mean(&small) - mean(&large)).abs() < 0.6, "frame {index}");
    }
}

#[test]
fn the_live_network_restores_what_shrinking_lost() {
    for format in [PixelFormat::YUV420P, PixelFormat::yuv(Subsampling::S420, 10), PixelFormat::gray(8)] {
        let large = picture(geometry(128, 96, format), 3);
        let mut small = picture(geometry(64, 48, format), 3);
        // The mean of every 2 x 2 block.
        for (index, plane) in small.planes_mut().iter_mut().enumerate() {
            let source = samples(&large, index);
            let width = large.planes()[index].width as usize;
            let wide = plane.sample_bytes == 2;
            for (y, row) in plane.rows_mut().enumerate() {
                for (x, sample) in row.chunks_exact_mut(if wide { 2 } else { 1 }).enumerate() {
                    let at = |dx: usize, dy: usize| source[(2 * y + dy) * width + 2 * x + dx];
                    let mean = (at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1) + 2) / 4;
                    sample.copy_from_slice(&(mean as u16).to_ne_bytes()[..sample.len()]);
                }
            }
        }
        let source = geometry(64, 48, format);
        let mut engine = Engine::new(source, SQUARE, TICKS, &ProcessingOptions::default()).unwrap();
        assert!(engine.provider().unwrap().starts_with("cpu fp32, "));
        let out = enlarge_all(&mut engine, vec![small]).unwrap();
        let (made, truth) = (samples(&out[0], 0), samples(&large, 0));
        let squares: f64 = made.iter().zip(&truth).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        let peak = f64::from(format.max_value());
        let psnr = 10.0 * (peak * peak * made.len() as f64 / squares).log10();
        assert!(psnr > 38.0, "{format}: {psnr:.2} dB");
    }
}

#[test]
fn tiles_agree_with_the_whole_picture() {
    for (models, format) in [
        (vec!["live-x2".to_owned()], PixelFormat::YUV420P),
        (test_model("luma-blur"), PixelFormat::yuv(Subsampling::S422, 10)),
        (test_model("rgb-nearest-x2"), PixelFormat::yuv(Subsampling::S444, 8)),
    ] {
        let source = geometry(323, 181, format);
        let target = Target::Factor(if models[0].contains("blur") { 1 } else { 2 });
        let whole = ProcessingOptions { models, target, ..Default::default() };
        let tiled = ProcessingOptions { tile: Some(64), ..whole.clone() };
        let (whole, tiled) = (run(source, 1, &whole).unwrap(), run(source, 1, &tiled).unwrap());
        assert!(largest_difference(&whole[0], &tiled[0]) <= 1);
    }
}

#[test]
fn a_network_in_rgb_and_one_in_half_precision_keep_the_picture() {
    let source = geometry(50, 38, PixelFormat::yuv(Subsampling::S444, 8));
    let rgb = ProcessingOptions { models: test_model("rgb-nearest-x2"), ..Default::default() };
    let out = run(source, 1, &rgb).unwrap();
    let original = picture(source, 0);
    let repeated = samples(&out[0], 0);
    for (index, value) in samples(&original, 0).iter().enumerate() {
        let (x, y) = (index % 50, index / 50);
        let made = repeated[2 * y * 100 + 2 * x];
        // Colours outside of RGB are clipped, hence only samples with moderate chroma are compared.
        let chroma = (1..3).map(|plane| (samples(&original, plane)[index] - 128).abs()).max().unwrap();
        assert!(chroma > 20 || (made - value).abs() <= 1, "{made} is not {value}");
    }
    let half = ProcessingOptions {
        models: test_model("luma-identity-f16"),
        target: Target::Factor(1),
        ..Default::default()
    };
    let source = geometry(50, 38, PixelFormat::YUV420P);
    let out = run(source, 1, &half).unwrap();
    assert_eq!(largest_difference(&out[0], &picture(source, 0)), 0);
}

#[test]
fn factor_one_without_a_network_changes_nothing() {
    let mut format = PixelFormat::yuv(Subsampling::S422, 12);
    format.alpha = true;
    let source = geometry(33, 17, format);
    let options = ProcessingOptions { target: Target::Factor(1), ..Default::default() };
    let mut engine = Engine::new(source, SQUARE, TICKS, &options).unwrap();
    assert_eq!(engine.provider(), None);
    let out = enlarge_all(&mut engine, vec![picture(source, 5)]).unwrap();
    assert_eq!(largest_difference(&out[0], &picture(source, 5)), 0);
}

#[test]
fn odd_and_tiny_sizes_work() {
    for (width, height) in [(1, 1), (2, 2), (18, 16), (321, 181), (5, 640)] {
        let out =
            run(geometry(width, height, PixelFormat::YUV420P), 2, &ProcessingOptions::default()).unwrap();
        assert_eq!((out[1].info.width, out[1].info.height), (2 * width, 2 * height));
    }
}

#[test]
fn models_that_cannot_work_are_refused_with_the_reason() {
    let source = geometry(64, 48, PixelFormat::YUV420P);
    for (models, reason) in [
        (test_model("not-a-number"), "not numbers"),
        (test_model("black"), "black"),
        (test_model("wrong-channels"), "expected [1, 3, height, width]"),
        (test_model("missing"), "there is no such file"),
        (vec!["nonsense".into()], "no model of this name"),
    ] {
        let options = ProcessingOptions { models, target: Target::Factor(1), ..Default::default() };
        let error = run(source, 3, &options).unwrap_err();
        assert_eq!(error.exit_code(), 5);
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn frames_of_another_kind_are_refused() {
    let source = geometry(64, 48, PixelFormat::YUV420P);
    let mut engine = Engine::new(source, SQUARE, TICKS, &ProcessingOptions::default()).unwrap();
    let other = picture(geometry(32, 48, PixelFormat::YUV420P), 0);
    let error = engine.push_frame(other).unwrap_err().to_string();
    assert!(error.contains("expected 64 x 48 yuv420p, found 32 x 48 yuv420p"), "{error}");
    engine.flush().unwrap();
    assert!(engine.push_frame(picture(source, 0)).is_err());
}

/// Twenty-four frames in 25 leave nothing to pull: what was refused must be pushed again without a pull.
#[test]
fn a_lower_frame_rate_leaves_room_without_a_frame() {
    let source = geometry(64, 48, PixelFormat::YUV420P);
    let mut options = ProcessingOptions { target: Target::Factor(1), ..Default::default() };
    options.motion.rate = FrameRate::Fixed(Rational::new(1, 1));
    let mut frames: Vec<_> = (0..101).map(|seed| picture(source, seed)).collect();
    for (pts, frame) in (0..).zip(&mut frames) {
        (frame.info.pts, frame.info.duration) = (pts, 1);
    }
    let originals = frames.clone();
    let (told, done) = crossbeam_channel::bounded(1);
    std::thread::spawn(move || {
        let mut engine = Engine::new(source, SQUARE, TICKS, &options).unwrap();
        let out = enlarge_all(&mut engine, frames).unwrap();
        told.send((engine.time_base(), out)).unwrap();
    });
    let (time_base, out) = done.recv_timeout(std::time::Duration::from_secs(60)).expect("wait_frame waits");
    let stamps: Vec<_> = out.iter().map(|frame| frame.info.pts).collect();
    assert_eq!((time_base, stamps), (TICKS, vec![0, 25, 50, 75, 100]));
    for (second, frame) in out.iter().enumerate() {
        assert_eq!(largest_difference(frame, &originals[25 * second]), 0, "second {second}");
    }
}

/// An engine that keeps the size and makes `rate` frames a second of ticks of 1/25 s.
fn retiming(rate: i32) -> Engine {
    let mut options = ProcessingOptions { target: Target::Factor(1), ..Default::default() };
    options.motion.rate = FrameRate::Fixed(Rational::new(rate, 1));
    Engine::new(geometry(64, 48, PixelFormat::YUV420P), SQUARE, TICKS, &options).unwrap()
}

/// A picture of `seed` at another time.
fn picture_at(seed: i64, pts: i64) -> Frame {
    let mut frame = picture(geometry(64, 48, PixelFormat::YUV420P), seed);
    (frame.info.pts, frame.info.duration) = (pts, 1);
    frame
}

#[test]
fn time_stamps_that_do_not_rise_are_refused_where_frames_are_added() {
    let mut engine = retiming(50);
    let mut out = Vec::new();
    for (pts, newest) in [(10, None), (11, None), (11, Some(11)), (3, Some(11)), (12, None), (13, None)] {
        let mut frame = picture_at(pts, pts);
        let error = loop {
            match engine.push_frame(frame) {
                Ok(Push::Accepted) => break None,
                Err(error) => break Some(error),
                Ok(Push::Full(back)) => frame = back,
            }
            if let Pull::Frame(done) = engine.wait_frame().unwrap() {
                out.push(done);
            }
        };
        let told = error.map(|error| {
            assert!(matches!(error, Error::Time(TimeError::NotIncreasing { .. })), "{error}");
            error.to_string()
        });
        assert_eq!(told.is_some(), newest.is_some(), "{pts}");
        for (told, newest) in told.iter().zip(newest) {
            assert!(told.contains(&format!("expected more than {newest}, found {pts};")), "{told}");
        }
    }
    out.extend(enlarge_all(&mut engine, Vec::new()).unwrap());
    // Every tick of 1/50 s from the first frame to the end of the last one, and the frames themselves on theirs.
    let stamps: Vec<_> = out.iter().map(|frame| frame.info.pts).collect();
    assert_eq!((engine.time_base(), stamps), (Rational::new(1, 50), (20..28).collect()));
    for (index, pts) in (10..14).enumerate() {
        assert_eq!(largest_difference(&out[2 * index], &picture_at(pts, pts)), 0, "frame {pts}");
    }
    assert_eq!(engine.rate_count().unwrap().pace.dropped, 0);
}

#[test]
fn time_stamps_of_any_order_pass_where_no_frames_are_added() {
    let options = ProcessingOptions { target: Target::Factor(1), ..Default::default() };
    let mut engine = Engine::new(geometry(64, 48, PixelFormat::YUV420P), SQUARE, TICKS, &options).unwrap();
    let out = enlarge_all(&mut engine, [5, 5, 2].map(|pts| picture_at(pts, pts)).into()).unwrap();
    assert_eq!(out.iter().map(|frame| frame.info.pts).collect::<Vec<_>>(), [5, 5, 2]);
    assert_eq!(engine.rate_count(), None);
}

#[test]
fn gaps_are_filled_up_to_a_limit_and_left_open_beyond() {
    let longest = i64::from(Cadence::LONGEST_FILLED);
    for (second, unfilled) in [(longest, 0), (longest + 1, 1), (i64::MAX / 100, 1)] {
        let mut engine = retiming(1);
        let frames = vec![picture_at(7, 0), picture_at(8, 25), picture_at(9, 25 * (1 + second))];
        let out = enlarge_all(&mut engine, frames).unwrap();
        let stamps: Vec<_> = out.iter().map(|frame| frame.info.pts / 25).collect();
        let expected = match unfilled {
            0 => (0..=1 + second).collect(),
            _ => vec![0, 1, 2, 1 + second],
        };
        assert_eq!((engine.time_base(), stamps), (TICKS, expected), "{second} s");
        assert_eq!(engine.rate_count().unwrap().pace.unfilled, unfilled, "{second} s");
        // The picture before the gap stands, and that after it is there in time.
        assert_eq!(largest_difference(&out[2], &picture_at(8, 0)), 0, "{second} s");
        assert_eq!(largest_difference(&out[out.len() - 1], &picture_at(9, 0)), 0, "{second} s");
    }
}

#[test]
fn a_last_frame_without_end_makes_two_frames() {
    let mut engine = retiming(50);
    let mut last = picture_at(1, 1);
    last.info.duration = 25 * 3600;
    let out = enlarge_all(&mut engine, vec![picture_at(0, 0), last]).unwrap();
    let stamps: Vec<_> = out.iter().map(|frame| frame.info.pts).collect();
    assert_eq!(stamps, [0, 1, 2, 3, 1 + 50 * 3600]);
}

/// The calling thread is the only one that pulls: where the end needed room, nobody could make it.
#[test]
fn the_end_can_be_told_while_there_is_no_room() {
    let source = geometry(64, 48, PixelFormat::YUV420P);
    let mut engine = Engine::new(source, SQUARE, TICKS, &ProcessingOptions::default()).unwrap();
    let mut accepted = 0;
    // Until all channels are full, which takes the threads a moment.
    let mut refused = 0;
    while refused < 50 {
        match engine.push_frame(picture(source, accepted)).unwrap() {
            Push::Accepted => (accepted, refused) = (accepted + 1, 0),
            Push::Full(_) => {
                refused += 1;
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
    }
    let (told, flushed) = crossbeam_channel::bounded(1);
    std::thread::spawn(move || {
        engine.flush().unwrap();
        told.send(engine).unwrap();
    });
    let mut engine = flushed.recv_timeout(std::time::Duration::from_secs(20)).expect("flush waits");
    for index in 0..accepted {
        let Pull::Frame(frame) = engine.wait_frame().unwrap() else { panic!("{index} of {accepted} frames") };
        assert_eq!(frame.info.pts, index * 1001);
    }
    assert!(matches!(engine.wait_frame().unwrap(), Pull::End));
}

#[test]
fn dropping_an_engine_with_work_in_flight_ends_its_threads() {
    let source = geometry(64, 48, PixelFormat::YUV420P);
    let mut engine = Engine::new(source, SQUARE, TICKS, &ProcessingOptions::default()).unwrap();
    for seed in 0.. {
        if let Push::Full(_) = engine.push_frame(picture(source, seed)).unwrap() {
            break;
        }
    }
    drop(engine);
}
