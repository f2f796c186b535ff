//! FFmpeg's minterpolate, given the kept frames.

use super::super::reference::wrong;
use super::super::rgb;
use super::clip::ClipFrame;
use super::judge::{Judge, Made, Moment};
use crate::error::Error;
use crate::frame::Frame;
use crate::kernel::{self, KernelChoice, Kernels};
use crate::media::MotionInterpolation;
use std::collections::VecDeque;

/// The row's name.
const NAME: &str = "minterpolate";

/// The filter gives a frame when it has seen the second kept one after it, so wanted frames wait for theirs.
pub(super) struct Peer {
    judge: Judge,
    kernels: Box<dyn Kernels>,
    filter: Option<MotionInterpolation>,
    /// The last kept frame.
    last: Option<(usize, ClipFrame)>,
    waiting: VecDeque<Waiting>,
}

/// A wanted frame that the filter has not made yet.
struct Waiting {
    number: usize,
    first: ClipFrame,
    truth: ClipFrame,
    after: Option<ClipFrame>,
    tau: f32,
}

impl Peer {
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Self {
            judge: Judge::new(false, false)?,
            kernels: kernel::create(KernelChoice::Cpu)?,
            filter: None,
            last: None,
            waiting: VecDeque::new(),
        })
    }

    /// Takes a kept frame, every second one of the clip.
    pub(super) fn take(&mut self, number: usize, frame: &ClipFrame) -> Result<(), Error> {
        self.last = Some((number, frame.clone()));
        let filter = match &mut self.filter {
            Some(filter) => filter,
            None => self.filter.insert(MotionInterpolation::new(&frame.frame.info)?),
        };
        filter.push(&frame.frame, number as i64)?;
        self.judge_made()
    }

    /// A frame that is to be judged when it was made.
    pub(super) fn expect(&mut self, number: usize, moment: &Moment<'_>) -> Result<(), Error> {
        let (first, truth, after) = (moment.first.clone(), moment.truth.clone(), moment.after.cloned());
        self.waiting.push_back(Waiting { number, first, truth, after, tau: moment.tau });
        Ok(())
    }

    /// Judges what is left; the row.
    pub(super) fn finish(mut self) -> Result<(String, Judge), Error> {
        // The filter looks one kept frame further than it needs for the last wanted one: that is shown again to it.
        for step in 1..=2 {
            if let (Some(filter), Some((number, last))) = (&mut self.filter, &self.last) {
                filter.push(&last.frame, (number + 2 * step) as i64)?;
            }
        }
        if let Some(filter) = &mut self.filter {
            filter.finish()?;
        }
        self.judge_made()?;
        match self.waiting.front() {
            Some(waiting) => {
                let problem = format!("frame {} was not made", waiting.number);
                Err(wrong(NAME, problem, "leave --compare minterpolate out").into())
            }
            None => Ok((NAME.to_owned(), self.judge)),
        }
    }

    fn judge_made(&mut self) -> Result<(), Error> {
        while let Some((pts, frame)) = self.filter.as_mut().map_or(Ok(None), MotionInterpolation::pull)? {
            // Those before it are kept frames, and those between kept ones that no method makes.
            if self.waiting.front().is_some_and(|waiting| waiting.number as i64 == pts)
                && let Some(waiting) = self.waiting.pop_front()
            {
                self.judge(&waiting, frame)?;
            }
        }
        Ok(())
    }

    fn judge(&mut self, waiting: &Waiting, frame: Frame) -> Result<(), Error> {
        let Waiting { first, truth, after, tau, .. } = waiting;
        let truth_rgb = &rgb::from_frame(&truth.frame, 0, self.kernels.as_mut())?;
        let moment = Moment { first, other: first, truth, truth_rgb, after: after.as_ref(), tau: *tau };
        self.judge.score(&Made { frame, motion: None }, &moment)?;
        Ok(())
    }
}
