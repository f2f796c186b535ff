//! The window on a desktop of its own: Xvfb without a screen, keys by xdotool, and what is seen by ImageMagick.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test fails by panicking and says why it is left out"
)]
#![cfg(all(feature = "window", target_os = "linux"))]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long to wait for what a key does, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);
/// Centres of the first and the fourth colour bar, which do not move, and what they show.
const WHITE: (u32, u32, [u8; 3]) = (20, 680, [191, 191, 191]);
const GREEN: (u32, u32, [u8; 3]) = (640, 650, [0, 191, 0]);

#[test]
fn a_window_shows_pictures_and_obeys_keys() {
    for program in ["Xvfb", "xdotool", "import"] {
        if Command::new(program).arg("-version").output().is_err() {
            return eprintln!("left out: {program} is not installed");
        }
    }
    if let Err(error) = framecast::live::window::Painter::offscreen() {
        return eprintln!("left out: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let desktop = Desktop::start(folder.path());
    let mut window = desktop.open_window();
    desktop.wait_for("the picture", |seen| is(seen, WHITE) && is(seen, GREEN));

    desktop.press_for("i", "statistics", |seen| brightest(seen, (10, 10), (200, 100)) > 200);
    desktop.press_for("i", "no statistics", |seen| brightest(seen, (10, 10), (100, 40)) < 200);

    desktop.press_for("s", "a divider", |seen| brightest(seen, (640, 600), (1, 1)) > 230);
    desktop.press_for("Right", "the divider elsewhere", |seen| is(seen, GREEN));

    desktop.press_for("F12", "a saved picture", |_| {
        saved(folder.path()).is_some_and(|path| image::open(path).is_ok())
    });
    let picture = image::open(saved(folder.path()).unwrap()).unwrap().into_rgb8();
    assert_eq!(picture.dimensions(), (1280, 720));
    assert!(is(&picture, WHITE) && is(&picture, GREEN));

    desktop.press("q");
    assert!(window.wait().unwrap().success());
}

/// A desktop that ends with the value.
struct Desktop {
    server: Child,
    display: String,
    folder: PathBuf,
}

impl Desktop {
    fn start(folder: &Path) -> Self {
        // The server finds a number that is free, and writes it when it is ready.
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1440x900x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        Self { server, display: format!(":{}", number.trim()), folder: folder.to_owned() }
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.display).env_remove("WAYLAND_DISPLAY");
        command
    }

    /// The example that fills a window with generated pictures.
    fn open_window(&self) -> Child {
        let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--example", "window", "--profile", profile])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success());
        let target = std::env::current_exe().unwrap();
        let example = target.ancestors().nth(2).unwrap().join("examples/window");
        self.command(example).args(["120", "live", "full"]).arg(&self.folder).spawn().unwrap()
    }

    /// Presses a key in the window, which has the focus: there is no window manager that would give it.
    fn press(&self, key: &str) {
        let keys = ["search", "--name", "^framecast$", "windowfocus", "--sync", "key", key];
        assert!(self.command("xdotool").args(keys).status().unwrap().success());
    }

    /// Presses a key until the desktop is as expected: without a window manager a press can be lost.
    fn press_for(&self, key: &str, what: &str, is_there: impl Fn(&image::RgbImage) -> bool) {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            self.press(key);
            if self.is_soon(&is_there) {
                return;
            }
        }
        panic!("{what} did not appear");
    }

    /// Whether the desktop is as expected within some seconds.
    fn is_soon(&self, is_there: &impl Fn(&image::RgbImage) -> bool) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE / 6 {
            if is_there(&self.picture()) {
                return true;
            }
        }
        false
    }

    fn picture(&self) -> image::RgbImage {
        let path = self.folder.join("desktop.png");
        let seen = self.command("import").args(["-window", "root"]).arg(&path).status().unwrap();
        assert!(seen.success());
        image::open(&path).unwrap().into_rgb8()
    }

    /// Looks at the desktop until it is as expected.
    fn wait_for(&self, what: &str, is_there: impl Fn(&image::RgbImage) -> bool) {
        let begin = Instant::now();
        loop {
            if is_there(&self.picture()) {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "{what} did not appear");
        }
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn is(seen: &image::RgbImage, (x, y, expected): (u32, u32, [u8; 3])) -> bool {
    let found = seen.get_pixel(x, y).0;
    found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 3)
}

/// The largest green of a rectangle, by its left top corner and its size.
fn brightest(seen: &image::RgbImage, (left, top): (u32, u32), (width, height): (u32, u32)) -> u8 {
    let columns = left..left + width;
    let places = columns.flat_map(|x| (top..top + height).map(move |y| (x, y)));
    places.map(|(x, y)| seen.get_pixel(x, y)[1]).max().unwrap()
}

fn saved(folder: &Path) -> Option<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.into_iter().find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("framecast-"))
}
