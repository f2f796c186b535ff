//! CUDA graphs of a session's runs on shared tensors: what the provider queued once is queued again as a whole.

use ort::session::RunOptions;

/// Run option by which CUDA's provider tells graphs apart. What it is told nothing of, it captures.
const OPTION: &str = "gpu_graph_id";
/// Its value for runs that are neither captured nor replayed.
const NO_GRAPH: i32 = -1;
/// Graphs of a session, at most: ONNX Runtime keeps each as long as the session.
const MOST: usize = 8;

/// Runs after which a graph is replayed: the provider warms up, captures and replays within the first one or, in other
/// versions, in as many.
pub(crate) const RUNS_UNTIL_REPLAY: usize = 3;

/// What may not change from a graph's capture to its replays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fixed {
    /// Addresses of input and output.
    pub(super) addresses: [usize; 2],
    /// Their shapes.
    pub(super) shapes: [[usize; 3]; 2],
}

/// The graphs of a session.
#[derive(Debug, Default)]
pub(super) struct Graphs {
    /// Whether the provider makes any.
    made: bool,
    /// Whether they compute what the session does.
    usable: bool,
    /// For each graph: what it holds for, and the runs of it.
    runs: Vec<(Fixed, usize)>,
}

/// How a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GraphRun {
    /// What tells its graph from others.
    id: i32,
    /// Whether it may be captured: other threads must not use CUDA then.
    pub(super) may_capture: bool,
}

impl Graphs {
    /// Of a session whose provider makes graphs if `made`, which compute the same as the session if `usable`.
    pub(super) const fn new(made: bool, usable: bool) -> Self {
        Self { made, usable, runs: Vec::new() }
    }

    /// True if runs can be replayed.
    pub(super) const fn are_usable(&self) -> bool {
        self.made && self.usable
    }

    /// How the next run on these goes; `None` if no graph can be made for them.
    pub(super) fn next(&mut self, fixed: Fixed) -> Option<GraphRun> {
        if !self.are_usable() {
            return None;
        }
        let known = self.runs.iter().position(|(known, _)| *known == fixed);
        if known.is_none() && self.runs.len() < MOST {
            self.runs.push((fixed, 0));
        }
        let index = known.unwrap_or(self.runs.len() - 1);
        let (_, runs) = self.runs.get_mut(index).filter(|(known, _)| *known == fixed)?;
        *runs += 1;
        // 0 is ONNX Runtime's own.
        let id = i32::try_from(index + 1).ok()?;
        Some(GraphRun { id, may_capture: *runs <= RUNS_UNTIL_REPLAY })
    }

    /// The options of a run with that graph, or without any.
    pub(super) fn options(&self, graph: Option<GraphRun>) -> ort::Result<RunOptions> {
        let mut options = RunOptions::new()?;
        if let Some(id) = self.id(graph) {
            options.set(OPTION, id.to_string())?;
        }
        Ok(options)
    }

    /// What the provider is told; nothing where it makes no graphs.
    fn id(&self, graph: Option<GraphRun>) -> Option<i32> {
        self.made.then(|| graph.map_or(NO_GRAPH, |graph| graph.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(input: usize) -> Fixed {
        Fixed { addresses: [input, 4096], shapes: [[1, 8, 8], [1, 16, 16]] }
    }

    #[test]
    fn each_pair_of_tensors_has_a_graph_of_its_own_that_is_captured_in_the_first_runs() {
        let mut graphs = Graphs::new(true, true);
        let (one, other) = (fixed(256), Fixed { shapes: [[1, 8, 8], [1, 32, 16]], ..fixed(256) });
        for _ in 0..RUNS_UNTIL_REPLAY {
            assert_eq!(graphs.next(one), Some(GraphRun { id: 1, may_capture: true }));
        }
        assert_eq!(graphs.next(other), Some(GraphRun { id: 2, may_capture: true }));
        assert_eq!(graphs.next(one), Some(GraphRun { id: 1, may_capture: false }));
        assert_eq!(
            graphs.id(graphs.runs.len().try_into().ok().map(|id| GraphRun { id, may_capture: true })),
            Some(2)
        );
    }

    #[test]
    fn there_are_no_more_graphs_than_a_session_may_keep() {
        let mut graphs = Graphs::new(true, true);
        for index in 0..MOST {
            assert!(graphs.next(fixed(index)).is_some());
        }
        assert_eq!(graphs.next(fixed(MOST)), None);
        assert!(graphs.next(fixed(MOST - 1)).is_some_and(|run| run.id == MOST as i32));
    }

    #[test]
    fn runs_without_a_graph_say_so_where_the_provider_makes_graphs() {
        assert_eq!(Graphs::default().id(None), None);
        assert_eq!(Graphs::new(true, true).id(None), Some(-1));
        let mut unusable = Graphs::new(true, false);
        assert_eq!((unusable.next(fixed(0)), unusable.id(None)), (None, Some(-1)));
        assert!(!unusable.are_usable());
        crate::model::Runtime::load(None).unwrap();
        assert!(unusable.options(None).is_ok());
    }
}
