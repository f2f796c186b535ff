//! The geometry and weights of a separable resampling, shared by the backends.

/// Kernel of a resampling. Each is widened when shrinking, so that nothing aliases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    /// Lanczos windowed sinc with 3 lobes (Duchon, 1979).
    Lanczos3,
    /// Cubic convolution with a = -0.5 (Keys, 1981), also called Catmull-Rom.
    CatmullRom,
    /// Linear interpolation.
    Bilinear,
}

impl Filter {
    /// Half the filter's width in source samples when enlarging.
    const fn radius(self) -> f64 {
        match self {
            Self::Lanczos3 => 3.0,
            Self::CatmullRom => 2.0,
            Self::Bilinear => 1.0,
        }
    }

    /// The filter's value at `x` source samples from its centre.
    fn value(self, x: f64) -> f64 {
        let x = x.abs();
        if x >= self.radius() {
            return 0.0;
        }
        match self {
            Self::Lanczos3 => sinc(x) * sinc(x / 3.0),
            Self::CatmullRom if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::CatmullRom => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::Bilinear => 1.0 - x,
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x < 1e-9 {
        return 1.0;
    }
    let t = std::f64::consts::PI * x;
    t.sin() / t
}

/// Geometry along one axis: output sample `j` lies at source position `(j + 0.5) * step - 0.5 + offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// Source samples along the axis.
    pub source: usize,
    /// Output samples along the axis.
    pub output: usize,
    /// Source samples per output sample.
    pub step: f64,
    /// Shift in source samples that siting asks for.
    pub offset: f64,
}

impl Axis {
    /// The axis of a plane that covers the whole picture: luma, alpha, or chroma of any subsampling and siting.
    ///
    /// `luma_step` is source luma samples per output luma sample. `source_shift` and `output_shift` are the log2
    /// subsampling, `source_position` and `output_position` the siting (0..1, see `Siting::position`) on this axis.
    pub fn chroma(
        source: usize,
        output: usize,
        luma_step: f64,
        (source_shift, source_position): (u8, f64),
        (output_shift, output_position): (u8, f64),
    ) -> Self {
        let source_block = f64::from(1u32 << source_shift);
        let output_block = f64::from(1u32 << output_shift);
        // Centre of chroma sample j in luma samples: j * block + position * (block - 1) + 0.5.
        let output_centre = output_position * (output_block - 1.0) + 0.5;
        let source_centre = source_position * (source_block - 1.0) + 0.5;
        let step = luma_step * output_block / source_block;
        let first = (output_centre * luma_step - source_centre) / source_block;
        Self { source, output, step, offset: first - (0.5 * step - 0.5) }
    }

    /// The axis of a plane at luma size, `source` samples becoming `output` samples over the same extent.
    pub fn luma(source: usize, output: usize) -> Self {
        Self { source, output, step: source as f64 / output as f64, offset: 0.0 }
    }

    /// True if every output sample lies on the source sample of the same index.
    pub fn is_identity(&self) -> bool {
        self.source == self.output && (self.step - 1.0).abs() < 1e-9 && self.offset.abs() < 1e-9
    }
}

/// The weights of one axis: output sample `j` is the sum over `k < width` of
/// `weights[j * width + k] * source[clamp(first[j] + k)]`; each row of weights sums to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Taps {
    /// Taps of every output sample.
    pub width: usize,
    /// Source index of each output sample's first tap; may lie outside and is clamped by the reader.
    pub first: Vec<i32>,
    /// `first.len() * width` weights.
    pub weights: Vec<f32>,
}

impl Taps {
    /// The weights of `filter` along `axis`.
    pub(super) fn new(axis: &Axis, filter: Filter) -> Self {
        if axis.is_identity() {
            return Self {
                width: 1,
                first: (0..axis.output as i32).collect(),
                weights: vec![1.0; axis.output],
            };
        }
        let widening = axis.step.max(1.0);
        let radius = filter.radius() * widening;
        let width = (2.0 * radius).ceil() as usize;
        let mut first = Vec::with_capacity(axis.output);
        let mut weights = Vec::with_capacity(axis.output * width);
        for j in 0..axis.output {
            let centre = (j as f64 + 0.5) * axis.step - 0.5 + axis.offset;
            let start = (centre - radius).floor() + 1.0;
            let row: Vec<f64> =
                (0..width).map(|k| filter.value((start + k as f64 - centre) / widening)).collect();
            let sum: f64 = row.iter().sum();
            first.push(start as i32);
            weights.extend(row.iter().map(|w| (w / sum) as f32));
        }
        Self { width, first, weights }
    }

    /// Weights that average `luma` samples down to chroma of log2 subsampling `shift`, each over a box of the
    /// subsampling's size around the chroma sample at `position` (0..1, see `Siting::position`).
    ///
    /// A co-sited chroma sample halves a subsampling of two thus with the taps 1 2 1, a centred one with 1 1.
    pub(super) fn averaging(luma: usize, shift: u8, position: f64) -> Self {
        let block = f64::from(1u32 << shift);
        let width = (1 << shift) + usize::from(shift > 0);
        let mut first = Vec::new();
        let mut weights = Vec::new();
        for j in 0..luma.div_ceil(1 << shift) {
            let start = j as f64 * block + position * (block - 1.0) + 0.5 - block / 2.0;
            let column = start.floor();
            first.push(column as i32);
            weights.extend((0..width).map(|k| {
                let left = column + k as f64;
                let covered = (left + 1.0).min(start + block) - left.max(start);
                (covered.max(0.0) / block) as f32
            }));
        }
        Self { width, first, weights }
    }
}

/// A resampling of one plane, planned once and used for every frame.
#[derive(Clone, Debug, PartialEq)]
pub struct ResamplePlan {
    /// Source width and height in samples.
    pub source: (usize, usize),
    /// Output width and height in samples.
    pub output: (usize, usize),
    /// Weights along rows.
    pub horizontal: Taps,
    /// Weights along columns.
    pub vertical: Taps,
    /// Factor from source to output code values.
    pub gain: f32,
    /// Bits of a source sample.
    pub source_depth: u8,
    /// Bits of an output sample.
    pub output_depth: u8,
    /// Adds an ordered 8x8 dither of ±0.5 code value before rounding; only where depth shrinks.
    pub dither: bool,
}

impl ResamplePlan {
    /// Plans the resampling of one plane.
    ///
    /// `full_range` scales code values by `(2^out - 1) / (2^in - 1)` when the depth changes; limited range and chroma
    /// of limited range by `2^(out - in)`.
    pub fn new(
        horizontal: Axis,
        vertical: Axis,
        filter: Filter,
        (source_depth, output_depth): (u8, u8),
        full_range: bool,
        dither: bool,
    ) -> Self {
        Self {
            source: (horizontal.source, vertical.source),
            output: (horizontal.output, vertical.output),
            horizontal: Taps::new(&horizontal, filter),
            vertical: Taps::new(&vertical, filter),
            gain: (levels(output_depth, full_range) / levels(source_depth, full_range)) as f32,
            source_depth,
            output_depth,
            dither: dither && output_depth < source_depth,
        }
    }

    /// Largest code value of the output.
    pub const fn output_max(&self) -> u32 {
        (1 << self.output_depth) - 1
    }

    /// True if output samples equal source samples.
    pub fn is_copy(&self) -> bool {
        self.horizontal.width == 1
            && self.vertical.width == 1
            && self.source == self.output
            && self.source_depth == self.output_depth
    }
}

/// What code values are proportional to when the depth changes: 2^depth - 1 in full range, 2^depth in limited range.
pub(super) fn levels(depth: u8, full_range: bool) -> f64 {
    f64::from(1u32 << depth) - f64::from(u8::from(full_range))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubled_left_sited_chroma_keeps_its_place() {
        // On left-sited axes both grids begin on the first luma sample, whose centre moves by a quarter luma sample.
        let axis = Axis::chroma(160, 320, 0.5, (1, 0.0), (1, 0.0));
        let position = |j: f64| (j + 0.5) * axis.step - 0.5 + axis.offset;
        assert!((position(0.0) - -0.125).abs() < 1e-9);
        assert!((position(10.0) - 4.875).abs() < 1e-9);
        let centred = Axis::chroma(90, 180, 0.5, (1, 0.5), (1, 0.5));
        assert!(centred.offset.abs() < 1e-9);
    }

    #[test]
    fn weights_sum_to_one_and_reproduce_a_ramp() {
        for filter in [Filter::Lanczos3, Filter::CatmullRom, Filter::Bilinear] {
            for (source, output) in [(100, 200), (100, 150), (200, 100), (99, 37)] {
                let taps = Taps::new(&Axis::luma(source, output), filter);
                for row in taps.weights.chunks(taps.width) {
                    assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
                }
            }
        }
        let axis = Axis::luma(100, 200);
        let taps = Taps::new(&axis, Filter::CatmullRom);
        let value: f32 = (0..taps.width)
            .map(|k| taps.weights[100 * taps.width + k] * (taps.first[100] + k as i32) as f32)
            .sum();
        assert!((value - 49.75).abs() < 1e-4);
    }
}
