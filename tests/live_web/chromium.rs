//! Headless Chromium, driven over its DevTools pipe.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const PROGRAM: &str = "/usr/bin/chromium";

/// A browser with one page; it ends when it is dropped.
pub(crate) struct Chromium {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Option<String>,
    commands: u64,
    _profile: tempfile::TempDir,
}

impl Chromium {
    /// Starts it; `None` if this machine has none.
    pub(crate) fn start() -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        // Its pipe is descriptors 3 and 4.
        let command = format!(
            "exec {PROGRAM} --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
             --disable-background-networking --disable-component-update --disable-sync --disable-dev-shm-usage \
             --user-data-dir={} --remote-debugging-pipe 3<&0 4>&1 >/dev/null 2>&1",
            profile.path().display()
        );
        let mut child = Command::new("sh")
            .args(["-c", &command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut browser = Self { child, to, from, session: None, commands: 0, _profile: profile };
        let target = browser.command("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.command("Target.attachToTarget", attach);
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        Some(browser)
    }

    /// Opens an address in a window of this size.
    pub(crate) fn open(&mut self, address: &str, look: &Look) {
        let Look { width, height, is_phone, scheme } = *look;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": if is_phone { 2 } else { 1 }, "mobile": is_phone});
        self.command("Emulation.setDeviceMetricsOverride", metrics);
        self.command("Emulation.setTouchEmulationEnabled", json!({"enabled": is_phone}));
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        self.command("Emulation.setEmulatedMedia", json!({"features": [feature]}));
        self.command("Page.navigate", json!({"url": address}));
    }

    /// The value of an expression, awaited if it is a promise.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let found = self.command("Runtime.evaluate", parameters);
        assert!(found.get("exceptionDetails").is_none(), "{expression}: {found}");
        found["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub(crate) fn wait_for(&mut self, condition: &str) {
        let promise = format!(
            "new Promise((resolve, reject) => {{ const started = performance.now(); const check = () => {{ \
             let is = false; try {{ is = {condition}; }} catch {{}} \
             if (is) resolve(true); else if (performance.now() - started > 30000) reject('not true: ' + document.body.innerText); \
             else setTimeout(check, 20); }}; check(); }})"
        );
        assert_eq!(self.evaluate(&promise), true);
    }

    /// A mouse or finger that is moved: `mousePressed`, `mouseMoved` or `mouseReleased`.
    pub(crate) fn mouse(&mut self, kind: &str, x: f64, y: f64) {
        let buttons = i32::from(kind != "mouseReleased");
        let parameters =
            json!({"type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1});
        self.command("Input.dispatchMouseEvent", parameters);
    }

    /// What is to be seen, written to a file of the tests' folder too.
    pub(crate) fn screenshot(&mut self, name: &str) -> image::RgbImage {
        let taken = self.command("Page.captureScreenshot", json!({"format": "png"}));
        let bytes = STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("page-{name}.png")), &bytes)
            .unwrap();
        image::load_from_memory(&bytes).unwrap().to_rgb8()
    }

    fn command(&mut self, method: &str, parameters: Value) -> Value {
        self.commands += 1;
        let mut command = json!({"id": self.commands, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        self.to.write_all(format!("{command}\0").as_bytes()).unwrap();
        loop {
            let mut line = Vec::new();
            self.from.read_until(0, &mut line).unwrap();
            assert_eq!(line.pop(), Some(0), "the browser has ended");
            let answer: Value = serde_json::from_slice(&line).unwrap();
            if answer["id"] == self.commands {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let _ = self.child.wait();
    }
}

/// How a page is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) is_phone: bool,
    pub(crate) scheme: &'static str,
}

pub(crate) const DESKTOP: Look = Look { width: 1280, height: 800, is_phone: false, scheme: "dark" };
pub(crate) const PHONE: Look = Look { width: 390, height: 844, is_phone: true, scheme: "light" };
