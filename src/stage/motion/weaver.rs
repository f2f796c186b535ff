//! Puts together what is shown: source frames at their time, and frames between them made of motion.

use super::captions::Captions;
use super::gate::MotionCount;
use super::maker::made_info;
use super::{MotionMaker, Moved, Real};
use crate::error::Error;
use crate::frame::{Content, Frame, FrameInfo, MotionField, MotionMode, Pts};

/// Makes the output's frames. It must see the source's frames in order.
#[derive(Debug)]
pub struct Weaver {
    maker: MotionMaker,
    /// Prediction: frame k-1. Interpolation: frame k, with what is to be shown before k+1.
    last: Option<Finished>,
    captions: Captions,
}

/// A source frame at the output's size.
#[derive(Debug)]
struct Finished {
    frame: Frame,
    /// The frame as it was decoded.
    source: Frame,
    moved: Moved,
}

impl Weaver {
    /// With what makes frames of motion.
    pub fn new(maker: MotionMaker) -> Self {
        Self { maker, last: None, captions: Captions::default() }
    }

    /// As [`Kernels::keep_on_device`](crate::kernel::Kernels::keep_on_device).
    pub fn keep_on_device(&mut self) {
        self.maker.keep_on_device();
    }

    /// Takes the next source frame, `frame` at the output's size and `source` as it was decoded, and appends what is shown.
    pub fn process(
        &mut self,
        frame: Frame,
        source: Frame,
        moved: Moved,
        out: &mut Vec<Frame>,
    ) -> Result<(), Error> {
        let mut newest = Finished { frame, source, moved };
        let before = self.last.take();
        let real = Real {
            source: &newest.source,
            small: &newest.moved.small,
            follows: newest.moved.other.is_some(),
            estimate: newest.moved.estimate.take(),
        };
        self.maker.learn(real, before.as_ref().map(|before| &before.source))?;
        match (self.maker.mode(), before) {
            (MotionMode::Predict, before) => {
                let predicted = self.show(&mut newest, before.as_ref(), out)?;
                if let (Some((field, tau)), Some(other)) = (predicted, &newest.moved.other) {
                    self.maker.expect(field, tau, &newest.moved.small, other);
                }
            }
            (MotionMode::Interpolate, Some(mut before)) => {
                self.show(&mut before, Some(&newest), out)?;
            }
            (MotionMode::Interpolate, None) => {}
        }
        self.last = Some(newest);
        Ok(())
    }

    /// Nothing more will come: appends what is still to be shown.
    pub fn end(&mut self, out: &mut Vec<Frame>) -> Result<(), Error> {
        match self.last.take() {
            Some(mut last) if self.maker.mode() == MotionMode::Interpolate => {
                self.show(&mut last, None, out).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// What became of the frames so far.
    pub const fn count(&self) -> MotionCount {
        self.maker.count()
    }

    /// Appends the frames of the ticks of `first`; `other` is the frame from or to which things move. Gives the last
    /// motion that was used, and its time.
    fn show(
        &mut self,
        first: &mut Finished,
        other: Option<&Finished>,
        out: &mut Vec<Frame>,
    ) -> Result<Option<(MotionField, f32)>, Error> {
        self.captions.take(&first.frame.info);
        let mut left = std::mem::take(&mut first.moved.captions).into_iter().peekable();
        let (mut is_again, mut last) = (false, None);
        for (tick, field) in std::mem::take(&mut first.moved.ticks) {
            let mut frame = match (tick.content, field, other) {
                (Content::Between { tau, .. }, Some(mut field), Some(other)) => {
                    let tau = tau.to_f32();
                    let frame = self.maker.make([&first.frame, &other.frame], &mut field, tau, tick.pts)?;
                    last = Some((field, tau));
                    frame
                }
                _ => {
                    if is_again || !matches!(tick.content, Content::Original(_)) {
                        self.maker.hold();
                    }
                    repeated(&first.frame, tick.pts, is_again)
                }
            };
            is_again = true;
            while let Some(due) = left.next_if(|captions| captions.pts <= tick.pts) {
                self.captions.queue(&due.units);
            }
            self.captions.give(&mut frame.info);
            out.push(frame);
        }
        left.for_each(|captions| self.captions.queue(&captions.units));
        if let Some(frame) = out.last_mut().filter(|_| is_again) {
            frame.info.duration = first.moved.shown;
        }
        Ok(last)
    }
}

/// The frame at another time.
fn repeated(frame: &Frame, pts: Pts, again: bool) -> Frame {
    let info = if again {
        made_info(&frame.info, pts)
    } else {
        FrameInfo { pts, duration: 0, ..frame.info.clone() }
    };
    Frame { info, data: frame.data.clone() }
}
