//! What ncnn's layers are in ONNX: inputs, constants, and layers with weights.

use super::graph::{Convolution, GraphBuilder, PICTURE};
use super::ncnn::Layer;
use super::ncnn_arithmetic::{eltwise_factor, scalar_factor};
use super::ncnn_weights::WeightReader;
use crate::model::onnx::AttributeProto;
use std::collections::{HashMap, HashSet};

/// Colour channels of the picture: ncnn's files do not say, all known networks take RGB.
const PICTURE_CHANNELS: usize = 3;
const RELU: usize = 1;
const LEAKY_RELU: usize = 2;
const CLIP: usize = 3;
const SIGMOID: usize = 4;

/// Layers on their way to an ONNX graph.
pub(super) struct Translation {
    pub(super) graph: GraphBuilder,
    /// Names in the graph of the layers' tensors.
    names: HashMap<String, String>,
    /// Factors that the convolution that gives a tensor shall put into its weights.
    pub(super) output_factors: HashMap<String, f32>,
    /// Factors that the convolution that takes a tensor, its only user, shall put into its weights.
    pub(super) input_factors: HashMap<String, f32>,
    /// Multiplications by a number that a convolution takes over, by index of the layer.
    pub(super) absorbed: HashSet<usize>,
    begun: bool,
}

impl Translation {
    /// Looks which multiplications can go into the weights of a convolution beside them.
    pub(super) fn new(layers: &[Layer]) -> Self {
        let mut users: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, layer) in layers.iter().enumerate() {
            for input in &layer.inputs {
                users.entry(input).or_default().push(index);
            }
        }
        let only_user = |tensor: &str| match users.get(tensor).map(Vec::as_slice) {
            Some(&[user]) => layers.get(user),
            _ => None,
        };
        let mut absorbed = HashSet::new();
        let mut output_factors = HashMap::new();
        for (index, layer) in layers.iter().enumerate() {
            let Ok(output) = layer.output() else { continue };
            let Some(user) = only_user(output) else { continue };
            if scalar_factor(layer).is_some() && user.kind == "Convolution" {
                absorbed.insert(index);
            }
            let linear = layer.kind == "Convolution" && layer.size(9, 0) == Ok(0);
            if let Some(factor) = eltwise_factor(user, output).filter(|_| linear) {
                output_factors.insert(output.to_owned(), factor);
            }
        }
        Self {
            graph: GraphBuilder::new(PICTURE_CHANNELS),
            names: HashMap::new(),
            output_factors,
            input_factors: HashMap::new(),
            absorbed,
            begun: false,
        }
    }

    /// Adds one layer.
    pub(super) fn layer(
        &mut self,
        index: usize,
        layer: &Layer,
        weights: &mut WeightReader<'_>,
    ) -> Result<(), String> {
        let result = match layer.kind.as_str() {
            "Input" => self.input(layer),
            "MemoryData" => self.memory_data(layer, weights),
            "Convolution" | "ConvolutionDepthWise" => self.convolution(layer, weights),
            "Deconvolution" | "DeconvolutionDepthWise" => self.deconvolution(layer, weights),
            "InnerProduct" => self.inner_product(layer, weights),
            "PReLU" => self.prelu(layer, weights),
            "ReLU" => self.relu(layer),
            "Sigmoid" => self.simple(layer, "Sigmoid"),
            "TanH" => self.simple(layer, "Tanh"),
            "Swish" => self.swish(layer),
            "Clip" => self.clip(layer),
            "BinaryOp" => self.binary(index, layer),
            "Eltwise" => self.eltwise(layer),
            "Concat" => self.concatenate(layer),
            "Crop" => self.crop(layer),
            "Interp" => self.interpolate(layer),
            "PixelShuffle" => self.pixel_shuffle(layer),
            "Pooling" => self.pool(layer),
            "Scale" => self.scale(layer, weights),
            _ => Err("layers of this kind are not supported".into()),
        }?;
        self.names.insert(layer.output()?.into(), result);
        Ok(())
    }

    /// The graph and the name of its result, the one tensor that no layer takes.
    pub(super) fn result(self, layers: &[Layer]) -> Result<(GraphBuilder, String), String> {
        let taken: HashSet<&String> = layers.iter().flat_map(|layer| &layer.inputs).collect();
        let mut left =
            layers.iter().flat_map(|layer| &layer.outputs).filter(|output| !taken.contains(output));
        match (left.next(), left.next()) {
            (Some(output), None) => {
                let name = self.names.get(output).cloned().ok_or("the output is not made by any layer")?;
                Ok((self.graph, name))
            }
            (None, _) => Err("it has no output".into()),
            (Some(first), Some(second)) => {
                Err(format!("it has several outputs ({first:?}, {second:?}), expected one"))
            }
        }
    }

    pub(super) fn name(&self, tensor: &str) -> Result<String, String> {
        self.names.get(tensor).cloned().ok_or_else(|| format!("the tensor {tensor:?} is missing"))
    }

    fn input(&mut self, layer: &Layer) -> Result<String, String> {
        layer.allow(&[0, 1, 2])?;
        if std::mem::replace(&mut self.begun, true) {
            return Err("there are two inputs, expected one picture".into());
        }
        match layer.size(2, PICTURE_CHANNELS)? {
            0 | PICTURE_CHANNELS => Ok(PICTURE.into()),
            other => Err(format!("it takes {other} channels, expected {PICTURE_CHANNELS}")),
        }
    }

    fn memory_data(&mut self, layer: &Layer, weights: &mut WeightReader<'_>) -> Result<String, String> {
        layer.allow(&[0, 1, 2, 21])?;
        let dims = [layer.size(2, 0)?, layer.size(1, 0)?, layer.size(0, 0)?];
        let dims: Vec<usize> = dims.into_iter().filter(|&length| length > 0).collect();
        let count = product(&dims)?;
        let values = if layer.size(21, 1)? == 1 { weights.plain(count)? } else { weights.tagged(count)? };
        self.graph.floats(&dims, &values)
    }

    fn convolution(&mut self, layer: &Layer, weights: &mut WeightReader<'_>) -> Result<String, String> {
        layer.allow(&[0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16])?;
        let mut convolution = Self::window(layer, weights, false)?;
        let input = layer.input()?;
        let before = self.input_factors.get(input).copied().unwrap_or(1.0);
        let after = self.output_factors.get(layer.output()?).copied().unwrap_or(1.0);
        convolution.weights.iter_mut().for_each(|weight| *weight *= before * after);
        convolution.bias.iter_mut().flatten().for_each(|bias| *bias *= after);
        let input = self.name(input)?;
        let output = self.graph.convolution(&input, convolution)?;
        self.activation(layer, output)
    }

    fn deconvolution(&mut self, layer: &Layer, weights: &mut WeightReader<'_>) -> Result<String, String> {
        layer.allow(&[0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19])?;
        let deconvolution = Self::window(layer, weights, true)?;
        let input = self.name(layer.input()?)?;
        let output = self.graph.deconvolution(&input, deconvolution)?;
        self.activation(layer, output)
    }

    /// The parameters that convolutions and deconvolutions share, with the weights.
    fn window(
        layer: &Layer,
        weights: &mut WeightReader<'_>,
        transposed: bool,
    ) -> Result<Convolution, String> {
        let outputs = layer.size(0, 0)?;
        let width = layer.size(1, 0)?;
        let height = layer.size(11, width)?;
        let count = layer.size(6, 0)?;
        let groups = if layer.kind.ends_with("DepthWise") { layer.size(7, 1)? } else { 1 };
        let across = [layer.size(2, 1)?, layer.size(3, 1)?];
        let down = [layer.size(12, across[0])?, layer.size(13, across[1])?];
        let left = layer.size(4, 0).map_err(|_| "padding by the size of the picture is not supported")?;
        let top = layer.size(14, left)?;
        let pads = [top, left, layer.size(16, top)?, layer.size(15, left)?];
        let per_input = product(&[outputs, width, height])?;
        if per_input == 0
            || groups == 0
            || !outputs.is_multiple_of(groups)
            || !count.is_multiple_of(per_input)
        {
            return Err(format!(
                "{count} weights do not make {outputs} filters of {width} x {height} in {groups} groups"
            ));
        }
        let inputs = count / per_input;
        let values = weights.tagged(count)?;
        let bias = if layer.size(5, 0)? == 1 { Some(weights.plain(outputs)?) } else { None };
        let shape = [outputs, inputs, height, width];
        let (shape, values) = if transposed { inputs_first(shape, groups, &values) } else { (shape, values) };
        let extra = layer.size(18, 0)?;
        let output_padding = transposed.then_some([layer.size(19, extra)?, extra]);
        Ok(Convolution {
            shape,
            strides: [down[1], across[1]],
            dilations: [down[0], across[0]],
            pads,
            groups,
            output_padding,
            weights: values,
            bias,
        })
    }

    /// A matrix product on one value per channel, which is a convolution of 1 x 1.
    fn inner_product(&mut self, layer: &Layer, weights: &mut WeightReader<'_>) -> Result<String, String> {
        layer.allow(&[0, 1, 2, 9, 10])?;
        let (outputs, count) = (layer.size(0, 0)?, layer.size(2, 0)?);
        if outputs == 0 || !count.is_multiple_of(outputs) {
            return Err(format!("{count} weights do not make {outputs} rows"));
        }
        let values = weights.tagged(count)?;
        let bias = if layer.size(1, 0)? == 1 { weights.plain(outputs)? } else { vec![0.0; outputs] };
        let input = self.name(layer.input()?)?;
        let extent = self.graph.scope.extents.get(&input);
        if extent.is_none_or(|extent| (extent.rows.length, extent.columns.length) != (1, 1)) {
            return Err("a matrix product is supported behind a global pooling only".into());
        }
        let convolution = Convolution::same([outputs, count / outputs, 1, 1], values, bias);
        let output = self.graph.convolution(&input, convolution)?;
        self.activation(layer, output)
    }

    /// The activation that is part of a layer.
    fn activation(&mut self, layer: &Layer, input: String) -> Result<String, String> {
        let values = layer.list(10)?;
        match (layer.size(9, 0)?, values) {
            (0, _) => Ok(input),
            (RELU, _) => self.graph.node("Relu", &[&input], vec![]),
            (LEAKY_RELU, &[slope]) => self.leaky(&input, slope as f32),
            (CLIP, &[low, high]) => self.clip_to(&input, low as f32, high as f32),
            (SIGMOID, _) => self.graph.node("Sigmoid", &[&input], vec![]),
            (other, _) => Err(format!("its activation {other} with {values:?} is not supported")),
        }
    }

    pub(super) fn leaky(&mut self, input: &str, slope: f32) -> Result<String, String> {
        if slope == 0.0 {
            return self.graph.node("Relu", &[input], vec![]);
        }
        self.graph.node("LeakyRelu", &[input], vec![AttributeProto::float("alpha", slope)])
    }

    fn relu(&mut self, layer: &Layer) -> Result<String, String> {
        layer.allow(&[0])?;
        let input = self.name(layer.input()?)?;
        self.leaky(&input, layer.number(0, 0.0)? as f32)
    }

    fn prelu(&mut self, layer: &Layer, weights: &mut WeightReader<'_>) -> Result<String, String> {
        layer.allow(&[0])?;
        let count = layer.size(0, 0)?;
        let slopes = weights.plain(count)?;
        let input = self.name(layer.input()?)?;
        // One slope for all channels is an operator that ONNX Runtime joins with the convolution before it.
        if let Some(&first) =
            slopes.first().filter(|&first| slopes.iter().all(|slope| slope.to_bits() == first.to_bits()))
        {
            self.graph.parameters += count as u64;
            return self.leaky(&input, first);
        }
        let slopes = self.graph.floats(&[count, 1, 1], &slopes)?;
        self.graph.node("PRelu", &[&input, &slopes], vec![])
    }
}

/// From ncnn's (outputs, inputs, height, width), group by group, to ONNX's (inputs, outputs per group, height, width).
fn inputs_first(shape: [usize; 4], groups: usize, values: &[f32]) -> ([usize; 4], Vec<f32>) {
    let [outputs, inputs, height, width] = shape;
    let (filters, area) = (outputs / groups, height * width);
    let mut sorted = Vec::with_capacity(values.len());
    for group in 0..groups {
        for input in 0..inputs {
            for filter in 0..filters {
                let from = ((group * filters + filter) * inputs + input) * area;
                sorted.extend(values.get(from..from + area).unwrap_or_default());
            }
        }
    }
    ([inputs * groups, filters, height, width], sorted)
}

fn product(lengths: &[usize]) -> Result<usize, String> {
    let product = lengths.iter().try_fold(1usize, |product, &length| product.checked_mul(length));
    product.ok_or_else(|| format!("{lengths:?} make more values than any file has"))
}
