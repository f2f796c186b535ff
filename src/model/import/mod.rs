//! Networks in other formats than ONNX, converted to ONNX. Files are read, never run.
//!
//! Border handling: networks whose convolutions keep the size are converted as they are, with zeros beyond the
//! picture, as they were trained (the ncnn programs surround the picture by 10 repeated pixels first). Networks of valid
//! convolutions (waifu2x, Real-CUGAN) get the border that they take off repeated in front, inside the graph, so that
//! the output is the input's size times the scale. waifu2x's program does just that; Real-CUGAN's mirrors the border,
//! which needs pictures larger than it.

mod anime4k;
mod extent;
mod finish;
mod graph;
mod ncnn;
mod ncnn_arithmetic;
mod ncnn_layers;
mod ncnn_weights;
mod pickle;
mod rife;
mod torch;
mod zero_dce;

use crate::error::ModelError;
use crate::frame::TensorColor;

/// Formats that can be converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceFormat {
    /// ncnn: a `.param` text and a `.bin` file, with the operators of Real-ESRGAN, SPAN, waifu2x and Real-CUGAN.
    Ncnn,
    /// Anime4K's convolutional networks: one `.json` file of the package `@websr/websr`.
    Anime4k,
    /// A checkpoint of PyTorch (`.pth`, `.pt`, `.pkl`), as a zip archive or in the old format, of an architecture that is
    /// known: Zero-DCE, RIFE HDv3.
    Torch,
}

impl SourceFormat {
    /// The format of a file by the ending of its name, if it is one that can be converted.
    pub fn of_file(name: &str) -> Option<Self> {
        let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
        match ending.as_str() {
            "param" | "bin" => Some(Self::Ncnn),
            "json" => Some(Self::Anime4k),
            "pth" | "pt" | "pkl" => Some(Self::Torch),
            _ => None,
        }
    }
}

/// One file of a network.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name; the ending tells what it is.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for SourceFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SourceFile({}, {} bytes)", self.name, self.bytes.len())
    }
}

/// What an imported network's output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// A picture, `scale` times as large as the input.
    Picture,
    /// Curves for every pixel of the input: 3 x `iterations` channels in -1..1, those of R, G, B for the first iteration
    /// first. Each iteration makes `x - a * x * (1 - x)` of a colour `x` in 0..1, clamped.
    Curves {
        /// How often the curve is applied.
        iterations: usize,
    },
    /// The motion field of a frame between two, from tensors of framecast's motion networks: 16 channels in, 8 out.
    Motion {
        /// Luma samples of the source along each side of a cell.
        shrink: usize,
    },
}

/// A network in ONNX, and what its manifest needs to say.
#[derive(Clone, PartialEq)]
pub struct Imported {
    /// The ONNX file: NCHW, a batch of 1, 32-bit floats, any height and width.
    pub network: Vec<u8>,
    /// What its output is.
    pub purpose: Purpose,
    /// What was recognised, in a few words.
    pub architecture: &'static str,
    /// Output pixels per input pixel along one side, 1 to 8.
    pub scale: usize,
    /// Luma or RGB, of input and output.
    pub colour: TensorColor,
    /// Tensor value of the largest picture value; black is 0.
    pub range: f32,
    /// Names of the graph's inputs.
    pub inputs: Vec<String>,
    /// Names of the graph's outputs.
    pub outputs: Vec<String>,
    /// Pixels of the input beyond its own that an output pixel can depend on, on each side; a multiple of `multiple`.
    ///
    /// What lies far off weighs little in deep residual networks, so that a manifest may say less: of Real-ESRGAN x4plus's
    /// 349 pixels, those beyond 64 changed a film frame by at most 0.44 of an 8-bit code value, those beyond 96 by 0.03.
    pub receptive_margin: usize,
    /// Some values depend on the mean of the whole picture (squeeze-and-excitation): tiles differ from the whole a
    /// little, whatever their margin.
    pub global: bool,
    /// Width and height of the input must be multiples of this.
    pub multiple: usize,
    /// Pixels that the network's valid convolutions take off on each side of the input; the graph repeats the
    /// picture's border by as many first. 0 for others.
    pub border: usize,
    /// Number of weights.
    pub parameters: u64,
    /// Additions and multiplications per million pixels of the input, in 10^9.
    pub gflop_per_megapixel: f64,
}

impl std::fmt::Debug for Imported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { architecture, scale, colour, parameters, .. } = self;
        write!(f, "Imported({architecture}, {scale}x {colour:?}, {parameters} parameters)")
    }
}

/// Converts a network to ONNX.
///
/// Fails for files that are damaged, do not belong together, or use what this program does not know; what a file says
/// about sizes is checked against the file before memory is taken for it.
pub fn convert(format: SourceFormat, files: &[SourceFile]) -> Result<Imported, ModelError> {
    let converted = match format {
        SourceFormat::Ncnn => ncnn::convert(files),
        SourceFormat::Anime4k => anime4k::convert(files),
        SourceFormat::Torch => torch::convert(files),
    };
    converted.map_err(|problem| ModelError::Model {
        model: files.first().map_or_else(|| "import".into(), |file| file.name.clone()),
        problem,
        remedy:
            "check that the files are whole and belong together, or convert the network to ONNX elsewhere"
                .into(),
    })
}

/// The one file whose name ends with `ending`.
fn file_of<'a>(files: &'a [SourceFile], ending: &str) -> Result<&'a SourceFile, String> {
    let mut found = files.iter().filter(|file| file.name.to_ascii_lowercase().ends_with(ending));
    match (found.next(), found.next()) {
        (Some(file), None) => Ok(file),
        (None, _) => Err(format!("the {ending} file is missing")),
        _ => Err(format!("there are two {ending} files, expected one")),
    }
}
