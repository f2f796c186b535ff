//! Text subtitles from one wrapping to another, keeping text, line breaks, bold, italic, underline and colour.

use super::mov_text;

/// How a packet of text subtitles is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextFormat {
    /// Text with HTML-like tags.
    SubRip,
    /// Text without markup.
    Plain,
    /// Text with tags and character references.
    WebVtt,
    /// 3GPP timed text (`tx3g`): length, text, boxes.
    MovText,
}

impl std::fmt::Display for TextFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::SubRip => "subrip",
            Self::Plain => "text",
            Self::WebVtt => "webvtt",
            Self::MovText => "mov_text",
        })
    }
}

/// A change of wrapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SubtitleConversion {
    pub(super) from: TextFormat,
    pub(super) to: TextFormat,
}

impl SubtitleConversion {
    /// The converted packet, or `None` if it shows nothing: such packets only end the one before, whose duration says so
    /// too. `header` is the source stream's extradata.
    pub(super) fn convert(self, packet: &[u8], header: &[u8]) -> Option<Vec<u8>> {
        let spans = match self.from {
            TextFormat::MovText => mov_text::parse(packet, mov_text::default_color(header)),
            TextFormat::Plain => vec![Span { text: text_of(packet), style: Style::default() }],
            TextFormat::SubRip | TextFormat::WebVtt => parse_tags(&text_of(packet), self.from),
        };
        if spans.iter().all(|span| span.text.trim().is_empty()) {
            return None;
        }
        Some(match self.to {
            TextFormat::MovText => mov_text::write(&spans),
            TextFormat::Plain => spans.into_iter().map(|span| span.text).collect::<String>().into_bytes(),
            // Line ends as in the files of that name.
            TextFormat::SubRip => write_tags(&spans, self.to).replace('\n', "\r\n").into_bytes(),
            TextFormat::WebVtt => write_tags(&spans, self.to).into_bytes(),
        })
    }
}

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) bold: bool,
    pub(super) italic: bool,
    pub(super) underline: bool,
    /// Red, green, blue; the player's choice if `None`.
    pub(super) color: Option<[u8; 3]>,
}

/// Text of one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) text: String,
    pub(super) style: Style,
}

fn text_of(packet: &[u8]) -> String {
    let text = String::from_utf8_lossy(packet).replace("\r\n", "\n");
    text.trim_end_matches(['\n', '\0']).to_owned()
}

fn parse_tags(text: &str, format: TextFormat) -> Vec<Span> {
    let mut parser = TagParser { format, spans: Vec::new(), style: Style::default(), colors: Vec::new() };
    let mut rest = text;
    while let Some(position) = rest.find(['<', '{', '&']) {
        let (before, from) = rest.split_at(position);
        parser.push(before);
        rest = parser.take_markup(from);
    }
    parser.push(rest);
    parser.spans
}

struct TagParser {
    format: TextFormat,
    spans: Vec<Span>,
    style: Style,
    /// Colours around the current one.
    colors: Vec<Option<[u8; 3]>>,
}

impl TagParser {
    fn push(&mut self, text: &str) {
        match self.spans.last_mut() {
            _ if text.is_empty() => {}
            Some(last) if last.style == self.style => last.text.push_str(text),
            _ => self.spans.push(Span { text: text.to_owned(), style: self.style }),
        }
    }

    /// Reads the markup that `text` starts with, if it is markup, and returns what follows.
    fn take_markup<'a>(&mut self, text: &'a str) -> &'a str {
        let is_vtt = self.format == TextFormat::WebVtt;
        if let Some((reference, rest)) = text.strip_prefix('&').and_then(|rest| rest.split_once(';'))
            && is_vtt
            && let Some(character) = character_reference(reference)
        {
            self.push(character);
            return rest;
        }
        if let Some((tag, rest)) = text.strip_prefix('<').and_then(|rest| rest.split_once('>'))
            && (self.apply_tag(tag) || is_vtt)
        {
            return rest;
        }
        // Positions in the style of ASS, which no other format has.
        if let Some((_, rest)) = text.strip_prefix("{\\").and_then(|rest| rest.split_once('}'))
            && !is_vtt
        {
            return rest;
        }
        let mut characters = text.chars();
        if let Some(first) = characters.next() {
            self.push(first.encode_utf8(&mut [0; 4]));
        }
        characters.as_str()
    }

    /// True if `tag` is one that is known.
    fn apply_tag(&mut self, tag: &str) -> bool {
        let (name, on) = match tag.strip_prefix('/') {
            Some(name) => (name, false),
            None => (tag, true),
        };
        if name.starts_with(' ') || name.contains('<') {
            return false;
        }
        let name = name.trim_end().to_ascii_lowercase();
        match name.split([' ', '.']).next().unwrap_or_default() {
            "b" => self.style.bold = on,
            "i" => self.style.italic = on,
            "u" => self.style.underline = on,
            "font" if on => {
                self.colors.push(self.style.color);
                self.style.color = font_color(&name).or(self.style.color);
            }
            "font" => self.style.color = self.colors.pop().flatten(),
            _ => return false,
        }
        true
    }
}

fn character_reference(name: &str) -> Option<&'static str> {
    Some(match name {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "nbsp" => "\u{a0}",
        "lrm" => "\u{200e}",
        "rlm" => "\u{200f}",
        _ => return None,
    })
}

/// The colour in `font color="#rrggbb"`.
fn font_color(tag: &str) -> Option<[u8; 3]> {
    let value = tag.split_once("color=")?.1.trim_start_matches(['"', '\'']);
    let digits = value.trim_start_matches('#').get(..6)?;
    let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some([red, green, blue])
}

fn write_tags(spans: &[Span], format: TextFormat) -> String {
    spans.iter().map(|span| tagged(span, format)).collect()
}

fn tagged(span: &Span, format: TextFormat) -> String {
    let is_vtt = format == TextFormat::WebVtt;
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut text = if is_vtt { escaped(&span.text) } else { span.text.clone() };
    let style = span.style;
    for (tag, on) in [("u", style.underline), ("i", style.italic), ("b", style.bold)] {
        if on {
            text = format!("<{tag}>{text}</{tag}>");
        }
    }
    match style.color {
        Some([red, green, blue]) if !is_vtt => {
            format!("<font color=\"#{red:02x}{green:02x}{blue:02x}\">{text}</font>")
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(from: TextFormat, to: TextFormat, packet: &[u8]) -> Option<Vec<u8>> {
        SubtitleConversion { from, to }.convert(packet, &[])
    }

    #[test]
    fn subrip_survives_mov_text() {
        let texts = [
            "Hello\nworld",
            "a <b>bold</b> move",
            "<i>Grüße</i>, <u>世界</u>!",
            "<b><i><u>all</u></i></b>",
            "3 < 4 & 5 > 4",
            "<font color=\"#ff8000\">orange</font> juice",
        ];
        for text in texts {
            let timed = convert(TextFormat::SubRip, TextFormat::MovText, text.as_bytes()).unwrap();
            let back = convert(TextFormat::MovText, TextFormat::SubRip, &timed).unwrap();
            assert_eq!(String::from_utf8(back).unwrap(), text.replace('\n', "\r\n"));
        }
    }

    #[test]
    fn an_empty_mov_text_packet_is_no_subtitle() {
        assert_eq!(convert(TextFormat::MovText, TextFormat::SubRip, &[0, 0]), None);
    }

    #[test]
    fn webvtt_references_become_characters_and_back() {
        let srt = convert(TextFormat::WebVtt, TextFormat::SubRip, b"<v Ann>a &lt; b &amp; c").unwrap();
        assert_eq!(srt, b"a < b & c");
        let vtt = convert(TextFormat::SubRip, TextFormat::WebVtt, b"a < b <i>c</i>").unwrap();
        assert_eq!(vtt, b"a &lt; b <i>c</i>");
    }
}
