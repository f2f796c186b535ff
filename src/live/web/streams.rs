//! Pictures as they travel: messages for the page, and parts of a `multipart` body for plain viewers.

use super::super::ShownContent;
use super::pictures::{Jpeg, Next, Picture, Viewer};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

/// Without pictures, something is sent so often: it finds out whether the viewer is still there.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Bytes before the JPEG files of a message.
const HEADER: usize = 24;

pub(super) const MULTIPART: &str = "multipart/x-mixed-replace; boundary=picture";

/// Writes messages until there is nothing more to come or the viewer has gone.
pub(super) fn write_messages(mut viewer: Viewer, out: &mut dyn Write) -> io::Result<()> {
    let mut sent = Sent::default();
    let mut message = Vec::new();
    loop {
        message.clear();
        match viewer.next(HEARTBEAT) {
            Next::Over => return Ok(()),
            Next::Nothing => message.resize(HEADER, 0),
            Next::Picture(picture) => sent.put(&picture, &mut message),
        }
        out.write_all(&message)?;
        out.flush()?;
    }
}

/// Numbers of the files that the viewer has.
#[derive(Default)]
struct Sent {
    after: u64,
    before: u64,
}

impl Sent {
    fn put(&mut self, picture: &Picture, message: &mut Vec<u8>) {
        let after = news(&picture.after, &mut self.after);
        let before = picture.before.as_ref().map_or(&[][..], |before| news(before, &mut self.before));
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or_default().to_le_bytes();
        let latency = u32::try_from(picture.latency.as_micros()).unwrap_or(u32::MAX);
        let content: u32 = match picture.content {
            ShownContent::Real => 0,
            ShownContent::Predicted(_) => 1,
            ShownContent::Interpolated(_) => 2,
            ShownContent::Held => 3,
        };
        message.extend(length(after));
        message.extend(length(before));
        message.extend(picture.number.to_le_bytes());
        message.extend(latency.to_le_bytes());
        message.extend(content.to_le_bytes());
        message.extend_from_slice(after);
        message.extend_from_slice(before);
    }
}

/// The bytes of a file that the viewer does not have yet.
fn news<'a>(jpeg: &'a Arc<Jpeg>, sent: &mut u64) -> &'a [u8] {
    if *sent == jpeg.number {
        return &[];
    }
    *sent = jpeg.number;
    &jpeg.bytes
}

/// Writes parts until there is nothing more to come or the viewer has gone. A picture that stands still is repeated
/// once a second.
pub(super) fn write_parts(mut viewer: Viewer, out: &mut dyn Write) -> io::Result<()> {
    let mut part = Vec::new();
    out.write_all(b"--picture\r\n")?;
    loop {
        match viewer.next(HEARTBEAT) {
            Next::Over => return out.write_all(b"--picture--\r\n"),
            Next::Nothing => {}
            Next::Picture(picture) => {
                let bytes = &picture.after.bytes;
                part.clear();
                write!(part, "Content-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", bytes.len())?;
                part.extend_from_slice(bytes);
                // The boundary comes now, not with the next picture: viewers wait for it.
                part.extend_from_slice(b"\r\n--picture\r\n");
            }
        }
        out.write_all(&part)?;
        out.flush()?;
    }
}
