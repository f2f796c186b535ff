//! A web server on loopback that serves one file, well or badly.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

/// What the server does to a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manner {
    /// Sends all that is asked for.
    Well,
    /// Breaks the first connection in the middle, then serves well, ranges too.
    BreaksOnce,
    /// Breaks the first connection in the middle, then serves well, but knows no ranges.
    BreaksOnceWithoutRanges,
    /// Breaks every connection after half of what was asked for.
    BreaksAlways,
    /// Knows no such file.
    Missing,
    /// Sends half and then nothing, without closing.
    Stalls,
}

pub(crate) struct Server {
    pub(crate) url: String,
    /// Requests so far.
    requests: Arc<AtomicUsize>,
    /// Hears of every request that is held.
    pub(crate) held: Receiver<TcpStream>,
}

impl Server {
    /// Serves `contents` until the test ends.
    pub(crate) fn start(contents: Vec<u8>, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/folder/network.onnx", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        let (hold, held) = sync_channel(8);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let count = counter.fetch_add(1, Ordering::SeqCst);
                let stalls = answer(&mut stream, &contents, manner, count);
                if stalls && hold.send(stream).is_err() {
                    return;
                }
            }
        });
        Self { url, requests, held }
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Answers one request; true if the connection is to be held.
fn answer(stream: &mut TcpStream, contents: &[u8], manner: Manner, count: usize) -> bool {
    let mut start = None;
    let mut lines = BufReader::new(&*stream).lines();
    while let Some(Ok(line)) = lines.next() {
        if line.is_empty() {
            break;
        }
        let line = line.to_ascii_lowercase();
        if let Some(range) = line.strip_prefix("range: bytes=") {
            start = range.trim_end_matches('-').parse::<usize>().ok();
        }
    }
    if manner == Manner::Missing {
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return false;
    }
    let start = start.filter(|_| manner != Manner::BreaksOnceWithoutRanges);
    let asked = &contents[start.unwrap_or(0)..];
    let status = if start.is_some() { "206 Partial Content" } else { "200 OK" };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", asked.len());
    let whole = match manner {
        Manner::Well => true,
        Manner::BreaksOnce | Manner::BreaksOnceWithoutRanges => count > 0,
        _ => false,
    };
    let sent = if whole { asked } else { &asked[..asked.len() / 2] };
    let _ =
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sent)).and_then(|()| stream.flush());
    manner == Manner::Stalls
}
