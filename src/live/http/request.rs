//! Requests, read within a deadline and limits.

use super::response::Response;
use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How long a client may take to send its request.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest request line with headers, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;
/// Longest body, in bytes: switches need a few.
const LONGEST_BODY: usize = 4 * 1024;
/// Most headers; browsers send about 20.
const MOST_HEADERS: usize = 64;

/// What a client may want to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::live) enum Method {
    Get,
    Post,
}

/// A request.
#[derive(Debug)]
pub(in crate::live) struct Request {
    pub(in crate::live) method: Method,
    /// Without the query.
    pub(in crate::live) path: String,
    query: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(in crate::live) body: Vec<u8>,
}

/// Why there is no request.
pub(super) enum Unread {
    /// The client went, or was too slow: nobody to answer.
    Gone,
    /// It sent what cannot be used.
    Refused(Box<Response>),
}

impl Unread {
    fn refused(status: u16, problem: &str) -> Self {
        Self::Refused(Box::new(Response::text(status, problem)))
    }
}

impl Request {
    /// Reads a request to its end.
    pub(super) fn read(stream: &TcpStream) -> Result<Self, Unread> {
        let mut reader = Reader { stream, deadline: Instant::now() + PATIENCE, bytes: Vec::new() };
        let (mut request, head) = loop {
            if let Some(parsed) = parse(&reader.bytes)? {
                break parsed;
            }
            if reader.bytes.len() >= LONGEST_HEAD {
                return Err(Unread::refused(431, "the request's head is longer than 16 KiB"));
            }
            reader.more()?;
        };
        let length = request.body_length()?;
        while reader.bytes.len() < head + length {
            reader.more()?;
        }
        request.body = reader.bytes.get(head..head + length).unwrap_or_default().to_vec();
        Ok(request)
    }

    /// A header's value by its name in lower case; that of the first if there are several.
    pub(in crate::live) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter of the query, decoded.
    pub(in crate::live) fn parameter(&self, name: &str) -> Option<Vec<u8>> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(known, _)| *known == name).map(|(_, value)| percent_decoded(value))
    }

    /// A cookie's value.
    pub(in crate::live) fn cookie(&self, name: &str) -> Option<&str> {
        let pairs = self.header("cookie")?.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    fn body_length(&self) -> Result<usize, Unread> {
        if self.header("transfer-encoding").is_some() {
            return Err(Unread::refused(411, "bodies need a Content-Length"));
        }
        let Some(length) = self.header("content-length") else { return Ok(0) };
        match length.parse() {
            Ok(length) if length <= LONGEST_BODY => Ok(length),
            Ok(_) => Err(Unread::refused(413, "the request's body is longer than 4 KiB")),
            Err(_) => Err(Unread::refused(400, "the Content-Length is no number")),
        }
    }
}

struct Reader<'a> {
    stream: &'a TcpStream,
    deadline: Instant,
    bytes: Vec<u8>,
}

impl Reader<'_> {
    fn more(&mut self) -> Result<(), Unread> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || self.stream.set_read_timeout(Some(left)).is_err() {
            return Err(Unread::Gone);
        }
        let mut piece = [0; 2048];
        match self.stream.read(&mut piece) {
            Ok(0) | Err(_) => Err(Unread::Gone),
            Ok(count) => {
                self.bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
                Ok(())
            }
        }
    }
}

/// The request without its body, and the length of its head; `None` if that is not complete.
fn parse(bytes: &[u8]) -> Result<Option<(Request, usize)>, Unread> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let head = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Unread::refused(431, "the request has more than 64 headers"));
        }
        Err(error) => return Err(Unread::refused(400, &format!("this is no HTTP request: {error}"))),
    };
    let method = match parsed.method {
        Some("GET") => Method::Get,
        Some("POST") => Method::Post,
        _ => return Err(Unread::refused(405, "only GET and POST are known here")),
    };
    let target = parsed.path.unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = parsed
        .headers
        .iter()
        .map(|header| {
            (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).trim().to_owned())
        })
        .collect();
    let request =
        Request { method, path: path.to_owned(), query: query.to_owned(), headers, body: Vec::new() };
    Ok(Some((request, head)))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        match (first, digit(after.first()), digit(after.get(1))) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
impl Request {
    /// As if it had been read.
    pub(super) fn parsed(text: &str) -> Self {
        match parse(text.as_bytes()) {
            Ok(Some((request, _))) => request,
            _ => panic!("no request: {text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_cookies_and_headers_are_found() {
        let request = Request::parsed(
            "GET /a?x=1&token=a%2Bb%zz+&y HTTP/1.1\r\nHost: h\r\nCOOKIE: one=1; two=2=3\r\n\r\n",
        );
        assert_eq!((request.method, request.path.as_str()), (Method::Get, "/a"));
        assert_eq!(request.parameter("token").unwrap(), b"a+b%zz+");
        assert_eq!(request.parameter("y"), None);
        assert_eq!((request.cookie("one"), request.cookie("two")), (Some("1"), Some("2=3")));
        assert_eq!((request.cookie("tw"), request.header("host")), (None, Some("h")));
    }
}
