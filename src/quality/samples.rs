//! Planes as numbers.

use crate::frame::Plane;

/// One plane of samples in code values, row by row without padding.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// Samples of a row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// `width * height` values.
    pub values: Vec<f64>,
}

impl Samples {
    /// No samples.
    pub const fn empty() -> Self {
        Self { width: 0, height: 0, values: Vec::new() }
    }

    /// The samples of a plane.
    pub fn from_plane(plane: &Plane) -> Self {
        let (width, height) = (plane.width as usize, plane.height as usize);
        let mut values = Vec::with_capacity(width * height);
        for row in plane.rows().take(height) {
            if plane.sample_bytes == 2 {
                values.extend(bytemuck::cast_slice::<u8, u16>(row).iter().map(|&code| f64::from(code)));
            } else {
                values.extend(row.iter().map(|&code| f64::from(code)));
            }
        }
        Self { width, height, values }
    }

    /// Writes the samples into a plane of the same size, rounded (halves up) and clamped to `0..=max`.
    pub fn store(&self, plane: &mut Plane, max: u32) {
        let wide = plane.sample_bytes == 2;
        let code = |value: &f64| (value + 0.5).floor().clamp(0.0, f64::from(max));
        for (row, values) in plane.rows_mut().zip(self.rows()) {
            if wide {
                let row = bytemuck::cast_slice_mut::<u8, u16>(row);
                row.iter_mut().zip(values).for_each(|(sample, value)| *sample = code(value) as u16);
            } else {
                row.iter_mut().zip(values).for_each(|(sample, value)| *sample = code(value) as u8);
            }
        }
    }

    /// The rows.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = &[f64]> {
        self.values.chunks_exact(self.width.max(1))
    }

    /// Row `y`; empty beyond the last one.
    pub fn row(&self, y: usize) -> &[f64] {
        self.values.get(y * self.width..(y + 1) * self.width).unwrap_or(&[])
    }

    /// What is left when `border` samples are cut off on each side; empty if nothing is.
    pub fn without_border(&self, border: usize) -> Self {
        let width = self.width.saturating_sub(2 * border);
        let height = self.height.saturating_sub(2 * border);
        let rows = self.rows().skip(border).take(height);
        let values = rows.flat_map(|row| row.get(border..border + width).unwrap_or(&[])).copied().collect();
        Self { width, height, values }
    }
}
