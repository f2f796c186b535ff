//! The newest picture on its way to the window.

use crate::error::Error;
use crate::live::{Output, Shown};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use winit::event_loop::EventLoopProxy;

/// What wakes the window's loop.
#[derive(Debug)]
pub(super) enum Wake {
    /// There is a picture where there was none.
    Picture,
    /// No picture will come.
    Finished,
    /// A picture was saved in this file, or why it was not.
    Saved(Result<String, String>),
}

/// Room for one picture.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    newest: Mutex<Option<Shown>>,
    missed: AtomicU64,
}

impl Mailbox {
    /// Leaves a picture, in the place of one that nobody took; true if there was none.
    fn put(&self, shown: Shown) -> bool {
        let missed = self.lock().replace(shown);
        if missed.is_some() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
        missed.is_none()
    }

    /// The newest picture, if it was not taken.
    pub(super) fn take(&self) -> Option<Shown> {
        self.lock().take()
    }

    /// Pictures in whose place came newer ones before they were taken.
    pub(super) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Shown>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands pictures to the [`WindowLoop`](super::WindowLoop) with which it was made. It never waits: a picture that was
/// not drawn when the next one comes is missed. When it is finished or dropped, the window closes.
#[derive(Debug)]
pub struct WindowOutput {
    mailbox: Arc<Mailbox>,
    window: EventLoopProxy<Wake>,
    is_closed: bool,
}

impl WindowOutput {
    pub(super) const fn new(mailbox: Arc<Mailbox>, window: EventLoopProxy<Wake>) -> Self {
        Self { mailbox, window, is_closed: false }
    }
}

impl Output for WindowOutput {
    fn name(&self) -> String {
        "window".to_owned()
    }

    fn show(&mut self, shown: &Shown) -> Result<(), Error> {
        if !self.is_closed && self.mailbox.put(shown.clone()) {
            // That is no failure: closing the window ends the run by its interrupt.
            self.is_closed = self.window.send_event(Wake::Picture).is_err();
        }
        Ok(())
    }

    fn missed(&self) -> u64 {
        self.mailbox.missed()
    }
}

impl Drop for WindowOutput {
    fn drop(&mut self) {
        let _ = self.window.send_event(Wake::Finished);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Frame, FrameInfo, PixelFormat};
    use crate::live::ShownContent;
    use std::time::Duration;

    fn shown(pts: i64) -> Shown {
        let info = FrameInfo { pts, duration: 1, ..FrameInfo::new(4, 4, PixelFormat::YUV420P) };
        let frame = Frame::allocate(info, None);
        Shown {
            source: frame.clone(),
            frame,
            content: ShownContent::Real,
            captured: Duration::ZERO,
            handed_over: Duration::ZERO,
        }
    }

    #[test]
    fn the_newest_picture_is_kept_and_those_before_are_counted() {
        let mailbox = Mailbox::default();
        assert!(mailbox.take().is_none());
        assert!(mailbox.put(shown(1)));
        assert!(!mailbox.put(shown(2)));
        assert!(!mailbox.put(shown(3)));
        assert_eq!(mailbox.take().unwrap().frame.info.pts, 3);
        assert_eq!(mailbox.missed(), 2);
        assert!(mailbox.take().is_none());
        assert!(mailbox.put(shown(4)));
        assert_eq!(mailbox.missed(), 2);
    }
}
