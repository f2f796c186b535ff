//! Luma with a border, and its halvings.

/// Columns and rows of repeated edge around a plane: patches may lie outside by their own size and one sample more.
const MARGIN: usize = 16;

/// One level of a pyramid: luma with its edges repeated.
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    pub(super) width: usize,
    pub(super) height: usize,
    stride: usize,
    values: Vec<f32>,
}

impl Level {
    fn reshape(&mut self, width: usize, height: usize) {
        (self.width, self.height, self.stride) = (width, height, width + 2 * MARGIN);
        self.values.resize(self.stride * (height + 2 * MARGIN), 0.0);
    }

    /// Takes rows of `width` values.
    pub(super) fn copy_from(&mut self, values: &[f32], width: usize) {
        self.reshape(width, values.len() / width.max(1));
        let stride = self.stride;
        let rows = self.values.chunks_exact_mut(stride).skip(MARGIN);
        for (row, source) in rows.zip(values.chunks_exact(width.max(1))) {
            if let Some(inside) = row.get_mut(MARGIN..MARGIN + width) {
                inside.copy_from_slice(source);
            }
        }
        self.repeat_edges();
    }

    /// Takes the 2 x 2 means of `source`; a last odd column or row is left out.
    #[inline(always)]
    pub(super) fn halve(&mut self, source: &Self) {
        self.reshape((source.width / 2).max(1), (source.height / 2).max(1));
        let (width, stride) = (self.width, self.stride);
        for (y, row) in self.values.chunks_exact_mut(stride).skip(MARGIN).take(self.height).enumerate() {
            let (upper, lower) = (source.row(2 * y), source.row(2 * y + 1));
            let Some(inside) = row.get_mut(MARGIN..MARGIN + width) else { continue };
            let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
            for (out, ([a, b], [c, d])) in inside.iter_mut().zip(pairs) {
                *out = (a + b + c + d) * 0.25;
            }
        }
        self.repeat_edges();
    }

    fn repeat_edges(&mut self) {
        let (width, height, stride) = (self.width, self.height, self.stride);
        for row in self.values.chunks_exact_mut(stride).skip(MARGIN).take(height) {
            let (left, rest) = row.split_at_mut(MARGIN);
            let (inside, right) = rest.split_at_mut(width);
            left.fill(inside.first().copied().unwrap_or_default());
            right.fill(inside.last().copied().unwrap_or_default());
        }
        let (first, last) = (MARGIN * stride, (MARGIN + height - 1) * stride);
        for y in 0..MARGIN {
            self.values.copy_within(first..first + stride, y * stride);
            self.values.copy_within(last..last + stride, last + (y + 1) * stride);
        }
    }

    /// The row's samples without the border; empty beyond the last row.
    fn row(&self, y: usize) -> &[f32] {
        let start = (y + MARGIN) * self.stride + MARGIN;
        self.values.get(start..start + self.width).unwrap_or_default()
    }

    /// `N` samples of row `y` from column `x`; both may be outside by the border.
    #[inline(always)]
    pub(super) fn run<const N: usize>(&self, x: isize, y: isize) -> &[f32; N] {
        let start = (y + MARGIN as isize) * self.stride as isize + x + MARGIN as isize;
        let run = self.values.get(start as usize..).and_then(<[f32]>::first_chunk);
        run.unwrap_or(const { &[0.0; N] })
    }

    /// A position of the top left corner of a patch, moved to where the border still holds it.
    #[inline(always)]
    pub(super) fn hold(&self, (x, y): (f32, f32)) -> (f32, f32) {
        const OUTSIDE: f32 = (MARGIN - 2) as f32;
        let right = self.width as f32 + OUTSIDE - super::patch::SIDE as f32;
        let below = self.height as f32 + OUTSIDE - super::patch::SIDE as f32;
        (x.clamp(-OUTSIDE, right.max(-OUTSIDE)), y.clamp(-OUTSIDE, below.max(-OUTSIDE)))
    }

    /// The value at a place between samples, interpolated bilinearly; at the nearest edge outside.
    #[inline(always)]
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        let x = x.clamp(0.0, self.width.saturating_sub(1) as f32);
        let y = y.clamp(0.0, self.height.saturating_sub(1) as f32);
        let (column, row) = (x as isize, y as isize);
        let (share_x, share_y) = (x - column as f32, y - row as f32);
        let [a, b] = self.run(column, row);
        let [c, d] = self.run(column, row + 1);
        let (upper, lower) = (a + (b - a) * share_x, c + (d - c) * share_x);
        upper + (lower - upper) * share_y
    }
}
