//! From FFmpeg's frames to ours.

use super::MediaError;
use super::decode::Decoded;
use super::ffi_frame::{self, PixelDescription, Scaler};
use super::ffi_input::RawColor;
use super::pixel::Layout;
use super::rgb::RgbConverter;
use super::{ffi_hwaccel, ffi_remote};
use crate::frame::{
    BufferPool, Color, Frame, FrameInfo, Matrix, MemoryPlace, Model, PixelFormat, Range, Rational, SideData,
    Siting,
};
use ffmpeg_next::ffi::AVFrameSideDataType as FrameDataType;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame::Video;

/// Copies decoded pictures into pooled frames of one size and format, those of the first picture.
pub(super) struct Importer {
    input: String,
    pool: BufferPool,
    width: u32,
    height: u32,
    format: PixelFormat,
    color: Color,
    sample_aspect_ratio: Rational,
    /// The first picture's format.
    source: (Pixel, PixelDescription),
    /// The format into which pictures of other sizes and formats are scaled; read like a source of its own.
    staging: (Pixel, PixelDescription),
    is_direct: bool,
    scaler: Option<Scaler>,
    rgb: RgbConverter,
    line: Vec<u16>,
    rescaled: u64,
    /// Where pictures that are on a device lie.
    place: Option<MemoryPlace>,
    kept: u64,
}

impl Importer {
    /// Takes size, format and colour from the first picture. `codec` and `tags` are the stream's.
    pub(super) fn new(
        input: &str,
        first: &Video,
        codec: &str,
        tags: RawColor,
        sample_aspect_ratio: Rational,
        pool: BufferPool,
    ) -> Result<Self, MediaError> {
        let unusable = |name: &str| MediaError::Input {
            input: input.to_owned(),
            problem: format!("frames of pixel format {name} cannot be read"),
            remedy: "convert the input to a YUV or RGB format first".to_owned(),
        };
        let source = PixelDescription::of(first.format()).ok_or_else(|| unusable("none"))?;
        let layout = Layout::of(&source);
        let staging_name = match &layout {
            Layout::Native(format) => format.to_string(),
            Layout::Rgb { alpha: true } => "gbrap16".to_owned(),
            Layout::Rgb { alpha: false } => "gbrp16".to_owned(),
            Layout::Convert(name) => (*name).to_owned(),
            Layout::Unsupported => return Err(unusable(&source.name)),
        };
        let staging_pixel = ffi_frame::pixel_by_name(&staging_name).ok_or_else(|| unusable(&source.name))?;
        let staging = PixelDescription::of(staging_pixel).ok_or_else(|| unusable(&source.name))?;
        let format = Layout::of(&staging).delivered().ok_or_else(|| unusable(&source.name))?;
        let is_rgb = staging.is_rgb();
        Ok(Self {
            input: input.to_owned(),
            pool,
            width: first.width(),
            height: first.height(),
            format,
            color: color(first, tags, &source, codec, is_rgb),
            sample_aspect_ratio,
            is_direct: !matches!(layout, Layout::Convert(_)),
            source: (first.format(), source),
            staging: (staging_pixel, staging),
            scaler: None,
            rgb: RgbConverter::default(),
            line: Vec::new(),
            rescaled: 0,
            place: None,
            kept: 0,
        })
    }

    /// Width and height of every delivered frame.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Sample layout of every delivered frame.
    pub(super) fn format(&self) -> PixelFormat {
        self.format
    }

    /// Pixel format of the first picture by FFmpeg's name.
    pub(super) fn source_format(&self) -> &str {
        &self.source.1.name
    }

    /// Colour of every delivered frame.
    pub(super) fn color(&self) -> Color {
        self.color
    }

    /// Pictures scaled because their size or format differed from the first one's.
    pub(super) fn rescaled(&self) -> u64 {
        self.rescaled
    }

    /// Frames that were left on their device.
    pub(super) fn kept(&self) -> u64 {
        self.kept
    }

    /// Leaves pictures that lie on a device, whose memory is at `place`, where they are.
    pub(super) fn keep_on_device(&mut self, place: MemoryPlace) {
        self.place = Some(place);
    }

    /// Copies a picture, or refers to it where it stays on its device.
    ///
    /// # Errors
    /// [`MediaError::Input`] if a picture that changed in mid-stream cannot be converted, or cannot be brought from its device.
    pub(super) fn import(&mut self, decoded: &Decoded) -> Result<Frame, MediaError> {
        let picture = &decoded.picture;
        let info = FrameInfo {
            width: self.width,
            height: self.height,
            format: self.format,
            color: self.color,
            sample_aspect_ratio: self.sample_aspect_ratio,
            pts: decoded.pts,
            duration: decoded.duration,
            is_damaged: decoded.is_damaged,
            side_data: ffi_frame::side_data(picture, is_carried),
        };
        if !ffi_hwaccel::is_on_device(picture) {
            return self.copy(info, picture);
        }
        let stays =
            self.is_like_the_first(picture) && Layout::of(&self.source.1) == Layout::Native(self.format);
        let place = self.place.filter(|_| stays);
        if let Some(planes) = place.and_then(|place| ffi_remote::planes(picture, place, self.format)) {
            self.kept += 1;
            return Ok(Frame::on_device(info, planes, &self.pool));
        }
        let mut host = Video::empty();
        ffi_hwaccel::download(picture, &mut host).map_err(|error| MediaError::Input {
            input: self.input.clone(),
            problem: format!("a picture cannot be brought from the device that decoded it ({error})"),
            remedy: "use --hwaccel off".to_owned(),
        })?;
        self.copy(info, &host)
    }

    fn is_like_the_first(&self, picture: &Video) -> bool {
        (ffi_hwaccel::samples_format(picture), picture.width(), picture.height())
            == (self.source.0, self.width, self.height)
    }

    fn copy(&mut self, info: FrameInfo, picture: &Video) -> Result<Frame, MediaError> {
        let mut frame = Frame::allocate(info, Some(&self.pool));
        let is_same = self.is_like_the_first(picture);
        if is_same && self.is_direct {
            fill(&mut frame, picture, &self.source.1, &mut self.rgb, &mut self.line);
            return Ok(frame);
        }
        if !is_same {
            self.note_change(picture);
        }
        self.fill_scaled(&mut frame, picture)?;
        Ok(frame)
    }

    fn note_change(&mut self, picture: &Video) {
        self.rescaled += 1;
        if self.rescaled > 1 {
            return;
        }
        let input = &self.input;
        let (found, wanted) = ((picture.width(), picture.height()), (self.width, self.height));
        if found == wanted {
            let [found, wanted] = [ffi_hwaccel::samples_format(picture), self.source.0].map(name_of);
            tracing::warn!(
                "{input}: the pixel format changes to {found} in mid-stream; it is converted to {wanted}"
            );
        } else {
            let ([found_width, found_height], [width, height]) =
                (<[u32; 2]>::from(found), <[u32; 2]>::from(wanted));
            tracing::warn!(
                "{input}: the picture changes to {found_width}x{found_height} in mid-stream; it is scaled to {width}x{height}"
            );
        }
    }

    fn fill_scaled(&mut self, frame: &mut Frame, picture: &Video) -> Result<(), MediaError> {
        if !self.scaler.as_ref().is_some_and(|scaler| scaler.fits(picture)) {
            let target_is_full = self.staging.1.is_rgb() || self.color.range == Range::Full;
            let ranges = (is_full_range(picture), target_is_full);
            self.scaler = Scaler::new(picture, self.staging.0, (self.width, self.height), ranges);
        }
        let scaled = self.scaler.as_mut().and_then(|scaler| scaler.run(picture));
        let Some(scaled) = scaled else {
            return Err(MediaError::Input {
                input: self.input.clone(),
                problem: format!("a picture of {}x{} cannot be converted", picture.width(), picture.height()),
                remedy: "convert the input to one size and format first".to_owned(),
            });
        };
        fill(frame, scaled, &self.staging.1, &mut self.rgb, &mut self.line);
        Ok(())
    }
}

fn name_of(format: Pixel) -> &'static str {
    format.descriptor().map_or("an unknown one", |descriptor| descriptor.name())
}

fn fill(
    frame: &mut Frame,
    picture: &Video,
    pixel: &PixelDescription,
    rgb: &mut RgbConverter,
    line: &mut Vec<u16>,
) {
    if matches!(Layout::of(pixel), Layout::Rgb { .. }) {
        rgb.fill(picture, pixel, frame);
        return;
    }
    for (index, plane) in frame.planes_mut().iter_mut().enumerate() {
        let sample_bytes = plane.sample_bytes;
        copy_component(plane.rows_mut(), sample_bytes, index, picture, pixel, line);
    }
}

/// Copies one component into rows of samples: as they are where they lie as we want them, sample by sample where not.
pub(super) fn copy_component<'a>(
    rows: impl Iterator<Item = &'a mut [u8]>,
    sample_bytes: usize,
    component: usize,
    picture: &Video,
    pixel: &PixelDescription,
    line: &mut Vec<u16>,
) {
    let Some(described) = pixel.components.get(component) else {
        return;
    };
    let is_plain = described.step == sample_bytes
        && described.shift == 0
        && (sample_bytes == 1 || !pixel.is_foreign_endian());
    let is_wide = sample_bytes == 2;
    for (y, target) in rows.enumerate() {
        if is_plain {
            if let Some(source) = ffi_frame::row(picture, described.plane, y, target.len()) {
                target.copy_from_slice(source);
            }
            continue;
        }
        line.resize(target.len() / sample_bytes, 0);
        ffi_frame::read_component(picture, component, y, line);
        if is_wide {
            target.copy_from_slice(bytemuck::cast_slice(line));
        } else {
            for (sample, value) in target.iter_mut().zip(line.iter()) {
                *sample = *value as u8;
            }
        }
    }
}

/// Frame side data that describes the picture and stays true when the picture is scaled.
fn is_carried(kind: u32) -> bool {
    use FrameDataType::*;
    [
        AV_FRAME_DATA_A53_CC,
        AV_FRAME_DATA_AFD,
        AV_FRAME_DATA_MASTERING_DISPLAY_METADATA,
        AV_FRAME_DATA_CONTENT_LIGHT_LEVEL,
        AV_FRAME_DATA_DYNAMIC_HDR_PLUS,
        AV_FRAME_DATA_GOP_TIMECODE,
        AV_FRAME_DATA_S12M_TIMECODE,
        AV_FRAME_DATA_ICC_PROFILE,
    ]
    .iter()
    .any(|carried| *carried as u32 == kind)
}

/// The first picture's side data that a container holds once per stream, with `kind` as `AVPacketSideDataType`.
pub(super) fn stream_side_data(picture: &Video) -> Vec<SideData> {
    use FrameDataType::*;
    use ffmpeg_next::ffi::AVPacketSideDataType::*;
    let lifted = [
        (AV_FRAME_DATA_MASTERING_DISPLAY_METADATA, AV_PKT_DATA_MASTERING_DISPLAY_METADATA),
        (AV_FRAME_DATA_CONTENT_LIGHT_LEVEL, AV_PKT_DATA_CONTENT_LIGHT_LEVEL),
        (AV_FRAME_DATA_DISPLAYMATRIX, AV_PKT_DATA_DISPLAYMATRIX),
        (AV_FRAME_DATA_STEREO3D, AV_PKT_DATA_STEREO3D),
        (AV_FRAME_DATA_SPHERICAL, AV_PKT_DATA_SPHERICAL),
        (AV_FRAME_DATA_ICC_PROFILE, AV_PKT_DATA_ICC_PROFILE),
    ];
    let packet_kind =
        |kind: u32| lifted.iter().find(|(frame, _)| *frame as u32 == kind).map(|(_, packet)| *packet as u32);
    ffi_frame::side_data(picture, |kind| packet_kind(kind).is_some())
        .into_iter()
        .filter_map(|data| Some(SideData { kind: packet_kind(data.kind)?, bytes: data.bytes }))
        .collect()
}

fn is_full_range(picture: &Video) -> bool {
    const FULL: u32 = 2;
    let is_old_full =
        PixelDescription::of(picture.format()).is_some_and(|pixel| pixel.name.starts_with("yuvj"));
    is_old_full || ffi_frame::raw_color(picture).range == FULL
}

/// The colour of a picture: its own tags, else the stream's, else what its format and codec imply.
fn color(picture: &Video, stream: RawColor, pixel: &PixelDescription, codec: &str, is_rgb: bool) -> Color {
    const UNSPECIFIED: u32 = 2;
    const LIMITED: u32 = 1;
    let own = ffi_frame::raw_color(picture);
    let code = |own: u32, stream: u32| {
        let chosen = if own == UNSPECIFIED { stream } else { own };
        u8::try_from(chosen).unwrap_or(2)
    };
    let primaries_code = code(own.primaries, stream.primaries);
    let transfer_code = code(own.transfer, stream.transfer);
    if is_rgb {
        return Color {
            matrix: Matrix::Bt709,
            range: Range::Full,
            range_tagged: true,
            siting: Siting::Unspecified,
            matrix_code: 1,
            primaries_code,
            transfer_code,
        };
    }
    let range_code = if own.range == 0 { stream.range } else { own.range };
    let is_full = is_full_range(picture) || range_code > LIMITED;
    let matrix_code = code(own.matrix, stream.matrix);
    Color {
        matrix: Matrix::from_code(matrix_code).unwrap_or(Matrix::Unspecified),
        range: if is_full || (range_code == 0 && implies_full_range(pixel, codec)) {
            Range::Full
        } else {
            Range::Limited
        },
        range_tagged: is_full || range_code != 0,
        siting: siting(if own.location == 0 { stream.location } else { own.location }),
        matrix_code,
        primaries_code,
        transfer_code,
    }
}

/// Untagged grey is full range, as in FFmpeg, but for the video codecs whose default is limited.
fn implies_full_range(pixel: &PixelDescription, codec: &str) -> bool {
    let is_gray = matches!(Layout::of(pixel).delivered(), Some(PixelFormat { model: Model::Gray, .. }));
    is_gray
        && !matches!(
            codec,
            "h264" | "hevc" | "vvc" | "av1" | "vp8" | "vp9" | "mpeg1video" | "mpeg2video" | "mpeg4"
        )
}

fn siting(location: u32) -> Siting {
    match location {
        1 => Siting::Left,
        2 => Siting::Center,
        3 => Siting::TopLeft,
        4 => Siting::Top,
        5 => Siting::BottomLeft,
        6 => Siting::Bottom,
        _ => Siting::Unspecified,
    }
}
