//! Streams that are passed through: real files in, files out.

use crate::support::*;
use framecast::error::MediaError;
use framecast::frame::{BufferPool, Frame};
use framecast::media::{InputOptions, Interrupt, OutputOptions, Sink, SinkReport, Source, SourceItem};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs ffmpeg with these words; `{}` stands for the folder.
pub(crate) fn ffmpeg(folder: &Path, words: &str) {
    let words = words.replace("{}", folder.to_str().unwrap());
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-nostdin"])
        .args(words.split_whitespace())
        .output()
        .unwrap();
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Sends all of `from` to `to`, frames as they are.
pub(crate) fn transcode(
    from: &Path,
    to: &Path,
    options: &OutputOptions,
) -> Result<(SinkReport, Vec<String>), MediaError> {
    let interrupt = Interrupt::default();
    let input = from.to_str().unwrap();
    let mut source = Source::open(input, &InputOptions::default(), interrupt.clone(), BufferPool::new())?;
    let description = source.description();
    let video = &description.video;
    let shape = video.sample_aspect_ratio;
    let location = to.to_str().unwrap();
    let mut sink = Sink::open(location, options, &description, video.width, video.height, shape, interrupt)?;
    let notes = sink.notes();
    let wanted = sink.delivered().format;
    loop {
        match source.next()? {
            SourceItem::Frame(frame) if frame.info.format == wanted => sink.write_frame(&frame)?,
            SourceItem::Frame(frame) => {
                let info = framecast::frame::FrameInfo { format: wanted, ..frame.info };
                sink.write_frame(&Frame::allocate(info, None))?;
            }
            SourceItem::Packet(packet) => sink.write_packet(packet)?,
            SourceItem::End => break,
        }
    }
    Ok((sink.finish()?, notes))
}

/// Hashes of all packets of the selected streams, in the order of presentation.
fn hashes(path: &Path, select: &str) -> Vec<String> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", select, "-show_packets", "-show_data_hash", "md5"])
        .args(["-show_entries", "packet=data_hash", "-of", "csv=p=0"])
        .arg(path)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

const CLIP: &str = "-f lavfi -i testsrc2=size=64x48:rate=24000/1001:duration=2 -f lavfi -i sine=duration=2";

/// Words that attach the cover as the `index`th attachment.
fn cover(index: usize) -> String {
    let tags = format!("-metadata:s:t:{index}");
    format!("-attach {{}}/cover.png {tags} mimetype=image/png {tags} filename=cover.png")
}

/// A Matroska file with two sounds, subtitles, a font, a cover, chapters and tags.
fn rich_clip(folder: &Path) -> PathBuf {
    std::fs::write(
        folder.join("a.srt"),
        "1\n00:00:00,100 --> 00:00:00,900\nHello <i>there</i>\n\n2\n00:00:01,000 --> 00:00:01,500\nSecond\nline\n",
    )
    .unwrap();
    std::fs::write(
        folder.join("meta.txt"),
        ";FFMETADATA1\ntitle=A clip\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=One\n[CHAPTER]\n\
         TIMEBASE=1/1000\nSTART=1000\nEND=2000\ntitle=Two\n",
    )
    .unwrap();
    std::fs::write(folder.join("font.ttf"), [7u8; 300]).unwrap();
    ffmpeg(folder, "-f lavfi -i color=red:size=32x32 -frames:v 1 {}/cover.png");
    let inputs = format!("{CLIP} -i {{}}/a.srt -i {{}}/meta.txt");
    ffmpeg(
        folder,
        &format!(
            "{inputs} -map 0 -map 1 -map 1 -map 2 -map_metadata 3 -map_chapters 3 -c:v libx264 -preset ultrafast \
             -c:a:0 aac -c:a:1 ac3 -c:s srt -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu \
             -metadata:s:s:0 language=fra -disposition:s:0 forced -attach {{}}/font.ttf \
             -metadata:s:t:0 mimetype=application/x-truetype-font {} {{}}/rich.mkv",
            cover(1)
        ),
    );
    folder.join("rich.mkv")
}

fn fast() -> OutputOptions {
    OutputOptions { preset: Some("ultrafast".to_owned()), overwrite: true, ..codec("libx264") }
}

#[test]
fn matroska_to_matroska_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let source = rich_clip(folder.path());
    let target = folder.path().join("out.mkv");
    let (report, _) = transcode(&source, &target, &fast()).unwrap();
    assert_eq!(report.frames, 48);
    let entries = "stream=index,codec_name,codec_type:stream_tags=language,filename,mimetype:\
                   stream_disposition=forced,default,attached_pic";
    for select in ["v", "a", "s", "t"] {
        assert_eq!(probe(&target, select, entries), probe(&source, select, entries), "{select}");
    }
    for select in ["a", "s", "v:1"] {
        assert_eq!(hashes(&target, select), hashes(&source, select), "{select}");
        assert!(!hashes(&target, select).is_empty(), "{select}");
    }
    let times = "packet=pts,dts,duration";
    assert_eq!(probe(&target, "a:0", times), probe(&source, "a:0", times));
    assert_eq!(probe(&target, "s:0", times), probe(&source, "s:0", times));
    assert_eq!(frame_times(&target), frame_times(&source));
    let tags = "chapter=start_time,end_time:chapter_tags=title";
    assert_eq!(probe(&target, "v", tags), probe(&source, "v", tags));
    assert_eq!(probe(&target, "v", "format_tags=title"), ["A clip"]);
    // The video's new encoder is not the old one.
    assert_eq!(probe(&target, "v:0", "stream_tags=encoder"), [""; 0]);
}

#[test]
fn cover_art_and_subtitles_go_to_mp4_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let source = rich_clip(folder.path());
    let target = folder.path().join("out.mp4");
    let error = transcode(&source, &target, &fast()).unwrap_err();
    assert!(matches!(error, MediaError::Unsupported { .. }));
    assert_eq!(
        error.to_string(),
        "stream #4 (attachment, ttf) cannot be stored in mp4; use -o x.mkv, add --no-attachments or --map -0:4"
    );
    // Without the font, the cover and the subtitles go along.
    let no_font = folder.path().join("nofont.mkv");
    ffmpeg(
        folder.path(),
        &format!(
            "-i {{}}/rich.mkv -map 0:v:0 -map 0:a -map 0:s -map_metadata 0 -c copy {} {{}}/nofont.mkv",
            cover(0)
        ),
    );
    let (_, notes) = transcode(&no_font, &target, &fast()).unwrap();
    assert!(notes.iter().any(|note| note.contains("converted from subrip to mov_text")), "{notes:?}");
    assert_eq!(probe(&target, "v:1", "stream=codec_name:stream_disposition=attached_pic"), ["png,1"]);
    assert_eq!(hashes(&target, "v:1"), hashes(&no_font, "v:1"));
    assert_eq!(probe(&target, "s", "stream=codec_name:stream_tags=language"), ["mov_text,fra"]);
    assert_eq!(hashes(&target, "a"), hashes(&no_font, "a"));
    assert_eq!(probe(&target, "v", "chapter_tags=title"), ["One", "Two"]);
    let back = folder.path().join("back.mkv");
    transcode(&target, &back, &fast()).unwrap();
    assert_eq!(probe(&back, "v:1", "stream=codec_name:stream_disposition=attached_pic"), ["png,1"]);
    assert_eq!(hashes(&back, "v:1"), hashes(&no_font, "v:1"));
    assert_eq!(hashes(&back, "s"), hashes(&no_font, "s"));
    let times = "packet=pts_time,duration_time";
    assert_eq!(probe(&back, "s", times), probe(&no_font, "s", times));
    assert_eq!(probe(&back, "a:0", "stream=codec_name:stream_tags=language"), ["aac,eng"]);
}

#[test]
fn what_a_container_cannot_hold_is_refused_before_the_first_frame() {
    let folder = tempfile::tempdir().unwrap();
    ffmpeg(
        folder.path(),
        &format!("{CLIP} -c:v libx264 -c:a pcm_s16le -metadata:s:a language=eng {{}}/pcm.mkv"),
    );
    let target = folder.path().join("out.mp4");
    let source = folder.path().join("pcm.mkv");
    let error = transcode(&source, &target, &fast()).unwrap_err().to_string();
    assert_eq!(
        error,
        "stream #1 (audio, eng, pcm_s16le) cannot be stored in mp4; use -o x.mkv, add --no-audio or --map -0:1"
    );
    assert!(!target.exists());
    transcode(&source, &target, &OutputOptions { no_audio: true, ..fast() }).unwrap();
    assert_eq!(probe(&target, "a", "stream=codec_name"), [""; 0]);
    transcode(&source, &folder.path().join("out.mov"), &fast()).unwrap();
    let target = folder.path().join("out.y4m");
    let (_, notes) = transcode(&source, &target, &OutputOptions::default()).unwrap();
    assert!(notes.iter().any(|note| note.contains("left out #1 (pcm_s16le)")), "{notes:?}");
}

#[test]
fn transport_streams_keep_their_clock() {
    let folder = tempfile::tempdir().unwrap();
    ffmpeg(folder.path(), &format!("{CLIP} -c:v libx264 -c:a aac -bf 2 {{}}/in.ts"));
    let (source, target) = (folder.path().join("in.ts"), folder.path().join("out.ts"));
    transcode(&source, &target, &codec("libx264")).unwrap();
    assert_eq!(frame_times(&target), frame_times(&source));
    assert_eq!(probe(&target, "a", "packet=pts"), probe(&source, "a", "packet=pts"));
    let mp4 = folder.path().join("out.mp4");
    transcode(&source, &mp4, &codec("libx264")).unwrap();
    assert_eq!(probe(&mp4, "v:0", "frame=pts_time"), probe(&source, "v:0", "frame=pts_time"));
}

#[test]
fn rotation_and_language_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    ffmpeg(folder.path(), &format!("{CLIP} -c:v libx264 -metadata:s:v language=ita {{}}/flat.mp4"));
    ffmpeg(folder.path(), "-i {}/flat.mp4 -c copy -metadata:s:v rotate=90 {}/turned.mp4");
    let source = folder.path().join("turned.mp4");
    let entries = "stream_tags=language:stream_side_data=rotation";
    let expected = probe(&source, "v:0", entries);
    assert!(expected[0].contains("ita") && expected.concat().contains("90"), "{expected:?}");
    for name in ["out.mp4", "out.mov"] {
        let target = folder.path().join(name);
        transcode(&source, &target, &fast()).unwrap();
        assert_eq!(probe(&target, "v:0", entries), expected, "{name}");
    }
    // Matroska keeps it too, or says so.
    let target = folder.path().join("out.mkv");
    let (_, notes) = transcode(&source, &target, &fast()).unwrap();
    let is_noted = notes.iter().any(|note| note.contains("the rotation of the picture is lost"));
    assert!(is_noted || probe(&target, "v:0", entries).concat().contains("90"), "{notes:?}");
}

#[test]
fn hdr10_metadata_is_in_the_container_and_in_the_bitstream() {
    let folder = tempfile::tempdir().unwrap();
    let parameters = "hdr10=1:repeat-headers=1:log-level=none:max-cll=1000,400:master-display=G(13250,34500)B(7500,3000)\
                      R(34000,16000)WP(15635,16450)L(10000000,50)";
    ffmpeg(
        folder.path(),
        &format!(
            "-f lavfi -i testsrc2=size=64x48:rate=25:duration=0.4 -pix_fmt yuv420p10le -c:v libx265 -x265-params \
             {parameters} -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -tag:v hvc1 {{}}/hdr.mp4"
        ),
    );
    let source = folder.path().join("hdr.mp4");
    let entries = "frame_side_data=red_x,red_y,green_x,blue_y,white_point_x,min_luminance,max_luminance,max_content,\
                   max_average";
    let first = |path: &Path| probe(path, "v:0", entries).into_iter().take(2).collect::<Vec<_>>();
    let expected = first(&source);
    assert!(expected.concat().contains("1000"), "{expected:?}");
    for name in ["out.mp4", "out.mkv"] {
        let target = folder.path().join(name);
        transcode(
            &source,
            &target,
            &OutputOptions { preset: Some("ultrafast".to_owned()), ..OutputOptions::default() },
        )
        .unwrap();
        assert_eq!(first(&target), expected, "{name}");
        let stream =
            probe(&target, "v:0", "stream_side_data=side_data_type,max_content,max_average").join("|");
        assert!(stream.contains("Mastering display metadata"), "{name}: {stream}");
        assert!(stream.contains("1000,400"), "{name}: {stream}");
        // The bitstream alone says it too.
        let raw = folder.path().join("raw.hevc");
        ffmpeg(folder.path(), &format!("-i {{}}/{name} -map 0:v -c copy {{}}/raw.hevc"));
        assert_eq!(first(&raw), expected, "{name}");
    }
}
