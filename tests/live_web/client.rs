//! A running output, and clients of it.

use crate::pixels;
use framecast::error::Error;
use framecast::frame::{Frame, PixelFormat, Rational};
use framecast::live::{Controls, LiveFormat, Output, Shown, ShownContent, StatisticsBoard, WebOutput};
use framecast::stage::Geometry;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// Longer than anything here takes; what exceeds it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An output with what it shares with a run.
pub(crate) struct Served {
    pub(crate) output: WebOutput,
    pub(crate) controls: Arc<Controls>,
    pub(crate) statistics: Arc<StatisticsBoard>,
}

/// On the loopback, at any free port.
pub(crate) fn served(token: Option<&str>) -> Served {
    start("web:0", token).unwrap()
}

pub(crate) fn start(address: &str, token: Option<&str>) -> Result<Served, Error> {
    let models = ["live-x2", "live-x2-small", "lanczos"].map(str::to_owned).to_vec();
    let (controls, statistics) = (Arc::new(Controls::new(models)), Arc::new(StatisticsBoard::default()));
    let output = WebOutput::start(address, token, &format(), Arc::clone(&controls), Arc::clone(&statistics))?;
    Ok(Served { output, controls, statistics })
}

fn format() -> LiveFormat {
    let geometry =
        |width, height| Geometry { width, height, format: PixelFormat::YUV420P, color: pixels::bt709() };
    LiveFormat {
        shown: geometry(1280, 720),
        source: geometry(640, 360),
        sample_aspect_ratio: Rational::new(1, 1),
        time_base: Rational::new(1, 60),
        frame_rate: Rational::new(60, 1),
    }
}

impl Served {
    pub(crate) fn address(&self) -> SocketAddr {
        self.output.address()
    }

    /// Shows a picture that took 20 milliseconds.
    pub(crate) fn show(&mut self, frame: &Frame, source: &Frame, content: ShownContent) {
        let captured = Duration::from_millis(100);
        self.show_at(frame, source, content, (captured, captured + Duration::from_millis(20)));
    }

    /// Shows a picture that was captured and handed over at these times.
    pub(crate) fn show_at(
        &mut self,
        frame: &Frame,
        source: &Frame,
        content: ShownContent,
        (captured, handed_over): (Duration, Duration),
    ) {
        let shown = Shown { frame: frame.clone(), source: source.clone(), content, captured, handed_over };
        self.output.show(&shown).unwrap();
    }

    pub(crate) fn statistics(&self) -> Value {
        let answer = get(self.address(), "/statistics", "");
        assert_eq!(answer.status, 200, "{}", answer.text());
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Waits until so many watch.
    pub(crate) fn wait_for_viewers(&self, count: u64) {
        let started = std::time::Instant::now();
        while self.statistics()["viewers"] != count {
            assert!(started.elapsed() < PATIENCE, "{} watch, not {count}", self.statistics()["viewers"]);
            std::thread::yield_now();
        }
    }
}

/// An answer with all of its body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value, by its name as it is sent.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// A GET with the right `Host` and further header lines, each with its end.
pub(crate) fn get(address: SocketAddr, target: &str, headers: &str) -> Answer {
    exchange(address, &format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n"))
}

/// A POST of JSON as the page sends it.
pub(crate) fn post(address: SocketAddr, target: &str, json: &str) -> Answer {
    let length = json.len();
    exchange(
        address,
        &format!(
            "POST {target} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{json}"
        ),
    )
}

/// Sends bytes and reads until the end.
pub(crate) fn exchange(address: SocketAddr, request: &str) -> Answer {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let head_end = all.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let head = String::from_utf8(all[..head_end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: all[head_end..].to_vec() }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads a stream that has just been opened, up to the end of its head.
pub(crate) fn open(address: SocketAddr, target: &str) -> TcpStream {
    let mut stream = connect(address);
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    stream
}

/// A message of `/stream`.
pub(crate) struct Message {
    pub(crate) after: Vec<u8>,
    pub(crate) before: Vec<u8>,
    pub(crate) number: u64,
    pub(crate) latency: u32,
    pub(crate) content: u32,
}

/// The next message that is more than a sign of life.
pub(crate) fn message(stream: &mut TcpStream) -> Message {
    loop {
        let mut header = [0; 24];
        stream.read_exact(&mut header).unwrap();
        let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
        let mut file = |length: u32| {
            let mut bytes = vec![0; length as usize];
            stream.read_exact(&mut bytes).unwrap();
            bytes
        };
        let (after, before) = (file(word(0)), file(word(4)));
        let number = u64::from_le_bytes(header[8..16].try_into().unwrap());
        if number > 0 {
            return Message { after, before, number, latency: word(16), content: word(20) };
        }
    }
}
