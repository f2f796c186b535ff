//! What the graph's inputs and outputs tell by themselves.

use crate::frame::{DataType, TensorLayout};
use crate::model::{Argument, ArgumentType};
use ort::session::Session;
use ort::value::{Outlet, TensorElementType, ValueType};

/// Largest size of an input that is taken for an argument.
const ARGUMENT_ELEMENTS: usize = 4096;

/// Largest picture that a graph may fix, in pixels: 8K. Trial runs make pictures of that size.
const LARGEST: i64 = 1 << 25;

/// How a picture may lie in a tensor: layout, and channels.
pub(super) type Arrangement = (TensorLayout, usize);

/// An input or output that is a picture.
#[derive(Clone, Debug)]
pub(super) struct PictureOutlet {
    pub(super) name: String,
    pub(super) kind: DataType,
    /// The only width and height, where the graph fixes them.
    pub(super) width: Option<usize>,
    pub(super) height: Option<usize>,
    /// Arrangements that the graph leaves possible, the likeliest first.
    pub(super) arrangements: Vec<Arrangement>,
}

/// The inputs and outputs, told apart.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    pub(super) input: PictureOutlet,
    pub(super) output: PictureOutlet,
    pub(super) arguments: Vec<Argument>,
    /// Hints by the properties that the ONNX format defines for pictures, or by names.
    pub(super) says_bgr: bool,
    pub(super) value_range: Option<&'static str>,
    /// What was assumed.
    pub(super) assumed: Vec<String>,
}

impl Graph {
    /// Tells the picture from the arguments; the error says why the network is not for video.
    pub(super) fn read(session: &Session) -> Result<Self, String> {
        let mut pictures = Vec::new();
        let mut others = Vec::new();
        for outlet in session.inputs() {
            match picture_outlet(outlet, false) {
                Ok(picture) => pictures.push(picture),
                Err(reason) => others.push((outlet, reason)),
            }
        }
        let input = match pictures.as_slice() {
            [picture] => picture.clone(),
            [] => {
                let reasons: Vec<_> = others.into_iter().map(|(_, reason)| reason).collect();
                return Err(format!("none of its inputs is a picture: {}", reasons.join("; ")));
            }
            several => {
                let names: Vec<_> = several.iter().map(|picture| picture.name.as_str()).collect();
                return Err(format!("it takes {} pictures ({}), expected 1", names.len(), names.join(", ")));
            }
        };
        let mut assumed = Vec::new();
        let mut arguments = Vec::new();
        for (outlet, reason) in others {
            let argument = argument(outlet).ok_or_else(|| format!("an input is of no use here: {reason}"))?;
            if let [first, rest @ ..] = argument.default.as_slice() {
                let more = if rest.is_empty() { "" } else { ", …" };
                assumed.push(format!("{} = {first}{more}", argument.name));
            }
            arguments.push(argument);
        }
        let output = output_picture(session.outputs())?;
        let property = |key: &str| session.metadata().ok().and_then(|metadata| metadata.custom(key));
        let pixel_format = property("Image.BitmapPixelFormat").unwrap_or_default().to_lowercase();
        let value_range = match property("Image.NominalPixelRange").as_deref() {
            Some("NominalRange_0_255") => Some("0..255"),
            Some("Normalized_0_1") => Some("0..1"),
            Some("Normalized_1_1") => Some("-1..1"),
            _ => None,
        };
        let says_bgr = pixel_format.starts_with("bgr") || input.name.to_lowercase().contains("bgr");
        Ok(Self { input, output, arguments, says_bgr, value_range, assumed })
    }
}

fn output_picture(outputs: &[Outlet]) -> Result<PictureOutlet, String> {
    let mut reasons = Vec::new();
    for outlet in outputs {
        match picture_outlet(outlet, true) {
            Ok(picture) => return Ok(picture),
            Err(reason) => reasons.push(reason),
        }
    }
    if reasons.is_empty() {
        return Err("it has no output".into());
    }
    Err(format!("none of its outputs is a picture: {}", reasons.join("; ")))
}

/// Every arrangement of a picture, the likeliest first.
const ARRANGEMENTS: [Arrangement; 4] =
    [(TensorLayout::Nchw, 3), (TensorLayout::Nhwc, 3), (TensorLayout::Nchw, 1), (TensorLayout::Nhwc, 1)];

/// The outlet as a picture; the error says what it is instead. With `open_rank`, one whose shape the graph leaves
/// open altogether may be a picture.
fn picture_outlet(outlet: &Outlet, open_rank: bool) -> Result<PictureOutlet, String> {
    let name = outlet.name();
    let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else {
        return Err(format!("{name:?} is no tensor"));
    };
    let kind = match ty {
        TensorElementType::Float32 => DataType::F32,
        TensorElementType::Float16 => DataType::F16,
        TensorElementType::Uint8 => DataType::U8,
        other => return Err(format!("{name:?} has elements of {other}, expected f32, f16 or u8")),
    };
    let dims: &[i64] = shape;
    if open_rank && dims.is_empty() {
        let arrangements = ARRANGEMENTS.to_vec();
        return Ok(PictureOutlet { name: name.into(), kind, width: None, height: None, arrangements });
    }
    let wrong = || {
        let expected = "[1, 1 or 3, height, width] or [1, height, width, 1 or 3]";
        format!(
            "{name:?} has shape {dims:?} (-1 is any), expected {expected}, 8 pixels or more along each side, at most \
             {LARGEST} in all"
        )
    };
    let &[batch, a, b, c] = dims else { return Err(wrong()) };
    // Channels, width and height as a layout has them.
    let axes = |layout: TensorLayout| match layout {
        TensorLayout::Nchw => (a, c, b),
        TensorLayout::Nhwc => (c, b, a),
    };
    let large = |side: i64| !(0..8).contains(&side);
    let affordable = |width: i64, height: i64| width.max(1).saturating_mul(height.max(1)) <= LARGEST;
    let possible = |(layout, channels): &Arrangement| {
        let (found, width, height) = axes(*layout);
        let is_picture = large(width) && large(height) && affordable(width, height);
        (found < 0 || found == *channels as i64) && is_picture
    };
    let mut arrangements: Vec<Arrangement> = ARRANGEMENTS.into_iter().filter(possible).collect();
    // What the graph fixes is likelier than what it leaves open.
    arrangements.sort_by_key(|(layout, _)| axes(*layout).0 < 0);
    let Some(&(likeliest, _)) = arrangements.first().filter(|_| batch < 0 || batch == 1) else {
        return Err(wrong());
    };
    arrangements.retain(|(layout, _)| *layout == likeliest || axes(*layout).0 < 0);
    let (_, width, height) = axes(likeliest);
    let fixed = |side: i64| usize::try_from(side).ok();
    Ok(PictureOutlet { name: name.into(), kind, width: fixed(width), height: fixed(height), arrangements })
}

/// The outlet as an argument with the default that its name suggests.
fn argument(outlet: &Outlet) -> Option<Argument> {
    let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else { return None };
    let dtype = match ty {
        TensorElementType::Float32 => ArgumentType::F32,
        TensorElementType::Float16 => ArgumentType::F16,
        TensorElementType::Float64 => ArgumentType::F64,
        TensorElementType::Uint8 => ArgumentType::U8,
        TensorElementType::Int32 => ArgumentType::I32,
        TensorElementType::Int64 => ArgumentType::I64,
        TensorElementType::Bool => ArgumentType::Bool,
        _ => return None,
    };
    let dims: &[i64] = shape;
    // An open side, the batch for example, is 1.
    let shape: Vec<usize> = dims.iter().map(|side| usize::try_from(*side).unwrap_or(1)).collect();
    let count: usize = shape.iter().product();
    if count == 0 || count > ARGUMENT_ELEMENTS {
        return None;
    }
    let name = outlet.name().to_lowercase();
    let named = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let default = if count > 1 && named(&["weight", "style", "mix", "blend"]) {
        // Weights of alternatives: the first one alone.
        (0..count).map(|index| if index == 0 { 1.0 } else { 0.0 }).collect()
    } else if named(&["strength", "alpha", "amount", "intensity", "fidelity", "gain", "weight"]) {
        vec![1.0]
    } else if named(&["noise", "sigma", "level"]) {
        vec![0.0]
    } else {
        Vec::new()
    };
    Some(Argument {
        name: outlet.name().into(),
        shape,
        dtype,
        default,
        minimum: None,
        maximum: None,
        description: String::new(),
    })
}
