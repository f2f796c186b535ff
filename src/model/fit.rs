//! Whether a network's inputs and outputs are what its manifest says.

use super::{Argument, Manifest, tensor};
use crate::frame::{MotionField, TensorLayout, TensorSpec};
use ort::value::{Outlet, TensorElementType, ValueType};

/// Checks that the graph is what the manifest says.
pub(super) fn check_graph(inputs: &[Outlet], outputs: &[Outlet], manifest: &Manifest) -> Result<(), String> {
    let (input, output) = (manifest.pack_spec(), manifest.unpack_spec(false).tensor);
    let block = manifest.input.space_to_depth;
    let sides = [manifest.input.height, manifest.input.width].map(|side| side.map(|side| side / block));
    let taken = if manifest.task.gives_motion() { MotionField::INPUT_CHANNELS } else { input.channels() };
    check_picture(inputs, &manifest.input.name, &input, Some(taken), Some(sides))
        .map_err(|problem| format!("its input {problem}"))?;
    let channels = if manifest.task.gives_motion() {
        Some(MotionField::CHANNELS)
    } else {
        manifest.task.gives_picture().then(|| output.channels())
    };
    check_picture(outputs, &manifest.output.name, &output, channels, None)
        .map_err(|problem| format!("its output {problem}"))?;
    for declared in &manifest.arguments {
        check_argument(inputs, declared).map_err(|problem| format!("its input {problem}"))?;
    }
    let known = |name: &str| {
        name == manifest.input.name || manifest.arguments.iter().any(|declared| declared.name == name)
    };
    match inputs.iter().find(|outlet| !known(outlet.name())) {
        Some(outlet) => Err(format!("its input {:?} is not in the manifest", outlet.name())),
        None => Ok(()),
    }
}

/// Checks name, element type, rank, channels and, for an input, the fixed height and width of a picture.
fn check_picture(
    outlets: &[Outlet],
    name: &str,
    spec: &TensorSpec,
    channels: Option<usize>,
    sides: Option<[Option<usize>; 2]>,
) -> Result<(), String> {
    let found = tensor_shape(outlets, name, tensor::element_type(spec.kind))?;
    let fits = |side: i64, wanted: usize| side < 0 || usize::try_from(side) == Ok(wanted);
    // A side that the graph leaves open takes whatever the manifest fixes.
    let side_fits = |side: i64, wanted: Option<usize>| side < 0 || usize::try_from(side).ok() == wanted;
    let ordered = match (spec.layout, found) {
        (TensorLayout::Nchw, [n, c, h, w]) => Some([*n, *c, *h, *w]),
        (TensorLayout::Nhwc, [n, h, w, c]) => Some([*n, *c, *h, *w]),
        _ => None,
    };
    let Some([_, _, height, width]) =
        ordered.filter(|[n, c, ..]| fits(*n, 1) && channels.is_none_or(|channels| fits(*c, channels)))
    else {
        let channels = channels.map_or("any".to_owned(), |channels| channels.to_string());
        let expected = match spec.layout {
            TensorLayout::Nchw => format!("[1, {channels}, height, width]"),
            TensorLayout::Nhwc => format!("[1, height, width, {channels}]"),
        };
        return Err(format!("{name:?} has shape {found:?}, expected {expected} ({})", spec.layout));
    };
    match sides {
        Some([h, w]) if !side_fits(height, h) || !side_fits(width, w) => Err(format!(
            "{name:?} takes only height {height} and width {width} (-1 is any), which its manifest does not say"
        )),
        _ => Ok(()),
    }
}

fn check_argument(outlets: &[Outlet], declared: &Argument) -> Result<(), String> {
    let found = tensor_shape(outlets, &declared.name, tensor::argument_type(declared.dtype))?;
    let wanted = &declared.shape;
    let fits = |(side, wanted): (&i64, &usize)| *side < 0 || usize::try_from(*side) == Ok(*wanted);
    if found.len() == wanted.len() && found.iter().zip(wanted).all(fits) {
        return Ok(());
    }
    Err(format!("{:?} has shape {found:?}, the manifest says {wanted:?}", declared.name))
}

/// The shape of an input or output, whose element type must be `wanted`; -1 where it is open.
fn tensor_shape<'a>(
    outlets: &'a [Outlet],
    name: &str,
    wanted: TensorElementType,
) -> Result<&'a [i64], String> {
    let Some(outlet) = outlets.iter().find(|outlet| outlet.name() == name) else {
        let names: Vec<_> = outlets.iter().map(|outlet| outlet.name()).collect();
        return Err(format!("{name:?} is missing, found {names:?}"));
    };
    let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else {
        return Err(format!("{name:?} is no tensor"));
    };
    if *ty != wanted {
        return Err(format!("{name:?} has elements of {ty}, the manifest says {wanted}"));
    }
    Ok(shape)
}
