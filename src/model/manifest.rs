//! The contract between a network file and the engine, as TOML beside the `.onnx`.

use crate::error::ModelError;
use crate::frame::{DataType, Skip, TensorColor, TensorSpec, UnpackSpec};
use serde::Deserialize;

/// What a network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Every frame becomes a larger (or, with scale 1, a cleaner) one.
    SuperResolution,
}

/// What the network takes: one NCHW tensor with a batch of 1.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputManifest {
    /// Name of the graph input.
    pub name: String,
    /// Luma or RGB.
    pub colour: TensorColor,
    /// Element type of input and output.
    #[serde(default)]
    pub dtype: DataType,
    /// Space-to-depth block outside the graph, see [`TensorSpec::block`]; 1 = none.
    #[serde(default = "one")]
    pub space_to_depth: usize,
    /// Subtracted from every element.
    #[serde(default)]
    pub mean: f32,
    /// Tensor value of the largest picture value.
    #[serde(default = "unit")]
    pub range: f32,
    /// Input width and height must be multiples of this.
    #[serde(default = "one")]
    pub multiple: usize,
}

/// What the network gives: one NCHW tensor with a batch of 1.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputManifest {
    /// Name of the graph output.
    pub name: String,
    /// Depth-to-space block outside the graph; 1 = none.
    #[serde(default = "one")]
    pub depth_to_space: usize,
    /// What is added outside the graph.
    #[serde(default)]
    pub skip: Skip,
}

/// Measured quality, in dB of PSNR-Y and as SSIM, by the protocol of the README.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Scores {
    /// PSNR-Y on Set5.
    pub set5_psnr: Option<f64>,
    /// PSNR-Y on Set14.
    pub set14_psnr: Option<f64>,
    /// SSIM on Set5.
    pub set5_ssim: Option<f64>,
    /// SSIM on Set14.
    pub set14_ssim: Option<f64>,
    /// PSNR-Y of bicubic enlargement on Set5.
    pub bicubic_set5_psnr: Option<f64>,
    /// PSNR-Y of bicubic enlargement on Set14.
    pub bicubic_set14_psnr: Option<f64>,
}

/// A model's manifest.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name by which users ask for it.
    pub name: String,
    /// What it does.
    pub task: Task,
    /// The network's file, beside the manifest.
    pub file: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: Option<String>,
    /// Licence of the weights.
    pub licence: String,
    /// One sentence.
    #[serde(default)]
    pub description: String,
    /// Output pixels per input pixel along one side, 1 to 8.
    pub scale: usize,
    /// Number of weights.
    pub parameters: Option<u64>,
    /// Cost per megapixel of input.
    pub gflop_per_megapixel: Option<f64>,
    /// Input pixels that a tile must overlap on each side, so that tiles agree with the whole.
    pub receptive_margin: usize,
    /// What goes in.
    pub input: InputManifest,
    /// What comes out.
    pub output: OutputManifest,
    /// Measured quality.
    #[serde(default)]
    pub scores: Scores,
}

const fn one() -> usize {
    1
}

const fn unit() -> f32 {
    1.0
}

impl Manifest {
    /// Reads and checks a manifest; `origin` names it in errors.
    pub fn parse(text: &str, origin: &str) -> Result<Self, ModelError> {
        let fault = |problem: String| ModelError::Model {
            model: origin.into(),
            problem,
            remedy: "mend the manifest (models/README.md describes it)".into(),
        };
        let manifest: Self =
            toml::from_str(text).map_err(|error| fault(error.to_string().replace('\n', " ")))?;
        let require =
            |condition: bool, problem: &str| condition.then_some(()).ok_or_else(|| fault(problem.into()));
        let (input, output) = (&manifest.input, &manifest.output);
        require((1..=8).contains(&manifest.scale), "scale must be 1 to 8")?;
        require((1..=8).contains(&input.space_to_depth), "space_to_depth must be 1 to 8")?;
        require((1..=16).contains(&output.depth_to_space), "depth_to_space must be 1 to 16")?;
        require((1..=256).contains(&input.multiple), "multiple must be 1 to 256")?;
        require(input.range > 0.0, "range must be positive")?;
        require(
            input.multiple.is_multiple_of(input.space_to_depth),
            "multiple must be a multiple of space_to_depth",
        )?;
        require(
            (input.multiple * manifest.scale).is_multiple_of(output.depth_to_space),
            "multiple times scale must be a multiple of depth_to_space",
        )?;
        require(
            output.skip == Skip::None || input.colour == TensorColor::Luma,
            "skip = \"nearest\" needs colour = \"luma\"",
        )?;
        Ok(manifest)
    }

    /// How frames become the input tensor.
    pub const fn pack_spec(&self) -> TensorSpec {
        TensorSpec {
            color: self.input.colour,
            kind: self.input.dtype,
            block: self.input.space_to_depth,
            mean: self.input.mean,
            range: self.input.range,
        }
    }

    /// How the output tensor becomes frames.
    pub const fn unpack_spec(&self, dither: bool) -> UnpackSpec {
        let mut tensor = self.pack_spec();
        tensor.block = self.output.depth_to_space;
        UnpackSpec { tensor, scale: self.scale, skip: self.output.skip, dither }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RGB: &str = r#"
        name = "test"
        task = "super-resolution"
        file = "test.onnx"
        licence = "MIT"
        scale = 2
        receptive_margin = 4
        [input]
        name = "input"
        colour = "rgb"
        [output]
        name = "output"
    "#;

    #[test]
    fn defaults_fill_what_a_manifest_leaves_out() {
        let manifest = Manifest::parse(RGB, "test.toml").unwrap();
        assert_eq!(manifest.pack_spec().channels(), 3);
        assert_eq!(manifest.input.multiple, 1);
        assert_eq!(manifest.unpack_spec(false).skip, Skip::None);
    }

    #[test]
    fn contradictions_are_refused_with_their_reason() {
        for (from, to, reason) in [
            ("scale = 2", "scale = 9", "scale must be"),
            ("colour = \"rgb\"", "colour = \"rgb\"\nspace_to_depth = 2", "multiple of space_to_depth"),
            ("name = \"output\"", "name = \"output\"\nskip = \"nearest\"", "needs colour"),
            ("name = \"output\"", "name = \"output\"\ndepth_to_space = 4", "multiple of depth_to_space"),
            ("licence", "license", "unknown field"),
        ] {
            let error = Manifest::parse(&RGB.replace(from, to), "test.toml").unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
