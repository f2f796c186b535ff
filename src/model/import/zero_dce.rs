//! Zero-DCE, which estimates the curves that brighten a dark picture.
//!
//! Its seven convolutions give eight numbers in -1..1 per colour, `a`, one for each turn of `x - a * x * (1 - x)`. The
//! turns are not part of the graph: the curves are smooth and can be estimated on a small picture.

use super::finish::{Meaning, finish};
use super::graph::{Convolution, GraphBuilder, PICTURE};
use super::torch::Checkpoint;
use super::{Imported, Purpose};

/// Channels of the inner convolutions.
const WIDTH: usize = 32;
/// Turns of the curve.
const ITERATIONS: usize = 8;

/// Prefixes of the layers' names: the package `neuro-low-light`, and the authors' own program.
const PREFIXES: [&str; 3] = ["dce_net.conv", "conv", "e_conv"];

/// True if the checkpoint looks like this network.
pub(super) fn fits(checkpoint: &Checkpoint<'_>) -> bool {
    prefix(checkpoint).is_some()
}

fn prefix(checkpoint: &Checkpoint<'_>) -> Option<&'static str> {
    let last = |prefix: &&str| checkpoint.shape(&format!("{prefix}7.weight")) == Some(&last_shape());
    PREFIXES.into_iter().find(last)
}

const fn last_shape() -> [usize; 4] {
    [3 * ITERATIONS, 2 * WIDTH, 3, 3]
}

pub(super) fn convert(checkpoint: &Checkpoint<'_>) -> Result<Imported, String> {
    let prefix = prefix(checkpoint).ok_or("it is not Zero-DCE")?;
    let mut graph = GraphBuilder::new(3);
    let convolution = |graph: &mut GraphBuilder, number: usize, input: &str, shape: [usize; 4]| {
        let weights = checkpoint.floats(&format!("{prefix}{number}.weight"), &shape)?;
        let bias = checkpoint.floats(&format!("{prefix}{number}.bias"), &shape[..1])?;
        graph.convolution(input, Convolution::same(shape, weights, bias))
    };
    let layer = |graph: &mut GraphBuilder, number: usize, inputs: &[&str], shape: [usize; 4]| {
        let input = graph.concatenate(inputs)?;
        let result = convolution(graph, number, &input, shape)?;
        graph.node("Relu", &[&result], vec![])
    };
    let inner = [WIDTH, WIDTH, 3, 3];
    let joined = [WIDTH, 2 * WIDTH, 3, 3];
    let first = layer(&mut graph, 1, &[PICTURE], [WIDTH, 3, 3, 3])?;
    let second = layer(&mut graph, 2, &[&first], inner)?;
    let third = layer(&mut graph, 3, &[&second], inner)?;
    let fourth = layer(&mut graph, 4, &[&third], inner)?;
    let fifth = layer(&mut graph, 5, &[&fourth, &third], joined)?;
    let sixth = layer(&mut graph, 6, &[&fifth, &second], joined)?;
    let seventh = graph.concatenate(&[&sixth, &first])?;
    let seventh = convolution(&mut graph, 7, &seventh, last_shape())?;
    let curves = graph.node("Tanh", &[&seventh], vec![])?;
    let purpose = Purpose::Curves { iterations: ITERATIONS };
    finish(graph, &curves, Meaning { purpose, residual_scale: None, architecture: "Zero-DCE" })
}
