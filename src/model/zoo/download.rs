//! Plain downloads over HTTP. A connection that breaks is taken up again where it broke.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::Agent;
use ureq::http::StatusCode;

/// How often a broken connection is taken up again.
const RESUMPTIONS: usize = 3;

/// What no network comes near: a server without end must not fill the disk.
const LARGEST: u64 = 4 << 30;

/// A server that sends nothing for so long sends nothing more: the connection counts as broken.
const SILENCE: Duration = Duration::from_secs(60);

/// Why there is no download.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server or the way to it.
    Network(String),
    /// The file cannot be written.
    File(io::Error),
}

impl From<String> for Failure {
    fn from(problem: String) -> Self {
        Self::Network(problem)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

/// Downloads `url` to the new file `target`.
pub(super) fn download(url: &str, target: &Path) -> Result<PathBuf, Failure> {
    download_within(url, target, SILENCE)
}

/// As [`download`], with another limit on silence.
fn download_within(url: &str, target: &Path, silence: Duration) -> Result<PathBuf, Failure> {
    let config = Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_per_read(Some(silence))
        .user_agent(concat!("framecast/", env!("CARGO_PKG_VERSION")))
        .build();
    let agent = Agent::new_with_config(config);
    let mut file = File::create(target)?;
    let mut have = 0;
    let mut problem = String::new();
    for _ in 0..=RESUMPTIONS {
        match request(&agent, url, have, &mut file)? {
            End::Whole => return Ok(target.to_path_buf()),
            End::Broken { received, reason } => {
                have = received;
                problem = reason;
            }
        }
    }
    Err(format!("the connection broke after {have} bytes ({problem})").into())
}

/// How one request ended.
enum End {
    /// The file is complete.
    Whole,
    /// It is not; it holds the first `received` bytes.
    Broken { received: u64, reason: String },
}

/// Asks for the bytes from `have` on and appends them.
fn request(agent: &Agent, url: &str, have: u64, file: &mut File) -> Result<End, Failure> {
    let mut request = agent.get(url);
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    let response = match request.call() {
        Ok(response) => response,
        // Refused for good; anything else may be better next time.
        Err(ureq::Error::StatusCode(status)) => {
            return Err(format!("the server answers with status {status}").into());
        }
        Err(error) if have > 0 => return Ok(End::Broken { received: have, reason: error.to_string() }),
        Err(error) => return Err(error.to_string().into()),
    };
    let continued = response.status() == StatusCode::PARTIAL_CONTENT;
    let mut received = if continued { have } else { restart(file)? };
    let length = response.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    let expected = length.map(|length: u64| received.saturating_add(length));
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = match body.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Ok(End::Broken { received, reason: error.to_string() }),
        };
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        received += bytes.len() as u64;
        if received > LARGEST {
            return Err(format!("it is larger than {LARGEST} bytes").into());
        }
        file.write_all(bytes)?;
    }
    match expected {
        Some(expected) if received != expected => {
            Ok(End::Broken { received, reason: format!("{received} of {expected} bytes") })
        }
        _ => Ok(End::Whole),
    }
}

/// The server sends everything from the beginning.
fn restart(file: &mut File) -> io::Result<u64> {
    file.set_len(0)?;
    file.rewind()?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    /// Serves `contents` at an address of its own; the first `silent` connections get half of them, and then nothing
    /// for as long as the test runs.
    fn server(contents: &'static [u8], silent: usize) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/network", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request: Vec<String> = BufReader::new(&stream)
                    .lines()
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .collect();
                assert!(!request.is_empty());
                let sent = if held.len() < silent { &contents[..contents.len() / 2] } else { contents };
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", contents.len());
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sent));
                held.push(stream);
            }
        });
        url
    }

    #[test]
    fn a_server_that_falls_silent_is_asked_again_and_then_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("network");
        let silence = Duration::from_millis(300);
        download_within(&server(b"all of it", 1), &target, silence).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"all of it");
        match download_within(&server(b"all of it", usize::MAX), &target, silence) {
            Err(Failure::Network(problem)) => assert!(problem.contains("broke after 4 bytes"), "{problem}"),
            other => panic!("{other:?}"),
        }
    }
}
