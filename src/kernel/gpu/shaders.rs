//! The shader programs as composed from `shaders/` and `shaders/common/`.

/// A complete WGSL program with one compute entry point.
#[derive(Clone, Copy, Debug)]
pub struct Shader {
    /// Name of its file in `shaders/`, without the extension.
    pub name: &'static str,
    /// The file after the common parts that it uses.
    pub source: &'static str,
}

macro_rules! shader {
    ($name:literal, $($common:literal),*) => {
        Shader {
            name: $name,
            source: concat!(
                $(include_str!(concat!("../../../shaders/common/", $common, ".wgsl")),)*
                include_str!(concat!("../../../shaders/", $name, ".wgsl")),
            ),
        }
    };
}

pub(super) const PACK_LUMA: Shader = shader!("pack_luma", "samples", "depth_to_space");
pub(super) const PACK_RGB: Shader = shader!("pack_rgb", "samples", "depth_to_space");
pub(super) const UNPACK_LUMA: Shader = shader!("unpack_luma", "samples", "quantize", "depth_to_space");
pub(super) const UNPACK_RGB: Shader = shader!("unpack_rgb", "samples", "quantize", "depth_to_space");
pub(super) const UNPACK_CHROMA: Shader = shader!("unpack_chroma", "samples", "quantize", "depth_to_space");
pub(super) const BLEND_TILE: Shader = shader!("blend_tile",);
pub(super) const RESAMPLE_HORIZONTAL: Shader = shader!("resample_horizontal", "samples");
pub(super) const RESAMPLE_VERTICAL: Shader = shader!("resample_vertical", "samples", "quantize");
pub(super) const STEADY: Shader = shader!("steady",);
pub(super) const APPLY_CURVES: Shader = shader!("apply_curves",);
pub(super) const COMPOSE: Shader = shader!("compose", "samples", "quantize", "place");
pub(super) const BLOCK_MEANS: Shader = shader!("block_means", "samples");
pub(super) const SOFTEN: Shader = shader!("soften", "samples", "quantize", "place");
pub(super) const MIX: Shader = shader!("mix", "samples", "quantize");
pub(super) const NARROW: Shader = shader!("narrow",);
pub(super) const WIDEN: Shader = shader!("widen",);
pub(super) const TAKE_PLANE: Shader = shader!("take_plane",);
pub(super) const PUT_PLANE: Shader = shader!("put_plane",);

/// Every program.
pub const SHADERS: [Shader; 18] = [
    PACK_LUMA,
    PACK_RGB,
    UNPACK_LUMA,
    UNPACK_RGB,
    UNPACK_CHROMA,
    BLEND_TILE,
    RESAMPLE_HORIZONTAL,
    RESAMPLE_VERTICAL,
    STEADY,
    APPLY_CURVES,
    MIX,
    COMPOSE,
    BLOCK_MEANS,
    SOFTEN,
    NARROW,
    WIDEN,
    TAKE_PLANE,
    PUT_PLANE,
];
