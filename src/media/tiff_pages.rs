//! How many pages a TIFF file has: what decodes pictures reads the first one only.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// The tag `NewSubfileType`: what a picture of the file is.
const KIND: u64 = 254;
/// Bits of that: a small version of another picture, the mask of another one.
const NO_PAGE: u64 = 0b101;
/// A chain of more directories goes round in circles.
const MOST: usize = 65_535;

/// The number of pages, small versions of others not among them; 1 for what is no TIFF, or one that is cut off after the first.
pub(super) fn count(file: &Path) -> usize {
    let Some((mut directories, mut offset)) = Directories::open(file) else { return 1 };
    let mut pages = 0;
    for number in 0..MOST {
        let Some(directory) = directories.read(offset) else { break };
        pages += usize::from(number == 0 || directory.kind & NO_PAGE == 0);
        offset = directory.next;
    }
    pages.max(1)
}

/// Reads the directories of a file, each of which describes a picture.
struct Directories {
    reader: BufReader<File>,
    is_little_endian: bool,
    /// `BigTIFF`, whose offsets have 64 bits.
    is_big: bool,
}

struct Directory {
    kind: u64,
    /// Where the next one is; 0 after the last.
    next: u64,
}

impl Directories {
    /// With the offset of the first one; `None` if the file is no TIFF.
    fn open(file: &Path) -> Option<(Self, u64)> {
        let mut reader = BufReader::new(File::open(file).ok()?);
        let mut order = [0; 2];
        reader.read_exact(&mut order).ok()?;
        let is_little_endian = match &order {
            b"II" => true,
            b"MM" => false,
            _ => return None,
        };
        let mut directories = Self { reader, is_little_endian, is_big: false };
        match directories.number::<2>()? {
            42 => {}
            43 => {
                directories.is_big = true;
                directories.number::<4>()?;
            }
            _ => return None,
        }
        let first = directories.offset()?;
        Some((directories, first))
    }

    fn read(&mut self, offset: u64) -> Option<Directory> {
        if offset == 0 {
            return None;
        }
        self.reader.seek(SeekFrom::Start(offset)).ok()?;
        let entries = if self.is_big { self.number::<8>()? } else { self.number::<2>()? };
        let mut kind = 0;
        for _ in 0..entries {
            let (tag, _type) = (self.number::<2>()?, self.number::<2>()?);
            let _count = self.offset()?;
            let value = self.number::<4>()?;
            self.reader.seek_relative(if self.is_big { 4 } else { 0 }).ok()?;
            if tag == KIND {
                kind = value;
            }
        }
        Some(Directory { kind, next: self.offset()? })
    }

    fn offset(&mut self) -> Option<u64> {
        if self.is_big { self.number::<8>() } else { self.number::<4>() }
    }

    fn number<const BYTES: usize>(&mut self) -> Option<u64> {
        let mut bytes = [0; BYTES];
        self.reader.read_exact(&mut bytes).ok()?;
        if self.is_little_endian {
            bytes.reverse();
        }
        Some(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of directories of these kinds, each with two entries; the last one is followed by the one at `last`.
    fn file(is_little_endian: bool, is_big: bool, kinds: &[u64], last: u64) -> tempfile::NamedTempFile {
        let number = |value: u64, bytes: usize| {
            let all = value.to_be_bytes();
            let mut bytes = all[8 - bytes..].to_vec();
            if is_little_endian {
                bytes.reverse();
            }
            bytes
        };
        let offset = |value| number(value, if is_big { 8 } else { 4 });
        let (header, size) = if is_big { (16, 8 + 2 * 20 + 8) } else { (8, 2 + 2 * 12 + 4) };
        let mut bytes = if is_little_endian { b"II".to_vec() } else { b"MM".to_vec() };
        bytes.extend(number(if is_big { 43 } else { 42 }, 2));
        bytes.extend(if is_big { [number(8, 2), number(0, 2)].concat() } else { Vec::new() });
        bytes.extend(offset(header));
        for (index, kind) in (1..).zip(kinds) {
            let next = if index < kinds.len() as u64 { header + index * size } else { last };
            bytes.extend(number(2, if is_big { 8 } else { 2 }));
            for (tag, value) in [(KIND, *kind), (256, 100)] {
                bytes.extend([number(tag, 2), number(4, 2), offset(1), number(value, 4)].concat());
                bytes.extend(vec![0; if is_big { 4 } else { 0 }]);
            }
            bytes.extend(offset(next));
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn pages_are_counted_and_their_thumbnails_are_not() {
        for (is_little_endian, is_big) in [(true, false), (false, false), (true, true), (false, true)] {
            let count = |kinds: &[u64], last| count(file(is_little_endian, is_big, kinds, last).path());
            assert_eq!(count(&[0], 0), 1);
            assert_eq!(count(&[2, 2, 2], 0), 3);
            assert_eq!(count(&[0, 1, 4, 0, 1], 0), 2);
            assert_eq!(count(&[1, 1], 0), 1, "the first one is read, whatever it is");
            assert_eq!(count(&[0, 0], 1 << 20), 2, "cut off");
            assert_eq!(count(&[0, 0], if is_big { 16 } else { 8 }), MOST, "in circles");
        }
    }

    #[test]
    fn other_files_are_one_page() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for bytes in [&b""[..], b"II", b"II*\0", b"\x89PNG\r\n\x1a\n", b"MM\0*\0\0\0\x08\xff\xff"] {
            std::fs::write(file.path(), bytes).unwrap();
            assert_eq!(count(file.path()), 1);
        }
    }
}
