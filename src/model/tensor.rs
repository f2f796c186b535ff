//! Our tensors and arguments as ONNX Runtime's values, and back.

use super::{Argument, ArgumentType};
use crate::frame::{DataType, Tensor, TensorData, TensorLayout, TensorSlice, TensorView};
use half::f16;
use ort::session::SessionInputValue;
use ort::value::{DynValue, TensorElementType, TensorRef};

/// The element type's name in ONNX Runtime.
pub(super) const fn element_type(kind: DataType) -> TensorElementType {
    match kind {
        DataType::F32 => TensorElementType::Float32,
        DataType::F16 => TensorElementType::Float16,
        DataType::U8 => TensorElementType::Uint8,
    }
}

/// The element type's name in ONNX Runtime.
pub(super) const fn argument_type(kind: ArgumentType) -> TensorElementType {
    match kind {
        ArgumentType::F32 => TensorElementType::Float32,
        ArgumentType::F16 => TensorElementType::Float16,
        ArgumentType::F64 => TensorElementType::Float64,
        ArgumentType::U8 => TensorElementType::Uint8,
        ArgumentType::I32 => TensorElementType::Int32,
        ArgumentType::I64 => TensorElementType::Int64,
        ArgumentType::Bool => TensorElementType::Bool,
    }
}

/// A picture as an input, without a copy.
pub(super) fn picture(tensor: &Tensor) -> ort::Result<SessionInputValue<'_>> {
    let shape = tensor.layout.axes(tensor.shape);
    Ok(match &tensor.data {
        TensorData::F32(values) => TensorRef::from_array_view((shape, values.as_slice()))?.into(),
        TensorData::F16(values) => TensorRef::from_array_view((shape, values.as_slice()))?.into(),
        TensorData::U8(values) => TensorRef::from_array_view((shape, values.as_slice()))?.into(),
    })
}

/// A new output tensor.
pub(super) fn allocate(
    allocator: &ort::memory::Allocator,
    kind: DataType,
    shape: [usize; 4],
) -> ort::Result<DynValue> {
    use ort::value::Tensor;
    Ok(match kind {
        DataType::F32 => Tensor::<f32>::new(allocator, shape)?.into_dyn(),
        DataType::F16 => Tensor::<f16>::new(allocator, shape)?.into_dyn(),
        DataType::U8 => Tensor::<u8>::new(allocator, shape)?.into_dyn(),
    })
}

/// An output as a picture's tensor of `shape`.
pub(super) fn view(
    value: &DynValue,
    kind: DataType,
    layout: TensorLayout,
    shape: [usize; 3],
) -> ort::Result<TensorView<'_>> {
    let data = match kind {
        DataType::F32 => TensorSlice::F32(value.try_extract_tensor::<f32>()?.1),
        DataType::F16 => TensorSlice::F16(value.try_extract_tensor::<f16>()?.1),
        DataType::U8 => TensorSlice::U8(value.try_extract_tensor::<u8>()?.1),
    };
    Ok(TensorView { shape, layout, data })
}

/// All elements of an output, as f32.
pub(super) fn elements(value: &DynValue) -> ort::Result<Vec<f32>> {
    Ok(match value.dtype().tensor_type() {
        Some(TensorElementType::Float16) => {
            value.try_extract_tensor::<f16>()?.1.iter().map(|value| value.to_f32()).collect()
        }
        Some(TensorElementType::Uint8) => {
            value.try_extract_tensor::<u8>()?.1.iter().map(|value| f32::from(*value)).collect()
        }
        _ => value.try_extract_tensor::<f32>()?.1.to_vec(),
    })
}

/// `values`, one for each element, as an input.
pub(super) fn argument(declared: &Argument, values: &[f64]) -> ort::Result<DynValue> {
    use ort::value::Tensor;
    let shape: Vec<i64> = declared.shape.iter().map(|side| *side as i64).collect();
    macro_rules! tensor {
        ($convert:expr) => {
            Tensor::from_array((shape, values.iter().copied().map($convert).collect::<Vec<_>>()))?.into_dyn()
        };
    }
    Ok(match declared.dtype {
        ArgumentType::F32 => tensor!(|value| value as f32),
        ArgumentType::F16 => tensor!(f16::from_f64),
        ArgumentType::F64 => tensor!(|value| value),
        ArgumentType::U8 => tensor!(|value| value as u8),
        ArgumentType::I32 => tensor!(|value| value as i32),
        ArgumentType::I64 => tensor!(|value| value as i64),
        ArgumentType::Bool => tensor!(|value| value != 0.0),
    })
}
