//! How frames come to the networks of a run.

/// What networks have to do at a time, which says how they share the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    /// Many frames, several of them at a time: a worker of one thread for each core, which wastes no time in barriers.
    Stream,
    /// Each frame alone, as soon as it can be: one worker with all threads.
    Live,
    /// A single picture: one worker with all threads, to which no frame comes after it.
    Picture,
}

impl Workload {
    /// Whether a second worker would have nothing to do.
    pub(super) const fn is_one_at_a_time(self) -> bool {
        matches!(self, Self::Live | Self::Picture)
    }
}
