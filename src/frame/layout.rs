//! How pictures lie in tensors: the layout that manifests declare and kernels carry out.

use super::{DataType, PixelFormat, TensorLayout};

/// Colour representation of a network's picture channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TensorColor {
    /// One channel: the luma code value divided by the largest code value, whatever the range tag.
    Luma,
    /// Three channels R, G, B: full-range R'G'B', black 0 and white 1, by the frame's matrix and range.
    Rgb,
    /// As [`TensorColor::Rgb`], in the order B, G, R.
    Bgr,
}

impl TensorColor {
    /// Channels of a picture.
    pub const fn channels(self) -> usize {
        match self {
            Self::Luma => 1,
            Self::Rgb | Self::Bgr => 3,
        }
    }

    /// Format of what a network of this colour makes of a picture of `source`: luma networks give a grey picture.
    pub const fn picture_format(self, source: PixelFormat) -> PixelFormat {
        match self {
            Self::Luma => PixelFormat::gray(source.depth),
            Self::Rgb | Self::Bgr => PixelFormat { alpha: false, ..source },
        }
    }
}

impl std::fmt::Display for TensorColor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Luma => "luma",
            Self::Rgb => "RGB",
            Self::Bgr => "BGR",
        })
    }
}

/// How picture samples become tensor elements and back.
///
/// An element is `value * range - mean`, with `value` in 0..1 as [`TensorColor`] says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TensorSpec {
    /// Colour representation.
    pub color: TensorColor,
    /// Element type.
    pub kind: DataType,
    /// Order of the axes.
    pub layout: TensorLayout,
    /// Block size b of the space-to-depth arrangement: channel `(c * b + dy) * b + dx` at (x, y) holds channel c of
    /// pixel (b*x + dx, b*y + dy). 1 = none.
    pub block: usize,
    /// Subtracted from every element going in, added coming out.
    pub mean: f32,
    /// Tensor value of the largest picture value (1 or 255).
    pub range: f32,
}

impl TensorSpec {
    /// Channels of the tensor.
    pub const fn channels(&self) -> usize {
        self.color.channels() * self.block * self.block
    }

    /// Channels, height and width of the tensor of a picture of `width` x `height` pixels, both multiples of `block`.
    pub const fn shape(&self, width: usize, height: usize) -> [usize; 3] {
        [self.channels(), height / self.block, width / self.block]
    }
}

/// What is added to a network's output outside of the graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Skip {
    /// Nothing: the output is the picture.
    #[default]
    None,
    /// The source picture, every sample repeated `scale` x `scale` times; the output is a residual and has no mean.
    Nearest,
}

/// How a tensor becomes samples of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnpackSpec {
    /// Layout of the tensor; `block` is the depth-to-space factor.
    pub tensor: TensorSpec,
    /// Output pixels per source pixel.
    pub scale: usize,
    /// What is added outside the graph; [`Skip::Nearest`] only with [`TensorColor::Luma`].
    pub skip: Skip,
    /// Adds an ordered 8x8 dither of ±0.5 code value before rounding.
    pub dither: bool,
}
