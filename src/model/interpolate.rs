//! Mixing the weights of two networks of one architecture, for `--detail`.

use super::onnx::{GraphProto, ModelProto, NodeProto, TensorProto, data_type};
use super::{Manifest, Model, zoo};
use crate::error::ModelError;
use half::f16;
use prost::Message;
use std::path::Path;

impl Model {
    /// The model with its weights mixed with those of the partner that its manifest names (`detail`): 0 is the model
    /// itself, 1 its partner. `asked` is how the model was asked for: the partner of a file lies beside it.
    ///
    /// Fails if the model has no partner, or one that takes or gives something else.
    pub fn with_detail(self, asked: &str, amount: f32) -> Result<Self, ModelError> {
        let name = &self.manifest.name;
        let fault =
            |problem: String, remedy: String| ModelError::Model { model: name.clone(), problem, remedy };
        let Some(partner) = &self.manifest.detail else {
            let (problem, remedy) = ("it has no partner with more detail".into(), models_with_partners());
            return Err(fault(problem, remedy));
        };
        let path = Path::new(asked);
        let is_path = path.extension().is_some_and(|ending| ending == "onnx" || ending == "toml");
        let beside = path.with_file_name(format!("{partner}.onnx"));
        let partner = Self::find(if is_path { beside.to_str().unwrap_or(partner) } else { partner })?;
        let contract = |manifest: &Manifest| {
            (manifest.scale, manifest.input.clone(), manifest.output.clone(), manifest.arguments.clone())
        };
        if contract(&self.manifest) != contract(&partner.manifest) {
            return Err(fault(
                format!("its partner {} takes or gives something else", partner.manifest.name),
                "mend the manifests: scale, input, output and arguments must be equal".into(),
            ));
        }
        let network = interpolate(&self.network, &partner.network, amount)?;
        Ok(Self { network: network.into(), ..self })
    }
}

fn models_with_partners() -> String {
    let entries = zoo::list();
    let names: Vec<&str> = entries
        .iter()
        .flatten()
        .filter(|entry| entry.manifest.detail.is_some())
        .map(|entry| entry.manifest.name.as_str())
        .collect();
    match names[..] {
        [] => "leave --detail out: no model here has one".into(),
        _ => format!("use one that has (--model): {}; or leave --detail out", names.join(", ")),
    }
}

/// Mixes two ONNX files of equal graphs: every weight becomes `(1 - amount) * a + amount * b`; `amount` is 0 to 1.
///
/// Graphs are equal if their operators, attributes, inputs, outputs and the shapes of their constants are; constants that
/// are no floats must have equal values. Fails with the first difference otherwise.
pub fn interpolate(a: &[u8], b: &[u8], amount: f32) -> Result<Vec<u8>, ModelError> {
    mix(a, b, amount).map_err(|problem| ModelError::Model {
        model: "interpolation".into(),
        problem,
        remedy: "give an amount from 0 to 1 and two networks of one architecture, exported by one program"
            .into(),
    })
}

fn mix(a: &[u8], b: &[u8], amount: f32) -> Result<Vec<u8>, String> {
    if !(0.0..=1.0).contains(&amount) {
        return Err(format!("the amount is {amount}, expected 0 to 1"));
    }
    let decode = |bytes: &[u8], which: &str| {
        let model = ModelProto::decode(bytes)
            .map_err(|error| format!("the {which} network is no ONNX file: {error}"))?;
        if model.graph.is_none() {
            return Err(format!("the {which} network is no ONNX file: it has no graph"));
        }
        Ok(model)
    };
    let (mut first, second) = (decode(a, "first")?, decode(b, "second")?);
    if first.opset_import != second.opset_import || first.functions != second.functions {
        return Err("the networks use different operator sets or functions".into());
    }
    let (Some(graph), Some(other)) = (&mut first.graph, &second.graph) else {
        return Err("a network has no graph".into());
    };
    compare(graph, other)?;
    for (left, right) in graph.initializer.iter_mut().zip(constants_in_order(&other.initializer)) {
        mix_constant(left, right, amount).map_err(|problem| {
            format!("the constant {:?} {problem}", right.name.as_deref().unwrap_or_default())
        })?;
    }
    Ok(first.encode_to_vec())
}

/// Checks that two graphs do the same with their weights; sorts the constants of `graph` by name.
fn compare(graph: &mut GraphProto, other: &GraphProto) -> Result<(), String> {
    if graph.node.len() != other.node.len() {
        return Err(format!("the networks have {} and {} operators", graph.node.len(), other.node.len()));
    }
    for (index, (left, right)) in graph.node.iter().zip(&other.node).enumerate() {
        if work(left) != work(right) {
            return Err(format!(
                "operator {index} is {} in one network and {} in the other, or has other settings or inputs",
                left.operator(),
                right.operator()
            ));
        }
    }
    if graph.input != other.input || graph.output != other.output {
        return Err("the networks have different inputs or outputs".into());
    }
    if graph.sparse_initializer != other.sparse_initializer {
        return Err("the networks have different sparse constants".into());
    }
    let count = (graph.initializer.len(), other.initializer.len());
    if count.0 != count.1 {
        return Err(format!("the networks have {} and {} constants", count.0, count.1));
    }
    graph.initializer.sort_by(|left, right| left.name.cmp(&right.name));
    for (left, right) in graph.initializer.iter().zip(constants_in_order(&other.initializer)) {
        let facts = |constant: &TensorProto| {
            (constant.name.clone(), constant.dims.clone(), constant.data_type, constant.data_location)
        };
        if facts(left) != facts(right) {
            return Err(format!(
                "the constant {:?} of shape {:?} meets {:?} of shape {:?}",
                left.name.as_deref().unwrap_or_default(),
                left.dims,
                right.name.as_deref().unwrap_or_default(),
                right.dims
            ));
        }
    }
    Ok(())
}

fn constants_in_order(constants: &[TensorProto]) -> Vec<&TensorProto> {
    let mut sorted: Vec<_> = constants.iter().collect();
    sorted.sort_by(|left, right| left.name.cmp(&right.name));
    sorted
}

/// What a node does, without its name and comments.
fn work(node: &NodeProto) -> NodeProto {
    let nothing = NodeProto::default();
    NodeProto {
        name: nothing.name,
        doc_string: nothing.doc_string,
        metadata_props: nothing.metadata_props,
        ..node.clone()
    }
}

fn mix_constant(left: &mut TensorProto, right: &TensorProto, amount: f32) -> Result<(), String> {
    if !left.external_data.is_empty() || !right.external_data.is_empty() {
        return Err("lies in another file, which is not supported".into());
    }
    let blend = |a: f32, b: f32| (1.0 - amount) * a + amount * b;
    let equal = left == right;
    match (left.data_type, &mut left.raw_data, &right.raw_data) {
        (Some(data_type::FLOAT), Some(to), Some(from)) => {
            equal_lengths(to.len(), from.len())?;
            for (to, from) in to.as_chunks_mut::<4>().0.iter_mut().zip(from.as_chunks::<4>().0) {
                *to = blend(f32::from_le_bytes(*to), f32::from_le_bytes(*from)).to_le_bytes();
            }
        }
        (Some(data_type::FLOAT), None, None) => {
            equal_lengths(left.float_data.len(), right.float_data.len())?;
            for (to, &from) in left.float_data.iter_mut().zip(&right.float_data) {
                *to = blend(*to, from);
            }
        }
        (Some(data_type::FLOAT16), Some(to), Some(from)) => {
            equal_lengths(to.len(), from.len())?;
            for (to, from) in to.as_chunks_mut::<2>().0.iter_mut().zip(from.as_chunks::<2>().0) {
                let mixed = blend(f16::from_le_bytes(*to).to_f32(), f16::from_le_bytes(*from).to_f32());
                *to = f16::from_f32(mixed).to_le_bytes();
            }
        }
        _ if equal => {}
        _ => return Err("differs, and is no tensor of floats that can be mixed".into()),
    }
    Ok(())
}

fn equal_lengths(left: usize, right: usize) -> Result<(), String> {
    if left == right { Ok(()) } else { Err(format!("has {left} and {right} bytes or values of data")) }
}
