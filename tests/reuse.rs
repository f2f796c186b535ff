//! Output that is kept where the source did not change: the same pixels as without, with less work.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the figures of a passed test")]

use framecast::config::{ProcessingOptions, Reuse, Target};
use framecast::engine::{Engine, Pull, Push};
use framecast::frame::{Color, Frame, FrameInfo, PixelFormat, Rational, Subsampling};
use framecast::stage::Geometry;

const SQUARE: Rational = Rational::new(1, 1);
const TICKS: Rational = Rational::new(1, 25);

/// A rectangle: x, y, width, height.
type Box = (usize, usize, usize, usize);

/// Repeatable numbers that look random (splitmix64).
fn hash(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A picture of `scene` (sharp, random detail) in which every box shows another scene. Boxes are in luma samples.
fn picture(source: Geometry, pts: i64, scene: u64, boxes: &[(Box, u64)]) -> Frame {
    let info = FrameInfo {
        color: source.color,
        pts,
        duration: 1,
        ..FrameInfo::new(source.width, source.height, source.format)
    };
    let mut frame = Frame::allocate(info, None);
    let depth = source.format.depth;
    let subsampling = source.format.subsampling();
    for (index, plane) in frame.planes_mut().iter_mut().enumerate() {
        let bytes = plane.sample_bytes;
        let shift = if source.format.is_chroma(index) { (subsampling.x, subsampling.y) } else { (0, 0) };
        for (y, row) in plane.rows_mut().enumerate() {
            for (x, sample) in row.chunks_exact_mut(bytes).enumerate() {
                let (px, py) = (x << shift.0, y << shift.1);
                let inside = |b: &Box| (b.0..b.0 + b.2).contains(&px) && (b.1..b.1 + b.3).contains(&py);
                let scene =
                    boxes.iter().rev().find(|(area, _)| inside(area)).map_or(scene, |(_, other)| *other);
                // Blocks of 3 x 2 samples: edges in all places relative to every grid.
                let value = 16 + hash(scene ^ ((x / 3) << 20 | (y / 2) << 4 | index) as u64) % 220;
                let value = (value << (depth - 8)) as u16;
                sample.copy_from_slice(&value.to_ne_bytes()[..bytes]);
            }
        }
    }
    frame
}

/// What an engine makes of `frames`, and the share of pixels that it copied.
fn enlarge(source: Geometry, frames: &[Frame], options: &ProcessingOptions) -> (Vec<Frame>, Option<f64>) {
    let mut engine = Engine::new(source, SQUARE, TICKS, options).unwrap();
    let mut out = Vec::new();
    for frame in frames {
        let mut frame = frame.clone();
        while let Push::Full(back) = engine.push_frame(frame).unwrap() {
            frame = back;
            if let Pull::Frame(done) = engine.wait_frame().unwrap() {
                out.push(done);
            }
        }
    }
    engine.flush().unwrap();
    while let Pull::Frame(done) = engine.wait_frame().unwrap() {
        out.push(done);
    }
    (out, engine.reuse_count().share())
}

fn rows(frame: &Frame) -> Vec<Vec<u8>> {
    frame.planes().iter().flat_map(|plane| plane.rows().map(<[u8]>::to_vec)).collect()
}

/// Checks that reuse changes no sample, and gives the share of pixels that it copied.
fn copied(name: &str, source: Geometry, frames: &[Frame], options: &ProcessingOptions) -> f64 {
    let (with, share) = enlarge(source, frames, options);
    let (without, none) =
        enlarge(source, frames, &ProcessingOptions { reuse: Reuse::Off, ..options.clone() });
    assert_eq!((with.len(), without.len(), none), (frames.len(), frames.len(), None), "{name}");
    for (index, (a, b)) in with.iter().zip(&without).enumerate() {
        assert_eq!((a.info.pts, &a.info), (frames[index].info.pts, &b.info), "{name}");
        for (row, (a, b)) in rows(a).iter().zip(rows(b)).enumerate() {
            assert!(*a == b, "{name}: frame {index} differs in row {row} of all its planes' rows");
        }
    }
    share.unwrap()
}

fn geometry(width: u32, height: u32, format: PixelFormat) -> Geometry {
    Geometry { width, height, format, color: Color::default() }
}

fn model(name: &str) -> Vec<String> {
    vec![format!("{}/tests/models/{name}.onnx", env!("CARGO_MANIFEST_DIR"))]
}

fn one_worker() -> ProcessingOptions {
    ProcessingOptions { threads: Some(1), ..ProcessingOptions::default() }
}

/// A box that goes its way over a still background, into the corners and half out of the picture.
fn moving_box(source: Geometry, count: u64) -> Vec<Frame> {
    let (width, height) = (source.width as usize, source.height as usize);
    (0..count)
        .map(|index| {
            let place = |size: usize| match index {
                0 => 0,
                1 => size - 9,
                _ => hash(index * 7 + size as u64) as usize % size,
            };
            let area = (place(width), place(height), 20, 14);
            picture(source, index as i64, 1, &[(area, 2)])
        })
        .collect()
}

#[test]
fn a_moving_box_costs_its_surroundings_only_whatever_the_format() {
    let formats = [
        PixelFormat::YUV420P,
        PixelFormat::yuv(Subsampling::S422, 10),
        PixelFormat::gray(16),
        PixelFormat::yuv(Subsampling::S444, 12),
    ];
    for (format, size) in formats.into_iter().zip([(323, 181), (320, 180), (319, 182), (241, 323)]) {
        let source = geometry(size.0, size.1, format);
        let share = copied(&format.to_string(), source, &moving_box(source, 12), &one_worker());
        assert!(share > 0.6, "{format}: {share}");
    }
}

#[test]
fn every_kind_of_network_gets_the_same_pixels() {
    for (name, format, scale) in [
        ("luma-blur", PixelFormat::yuv(Subsampling::S422, 10), 1),
        ("luma-identity-f16", PixelFormat::YUV420P, 1),
        ("rgb-nearest-x2", PixelFormat::YUV420P, 2),
        ("rgb-nearest-x2", PixelFormat::yuv(Subsampling { x: 2, y: 2 }, 8), 2),
        ("rgb-nearest-x2", PixelFormat::yuv(Subsampling::S422, 12), 2),
    ] {
        let source = geometry(203, 187, format);
        for dither in [false, true] {
            let options = ProcessingOptions {
                models: model(name),
                target: Target::Factor(scale),
                dither,
                ..one_worker()
            };
            let share = copied(&format!("{name} {format}"), source, &moving_box(source, 8), &options);
            assert!(share > 0.4, "{name} {format}: {share}");
        }
    }
}

/// The matrix of untagged material goes by the picture's size, and not by that of the changed part.
#[test]
fn a_small_change_in_an_untagged_large_picture_keeps_its_colours() {
    let source = geometry(1280, 96, PixelFormat::YUV420P);
    let options = ProcessingOptions { models: model("rgb-nearest-x2"), tile: Some(2048), ..one_worker() };
    let share = copied("untagged", source, &moving_box(source, 4), &options);
    assert!(share > 0.6, "{share}");
}

#[test]
fn chroma_matters_to_a_network_in_rgb_and_not_to_one_of_luma() {
    let source = geometry(128, 96, PixelFormat::YUV420P);
    let still = picture(source, 0, 1, &[]);
    let mut tinted = still.clone();
    tinted.planes_mut()[2].rows_mut().for_each(|row| row.fill(99));
    let frames = [still, tinted];
    assert!(copied("luma", source, &frames, &one_worker()) > 0.49);
    let rgb = ProcessingOptions { models: model("rgb-nearest-x2"), ..one_worker() };
    assert!(copied("rgb", source, &frames, &rgb) < 0.01);
}

#[test]
fn a_still_picture_is_inferred_once_and_cuts_and_motion_every_time() {
    let source = geometry(320, 180, PixelFormat::YUV420P);
    let clip = |scene: &dyn Fn(i64) -> u64| -> Vec<Frame> {
        (0..20).map(|pts| picture(source, pts, scene(pts), &[])).collect()
    };
    let still = copied("still", source, &clip(&|_| 1), &one_worker());
    assert!((still - 0.95).abs() < 1e-9, "{still}");
    let cuts = copied("cuts", source, &clip(&|pts| pts as u64 / 5), &one_worker());
    assert!((cuts - 0.8).abs() < 1e-9, "{cuts}");
    let motion = copied("motion", source, &clip(&|pts| pts as u64), &one_worker());
    assert!(motion.abs() < 1e-9, "{motion}");
    // With three workers each has to see the still picture once.
    let three = ProcessingOptions { threads: Some(3), ..ProcessingOptions::default() };
    let still = copied("still, three workers", source, &clip(&|_| 1), &three);
    assert!((0.84..0.96).contains(&still), "{still}");
}

/// A window of text that scrolls, a cursor that blinks and one that moves.
fn screen(source: Geometry, count: usize) -> Vec<Frame> {
    (0..count)
        .map(|index| {
            let lines = (0..5).map(|line| ((40, 40 + line * 12, 100, 8), 100 + (index / 4 + line) as u64));
            let blink = ((150, 60, 2, 10), 7 + (index as u64 / 3) % 2);
            let pointer = ((3 * index, 170 - 2 * index, 12, 16), 9);
            let boxes: Vec<_> = lines.chain([blink, pointer]).collect();
            picture(source, index as i64, 1, &boxes)
        })
        .collect()
}

#[test]
fn a_screen_with_text_and_cursors_is_mostly_copied() {
    let source = geometry(480, 270, PixelFormat::YUV420P);
    for threads in [1, 2] {
        let options = ProcessingOptions { threads: Some(threads), ..ProcessingOptions::default() };
        let share = copied("screen", source, &screen(source, 24), &options);
        assert!(share > 0.75, "{share}");
    }
}

/// In a picture of several tiles, the ramps between them weigh two equal values, which may round in another way.
#[test]
fn pictures_in_tiles_agree_to_one_code_value_and_rarely_differ() {
    let source = geometry(333, 259, PixelFormat::YUV420P);
    let options = ProcessingOptions { tile: Some(128), ..one_worker() };
    let frames = moving_box(source, 10);
    let (with, share) = enlarge(source, &frames, &options);
    let (without, _) = enlarge(source, &frames, &ProcessingOptions { reuse: Reuse::Off, ..options });
    assert!(share.unwrap() > 0.7, "{share:?}");
    let pairs = with.iter().flat_map(rows).flatten().zip(without.iter().flat_map(rows).flatten());
    let differences: Vec<u8> =
        pairs.map(|(a, b)| a.abs_diff(b)).filter(|difference| *difference > 0).collect();
    assert!(differences.iter().all(|difference| *difference == 1));
    assert!(differences.len() < 200, "{} samples differ", differences.len());
}

/// A still scene with a part that changes from frame to frame; every sample of it with noise of up to 3 code values.
fn noisy(source: Geometry, count: i64, changing: Box) -> Vec<Frame> {
    (0..count)
        .map(|pts| {
            let mut frame = picture(source, pts, 1, &[(changing, 50 + pts as u64)]);
            for (index, plane) in frame.planes_mut().iter_mut().enumerate() {
                let bytes = plane.sample_bytes;
                for (y, row) in plane.rows_mut().enumerate() {
                    for (x, sample) in row.chunks_exact_mut(bytes).enumerate() {
                        let place = (pts as u64) << 40 | (index << 36 | y << 18 | x) as u64;
                        let noise = (hash(place) % 7) as i32 - 3;
                        let value = i32::from(u16::from_ne_bytes([sample[0], *sample.get(1).unwrap_or(&0)]));
                        let value = value + (noise << (source.format.depth - 8));
                        sample.copy_from_slice(&(value as u16).to_ne_bytes()[..bytes]);
                    }
                }
            }
            frame
        })
        .collect()
}

/// Luma of an area of a frame, in 8-bit code values.
fn area(frame: &Frame, (left, top, width, height): Box) -> Vec<f64> {
    let unit = f64::from(1u32 << (frame.info.format.depth - 8));
    let plane = &frame.planes()[0];
    let bytes = plane.sample_bytes;
    let rows = (top..top + height).map(|y| &plane.row(y)[left * bytes..(left + width) * bytes]);
    rows.flat_map(|row| row.chunks_exact(bytes))
        .map(|sample| f64::from(u16::from_ne_bytes([sample[0], *sample.get(1).unwrap_or(&0)])) / unit)
        .collect()
}

/// Mean absolute difference between neighbouring frames in an area.
fn flicker(frames: &[Frame], inside: Box) -> f64 {
    let pairs =
        frames.windows(2).flat_map(|pair| area(&pair[0], inside).into_iter().zip(area(&pair[1], inside)));
    let differences: Vec<f64> = pairs.map(|(a, b)| (a - b).abs()).collect();
    differences.iter().sum::<f64>() / differences.len() as f64
}

#[test]
fn a_threshold_stops_the_shimmer_of_noise_and_leaves_motion_alone() {
    for format in [PixelFormat::YUV420P, PixelFormat::yuv(Subsampling::S422, 10)] {
        let source = geometry(320, 192, format);
        let changing = (192, 64, 96, 96);
        let frames = noisy(source, 12, changing);
        let shimmering = enlarge(source, &frames, &one_worker());
        let steady = enlarge(source, &frames, &ProcessingOptions { static_threshold: 8, ..one_worker() });
        let still = (0, 0, 300, 384);
        let (before, after) = (flicker(&shimmering.0, still), flicker(&steady.0, still));
        println!("{format}: flicker {before:.3} without, {after:.3} with a threshold of 8");
        assert!(before > 1.0 && after == 0.0, "{format}: {before} and {after}");
        assert!(shimmering.1.unwrap() < 0.05 && steady.1.unwrap() > 0.6, "{:?}", steady.1);
        // As far from the held samples around it as the network reaches, the changing part is as without a threshold.
        let reach = 2 * 12;
        let moving = (2 * 192 + reach, 2 * 64 + reach, 2 * 96 - 2 * reach, 2 * 96 - 2 * reach);
        for (a, b) in shimmering.0.iter().zip(&steady.0) {
            assert!(area(a, moving) == area(b, moving), "{format}: samples differ");
        }
    }
}

#[test]
fn a_slow_fade_is_followed_to_one_code_value() {
    let source = geometry(96, 70, PixelFormat::YUV420P);
    let frames: Vec<Frame> = (0..100)
        .map(|pts| {
            let mut frame = picture(source, pts, 1, &[]);
            for row in frame.planes_mut()[0].rows_mut() {
                row.iter_mut().for_each(|sample| *sample = *sample / 2 + (pts / 4) as u8);
            }
            frame
        })
        .collect();
    let options = ProcessingOptions {
        models: model("luma-identity-f16"),
        target: Target::Factor(1),
        static_threshold: 16,
        ..one_worker()
    };
    let (out, share) = enlarge(source, &frames, &options);
    assert!(share.unwrap() > 0.5, "some frames are held: {share:?}");
    let all = (0, 0, 96, 70);
    for (made, truth) in out.iter().zip(&frames) {
        for (made, truth) in area(made, all).into_iter().zip(area(truth, all)) {
            assert!((made - truth).abs() <= 1.0, "{made} is not {truth}");
        }
    }
}
