//! Joining the fields of interlaced pictures, with libavfilter's bwdif, one picture out for each picture in.

use super::comb::{CombDetector, Parity};
use super::decode::Decoded;
use super::ffi_frame::PixelDescription;
use super::ffi_input::FieldOrder;
use super::{Deinterlace, MediaError};
use crate::frame::{Pts, Rational, TimeBase};
use ffmpeg::format::Pixel;
use ffmpeg::frame::Video;
use ffmpeg_next as ffmpeg;
use std::collections::VecDeque;

/// Pictures that are looked at before the first one is delivered.
pub(super) const PREVIEW: usize = 16;

/// Which pictures are filtered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// None so far.
    Off,
    /// Those that the decoder flags as interlaced.
    Flagged,
    /// All; field order as given, else by the pictures' flags.
    All(Option<Parity>),
}

/// Decides whether pictures are interlaced and filters those that are.
pub(super) struct Deinterlacer {
    input: String,
    time_base: TimeBase,
    sample_aspect_ratio: Rational,
    scope: Scope,
    /// True while pictures are looked at for interlacing.
    is_looking: bool,
    /// True for codecs that know of fields; others hold interlaced pictures by mistake only.
    has_fields: bool,
    detector: CombDetector,
    previewed: usize,
    filter: Option<FieldFilter>,
    deinterlaced: u64,
}

/// What the container says of the stream's fields.
pub(super) struct Fields<'a> {
    pub(super) order: FieldOrder,
    /// Codec by FFmpeg's name.
    pub(super) codec: &'a str,
}

impl Deinterlacer {
    pub(super) fn new(
        input: &str,
        mode: Deinterlace,
        fields: &Fields<'_>,
        time_base: TimeBase,
        sample_aspect_ratio: Rational,
    ) -> Self {
        let scope = match mode {
            Deinterlace::Off => Scope::Off,
            Deinterlace::On => Scope::All(None),
            Deinterlace::Auto => scope_by_container(input, fields),
        };
        Self {
            input: input.to_owned(),
            time_base,
            sample_aspect_ratio,
            scope,
            is_looking: mode == Deinterlace::Auto && scope == Scope::Off,
            has_fields: !matches!(fields.codec, "av1" | "vp8" | "vp9"),
            detector: CombDetector::default(),
            previewed: 0,
            filter: None,
            deinterlaced: 0,
        }
    }

    /// Pictures filtered so far.
    pub(super) fn deinterlaced(&self) -> u64 {
        self.deinterlaced
    }

    /// True if pictures of `height` rows, of which the first ones were seen, must go on being seen by the processor.
    pub(super) fn looks_at_pictures(&self, height: u32) -> bool {
        self.scope != Scope::Off || (self.is_looking && self.has_fields && CombDetector::judges(height))
    }

    /// True while more of the first pictures should be seen before any is pushed.
    pub(super) fn wants_preview(&self, picture: &Video) -> bool {
        self.is_looking && self.previewed < PREVIEW && CombDetector::can_judge(picture)
    }

    /// Looks at one of the first pictures; they are pushed later.
    pub(super) fn preview(&mut self, picture: &Video) {
        self.previewed += 1;
        self.look(picture);
    }

    /// Takes a picture; ready ones are appended to `ready`.
    ///
    /// # Errors
    /// [`MediaError::Input`] if the filter fails.
    pub(super) fn push(&mut self, decoded: Decoded, ready: &mut VecDeque<Decoded>) -> Result<(), MediaError> {
        match self.previewed.checked_sub(1) {
            Some(left) => self.previewed = left,
            None => self.look(&decoded.picture),
        }
        let needs_filter = self.scope != Scope::Off;
        let fits = self.filter.as_ref().is_some_and(|filter| filter.fits(&decoded.picture));
        if needs_filter && !fits {
            self.finish(ready)?;
            self.filter = self.build(&decoded.picture);
        }
        let Some(filter) = &mut self.filter else {
            ready.push_back(decoded);
            return Ok(());
        };
        let is_filtered = matches!(self.scope, Scope::All(_)) || decoded.picture.is_interlaced();
        self.deinterlaced += u64::from(is_filtered);
        filter.push(decoded, ready).map_err(|error| failure(&self.input, error))
    }

    /// Gives out the pictures that the filter holds back.
    ///
    /// # Errors
    /// [`MediaError::Input`] if the filter fails.
    pub(super) fn finish(&mut self, ready: &mut VecDeque<Decoded>) -> Result<(), MediaError> {
        match self.filter.take() {
            Some(mut filter) => filter.finish(ready).map_err(|error| failure(&self.input, error)),
            None => Ok(()),
        }
    }

    fn look(&mut self, picture: &Video) {
        if !self.is_looking {
            return;
        }
        if picture.is_interlaced() {
            self.decide(Scope::Flagged, "interlaced pictures (flagged by the codec)");
        } else if CombDetector::can_judge(picture)
            && let Some(parity) = self.detector.look(picture)
        {
            let order = if parity == Parity::Top { "top" } else { "bottom" };
            self.decide(
                Scope::All(Some(parity)),
                &format!("interlaced content detected (unflagged, {order} field first)"),
            );
        }
    }

    fn decide(&mut self, scope: Scope, found: &str) {
        self.scope = scope;
        self.is_looking = false;
        announce(&self.input, found);
    }

    /// The filter for pictures like `picture`; without one for its format, pictures stay as they are.
    fn build(&mut self, picture: &Video) -> Option<FieldFilter> {
        let filter = FieldFilter::new(picture, self.scope, self.time_base, self.sample_aspect_ratio);
        if filter.is_err() {
            let name = PixelDescription::of(picture.format()).map_or(String::new(), |pixel| pixel.name);
            tracing::warn!(
                "{}: pictures of format {name} cannot be deinterlaced; the fields stay",
                self.input
            );
            self.scope = Scope::Off;
            self.is_looking = false;
        }
        filter.ok()
    }
}

fn scope_by_container(input: &str, fields: &Fields<'_>) -> Scope {
    let parity = match fields.order {
        FieldOrder::Unknown | FieldOrder::Progressive => return Scope::Off,
        FieldOrder::TopFirst => Parity::Top,
        FieldOrder::BottomFirst => Parity::Bottom,
    };
    announce(input, "interlaced pictures (flagged by the container)");
    // These codecs flag every picture, and may mix interlaced and progressive ones.
    let flags_pictures = matches!(
        fields.codec,
        "h264" | "hevc" | "mpeg1video" | "mpeg2video" | "mpeg4" | "vc1" | "wmv3" | "dnxhd"
    );
    if flags_pictures { Scope::Flagged } else { Scope::All(Some(parity)) }
}

fn announce(input: &str, found: &str) {
    tracing::info!("{input}: {found}; deinterlacing with bwdif; --deinterlace off keeps the fields");
}

fn failure(input: &str, error: ffmpeg::Error) -> MediaError {
    MediaError::Input {
        input: input.to_owned(),
        problem: format!("deinterlacing failed ({error})"),
        remedy: "use --deinterlace off".to_owned(),
    }
}

/// A filter graph for pictures of one size and format.
struct FieldFilter {
    graph: ffmpeg::filter::Graph,
    format: Pixel,
    size: (u32, u32),
    /// Time stamps and durations of the pictures inside, and whether they are damaged. The filter keeps number and order of the pictures, so these
    /// stay exact whatever the filter does to its own time base.
    inside: VecDeque<(Pts, i64, bool)>,
    spare: Option<Video>,
}

const SOURCE: &str = "in";
const SINK: &str = "out";

impl FieldFilter {
    fn new(
        picture: &Video,
        scope: Scope,
        time_base: TimeBase,
        aspect: Rational,
    ) -> Result<Self, ffmpeg::Error> {
        let name = PixelDescription::of(picture.format()).ok_or(ffmpeg::Error::InvalidData)?.name;
        let missing = ffmpeg::Error::FilterNotFound;
        let mut graph = ffmpeg::filter::Graph::new();
        let arguments = format!(
            "video_size={}x{}:pix_fmt={name}:time_base={}/{}:pixel_aspect={}/{}",
            picture.width(),
            picture.height(),
            time_base.num,
            time_base.den,
            aspect.num.max(0),
            aspect.den.max(1),
        );
        graph.add(&ffmpeg::filter::find("buffer").ok_or(missing)?, SOURCE, &arguments)?;
        graph.add(&ffmpeg::filter::find("buffersink").ok_or(missing)?, SINK, "")?;
        let (which, parity) = match scope {
            Scope::All(Some(Parity::Top)) => ("all", "tff"),
            Scope::All(Some(Parity::Bottom)) => ("all", "bff"),
            Scope::All(None) => ("all", "auto"),
            Scope::Flagged | Scope::Off => ("interlaced", "auto"),
        };
        // The last filter undoes a change of format that bwdif may have asked for.
        let chain = format!("bwdif=mode=send_frame:parity={parity}:deint={which},format=pix_fmts={name}");
        graph.output(SOURCE, 0)?.input(SINK, 0)?.parse(&chain)?;
        graph.validate()?;
        let size = (picture.width(), picture.height());
        Ok(Self { graph, format: picture.format(), size, inside: VecDeque::new(), spare: None })
    }

    fn fits(&self, picture: &Video) -> bool {
        (picture.format(), (picture.width(), picture.height())) == (self.format, self.size)
    }

    fn push(&mut self, mut decoded: Decoded, ready: &mut VecDeque<Decoded>) -> Result<(), ffmpeg::Error> {
        decoded.picture.set_pts(Some(decoded.pts));
        self.inside.push_back((decoded.pts, decoded.duration, decoded.is_damaged));
        let mut source = self.graph.get(SOURCE).ok_or(ffmpeg::Error::FilterNotFound)?;
        // This empties the picture, which is then used for what comes out.
        source.source().add(&decoded.picture)?;
        self.spare = Some(decoded.picture);
        self.pull(ready)
    }

    fn finish(&mut self, ready: &mut VecDeque<Decoded>) -> Result<(), ffmpeg::Error> {
        let mut source = self.graph.get(SOURCE).ok_or(ffmpeg::Error::FilterNotFound)?;
        source.source().flush()?;
        self.pull(ready)
    }

    fn pull(&mut self, ready: &mut VecDeque<Decoded>) -> Result<(), ffmpeg::Error> {
        let mut sink = self.graph.get(SINK).ok_or(ffmpeg::Error::FilterNotFound)?;
        loop {
            let mut picture = self.spare.take().unwrap_or_else(Video::empty);
            match sink.sink().frame(&mut picture) {
                Ok(()) => {
                    let (pts, duration, is_damaged) = self.inside.pop_front().ok_or(ffmpeg::Error::Bug)?;
                    ready.push_back(Decoded { picture, pts, duration, is_damaged });
                }
                Err(error) => {
                    self.spare = Some(picture);
                    let is_dry = error == ffmpeg::Error::Eof || super::ffi_input::is_again(error);
                    return if is_dry { Ok(()) } else { Err(error) };
                }
            }
        }
    }
}
