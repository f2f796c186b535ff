//! Who gets in, and what may be asked.

use crate::client::{connect, exchange, get, open, post, served, start};
use std::io::{Read, Write};

#[test]
fn other_machines_need_a_token_and_an_address_that_says_so() {
    let refusal = start("web:0.0.0.0:0", None).err().unwrap();
    assert_eq!(refusal.exit_code(), 2);
    let text = refusal.to_string();
    assert!(text.contains("token") && text.contains("127.0.0.1") && text.contains("0.0.0.0:0"), "{text}");
    assert!(start("web:[::]:0", None).is_err());
    assert_eq!(start("web:0.0.0.0:0", Some("short")).err().unwrap().exit_code(), 2);
    assert!(start("web:0.0.0.0:0", Some("long-enough")).is_ok());
}

#[test]
fn an_address_that_is_taken_is_told() {
    let first = served(None);
    let error = start(&format!("web:{}", first.address().port()), None).err().unwrap();
    assert_eq!(error.exit_code(), 4);
    assert!(error.to_string().contains("another port"), "{error}");
}

#[test]
fn every_request_needs_the_token_and_a_browser_keeps_it_as_a_cookie() {
    let served = served(Some("my-secret-token"));
    let address = served.address();
    for target in ["/", "/statistics", "/stream", "/live.mjpeg", "/page.js", "/nothing", "/?token=my-secret"]
    {
        let answer = get(address, target, "");
        assert_eq!(answer.status, 401, "{target}");
        assert!(answer.text().contains("?token="), "{}", answer.text());
    }
    assert_eq!(post(address, "/controls", r#"{"predicts":false}"#).status, 401);
    assert!(served.controls.predicts());

    let first = get(address, "/?token=my-secret-token", "");
    assert_eq!(first.status, 200);
    let cookie = first.header("Set-Cookie").unwrap().split(';').next().unwrap();
    assert_eq!(get(address, "/statistics", &format!("Cookie: {cookie}\r\n")).status, 200);
    assert_eq!(get(address, "/statistics", "Authorization: Bearer my-secret-token\r\n").status, 200);
    assert_eq!(get(address, "/statistics", "Authorization: Bearer another-token\r\n").status, 401);
}

#[test]
fn foreign_names_and_foreign_pages_are_refused() {
    let served = served(None);
    let address = served.address();
    let host = |host: &str| exchange(address, &format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).status;
    assert_eq!((host("localhost"), host("[::1]:80"), host("attacker.example:8080")), (200, 200, 403));
    assert_eq!(exchange(address, "GET / HTTP/1.1\r\n\r\n").status, 400);
    assert_eq!(get(address, "/live.mjpeg", "Sec-Fetch-Site: cross-site\r\n").status, 403);

    let change = |headers: &str| {
        let request = format!(
            "POST /controls HTTP/1.1\r\nHost: {address}\r\n{headers}Content-Length: 18\r\n\r\n{{\"predicts\":false}}"
        );
        exchange(address, &request).status
    };
    assert_eq!(change("Content-Type: application/json\r\nOrigin: http://attacker.example\r\n"), 403);
    assert_eq!(change("Content-Type: text/plain\r\n"), 415);
    assert!(served.controls.predicts());
    assert_eq!(change("Content-Type: application/json\r\n"), 200);
    assert!(!served.controls.predicts());
}

#[test]
fn requests_that_are_too_large_or_make_no_sense_are_refused() {
    let served = served(None);
    let address = served.address();
    let padding = "x".repeat(20_000);
    assert_eq!(get(address, "/", &format!("X-Padding: {padding}\r\n")).status, 431);
    assert_eq!(get(address, "/", &"X: y\r\n".repeat(100)).status, 431);
    assert_eq!(post(address, "/controls", &format!("{{\"model\":{}1}}", " ".repeat(5000))).status, 413);
    assert_eq!(exchange(address, "nonsense\r\n\r\n").status, 400);
    assert_eq!(exchange(address, &format!("PUT / HTTP/1.1\r\nHost: {address}\r\n\r\n")).status, 405);
    assert_eq!(get(address, "/../etc/passwd", "").status, 404);
    assert_eq!(get(address, "/", "").status, 200);
}

#[test]
fn the_number_of_clients_is_bounded_and_others_are_told() {
    let served = served(None);
    let address = served.address();
    let streams: Vec<_> = (0..8).map(|_| open(address, "/stream")).collect();
    assert_eq!(get(address, "/live.mjpeg", "").status, 503);
    assert_eq!(get(address, "/statistics", "").status, 200);

    let mut silent: Vec<_> = (0..24).map(|_| connect(address)).collect();
    let mut last = connect(address);
    let mut answer = String::new();
    last.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    write!(silent[0], "GET /icon.svg HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    silent[0].read_to_string(&mut answer).unwrap();
    assert!(answer.contains("</svg>"), "{answer}");
    drop(streams);
}
