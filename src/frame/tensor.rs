//! What networks eat: dense tensors of one picture, channels outermost or innermost.

use half::f16;
use half::slice::HalfFloatSliceExt;

/// Element type of a tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DataType {
    /// 32-bit float.
    #[default]
    F32,
    /// 16-bit float.
    F16,
    /// 8-bit unsigned integer.
    U8,
}

impl DataType {
    /// Size of an element in bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
            Self::U8 => 1,
        }
    }
}

impl std::fmt::Display for DataType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::U8 => "u8",
        })
    }
}

/// Order of a tensor's axes; the batch N is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TensorLayout {
    /// `[1, channels, height, width]`.
    #[default]
    Nchw,
    /// `[1, height, width, channels]`.
    Nhwc,
}

impl TensorLayout {
    /// The four axes of a tensor of `[channels, height, width]`, in this order.
    pub const fn axes(self, [channels, height, width]: [usize; 3]) -> [usize; 4] {
        match self {
            Self::Nchw => [1, channels, height, width],
            Self::Nhwc => [1, height, width, channels],
        }
    }
}

impl std::fmt::Display for TensorLayout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nchw => "NCHW",
            Self::Nhwc => "NHWC",
        })
    }
}

/// The elements.
#[derive(Clone)]
pub enum TensorData {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 16-bit floats.
    F16(Vec<f16>),
    /// 8-bit unsigned integers.
    U8(Vec<u8>),
}

impl TensorData {
    /// Converts `elements` into the tensor's type: rounded to nearest; 8-bit integers are clamped, and what is not a
    /// number is 0.
    pub fn store(&mut self, elements: &[f32]) {
        match self {
            Self::F32(values) => values.copy_from_slice(elements),
            Self::F16(values) => values.convert_from_f32_slice(elements),
            Self::U8(values) => {
                for (value, element) in values.iter_mut().zip(elements) {
                    *value = (element + 0.5) as u8;
                }
            }
        }
    }
}

/// A dense tensor of one picture.
#[derive(Clone)]
pub struct Tensor {
    /// Channels, height, width, whatever the layout.
    pub shape: [usize; 3],
    /// How `data` lies in memory.
    pub layout: TensorLayout,
    /// `channels * height * width` elements.
    pub data: TensorData,
}

impl Tensor {
    /// An empty tensor, to be given its shape by [`Tensor::reset`].
    pub const fn empty() -> Self {
        Self { shape: [0; 3], layout: TensorLayout::Nchw, data: TensorData::F32(Vec::new()) }
    }

    /// A zeroed NCHW tensor of f32.
    pub fn zeros(shape: [usize; 3]) -> Self {
        let mut tensor = Self::empty();
        tensor.reset(shape, TensorLayout::Nchw, DataType::F32);
        tensor
    }

    /// Gives the tensor a shape and type, keeping its allocation when possible. Contents are unspecified.
    pub fn reset(&mut self, shape: [usize; 3], layout: TensorLayout, kind: DataType) {
        let length = shape.iter().product();
        match (&mut self.data, kind) {
            (TensorData::F32(values), DataType::F32) => values.resize(length, 0.0),
            (TensorData::F16(values), DataType::F16) => values.resize(length, f16::ZERO),
            (TensorData::U8(values), DataType::U8) => values.resize(length, 0),
            (_, DataType::F32) => self.data = TensorData::F32(vec![0.0; length]),
            (_, DataType::F16) => self.data = TensorData::F16(vec![f16::ZERO; length]),
            (_, DataType::U8) => self.data = TensorData::U8(vec![0; length]),
        }
        self.shape = shape;
        self.layout = layout;
    }

    /// Gives the tensor a shape and sets every element to 0, as f32.
    pub fn clear(&mut self, shape: [usize; 3], layout: TensorLayout) {
        self.reset(shape, layout, DataType::F32);
        if let TensorData::F32(values) = &mut self.data {
            values.fill(0.0);
        }
    }

    /// Becomes a copy of an NCHW tensor of f32 without `margin` rows and columns on each side.
    pub fn assign_inside(&mut self, whole: &Self, margin: usize) {
        let [channels, rows, columns] = whole.shape;
        let (height, width) = (rows.saturating_sub(2 * margin), columns.saturating_sub(2 * margin));
        self.reset([channels, height, width], TensorLayout::Nchw, DataType::F32);
        let (TensorData::F32(values), TensorData::F32(all)) = (&mut self.data, &whole.data) else { return };
        if width == 0 || columns == 0 {
            return;
        }
        let inside = |row: &(usize, &[f32])| (margin..margin + height).contains(&(row.0 % rows));
        let from = all.chunks_exact(columns).enumerate().filter(inside);
        for (to, (_, from)) in values.chunks_exact_mut(width).zip(from) {
            to.copy_from_slice(from.get(margin..margin + width).unwrap_or_default());
        }
    }

    /// Becomes a copy of `view`, as f32.
    pub fn assign(&mut self, view: TensorView<'_>) {
        self.reset(view.shape, view.layout, DataType::F32);
        let TensorData::F32(values) = &mut self.data else { return };
        match view.data {
            TensorSlice::F32(elements) => values.copy_from_slice(elements),
            TensorSlice::F16(elements) => elements.convert_to_f32_slice(values),
            TensorSlice::U8(elements) => {
                for (value, element) in values.iter_mut().zip(elements) {
                    *value = f32::from(*element);
                }
            }
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// True if the tensor has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Element type.
    pub const fn kind(&self) -> DataType {
        match self.data {
            TensorData::F32(_) => DataType::F32,
            TensorData::F16(_) => DataType::F16,
            TensorData::U8(_) => DataType::U8,
        }
    }

    /// The elements if they are f32.
    pub fn as_f32(&self) -> Option<&[f32]> {
        match &self.data {
            TensorData::F32(values) => Some(values),
            TensorData::F16(_) | TensorData::U8(_) => None,
        }
    }

    /// The tensor as a view.
    pub fn view(&self) -> TensorView<'_> {
        let data = match &self.data {
            TensorData::F32(values) => TensorSlice::F32(values),
            TensorData::F16(values) => TensorSlice::F16(values),
            TensorData::U8(values) => TensorSlice::U8(values),
        };
        TensorView { shape: self.shape, layout: self.layout, data }
    }
}

/// Elements that somebody else owns, for example a network's output.
#[derive(Clone, Copy)]
pub enum TensorSlice<'a> {
    /// 32-bit floats.
    F32(&'a [f32]),
    /// 16-bit floats.
    F16(&'a [f16]),
    /// 8-bit unsigned integers.
    U8(&'a [u8]),
}

impl<'a> TensorSlice<'a> {
    /// Number of elements.
    pub const fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F16(values) => values.len(),
            Self::U8(values) => values.len(),
        }
    }

    /// True if there is no element.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements as f32, converted into `staging` unless they are that already.
    pub fn widened(self, staging: &'a mut Vec<f32>) -> &'a [f32] {
        match self {
            Self::F32(values) => return values,
            Self::F16(values) => {
                staging.resize(values.len(), 0.0);
                values.convert_to_f32_slice(staging);
            }
            Self::U8(values) => {
                staging.clear();
                staging.extend(values.iter().copied().map(f32::from));
            }
        }
        staging
    }
}

/// A dense tensor of one picture in somebody else's memory.
#[derive(Clone, Copy)]
pub struct TensorView<'a> {
    /// Channels, height, width, whatever the layout.
    pub shape: [usize; 3],
    /// How `data` lies in memory.
    pub layout: TensorLayout,
    /// `channels * height * width` elements.
    pub data: TensorSlice<'a>,
}

impl TensorView<'_> {
    /// True if no element is infinite or NaN.
    pub fn is_finite(&self) -> bool {
        match self.data {
            TensorSlice::F32(values) => values.iter().all(|v| v.is_finite()),
            TensorSlice::F16(values) => values.iter().all(|v| v.is_finite()),
            TensorSlice::U8(_) => true,
        }
    }
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tensor({:?}, {} {})", self.shape, self.layout, self.kind())
    }
}
