//! Where a server listens, as users write it.

use crate::error::ConfigError;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Reads `PORT`, `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`; nothing is 127.0.0.1 and `default_port`.
///
/// Port 0 is any free one. Names of other machines are not looked up: whoever opens a server says where.
///
/// # Errors
/// If it is none of these; `setting` is what the user calls it.
pub(in crate::live) fn parse_address(
    setting: &str,
    text: &str,
    default_port: u16,
) -> Result<SocketAddr, ConfigError> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let read = || {
        if text.is_empty() {
            return Some(SocketAddr::new(loopback, default_port));
        }
        if let Ok(port) = text.parse() {
            return Some(SocketAddr::new(loopback, port));
        }
        if let Some(address) = address(text) {
            return Some(SocketAddr::new(address, default_port));
        }
        let (host, port) = text.rsplit_once(':')?;
        Some(SocketAddr::new(address(host)?, port.parse().ok()?))
    };
    read().ok_or_else(|| ConfigError {
        setting: setting.to_owned(),
        expected: "a port from 0 to 65535, an IP address, or both: 8080, 127.0.0.1:8080, [::1]:8080"
            .to_owned(),
        found: text.to_owned(),
    })
}

/// An IP address, in brackets if it is one of version 6, or `localhost`.
fn address(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None if text == "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        None => text.parse().ok().map(IpAddr::V4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_nothing_is_the_loopback() {
        let cases = [
            ("", "127.0.0.1:8080"),
            ("9000", "127.0.0.1:9000"),
            ("0", "127.0.0.1:0"),
            ("localhost:1", "127.0.0.1:1"),
            ("0.0.0.0", "0.0.0.0:8080"),
            ("192.168.1.5:81", "192.168.1.5:81"),
            ("[::1]", "[::1]:8080"),
            ("[::1]:82", "[::1]:82"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_address("web", text, 8080).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_legal_forms() {
        for text in
            ["65536", "-1", "example.org", "example.org:80", "::1:80", "[::1", "127.0.0.1:", ":80", "1.2.3:4"]
        {
            let error = parse_address("web", text, 8080).unwrap_err().to_string();
            assert!(error.contains("127.0.0.1:8080") && error.contains(text), "{error}");
        }
    }
}
