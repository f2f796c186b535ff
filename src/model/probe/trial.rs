//! Small runs of a network on pictures.

use super::graph::{Arrangement, Graph};
use super::picture::Planar;
use super::trial_values;
use crate::frame::{DataType, Tensor, TensorLayout};
use crate::model::{Runtime, tensor};
use half::f16;
use ort::logging::LogLevel;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue};
use ort::value::DynValue;
use std::borrow::Cow;

/// What tensor elements stand for: `picture value * range - mean`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Values {
    pub(super) range: f32,
    pub(super) mean: f32,
}

/// Picture values as they are.
pub(super) const UNIT: Values = Values { range: 1.0, mean: 0.0 };
/// 8-bit code values.
pub(super) const CODES: Values = Values { range: 255.0, mean: 0.0 };
/// Black is -1 and white is 1.
pub(super) const SIGNED: Values = Values { range: 2.0, mean: 1.0 };

/// A session that keeps what ONNX Runtime has to say about failing runs to itself: trial runs may fail.
pub(super) fn quiet_session(runtime: &Runtime, network: &[u8]) -> ort::Result<Session> {
    let builder = Session::builder(runtime.environment())?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_log_level(LogLevel::Fatal)?
        .with_intra_op_spinning(false)?;
    let mut builder = builder;
    builder.commit_from_memory(network)
}

/// A network whose inputs and outputs are told apart.
pub(super) struct Trial {
    session: Session,
    input: String,
    output: String,
    kind: DataType,
    arguments: Vec<(String, DynValue)>,
    pub(super) layout: TensorLayout,
    pub(super) channels: usize,
    pub(super) output_kind: DataType,
    pub(super) output_layout: TensorLayout,
    /// Arrangements that the output may have.
    output_arrangements: Vec<Arrangement>,
}

impl Trial {
    /// Binds the arguments to their defaults, or ones.
    pub(super) fn new(session: Session, graph: &Graph) -> Result<Self, String> {
        let bind = |argument: &crate::model::Argument| {
            let values = argument.values(&trial_values(argument))?;
            let value = tensor::argument(argument, &values).map_err(|error| error.to_string())?;
            Ok((argument.name.clone(), value))
        };
        Ok(Self {
            session,
            input: graph.input.name.clone(),
            output: graph.output.name.clone(),
            kind: graph.input.kind,
            arguments: graph.arguments.iter().map(bind).collect::<Result<_, String>>()?,
            layout: TensorLayout::Nchw,
            channels: 0,
            output_kind: graph.output.kind,
            output_layout: TensorLayout::Nchw,
            output_arrangements: graph.output.arrangements.clone(),
        })
    }

    /// Runs the network on `picture`, with the arrangement that is set. The output's elements are as they come.
    pub(super) fn run(&mut self, picture: &Planar, values: Values) -> Result<Planar, String> {
        let input = packed(picture, self.layout, self.kind, values);
        let failed = |error: ort::Error| short(&error.to_string());
        let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> =
            vec![(self.input.as_str().into(), tensor::picture(&input).map_err(failed)?)];
        inputs.extend(self.arguments.iter().map(|(name, value)| (name.as_str().into(), value.into())));
        let outputs = self.session.run(inputs).map_err(failed)?;
        let output = outputs.get(&self.output).ok_or("it gave no output")?;
        let shape: Vec<usize> =
            output.shape().iter().map(|side| usize::try_from(*side).unwrap_or(0)).collect();
        let channels = picture.channels;
        let fits = |layout: TensorLayout| match (layout, shape.as_slice()) {
            (TensorLayout::Nchw, &[1, c, h, w]) if c == channels => Some((w, h)),
            (TensorLayout::Nhwc, &[1, h, w, c]) if c == channels => Some((w, h)),
            _ => None,
        };
        let mut layouts = self.output_arrangements.iter().filter(|(_, c)| *c == channels);
        let found = layouts.find_map(|(layout, _)| Some((*layout, fits(*layout)?)));
        let (layout, (width, height)) =
            found.ok_or_else(|| format!("{channels} channels in gave an output of shape {shape:?}"))?;
        self.output_layout = layout;
        let elements: Vec<f32> = match self.output_kind {
            DataType::F32 => output.try_extract_tensor::<f32>().map_err(failed)?.1.to_vec(),
            DataType::F16 => {
                output.try_extract_tensor::<f16>().map_err(failed)?.1.iter().map(|v| v.to_f32()).collect()
            }
            DataType::U8 => {
                output.try_extract_tensor::<u8>().map_err(failed)?.1.iter().copied().map(f32::from).collect()
            }
        };
        let at = |c: usize, x: usize, y: usize| match layout {
            TensorLayout::Nchw => (c * height + y) * width + x,
            TensorLayout::Nhwc => (y * width + x) * channels + c,
        };
        Ok(Planar::of(channels, (width, height), |c, x, y| {
            elements.get(at(c, x, y)).copied().unwrap_or(f32::NAN)
        }))
    }
}

fn packed(picture: &Planar, layout: TensorLayout, kind: DataType, values: Values) -> Tensor {
    let (channels, width, height) = (picture.channels, picture.width, picture.height);
    let element = |value: f32| value * values.range - values.mean;
    let elements: Vec<f32> = match layout {
        TensorLayout::Nchw => picture.values.iter().copied().map(element).collect(),
        TensorLayout::Nhwc => {
            let place = |index: usize| (index % channels, index / channels % width, index / channels / width);
            let at = |(c, x, y)| element(picture.at(c, x, y));
            (0..channels * width * height).map(|index| at(place(index))).collect()
        }
    };
    let mut tensor = Tensor::empty();
    tensor.reset([channels, height, width], layout, kind);
    tensor.data.store(&elements);
    tensor
}

/// The first line of a message of ONNX Runtime, without its tail.
pub(super) fn short(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    line.chars().take(200).collect()
}
