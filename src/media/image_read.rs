//! Single pictures and numbered picture sequences, read with the `image` crate in full precision.

use super::decode::Decoded;
use super::ffi_frame;
use super::reader::Raw;
use super::trim::Trim;
use super::{Interrupt, MediaError, color_profile, open, tiff_pages};
use crate::frame::TimeBase;
use ffmpeg_next::frame::Video;
use image::codecs::{png::PngDecoder, tiff::TiffDecoder, webp::WebPDecoder};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Codecs by FFmpeg's name for the file name extensions that are read here.
const EXTENSIONS: [(&str, &str); 7] = [
    ("png", "png"),
    ("jpg", "mjpeg"),
    ("jpeg", "mjpeg"),
    ("webp", "webp"),
    ("tif", "tiff"),
    ("tiff", "tiff"),
    ("bmp", "bmp"),
];

/// The codec of a local picture or picture pattern by its name, if it is one that is read here.
pub(super) fn codec(location: &str) -> Option<&'static str> {
    let extension = Path::new(location).extension()?.to_str()?;
    let known = EXTENSIONS.iter().find(|(known, _)| extension.eq_ignore_ascii_case(known));
    known.filter(|_| open::is_local(location)).map(|(_, codec)| *codec)
}

/// Pictures in one file that move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Animation {
    /// FFmpeg reads it, whatever its name ends in.
    Png,
    /// Not every FFmpeg does.
    WebP,
}

/// The kind of animation in a file that is named like a picture; `None` for a picture.
pub(super) fn animation(location: &str) -> Option<Animation> {
    let reader = ImageReader::open(location).ok()?.with_guessed_format().ok()?;
    let format = reader.format()?;
    let file = reader.into_inner();
    match format {
        ImageFormat::Png => PngDecoder::new(file).ok()?.is_apng().ok()?.then_some(Animation::Png),
        ImageFormat::WebP => WebPDecoder::new(file).ok()?.has_animation().then_some(Animation::WebP),
        _ => None,
    }
}

/// The files that a location means: itself, or the run of existing numbers of its pattern.
///
/// # Errors
/// [`MediaError::Input`] if there is no such file or the run has a gap.
pub(super) fn files(location: &str) -> Result<Vec<PathBuf>, MediaError> {
    let path = Path::new(location);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let pattern = match Pattern::parse(name) {
        Some(pattern) if !path.exists() => pattern,
        _ => {
            open::check_file(location)?;
            return Ok(vec![path.to_owned()]);
        }
    };
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let entries = std::fs::read_dir(directory).map_err(|error| open::unreadable(location, &error))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut numbers: Vec<u64> = names.filter_map(|name| pattern.number(&name)).collect();
    numbers.sort_unstable();
    check_run(location, &pattern, &numbers)?;
    Ok(numbers.into_iter().map(|number| directory.join(pattern.name(number))).collect())
}

fn check_run(location: &str, pattern: &Pattern<'_>, numbers: &[u64]) -> Result<(), MediaError> {
    let Some(last) = numbers.last() else {
        return Err(open::wrong(
            location,
            "no picture matches this pattern",
            "check the directory and the number of digits",
        ));
    };
    for pair in numbers.windows(2) {
        if let [before, after] = pair
            && *after != before + 1
        {
            let problem = format!(
                "{} is missing, though pictures up to {} follow",
                pattern.name(before + 1),
                pattern.name(*last)
            );
            return Err(open::wrong(location, &problem, "supply it, or number the pictures without a gap"));
        }
    }
    Ok(())
}

/// A file name with one number, as `frame%05d.png`.
struct Pattern<'a> {
    before: &'a str,
    digits: usize,
    after: &'a str,
}

impl<'a> Pattern<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        let (before, rest) = name.split_once('%')?;
        let (digits, after) = rest.split_once('d')?;
        let digits = match digits.strip_prefix('0') {
            _ if digits.is_empty() => 1,
            Some(digits) => digits.parse().ok()?,
            None => return None,
        };
        Some(Self { before, digits, after })
    }

    fn name(&self, number: u64) -> String {
        format!("{}{number:0digits$}{}", self.before, self.after, digits = self.digits)
    }

    fn number(&self, name: &str) -> Option<u64> {
        let digits = name.strip_prefix(self.before)?.strip_suffix(self.after)?;
        let number = digits.parse().ok()?;
        (digits.bytes().all(|byte| byte.is_ascii_digit()) && self.name(number) == name).then_some(number)
    }
}

/// Reads the pictures one after the other, one tick each.
pub(super) struct PictureReader {
    location: String,
    files: Vec<PathBuf>,
    time_base: TimeBase,
    interrupt: Interrupt,
    trim: Trim,
    is_strict: bool,
    next: usize,
    damaged: u64,
    has_told_pages: bool,
}

impl PictureReader {
    pub(super) fn new(
        location: &str,
        files: Vec<PathBuf>,
        time_base: TimeBase,
        interrupt: Interrupt,
        trim: Trim,
        is_strict: bool,
    ) -> Self {
        Self {
            location: location.to_owned(),
            files,
            time_base,
            interrupt,
            trim,
            is_strict,
            next: 0,
            damaged: 0,
            has_told_pages: false,
        }
    }

    /// Name of the decoder.
    pub(super) fn codec(&self) -> &'static str {
        codec(&self.location).unwrap_or_default()
    }

    /// Pictures that could not be read.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// The next picture. Damaged ones are left out and counted, so that their time stays empty.
    ///
    /// # Errors
    /// [`MediaError::Interrupted`]; [`MediaError::Input`] if the first picture is damaged, or any if reading is strict.
    pub(super) fn next(&mut self) -> Result<Raw, MediaError> {
        while let Some(file) = self.files.get(self.next) {
            if self.interrupt.is_triggered() {
                return Err(MediaError::Interrupted);
            }
            let pts = self.next as i64;
            self.next += 1;
            if self.trim.is_before(pts, self.time_base) {
                continue;
            }
            if self.trim.is_after(pts, self.time_base) {
                break;
            }
            match read(file) {
                Ok((picture, pages)) => {
                    self.tell_pages(&file.display().to_string(), pages);
                    let pts = pts - self.trim.shift(self.time_base);
                    return Ok(Raw::Picture(Decoded { picture, pts, duration: 1, is_damaged: false }));
                }
                Err(unreadable) => self.note_damage(&file.display().to_string(), &unreadable)?,
            }
        }
        Ok(Raw::End)
    }

    fn tell_pages(&mut self, file: &str, pages: usize) {
        if pages > 1 && !self.has_told_pages {
            self.has_told_pages = true;
            tracing::warn!(
                "{file}: holds {pages} pages, of which the first one is read; to read all, split it (tiffsplit, or magick \
                 in.tif page-%03d.tif) and name the sequence, as in -i page-%03d.tif"
            );
        }
    }

    fn note_damage(&mut self, file: &str, unreadable: &Unreadable) -> Result<(), MediaError> {
        let Unreadable { problem, remedy } = unreadable;
        self.damaged += 1;
        if self.is_strict || self.files.len() == 1 {
            return Err(open::wrong(file, problem, remedy));
        }
        if self.damaged == 1 {
            tracing::warn!("{}: {file}: {problem}; damaged pictures are left out and counted", self.location);
        }
        Ok(())
    }
}

/// Why a picture cannot be read, and what to do.
struct Unreadable {
    problem: String,
    remedy: &'static str,
}

impl From<ImageError> for Unreadable {
    fn from(error: ImageError) -> Self {
        let remedy = match error {
            ImageError::Unsupported(_) => "convert it to an RGB or grey PNG first",
            ImageError::IoError(ref error) if error.kind() == std::io::ErrorKind::NotFound => {
                "check the path, or name a sequence such as frame%05d.png"
            }
            _ => "check that it was copied or written completely",
        };
        Self { problem: format!("cannot be read as a picture ({error})"), remedy }
    }
}

/// The picture, and how many pages the file has.
fn read(file: &Path) -> Result<(Video, usize), Unreadable> {
    let reader =
        ImageReader::open(file).and_then(ImageReader::with_guessed_format).map_err(ImageError::IoError)?;
    let is_tiff = reader.format() == Some(ImageFormat::Tiff);
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    // A profile that cannot be read is no reason to refuse the picture.
    let profile = if is_tiff { tiff_profile(file) } else { decoder.icc_profile().unwrap_or_default() };
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    let is_gray = !image.color().has_color();
    let mut picture = to_picture(image).ok_or_else(|| Unreadable {
        problem: "cannot be read as a picture (no memory or an unknown format)".to_owned(),
        remedy: "convert it to an RGB or grey PNG first",
    })?;
    if let Some(profile) = profile
        && color_profile::describes(&profile, is_gray)
    {
        ffi_frame::attach_profile(&mut picture, &profile);
    }
    let pages = if is_tiff { tiff_pages::count(file) } else { 1 };
    Ok((picture, pages))
}

/// The profile of a TIFF, of a decoder of its own: one that was told the limits of a picture takes tags that need more memory than
/// its pixels for too large.
fn tiff_profile(file: &Path) -> Option<Vec<u8>> {
    let file = BufReader::new(File::open(file).ok()?);
    TiffDecoder::new(file).and_then(|mut decoder| decoder.icc_profile()).ok().flatten()
}

fn to_picture(image: DynamicImage) -> Option<Video> {
    let image = match image {
        DynamicImage::ImageRgb32F(_) => DynamicImage::ImageRgb16(image.to_rgb16()),
        DynamicImage::ImageRgba32F(_) => DynamicImage::ImageRgba16(image.to_rgba16()),
        other => other,
    };
    let name = match &image {
        DynamicImage::ImageLuma8(_) => "gray",
        DynamicImage::ImageLumaA8(_) => "ya8",
        DynamicImage::ImageRgb8(_) => "rgb24",
        DynamicImage::ImageRgba8(_) => "rgba",
        DynamicImage::ImageLuma16(_) => "gray16",
        DynamicImage::ImageLumaA16(_) => "ya16",
        DynamicImage::ImageRgb16(_) => "rgb48",
        DynamicImage::ImageRgba16(_) => "rgba64",
        _ => return None,
    };
    let mut picture = ffi_frame::allocate(ffi_frame::pixel_by_name(name)?, image.width(), image.height())?;
    let row_bytes = image.width() as usize * usize::from(image.color().bytes_per_pixel());
    for (y, row) in image.as_bytes().chunks_exact(row_bytes).enumerate() {
        ffi_frame::write_row(&mut picture, y, row);
    }
    Some(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_only_names_that_they_would_write() {
        let padded = Pattern::parse("f%03d.png").unwrap();
        assert_eq!(padded.name(7), "f007.png");
        assert_eq!(padded.number("f007.png"), Some(7));
        assert_eq!(padded.number("f1234.png"), Some(1234));
        assert_eq!(padded.number("f07.png"), None);
        assert_eq!(padded.number("f+07.png"), None);
        let plain = Pattern::parse("%d").unwrap();
        assert_eq!(plain.number("12"), Some(12));
        assert_eq!(plain.number("012"), None);
        assert!(Pattern::parse("100%.png").is_none());
        assert!(Pattern::parse("%5d.png").is_none());
        assert!(Pattern::parse("plain.png").is_none());
    }
}
