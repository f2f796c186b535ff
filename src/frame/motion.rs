//! Where the content of a frame that does not exist yet lies in two that do.

use super::{TensorLayout, TensorView};
use crate::error::KernelError;

/// Motion from a predicted frame back into two real ones, for cells of `shrink` x `shrink` luma samples.
///
/// Cell (i, j) is centred on the source's luma sample ((i + 0.5) shrink - 0.5, (j + 0.5) shrink - 0.5). All planes are
/// `width * height` values, row by row. Displacements are in luma samples of the source: the content of the
/// predicted pixel (x, y) lies at (x + dx, y + dy) of the real frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MotionField {
    /// Width and height in luma samples of the frames for which the field was made; frames of a multiple of it can be
    /// composed as well.
    pub source: (u32, u32),
    /// Luma samples of the source along each side of a cell.
    pub shrink: usize,
    /// Columns of cells: `source.0 / shrink`, rounded up.
    pub width: usize,
    /// Rows of cells: `source.1 / shrink`, rounded up.
    pub height: usize,
    /// dx and dy into the first frame, the newest before the predicted one.
    pub first: [Vec<f32>; 2],
    /// dx and dy into the other frame.
    pub other: [Vec<f32>; 2],
    /// Logit of the other frame's weight.
    pub blend: Vec<f32>,
    /// Natural logarithm of the Laplace scale of the prediction's error; a scale of 1 is the way from black to white.
    pub log_scale: Vec<f32>,
    /// Logit of the prediction's weight against the first frame's own pixel; 0 where a network gives none.
    pub gate: Vec<f32>,
}

/// A logit whose weight is less than a 16-bit code value: the other frame is left out.
const FIRST_ALONE: f32 = -40.0;

impl MotionField {
    /// Channels of the tensor that a motion network gives, see [`MotionField::assign`].
    pub const CHANNELS: usize = 8;
    /// Channels of the tensor that it takes: 6 of each frame, the moment, the estimated displacement, and a spare one.
    pub const INPUT_CHANNELS: usize = 16;

    /// The field under which a prediction repeats the first frame.
    ///
    /// The scale of its error is 1: nothing is known of it.
    pub fn still(source: (u32, u32), shrink: usize) -> Self {
        Self::uniform(source, shrink, [0.0; 2], [0.0; 2], FIRST_ALONE)
    }

    /// The field of one displacement for all pixels, with `blend` as the logit of the other frame's weight, the gate's
    /// logit 0 and the error's scale 1.
    pub fn uniform(source: (u32, u32), shrink: usize, first: [f32; 2], other: [f32; 2], blend: f32) -> Self {
        let mut field = Self::default();
        field.reshape(source, shrink);
        let planes = field.first.iter_mut().zip(first).chain(field.other.iter_mut().zip(other));
        planes.for_each(|(plane, value)| plane.fill(value));
        field.blend.fill(blend);
        field.log_scale.fill(0.0);
        field.gate.fill(0.0);
        field
    }

    /// Makes room for a field of frames of `source` luma samples, in the same memory where that is large enough.
    /// Values are unspecified.
    pub fn reshape(&mut self, source: (u32, u32), shrink: usize) {
        let cells = |samples: u32| (samples as usize).div_ceil(shrink.max(1));
        (self.source, self.shrink) = (source, shrink);
        (self.width, self.height) = (cells(source.0), cells(source.1));
        let count = self.width * self.height;
        self.planes_mut().into_iter().for_each(|plane| plane.resize(count, 0.0));
    }

    /// Becomes what a predictor gave: an NCHW tensor of 8 channels (dx and dy into the first and into the other frame,
    /// blend, log-scale, gate, and one that is not used), whose columns and rows may be more than the cells.
    ///
    /// # Errors
    ///
    /// [`KernelError::Shape`] for a tensor of another layout, other channels, or fewer columns or rows.
    pub fn assign(
        &mut self,
        tensor: TensorView<'_>,
        source: (u32, u32),
        shrink: usize,
    ) -> Result<(), KernelError> {
        self.reshape(source, shrink);
        let (width, height) = (self.width, self.height);
        let [channels, rows, columns] = tensor.shape;
        if channels != Self::CHANNELS
            || tensor.layout != TensorLayout::Nchw
            || rows < height
            || columns < width
            || tensor.data.len() != channels * rows * columns
            || width * height == 0
        {
            return Err(KernelError::Shape {
                operation: "motion field",
                expected: format!("NCHW of {} x {height} x {width} or more rows and columns", Self::CHANNELS),
                found: format!("{} of {channels} x {rows} x {columns}", tensor.layout),
            });
        }
        let mut staging = Vec::new();
        let elements = tensor.data.widened(&mut staging);
        for (plane, channel) in self.planes_mut().into_iter().zip(elements.chunks_exact(rows * columns)) {
            for (out, row) in plane.chunks_exact_mut(width).zip(channel.chunks_exact(columns)) {
                out.copy_from_slice(row.get(..width).unwrap_or_default());
            }
        }
        Ok(())
    }

    /// Turns the field of the moment `tau` after the first frame, whose other frame came one interval before it, into that of
    /// the moment `wanted`: things keep their velocity. Both are above 0.
    pub fn carry_on(&mut self, tau: f32, wanted: f32) {
        let (to_first, to_other) = (wanted / tau, (1.0 + wanted) / (1.0 + tau));
        for (planes, factor) in [(&mut self.first, to_first), (&mut self.other, to_other)] {
            planes.iter_mut().flatten().for_each(|displacement| *displacement *= factor);
        }
    }

    /// Multiplies all displacements by `factor`.
    pub fn magnify(&mut self, factor: f32) {
        for displacement in self.first.iter_mut().chain(&mut self.other).flatten() {
            *displacement *= factor;
        }
    }

    /// The planes in the order of a predictor's channels.
    fn planes_mut(&mut self) -> [&mut Vec<f32>; Self::CHANNELS - 1] {
        let [first_x, first_y] = &mut self.first;
        let [other_x, other_y] = &mut self.other;
        [first_x, first_y, other_x, other_y, &mut self.blend, &mut self.log_scale, &mut self.gate]
    }
}

/// Which pixels of a frame stand still and are to be copied, whatever the motion around them: overlays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StillMask {
    /// Width in luma samples.
    pub width: usize,
    /// Height in luma samples.
    pub height: usize,
    /// `width * height` values, row by row: 255 for pixels that stand still, else 0.
    pub values: Vec<u8>,
}

impl StillMask {
    /// Makes room for a mask of `width` x `height`, in the same memory where that is large enough. Values are
    /// unspecified.
    pub fn reshape(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.values.resize(width * height, 0);
    }

    /// Row `y`; empty beyond the last row.
    pub fn row(&self, y: usize) -> &[u8] {
        self.values.get(y * self.width..(y + 1) * self.width).unwrap_or_default()
    }
}

/// How much of its detail a frame that was made keeps, for blocks of `side` x `side` luma samples of the source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sharpness {
    /// Width and height in luma samples of the source.
    pub source: (u32, u32),
    /// Luma samples of the source along each side of a block.
    pub side: usize,
    /// Columns of blocks: `source.0 / side`, rounded up.
    pub width: usize,
    /// Rows of blocks: `source.1 / side`, rounded up.
    pub height: usize,
    /// `width * height` values, row by row: 1 keeps all detail, 0 leaves a picture of the blocks' means.
    pub values: Vec<f32>,
}

impl Sharpness {
    /// Makes room for blocks of frames of `source` luma samples, all of which keep everything.
    pub fn reshape(&mut self, source: (u32, u32), side: usize) {
        let blocks = |samples: u32| (samples as usize).div_ceil(side.max(1));
        (self.source, self.side) = (source, side);
        (self.width, self.height) = (blocks(source.0), blocks(source.1));
        self.values.clear();
        self.values.resize(self.width * self.height, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Tensor, TensorData};

    #[test]
    fn a_padded_tensor_is_cropped() {
        let values = (0..8 * 4 * 6).map(|i| i as f32).collect();
        let mut tensor = Tensor { data: TensorData::F32(values), ..Tensor::zeros([8, 4, 6]) };
        let mut field = MotionField::default();
        field.assign(tensor.view(), (17, 9), 4).unwrap();
        assert_eq!((field.width, field.height), (5, 3));
        assert_eq!(field.first[0][..6], [0.0, 1.0, 2.0, 3.0, 4.0, 6.0]);
        assert_eq!(field.other[1][14..], [(3 * 24 + 2 * 6 + 4) as f32]);
        assert_eq!(field.blend[..2], [96.0, 97.0]);
        assert_eq!(field.gate[14..], [(6 * 24 + 2 * 6 + 4) as f32]);
        tensor.shape = [8, 6, 4];
        assert!(matches!(field.assign(tensor.view(), (17, 9), 4), Err(KernelError::Shape { .. })));
    }
}
