//! The contract between a network file and the engine, as TOML beside the `.onnx`.

use super::Argument;
use super::zoo::{SelfTest, Source};
use crate::error::ModelError;
use crate::frame::{DataType, Skip, TensorColor, TensorLayout, TensorSpec, UnpackSpec};
use serde::{Deserialize, Serialize};

/// What a network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Task {
    /// Every frame becomes a larger one.
    SuperResolution,
    /// Noise is taken away; the size stays.
    Denoise,
    /// Blocks, blur or other damage is taken away; the size stays.
    Restoration,
    /// Every frame is painted in a style; the size stays.
    Style,
    /// A picture becomes the description of its style that a network of the task `style` takes.
    StylePrediction,
    /// Dark frames become brighter.
    LowLight,
    /// From two frames, motion to the time after them.
    Prediction,
    /// From two frames, motion to the time between them.
    Interpolation,
}

impl Task {
    /// True if the network's output is a picture, and no maps or numbers that a stage works with.
    pub const fn gives_picture(self) -> bool {
        !matches!(self, Self::StylePrediction | Self::LowLight) && !self.gives_motion()
    }

    /// True if the network takes a pair of shrunk frames and gives a motion field.
    pub const fn gives_motion(self) -> bool {
        matches!(self, Self::Prediction | Self::Interpolation)
    }
}

/// What the network takes: one tensor with a batch of 1.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct InputManifest {
    /// Name of the graph input.
    pub name: String,
    /// Luma, RGB or BGR. Without meaning for motion networks, which take 16 channels of their own.
    #[serde(default = "luma")]
    pub colour: TensorColor,
    /// Order of the axes.
    #[serde(default)]
    pub layout: TensorLayout,
    /// Element type.
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
    /// Pixels that valid convolutions use up on each side: the picture is padded by as many repeated edge pixels, and
    /// the output is `scale` times the input without them.
    #[serde(default)]
    pub padding: usize,
    /// The only width that the network takes, in pixels and with the padding; any if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<usize>,
    /// The only height that the network takes; any if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<usize>,
}

/// What the network gives: one tensor with a batch of 1. What is missing is as in the input.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OutputManifest {
    /// Name of the graph output.
    pub name: String,
    /// Luma, RGB or BGR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<TensorColor>,
    /// Order of the axes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<TensorLayout>,
    /// Element type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dtype: Option<DataType>,
    /// Added to every element.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<f32>,
    /// Tensor value of the largest picture value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<f32>,
    /// Depth-to-space block outside the graph; 1 = none.
    #[serde(default = "one")]
    pub depth_to_space: usize,
    /// What is added outside the graph.
    #[serde(default)]
    pub skip: Skip,
}

/// Measured quality, in dB of PSNR-Y and as SSIM, by the protocol of the README.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Scores {
    /// PSNR-Y on Set5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set5_psnr: Option<f64>,
    /// PSNR-Y on Set14.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set14_psnr: Option<f64>,
    /// SSIM on Set5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set5_ssim: Option<f64>,
    /// SSIM on Set14.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set14_ssim: Option<f64>,
    /// PSNR-Y of bicubic enlargement on Set5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bicubic_set5_psnr: Option<f64>,
    /// PSNR-Y of bicubic enlargement on Set14.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bicubic_set14_psnr: Option<f64>,
}

/// A model's manifest.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name by which users ask for it.
    pub name: String,
    /// What it does.
    pub task: Task,
    /// The network's file, beside the manifest.
    pub file: String,
    /// SHA-256 of the file, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Licence of the weights.
    pub licence: String,
    /// One sentence.
    #[serde(default)]
    pub description: String,
    /// Output pixels per input pixel along one side, 1 to 8.
    pub scale: usize,
    /// Number of weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// Cost per megapixel of input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gflop_per_megapixel: Option<f64>,
    /// Memory that a run of the network needs per input pixel, in bytes, beside its weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_pixel: Option<u64>,
    /// Largest side of a tile that suits the network, in input pixels, 64 to 8192; by memory if missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tile: Option<usize>,
    /// Input pixels that a tile must overlap on each side, so that tiles agree with the whole.
    pub receptive_margin: usize,
    /// True if every output pixel depends on the whole picture (means over it, say), so that tiles never agree with it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub global: bool,
    /// Name of the model of the same shape that `--detail` mixes this one's weights with: trained adversarially, say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Motion networks: luma samples of the source along each side of a cell of the motion field, 2 or 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shrink: Option<usize>,
    /// What goes in.
    pub input: InputManifest,
    /// What comes out.
    pub output: OutputManifest,
    /// Inputs of the network beside the picture.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Argument>,
    /// Measured quality.
    #[serde(default)]
    pub scores: Scores,
    /// Where it comes from, if it is pulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// What it makes of a fixed input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_test: Option<SelfTest>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

const fn luma() -> TensorColor {
    TensorColor::Luma
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
        manifest.check().map_err(fault)?;
        Ok(manifest)
    }

    /// The manifest as TOML, as [`Manifest::parse`] reads it.
    pub fn to_toml(&self) -> Result<String, ModelError> {
        toml::to_string(self).map_err(|error| ModelError::Model {
            model: self.name.clone(),
            problem: format!("its manifest cannot be written: {error}"),
            remedy: "choose another name or description".into(),
        })
    }

    /// Checks what the types do not.
    fn check(&self) -> Result<(), String> {
        let require =
            |condition: bool, problem: &str| condition.then_some(()).ok_or_else(|| problem.to_owned());
        let (input, output) = (&self.input, &self.output);
        require((1..=8).contains(&self.scale), "scale must be 1 to 8")?;
        require((1..=8).contains(&input.space_to_depth), "space_to_depth must be 1 to 8")?;
        require((1..=16).contains(&output.depth_to_space), "depth_to_space must be 1 to 16")?;
        require((1..=256).contains(&input.multiple), "multiple must be 1 to 256")?;
        require(input.padding <= 256, "padding must be 0 to 256")?;
        require(input.range > 0.0 && output.range.is_none_or(|range| range > 0.0), "range must be positive")?;
        require(
            self.task.gives_motion() == self.shrink.is_some(),
            "shrink must be given for the tasks prediction and interpolation, and for no other",
        )?;
        require(self.shrink.is_none_or(|shrink| matches!(shrink, 2 | 4)), "shrink must be 2 or 4")?;
        require(self.receptive_margin <= 1024, "receptive_margin must be 0 to 1024")?;
        require(self.tile.is_none_or(|tile| (64..=8192).contains(&tile)), "tile must be 64 to 8192")?;
        require(
            input.multiple.is_multiple_of(input.space_to_depth),
            "multiple must be a multiple of space_to_depth",
        )?;
        require(
            (input.multiple * self.scale).is_multiple_of(output.depth_to_space),
            "multiple times scale must be a multiple of depth_to_space",
        )?;
        require(
            input.padding == 0 || (input.space_to_depth, output.depth_to_space) == (1, 1),
            "padding needs space_to_depth = 1 and depth_to_space = 1",
        )?;
        for (name, side) in [("width", input.width), ("height", input.height)] {
            let Some(side) = side else { continue };
            require(
                side > 2 * input.padding && side <= 8192 && side.is_multiple_of(input.multiple),
                &format!("{name} must be a multiple of {}, above twice the padding, to 8192", input.multiple),
            )?;
        }
        require(
            output.skip == Skip::None
                || (self.pack_spec().color, self.output_spec().color)
                    == (TensorColor::Luma, TensorColor::Luma),
            "skip = \"nearest\" needs colour = \"luma\"",
        )?;
        for (index, argument) in self.arguments.iter().enumerate() {
            argument.check()?;
            let taken = |other: &Argument| other.name == argument.name;
            require(
                argument.name != input.name && !self.arguments.iter().take(index).any(taken),
                &format!("{:?} is the name of two inputs", argument.name),
            )?;
        }
        Ok(())
    }

    /// How frames become the input tensor.
    pub const fn pack_spec(&self) -> TensorSpec {
        TensorSpec {
            color: self.input.colour,
            kind: self.input.dtype,
            layout: self.input.layout,
            block: self.input.space_to_depth,
            mean: self.input.mean,
            range: self.input.range,
        }
    }

    /// How the output tensor becomes frames.
    pub fn unpack_spec(&self, dither: bool) -> UnpackSpec {
        UnpackSpec { tensor: self.output_spec(), scale: self.scale, skip: self.output.skip, dither }
    }

    fn output_spec(&self) -> TensorSpec {
        let (input, output) = (&self.input, &self.output);
        TensorSpec {
            color: output.colour.unwrap_or(input.colour),
            kind: output.dtype.unwrap_or(input.dtype),
            layout: output.layout.unwrap_or(input.layout),
            block: output.depth_to_space,
            mean: output.mean.unwrap_or(input.mean),
            range: output.range.unwrap_or(input.range),
        }
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
            ("name = \"input\"", "name = \"input\"\npadding = 4\nmultiple = 2\nwidth = 8", "width must be"),
            ("[output]", "[[arguments]]\nname = \"input\"\n[output]", "two inputs"),
            ("[output]", "[[arguments]]\nname = \"a\"\nmaximum = 1\ndefault = 2\n[output]", "at most 1"),
        ] {
            let error = Manifest::parse(&RGB.replace(from, to), "test.toml").unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        let full = r#"
            name = "full"
            task = "denoise"
            file = "full.onnx"
            sha256 = "00"
            licence = "MIT"
            description = "With everything."
            scale = 1
            parameters = 7
            gflop_per_megapixel = 1.5
            bytes_per_pixel = 64
            tile = 128
            receptive_margin = 9
            global = true
            [input]
            name = "x"
            colour = "bgr"
            layout = "nhwc"
            dtype = "u8"
            mean = 0.45
            range = 255.0
            multiple = 4
            padding = 2
            width = 64
            height = 32
            [output]
            name = "y"
            colour = "luma"
            layout = "nchw"
            dtype = "f16"
            mean = 1.0
            range = 2.0
            [[arguments]]
            name = "strength"
            default = 0.5
            minimum = 0
            maximum = 1
            description = "How much."
            [[arguments]]
            name = "weights"
            shape = [1, 3]
            dtype = "i64"
            default = [1, 0, 0]
            [scores]
            set5_psnr = 30.5
        "#;
        for text in [RGB, full] {
            let manifest = Manifest::parse(text, "test.toml").unwrap();
            let written = manifest.to_toml().unwrap();
            assert_eq!(Manifest::parse(&written, "written.toml").unwrap(), manifest, "{written}");
        }
        let manifest = Manifest::parse(full, "test.toml").unwrap();
        let (input, output) = (manifest.pack_spec(), manifest.unpack_spec(false).tensor);
        assert_eq!((input.color, input.kind, input.range), (TensorColor::Bgr, DataType::U8, 255.0));
        assert_eq!((output.color, output.kind, output.range), (TensorColor::Luma, DataType::F16, 2.0));
        assert_eq!((input.layout, output.layout), (TensorLayout::Nhwc, TensorLayout::Nchw));
        assert_eq!(manifest.arguments[1].default, [1.0, 0.0, 0.0]);
    }
}
