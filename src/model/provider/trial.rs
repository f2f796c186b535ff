//! A short run on made-up pictures: how fast a session is, and whether it computes what 32-bit floats on the processor do.

use super::append::{Built, Placement, SessionPlan, build, first_line};
use super::capture::begin_run;
use super::plugins::Unusable;
use crate::frame::{DataType, Tensor, TensorData, TensorLayout};
use crate::model::fit::check_graph;
use crate::model::session::{inputs, output};
use crate::model::{Manifest, Model, Runtime, Task};
use ort::session::Session;
use ort::value::DynValue;
use std::time::{Duration, Instant};

/// Trials are no larger, in picture pixels: networks cost the same per pixel from there on.
const LARGEST: (usize, usize) = (512, 288);
/// Runs that are timed, after one that is not.
const RUNS: u32 = 5;
/// Time after which no further run is made.
const LONGEST: Duration = Duration::from_millis(1500);
/// Largest mean absolute difference of pictures, in 8-bit code values.
const PICTURE_TOLERANCE: f64 = 1.0;
/// Largest mean absolute difference of displacements, in luma samples.
const MOTION_TOLERANCE: f64 = 0.05;
/// Largest mean absolute difference of other outputs, as a share of their mean absolute value.
const OTHER_TOLERANCE: f64 = 0.02;
/// Channels of a motion field that are displacements.
const DISPLACEMENTS: usize = 4;
/// See `pack_pair`: channels of one frame, of the time that is wanted, and of the estimated displacement.
const MOTION_FRAME: usize = 6;
const MOTION_TIME: usize = 12;
const MOTION_ESTIMATE: usize = 13;

/// The inputs of a trial.
pub(super) struct Trial<'a> {
    runtime: &'a Runtime,
    model: &'a Model,
    threads: usize,
    input: Tensor,
    arguments: &'a [(String, DynValue)],
}

impl<'a> Trial<'a> {
    /// Of a network on tensors of `shape`, `[channels, height, width]`, on `threads` threads of the processor.
    pub(super) fn new(
        runtime: &'a Runtime,
        model: &'a Model,
        threads: usize,
        shape: [usize; 3],
        arguments: &'a [(String, DynValue)],
    ) -> Self {
        Self { runtime, model, threads, input: example(&model.manifest, shape), arguments }
    }

    /// Runs the network there; a provider that takes none of it is not usable.
    pub(super) fn on(&self, placement: Placement) -> Result<Tried, Unusable> {
        let manifest = &self.model.manifest;
        let plan = SessionPlan {
            model: &manifest.name,
            network: &self.model.network,
            input: (&manifest.input.name, self.input.layout.axes(self.input.shape)),
            threads: self.threads,
            stream: None,
            graphs: false,
        };
        let Built { mut session, report, .. } = build(self.runtime, &plan, placement)?;
        check_graph(session.inputs(), session.outputs(), manifest).map_err(|problem| {
            let remedy = "use another model (--model), or mend its manifest";
            Unusable::new(format!("{} cannot be used: {problem}", manifest.name), remedy)
        })?;
        if report.runs_nothing() {
            return Err(Unusable::new(report.nothing_text(), "use another device (--device)"));
        }
        let _others_do_not_capture = begin_run(placement.provider);
        let (output, time) = self.run(&mut session).map_err(|error| {
            let text = first_line(&error.to_string()).to_owned();
            Unusable::new(
                format!("{} fails while running {}: {text}", placement.provider, manifest.name),
                "see the messages of ONNX Runtime and the driver",
            )
        })?;
        Ok(Tried { output, time, nodes: (report.nodes, report.nodes_total) })
    }

    /// The output of one run, and the least time that a run took.
    fn run(&self, session: &mut Session) -> ort::Result<(Vec<f32>, Duration)> {
        let output = self.once(session)?;
        let started = Instant::now();
        let mut least = Duration::MAX;
        for _ in 0..RUNS {
            let run = Instant::now();
            self.once(session)?;
            least = least.min(run.elapsed());
            if started.elapsed() > LONGEST {
                break;
            }
        }
        Ok((output, least))
    }

    fn once(&self, session: &mut Session) -> ort::Result<Vec<f32>> {
        let manifest = &self.model.manifest;
        let outputs = session.run(inputs(manifest, &self.input, self.arguments)?)?;
        output(&outputs, manifest)
    }
}

/// What came of a trial.
pub(super) struct Tried {
    /// As f32.
    pub(super) output: Vec<f32>,
    /// The least time of a run.
    pub(super) time: Duration,
    /// Nodes that ran on the provider, and all of them.
    pub(super) nodes: (usize, usize),
}

/// `shape`, smaller where it is larger than a trial needs. Networks of one size keep it, and those of motion: what they
/// lose in lower precision grows with the size.
pub(super) fn trial_shape(manifest: &Manifest, shape: [usize; 3]) -> [usize; 3] {
    let input = &manifest.input;
    let [channels, height, width] = shape;
    if manifest.global || manifest.task.gives_motion() || input.width.is_some() || input.height.is_some() {
        return shape;
    }
    let (block, multiple) = (input.space_to_depth, input.multiple.div_ceil(input.space_to_depth));
    let limit = |side: usize, largest: usize| side.min((largest / block).next_multiple_of(multiple.max(1)));
    [channels, limit(height, LARGEST.1), limit(width, LARGEST.0)]
}

/// A tensor of smooth and of sharp structures, in the network's range.
fn example(manifest: &Manifest, shape: [usize; 3]) -> Tensor {
    let spec = manifest.pack_spec();
    let mut tensor = Tensor::empty();
    if manifest.task.gives_motion() {
        tensor.reset(shape, TensorLayout::Nchw, DataType::F32);
        store(&mut tensor, |channel, y, x| match channel {
            0..MOTION_FRAME => picture(channel, y, x) - 0.45,
            // The same, a cell further left.
            MOTION_FRAME..MOTION_TIME => picture(channel - MOTION_FRAME, y, x + 1) - 0.45,
            MOTION_TIME => 0.5,
            MOTION_ESTIMATE => -0.25,
            _ => 0.0,
        });
        return tensor;
    }
    tensor.reset(shape, spec.layout, spec.kind);
    let (mean, range) = (manifest.input.mean, manifest.input.range);
    store(&mut tensor, |channel, y, x| picture(channel, y, x) * range - mean);
    tensor
}

/// 0..1.
fn picture(channel: usize, y: usize, x: usize) -> f32 {
    let (x, y, phase) = (x as f32, y as f32, channel as f32);
    let waves = (0.05 * x + 0.4 * phase).sin() * (0.07 * y).cos() + 0.3 * (0.9 * x + 0.6 * y).sin();
    let blocks = if ((x as usize / 13) + (y as usize / 9)).is_multiple_of(2) { 0.15 } else { -0.15 };
    (0.5 + 0.22 * waves + blocks).clamp(0.0, 1.0)
}

/// Fills a tensor by channel, row and column.
fn store(tensor: &mut Tensor, value: impl Fn(usize, usize, usize) -> f32) {
    let [channels, height, width] = tensor.shape;
    let mut elements = Vec::with_capacity(channels * height * width);
    match tensor.layout {
        TensorLayout::Nchw => {
            for index in 0..channels * height * width {
                elements.push(value(index / (height * width), index / width % height, index % width));
            }
        }
        TensorLayout::Nhwc => {
            for index in 0..channels * height * width {
                elements.push(value(index % channels, index / (channels * width), index / channels % width));
            }
        }
    }
    match &mut tensor.data {
        TensorData::F32(values) => *values = elements,
        data => data.store(&elements),
    }
}

/// Says what is wrong with `output` beside `reference`, the output of 32-bit floats on the processor; `None` if they agree.
pub(in crate::model) fn agreement(manifest: &Manifest, output: &[f32], reference: &[f32]) -> Option<String> {
    if output.len() != reference.len() || output.is_empty() {
        return Some(format!("expected {} output values, found {}", reference.len(), output.len()));
    }
    if output.iter().any(|value| !value.is_finite()) {
        return Some("its output holds values that are not numbers (NaN or infinite)".into());
    }
    let part = if manifest.task.gives_motion() { output.len() * DISPLACEMENTS / 8 } else { output.len() };
    let pairs = || output.iter().zip(reference).take(part);
    let count = part.max(1) as f64;
    let difference = pairs().map(|(a, b)| f64::from((a - b).abs())).sum::<f64>() / count;
    let (found, tolerance, unit) = match manifest.task {
        task if task.gives_motion() => (difference, MOTION_TOLERANCE, "luma samples"),
        Task::LowLight | Task::StylePrediction => {
            let mean = pairs().map(|(_, b)| f64::from(b.abs())).sum::<f64>() / count;
            (difference / mean.max(1e-6), OTHER_TOLERANCE, "of its mean")
        }
        _ => {
            let range = manifest.output.range.unwrap_or(manifest.input.range);
            (difference / f64::from(range) * 255.0, PICTURE_TOLERANCE, "code values")
        }
    };
    (found > tolerance)
        .then(|| format!("its output is wrong by {found:.3} {unit} on average, more than {tolerance} {unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;

    #[test]
    fn outputs_agree_up_to_the_tolerance_of_their_task() {
        let picture = Model::find("live-x2").unwrap().manifest;
        let reference = vec![0.5; 100];
        let off = |by: f32| reference.iter().map(|value| value + by).collect::<Vec<f32>>();
        assert_eq!(agreement(&picture, &off(0.9 / 255.0), &reference), None);
        assert!(agreement(&picture, &off(1.1 / 255.0), &reference).unwrap().contains("1.100 code values"));
        assert!(agreement(&picture, &off(f32::NAN), &reference).unwrap().contains("NaN"));
        assert!(agreement(&picture, &reference[..50], &reference).unwrap().contains("found 50"));

        let motion = Model::find("predict-live").unwrap().manifest;
        let reference = vec![2.0; 8 * 25];
        let wrong = |channel: usize, by: f32| {
            let mut output = reference.clone();
            output[25 * channel..25 * channel + 25].iter_mut().for_each(|value| *value += by);
            output
        };
        assert_eq!(agreement(&motion, &wrong(0, 0.19), &reference), None);
        assert!(agreement(&motion, &wrong(0, 0.21), &reference).unwrap().contains("luma samples"));
        assert_eq!(agreement(&motion, &wrong(5, 3.0), &reference), None, "no displacement");
    }

    #[test]
    fn large_pictures_are_tried_at_a_smaller_size_that_fits_the_network() {
        let manifest = Model::find("live-x2").unwrap().manifest;
        let [_, height, width] = trial_shape(&manifest, [4, 540, 960]);
        assert_eq!((height * 2, width * 2), (288, 512));
        assert_eq!(trial_shape(&manifest, [4, 50, 60]), [4, 50, 60]);
        let motion = Model::find("predict-live").unwrap().manifest;
        assert_eq!(trial_shape(&motion, [16, 272, 480]), [16, 272, 480]);
    }
}
