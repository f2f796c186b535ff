//! Which streams of an input take part in a run, and in which role.

use super::ffi_input::StreamFacts;
use super::{MediaError, StreamKind};
use ffmpeg_next::ffi::AV_DISPOSITION_ATTACHED_PIC;
use ffmpeg_next::media::Type;

/// Selects streams by `map` (see [`super::InputOptions::map`]); `best` is libavformat's choice of video stream.
///
/// Returns the role of each selected stream, `None` for the others, in the input's order.
///
/// # Errors
/// [`MediaError::Option`] for a specifier that is not understood or matches nothing, or if no video is selected;
/// [`MediaError::Input`] if the input has no video.
pub(super) fn select(
    input: &str,
    streams: &[StreamFacts],
    best: Option<usize>,
    map: &[String],
) -> Result<Vec<Option<StreamKind>>, MediaError> {
    if !streams.iter().any(is_video) {
        return Err(no_video(input, streams));
    }
    let chosen = apply(streams, map)?;
    let is_chosen = |stream: &&StreamFacts| chosen.get(stream.index) == Some(&true);
    let processed = streams
        .iter()
        .filter(is_chosen)
        .filter(|stream| is_video(stream))
        .max_by_key(|stream| (Some(stream.index) == best, std::cmp::Reverse(stream.index)))
        .map(|stream| stream.index);
    if processed.is_none() {
        return Err(MediaError::Option {
            option: "--map".to_owned(),
            problem: format!("{} selects no video stream", map.join(" ")),
            remedy: format!("add one such as 0:v:0; the streams are {}", list(streams)),
        });
    }
    let role = |stream: &StreamFacts| {
        let kind = kind(stream, processed);
        chosen.get(stream.index).copied().unwrap_or(false).then_some(kind)
    };
    Ok(streams.iter().map(role).collect())
}

fn no_video(input: &str, streams: &[StreamFacts]) -> MediaError {
    let found = if streams.is_empty() { "no stream at all".to_owned() } else { list(streams) };
    MediaError::Input {
        input: input.to_owned(),
        problem: format!("has no video stream (it has {found})"),
        remedy: "framecast needs one".to_owned(),
    }
}

fn apply(streams: &[StreamFacts], map: &[String]) -> Result<Vec<bool>, MediaError> {
    // A list that only removes starts from everything.
    let starts_full = map.iter().all(|specifier| specifier.starts_with('-'));
    let mut chosen = vec![starts_full; streams.len()];
    for text in map {
        let (removes, specifier) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.as_str()),
        };
        let (is_optional, specifier) = match specifier.strip_suffix('?') {
            Some(rest) => (true, rest),
            None => (false, specifier),
        };
        let matching = matching(streams, specifier).ok_or_else(|| malformed(streams, text))?;
        if !is_optional && !matching.contains(&true) {
            return Err(unmatched(streams, text));
        }
        for (chosen, matches) in chosen.iter_mut().zip(matching) {
            if matches {
                *chosen = !removes;
            }
        }
    }
    Ok(chosen)
}

/// Which streams a specifier means; `None` if it is not understood.
fn matching(streams: &[StreamFacts], specifier: &str) -> Option<Vec<bool>> {
    let rest = match specifier {
        "0" => return Some(vec![true; streams.len()]),
        other => other.strip_prefix("0:").unwrap_or(other),
    };
    if let Ok(index) = rest.parse::<usize>() {
        return Some(streams.iter().map(|stream| stream.index == index).collect());
    }
    let (letter, rest) = match rest.split_once(':') {
        Some((letter, rest)) => (letter, Some(rest)),
        None => (rest, None),
    };
    if letter == "m" {
        let tag = rest?;
        return Some(streams.iter().map(|stream| has_tag(stream, tag)).collect());
    }
    let of_kind: Vec<bool> =
        streams.iter().map(|stream| is_of_kind(stream, letter)).collect::<Option<_>>()?;
    let Some(rest) = rest else {
        return Some(of_kind);
    };
    if let Some(tag) = rest.strip_prefix("m:") {
        let both = streams.iter().zip(of_kind).map(|(stream, is_kind)| is_kind && has_tag(stream, tag));
        return Some(both.collect());
    }
    let wanted = rest.parse::<usize>().ok()?;
    let mut seen = 0;
    let nth = of_kind.into_iter().map(|is_kind| {
        seen += usize::from(is_kind);
        is_kind && seen == wanted + 1
    });
    Some(nth.collect())
}

fn is_of_kind(stream: &StreamFacts, letter: &str) -> Option<bool> {
    let medium = stream.medium;
    match letter {
        "v" => Some(medium == Type::Video),
        "V" => Some(is_video(stream)),
        "a" => Some(medium == Type::Audio),
        "s" => Some(medium == Type::Subtitle),
        "d" => Some(matches!(medium, Type::Data | Type::Unknown)),
        "t" => Some(medium == Type::Attachment),
        _ => None,
    }
}

/// True if the stream has the tag `key` or `key:value`.
fn has_tag(stream: &StreamFacts, tag: &str) -> bool {
    let (key, value) = match tag.split_once(':') {
        Some((key, value)) => (key, Some(value)),
        None => (tag, None),
    };
    let is_key = |(name, _): &&(String, String)| name.eq_ignore_ascii_case(key);
    stream.metadata.iter().find(is_key).is_some_and(|(_, found)| value.is_none_or(|value| value == found))
}

/// True for moving pictures; cover art is none.
fn is_video(stream: &StreamFacts) -> bool {
    stream.medium == Type::Video && !is_picture(stream)
}

fn is_picture(stream: &StreamFacts) -> bool {
    stream.disposition & AV_DISPOSITION_ATTACHED_PIC != 0
}

fn kind(stream: &StreamFacts, processed: Option<usize>) -> StreamKind {
    match stream.medium {
        Type::Video if Some(stream.index) == processed => StreamKind::Video,
        Type::Video if is_picture(stream) => StreamKind::Picture,
        Type::Video => StreamKind::OtherVideo,
        Type::Audio => StreamKind::Audio,
        Type::Subtitle => StreamKind::Subtitle,
        Type::Attachment => StreamKind::Attachment,
        Type::Data | Type::Unknown => StreamKind::Data,
    }
}

fn malformed(streams: &[StreamFacts], specifier: &str) -> MediaError {
    MediaError::Option {
        option: "--map".to_owned(),
        problem: format!("{specifier} is no stream specifier"),
        remedy: format!(
            "write one like 0, 0:v:0, a, s:1, m:language:eng, -0:d or 0:3; the streams are {}",
            list(streams)
        ),
    }
}

fn unmatched(streams: &[StreamFacts], specifier: &str) -> MediaError {
    MediaError::Option {
        option: "--map".to_owned(),
        problem: format!("{specifier} matches no stream"),
        remedy: format!("the streams are {}", list(streams)),
    }
}

/// The streams on one line: `0 video h264, 1 audio aac (eng)`.
fn list(streams: &[StreamFacts]) -> String {
    let one = |stream: &StreamFacts| {
        let medium = match stream.medium {
            Type::Video if is_picture(stream) => "picture",
            Type::Video => "video",
            Type::Audio => "audio",
            Type::Subtitle => "subtitle",
            Type::Attachment => "attachment",
            Type::Data | Type::Unknown => "data",
        };
        let language = stream.metadata.iter().find(|(key, _)| key == "language");
        let language = language.map_or(String::new(), |(_, language)| format!(" ({language})"));
        format!("{} {medium} {}{language}", stream.index, stream.codec)
    };
    streams.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Rational;
    use crate::media::ffi_input::{FieldOrder, RawColor};

    fn stream(index: usize, medium: Type, language: &str, disposition: i32) -> StreamFacts {
        StreamFacts {
            index,
            medium,
            codec: "x".to_owned(),
            time_base: Rational::new(1, 1000),
            average_rate: Rational::new(25, 1),
            real_rate: Rational::new(25, 1),
            start: None,
            duration: None,
            frames: None,
            disposition,
            metadata: vec![("language".to_owned(), language.to_owned())],
            side_data: Vec::new(),
            parameters: ffmpeg_next::codec::Parameters::new(),
            picture: None,
            field_order: FieldOrder::Unknown,
            color: RawColor::default(),
        }
    }

    /// cover, video, audio eng, audio deu, subtitle, video, attachment
    fn streams() -> Vec<StreamFacts> {
        vec![
            stream(0, Type::Video, "und", AV_DISPOSITION_ATTACHED_PIC),
            stream(1, Type::Video, "und", 0),
            stream(2, Type::Audio, "eng", 0),
            stream(3, Type::Audio, "deu", 0),
            stream(4, Type::Subtitle, "eng", 0),
            stream(5, Type::Video, "und", 0),
            stream(6, Type::Attachment, "und", 0),
        ]
    }

    fn selected(map: &[&str]) -> Result<Vec<(usize, StreamKind)>, String> {
        let map: Vec<String> = map.iter().map(|text| (*text).to_owned()).collect();
        let kinds = select("in", &streams(), Some(5), &map).map_err(|error| error.to_string())?;
        Ok(kinds.into_iter().enumerate().filter_map(|(index, kind)| Some((index, kind?))).collect())
    }

    #[test]
    fn everything_is_selected_without_a_map_and_the_best_video_is_processed() {
        use StreamKind::*;
        let all = [
            (0, Picture),
            (1, OtherVideo),
            (2, Audio),
            (3, Audio),
            (4, Subtitle),
            (5, Video),
            (6, Attachment),
        ];
        assert_eq!(selected(&[]).unwrap(), all);
        assert_eq!(selected(&["0"]).unwrap(), all);
    }

    #[test]
    fn specifiers_add_and_remove() {
        use StreamKind::*;
        assert_eq!(selected(&["0:v:1", "a:1"]).unwrap(), [(1, Video), (3, Audio)]);
        assert_eq!(
            selected(&["V", "m:language:eng"]).unwrap(),
            [(1, OtherVideo), (2, Audio), (4, Subtitle), (5, Video)]
        );
        assert_eq!(selected(&["0:5", "0:a:m:language:deu"]).unwrap(), [(3, Audio), (5, Video)]);
        assert_eq!(selected(&["0", "-0:a", "-s", "-t", "-0:0"]).unwrap(), [(1, OtherVideo), (5, Video)]);
        assert_eq!(selected(&["-a", "-s", "-v:0", "-0:6"]).unwrap(), [(1, OtherVideo), (5, Video)]);
        assert_eq!(selected(&["v:2", "d?"]).unwrap(), [(5, Video)]);
    }

    #[test]
    fn wrong_specifiers_name_the_streams() {
        for wrong in ["0:x", "1:v", "m", "v:first", ""] {
            let error = selected(&[wrong]).unwrap_err();
            assert!(error.contains("is no stream specifier") && error.contains("2 audio x (eng)"), "{error}");
        }
        assert!(selected(&["0:v", "a:2"]).unwrap_err().contains("a:2 matches no stream"));
        assert!(selected(&["0:9"]).unwrap_err().contains("matches no stream"));
        assert!(selected(&["a"]).unwrap_err().contains("selects no video stream"));
        assert!(selected(&["0:0"]).unwrap_err().contains("selects no video stream"));
    }

    #[test]
    fn cover_art_alone_is_no_video() {
        let streams =
            [stream(0, Type::Audio, "und", 0), stream(1, Type::Video, "und", AV_DISPOSITION_ATTACHED_PIC)];
        let error = select("song.mp3", &streams, Some(1), &[]).unwrap_err().to_string();
        assert!(error.contains("has no video stream") && error.contains("framecast needs one"), "{error}");
    }
}
