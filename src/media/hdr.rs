//! HDR10 static metadata (SMPTE ST 2086 and CTA-861.3), read from FFmpeg's side data.

use crate::frame::SideData;
use ffmpeg_next::ffi::AVPacketSideDataType;

/// A ratio of two integers as FFmpeg stores it.
type Ratio = (i32, i32);

/// The mastering display and the light levels of a programme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StaticMetadata {
    mastering: Option<MasteringDisplay>,
    /// MaxCLL and MaxFALL in cd/m2.
    light_levels: Option<(u32, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MasteringDisplay {
    /// Red, green, blue: CIE 1931 x and y.
    primaries: [(Ratio, Ratio); 3],
    white_point: (Ratio, Ratio),
    /// In cd/m2.
    min_luminance: Ratio,
    max_luminance: Ratio,
}

impl StaticMetadata {
    /// Reads a stream's side data; other kinds are skipped.
    pub(super) fn from_stream(side_data: &[SideData]) -> Self {
        let find = |kind: AVPacketSideDataType| side_data.iter().find(|data| data.kind == kind as u32);
        Self {
            mastering: find(AVPacketSideDataType::AV_PKT_DATA_MASTERING_DISPLAY_METADATA)
                .and_then(|data| MasteringDisplay::parse(&data.bytes)),
            light_levels: find(AVPacketSideDataType::AV_PKT_DATA_CONTENT_LIGHT_LEVEL)
                .and_then(|data| Some((word(&data.bytes, 0)? as u32, word(&data.bytes, 1)? as u32))),
        }
    }

    pub(super) fn is_present(&self) -> bool {
        self.mastering.is_some() || self.light_levels.is_some()
    }

    /// The metadata as x265 reads it.
    pub(super) fn x265_parameters(&self) -> Vec<String> {
        let mut parameters = vec!["hdr10=1".to_owned(), "repeat-headers=1".to_owned()];
        if let Some(display) = &self.mastering {
            parameters.push(format!("master-display={}", display.x265_text()));
        }
        if let Some((max_cll, max_fall)) = self.light_levels {
            parameters.push(format!("max-cll={max_cll},{max_fall}"));
        }
        parameters
    }
}

impl MasteringDisplay {
    /// Reads an `AVMasteringDisplayMetadata`: 10 rationals, then two flags.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let ratio = |index: usize| Some((word(bytes, index * 2)?, word(bytes, index * 2 + 1)?));
        let point = |index: usize| Some((ratio(index)?, ratio(index + 1)?));
        let (has_primaries, has_luminance) = (word(bytes, 20)? != 0, word(bytes, 21)? != 0);
        (has_primaries && has_luminance).then_some(())?;
        Some(Self {
            primaries: [point(0)?, point(2)?, point(4)?],
            white_point: point(6)?,
            min_luminance: ratio(8)?,
            max_luminance: ratio(9)?,
        })
    }

    /// `G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min)` in units of 0.00002 and 0.0001 cd/m2.
    fn x265_text(&self) -> String {
        let [red, green, blue] = self.primaries.map(point_text);
        let white = point_text(self.white_point);
        let (max, min) = (scaled(self.max_luminance, 10_000), scaled(self.min_luminance, 10_000));
        format!("G{green}B{blue}R{red}WP{white}L({max},{min})")
    }
}

fn point_text((x, y): (Ratio, Ratio)) -> String {
    format!("({},{})", scaled(x, 50_000), scaled(y, 50_000))
}

/// `units * ratio`, rounded to nearest.
fn scaled((num, den): Ratio, units: i64) -> i64 {
    let den = i64::from(den.max(1));
    (i64::from(num) * units * 2 + den) / (den * 2)
}

/// The `index`th native-endian 32-bit word.
fn word(bytes: &[u8], index: usize) -> Option<i32> {
    let bytes = bytes.get(index * 4..index * 4 + 4)?;
    Some(i32::from_ne_bytes(bytes.try_into().ok()?))
}
