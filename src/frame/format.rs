//! How samples lie in memory: planes, bit depth, chroma subsampling, alpha.

use crate::error::ConfigError;

/// Chroma subsampling as shifts: the chroma plane is `ceil(width / 2^x)` by `ceil(height / 2^y)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subsampling {
    /// Log2 of the horizontal factor (0, 1 or 2).
    pub x: u8,
    /// Log2 of the vertical factor (0, 1 or 2).
    pub y: u8,
}

impl Subsampling {
    /// 4:2:0.
    pub const S420: Self = Self { x: 1, y: 1 };
    /// 4:2:2.
    pub const S422: Self = Self { x: 1, y: 0 };
    /// 4:4:4.
    pub const S444: Self = Self { x: 0, y: 0 };
}

/// What the planes stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Model {
    /// One luma plane.
    Gray,
    /// Luma and two chroma planes (Y, Cb, Cr).
    Yuv(Subsampling),
}

/// A planar format in native byte order: 8-bit samples in `u8`, 9 to 16-bit samples in the low bits of `u16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PixelFormat {
    /// What the planes stand for.
    pub model: Model,
    /// Bits per sample, 8 to 16.
    pub depth: u8,
    /// True if a full-range alpha plane of luma size follows the others.
    pub alpha: bool,
}

impl PixelFormat {
    /// 8-bit 4:2:0 without alpha.
    pub const YUV420P: Self = Self::yuv(Subsampling::S420, 8);

    /// A YUV format without alpha.
    pub const fn yuv(subsampling: Subsampling, depth: u8) -> Self {
        Self { model: Model::Yuv(subsampling), depth, alpha: false }
    }

    /// A luma-only format without alpha.
    pub const fn gray(depth: u8) -> Self {
        Self { model: Model::Gray, depth, alpha: false }
    }

    /// Bytes of one sample: 1 for 8 bit, else 2.
    pub const fn sample_bytes(self) -> usize {
        if self.depth <= 8 { 1 } else { 2 }
    }

    /// Checks that there are such formats: a depth of 8 to 16 bits, chroma subsampled by at most 4 each way.
    ///
    /// # Errors
    /// What is out of its range.
    pub fn validate(self) -> Result<(), ConfigError> {
        let refuse = |expected: &str, found: String| {
            Err(ConfigError { setting: "pixel format".into(), expected: expected.into(), found })
        };
        let Subsampling { x, y } = self.subsampling();
        if !(8..=16).contains(&self.depth) {
            return refuse("8 to 16 bits per sample", self.depth.to_string());
        }
        if x.max(y) > 2 {
            return refuse("chroma subsampled by 2^0, 2^1 or 2^2 each way", format!("2^{x} and 2^{y}"));
        }
        Ok(())
    }

    /// The largest code value.
    pub const fn max_value(self) -> u32 {
        (1 << self.depth) - 1
    }

    /// Chroma subsampling; 4:4:4 for grey.
    pub const fn subsampling(self) -> Subsampling {
        match self.model {
            Model::Gray => Subsampling::S444,
            Model::Yuv(subsampling) => subsampling,
        }
    }

    /// Planes without alpha: 1 or 3.
    pub const fn color_planes(self) -> usize {
        match self.model {
            Model::Gray => 1,
            Model::Yuv(_) => 3,
        }
    }

    /// All planes: 1 to 4.
    pub const fn plane_count(self) -> usize {
        self.color_planes() + self.alpha as usize
    }

    /// True if plane `index` holds chroma.
    pub const fn is_chroma(self, index: usize) -> bool {
        matches!(self.model, Model::Yuv(_)) && (index == 1 || index == 2)
    }

    /// Width and height in samples of plane `index` of a picture of `width` x `height`.
    pub const fn plane_size(self, index: usize, width: u32, height: u32) -> (u32, u32) {
        if !self.is_chroma(index) {
            return (width, height);
        }
        let s = self.subsampling();
        (width.div_ceil(1 << s.x), height.div_ceil(1 << s.y))
    }
}

impl std::fmt::Display for PixelFormat {
    /// FFmpeg's name of the format.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.model, self.alpha) {
            (Model::Gray, false) => write!(f, "gray")?,
            (Model::Gray, true) => write!(f, "ya")?,
            (Model::Yuv(s), alpha) => {
                let ratio = match (s.x, s.y) {
                    (0, 0) => "444",
                    (1, 0) => "422",
                    (1, 1) => "420",
                    (0, 1) => "440",
                    (2, 0) => "411",
                    _ => "410",
                };
                write!(f, "yuv{}{ratio}p", if alpha { "a" } else { "" })?;
            }
        }
        let is_gray_alpha = self.model == Model::Gray && self.alpha;
        if self.depth > 8 || is_gray_alpha {
            write!(f, "{}", self.depth)?;
        }
        Ok(())
    }
}
