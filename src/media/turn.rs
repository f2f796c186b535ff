//! Pictures that are to be shown turned by right angles or mirrored.

use super::stream::{InputDescription, StreamKind};
use ffmpeg_next::ffi::AVPacketSideDataType;

/// How a picture is turned: first mirrored at its diagonal or not, then left to right and upside down or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turn {
    swaps: bool,
    flips_x: bool,
    flips_y: bool,
}

impl Turn {
    /// How the video is to be shown; `None` where that is at another angle.
    pub(super) fn of(input: &InputDescription) -> Option<Self> {
        let kind = AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX as u32;
        let video = input.streams.iter().find(|stream| stream.kind == StreamKind::Video);
        let matrix = video.and_then(|video| video.side_data.iter().find(|data| data.kind == kind));
        matrix.map_or(Some(Self::default()), |matrix| Self::from_matrix(&matrix.bytes))
    }

    /// From FFmpeg's nine numbers a, b, u, c, d, v, x, y, w: what lies at (p, q) is shown at (ap + cq, bp + dq).
    fn from_matrix(bytes: &[u8]) -> Option<Self> {
        let number = |index: usize| {
            let bytes = bytes.get(4 * index..4 * index + 4)?.try_into().ok()?;
            Some(i64::from(i32::from_ne_bytes(bytes)))
        };
        let (a, b, c, d) = (number(0)?, number(1)?, number(3)?, number(4)?);
        // Rounded sines and cosines of right angles.
        let outweigh =
            |(a, b): (i64, i64), (c, d): (i64, i64)| a.abs().min(b.abs()) > 1000 * c.abs().max(d.abs());
        match (outweigh((a, d), (b, c)), outweigh((b, c), (a, d))) {
            (true, _) => Some(Self { swaps: false, flips_x: a < 0, flips_y: d < 0 }),
            (_, true) => Some(Self { swaps: true, flips_x: c < 0, flips_y: b < 0 }),
            _ => None,
        }
    }

    /// Width and height of a turned picture.
    pub(super) const fn size(self, (width, height): (u32, u32)) -> (u32, u32) {
        if self.swaps { (height, width) } else { (width, height) }
    }

    /// Turns `pixels` of `bytes` each, which fill a picture of `size`.
    pub(super) fn apply(self, pixels: &[u8], size: (u32, u32), bytes: usize, turned: &mut Vec<u8>) {
        let (columns, rows) = self.size(size);
        turned.clear();
        turned.reserve(pixels.len());
        for y in 0..rows {
            let y = if self.flips_y { rows - 1 - y } else { y };
            for x in 0..columns {
                let x = if self.flips_x { columns - 1 - x } else { x };
                let (x, y) = if self.swaps { (y, x) } else { (x, y) };
                let start = (y as usize * size.0 as usize + x as usize) * bytes;
                turned.extend_from_slice(pixels.get(start..start + bytes).unwrap_or_default());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn([a, b, c, d]: [i32; 4]) -> Option<Turn> {
        let bytes: Vec<u8> =
            [a, b, 0, c, d, 0, 0, 0, 1 << 30].iter().flat_map(|n: &i32| n.to_ne_bytes()).collect();
        Turn::from_matrix(&bytes)
    }

    #[test]
    fn pictures_are_turned_as_the_matrix_says() {
        const ONE: i32 = 1 << 16;
        // 1 2 3
        // 4 5 6
        for (matrix, size, expected) in [
            ([ONE, 0, 0, ONE], (3, 2), [1, 2, 3, 4, 5, 6]),
            ([0, ONE, -ONE, 0], (2, 3), [4, 1, 5, 2, 6, 3]),
            ([-ONE, 0, 0, -ONE], (3, 2), [6, 5, 4, 3, 2, 1]),
            ([0, -ONE, ONE, 0], (2, 3), [3, 6, 2, 5, 1, 4]),
            ([-ONE, 0, 0, ONE], (3, 2), [3, 2, 1, 6, 5, 4]),
            ([0, ONE, ONE, 3], (2, 3), [1, 4, 2, 5, 3, 6]),
        ] {
            let turn = turn(matrix).unwrap();
            let mut turned = Vec::new();
            turn.apply(&[1, 2, 3, 4, 5, 6], (3, 2), 1, &mut turned);
            assert_eq!((turn.size((3, 2)), turned), (size, expected.to_vec()), "{matrix:?}");
        }
        assert_eq!(turn([ONE, ONE, -ONE, ONE]), None);
        assert_eq!(turn([0; 4]), None);
    }
}
