//! What really ran a network: the provider of every node.

use super::append::Placement;
use super::ffi_assignment::nodes;
use super::{Precision, Provider};
use std::collections::BTreeMap;
use std::fmt;

/// Where the nodes of a network run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkReport {
    /// The model's name.
    pub model: String,
    /// The provider that it was given to.
    pub provider: Provider,
    /// Index of the device among the provider's; `None` for its own choice.
    pub index: Option<u32>,
    /// Precision of products; [`Precision::Fp32`] is also that of integer networks' scales.
    pub precision: Precision,
    /// Nodes that run on that provider.
    pub nodes: usize,
    /// All nodes.
    pub nodes_total: usize,
    /// Operators of the nodes that run elsewhere: provider, operator, and how many nodes.
    pub elsewhere: Vec<(String, String, usize)>,
    /// What happened on the way to this provider, for the user; empty if nothing did.
    pub notes: Vec<String>,
}

impl NetworkReport {
    /// Asks a session.
    pub(super) fn of(session: &ort::session::Session, model: &str, placement: Placement) -> Self {
        let nodes = nodes(session);
        let mut elsewhere = BTreeMap::<(String, String), usize>::new();
        for (provider, operator) in &nodes {
            if Provider::of_runtime_name(provider) != Some(placement.provider) {
                *elsewhere.entry((provider.clone(), operator.clone())).or_default() += 1;
            }
        }
        let others: usize = elsewhere.values().sum();
        Self {
            model: model.into(),
            provider: placement.provider,
            index: placement.index,
            precision: placement.precision,
            nodes: nodes.len() - others,
            nodes_total: nodes.len(),
            elsewhere: elsewhere
                .into_iter()
                .map(|((provider, operator), count)| (provider, operator, count))
                .collect(),
            notes: Vec::new(),
        }
    }

    /// True if all nodes run on the provider.
    pub const fn is_complete(&self) -> bool {
        self.nodes == self.nodes_total
    }

    /// True if it is known that none runs on the provider: it has fallen back in silence.
    pub(in crate::model) const fn runs_nothing(&self) -> bool {
        self.nodes == 0 && self.nodes_total > 0
    }

    /// What is wrong then.
    pub(in crate::model) fn nothing_text(&self) -> String {
        format!("{} runs none of the {} nodes of {}", self.provider, self.nodes_total, self.model)
    }

    /// The nodes that run elsewhere, for people: "2 Shape on cpu".
    pub fn elsewhere_text(&self) -> String {
        let part = |(provider, operator, count): &(String, String, usize)| {
            let known = Provider::of_runtime_name(provider);
            let name = known.map_or(provider.as_str(), |provider| provider.name());
            format!("{count} {operator} on {name}")
        };
        self.elsewhere.iter().map(part).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for NetworkReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.provider)?;
        if let Some(index) = self.index {
            write!(f, ":{index}")?;
        }
        write!(f, " {}, {} of {} nodes", self.precision, self.nodes, self.nodes_total)?;
        if !self.is_complete() {
            write!(f, " (elsewhere: {})", self.elsewhere_text())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_elsewhere_are_named() {
        let report = NetworkReport {
            model: "live-x2".into(),
            provider: Provider::Cuda,
            index: Some(1),
            precision: Precision::Fp32,
            nodes: 90,
            nodes_total: 92,
            elsewhere: vec![("CPUExecutionProvider".into(), "Shape".into(), 2)],
            notes: Vec::new(),
        };
        assert_eq!(report.to_string(), "cuda:1 fp32, 90 of 92 nodes (elsewhere: 2 Shape on cpu)");
        assert!(!report.is_complete());
        let whole = NetworkReport { nodes: 92, elsewhere: Vec::new(), index: None, ..report };
        assert_eq!(whole.to_string(), "cuda fp32, 92 of 92 nodes");
    }
}
