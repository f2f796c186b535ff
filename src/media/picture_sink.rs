//! An output of pictures: one file, or a numbered sequence of files.

use super::encoder_choice::source_depth;
use super::image_write::{PictureEncoder, PictureKind};
use super::muxed::Geometry;
use super::options::OutputOptions;
use super::stream::{Delivered, InputDescription, SinkReport, StreamKind};
use super::temporary::{TemporaryFile, check_replaceable};
use super::turn::Turn;
use crate::error::MediaError;
use crate::frame::{Frame, PixelFormat};
use ffmpeg_next::ffi::AVPacketSideDataType;
use std::path::{Path, PathBuf};

/// JPEG's quality where the user gives none, 1 to 100.
const JPEG_QUALITY: u8 = 95;

/// Writes every frame as a picture file.
pub(super) struct PictureSink {
    location: String,
    names: Names,
    encoder: PictureEncoder,
    kind: PictureKind,
    /// Existing files are replaced.
    overwrite: bool,
    /// A single picture, which gets its name when it turns out to be the only one.
    single: Option<TemporaryFile>,
    frames: u64,
    bytes: u64,
}

/// The names of the files.
enum Names {
    Single,
    /// Prefix, digits, suffix and first number of a sequence.
    Numbered {
        prefix: String,
        digits: usize,
        suffix: String,
        first: u64,
    },
}

impl Names {
    /// Reads `%d` or `%05d` in a file name; `%%` stands for a percent sign.
    fn parse(location: &str, first: u64) -> Self {
        for (position, _) in location.match_indices('%') {
            let (prefix, rest) = location.split_at(position);
            let rest = rest.get(1..).unwrap_or_default();
            let Some((digits, suffix)) = rest.split_once('d') else { continue };
            if digits.len() <= 3 && digits.chars().all(|digit| digit.is_ascii_digit()) {
                let plain = |text: &str| text.replace("%%", "%");
                let digits = digits.parse().unwrap_or_default();
                return Self::Numbered { prefix: plain(prefix), digits, suffix: plain(suffix), first };
            }
        }
        Self::Single
    }

    /// The first existing file that a frame's would replace.
    fn existing(&self, location: &str) -> Option<PathBuf> {
        let first = self.path(location, 0);
        let folder = match first.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let entries = std::fs::read_dir(folder).ok()?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let indices = names.filter_map(|name| self.index_of(location, &first.with_file_name(name)));
        indices.min().map(|index| self.path(location, index))
    }

    /// The frame whose file this is.
    fn index_of(&self, location: &str, path: &Path) -> Option<u64> {
        let Self::Numbered { prefix, suffix, first, .. } = self else { return None };
        let number = path.to_str()?.strip_prefix(prefix.as_str())?.strip_suffix(suffix.as_str())?;
        let index = number.parse::<u64>().ok()?.checked_sub(*first)?;
        (self.path(location, index) == path).then_some(index)
    }

    /// The file of the `index`th frame.
    fn path(&self, location: &str, index: u64) -> PathBuf {
        match self {
            Self::Single => PathBuf::from(location),
            Self::Numbered { prefix, digits, suffix, first } => {
                PathBuf::from(format!("{prefix}{:0digits$}{suffix}", first + index))
            }
        }
    }
}

/// Where `location` is the name of one picture: a pattern for many.
pub fn pattern_instead(location: &str, options: &OutputOptions) -> Option<String> {
    PictureSink::kind_of(location, options)?;
    let location = location.strip_prefix("file:").unwrap_or(location);
    matches!(Names::parse(location, 0), Names::Single).then(|| pattern_example(location))
}

impl PictureSink {
    /// The kind of pictures that `location` asks for by its extension, if it does.
    pub(super) fn kind_of(location: &str, options: &OutputOptions) -> Option<PictureKind> {
        if options.format.as_deref().is_some_and(|format| format != "image2") {
            return None;
        }
        PictureKind::from_extension(Path::new(location).extension()?.to_str()?)
    }

    /// Decides on the files and their depth.
    pub(super) fn open(
        location: &str,
        kind: PictureKind,
        options: &OutputOptions,
        input: &InputDescription,
        geometry: Geometry,
    ) -> Result<(Self, Delivered, Vec<String>), MediaError> {
        refuse_encoder_options(kind, options)?;
        let quality = number_option(&options.encoder_options, "quality", 1, 100, u64::from(JPEG_QUALITY))?;
        let first = number_option(&options.muxer_options, "start_number", 0, u64::from(u32::MAX), 1)?;
        let location = location.strip_prefix("file:").unwrap_or(location);
        let names = Names::parse(location, first);
        if location == input.location && matches!(names, Names::Numbered { .. }) {
            return Err(MediaError::Output {
                output: location.to_owned(),
                problem: "is the input itself".to_owned(),
                remedy: "write to other files".to_owned(),
            });
        }
        check_replaceable(&names.path(location, 0), &input.location, options.overwrite)?;
        if let Some(existing) = names.existing(location).filter(|_| !options.overwrite) {
            check_replaceable(&existing, &input.location, false)?;
        }
        let source = input.video.format;
        let format = PixelFormat { alpha: source.alpha && kind.holds_alpha(), ..source };
        let is_deep = source_depth(&input.video) > 8;
        let depth = if is_deep && kind.max_depth() == 16 { 16 } else { 8 };
        let mut notes = Vec::new();
        if source.alpha && !format.alpha {
            notes.push(format!("alpha is dropped: {} holds none", kind.name()));
        }
        if is_deep && depth == 8 {
            notes.push(format!("{} bits per sample become 8: {} holds no more", source.depth, kind.name()));
        }
        if input.video.color.is_hdr() {
            notes.push(format!(
                "{} does not say that its pictures are HDR: viewers show them pale",
                kind.name()
            ));
        }
        note_dropped(kind, input, &mut notes);
        let size = (geometry.width, geometry.height);
        let color = input.video.color;
        let quality = u8::try_from(quality).unwrap_or(JPEG_QUALITY);
        let turn = Turn::of(input);
        match turn {
            None => notes.push("the rotation of the picture is lost: it is no right angle".to_owned()),
            Some(turn) if turn != Turn::default() => {
                notes.push("the pictures are written upright, turned as the input says".to_owned());
            }
            Some(_) => {}
        }
        let turn = turn.unwrap_or_default();
        let encoder = PictureEncoder::new(kind, format, color, size, depth, quality, turn);
        if profile(input).is_some_and(|profile| !encoder.keeps(profile)) {
            notes.push(format!("the colour profile is lost: {} of this kind hold none", kind.name()));
        }
        let delivered = Delivered {
            width: geometry.width,
            height: geometry.height,
            format,
            color,
            sample_aspect_ratio: geometry.sample_aspect_ratio,
        };
        let location = location.to_owned();
        let overwrite = options.overwrite;
        let sink = Self { location, names, encoder, kind, overwrite, single: None, frames: 0, bytes: 0 };
        Ok((sink, delivered, notes))
    }

    /// The output as the user named it.
    pub(super) fn location(&self) -> &str {
        &self.location
    }

    /// Writes a frame to its file.
    pub(super) fn write_frame(&mut self, frame: &Frame) -> Result<(), MediaError> {
        if self.single.is_some() {
            return Err(MediaError::Output {
                output: self.location.clone(),
                problem: "is one picture, and the input has more frames".to_owned(),
                remedy: format!("use a pattern such as {} for a sequence", pattern_example(&self.location)),
            });
        }
        let bytes = self.encoder.encode(frame).map_err(|error| MediaError::Output {
            output: self.location.clone(),
            problem: format!("cannot be encoded: {error}"),
            remedy: "use .png, which takes any size".to_owned(),
        })?;
        let path = self.names.path(&self.location, self.frames);
        if !self.overwrite && matches!(self.names, Names::Numbered { .. }) {
            // It may have come during the run, or lie in a folder that the number is part of.
            check_replaceable(&path, "", false)?;
        }
        let mut file = TemporaryFile::create(&path)?;
        file.write(bytes)?;
        self.frames += 1;
        self.bytes += bytes.len() as u64;
        match self.names {
            Names::Single => self.single = Some(file),
            Names::Numbered { .. } => file.complete()?,
        }
        Ok(())
    }

    /// Gives a single picture its name.
    pub(super) fn finish(mut self) -> Result<SinkReport, MediaError> {
        if let Some(file) = &mut self.single {
            file.complete()?;
        }
        Ok(SinkReport {
            frames: self.frames,
            unfilled: 0,
            packets: 0,
            damaged: 0,
            bytes: Some(self.bytes),
            encoder: self.kind.name().to_owned(),
            pixel_format: self.encoder.pixel_format().to_owned(),
            frames_on_device: 0,
            device_problem: None,
        })
    }
}

fn pattern_example(location: &str) -> String {
    let path = Path::new(location);
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let extension = path.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
    format!("{stem}%05d.{extension}")
}

fn refuse_encoder_options(kind: PictureKind, options: &OutputOptions) -> Result<(), MediaError> {
    let given = [
        ("--codec", options.codec.is_some()),
        ("--crf", options.crf.is_some()),
        ("--preset", options.preset.is_some()),
        ("--pix-fmt", options.pixel_format.is_some()),
    ];
    if let Some((option, _)) = given.iter().find(|(_, is_given)| *is_given) {
        return Err(MediaError::Option {
            option: (*option).to_owned(),
            problem: format!("{} pictures are written without a video encoder", kind.name()),
            remedy: "leave it out, or write a video such as x.mkv".to_owned(),
        });
    }
    match options.encoder_options.iter().find(|(key, _)| key != "quality" || kind != PictureKind::Jpeg) {
        None => Ok(()),
        Some((key, _)) => Err(MediaError::Option {
            option: "--encoder-opt".to_owned(),
            problem: format!("{} pictures have no option `{key}`", kind.name()),
            remedy: "leave it out; jpeg has quality=1 to quality=100".to_owned(),
        }),
    }
}

fn number_option(
    options: &[(String, String)],
    name: &str,
    min: u64,
    max: u64,
    default: u64,
) -> Result<u64, MediaError> {
    let Some((_, value)) = options.iter().rev().find(|(key, _)| key == name) else { return Ok(default) };
    value.parse().ok().filter(|number| (min..=max).contains(number)).ok_or_else(|| MediaError::Option {
        option: name.to_owned(),
        problem: format!("found `{value}`"),
        remedy: format!("give a whole number from {min} to {max}"),
    })
}

/// The input's colour profile.
fn profile(input: &InputDescription) -> Option<&[u8]> {
    let kind = AVPacketSideDataType::AV_PKT_DATA_ICC_PROFILE as u32;
    let video = input.streams.iter().find(|stream| stream.kind == StreamKind::Video)?;
    Some(&video.side_data.iter().find(|data| data.kind == kind)?.bytes)
}

fn note_dropped(kind: PictureKind, input: &InputDescription, notes: &mut Vec<String>) {
    let others = input.streams.iter().filter(|stream| stream.kind != StreamKind::Video);
    let names: Vec<_> = others.map(|stream| format!("#{} ({})", stream.index, stream.codec)).collect();
    if !names.is_empty() {
        notes.push(format!("{} holds pictures only: left out {}", kind.name(), names.join(", ")));
    }
}
