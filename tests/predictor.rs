//! The next frame by itself: a density of which the mean is a picture and the scale tells how far it may be wrong.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use framecast::config::{MotionOptions, ProcessingOptions};
use framecast::engine::{Prediction, Predictor};
use framecast::error::{Error, TimeError};
use framecast::frame::{Color, Frame, FrameInfo, PixelFormat, Pts, TensorData, TensorLayout};
use framecast::kernel::KernelChoice;
use framecast::stage::Geometry;

const WIDTH: u32 = 128;
const HEIGHT: u32 = 72;

fn source() -> Geometry {
    Geometry { width: WIDTH, height: HEIGHT, format: PixelFormat::YUV420P, color: Color::default() }
}

fn predictor(model: Option<&str>) -> Predictor {
    let motion = MotionOptions { model: model.map(Into::into), ..MotionOptions::default() };
    let options = ProcessingOptions {
        motion,
        kernels: KernelChoice::Cpu,
        threads: Some(1),
        ..ProcessingOptions::default()
    };
    Predictor::new(source(), &options).unwrap()
}

/// A number between 0 and 255 without order.
fn noise(x: i64, y: i64, time: i64) -> u8 {
    let mixed =
        (x * 374_761_393 + y * 668_265_263 + time * 2_147_483_647).wrapping_mul(0x2545_F491_4F6C_DD1D);
    (mixed >> 40) as u8
}

/// Luma of a texture that moves by three samples a frame; on the right, what is new in every frame.
fn luma(x: i64, y: i64, time: i64) -> u8 {
    if x >= 96 {
        return noise(x / 8, y / 8, time) / 2 + 64;
    }
    let (x, y) = ((x - 3 * time) as f64, y as f64);
    (126.0 + 50.0 * (x * 0.23).sin() * (y * 0.17).cos() + 30.0 * (x * 0.11 + y * 0.19).sin()) as u8
}

fn frame(pts: Pts, value: impl Fn(i64, i64) -> u8) -> Frame {
    let info = FrameInfo { pts, ..FrameInfo::new(WIDTH, HEIGHT, source().format) };
    let mut frame = Frame::allocate(info, None);
    for (index, plane) in frame.planes_mut().iter_mut().enumerate() {
        for (row, y) in plane.rows_mut().zip(0..) {
            row.iter_mut().zip(0..).for_each(|(out, x)| *out = if index == 0 { value(x, y) } else { 128 });
        }
    }
    frame
}

fn moving(time: i64) -> Frame {
    frame(1001 * time, |x, y| luma(x, y, time))
}

fn scales(prediction: &Prediction) -> &[f32] {
    let scale = &prediction.scale;
    assert_eq!((scale.shape, scale.layout), ([1, HEIGHT as usize, WIDTH as usize], TensorLayout::Nchw));
    let TensorData::F32(values) = &scale.data else { panic!("the scale is no 32-bit float") };
    assert!(values.iter().all(|value| *value > 0.0 && value.is_finite()));
    values
}

/// Mean absolute difference of luma in these columns, away from the borders, 1 being the way from black to white.
fn difference(a: &Frame, b: &Frame, columns: std::ops::Range<usize>) -> f32 {
    let rows = a.planes()[0].rows().zip(b.planes()[0].rows()).skip(8).take(HEIGHT as usize - 16);
    let pairs = rows.flat_map(|(a, b)| a[columns.clone()].iter().zip(&b[columns.clone()]));
    let all: Vec<f32> = pairs.map(|(a, b)| f32::from(a.abs_diff(*b)) / 255.0).collect();
    all.iter().sum::<f32>() / all.len() as f32
}

/// Mean scale in these columns.
fn mean_scale(prediction: &Prediction, columns: std::ops::Range<usize>) -> f32 {
    let rows = scales(prediction).chunks(WIDTH as usize).skip(8).take(HEIGHT as usize - 16);
    let all: Vec<f32> = rows.flat_map(|row| row[columns.clone()].to_vec()).collect();
    all.iter().sum::<f32>() / all.len() as f32
}

const TEXTURE: std::ops::Range<usize> = 16..80;
const UNFORESEEABLE: std::ops::Range<usize> = 104..128;

#[test]
fn what_moves_steadily_is_foreseen_and_what_does_not_is_known_to_be_unsure() {
    for model in [None, Some("flow")] {
        let mut predictor = predictor(model);
        assert_eq!(predictor.network().is_none(), model == Some("flow"));
        (0..5).for_each(|time| predictor.push_frame(moving(time)).unwrap());
        let (next, truth, newest) = (predictor.predict(5005).unwrap().unwrap(), moving(5), moving(4));
        assert_eq!((next.mean.info.pts, next.mean.info.width), (5005, WIDTH));
        let (error, repeated) =
            (difference(&next.mean, &truth, TEXTURE), difference(&newest, &truth, TEXTURE));
        assert!(error < 0.3 * repeated, "{model:?}: {error}, repeated {repeated}");
        let (sure, unsure) = (mean_scale(&next, TEXTURE), mean_scale(&next, UNFORESEEABLE));
        assert!(unsure > 2.0 * sure, "{model:?}: {sure} {unsure}");
        // The scale is what the error is on average.
        let unforeseen = difference(&next.mean, &truth, UNFORESEEABLE);
        assert!((0.25..4.0).contains(&(unsure / unforeseen)), "{model:?}: {unsure} for {unforeseen}");
        // Half of the way, and of the texture's three samples.
        let half = predictor.predict(4504).unwrap().unwrap().mean;
        let between = frame(4504, |x, y| {
            let (x, y) = (x as f64 - 13.5, y as f64);
            (126.0 + 50.0 * (x * 0.23).sin() * (y * 0.17).cos() + 30.0 * (x * 0.11 + y * 0.19).sin()) as u8
        });
        let error = difference(&half, &between, TEXTURE);
        assert!(error < 0.3 * repeated, "{model:?}: {error} half of the way, repeated {repeated}");
    }
}

#[test]
fn predictions_are_compared_with_what_came() {
    let mut predictor = predictor(None);
    for time in 0..6 {
        predictor.push_frame(moving(time)).unwrap();
        predictor.predict(1001 * (time + 1)).unwrap().unwrap();
    }
    let count = predictor.count();
    assert_eq!((count.between, count.scored), (5, 4), "{count:?}");
    assert!(count.hits >= 3 && count.mean_scale().unwrap() > 0.0, "{count:?}");
}

#[test]
fn where_nothing_is_known_the_newest_frame_is_shown_again() {
    let mut predictor = predictor(Some("flow"));
    assert!(predictor.predict(0).unwrap().is_none());
    let assert_repeats = |predictor: &mut Predictor, newest: &Frame, pts: Pts| {
        let prediction = predictor.predict(pts).unwrap().unwrap();
        let [mean, newest] =
            [&prediction.mean, newest].map(|frame| frame.planes()[0].rows().collect::<Vec<_>>());
        assert_eq!(mean, newest);
        assert_eq!(prediction.mean.info.pts, pts);
        assert!(scales(&prediction).iter().all(|scale| (scale - 1.0).abs() < 1e-6));
    };
    predictor.push_frame(moving(0)).unwrap();
    assert_repeats(&mut predictor, &moving(0), 7);
    predictor.push_frame(moving(1)).unwrap();
    let known = predictor.predict(2002).unwrap().unwrap();
    assert!(mean_scale(&known, TEXTURE) < 0.5);
    // A cut.
    let other = frame(2002, |x, y| noise(x / 6, y / 6, 99));
    predictor.push_frame(other.clone()).unwrap();
    assert_repeats(&mut predictor, &other, 3003);
}

#[test]
fn other_frames_and_times_are_refused_and_the_predictor_goes_on() {
    let mut predictor = predictor(Some("flow"));
    predictor.push_frame(moving(1)).unwrap();
    let refused = predictor.push_frame(moving(1)).unwrap_err();
    assert!(matches!(refused, Error::Time(TimeError::NotIncreasing { previous: 1001, found: 1001 })));
    let refused = predictor.predict(1001).unwrap_err();
    assert!(matches!(refused, Error::Time(TimeError::NotIncreasing { .. })), "{refused}");
    let info = FrameInfo { pts: 9009, ..FrameInfo::new(WIDTH, HEIGHT + 2, source().format) };
    let refused = predictor.push_frame(Frame::allocate(info, None)).unwrap_err().to_string();
    assert!(refused.contains("128 x 72") && refused.contains("128 x 74"), "{refused}");
    predictor.push_frame(moving(2)).unwrap();
    assert!(predictor.predict(3003).unwrap().is_some());

    let none = Geometry { width: 0, ..source() };
    let refused = Predictor::new(none, &ProcessingOptions::default()).unwrap_err().to_string();
    assert!(refused.contains("width") && refused.contains("1 to 32768"), "{refused}");
    let motion = MotionOptions { model: Some("live-x2".into()), ..MotionOptions::default() };
    let options = ProcessingOptions { motion, ..ProcessingOptions::default() };
    let refused = Predictor::new(source(), &options).unwrap_err().to_string();
    assert!(refused.contains("live-x2"), "{refused}");
}

#[test]
fn a_variable_rate_is_heeded() {
    // The last interval is twice as long: so is the movement in it.
    let mut predictor = predictor(Some("flow"));
    for time in [0, 1, 2, 4] {
        predictor.push_frame(moving(time)).unwrap();
    }
    let next = predictor.predict(5005).unwrap().unwrap();
    let (truth, newest) = (moving(5), moving(4));
    let (error, repeated) = (difference(&next.mean, &truth, TEXTURE), difference(&newest, &truth, TEXTURE));
    assert!(error < 0.4 * repeated, "{error}, repeated {repeated}");
}
