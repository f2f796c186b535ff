//! What the page is told, and what it switches.

use crate::client::{get, post, served};
use framecast::live::{Output, SourceState};
use serde_json::json;

#[test]
fn the_page_and_its_parts_are_served_and_name_no_other_host() {
    let served = served(None);
    assert_eq!(served.output.name(), format!("http://127.0.0.1:{}/", served.address().port()));
    let parts = [
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
        ("/viewer.js", "text/javascript"),
        ("/charts.js", "text/javascript"),
        ("/icon.svg", "image/svg+xml"),
    ];
    for (target, kind) in parts {
        let answer = get(served.address(), target, "");
        assert_eq!(answer.status, 200, "{target}");
        assert!(answer.header("Content-Type").unwrap().starts_with(kind), "{target}");
        assert!(answer.header("Content-Security-Policy").unwrap().starts_with("default-src 'none'"));
        assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
        let text = answer.text().replace("http://www.w3.org/2000/svg", "");
        assert!(!text.contains("://"), "{target} names another host");
    }
}

#[test]
fn statistics_are_those_of_the_run_with_what_the_page_needs_beside_them() {
    let mut served = served(None);
    served.statistics.update(|now| {
        now.frames_out = 77;
        now.source = SourceState::Reconnecting;
        now.level = "no prediction".to_owned();
    });
    let gray = crate::pixels::frame(
        (32, 16),
        framecast::frame::PixelFormat::YUV420P,
        crate::pixels::bt709(),
        |_, _| [128; 3],
    );
    served.show(&gray, &gray, framecast::live::ShownContent::Real);
    let found = served.statistics();
    assert_eq!(found["frames_out"], 77);
    assert_eq!(found["source"], "reconnecting");
    assert_eq!(found["level"], "no prediction");
    assert_eq!(found["recent_latency"]["p95"], 20.0);
    assert_eq!(found["viewers"], 0);
    let controls = json!({"models": ["live-x2", "live-x2-small", "lanczos"], "model": 0, "predicts": true});
    assert_eq!(found["controls"], controls);
    let picture = &found["picture"];
    assert_eq!((&picture["width"], &picture["source_height"]), (&json!(1280), &json!(360)));
    assert_eq!((&picture["frame_rate"], &picture["sample_aspect_ratio"]), (&json!(60.0), &json!(1.0)));
}

#[test]
fn switches_change_what_the_run_reads_and_nothing_else_does() {
    let served = served(None);
    let change = |json: &str| post(served.address(), "/controls", json);
    let answer = change(r#"{"model": 2, "predicts": false}"#);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains(r#""model":2,"predicts":false"#), "{}", answer.text());
    assert_eq!((served.controls.model(), served.controls.predicts()), (2, false));

    let refusal = change(r#"{"predicts": true, "model": 3}"#);
    assert_eq!((refusal.status, refusal.text().trim()), (422, "model: expected 0 to 2, found 3"));
    for nonsense in ["", "[]", "{", r#"{"model": -1}"#, r#"{"volume": 1}"#, r#"{"predicts": "no"}"#] {
        assert_eq!(change(nonsense).status, 400, "{nonsense}");
    }
    assert_eq!((served.controls.model(), served.controls.predicts()), (2, false));
    assert_eq!(get(served.address(), "/controls", "").status, 405);
    assert_eq!(post(served.address(), "/", "{}").status, 405);
}
