//! The next frame by itself, and how sure it is, for programs that decide what becomes of it.

use super::check_frame;
use crate::config::{MotionOptions, ProcessingOptions};
use crate::error::{Error, TimeError};
use crate::frame::{
    BufferPool, Frame, MotionField, MotionMode, Pts, Rational, SmallFrame, Tensor, TensorData, TensorLayout,
};
use crate::kernel::cpu::shrink;
use crate::model::{NetworkReport, RunningNetwork};
use crate::pipeline::RateChange;
use crate::stage::{Detector, Geometry, MotionCount, MotionMaker, MotionPredictor, Real, Transition};
use std::sync::Arc;

/// A frame that has not been shot yet, as a density: the luma of each pixel is Laplace-distributed.
///
/// An error of e, where 1 is the way from black to white, has the density exp(-|e| / b) / (2 b) for a pixel of scale b.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// The middle of the density: a picture of the source's size and format, with the time stamp that was asked for.
    pub mean: Frame,
    /// The scale b of each luma sample: 32-bit floats above 0, `[1, 1, height, width]`. It is the same for all samples of a cell
    /// of [`Predictor::cell`] luma samples along each side, and 1 where nothing is known: before the second frame and after a
    /// cut.
    pub scale: Tensor,
}

/// Predicts frames from those before them, without threads of its own.
///
/// Every prediction is compared with the next real frame, and later ones are trusted the less the farther it was from it, region by
/// region: what moves unforeseeably becomes softer, or stays where it was.
///
/// ```no_run
/// use framecast::config::ProcessingOptions;
/// use framecast::engine::Predictor;
/// use framecast::frame::{Color, Frame, PixelFormat};
/// use framecast::stage::Geometry;
///
/// # fn decoded() -> Option<Frame> { None }
/// # fn main() -> Result<(), framecast::error::Error> {
/// let source =
///     Geometry { width: 640, height: 360, format: PixelFormat::YUV420P, color: Color::default() };
/// let mut predictor = Predictor::new(source, &ProcessingOptions::default())?;
/// while let Some(frame) = decoded() {
///     let next = frame.info.pts + frame.info.duration;
///     predictor.push_frame(frame)?;
///     if let Some(prediction) = predictor.predict(next)? {
///         println!("{} of {:?}", prediction.mean.info.pts, prediction.scale.shape);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Predictor {
    source: Geometry,
    detector: Detector,
    motion: MotionPredictor,
    maker: MotionMaker,
    newest: Option<Known>,
    /// The frame before it, if motion leads from it to the newest.
    before: Option<Known>,
}

/// A frame, and the frame as motion estimation sees it.
#[derive(Debug)]
struct Known {
    frame: Frame,
    small: Arc<SmallFrame>,
}

/// Time stamps are only compared with each other.
const ANY_TIME_BASE: Rational = Rational::new(1, 1);

impl Predictor {
    /// For frames of the geometry `source`. Of `options`, these count: `motion.model`, `motion.scale`, `motion.detector`,
    /// `execution`, `threads`, `kernels` and `runtime_library`.
    ///
    /// # Errors
    /// If an option or a part of `source` is out of its range, or the model, the ONNX Runtime or the kernels cannot be used.
    pub fn new(source: Geometry, options: &ProcessingOptions) -> Result<Self, Error> {
        let motion = MotionOptions {
            mode: MotionMode::Predict,
            dedup: false,
            conceal: false,
            ..options.motion.clone()
        };
        let options = ProcessingOptions { motion, ..options.clone() };
        options.validate()?;
        super::check_source(source)?;
        let change = RateChange::new(&options, ANY_TIME_BASE)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (threads, size) = (options.threads.unwrap_or(cores), (source.width, source.height));
        Ok(Self {
            source,
            detector: Detector::new(change.pacing().detector),
            motion: change.predictor(options.execution, threads, size)?,
            maker: change.maker(&options, &BufferPool::new())?,
            newest: None,
            before: None,
        })
    }

    /// Luma samples along each side of the cells for which motion and scale are found.
    pub const fn cell(&self) -> usize {
        self.motion.shrink()
    }

    /// Provider and nodes of the network, as of now; `None` for the classical estimate.
    pub fn network(&self) -> Option<NetworkReport> {
        self.motion.running().map(RunningNetwork::report)
    }

    /// How predictions did so far.
    pub const fn count(&self) -> MotionCount {
        self.maker.count()
    }

    /// Takes the next real frame, and learns how true the last prediction of it was.
    ///
    /// # Errors
    /// If the frame is not of the source's geometry, its planes are not those that its description tells of
    /// ([`Frame::validate`]), or it is not later than the one before ([`TimeError::NotIncreasing`]). The predictor goes on as if
    /// it had not been pushed.
    pub fn push_frame(&mut self, frame: Frame) -> Result<(), Error> {
        check_frame(&frame, self.source)?;
        self.check_later(frame.info.pts)?;
        let mut small = SmallFrame::default();
        shrink(&frame, self.cell(), &mut small)?;
        let transition = self.detector.observe(&small);
        let follows = transition.has_motion() && transition != Transition::First;
        let small = Arc::new(small);
        let before = self.newest.take();
        let estimate = match &before {
            Some(before) if follows => self.motion.estimate(&small, &before.small),
            _ => None,
        };
        let real = Real { source: &frame, small: &small, follows, estimate };
        self.maker.learn(real, before.as_ref().map(|before| &before.frame))?;
        self.before = before.filter(|_| follows);
        self.newest = Some(Known { frame, small });
        Ok(())
    }

    /// What will be seen at `pts`, after the newest frame; `None` before the first one. Where no motion leads to the newest frame,
    /// at the beginning and after a cut, that is shown again. The farther away the moment, the less true it is.
    ///
    /// # Errors
    /// If `pts` is not later than the newest frame ([`TimeError::NotIncreasing`]), or network or kernels fail.
    pub fn predict(&mut self, pts: Pts) -> Result<Option<Prediction>, Error> {
        self.check_later(pts)?;
        let Some(newest) = &self.newest else { return Ok(None) };
        let first = &newest.frame;
        let Some(before) = &self.before else {
            let size = (self.source.width, self.source.height);
            let mut mean = first.clone();
            mean.info = crate::stage::made_info(&first.info, pts);
            return Ok(Some(Prediction { mean, scale: scale(&MotionField::still(size, self.cell())) }));
        };
        let between = |from: Pts, to: Pts| (i128::from(to) - i128::from(from)) as f32;
        let tau = between(first.info.pts, pts) / between(before.frame.info.pts, first.info.pts);
        let mut field = self.motion.field(&newest.small, &before.small, tau)?;
        let mean = self.maker.make([first, &before.frame], &mut field, tau, pts)?;
        let scale = scale(&field);
        self.maker.expect(field, tau, &newest.small, &before.small);
        Ok(Some(Prediction { mean, scale }))
    }

    fn check_later(&self, found: Pts) -> Result<(), TimeError> {
        let newest = self.newest.as_ref().map(|newest| newest.frame.info.pts);
        match newest.filter(|newest| found <= *newest) {
            Some(previous) => Err(TimeError::NotIncreasing { previous, found }),
            None => Ok(()),
        }
    }
}

/// The scale of each luma sample.
fn scale(field: &MotionField) -> Tensor {
    let (width, height) = (field.source.0 as usize, field.source.1 as usize);
    let cells: Vec<f32> = field.log_scale.iter().map(|log_scale| log_scale.exp()).collect();
    let mut values = Vec::with_capacity(width * height);
    for row in cells.chunks_exact(field.width.max(1)) {
        let first = values.len();
        values.extend(row.iter().flat_map(|scale| std::iter::repeat_n(*scale, field.shrink)).take(width));
        let last = values.len();
        for _ in 1..field.shrink.min((width * height - first) / width.max(1)) {
            values.extend_from_within(first..last);
        }
    }
    Tensor { shape: [1, height, width], layout: TensorLayout::Nchw, data: TensorData::F32(values) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_has_the_scale_of_its_cell() {
        let mut field = MotionField::still((5, 3), 2);
        field.log_scale.iter_mut().zip(1u8..).for_each(|(out, value)| *out = f32::from(value).ln());
        let Tensor { shape, data: TensorData::F32(values), .. } = scale(&field) else { panic!() };
        assert_eq!(shape, [1, 3, 5]);
        let rounded: Vec<f32> = values.iter().map(|value| value.round()).collect();
        assert_eq!(rounded, [1., 1., 2., 2., 3., 1., 1., 2., 2., 3., 4., 4., 5., 5., 6.]);
    }
}
