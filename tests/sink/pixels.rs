//! Samples, pixel formats and colour tags.

use crate::support::*;
use framecast::frame::{Matrix, PixelFormat, Range, Rational, Subsampling};
use framecast::media::OutputOptions;

const TICKS: Rational = Rational::new(1, 25);
const RATE: Rational = Rational::new(25, 1);

#[test]
fn lossless_encoders_keep_every_sample() {
    let folder = tempfile::tempdir().unwrap();
    let formats = [
        yuv(Subsampling::S420, 8),
        yuv(Subsampling::S422, 8),
        yuv(Subsampling::S444, 8),
        yuv(Subsampling::S420, 10),
        yuv(Subsampling::S422, 12),
        yuv(Subsampling::S444, 16),
        gray(8),
        gray(12),
        PixelFormat { alpha: true, ..yuv(Subsampling::S420, 8) },
        PixelFormat { alpha: true, ..yuv(Subsampling::S444, 10) },
    ];
    for format in formats {
        let path = folder.path().join(format!("{format}.mkv"));
        let input = input(format, TICKS, RATE);
        let (report, raw) = write(open(&path, &codec("ffv1"), &input), &steady(0, 1, 4));
        assert_eq!(report.pixel_format, input.video.source_format);
        assert!(decode(&path, &input.video.source_format) == raw.concat(), "{format}");
    }
    for format in [yuv(Subsampling::S420, 8), yuv(Subsampling::S444, 8)] {
        let path = folder.path().join(format!("x264{format}.mkv"));
        let (_, raw) = write(open(&path, &lossless_x264(), &input(format, TICKS, RATE)), &steady(0, 1, 4));
        assert!(decode(&path, &format.to_string()) == raw.concat(), "{format}");
    }
}

#[test]
fn packed_formats_hold_the_same_samples() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("nv12", yuv(Subsampling::S420, 8), "yuv420p"),
        ("yuyv422", yuv(Subsampling::S422, 8), "yuv422p"),
        ("uyvy422", yuv(Subsampling::S422, 8), "yuv422p"),
        ("yuv420p10be", yuv(Subsampling::S420, 10), "yuv420p10le"),
    ];
    for (packed, format, planar) in cases {
        let path = folder.path().join(format!("{packed}.nut"));
        let options = OutputOptions { pixel_format: Some(packed.to_owned()), ..OutputOptions::default() };
        let sink = open(&path, &options, &input(format, TICKS, RATE));
        assert_eq!(sink.delivered().format, format, "{packed}");
        let (report, raw) = write(sink, &steady(0, 1, 3));
        assert_eq!(report.pixel_format, packed);
        assert!(decode(&path, planar) == raw.concat(), "{packed}");
    }
}

#[test]
fn p010_holds_samples_in_high_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p010.raw");
    let options = OutputOptions {
        format: Some("rawvideo".to_owned()),
        pixel_format: Some("p010le".to_owned()),
        ..OutputOptions::default()
    };
    let mut sink = open(&path, &options, &input(yuv(Subsampling::S420, 10), TICKS, RATE));
    let frame = frame(&sink, 0, 1, 3);
    sink.write_frame(&frame).unwrap();
    sink.finish().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let words: Vec<u16> =
        bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]) >> 6).collect();
    let (luma, chroma) = words.split_at(96 * 64);
    let plane = |index: usize| -> Vec<u16> {
        let plane = &frame.planes()[index];
        (0..plane.height as usize).flat_map(|y| plane.row_u16(y).to_vec()).collect()
    };
    assert!(luma == plane(0));
    assert!(chroma.iter().step_by(2).copied().collect::<Vec<_>>() == plane(1));
    assert!(chroma.iter().skip(1).step_by(2).copied().collect::<Vec<_>>() == plane(2));
}

#[test]
fn rgb_is_converted_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let mut input = input(yuv(Subsampling::S444, 16), TICKS, RATE);
    input.video.source_format = "rgb24".to_owned();
    input.video.color.range = Range::Full;
    for name in ["gbrp", "rgb24", "bgr0", "gbrp16le", "rgb48le"] {
        let path = folder.path().join(format!("{name}.nut"));
        let options = OutputOptions { pixel_format: Some(name.to_owned()), ..codec("rawvideo") };
        let mut sink = open(&path, &options, &input);
        assert_eq!(sink.delivered().format, yuv(Subsampling::S444, 16));
        let frame = frame(&sink, 0, 1, 5);
        sink.write_frame(&frame).unwrap();
        sink.finish().unwrap();
        let is_deep = name.contains("16") || name.contains("48");
        let (target, max) = if is_deep { ("rgb48le", 65535.0) } else { ("rgb24", 255.0) };
        let bytes = decode(&path, target);
        for (x, y) in [(0, 0), (17, 5), (95, 63)] {
            let at = |plane: usize| f64::from(frame.planes()[plane].row_u16(y)[x]);
            let (luma, cb, cr) = (at(0) / 65535.0, (at(1) - 32768.0) / 65535.0, (at(2) - 32768.0) / 65535.0);
            let red = luma + 1.5748 * cr;
            let green = luma - 0.1873242729306488 * cb - 0.4681242729306488 * cr;
            let blue = luma + 1.8556 * cb;
            for (channel, value) in [red, green, blue].into_iter().enumerate() {
                let expected = (value.clamp(0.0, 1.0) * max).round();
                let index = (y * 96 + x) * 3 + channel;
                let found = match is_deep {
                    true => f64::from(u16::from_le_bytes([bytes[index * 2], bytes[index * 2 + 1]])),
                    false => f64::from(bytes[index]),
                };
                assert!((found - expected).abs() < 0.5, "{name} {x},{y}: {found} {expected}");
            }
        }
    }
}

#[test]
fn rgb_sources_become_full_range_yuv444_for_x264() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mp4");
    let mut input = input(yuv(Subsampling::S444, 16), TICKS, RATE);
    input.video.source_format = "rgb24".to_owned();
    input.video.color.range = Range::Full;
    let sink = open(&path, &OutputOptions::default(), &input);
    assert_eq!(sink.delivered().format, yuv(Subsampling::S444, 8));
    assert!(sink.notes().iter().any(|note| note.contains("--pix-fmt yuv420p")), "{:?}", sink.notes());
    write(sink, &steady(0, 1, 3));
    assert_eq!(
        probe(&path, "v:0", "stream=codec_name,pix_fmt,color_range,color_space"),
        ["h264,yuvj444p,pc,bt709"]
    );
}

#[test]
fn deep_and_hdr_sources_become_ten_bit_hevc() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mp4");
    let mut input = input(yuv(Subsampling::S420, 10), TICKS, RATE);
    let color = &mut input.video.color;
    (color.matrix, color.matrix_code) = (Matrix::Bt2020, 9);
    (color.primaries_code, color.transfer_code) = (9, 16);
    color.siting = framecast::frame::Siting::TopLeft;
    write(open(&path, &OutputOptions::default(), &input), &steady(0, 1, 3));
    let entries = "stream=codec_name,codec_tag_string,pix_fmt,color_range,color_space,color_transfer,color_primaries,\
                   chroma_location";
    assert_eq!(probe(&path, "v:0", entries), ["hevc,hvc1,yuv420p10le,tv,bt2020nc,smpte2084,bt2020,topleft"]);
}

#[test]
fn untagged_colour_stays_untagged_and_shape_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut input = input(PixelFormat::YUV420P, TICKS, RATE);
    input.video.color = framecast::frame::Color::default();
    input.video.sample_aspect_ratio = Rational::new(64, 45);
    for name in ["out.mp4", "out.mkv", "out.mov"] {
        let path = folder.path().join(name);
        write(open(&path, &codec("libx264"), &input), &steady(0, 1, 3));
        let entries = "stream=sample_aspect_ratio,color_range,color_space,color_transfer,color_primaries";
        assert_eq!(probe(&path, "v:0", entries), ["64:45,unknown,unknown,unknown,unknown"], "{name}");
    }
}

#[test]
fn range_is_converted_where_the_codec_has_only_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv");
    let sink = open(&path, &codec("mjpeg"), &input(PixelFormat::YUV420P, TICKS, RATE));
    assert!(sink.notes().iter().any(|note| note.contains("range")), "{:?}", sink.notes());
    let (_, raw) = write(sink, &steady(0, 1, 1));
    let decoded = decode(&path, "yuvj420p");
    // Luma 16..235 becomes 0..255, within what a quantiser of 2 loses.
    let mean = |bytes: &[u8]| bytes.iter().map(|b| f64::from(*b)).sum::<f64>() / bytes.len() as f64;
    let (before, after) = (mean(&raw[0][..96 * 64]), mean(&decoded[..96 * 64]));
    assert!(((before - 16.0) * 255.0 / 219.0 - after).abs() < 1.0, "{before} {after}");
}

#[test]
fn encoders_of_other_kinds_write_something_sound() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("out.webm", None, "vp9"),
        ("out.gif", None, "gif"),
        ("out.mov", Some("prores_ks"), "prores"),
        ("out.mkv", Some("libsvtav1"), "av1"),
        ("out.mkv", Some("mpeg2video"), "mpeg2video"),
        ("out.mp4", Some("mpeg4"), "mpeg4"),
        ("out.mkv", Some("hevc"), "hevc"),
        ("out.avi", None, "h264"),
        ("out.mxf", Some("mpeg2video"), "mpeg2video"),
        ("out.mkv", Some("png"), "png"),
        ("out.mkv", Some("libx264rgb"), "h264"),
        ("out.mkv", Some("huffyuv"), "huffyuv"),
        ("out.y4m", None, "rawvideo"),
    ];
    for (name, encoder, expected) in cases {
        let path = folder.path().join(name);
        let options =
            OutputOptions { codec: encoder.map(str::to_owned), overwrite: true, ..OutputOptions::default() };
        let input = input(PixelFormat::YUV420P, Rational::new(1, 90000), RATE);
        write(open(&path, &options, &input), &steady(0, 3600, 10));
        assert_eq!(probe(&path, "v:0", "stream=codec_name"), [expected], "{name}");
        assert_eq!(probe(&path, "v:0", "frame=pts").len(), 10, "{name} {encoder:?}");
    }
}
