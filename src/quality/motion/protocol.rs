//! Which frames are made of which.

use crate::frame::MotionMode;

/// How the frames of a clip are used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Protocol {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) mode: MotionMode,
    /// Frames from one used frame to the next.
    step: usize,
    pub(super) tau: f32,
}

const NEXT: Protocol = Protocol {
    name: "next",
    description: "each frame is predicted from the two before it",
    mode: MotionMode::Predict,
    step: 1,
    tau: 1.0,
};
const HALF_STEP: Protocol = Protocol {
    name: "half-step",
    description: "every second frame is taken away and predicted from the two kept ones before it",
    mode: MotionMode::Predict,
    step: 2,
    tau: 0.5,
};
const BETWEEN: Protocol = Protocol {
    name: "between",
    description: "every second frame is taken away and made of the kept ones before and after it",
    mode: MotionMode::Interpolate,
    step: 2,
    tau: 0.5,
};

/// Frames from the oldest to the newest one of [`Roles`].
pub(super) const WINDOW: usize = 5;

/// Numbers of frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Roles {
    /// The newest frame before the wanted one.
    pub(super) first: usize,
    /// The one before that, or the next one.
    pub(super) other: usize,
    /// The frame that is made.
    pub(super) wanted: usize,
    /// The real frame that is shown after it; `None` if the next one is made as well.
    pub(super) after: Option<usize>,
}

impl Protocol {
    pub(super) fn of(mode: MotionMode) -> Vec<Self> {
        match mode {
            MotionMode::Predict => vec![NEXT, HALF_STEP],
            MotionMode::Interpolate => vec![BETWEEN],
        }
    }

    /// What is made once frame `newest` was read. All its frames are among the last [`WINDOW`] ones.
    pub(super) fn roles(self, newest: usize) -> Option<Roles> {
        if self.step == 1 {
            let (first, other) = (newest.checked_sub(1)?, newest.checked_sub(2)?);
            return Some(Roles { first, other, wanted: newest, after: None });
        }
        // The same wanted frames for half-step and between.
        let wanted = newest.checked_sub(1).filter(|wanted| *wanted >= 3 && wanted % 2 == 1)?;
        let other = match self.mode {
            MotionMode::Predict => wanted - 3,
            MotionMode::Interpolate => wanted + 1,
        };
        Some(Roles { first: wanted - 1, other, wanted, after: Some(newest) })
    }

    /// True if a frame is given to the methods, and not taken away.
    pub(super) const fn keeps(self, number: usize) -> bool {
        number.is_multiple_of(self.step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First, other, wanted and shown after, for a clip of `count` frames.
    fn all(protocol: Protocol, count: usize) -> Vec<(usize, usize, usize, Option<usize>)> {
        let roles = (0..count).filter_map(|newest| protocol.roles(newest));
        roles.map(|roles| (roles.first, roles.other, roles.wanted, roles.after)).collect()
    }

    #[test]
    fn protocols_use_the_frames_that_they_say() {
        assert_eq!(all(NEXT, 5), [(1, 0, 2, None), (2, 1, 3, None), (3, 2, 4, None)]);
        assert_eq!(all(HALF_STEP, 8), [(2, 0, 3, Some(4)), (4, 2, 5, Some(6))]);
        assert_eq!(all(BETWEEN, 8), [(2, 4, 3, Some(4)), (4, 6, 5, Some(6))]);
    }
}
