//! Samples: nothing is lost on the way from the decoder.

use crate::common::{clips, oracle};
use crate::read::{Everything, read, read_with};
use framecast::frame::{Matrix, PixelFormat, Range, Rational, Siting};
use framecast::media::InputOptions;
use std::path::Path;

fn little_endian(name: &str, format: PixelFormat) -> String {
    if format.depth > 8 { format!("{name}le") } else { name.to_owned() }
}

/// Compares all samples with FFmpeg's in the delivered format, both decoded by `threads`.
fn assert_identical_with(threads: Option<usize>, clip: &Path) -> Everything {
    let all = read_with(clip, &InputOptions { threads, ..InputOptions::default() });
    let format = all.description.video.format;
    // FFmpeg would scale full range (yuvj420p) to limited on the way to yuv420p.
    let source = &all.description.video.source_format;
    let own =
        if source.starts_with("yuvj") { source.clone() } else { little_endian(&format.to_string(), format) };
    let threads = threads.unwrap_or(0).to_string();
    let expected = oracle::decoded_from(&["-threads", &threads], clip, &own, &[]);
    assert!(all.samples() == expected, "{}: samples differ from FFmpeg's {format}", clip.display());
    all
}

fn assert_identical(clip: &Path) -> Everything {
    assert_identical_with(None, clip)
}

#[test]
fn coded_video_is_delivered_as_decoded() {
    for clip in [
        clips::cfr_h264_aac(),
        clips::hdr10_hevc(),
        clips::vfr_vp9(),
        clips::h264("yuv422p10le"),
        clips::h264("yuv444p"),
        clips::h264("yuv444p10le"),
        clips::h264("gray"),
    ] {
        assert_identical(&clip);
    }
}

#[test]
fn damaged_video_is_delivered_as_decoded() {
    // What FFmpeg fills damage with depends on how far its other threads are.
    assert_identical_with(Some(1), &clips::bit_flips());
}

#[test]
fn planar_formats_of_every_depth_and_subsampling_are_copied() {
    for name in [
        "yuv420p",
        "yuv422p",
        "yuv444p",
        "yuv440p",
        "yuv411p",
        "yuv410p",
        "yuva420p",
        "yuva422p",
        "yuva444p",
        "yuv420p10le",
        "yuv422p12le",
        "yuv444p9le",
        "yuv420p14le",
        "yuv444p16le",
        "yuva444p10le",
        "yuva422p16le",
        "gray",
        "gray10le",
        "gray16le",
    ] {
        let all = assert_identical(&clips::lossless(name, "rawvideo"));
        let format = all.description.video.format;
        assert_eq!(little_endian(&format.to_string(), format), name);
        assert_eq!(all.description.video.source_format, name);
        assert_eq!(all.frames.len(), 12);
    }
}

#[test]
fn grey_with_alpha_becomes_two_planes() {
    let clip = clips::lossless("ya8", "rawvideo");
    let all = read(&clip);
    assert_eq!(all.description.video.format.to_string(), "ya8");
    let packed = oracle::decoded(&clip, "ya8", &[]);
    for (frame, pairs) in all.frames.iter().zip(packed.chunks_exact(175 * 143 * 2)) {
        for (plane, offset) in frame.planes().iter().zip([0, 1]) {
            let samples = plane.rows().flatten().copied();
            assert!(samples.eq(pairs.iter().skip(offset).step_by(2).copied()));
        }
    }
}

/// Raw video without a header, and FFmpeg's conversion of it.
fn raw(pixel_format: &str, converted: &str) -> (Everything, Vec<u8>) {
    let clip = clips::raw(pixel_format);
    let options = InputOptions {
        format: Some("rawvideo".to_owned()),
        video_size: Some((175, 143)),
        rate: Some(Rational::new(12, 1)),
        pixel_format: Some(pixel_format.to_owned()),
        ..Default::default()
    };
    let input = ["-f", "rawvideo", "-video_size", "175x143", "-pixel_format", pixel_format];
    (read_with(&clip, &options), oracle::decoded_from(&input, &clip, converted, &[]))
}

#[test]
fn packed_and_semi_planar_and_big_endian_formats_are_taken_apart_without_loss() {
    for (name, delivered) in [
        ("nv12", "yuv420p"),
        ("nv21", "yuv420p"),
        ("nv24", "yuv444p"),
        ("p010le", "yuv420p10le"),
        ("p016be", "yuv420p16le"),
        ("p210le", "yuv422p10le"),
        ("yuyv422", "yuv422p"),
        ("uyvy422", "yuv422p"),
        ("yvyu422", "yuv422p"),
        ("yuv420p10be", "yuv420p10le"),
        ("yuv444p16be", "yuv444p16le"),
        ("gray16be", "gray16le"),
    ] {
        let (all, expected) = raw(name, delivered);
        let format = all.description.video.format;
        assert_eq!(little_endian(&format.to_string(), format), delivered, "{name}");
        assert_eq!(all.description.video.source_format, name);
        assert!(all.samples() == expected, "{name}: samples differ from FFmpeg's {delivered}");
    }
}

/// Full-range BT.709 in 16 bit of red, green and blue in 0..=1, by the book.
fn yuv(rgb: [f64; 3]) -> [f64; 3] {
    let [r, g, b] = rgb;
    let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let code = |value: f64, zero: f64| (value * 65535.0 + zero).round().clamp(0.0, 65535.0);
    [code(y, 0.0), code((b - y) / 1.8556, 32768.0), code((r - y) / 1.5748, 32768.0)]
}

/// Compares with the conversion of planes of green, blue, red (and alpha) in native order.
fn assert_converted(all: &Everything, gbr: &[u8], depth: u32, alpha: bool) {
    let video = &all.description.video;
    assert_eq!(video.format.to_string(), if alpha { "yuva444p16" } else { "yuv444p16" });
    assert_eq!((video.color.matrix, video.color.range), (Matrix::Bt709, Range::Full));
    let bytes = if depth > 8 { 2 } else { 1 };
    let plane_bytes = (video.width * video.height * bytes) as usize;
    let planes = if alpha { 4 } else { 3 };
    let scale = f64::from((1u32 << depth) - 1);
    for (frame, pictures) in all.frames.iter().zip(gbr.chunks_exact(plane_bytes * planes)) {
        let value = |plane: usize, index: usize| {
            let position = plane * plane_bytes + index * bytes as usize;
            let low = u32::from(pictures[position]);
            let high = if bytes == 2 { u32::from(pictures[position + 1]) << 8 } else { 0 };
            f64::from(low | high) / scale
        };
        let sample = |plane: usize, index: usize| {
            let (y, x) = (index / video.width as usize, index % video.width as usize);
            f64::from(frame.planes()[plane].row_u16(y)[x])
        };
        for index in 0..(video.width * video.height) as usize {
            let mut expected = yuv([value(2, index), value(0, index), value(1, index)]).to_vec();
            if alpha {
                expected.push((value(3, index) * 65535.0).round());
            }
            for (plane, expected) in expected.into_iter().enumerate() {
                let found = sample(plane, index);
                // Alpha is exact; the rest may round the other way.
                let tolerance = if plane == 3 { 0.0 } else { 1.0 };
                assert!(
                    (found - expected).abs() <= tolerance,
                    "{}: plane {plane}, sample {index}: {found}, not {expected}",
                    video.source_format
                );
            }
        }
    }
    assert_eq!(gbr.len(), plane_bytes * planes * all.frames.len());
}

#[test]
fn rgb_of_any_packing_becomes_full_range_bt709() {
    for (name, planar, depth, alpha) in [
        ("rgb24", "gbrp", 8, false),
        ("bgr24", "gbrp", 8, false),
        ("bgra", "gbrap", 8, true),
        ("argb", "gbrap", 8, true),
        ("0rgb", "gbrp", 8, false),
        ("gbrp10le", "gbrp10le", 10, false),
        ("gbrp12be", "gbrp12le", 12, false),
        ("rgb48le", "gbrp16le", 16, false),
        ("rgba64be", "gbrap16le", 16, true),
        ("gbrap", "gbrap", 8, true),
        ("monob", "gbrp", 8, false),
        ("monow", "gbrp", 8, false),
    ] {
        let (all, expected) = raw(name, planar);
        assert_eq!(all.description.video.source_format, name);
        assert_converted(&all, &expected, depth, alpha);
    }
}

#[test]
fn palettes_are_looked_up() {
    // A PNG in a container goes through FFmpeg's decoder, which gives out a palette. Its planar conversion of palettes
    // is not exact, its packed one is.
    let clip = clips::make("palette.mkv", "-i {} -c copy", &[&clips::picture("pal8")]);
    let all = read(&clip);
    assert_eq!(all.description.video.source_format, "pal8");
    let packed = oracle::decoded(&clip, "gbrap", &["-vf", "format=bgra"]);
    assert_converted(&all, &packed, 8, true);
}

#[test]
fn animations_keep_their_palette_colours_and_transparency() {
    let clip = clips::gif();
    assert_converted(&read(&clip), &oracle::decoded(&clip, "gbrap", &[]), 8, true);
}

#[test]
fn alpha_layers_of_vp9_are_decoded() {
    let clip = clips::alpha_vp9();
    let all = read(&clip);
    assert_eq!(all.description.video.format.to_string(), "yuva420p");
    let alpha = &all.frames[0].planes()[3];
    let row = alpha.row_u8(90);
    assert!(row[10] < 30 && row[310] > 225, "the layer rises from left to right: {} {}", row[10], row[310]);
}

#[test]
fn colour_tags_come_from_the_pictures() {
    let hdr = read(&clips::hdr10_hevc()).description.video.color;
    assert_eq!(
        (hdr.matrix, hdr.matrix_code, hdr.primaries_code, hdr.transfer_code),
        (Matrix::Bt2020, 9, 9, 16)
    );
    assert_eq!((hdr.range, hdr.range_tagged), (Range::Limited, true));
    let full = read(&clips::full_range()).description.video.color;
    assert_eq!((full.matrix, full.range, full.range_tagged), (Matrix::Bt709, Range::Full, true));
    let plain = read(&clips::cfr_h264_aac()).description.video.color;
    assert_eq!((plain.matrix, plain.range, plain.range_tagged), (Matrix::Unspecified, Range::Limited, false));
    assert_eq!(plain.siting, Siting::Left);
    let gray = |clip: &Path| read(clip).description.video.color.range;
    assert_eq!(gray(&clips::lossless("gray", "rawvideo")), Range::Full);
}
