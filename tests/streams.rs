//! Everything beside the enlarged video: audio, subtitles, chapters, tags, attachments.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::PathBuf;
use support::{
    Probe, clip, derived, packet_times, refuse, scratch, start_time, stream_hashes, succeed, text_file, texts,
};

const SUBTITLES: &str =
    "1\n00:00:00,200 --> 00:00:01,000\nHello\n\n2\n00:00:01,100 --> 00:00:01,900\nWörld ☃\n\n";

fn subtitles() -> PathBuf {
    text_file("s.srt", SUBTITLES)
}

/// Video, two languages of audio, SubRip and ASS subtitles, two chapters, a font.
fn everything() -> PathBuf {
    let chapters = text_file(
        "chapters.txt",
        ";FFMETADATA1\ntitle=A title\n\
         [CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=One\n\
         [CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=2000\ntitle=Two\n",
    );
    let font = text_file("font.ttf", "not really a font");
    derived(
        "everything.mkv",
        "-f lavfi -i testsrc2=s=96x64:r=24000/1001:d=2 -f lavfi -i sine=f=440:r=48000:d=2 -f lavfi -i \
         sine=f=880:r=44100:d=2 -i @0 -i @0 -i @1 -map 0 -map 1 -map 2 -map 3 -map 4 -map_metadata 5 -c:v \
         libx264 -crf 30 -pix_fmt yuv420p -c:a:0 flac -c:a:1 ac3 -b:a:1 96k -c:s:0 srt -c:s:1 \
         ass -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu -metadata:s:a:1 title=Kommentar \
         -metadata:s:s:0 language=eng -metadata:s:s:1 language=deu -disposition:a:1 0 -disposition:s:0 forced \
         -attach @2 -metadata:s:t mimetype=application/x-truetype-font",
        &[&subtitles(), &chapters, &font],
    )
}

/// Video, AAC and mov_text subtitles.
fn phone() -> PathBuf {
    derived(
        "phone.mp4",
        "-f lavfi -i testsrc2=s=96x64:r=25:d=2 -f lavfi -i sine=f=440:r=48000:d=2 -i @0 -map 0 -map 1 -map 2 \
         -c:v libx264 -crf 30 -pix_fmt yuv420p -c:a aac -c:s mov_text -metadata:s:s:0 language=fra",
        &[&subtitles()],
    )
}

#[test]
fn all_streams_of_a_matroska_file_arrive_untouched() {
    let (input, folder) = (everything(), scratch());
    let output = folder.path().join("out.mkv");
    succeed(&input, &output, "--upscale 1");
    let (before, after) = (Probe::new(&input), Probe::new(&output));
    for map in ["0:a", "0:s", "0:t"] {
        if map != "0:t" {
            assert_eq!(stream_hashes(&output, map), stream_hashes(&input, map), "{map}");
        }
        let kind = match map {
            "0:a" => "audio",
            "0:s" => "subtitle",
            _ => "attachment",
        };
        assert_eq!(after.streams(kind).len(), before.streams(kind).len(), "{kind}");
        for tag in ["language", "title", "filename", "mimetype"] {
            assert_eq!(after.tags(kind, tag), before.tags(kind, tag), "{kind} {tag}");
        }
        for name in ["default", "forced"] {
            assert_eq!(after.dispositions(kind, name), before.dispositions(kind, name), "{kind} {name}");
        }
    }
    for stream in ["a:0", "a:1"] {
        assert_eq!(packet_times(&output, stream), packet_times(&input, stream), "{stream}");
    }
    assert_eq!(after.chapters(), before.chapters());
    assert_eq!(after.chapters().len(), 2);
    assert_eq!(after.tag("title"), "A title");
}

#[test]
fn an_attached_font_keeps_its_bytes() {
    let (input, folder) = (everything(), scratch());
    let output = folder.path().join("out.mkv");
    succeed(&input, &output, "--upscale 1");
    let dumped = folder.path().join("font.ttf");
    let mut command = support::ffmpeg();
    command.arg("-dump_attachment:t:0").arg(&dumped).arg("-i").arg(&output);
    // Without an output file ffmpeg complains, but after it has written the attachment.
    command.output().unwrap();
    assert_eq!(std::fs::read_to_string(dumped).unwrap(), "not really a font");
}

#[test]
fn mov_text_stays_in_mp4_and_becomes_subrip_in_matroska() {
    let (input, folder) = (phone(), scratch());
    let same = folder.path().join("out.mp4");
    succeed(&input, &same, "--upscale 1");
    assert_eq!(stream_hashes(&same, "0:a"), stream_hashes(&input, "0:a"));
    assert_eq!(texts(&same, "s:0"), SUBTITLES);
    assert_eq!(Probe::new(&same).tags("subtitle", "language"), ["fra"]);

    let other = folder.path().join("out.mkv");
    let result = succeed(&input, &other, "--upscale 1");
    assert_eq!(Probe::new(&other).streams("subtitle")[0]["codec_name"], "subrip");
    // Matroska knows no times below zero: all streams are moved by the encoder delay of the sound.
    let delay = start_time(&other, "v:0") - start_time(&input, "v:0");
    assert!((0.0..0.03).contains(&delay), "{delay}");
    let (start, words) = (start_time(&other, "s:0"), texts(&other, "s:0"));
    assert!((start - 0.2 - delay).abs() < 0.0011, "{start}");
    assert!(words.contains("\nHello\n") && words.contains("\nWörld ☃\n"), "{words}");
    assert_eq!(stream_hashes(&other, "0:a"), stream_hashes(&input, "0:a"));
    assert!(result.stderr.contains("note"), "a conversion is told: {}", result.stderr);
}

#[test]
fn subrip_becomes_mov_text_in_mp4() {
    let folder = scratch();
    let recipe = "-i @0 -i @1 -map 0:v -map 1 -c copy";
    let input = derived("srt.mkv", recipe, &[&phone(), &subtitles()]);
    let output = folder.path().join("out.mp4");
    succeed(&input, &output, "--upscale 1");
    assert_eq!(Probe::new(&output).streams("subtitle")[0]["codec_name"], "mov_text");
    assert_eq!(texts(&output, "s:0"), SUBTITLES);
}

#[test]
fn styled_subtitles_are_not_flattened_in_silence() {
    let folder = scratch();
    let input = derived("ass.mkv", "-i @0 -map 0 -c:v copy -c:a copy -c:s ass", &[&phone()]);
    let results = scratch();
    let message = refuse(&input, &results.path().join("out.mp4"), "--upscale 1", 6);
    for part in ["ass", "mp4", "--no-subtitles", ".mkv"] {
        assert!(message.contains(part), "{part} is missing in: {message}");
    }
    let output = folder.path().join("out.mp4");
    succeed(&input, &output, "--upscale 1 --no-subtitles");
    assert!(Probe::new(&output).streams("subtitle").is_empty());
    assert_eq!(stream_hashes(&output, "0:a"), stream_hashes(&input, "0:a"));
}

#[test]
fn cover_art_is_kept() {
    let folder = scratch();
    let cover = clip("cover.png", "-f lavfi -i testsrc2=s=64x64 -frames:v 1");
    let input = derived(
        "cover.mp4",
        "-i @0 -i @1 -map 0:v -map 0:a -map 1 -c copy -c:v:1 png -disposition:v:1 attached_pic",
        &[&phone(), &cover],
    );
    for name in ["out.mp4", "out.mkv"] {
        let output = folder.path().join(name);
        succeed(&input, &output, "--upscale 1");
        let probe = Probe::new(&output);
        assert_eq!(probe.dispositions("video", "attached_pic"), [0, 1], "{name}");
        assert_eq!(stream_hashes(&output, "0:v:1"), stream_hashes(&input, "0:v:1"), "{name}");
    }
    for name in ["without.mp4", "without.mov"] {
        let without = folder.path().join(name);
        succeed(&input, &without, "--upscale 1 --no-attachments");
        assert_eq!(Probe::new(&without).streams("video").len(), 1);
    }
    let message = refuse(&input, &scratch().path().join("out.mov"), "--upscale 1", 6);
    assert!(message.contains("(cover art, png) cannot be stored in mov"), "{message}");
}

#[test]
fn streams_can_be_chosen() {
    let (input, folder) = (everything(), scratch());
    for (options, audio, subtitle, attachment) in [
        ("--map 0", 2, 2, 1),
        ("--map 0:v:0", 0, 0, 0),
        ("--map v --map a:1", 1, 0, 0),
        ("--map 0 --map -0:s", 2, 0, 1),
        ("--map v --map m:language:deu", 1, 1, 0),
        ("--no-audio", 0, 2, 1),
        ("--no-subtitles --no-attachments", 2, 0, 0),
    ] {
        let output = folder.path().join("out.mkv");
        succeed(&input, &output, &format!("--upscale 1 -y {options}"));
        let probe = Probe::new(&output);
        let counts = ["audio", "subtitle", "attachment"].map(|kind| probe.streams(kind).len());
        assert_eq!(counts, [audio, subtitle, attachment], "{options}");
    }
    let output = folder.path().join("deu.mkv");
    succeed(&input, &output, "--upscale 1 --map v --map a:1");
    assert_eq!(Probe::new(&output).tags("audio", "language"), ["deu"]);
}

#[test]
fn a_selection_without_video_or_with_nothing_is_refused() {
    let input = everything();
    for options in ["--map a", "--map 0:7:3", "--map x:y", "--map 0:a:9"] {
        let folder = scratch();
        let result = support::run(&input, &folder.path().join("out.mkv"), options);
        assert!(matches!(result.code, Some(2 | 3)), "{options}: {:?} {}", result.code, result.stderr);
        support::assert_nothing_in(folder.path());
    }
}

#[test]
fn a_second_video_stream_is_passed_through() {
    let folder = scratch();
    let input = clip(
        "two-videos.mkv",
        "-f lavfi -i testsrc2=s=96x64:r=25:d=1 -f lavfi -i testsrc=s=64x48:r=25:d=1 -map 0 -map 1 -c:v \
         libx264 -crf 30 -pix_fmt yuv420p",
    );
    let output = folder.path().join("out.mkv");
    succeed(&input, &output, "");
    let probe = Probe::new(&output);
    assert_eq!(probe.size(), (192, 128));
    assert_eq!(stream_hashes(&output, "0:v:1"), stream_hashes(&input, "0:v:1"));
}

#[test]
fn chapters_that_a_container_cannot_store_are_said_to_be_lost() {
    for (name, is_told) in [("out.ts", true), ("out.mkv", false)] {
        let folder = scratch();
        let options = "--upscale 1 --json --no-audio --no-subtitles --no-attachments";
        let summary = succeed(&everything(), &folder.path().join(name), options).summary();
        let notes: Vec<&str> =
            summary["notes"].as_array().unwrap().iter().filter_map(|note| note.as_str()).collect();
        let told = notes.contains(&"the chapters are lost: mpegts stores none; use -o x.mkv or x.mp4");
        assert_eq!(told, is_told, "{name}: {notes:?}");
    }
}

#[test]
fn chapters_are_cut_with_the_video() {
    let (input, folder) = (everything(), scratch());
    let output = folder.path().join("out.mkv");
    succeed(&input, &output, "--upscale 1 --start 0.5 --duration 1");
    let chapters = Probe::new(&output).chapters();
    let expected = [("0.000000", "0.500000", "One"), ("0.500000", "1.000000", "Two")];
    let found: Vec<_> = chapters.iter().map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn audio_of_a_transport_stream_arrives_in_mp4() {
    let folder = scratch();
    let input = derived("phone.ts", "-i @0 -map 0:v -map 0:a -c copy", &[&phone()]);
    let output = folder.path().join("out.mp4");
    succeed(&input, &output, "--upscale 1");
    assert_eq!(Probe::new(&output).streams("audio")[0]["codec_name"], "aac");
    assert_eq!(support::decoded_hash(&output, "0:a", ""), support::decoded_hash(&input, "0:a", ""));
}
