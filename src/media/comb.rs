//! Tells interlaced pictures from progressive ones by looking at them.
//!
//! Where something moves, the two fields of a picture are compared with each other and with the other field of the
//! picture before. In progressive video the two fields of one picture fit each other best. In interlaced video one
//! field lies as near to the other field of the picture before as to its own partner, and which one it is (the field
//! that is shown first) stays the same from picture to picture.

use super::ffi_frame::{self, PixelDescription};
use super::pixel::Layout;
use ffmpeg_next::frame::Video;
use std::collections::VecDeque;

/// The field that is shown first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parity {
    Top,
    Bottom,
}

/// Columns that are looked at, spread over the picture.
const COLUMNS: usize = 96;
/// Pictures that are remembered for the verdict.
const WINDOW: usize = 16;
/// Interlaced pictures among them that make a verdict; 3:2 pulldown has 6.
const ENOUGH: usize = 5;
/// Higher pictures are never interlaced in practice.
const MAX_HEIGHT: u32 = 1152;

/// Looks at pictures one after the other.
#[derive(Default)]
pub(super) struct CombDetector {
    previous: Luma,
    current: Luma,
    line: Vec<u16>,
    votes: VecDeque<Option<Parity>>,
}

/// Luma in 8 bits, every row, some columns.
#[derive(Default, PartialEq)]
struct Luma {
    samples: Vec<u8>,
    columns: usize,
}

impl CombDetector {
    /// True if pictures of this size and format can be judged.
    pub(super) fn can_judge(picture: &Video) -> bool {
        let layout = PixelDescription::of(picture.format()).map(|pixel| Layout::of(&pixel));
        let is_native = matches!(layout, Some(Layout::Native(_)));
        is_native && Self::judges(picture.height()) && picture.width() >= 16
    }

    /// True if pictures of that many rows can be judged.
    pub(super) fn judges(height: u32) -> bool {
        (16..=MAX_HEIGHT).contains(&height)
    }

    /// Looks at the next picture; returns the field order once the video is found to be interlaced.
    pub(super) fn look(&mut self, picture: &Video) -> Option<Parity> {
        std::mem::swap(&mut self.previous, &mut self.current);
        self.current.read(picture, &mut self.line);
        if self.previous.samples.len() != self.current.samples.len() {
            return None;
        }
        if let Some(vote) = judge(&self.previous, &self.current) {
            self.votes.push_back(vote);
            if self.votes.len() > WINDOW {
                self.votes.pop_front();
            }
        }
        self.verdict()
    }

    fn verdict(&self) -> Option<Parity> {
        let count = |parity: Parity| self.votes.iter().filter(|vote| **vote == Some(parity)).count();
        let (top, bottom) = (count(Parity::Top), count(Parity::Bottom));
        let is_clear =
            |many: usize, few: usize| many >= ENOUGH && many >= few * 4 && many * 4 >= self.votes.len();
        if is_clear(top, bottom) {
            Some(Parity::Top)
        } else if is_clear(bottom, top) {
            Some(Parity::Bottom)
        } else {
            None
        }
    }
}

impl Luma {
    fn read(&mut self, picture: &Video, line: &mut Vec<u16>) {
        self.samples.clear();
        let Some(pixel) = PixelDescription::of(picture.format()) else {
            return;
        };
        let Some(luma) = pixel.components.first() else {
            return;
        };
        let width = picture.width() as usize;
        let step = (width / COLUMNS).max(1);
        let shift = luma.depth.saturating_sub(8);
        self.columns = width.div_ceil(step);
        line.resize(width, 0);
        for y in 0..picture.height() as usize {
            // Whole rows of samples that lie side by side are sampled in place; this is nearly every case.
            let plain = match (luma.step, luma.shift) {
                (1, 0) => ffi_frame::row(picture, luma.plane, y, width),
                _ => None,
            };
            match plain {
                Some(row) => self.samples.extend(row.iter().step_by(step)),
                None => {
                    ffi_frame::read_component(picture, 0, y, line);
                    self.samples.extend(line.iter().step_by(step).map(|sample| (*sample >> shift) as u8));
                }
            }
        }
    }

    fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.samples.chunks_exact(self.columns.max(1))
    }
}

/// How badly rows fit, summed where something moves.
#[derive(Default)]
struct Misfit {
    /// Rows of one field between rows of the other field of the same picture.
    own: u64,
    /// Rows between the nearest rows of their own field.
    field: u64,
    /// Rows of the previous picture between rows of the other field of this picture: top rows, bottom rows.
    top: u64,
    bottom: u64,
    moving: u64,
    total: u64,
}

/// `None` if too little moves to say; `Some(None)` for a progressive picture or no clear case.
fn judge(previous: &Luma, current: &Luma) -> Option<Option<Parity>> {
    let misfit = measure(previous, current);
    if misfit.moving * 400 < misfit.total {
        return None;
    }
    // A progressive picture's fields fit each other better than those of two pictures, and its rows fit their nearest
    // neighbours better than the nearest rows of their own field.
    let (least, most) = (misfit.top.min(misfit.bottom), misfit.top.max(misfit.bottom));
    // The thresholds lie between what interlaced film and the worst progressive test pictures show.
    let fits_own = least * 100 > misfit.own * 115;
    let is_lopsided = most * 10 >= least * 13;
    let is_combed = misfit.own * 10 >= misfit.field * 8;
    if fits_own || !is_lopsided || !is_combed {
        return Some(None);
    }
    // The previous picture's late field lies next to this picture's early one.
    Some(Some(if misfit.bottom < misfit.top { Parity::Top } else { Parity::Bottom }))
}

fn measure(previous: &Luma, current: &Luma) -> Misfit {
    let mut misfit = Misfit::default();
    let rows: Vec<_> = current.rows().collect();
    let old_rows: Vec<_> = previous.rows().collect();
    for (first, (rows, old_rows)) in rows.windows(5).zip(old_rows.windows(5)).enumerate() {
        let ([up2, up, middle, down, down2], [_, old_up, old_middle, old_down, _]) = (rows, old_rows) else {
            continue;
        };
        let is_top = first % 2 == 0; // The middle row's number is `first + 2`.
        let now = up.iter().zip(*middle).zip(*down).zip(up2.iter().zip(*down2));
        let then = old_up.iter().zip(*old_middle).zip(*old_down);
        for ((((up, middle), down), (up2, down2)), ((old_up, old_middle), old_down)) in now.zip(then) {
            misfit.total += 1;
            let motion = up.abs_diff(*old_up).max(middle.abs_diff(*old_middle)).max(down.abs_diff(*old_down));
            if motion <= 10 {
                continue;
            }
            misfit.moving += 1;
            let outer = u64::from(*up) + u64::from(*down);
            misfit.own += outer.abs_diff(2 * u64::from(*middle));
            misfit.field += (u64::from(*up2) + u64::from(*down2)).abs_diff(2 * u64::from(*middle));
            let other = outer.abs_diff(2 * u64::from(*old_middle));
            if is_top {
                misfit.top += other;
            } else {
                misfit.bottom += other;
            }
        }
    }
    // Top and bottom rows share the moving samples; double them to the scale of `own`.
    misfit.top *= 2;
    misfit.bottom *= 2;
    misfit
}
