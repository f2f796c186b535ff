//! An output that encodes: a file, a pipe, a network stream, a virtual camera.

use super::{Output, Shown};
use crate::error::{Error, MediaError};
use crate::media::{CopyPacket, Sink};
use crate::stage::Composer;

/// Encodes what is shown.
pub(super) struct EncodedOutput {
    location: String,
    /// `None` once it has failed.
    sink: Option<Sink>,
    /// Where the encoder takes other frames than those that are shown.
    converter: Option<Composer>,
}

impl EncodedOutput {
    pub(super) const fn new(location: String, sink: Sink, converter: Option<Composer>) -> Self {
        Self { location, sink: Some(sink), converter }
    }
}

impl Output for EncodedOutput {
    fn name(&self) -> String {
        self.location.clone()
    }

    fn show(&mut self, shown: &Shown) -> Result<(), Error> {
        let Some(sink) = &mut self.sink else { return Ok(()) };
        let written = match &mut self.converter {
            Some(converter) => sink.write_frame(&converter.resample(&shown.frame)?),
            None => sink.write_frame(&shown.frame),
        };
        written.map_err(|error| self.fail(error))
    }

    fn packet(&mut self, packet: CopyPacket) -> Result<(), Error> {
        let Some(sink) = &mut self.sink else { return Ok(()) };
        let written = sink.write_packet(packet);
        written.map_err(|error| self.fail(error))
    }

    fn finish(self: Box<Self>) -> Result<(), Error> {
        let Some(sink) = self.sink else { return Ok(()) };
        let finished = sink.finish().map(drop);
        finished.map_err(|error| told(error, &self.location))
    }
}

impl EncodedOutput {
    /// Nothing more can be written; a recording keeps what it has.
    fn fail(&mut self, error: MediaError) -> Error {
        let error = match self.sink.take() {
            Some(sink) => sink.fail(error),
            None => error,
        };
        told(error, &self.location)
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
