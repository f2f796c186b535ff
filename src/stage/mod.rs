//! What happens to a frame, without threads: super-resolution and composition to the output's size and format.

mod cells;
mod compose;
mod cover;
mod geometry;
mod model_chain;
mod reuse;
mod steady;
mod tile;
mod upscale;

pub use compose::{Composer, Geometry};
pub use geometry::{OutputSize, fit};
pub use model_chain::{JoinOptions, ModelChain, chain_output};
pub use reuse::ReuseCount;
pub use steady::Steadier;
pub use tile::{NETWORK_MEMORY, Tile, TileGrid, TileRules, tile_limit};
pub use upscale::{Upscaled, Upscaler, UpscalerOptions};
