//! Inputs, outputs and options that cannot work, and runs that are ended early.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use support::{
    assert_nothing_in, clip, derived, frame_times, outcome, program, refuse, run, scratch, succeed,
};

fn plain() -> PathBuf {
    clip(
        "plain.mp4",
        "-f lavfi -i testsrc2=s=96x64:r=25:d=2 -f lavfi -i sine=d=2 -c:v libx264 -g 10 -crf 24 -pix_fmt yuv420p \
         -c:a aac",
    )
}

/// The same with its index first, so that a cut file can be read up to the cut.
fn streamable() -> PathBuf {
    derived("streamable.mp4", "-i @0 -c copy -movflags +faststart", &[&plain()])
}

/// A long one, for runs that are ended early.
fn long() -> PathBuf {
    clip(
        "long.mp4",
        "-f lavfi -i testsrc2=s=320x180:r=30:d=40 -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
    )
}

fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Bytes that look random and are always the same.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..count).map(|_| next()).collect()
}

/// `plain` with bits flipped in its second and last third.
fn damaged(folder: &Path) -> PathBuf {
    let mut bytes = std::fs::read(streamable()).unwrap();
    let (start, length) = (bytes.len() / 3, bytes.len() - bytes.len() / 3);
    for (step, flip) in noise(60).iter().enumerate() {
        let place = start + (step * 7919 + usize::from(*flip) * 131) % length;
        bytes[place] ^= 1 << (flip % 8);
    }
    file(folder, "damaged.mp4", &bytes)
}

#[cfg(unix)]
#[test]
fn a_file_that_another_program_writes_is_left_to_it() {
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    let mut first = program();
    first.args(["-f", "yuv4mpegpipe", "-i", "-", "--upscale", "1", "--codec", "ffv1", "-o"]).arg(&output);
    let mut first = first.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut frames = first.stdin.take().unwrap();
    frames.write_all(b"YUV4MPEG2 W16 H16 F25:1 Ip A1:1 C420jpeg\n").unwrap();
    let frame = [&b"FRAME\n"[..], &[128; 16 * 16 * 3 / 2]].concat();
    // Enough to be known by; the rest comes later.
    (0..40).for_each(|_| frames.write_all(&frame).unwrap());
    let part = folder.path().join(".out.mkv.framecast-part");
    while !part.exists() {
        assert!(first.try_wait().unwrap().is_none(), "the first run has ended");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let second = run(&plain(), &output, "--upscale 1");
    assert_eq!(second.code, Some(4), "{}", second.stderr);
    assert!(second.stderr.contains("is being written by another program"), "{}", second.stderr);
    (0..10).for_each(|_| frames.write_all(&frame).unwrap());
    drop(frames);
    let ended = first.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(frame_times(&output, "v:0").len(), 50);
    assert!(!part.exists());
}

#[test]
fn inputs_that_are_no_video_are_refused() {
    let inputs = scratch();
    let folder = inputs.path();
    let audio = clip("audio.m4a", "-f lavfi -i sine=d=1 -c:a aac");
    let whole = std::fs::read(plain()).unwrap();
    for input in [
        folder.join("no-such-file.mp4"),
        folder.to_owned(),
        file(folder, "empty.mp4", b""),
        file(folder, "text.mp4", b"not a video\n"),
        file(folder, "noise.mp4", &noise(4096)),
        file(folder, "without-index.mp4", &whole[..whole.len() / 2]),
        audio,
    ] {
        let results = scratch();
        let message = refuse(&input, &results.path().join("out.mp4"), "", 3);
        let name = input.file_name().unwrap().to_str().unwrap();
        assert!(message.contains(name) || input == folder, "{message}");
    }
}

#[test]
fn outputs_that_cannot_be_written_are_refused() {
    let folder = scratch();
    let missing = folder.path().join("no-such-folder");
    let message = refuse(&plain(), &missing.join("out.mp4"), "", 4);
    assert!(message.contains("no-such-folder"), "{message}");
    let message = refuse(&plain(), &folder.path().join("out.nonsense"), "", 4);
    assert!(message.contains("nonsense"), "{message}");
    let result = run(&plain(), folder.path(), "-y");
    assert_eq!(result.code, Some(4), "{}", result.stderr);
    assert!(folder.path().is_dir());
}

#[test]
#[cfg(target_os = "linux")]
fn folders_may_have_any_name() {
    use std::os::unix::ffi::OsStrExt;
    let root = scratch();
    let folder = root.path().join(std::ffi::OsStr::from_bytes(b"a\xff"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(plain(), folder.join("in.mp4")).unwrap();
    for options in [["--upscale", "1"], ["--upscale", "2"]] {
        let mut command = program();
        command.current_dir(&folder).args(options).args(["-y", "-i", "in.mp4", "-o", "out.mkv"]);
        let result = outcome(&mut command);
        assert_eq!(result.code, Some(0), "{}", result.stderr);
    }
    assert_eq!(frame_times(&folder.join("out.mkv"), "v:0").len(), 50);
}

#[test]
fn wrong_options_name_the_legal_values() {
    let folder = scratch();
    let output = folder.path().join("out.mp4");
    for (options, part) in [
        ("--codec no-such-codec", "no-such-codec"),
        ("--codec aac", "aac"),
        ("--pix-fmt no-such-format", "no-such-format"),
        ("--preset no-such-preset", "no-such-preset"),
        ("--encoder-opt no-such-option=1", "no-such-option"),
        ("--muxer-opt no-such-option=1", "no-such-option"),
        ("--input-option no-such-option=1", "no-such-option"),
    ] {
        let message = refuse(&plain(), &output, options, 2);
        assert!(message.contains(part), "{part} is missing in: {message}");
    }
    let message = refuse(&plain(), &output, "--input-format no-such-format", 2);
    assert!(message.contains("no-such-format"), "{message}");
}

#[test]
fn a_truncated_file_is_enlarged_up_to_the_cut() {
    let folder = scratch();
    let whole = std::fs::read(streamable()).unwrap();
    let input = file(folder.path(), "half.mp4", &whole[..whole.len() * 2 / 3]);
    let output = folder.path().join("out.mp4");
    succeed(&input, &output, "--upscale 1");
    let count = frame_times(&output, "v:0").len();
    assert!((5..50).contains(&count), "{count} frames");
}

#[test]
fn inputs_whose_demuxer_calls_a_cut_the_end_are_damaged_too() {
    let whole = |name: &str, codec: &str| derived(name, &format!("-i @0 -map 0:v -c:v {codec}"), &[&plain()]);
    let (matroska, webm, y4m) =
        (whole("whole.mkv", "copy"), whole("whole.webm", "libvpx"), whole("whole.y4m", "wrapped_avframe"));
    for input in [matroska, webm, y4m] {
        let folder = scratch();
        let name = input.file_name().unwrap().to_str().unwrap();
        let bytes = std::fs::read(&input).unwrap();
        let cut = file(folder.path(), name, &bytes[..bytes.len() * 2 / 3]);
        let output = folder.path().join("out.mp4");
        for is_piped in [false, true] {
            let ran = |input: &Path, options: &str| {
                let location = if is_piped { Path::new("-") } else { input };
                let mut command = program();
                command.arg("-i").arg(location).arg("-o").arg(&output).args(options.split_whitespace());
                let mut child = command
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap();
                // A run that ends early does not read all of it.
                let _ = child.stdin.take().unwrap().write_all(&std::fs::read(input).unwrap());
                let result = child.wait_with_output().unwrap();
                let stderr = String::from_utf8_lossy(&result.stderr).into_owned();
                (result.status.code(), String::from_utf8(result.stdout).unwrap(), stderr)
            };
            let (code, events, stderr) = ran(&cut, "--upscale 1 --json -y");
            let summary: serde_json::Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
            assert_eq!((code, &summary["damaged"]), (Some(0), &1.into()), "{name} {is_piped}: {stderr}");
            assert!(stderr.contains("the input is cut off"), "{name} {is_piped}: {stderr}");
            let (code, _, stderr) = ran(&cut, "--upscale 1 --strict -y");
            assert_eq!(code, Some(3), "{name} {is_piped}: {stderr}");
            let (code, _, stderr) = ran(&input, "--upscale 1 --strict -y");
            assert_eq!(code, Some(0), "{name} {is_piped}: {stderr}");
        }
    }
}

#[test]
fn a_model_file_that_is_not_there_is_what_is_missing() {
    let folder = scratch();
    let output = folder.path().join("out.mp4");
    let message = refuse(&plain(), &output, "--model no-such-folder/no-such-file.onnx", 5);
    assert!(message.contains("no-such-file.onnx: there is no such file"), "{message}");
}

#[test]
fn options_without_effect_are_told() {
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    let given = "--rate 50 --video-size 32x32 --input-pix-fmt gray --motion-model flow --motion-scale 0.5";
    let told = succeed(&plain(), &output, &format!("--upscale 1 {given}")).stderr;
    for option in ["--rate", "--video-size", "--input-pix-fmt", "--motion-model flow", "--motion-scale"] {
        assert!(told.contains(&format!("{option} has no effect")), "{option}: {told}");
    }
    let raw = derived("raw.yuv", "-i @0 -an -f rawvideo", &[&plain()]);
    let given = "--upscale 1 --rate 25 --video-size 96x64 --input-pix-fmt yuv420p -y";
    let told = succeed(&raw, &output, given).stderr;
    assert!(!told.contains("no effect"), "{told}");
    let coded = derived("coded.h264", "-i @0 -an -c copy", &[&plain()]);
    let told = succeed(&coded, &output, "--upscale 1 --rate 50 -y").stderr;
    assert!(!told.contains("no effect"), "{told}");
}

#[test]
fn an_existing_file_with_a_colon_is_no_protocol() {
    let folder = scratch();
    std::fs::copy(plain(), folder.path().join("a:b.mp4")).unwrap();
    let mut command = program();
    command.current_dir(folder.path()).args(["-i", "a:b.mp4", "-o", "out.mp4", "--upscale", "1"]);
    let result = outcome(&mut command);
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    let mut missing = program();
    missing.current_dir(folder.path()).args(["-i", "ab:c.mp4", "-o", "out.mp4", "-y"]);
    let result = outcome(&mut missing);
    assert!(result.code == Some(3) && result.stderr.contains("./ab:c.mp4"), "{}", result.stderr);
}

#[test]
fn damage_is_skipped_and_counted_or_refused() {
    let inputs = scratch();
    let input = damaged(inputs.path());
    let folder = scratch();
    let output = folder.path().join("out.mp4");
    let summary = succeed(&input, &output, "--upscale 1 --json").summary();
    assert!(summary["damaged"].as_u64().unwrap() > 0, "{summary}");
    assert_eq!(summary["frames_out"], frame_times(&output, "v:0").len());
    let results = scratch();
    let message = refuse(&input, &results.path().join("out.mp4"), "--upscale 1 --strict", 3);
    assert!(message.contains("--strict"), "{message}");
    succeed(&plain(), &folder.path().join("sound.mp4"), "--upscale 1 --strict");
}

#[test]
fn a_file_that_outgrows_its_limit_is_an_output_error() {
    let folder = scratch();
    let script = format!(
        "ulimit -f 16; exec '{}' run --kernels cpu -i '{}' -o '{}' --codec ffv1",
        env!("CARGO_BIN_EXE_framecast"),
        plain().display(),
        folder.path().join("out.mkv").display()
    );
    let result = outcome(Command::new("bash").args(["-c", &script]));
    assert_eq!(result.code, Some(4), "{}", result.stderr);
    assert!(result.stderr.starts_with("framecast: error: "), "{}", result.stderr);
    assert!(result.stderr.contains("File too large; raise the"), "{}", result.stderr);
    assert_nothing_in(folder.path());
}

/// These write several files, and look at none of them after it was written.
#[test]
fn a_disk_that_is_full_is_told_by_muxers_of_several_files_too() {
    for name in ["out.m3u8", "out.mpd"] {
        let folder = scratch();
        let script = format!(
            "ulimit -f 16; exec '{}' run --kernels cpu --upscale 1 -i '{}' -o '{}' --codec libx264 --crf 1",
            env!("CARGO_BIN_EXE_framecast"),
            plain().display(),
            folder.path().join(name).display()
        );
        let result = outcome(Command::new("bash").args(["-c", &script]));
        assert_eq!(result.code, Some(4), "{name}: {}", result.stderr);
        assert!(result.stderr.contains("File too large; raise the"), "{name}: {}", result.stderr);
    }
}

/// Starts a run that would take long and waits until it has written frames.
#[allow(clippy::zombie_processes, reason = "the callers wait; a test that fails before ends its process")]
fn underway(input: &Path, output: &Path, options: &[&str]) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = program()
        .arg("-i")
        .arg(input)
        .arg("-o")
        .arg(output)
        .args(["--upscale", "3", "--json"])
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    loop {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).unwrap() > 0, "the run ended before it could be interrupted");
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        if event["frames"].as_u64() > Some(10) {
            return (child, lines);
        }
    }
}

fn signal(child: &Child, name: &str) {
    let done = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(done.success());
}

#[test]
fn an_interrupted_run_leaves_a_playable_file() {
    for name in ["-INT", "-TERM"] {
        let folder = scratch();
        let output = folder.path().join("out.mp4");
        let (child, mut lines) = underway(&long(), &output, &[]);
        assert!(!output.exists(), "the output must not appear before it is complete");
        signal(&child, name);
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut lines, &mut rest).unwrap();
        let result = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&result.stderr).into_owned();
        assert_eq!(result.status.code(), Some(130), "{stderr}");
        let summary: serde_json::Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
        assert_eq!(summary["interrupted"], true);
        let count = frame_times(&output, "v:0").len();
        assert_eq!(summary["frames_out"], count);
        assert!((10..1200).contains(&count), "{count} frames");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_second_interrupt_abandons_the_output_at_once() {
    let folder = scratch();
    let output = folder.path().join("out.mp4");
    // At this preset every frame so far still waits in the encoder, where finishing them takes it many seconds of
    // processor time: the run cannot end by itself between one interrupt and the next.
    let (mut child, lines) = underway(&long(), &output, &["--codec", "libx264", "--preset", "placebo"]);
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_some(), "there is no temporary to remove");
    signal(&child, "-INT");
    let mut messages = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(messages.any(|line| line.unwrap().contains("once more to abandon it")));
    signal(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_nothing_in(folder.path());
    drop(lines);
}
