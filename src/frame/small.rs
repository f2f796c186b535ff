//! A picture shrunk to the size at which motion is estimated.

/// A frame at a fraction of its size, as motion predictors see it: luma at twice the resolution of chroma.
///
/// The picture is divided into cells of `shrink` x `shrink` luma samples; where its size is no multiple of that, its
/// last column and row are repeated. Each cell holds 2 x 2 means of luma and one mean of each chroma plane. So
/// with a `shrink` of 4, luma is at half and chroma at a quarter of the luma size; with 2 and 8, both are twice and half
/// as large.
///
/// Values do not depend on bit depth and range: luma is 0 at nominal black and 1 at nominal white, chroma 0 where
/// neutral and within -0.5..0.5 nominally. Codes beyond the nominal range go beyond these.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SmallFrame {
    /// Width and height in luma samples of the frame that was shrunk.
    pub source: (u32, u32),
    /// Luma samples of the source along each side of a cell, 2, 4 or 8.
    pub shrink: usize,
    /// Columns of cells: `source.0 / shrink`, rounded up.
    pub width: usize,
    /// Rows of cells: `source.1 / shrink`, rounded up.
    pub height: usize,
    /// `2 * width` x `2 * height` luma values, row by row.
    pub luma: Vec<f32>,
    /// Cb and Cr, `width` x `height` values each, row by row; all 0 for a grey picture.
    pub chroma: [Vec<f32>; 2],
}

impl SmallFrame {
    /// Makes room for a frame of `source` luma samples, in the same memory where that is large enough. Values are
    /// unspecified.
    pub fn reshape(&mut self, source: (u32, u32), shrink: usize) {
        let cells = |samples: u32| (samples as usize).div_ceil(shrink.max(1));
        (self.source, self.shrink) = (source, shrink);
        (self.width, self.height) = (cells(source.0), cells(source.1));
        let count = self.width * self.height;
        self.luma.resize(4 * count, 0.0);
        self.chroma.iter_mut().for_each(|plane| plane.resize(count, 0.0));
    }

    /// Row `y` of the luma values, which are `2 * width` long; empty beyond the last row.
    pub fn luma_row(&self, y: usize) -> &[f32] {
        self.luma.get(y * 2 * self.width..(y + 1) * 2 * self.width).unwrap_or_default()
    }
}
