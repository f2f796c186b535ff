//! The numbers of the conversions between code values and tensor elements, shared by the backends.

use super::resample::levels;
use super::{Filter, Skip, Taps, TensorColor, TensorSpec, UnpackSpec, resample::Axis};
use crate::frame::{Frame, FrameInfo, Matrix, Model, Range, Siting, Subsampling};

/// `element = code * gain + offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Linear {
    pub(super) gain: f32,
    pub(super) offset: f32,
}

/// Luma code values of `info` to tensor elements.
pub(super) fn pack_luma(info: &FrameInfo, spec: &TensorSpec) -> Linear {
    Linear { gain: (f64::from(spec.range) / f64::from(info.format.max_value())) as f32, offset: -spec.mean }
}

/// Code values of `info` to nominal values: luma to 0..1 from black to white, chroma to -0.5..0.5.
pub(super) fn nominal(info: &FrameInfo) -> (Linear, Linear) {
    let codes = Codes::of(info);
    let linear = |zero: f64, span: f64| Linear { gain: (1.0 / span) as f32, offset: (-zero / span) as f32 };
    (linear(codes.black, codes.luma_span), linear(codes.neutral, codes.chroma_span))
}

/// Tensor elements to luma code values of `out`, and the gain of the skip connection's code values.
pub(super) fn unpack_luma(spec: &UnpackSpec, source: &FrameInfo, out: &FrameInfo) -> (Linear, f32) {
    let full = out.color.range == Range::Full;
    let depth_gain = levels(out.format.depth, full) / levels(source.format.depth, full);
    let gain = f64::from(source.format.max_value()) * depth_gain / f64::from(spec.tensor.range);
    let mean = match spec.skip {
        Skip::None => f64::from(spec.tensor.mean),
        Skip::Nearest => 0.0,
    };
    (Linear { gain: gain as f32, offset: (mean * gain) as f32 }, depth_gain as f32)
}

/// Three linear forms of three inputs: `out[i] = weights[i] . input + offsets[i]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine {
    pub(super) weights: [[f32; 3]; 3],
    pub(super) offsets: [f32; 3],
}

/// Code values Y, Cb, Cr of `info` to tensor elements in the order of `spec`; chroma weighs nothing for a grey picture.
pub(super) fn yuv_to_rgb(info: &FrameInfo, spec: &TensorSpec) -> Affine {
    let (kr, kb) = matrix(info).weights();
    let kg = 1.0 - kr - kb;
    let codes = Codes::of(info);
    let range = f64::from(spec.range);
    let luma = range / codes.luma_span;
    let chroma = range / codes.chroma_span;
    let mut rows = match info.format.model {
        Model::Gray => [[0.0; 2]; 3],
        Model::Yuv(_) => [
            [0.0, 2.0 * (1.0 - kr)],
            [-2.0 * kb * (1.0 - kb) / kg, -2.0 * kr * (1.0 - kr) / kg],
            [2.0 * (1.0 - kb), 0.0],
        ],
    };
    if spec.color == TensorColor::Bgr {
        rows.reverse();
    }
    Affine {
        weights: rows.map(|[cb, cr]| [luma as f32, (cb * chroma) as f32, (cr * chroma) as f32]),
        offsets: rows.map(|[cb, cr]| {
            let black = codes.black * luma + codes.neutral * (cb + cr) * chroma;
            (-black - f64::from(spec.mean)) as f32
        }),
    }
}

/// Code values Y, Cb, Cr of `info` to red, green and blue of 0 to 1: three weights and an offset for each.
#[cfg(feature = "window")]
pub(crate) fn display_colors(info: &FrameInfo) -> [[f32; 4]; 3] {
    let spec = TensorSpec {
        color: TensorColor::Rgb,
        kind: crate::frame::DataType::F32,
        layout: crate::frame::TensorLayout::Nchw,
        block: 1,
        mean: 0.0,
        range: 1.0,
    };
    let Affine { weights: [red, green, blue], offsets: [red_offset, green_offset, blue_offset] } =
        yuv_to_rgb(info, &spec);
    let row = |[y, cb, cr]: [f32; 3], offset| [y, cb, cr, offset];
    [row(red, red_offset), row(green, green_offset), row(blue, blue_offset)]
}

/// Tensor elements in the order of `spec` to code values Y, Cb, Cr of `info`.
pub(super) fn rgb_to_yuv(info: &FrameInfo, spec: &TensorSpec) -> Affine {
    let (kr, kb) = matrix(info).weights();
    let luma = [kr, 1.0 - kr - kb, kb];
    let codes = Codes::of(info);
    let chroma = |unit: [f64; 3], weight: f64| {
        let scale = codes.chroma_span / (2.0 * (1.0 - weight));
        std::array::from_fn(|i| match (unit.get(i), luma.get(i)) {
            (Some(unit), Some(luma)) => (unit - luma) * scale,
            _ => 0.0,
        })
    };
    let mut rows: [[f64; 3]; 3] = [
        luma.map(|weight| weight * codes.luma_span),
        chroma([0.0, 0.0, 1.0], kb),
        chroma([1.0, 0.0, 0.0], kr),
    ];
    if spec.color == TensorColor::Bgr {
        rows.iter_mut().for_each(|row| row.reverse());
    }
    let range = f64::from(spec.range);
    let [y, cb, cr] = rows.map(|row| row.iter().sum::<f64>() * f64::from(spec.mean) / range);
    Affine {
        weights: rows.map(|row| row.map(|weight| (weight / range) as f32)),
        offsets: [(y + codes.black) as f32, (cb + codes.neutral) as f32, (cr + codes.neutral) as f32],
    }
}

fn matrix(info: &FrameInfo) -> Matrix {
    info.color.resolved_matrix(info.width, info.height)
}

/// Where black, white and neutral chroma lie.
struct Codes {
    black: f64,
    luma_span: f64,
    neutral: f64,
    chroma_span: f64,
}

impl Codes {
    fn of(info: &FrameInfo) -> Self {
        let depth = info.format.depth;
        let unit = f64::from(1u32 << (depth - 8));
        let neutral = 128.0 * unit;
        match info.color.range {
            Range::Limited => {
                Self { black: 16.0 * unit, luma_span: 219.0 * unit, neutral, chroma_span: 224.0 * unit }
            }
            Range::Full => {
                let max = f64::from(info.format.max_value());
                Self { black: 0.0, luma_span: max, neutral, chroma_span: max }
            }
        }
    }
}

/// The start of a region's axis, moved so near to a picture of `size` samples that region and picture touch; what the
/// region sees stays the same.
pub(super) fn nearest_origin(origin: i64, length: usize, size: u32) -> i64 {
    origin.clamp(1 - length as i64, i64::from(size) - 1)
}

/// How chroma of a picture relates to its luma grid; two pictures with equal keys share their taps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChromaKey {
    size: (u32, u32),
    subsampling: Subsampling,
    siting: Siting,
}

impl ChromaKey {
    pub(super) fn of(frame: &Frame) -> Self {
        let info = &frame.info;
        Self {
            size: (info.width, info.height),
            subsampling: info.format.subsampling(),
            siting: info.color.siting,
        }
    }

    /// Horizontal and vertical taps that bring chroma to luma size bilinearly.
    pub(super) fn enlarging(&self) -> (Taps, Taps) {
        self.per_axis(|luma, shift, position| {
            let chroma = luma.div_ceil(1 << shift);
            Taps::new(&Axis::chroma(chroma, luma, 1.0, (shift, position), (0, 0.0)), Filter::Bilinear)
        })
    }

    /// Horizontal and vertical taps that average luma-sized chroma with a box around each chroma sample.
    pub(super) fn averaging(&self) -> (Taps, Taps) {
        self.per_axis(Taps::averaging)
    }

    fn per_axis(&self, taps: impl Fn(usize, u8, f64) -> Taps) -> (Taps, Taps) {
        let (width, height) = self.size;
        let (x, y) = self.siting.position();
        (taps(width as usize, self.subsampling.x, x), taps(height as usize, self.subsampling.y, y))
    }
}

/// For each of `length` samples the two of `from` samples between which it lies, and the second one's share.
pub(super) fn enlarging_taps(from: usize, length: usize) -> Vec<(usize, usize, f32)> {
    let last = from.saturating_sub(1);
    let tap = |index: usize| {
        let place = ((index as f64 + 0.5) * from as f64 / length as f64 - 0.5).clamp(0.0, last as f64);
        let first = place.floor();
        (first as usize, (first as usize + 1).min(last), (place - first) as f32)
    };
    (0..length).map(tap).collect()
}

/// Ranks of an ordered 8x8 dither (Bayer, 1973); row `y & 7`, column `x & 7` of the output plane.
pub(super) const BAYER: [[u8; 8]; 8] = [
    [0, 32, 8, 40, 2, 34, 10, 42],
    [48, 16, 56, 24, 50, 18, 58, 26],
    [12, 44, 4, 36, 14, 46, 6, 38],
    [60, 28, 52, 20, 62, 30, 54, 22],
    [3, 35, 11, 43, 1, 33, 9, 41],
    [51, 19, 59, 27, 49, 17, 57, 25],
    [15, 47, 7, 39, 13, 45, 5, 37],
    [63, 31, 55, 23, 61, 29, 53, 21],
];

/// What a rank of [`BAYER`] adds before rounding: within ±0.5 code values and 0 on average.
pub(super) fn dither(rank: u8) -> f32 {
    (f32::from(rank) + 0.5) / 64.0 - 0.5
}

#[cfg(test)]
mod tests {
    use super::{BAYER, dither};

    #[test]
    fn the_dither_holds_every_rank_once_and_is_centred() {
        let mut ranks: Vec<u8> = BAYER.iter().flatten().copied().collect();
        ranks.sort_unstable();
        assert!(ranks.iter().copied().eq(0..64));
        let sum: f32 = ranks.iter().copied().map(dither).sum();
        assert!(sum.abs() < 1e-6);
    }
}
