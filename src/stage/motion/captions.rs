//! Closed captions, where the output has no frame at the time of a source frame, or several.

use crate::frame::{FrameInfo, SideData};

/// Bytes of a unit of captions (`cc_data` of CEA-708).
const UNIT: usize = 3;
/// Bytes that fit into a picture: its number of units has five bits.
const LARGEST: usize = 31 * UNIT;
/// More than this is of a much higher rate, and what comes last would be shown later and later.
const MOST: usize = 4 * LARGEST;
/// Set in the first byte of a unit that says something; the others keep a channel's rate constant.
const VALID: u8 = 4;

/// A running text: each part of it is shown once, in its order, with the next frame of the output.
#[derive(Debug, Default)]
pub(crate) struct Captions {
    waiting: Vec<u8>,
}

impl Captions {
    /// Takes those of a source frame.
    pub(crate) fn take(&mut self, info: &FrameInfo) {
        let is_late = !self.waiting.is_empty();
        for data in info.side_data.iter().filter(|data| data.kind == SideData::CAPTIONS) {
            self.waiting.extend_from_slice(&data.bytes);
        }
        if is_late {
            self.leave_out_fillers();
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

    fn leave_out_fillers(&mut self) {
        let units = self.waiting.chunks(UNIT);
        let valid = units.filter(|unit| unit.first().is_some_and(|first| first & VALID != 0));
        self.waiting = valid.flatten().copied().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Color, PixelFormat, Rational};

    fn info(captions: &[u8]) -> FrameInfo {
        let bytes = (!captions.is_empty()).then(|| captions.into());
        FrameInfo {
            width: 2,
            height: 2,
            format: PixelFormat::YUV420P,
            color: Color::default(),
            sample_aspect_ratio: Rational::new(1, 1),
            pts: 0,
            duration: 1,
            is_damaged: false,
            side_data: bytes.map(|bytes| SideData { kind: SideData::CAPTIONS, bytes }).into_iter().collect(),
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
    fn what_cannot_be_shown_in_time_is_left_out() {
        let mut captions = Captions::default();
        for _ in 0..100 {
            captions.take(&info(&[0xfe; 20 * UNIT]));
        }
        assert_eq!(captions.waiting.len(), MOST);
    }
}
