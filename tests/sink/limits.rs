//! Limits of the system, met by a child process so that they bind nothing else.

use crate::support::*;
use framecast::frame::{PixelFormat, Rational};
use framecast::media::OutputOptions;
use std::path::Path;
use std::process::Command;

/// Names the folder in which the child writes.
const FOLDER: &str = "FRAMECAST_TEST_LIMITED_FOLDER";

/// Runs only inside the child that [`a_file_size_limit_is_reported`] starts.
#[test]
#[ignore = "a helper of another test"]
fn write_under_a_limit() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let path = Path::new(&folder).join("out.mkv");
    let input = input(PixelFormat::YUV420P, Rational::new(1, 25), Rational::new(25, 1));
    let mut sink = open(&path, &OutputOptions { ..codec("rawvideo") }, &input);
    let mut result = Ok(());
    for index in 0..40 {
        result = result.and_then(|()| sink.write_frame(&frame(&sink, index, 1, 0)));
    }
    let error = result.and_then(|()| sink.finish().map(|_| ())).unwrap_err();
    assert!(error.to_string().contains("File too large; raise the file size limit"), "{error}");
}

#[test]
#[cfg(unix)]
fn a_file_size_limit_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    // A write beyond the limit raises a signal, which must be ignored to see the error.
    let script = format!(
        "trap '' XFSZ; ulimit -f 64; exec {} --ignored --exact limits::write_under_a_limit",
        program.display()
    );
    let output = Command::new("bash").args(["-c", &script]).env(FOLDER, folder.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
