//! Text and rectangles into a small picture with opacity.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

/// Red, green, blue and opacity.
pub(super) type Ink = [u8; 4];

pub(super) const WHITE: Ink = [240, 243, 246, 255];
pub(super) const DIM: Ink = [154, 165, 177, 255];
pub(super) const ACCENT: Ink = [104, 199, 255, 255];
pub(super) const AMBER: Ink = [255, 193, 82, 255];
/// Behind text.
pub(super) const SHADE: Ink = [13, 17, 23, 222];

/// A picture that is laid over the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Panel {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Red, green, blue and opacity of each pixel, colours not multiplied by it.
    pub(super) pixels: Vec<u8>,
}

/// A piece of text in one ink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) text: String,
    pub(super) ink: Ink,
    pub(super) is_bold: bool,
}

impl Words {
    pub(super) fn new(text: impl Into<String>, ink: Ink) -> Self {
        Self { text: text.into(), ink, is_bold: false }
    }

    pub(super) fn bold(text: impl Into<String>, ink: Ink) -> Self {
        Self { is_bold: true, ..Self::new(text, ink) }
    }
}

/// A size of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Type(RasterHeight);

impl Type {
    /// Legible in a window of this height in pixels, whose pixels are `scale` times as fine as common ones.
    pub(super) fn for_window(height: u32, scale: f64) -> Self {
        Self(match f64::from(height) / 45.0 {
            _ if scale >= 1.9 => RasterHeight::Size32,
            room if room >= 40.0 => RasterHeight::Size32,
            room if room >= 23.0 || scale >= 1.4 => RasterHeight::Size24,
            room if room >= 14.0 => RasterHeight::Size20,
            _ => RasterHeight::Size16,
        })
    }

    /// Height of a line in pixels.
    pub(super) const fn line(self) -> u32 {
        self.0.val() as u32 + self.0.val() as u32 / 8
    }

    /// Width of every letter in pixels.
    pub(super) const fn letter(self) -> u32 {
        get_raster_width(FontWeight::Regular, self.0) as u32
    }
}

impl Panel {
    /// One ink all over.
    pub(super) fn filled(width: u32, height: u32, ink: Ink) -> Self {
        let pixels = ink.repeat(width as usize * height as usize);
        Self { width, height, pixels }
    }

    /// One ink in a rectangle with round corners.
    pub(super) fn rounded(width: u32, height: u32, radius: u32, ink: Ink) -> Self {
        let mut panel = Self::filled(width, height, ink);
        let radius = radius as f32;
        // How far a pixel's centre lies inside of the corner circles' centres, along one axis.
        let beyond = |place: u32, length: u32| {
            let place = place as f32 + 0.5;
            (radius - place).max(place - (length as f32 - radius)).max(0.0)
        };
        for (index, pixel) in (0u32..).zip(panel.pixels.as_chunks_mut::<4>().0) {
            let (x, y) = (index % width, index / width);
            let distance = beyond(x, width).hypot(beyond(y, height));
            let share = (radius - distance + 0.5).clamp(0.0, 1.0);
            pixel[3] = (f32::from(ink[3]) * share).round() as u8;
        }
        panel
    }

    /// Lines of text on a shade with round corners; as wide as its longest line.
    pub(super) fn text(lines: &[Vec<Words>], size: Type) -> Self {
        let margin = size.letter() + 2;
        let letters = |line: &Vec<Words>| line.iter().map(|words| words.text.chars().count()).sum::<usize>();
        let longest = lines.iter().map(letters).max().unwrap_or(0) as u32;
        let width = longest * size.letter() + 2 * margin;
        let height = lines.len() as u32 * size.line() + 2 * (margin - 2);
        let mut panel = Self::rounded(width, height, size.letter(), SHADE);
        for (row, line) in (0u32..).zip(lines) {
            let mut x = margin;
            for words in line {
                x = panel.write(words, size, (x, margin - 2 + row * size.line()));
            }
        }
        panel
    }

    /// Writes at a place; gives the column after the last letter.
    fn write(&mut self, words: &Words, size: Type, (left, top): (u32, u32)) -> u32 {
        let weight = if words.is_bold { FontWeight::Bold } else { FontWeight::Regular };
        let mut x = left;
        for letter in words.text.chars() {
            // Letters beyond Latin are shown as a question mark, so that names keep their length.
            let raster = get_raster(letter, weight, size.0).or_else(|| get_raster('?', weight, size.0));
            for (row, coverage) in (0u32..).zip(raster.iter().flat_map(|raster| raster.rows())) {
                for (column, share) in (0u32..).zip(coverage) {
                    self.blend(x + column, top + row, words.ink, *share);
                }
            }
            x += size.letter();
        }
        x
    }

    /// Lays an ink over a pixel with a coverage.
    fn blend(&mut self, x: u32, y: u32, ink: Ink, coverage: u8) {
        if x >= self.width || coverage == 0 {
            return;
        }
        let index = y as usize * self.width as usize + x as usize;
        let Some(pixel) = self.pixels.as_chunks_mut::<4>().0.get_mut(index) else { return };
        let [red, green, blue, opacity] = ink;
        let over = u32::from(coverage) * u32::from(opacity) / 255;
        let under = u32::from(pixel[3]) * (255 - over) / 255;
        let total = (over + under).max(1);
        for (below, above) in pixel.iter_mut().zip([red, green, blue]) {
            *below = ((u32::from(above) * over + u32::from(*below) * under) / total) as u8;
        }
        pixel[3] = (over + under).min(255) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_lies_on_its_shade() {
        let size = Type::for_window(360, 1.0);
        let line = vec![Words::new("fps ", DIM), Words::bold("60.0", WHITE)];
        let panel = Panel::text(&[line], size);
        assert_eq!(panel.width, 8 * size.letter() + 2 * (size.letter() + 2));
        assert_eq!(panel.pixels.len(), (panel.width * panel.height * 4) as usize);
        assert_eq!(panel.pixels[3], 0, "corners are round");
        let brightest = panel.pixels.as_chunks::<4>().0.iter().map(|pixel| pixel[1]).max();
        assert!(brightest > Some(220), "{brightest:?}");
    }

    #[test]
    fn letters_grow_with_the_window_and_its_density() {
        let line = |height, scale| Type::for_window(height, scale).line();
        assert!(line(360, 1.0) < line(720, 1.0) && line(720, 1.0) < line(1080, 1.0));
        assert!(line(1080, 1.0) < line(2160, 1.0));
        assert_eq!(line(720, 2.0), line(2160, 1.0));
    }

    #[test]
    fn letters_that_the_font_lacks_are_marked() {
        let size = Type::for_window(360, 1.0);
        let panel = |text: &str| Panel::text(&[vec![Words::new(text, WHITE)]], size);
        assert_eq!(panel("\u{4e2d}"), panel("?"));
        assert_ne!(panel("\u{e9}"), panel("?"));
    }
}
