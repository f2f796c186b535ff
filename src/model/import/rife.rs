//! RIFE (Huang et al., Real-Time Intermediate Flow Estimation for Video Frame Interpolation, ECCV 2022), the network HDv3.
//!
//! Three blocks, at 1/4, 1/2 and the whole of its size, each correct the flow from the middle between two pictures to both
//! of them, and a mask that says which to take. Here it becomes a motion network of framecast's: it sees both frames at half
//! of the source's size, its flow and mask are the motion field, and frames are made of that field as of any other. The pass
//! that blends pictures is left out, as is the block that only its training needs.
//!
//! It knows the middle alone. For other moments the flow is followed from the middle to them, with constant velocity.

use super::Imported;
use super::finish::finish_motion;
use super::graph::{Convolution, GraphBuilder, PICTURE, Resampling};
use super::torch::Checkpoint;
use crate::model::onnx::{AttributeProto, NodeProto};

/// Luma samples of the source along a cell: the network sees a picture of the cells' means.
const SHRINK: usize = 2;
/// The first block works at a quarter of the size and halves that three times.
const MULTIPLE: usize = 32;
/// Channels of a block, and of its first and its last layer but one.
const WIDTH: usize = 90;
const HALF_WIDTH: usize = WIDTH / 2;
/// Two pictures, the mask, two flows.
const INPUTS: usize = 11;
/// How much smaller than the picture each block works.
const BLOCKS: [u8; 3] = [4, 2, 1];
/// Pairs of convolutions in a block.
const PAIRS: usize = 4;

/// B, G, R, as the network was trained, from the four luma values of a cell and its Cb and Cr (BT.709).
const COLOURS: [[f32; 6]; 3] = [
    [0.25, 0.25, 0.25, 0.25, 1.8556, 0.0],
    [0.25, 0.25, 0.25, 0.25, -0.1873, -0.4681],
    [0.25, 0.25, 0.25, 0.25, 0.0, 1.5748],
];
/// What framecast subtracts from luma.
const LUMA_MEAN: f32 = 0.45;
/// Channel of the input that holds the moment.
const MOMENT: i64 = 12;
/// Expected error where both moved pictures agree, and share of their difference that is added to it. The network gives none.
const SMALLEST_SCALE: f32 = 0.01;
const SCALE_OF_DIFFERENCE: f32 = 0.5;
/// Logit of the weight against the first frame's own pixel: the prediction is taken.
const TAKEN: f32 = 8.0;

/// True if the checkpoint looks like this network.
pub(super) fn fits(checkpoint: &Checkpoint<'_>) -> bool {
    checkpoint.shape("block2.conv0.0.0.weight") == Some(&[HALF_WIDTH, INPUTS, 3, 3])
        && checkpoint.shape("block2.conv1.2.weight") == Some(&[HALF_WIDTH, 4, 4, 4])
}

pub(super) fn convert(checkpoint: &Checkpoint<'_>) -> Result<Imported, String> {
    let mut network = Network::new(checkpoint)?;
    let pictures = [network.picture(0)?, network.picture(6)?];
    let mut flow_and_mask = network.correction(0, &pictures, None)?;
    let mut moved = network.moved(&pictures, &flow_and_mask)?;
    for index in 1..BLOCKS.len() {
        let correction = network.correction(index, &moved, Some(&flow_and_mask))?;
        flow_and_mask = network.graph.node("Add", &[&flow_and_mask, &correction], vec![])?;
        moved = network.moved(&pictures, &flow_and_mask)?;
    }
    let field = network.field(&flow_and_mask, &moved)?;
    network.graph.share_constants();
    finish_motion(network.graph, &field, SHRINK, MULTIPLE, "RIFE HDv3, flow at half of the size")
}

/// The network in the making. Flows are in its pixels: dx and dy to the first picture, then to the other.
struct Network<'a> {
    checkpoint: &'a Checkpoint<'a>,
    graph: GraphBuilder,
    /// Each pixel's place, x and y in -1..1 as GridSample has it.
    places: String,
    /// The width of a pixel there, x and y.
    pixel: String,
}

impl<'a> Network<'a> {
    fn new(checkpoint: &'a Checkpoint<'a>) -> Result<Self, String> {
        let mut graph = GraphBuilder::new(crate::frame::MotionField::INPUT_CHANNELS);
        let ones = graph.slice(PICTURE, &[0], &[1], &[1])?;
        let ones = affine(&mut graph, &ones, 0.0, 1.0)?;
        let (mut places, mut pixels) = (Vec::new(), Vec::new());
        for axis in [3, 2] {
            // Counts from 1 along the axis, so that the largest is the length.
            let axis = graph.axis(axis);
            let counted = graph.node("CumSum", &[&ones, &axis], vec![])?;
            let length = graph.node("GlobalMaxPool", &[&counted], vec![])?;
            let two = graph.scalar(2.0)?;
            let pixel = graph.node("Div", &[&two, &length], vec![])?;
            let centre = affine(&mut graph, &counted, 1.0, -0.5)?;
            let place = graph.node("Mul", &[&centre, &pixel], vec![])?;
            places.push(affine(&mut graph, &place, 1.0, -1.0)?);
            pixels.push(pixel);
        }
        let mut join =
            |parts: &[String]| graph.concatenate(&parts.iter().map(String::as_str).collect::<Vec<_>>());
        let (places, pixel) = (join(&places)?, join(&pixels)?);
        Ok(Self { checkpoint, graph, places, pixel })
    }

    /// The colours of the frame whose channels begin at `channel`.
    fn picture(&mut self, channel: i64) -> Result<String, String> {
        let channels = self.graph.slice(PICTURE, &[channel], &[channel + 6], &[1])?;
        let weights = COLOURS.as_flattened().to_vec();
        let mixing = Convolution::same([3, 6, 1, 1], weights, vec![LUMA_MEAN; 3]);
        let colours = self.graph.settings_convolution(&channels, mixing)?;
        let (black, white) = (self.graph.scalar(0.0)?, self.graph.scalar(1.0)?);
        self.graph.node("Clip", &[&colours, &black, &white], vec![])
    }

    /// What block `index` adds to flow and mask: the mean of both orders of the pictures, as RIFE's own program has it. One
    /// order alone leaves still pictures a shift (0.6 of a pixel, and 1.3 dB less between the frames of DAVIS).
    fn correction(
        &mut self,
        index: usize,
        pictures: &[String; 2],
        known: Option<&str>,
    ) -> Result<String, String> {
        let [first, other] = pictures;
        let forwards = self.block(index, [first, other], known)?;
        let parameters = self.graph.parameters;
        let turned = known.map(|known| self.turned(known)).transpose()?;
        let backwards = self.block(index, [other, first], turned.as_deref())?;
        self.graph.parameters = parameters;
        let backwards = self.turned(&backwards)?;
        let sum = self.graph.node("Add", &[&forwards, &backwards], vec![])?;
        affine(&mut self.graph, &sum, 0.5, 0.0)
    }

    /// Flow and mask for the other order of the pictures.
    fn turned(&mut self, flow_and_mask: &str) -> Result<String, String> {
        let [to_first, to_other] = self.flows(flow_and_mask)?;
        let mask = self.graph.slice(flow_and_mask, &[4], &[5], &[1])?;
        let mask = affine(&mut self.graph, &mask, -1.0, 0.0)?;
        self.graph.concatenate(&[&to_other, &to_first, &mask])
    }

    /// One pass of block `index`: 5 channels.
    fn block(&mut self, index: usize, pictures: [&str; 2], known: Option<&str>) -> Result<String, String> {
        let size = f32::from(BLOCKS.get(index).copied().ok_or("there is no such block")?);
        let mut seen = self.graph.concatenate(&pictures)?;
        if let Some(known) = known {
            let mask = self.graph.slice(known, &[4], &[5], &[1])?;
            seen = self.graph.concatenate(&[&seen, &mask])?;
        }
        seen = self.resized(&seen, 1.0 / size)?;
        if let Some(known) = known {
            let flow = self.graph.slice(known, &[0], &[4], &[1])?;
            let flow = self.resized(&flow, 1.0 / size)?;
            let flow = affine(&mut self.graph, &flow, 1.0 / size, 0.0)?;
            seen = self.graph.concatenate(&[&seen, &flow])?;
        }
        let inputs = if known.is_some() { INPUTS } else { 6 };
        let name = |layer: &str| format!("block{index}.{layer}");
        let mut features = self.layer(&name("conv0.0"), &seen, [HALF_WIDTH, inputs], 2)?;
        features = self.layer(&name("conv0.1"), &features, [WIDTH, HALF_WIDTH], 2)?;
        for pair in 0..PAIRS {
            let first = self.layer(&name(&format!("convblock{pair}.0")), &features, [WIDTH; 2], 1)?;
            let second = self.layer(&name(&format!("convblock{pair}.1")), &first, [WIDTH; 2], 1)?;
            features = self.graph.node("Add", &[&second, &features], vec![])?;
        }
        let flow = self.head(&name("conv1"), &features, 4)?;
        let mask = self.head(&name("conv2"), &features, 1)?;
        let (flow, mask) = (self.resized(&flow, size)?, self.resized(&mask, size)?);
        let flow = affine(&mut self.graph, &flow, size, 0.0)?;
        self.graph.concatenate(&[&flow, &mask])
    }

    /// A convolution with its activation. Of the weights only those for the first `inputs` channels are taken: where there is
    /// no flow yet, the original gets zeros.
    fn layer(
        &mut self,
        name: &str,
        input: &str,
        [outputs, inputs]: [usize; 2],
        stride: usize,
    ) -> Result<String, String> {
        let weight = format!("{name}.0.weight");
        let stored = self.checkpoint.shape(&weight).and_then(|shape| shape.get(1)).copied().unwrap_or(inputs);
        let weights = self.checkpoint.floats(&weight, &[outputs, stored, 3, 3])?;
        let taken = weights.chunks(stored.max(1) * 9).flat_map(|kernels| kernels.iter().take(inputs * 9));
        let bias = self.checkpoint.floats(&format!("{name}.0.bias"), &[outputs])?;
        let same = Convolution::same([outputs, inputs, 3, 3], taken.copied().collect(), bias);
        let convolved = self.graph.convolution(input, Convolution { strides: [stride; 2], ..same })?;
        self.activation(&format!("{name}.1.weight"), &convolved, outputs)
    }

    /// Two deconvolutions, each of which doubles the size.
    fn head(&mut self, name: &str, features: &str, outputs: usize) -> Result<String, String> {
        let wide = self.deconvolution(&format!("{name}.0"), features, [WIDTH, HALF_WIDTH])?;
        let wide = self.activation(&format!("{name}.1.weight"), &wide, HALF_WIDTH)?;
        self.deconvolution(&format!("{name}.2"), &wide, [HALF_WIDTH, outputs])
    }

    fn deconvolution(
        &mut self,
        name: &str,
        input: &str,
        [inputs, outputs]: [usize; 2],
    ) -> Result<String, String> {
        let shape = [inputs, outputs, 4, 4];
        let weights = self.checkpoint.floats(&format!("{name}.weight"), &shape)?;
        let bias = self.checkpoint.floats(&format!("{name}.bias"), &[outputs])?;
        let layer = Convolution { strides: [2; 2], pads: [1; 4], ..Convolution::same(shape, weights, bias) };
        self.graph.deconvolution(input, layer)
    }

    fn activation(&mut self, name: &str, input: &str, channels: usize) -> Result<String, String> {
        let slopes = self.checkpoint.floats(name, &[channels])?;
        let slopes = self.graph.floats(&[channels, 1, 1], &slopes)?;
        self.graph.node("PRelu", &[input, &slopes], vec![])
    }

    fn resized(&mut self, input: &str, scale: f32) -> Result<String, String> {
        if same(scale, 1.0) {
            Ok(input.into())
        } else {
            self.graph.resize(input, [scale; 2], Resampling::Linear)
        }
    }

    /// The flow to the first picture, and to the other one.
    fn flows(&mut self, flow_and_mask: &str) -> Result<[String; 2], String> {
        let to_first = self.graph.slice(flow_and_mask, &[0], &[2], &[1])?;
        Ok([to_first, self.graph.slice(flow_and_mask, &[2], &[4], &[1])?])
    }

    /// Both pictures, moved to the middle.
    fn moved(&mut self, [first, other]: &[String; 2], flow_and_mask: &str) -> Result<[String; 2], String> {
        let [to_first, to_other] = self.flows(flow_and_mask)?;
        Ok([self.sampled(first, &to_first)?, self.sampled(other, &to_other)?])
    }

    /// `input` where `flow` (dx, dy) leads from each pixel, linearly between its pixels; its border is repeated.
    fn sampled(&mut self, input: &str, flow: &str) -> Result<String, String> {
        let shifts = self.graph.node("Mul", &[flow, &self.pixel], vec![])?;
        let places = self.graph.node("Add", &[&self.places, &shifts], vec![])?;
        // GridSample wants x and y innermost; nothing else sees that layout, so that it has no extent.
        let grid = format!("{places}.grid");
        let order = AttributeProto::ints("perm", &[0, 2, 3, 1]);
        self.graph.nodes.push(NodeProto::new("Transpose", &[&places], &grid, vec![order]));
        let attributes = vec![
            AttributeProto::text("mode", "bilinear"),
            AttributeProto::text("padding_mode", "border"),
            AttributeProto::int("align_corners", 0),
        ];
        self.graph.node("GridSample", &[input, &grid], attributes)
    }

    /// The motion field at the wanted moment.
    fn field(&mut self, flow_and_mask: &str, [first, other]: &[String; 2]) -> Result<String, String> {
        let difference = self.graph.node("Sub", &[first, other], vec![])?;
        let difference = self.graph.node("Abs", &[&difference], vec![])?;
        let mean = Convolution::same([1, 3, 1, 1], vec![SCALE_OF_DIFFERENCE / 3.0; 3], vec![SMALLEST_SCALE]);
        let scale = self.graph.settings_convolution(&difference, mean)?;
        let log_scale = self.graph.node("Log", &[&scale], vec![])?;
        let in_the_middle = self.graph.concatenate(&[flow_and_mask, &log_scale])?;

        // What is here at the moment is at `back` in the middle.
        let moment = self.graph.slice(PICTURE, &[MOMENT], &[MOMENT + 1], &[1])?;
        let before_middle = affine(&mut self.graph, &moment, -1.0, 0.5)?;
        let [to_first, to_other] = self.flows(flow_and_mask)?;
        let motion = self.graph.node("Sub", &[&to_other, &to_first], vec![])?;
        let back = self.graph.node("Mul", &[&motion, &before_middle], vec![])?;
        let back = self.sampled(&back, &back)?;
        let traced = self.sampled(&in_the_middle, &back)?;
        let both_back = self.graph.concatenate(&[&back, &back])?;
        let displacements = self.graph.slice(&traced, &[0], &[4], &[1])?;
        let displacements = self.graph.node("Add", &[&displacements, &both_back], vec![])?;
        let displacements = affine(&mut self.graph, &displacements, SHRINK as f32, 0.0)?;
        // The mask favours the first picture, the blend of a field the other one.
        let mask = self.graph.slice(&traced, &[4], &[5], &[1])?;
        let blend = affine(&mut self.graph, &mask, -1.0, 0.0)?;
        let log_scale = self.graph.slice(&traced, &[5], &[6], &[1])?;
        let taken = affine(&mut self.graph, &moment, 0.0, TAKEN)?;
        self.graph.concatenate(&[&displacements, &blend, &log_scale, &taken, &taken])
    }
}

/// `factor * input + offset`.
fn affine(graph: &mut GraphBuilder, input: &str, factor: f32, offset: f32) -> Result<String, String> {
    let mut result = input.to_owned();
    if !same(factor, 1.0) {
        let factor = graph.scalar(factor)?;
        result = graph.node("Mul", &[&result, &factor], vec![])?;
    }
    if !same(offset, 0.0) {
        let offset = graph.scalar(offset)?;
        result = graph.node("Add", &[&result, &offset], vec![])?;
    }
    Ok(result)
}

/// True of the numbers between which an operator changes nothing.
const fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits()
}
