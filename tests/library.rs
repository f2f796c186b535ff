//! The library as programs that embed it use it: runs with observers and interrupts of their own, wrong options, frames that
//! they put together themselves.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use framecast::config::{Order, ProcessingOptions, RunConfig, Step, Style, StyleOptions, Target};
use framecast::engine::{Engine, Observer, Predictor, Pull, Push, run};
use framecast::error::{Error, MediaError};
use framecast::frame::{
    BufferPool, Color, Frame, FrameData, FrameInfo, FrameRate, PixelFormat, Plane, PooledBuffer, Range,
    Rational, Subsampling,
};
use framecast::live::Live;
use framecast::media::{InputOptions, Interrupt, JpegEncoder, Sink, Source};
use framecast::stage::Geometry;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

/// `seconds` of a test picture, encoded in `folder`, without a network.
fn config(folder: &Path, seconds: u32) -> RunConfig {
    let mut config = RunConfig {
        input: format!("testsrc2=s=64x48:r=25:d={seconds}"),
        input_options: InputOptions { format: Some("lavfi".into()), ..InputOptions::default() },
        output: folder.join("out.mkv").display().to_string(),
        ..RunConfig::default()
    };
    config.output_options.codec = Some("ffv1".into());
    config.processing.target = Target::Factor(1);
    config
}

fn unobserved() -> Observer {
    Box::new(|_| {})
}

fn names(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Far more than a test takes: the run ends because its observer panicked. What was done is complete when the panic comes out.
#[test]
fn an_observer_that_panics_ends_the_run_before_its_panic_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), 1_000_000);
    let observer: Observer = Box::new(|_| panic!("of the observer"));
    let panic = catch_unwind(AssertUnwindSafe(|| run(&config, Interrupt::default(), observer)))
        .expect_err("no panic");
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"of the observer"));
    assert_eq!(names(folder.path()), ["out.mkv"]);
}

/// Others may go by the same one.
#[test]
fn a_run_that_fails_leaves_the_interrupt_of_its_caller_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), 4);
    config.processing.models = vec![format!("{}/tests/models/not-a-number.onnx", env!("CARGO_MANIFEST_DIR"))];
    let interrupt = Interrupt::default();
    let error = run(&config, interrupt.clone(), unobserved()).unwrap_err().to_string();
    assert!(error.contains("not numbers"), "{error}");
    assert!(!interrupt.is_triggered());
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn an_interrupt_that_expires_ends_its_children_too() {
    let interrupt = Interrupt::default();
    let (child, grandchild) = (interrupt.child(), interrupt.child().child());
    assert!(!child.is_triggered() && !grandchild.is_triggered());
    interrupt.expire_after(Duration::ZERO);
    assert!(interrupt.is_triggered() && child.is_triggered() && grandchild.is_triggered());
    // Its time may still be put off.
    interrupt.expire_after(Duration::MAX);
    assert!(!interrupt.is_triggered() && !child.is_triggered() && !grandchild.is_triggered());
    child.trigger();
    assert!(child.is_triggered() && !interrupt.is_triggered() && !grandchild.is_triggered());
}

const SQUARE: Rational = Rational::new(1, 1);
const TICKS: Rational = Rational::new(1, 25);

fn geometry(format: PixelFormat) -> Geometry {
    Geometry { width: 64, height: 48, format, color: Color::default() }
}

/// Options that keep size and rate.
fn plain() -> ProcessingOptions {
    ProcessingOptions { target: Target::Factor(1), ..ProcessingOptions::default() }
}

/// A grey frame.
fn frame(source: Geometry, pts: i64) -> Frame {
    let info = FrameInfo {
        color: source.color,
        pts,
        duration: 1,
        ..FrameInfo::new(source.width, source.height, source.format)
    };
    let mut frame = Frame::allocate(info, None);
    frame.planes_mut().iter_mut().for_each(|plane| plane.buffer.bytes_mut().fill(128));
    frame
}

fn refusal(source: Geometry, time_base: Rational, options: &ProcessingOptions) -> String {
    match Engine::new(source, SQUARE, time_base, options) {
        Ok(_) => panic!("{source:?} in {time_base} with {options:?} was not refused"),
        Err(error) => error.to_string(),
    }
}

/// Types that hold more than is legal are no way around the ranges of the command line.
#[test]
fn settings_out_of_their_range_are_refused() {
    let target = |target| ProcessingOptions { target, ..plain() };
    let style = |mix: &[(usize, f64)]| ProcessingOptions {
        style: Some(StyleOptions::new(Style::Mix(mix.into()))),
        ..plain()
    };
    let order = |steps| ProcessingOptions { order: Order(steps), ..plain() };
    for (options, told) in [
        (target(Target::Factor(0)), "--upscale: expected a whole factor from 1 to 8"),
        (target(Target::Factor(9)), "found 9"),
        (target(Target::Factor(u32::MAX)), "found 4294967295"),
        (target(Target::Within { width: 0, height: 48 }), "a width and a height from 2 to 32768, found 0x48"),
        (target(Target::Within { width: 64, height: u32::MAX }), "found 64x4294967295"),
        (style(&[]), "--style: expected numbers from 0 to 25, each once"),
        (style(&[(26, 1.0)]), "found [(26, 1.0)]"),
        (style(&[(3, 0.5), (3, 0.5)]), "each once"),
        (style(&[(3, f64::NAN)]), "weights above 0 whose sum is 1"),
        (style(&[(3, 2.0)]), "whose sum is 1"),
        (order([Step::Upscale; 4]), "--order: expected denoise, enhance, style and upscale, each once"),
    ] {
        let found = refusal(geometry(PixelFormat::YUV420P), TICKS, &options);
        assert!(found.contains(told), "{found}");
    }
    let mix = vec![(3, 0.1), (7, 0.2), (9, 0.7)];
    let style = Some(StyleOptions::new(Style::Mix(mix)));
    ProcessingOptions { style, ..plain() }.validate().unwrap();
}

#[test]
fn sources_that_cannot_be_are_refused() {
    for (num, den) in [(0, 1), (1, 0), (-1, 25), (1, -25)] {
        let found = refusal(geometry(PixelFormat::YUV420P), Rational::new(num, den), &plain());
        assert_eq!(
            found,
            format!("time base: expected seconds per tick, a fraction above 0, found {num}/{den}")
        );
    }
    for depth in [0, 7, 17, 32, 255] {
        let found = refusal(geometry(PixelFormat::gray(depth)), TICKS, &plain());
        assert_eq!(found, format!("pixel format: expected 8 to 16 bits per sample, found {depth}"));
    }
    let odd = PixelFormat::yuv(Subsampling { x: 3, y: 0 }, 8);
    let found = refusal(geometry(odd), TICKS, &plain());
    assert!(found.contains("chroma subsampled by 2^0, 2^1 or 2^2 each way, found 2^3 and 2^0"), "{found}");
}

/// Frames whose planes are not those that they tell of, each with what is told.
fn misfits(source: Geometry) -> Vec<(Frame, &'static str)> {
    let changed = |change: &dyn Fn(&mut Vec<Plane>)| {
        let mut frame = frame(source, 0);
        let FrameData::Host(planes) = &mut frame.data;
        change(planes);
        frame
    };
    vec![
        (changed(&|planes| planes.clear()), "frame: expected 3 planes of yuv420p, found 0"),
        (changed(&|planes| planes.truncate(2)), "frame: expected 3 planes of yuv420p, found 2"),
        (
            changed(&|planes| planes.swap(0, 1)),
            "plane 0 of a frame: expected 64 x 48 with 1 bytes per sample, found 32 x 24",
        ),
        (changed(&|planes| planes[1].sample_bytes = 2), "plane 1 of a frame: expected 32 x 24 with 1 bytes"),
        (
            changed(&|planes| planes[0].stride = 0),
            "plane 0 of a frame: expected rows of samples on 64-byte boundaries, found 0 bytes from row to row",
        ),
        (changed(&|planes| planes[0].stride = 65), "found 65 bytes from row to row"),
        (changed(&|planes| planes[0].stride = usize::MAX - 63), "from row to row in PooledBuffer"),
        (changed(&|planes| planes[2].buffer = PooledBuffer::unpooled(64)), "in PooledBuffer(64 bytes)"),
    ]
}

#[test]
fn frames_that_do_not_fit_their_description_are_refused_and_the_engine_goes_on() {
    let source = geometry(PixelFormat::YUV420P);
    let mut engine = Engine::new(source, SQUARE, TICKS, &plain()).unwrap();
    for (misfit, told) in misfits(source) {
        let found = engine.push_frame(misfit).unwrap_err().to_string();
        assert!(found.contains(told), "{found}");
    }
    let color = Color { range: Range::Full, range_tagged: true, ..source.color };
    let found = engine.push_frame(frame(Geometry { color, ..source }, 0)).unwrap_err().to_string();
    assert!(found.contains("range: Limited") && found.contains("range: Full"), "{found}");
    assert!(matches!(engine.push_frame(frame(source, 7)).unwrap(), Push::Accepted));
    engine.flush().unwrap();
    let Pull::Frame(out) = engine.wait_frame().unwrap() else { panic!("no frame") };
    assert_eq!(out.info.pts, 7);
    assert!(matches!(engine.wait_frame().unwrap(), Pull::End));
}

#[test]
fn pictures_of_frames_that_do_not_fit_are_refused() {
    let source = geometry(PixelFormat::YUV420P);
    let mut encoder = JpegEncoder::new(80);
    for (misfit, told) in misfits(source) {
        let found = encoder.encode(&misfit).unwrap_err().to_string();
        assert!(found.contains(told), "{found}");
    }
    assert!(encoder.encode(&frame(source, 0)).unwrap().starts_with(&[0xff, 0xd8]));
}

/// Frames that are pushed after a failure would be lost without a word.
#[test]
fn an_engine_that_has_failed_says_so_once_and_takes_no_more_frames() {
    let source = geometry(PixelFormat::YUV420P);
    let models = vec![format!("{}/tests/models/not-a-number.onnx", env!("CARGO_MANIFEST_DIR"))];
    let mut engine = Engine::new(source, SQUARE, TICKS, &ProcessingOptions { models, ..plain() }).unwrap();
    assert!(matches!(engine.push_frame(frame(source, 0)).unwrap(), Push::Accepted));
    let error = engine.wait_frame().unwrap_err().to_string();
    assert!(error.contains("not numbers"), "{error}");
    let told = engine.push_frame(frame(source, 1)).unwrap_err().to_string();
    assert_eq!(told, "push_frame: expected no frame after a failure, but a new engine, found a frame");
    assert!(matches!(engine.wait_frame().unwrap(), Pull::End));
    assert!(matches!(engine.next_frame().unwrap(), Pull::End));
    engine.flush().unwrap();
}

/// Whatever the time stamps, a frame is a frame.
#[test]
fn extreme_time_stamps_break_nothing() {
    let source = geometry(PixelFormat::YUV420P);
    for rate in [FrameRate::Source, FrameRate::Multiple(2), FrameRate::Fixed(Rational::new(50, 1))] {
        for (dedup, conceal) in [(false, true), (true, false)] {
            for times in [[i64::MIN, 0, i64::MAX], [-2, -1, i64::MAX], [i64::MIN, i64::MIN + 1, i64::MIN + 2]]
            {
                for duration in [i64::MIN, -1, 0, i64::MAX] {
                    let mut options = plain();
                    (options.motion.rate, options.motion.conceal) = (rate, conceal);
                    options.motion.dedup = dedup && rate != FrameRate::Source;
                    let mut engine = Engine::new(source, SQUARE, TICKS, &options).unwrap();
                    let mut last = None;
                    for pts in times {
                        let mut frame = frame(source, pts);
                        frame.info.duration = duration;
                        while let Push::Full(back) = engine.push_frame(frame).unwrap() {
                            frame = back;
                            if let Pull::Frame(out) = engine.wait_frame().unwrap() {
                                last = Some(out.info.pts);
                            }
                        }
                    }
                    engine.flush().unwrap();
                    while let Pull::Frame(out) = engine.wait_frame().unwrap() {
                        assert!(last <= Some(out.info.pts), "{rate:?} {times:?}: {last:?}, {}", out.info.pts);
                        last = Some(out.info.pts);
                    }
                    assert!(last.is_some());
                }
            }
        }
    }
}

/// The log of FFmpeg is the whole program's.
#[test]
fn the_level_that_a_program_gave_to_the_log_of_ffmpeg_stays() {
    ffmpeg_next::log::set_level(ffmpeg_next::log::Level::Error);
    let input = InputOptions { format: Some("lavfi".into()), ..InputOptions::default() };
    Source::open("testsrc2=s=64x48:d=1", &input, Interrupt::default(), BufferPool::new()).unwrap();
    assert_eq!(ffmpeg_next::log::get_level(), Ok(ffmpeg_next::log::Level::Error));
}

#[test]
fn what_programs_hold_and_send_to_their_threads_can_be() {
    const fn is_held<T: Send + std::fmt::Debug + 'static>() {}
    const fn is_error<T: std::error::Error + Send + Sync + 'static>() {}
    is_held::<Engine>();
    is_held::<Predictor>();
    is_held::<Source>();
    is_held::<Sink>();
    is_held::<Live>();
    is_held::<Frame>();
    is_held::<Interrupt>();
    is_error::<Error>();
    is_error::<MediaError>();
}
