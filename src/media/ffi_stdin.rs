//! Standard input as a byte stream of FFmpeg's, in which nothing waits for long: an end or a limit of time is heeded while nothing
//! comes.
#![allow(unsafe_code)]

use super::Interrupt;
use ffmpeg_next::ffi;
use ffmpeg_next::format::context::StreamIo;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::FileExt;

/// Milliseconds after which a reader that waits asks whether it shall go on.
const SLICE: libc::c_int = 50;
/// Bytes that are read at once, however many are wanted: few enough to lie in the processor's cache until they are copied to their place.
const CHUNK: usize = 1 << 17;
/// Bytes that a pipe should hold, so that whoever writes need not wait for each of our reads.
const ROOM: libc::c_int = 1 << 20;

/// Standard input as FFmpeg reads it.
pub(super) struct StandardInput {
    pub(super) stream: StreamIo,
    /// The first bytes, where they can be looked at without being taken.
    pub(super) head: Vec<u8>,
}

impl StandardInput {
    /// Takes standard input from where it stands; its first `head` bytes are looked at.
    ///
    /// # Errors
    /// What FFmpeg or the system says.
    pub(super) fn open(interrupt: &Interrupt, head: usize) -> Result<Self, ffmpeg_next::Error> {
        let reader = Reader::new(interrupt).map_err(|error| ffmpeg_next::Error::Other {
            errno: error.raw_os_error().unwrap_or(ffmpeg_next::error::EIO),
        })?;
        let head = reader.head(head);
        let mut stream = match reader.is_file {
            true => StreamIo::from_read_seek_with_capacity(reader, CHUNK),
            false => StreamIo::from_read_with_capacity(reader, CHUNK),
        }?;
        restrict(&mut stream);
        Ok(Self { stream, head })
    }
}

/// A playlist may name other inputs, but not files and addresses of this machine's, as with FFmpeg's own protocol for pipes.
fn restrict(stream: &mut StreamIo) {
    // SAFETY: the context is valid; it frees the list, which is a copy of FFmpeg's own allocation, with itself.
    unsafe { (*stream.as_mut_ptr()).protocol_whitelist = ffi::av_strdup(c"crypto,data".as_ptr()) };
}

struct Reader {
    file: File,
    interrupt: Interrupt,
    is_file: bool,
    /// Where the file stood when it was given to us.
    start: u64,
}

impl Reader {
    fn new(interrupt: &Interrupt) -> io::Result<Self> {
        let mut file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let is_file = file.metadata()?.is_file();
        let start = if is_file { file.stream_position()? } else { 0 };
        // SAFETY: the descriptor is open; the call takes an integer. That it is no pipe, or gets no more room, is no failure.
        unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETPIPE_SZ, ROOM) };
        Ok(Self { file, interrupt: interrupt.clone(), is_file, start })
    }

    fn head(&self, length: usize) -> Vec<u8> {
        let mut head = vec![0; length];
        let read = if self.is_file { self.file.read_at(&mut head, self.start).unwrap_or(0) } else { 0 };
        head.truncate(read);
        head
    }

    /// Waits until there is something to read, or the end.
    fn wait(&self) -> io::Result<()> {
        loop {
            if self.interrupt.is_triggered() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let mut polled = libc::pollfd { fd: self.file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: the one descriptor is open, and its structure outlives the call.
            let ready = unsafe { libc::poll(&raw mut polled, 1, SLICE) };
            if ready > 0 {
                return Ok(());
            }
            let error = io::Error::last_os_error();
            if ready < 0 && error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(CHUNK);
        let chunk = buffer.get_mut(..length).unwrap_or_default();
        loop {
            self.wait()?;
            match self.file.read(chunk) {
                // Somebody else who reads from the same pipe was faster.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }
}

impl Seek for Reader {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let target = match target {
            SeekFrom::Start(at) => SeekFrom::Start(self.start.saturating_add(at)),
            relative => relative,
        };
        Ok(self.file.seek(target)?.saturating_sub(self.start))
    }
}
