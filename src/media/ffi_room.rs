//! Room on a disk, and the limit on the size of files.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::AsRawFd;

/// Sets room aside for the file's bytes from `begin` to `end`; its size stays.
///
/// # Errors
/// What the system says; where the file system cannot do that at all, too.
pub(super) fn set_aside(file: &File, begin: u64, end: u64) -> Result<()> {
    let offset = libc::off_t::try_from(begin).map_err(Error::other)?;
    let length = libc::off_t::try_from(end.saturating_sub(begin)).map_err(Error::other)?;
    // SAFETY: the descriptor is open as long as the file lives.
    let code = unsafe { libc::fallocate(file.as_raw_fd(), libc::FALLOC_FL_KEEP_SIZE, offset, length) };
    if code == 0 { Ok(()) } else { Err(Error::last_os_error()) }
}

/// The largest size that a file of this process may have, if there is a limit.
pub(super) fn size_limit() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call fills the structure in.
    let is_known = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) } == 0;
    (is_known && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}
