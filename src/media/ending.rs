//! Inputs that end too early, where the demuxer calls that the end.

use super::ffi_input;
use ffmpeg_next::Packet;
use ffmpeg_next::format::context::Input;

/// What tells whether an input is whole.
#[derive(Debug)]
pub(super) struct Ending {
    /// Where the container ends by its own account.
    declared: Option<u64>,
    /// True where nothing follows the last packet.
    is_seamless: bool,
    /// Where the last packet ended.
    packets: Option<u64>,
}

impl Ending {
    /// Of an input with these first bytes and this demuxer.
    pub(super) fn new(head: &[u8], format: &str) -> Self {
        Self { declared: declared_end(head), is_seamless: format == "yuv4mpegpipe", packets: None }
    }

    /// Notes the newest packet.
    pub(super) fn follow(&mut self, packet: &Packet) {
        let start = u64::try_from(packet.position()).ok();
        self.packets = start.map(|start| start + packet.size() as u64);
    }

    /// True if the input, which is at its end, is cut off.
    pub(super) fn is_premature(&self, input: &mut Input) -> bool {
        if self.declared.is_none() && !self.is_seamless {
            return false;
        }
        let Some(bytes) = ffi_input::byte_count(input) else { return false };
        let has_rest = self.is_seamless && self.packets.is_some_and(|end| end < bytes);
        has_rest || self.declared.is_some_and(|end| bytes < end)
    }
}

/// Bytes that [`declared_end`] looks at.
pub(super) const HEAD: usize = 256;

/// Where the segment that begins a Matroska or WebM file ends by its own account: `None` for other files, and for those that were
/// written without going back.
fn declared_end(head: &[u8]) -> Option<u64> {
    const EBML: u64 = 0x1A45_DFA3;
    const SEGMENT: u64 = 0x1853_8067;
    let mut at = 0;
    loop {
        let (id, after_id) = number(head, at, false)?;
        let (size, start) = number(head, after_id, true)?;
        let end = (start as u64).checked_add(size)?;
        match id {
            SEGMENT => return (at > 0 && !is_unknown(size, start - after_id)).then_some(end),
            EBML if at > 0 => return None,
            _ if at == 0 && id != EBML => return None,
            _ => at = usize::try_from(end).ok()?,
        }
    }
}

/// A number of EBML's and where it ends. The first byte's leading zeros tell its length; the bit after them is part of an
/// identifier and not of a size.
fn number(head: &[u8], at: usize, is_size: bool) -> Option<(u64, usize)> {
    let first = *head.get(at)?;
    let length = first.leading_zeros() as usize + 1;
    let end = at + length;
    let bytes = head.get(at..end).filter(|_| length <= 8)?;
    let value = bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    Some((if is_size { value & !(1 << (7 * length)) } else { value }, end))
}

/// All bits set: unknown when it was written.
const fn is_unknown(size: u64, bytes: usize) -> bool {
    size == (1 << (7 * bytes)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: [u8; 8] = [0x1A, 0x45, 0xDF, 0xA3, 0x83, 1, 2, 3];

    #[test]
    fn the_end_of_a_segment_is_read_from_its_head() {
        let of = |size: &[u8]| {
            let void = [0xEC, 0x81, 0];
            declared_end(&[&HEADER[..], &void, &[0x18, 0x53, 0x80, 0x67], size].concat())
        };
        assert_eq!(of(&[0x90]), Some(16 + 16));
        assert_eq!(of(&[0x01, 0, 0, 0, 0, 0, 0x12, 0x34]), Some(23 + 0x1234));
        assert_eq!(of(&[0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), None);
        assert_eq!(of(&[0xFF]), None);
        assert_eq!(of(&[0x01, 0, 0]), None);
    }

    #[test]
    fn other_files_declare_nothing() {
        for head in [&b""[..], b"\0\0\0\x18ftypisom", &[0; 256], &[0xFF; 256], &HEADER, &HEADER.repeat(20)] {
            assert_eq!(declared_end(head), None);
        }
    }
}
