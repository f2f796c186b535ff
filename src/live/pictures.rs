//! The frames that can be shown, and the pictures that decisions make of them.

use super::director::{Decision, Director};
use super::motion::Motion;
use super::present::{Known, MadeOf, Picture};
use crate::frame::{Content, Frame, MotionMode};
use std::collections::VecDeque;

/// Frames that are kept: the two that motion goes by, and those that wait for their ticks.
const KEPT: usize = 6;

/// A frame that can be shown.
pub(super) struct Finished {
    /// The director's.
    pub(super) number: u64,
    /// Among the frames that were dealt out.
    pub(super) sequence: u64,
    pub(super) source: Frame,
    /// At the output's size.
    pub(super) frame: Frame,
    pub(super) motion: Motion,
}

/// The newest frames that can be shown.
pub(super) struct Pictures {
    mode: MotionMode,
    frames: VecDeque<Finished>,
}

impl Pictures {
    pub(super) const fn new(mode: MotionMode) -> Self {
        Self { mode, frames: VecDeque::new() }
    }

    /// Takes the next frame; gives what is to be learnt from it.
    pub(super) fn push(&mut self, finished: Finished) -> Known {
        let before = self.frames.back().map(|before| before.source.clone());
        let known = Known { source: finished.source.clone(), before, motion: finished.motion.clone() };
        self.frames.push_back(finished);
        if self.frames.len() > KEPT {
            self.frames.pop_front();
        }
        known
    }

    /// What is shown; `None` before the first frame. Without prediction, or motion to go by, the frame is held.
    pub(super) fn picture(
        &self,
        decision: &Decision,
        director: &Director,
        predicts: bool,
    ) -> Option<Picture> {
        let newest = self.frames.back()?;
        let (number, tau) = match decision.tick.content {
            Content::Original(number) => (number, Some(0.0)),
            Content::Between { frame, tau } => (frame, Some(tau.to_f32()).filter(|_| predicts)),
            Content::Hold(number) => (number, None),
        };
        let first = self.find(number).unwrap_or(newest);
        let made_of = match tau {
            Some(tau) if tau > 0.0 => self.motion(first, tau),
            Some(_) => Some(MadeOf::Real(first.frame.clone())),
            None => None,
        };
        let captured = match made_of {
            Some(_) => decision.captured,
            // What is held is as old as its frame.
            None => director.captured(first.source.info.pts).min(decision.captured),
        };
        Some(Picture {
            made_of: made_of.unwrap_or_else(|| MadeOf::Held(first.frame.clone())),
            pts: decision.tick.pts,
            source: first.source.clone(),
            captured,
            due: decision.due,
        })
    }

    /// `None` where there is no motion to go by.
    fn motion(&self, first: &Finished, tau: f32) -> Option<MadeOf> {
        let other = self.find(match self.mode {
            MotionMode::Predict => first.number.checked_sub(1)?,
            MotionMode::Interpolate => first.number + 1,
        })?;
        let (later, earlier) = match self.mode {
            MotionMode::Predict => (first, other),
            MotionMode::Interpolate => (other, first),
        };
        // A frame in between may have been left out.
        let fits = later.motion.other.is_some() && later.motion.other_sequence == earlier.sequence;
        let field = later.motion.field_at(tau, self.mode).filter(|_| fits)?;
        Some(MadeOf::Motion {
            frames: Box::new([first.frame.clone(), other.frame.clone()]),
            smalls: [first.motion.small.clone(), other.motion.small.clone()],
            field,
            tau,
        })
    }

    fn find(&self, number: u64) -> Option<&Finished> {
        self.frames.iter().find(|finished| finished.number == number)
    }
}
