//! Networks in 16-bit floats (IEEE 754 binary16), for providers that compute in whatever the tensors of a graph hold.
//!
//! Convolutions and matrix products become half as wide, and so does what only combines their results: activations, sums,
//! joins. All else keeps 32 bits, above all places that are sampled at: 11 bits tell no half pixels apart beyond 1024. The
//! graph's inputs and outputs stay as they are.

use super::onnx::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, data_type};
use half::f16;
use prost::Message;
use std::collections::{HashMap, HashSet};

/// Operators whose products 16 bits make faster.
const PRODUCTS: [&str; 4] = ["Conv", "ConvTranspose", "Gemm", "MatMul"];
/// Operators that go along with operands of 16 bits, if all of them are, and how many of their inputs are operands.
const COMPANIONS: [(&str, usize); 20] = [
    ("Abs", 1),
    ("Add", 2),
    ("AveragePool", 1),
    ("Clip", 3),
    ("Concat", usize::MAX),
    ("DepthToSpace", 1),
    ("Div", 2),
    ("GlobalAveragePool", 1),
    ("LeakyRelu", 1),
    ("Max", usize::MAX),
    ("MaxPool", 1),
    ("Min", usize::MAX),
    ("Mul", 2),
    ("Neg", 1),
    ("PRelu", 2),
    ("Relu", 1),
    ("Sigmoid", 1),
    ("Slice", 1),
    ("Sub", 2),
    ("Tanh", 1),
];
/// The ending of the names of 16-bit copies, and of the 32-bit copies of 16-bit results.
const NARROW: &str = ".float16";
const WIDE: &str = ".float32";

/// `network` with products of 16-bit floats, or why it can have none.
pub(super) fn in_float16(network: &[u8]) -> Result<Vec<u8>, String> {
    let mut model = ModelProto::decode(network).map_err(|error| format!("it is no ONNX file: {error}"))?;
    let graph = model.graph.take().ok_or("it is no ONNX file: it has no graph")?;
    let is_standard = |node: &NodeProto| node.domain.as_deref().unwrap_or_default().is_empty();
    if !model.functions.is_empty() || !graph.node.iter().all(is_standard) {
        return Err("it has operators beyond ONNX's own".into());
    }
    model.graph = Some(narrowed(graph)?);
    Ok(model.encode_to_vec())
}

fn narrowed(mut graph: GraphProto) -> Result<GraphProto, String> {
    let nodes = std::mem::take(&mut graph.node);
    let constants = std::mem::take(&mut graph.initializer);
    let mut narrowing = Narrowing::new(&constants);
    for node in nodes {
        if node.operator() == "QuantizeLinear" {
            return Err("it computes in 8 bits".into());
        }
        if node.attribute.iter().any(|attribute| attribute.g.is_some() || !attribute.graphs.is_empty()) {
            return Err("it has branches or loops".into());
        }
        narrowing.add(node)?;
    }
    if narrowing.halves.is_empty() {
        return Err("it has no products of 32-bit floats".into());
    }
    for output in &graph.output {
        narrowing.restore(output.name.as_deref().unwrap_or_default());
    }
    let Narrowing { nodes, narrow, .. } = narrowing;
    let used: HashSet<&str> = nodes.iter().flat_map(|node| &node.input).map(String::as_str).collect();
    let is_used = |constant: &TensorProto| used.contains(constant.name.as_deref().unwrap_or_default());
    let mut initializer: Vec<TensorProto> = constants.into_iter().filter(is_used).collect();
    initializer.extend(narrow.into_values());
    initializer.sort_by(|left, right| left.name.cmp(&right.name));
    // The types of results in between, which a file may tell, are others now.
    graph.value_info.clear();
    Ok(GraphProto { node: nodes, initializer, ..graph })
}

/// A graph on its way.
struct Narrowing<'a> {
    constants: HashMap<&'a str, &'a TensorProto>,
    nodes: Vec<NodeProto>,
    /// Results of 16 bits.
    halves: HashSet<String>,
    /// Copies that exist: results in the other width.
    copies: HashSet<String>,
    /// Constants of 16 bits by the names of those that they were.
    narrow: HashMap<String, TensorProto>,
}

impl<'a> Narrowing<'a> {
    fn new(constants: &'a [TensorProto]) -> Self {
        let by_name = |constant: &'a TensorProto| Some((constant.name.as_deref()?, constant));
        Self {
            constants: constants.iter().filter_map(by_name).collect(),
            nodes: Vec::new(),
            halves: HashSet::new(),
            copies: HashSet::new(),
            narrow: HashMap::new(),
        }
    }

    fn add(&mut self, mut node: NodeProto) -> Result<(), String> {
        let operands = self.narrow_operands(&node);
        let mut inputs = std::mem::take(&mut node.input);
        for (index, input) in inputs.iter_mut().enumerate() {
            *input = if index < operands { self.narrow(input)? } else { self.wide(input) };
        }
        node.input = inputs;
        if operands > 0 {
            self.halves.extend(node.output.iter().cloned());
        }
        self.nodes.push(node);
        Ok(())
    }

    /// How many inputs of `node` become 16 bits wide; 0 if it stays as it is.
    fn narrow_operands(&self, node: &NodeProto) -> usize {
        let is_float = |name: &String| {
            name.is_empty() || self.constants.get(name.as_str()).is_none_or(|constant| is_float32(constant))
        };
        if PRODUCTS.contains(&node.operator()) {
            return if node.input.iter().all(is_float) { node.input.len() } else { 0 };
        }
        let companion = COMPANIONS.iter().find(|(operator, _)| *operator == node.operator());
        let Some(&(_, operands)) = companion else { return 0 };
        let operands = operands.min(node.input.len());
        let mut any = false;
        for name in node.input.iter().take(operands).filter(|name| !name.is_empty()) {
            match self.constants.get(name.as_str()) {
                Some(constant) if is_float32(constant) => {}
                None if self.halves.contains(name) => any = true,
                _ => return 0,
            }
        }
        if any { operands } else { 0 }
    }

    /// The name of `name` in 16 bits.
    fn narrow(&mut self, name: &str) -> Result<String, String> {
        if name.is_empty() || self.halves.contains(name) {
            return Ok(name.into());
        }
        let copy = format!("{name}{NARROW}");
        if let Some(constant) = self.constants.get(name) {
            if !self.narrow.contains_key(name) {
                self.narrow.insert(name.into(), narrow_constant(constant, &copy)?);
            }
        } else {
            self.cast(name, &copy, data_type::FLOAT16);
        }
        Ok(copy)
    }

    /// The name of `name` in its own width.
    fn wide(&mut self, name: &str) -> String {
        if !self.halves.contains(name) {
            return name.into();
        }
        let copy = format!("{name}{WIDE}");
        self.cast(name, &copy, data_type::FLOAT);
        copy
    }

    fn cast(&mut self, from: &str, to: &str, kind: i32) {
        if self.copies.insert(to.into()) {
            let kind = AttributeProto::int("to", kind.into());
            self.nodes.push(NodeProto::new("Cast", &[from], to, vec![kind]));
        }
    }

    /// Makes `output` of the graph 32 bits wide again, under its name.
    fn restore(&mut self, output: &str) {
        if !self.halves.contains(output) {
            return;
        }
        let narrow = format!("{output}{NARROW}");
        for name in self.nodes.iter_mut().flat_map(|node| node.input.iter_mut().chain(&mut node.output)) {
            if name == output {
                name.clone_from(&narrow);
            }
        }
        self.cast(&narrow, output, data_type::FLOAT);
    }
}

fn is_float32(constant: &TensorProto) -> bool {
    constant.data_type == Some(data_type::FLOAT)
}

fn narrow_constant(constant: &TensorProto, name: &str) -> Result<TensorProto, String> {
    if !constant.external_data.is_empty() {
        return Err("its weights lie in another file".into());
    }
    let values: Vec<f32> = match &constant.raw_data {
        Some(raw) => raw.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        None => constant.float_data.clone(),
    };
    let narrow: Vec<f16> = values.iter().map(|&value| f16::from_f32(value)).collect();
    if narrow.iter().zip(&values).any(|(narrow, value)| narrow.is_infinite() && value.is_finite()) {
        return Err(format!("it has weights beyond {}, the largest number of 16 bits", f16::MAX));
    }
    Ok(TensorProto {
        name: Some(name.into()),
        data_type: Some(data_type::FLOAT16),
        raw_data: Some(narrow.iter().flat_map(|value| value.to_le_bytes()).collect()),
        float_data: Vec::new(),
        ..constant.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Model, Runtime, provider};
    use ort::value::Tensor;

    const SIDES: (usize, usize) = (64, 96);

    fn run(network: &[u8], model: &Model, channels: usize) -> Vec<f32> {
        let runtime = Runtime::load(None).unwrap();
        let mut session = provider::on_processor(&runtime, network, 1).unwrap();
        let (height, width) = SIDES;
        let wave = |index: usize| {
            let (x, y, channel) = (index % width, index / width % height, index / (width * height));
            ((x * 7 + y * 3 + channel * 11) % 64) as f32 / 64.0 - 0.45
        };
        let values: Vec<f32> = (0..channels * height * width).map(wave).collect();
        let input = Tensor::from_array(([1, channels, height, width], values)).unwrap();
        let outputs = session.run(ort::inputs![model.manifest.input.name.as_str() => input]).unwrap();
        outputs[model.manifest.output.name.as_str()].try_extract_tensor::<f32>().unwrap().1.to_vec()
    }

    /// Widths of the constants that operators of this name take, and of the casts' results.
    fn widths(network: &[u8], operator: &str) -> Vec<i32> {
        let graph = ModelProto::decode(network).unwrap().graph.unwrap();
        let of_constant = |name: &String| {
            let found = graph.initializer.iter().find(|constant| constant.name.as_ref() == Some(name));
            found.and_then(|constant| constant.data_type)
        };
        let nodes = graph.node.iter().filter(|node| node.operator() == operator);
        nodes.flat_map(|node| node.input.iter().filter_map(of_constant).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn pictures_are_as_good_as_the_same() {
        for name in ["live-x2", "quality-x2", "denoise-x1"] {
            let model = Model::find(name).unwrap();
            let narrow = in_float16(&model.network).unwrap();
            assert!(narrow.len() < model.network.len() * 6 / 10, "{name}: {} bytes", narrow.len());
            assert!(widths(&narrow, "Conv").iter().all(|&width| width == data_type::FLOAT16));
            let (found, expected) = (run(&narrow, &model, 4), run(&model.network, &model, 4));
            let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst > 0.0 && worst < 0.6 / 255.0, "{name}: {worst}");
        }
    }

    #[test]
    fn motion_is_sampled_at_places_of_32_bits() {
        for name in ["predict-live", "interpolate-live"] {
            let model = Model::find(name).unwrap();
            let narrow = in_float16(&model.network).unwrap();
            assert!(widths(&narrow, "Conv").iter().all(|&width| width == data_type::FLOAT16));
            assert!(!widths(&narrow, "Min").contains(&data_type::FLOAT16));
            let (found, expected) = (run(&narrow, &model, 16), run(&model.network, &model, 16));
            let displacements = 4 * SIDES.0 * SIDES.1;
            let pairs = found.iter().zip(&expected).take(displacements);
            let mean = pairs.map(|(a, b)| (a - b).abs()).sum::<f32>() / displacements as f32;
            assert!(mean > 0.0 && mean < 0.05, "{name}: {mean}");
        }
    }

    #[test]
    fn networks_that_cannot_be_narrowed_are_refused_with_the_reason() {
        let refusal = |network: &[u8]| in_float16(network).unwrap_err();
        assert!(refusal(b"GIF89a").contains("no ONNX file"));
        assert!(refusal(&Model::find("live-x2-int8").unwrap().network).contains("8 bits"));
        let network = |constant: TensorProto| {
            let node = NodeProto::new("Conv", &["input", "w"], "output", Vec::new());
            let graph = GraphProto { node: vec![node], initializer: vec![constant], ..GraphProto::default() };
            ModelProto::new(graph).encode_to_vec()
        };
        assert!(refusal(&network(TensorProto::floats("w", &[1], &[7e4]))).contains("65504"));
        assert!(refusal(&network(TensorProto::integers("w", &[1]))).contains("no products"));
    }
}
