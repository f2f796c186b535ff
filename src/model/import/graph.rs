//! Builds an ONNX graph operator by operator, checking each as it comes.

use super::extent::{Constant, Extent, Scope};
use crate::model::onnx::{AttributeProto, NodeProto, TensorProto};
use prost::Message;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The tensor on which a network begins, while it is built.
pub(super) const PICTURE: &str = "picture";
/// Side of the picture for which a network is checked while it is built: divisible by whatever networks halve, and
/// large enough for borders that valid convolutions take off.
const PROBE: usize = 768;
/// Constants of up to this many values are remembered.
const REMEMBERED: usize = 16;

/// A graph under construction.
#[derive(Debug)]
pub(super) struct GraphBuilder {
    pub(super) nodes: Vec<NodeProto>,
    pub(super) initializers: Vec<TensorProto>,
    pub(super) scope: Scope,
    /// Number of weights so far.
    pub(super) parameters: u64,
    named: usize,
}

/// A convolution or deconvolution.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Convolution {
    /// Shape of the weights as ONNX has it: (outputs, inputs / groups, height, width), the first two swapped for a
    /// deconvolution.
    pub(super) shape: [usize; 4],
    /// Down and across.
    pub(super) strides: [usize; 2],
    /// Down and across.
    pub(super) dilations: [usize; 2],
    /// Top, left, bottom, right.
    pub(super) pads: [usize; 4],
    pub(super) groups: usize,
    /// Extra rows and columns at the end of a deconvolution's output.
    pub(super) output_padding: Option<[usize; 2]>,
    pub(super) weights: Vec<f32>,
    pub(super) bias: Option<Vec<f32>>,
}

impl Convolution {
    /// A square convolution that keeps the picture's size.
    pub(super) const fn same(shape: [usize; 4], weights: Vec<f32>, bias: Vec<f32>) -> Self {
        let [_, _, height, width] = shape;
        let (down, across) = (height / 2, width / 2);
        Self {
            shape,
            strides: [1, 1],
            dilations: [1, 1],
            pads: [down, across, down, across],
            groups: 1,
            output_padding: None,
            weights,
            bias: Some(bias),
        }
    }
}

impl GraphBuilder {
    /// A graph whose [`PICTURE`] has `channels` channels.
    pub(super) fn new(channels: usize) -> Self {
        let mut scope = Scope::default();
        scope.extents.insert(PICTURE.into(), Extent::picture(channels, PROBE, PROBE));
        Self { nodes: Vec::new(), initializers: Vec::new(), scope, parameters: 0, named: 0 }
    }

    /// Adds an operator and returns the name of what it gives.
    pub(super) fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: Vec<AttributeProto>,
    ) -> Result<String, String> {
        let output = self.name("t");
        let node = NodeProto::new(operator, inputs, &output, attributes);
        let extent = self.scope.infer(&node)?;
        self.scope.extents.insert(output.clone(), extent);
        self.nodes.push(node);
        Ok(output)
    }

    /// Adds a convolution; the bias is left out where it is zero.
    pub(super) fn convolution(&mut self, input: &str, layer: Convolution) -> Result<String, String> {
        self.windowed("Conv", input, layer)
    }

    /// Adds a convolution whose weights are no part of the network but settings of ours.
    pub(super) fn settings_convolution(&mut self, input: &str, layer: Convolution) -> Result<String, String> {
        let parameters = self.parameters;
        let output = self.convolution(input, layer);
        self.parameters = parameters;
        output
    }

    /// Adds a deconvolution, also known as transposed convolution.
    pub(super) fn deconvolution(&mut self, input: &str, layer: Convolution) -> Result<String, String> {
        self.windowed("ConvTranspose", input, layer)
    }

    fn windowed(&mut self, operator: &str, input: &str, layer: Convolution) -> Result<String, String> {
        let [_, _, height, width] = layer.shape;
        let ints = |name: &str, values: &[usize]| {
            AttributeProto::ints(name, &values.iter().map(|&value| value as i64).collect::<Vec<_>>())
        };
        let mut attributes = vec![
            ints("kernel_shape", &[height, width]),
            ints("strides", &layer.strides),
            ints("dilations", &layer.dilations),
            ints("pads", &layer.pads),
            AttributeProto::int("group", layer.groups as i64),
        ];
        attributes.extend(layer.output_padding.map(|extra| ints("output_padding", &extra)));
        let weights = self.floats(&layer.shape, &layer.weights)?;
        let bias = layer.bias.filter(|bias| bias.iter().any(|&value| value != 0.0));
        let bias = bias.map(|bias| self.floats(&[bias.len()], &bias)).transpose()?;
        let inputs: Vec<&str> = [input, &weights].into_iter().chain(bias.as_deref()).collect();
        self.node(operator, &inputs, attributes)
    }

    /// Adds a constant of floats, which count as weights.
    pub(super) fn floats(&mut self, dims: &[usize], values: &[f32]) -> Result<String, String> {
        if dims.iter().product::<usize>() != values.len() {
            return Err(format!("a constant of shape {dims:?} has {} values", values.len()));
        }
        if values.iter().any(|value| !value.is_finite()) {
            return Err("a weight is not a number or infinite".into());
        }
        let name = self.name("w");
        let few = if values.len() <= REMEMBERED { values } else { &[] };
        let values_kept = few.iter().map(|&value| f64::from(value)).collect();
        self.scope.constants.insert(name.clone(), Constant { dims: dims.to_vec(), values: values_kept });
        self.initializers.push(TensorProto::floats(&name, dims, values));
        self.parameters += values.len() as u64;
        Ok(name)
    }

    /// Adds settings of an operator.
    fn settings(&mut self, values: &[f32]) -> Result<String, String> {
        let parameters = self.parameters;
        let name = self.floats(&[values.len()], values);
        self.parameters = parameters;
        name
    }

    /// Adds a single number.
    pub(super) fn scalar(&mut self, value: f32) -> Result<String, String> {
        let parameters = self.parameters;
        let name = self.floats(&[], &[value]);
        self.parameters = parameters;
        name
    }

    /// Makes one of constants that are equal: of weights that a network uses twice.
    pub(super) fn share_constants(&mut self) {
        let (mut kept, mut shared) = (HashMap::new(), HashMap::new());
        self.initializers.retain(|constant| {
            let name = constant.name.clone().unwrap_or_default();
            let value = TensorProto { name: None, ..constant.clone() }.encode_to_vec();
            match kept.entry(value) {
                Entry::Vacant(place) => {
                    place.insert(name);
                    true
                }
                Entry::Occupied(earlier) => {
                    shared.insert(name, earlier.get().clone());
                    false
                }
            }
        });
        for input in self.nodes.iter_mut().flat_map(|node| &mut node.input) {
            if let Some(earlier) = shared.get(input) {
                input.clone_from(earlier);
            }
        }
    }

    /// Adds the number of an axis: 1 channels, 2 rows, 3 columns.
    pub(super) fn axis(&mut self, axis: i64) -> String {
        self.integers(&[axis])
    }

    fn integers(&mut self, values: &[i64]) -> String {
        let name = self.name("i");
        let kept = values.iter().map(|&value| value as f64).collect();
        self.scope.constants.insert(name.clone(), Constant { dims: vec![values.len()], values: kept });
        self.initializers.push(TensorProto::integers(&name, values));
        name
    }

    /// Cuts `axes` (1 channels, 2 rows, 3 columns) from `starts` to `ends`; negative ones count from the end.
    pub(super) fn slice(
        &mut self,
        input: &str,
        starts: &[i64],
        ends: &[i64],
        axes: &[i64],
    ) -> Result<String, String> {
        let [starts, ends, axes] = [starts, ends, axes].map(|list| self.integers(list));
        self.node("Slice", &[input, &starts, &ends, &axes], vec![])
    }

    /// Resizes rows and columns by `scales`.
    pub(super) fn resize(
        &mut self,
        input: &str,
        scales: [f32; 2],
        resampling: Resampling,
    ) -> Result<String, String> {
        let scales = self.settings(&[1.0, 1.0, scales[0], scales[1]])?;
        let text = AttributeProto::text;
        let attributes = match resampling {
            Resampling::Nearest => vec![
                text("mode", "nearest"),
                text("nearest_mode", "floor"),
                text("coordinate_transformation_mode", "asymmetric"),
            ],
            Resampling::Linear => {
                vec![text("mode", "linear"), text("coordinate_transformation_mode", "half_pixel")]
            }
            Resampling::Cubic => vec![
                text("mode", "cubic"),
                AttributeProto::float("cubic_coeff_a", -0.75),
                text("coordinate_transformation_mode", "half_pixel"),
            ],
        };
        self.node("Resize", &[input, "", &scales], attributes)
    }

    /// Joins pictures along their channels.
    pub(super) fn concatenate(&mut self, inputs: &[&str]) -> Result<String, String> {
        match inputs {
            [single] => Ok((*single).into()),
            _ => self.node("Concat", inputs, vec![AttributeProto::int("axis", 1)]),
        }
    }

    /// Turns blocks of channels into blocks of pixels; the block's place is the fastest part of the channel.
    pub(super) fn depth_to_space(&mut self, input: &str, block: usize) -> Result<String, String> {
        let attributes =
            vec![AttributeProto::int("blocksize", block as i64), AttributeProto::text("mode", "CRD")];
        self.node("DepthToSpace", &[input], attributes)
    }

    /// Repeats the border of `input` by `width` pixels on each side.
    pub(super) fn repeat_border(&mut self, input: &str, width: usize) -> Result<String, String> {
        let width = width as i64;
        let pads = self.integers(&[0, 0, width, width, 0, 0, width, width]);
        self.node("Pad", &[input, &pads], vec![AttributeProto::text("mode", "edge")])
    }

    fn name(&mut self, prefix: &str) -> String {
        self.named += 1;
        format!("{prefix}{}", self.named)
    }
}

/// How a picture is resized. All are without antialiasing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resampling {
    /// The pixel at or before the place.
    Nearest,
    /// Between pixel centres.
    Linear,
    /// Between pixel centres, with a = -0.75.
    Cubic,
}
