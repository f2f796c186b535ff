//! Runs a network on a fixed input and sums its output up in a few numbers that another processor gets as well, but for
//! the last bits.

use super::source::SelfTest;
use crate::error::ModelError;
use crate::model::{Manifest, Runtime, provider};
use half::f16;
use ort::session::SessionInputValue;
use ort::value::{DynValue, Outlet, Tensor, TensorElementType, ValueType};
use std::borrow::Cow;

/// Random projections in the statistics. Any change of the output moves most of them.
const PROJECTIONS: usize = 6;

/// Height and width of the input picture where the network leaves the choice, before rounding up to its multiple.
const SIZE: [usize; 2] = [24, 32];

/// The statistics of the network's outputs: mean, root mean square, and projections onto fixed random signs.
pub(super) fn measure(
    runtime: &Runtime,
    manifest: &Manifest,
    network: &[u8],
) -> Result<Vec<f64>, ModelError> {
    let fault = |problem: String| ModelError::Model {
        model: manifest.name.clone(),
        problem: format!("its self-test fails: {problem}"),
        remedy: "the file is damaged, or the ONNX Runtime is too old for it".into(),
    };
    let failed = |error: ort::Error| fault(error.to_string());
    let mut session = provider::on_processor(runtime, network, 1).map_err(failed)?;
    let mut inputs = Vec::new();
    for outlet in session.inputs() {
        let value = input(manifest, outlet).map_err(fault)?;
        inputs.push((Cow::<str>::Owned(outlet.name().to_owned()), SessionInputValue::from(value)));
    }
    let names: Vec<String> = session.outputs().iter().map(|outlet| outlet.name().to_owned()).collect();
    let outputs = session.run(inputs).map_err(failed)?;
    let mut values = Vec::new();
    for name in &names {
        let output = outputs.get(name).ok_or_else(|| fault(format!("it gave no {name:?}")))?;
        read_output(output, &mut values).map_err(failed)?;
    }
    if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
        return Err(fault("its output is empty or holds values that are no numbers".into()));
    }
    Ok(statistics(&values))
}

/// Checks statistics against the stored ones.
pub(super) fn compare(expected: &SelfTest, found: &[f64]) -> Result<(), String> {
    let size = expected.output.get(1).copied().unwrap_or_default();
    // Statistics are rounded to six decimals.
    let allowed = expected.tolerance.mul_add(size.abs(), 1e-6);
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= allowed;
    if expected.output.len() == found.len() && expected.output.iter().zip(found).all(near) {
        return Ok(());
    }
    Err(format!("expected {:?} within {allowed:.6}, found {found:?}", expected.output))
}

/// The fixed input for one of the graph's inputs.
fn input(manifest: &Manifest, outlet: &Outlet) -> Result<DynValue, String> {
    let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else {
        return Err(format!("its input {:?} is no tensor", outlet.name()));
    };
    let shape = concrete(manifest, shape);
    let count: usize = shape.iter().product();
    let is_picture = outlet.name() == manifest.input.name;
    let (range, mean) = if is_picture { (manifest.input.range, manifest.input.mean) } else { (1.0, 0.0) };
    let float = |index: usize| pattern(index) * range - mean;
    let code = |index: usize| pattern(index) * 255.0;
    let indices = 0..count;
    match ty {
        TensorElementType::Float32 => tensor(shape, indices.map(float).collect()),
        TensorElementType::Float16 => {
            tensor(shape, indices.map(|index| f16::from_f32(float(index))).collect())
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255")]
        TensorElementType::Uint8 => tensor(shape, indices.map(|index| code(index) as u8).collect()),
        TensorElementType::Int64 => tensor(shape, vec![1_i64; count]),
        TensorElementType::Int32 => tensor(shape, vec![1_i32; count]),
        other => return Err(format!("its input {:?} has elements of {other}", outlet.name())),
    }
    .map_err(|error| error.to_string())
}

fn tensor<T>(shape: Vec<usize>, values: Vec<T>) -> ort::Result<DynValue>
where
    T: ort::value::PrimitiveTensorElementType + Clone + std::fmt::Debug + 'static,
{
    Ok(Tensor::from_array((shape, values))?.into_dyn())
}

/// The shape with its free dimensions chosen: 1 for the batch, then height and width.
fn concrete(manifest: &Manifest, shape: &[i64]) -> Vec<usize> {
    let multiple = manifest.input.multiple;
    let block = manifest.input.space_to_depth.max(1);
    let mut sizes = SIZE.map(|size| size.next_multiple_of(multiple.max(1)) / block).into_iter();
    let choose = |(axis, size): (usize, &i64)| match usize::try_from(*size) {
        Ok(size) if size > 0 => size,
        _ if axis == 0 => 1,
        _ => sizes.next().unwrap_or(1),
    };
    shape.iter().enumerate().map(choose).collect()
}

/// A value of 0..1 for an element: slopes and noise. Exact on every processor.
#[expect(clippy::cast_precision_loss, reason = "the integers are below 2^24")]
fn pattern(index: usize) -> f32 {
    let slope = (index % 37) as f32 / 36.0;
    let noise = (scramble(index as u64) >> 56) as f32 / 255.0;
    slope * 0.625 + noise * 0.375
}

/// The finalizer of SplitMix64: well-mixed bits of an index.
const fn scramble(index: u64) -> u64 {
    let mut bits = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

fn read_output(output: &DynValue, values: &mut Vec<f64>) -> ort::Result<()> {
    let ValueType::Tensor { ty, .. } = output.dtype() else { return Ok(()) };
    match ty {
        TensorElementType::Float16 => {
            values.extend(output.try_extract_tensor::<f16>()?.1.iter().map(|value| value.to_f64()));
        }
        TensorElementType::Uint8 => {
            values.extend(output.try_extract_tensor::<u8>()?.1.iter().map(|value| f64::from(*value)));
        }
        _ => values.extend(output.try_extract_tensor::<f32>()?.1.iter().map(|value| f64::from(*value))),
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 elements")]
fn statistics(values: &[f64]) -> Vec<f64> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let square = values.iter().map(|value| value * value).sum::<f64>() / count;
    let project = |bit: usize| {
        let signed = |(index, value): (usize, &f64)| {
            if scramble(index as u64) >> bit & 1 == 1 { *value } else { -value }
        };
        values.iter().enumerate().map(signed).sum::<f64>() / count.sqrt()
    };
    let all = [mean, square.sqrt()].into_iter().chain((0..PROJECTIONS).map(project));
    all.map(|value| (value * 1e6).round() / 1e6).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_tell_a_changed_output_from_rounding() {
        let output: Vec<f64> = (0..4096).map(|index| f64::from(pattern(index))).collect();
        let stored = SelfTest { output: statistics(&output), tolerance: 0.002 };
        let rounded: Vec<f64> = output.iter().map(|value| f64::from(f16::from_f64(*value))).collect();
        assert_eq!(compare(&stored, &statistics(&rounded)), Ok(()));
        let brighter: Vec<f64> = output.iter().map(|value| value * 1.01).collect();
        let mut shifted = output;
        shifted.rotate_left(1);
        for changed in [brighter, shifted] {
            assert!(compare(&stored, &statistics(&changed)).unwrap_err().starts_with("expected"));
        }
        assert!(compare(&stored, &[]).is_err());
    }
}
