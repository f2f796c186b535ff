//! Networks that see a picture as a whole, and hand what they made of it to a stage that sees the frames in order.

use super::upscale::not_finite;
use super::{Composer, Geometry};
use crate::error::{Error, ModelError};
use crate::frame::{BufferPool, DataType, Frame, PixelFormat, Rational, Subsampling, Tensor};
use crate::kernel::{Kernels, Region, TensorColor, TensorLayout, TensorSpec};
use crate::model::{Execution, Manifest, Model, RunningNetwork, Runtime, Session};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Tensors kept for reuse; more are freed.
const KEPT: usize = 16;

/// Luma as [`Inferred::luma`] holds it.
const LUMA: TensorSpec = TensorSpec {
    color: TensorColor::Luma,
    kind: DataType::F32,
    layout: TensorLayout::Nchw,
    block: 1,
    mean: 0.0,
    range: 1.0,
};

/// Hands out tensors and takes them back, so that a running pipeline allocates none.
#[derive(Clone, Default)]
pub struct TensorPool(Arc<Mutex<Vec<Tensor>>>);

impl TensorPool {
    /// A tensor with unspecified shape and contents.
    pub fn take(&self) -> Tensor {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_else(Tensor::empty)
    }

    /// Takes a tensor back.
    pub fn give(&self, tensor: Tensor) {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < KEPT {
            spare.push(tensor);
        }
    }
}

impl std::fmt::Debug for TensorPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TensorPool")
    }
}

/// A frame and what a network made of it.
#[derive(Debug)]
pub struct Inferred {
    /// The frame as it came.
    pub source: Frame,
    /// Luma of what the network saw, as code / largest code.
    pub luma: Tensor,
    /// The network's output as f32.
    pub output: Tensor,
}

/// What an [`ImageNetwork`] is made of.
#[derive(Debug)]
pub struct ImageNetworkOptions<'a> {
    /// The network.
    pub model: &'a Model,
    /// Where it runs.
    pub execution: Execution,
    /// Threads of its session.
    pub threads: usize,
    /// The frames.
    pub source: Geometry,
    /// What the network sees of them, see [`seen_geometry`].
    pub seen: Geometry,
    /// Pixels of repeated edge around what the network sees, which its output loses again: keeps the zeros with which
    /// convolutions pad away from the picture. Only for networks of planar tensors.
    pub margin: usize,
}

/// Runs a network over frames of one size, each shrunk as a whole to the size at which the network works.
pub struct ImageNetwork {
    kernels: Box<dyn Kernels>,
    session: Session,
    model: String,
    shrink: Option<Composer>,
    region: Region,
    /// The region with its margin.
    padded: Region,
    margin: usize,
    pack: TensorSpec,
    expected: [usize; 3],
    tensors: TensorPool,
    input: Tensor,
    checked: bool,
}

impl std::fmt::Debug for ImageNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ImageNetwork({} at {} x {})", self.model, self.region.width, self.region.height)
    }
}

impl ImageNetwork {
    /// Prepares a network. Fails if it is not one from RGB or luma pictures to tensors of the same size.
    pub fn new(
        runtime: &Runtime,
        options: &ImageNetworkOptions<'_>,
        kernels: Box<dyn Kernels>,
        scaling: Box<dyn Kernels>,
        pool: BufferPool,
        tensors: TensorPool,
    ) -> Result<Self, Error> {
        let manifest = &options.model.manifest;
        check_whole(manifest)?;
        let (source, seen) = (options.source, options.seen);
        let multiple = manifest.input.multiple;
        let margin = options.margin.next_multiple_of(multiple);
        let width = (seen.width as usize).next_multiple_of(multiple);
        let height = (seen.height as usize).next_multiple_of(multiple);
        let (padded_width, padded_height) = (width + 2 * margin, height + 2 * margin);
        let pack = manifest.pack_spec();
        let session = Session::new(
            runtime,
            options.model,
            options.execution,
            options.threads,
            pack.shape(padded_width, padded_height),
        )?;
        let origin = -(margin as i64);
        let shrinks = (source.width, source.height) != (seen.width, seen.height);
        let shrink =
            shrinks.then(|| Composer::new(source, None, seen, Rational::new(1, 1), false, scaling, pool));
        let channels =
            session.output_channels().unwrap_or_else(|| manifest.unpack_spec(false).tensor.channels());
        Ok(Self {
            kernels,
            session,
            model: manifest.name.clone(),
            shrink,
            region: Region { x: 0, y: 0, width, height },
            padded: Region { x: origin, y: origin, width: padded_width, height: padded_height },
            margin,
            pack: manifest.pack_spec(),
            expected: [channels, padded_height, padded_width],
            tensors,
            input: Tensor::empty(),
            checked: false,
        })
    }

    /// Runs the network over `source`.
    pub fn process(&mut self, source: Frame) -> Result<Inferred, Error> {
        let small = self.shrink.as_mut().map(|shrink| shrink.resample(&source)).transpose()?;
        let seen = small.as_ref().unwrap_or(&source);
        let mut luma = self.tensors.take();
        let mut output = self.tensors.take();
        self.kernels.pack(seen, self.region, &LUMA, &mut luma)?;
        self.kernels.pack(seen, self.padded, &self.pack, &mut self.input)?;
        let (model, checked) = (&self.model, self.checked);
        self.session.run(&self.input, self.expected, |view| {
            if !checked && !view.is_finite() {
                return Err(not_finite(model));
            }
            output.assign(view);
            Ok(())
        })??;
        self.checked = true;
        if self.margin > 0 {
            let mut inside = self.tensors.take();
            inside.assign_inside(&output, self.margin);
            self.tensors.give(std::mem::replace(&mut output, inside));
        }
        Ok(Inferred { source, luma, output })
    }

    /// Time spent inside ONNX Runtime so far.
    pub const fn network_time(&self) -> Duration {
        self.session.time()
    }

    /// Where the network's nodes run.
    pub const fn running(&self) -> &RunningNetwork {
        self.session.running()
    }
}

/// What a network sees of frames of `source` where it works at `width` x `height`: frames that have this size already
/// as they are, others in 4:4:4, so that no chroma is lost twice.
pub fn seen_geometry(source: Geometry, width: u32, height: u32) -> Geometry {
    let format = if (width, height) == (source.width, source.height) {
        PixelFormat { alpha: false, ..source.format }
    } else {
        match source.format.color_planes() {
            1 => PixelFormat::gray(source.format.depth),
            _ => PixelFormat::yuv(Subsampling::S444, source.format.depth),
        }
    };
    let color = source.color.for_size((source.width, source.height), (width, height));
    Geometry { width, height, format, color }
}

fn check_whole(manifest: &Manifest) -> Result<(), ModelError> {
    let blocks = (manifest.input.space_to_depth, manifest.output.depth_to_space);
    if manifest.scale == 1 && blocks == (1, 1) && manifest.input.padding == 0 {
        return Ok(());
    }
    Err(ModelError::Model {
        model: manifest.name.clone(),
        problem: format!(
            "expected scale 1 and neither blocks nor padding, found scale {}, blocks {blocks:?} and padding {}",
            manifest.scale, manifest.input.padding
        ),
        remedy: "mend its manifest, or fetch the model again: framecast models pull".into(),
    })
}
