//! What a camera or a stream makes of a picture: blur, few pixels, little chroma, H.264.

use super::Samples;
use super::enlarge::resampled;
use super::reference::ReferenceReader;
use super::resize::{Interpolation, blur, resize};
use crate::error::Error;
use crate::frame::{BufferPool, Frame, PixelFormat, Rational, Siting};
use crate::media::{
    Deinterlace, InputDescription, InputOptions, Interrupt, OutputOptions, Sink, Source, SourceItem,
    StreamKind, VideoInfo,
};
use std::path::Path;

/// A recording to be made.
pub(super) struct Camera {
    /// Deviation of the blur, in pixels of the large picture.
    pub(super) blur: f64,
    /// x264's constant rate factor.
    pub(super) crf: f64,
    /// How much smaller the recording is.
    pub(super) scale: u32,
}

impl Camera {
    /// Records all frames of `large` into a Matroska file.
    pub(super) fn record(
        &self,
        mut large: ReferenceReader,
        path: &Path,
        interrupt: &Interrupt,
    ) -> Result<(), Error> {
        let description = large.description();
        let mut sink = None;
        let mut number = 0;
        while let Some(frame) = large.next()? {
            let mut small = self.taken(&frame);
            small.info.pts = number;
            small.info.duration = 1;
            number += 1;
            if sink.is_none() {
                sink = Some(self.open(&description, &small, path, interrupt)?);
            }
            if let Some(sink) = &mut sink {
                sink.write_frame(&small)?;
            }
        }
        if let Some(sink) = sink {
            sink.finish()?;
        }
        Ok(())
    }

    /// What the sensor sees: blurred, smaller, with a quarter of the chroma samples.
    fn taken(&self, large: &Frame) -> Frame {
        let info = &large.info;
        let mut large = large.clone();
        // Where chroma samples lie in H.264 unless it says otherwise.
        large.info.color.siting = Siting::Left;
        let size = (info.width / self.scale, info.height / self.scale);
        let format = PixelFormat { alpha: false, ..PixelFormat::YUV420P };
        let luma_width = info.width as usize;
        let shrink = |samples: Samples, horizontal: &_, vertical: &_| {
            // The same blur for chroma, which may have fewer samples already.
            let sigma = self.blur * samples.width as f64 / luma_width as f64;
            resize(&blur(&samples, sigma), horizontal, vertical, Interpolation::Bicubic)
        };
        let mut small = resampled(&large, size, format, shrink);
        if info.format.color_planes() == 1 {
            for plane in small.planes_mut().iter_mut().skip(1) {
                plane.rows_mut().for_each(|row| row.fill(128));
            }
        }
        small
    }

    fn open(
        &self,
        description: &InputDescription,
        first: &Frame,
        path: &Path,
        interrupt: &Interrupt,
    ) -> Result<Sink, Error> {
        let video = &description.video;
        let rate = if video.frame_rate.is_positive() { video.frame_rate } else { Rational::new(25, 1) };
        let info = &first.info;
        let described = InputDescription {
            video: VideoInfo {
                width: info.width,
                height: info.height,
                format: info.format,
                source_format: info.format.to_string(),
                color: info.color,
                time_base: rate.inverse(),
                frame_rate: rate,
                variable_rate: false,
                is_picture: false,
                ..video.clone()
            },
            streams: description
                .streams
                .iter()
                .filter(|stream| stream.kind == StreamKind::Video)
                .cloned()
                .collect(),
            chapters: Vec::new(),
            metadata: Vec::new(),
            ..description.clone()
        };
        let options = OutputOptions {
            format: Some("matroska".into()),
            codec: Some("libx264".into()),
            crf: Some(self.crf),
            preset: Some("medium".into()),
            pixel_format: Some("yuv420p".into()),
            // So that the recording does not depend on the machine.
            threads: Some(1),
            ..OutputOptions::default()
        };
        let location = path.to_string_lossy();
        let aspect = info.sample_aspect_ratio;
        let sink =
            Sink::open(&location, &options, &described, info.width, info.height, aspect, interrupt.clone())?;
        Ok(sink)
    }
}

/// Reads a recording.
pub(super) struct CameraReader(Source);

impl CameraReader {
    pub(super) fn open(path: &Path, interrupt: Interrupt) -> Result<Self, Error> {
        let options = InputOptions {
            strict: true,
            deinterlace: Deinterlace::Off,
            threads: Some(1),
            ..InputOptions::default()
        };
        Ok(Self(Source::open(&path.to_string_lossy(), &options, interrupt, BufferPool::new())?))
    }

    /// The next frame; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, Error> {
        loop {
            match self.0.next()? {
                SourceItem::Frame(frame) => return Ok(Some(frame)),
                SourceItem::Packet(_) => {}
                SourceItem::End => return Ok(None),
            }
        }
    }
}
