//! Plain downloads over HTTP. A connection that breaks is taken up again where it broke.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::Agent;
use ureq::http::StatusCode;

/// How often a broken connection is taken up again.
const RESUMPTIONS: usize = 3;

/// What no network comes near: a server without end must not fill the disk.
const LARGEST: u64 = 4 << 30;

/// Downloads `url` to the new file `target`.
pub(super) fn download(url: &str, target: &Path) -> Result<PathBuf, String> {
    let config = Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .user_agent(concat!("framecast/", env!("CARGO_PKG_VERSION")))
        .build();
    let agent = Agent::new_with_config(config);
    let mut file = File::create(target).map_err(|error| error.to_string())?;
    let mut have = 0;
    let mut problem = String::new();
    for _ in 0..=RESUMPTIONS {
        match request(&agent, url, have, &mut file) {
            Ok(End::Whole) => return Ok(target.to_path_buf()),
            Ok(End::Broken { received, reason }) => {
                have = received;
                problem = reason;
            }
            Err(reason) => return Err(reason),
        }
    }
    Err(format!("the connection broke after {have} bytes ({problem})"))
}

/// How one request ended.
enum End {
    /// The file is complete.
    Whole,
    /// It is not; it holds the first `received` bytes.
    Broken { received: u64, reason: String },
}

/// Asks for the bytes from `have` on and appends them.
fn request(agent: &Agent, url: &str, have: u64, file: &mut File) -> Result<End, String> {
    let mut request = agent.get(url);
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    let response = match request.call() {
        Ok(response) => response,
        // Refused for good; anything else may be better next time.
        Err(ureq::Error::StatusCode(status)) => {
            return Err(format!("the server answers with status {status}"));
        }
        Err(error) if have > 0 => return Ok(End::Broken { received: have, reason: error.to_string() }),
        Err(error) => return Err(error.to_string()),
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
            return Err(format!("it is larger than {LARGEST} bytes"));
        }
        file.write_all(bytes).map_err(|error| error.to_string())?;
    }
    match expected {
        Some(expected) if received != expected => {
            Ok(End::Broken { received, reason: format!("{received} of {expected} bytes") })
        }
        _ => Ok(End::Whole),
    }
}

/// The server sends everything from the beginning.
fn restart(file: &mut File) -> Result<u64, String> {
    use std::io::Seek;
    file.set_len(0).and_then(|()| file.rewind()).map_err(|error| error.to_string())?;
    Ok(0)
}
