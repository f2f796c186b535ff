//! Standard input that is read without waiting in it, so that an end or a limit of time is heeded while nothing comes.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::sync::OnceLock;

const PATH: &str = "/proc/self/fd/0";
/// FFmpeg looks for more every millisecond once a pipe is empty, so there should be room for as much as comes meanwhile.
const ROOM: libc::c_int = 1 << 20;

/// FFmpeg's URL of standard input.
pub(super) fn url() -> String {
    static WITHOUT_WAITING: OnceLock<Option<File>> = OnceLock::new();
    match WITHOUT_WAITING.get_or_init(open_pipe) {
        Some(pipe) => format!("pipe:{}", pipe.as_raw_fd()),
        None => "pipe:0".to_owned(),
    }
}

/// The pipe that standard input is, opened once more: the one that we were given is shared with other programs, which a change
/// would surprise. `None` for files and terminals, and where the system cannot do it.
fn open_pipe() -> Option<File> {
    if !std::fs::metadata(PATH).ok()?.file_type().is_fifo() {
        return None;
    }
    let pipe = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(PATH).ok()?;
    // SAFETY: the descriptor is open; the call takes an integer. That there is no more room is no failure.
    unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, ROOM) };
    Some(pipe)
}
