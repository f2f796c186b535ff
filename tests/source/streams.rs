//! Streams: what is selected, described and passed through.

use crate::common::{clips, oracle};
use crate::read::{read, read_with};
use framecast::frame::Rational;
use framecast::media::{InputOptions, StreamKind};
use std::path::Path;

fn mapped(clip: &Path, map: &[&str]) -> Vec<(StreamKind, String)> {
    let map = map.iter().map(|text| (*text).to_owned()).collect();
    let all = read_with(clip, &InputOptions { map, ..Default::default() });
    all.description.streams.iter().map(|stream| (stream.kind, stream.codec.clone())).collect()
}

fn tag<'a>(tags: &'a [(String, String)], key: &str) -> &'a str {
    &tags.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).unwrap().1
}

#[test]
fn all_streams_are_described_and_their_packets_passed_on() {
    use StreamKind::*;
    let clip = clips::many_streams();
    let all = read(&clip);
    let kinds: Vec<_> =
        all.description.streams.iter().map(|stream| (stream.kind, stream.codec.as_str())).collect();
    let expected = [
        (Video, "h264"),
        (Audio, "opus"),
        (Audio, "ac3"),
        (Subtitle, "subrip"),
        (Subtitle, "ass"),
        (Attachment, "ttf"),
    ];
    assert_eq!(kinds, expected);
    for (kind, nth, specifier) in
        [(Audio, 0, "a:0"), (Audio, 1, "a:1"), (Subtitle, 0, "s:0"), (Subtitle, 1, "s:1")]
    {
        assert_eq!(all.packets_of(kind, nth), oracle::packets(&clip, specifier), "{specifier}");
    }
    assert_eq!(tag(&all.description.streams[2].metadata, "language"), "deu");
    assert_eq!(tag(&all.description.metadata, "title"), "Film");
    let chapters: Vec<_> =
        all.description.chapters.iter().map(|chapter| tag(&chapter.metadata, "title")).collect();
    assert_eq!(chapters, ["One", "Two"]);
    assert_eq!(all.description.format, "matroska,webm");
    let duration = all.description.duration.unwrap();
    assert!((2_000_000..2_100_000).contains(&duration), "{duration}");
}

#[test]
fn streams_can_be_selected() {
    use StreamKind::*;
    let clip = clips::many_streams();
    let named = |kind, codec: &str| (kind, codec.to_owned());
    assert_eq!(mapped(&clip, &["0:v", "a:1"]), [named(Video, "h264"), named(Audio, "ac3")]);
    assert_eq!(
        mapped(&clip, &["v", "m:language:eng"]),
        [named(Video, "h264"), named(Audio, "opus"), named(Subtitle, "subrip")]
    );
    assert_eq!(
        mapped(&clip, &["-0:a", "-t"]),
        [named(Video, "h264"), named(Subtitle, "subrip"), named(Subtitle, "ass")]
    );
    let options = InputOptions { map: vec!["0:v".to_owned()], ..Default::default() };
    assert!(read_with(&clip, &options).packets.is_empty());
}

#[test]
fn cover_art_is_described_and_not_taken_for_the_video() {
    use StreamKind::*;
    let all = read(&clips::with_cover());
    let kinds: Vec<_> = all.description.streams.iter().map(|stream| stream.kind).collect();
    assert_eq!(kinds, [Video, Audio, Picture]);
    assert_eq!((all.description.video.width, all.frames.len()), (320, 60));
    assert!(all.packets.iter().all(|packet| packet.stream == 1));
}

#[test]
fn side_data_of_streams_and_frames_is_carried() {
    const DISPLAY_MATRIX: u32 = 5;
    const MASTERING_DISPLAY: u32 = 20;
    const CONTENT_LIGHT: u32 = 22;
    const FRAME_MASTERING_DISPLAY: u32 = 11;
    const FRAME_CONTENT_LIGHT: u32 = 14;
    let has = |clip: &Path, kind: u32| {
        let description = read(clip).description;
        description.streams[0].side_data.iter().any(|data| data.kind == kind && !data.bytes.is_empty())
    };
    assert!(has(&clips::rotated(), DISPLAY_MATRIX));
    assert!(has(&clips::hdr10_hevc(), MASTERING_DISPLAY) && has(&clips::hdr10_hevc(), CONTENT_LIGHT));
    let first = &read(&clips::hdr10_hevc()).frames[0].info.side_data;
    for kind in [FRAME_MASTERING_DISPLAY, FRAME_CONTENT_LIGHT] {
        assert!(first.iter().any(|data| data.kind == kind), "{first:?}");
    }
}

#[test]
fn the_shape_of_samples_is_told() {
    let all = read(&clips::anamorphic());
    assert_eq!(all.description.video.sample_aspect_ratio, Rational::new(64, 45));
    assert!(all.frames.iter().all(|frame| frame.info.sample_aspect_ratio == Rational::new(64, 45)));
}
