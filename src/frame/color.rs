//! Colour tags by the code points of ITU-T H.273, and what they mean for arithmetic.

/// Luma weights and thus the conversion between RGB and YCbCr (H.273 "MatrixCoefficients").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Matrix {
    /// Not tagged: resolved by picture size, see [`Color::resolved_matrix`].
    Unspecified,
    /// BT.601, 525 or 625 lines (code points 5 and 6).
    Bt601,
    /// BT.709 (code point 1).
    Bt709,
    /// BT.2020 non-constant luminance (code point 9).
    Bt2020,
    /// SMPTE 240M (code point 7).
    Smpte240m,
    /// FCC Title 47 (code point 4).
    Fcc,
}

impl Matrix {
    /// The weights (Kr, Kb) of red and blue in luma; `Unspecified` counts as BT.709.
    pub const fn weights(self) -> (f64, f64) {
        match self {
            Self::Unspecified | Self::Bt709 => (0.2126, 0.0722),
            Self::Bt601 => (0.299, 0.114),
            Self::Bt2020 => (0.2627, 0.0593),
            Self::Smpte240m => (0.212, 0.087),
            Self::Fcc => (0.30, 0.11),
        }
    }

    /// The matrix with this H.273 code point, if its arithmetic is a plain luma/chroma matrix.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Bt709),
            2 => Some(Self::Unspecified),
            4 => Some(Self::Fcc),
            5 | 6 => Some(Self::Bt601),
            7 => Some(Self::Smpte240m),
            9 => Some(Self::Bt2020),
            _ => None,
        }
    }
}

/// Which code values black and white have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Range {
    /// 16..235 for luma and 16..240 for chroma at 8 bit, scaled by powers of two at higher depths.
    Limited,
    /// 0..2^depth-1.
    Full,
}

/// Where a chroma sample lies among the luma samples that it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Siting {
    /// Not tagged: treated as `Left`, the default of MPEG-2, H.264 and H.265.
    Unspecified,
    /// On the left column, vertically centred.
    Left,
    /// In the middle (JPEG, MPEG-1).
    Center,
    /// On the top-left sample (BT.2020, UHD Blu-ray).
    TopLeft,
    /// On the top row, horizontally centred.
    Top,
    /// On the bottom-left sample.
    BottomLeft,
    /// On the bottom row, horizontally centred.
    Bottom,
}

impl Siting {
    /// Position of the chroma sample inside its block, 0 = first luma sample's centre, 1 = last one's,
    /// horizontally and vertically.
    pub const fn position(self) -> (f64, f64) {
        match self {
            Self::Unspecified | Self::Left => (0.0, 0.5),
            Self::Center => (0.5, 0.5),
            Self::TopLeft => (0.0, 0.0),
            Self::Top => (0.5, 0.0),
            Self::BottomLeft => (0.0, 1.0),
            Self::Bottom => (0.5, 1.0),
        }
    }
}

/// Everything that says what the numbers of a picture mean. The raw code points travel from the input to the
/// output untouched; the parsed fields drive the arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Color {
    /// Parsed matrix.
    pub matrix: Matrix,
    /// Parsed range.
    pub range: Range,
    /// True if the source carried a range tag (else limited was assumed).
    pub range_tagged: bool,
    /// Chroma siting.
    pub siting: Siting,
    /// Raw H.273 MatrixCoefficients.
    pub matrix_code: u8,
    /// Raw H.273 ColourPrimaries.
    pub primaries_code: u8,
    /// Raw H.273 TransferCharacteristics.
    pub transfer_code: u8,
}

impl Default for Color {
    fn default() -> Self {
        Self {
            matrix: Matrix::Unspecified,
            range: Range::Limited,
            range_tagged: false,
            siting: Siting::Unspecified,
            matrix_code: 2,
            primaries_code: 2,
            transfer_code: 2,
        }
    }
}

impl Color {
    /// The matrix, with the usual guess for untagged material: BT.709 from 1280 x 577 on, else BT.601 (mpv's rule).
    pub const fn resolved_matrix(&self, width: u32, height: u32) -> Matrix {
        match self.matrix {
            Matrix::Unspecified if width >= 1280 || height > 576 => Matrix::Bt709,
            Matrix::Unspecified => Matrix::Bt601,
            other => other,
        }
    }

    /// The tags of a picture that grows from `source` to `output` (width, height).
    ///
    /// Players guess the matrix of untagged material by its size. Where the guess would change with the size, the
    /// matrix that they guessed for the source becomes a tag, so that the colours stay.
    pub fn for_size(self, source: (u32, u32), output: (u32, u32)) -> Self {
        let guessed = self.resolved_matrix(source.0, source.1);
        if self.matrix_code != 2 || guessed == self.resolved_matrix(output.0, output.1) {
            return self;
        }
        let matrix_code = if guessed == Matrix::Bt601 { 6 } else { 1 };
        Self { matrix: guessed, matrix_code, ..self }
    }

    /// True for the HDR transfer functions PQ (SMPTE ST 2084) and HLG (ARIB STD-B67).
    pub const fn is_hdr(&self) -> bool {
        matches!(self.transfer_code, 16 | 18)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untagged_colour_is_tagged_only_where_players_would_guess_anew() {
        let untagged = Color::default();
        assert_eq!(untagged.for_size((640, 360), (960, 540)), untagged);
        let grown = untagged.for_size((640, 360), (1280, 720));
        assert_eq!((grown.matrix, grown.matrix_code), (Matrix::Bt601, 6));
        assert_eq!(untagged.for_size((1280, 720), (640, 360)).matrix_code, 1);
        let tagged = Color { matrix: Matrix::Bt2020, matrix_code: 9, ..untagged };
        assert_eq!(tagged.for_size((640, 360), (1280, 720)), tagged);
    }
}
