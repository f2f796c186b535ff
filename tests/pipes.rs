//! Standard input and output, and readers that go away.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::{Probe, clip, decoded_hash, derived, frame_times, program, scratch};

fn short() -> PathBuf {
    clip("short.mkv", "-f lavfi -i testsrc2=s=96x64:r=30000/1001:d=0.5 -c:v ffv1 -pix_fmt yuv420p")
}

/// The program with INPUT on its standard input and OUTPUT as its standard output; its standard error.
fn piped(input: &Path, output: &Path, options: &str) -> String {
    let result = program()
        .args(options.split_whitespace())
        .stdin(File::open(input).unwrap())
        .stdout(File::create(output).unwrap())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&result.stderr).into_owned();
    assert_eq!(result.status.code(), Some(0), "{options}: {stderr}");
    stderr
}

#[test]
fn formats_with_a_header_are_recognised_on_standard_input() {
    let folder = scratch();
    for (name, output_format) in
        [("in.y4m", "nut"), ("in.nut", "matroska"), ("in.mkv", "yuv4mpegpipe"), ("in.ts", "mpegts")]
    {
        let codec = match name {
            "in.y4m" | "in.nut" => "rawvideo",
            "in.ts" => "mpeg2video",
            _ => "ffv1",
        };
        let codec = if name == "in.y4m" { "wrapped_avframe" } else { codec };
        let input = derived(name, &format!("-i @0 -c:v {codec}"), &[&short()]);
        let output = folder.path().join("out");
        piped(&input, &output, &format!("--upscale 1 -i - -f {output_format} -o -"));
        let found = frame_times(&output, "v:0").len();
        assert_eq!(found, frame_times(&input, "v:0").len(), "{name} to {output_format}");
        assert_eq!(Probe::new(&output).size(), (96, 64), "{name} to {output_format}");
    }
}

#[test]
fn raw_video_goes_in_and_out() {
    let raw = derived("raw.yuv", "-i @0 -f rawvideo", &[&short()]);
    let folder = scratch();
    let output = folder.path().join("out.yuv");
    piped(
        &raw,
        &output,
        "--upscale 1 -f rawvideo --video-size 96x64 --rate 30000/1001 --input-pix-fmt yuv420p -i - -f rawvideo -o -",
    );
    assert_eq!(std::fs::read(&output).unwrap(), std::fs::read(&raw).unwrap());
}

#[test]
fn a_pipe_carries_the_same_pictures_as_a_file() {
    let folder = scratch();
    let (through_pipe, file) = (folder.path().join("out.y4m"), folder.path().join("out.mkv"));
    piped(&short(), &through_pipe, "-i - -f yuv4mpegpipe -o -");
    support::succeed(&short(), &file, "--codec ffv1");
    assert_eq!(decoded_hash(&through_pipe, "0:v", ""), decoded_hash(&file, "0:v", ""));
}

#[test]
fn a_file_on_standard_input_can_be_positioned_from_where_it_stands() {
    let video = derived("index-at-the-end.mp4", "-i @0 -c:v libx264 -qp 0 -pix_fmt yuv420p", &[&short()]);
    let foreign = vec![7; 5000];
    let folder = scratch();
    let (both, output) = (folder.path().join("both"), folder.path().join("out.mkv"));
    std::fs::write(&both, [foreign.clone(), std::fs::read(&video).unwrap()].concat()).unwrap();
    let mut input = File::open(&both).unwrap();
    input.read_exact(&mut vec![0; foreign.len()]).unwrap();
    let mut command = program();
    command.args(["--upscale", "1", "--codec", "ffv1", "--start", "0.2", "-i", "-", "-o"]).arg(&output);
    let result = command.stdin(input).output().unwrap();
    assert_eq!(result.status.code(), Some(0), "{}", String::from_utf8_lossy(&result.stderr));
    // The first six of fifteen frames lie before 0.2 s.
    let rest = derived("rest.mkv", "-i @0 -vf trim=start_frame=6 -c:v ffv1", &[&video]);
    assert_eq!(decoded_hash(&output, "0:v", ""), decoded_hash(&rest, "0:v", ""));
}

#[test]
fn a_playlist_on_standard_input_opens_no_files() {
    let segment = derived("segment.ts", "-i @0 -c:v mpeg2video", &[&short()]);
    let folder = scratch();
    let (list, output) = (folder.path().join("list.m3u8"), folder.path().join("out.mkv"));
    let text =
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n", segment.display());
    std::fs::write(&list, text).unwrap();
    support::succeed(&list, &output, "--upscale 1");
    let mut command = program();
    let command = command.args(["--upscale", "1", "-y", "-i", "-", "-o"]).arg(&output);
    let result = command.stdin(File::open(&list).unwrap()).output().unwrap();
    assert_eq!(result.status.code(), Some(3), "{}", String::from_utf8_lossy(&result.stderr));
}

#[test]
fn json_does_not_mix_with_a_piped_video() {
    let folder = scratch();
    let output = folder.path().join("out.nut");
    let stderr = piped(&short(), &output, "--json --upscale 1 -i - -f nut -o -");
    for line in stderr.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(event["event"].is_string(), "{line}");
    }
    assert_eq!(frame_times(&output, "v:0").len(), 15);
}

#[test]
fn a_reader_that_goes_away_is_a_clean_end() {
    let long = clip("long.mkv", "-f lavfi -i testsrc2=s=320x180:r=30:d=20 -c:v libx264 -preset ultrafast");
    let started = Instant::now();
    let mut child = program()
        .arg("-i")
        .arg(&long)
        .args(["-f", "yuv4mpegpipe", "-o", "-", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 1000];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let result = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&result.stderr).into_owned();
    assert_eq!(result.status.code(), Some(0), "{stderr}");
    assert!(started.elapsed() < Duration::from_secs(20), "it went on for {:?}", started.elapsed());
}

#[test]
fn standard_output_gets_a_container_that_holds_all_streams() {
    let sounding = derived("sounding.mkv", "-i @0 -f lavfi -i sine=d=0.5 -c:v copy -c:a flac", &[&short()]);
    let folder = scratch();
    let output = folder.path().join("out");
    for (input, format) in [(short(), "nut"), (sounding, "matroska,webm")] {
        piped(&input, &output, "--upscale 1 -i - -o -");
        assert_eq!(Probe::new(&output).format(), format);
    }
}

/// Pipes are of one piece: what has its index at the end, or a length at the beginning, needs another layout there.
#[test]
fn mp4_in_a_pipe_needs_fragments_and_says_so() {
    let folder = scratch();
    for format in ["mp4", "mov"] {
        let mut command = program();
        command.args(["--upscale", "1", "-i"]).arg(short()).args(["-f", format, "-o", "-"]);
        let result = command.output().unwrap();
        let message = String::from_utf8_lossy(&result.stderr).into_owned();
        assert_eq!((result.status.code(), result.stdout.len()), (Some(4), 0), "{message}");
        let told = message.lines().last().unwrap();
        assert!(told.contains(&format!("{format} goes back to its beginning")), "{told}");
        let remedy = "--muxer-opt movflags=frag_keyframe+empty_moov";
        assert!(told.contains(remedy) && told.contains("matroska"), "{told}");
        let output = folder.path().join(format);
        piped(&short(), &output, &format!("--upscale 1 {remedy} -i - -f {format} -o -"));
        assert_eq!(frame_times(&output, "v:0").len(), frame_times(&short(), "v:0").len());
    }
}

#[test]
fn an_empty_pipe_is_an_input_error() {
    let result: std::process::Output =
        program().args(["-i", "-", "-f", "null", "-o", "-"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(result.status.code(), Some(3), "{}", String::from_utf8_lossy(&result.stderr));
}

#[test]
#[cfg(target_os = "linux")]
fn an_interrupt_is_heeded_while_nothing_comes() {
    let input = clip("stalled.ts", "-f lavfi -i testsrc2=s=96x64:r=25:d=3 -c:v mpeg2video");
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    let mut command = program();
    command.args(["--upscale", "1", "--codec", "ffv1", "--json", "-i", "-", "-o"]).arg(&output);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Whoever writes stays there.
    let mut writer = child.stdin.take().unwrap();
    writer.write_all(&std::fs::read(input).unwrap()).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let is_underway = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        event["frames"].as_u64() > Some(0)
    };
    assert!(lines.any(|line| is_underway(&line.unwrap())));
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let deadline = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    // Ends it where it still waits.
    let _ = child.kill();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(writer);
    assert!(frame_times(&output, "v:0").len() > 10);
}
