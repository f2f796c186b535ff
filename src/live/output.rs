//! What outputs are given at every tick.

use crate::error::Error;
use crate::frame::Frame;
use crate::media::CopyPacket;
use std::time::Duration;

/// What a picture that is shown is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ShownContent {
    /// A real frame.
    Real,
    /// Predicted, this many intervals between source frames after the newest real frame; above 0.
    Predicted(f32),
    /// Made of the real frames before and after, at this part of the way from one to the other; 0 to 1.
    Interpolated(f32),
    /// The newest real frame again: there is no motion to go by, prediction is off, or the source has stopped.
    Held,
}

/// A picture at its tick.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The picture at the output's size, its time stamp exact and rising in [`LiveFormat::time_base`](super::LiveFormat).
    pub frame: Frame,
    /// The newest real frame as it was captured, for comparison: the source's size and time stamp.
    pub source: Frame,
    /// What the picture is made of.
    pub content: ShownContent,
    /// When its content was captured, or would have been, on the run's clock.
    pub captured: Duration,
    /// When it was handed over, on the run's clock.
    pub handed_over: Duration,
}

/// Shows pictures, on a thread of its own. One that is slow misses pictures, which are counted; nothing waits for it.
pub trait Output: Send {
    /// Where it shows them, for people: a path, an address, `window`.
    fn name(&self) -> String;

    /// Shows a picture.
    ///
    /// # Errors
    /// Whatever makes it useless from now on; it is told, and the other outputs go on.
    fn show(&mut self, shown: &Shown) -> Result<(), Error>;

    /// Pictures that it was given and left out, because newer ones came before it was done.
    fn missed(&self) -> u64 {
        0
    }

    /// Takes a packet of another stream of the source (sound, subtitles).
    ///
    /// # Errors
    /// As [`Output::show`].
    fn packet(&mut self, _packet: CopyPacket) -> Result<(), Error> {
        Ok(())
    }

    /// Nothing more will come: the run is over, or the output has failed before.
    ///
    /// # Errors
    /// If what it made cannot be completed.
    fn finish(self: Box<Self>) -> Result<(), Error> {
        Ok(())
    }
}
