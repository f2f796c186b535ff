//! Room for the end of a recording, set aside while there is some: a full disk still leaves a file that can be played.

#[cfg(target_os = "linux")]
use super::ffi_room;
use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;

/// What encoder and muxer may hold back.
const HELD_BACK: u64 = 8 << 20;
/// What a packet takes in the index at the end.
const INDEXED: u64 = 64;
/// So much more is set aside at a time.
const STEP: u64 = 4 << 20;

/// Room on the disk for what is written next to a file and for its end.
pub(super) struct Room {
    file: File,
    limit: Option<u64>,
    /// Up to which byte there is room.
    aside: u64,
    /// Nothing but the end is written from now on.
    is_ending: bool,
}

impl Room {
    /// For the file at `path`, which exists.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let file = File::options().write(true).open(path).ok()?;
        Some(Self { file, limit: size_limit(), aside: 0, is_ending: false })
    }

    /// Makes sure that the file can be ended after it has been written up to byte `end`, with so many packets in it.
    ///
    /// # Errors
    /// Why it could not: only its end may be written now.
    pub(super) fn keep(&mut self, end: u64, packets: u64) -> Result<()> {
        let needed = end + HELD_BACK + INDEXED * packets;
        if self.is_ending || needed <= self.aside {
            return Ok(());
        }
        let wanted = needed + STEP;
        let is_within = self.limit.is_none_or(|limit| wanted <= limit);
        let kept = if is_within {
            set_aside(&self.file, self.aside, wanted)
        } else {
            Err(ErrorKind::FileTooLarge.into())
        };
        if let Err(error) = kept
            && is_full(&error)
        {
            self.is_ending = true;
            return Err(error);
        }
        // Also where the file system cannot set room aside.
        self.aside = wanted;
        Ok(())
    }

    /// Gives back what the file, now complete, has not taken.
    pub(super) fn release(&self) {
        let released = self.file.metadata().and_then(|metadata| self.file.set_len(metadata.len()));
        if let Err(error) = released {
            tracing::debug!("room that was set aside stays with the file: {error}");
        }
    }
}

fn is_full(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

#[cfg(target_os = "linux")]
fn size_limit() -> Option<u64> {
    ffi_room::size_limit()
}

#[cfg(target_os = "linux")]
fn set_aside(file: &File, begin: u64, end: u64) -> Result<()> {
    ffi_room::set_aside(file, begin, end)
}

#[cfg(not(target_os = "linux"))]
const fn size_limit() -> Option<u64> {
    None
}

#[cfg(not(target_os = "linux"))]
const fn set_aside(_: &File, _: u64, _: u64) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_limit_is_refused_once_and_then_only_the_end_comes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut room = Room::of(file.path()).unwrap();
        room.limit = Some(HELD_BACK + 2 * STEP);
        room.keep(STEP / 2, 1).unwrap();
        assert_eq!(room.keep(2 * STEP, 2).unwrap_err().kind(), ErrorKind::FileTooLarge);
        room.keep(2 * STEP, 3).unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_was_set_aside_is_given_back() {
        use std::os::unix::fs::MetadataExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [1; 5000]).unwrap();
        let mut room = Room::of(file.path()).unwrap();
        room.keep(5000, 1).unwrap();
        room.release();
        let metadata = file.as_file().metadata().unwrap();
        assert_eq!(metadata.len(), 5000);
        assert!(metadata.blocks() * 512 < STEP, "{} blocks", metadata.blocks());
    }
}
