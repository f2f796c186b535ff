//! Network sources of `framecast live`: what is shown of what they send, and when. All on the loopback.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use support::{clip, outcome, raw, scratch};

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
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    let summary = result.summary();
    assert_eq!(summary["frames_in"], 25, "{summary}");
    let (truth, shown) = (frames(&source), frames(&output));
    let found = truth.iter().filter(|frame| shown.contains(frame)).count();
    assert!(found >= 13, "{found} of {} frames are shown; {summary}", truth.len());
    assert!(shown.contains(&truth[0]) && shown.contains(&truth[24]), "the first and the last");
}
