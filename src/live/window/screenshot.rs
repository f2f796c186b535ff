//! Pictures saved from the window.

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Files of one second that are tried: nobody saves more.
const TRIED: u32 = 100;

/// Saves red, green, blue and opacity as a PNG file in a folder, named by the time. Nothing is overwritten.
pub(super) fn save(folder: &Path, size: (u32, u32), pixels: &[u8]) -> io::Result<PathBuf> {
    let stamp = jiff::ZonedDateTime::now().strftime("%Y%m%d-%H%M%S").to_string();
    let (file, path) = create(folder, &stamp)?;
    let written = encode(file, size, pixels);
    if written.is_err() {
        // Half a picture is of no use; that it cannot be removed either says no more than the error.
        let _ = std::fs::remove_file(&path);
    }
    written.map(|()| path)
}

/// A new file: `framecast-STAMP.png`, or `framecast-STAMP-2.png` and so on where that is taken.
fn create(folder: &Path, stamp: &str) -> io::Result<(File, PathBuf)> {
    for number in 1..=TRIED {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let path = folder.join(format!("framecast-{stamp}{suffix}.png"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn encode(file: File, (width, height): (u32, u32), pixels: &[u8]) -> io::Result<()> {
    let colors: Vec<u8> =
        pixels.as_chunks::<4>().0.iter().flat_map(|[red, green, blue, _]| [*red, *green, *blue]).collect();
    let mut file = BufWriter::new(file);
    PngEncoder::new(&mut file)
        .write_image(&colors, width, height, ExtendedColorType::Rgb8)
        .map_err(io::Error::other)?;
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let pixels = [255, 0, 0, 255, 0, 255, 0, 255];
        let first = save(folder.path(), (2, 1), &pixels).unwrap();
        let name = first.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(name.starts_with("framecast-2") && name.ends_with(".png") && name.len() == 29, "{name}");
        let picture = image::open(&first).unwrap().into_rgb8();
        assert_eq!(picture.into_raw(), [255, 0, 0, 0, 255, 0]);
        let stamp = &name[10..25];
        assert!(create(folder.path(), stamp).unwrap().1.ends_with(format!("framecast-{stamp}-2.png")));
        assert!(create(folder.path(), stamp).unwrap().1.ends_with(format!("framecast-{stamp}-3.png")));
    }

    #[test]
    fn a_failure_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        assert!(save(&folder.path().join("absent"), (1, 1), &[0; 4]).is_err());
        assert!(save(folder.path(), (0, 0), &[]).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
