//! The page in a real browser, while pictures move.

use crate::chromium::{Chromium, DESKTOP, Look, PHONE};
use crate::client::{Served, served};
use crate::pixels;
use framecast::frame::{Frame, PixelFormat};
use framecast::live::{OutputCount, Percentiles, ShownContent, SourceState, StageLatency};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Red of the pictures after, blue of those before, in the middle of the page's canvas.
const AFTER: [u8; 3] = [200, 60, 40];
const BEFORE: [u8; 3] = [30, 90, 190];

#[test]
fn a_browser_shows_moving_pictures_compares_them_and_switches() {
    let Some(mut browser) = Chromium::start() else {
        eprintln!("skipped: this machine has no /usr/bin/chromium");
        return;
    };
    let served = served(Some("a-token-for-browsers"));
    let address = format!("http://{}/?token=a-token-for-browsers", served.address());
    let (controls, statistics) = (Arc::clone(&served.controls), Arc::clone(&served.statistics));
    let is_over = Arc::new(AtomicBool::new(false));
    let feeding = {
        let is_over = Arc::clone(&is_over);
        std::thread::spawn(move || feed(served, &is_over))
    };

    browser.open(&address, &DESKTOP);
    browser.wait_for("document.getElementById('canvas').dataset.drawn > 20");
    assert_eq!(browser.evaluate("location.search"), "", "the token stays in the address");
    compare(&mut browser);
    statistics.update(|now| now.level = "full".to_owned());
    browser.wait_for("document.getElementById('note').hidden");
    browser.wait_for("document.querySelectorAll('#tiles dd')[0].textContent.startsWith('60')");

    browser.evaluate("document.getElementById('predicts').click()");
    browser.evaluate(
        "{ const model = document.getElementById('model'); model.value = 2; model.dispatchEvent(new Event('change')); }",
    );
    browser.wait_for("document.getElementById('after').textContent.includes('lanczos')");
    assert_eq!((controls.model(), controls.predicts()), (2, false));

    statistics.update(|now| {
        now.level = "no prediction".to_owned();
        now.source = SourceState::Reconnecting;
    });
    for (name, look) in [
        ("desktop", DESKTOP),
        ("desktop-light", Look { scheme: "light", ..DESKTOP }),
        ("phone", PHONE),
        ("phone-dark", Look { scheme: "dark", ..PHONE }),
        ("tablet", Look { width: 820, height: 1180, ..DESKTOP }),
    ] {
        browser.open(&address, &look);
        browser.wait_for("document.getElementById('canvas').dataset.drawn > 20");
        browser.wait_for("document.getElementById('note').textContent.includes('no prediction')");
        browser.wait_for("document.getElementById('source').textContent === 'Reconnecting'");
        nothing_is_cut_off(&mut browser, name);
        browser.screenshot(name);
    }

    is_over.store(true, Ordering::Relaxed);
    feeding.join().unwrap();
    browser.wait_for("document.getElementById('source').textContent === 'Not connected'");
    browser.screenshot("ended");
}

/// Pictures move; left of the divider there is what was before, and the divider follows the mouse and the keys.
fn compare(browser: &mut Chromium) {
    let colors_at = |browser: &mut Chromium, share: f64| {
        let script = format!(
            "(() => {{ const c = document.getElementById('canvas'); \
             return [...c.getContext('2d').getImageData(c.width * {share}, c.height / 2, 1, 1).data].slice(0, 3); }})()"
        );
        let found = browser.evaluate(&script);
        let value = |index: usize| u8::try_from(found[index].as_u64().unwrap()).unwrap();
        [value(0), value(1), value(2)]
    };
    let is_near = |found: [u8; 3], wanted: [u8; 3]| found.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= 6);
    let found = (colors_at(browser, 0.3), colors_at(browser, 0.7));
    assert!(is_near(found.0, BEFORE) && is_near(found.1, AFTER), "{found:?}");

    let first =
        browser.evaluate("Number(document.getElementById('canvas').dataset.number)").as_u64().unwrap();
    browser.wait_for(&format!("document.getElementById('canvas').dataset.number > {}", first + 30));

    let at = |browser: &mut Chromium, name: &str| {
        browser
            .evaluate(&format!("document.getElementById('stage').getBoundingClientRect().{name}"))
            .as_f64()
            .unwrap()
    };
    let (left, width) = (at(browser, "left"), at(browser, "width"));
    let middle = at(browser, "top") + at(browser, "height") / 2.0;
    browser.mouse("mousePressed", left + width * 0.5, middle);
    browser.mouse("mouseMoved", left + width * 0.2, middle);
    browser.mouse("mouseReleased", left + width * 0.2, middle);
    let rect = "document.getElementById('divider').getBoundingClientRect()";
    let centre = browser.evaluate(&format!("{rect}.left + {rect}.width / 2")).as_f64().unwrap();
    assert!((centre - left - width * 0.2).abs() < 2.0, "the divider is at {centre}");
    assert!(is_near(colors_at(browser, 0.3), AFTER));
    let press = |key: &str| {
        format!(
            "document.getElementById('divider').dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}' }}))"
        )
    };
    browser.evaluate(&press("End"));
    assert!(is_near(colors_at(browser, 0.9), BEFORE));
    browser.evaluate(&press("Home"));
    browser.evaluate(&press("ArrowRight"));
    let value = "document.getElementById('divider').getAttribute('aria-valuenow')";
    assert_eq!(browser.evaluate(value), "1");
}

/// The page is not wider than its window, and no text leaves its place.
fn nothing_is_cut_off(browser: &mut Chromium, name: &str) {
    let wide = browser.evaluate("document.documentElement.scrollWidth <= innerWidth");
    assert_eq!(wide, true, "{name}: the page is wider than the window");
    let script = "[...document.querySelectorAll('h1, h2, dt, dd, dd p, .pill, .sizes, .legend li, .tag, label, button')]\
        .filter((e) => e.offsetParent && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline')\
        .map((e) => e.textContent)";
    assert_eq!(browser.evaluate(script).to_string(), "[]", "{name}: text is cut off");
}

/// Shows pictures with bars that move, at 60 a second, until it is over.
fn feed(mut served: Served, is_over: &AtomicBool) {
    let after: Vec<Frame> = (0..60).map(|step| moving((1280, 720), AFTER, step)).collect();
    let before: Vec<Frame> = (0..30).map(|step| moving((640, 360), BEFORE, step * 2)).collect();
    let started = Instant::now();
    let mut tick = 0u32;
    while !is_over.load(Ordering::Relaxed) {
        let due = Duration::from_micros(16_667) * tick;
        std::thread::park_timeout(due.saturating_sub(started.elapsed()));
        let step = (tick % 60) as usize;
        let content = if tick.is_multiple_of(2) { ShownContent::Real } else { ShownContent::Predicted(0.5) };
        let latency = Duration::from_millis(u64::from(24 + tick * 7 % 11 + tick / 60 % 7));
        served.show_at(&after[step], &before[step / 2], content, (due, due + latency));
        tell(&served, tick);
        tick += 1;
    }
}

fn tell(served: &Served, tick: u32) {
    let wave = f64::from(tick % 600) / 95.0;
    let model = served.controls.models()[served.controls.model()].clone();
    let percentiles = |p50: f64| Percentiles { p50, p95: p50 * 1.5, p99: p50 * 1.8, max: p50 * 2.4 };
    let stage = |stage: &str, p50| StageLatency { stage: stage.to_owned(), milliseconds: percentiles(p50) };
    served.statistics.update(|now| {
        now.seconds = f64::from(tick) / 60.0;
        if tick == 0 {
            now.source = SourceState::Live;
        }
        (now.frames_in, now.frames_out) = (u64::from(tick / 2), u64::from(tick));
        (now.real, now.predicted) = (u64::from(tick / 2), u64::from(tick - tick / 2));
        now.held = u64::from(tick / 40);
        now.frames_dropped = u64::from(tick / 200);
        now.missed = u64::from(tick / 300);
        now.fps_in = 29.97 + wave.sin() * 0.3;
        now.fps_out = 60.0;
        now.hit_rate = Some(0.87 + wave.sin() * 0.05);
        now.gated = Some(0.12 + wave.cos() * 0.04);
        now.target_latency = 50.0;
        (now.model, now.predicts) = (model, served.controls.predicts());
        (now.memory, now.cores) = (412 << 20, 1.7);
        now.outputs = vec![OutputCount {
            name: "http://127.0.0.1:8080/".to_owned(),
            shown: u64::from(tick),
            ..OutputCount::default()
        }];
    });
    if tick == 0 {
        served.statistics.update(|now| now.stages = vec![stage("upscale", 11.2), stage("compose", 4.1)]);
    }
}

/// A scene with a plain middle, a ground of squares, and bars that move.
fn moving((width, height): (u32, u32), color: [u8; 3], step: u32) -> Frame {
    pixels::frame((width, height), PixelFormat::YUV420P, pixels::bt709(), |x, y| {
        let (across, down) = (x * 1280 / width, y * 720 / height);
        let bar = (step * 1280 / 60) % 1280;
        match () {
            () if (340..380).contains(&down) => color,
            () if across.abs_diff(bar) < 24 => [240, 240, 240],
            () if (across / 64 + down / 60).is_multiple_of(2) => color.map(|value| value / 2),
            () => [(across / 8) as u8, (down / 4) as u8, 90],
        }
    })
}
