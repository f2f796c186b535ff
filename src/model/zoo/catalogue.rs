//! The models that can be pulled: their manifests are part of the program.

use crate::error::ModelError;
use crate::model::Manifest;

/// The manifests in `models/` of these names.
macro_rules! manifests {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../models/", $name, ".toml")))),*]
    };
}

/// Name and manifest of every model that can be pulled.
const MANIFESTS: &[(&str, &str)] = manifests![
    "animevideov3-x2",
    "animevideov3-x3",
    "animevideov3-x4",
    "x4plus",
    "x4plus-anime",
    "span-x2-ch48",
    "span-x2-ch52",
    "span-x4-ch48",
    "span-x4-ch52",
    "anime4k-s-an",
    "anime4k-s-rl",
    "anime4k-s-3d",
    "anime4k-m-an",
    "anime4k-m-rl",
    "anime4k-m-3d",
    "anime4k-l-an",
    "anime4k-l-rl",
    "anime4k-l-3d",
    "anime4k-restore-s",
    "anime4k-restore-m",
    "anime4k-restore-l",
    "waifu2x-cunet-x2",
    "waifu2x-cunet-x2-noise0",
    "waifu2x-cunet-x2-noise1",
    "waifu2x-cunet-x2-noise2",
    "waifu2x-cunet-x2-noise3",
    "waifu2x-photo-x2",
    "waifu2x-photo-x2-noise0",
    "waifu2x-photo-x2-noise1",
    "waifu2x-photo-x2-noise2",
    "waifu2x-photo-x2-noise3",
    "waifu2x-anime-x2",
    "waifu2x-anime-x2-noise0",
    "waifu2x-anime-x2-noise1",
    "waifu2x-anime-x2-noise2",
    "waifu2x-anime-x2-noise3",
    "realcugan-se-x2-conservative",
    "realcugan-se-x2-no-denoise",
    "realcugan-se-x2-denoise1x",
    "realcugan-se-x2-denoise2x",
    "realcugan-se-x2-denoise3x",
    "realcugan-pro-x2-conservative",
    "realcugan-pro-x2-no-denoise",
    "realcugan-pro-x2-denoise3x",
    "realcugan-nose-x2-no-denoise",
    "multistyle26",
    "arbitrary-style-predict",
    "arbitrary-style-transform",
    "zero-dce",
    "rife",
];

/// The manifest of a model that can be pulled.
pub(in crate::model) fn find(name: &str) -> Option<Result<Manifest, ModelError>> {
    let (_, text) = MANIFESTS.iter().find(|(known, _)| *known == name)?;
    Some(Manifest::parse(text, name))
}

/// All of them.
pub(super) fn all() -> impl Iterator<Item = Result<Manifest, ModelError>> {
    MANIFESTS.iter().map(|(name, text)| Manifest::parse(text, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manifest_says_where_the_model_comes_from_and_how_it_proves_itself() {
        for (name, _) in MANIFESTS {
            let manifest = find(name).unwrap().unwrap();
            assert_eq!(manifest.name, *name);
            assert_eq!(manifest.file, format!("{name}.onnx"));
            assert!(!manifest.description.is_empty() && manifest.parameters.is_some(), "{name}");
            let source = manifest.source.as_ref().unwrap();
            source.origin(name).unwrap();
            assert!(source.licence_file.is_some() && source.copyright.is_some(), "{name}");
            for sha256 in source.files.iter().map(|file| &file.sha256).chain([&source.sha256]) {
                assert!(sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
            }
            let test = manifest.self_test.as_ref().unwrap();
            assert!(test.output.len() > 2 && test.tolerance <= 0.1, "{name}");
        }
    }
}
