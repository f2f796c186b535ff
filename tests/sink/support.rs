//! Frames made by hand, and what ffprobe and ffmpeg say of an output.

use framecast::frame::{
    Color, Frame, FrameInfo, Matrix, Model, PixelFormat, Range, Rational, Siting, Subsampling, TimeBase,
};
use framecast::media::{InputDescription, Interrupt, OutputOptions, Sink, SinkReport, VideoInfo};
use std::path::Path;
use std::process::Command;

pub(crate) const SIZE: (u32, u32) = (96, 64);

pub(crate) fn yuv(subsampling: Subsampling, depth: u8) -> PixelFormat {
    PixelFormat::yuv(subsampling, depth)
}

pub(crate) fn bt709() -> Color {
    Color {
        matrix: Matrix::Bt709,
        range: Range::Limited,
        range_tagged: true,
        siting: Siting::Left,
        matrix_code: 1,
        primaries_code: 1,
        transfer_code: 1,
    }
}

/// An input of one video stream.
pub(crate) fn input(format: PixelFormat, time_base: TimeBase, frame_rate: Rational) -> InputDescription {
    InputDescription {
        location: "input.mkv".to_owned(),
        format: "matroska".to_owned(),
        video: VideoInfo {
            width: SIZE.0,
            height: SIZE.1,
            format,
            source_format: if format.depth > 8 { format!("{format}le") } else { format.to_string() },
            color: bt709(),
            sample_aspect_ratio: Rational::new(1, 1),
            time_base,
            frame_rate,
            frame_estimate: None,
            variable_rate: false,
            is_picture: false,
        },
        streams: Vec::new(),
        chapters: Vec::new(),
        metadata: Vec::new(),
        duration: None,
    }
}

/// A frame with a pattern that differs by plane, place and `seed`.
pub(crate) fn frame(sink: &Sink, pts: i64, duration: i64, seed: u32) -> Frame {
    let wanted = sink.delivered();
    let info = FrameInfo {
        color: wanted.color,
        sample_aspect_ratio: wanted.sample_aspect_ratio,
        pts,
        duration,
        ..FrameInfo::new(wanted.width, wanted.height, wanted.format)
    };
    let max = wanted.format.max_value();
    let mut frame = Frame::allocate(info, None);
    for (index, plane) in frame.planes_mut().iter_mut().enumerate() {
        let bytes = plane.sample_bytes;
        for (y, row) in plane.rows_mut().enumerate() {
            for (x, sample) in row.chunks_exact_mut(bytes).enumerate() {
                let value = (x as u32 * 7 + y as u32 * 3 + seed * 11 + index as u32 * 50) * (max + 1) / 512;
                // Legal in limited range too.
                let value = max / 8 + value % (max * 3 / 4);
                sample.copy_from_slice(&value.to_le_bytes()[..bytes]);
            }
        }
    }
    frame
}

/// The samples of a frame as ffmpeg writes them raw.
pub(crate) fn raw_bytes(frame: &Frame) -> Vec<u8> {
    frame.planes().iter().flat_map(|plane| plane.rows().flatten().copied().collect::<Vec<_>>()).collect()
}

pub(crate) fn open(path: &Path, options: &OutputOptions, input: &InputDescription) -> Sink {
    try_open(path, options, input).unwrap()
}

pub(crate) fn try_open(
    path: &Path,
    options: &OutputOptions,
    input: &InputDescription,
) -> Result<Sink, framecast::error::MediaError> {
    let shape = input.video.sample_aspect_ratio;
    Sink::open(path.to_str().unwrap(), options, input, SIZE.0, SIZE.1, shape, Interrupt::default())
}

/// Writes frames at these (pts, duration) and returns the report and the raw frames.
pub(crate) fn write(mut sink: Sink, times: &[(i64, i64)]) -> (SinkReport, Vec<Vec<u8>>) {
    let mut raw = Vec::new();
    for (index, (pts, duration)) in times.iter().enumerate() {
        let frame = frame(&sink, *pts, *duration, index as u32);
        raw.push(raw_bytes(&frame));
        sink.write_frame(&frame).unwrap();
    }
    (sink.finish().unwrap(), raw)
}

/// `count` frames of `step` ticks from `start`.
pub(crate) fn steady(start: i64, step: i64, count: i64) -> Vec<(i64, i64)> {
    (0..count).map(|index| (start + index * step, step)).collect()
}

/// ffprobe's values of `entries`, one line per item, comma-separated.
pub(crate) fn probe(path: &Path, select: &str, entries: &str) -> Vec<String> {
    let output = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-select_streams",
            select,
            "-show_entries",
            entries,
            "-of",
            "compact=p=0:nk=1:s=,",
        ])
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.trim_end_matches(',').to_owned()).filter(|line| !line.is_empty()).collect()
}

/// Time stamps of the decoded frames, in the stream's time base.
pub(crate) fn frame_times(path: &Path) -> Vec<i64> {
    probe(path, "v:0", "frame=pts").iter().map(|line| line.parse().unwrap()).collect()
}

/// (pts, duration) of the packets in the order of presentation.
pub(crate) fn packet_times(path: &Path) -> Vec<(i64, i64)> {
    let mut times: Vec<_> = probe(path, "v:0", "packet=pts,duration")
        .iter()
        .map(|line| {
            let mut fields = line.split(',').map(|field| field.parse().unwrap_or(-1));
            (fields.next().unwrap(), fields.next().unwrap())
        })
        .collect();
    times.sort_unstable();
    times
}

/// The decoded frames as raw bytes of `format`.
pub(crate) fn decode(path: &Path, format: &str) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-map", "0:v:0", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", format, "-"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

pub(crate) fn lossless_x264() -> OutputOptions {
    OutputOptions {
        codec: Some("libx264".to_owned()),
        preset: Some("ultrafast".to_owned()),
        encoder_options: vec![("qp".to_owned(), "0".to_owned())],
        ..OutputOptions::default()
    }
}

pub(crate) fn codec(name: &str) -> OutputOptions {
    OutputOptions { codec: Some(name.to_owned()), ..OutputOptions::default() }
}

pub(crate) fn gray(depth: u8) -> PixelFormat {
    PixelFormat { model: Model::Gray, depth, alpha: false }
}
