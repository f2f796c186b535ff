//! How large pictures become small ones.

use super::camera::CameraReader;
use super::enlarge::resampled;
use super::reference::{self, ReferenceReader};
use super::resize::{Interpolation, resize};
use crate::error::Error;
use crate::frame::Frame;
use crate::media::Interrupt;
use std::path::Path;

/// The degradation that a method has to undo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Degradation {
    /// MATLAB's antialiased bicubic, rounded to code values: the protocol of the literature.
    Bicubic,
    /// What cameras and streams deliver: blur, antialiased shrinking, 4:2:0 and H.264 (x264, preset medium).
    Camera {
        /// Constant rate factor of x264, 0 to 51.
        crf: f64,
        /// Deviation of the Gaussian blur, in pixels of the large picture.
        blur: f64,
    },
}

impl Degradation {
    /// Short name in reports.
    pub fn name(&self) -> String {
        match self {
            Self::Bicubic => "bicubic".into(),
            Self::Camera { crf, .. } => format!("camera-crf{crf}"),
        }
    }

    /// A sentence that says what is done.
    pub fn description(&self, scale: u32) -> String {
        match self {
            Self::Bicubic => format!("antialiased bicubic by {scale}, rounded"),
            Self::Camera { crf, blur } => format!(
                "Gaussian blur of {blur} pixels, antialiased bicubic by {scale}, 4:2:0, x264 medium at crf {crf}"
            ),
        }
    }

    /// Multiples of this many chroma blocks are cut from the reference.
    pub(super) const fn multiple(&self, scale: u32) -> u32 {
        match self {
            Self::Bicubic => scale,
            // The small picture is 4:2:0, so its sides are even.
            Self::Camera { .. } => 2 * scale,
        }
    }

    /// True if references deeper than 8 bit are reduced to it.
    pub(super) const fn is_eight_bit(&self) -> bool {
        matches!(self, Self::Camera { .. })
    }
}

/// Reads an item's frames large and small.
pub(super) struct PairReader {
    large: ReferenceReader,
    small: Small,
    scale: u32,
    location: String,
}

/// Where small frames come from.
enum Small {
    Bicubic,
    Camera(Box<CameraReader>),
}

impl PairReader {
    /// Over `large`, and the recording that was made of it where the degradation is a camera.
    pub(super) fn new(
        large: ReferenceReader,
        recording: Option<&Path>,
        scale: u32,
        location: &str,
        interrupt: Interrupt,
    ) -> Result<Self, Error> {
        let small = match recording {
            Some(path) => Small::Camera(Box::new(CameraReader::open(path, interrupt)?)),
            None => Small::Bicubic,
        };
        Ok(Self { large, small, scale, location: location.to_owned() })
    }

    /// The next large frame and the small one made of it; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(Frame, Frame)>, Error> {
        let Some(large) = self.large.next()? else { return Ok(None) };
        let small = match &mut self.small {
            Small::Bicubic => shrunk(&large, self.scale),
            Small::Camera(recording) => match recording.next()? {
                Some(small) => small,
                None => {
                    let problem = "the recording has fewer frames than the reference".into();
                    return Err(
                        reference::wrong(&self.location, problem, "check that it plays elsewhere").into()
                    );
                }
            },
        };
        Ok(Some((large, small)))
    }
}

fn shrunk(large: &Frame, scale: u32) -> Frame {
    let info = &large.info;
    resampled(
        large,
        (info.width / scale, info.height / scale),
        info.format,
        |samples, horizontal, vertical| resize(&samples, horizontal, vertical, Interpolation::Bicubic),
    )
}
