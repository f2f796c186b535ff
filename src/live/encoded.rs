//! An output that encodes: a file, a pipe, a network stream, a virtual camera.

use super::{Output, Shown};
use crate::error::{Error, MediaError};
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
        let written = match &mut self.converter {
            Some(converter) => self.sink.write_frame(&converter.resample(&shown.frame)?),
            None => self.sink.write_frame(&shown.frame),
        };
        written.map_err(|error| told(error, &self.location))
    }

    fn packet(&mut self, packet: CopyPacket) -> Result<(), Error> {
        self.sink.write_packet(packet).map_err(|error| told(error, &self.location))
    }

    fn finish(self: Box<Self>) -> Result<(), Error> {
        let finished = self.sink.finish().map(drop);
        finished.map_err(|error| told(error, &self.location))
    }
}

/// Only an output that was still waiting for its receiver when the run was over is interrupted.
fn told(error: MediaError, location: &str) -> Error {
    match error {
        MediaError::Interrupted => MediaError::Output {
            output: location.to_owned(),
            problem: "its receiver takes nothing any more".to_owned(),
            remedy: "see whether it still reads".to_owned(),
        },
        error => error,
    }
    .into()
}
