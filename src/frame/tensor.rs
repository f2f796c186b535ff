//! What networks eat: dense NCHW tensors of f32 or f16.

use half::f16;

/// Element type of a tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DataType {
    /// 32-bit float.
    #[default]
    F32,
    /// 16-bit float.
    F16,
}

/// The elements.
#[derive(Clone)]
pub enum TensorData {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 16-bit floats.
    F16(Vec<f16>),
}

/// A dense tensor `[1, channels, height, width]`, channels outermost.
#[derive(Clone)]
pub struct Tensor {
    /// Channels, height, width.
    pub shape: [usize; 3],
    /// `channels * height * width` elements.
    pub data: TensorData,
}

impl Tensor {
    /// An empty tensor, to be given its shape by [`Tensor::reset`].
    pub const fn empty() -> Self {
        Self { shape: [0; 3], data: TensorData::F32(Vec::new()) }
    }

    /// A zeroed f32 tensor.
    pub fn zeros(shape: [usize; 3]) -> Self {
        let mut tensor = Self::empty();
        tensor.reset(shape, DataType::F32);
        tensor
    }

    /// Gives the tensor a shape and type, keeping its allocation when possible. Contents are unspecified.
    pub fn reset(&mut self, shape: [usize; 3], kind: DataType) {
        let length = shape.iter().product();
        match (&mut self.data, kind) {
            (TensorData::F32(values), DataType::F32) => values.resize(length, 0.0),
            (TensorData::F16(values), DataType::F16) => values.resize(length, f16::ZERO),
            (_, DataType::F32) => self.data = TensorData::F32(vec![0.0; length]),
            (_, DataType::F16) => self.data = TensorData::F16(vec![f16::ZERO; length]),
        }
        self.shape = shape;
    }

    /// Gives the tensor a shape and sets every element to 0, as f32.
    pub fn clear(&mut self, shape: [usize; 3]) {
        self.reset(shape, DataType::F32);
        if let TensorData::F32(values) = &mut self.data {
            values.fill(0.0);
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
        }
    }

    /// The elements if they are f32.
    pub fn as_f32(&self) -> Option<&[f32]> {
        match &self.data {
            TensorData::F32(values) => Some(values),
            TensorData::F16(_) => None,
        }
    }
}

impl Tensor {
    /// The tensor as a view.
    pub fn view(&self) -> TensorView<'_> {
        let data = match &self.data {
            TensorData::F32(values) => TensorSlice::F32(values),
            TensorData::F16(values) => TensorSlice::F16(values),
        };
        TensorView { shape: self.shape, data }
    }
}

/// Elements that somebody else owns, for example a network's output.
#[derive(Clone, Copy)]
pub enum TensorSlice<'a> {
    /// 32-bit floats.
    F32(&'a [f32]),
    /// 16-bit floats.
    F16(&'a [f16]),
}

/// A dense tensor `[1, channels, height, width]` in somebody else's memory.
#[derive(Clone, Copy)]
pub struct TensorView<'a> {
    /// Channels, height, width.
    pub shape: [usize; 3],
    /// `channels * height * width` elements.
    pub data: TensorSlice<'a>,
}

impl TensorView<'_> {
    /// True if no element is infinite or NaN.
    pub fn is_finite(&self) -> bool {
        match self.data {
            TensorSlice::F32(values) => values.iter().all(|v| v.is_finite()),
            TensorSlice::F16(values) => values.iter().all(|v| v.is_finite()),
        }
    }
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tensor({:?}, {:?})", self.shape, self.kind())
    }
}
