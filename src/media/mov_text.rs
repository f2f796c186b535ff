//! 3GPP timed text (TS 26.245), the text subtitles of MP4 and QuickTime.

use super::subtitle::{Span, Style};

/// Style flags of a style record.
const BOLD: u8 = 1;
const ITALIC: u8 = 2;
const UNDERLINE: u8 = 4;
/// Font size of written style records and of the sample description, in pixels.
/// Font and size are those of FFmpeg's plain text, so that its readers see no styling where there was none.
const FONT_SIZE: u8 = 16;
const WHITE: [u8; 4] = [0xff; 4];

/// A sample description: centred at the bottom, white, one font.
pub(super) const SAMPLE_DESCRIPTION: [u8; 48] = [
    0, 0, 0, 0, // display flags
    1, 0xff, // horizontally centred, at the bottom
    0, 0, 0, 0, // background colour
    0, 0, 0, 0, 0, 0, 0, 0, // text box: the track's
    0, 0, 0, 0, 0, 1, 0, FONT_SIZE, 0xff, 0xff, 0xff, 0xff, // style of all text
    0, 0, 0, 18, b'f', b't', b'a', b'b', 0, 1, 0, 1, 5, b'A', b'r', b'i', b'a', b'l',
];

/// Colour of text without a style record, from a sample description.
pub(super) fn default_color(description: &[u8]) -> [u8; 4] {
    description.get(26..30).and_then(|bytes| bytes.try_into().ok()).unwrap_or(WHITE)
}

/// The styled text of a sample.
pub(super) fn parse(sample: &[u8], default_color: [u8; 4]) -> Vec<Span> {
    let length = read_u16(sample, 0).unwrap_or_default();
    let end = (2 + usize::from(length)).min(sample.len());
    let text = decode_text(sample.get(2..end).unwrap_or_default()).replace("\r\n", "\n").replace('\r', "\n");
    let records = style_records(sample.get(end..).unwrap_or_default());
    split_by_style(&text, &records, default_color)
}

fn decode_text(bytes: &[u8]) -> String {
    match bytes.strip_prefix(&[0xfe, 0xff]) {
        Some(wide) => {
            let units = wide.chunks_exact(2).filter_map(|unit| read_u16(unit, 0));
            char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        None => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// A range of characters and how it looks.
struct StyleRecord {
    start: usize,
    end: usize,
    flags: u8,
    color: [u8; 4],
}

/// The records of the `styl` boxes among `boxes`.
fn style_records(mut boxes: &[u8]) -> Vec<StyleRecord> {
    let mut records = Vec::new();
    while let Some(size) = boxes.get(..4).and_then(|size| size.try_into().ok()).map(u32::from_be_bytes) {
        let size = (size as usize).clamp(8, boxes.len().max(8));
        let Some((this, rest)) = boxes.split_at_checked(size) else { break };
        if this.get(4..8) == Some(b"styl") {
            let entries = this.get(10..).unwrap_or_default().chunks_exact(12);
            records.extend(entries.filter_map(style_record));
        }
        boxes = rest;
    }
    records
}

fn style_record(bytes: &[u8]) -> Option<StyleRecord> {
    Some(StyleRecord {
        start: usize::from(read_u16(bytes, 0)?),
        end: usize::from(read_u16(bytes, 2)?),
        flags: *bytes.get(6)?,
        color: bytes.get(8..12)?.try_into().ok()?,
    })
}

fn split_by_style(text: &str, records: &[StyleRecord], default_color: [u8; 4]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (index, character) in text.chars().enumerate() {
        let record = records.iter().find(|record| (record.start..record.end).contains(&index));
        let style = record.map_or_else(Style::default, |record| Style {
            bold: record.flags & BOLD != 0,
            italic: record.flags & ITALIC != 0,
            underline: record.flags & UNDERLINE != 0,
            color: (record.color != default_color).then(|| [0, 1, 2].map(|i| channel(record.color, i))),
        });
        match spans.last_mut().filter(|last| last.style == style) {
            Some(last) => last.text.push(character),
            None => spans.push(Span { text: character.to_string(), style }),
        }
    }
    spans
}

fn channel(color: [u8; 4], index: usize) -> u8 {
    color.get(index).copied().unwrap_or_default()
}

/// The sample for a styled text; text beyond the format's 65535 bytes is cut.
pub(super) fn write(spans: &[Span]) -> Vec<u8> {
    let text: String = spans.iter().map(|span| span.text.as_str()).collect();
    let length = text.floor_char_boundary(usize::from(u16::MAX));
    let text = text.get(..length).unwrap_or_default();
    let mut sample = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    sample.extend_from_slice(text.as_bytes());
    let records = write_records(spans);
    if !records.is_empty() {
        let size = u32::try_from(10 + records.len()).unwrap_or(u32::MAX);
        let count = u16::try_from(records.len() / 12).unwrap_or(u16::MAX);
        sample.extend_from_slice(&size.to_be_bytes());
        sample.extend_from_slice(b"styl");
        sample.extend_from_slice(&count.to_be_bytes());
        sample.extend_from_slice(&records);
    }
    sample
}

/// Style records of 12 bytes, their ranges counted in characters.
fn write_records(spans: &[Span]) -> Vec<u8> {
    let mut records = Vec::new();
    let mut start = 0;
    for span in spans {
        let end = start + span.text.chars().count();
        if span.style != Style::default() {
            let offset = |position: usize| u16::try_from(position).unwrap_or(u16::MAX).to_be_bytes();
            let flag = |on: bool, flag: u8| if on { flag } else { 0 };
            let style = span.style;
            let flags =
                flag(style.bold, BOLD) | flag(style.italic, ITALIC) | flag(style.underline, UNDERLINE);
            let [red, green, blue] = style.color.unwrap_or([0xff; 3]);
            records.extend_from_slice(&offset(start));
            records.extend_from_slice(&offset(end));
            records.extend_from_slice(&[0, 1, flags, FONT_SIZE, red, green, blue, 0xff]);
        }
        start = end;
    }
    records
}

fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}
