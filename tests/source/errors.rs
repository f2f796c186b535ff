//! What is said of inputs that cannot be read.

use crate::common::{clips, oracle};
use crate::read::{drain, open, read_with};
use framecast::error::MediaError;
use framecast::frame::{BufferPool, Rational};
use framecast::media::{InputOptions, Interrupt, Source, SourceItem};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn complaint(clip: &Path, options: &InputOptions) -> String {
    let text = match open(clip, options) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{} opens", clip.display()),
    };
    assert!(!text.contains('\n'), "one line: {text}");
    text
}

#[test]
fn each_reason_is_named() {
    let plain = InputOptions::default();
    for (clip, reason) in [
        (clips::directory().join("missing.mp4"), "no such file"),
        (clips::directory(), "is a directory"),
        (clips::empty(), "is an empty file"),
        (clips::text(), "is no video"),
        (clips::no_moov(), "moov"),
        (clips::audio_only(), "has no video stream"),
        (clips::song_with_cover(), "framecast needs one"),
        (clips::directory().join("missing.png"), "no such file"),
    ] {
        let text = complaint(&clip, &plain);
        assert!(text.contains(reason), "{text}");
    }
}

#[test]
fn wrong_options_are_named() {
    let clip = clips::cfr_h264_aac();
    let with = |change: fn(&mut InputOptions)| {
        let mut options = InputOptions::default();
        change(&mut options);
        complaint(&clip, &options)
    };
    assert!(with(|o| o.format = Some("nonsense".to_owned())).contains("no demuxer nonsense"));
    assert!(with(|o| o.options = vec![("nonsense".to_owned(), "1".to_owned())]).contains("nonsense"));
    assert!(with(|o| o.map = vec!["a:7".to_owned()]).contains("1 audio aac"));
    assert!(with(|o| o.map = vec!["a".to_owned()]).contains("selects no video"));
    assert!(with(|o| o.start = Some(60_000_000)).contains("trimmed part is empty"));
}

#[test]
fn raw_video_needs_its_size_format_and_rate() {
    let raw = clips::make(
        "raw.yuv",
        "-f lavfi -i testsrc2=s=64x48:r=10:d=0.5 -pix_fmt yuv422p10le -f rawvideo",
        &[],
    );
    let mut options = InputOptions::default();
    assert!(complaint(&raw, &options).contains("--video-size"));
    options.video_size = Some((64, 48));
    assert!(complaint(&raw, &options).contains("--input-pix-fmt"));
    options.pixel_format = Some("yuv422p10le".to_owned());
    assert!(complaint(&raw, &options).contains("--rate"));
    options.rate = Some(Rational::new(10, 1));
    let all = read_with(&raw, &options);
    assert!(all.samples() == std::fs::read(&raw).unwrap());
    assert_eq!((all.frames.len(), all.description.video.frame_rate), (5, Rational::new(10, 1)));
    options.pixel_format = Some("yuv422p99".to_owned());
    assert!(complaint(&raw, &options).contains("no pixel format yuv422p99"));
}

/// A pipe that `ffmpeg` fills with a clip in another format.
fn piped(clip: &Path, arguments: &[&str], options: &InputOptions) -> Vec<u8> {
    use std::os::fd::AsRawFd;
    let (reader, writer) = std::io::pipe().unwrap();
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(clip)
        .args(arguments)
        .arg("-")
        .stdout(Stdio::from(writer))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let location = format!("pipe:{}", reader.as_raw_fd());
    let source = Source::open(&location, options, Interrupt::default(), BufferPool::new()).unwrap();
    let samples = drain(source).unwrap().samples();
    drop(reader);
    child.wait().unwrap();
    samples
}

#[test]
fn pipes_are_probed_and_read_to_the_end() {
    let clip = clips::cfr_h264_aac();
    let expected = oracle::decoded(&clip, "yuv420p", &[]);
    for format in [
        &["-c", "copy", "-f", "matroska"][..],
        &["-c", "copy", "-f", "mpegts"],
        &["-c:v", "rawvideo", "-f", "nut"],
        &["-f", "yuv4mpegpipe"],
    ] {
        assert!(piped(&clip, format, &InputOptions::default()) == expected, "{format:?}");
    }
    // A part of what cannot be positioned is decoded from the beginning.
    let options = InputOptions { start: Some(1_000_000), duration: Some(100_000), ..Default::default() };
    let frame = 320 * 180 * 3 / 2;
    assert!(piped(&clip, &["-f", "yuv4mpegpipe"], &options) == expected[30 * frame..33 * frame]);
}

#[test]
fn reading_can_be_interrupted() {
    let interrupt = Interrupt::default();
    let pool = BufferPool::new();
    let clip = clips::cfr_h264_aac();
    let mut source =
        Source::open(clip.to_str().unwrap(), &InputOptions::default(), interrupt.clone(), pool.clone())
            .unwrap();
    interrupt.trigger();
    let ending = loop {
        match source.next() {
            Ok(SourceItem::End) => panic!("the end came before the interrupt"),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(ending, MediaError::Interrupted));

    // Opening waits for a peer that never comes.
    let waiting = Interrupt::default();
    let asked = waiting.clone();
    let started = Instant::now();
    let opening = std::thread::spawn(move || {
        // A port of this process's own.
        let location = format!("tcp://127.0.0.1:{}?listen=1", 20_000 + std::process::id() % 12_000);
        Source::open(&location, &InputOptions::default(), asked, pool).err()
    });
    std::thread::sleep(Duration::from_millis(50));
    assert!(!opening.is_finished(), "nobody connects");
    waiting.trigger();
    assert!(matches!(opening.join().unwrap(), Some(MediaError::Interrupted)));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_source_can_move_to_another_thread() {
    let source = open(&clips::one_frame(), &InputOptions::default()).unwrap();
    let frames = std::thread::spawn(move || drain(source).unwrap().frames.len()).join().unwrap();
    assert_eq!(frames, 1);
}
