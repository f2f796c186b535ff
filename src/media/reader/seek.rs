//! Where a part of an input is read: the way to its start.

use super::super::{MediaError, ffi_input};
use super::{Raw, Reader};

/// How far before the start seeking begins, in microseconds: key frames may be shown later than they are stored.
const SEEK_MARGINS: [i64; 4] = [1_000_000, 6_000_000, 40_000_000, i64::MAX];

impl Reader {
    /// Goes to just before the trimmed part, as far as the input can be positioned.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub(in crate::media) fn seek_to_start(&mut self, input_start: i64) -> Result<(), MediaError> {
        let Some(start) = self.trim.start() else {
            return Ok(());
        };
        for margin in SEEK_MARGINS {
            let target = start.saturating_sub(margin).max(input_start);
            let is_at_begin = target <= input_start;
            if is_at_begin && self.landed.is_none() {
                return Ok(()); // Nothing was read yet: this is the beginning.
            }
            let is_rewound = is_at_begin && ffi_input::rewind_bytes(&mut self.input);
            if !is_rewound && self.input.seek(target, ..target.saturating_add(1)).is_err() {
                tracing::debug!("{}: seeking failed; decoding from where the input stands", self.location);
            }
            self.forget();
            while self.landed.is_none() {
                let raw = self.read_on()?;
                let is_end = matches!(raw, Raw::End);
                self.lookahead.push_back(raw);
                if is_end {
                    break;
                }
            }
            let has_landed = self.landed.is_some_and(|landed| self.trim.is_before(landed, self.time_base));
            if has_landed || is_at_begin {
                break;
            }
        }
        Ok(())
    }

    fn forget(&mut self) {
        self.decoder.reset();
        self.beginning.reset();
        self.stamper.reset();
        self.timeline.reset();
        self.lookahead.clear();
        self.unsent = None;
        self.may_have_pictures = false;
        self.is_finished = false;
        self.video_is_past = false;
        self.landed = None;
        self.damaged = 0;
    }
}
