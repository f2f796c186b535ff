//! `framecast live` through the program, on generated sources, files and loopback.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::{clip, frame_times, raw, scratch, stream_hashes};

const WIDTH: usize = 128;
const HEIGHT: usize = 72;
const FRAME: usize = WIDTH * HEIGHT * 3 / 2;

/// `framecast live` with CPU kernels and JSON, its options separated by blanks.
fn live(options: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framecast"));
    command.args(["live", "--kernels", "cpu", "--json"]).args(options.split_whitespace());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs to the end; the summary.
fn summary(mut command: Command) -> Value {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {stderr}", output.status);
    last_line(&output.stdout, "summary")
}

fn last_line(text: &[u8], event: &str) -> Value {
    let text = String::from_utf8_lossy(text);
    let last = text.lines().last().unwrap_or_default();
    let value: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("{text}"));
    assert_eq!(value["event"], event, "{text}");
    value
}

/// Frames of a moving pattern, 25 a second.
fn pattern(frames: u32) -> std::path::PathBuf {
    clip(
        &format!("pattern-{frames}.mkv"),
        &format!(
            "-f lavfi -i testsrc2=s={WIDTH}x{HEIGHT}:r=25 -f lavfi -i sine=d={} -frames:v {frames} \
             -pix_fmt yuv420p -c:v ffv1 -c:a flac -shortest",
            f64::from(frames) / 25.0
        ),
    )
}

#[test]
fn a_file_is_shown_at_its_own_pace_and_real_frames_are_the_sources() {
    let source = pattern(50);
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    let began = Instant::now();
    let mut command = live("--fps 50 --upscale 1 --codec ffv1 --max-latency 2s");
    command.arg("-i").arg(&source).arg("-o").arg(&output);
    let summary = summary(command);
    assert!(began.elapsed() >= Duration::from_millis(1900), "paced: {:?}", began.elapsed());
    assert_eq!((&summary["frames_in"], &summary["source"]), (&50.into(), &"ended".into()));
    let times = frame_times(&output, "v:0");
    let frames = raw_frames(&output);
    assert_eq!(times.len(), frames.len());
    let truth = raw(&source);
    let truth: Vec<&[u8]> = truth.chunks(FRAME).collect();
    let mut shown = 0;
    for (time, frame) in times.iter().zip(&frames) {
        // Every time stamp lies on the grid, and those of the source's frames show them untouched, or, where one was too
        // late, something else.
        let ticks = time.0 as f64 / time.1 as f64 * 50.0;
        assert!((ticks - ticks.round()).abs() < 0.06, "{ticks}");
        let tick = ticks.round() as usize;
        shown +=
            usize::from(tick.is_multiple_of(2) && truth.get(tick / 2).is_some_and(|truth| frame == truth));
    }
    let real = summary["real"].as_u64().unwrap() as usize;
    assert!(shown >= real && real >= 40, "{shown} shown, {real} real");
    assert!(times.windows(2).all(|pair| pair[0].0 * pair[1].1 < pair[1].0 * pair[0].1));
    assert_eq!(stream_hashes(&source, "0:a"), stream_hashes(&output, "0:a"), "sound");
}

/// Every frame, whatever the rate.
fn raw_frames(path: &Path) -> Vec<Vec<u8>> {
    let decoded = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(path)
        .args(["-map", "0:v:0", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"])
        .output()
        .unwrap();
    decoded.stdout.chunks(FRAME).map(<[u8]>::to_vec).collect()
}

#[test]
fn filters_are_sources_and_several_outputs_get_the_same_pictures() {
    let folder = scratch();
    let outputs = [folder.path().join("a.mkv"), folder.path().join("b.nut")];
    let mut command = live(
        "--fps 50 --upscale 2 --max-latency 2s --codec ffv1 --device cpu --motion-model predict-live -f lavfi",
    );
    command.args(["-i", "testsrc2=s=64x36:r=25:d=1"]);
    outputs.iter().for_each(|output| {
        command.arg("-o").arg(output);
    });
    let summary = summary(command);
    assert_eq!(summary["outputs"].as_array().unwrap().len(), 2);
    let providers = summary["providers"].as_array().unwrap();
    let names: Vec<&str> = providers.iter().map(|network| network["model"].as_str().unwrap()).collect();
    assert_eq!(names, ["live-x2-int8", "nano-x2", "predict-live"]);
    assert!(
        providers
            .iter()
            .all(|network| network["provider"] == "cpu" && network["nodes"] == network["nodes_total"])
    );
    let frames = outputs.each_ref().map(|output| raw_frames(output));
    assert!(frames[0].len() >= 40, "{}", frames[0].len());
    assert_eq!(frames[0].len(), summary["outputs"][0]["shown"].as_u64().unwrap() as usize);
    let dropped: u64 = (0..2).map(|index| summary["outputs"][index]["dropped"].as_u64().unwrap()).sum();
    if dropped == 0 {
        assert!(frames[0] == frames[1]);
    }
}

#[test]
fn without_prediction_the_newest_frame_is_held() {
    let mut command = live("--fps 50 --upscale 1 --hold --max-latency 2s -f lavfi");
    command.args(["-i", "testsrc2=s=64x36:r=25:d=1", "-o", "-", "-f", "null"]);
    let output = command.output().unwrap();
    assert!(output.status.success());
    let summary = last_line(&output.stderr, "summary");
    assert_eq!(summary["predicted"], 0);
    assert!(summary["held"].as_u64().unwrap() >= 20, "{summary}");
}

#[test]
fn interpolation_shows_interpolated_frames() {
    let mut command = live("--fps 50 --upscale 1 --mode interpolate --max-latency 2s -f lavfi");
    command.args(["-i", "testsrc2=s=64x36:r=25:d=2", "-o", "-", "-f", "null"]);
    let output = command.output().unwrap();
    let summary = last_line(&output.stderr, "summary");
    assert!(summary["interpolated"].as_u64().unwrap() >= 10, "{summary}");
    assert_eq!(summary["predicted"], 0);
}

#[test]
fn interpolation_that_has_no_time_to_wait_is_told() {
    let mut command = live("--fps 50 --upscale 1 --mode interpolate -f lavfi");
    command.args(["-i", "testsrc2=s=64x36:r=25:d=1", "-o", "-", "-f", "null"]);
    let stderr = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(stderr.contains("with --max-latency 50 ms") && stderr.contains("at least 60 ms"), "{stderr}");
}

#[test]
#[cfg(target_os = "linux")]
fn standard_input_that_gives_nothing_is_given_up() {
    let input = clip("live-stalled.ts", "-f lavfi -i testsrc2=s=64x36:r=25:d=2 -c:v mpeg2video");
    let mut command = live("--upscale 1 --timeout 1s -i - -o - -f null");
    let mut child = Owned(command.stdin(Stdio::piped()).spawn().unwrap());
    // Whoever writes stays there.
    let mut writer = child.0.stdin.take().unwrap();
    std::io::Write::write_all(&mut writer, &std::fs::read(input).unwrap()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let status = loop {
        match child.0.try_wait().unwrap() {
            Some(status) => break status,
            None if Instant::now() > deadline => panic!("it still waits"),
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    let mut stderr = String::new();
    std::io::Read::read_to_string(&mut child.0.stderr.take().unwrap(), &mut stderr).unwrap();
    assert_eq!(status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("it gave no pictures for 1 s"), "{stderr}");
    drop(writer);
}

#[test]
fn a_source_that_never_sends_is_given_up_after_the_time_that_was_asked_for() {
    let mut command = live("--upscale 1 --timeout 300ms");
    command.args(["-i", &format!("udp://127.0.0.1:{}", free_port()), "-o", "-", "-f", "null"]);
    let began = Instant::now();
    let result = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&result.stderr);
    assert_eq!(result.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("it gave no pictures for 0.3 s"), "{stderr}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

/// Ends a process of the test's own when the test does.
struct Owned(Child);

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `ffmpeg` that sends a moving pattern, 25 frames a second, for some seconds.
fn sender(seconds: u32, to: &[&str]) -> Owned {
    let source = format!("testsrc2=s={WIDTH}x{HEIGHT}:r=25:d={seconds}");
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", &source]);
    command.args([
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-tune",
        "zerolatency",
        "-g",
        "10",
        "-pix_fmt",
        "yuv420p",
    ]);
    command.args(to).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Owned(command.spawn().unwrap())
}

fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits for the program, and interrupts it (as Ctrl-C does) after `limit`.
fn interrupted_after(mut command: Command, limit: Duration) -> (Option<i32>, Vec<u8>, String) {
    let child = command.spawn().unwrap();
    let id = child.id().to_string();
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(limit);
        Command::new("kill").args(["-INT", &id]).status().unwrap();
    });
    let output = child.wait_with_output().unwrap();
    stopper.join().unwrap();
    (output.status.code(), output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_stream_that_is_lost_is_opened_again_and_ctrl_c_completes_the_file() {
    let port = free_port();
    let url = format!("udp://127.0.0.1:{port}");
    let to = ["-f", "mpegts", &format!("{url}?pkt_size=1316")];
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    let mut command = live("--fps 50 --upscale 1 --timeout 3s --codec ffv1 --max-latency 2s");
    command.args(["-i", &url]).arg("-o").arg(&output);
    let senders = std::thread::spawn({
        let to: Vec<String> = to.iter().map(|word| (*word).to_owned()).collect();
        move || {
            let to: Vec<&str> = to.iter().map(String::as_str).collect();
            std::thread::sleep(Duration::from_millis(300));
            let mut first = sender(3, &to);
            let _ = first.0.wait();
            std::thread::sleep(Duration::from_secs(4));
            let mut second = sender(4, &to);
            let _ = second.0.wait();
        }
    });
    let (code, stdout, stderr) = interrupted_after(command, Duration::from_secs(11));
    senders.join().unwrap();
    assert_eq!(code, Some(130), "{stderr}");
    let summary = last_line(&stdout, "summary");
    assert!(summary["reconnects"].as_u64().unwrap() >= 1, "{summary}");
    assert!(stderr.contains("the source is lost: nothing came"), "{stderr}");
    // While it was away the last picture stood, so there is no hole in time.
    let times = frame_times(&output, "v:0");
    let seconds: Vec<f64> = times.iter().map(|time| time.0 as f64 / time.1 as f64).collect();
    assert!(seconds.last().unwrap() - seconds[0] > 4.0, "{seconds:?}");
    let longest = seconds.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    assert!(longest < 1.0, "{longest}");
    assert!(summary["held"].as_u64().unwrap() > 20, "{summary}");
}

#[test]
fn streams_are_pushed_and_pulled_over_srt_and_rtmp() {
    let listening = |port: u16| {
        [
            (
                format!("srt://127.0.0.1:{port}?mode=listener"),
                format!("srt://127.0.0.1:{port}?mode=caller"),
                "mpegts",
            ),
            (format!("rtmp://127.0.0.1:{port}/live/a"), format!("rtmp://127.0.0.1:{port}/live/a"), "flv"),
        ]
    };
    for kind in 0..2 {
        let port = free_port();
        let (listen, call, format) = listening(port)[kind].clone();
        let folder = scratch();
        let received = folder.path().join("received.mkv");
        let mut receiver = Command::new("ffmpeg");
        receiver.args(["-v", "error", "-nostdin", "-y"]);
        if format == "flv" {
            receiver.args(["-listen", "1"]);
        }
        receiver.args(["-i", &listen, "-c", "copy"]).arg(&received);
        let mut receiver = Owned(receiver.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        std::thread::sleep(Duration::from_millis(500));
        let mut command = live("--fps 50 --upscale 2 --max-latency 2s -f lavfi");
        command.args(["-i", "testsrc2=s=64x36:r=25:d=3", "-o", &call]);
        let summary = summary(command);
        assert!(summary["frames_out"].as_u64().unwrap() > 100, "{call}: {summary}");
        let until = Instant::now() + Duration::from_secs(20);
        while receiver.0.try_wait().unwrap().is_none() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(50));
        }
        let frames = frame_times(&received, "v:0").len();
        assert!(frames > 60, "{call}: {frames}");

        // And the other way: the program listens or calls, FFmpeg sends.
        let port = free_port();
        let (listen, call, format) = listening(port)[kind].clone();
        let listen_option = if format == "flv" { "--input-option listen=1" } else { "" };
        let mut command =
            live(&format!("--upscale 1 --max-latency 2s --reconnect off --timeout 20s {listen_option}"));
        command.args(["-i", &listen, "-o", "-", "-f", "null"]);
        let child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(700));
        let _sender = sender(3, &["-f", format, &call]);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{listen}: {stderr}");
        let summary = last_line(&output.stderr, "summary");
        assert!(summary["frames_in"].as_u64().unwrap() >= 25, "{listen}: {summary}");
    }
}

/// It accepts the connection and reads nothing, so that what was sent fills all buffers.
#[test]
fn a_receiver_that_hangs_holds_up_neither_the_end_nor_the_other_outputs() {
    let receiver = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", receiver.local_addr().unwrap());
    let folder = scratch();
    let file = folder.path().join("out.mkv");
    let mut command = live("--upscale 4 --codec rawvideo -f lavfi -i testsrc2=s=160x90:r=50:d=4");
    command.args(["-f", "nut", "-o", &address]).arg("-o").arg(&file);
    let mut child = Owned(command.spawn().unwrap());
    let deadline = Instant::now() + Duration::from_secs(60);
    let status = loop {
        match child.0.try_wait().unwrap() {
            Some(status) => break status,
            None if Instant::now() > deadline => panic!("it still waits for its receiver"),
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    let mut stderr = String::new();
    std::io::Read::read_to_string(&mut child.0.stderr.take().unwrap(), &mut stderr).unwrap();
    assert_eq!(status.code(), Some(4), "{stderr}");
    assert!(stderr.contains(&format!("{address}: its receiver takes nothing any more")), "{stderr}");
    let times = frame_times(&file, "v:0");
    let last = times.last().unwrap();
    assert!(last.0 as f64 / last.1 as f64 > 3.8, "the file goes on to the end: {last:?}");
}

#[test]
fn what_cannot_be_done_is_refused_with_the_reason() {
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    for (options, code, reason) in [
        ("-i /nowhere.mkv", 3, "no such file"),
        ("-f lavfi -i testsrc2 --max-latency 5s", 2, "5 ms to 2 s"),
        ("-f lavfi -i testsrc2 --dedup", 2, "unexpected argument '--dedup'"),
        ("-f lavfi -i testsrc2 --motion-model live-x2", 2, "a model whose task is Prediction"),
        ("-f v4l2 -i /dev/video-none", 3, "cannot be opened"),
        ("-i /dev/video7777", 3, "`framecast devices` lists the cameras"),
        ("-f lavfi -i nosuchfilter", 3, "cannot build this filter graph"),
    ] {
        let mut command = live(options);
        command.arg("-o").arg(&output);
        let result = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&result.stderr);
        assert_eq!(result.status.code(), Some(code), "{options}: {stderr}");
        assert!(stderr.contains(reason), "{options}: {stderr}");
    }
    assert!(!output.exists());
}
