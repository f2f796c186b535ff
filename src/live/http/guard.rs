//! Who may ask for what.

use super::request::{Method, Request};
use super::response::Response;
use crate::error::ConfigError;
use sha2::{Digest, Sha256};
use std::net::{IpAddr, SocketAddr};
use subtle::ConstantTimeEq;

/// Shortest token, in characters.
const SHORTEST_TOKEN: usize = 8;

/// Lets requests through or refuses them.
///
/// - On the loopback the `Host` must be the loopback's: a foreign name that was made to point there (DNS rebinding)
///   brings foreign pages.
/// - Requests that a browser makes for a page of another origin are refused, and what changes something must be JSON,
///   which no form sends.
/// - With a token, every request needs it: in the query, once, for a cookie; or as a bearer.
pub(in crate::live) struct Guard {
    is_loopback: bool,
    token: Option<Token>,
}

struct Token {
    digest: [u8; 32],
    /// Browsers keep cookies by host, not by port.
    cookie_name: String,
    /// Follows from the token, so that it outlives a restart, and is not the token.
    cookie: String,
}

impl Guard {
    /// For a server at `address`.
    ///
    /// # Errors
    /// If the token is shorter than 8 characters or has other characters than visible ones of ASCII.
    pub(in crate::live) fn new(address: SocketAddr, token: Option<&str>) -> Result<Self, ConfigError> {
        let token = token.map(|token| Token::new(token, address.port())).transpose()?;
        Ok(Self { is_loopback: address.ip().is_loopback(), token })
    }

    /// Lets a request through, with a cookie to set if it brought the token in its query, or gives the refusal.
    pub(in crate::live) fn check(&self, request: &Request) -> Result<Option<String>, Response> {
        let host = request.header("host").ok_or_else(|| Response::text(400, "the request has no Host"))?;
        if self.is_loopback && !is_loopback(host) {
            let problem = "this is served to 127.0.0.1, [::1] and localhost only, not under another name";
            return Err(Response::text(403, problem));
        }
        check_origin(request, host)?;
        match &self.token {
            Some(token) => token.check(request),
            None => Ok(None),
        }
    }
}

/// Whether a `Host`, with or without a port, is this machine itself. Any port: tunnels have others.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn check_origin(request: &Request, host: &str) -> Result<(), Response> {
    let is_foreign = matches!(request.header("sec-fetch-site"), Some("cross-site" | "same-site"));
    if is_foreign && request.header("sec-fetch-mode") != Some("navigate") {
        return Err(Response::text(403, "pages of other origins have no access"));
    }
    if request.method == Method::Get {
        return Ok(());
    }
    let is_own = |origin: &str| {
        origin.strip_prefix("http://").or(origin.strip_prefix("https://")).is_some_and(|own| own == host)
    };
    if !request.header("origin").is_none_or(is_own) {
        return Err(Response::text(403, "pages of other origins may change nothing"));
    }
    let kind = request.header("content-type").and_then(|kind| kind.split(';').next()).map(str::trim);
    if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
        return Err(Response::text(415, "changes are sent as application/json"));
    }
    Ok(())
}

impl Token {
    fn new(token: &str, port: u16) -> Result<Self, ConfigError> {
        if token.len() < SHORTEST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ConfigError {
                setting: "token".to_owned(),
                expected: format!("at least {SHORTEST_TOKEN} visible ASCII characters"),
                found: format!("{} characters", token.chars().count()),
            });
        }
        let cookie = digest(format!("framecast cookie {token}").as_bytes());
        let cookie = cookie.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { digest: digest(token.as_bytes()), cookie_name: format!("framecast-{port}"), cookie })
    }

    fn check(&self, request: &Request) -> Result<Option<String>, Response> {
        if request.parameter("token").is_some_and(|given| self.is(&given)) {
            let Self { cookie_name, cookie, .. } = self;
            return Ok(Some(format!("{cookie_name}={cookie}; Path=/; HttpOnly; SameSite=Strict")));
        }
        let bearer = request.header("authorization").and_then(|value| value.split_once(' '));
        let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        if bearer.is_some_and(|(_, given)| self.is(given.trim().as_bytes())) {
            return Ok(None);
        }
        let cookie = request.cookie(&self.cookie_name);
        if cookie.is_some_and(|given| given.as_bytes().ct_eq(self.cookie.as_bytes()).into()) {
            return Ok(None);
        }
        let problem = "the token is missing or wrong: open the address with ?token=… at its end";
        Err(Response::text(401, problem).with("WWW-Authenticate", "Bearer".to_owned()))
    }

    /// Digests have one length, so that the time tells nothing of the token's.
    fn is(&self, given: &[u8]) -> bool {
        digest(given).ct_eq(&self.digest).into()
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(address: &str, token: Option<&str>, request: &str) -> u16 {
        let guard = Guard::new(address.parse().unwrap(), token).unwrap();
        let request = Request::parsed(&request.replace('\n', "\r\n"));
        guard.check(&request).map_or_else(|refusal| refusal.status, |_| 200)
    }

    #[test]
    fn the_loopback_is_served_under_its_own_names_only() {
        let names = [
            ("localhost", 200),
            ("LOCALHOST:8080", 200),
            ("127.0.0.1:9", 200),
            ("127.8.8.8", 200),
            ("[::1]:8080", 200),
            ("[::1]", 200),
            ("example.org", 403),
            ("example.org:8080", 403),
            ("127.0.0.1.example.org", 403),
            ("localhost.example.org:8080", 403),
            ("192.168.0.1:8080", 403),
            ("", 403),
        ];
        for (name, expected) in names {
            let request = format!("GET / HTTP/1.1\nHost: {name}\n\n");
            assert_eq!(status("127.0.0.1:8080", None, &request), expected, "{name}");
            assert_eq!(status("[::1]:8080", None, &request), expected, "{name}");
        }
        assert_eq!(status("127.0.0.1:8080", None, "GET / HTTP/1.1\n\n"), 400);
    }

    #[test]
    fn other_origins_change_nothing_and_embed_nothing() {
        let json = "Content-Type: application/json; charset=utf-8";
        let cases = [
            (format!("POST / HTTP/1.1\nHost: localhost:1\n{json}\n\n"), 200),
            (format!("POST / HTTP/1.1\nHost: localhost:1\nOrigin: http://localhost:1\n{json}\n\n"), 200),
            (format!("POST / HTTP/1.1\nHost: localhost:1\nOrigin: http://localhost:2\n{json}\n\n"), 403),
            (format!("POST / HTTP/1.1\nHost: localhost:1\nOrigin: http://example.org\n{json}\n\n"), 403),
            (format!("POST / HTTP/1.1\nHost: localhost:1\nOrigin: null\n{json}\n\n"), 403),
            ("POST / HTTP/1.1\nHost: localhost\nContent-Type: text/plain\n\n".to_owned(), 415),
            ("POST / HTTP/1.1\nHost: localhost\n\n".to_owned(), 415),
            ("GET / HTTP/1.1\nHost: localhost\nSec-Fetch-Site: cross-site\n\n".to_owned(), 403),
            ("GET / HTTP/1.1\nHost: localhost\nSec-Fetch-Site: same-origin\n\n".to_owned(), 200),
            (
                "GET / HTTP/1.1\nHost: localhost\nSec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate\n\n"
                    .to_owned(),
                200,
            ),
        ];
        for (request, expected) in cases {
            assert_eq!(status("127.0.0.1:1", None, &request), expected, "{request}");
        }
    }

    #[test]
    fn tokens_are_needed_everywhere_and_may_come_in_three_ways() {
        let token = "a+secret=token;1";
        let guard = Guard::new("0.0.0.0:8080".parse().unwrap(), Some(token)).unwrap();
        let first = Request::parsed("GET /?token=a%2Bsecret=token;1 HTTP/1.1\r\nHost: any\r\n\r\n");
        let cookie = guard.check(&first).ok().flatten().unwrap();
        assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"), "{cookie}");
        assert!(!cookie.contains("secret"));
        let pair = cookie.split(';').next().unwrap();
        let of = |line: &str| {
            status("0.0.0.0:8080", Some(token), &format!("GET / HTTP/1.1\nHost: any\n{line}\n\n"))
        };
        assert_eq!(of(&format!("Cookie: x=y; {pair}")), 200);
        assert_eq!(of("Authorization: Bearer a+secret=token;1"), 200);
        for line in [
            "",
            "Authorization: Bearer a+secret=token",
            "Authorization: Basic a+secret=token;1",
            "Cookie: framecast-8080=",
        ] {
            assert_eq!(of(line), 401, "{line}");
        }
        assert!(Guard::new("127.0.0.1:1".parse().unwrap(), Some("short")).is_err());
        assert!(Guard::new("127.0.0.1:1".parse().unwrap(), Some("with a blank")).is_err());
    }
}
