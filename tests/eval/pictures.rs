//! Pictures by formula, as in `reference_scores.py`.

use image::{GrayImage, Luma, Rgb, RgbImage};
use std::path::{Path, PathBuf};

pub(crate) const WIDTH: u32 = 203;
pub(crate) const HEIGHT: u32 = 185;

/// A triangle wave of period 256 between 0 and 127.
fn triangle(n: u32) -> u32 {
    let m = n % 256;
    if m < 128 { m } else { 255 - m }
}

/// A grey picture and a damaged version of it.
pub(crate) fn grey_pair(folder: &Path) -> (PathBuf, PathBuf) {
    let plain = |x, y| triangle(3 * x + y) + triangle(5 * y + x * x / 64);
    let damaged = |x: u32, y: u32| (plain(x, y) + (x * 31 + y * 17 + x * y) % 23).saturating_sub(8).min(255);
    let (a, b) = (folder.join("plain.png"), folder.join("damaged.png"));
    GrayImage::from_fn(WIDTH, HEIGHT, |x, y| Luma([plain(x, y) as u8])).save(&a).unwrap();
    GrayImage::from_fn(WIDTH, HEIGHT, |x, y| Luma([damaged(x, y) as u8])).save(&b).unwrap();
    (a, b)
}

/// An RGB picture, cut to a size.
pub(crate) fn colour(path: &Path, width: u32, height: u32) {
    let pixel = |x, y| {
        let red = 2 * triangle(17 * x + 9 * y);
        let green = triangle(23 * x + 5 * y) + triangle(19 * y + x * x / 8);
        let blue = 2 * triangle(x * y / 8 + 13 * y);
        Rgb([red, green, blue].map(|code| code as u8))
    };
    RgbImage::from_fn(width, height, pixel).save(path).unwrap();
}
