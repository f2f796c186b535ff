//! Anime4K's convolutional networks, as the package `@websr/websr` has them in JSON.
//!
//! Each layer gives four channels to a shader. Layers with the same inputs are one convolution here. Behind every
//! convolution but the last stand both the positive and the negative part of its channels; a convolution with its
//! weights and their negatives, followed by a ReLU, gives them at once. The input is RGB; the result is added to the
//! picture, enlarged bilinearly by the x2 networks. A network with a single result adds it to all three colours.

use super::finish::{Meaning, finish};
use super::graph::{Convolution, GraphBuilder, PICTURE, Resampling};
use super::{Imported, Purpose, SourceFile, file_of};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Channels that a layer of the shaders gives.
const LANES: usize = 4;
/// Numbers in a matrix from four to four channels.
const MATRIX: usize = LANES * LANES;
const IMAGE: &str = "input_image";
const MEANING: Meaning =
    Meaning { purpose: Purpose::Picture, residual_scale: None, architecture: "Anime4K network" };

#[derive(Deserialize)]
struct File {
    layers: BTreeMap<String, Record>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "type")]
    kind: String,
    inputs: Vec<String>,
    output: String,
    #[serde(default)]
    weights: Vec<f32>,
    #[serde(default)]
    bias: Vec<f32>,
}

/// Layers with the same inputs, by name.
type Group<'a> = Vec<(&'a str, &'a Record)>;

/// What a finished group of layers gives: both parts of each channel.
struct Features {
    layers: Vec<String>,
    tensor: String,
}

pub(super) fn convert(files: &[SourceFile]) -> Result<Imported, String> {
    let file = file_of(files, ".json")?;
    let network: File = serde_json::from_slice(&file.bytes)
        .map_err(|error| format!("it is no network of Anime4K as JSON: {error}"))?;
    let results = results(&network)?;
    let mut graph = GraphBuilder::new(3);
    let mut features: Vec<Features> = Vec::new();
    let mut groups = grouped(&network);
    // The file's order is that of an object's keys, which means nothing: a group's turn comes when its inputs are there.
    while !groups.is_empty() {
        let ready = groups.iter().position(|(inputs, _)| gathered(inputs, &features).is_some());
        let Some(ready) = ready else {
            let left: Vec<_> = groups.iter().flat_map(|(_, group)| group).map(|(name, _)| *name).collect();
            return Err(format!("the inputs of {} are made by no layer, or depend on them", left.join(", ")));
        };
        let (inputs, group) = groups.swap_remove(ready);
        let sources = gathered(inputs, &features).unwrap_or_default();
        let names: Vec<String> = group.iter().map(|(name, _)| (*name).to_owned()).collect();
        let last = results.iter().all(|result| names.contains(result));
        let tensor = convolution(&mut graph, &group, &sources, last)?;
        if last {
            let output = add_to_picture(&mut graph, &tensor, results.len(), enlarges(&network))?;
            return finish(graph, &output, MEANING);
        }
        features.push(Features { layers: names, tensor });
    }
    Err("its result is made by no layer".into())
}

/// The layers whose channels are added to the picture.
fn results(network: &File) -> Result<Vec<String>, String> {
    let shuffle = network.layers.values().find(|layer| layer.kind == "pixel_shuffle");
    if let Some(layer) = shuffle {
        return match layer.inputs.len() {
            1 | 3 => Ok(layer.inputs.clone()),
            other => Err(format!("{other} layers make its picture, expected 1 or 3")),
        };
    }
    let last = network.layers.iter().find(|(_, layer)| layer.output == "MAIN");
    last.map(|(name, _)| vec![name.clone()]).ok_or_else(|| "it has no result".into())
}

fn enlarges(network: &File) -> bool {
    network.layers.values().any(|layer| layer.kind == "pixel_shuffle")
}

fn grouped(network: &File) -> Vec<(&[String], Group<'_>)> {
    let mut groups: BTreeMap<&[String], Group<'_>> = BTreeMap::new();
    for (name, record) in network.layers.iter().filter(|(_, record)| record.kind == "conv") {
        groups.entry(&record.inputs).or_default().push((name, record));
    }
    groups.into_iter().collect()
}

/// The tensors that `inputs` name, whole groups each; none for the picture itself. `None` while one is missing.
fn gathered<'a>(inputs: &[String], features: &'a [Features]) -> Option<Vec<&'a Features>> {
    let mut rest: Vec<&String> = inputs.iter().filter(|input| *input != IMAGE).collect();
    let mut sources = Vec::new();
    while let Some(first) = rest.first() {
        let source = features.iter().find(|source| source.layers.first() == Some(first))?;
        let whole =
            source.layers.len() <= rest.len() && source.layers.iter().zip(&rest).all(|(a, b)| a == *b);
        if !whole {
            return None;
        }
        rest.drain(..source.layers.len());
        sources.push(source);
    }
    Some(sources)
}

/// One convolution for a group; all but the last are doubled and rectified.
fn convolution(
    graph: &mut GraphBuilder,
    group: &Group<'_>,
    sources: &[&Features],
    last: bool,
) -> Result<String, String> {
    // Blocks of four channels that the shaders multiply with: positive and negative parts of each input layer.
    let blocks = match sources.iter().map(|source| 2 * source.layers.len()).sum() {
        0 => 1,
        blocks => blocks,
    };
    let (mut weights, mut bias, mut side) = (Vec::new(), Vec::new(), 0);
    for (name, record) in group {
        side = match record.weights.len().checked_div(blocks * MATRIX) {
            Some(1) => 1,
            Some(9) => 3,
            _ => 0,
        };
        if side == 0 || record.weights.len() != side * side * blocks * MATRIX || record.bias.len() != LANES {
            return Err(format!(
                "layer {name} has {} weights and {} biases, expected {} or {} and {LANES}",
                record.weights.len(),
                record.bias.len(),
                blocks * MATRIX,
                9 * blocks * MATRIX,
            ));
        }
        weights.extend(filters(&record.weights, blocks, side));
        bias.extend(&record.bias);
    }
    let mut inputs = blocks * LANES;
    if sources.is_empty() {
        weights = colours_only(&weights, side * side)?;
        inputs = 3;
    }
    if sources.len() > 1 && side > 1 {
        return Err("a layer with a kernel of 3 x 3 takes several layers' results".into());
    }
    if !last {
        weights = with_negatives(&weights);
        bias = with_negatives(&bias);
    }
    let tensors: Vec<&str> = sources.iter().map(|source| source.tensor.as_str()).collect();
    let input = if tensors.is_empty() { PICTURE.to_owned() } else { graph.concatenate(&tensors)? };
    let convolution = Convolution::same([bias.len(), inputs, side, side], weights, bias);
    let result = graph.convolution(&input, convolution)?;
    if last { Ok(result) } else { graph.node("Relu", &[&result], vec![]) }
}

/// From the shaders' order (block, column, row, input, output) to (output, block and input, row, column).
fn filters(weights: &[f32], blocks: usize, side: usize) -> Vec<f32> {
    let mut sorted = Vec::with_capacity(weights.len());
    for output in 0..LANES {
        for input in 0..blocks * LANES {
            for row in 0..side {
                for column in 0..side {
                    let tap = column * side + row;
                    let matrix = input / LANES * side * side + tap;
                    let place = matrix * MATRIX + input % LANES * LANES + output;
                    sorted.extend(weights.get(place));
                }
            }
        }
    }
    sorted
}

/// Leaves out the fourth channel of the shaders' picture, opacity, which no network looks at.
fn colours_only(weights: &[f32], area: usize) -> Result<Vec<f32>, String> {
    let mut kept = Vec::with_capacity(weights.len());
    for filter in weights.chunks_exact(LANES * area) {
        let (colours, opacity) = filter.split_at(3 * area);
        if opacity.iter().any(|&weight| weight != 0.0) {
            return Err("it looks at the picture's opacity, which is not supported".into());
        }
        kept.extend(colours);
    }
    Ok(kept)
}

fn with_negatives(values: &[f32]) -> Vec<f32> {
    values.iter().copied().chain(values.iter().map(|value| -value)).collect()
}

/// Adds what the last convolution gives to the picture.
fn add_to_picture(
    graph: &mut GraphBuilder,
    result: &str,
    layers: usize,
    enlarges: bool,
) -> Result<String, String> {
    if !enlarges {
        let colours = graph.slice(result, &[0], &[3], &[1])?;
        return graph.node("Add", &[PICTURE, &colours], vec![]);
    }
    if layers * LANES != graph.scope.extents.get(result).map_or(0, |extent| extent.channels) {
        return Err("the layers that make its picture have different inputs".into());
    }
    let residual = graph.depth_to_space(result, 2)?;
    let base = graph.resize(PICTURE, [2.0, 2.0], Resampling::Linear)?;
    graph.node("Add", &[&base, &residual], vec![])
}
