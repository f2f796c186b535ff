//! Network sources of `framecast live`: what is shown of what they send, and when. All on the loopback.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use support::{Outcome, clip, frame_times, outcome, raw, scratch};

const WIDTH: usize = 128;
const HEIGHT: usize = 72;
const FRAME: usize = WIDTH * HEIGHT * 3 / 2;

/// Gives each of the files to one connection, all of it at once, and closes it.
fn server(files: Vec<PathBuf>) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let serve = move || {
        for file in files {
            let (mut connection, _) = listener.accept().unwrap();
            // A reader that leaves early is the test's business.
            let _ = connection.write_all(&std::fs::read(file).unwrap());
        }
    };
    (url, std::thread::spawn(serve))
}

fn live(url: &str, output: &Path, options: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framecast"));
    command.args(["live", "--kernels", "cpu", "--json", "--upscale", "1", "--codec", "ffv1"]);
    command.args(["--max-latency", "2s", "-i", url]).args(options.split_whitespace()).arg("-o").arg(output);
    command.stdin(Stdio::null());
    command
}

/// Interrupts a run that opens its source again and again, once the last of what is `served` was shown; what it told.
fn interrupted(run: &mut Command, served: JoinHandle<()>) -> String {
    let child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    served.join().unwrap();
    // Two seconds of it are to be shown.
    std::thread::sleep(Duration::from_secs(4));
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let result = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&result.stderr).into_owned();
    assert_eq!(result.status.code(), Some(130), "{stderr}");
    stderr
}

/// Every frame, whatever the rate.
fn frames(path: &Path) -> Vec<Vec<u8>> {
    raw(path).chunks(FRAME).map(<[u8]>::to_vec).collect()
}

#[test]
fn a_stream_that_is_over_before_it_is_known_is_shown() {
    let source = clip(
        "short-stream.ts",
        &format!("-f lavfi -i testsrc2=s={WIDTH}x{HEIGHT}:r=25:d=1 -c:v mpeg2video -q:v 2 -bf 0 -f mpegts"),
    );
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    let (url, served) = server(vec![source.clone()]);
    let result = outcome(&mut live(&url, &output, "--reconnect off"));
    served.join().unwrap();
    assert_all_shown(&source, &output, &result);
    let mut piped = live("-", &output, "-y");
    let mut piped =
        piped.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    piped.stdin.take().unwrap().write_all(&std::fs::read(&source).unwrap()).unwrap();
    let ended = piped.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_all_shown(&source, &output, &Outcome { code: ended.status.code(), stdout: ended.stdout, stderr });
}

/// All frames have come, and most of them were shown, the first and the last among them.
fn assert_all_shown(source: &Path, output: &Path, result: &Outcome) {
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    let summary = result.summary();
    assert_eq!(summary["frames_in"], 25, "{summary}");
    let (truth, shown) = (frames(source), frames(output));
    let found = truth.iter().filter(|frame| shown.contains(frame)).count();
    assert!(found >= 13, "{found} of {} frames are shown; {summary}", truth.len());
    assert!(shown.contains(&truth[0]) && shown.contains(&truth[24]), "the first and the last");
}

/// When each packet of sound begins, in seconds, and a hash of it.
fn sound(path: &Path) -> Vec<(f64, String)> {
    let mut hashed = support::ffmpeg();
    hashed.arg("-copyts").arg("-i").arg(path).args(["-map", "0:a", "-c", "copy", "-f", "framemd5", "-"]);
    let text = String::from_utf8(hashed.output().unwrap().stdout).unwrap();
    let base = text.lines().find_map(|line| line.strip_prefix("#tb 0: ")).unwrap();
    let (num, den) = support::fraction(base);
    let packet = |line: &str| {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        (fields[2].parse::<f64>().unwrap() * num as f64 / den as f64, fields[5].to_owned())
    };
    text.lines().filter(|line| !line.starts_with('#')).map(packet).collect()
}

/// When each picture is first shown, in seconds, and the picture.
fn pictures(path: &Path) -> Vec<(f64, Vec<u8>)> {
    let times = frame_times(path, "v:0").into_iter().map(|(num, den)| num as f64 / den as f64);
    let mut pictures: Vec<_> = times.zip(frames(path)).collect();
    pictures.dedup_by(|next, before| next.1 == before.1);
    pictures
}

/// How much later what is in `source` comes in `output`; of each thing that is in both.
fn offsets<T: PartialEq>(source: &[(f64, T)], output: &[(f64, T)]) -> Vec<f64> {
    let found = |(time, thing): &(f64, T)| Some(output.iter().find(|(_, other)| other == thing)?.0 - time);
    source.iter().filter_map(found).collect()
}

/// Two seconds of pictures and sound whose time stamps start at `begin` seconds.
fn stream(name: &str, pattern: &str, tone: u32, begin: &str) -> PathBuf {
    let options = format!(
        "-f lavfi -i {pattern}=s={WIDTH}x{HEIGHT}:r=25:d=2 -f lavfi -i sine=f={tone}:d=2 -c:v mpeg2video -q:v 2 \
         -bf 0 -c:a mp2 -output_ts_offset {begin} -muxpreload 0 -muxdelay 0 -f mpegts"
    );
    clip(name, &options)
}

/// What came of `source` has sound and a good part of its pictures less than a tolerance, in seconds, apart.
fn assert_together(
    source: &Path,
    heard: &[(f64, String)],
    seen: &[(f64, Vec<u8>)],
    (tolerance, case): (f64, &str),
) {
    let (heard, seen) = (offsets(&sound(source), heard), offsets(&pictures(source), seen));
    assert!(heard.len() > 60 && seen.len() > 10, "{case}: {} {}", heard.len(), seen.len());
    // Pictures lie on a grid of 40 ms, and on a busy machine many come late.
    let late = |seen: &f64| heard.iter().map(|heard| (heard - seen).abs()).fold(0.0, f64::max);
    let together = seen.iter().filter(|seen| late(seen) < tolerance).count();
    assert!(4 * together > seen.len(), "{case}: {together}; {heard:?} {seen:?}");
}

/// As when a stream is joined between two key frames.
#[test]
fn sound_long_before_the_first_picture_is_left_out() {
    let options = format!(
        "-f lavfi -i sine=d=3 -itsoffset 1 -f lavfi -i testsrc2=s={WIDTH}x{HEIGHT}:r=25:d=2 -map 0 -map 1 -c:v mpeg2video \
         -q:v 2 -bf 0 -c:a mp2 -output_ts_offset 5 -muxpreload 0 -muxdelay 0 -f mpegts"
    );
    let source = clip("sound-first.ts", &options);
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    let (url, served) = server(vec![source.clone()]);
    let result = outcome(&mut live(&url, &output, "--reconnect off"));
    served.join().unwrap();
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    let (heard, seen) = (sound(&output), pictures(&output));
    assert!((seen[0].0 - heard[0].0).abs() < 0.15, "{} {}", heard[0].0, seen[0].0);
    let (heard, seen) = (offsets(&sound(&source), &heard), offsets(&pictures(&source), &seen));
    assert!(heard.len() > 60 && (heard[0] - seen[0]).abs() < 0.05, "{heard:?} {seen:?}");
}

/// A restarted encoder behind the same port, or a clock that wraps.
#[test]
fn jumps_in_the_middle_of_a_stream_leave_sound_and_pictures_together() {
    let first = stream("jump-before.ts", "testsrc2", 440, "10");
    // An hour on, a few seconds on, back, and nearly at the wrap of 33 bits.
    for (index, begin) in ["3610", "17", "3", "95441"].into_iter().enumerate() {
        let second = stream(&format!("jump-after-{index}.ts"), "testsrc", 880, begin);
        let folder = scratch();
        let output = folder.path().join("out.mkv");
        let (url, served) = paced_server(vec![first.clone(), second.clone()], Duration::from_secs(2));
        let result = outcome(&mut live(&url, &output, "--reconnect off"));
        served.join().unwrap();
        assert_eq!(result.code, Some(0), "{}", result.stderr);
        let (heard, seen) = (sound(&output), pictures(&output));
        for source in [&first, &second] {
            assert_together(source, &heard, &seen, (0.08, begin));
        }
        let rises = heard.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[1].0 - pair[0].0 < 0.5);
        assert!(rises && heard.last().unwrap().0 < 6.0 && seen.last().unwrap().0 < 6.0, "{begin}: {heard:?}");
    }
}

/// Gives one connection all of the files, each in this time, and closes it.
fn paced_server(files: Vec<PathBuf>, time: Duration) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let serve = move || {
        let (mut connection, _) = listener.accept().unwrap();
        for file in files {
            let bytes = std::fs::read(file).unwrap();
            let (pieces, began) = (100, Instant::now());
            let size = bytes.len().div_ceil(pieces);
            for (piece, number) in bytes.chunks(size).zip(1..) {
                let _ = connection.write_all(piece);
                let due = time * number / pieces as u32;
                std::thread::sleep(due.saturating_sub(began.elapsed()));
            }
        }
    };
    (url, std::thread::spawn(serve))
}

/// The second connection's time stamps go on less than a second from where the clock says, or elsewhere.
#[test]
fn after_a_reconnection_sound_and_pictures_go_on_together() {
    let first = stream("before.ts", "testsrc2", 440, "10");
    for (index, begin) in ["11.5", "12.9", "0"].into_iter().enumerate() {
        let second = stream(&format!("after-{index}.ts"), "testsrc", 880, begin);
        let folder = scratch();
        let output = folder.path().join("out.mkv");
        let (url, served) = server(vec![first.clone(), second.clone()]);
        interrupted(&mut live(&url, &output, ""), served);

        let rises = |times: Vec<f64>| times.windows(2).all(|pair| pair[0] < pair[1]);
        let (heard, seen) = (sound(&output), pictures(&output));
        assert!(rises(heard.iter().map(|(time, _)| *time).collect()), "{begin}: {heard:?}");
        assert!(rises(seen.iter().map(|(time, _)| *time).collect()), "{begin}");
        for source in [&first, &second] {
            assert_together(source, &heard, &seen, (0.05, begin));
        }
    }
}

/// A film on a server is not a stream that is lost when it is over.
#[test]
fn a_film_from_a_server_ends() {
    let film = clip("served.mkv", &format!("-f lavfi -i testsrc2=s={WIDTH}x{HEIGHT}:r=25:d=2 -c:v ffv1"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/served.mkv", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let bytes = std::fs::read(film).unwrap();
        for connection in listener.incoming() {
            let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len());
            let mut connection = connection.unwrap();
            // Closed with a part of the request unread, it would be reset, and what was sent lost.
            let asked = BufReader::new(connection.try_clone().unwrap()).lines();
            asked.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
            let _ = connection.write_all(&[head.as_bytes(), &bytes].concat());
        }
    });
    let folder = scratch();
    let mut child = live(&url, &folder.path().join("out.mkv"), "")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let ended = child.wait_with_output().unwrap();
    let result = Outcome { code: ended.status.code(), stdout: ended.stdout, stderr: String::new() };
    assert_eq!(result.code, Some(0));
    let summary = result.summary();
    assert_eq!((&summary["frames_in"], &summary["reconnects"]), (&50.into(), &0.into()), "{summary}");
}

/// Their order may have changed; another codec's packets would damage the recording.
#[test]
fn a_source_that_comes_back_goes_on_with_the_streams_that_it_had() {
    let stream = |name: &str, tone: u32, streams: &str| {
        let options = format!(
            "-f lavfi -i testsrc2=s={WIDTH}x{HEIGHT}:r=25:d=2 -f lavfi -i sine=f={tone}:d=2 {streams} -c:v mpeg2video -q:v 2 \
             -bf 0 -output_ts_offset 10 -muxpreload 0 -muxdelay 0 -f mpegts"
        );
        clip(name, &options)
    };
    let first = stream("as-it-was.ts", 440, "-map 0 -map 1 -c:a mp2");
    let turned = stream("turned.ts", 880, "-map 1 -map 0 -c:a mp2");
    let other = stream("other-codec.ts", 660, "-map 0 -map 1 -c:a aac");
    let folder = scratch();
    for (second, all) in [(turned, true), (other, false)] {
        let output = folder.path().join("out.mkv");
        let (url, served) = server(vec![first.clone(), second.clone()]);
        let stderr = interrupted(&mut live(&url, &output, "-y"), served);
        let heard = sound(&output);
        let [before, after] = [&first, &second].map(|source| offsets(&sound(source), &heard).len());
        assert!(before > 60 && (if all { after > 60 } else { after == 0 }), "{before} {after}: {stderr}");
        assert_eq!(stderr.contains("a stream of aac that it did not have before"), !all, "{stderr}");
    }
}
