//! What happens to a frame, without threads: super-resolution and composition to the output's size and format.

mod compose;
mod geometry;
mod tile;
mod upscale;

pub use compose::{Composer, Geometry};
pub use geometry::{OutputSize, fit};
pub use tile::{NETWORK_MEMORY, Tile, TileGrid, TileRules, tile_limit};
pub use upscale::{Upscaled, Upscaler, UpscalerOptions};
