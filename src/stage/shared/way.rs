//! How kernels and a network go about the tensors that they share.

use crate::frame::MemoryPlace;
use crate::model::RUNS_UNTIL_REPLAY;

/// How kernels and network go about shared tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// They take turns on the device, by semaphores; else each has finished on the processor before the other looks.
    pub(super) semaphores: bool,
    /// The network's runs are replayed as a CUDA graph.
    pub(super) graph: bool,
}

impl Way {
    /// All that there may be, the best first.
    const ALL: [Self; 4] = [
        Self { semaphores: true, graph: true },
        Self { semaphores: true, graph: false },
        Self { semaphores: false, graph: true },
        Self { semaphores: false, graph: false },
    ];

    /// Those of a session that takes turns, and whose runs can be replayed.
    pub(super) fn of(takes_turns: bool, replays: bool) -> impl Iterator<Item = Self> {
        let is_there = move |way: &Self| (takes_turns || !way.semaphores) && (replays || !way.graph);
        Self::ALL.into_iter().filter(is_there)
    }

    /// What is tried before it is relied on: what is replayed is captured first.
    pub(super) const fn trials(self) -> usize {
        if self.graph { RUNS_UNTIL_REPLAY + 1 } else { 1 }
    }

    /// What the user is told of tensors in `place`, and why of no better way.
    pub(super) fn note(self, place: MemoryPlace, problems: &[String]) -> String {
        let note = format!("tensors: shared with the network in {place}{self}");
        if problems.is_empty() { note } else { format!("{note} (nothing better: {})", problems.join("; ")) }
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let semaphores = if self.semaphores { ", ordered by semaphores" } else { "" };
        let graph = if self.graph { ", replayed as a CUDA graph" } else { "" };
        write!(f, "{semaphores}{graph}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(takes_turns: bool, replays: bool) -> Vec<String> {
        Way::of(takes_turns, replays).map(|way| way.to_string()).collect()
    }

    #[test]
    fn ways_are_tried_from_the_best_to_the_plainest() {
        let [semaphores, graph] = [", ordered by semaphores", ", replayed as a CUDA graph"];
        let both = format!("{semaphores}{graph}");
        assert_eq!(names(true, true), [both.as_str(), semaphores, graph, ""]);
        assert_eq!(names(true, false), [semaphores, ""]);
        assert_eq!(names(false, true), [graph, ""]);
        assert_eq!(names(false, false), [""]);
    }

    #[test]
    fn a_graph_is_tried_until_it_is_replayed() {
        let trials: Vec<_> = Way::ALL.into_iter().map(Way::trials).collect();
        assert_eq!(trials, [4, 1, 4, 1]);
    }

    #[test]
    fn the_user_is_told_which_way_is_taken_and_why() {
        let [best, .., plainest] = Way::ALL;
        assert_eq!(
            best.note(MemoryPlace::Cuda(1), &[]),
            "tensors: shared with the network in CUDA device 1, ordered by semaphores, replayed as a CUDA graph"
        );
        assert_eq!(
            plainest.note(MemoryPlace::Cuda(0), &["a".into(), "b".into()]),
            "tensors: shared with the network in CUDA device 0 (nothing better: a; b)"
        );
    }
}
