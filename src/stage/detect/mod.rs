//! What happens from one frame to the next: motion goes on, nothing moves, or the scene changes. Only frames of the past are
//! seen.

mod matte;
mod measure;

#[cfg(test)]
mod tests;

use crate::frame::SmallFrame;
use measure::{Difference, Miniature, difference, fading, sameness};
use std::collections::VecDeque;

/// Frames in a row that a dissolve must be seen in.
const DISSOLVE_FRAMES: u32 = 2;
/// The longest flash, in frames.
const LONGEST_FLASH: usize = 2;
/// Miniatures kept: the newest, those of a flash, and the one before it.
const MEMORY: usize = LONGEST_FLASH + 2;

/// Thresholds of the [`Detector`]. Luma counts from 0 (nominal black) to 1 (nominal white).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetectorOptions {
    /// Scene cut: the share of the picture's contrast (0 to 1) that moving its blocks does not explain. Moving pictures
    /// have up to 0.74 where they are fast and blurred, cuts 0.84 and more. Default 0.75.
    pub cut: f32,
    /// Flash: mean change of the blocks' brightness from one frame to the next, in luma, while the picture's structure
    /// stays. Default 0.06 (15 of 255).
    pub flash: f32,
    /// Dissolve: how much two successive differences may differ, as a share of both (0 to 1); in
    /// motion they differ by 0.42 and more. Default 0.4.
    pub dissolve: f32,
    /// Near duplicate: mean absolute difference of luma, and of each plane of chroma. Default 0.004 (1 of 255). A block of 8 x 8
    /// values may have [`DetectorOptions::BLOCK_FACTOR`] times as much.
    pub duplicate: f32,
}

impl DetectorOptions {
    /// How much more than the mean a single block of a near duplicate may differ.
    pub const BLOCK_FACTOR: f32 = 3.0;
    /// The share of a near duplicate's differences that movement must leave unexplained, 0 to 1: a slow pan leaves 0.1.
    pub const DUPLICATE_UNMOVED: f32 = 0.4;
    /// The structure stays if the share of contrast that moving blocks does not explain is at most this.
    pub const FLASH_STRUCTURE: f32 = 0.5;
    /// Mean absolute difference of luma from which a change can be a dissolve: one of 255.
    pub const DISSOLVE_CHANGE: f32 = 0.004;
    /// The share of a dissolve's change that movement must leave unexplained, 0 to 1.
    pub const DISSOLVE_UNMOVED: f32 = 0.6;
    /// The share of the picture, 0 to 1, that a dissolve changes at least; a slow movement changes less.
    pub const DISSOLVE_SPREAD: f32 = 0.5;
}

impl Default for DetectorOptions {
    fn default() -> Self {
        Self { cut: 0.75, flash: 0.06, dissolve: 0.4, duplicate: 0.004 }
    }
}

/// How a frame follows the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// It is the first, or the size changed.
    First,
    /// Motion, or none, within a scene.
    Moving,
    /// The same picture as that of the last frame that is no duplicate, sample by sample.
    Duplicate,
    /// The same picture as that but for the noise of compression.
    NearDuplicate,
    /// Another scene. The first frame of a flash that hides the scene looks the same.
    Cut,
    /// A flash begins, or goes on, in the same scene.
    Flash,
    /// A flash is over: this frame continues the one that came this many frames before, 2 or 3.
    FlashEnd(usize),
    /// One scene mixes into another, or fades.
    Dissolve,
}

impl Transition {
    /// True if motion from the frame before to this one means anything.
    pub const fn has_motion(self) -> bool {
        matches!(self, Self::Moving | Self::Duplicate | Self::NearDuplicate)
    }

    /// True if the frame shows nothing that the one before does not.
    pub const fn is_duplicate(self) -> bool {
        matches!(self, Self::Duplicate | Self::NearDuplicate)
    }
}

/// Sees the frames of a stream in order and says of each how it follows the one before.
///
/// Pictures are compared at up to 96 samples of width, block by block, for cuts and flashes without the bars around them; only
/// duplicates are judged on the frames as they come.
#[derive(Clone, Debug)]
pub struct Detector {
    options: DetectorOptions,
    /// The last frame that is no duplicate: what changes slowly is compared with that, not with its own duplicates.
    last: SmallFrame,
    /// The newest first.
    past: VecDeque<Miniature>,
    /// Frames since a jump that may turn out to be a flash; 0 if there was none.
    since_jump: usize,
    fading_frames: u32,
}

impl Detector {
    /// With these thresholds.
    pub fn new(options: DetectorOptions) -> Self {
        Self { options, last: SmallFrame::default(), past: VecDeque::new(), since_jump: 0, fading_frames: 0 }
    }

    /// Judges the next frame.
    pub fn observe(&mut self, frame: &SmallFrame) -> Transition {
        let is_same_size = (frame.source, frame.shrink) == (self.last.source, self.last.shrink);
        if !is_same_size || self.past.is_empty() {
            self.past.clear();
            self.last.clone_from(frame);
            self.remember(frame);
            (self.since_jump, self.fading_frames) = (0, 0);
            return Transition::First;
        }
        let duplicate = self.duplicate(frame);
        if duplicate.is_none() {
            self.last.clone_from(frame);
        }
        self.remember(frame);
        let transition = self.judge(duplicate);
        self.since_jump = match transition {
            Transition::Cut | Transition::Flash if self.since_jump == 0 => 1,
            Transition::FlashEnd(_) | Transition::First => 0,
            _ if self.since_jump == 0 || self.since_jump >= LONGEST_FLASH => 0,
            _ => self.since_jump + 1,
        };
        transition
    }

    fn duplicate(&self, frame: &SmallFrame) -> Option<Transition> {
        if frame.luma == self.last.luma && frame.chroma == self.last.chroma {
            return Some(Transition::Duplicate);
        }
        let found = sameness(frame, &self.last);
        let limit = self.options.duplicate;
        let is_near = found.mean <= limit
            && found.largest <= limit * DetectorOptions::BLOCK_FACTOR
            && found.unmoved > DetectorOptions::DUPLICATE_UNMOVED;
        is_near.then_some(Transition::NearDuplicate)
    }

    fn remember(&mut self, frame: &SmallFrame) {
        let mut miniature = if self.past.len() < MEMORY {
            Miniature::default()
        } else {
            self.past.pop_back().unwrap_or_default()
        };
        miniature.take(frame);
        self.past.push_front(miniature);
    }

    fn judge(&mut self, duplicate: Option<Transition>) -> Transition {
        let Some((now, before)) = self.past.front().zip(self.past.get(1)) else { return Transition::First };
        if let Some(duplicate) = duplicate {
            return duplicate;
        }
        let (now, before) = (now.view(), before.view());
        let step = difference(now, before);
        if self.since_jump > 0 && self.jump(step).is_some() {
            let back = self.since_jump + 1;
            let is_back =
                self.past.get(back).is_some_and(|old| self.jump(difference(now, old.view())).is_none());
            if is_back {
                return Transition::FlashEnd(back);
            }
        }
        // A fade's last frames differ in structure too, but as steadily as the ones before, unlike a cut.
        self.fading_frames = if self.is_fading() { self.fading_frames + 1 } else { 0 };
        if self.fading_frames >= DISSOLVE_FRAMES {
            return Transition::Dissolve;
        }
        self.jump(step).unwrap_or(Transition::Moving)
    }

    fn jump(&self, step: Difference) -> Option<Transition> {
        if step.structure > self.options.cut {
            return Some(Transition::Cut);
        }
        let is_flash =
            step.brightness > self.options.flash && step.structure <= DetectorOptions::FLASH_STRUCTURE;
        is_flash.then_some(Transition::Flash)
    }

    fn is_fading(&self) -> bool {
        let (Some(now), Some(before), Some(older)) = (self.past.front(), self.past.get(1), self.past.get(2))
        else {
            return false;
        };
        let found = fading(now.view(), before.view(), older.view());
        found.change > DetectorOptions::DISSOLVE_CHANGE
            && found.unsteadiness < self.options.dissolve
            && found.unmoved > DetectorOptions::DISSOLVE_UNMOVED
            && found.spread > DetectorOptions::DISSOLVE_SPREAD
    }
}
