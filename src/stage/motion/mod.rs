//! Frames between frames: which ones there are, how things move, and what is shown.

mod bilinear;
mod camera;
mod captions;
mod gate;
mod maker;
mod pacer;
mod predictor;
mod score;
mod weaver;

pub(crate) use camera::Camera;
pub(crate) use captions::Captions;
pub use captions::LeftCaptions;
pub(crate) use gate::Gate;
pub use gate::MotionCount;
pub(crate) use maker::made_info;
pub use maker::{MotionMaker, Real};
pub use pacer::{PaceCount, Pacer, PacerOptions, Seen, Span};
pub use predictor::{MotionPredictor, Moved};
pub use weaver::Weaver;
