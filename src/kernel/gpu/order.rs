//! The order of a device's submissions and of what others do in the memory that they share.

use crate::frame::NetworkTurns;

/// Both sides' parts in the turns.
pub(super) type Parts = (Box<dyn Order>, Box<dyn NetworkTurns>);

/// Turns in shared memory: every submission of the device is one, and so is each run of a network.
pub(super) trait Order: Send {
    /// Has the next submission wait for the last turn, and makes it a turn.
    fn enter(&self, queue: &wgpu::Queue);

    /// To be called after the submission. False if there was none: then nothing waits for it.
    fn leave(&self, queue: &wgpu::Queue) -> bool;

    /// Whether the others' turns will end; says why not.
    fn check_others(&self) -> Result<(), String>;

    /// Ends in their place the turns that others do not end any more.
    fn release(&self);
}
