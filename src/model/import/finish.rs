//! From a finished graph to a network that takes a picture and gives a larger one: borders, scale, tiling facts.

use super::extent::{Axis, Extent, Scope};
use super::graph::{GraphBuilder, PICTURE, Resampling};
use super::{Imported, Purpose};
use crate::frame::TensorColor;
use crate::model::onnx::{GraphProto, ModelProto, ValueInfoProto};
use prost::Message;

const INPUT: &str = "input";
const OUTPUT: &str = "output";
/// Sides must be multiples of one of these, or the network is refused.
const MULTIPLES: [usize; 12] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
/// Smallest side that is tried.
const SMALLEST: usize = 128;
/// Number of sizes that are tried for a multiple.
const TRIES: usize = 8;

/// What a network's output is, besides what its graph says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Meaning {
    pub(super) purpose: Purpose,
    /// The output is added to the enlarged picture if the scale is this and borders are taken off.
    pub(super) residual_scale: Option<usize>,
    pub(super) architecture: &'static str,
}

/// Names, checks and writes the network whose result is `output`.
pub(super) fn finish(mut graph: GraphBuilder, output: &str, meaning: Meaning) -> Result<Imported, String> {
    if graph.nodes.is_empty() {
        return Err("it has no layers".into());
    }
    let (scale, border) = scale_and_border(&graph, output)?;
    let mut output = output.to_owned();
    if border > 0 {
        surround(&mut graph, border)?;
    }
    if border > 0 && meaning.residual_scale == Some(scale) {
        output = add_picture(&mut graph, &output, scale)?;
    }
    let multiple = multiple(&graph, &output, scale)?;
    let extent = *graph.scope.extents.get(&output).ok_or("the output is not made by any layer")?;
    let colour = match channels(&graph.scope)? {
        1 => TensorColor::Luma,
        3 => TensorColor::Rgb,
        other => return Err(format!("it takes {other} channels, expected 1 (luma) or 3 (RGB)")),
    };
    if meaning.purpose == Purpose::Picture && extent.channels != channels(&graph.scope)? {
        return Err(format!("it gives {} channels, expected as many as it takes", extent.channels));
    }
    let margin = reach(extent.rows, scale).max(reach(extent.columns, scale)).next_multiple_of(multiple);
    let parameters = graph.parameters;
    Ok(Imported {
        purpose: meaning.purpose,
        architecture: meaning.architecture,
        scale,
        colour,
        range: 1.0,
        inputs: vec![INPUT.into()],
        outputs: vec![OUTPUT.into()],
        receptive_margin: margin,
        global: extent.global,
        multiple,
        border,
        parameters,
        gflop_per_megapixel: operations(&graph) / 1e3,
        network: encode(graph, &output, &extent)?,
    })
}

/// Names and writes the motion network whose field, of 8 channels, is `output`; sides must be multiples of `multiple` cells.
pub(super) fn finish_motion(
    graph: GraphBuilder,
    output: &str,
    shrink: usize,
    multiple: usize,
    architecture: &'static str,
) -> Result<Imported, String> {
    let extent = *graph.scope.extents.get(output).ok_or("the output is not made by any layer")?;
    let operations_per_sample = operations(&graph) / (shrink * shrink) as f64;
    Ok(Imported {
        purpose: Purpose::Motion { shrink },
        architecture,
        scale: 1,
        colour: TensorColor::Luma,
        range: 1.0,
        inputs: vec![INPUT.into()],
        outputs: vec![OUTPUT.into()],
        receptive_margin: 0,
        global: false,
        multiple,
        border: 0,
        parameters: graph.parameters,
        gflop_per_megapixel: operations_per_sample / 1e3,
        network: encode(graph, output, &extent)?,
    })
}

/// Additions and multiplications per pixel of the picture.
fn operations(graph: &GraphBuilder) -> f64 {
    let of_node = |node| Some(graph.scope.operations(node, graph.scope.extents.get(node.output.first()?)?));
    graph.nodes.iter().filter_map(of_node).sum()
}

/// The scale, and how many pixels of the input its valid convolutions take off on each side.
fn scale_and_border(graph: &GraphBuilder, output: &str) -> Result<(usize, usize), String> {
    let input = graph.scope.extents.get(PICTURE).ok_or("it takes no picture")?;
    let given = graph.scope.extents.get(output).ok_or("the output is not made by any layer")?;
    let scale = (1.0 / given.rows.step).round();
    let even = (given.rows.step * scale - 1.0).abs() < 1e-9;
    if !even || !(1.0..=8.0).contains(&scale) || (given.rows.step - given.columns.step).abs() > 1e-9 {
        return Err(format!(
            "it enlarges by {:.3} x {:.3}, expected a whole number from 1 to 8",
            1.0 / given.columns.step,
            1.0 / given.rows.step
        ));
    }
    let scale = scale as usize;
    let missing = |input: Axis, given: Axis| (input.length * scale).checked_sub(given.length);
    let lost =
        missing(input.rows, given.rows).filter(|&lost| missing(input.columns, given.columns) == Some(lost));
    match lost {
        Some(lost) if lost.is_multiple_of(2 * scale) => Ok((scale, lost / (2 * scale))),
        _ => Err(format!(
            "from {} x {} pixels it makes {} x {}, which is no multiple with equal borders",
            input.columns.length, input.rows.length, given.columns.length, given.rows.length
        )),
    }
}

/// Repeats the picture's border in front of the network, so that nothing is lost.
fn surround(graph: &mut GraphBuilder, border: usize) -> Result<(), String> {
    let padded = graph.repeat_border(PICTURE, border)?;
    let Some(pad) = graph.nodes.pop() else { return Err("the border is missing".into()) };
    for name in graph.nodes.iter_mut().flat_map(|node| &mut node.input) {
        if name == PICTURE {
            name.clone_from(&padded);
        }
    }
    graph.nodes.insert(0, pad);
    let picture = graph.scope.extents.get(PICTURE).copied().ok_or("it takes no picture")?;
    graph.scope = evaluate(graph, picture)?;
    Ok(())
}

fn add_picture(graph: &mut GraphBuilder, output: &str, scale: usize) -> Result<String, String> {
    let base = graph.resize(PICTURE, [scale as f32; 2], Resampling::Nearest)?;
    graph.node("Add", &[output, &base], vec![])
}

/// The smallest number that sides must be multiples of, so that the output is `scale` times as large as the input.
fn multiple(graph: &GraphBuilder, output: &str, scale: usize) -> Result<usize, String> {
    let channels = channels(&graph.scope)?;
    let fits = |height: usize, width: usize| {
        let scope = evaluate(graph, Extent::picture(channels, height, width)).ok()?;
        let given = scope.extents.get(output)?;
        (given.rows.length == height * scale && given.columns.length == width * scale).then_some(())
    };
    let works = |&multiple: &usize| {
        let first = SMALLEST.div_ceil(multiple);
        (first..first + TRIES).all(|factor| fits(factor * multiple, (factor + 1) * multiple).is_some())
    };
    MULTIPLES.into_iter().find(works).ok_or_else(|| "no size of picture up to multiples of 64 fits it".into())
}

/// Every tensor's extent for a picture of another size.
fn evaluate(graph: &GraphBuilder, picture: Extent) -> Result<Scope, String> {
    let mut scope = Scope { constants: graph.scope.constants.clone(), ..Scope::default() };
    scope.extents.insert(PICTURE.into(), picture);
    for node in &graph.nodes {
        let extent = scope.infer(node)?;
        scope.extents.extend(node.output.first().map(|name| (name.clone(), extent)));
    }
    Ok(scope)
}

fn channels(scope: &Scope) -> Result<usize, String> {
    Ok(scope.extents.get(PICTURE).ok_or("it takes no picture")?.channels)
}

/// Pixels of the input beyond its own that an output pixel depends on, on the worse side.
fn reach(axis: Axis, scale: usize) -> usize {
    // Output pixel i lies in input pixel floor(i / scale): up to (scale - 1) / scale pixels before i / scale.
    let after = axis.last + (1.0 - 1.0 / scale as f64);
    (-axis.first).max(after).max(0.0).ceil() as usize
}

fn encode(mut graph: GraphBuilder, output: &str, extent: &Extent) -> Result<Vec<u8>, String> {
    let taken = channels(&graph.scope)?;
    for node in &mut graph.nodes {
        for (from, to) in [(PICTURE, INPUT), (output, OUTPUT)] {
            for name in node.input.iter_mut().chain(&mut node.output).filter(|name| *name == from) {
                *name = to.into();
            }
        }
    }
    let input = ValueInfoProto::floats(INPUT, &[Ok(1), Ok(taken), Err("height"), Err("width")]);
    let dims = [Ok(1), Ok(extent.channels), Err("out_height"), Err("out_width")];
    let output = ValueInfoProto::floats(OUTPUT, &dims);
    let graph = GraphProto {
        node: graph.nodes,
        name: Some("imported".into()),
        initializer: graph.initializers,
        input: vec![input],
        output: vec![output],
        ..GraphProto::default()
    };
    Ok(ModelProto::new(graph).encode_to_vec())
}
