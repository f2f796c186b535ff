//! Every packet has its frame's time, exactly.

use crate::support::*;
use framecast::frame::{PixelFormat, Rational};
use framecast::media::OutputOptions;

#[test]
fn mp4_keeps_film_rates_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mp4");
    let input = input(PixelFormat::YUV420P, Rational::new(1, 24000), Rational::new(24000, 1001));
    let times = steady(0, 1001, 30);
    let (report, _) = write(open(&path, &OutputOptions::default(), &input), &times);
    assert_eq!((report.frames, report.encoder.as_str()), (30, "libx264"));
    assert_eq!(report.bytes, Some(std::fs::metadata(&path).unwrap().len()));
    assert_eq!(probe(&path, "v:0", "stream=time_base,avg_frame_rate"), ["24000/1001,1/24000"]);
    assert_eq!(frame_times(&path), times.iter().map(|(pts, _)| *pts).collect::<Vec<_>>());
    assert_eq!(probe(&path, "v:0", "stream=duration_ts"), ["30030"]);
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["out.mp4"]);
}

#[test]
fn variable_rates_and_late_starts_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut input = input(PixelFormat::YUV420P, Rational::new(1, 90000), Rational::new(25, 1));
    input.video.variable_rate = true;
    let times = [(4500, 3000), (7500, 1), (7501, 6000), (13501, 90000), (103_501, 777)];
    for name in ["out.mp4", "out.mov", "out.ts"] {
        let path = folder.path().join(name);
        write(open(&path, &lossless_x264(), &input), &times);
        let expected: Vec<_> = times.iter().map(|(pts, _)| *pts).collect();
        assert_eq!(frame_times(&path), expected, "{name}");
    }
    // The last frame lasts as long as it was said to.
    let path = folder.path().join("out.mp4");
    assert_eq!(probe(&path, "v:0", "stream=duration_ts"), ["99778"]);
}

#[test]
fn matroska_keeps_milliseconds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv");
    let input = input(PixelFormat::YUV420P, Rational::new(1, 1000), Rational::new(30, 1));
    let times = [(0, 33), (33, 34), (67, 33), (100, 40), (140, 60)];
    write(open(&path, &OutputOptions::default(), &input), &times);
    let expected: Vec<_> = times.iter().map(|(pts, _)| *pts).collect();
    assert_eq!(frame_times(&path), expected);
}

#[test]
fn b_frames_do_not_shift_time_stamps() {
    let folder = tempfile::tempdir().unwrap();
    let input = input(PixelFormat::YUV420P, Rational::new(1, 90000), Rational::new(30, 1));
    let times = steady(0, 3000, 20);
    let expected: Vec<_> = times.iter().map(|(pts, _)| *pts).collect();
    for name in ["out.mp4", "out.mov", "out.ts"] {
        let path = folder.path().join(name);
        write(open(&path, &codec("libx264"), &input), &times);
        assert!(probe(&path, "v:0", "frame=pict_type").contains(&"B".to_owned()), "{name}");
        assert_eq!(frame_times(&path), expected, "{name}");
    }
}

#[test]
fn negative_starts_are_kept_where_the_container_can() {
    let folder = tempfile::tempdir().unwrap();
    let input = input(PixelFormat::YUV420P, Rational::new(1, 30000), Rational::new(30000, 1001));
    let times = steady(-2002, 1001, 8);
    let expected: Vec<_> = times.iter().map(|(pts, _)| *pts).collect();
    for (name, scale) in [("out.mp4", 1), ("out.mov", 1), ("out.ts", 3)] {
        let path = folder.path().join(name);
        write(open(&path, &codec("libx264"), &input), &times);
        let found: Vec<_> = packet_times(&path).into_iter().map(|(pts, _)| pts / scale).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn encoders_of_fixed_rate_keep_time_stamps_that_lie_on_it() {
    let folder = tempfile::tempdir().unwrap();
    // 29.97 frames per second in milliseconds, one frame missing, not starting at 0.
    let input = input(PixelFormat::YUV420P, Rational::new(1, 1000), Rational::new(30000, 1001));
    let times = [(500, 33), (533, 34), (567, 33), (634, 33), (667, 33)];
    for (encoder, name) in [("mpeg4", "out.mkv"), ("mpeg2video", "out.mkv"), ("mpeg4", "out.mp4")] {
        let path = folder.path().join(format!("{encoder}.{name}"));
        write(open(&path, &codec(encoder), &input), &times);
        let expected: Vec<_> =
            times.iter().map(|(pts, _)| pts * if name == "out.mp4" { 16 } else { 1 }).collect();
        assert_eq!(frame_times(&path), expected, "{encoder} {name}");
    }
    let path = folder.path().join("off.mkv");
    let mut sink = open(&path, &codec("mpeg4"), &input);
    sink.write_frame(&frame(&sink, 0, 33, 0)).unwrap();
    let error = sink.write_frame(&frame(&sink, 15, 33, 0)).unwrap_err().to_string();
    assert!(error.contains("a frame at time stamp 15 is not on the fixed rate of 30000/1001"), "{error}");
}
