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

/// The values at a place and one further right, one further down and both, as [`sample`] gives them.
#[inline]
pub(super) fn sample_four(values: &[f32], size: (usize, usize), (x, y): (f32, f32)) -> [f32; 4] {
    let (left, top) = (x as usize, y as usize);
    let row = |y: usize| values.get(y * size.0 + left..)?.first_chunk::<3>();
    let is_inside = x >= 0.0 && y >= 0.0 && left + 2 < size.0 && top + 2 < size.1;
    let rows = if is_inside { row(top).zip(row(top + 1)).zip(row(top + 2)) } else { None };
    let Some(((upper, middle), lower)) = rows else {
        return [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
            .map(|(dx, dy)| sample(values, size, (x + dx, y + dy)));
    };
    let (across, down) = (x - left as f32, y - top as f32);
    let pair = |[a, b, c]: &[f32; 3]| [a + across * (b - a), b + across * (c - b)];
    let between = |[a, b]: [f32; 2], [c, d]: [f32; 2]| [a + down * (c - a), b + down * (d - b)];
    let (upper, middle, lower) = (pair(upper), pair(middle), pair(lower));
    let ([a, b], [c, d]) = (between(upper, middle), between(middle, lower));
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_samples_are_those_of_one_at_a_time() {
        let size = (7, 5);
        let values: Vec<f32> = (0..35).map(|index| ((index * 37) % 23) as f32).collect();
        for (x, y) in [(0.0, 0.0), (1.25, 2.5), (4.0, 2.0), (4.5, 1.0), (5.5, 3.75), (-2.5, 1.5), (9.0, -0.5)]
        {
            let four = sample_four(&values, size, (x, y));
            let places = [(x, y), (x + 1.0, y), (x, y + 1.0), (x + 1.0, y + 1.0)];
            for (found, place) in four.into_iter().zip(places) {
                assert!((found - sample(&values, size, place)).abs() < 1e-4, "{place:?} of {x}, {y}");
            }
        }
    }
}
