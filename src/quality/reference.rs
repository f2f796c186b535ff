//! What outputs are compared with: pictures and clips, found in a folder or named one by one.

use super::rgb;
use crate::error::{Error, MediaError};
use crate::frame::{BufferPool, Frame, FrameInfo, Matrix, Model, PixelFormat, Plane, Range, Subsampling};
use crate::kernel::{self, KernelChoice, Kernels, Region};
use crate::media::{InputDescription, InputOptions, Interrupt, Source, SourceItem, WITHOUT_STRICT};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Endings of picture files.
const PICTURES: [&str; 7] = ["png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp"];
/// Endings of videos that are looked for in folders; a file that is named itself may have any.
const VIDEOS: [&str; 16] = [
    "mp4", "mkv", "webm", "mov", "avi", "y4m", "ts", "m2ts", "mpg", "mpeg", "m4v", "flv", "nut", "ogv",
    "h264", "hevc",
];
/// Levels of folders that are searched.
const DEPTH: usize = 4;

/// How the pictures of a folder belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// As frames of a clip if they are numbered without a gap and all have one size, else as pictures.
    #[default]
    Auto,
    /// Every one for itself.
    Pictures,
    /// As the frames of one clip, in the order of their numbers; other pictures are refused where there are several.
    Clips,
}

/// A picture or clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Name in reports: the path below the folder that was searched.
    pub name: String,
    /// What [`Source`] opens.
    pub location: String,
    /// False for a single picture.
    pub is_clip: bool,
}

/// The pictures and clips at `location`: a folder, a picture, a picture pattern or a video.
///
/// # Errors
/// [`MediaError::Input`] if there are none, they cannot be read, or are no clip though they have to be one.
pub fn items(location: &str, content: Content) -> Result<Vec<Item>, MediaError> {
    if location == "-" {
        let problem = "standard input can be read once only, a reference is read for every method".into();
        return Err(wrong(location, problem, "name a file or a folder"));
    }
    let path = Path::new(location);
    if !path.is_dir() {
        let name = path.file_name().map_or(location.into(), |name| name.to_string_lossy().into_owned());
        let is_clip = !(has_ending(path, &PICTURES) && path.exists());
        return Ok(vec![Item { name, location: location.to_owned(), is_clip }]);
    }
    let mut found = Vec::new();
    search(path, "", content, DEPTH, &mut found)?;
    if found.is_empty() {
        return Err(wrong(
            location,
            "there is no picture and no video in this folder".into(),
            "name a folder with .png, .jpg, .webp, .tif, .bmp or video files",
        ));
    }
    Ok(found)
}

fn search(
    folder: &Path,
    prefix: &str,
    content: Content,
    depth: usize,
    found: &mut Vec<Item>,
) -> Result<(), MediaError> {
    let unreadable = |error: std::io::Error| {
        wrong(&folder.display().to_string(), format!("cannot be read: {error}"), "check the folder's rights")
    };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let named = |path: &Path| format!("{prefix}{}", path.file_name().unwrap_or_default().to_string_lossy());
    let item = |path: &Path, is_clip| {
        Ok::<_, MediaError>(Item { name: named(path), location: location_of(path)?, is_clip })
    };
    let pictures: Vec<&PathBuf> = paths.iter().filter(|path| has_ending(path, &PICTURES)).collect();
    match clip_of(folder, &pictures, content)? {
        Some(location) => {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            let name =
                if prefix.is_empty() { name.into_owned() } else { prefix.trim_end_matches('/').into() };
            found.push(Item { name, location, is_clip: true });
        }
        None => {
            for path in pictures {
                found.push(item(path, false)?);
            }
        }
    }
    for path in paths.iter().filter(|path| has_ending(path, &VIDEOS)) {
        found.push(item(path, true)?);
    }
    for path in paths.iter().filter(|path| path.is_dir() && depth > 0) {
        search(path, &format!("{}/", named(path)), content, depth - 1, found)?;
    }
    Ok(())
}

/// True for the name of a picture or video.
pub(super) fn is_media(path: &Path) -> bool {
    has_ending(path, &PICTURES) || has_ending(path, &VIDEOS)
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    ending.is_some_and(|ending| endings.contains(&ending.as_str())) && !path.is_dir()
}

/// A path as [`Source`] takes it.
fn location_of(path: &Path) -> Result<String, MediaError> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| {
        wrong(&format!("{path:?}"), "its name is not UTF-8".into(), "rename it, or move it away")
    })
}

/// The pattern of the pictures of a folder, if they are the frames of a clip.
fn clip_of(folder: &Path, pictures: &[&PathBuf], content: Content) -> Result<Option<String>, MediaError> {
    if pictures.len() < 2 || content == Content::Pictures {
        return Ok(None);
    }
    match (numbered_pattern(pictures), content) {
        (Ok(pattern), _) => location_of(&folder.join(pattern)).map(Some),
        (Err(fault), Content::Clips) => Err(wrong(
            &folder.display().to_string(),
            format!("its pictures are no clip: {fault}"),
            "number the pictures without a gap and bring them to one size, or leave --content clips out",
        )),
        (Err(fault @ NoClip::Gap(_)), _) => {
            tracing::warn!(
                "the pictures in {} are judged one by one, not as a clip: {fault}; supply it, or say --content pictures",
                folder.display()
            );
            Ok(None)
        }
        (Err(_), _) => Ok(None),
    }
}

/// Why pictures are not the frames of a clip.
#[derive(Debug, PartialEq, thiserror::Error)]
enum NoClip {
    #[error("expected names that differ in their number only, as 001.png and 002.png, and hold no %")]
    Names,
    #[error("{0} is missing")]
    Gap(String),
    #[error("their sizes differ")]
    Sizes,
}

/// The name with `%0Nd` in the place of the number that all pictures have.
fn numbered_pattern(pictures: &[&PathBuf]) -> Result<String, NoClip> {
    let name = |path: &&PathBuf| path.file_name()?.to_str().map(str::to_owned);
    let names: Option<Vec<String>> = pictures.iter().map(name).collect();
    let names = names.ok_or(NoClip::Names)?;
    let (prefix, first, suffix) = names
        .first()
        .and_then(|name| split_number(name))
        .filter(|(prefix, ..)| !prefix.contains('%'))
        .ok_or(NoClip::Names)?;
    let digits = first.len();
    let number = |name: &String| {
        let (own_prefix, number, own_suffix) = split_number(name)?;
        let fits = (own_prefix, own_suffix, number.len()) == (prefix, suffix, digits);
        number.parse::<u64>().ok().filter(|_| fits)
    };
    let numbers: Vec<u64> = names.iter().map(number).collect::<Option<_>>().ok_or(NoClip::Names)?;
    let mut sizes = pictures.iter().map(|path| image::image_dimensions(path).ok());
    let size = sizes.next().flatten();
    if size.is_none() || !sizes.all(|next| next == size) {
        return Err(NoClip::Sizes);
    }
    let ends = numbers.windows(2).find_map(|pair| match pair {
        [before, after] => before.checked_add(1).filter(|next| next != after),
        _ => None,
    });
    match ends {
        Some(missing) => Err(NoClip::Gap(format!("{prefix}{missing:0digits$}{suffix}"))),
        None => Ok(format!("{prefix}%0{digits}d{suffix}")),
    }
}

/// What stands before, in and after the last number of a file name's stem.
fn split_number(name: &str) -> Option<(&str, &str, &str)> {
    let stem_end = name.rfind('.')?;
    let stem = name.get(..stem_end)?;
    let end = stem.rfind(|c: char| c.is_ascii_digit())? + 1;
    let digits = stem.get(..end)?;
    let start = digits.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    Some((name.get(..start)?, name.get(start..end)?, name.get(end..)?))
}

/// Reads the frames of an item, ready to be compared.
///
/// RGB becomes 8-bit BT.601 YCbCr 4:4:4 by MATLAB's `rgb2ycbcr`; grey and YUV stay as they are, without alpha. Frames
/// are cut at the right and at the bottom to multiples of `multiple` chroma blocks.
pub(super) struct ReferenceReader {
    source: Source,
    kernels: Box<dyn Kernels>,
    is_rgb: bool,
    eight_bit: bool,
    multiple: u32,
    left: usize,
}

impl ReferenceReader {
    /// Opens an item; at most `limit` frames are given out. `eight_bit` reduces deeper frames.
    pub(super) fn open(
        location: &str,
        multiple: u32,
        eight_bit: bool,
        limit: Option<usize>,
        interrupt: Interrupt,
    ) -> Result<Self, Error> {
        let options = InputOptions { strict: true, threads: Some(1), ..InputOptions::default() };
        let source = Source::open(location, &options, interrupt, BufferPool::new()).map_err(undamaged)?;
        let is_rgb = is_rgb(&source.description());
        let kernels = kernel::create(KernelChoice::Cpu)?;
        Ok(Self { source, kernels, is_rgb, eight_bit, multiple, left: limit.unwrap_or(usize::MAX) })
    }

    /// What the input is, as [`Source::description`].
    pub(super) fn description(&self) -> Arc<InputDescription> {
        self.source.description()
    }

    /// True if frames are converted from RGB.
    pub(super) const fn is_rgb(&self) -> bool {
        self.is_rgb
    }

    /// Takes frames of any kind the way that RGB goes.
    pub(super) const fn convert_to_rgb(&mut self) {
        self.is_rgb = true;
    }

    /// The next frame; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        loop {
            match self.source.next().map_err(undamaged)? {
                SourceItem::Frame(frame) => {
                    self.left -= 1;
                    return self.prepared(&frame).map(Some);
                }
                SourceItem::Packet(_) => {}
                SourceItem::End => return Ok(None),
            }
        }
    }

    fn prepared(&mut self, frame: &Frame) -> Result<Frame, Error> {
        let subsampling = frame.info.format.subsampling();
        let side = |length: u32, shift: u8| {
            let block = self.multiple << shift;
            if self.multiple == 1 { length } else { length / block * block }
        };
        let (width, height) = (side(frame.info.width, subsampling.x), side(frame.info.height, subsampling.y));
        if width == 0 || height == 0 {
            return Err(wrong(
                &self.source.description().location,
                format!("a picture of {}x{} is too small", frame.info.width, frame.info.height),
                "use pictures of at least 16 pixels along each side",
            )
            .into());
        }
        if self.is_rgb {
            let region = Region { x: 0, y: 0, width: width as usize, height: height as usize };
            let picture = rgb::cut(frame, region, self.kernels.as_mut())?;
            return Ok(rgb::to_matlab_ycbcr(&picture, &frame.info));
        }
        Ok(cropped(frame, width, height, self.eight_bit))
    }
}

/// What evaluations, which are always strict, say about damage.
fn undamaged(error: MediaError) -> MediaError {
    match error {
        MediaError::Input { input, problem, remedy } if remedy == WITHOUT_STRICT => {
            let remedy =
                "leave it out, or name an undamaged copy: scores of damaged pictures mean nothing".into();
            MediaError::Input { input, problem, remedy }
        }
        other => other,
    }
}

/// True if the frames were RGB and came as full-range BT.709 in 16 bit.
fn is_rgb(description: &InputDescription) -> bool {
    let video = &description.video;
    let as_delivered = video.format.model == Model::Yuv(Subsampling::S444)
        && video.format.depth == 16
        && video.color.matrix == Matrix::Bt709
        && video.color.range == Range::Full;
    as_delivered && !video.source_format.starts_with("yuv")
}

/// The top-left part of a frame without alpha, reduced to 8 bits on demand.
fn cropped(frame: &Frame, width: u32, height: u32, eight_bit: bool) -> Frame {
    let source = frame.info.format;
    let depth = if eight_bit { 8 } else { source.depth };
    let format = PixelFormat { alpha: false, depth, ..source };
    let info = FrameInfo { width, height, format, side_data: Vec::new(), ..frame.info.clone() };
    let mut out = Frame::allocate(info, None);
    let full = frame.info.color.range == Range::Full;
    let levels = |depth: u8| f64::from(1u32 << depth) - f64::from(u8::from(full));
    let gain = levels(depth) / levels(source.depth);
    for (plane, from) in out.planes_mut().iter_mut().zip(frame.planes()) {
        copy(plane, from, (depth != source.depth).then_some(gain), format.max_value());
    }
    out
}

fn copy(plane: &mut Plane, from: &Plane, gain: Option<f64>, max: u32) {
    let Some(gain) = gain else {
        for (row, from) in plane.rows_mut().zip(from.rows()) {
            row.iter_mut().zip(from).for_each(|(sample, from)| *sample = *from);
        }
        return;
    };
    for (row, from) in plane.rows_mut().zip(from.rows()) {
        let codes: &[u16] = bytemuck::cast_slice(from);
        for (sample, code) in row.iter_mut().zip(codes) {
            *sample = (f64::from(*code) * gain + 0.5).floor().clamp(0.0, f64::from(max)) as u8;
        }
    }
}

/// The input cannot be compared.
pub(super) fn wrong(input: &str, problem: String, remedy: &str) -> MediaError {
    MediaError::Input { input: input.to_owned(), problem, remedy: remedy.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_of_a_name_counts() {
        assert_eq!(split_number("00012.jpg"), Some(("", "00012", ".jpg")));
        assert_eq!(split_number("take2-frame07.png"), Some(("take2-frame", "07", ".png")));
        assert_eq!(split_number("é1x.png"), Some(("é", "1", "x.png")));
        assert_eq!(split_number("baboon.png"), None);
    }
}
