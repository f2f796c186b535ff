//! An output that is a page in a browser: the picture before and after, charts, and switches.

mod latencies;
mod pictures;
mod report;
mod routes;
mod streams;
mod tandem;

use super::http::{Guard, Server, listen, local_address, parse_address};
use super::{Controls, LiveFormat, Output, Shown, StatisticsBoard};
use crate::error::{ConfigError, Error};
use latencies::Latencies;
use pictures::{Picture, Pictures};
use routes::Site;
use std::net::SocketAddr;
use std::sync::Arc;
use tandem::Tandem;

/// The port, if none is given.
const PORT: u16 = 8080;
/// On the scale of 1 to 100; beyond it, files grow faster than pictures improve.
const QUALITY: u8 = 80;
const NAME: &str = "web";

/// Serves a page that shows what a live run makes and takes its switches.
///
/// | path | what |
/// |---|---|
/// | `/` | the page |
/// | `/stream` | pictures after and before, see below |
/// | `/live.mjpeg` | pictures after, as `multipart/x-mixed-replace` for plain viewers |
/// | `/statistics` | JSON: [`LiveStatistics`](super::LiveStatistics), with `recent_latency` (the same over 2 seconds, in milliseconds), `controls` (`models`, `model`, `predicts`), `picture` (sizes and rate) and `viewers` |
/// | `POST /controls` | JSON: `{"model": 0}`, `{"predicts": false}`, or both |
///
/// Pictures are encoded only while somebody watches, and once for all. Each viewer gets the newest one whenever it has
/// taken the one before, so that a slow one sees fewer, not older ones. At most 8 watch at a time.
///
/// A message of `/stream` is 24 bytes in little-endian order, then both JPEG files: the lengths of after and before
/// (`u32` each; 0 means that it is as in the message before), the picture's number (`u64`), the microseconds from its
/// capture to its hand-over (`u32`), and its content (`u32`: 0 real, 1 predicted, 2 interpolated, 3 held). A message
/// of 24 zero bytes only tells that the server lives.
///
/// Without a token it is served on the loopback only. With one, every request needs it: `?token=…` once in a browser
/// (a cookie is kept), or always elsewhere, or `Authorization: Bearer …`. It is HTTP: whoever can read the network's
/// traffic can read token and pictures.
pub struct WebOutput {
    pictures: Arc<Pictures>,
    latencies: Arc<Latencies>,
    tandem: Tandem,
    address: SocketAddr,
    /// Ends when it is dropped, with all viewers.
    _server: Server,
}

impl std::fmt::Debug for WebOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WebOutput({})", self.address)
    }
}

impl WebOutput {
    /// Whether an output's name asks for this one: `web`, or `web:` and an address.
    pub fn is_meant(name: &str) -> bool {
        name == NAME || name.starts_with("web:")
    }

    /// Reads `web`, `web:PORT`, `web:ADDRESS` or `web:ADDRESS:PORT`, an address of version 6 in brackets.
    ///
    /// Without an address it is 127.0.0.1, without a port 8080; port 0 is any free one.
    ///
    /// # Errors
    /// If it is none of these.
    pub fn parse_address(name: &str) -> Result<SocketAddr, ConfigError> {
        let text = name.strip_prefix(NAME).unwrap_or(name);
        parse_address("output web", text.strip_prefix(':').unwrap_or(text), PORT)
    }

    /// Starts to serve at `address`, as [`WebOutput::parse_address`] reads it.
    ///
    /// # Errors
    /// [`Error::Config`] if the address cannot be read, is not the loopback's and comes without a token, or the token
    /// is shorter than 8 visible ASCII characters; [`Error::Media`] if the address cannot be had; [`Error::Thread`] if
    /// no thread can be started.
    pub fn start(
        address: &str,
        token: Option<&str>,
        format: &LiveFormat,
        controls: Arc<Controls>,
        statistics: Arc<StatisticsBoard>,
    ) -> Result<Self, Error> {
        let asked = Self::parse_address(address)?;
        check_exposure(asked, token)?;
        // The cookie has the port in its name, so the port comes first.
        let listener = listen(NAME, asked)?;
        let guard = Guard::new(local_address(NAME, &listener)?, token)?;
        let pictures = Arc::new(Pictures::default());
        let latencies = Arc::new(Latencies::default());
        let site = Site {
            guard,
            pictures: Arc::clone(&pictures),
            latencies: Arc::clone(&latencies),
            controls,
            statistics,
            format: format.clone(),
        };
        let server = Server::start(NAME, listener, move |request| site.answer(request))?;
        let address = server.address();
        Ok(Self { pictures, latencies, tandem: Tandem::new(QUALITY), address, _server: server })
    }

    /// Where it listens, its port the real one.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

fn check_exposure(address: SocketAddr, token: Option<&str>) -> Result<(), ConfigError> {
    if address.ip().is_loopback() || token.is_some() {
        return Ok(());
    }
    Err(ConfigError {
        setting: "output web".to_owned(),
        expected: "a token where other machines can see the pictures, or 127.0.0.1 as the address".to_owned(),
        found: format!("{address} without a token"),
    })
}

impl Output for WebOutput {
    fn name(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn show(&mut self, shown: &Shown) -> Result<(), Error> {
        self.latencies.add(shown.handed_over, shown.handed_over.saturating_sub(shown.captured));
        let (watching, comparing) = self.pictures.viewers();
        if watching == 0 {
            self.tandem.forget();
            return Ok(());
        }
        let (after, before) = self.tandem.encode(shown, comparing > 0)?;
        let latency = shown.handed_over.saturating_sub(shown.captured);
        self.pictures.publish(Picture { number: 0, content: shown.content, latency, after, before });
        Ok(())
    }
}

impl Drop for WebOutput {
    fn drop(&mut self) {
        self.pictures.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_output_are_read() {
        let cases = [
            ("web", "127.0.0.1:8080"),
            ("web:9000", "127.0.0.1:9000"),
            ("web:0.0.0.0:81", "0.0.0.0:81"),
            ("web:[::1]:8080", "[::1]:8080"),
        ];
        for (name, expected) in cases {
            assert!(WebOutput::is_meant(name));
            assert_eq!(WebOutput::parse_address(name).unwrap().to_string(), expected);
        }
        assert!(!WebOutput::is_meant("webcam.mp4") && !WebOutput::is_meant("out.web"));
        assert!(WebOutput::parse_address("web:no").is_err());
    }
}
