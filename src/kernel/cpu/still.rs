//! Finds what stands still between frames while things move behind or around it: overlays.

use super::rows::{self, Sample};
use crate::error::KernelError;
use crate::frame::{Frame, MotionField, Plane, StillMask};
use crate::kernel::check;

/// Finds the pixels that are to be copied, not predicted.
///
/// A pixel is *unchanged* between two frames if its luma and chroma differ by no more than a threshold, and *still* if, of
/// its eight neighbours, at least two are unchanged as well; single pixels are equal by chance.
///
/// Still pixels belong to an overlay or to a background over which things pass, and those things must not be cut off
/// where they go next. What passed over the background lately covered pixels that had been unchanged until then; what
/// moves behind an overlay did not. So a still pixel is left to prediction if the pixels from which its predicted content
/// comes have been covered so between the last two frames.
#[derive(Debug)]
pub struct StillDetector {
    threshold: u32,
    size: (usize, usize),
    /// 1 for each pixel that is unchanged, else 0; between the last two frames and the two before.
    unchanged: Vec<u8>,
    before: Vec<u8>,
    still: Vec<u8>,
    /// 1 for each pixel that was unchanged before and is not now.
    covered: Vec<u8>,
    /// 1 for each pixel around which most are covered.
    passed: Vec<u8>,
    /// A row of chroma.
    chroma: Vec<u8>,
}

/// Neighbours and the pixel itself that are unchanged in a still pixel's 3 x 3.
const LEAST_UNCHANGED: u8 = 3;

/// Covered pixels among 3 x 3 from which on something has passed.
const LEAST_COVERED: u8 = 5;

/// Motion in luma samples along an axis that is none: such pixels do not change place.
const NO_MOTION: f32 = 0.5;

impl StillDetector {
    /// A detector that takes code values of 8 bits for equal that differ by up to `threshold`; deeper samples by as much
    /// times `2^(depth - 8)`.
    pub const fn new(threshold: u32) -> Self {
        Self {
            threshold,
            size: (0, 0),
            unchanged: Vec::new(),
            before: Vec::new(),
            still: Vec::new(),
            covered: Vec::new(),
            passed: Vec::new(),
            chroma: Vec::new(),
        }
    }

    /// Whether two frames were compared yet.
    pub const fn has_compared(&self) -> bool {
        self.size.0 > 0
    }

    /// Compares `frame` with the one `before` it.
    ///
    /// # Errors
    ///
    /// [`KernelError::Shape`] if they differ in size or format.
    pub fn update(&mut self, before: &Frame, frame: &Frame) -> Result<(), KernelError> {
        check::still(before, frame)?;
        let size = (frame.info.width as usize, frame.info.height as usize);
        let count = size.0 * size.1;
        std::mem::swap(&mut self.unchanged, &mut self.before);
        let planes = [&mut self.unchanged, &mut self.before, &mut self.still];
        for plane in planes.into_iter().chain([&mut self.covered, &mut self.passed]) {
            plane.resize(count, 0);
        }
        if self.size != size {
            // Nothing is known of before: until it is, what is still is taken for an overlay.
            self.before.fill(0);
            self.size = size;
        }
        if frame.info.format.sample_bytes() == 1 {
            self.compare::<u8>(before, frame);
        } else {
            self.compare::<u16>(before, frame);
        }
        Ok(())
    }

    fn compare<S: Sample>(&mut self, before: &Frame, frame: &Frame) {
        let format = frame.info.format;
        let (width, _) = self.size;
        let threshold = self.threshold << (format.depth - 8);
        let shifts = format.subsampling();
        let [Some(luma), Some(luma_before)] = [frame, before].map(|frame| frame.planes().first()) else {
            return;
        };
        let planes = || frame.planes().iter().zip(before.planes()).take(format.color_planes()).skip(1);
        let Self { unchanged, before, still, covered, passed, chroma, .. } = self;
        rows::vectorized(
            pulp::Arch::new(),
            #[inline(always)]
            || {
                for (y, out) in unchanged.chunks_exact_mut(width).enumerate() {
                    out.fill(1);
                    keep_equal::<S>(luma, luma_before, y, threshold, out);
                    if planes().next().is_none() {
                        continue;
                    }
                    chroma.clear();
                    chroma.resize(width.div_ceil(1 << shifts.x), 1);
                    for (plane, before) in planes() {
                        keep_equal::<S>(plane, before, y >> shifts.y, threshold, chroma);
                    }
                    keep_repeated(chroma, 1 << shifts.x, out);
                }
                for ((covered, unchanged), before) in covered.iter_mut().zip(&*unchanged).zip(&*before) {
                    *covered = before & (1 - unchanged);
                }
                count_around(
                    unchanged,
                    width,
                    |own, around| own & u8::from(around >= LEAST_UNCHANGED),
                    still,
                );
                count_around(covered, width, |_, around| u8::from(around >= LEAST_COVERED), passed);
            },
        );
    }

    /// Writes the pixels that stand still into `mask`. With `field`, the motion of the frame that is predicted next,
    /// those over which something is about to pass are left out.
    ///
    /// # Errors
    ///
    /// [`KernelError::Shape`] if `field` is for another size, or there was no frame yet.
    pub fn mask(&self, field: Option<&MotionField>, mask: &mut StillMask) -> Result<(), KernelError> {
        check::mask(self.size, field)?;
        let (width, height) = self.size;
        mask.reshape(width, height);
        for (out, still) in mask.values.iter_mut().zip(&self.still) {
            *out = if *still == 0 { 0 } else { 255 };
        }
        let Some(field) = field else { return Ok(()) };
        let [dx, dy] = &field.first;
        for (index, (dx, dy)) in dx.iter().zip(dy).enumerate() {
            if dx.abs() < NO_MOTION && dy.abs() < NO_MOTION {
                continue;
            }
            let (left, top) = (index % field.width * field.shrink, index / field.width * field.shrink);
            let end = (left + field.shrink).min(width);
            for y in top..(top + field.shrink).min(height) {
                let out = mask.values.get_mut(y * width + left..y * width + end).unwrap_or_default();
                let y = (y as i64 + dy.round() as i64).clamp(0, height as i64 - 1) as usize;
                let passed = self.passed.get(y * width..(y + 1) * width).unwrap_or_default();
                for (x, out) in (left as i64 + dx.round() as i64..).zip(out) {
                    let passed = usize::try_from(x).ok().and_then(|x| passed.get(x));
                    if passed.is_some_and(|passed| *passed != 0) {
                        *out = 0;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Sets `out` to 0 where row `y` of two planes differs.
#[inline(always)]
fn keep_equal<S: Sample>(plane: &Plane, before: &Plane, y: usize, threshold: u32, out: &mut [u8]) {
    let samples = bytemuck::cast_slice::<u8, S>(plane.row(y));
    let before = bytemuck::cast_slice::<u8, S>(before.row(y));
    for ((out, sample), before) in out.iter_mut().zip(samples).zip(before) {
        *out &= u8::from(sample.integer().abs_diff(before.integer()) <= threshold);
    }
}

/// Sets `out` to 0 where `row`, each value repeated `times`, is.
#[inline(always)]
fn keep_repeated(row: &[u8], times: usize, out: &mut [u8]) {
    match times {
        1 => out.iter_mut().zip(row).for_each(|(out, value)| *out &= value),
        2 => {
            let (pairs, rest) = out.as_chunks_mut::<2>();
            for ([a, b], value) in pairs.iter_mut().zip(row) {
                (*a, *b) = (*a & value, *b & value);
            }
            rest.iter_mut().zip(row.last()).for_each(|(out, value)| *out &= value);
        }
        _ => {
            for (out, value) in out.chunks_mut(times).zip(row) {
                out.iter_mut().for_each(|out| *out &= value);
            }
        }
    }
}

/// `out` = `judge` of each value of `plane`, in rows of `width`, and the sum of the 3 x 3 around it; outside all are 0.
#[inline(always)]
fn count_around(plane: &[u8], width: usize, judge: impl Fn(u8, u8) -> u8, out: &mut [u8]) {
    let row = |y: usize| plane.get(y * width..(y + 1) * width).unwrap_or_default();
    for (y, out) in out.chunks_exact_mut(width).enumerate() {
        out.fill(0);
        // The row above the first one is none, and so is the one below the last.
        for row in [y.checked_sub(1).map_or(&[][..], row), row(y), row(y + 1)] {
            out.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            let left = out.get_mut(1..).unwrap_or_default();
            left.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            let right = row.get(1..).unwrap_or_default();
            out.iter_mut().zip(right).for_each(|(sum, value)| *sum += value);
        }
        for (out, value) in out.iter_mut().zip(row(y)) {
            *out = judge(*value, *out);
        }
    }
}
