//! ncnn's `.bin`: the weights of all layers, one after another.

use half::f16;

/// Tag of 16-bit floats.
const HALF: u32 = 0x0130_6B47;
/// Tag of 32-bit floats, besides 0.
const SINGLE: u32 = 0x0002_C056;
/// Tag of 8-bit integers.
const INTEGER: u32 = 0x000D_4B38;
/// Values of a code book.
const CODES: usize = 256;

/// Takes weights off a file in the order in which the layers need them.
#[derive(Debug)]
pub(super) struct WeightReader<'a> {
    rest: &'a [u8],
}

impl<'a> WeightReader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes that no layer has taken.
    pub(super) const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// `count` weights of a convolution or the like, in the type that their tag names.
    pub(super) fn tagged(&mut self, count: usize) -> Result<Vec<f32>, String> {
        let tag = match self.take(4)? {
            &[a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
            _ => return Err("a tag is missing".into()),
        };
        match tag {
            HALF => {
                let bytes = self.aligned(count.checked_mul(2))?;
                let pairs = bytes.as_chunks::<2>().0.iter().take(count);
                Ok(pairs.map(|&pair| f16::from_le_bytes(pair).to_f32()).collect())
            }
            0 | SINGLE => self.plain(count),
            INTEGER => Err("weights of 8-bit integers are not supported".into()),
            _ => {
                let codes = self.plain(CODES)?;
                let indices = self.aligned(Some(count))?.iter().take(count);
                Ok(indices.filter_map(|&index| codes.get(usize::from(index)).copied()).collect())
            }
        }
    }

    /// `count` 32-bit floats, as biases and slopes are stored.
    pub(super) fn plain(&mut self, count: usize) -> Result<Vec<f32>, String> {
        let bytes = self.aligned(count.checked_mul(4))?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|&four| f32::from_le_bytes(four)).collect())
    }

    /// `length` bytes, and those that fill up the last four.
    fn aligned(&mut self, length: Option<usize>) -> Result<&'a [u8], String> {
        let length = length.and_then(|length| length.checked_next_multiple_of(4));
        self.take(length.ok_or("a layer wants more weights than any file has")?)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| {
            format!("the weights end early: {length} bytes are needed, {} are left", self.rest.len())
        })?;
        self.rest = rest;
        Ok(taken)
    }
}
