//! Where the picture lies in the window.

use crate::frame::Rational;

/// A rectangle in pixels of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Area {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Area {
    /// The whole of a surface.
    pub const fn whole((width, height): (u32, u32)) -> Self {
        Self { x: 0, y: 0, width, height }
    }

    /// The largest rectangle with the shape of `picture` (width, height) in the middle of a `window`; 1 pixel at least.
    pub fn fitted(picture: (u32, u32), window: (u32, u32)) -> Self {
        let (width, height) = window;
        let (wide, high) = (u64::from(picture.0.max(1)), u64::from(picture.1.max(1)));
        let scaled = |length: u32, by: u64, over: u64| {
            let nearest = (u64::from(length) * by + over / 2) / over;
            u32::try_from(nearest.max(1)).unwrap_or(u32::MAX)
        };
        let (fitted_width, fitted_height) = if u64::from(width) * high <= u64::from(height) * wide {
            (width, scaled(width, high, wide).min(height))
        } else {
            (scaled(height, wide, high).min(width), height)
        };
        Self {
            x: (width - fitted_width) / 2,
            y: (height - fitted_height) / 2,
            width: fitted_width,
            height: fitted_height,
        }
    }

    /// The column at this part of the width, 0 to 1.
    pub(super) fn column(&self, part: f64) -> u32 {
        self.x + (f64::from(self.width) * part).round() as u32
    }

    /// The part of the width, 0 to 1, at this column of the window.
    pub(super) fn part(&self, column: f64) -> f64 {
        ((column - f64::from(self.x)) / f64::from(self.width.max(1))).clamp(0.0, 1.0)
    }

    /// Divided at a column, left and right; either may be empty.
    pub(super) fn divided(&self, column: u32) -> (Self, Self) {
        let left = column.clamp(self.x, self.x + self.width) - self.x;
        let right = Self { x: self.x + left, width: self.width - left, ..*self };
        (Self { width: left, ..*self }, right)
    }
}

/// The size at which a picture is shown by square pixels; samples that are not square make it wider or higher, never
/// smaller.
pub(super) fn display_size(picture: (u32, u32), sample_aspect_ratio: Rational) -> (u32, u32) {
    if !sample_aspect_ratio.is_positive() {
        return picture;
    }
    let (num, den) = (sample_aspect_ratio.num.unsigned_abs(), sample_aspect_ratio.den.unsigned_abs());
    let stretched = |length: u32, by: u32, over: u32| {
        let nearest = (u64::from(length) * u64::from(by) + u64::from(over) / 2) / u64::from(over);
        u32::try_from(nearest).unwrap_or(u32::MAX)
    };
    if num >= den {
        (stretched(picture.0, num, den), picture.1)
    } else {
        (picture.0, stretched(picture.1, den, num))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_shape_and_lie_in_the_middle() {
        let area = |x, y, width, height| Area { x, y, width, height };
        assert_eq!(Area::fitted((1280, 720), (1280, 720)), area(0, 0, 1280, 720));
        assert_eq!(Area::fitted((1280, 720), (500, 720)), area(0, 219, 500, 281));
        assert_eq!(Area::fitted((1280, 720), (2000, 720)), area(360, 0, 1280, 720));
        assert_eq!(Area::fitted((1, 4000), (100, 100)), area(49, 0, 1, 100));
        assert_eq!(Area::fitted((1280, 720), (0, 0)).width, 0);
    }

    #[test]
    fn samples_that_are_not_square_make_the_picture_larger() {
        assert_eq!(display_size((720, 576), Rational::new(64, 45)), (1024, 576));
        assert_eq!(display_size((720, 480), Rational::new(8, 9)), (720, 540));
        assert_eq!(display_size((720, 480), Rational::new(0, 1)), (720, 480));
    }

    #[test]
    fn a_divider_splits_the_area_and_stays_inside() {
        let area = Area { x: 100, y: 0, width: 200, height: 50 };
        let (left, right) = area.divided(area.column(0.25));
        assert_eq!((left.x, left.width, right.x, right.width), (100, 50, 150, 150));
        assert_eq!(area.divided(0).0.width, 0);
        assert_eq!(area.divided(1000).1.width, 0);
        assert!((area.part(150.0) - 0.25).abs() < 1e-9);
        assert!(area.part(0.0).abs() < 1e-9);
    }
}
