//! A decoded picture and what must travel with it.

use super::{BufferPool, Color, DeviceSamples, PixelFormat, PooledBuffer, Pts, Rational};
use crate::error::ConfigError;
use std::sync::Arc;

/// Bytes that FFmpeg attaches to a frame (HDR10+, closed captions, mastering display), carried through unread.
#[derive(Clone, PartialEq, Eq)]
pub struct SideData {
    /// FFmpeg's `AVFrameSideDataType` as a number.
    pub kind: u32,
    /// The payload.
    pub bytes: Arc<[u8]>,
}

impl SideData {
    /// `AV_FRAME_DATA_A53_CC`: closed captions, a running text of which each part must be shown once.
    pub const CAPTIONS: u32 = 1;
    /// `AV_FRAME_DATA_ICC_PROFILE`: what the numbers of the picture's colours mean.
    pub const ICC_PROFILE: u32 = 15;
}

impl std::fmt::Debug for SideData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SideData({}, {} bytes)", self.kind, self.bytes.len())
    }
}

/// One plane of samples in host memory, or on a device until somebody looks at them. Rows start on 64-byte boundaries.
#[derive(Clone, Debug)]
pub struct Plane {
    /// Width in samples.
    pub width: u32,
    /// Height in samples.
    pub height: u32,
    /// Bytes from one row to the next, a multiple of 64.
    pub stride: usize,
    /// Bytes of one sample, 1 or 2.
    pub sample_bytes: usize,
    /// `stride * height` bytes.
    pub buffer: PooledBuffer,
}

impl Plane {
    fn new(width: u32, height: u32, sample_bytes: usize, pool: Option<&BufferPool>) -> Self {
        let stride = stride(width, sample_bytes);
        let length = stride * height as usize;
        let buffer = match pool {
            Some(pool) => pool.take(length),
            None => PooledBuffer::unpooled(length),
        };
        Self { width, height, stride, sample_bytes, buffer }
    }

    fn remote(
        (width, height): (u32, u32),
        sample_bytes: usize,
        samples: Arc<dyn DeviceSamples>,
        pool: &BufferPool,
    ) -> Self {
        let stride = stride(width, sample_bytes);
        let buffer = pool.remote(samples, stride, stride * height as usize);
        Self { width, height, stride, sample_bytes, buffer }
    }

    fn reshape(&mut self, width: u32, height: u32, sample_bytes: usize) {
        let stride = stride(width, sample_bytes);
        (self.width, self.height, self.stride, self.sample_bytes) = (width, height, stride, sample_bytes);
        self.buffer.resize(stride * height as usize);
    }

    /// Checks that this is plane number `index`, of that size, and that its buffer holds it.
    fn validate(&self, index: usize, size: (u32, u32), sample_bytes: usize) -> Result<(), ConfigError> {
        let refuse = |expected: String, found: String| {
            Err(ConfigError { setting: format!("plane {index} of a frame"), expected, found })
        };
        if (self.width, self.height, self.sample_bytes) != (size.0, size.1, sample_bytes) {
            let told = |(width, height), bytes| format!("{width} x {height} with {bytes} bytes per sample");
            return refuse(told(size, sample_bytes), told((self.width, self.height), self.sample_bytes));
        }
        if !self.is_sound() {
            return refuse(
                "rows of samples on 64-byte boundaries".into(),
                format!("{} bytes from row to row in {:?}", self.stride, self.buffer),
            );
        }
        Ok(())
    }

    /// True if there are samples, and the buffer holds their rows, each on a 64-byte boundary.
    pub(crate) fn is_sound(&self) -> bool {
        let length = self.stride.checked_mul(self.height as usize);
        self.width > 0
            && self.height > 0
            && self.stride.is_multiple_of(64)
            && self.stride >= self.width as usize * self.sample_bytes
            && length == Some(self.buffer.len())
    }

    /// The rows' samples as bytes, without the padding at their ends.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = &[u8]> + ExactSizeIterator {
        let used = self.width as usize * self.sample_bytes;
        self.buffer.bytes().chunks_exact(self.stride).map(move |row| row.get(..used).unwrap_or(row))
    }

    /// The rows' samples as writable bytes, without the padding at their ends.
    pub fn rows_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut [u8]> + ExactSizeIterator {
        let used = self.width as usize * self.sample_bytes;
        self.buffer.bytes_mut().chunks_exact_mut(self.stride).map(move |row| row.split_at_mut(used).0)
    }

    /// Row `y`'s samples as bytes, clamped to the last row.
    pub fn row(&self, y: usize) -> &[u8] {
        let y = y.min((self.height as usize).saturating_sub(1));
        let start = y * self.stride;
        let end = start + self.width as usize * self.sample_bytes;
        self.buffer.bytes().get(start..end).unwrap_or(&[])
    }

    /// Row `y` of an 8-bit plane.
    pub fn row_u8(&self, y: usize) -> &[u8] {
        self.row(y)
    }

    /// Row `y` of a plane of more than 8 bits.
    pub fn row_u16(&self, y: usize) -> &[u16] {
        bytemuck::cast_slice(self.row(y))
    }
}

/// Bytes from one row to the next.
const fn stride(width: u32, sample_bytes: usize) -> usize {
    (width as usize * sample_bytes).next_multiple_of(64)
}

/// The planes of a picture: 1 to 4, by [`PixelFormat::plane_count`].
pub type Planes = Vec<Plane>;

/// Where the samples are.
#[derive(Clone, Debug)]
pub enum FrameData {
    /// In host memory, or to be brought there when somebody looks at them.
    Host(Planes),
}

/// Everything about a frame but its samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameInfo {
    /// Width in luma samples.
    pub width: u32,
    /// Height in luma samples.
    pub height: u32,
    /// Sample layout.
    pub format: PixelFormat,
    /// What the numbers mean.
    pub color: Color,
    /// Shape of a sample (width/height); 0/1 if unknown.
    pub sample_aspect_ratio: Rational,
    /// Presentation time stamp in the time base of the video stream.
    pub pts: Pts,
    /// How long the frame is shown, in the same time base; 0 if unknown.
    pub duration: i64,
    /// The decoder met damaged data in it; what it shows is guessed in part.
    pub is_damaged: bool,
    /// FFmpeg's side data, carried through.
    pub side_data: Vec<SideData>,
}

impl FrameInfo {
    /// A picture at time 0 with square samples: colours by default, duration unknown, undamaged, no side data.
    pub fn new(width: u32, height: u32, format: PixelFormat) -> Self {
        Self {
            width,
            height,
            format,
            color: Color::default(),
            sample_aspect_ratio: Rational::new(1, 1),
            pts: 0,
            duration: 0,
            is_damaged: false,
            side_data: Vec::new(),
        }
    }
}

/// A picture with its time stamp and its meaning. Clones share their samples until one is written.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Everything but the samples.
    pub info: FrameInfo,
    /// The samples.
    pub data: FrameData,
}

impl Frame {
    /// A frame with unspecified samples in host memory, from `pool` if given.
    pub fn allocate(info: FrameInfo, pool: Option<&BufferPool>) -> Self {
        let format = info.format;
        let planes = (0..format.plane_count())
            .map(|index| {
                let (width, height) = format.plane_size(index, info.width, info.height);
                Plane::new(width, height, format.sample_bytes(), pool)
            })
            .collect();
        Self { info, data: FrameData::Host(planes) }
    }

    /// A frame whose samples lie on a device: one value for each plane of the format, in their order. The processor's copy is
    /// made when somebody looks at them, in memory of `pool`.
    pub fn on_device(info: FrameInfo, samples: Vec<Arc<dyn DeviceSamples>>, pool: &BufferPool) -> Self {
        let format = info.format;
        let plane = |(index, samples)| {
            let size = format.plane_size(index, info.width, info.height);
            Plane::remote(size, format.sample_bytes(), samples, pool)
        };
        let planes = samples.into_iter().enumerate().map(plane).collect();
        Self { info, data: FrameData::Host(planes) }
    }

    /// Checks that the planes are those that `info` tells of, as [`Frame::allocate`] makes them: in number, size, bytes per
    /// sample and alignment. Reads no sample.
    ///
    /// # Errors
    /// What does not fit.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let FrameInfo { width, height, format, .. } = self.info;
        format.validate()?;
        let (planes, count) = (self.planes(), format.plane_count());
        if planes.len() != count {
            let (expected, found) = (format!("{count} planes of {format}"), planes.len().to_string());
            return Err(ConfigError { setting: "frame".into(), expected, found });
        }
        planes.iter().enumerate().try_for_each(|(index, plane)| {
            plane.validate(index, format.plane_size(index, width, height), format.sample_bytes())
        })
    }

    /// True if looking at the samples brings them from a device first.
    pub fn is_remote(&self) -> bool {
        self.planes().iter().any(|plane| plane.buffer.is_remote())
    }

    /// Makes the frame one of another size or format, in the same memory where that is large enough. Samples are
    /// unspecified. For frames that no pool knows: a pool goes by the sizes of its buffers.
    pub fn reshape(&mut self, info: FrameInfo) {
        let format = info.format;
        let FrameData::Host(planes) = &mut self.data;
        planes.truncate(format.plane_count());
        for index in 0..format.plane_count() {
            let (width, height) = format.plane_size(index, info.width, info.height);
            match planes.get_mut(index) {
                Some(plane) => plane.reshape(width, height, format.sample_bytes()),
                None => planes.push(Plane::new(width, height, format.sample_bytes(), None)),
            }
        }
        self.info = info;
    }

    /// The planes; their samples are brought into host memory when somebody looks at them.
    pub fn planes(&self) -> &[Plane] {
        let FrameData::Host(planes) = &self.data;
        planes
    }

    /// The planes in host memory, writable.
    pub fn planes_mut(&mut self) -> &mut [Plane] {
        let FrameData::Host(planes) = &mut self.data;
        planes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_sizes_round_chroma_up_and_rows_are_aligned() {
        let info = FrameInfo::new(321, 181, PixelFormat::yuv(crate::frame::Subsampling::S420, 10));
        let frame = Frame::allocate(info, None);
        let sizes: Vec<_> = frame.planes().iter().map(|p| (p.width, p.height)).collect();
        assert_eq!(sizes, [(321, 181), (161, 91), (161, 91)]);
        assert!(frame.planes().iter().all(|plane| plane.stride % 64 == 0));
        assert_eq!(frame.planes()[1].rows().len(), 91);
    }
}
