//! A window that shows the pictures of a live run, with keys and statistics.
//!
//! The desktop's events come on the main thread: [`WindowLoop::run`] belongs there, and the run on another thread gets
//! the [`WindowOutput`].

mod app;
mod canvas;
mod graphics;
mod input;
mod layout;
mod mailbox;
mod overlay;
mod painter;
mod planes;
mod screen;
mod screenshot;
mod state;

pub use layout::Area;
pub use mailbox::WindowOutput;
pub use overlay::Placed;
pub use painter::{Painter, Scene};
pub use state::{Command, Key, WindowState};

use super::{Controls, LiveFormat, StatisticsBoard};
use crate::error::Error;
use crate::media::Interrupt;
use graphics::window_error;
use mailbox::{Mailbox, Wake};
use std::path::PathBuf;
use std::sync::Arc;
use winit::event_loop::EventLoop;

/// The WGSL programs of the window, complete, by the names of their files in `shaders/window/`.
pub const SHADERS: [(&str, &str); 2] = [("picture", painter::PICTURE), ("panel", painter::PANEL)];

/// What a window is made for.
#[derive(Clone, Debug)]
pub struct WindowOptions {
    /// Written above the window.
    pub title: String,
    /// What it will show. The window opens at the size of the pictures, smaller where the screen is not much larger.
    pub format: LiveFormat,
    /// What its keys change.
    pub controls: Arc<Controls>,
    /// What it tells of.
    pub statistics: Arc<StatisticsBoard>,
    /// Triggered when the user closes the window.
    pub interrupt: Interrupt,
    /// The folder for pictures that the user saves; it must exist.
    pub screenshots: PathBuf,
}

/// The window's event loop. A process can have one only, ever.
pub struct WindowLoop {
    events: EventLoop<Wake>,
    options: WindowOptions,
    mailbox: Arc<Mailbox>,
}

impl WindowLoop {
    /// Prepares a window, and the output that fills it.
    ///
    /// # Errors
    /// If there is no desktop that it could be opened on, or the process has had a window before.
    ///
    /// # Panics
    /// On another thread than the main one.
    pub fn new(options: WindowOptions) -> Result<(Self, WindowOutput), Error> {
        let events = EventLoop::with_user_event().build().map_err(|error| {
            // Before the last colon stands a place in winit's source.
            let error = error.to_string();
            let reason = error.rsplit(": ").next().unwrap_or_default().trim_end_matches('.');
            window_error(
                format!("there is no desktop to open it on ({reason})"),
                "start framecast in a desktop session (DISPLAY or WAYLAND_DISPLAY is set there), or use another output",
            )
        })?;
        let mailbox = Arc::new(Mailbox::default());
        let output = WindowOutput::new(Arc::clone(&mailbox), events.create_proxy());
        Ok((Self { events, options, mailbox }, output))
    }

    /// Shows the window until the user closes it, which triggers the interrupt, or the output is finished or dropped.
    /// On the main thread.
    ///
    /// # Errors
    /// If the window cannot be opened or drawn. The interrupt is not triggered then: other outputs may go on.
    pub fn run(self) -> Result<(), Error> {
        let mut app = app::App::new(self.options, self.mailbox, self.events.create_proxy());
        let ended = self.events.run_app(&mut app);
        app.finish()?;
        ended.map_err(|error| window_error(format!("the desktop ended it: {error}"), "use another output"))
    }
}
