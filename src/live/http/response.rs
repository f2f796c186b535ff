//! Answers, and the headers that keep browsers from doing more with them than is meant.

use std::borrow::Cow;
use std::io::{self, Write};

/// What no page of another origin may do with ours, and ours may not do at all.
const HEADERS: &str = "Connection: close\r\n\
    Cache-Control: no-store\r\n\
    Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
    Cross-Origin-Resource-Policy: same-origin\r\n\
    Cross-Origin-Opener-Policy: same-origin\r\n\
    Referrer-Policy: no-referrer\r\n\
    X-Content-Type-Options: nosniff\r\n";

/// Writes a body piece by piece until it is over or the client has gone.
type Streaming = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send>;

/// What follows the headers.
pub(in crate::live) enum Body {
    /// Bytes of known length.
    Whole(Cow<'static, [u8]>),
    /// As much as comes; the end of the connection is its end.
    Stream(Streaming),
}

/// An answer.
pub(in crate::live) struct Response {
    pub(super) status: u16,
    content_type: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

impl Response {
    /// 200 with a body.
    pub(in crate::live) const fn new(content_type: &'static str, body: Body) -> Self {
        Self { status: 200, content_type, headers: Vec::new(), body }
    }

    /// A file that is part of the program.
    pub(in crate::live) const fn file(content_type: &'static str, text: &'static str) -> Self {
        Self::new(content_type, Body::Whole(Cow::Borrowed(text.as_bytes())))
    }

    /// A status with a line that tells people why.
    pub(in crate::live) fn text(status: u16, text: &str) -> Self {
        let body = Body::Whole(Cow::Owned(format!("{text}\n").into_bytes()));
        Self { status, ..Self::new("text/plain; charset=utf-8", body) }
    }

    /// JSON.
    pub(in crate::live) fn json(value: &impl serde::Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => Self::new("application/json", Body::Whole(Cow::Owned(bytes))),
            Err(error) => Self::text(500, &error.to_string()),
        }
    }

    /// With a further header.
    pub(in crate::live) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Writes all of it.
    pub(super) fn write(self, out: &mut dyn Write) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} {}\r\n{HEADERS}", self.status, reason(self.status));
        head.push_str(&format!("Content-Type: {}\r\n", self.content_type));
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match self.body {
            Body::Whole(bytes) => {
                head.push_str(&format!("Content-Length: {}\r\n\r\n", bytes.len()));
                let mut all = head.into_bytes();
                all.extend_from_slice(&bytes);
                out.write_all(&all)
            }
            Body::Stream(write) => {
                head.push_str("\r\n");
                out.write_all(head.as_bytes())?;
                write(out)
            }
        }
    }
}

const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}
