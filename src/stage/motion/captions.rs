//! Closed captions, where the output has no frame at the time of a source frame, or several, or shows another one there.

use crate::frame::{FrameInfo, Pts, SideData};

/// Bytes of a unit of captions (`cc_data` of CEA-708).
const UNIT: usize = 3;
/// Bytes that fit into a picture: its number of units has five bits.
const LARGEST: usize = 31 * UNIT;
/// A minute of both fields of line 21. More than this is of a much higher rate, and what comes last would be shown later and later.
const MOST: usize = 60 * 60 * UNIT;
/// Set in the first byte of a unit that says something; the others keep a channel's rate constant.
const VALID: u8 = 4;
/// In the first byte of a unit: set if it is a part of a packet of CEA-708, else it is a pair of letters of CEA-608.
const PACKET: u8 = 2;
/// The bits of a letter of CEA-608 without its parity.
const LETTER: u8 = 0x7f;

/// What the captions of a source frame that is not shown itself say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftCaptions {
    /// The time of that frame, in the output's time base.
    pub pts: Pts,
    /// The units that say something.
    pub units: Vec<u8>,
}

impl LeftCaptions {
    /// Those of a frame at `pts`, if it has any.
    pub(super) fn of(info: &FrameInfo, pts: Pts) -> Option<Self> {
        let units: Vec<u8> = captions(info).flat_map(meaningful).copied().collect();
        (!units.is_empty()).then_some(Self { pts, units })
    }
}

/// A running text: each part of it is shown once, in its order, with the next frame of the output.
#[derive(Debug, Default)]
pub(crate) struct Captions {
    waiting: Vec<u8>,
}

impl Captions {
    /// Takes those of a source frame.
    pub(crate) fn take(&mut self, info: &FrameInfo) {
        captions(info).for_each(|units| self.queue(units));
    }

    /// Takes what is to be shown after all that was taken before.
    pub(super) fn queue(&mut self, units: &[u8]) {
        let is_late = !self.waiting.is_empty();
        self.waiting.extend_from_slice(units);
        if is_late {
            self.waiting = meaningful(&self.waiting).copied().collect();
        }
        let surplus = self.waiting.len().saturating_sub(MOST);
        self.waiting.drain(..surplus.next_multiple_of(UNIT).min(self.waiting.len()));
    }

    /// Gives a frame of the output what waits, in the place of what it has.
    pub(crate) fn give(&mut self, info: &mut FrameInfo) {
        info.side_data.retain(|data| data.kind != SideData::CAPTIONS);
        if !self.waiting.is_empty() {
            let bytes: Vec<u8> = self.waiting.drain(..self.waiting.len().min(LARGEST)).collect();
            info.side_data.push(SideData { kind: SideData::CAPTIONS, bytes: bytes.into() });
        }
    }
}

fn captions(info: &FrameInfo) -> impl Iterator<Item = &[u8]> {
    info.side_data.iter().filter(|data| data.kind == SideData::CAPTIONS).map(|data| &*data.bytes)
}

/// The bytes of the units that are no fillers.
fn meaningful(units: &[u8]) -> impl Iterator<Item = &u8> {
    let says_something = |unit: &&[u8]| match unit {
        [first, ..] if first & VALID == 0 => false,
        [first, letters @ ..] if first & PACKET == 0 => letters.iter().any(|letter| letter & LETTER != 0),
        _ => true,
    };
    units.chunks(UNIT).filter(says_something).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PixelFormat;

    fn info(captions: &[u8]) -> FrameInfo {
        let bytes = (!captions.is_empty()).then(|| captions.into());
        FrameInfo {
            duration: 1,
            side_data: bytes.map(|bytes| SideData { kind: SideData::CAPTIONS, bytes }).into_iter().collect(),
            ..FrameInfo::new(2, 2, PixelFormat::YUV420P)
        }
    }

    fn given(captions: &mut Captions) -> Vec<u8> {
        let mut info = info(&[9, 9, 9]);
        captions.give(&mut info);
        info.side_data.iter().flat_map(|data| data.bytes.to_vec()).collect()
    }

    #[test]
    fn a_frame_s_own_captions_stay_as_they_are_and_come_once() {
        let mut captions = Captions::default();
        captions.take(&info(&[0xfc, 1, 2, 0xf8, 0, 0]));
        assert_eq!(given(&mut captions), [0xfc, 1, 2, 0xf8, 0, 0]);
        assert!(given(&mut captions).is_empty());
    }

    #[test]
    fn those_of_several_frames_go_on_without_fillers_and_in_parts() {
        let mut captions = Captions::default();
        captions.take(&info(&[0xfc, 1, 2, 0xf8, 0, 0]));
        captions.take(&info(&[0xfd, 3, 4, 0xf8, 0, 0]));
        assert_eq!(given(&mut captions), [0xfc, 1, 2, 0xfd, 3, 4]);
        for _ in 0..2 {
            captions.take(&info(&[0xfe; 20 * UNIT]));
        }
        let parts = [0, 1, 2].map(|_| given(&mut captions).len());
        assert_eq!(parts, [31 * UNIT, 9 * UNIT, 0]);
    }

    #[test]
    fn pairs_of_no_letters_are_fillers_too() {
        let mut captions = Captions::default();
        captions.take(&info(&[0xfc, b'a', b'b', 0xfd, 0x80, 0x80]));
        captions.take(&info(&[0xfc, 0x80, 0x80, 0xfd, 0, 0, 0xfe, 0, 0, 0xfc, b'c', 0x80]));
        assert_eq!(given(&mut captions), [0xfc, b'a', b'b', 0xfe, 0, 0, 0xfc, b'c', 0x80]);
    }

    #[test]
    fn what_cannot_be_shown_in_time_is_left_out() {
        let mut captions = Captions::default();
        for _ in 0..200 {
            captions.take(&info(&[0xfe; 20 * UNIT]));
        }
        assert_eq!(captions.waiting.len(), MOST);
    }
}
