//! What containers can and cannot hold, and what raw streams say of themselves.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::{
    Probe, clip, derived, fraction, frame_times, packet_times, raw, refuse, scratch, stream_hashes, succeed,
};

/// Video and two tracks of AAC at 44.1 kHz.
fn plain() -> PathBuf {
    clip(
        "plain.mp4",
        "-f lavfi -i testsrc2=s=96x64:r=25:d=2 -f lavfi -i sine=f=440:d=2 -f lavfi -i sine=f=880:d=2 -map 0 -map 1 \
         -map 2 -c:v libx264 -bf 2 -pix_fmt yuv420p -c:a aac",
    )
}

#[test]
fn raw_h264_carries_the_frame_rate() {
    let folder = scratch();
    let output = folder.path().join("out.h264");
    for (input, rate) in [
        (plain(), (25, 1)),
        (clip("film.mp4", "-f lavfi -i testsrc2=s=96x64:r=24000/1001:d=1 -c:v libx264"), (24000, 1001)),
    ] {
        succeed(&input, &output, "--upscale 1 --codec libx264 --no-audio -y");
        let probe = Probe::new(&output);
        assert_eq!(fraction(probe.video()["r_frame_rate"].as_str().unwrap()), rate);
        // As many pictures of 4:2:0 as went in.
        assert_eq!(raw(&output).len(), frame_times(&input, "v:0").len() * 96 * 64 * 3 / 2);
    }
}

#[test]
fn m2ts_has_packets_of_192_bytes() {
    let folder = scratch();
    let output = folder.path().join("out.m2ts");
    succeed(&plain(), &output, "--upscale 1");
    let bytes = std::fs::read(&output).unwrap();
    assert_eq!(bytes.len() % 192, 0);
    assert!(bytes.chunks(192).all(|packet| packet[4] == 0x47));
    assert_eq!(stream_hashes(&output, "0:a").len(), 2);
    assert_eq!(frame_times(&output, "v:0").len(), 50);
    // Plain transport streams stay plain.
    let output = folder.path().join("out.ts");
    succeed(&plain(), &output, "--upscale 1");
    let bytes = std::fs::read(&output).unwrap();
    assert!(bytes.chunks(188).all(|packet| packet[0] == 0x47));
}

#[test]
fn bluray_streams_are_refused_by_plain_transport_streams() {
    let input = clip(
        "bluray.m2ts",
        "-f lavfi -i testsrc2=s=96x64:r=25:d=1 -f lavfi -i sine=d=1:r=48000 -c:v libx264 -pix_fmt yuv420p -ac 2 -c:a \
         pcm_bluray",
    );
    let folder = scratch();
    let message = refuse(&input, &folder.path().join("out.ts"), "--upscale 1", 6);
    assert!(message.contains("#1 (audio, pcm_bluray)") && message.contains("--no-audio"), "{message}");
    let output = folder.path().join("out.m2ts");
    succeed(&input, &output, "--upscale 1");
    assert_eq!(stream_hashes(&output, "0:a"), stream_hashes(&input, "0:a"));
}

#[test]
fn a_track_of_time_codes_is_made_again_by_mov_and_mp4() {
    let input = derived("timecode.mov", "-i @0 -map 0 -c copy -timecode 01:02:03:04", &[&plain()]);
    assert_eq!(Probe::new(&input).streams("data").len(), 1);
    for name in ["out.mov", "out.mp4"] {
        let folder = scratch();
        let output = folder.path().join(name);
        let result = succeed(&input, &output, "--upscale 1");
        assert!(result.stderr.contains("time code 01:02:03:04"), "{}", result.stderr);
        let probe = Probe::new(&output);
        assert_eq!(probe.tags("data", "timecode"), ["01:02:03:04"], "{name}");
        assert_eq!(probe.streams("audio").len(), 2);
    }
    let folder = scratch();
    let message = refuse(&input, &folder.path().join("out.mkv"), "--upscale 1", 6);
    assert!(message.contains("--no-data"), "{message}");
}

#[test]
fn time_codes_begin_where_the_part_does() {
    for (rate, timecode, start, expected) in [
        ("25", "01:00:00:00", "2", "01:00:02:00"),
        ("25", "01:00:00:10", "0.5", "01:00:00:23"),
        // Numbers 0 and 1 of the new minute are left out; 60 frames are shown in 2.002 s.
        ("30000/1001", "10:00:58;00", "2.002", "10:01:00;02"),
    ] {
        let recipe = format!("-f lavfi -i testsrc2=s=64x48:r={rate}:d=3 -c:v libx264 -timecode {timecode}");
        let input = clip("coded.mov", &recipe);
        for name in ["out.mov", "out.mp4"] {
            let folder = scratch();
            let output = folder.path().join(name);
            succeed(&input, &output, &format!("--upscale 1 --start {start}"));
            let probe = Probe::new(&output);
            assert_eq!(probe.tags("data", "timecode"), [expected], "{name}: {timecode}");
        }
    }
}

#[test]
fn time_codes_count_the_frames_of_another_rate() {
    for (rate, timecode, options, expected) in [
        ("25", "01:02:03:04", "--fps 50", "01:02:03:08"),
        ("25", "01:02:03:04", "--fps x2 --start 0.44", "01:02:03:30"),
        ("25", "01:02:03:04", "--fps source", "01:02:03:04"),
        ("50", "01:02:03:27", "--fps 25", "01:02:03:13"),
        ("30000/1001", "10:00:59;28", "--fps 60000/1001", "10:00:59;56"),
        // Numbers 0 and 1 of the new minute are left out, 0 to 3 at twice the rate.
        ("30000/1001", "10:00:58;00", "--fps 60000/1001 --start 2.002", "10:01:00;04"),
        ("30000/1001", "10:01:00;02", "--fps 25", "10:01:00:01"),
    ] {
        let recipe = format!("-f lavfi -i testsrc2=s=64x48:r={rate}:d=3 -c:v libx264 -timecode {timecode}");
        let track = clip("coded.mov", &recipe);
        // Without a track the tag of the file is all that there is.
        let tagged = derived("coded.mkv", "-i @0 -map 0:v -c copy", &[&track]);
        for (input, name) in [(&track, "out.mov"), (&track, "out.mp4"), (&tagged, "out.mov")] {
            let folder = scratch();
            let output = folder.path().join(name);
            succeed(input, &output, &format!("--upscale 1 {options}"));
            let probe = Probe::new(&output);
            assert_eq!(probe.tags("data", "timecode"), [expected], "{timecode} {options} to {name}");
        }
        let folder = scratch();
        let output = folder.path().join("out.mkv");
        succeed(&tagged, &output, &format!("--upscale 1 {options}"));
        let probe = Probe::new(&output);
        let tags = [probe.tag("TIMECODE"), probe.tag("timecode"), probe.tags("video", "TIMECODE").concat()];
        assert!(tags.contains(&expected.to_owned()), "{timecode} {options}: {tags:?}");
    }
}

#[test]
fn streams_that_a_muxer_refuses_are_no_fault_of_the_file() {
    for (name, accepted) in [("out.flv", "--map -0:2"), ("out.mpg", "--no-audio"), ("out.mxf", "--no-audio")]
    {
        let folder = scratch();
        let output = folder.path().join(name);
        let message = refuse(&plain(), &output, "--upscale 1", 6);
        assert!(message.contains(accepted) && message.contains("#1 (aac)"), "{name}: {message}");
        assert!(!message.contains("folder of your own"), "{name}: {message}");
        succeed(&plain(), &output, &format!("--upscale 1 {accepted}"));
    }
}

#[test]
fn containers_without_video_are_refused_for_what_they_are() {
    let refused = |name: &str, options: &str| {
        let folder = scratch();
        refuse(&plain(), &folder.path().join(name), &format!("--upscale 1 {options}"), 6)
    };
    for (name, options) in [
        ("out.wav", ""),
        ("out.wav", "--codec libx264"),
        ("out.wav", "--no-audio"),
        ("out.mp3", ""),
        ("out.flac", "--codec libx264"),
        ("out.aiff", ""),
        ("out.opus", ""),
        ("out.mka", ""),
        ("out.srt", ""),
        ("out.xyz", "--output-format adts"),
    ] {
        let message = refused(name, options);
        assert!(message.contains(name) && message.contains("holds no video"), "{name}: {message}");
        assert!(message.contains("x.mkv") && message.contains("x.mp4"), "{name}: {message}");
        assert!(message.len() < 300, "{name}: {message}");
    }
    let folder = scratch();
    let message =
        refuse(&plain(), &folder.path().join("out-%d.mkv"), "--upscale 1 --output-format segment", 2);
    assert!(message.contains("for example --codec libx264") && message.len() < 300, "{message}");
    // A suffix of sound that stands for a container of both.
    let output = folder.path().join("out.m4a");
    succeed(&plain(), &output, "--upscale 1");
    assert_eq!(frame_times(&output, "v:0").len(), 50);
}

#[test]
fn flv_and_3gp_get_h264() {
    for (name, options) in [("out.flv", "--map -0:2"), ("out.3gp", ""), ("out.3g2", "")] {
        let folder = scratch();
        let output = folder.path().join(name);
        succeed(&plain(), &output, &format!("--upscale 1 {options}"));
        let probe = Probe::new(&output);
        assert_eq!(probe.video()["codec_name"], "h264", "{name}");
        assert_eq!((probe.size(), frame_times(&output, "v:0").len()), ((96, 64), 50), "{name}");
    }
}

#[test]
fn one_damaged_packet_of_sound_is_skipped_and_counted_or_refused() {
    let whole = derived("whole.ts", "-i @0 -map 0 -c copy", &[&plain()]);
    let mut bytes = std::fs::read(&whole).unwrap();
    // A header of the second half loses the bits that all of them begin with.
    let half = bytes.len() / 2;
    let header = half + bytes[half..].windows(3).position(|window| window == [0xff, 0xf1, 0x50]).unwrap();
    bytes[header] = 0;
    let folder = scratch();
    let input = folder.path().join("damaged.ts");
    std::fs::write(&input, bytes).unwrap();
    let packets = |path: &Path| packet_times(path, "a:0").len() + packet_times(path, "a:1").len();
    for name in ["out.mkv", "out.mp4", "out.mov"] {
        let results = scratch();
        let output = results.path().join(name);
        let result = succeed(&input, &output, "--upscale 1 --json");
        let damaged = usize::try_from(result.summary()["damaged"].as_u64().unwrap()).unwrap();
        assert!((1..5).contains(&damaged), "{name}: {damaged}");
        assert_eq!(
            result.stderr.matches("a packet beside the video is damaged").count(),
            1,
            "{}",
            result.stderr
        );
        assert_eq!(packets(&output), packets(&input) - damaged, "{name}");
        assert_eq!(frame_times(&output, "v:0").len(), 50, "{name}");
        let results = scratch();
        let message = refuse(&input, &results.path().join(name), "--upscale 1 --strict", 3);
        assert!(message.contains("damaged.ts"), "{message}");
    }
}

#[test]
fn avi_has_no_frames_whose_time_must_be_guessed() {
    let folder = scratch();
    let output = folder.path().join("out.avi");
    // Sound that begins before 0 would put the video off by a part of a frame, which AVI rounds.
    succeed(&plain(), &output, "--upscale 1 --no-audio");
    let shown = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-show_entries", "frame=best_effort_timestamp"])
        .args(["-of", "csv=p=0"])
        .arg(&output)
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    // Side data of the first one is a line of its own.
    let times = shown.split([',', '\n']).filter_map(|field| field.parse::<i64>().ok());
    assert_eq!(times.collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
    succeed(&plain(), &output, "--upscale 1 --no-audio -y --encoder-opt bf=2");
    assert_eq!(Probe::new(&output).video()["has_b_frames"], 2);
}

#[test]
fn mpg_is_mpeg_2_with_the_shape_of_the_samples() {
    let input = clip(
        "anamorphic.mkv",
        "-f lavfi -i testsrc2=s=720x576:r=25:d=0.4 -vf setsar=64/45 -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
    );
    let folder = scratch();
    let output = folder.path().join("out.mpg");
    succeed(&input, &output, "--upscale 1");
    let probe = Probe::new(&output);
    assert_eq!(probe.video()["codec_name"], "mpeg2video");
    assert_eq!(probe.video()["sample_aspect_ratio"], "64:45");
    succeed(&input, &output, "--upscale 1 -y --codec mpeg1video");
    assert_eq!(Probe::new(&output).video()["codec_name"], "mpeg1video");
}
