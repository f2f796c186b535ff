//! What does an unknown `.onnx` expect? Its graph tells names, types and sizes; small runs tell the rest.

mod graph;
mod measure;
mod picture;
mod trial;

use super::manifest::{InputManifest, OutputManifest, Scores};
use super::{Argument, Manifest, Runtime, Task, zoo};
use crate::error::ModelError;
use crate::frame::{Skip, TensorSpec};
use graph::Graph;
use measure::{Colour, Reach, ValueRange};
use trial::Trial;

/// Networks from this size on, in bytes, are measured on fewer and smaller pictures.
const LARGE: usize = 4 << 20;

/// Finds out what `network`, the bytes of an ONNX file, expects, and describes it as a manifest for the file
/// `NAME.onnx`. Its description says what was found and what could only be assumed.
///
/// Runs the network a few dozen times on small pictures: seconds for a large network, less for most.
///
/// # Errors
///
/// [`ModelError::Model`] if ONNX Runtime refuses the file, or the network is not one that makes one picture out of one;
/// [`ModelError::Runtime`] is left to [`Runtime::load`].
pub fn probe(runtime: &Runtime, network: &[u8], name: &str) -> Result<Manifest, ModelError> {
    let refused = |problem: String| ModelError::Model {
        model: name.into(),
        problem,
        remedy: "use another model, or write a manifest for it (models/README.md describes it)".into(),
    };
    let session = trial::quiet_session(runtime, network)
        .map_err(|error| refused(format!("ONNX Runtime refuses it: {error}")))?;
    let graph = Graph::read(&session).map_err(refused)?;
    let (mut trial, geometry) = measure::geometry(session, &graph).map_err(refused)?;
    let mut assumed = graph.assumed.clone();
    let range = measure::value_range(&mut trial, &graph, &geometry);
    let colour = measure::colour(&mut trial, &graph, &geometry, &range);
    let multiple = measure::multiple(&mut trial, &graph, &geometry);
    let fixed = graph.input.width.is_some() || graph.input.height.is_some();
    let reach = measure::reach(&mut trial, &geometry, &range, multiple, fixed, network.len() < LARGE);
    let margin = reach.assumed.then_some("the margin");
    assumed.extend([range.assumed, colour.assumed, margin].into_iter().flatten().map(str::to_owned));
    let mut manifest = manifest(&graph, &trial, &geometry, &range, &colour, multiple, &reach);
    manifest.name = name.into();
    manifest.file = format!("{name}.onnx");
    manifest.sha256 = Some(zoo::sha256(network));
    manifest.description = match assumed.as_slice() {
        [] => format!("Probed: {}.", manifest.summary()),
        assumed => format!("Probed: {}; assumed: {}.", manifest.summary(), assumed.join(", ")),
    };
    Ok(manifest)
}

fn manifest(
    graph: &Graph,
    trial: &Trial,
    geometry: &measure::Geometry,
    range: &ValueRange,
    colour: &Colour,
    multiple: usize,
    reach: &Reach,
) -> Manifest {
    let differs = |other: bool| other.then_some(());
    let layouts = (trial.layout, trial.output_layout);
    let kinds = (graph.input.kind, trial.output_kind);
    Manifest {
        name: String::new(),
        task: if geometry.scale > 1 { Task::SuperResolution } else { Task::Restoration },
        file: String::new(),
        sha256: None,
        licence: "unknown".into(),
        description: String::new(),
        scale: geometry.scale,
        parameters: None,
        gflop_per_megapixel: None,
        bytes_per_pixel: None,
        tile: None,
        receptive_margin: reach.margin,
        global: reach.global,
        detail: None,
        shrink: None,
        input: InputManifest {
            name: graph.input.name.clone(),
            colour: colour.input,
            layout: layouts.0,
            dtype: kinds.0,
            space_to_depth: 1,
            mean: range.input.mean,
            range: range.input.range,
            multiple,
            padding: geometry.padding,
            width: graph.input.width,
            height: graph.input.height,
        },
        output: OutputManifest {
            name: graph.output.name.clone(),
            colour: differs(colour.output != colour.input).map(|()| colour.output),
            layout: differs(layouts.1 != layouts.0).map(|()| layouts.1),
            dtype: differs(kinds.1 != kinds.0).map(|()| kinds.1),
            mean: differs(range.output != range.input).map(|()| range.output.mean),
            range: differs(range.output != range.input).map(|()| range.output.range),
            depth_to_space: 1,
            skip: Skip::None,
        },
        arguments: graph.arguments.clone(),
        scores: Scores::default(),
        source: None,
        self_test: None,
    }
}

impl Manifest {
    /// What the network does in a few words: `2x, RGB 0..1, NCHW f32, multiple of 4, margin 12`.
    pub fn summary(&self) -> String {
        if let Some(shrink) = self.shrink {
            let multiple = self.input.multiple;
            return format!("motion of cells of {shrink} x {shrink} pixels, multiple of {multiple} cells");
        }
        let (input, output) = (self.pack_spec(), self.unpack_spec(false).tensor);
        let side = |spec: &TensorSpec| {
            let (low, high) = (0.0 - spec.mean, spec.range - spec.mean);
            (format!("{} {low}..{high}", spec.color), format!("{} {}", spec.layout, spec.kind))
        };
        let mut words = vec![format!("{}x", self.scale)];
        let (from, to) = (side(&input), side(&output));
        for (from, to) in [(from.0, to.0), (from.1, to.1)] {
            words.push(if from == to { from } else { format!("{from} to {to}") });
        }
        match (self.input.width, self.input.height) {
            (None, None) => {}
            (width, height) => {
                let side = |side: Option<usize>| side.map_or_else(|| "any".into(), |side| side.to_string());
                words.push(format!("only {} x {}", side(width), side(height)));
            }
        }
        if self.input.multiple > 1 {
            words.push(format!("multiple of {}", self.input.multiple));
        }
        if self.input.padding > 0 {
            words.push(format!("padding {}", self.input.padding));
        }
        words.push(match self.global {
            true => "depends on the whole picture".into(),
            false => format!("margin {}", self.receptive_margin),
        });
        words.extend(self.arguments.iter().map(|argument| format!("argument {argument}")));
        words.join(", ")
    }
}

/// The argument's values for trial runs: its defaults, else ones, which leave alone what is multiplied by them.
fn trial_values(argument: &Argument) -> Vec<f64> {
    if argument.default.is_empty() { vec![1.0] } else { argument.default.clone() }
}
