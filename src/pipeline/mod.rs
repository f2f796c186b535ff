//! The threads: decode, upscale, compose, encode, joined by bounded channels.
//!
//! A stage's failure travels downstream as a value, so whoever waits at the end learns the cause; a closed channel
//! means only that the peer has gone.

mod chain;
mod clock;
mod drift;
mod edits;
mod graph;
mod networks;
mod plan;
mod process;
mod progress;
mod rate;
mod retime;
mod running;
mod section;
mod stage;
mod stats;
mod workload;

pub use chain::{Chain, ChainOptions, Edit, Ends, Event};
pub use clock::{Clock, SystemClock};
pub use graph::{Observer, run};
pub(crate) use plan::Plan;
pub(crate) use process::ProcessUsage;
pub(crate) use rate::RateChange;
pub use retime::{RateCount, Retiming};
pub(crate) use running::Running;
pub(crate) use stage::{guarded, spawn};
pub use stats::{Progress, StageTime, Summary};
pub(crate) use workload::Workload;
