//! What happens to a frame, without threads: image-to-image networks, super-resolution, and composition to the
//! output's size and format.

mod cells;
mod compose;
mod cover;
mod denoise;
mod detect;
mod enhance;
mod flow;
mod geometry;
mod handover;
mod model_chain;
mod motion;
mod reuse;
mod shared;
mod smooth;
mod steady;
mod style_picture;
mod stylize;
mod tile;
mod upscale;
mod whole;

pub use compose::{Composer, Geometry};
pub use denoise::Denoiser;
pub use detect::{Detector, DetectorOptions, Transition};
pub use enhance::{Enhancer, curve_size};
pub use flow::{Estimate, Flow, FlowDetail};
pub use geometry::{OutputSize, fit};
pub use handover::Handover;
pub use model_chain::{JoinOptions, ModelChain, chain_output};
pub(crate) use motion::{Camera, Captions, Gate, made_info};
pub use motion::{
    LeftCaptions, MotionCount, MotionMaker, MotionPredictor, Moved, PaceCount, Pacer, PacerOptions, Real,
    Seen, Span, Weaver,
};
pub use reuse::ReuseCount;
pub use smooth::Smoother;
pub use steady::Steadier;
pub use style_picture::describe_style;
pub use stylize::{Stylizer, StylizerOptions};
pub use tile::{NETWORK_MEMORY, Tile, TileGrid, TileRules, tile_limit};
pub use upscale::{Upscaled, Upscaler, UpscalerOptions};
pub use whole::{ImageNetwork, ImageNetworkOptions, Inferred, TensorPool, seen_geometry};
