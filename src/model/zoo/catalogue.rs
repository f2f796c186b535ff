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
const MANIFESTS: &[(&str, &str)] =
    manifests!["multistyle26", "arbitrary-style-predict", "arbitrary-style-transform"];

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
