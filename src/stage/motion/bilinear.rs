//! Planes of cells, read between them.

/// The value at a place, bilinearly; the nearest inside where it is outside.
pub(super) fn sample(values: &[f32], (width, height): (usize, usize), (x, y): (f32, f32)) -> f32 {
    let x = x.clamp(0.0, width.saturating_sub(1) as f32);
    let y = y.clamp(0.0, height.saturating_sub(1) as f32);
    let (left, top) = (x as usize, y as usize);
    let (right, bottom) = ((left + 1).min(width.saturating_sub(1)), (top + 1).min(height.saturating_sub(1)));
    let (across, down) = (x - left as f32, y - top as f32);
    let value = |x: usize, y: usize| values.get(y * width + x).copied().unwrap_or_default();
    let upper = value(left, top) + across * (value(right, top) - value(left, top));
    let lower = value(left, bottom) + across * (value(right, bottom) - value(left, bottom));
    upper + down * (lower - upper)
}
