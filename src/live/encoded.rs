//! An output that encodes: a file, a pipe, a network stream, a virtual camera.

use super::{Output, Shown};
use crate::error::Error;
use crate::media::{CopyPacket, Sink};
use crate::stage::Composer;

/// Encodes what is shown.
pub(super) struct EncodedOutput {
    location: String,
    sink: Sink,
    /// Where the encoder takes other frames than those that are shown.
    converter: Option<Composer>,
}

impl EncodedOutput {
    pub(super) const fn new(location: String, sink: Sink, converter: Option<Composer>) -> Self {
        Self { location, sink, converter }
    }
}

impl Output for EncodedOutput {
    fn name(&self) -> String {
        self.location.clone()
    }

    fn show(&mut self, shown: &Shown) -> Result<(), Error> {
        match &mut self.converter {
            Some(converter) => self.sink.write_frame(&converter.resample(&shown.frame)?)?,
            None => self.sink.write_frame(&shown.frame)?,
        }
        Ok(())
    }

    fn packet(&mut self, packet: CopyPacket) -> Result<(), Error> {
        Ok(self.sink.write_packet(packet)?)
    }

    fn finish(self: Box<Self>) -> Result<(), Error> {
        self.sink.finish()?;
        Ok(())
    }
}
