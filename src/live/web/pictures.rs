//! The newest picture, handed to each viewer when it has taken the one before.

use super::super::ShownContent;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most viewers at a time.
const MOST_VIEWERS: usize = 8;

/// An encoded picture. Two with the same number are the same.
pub(super) struct Jpeg {
    pub(super) number: u64,
    pub(super) bytes: Vec<u8>,
}

/// What is shown at a tick.
pub(super) struct Picture {
    /// Counts ticks while somebody watches, from 1; set when it is published.
    pub(super) number: u64,
    pub(super) content: ShownContent,
    /// From its capture to its hand-over.
    pub(super) latency: Duration,
    pub(super) after: Arc<Jpeg>,
    /// `None` if nobody compared at the time.
    pub(super) before: Option<Arc<Jpeg>>,
}

/// The newest picture and who waits for it.
#[derive(Default)]
pub(super) struct Pictures {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    newest: Option<Arc<Picture>>,
    published: u64,
    watching: usize,
    comparing: usize,
    is_over: bool,
}

/// What a viewer gets.
pub(super) enum Next {
    Picture(Arc<Picture>),
    /// Nothing came for a while.
    Nothing,
    Over,
}

impl Pictures {
    /// How many watch, and how many of them also look at what was before.
    pub(super) fn viewers(&self) -> (usize, usize) {
        let state = self.lock();
        (state.watching, state.comparing)
    }

    /// Replaces the newest picture.
    pub(super) fn publish(&self, picture: Picture) {
        let mut state = self.lock();
        state.published += 1;
        state.newest = Some(Arc::new(Picture { number: state.published, ..picture }));
        self.changed.notify_all();
    }

    /// Nothing will come any more.
    pub(super) fn end(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    /// Lets somebody watch, unless there are too many.
    pub(super) fn join(self: &Arc<Self>, compares: bool) -> Option<Viewer> {
        let mut state = self.lock();
        if state.watching >= MOST_VIEWERS {
            return None;
        }
        state.watching += 1;
        state.comparing += usize::from(compares);
        drop(state);
        Some(Viewer { pictures: Arc::clone(self), compares, seen: 0 })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who watches, until it is dropped.
pub(super) struct Viewer {
    pictures: Arc<Pictures>,
    compares: bool,
    seen: u64,
}

impl Viewer {
    /// Waits for a picture that this viewer has not seen, for at most `patience`; those in between are skipped.
    pub(super) fn next(&mut self, patience: Duration) -> Next {
        let seen = self.seen;
        let state = self.pictures.lock();
        let has_none = |state: &mut State| {
            !state.is_over && state.newest.as_ref().is_none_or(|newest| newest.number <= seen)
        };
        let waited = self.pictures.changed.wait_timeout_while(state, patience, has_none);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match &state.newest {
            _ if state.is_over => Next::Over,
            Some(newest) if newest.number > seen => {
                self.seen = newest.number;
                Next::Picture(Arc::clone(newest))
            }
            _ => Next::Nothing,
        }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let mut state = self.pictures.lock();
        state.watching -= 1;
        state.comparing -= usize::from(self.compares);
        // Whoever comes later would get it first, however old it is.
        if state.watching == 0 {
            state.newest = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        let after = Arc::new(Jpeg { number: 1, bytes: vec![1] });
        Picture { number: 0, content: ShownContent::Real, latency: Duration::ZERO, after, before: None }
    }

    fn number(next: &Next) -> u64 {
        match next {
            Next::Picture(picture) => picture.number,
            Next::Nothing => 0,
            Next::Over => u64::MAX,
        }
    }

    #[test]
    fn viewers_get_the_newest_picture_once_and_nothing_old() {
        let pictures = Arc::new(Pictures::default());
        let mut first = pictures.join(true).unwrap();
        let mut second = pictures.join(false).unwrap();
        assert_eq!(pictures.viewers(), (2, 1));
        pictures.publish(picture());
        assert_eq!(number(&first.next(Duration::ZERO)), 1);
        pictures.publish(picture());
        pictures.publish(picture());
        assert_eq!(number(&first.next(Duration::ZERO)), 3);
        assert_eq!(number(&first.next(Duration::ZERO)), 0);
        assert_eq!(number(&second.next(Duration::ZERO)), 3);
        drop((first, second));
        assert_eq!(pictures.viewers(), (0, 0));
        let mut late = pictures.join(true).unwrap();
        assert_eq!(number(&late.next(Duration::ZERO)), 0);
        pictures.end();
        assert_eq!(number(&late.next(Duration::MAX)), u64::MAX);
    }

    #[test]
    fn only_so_many_watch() {
        let pictures = Arc::new(Pictures::default());
        let viewers: Vec<_> = (0..MOST_VIEWERS).map(|_| pictures.join(false).unwrap()).collect();
        assert!(pictures.join(false).is_none());
        drop(viewers);
        assert!(pictures.join(false).is_some());
    }
}
