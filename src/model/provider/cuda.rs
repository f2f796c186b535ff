//! CUDA's provider: its options, and what is asked of it first, for which there is not always a session.

use super::append::{Placement, SessionPlan};
use super::ffi_stream::run_on;
use super::{Precision, Provider};
use ort::ep::{self, ArbitrarilyConfigurableExecutionProvider, ExecutionProviderDispatch};

/// What a session can do beside computing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::model) struct Extras {
    /// It runs on the stream of the plan, so that its work can be ordered on the device.
    pub(in crate::model) stream: bool,
    /// Its runs can be captured as CUDA graphs.
    pub(in crate::model) graphs: bool,
}

/// The ways to make a session of `plan`, the best first: ONNX Runtime refuses graphs where nodes run elsewhere.
pub(super) fn ways(plan: &SessionPlan<'_>, provider: Provider) -> Vec<Extras> {
    // A plan's stream may be none of CUDA's; it is ordered without the provider's help then.
    let stream = plan.stream.is_some();
    let with_graphs = plan.graphs && provider == Provider::Cuda;
    let mut ways = Vec::with_capacity(3);
    ways.extend(with_graphs.then_some(Extras { stream, graphs: true }));
    ways.push(Extras { stream, graphs: false });
    ways.extend((stream && provider == Provider::Cuda).then_some(Extras::default()));
    ways
}

pub(super) fn provider(
    plan: &SessionPlan<'_>,
    placement: Placement,
    extras: Extras,
) -> ExecutionProviderDispatch {
    let options = options(placement, extras);
    let with = |provider: ep::CUDA, (key, value): (&str, u32)| provider.with_arbitrary_config(key, value);
    // Shapes are fixed, so the search for the fastest algorithm pays.
    let searching = ep::CUDA::default().with_arbitrary_config("cudnn_conv_algo_search", "EXHAUSTIVE");
    let provider = options.into_iter().fold(searching, with);
    match plan.stream.filter(|_| extras.stream) {
        Some(stream) => run_on(provider, stream).build(),
        None => provider.build(),
    }
}

fn options(Placement { index, precision, .. }: Placement, extras: Extras) -> Vec<(&'static str, u32)> {
    vec![
        ("device_id", index.unwrap_or_default()),
        ("cudnn_conv_use_max_workspace", 1),
        ("use_tf32", u32::from(precision != Precision::Fp32)),
        ("prefer_nhwc", 1),
        ("enable_cuda_graph", u32::from(extras.graphs)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{ComputeStream, MemoryPlace};

    fn plan(stream: Option<&ComputeStream>, graphs: bool) -> SessionPlan<'_> {
        SessionPlan { model: "a", network: &[], input: ("x", [1; 4]), threads: 1, stream, graphs }
    }

    fn value(options: &[(&str, u32)], key: &str) -> u32 {
        options.iter().find(|(name, _)| *name == key).unwrap().1
    }

    #[test]
    fn a_session_without_graphs_or_a_stream_is_better_than_none() {
        let stream = super::super::ffi_stream::unused();
        let (both, graphs, plain) = (
            Extras { stream: true, graphs: true },
            Extras { stream: false, graphs: true },
            Extras::default(),
        );
        let alone = Extras { stream: true, graphs: false };
        assert_eq!(stream.place(), MemoryPlace::Host);
        assert_eq!(ways(&plan(Some(&stream), true), Provider::Cuda), [both, alone, plain]);
        assert_eq!(ways(&plan(None, true), Provider::Cuda), [graphs, plain]);
        assert_eq!(ways(&plan(Some(&stream), false), Provider::Cuda), [alone, plain]);
        assert_eq!(ways(&plan(None, false), Provider::Cuda), [plain]);
        // Others are asked once, and for no graphs.
        assert_eq!(ways(&plan(None, true), Provider::TensorRt), [plain]);
        assert_eq!(ways(&plan(Some(&stream), true), Provider::Cpu), [alone]);
    }

    #[test]
    fn what_cuda_is_told_follows_from_the_placement() {
        let placement = Placement { provider: Provider::Cuda, index: Some(2), precision: Precision::Tf32 };
        let told = options(placement, Extras::default());
        assert_eq!((value(&told, "device_id"), value(&told, "use_tf32")), (2, 1));
        assert_eq!(value(&told, "enable_cuda_graph"), 0);
        let exact = Placement { index: None, precision: Precision::Fp32, ..placement };
        let told = options(exact, Extras { stream: false, graphs: true });
        assert_eq!((value(&told, "device_id"), value(&told, "use_tf32")), (0, 0));
        assert_eq!(value(&told, "enable_cuda_graph"), 1);
    }
}
