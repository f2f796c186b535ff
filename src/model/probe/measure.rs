//! What small runs tell: scale, value range, order of channels, alignment, reach.

use super::graph::Graph;
use super::picture::{Planar, contrast, photo};
use super::trial::{CODES, SIGNED, Trial, UNIT, Values};
use crate::frame::{DataType, TensorColor};
use ort::session::Session;

/// Sizes of the first runs, until one succeeds: small for a quick answer, larger for networks that halve often.
const SIZES: [(usize, usize); 4] = [(96, 64), (128, 128), (256, 256), (512, 512)];

/// Largest difference between outputs that counts as none, in picture values: under half a code value of 8 bits.
const TOLERANCE: f32 = 0.4 / 255.0;

/// Mean error from which on an output does not resemble its input any more.
const STRANGE: f32 = 0.25;

/// Contrast below which a picture counts as flat.
const FLAT: f32 = 0.02;

/// Alignments that networks ask for.
const MULTIPLES: [usize; 11] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64];

/// Margin where none could be measured.
const ASSUMED_MARGIN: usize = 32;

/// Sizes going in and coming out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Geometry {
    /// A size that the network takes.
    pub(super) size: (usize, usize),
    pub(super) scale: usize,
    /// Input pixels on each side that the output lacks.
    pub(super) padding: usize,
}

impl Geometry {
    const fn output(&self, length: usize) -> usize {
        length.saturating_sub(2 * self.padding) * self.scale
    }
}

/// Finds an arrangement and a size that the network takes, and how the output's size follows from it.
pub(super) fn geometry(session: Session, graph: &Graph) -> Result<(Trial, Geometry), String> {
    let mut trial = Trial::new(session, graph)?;
    let fixed = (graph.input.width, graph.input.height);
    let mut reasons = Vec::new();
    for (layout, channels) in &graph.input.arrangements {
        (trial.layout, trial.channels) = (*layout, *channels);
        for size in SIZES {
            let size = (fixed.0.unwrap_or(size.0), fixed.1.unwrap_or(size.1));
            match sizes(&mut trial, size, fixed) {
                Ok(geometry) => return Ok((trial, geometry)),
                Err(reason) => reasons.push(reason),
            }
            if fixed.0.is_some() && fixed.1.is_some() {
                break;
            }
        }
    }
    let reason = reasons.into_iter().next().unwrap_or_default();
    Err(format!("it makes no picture of a picture: {reason}"))
}

fn sizes(
    trial: &mut Trial,
    size: (usize, usize),
    fixed: (Option<usize>, Option<usize>),
) -> Result<Geometry, String> {
    let mut output = |size| {
        let picture = Planar::of(trial.channels, size, photo);
        let values = if trial.output_kind == DataType::U8 { CODES } else { UNIT };
        trial.run(&picture, values).map(|output| (output.width, output.height))
    };
    let first = output(size)?;
    let larger = (fixed.0.unwrap_or(size.0 + 32), fixed.1.unwrap_or(size.1 + 32));
    let second = output(larger)?;
    let axes = [(size.0, first.0, larger.0, second.0), (size.1, first.1, larger.1, second.1)];
    let [across, down] = axes.map(|(a, from_a, b, from_b)| axis(a, from_a, (b > a).then_some((b, from_b))));
    match (across, down) {
        (Some(across), Some(down)) if across == down && across.0 <= 8 => {
            Ok(Geometry { size, scale: across.0, padding: across.1 })
        }
        _ => Err(format!(
            "{} x {} pixels became {} x {}, expected 1 to 8 times as many on both sides, or what valid \
             convolutions leave of them",
            size.0, size.1, first.0, first.1
        )),
    }
}

/// Scale and padding of one axis, from the lengths of one run or two.
fn axis(length: usize, output: usize, other: Option<(usize, usize)>) -> Option<(usize, usize)> {
    let scale = match other {
        Some((longer, longer_output)) => {
            let (step, output_step) = (longer - length, longer_output.checked_sub(output)?);
            output_step.is_multiple_of(step).then(|| output_step / step)?
        }
        // Half or a quarter of a picture is not what valid convolutions leave.
        None if [2, 4, 8].iter().any(|factor| output * factor == length) => return None,
        None => output.div_ceil(length),
    };
    let lost = (scale * length).checked_sub(output)?;
    (scale > 0 && lost.is_multiple_of(2 * scale)).then(|| (scale, lost / (2 * scale)))
}

/// What elements stand for on both sides.
#[derive(Clone, Debug)]
pub(super) struct ValueRange {
    pub(super) input: Values,
    pub(super) output: Values,
    pub(super) assumed: Option<&'static str>,
    /// True if red and blue come out exchanged.
    swapped: bool,
    error: f32,
}

/// The range with which the output resembles the input most.
pub(super) fn value_range(trial: &mut Trial, graph: &Graph, geometry: &Geometry) -> ValueRange {
    let candidates: Vec<Values> = match graph.value_range {
        _ if graph.input.kind == DataType::U8 => vec![CODES],
        Some("0..255") => vec![CODES],
        Some("-1..1") => vec![SIGNED],
        Some(_) => vec![UNIT],
        None => vec![UNIT, CODES, SIGNED],
    };
    let picture = Planar::of(trial.channels, geometry.size, photo);
    let mut best: Option<ValueRange> = None;
    for input in candidates {
        let Some(found) = resemblance(trial, geometry, &picture, input) else { continue };
        // A linear network is the same with every range: the first one stays unless another is clearly better.
        if best.as_ref().is_none_or(|best| found.error < 0.85 * best.error - 0.002) {
            best = Some(found);
        }
    }
    let mut best = best.unwrap_or(ValueRange {
        input: UNIT,
        output: UNIT,
        assumed: None,
        swapped: false,
        error: f32::INFINITY,
    });
    if best.error > STRANGE && graph.value_range.is_none() && graph.input.kind != DataType::U8 {
        best.assumed = Some("the value range, for the output does not resemble the input");
    }
    best
}

/// How much the output for `picture` resembles it.
fn resemblance(
    trial: &mut Trial,
    geometry: &Geometry,
    picture: &Planar,
    input: Values,
) -> Option<ValueRange> {
    let output = trial.run(picture, input).ok()?.shrunk(geometry.scale);
    if !output.values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let expected = picture.inner(geometry.padding);
    let outputs =
        if trial.output_kind == DataType::U8 { vec![CODES] } else { vec![input, UNIT, CODES, SIGNED] };
    let mut best: Option<ValueRange> = None;
    for values in outputs {
        for swapped in [false, true] {
            let expected = if swapped { &expected.reversed() } else { &expected };
            let error = difference(&output, values, expected);
            if best.as_ref().is_none_or(|best| error < best.error) {
                best = Some(ValueRange { input, output: values, assumed: None, swapped, error });
            }
        }
    }
    best
}

/// Root of the mean squared difference, in picture values; infinite for a picture without contrast, which resembles
/// nothing.
fn difference(output: &Planar, values: Values, expected: &Planar) -> f32 {
    let (low, high) = output
        .values
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
    if (high - low) / values.range < FLAT {
        return f32::INFINITY;
    }
    let picture = |element: f32| (element + values.mean) / values.range;
    let pairs = output.values.iter().zip(&expected.values);
    let sum: f32 = pairs.map(|(element, value)| (picture(*element) - value).powi(2)).sum();
    (sum / output.values.len().max(1) as f32).sqrt()
}

/// The order of channels on both sides.
#[derive(Clone, Debug)]
pub(super) struct Colour {
    pub(super) input: TensorColor,
    pub(super) output: TensorColor,
    pub(super) assumed: Option<&'static str>,
}

/// Luma for one channel; else the order in which the network keeps colours best, and RGB where it treats all alike.
pub(super) fn colour(trial: &mut Trial, graph: &Graph, geometry: &Geometry, range: &ValueRange) -> Colour {
    let (rgb, bgr) = (TensorColor::Rgb, TensorColor::Bgr);
    if trial.channels == 1 {
        return Colour { input: TensorColor::Luma, output: TensorColor::Luma, assumed: None };
    }
    let reversed = Planar::of(trial.channels, geometry.size, photo).reversed();
    let other =
        resemblance(trial, geometry, &reversed, range.input).map_or(f32::INFINITY, |found| found.error);
    let clearly = |better: f32, worse: f32| better < 0.8 * worse && worse - better > 0.004;
    let (input, assumed) = if graph.says_bgr || clearly(other, range.error) {
        (bgr, None)
    } else if clearly(range.error, other) {
        (rgb, None)
    } else {
        (rgb, Some("the order RGB, for it treats all channels alike"))
    };
    let output = if (input == bgr) == range.swapped { rgb } else { bgr };
    Colour { input, output, assumed }
}

/// The smallest alignment with which the output has the size that it should have.
pub(super) fn multiple(trial: &mut Trial, graph: &Graph, geometry: &Geometry) -> usize {
    let fixed = (graph.input.width, graph.input.height);
    if fixed.0.is_some() && fixed.1.is_some() {
        return 1;
    }
    let mut works = |multiple: usize| {
        let side =
            |fixed: Option<usize>, at_least: usize| fixed.unwrap_or_else(|| odd_multiple(multiple, at_least));
        let size = (side(fixed.0, geometry.size.0), side(fixed.1, geometry.size.1));
        let picture = Planar::of(trial.channels, size, photo);
        let values = if trial.output_kind == DataType::U8 { CODES } else { UNIT };
        trial.run(&picture, values).is_ok_and(|output| {
            (output.width, output.height) == (geometry.output(size.0), geometry.output(size.1))
        })
    };
    // The size of the first run works, whatever it is a multiple of.
    MULTIPLES.into_iter().find(|multiple| works(*multiple)).unwrap_or(geometry.size.0)
}

/// A multiple from `at_least` on that is no multiple of anything larger that networks ask for.
fn odd_multiple(multiple: usize, at_least: usize) -> usize {
    let prime = |n: usize| n > 2 && (2..n).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
    let factor = (at_least.div_ceil(multiple).max(5)..).find(|factor| prime(*factor)).unwrap_or(1);
    multiple * factor
}

/// How far an output pixel sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reach {
    /// In input pixels.
    pub(super) margin: usize,
    /// True if it sees the whole picture.
    pub(super) global: bool,
    /// True if no run told.
    pub(super) assumed: bool,
}

/// Cuts a strip off a picture, or changes its end where the size is fixed, and sees how far from there the output
/// differs.
pub(super) fn reach(
    trial: &mut Trial,
    geometry: &Geometry,
    range: &ValueRange,
    multiple: usize,
    fixed: bool,
    thorough: bool,
) -> Reach {
    let mut reach = Reach { margin: 0, global: false, assumed: false };
    let pictures: &[fn(usize, usize, usize) -> f32] = if thorough { &[contrast, photo] } else { &[contrast] };
    for picture in pictures {
        for upright in [false, true].into_iter().take(if thorough { 2 } else { 1 }) {
            let length = if fixed {
                if upright { geometry.size.1 } else { geometry.size.0 }
            } else {
                (if thorough { 384 } else { 192usize }).next_multiple_of(multiple)
            };
            let kept = (length * 2 / 3).next_multiple_of(multiple).min(length);
            let strip = Strip { length, kept, upright, fixed };
            match strip.reach(trial, geometry, range, *picture) {
                Some(distance) => {
                    reach.global |= distance + geometry.padding + 8 >= kept;
                    reach.margin = reach.margin.max(distance);
                }
                None => reach.assumed = true,
            }
        }
    }
    // Other pictures may reach a little farther than these did.
    reach.margin += reach.margin.div_ceil(4);
    if reach.global || (reach.assumed && reach.margin == 0) {
        reach.margin = ASSUMED_MARGIN;
    }
    reach
}

/// A long picture that is cut, or changed, at `kept`.
struct Strip {
    length: usize,
    kept: usize,
    /// Long from top to bottom instead of from left to right.
    upright: bool,
    /// The network takes one size only: what lies beyond the cut is changed instead.
    fixed: bool,
}

impl Strip {
    /// The largest distance from the cut, in input pixels, at which the output differs.
    fn reach(
        &self,
        trial: &mut Trial,
        geometry: &Geometry,
        range: &ValueRange,
        picture: fn(usize, usize, usize) -> f32,
    ) -> Option<usize> {
        let size = |length: usize| match self.upright {
            false => (length, geometry.size.1),
            true => (geometry.size.0, length),
        };
        let whole = Planar::of(trial.channels, size(self.length), picture);
        let other = if self.fixed {
            let beyond = |x: usize, y: usize| (if self.upright { y } else { x }) >= self.kept;
            Planar::of(trial.channels, size(self.length), |c, x, y| match beyond(x, y) {
                true => 1.0 - picture(c, x, y),
                false => picture(c, x, y),
            })
        } else {
            Planar::of(trial.channels, size(self.kept), picture)
        };
        let first = trial.run(&whole, range.input).ok()?;
        let second = trial.run(&other, range.input).ok()?;
        let shown = |element: f32| ((element + range.output.mean) / range.output.range).clamp(0.0, 1.0);
        // The cut, in output pixels.
        let edge = match self.fixed {
            true => self.kept.saturating_sub(geometry.padding) * geometry.scale,
            false => geometry.output(self.kept),
        };
        let across = if self.upright { first.width } else { first.height };
        let differs = |along: usize| {
            (0..trial.channels).any(|c| {
                (0..across).any(|at| {
                    let (x, y) = if self.upright { (at, along) } else { (along, at) };
                    // Written so that a difference that is not a number counts.
                    let same = (shown(first.at(c, x, y)) - shown(second.at(c, x, y))).abs() <= TOLERANCE;
                    !same
                })
            })
        };
        let distance = (0..edge).find(|along| differs(*along)).map_or(0, |along| edge - along);
        Some(distance.div_ceil(geometry.scale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_and_padding_follow_from_lengths() {
        assert_eq!(axis(96, 192, Some((128, 256))), Some((2, 0)));
        assert_eq!(axis(96, 176, Some((128, 240))), Some((2, 4)));
        assert_eq!(axis(96, 88, Some((128, 120))), Some((1, 4)));
        assert_eq!(axis(64, 100, None), Some((2, 7)));
        assert_eq!(axis(64, 256, None), Some((4, 0)));
        // A thumbnail, a fixed output size, a half pixel.
        assert_eq!(axis(96, 48, Some((128, 64))), None);
        assert_eq!(axis(64, 32, None), None);
        assert_eq!(axis(96, 224, Some((128, 224))), None);
        assert_eq!(axis(96, 191, Some((128, 255))), None);
    }

    #[test]
    fn odd_multiples_have_no_larger_alignment() {
        for multiple in MULTIPLES {
            let length = odd_multiple(multiple, 64);
            assert!(length >= 64 && length.is_multiple_of(multiple));
            let larger = MULTIPLES.iter().filter(|other| **other > multiple);
            assert!(larger.clone().all(|other| !length.is_multiple_of(*other)), "{multiple}: {length}");
        }
    }
}
