//! Encodes pictures after and before side by side, and each only if it has changed.

use super::super::Shown;
use super::pictures::Jpeg;
use crate::error::Error;
use crate::frame::Frame;
use crate::media::JpegEncoder;
use std::sync::Arc;

/// Encoders for both pictures of a tick.
pub(super) struct Tandem {
    after: Lazy,
    before: Lazy,
}

impl Tandem {
    pub(super) fn new(quality: u8) -> Self {
        Self { after: Lazy::new(quality), before: Lazy::new(quality) }
    }

    /// The picture after, and the one before if `compares`.
    pub(super) fn encode(
        &mut self,
        shown: &Shown,
        compares: bool,
    ) -> Result<(Arc<Jpeg>, Option<Arc<Jpeg>>), Error> {
        let after = self.after.encode(&shown.frame)?;
        let before = compares.then(|| self.before.encode(&shown.source)).transpose()?;
        Ok((after, before))
    }

    /// Lets go of the last frames.
    pub(super) fn forget(&mut self) {
        (self.after.last, self.before.last) = (None, None);
    }
}

/// An encoder that remembers what it encoded last: frames that are held come again and again.
struct Lazy {
    encoder: JpegEncoder,
    /// While the frame is kept here, its memory is not used for another one.
    last: Option<(Frame, Arc<Jpeg>)>,
    encoded: u64,
}

impl Lazy {
    fn new(quality: u8) -> Self {
        Self { encoder: JpegEncoder::new(quality), last: None, encoded: 0 }
    }

    fn encode(&mut self, frame: &Frame) -> Result<Arc<Jpeg>, Error> {
        if let Some((last, jpeg)) = &self.last
            && shares_samples(last, frame)
        {
            return Ok(Arc::clone(jpeg));
        }
        let bytes = self.encoder.encode(frame)?;
        self.encoded += 1;
        let jpeg = Arc::new(Jpeg { number: self.encoded, bytes });
        self.last = Some((frame.clone(), Arc::clone(&jpeg)));
        Ok(jpeg)
    }
}

/// Whether two frames are clones of one.
fn shares_samples(one: &Frame, other: &Frame) -> bool {
    let key = |frame: &Frame| (frame.info.width, frame.info.height, frame.info.format, frame.info.color);
    let mut planes = one.planes().iter().zip(other.planes());
    key(one) == key(other) && planes.all(|(a, b)| std::ptr::eq(a.buffer.bytes(), b.buffer.bytes()))
}
