//! Files that appear when they are complete, refusals, pictures, pipes.

use crate::support::*;
use framecast::error::MediaError;
use framecast::frame::{Frame, PixelFormat, Range, Rational, Siting, Subsampling};
use framecast::media::{InputDescription, Interrupt, OutputOptions, Sink};
use std::path::Path;

const TICKS: Rational = Rational::new(1, 25);
const RATE: Rational = Rational::new(25, 1);

fn simple() -> InputDescription {
    input(PixelFormat::YUV420P, TICKS, RATE)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn refusal(path: &Path, options: &OutputOptions, input: &InputDescription) -> String {
    match try_open(path, options, input) {
        Ok(_) => panic!("{} was not refused", path.display()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_file_appears_when_it_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv");
    let mut sink = open(&path, &OutputOptions::default(), &simple());
    sink.write_frame(&frame(&sink, 0, 1, 0)).unwrap();
    assert_eq!(names(folder.path()), [".out.mkv.framecast-part"]);
    sink.finish().unwrap();
    assert_eq!(names(folder.path()), ["out.mkv"]);
}

#[test]
fn giving_up_leaves_the_existing_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv");
    std::fs::write(&path, "precious").unwrap();
    let options = OutputOptions { overwrite: true, ..OutputOptions::default() };
    let mut sink = open(&path, &options, &simple());
    sink.write_frame(&frame(&sink, 0, 1, 0)).unwrap();
    sink.abort();
    assert_eq!(names(folder.path()), ["out.mkv"]);
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
}

#[test]
fn existing_files_the_input_and_missing_folders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv");
    std::fs::write(&path, "precious").unwrap();
    let found = refusal(&path, &OutputOptions::default(), &simple());
    assert_eq!(found, format!("{}: exists already; add -y to replace it", path.display()));
    let mut same = simple();
    same.location = path.to_str().unwrap().to_owned();
    let options = OutputOptions { overwrite: true, ..OutputOptions::default() };
    let found = refusal(&path, &options, &same);
    assert_eq!(found, format!("{}: is the input itself; write to another file", path.display()));
    let found = refusal(&folder.path().join("none/out.mkv"), &options, &simple());
    assert!(found.ends_with("; create the folder first"), "{found}");
    let found = refusal(&folder.path().join("out.xyz"), &options, &simple());
    assert!(found.contains("--output-format"), "{found}");
    assert_eq!(names(folder.path()), ["out.mkv"]);
}

#[test]
fn wrong_options_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv");
    let with = |options: OutputOptions| refusal(&path, &options, &simple());
    let found = with(codec("libx246"));
    assert!(
        found.starts_with("--codec: there is no video encoder called `libx246`; use one of libx26"),
        "{found}"
    );
    let found = with(OutputOptions { crf: Some(18.0), ..codec("mpeg4") });
    assert!(found.starts_with("--crf: encoder mpeg4 has no constant rate factor"), "{found}");
    let found = with(OutputOptions { crf: Some(999.0), ..codec("libx264") });
    assert!(found.starts_with("--crf: expected 0 to 51 for encoder libx264, found 999"), "{found}");
    let found = with(OutputOptions { preset: Some("fast".to_owned()), ..codec("ffv1") });
    assert!(found.starts_with("--preset: encoder ffv1 has no presets"), "{found}");
    let pair = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
    let found = with(OutputOptions { encoder_options: pair("nonsense", "1"), ..codec("libx264") });
    assert!(found.starts_with("--encoder-opt: encoder libx264 does not know nonsense"), "{found}");
    let found = with(OutputOptions { muxer_options: pair("nonsense", "1"), ..codec("libx264") });
    assert!(found.starts_with("--muxer-opt: matroska does not know nonsense"), "{found}");
    let found = with(OutputOptions { pixel_format: Some("rgb24".to_owned()), ..codec("libx264") });
    assert!(
        found.starts_with("--pix-fmt: encoder libx264 does not take `rgb24`; use one of yuv420p"),
        "{found}"
    );
    let mut variable = simple();
    variable.video.variable_rate = true;
    let found = refusal(&path, &codec("mpeg4"), &variable);
    assert!(found.contains("mpeg4 needs a fixed frame rate, and the input has a variable one"), "{found}");
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn pictures_are_exact_and_numbered() {
    let folder = tempfile::tempdir().unwrap();
    let mut source = input(yuv(Subsampling::S444, 8), TICKS, RATE);
    source.video.color.range = Range::Full;
    for name in ["a%03d.png", "b%03d.tiff", "c%03d.bmp", "d%03d.webp"] {
        let mut sink = open(&folder.path().join(name), &OutputOptions::default(), &source);
        let frames: Vec<_> = (0..2).map(|index| frame(&sink, index, 1, index as u32)).collect();
        for frame in &frames {
            sink.write_frame(frame).unwrap();
        }
        assert_eq!(sink.finish().unwrap().frames, 2);
        for (index, frame) in frames.iter().enumerate() {
            let path = folder.path().join(name.replace("%03d", &format!("{:03}", index + 1)));
            let picture = image::open(path).unwrap().into_rgb8();
            for (x, y) in [(0usize, 0usize), (50, 31), (95, 63)] {
                let at = |plane: usize| f64::from(frame.planes()[plane].row_u8(y)[x]) / 255.0;
                let (cb, cr) = (at(1) - 128.0 / 255.0, at(2) - 128.0 / 255.0);
                let green = at(0) - 0.187_324_272_930_648_8 * cb - 0.468_124_272_930_648_8 * cr;
                let rgb = [at(0) + 1.5748 * cr, green, at(0) + 1.8556 * cb];
                let expected = rgb.map(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8);
                assert_eq!(picture.get_pixel(x as u32, y as u32).0, expected, "{name} {x},{y}");
            }
        }
    }
    let found = refusal(&folder.path().join("a%03d.png"), &OutputOptions::default(), &source);
    assert!(found.ends_with("a001.png: exists already; add -y to replace it"), "{found}");
}

#[test]
fn deep_sources_become_sixteen_bit_pictures_and_chroma_is_sited() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.png");
    let mut source = input(yuv(Subsampling::S420, 10), TICKS, RATE);
    source.video.color.siting = Siting::TopLeft;
    let mut sink = open(&path, &OutputOptions::default(), &source);
    let frame = frame(&sink, 0, 1, 0);
    sink.write_frame(&frame).unwrap();
    assert_eq!(sink.finish().unwrap().pixel_format, "rgb48");
    let picture = image::open(&path).unwrap().into_rgb16();
    // At even places the chroma sample itself applies, at odd ones the mean of its neighbours.
    for (x, y) in [(10usize, 20usize), (11, 20), (10, 21), (11, 21)] {
        let chroma = |plane: usize| {
            let plane = &frame.planes()[plane];
            let row = |y: usize| {
                let row = plane.row_u16(y);
                (f64::from(row[x / 2]) + f64::from(row[x.div_ceil(2)])) / 2.0
            };
            (row(y / 2) + row(y.div_ceil(2))) / 2.0
        };
        let luma = (f64::from(frame.planes()[0].row_u16(y)[x]) - 64.0) / 876.0;
        let red = luma + 1.5748 * (chroma(2) - 512.0) / 896.0;
        let expected = (red.clamp(0.0, 1.0) * 65535.0).round() as u16;
        assert_eq!(picture.get_pixel(x as u32, y as u32).0[0], expected, "{x},{y}");
    }
}

#[test]
fn a_single_picture_takes_one_frame() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.jpg");
    let mut sink = open(&path, &OutputOptions::default(), &simple());
    sink.write_frame(&frame(&sink, 0, 1, 0)).unwrap();
    let error = sink.write_frame(&frame(&sink, 1, 1, 1)).unwrap_err().to_string();
    assert!(error.contains("use a pattern such as out%05d.jpg"), "{error}");
    drop(sink);
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn the_null_format_writes_nothing() {
    let options = OutputOptions { format: Some("null".to_owned()), ..OutputOptions::default() };
    let sink = open(Path::new("-"), &options, &simple());
    assert_eq!(sink.delivered().format, PixelFormat::YUV420P);
    let (report, _) = write(sink, &steady(0, 1, 5));
    assert_eq!((report.frames, report.encoder.as_str()), (5, "wrapped_avframe"));
}

#[test]
fn missing_frames_of_yuv4mpeg_are_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.y4m");
    let (_, raw) = write(open(&path, &OutputOptions::default(), &simple()), &[(0, 1), (1, 1), (4, 1)]);
    let expected = [&raw[0], &raw[1], &raw[1], &raw[1], &raw[2]].map(|frame| frame.as_slice()).concat();
    assert!(decode(&path, "yuv420p") == expected);
}

#[test]
fn a_gap_of_yuv4mpeg_that_is_too_long_is_left_out_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.y4m");
    // More than ten minutes.
    let resumed = 600 * 25 + 1;
    let times = [(0, 1), (resumed, 1), (resumed + 2, 1)];
    let (report, raw) = write(open(&path, &OutputOptions::default(), &simple()), &times);
    assert_eq!((report.frames, report.unfilled), (4, 1));
    let expected = [&raw[0], &raw[1], &raw[1], &raw[2]].map(|frame| frame.as_slice()).concat();
    assert!(decode(&path, "yuv420p") == expected);
}

/// Coded packets cannot be repeated: what they change would change twice.
#[test]
fn missing_frames_of_mxf_are_repeated_before_they_are_encoded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mxf");
    let options =
        OutputOptions { encoder_options: vec![("q".to_owned(), "2".to_owned())], ..OutputOptions::default() };
    let times = [(0, 1), (1, 1), (4, 1), (5, 1)];
    let (report, raw) = write(open(&path, &options, &simple()), &times);
    assert_eq!((report.frames, report.unfilled), (6, 0));
    let found = decode(&path, "yuv420p");
    let difference =
        |a: &[u8], b: &[u8]| a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>();
    let nearest = |frame: &[u8]| (0..raw.len()).min_by_key(|index| difference(frame, &raw[*index])).unwrap();
    assert_eq!(found.chunks(raw[0].len()).map(nearest).collect::<Vec<_>>(), [0, 1, 1, 1, 2, 3]);
}

#[test]
fn a_full_disk_is_reported_and_nothing_is_left() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    // A device takes the bytes directly, and this one is always full.
    let options = OutputOptions { format: Some("matroska".to_owned()), ..codec("ffv1") };
    let mut sink = open(Path::new("/dev/full"), &options, &simple());
    let mut result = Ok(());
    for index in 0..40 {
        result = result.and_then(|()| sink.write_frame(&frame(&sink, index, 1, 0)));
    }
    let error = result.and_then(|()| sink.finish().map(|_| ())).unwrap_err();
    assert!(matches!(error, MediaError::Output { .. }));
    assert!(error.to_string().contains("No space left on device; free some space"), "{error}");
}

#[test]
fn a_file_has_one_writer_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv");
    let mut first = open(&path, &OutputOptions::default(), &simple());
    first.write_frame(&frame(&first, 0, 1, 0)).unwrap();
    // Under another name of the same folder, too.
    let detour = folder.path().join("..").join(folder.path().file_name().unwrap()).join("out.mkv");
    for path in [&path, &detour] {
        let found = refusal(path, &OutputOptions::default(), &simple());
        assert!(found.contains("is being written by another output of this program"), "{found}");
    }
    drop(first);
    let mut second = open(&path, &OutputOptions::default(), &simple());
    second.write_frame(&frame(&second, 0, 1, 0)).unwrap();
    assert_eq!(second.finish().unwrap().frames, 1);
    assert_eq!(names(folder.path()), ["out.mkv"]);
}

#[test]
fn frames_of_another_kind_are_refused_and_the_file_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv");
    let mut sink = open(&path, &OutputOptions::default(), &simple());
    let good = frame(&sink, 0, 1, 0);
    let refuse = |sink: &mut Sink, change: &dyn Fn(&mut Frame), told: &str| {
        let mut frame = good.clone();
        change(&mut frame);
        let found = sink.write_frame(&frame).unwrap_err().to_string();
        assert!(found.contains(told), "{found}");
    };
    refuse(&mut sink, &|frame| frame.info.color.range = Range::Full, "range: Full");
    refuse(&mut sink, &|frame| frame.info.pts = i64::MIN, "a frame has no time stamp; give it one");
    refuse(&mut sink, &|frame| frame.planes_mut()[0].stride = 0, "0 bytes from row to row");
    refuse(&mut sink, &|frame| frame.planes_mut().swap(0, 1), "plane 0 of a frame: expected 96 x 64");
    sink.write_frame(&good).unwrap();
    assert_eq!(sink.finish().unwrap().frames, 1);
}

/// They can be too much for a container, which is an error, but never for our own arithmetic.
#[test]
fn extreme_time_stamps_break_nothing() {
    for name in ["out.mkv", "out.mp4", "out.y4m", "out.avi"] {
        for times in
            [[i64::MIN + 1, 0, i64::MAX], [i64::MAX - 1, i64::MAX, i64::MAX], [0, i64::MAX, i64::MIN + 1]]
        {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            let mut sink = open(&path, &OutputOptions::default(), &simple());
            let written = times.iter().try_for_each(|pts| sink.write_frame(&frame(&sink, *pts, 1, 0)));
            if written.and_then(|()| sink.finish().map(drop)).is_err() {
                assert_eq!(names(folder.path()), [""; 0], "{name} {times:?}");
            }
        }
    }
}

#[test]
fn sizes_beyond_all_bounds_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv").display().to_string();
    for (width, height) in [(0, 64), (96, 0), (u32::MAX, 64), (96, u32::MAX)] {
        let (options, interrupt) = (OutputOptions::default(), Interrupt::default());
        let opened = Sink::open(&path, &options, &simple(), width, height, Rational::new(1, 1), interrupt);
        let found = opened.unwrap_err().to_string();
        assert!(found.contains(&format!("1 to 262144 samples a side, found {width}x{height}")), "{found}");
    }
    assert_eq!(names(folder.path()), [""; 0]);
}
