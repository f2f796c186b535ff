//! Which size an output has.

use crate::frame::Rational;

/// The output's size, and how far a network should enlarge on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputSize {
    /// Width in samples.
    pub width: u32,
    /// Height in samples.
    pub height: u32,
}

/// The largest size of the picture's own shape inside a box of `width` x `height` display pixels.
///
/// The box turns with the picture: a portrait picture fits into `height` x `width`. Both axes get the same factor,
/// so that the sample aspect ratio stays true; the sides are rounded to the nearest even number.
pub fn fit(
    source: (u32, u32),
    sample_aspect_ratio: Rational,
    turned: bool,
    width: u32,
    height: u32,
) -> OutputSize {
    let (source_width, source_height) = (u64::from(source.0), u64::from(source.1));
    let aspect = if sample_aspect_ratio.is_positive() { sample_aspect_ratio } else { Rational::new(1, 1) };
    let (num, den) = (u64::from(aspect.num.unsigned_abs()), u64::from(aspect.den.unsigned_abs()));
    // Display size of the stored picture, times den.
    let (display_width, display_height) = (source_width * num, source_height * den);
    let portrait = (display_width < display_height) != turned;
    let (upright_width, upright_height) = if portrait {
        (height.min(width), height.max(width))
    } else {
        (height.max(width), height.min(width))
    };
    // The box as the stored picture sees it.
    let (box_width, box_height) =
        if turned { (upright_height, upright_width) } else { (upright_width, upright_height) };
    let (box_width, box_height) = (u64::from(box_width), u64::from(box_height));
    // factor = min(box_width * den / display_width, box_height * den / display_height), as a fraction.
    let wide = box_width * display_height <= box_height * display_width;
    let (factor_num, factor_den) =
        if wide { (box_width * den, display_width) } else { (box_height * den, display_height) };
    let side = |length: u64| {
        let doubled = (length * factor_num + factor_den) / (2 * factor_den);
        u32::try_from(doubled.max(1) * 2).unwrap_or(u32::MAX)
    };
    OutputSize { width: side(source_width), height: side(source_height) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(source: (u32, u32), aspect: (i32, i32), turned: bool, target: (u32, u32)) -> (u32, u32) {
        let fitted = fit(source, Rational::new(aspect.0, aspect.1), turned, target.0, target.1);
        (fitted.width, fitted.height)
    }

    #[test]
    fn pictures_keep_their_shape() {
        assert_eq!(size((640, 360), (1, 1), false, (1920, 1080)), (1920, 1080));
        assert_eq!(size((640, 480), (0, 1), false, (1920, 1080)), (1440, 1080));
        assert_eq!(size((1998, 1080), (1, 1), false, (3840, 2160)), (3840, 2076));
        // 720x576 with 64:45 samples is shown as 1024x576.
        assert_eq!(size((720, 576), (64, 45), false, (1920, 1080)), (1350, 1080));
    }

    #[test]
    fn the_box_turns_with_the_picture() {
        assert_eq!(size((360, 640), (1, 1), false, (1920, 1080)), (1080, 1920));
        // A phone's landscape storage that is shown upright.
        assert_eq!(size((640, 360), (1, 1), true, (1920, 1080)), (1920, 1080));
    }
}
