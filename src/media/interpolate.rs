//! Frames between frames by libavfilter's minterpolate, to compare with.

use super::MediaError;
use super::ffi_frame;
use super::ffi_input::is_again;
use crate::frame::{Frame, FrameInfo, Pts};
use ffmpeg::format::Pixel;
use ffmpeg::frame::Video;
use ffmpeg_next as ffmpeg;

const SOURCE: &str = "in";
const SINK: &str = "out";
/// One frame between two, with the filter's most thorough settings for motion.
const FILTER: &str = "minterpolate=fps=2:mi_mode=mci:mc_mode=aobmc:me_mode=bidir:vsbmc=1";

/// Doubles the frame rate with motion compensation.
///
/// Frames go in at every second number and come out at every number. A frame is made when the second one after it has gone in;
/// so those before the last frame are missing at the end. The first made one is no mixture, as it has one frame before it only.
pub struct MotionInterpolation {
    graph: ffmpeg::filter::Graph,
    pixel: Pixel,
    like: FrameInfo,
}

impl MotionInterpolation {
    /// For 8-bit frames like `info`.
    ///
    /// # Errors
    /// [`MediaError::Input`] if FFmpeg has no such filter, or it does not take frames of this format.
    pub fn new(info: &FrameInfo) -> Result<Self, MediaError> {
        let name = info.format.to_string();
        let pixel = ffi_frame::pixel_by_name(&name).ok_or_else(|| failure(ffmpeg::Error::InvalidData))?;
        let graph = graph(&name, info).map_err(failure)?;
        Ok(Self { graph, pixel, like: info.clone() })
    }

    /// Takes a frame; `number` is even and 2 more than the last one.
    ///
    /// # Errors
    /// [`MediaError::Input`] if the frame has another size or format than the first, or the filter fails.
    pub fn push(&mut self, frame: &Frame, number: Pts) -> Result<(), MediaError> {
        let is_same = |info: &FrameInfo| {
            (info.width, info.height, info.format) == (self.like.width, self.like.height, self.like.format)
        };
        if !is_same(&frame.info) {
            return Err(failure(ffmpeg::Error::InputChanged));
        }
        let memory = || failure(ffmpeg::Error::from(ffmpeg::error::ENOMEM));
        let mut picture =
            ffi_frame::allocate(self.pixel, frame.info.width, frame.info.height).ok_or_else(memory)?;
        for (index, plane) in frame.planes().iter().enumerate() {
            let stride = picture.stride(index).max(1);
            for (to, from) in picture.data_mut(index).chunks_mut(stride).zip(plane.rows()) {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            }
        }
        picture.set_pts(Some(number));
        let mut source = self.graph.get(SOURCE).ok_or_else(|| failure(ffmpeg::Error::FilterNotFound))?;
        source.source().add(&picture).map_err(failure)
    }

    /// Tells the filter that there are no more frames.
    ///
    /// # Errors
    /// [`MediaError::Input`] if the filter fails.
    pub fn finish(&mut self) -> Result<(), MediaError> {
        let mut source = self.graph.get(SOURCE).ok_or_else(|| failure(ffmpeg::Error::FilterNotFound))?;
        source.source().flush().map_err(failure)
    }

    /// The next frame with its number; `None` if there is none yet, or any more.
    ///
    /// # Errors
    /// [`MediaError::Input`] if the filter fails.
    pub fn pull(&mut self) -> Result<Option<(Pts, Frame)>, MediaError> {
        let mut sink = self.graph.get(SINK).ok_or_else(|| failure(ffmpeg::Error::FilterNotFound))?;
        let mut picture = Video::empty();
        match sink.sink().frame(&mut picture) {
            Ok(()) => Ok(Some((picture.pts().unwrap_or(Pts::MIN), self.imported(&picture)))),
            Err(error) if error == ffmpeg::Error::Eof || is_again(error) => Ok(None),
            Err(error) => Err(failure(error)),
        }
    }

    fn imported(&self, picture: &Video) -> Frame {
        let mut frame = Frame::allocate(self.like.clone(), None);
        for (index, plane) in frame.planes_mut().iter_mut().enumerate() {
            let stride = picture.stride(index).max(1);
            for (to, from) in plane.rows_mut().zip(picture.data(index).chunks(stride)) {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            }
        }
        frame
    }
}

/// Frame numbers are half seconds: one frame a second goes in, two come out.
fn graph(format: &str, info: &FrameInfo) -> Result<ffmpeg::filter::Graph, ffmpeg::Error> {
    let missing = ffmpeg::Error::FilterNotFound;
    let mut graph = ffmpeg::filter::Graph::new();
    let arguments = format!(
        "video_size={}x{}:pix_fmt={format}:time_base=1/2:frame_rate=1:pixel_aspect=1/1",
        info.width, info.height
    );
    graph.add(&ffmpeg::filter::find("buffer").ok_or(missing)?, SOURCE, &arguments)?;
    graph.add(&ffmpeg::filter::find("buffersink").ok_or(missing)?, SINK, "")?;
    // The last filter undoes a change of format that the first may have asked for.
    graph.output(SOURCE, 0)?.input(SINK, 0)?.parse(&format!("{FILTER},format=pix_fmts={format}"))?;
    graph.validate()?;
    Ok(graph)
}

fn failure(error: ffmpeg::Error) -> MediaError {
    MediaError::Input {
        input: "minterpolate".to_owned(),
        problem: format!("FFmpeg's filter failed ({error})"),
        remedy: "leave --compare minterpolate out".to_owned(),
    }
}
