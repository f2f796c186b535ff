//! Parts of an input, exact to the frame.

use crate::common::{clips, oracle};
use crate::read::{open, read, read_with};
use framecast::frame::{Rational, rescale};
use framecast::media::{InputOptions, StreamKind};
use std::path::Path;

const MICROSECONDS: Rational = Rational::new(1, 1_000_000);

fn part(start: Option<i64>, duration: Option<i64>) -> InputOptions {
    InputOptions { start, duration, ..Default::default() }
}

/// Frames and packets of a part are those of the whole whose time lies in it, moved by the part's start.
fn assert_exact(clip: &Path, start: i64, duration: i64) {
    let input_start = input_start(clip);
    let whole = read(clip);
    let trimmed = read_with(clip, &part(Some(start), Some(duration)));
    let cut = |times: Vec<(i64, usize)>, base: Rational| -> Vec<(i64, usize)> {
        let first = rescale(input_start + start, MICROSECONDS, base);
        let end = rescale(input_start + start + duration, MICROSECONDS, base);
        let inside = times.into_iter().filter(|(pts, _)| (first..end).contains(pts));
        inside.map(|(pts, size)| (pts - first, size)).collect()
    };
    let frames = oracle::frame_times(clip).into_iter().map(|pts| (pts, 0)).collect();
    let expected: Vec<i64> =
        cut(frames, whole.description.video.time_base).into_iter().map(|(pts, _)| pts).collect();
    assert!(!expected.is_empty());
    assert_eq!(trimmed.times(), expected, "{} from {start} for {duration}", clip.display());
    let audio = whole.description.streams.iter().find(|stream| stream.kind == StreamKind::Audio);
    if let Some(audio) = audio {
        let expected = cut(whole.packets_of(StreamKind::Audio, 0), audio.time_base);
        assert_eq!(trimmed.packets_of(StreamKind::Audio, 0), expected, "{}", clip.display());
    }
}

#[test]
fn parts_are_exact_in_containers_with_an_index() {
    for (start, duration) in [(0, 500_000), (700_000, 400_000), (1_033_333, 33_334), (1_500_000, 10_000_000)]
    {
        assert_exact(&clips::cfr_h264_aac(), start, duration);
    }
    assert_exact(&clips::many_streams(), 1_000_000, 500_000);
    assert_exact(&clips::vfr_vp9(), 900_000, 300_000);
}

#[test]
fn parts_are_exact_in_transport_streams_with_rare_key_frames() {
    let clip = clips::long_groups_ts();
    assert!(input_start(&clip) > 1_000_000, "transport streams of ffmpeg begin late");
    for (start, duration) in [(2_900_000, 300_000), (5_500_000, 1_000_000), (8_950_000, 500_000)] {
        assert_exact(&clip, start, duration);
    }
}

#[test]
fn the_pictures_of_a_part_are_those_of_the_whole() {
    for (clip, skipped) in [(clips::long_groups_ts(), 165), (clips::cfr_h264_aac(), 45)] {
        let start = skipped as i64 * 1_000_000 / 30;
        let origin = if skipped == 165 { video_lead(&clip) } else { 0 };
        let whole = read(&clip);
        let trimmed = read_with(&clip, &part(Some(start + origin), Some(200_000)));
        assert_eq!(trimmed.frames.len(), 6);
        for (frame, expected) in trimmed.frames.iter().zip(&whole.frames[skipped..]) {
            let rows = |frame: &framecast::frame::Frame| {
                frame.planes()[0].rows().flatten().copied().collect::<Vec<_>>()
            };
            assert!(rows(frame) == rows(expected));
        }
    }
}

/// First time stamp of the input, in microseconds.
fn input_start(clip: &Path) -> i64 {
    microseconds(clip, "format=start_time")
}

/// By how much the video begins after the input, in microseconds.
fn video_lead(clip: &Path) -> i64 {
    microseconds(clip, "stream=start_time") - input_start(clip)
}

fn microseconds(clip: &Path, entry: &str) -> i64 {
    let seconds: f64 = oracle::probe(clip, "v:0", entry)[0].parse().unwrap();
    (seconds * 1e6).round() as i64
}

#[test]
fn a_duration_alone_leaves_time_stamps_as_they_are() {
    let all = read_with(&clips::cfr_h264_aac(), &part(None, Some(1_000_000)));
    assert_eq!(all.times(), oracle::frame_times(&clips::cfr_h264_aac())[..30]);
    assert_eq!(all.description.duration, Some(1_000_000));
    assert_eq!(all.description.video.frame_estimate, Some(30));
}

#[test]
fn chapters_are_cut_to_the_part() {
    let all = read_with(&clips::many_streams(), &part(Some(500_000), Some(1_000_000)));
    let milliseconds = |tick: i64, base: Rational| rescale(tick, base, Rational::new(1, 1000));
    let chapters: Vec<_> = all
        .description
        .chapters
        .iter()
        .map(|chapter| {
            (milliseconds(chapter.start, chapter.time_base), milliseconds(chapter.end, chapter.time_base))
        })
        .collect();
    // The audio's priming makes the input begin before 0.
    let begin = input_start(&clips::many_streams()) / 1000 + 500;
    assert_eq!(chapters, [(0, 1000 - begin), (1000 - begin, 1000)]);
}

#[test]
fn parts_that_cannot_be_are_refused() {
    let clip = clips::cfr_h264_aac();
    for (start, duration, told) in [
        (Some(-1), None, "--start: -1 µs is before the input; give 0 or more"),
        (Some(i64::MIN), Some(i64::MAX), "is before the input"),
        (None, Some(0), "--duration: nothing is 0 µs long; give more than 0"),
        (Some(0), Some(-5), "nothing is -5 µs long"),
    ] {
        let found = open(&clip, &part(start, duration)).err().unwrap().to_string();
        assert!(found.contains(told), "{found}");
    }
    // All of it, as long as it may be.
    assert_eq!(read_with(&clip, &part(Some(0), Some(i64::MAX))).times(), read(&clip).times());
}
