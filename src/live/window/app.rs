//! What the window does at each event.

use super::WindowOptions;
use super::canvas::Type;
use super::input::key_of;
use super::layout::{Area, display_size};
use super::mailbox::{Mailbox, Wake};
use super::overlay::{Overlay, Told};
use super::painter::{Painter, Scene};
use super::screen::Screen;
use super::screenshot;
use super::state::{Command, WindowState};
use crate::error::Error;
use crate::live::{LiveStatistics, Shown};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use winit::application::ApplicationHandler;
use winit::event::{ElementState, MouseButton, StartCause, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoopProxy};
use winit::keyboard::ModifiersState;
use winit::window::{CursorIcon, WindowId};

/// How often statistics and notes are read.
const REFRESH: Duration = Duration::from_millis(250);
/// How long the window says what has just been done.
const MESSAGE: Duration = Duration::from_millis(2500);
/// How near to the divider, in pixels, the mouse's pointer says that it can be dragged.
const NEAR: f64 = 12.0;

/// The window's side of the run.
pub(super) struct App {
    options: WindowOptions,
    mailbox: Arc<Mailbox>,
    proxy: EventLoopProxy<Wake>,
    /// Once it is open.
    screen: Option<(Screen, Painter)>,
    state: WindowState,
    overlay: Overlay,
    statistics: LiveStatistics,
    refreshed: Instant,
    message: Option<(String, Instant)>,
    /// The picture that is shown.
    current: Option<Shown>,
    /// The source frame's time stamp that the painter has.
    source_pts: Option<i64>,
    /// Column of the mouse's pointer.
    pointer: f64,
    modifiers: ModifiersState,
    saving: Vec<JoinHandle<()>>,
    /// Times that the window was drawn, and how long that took in all.
    drawn: (u32, Duration),
    /// What has ended the window, unless the user or the run did.
    failure: Option<Error>,
}

impl App {
    pub(super) fn new(options: WindowOptions, mailbox: Arc<Mailbox>, proxy: EventLoopProxy<Wake>) -> Self {
        Self {
            statistics: options.statistics.read(),
            options,
            mailbox,
            proxy,
            screen: None,
            state: WindowState::default(),
            overlay: Overlay::default(),
            refreshed: Instant::now(),
            message: None,
            current: None,
            source_pts: None,
            pointer: 0.0,
            modifiers: ModifiersState::empty(),
            saving: Vec::new(),
            drawn: (0, Duration::ZERO),
            failure: None,
        }
    }

    /// Closes the window; waits until pictures are saved.
    ///
    /// # Errors
    /// What has ended the window, unless the user or the run did.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.screen = None;
        let (count, time) = self.drawn;
        tracing::debug!("window: drawn {count} times, {:?} each", time / count.max(1));
        for saving in self.saving {
            // The thread says how it went by itself, and a panic in it concerns one picture only.
            let _ = saving.join();
        }
        self.failure.map_or(Ok(()), Err)
    }

    fn fail(&mut self, error: Error, events: &ActiveEventLoop) {
        self.failure = Some(error);
        events.exit();
    }

    fn request_redraw(&self) {
        if let Some((screen, _)) = &self.screen {
            screen.window.request_redraw();
        }
    }

    /// Takes the newest picture, unless the one that is shown stands.
    fn take_picture(&mut self) {
        let Some(shown) = self.mailbox.take().filter(|_| !self.state.is_paused) else { return };
        if let Some((_, painter)) = &mut self.screen {
            painter.set_picture(&shown.frame);
        }
        self.current = Some(shown);
    }

    /// Brings the source to the painter where it is compared with.
    fn take_source(&mut self) {
        let (Some(shown), Some((_, painter))) = (&self.current, &mut self.screen) else { return };
        let pts = Some(shown.source.info.pts);
        if self.state.is_split && self.source_pts != pts {
            painter.set_source(&shown.source);
            self.source_pts = pts;
        }
    }

    /// Size at which the picture is shown by square pixels.
    fn display_size(&self) -> (u32, u32) {
        let size = match &self.current {
            Some(shown) => (shown.frame.info.width, shown.frame.info.height),
            None => (self.options.format.shown.width, self.options.format.shown.height),
        };
        display_size(size, self.options.format.sample_aspect_ratio)
    }

    fn area(&self) -> Area {
        let window = self.screen.as_ref().map_or((1, 1), |(screen, _)| screen.size());
        Area::fitted(self.display_size(), window)
    }

    fn draw(&mut self) -> Result<(), Error> {
        let begin = Instant::now();
        self.take_picture();
        self.take_source();
        let area = self.area();
        let divider = self.divider(area);
        let Some((screen, painter)) = &mut self.screen else { return Ok(()) };
        let told = Told {
            state: &self.state,
            statistics: &self.statistics,
            missed: self.mailbox.missed(),
            sizes: painter.sizes(),
            is_hdr: self.current.as_ref().is_some_and(|shown| shown.frame.info.color.is_hdr()),
            message: self.message.as_ref().map(|(text, _)| text.as_str()),
        };
        let size = Type::for_window(screen.size().1, screen.window.scale_factor());
        let panels = self.overlay.place(&told, area, screen.size(), size);
        screen.draw(painter, &Scene { area, divider, panels })?;
        self.drawn = (self.drawn.0 + 1, self.drawn.1 + begin.elapsed());
        Ok(())
    }

    /// The column that divides `area` into source and picture.
    fn divider(&self, area: Area) -> Option<u32> {
        (self.state.is_split && self.current.is_some()).then(|| area.column(self.state.divider))
    }

    fn execute(&mut self, command: Command, events: &ActiveEventLoop) {
        match command {
            Command::Redraw | Command::Pause(_) => {}
            Command::TogglePrediction => {
                let predicts = !self.options.controls.predicts();
                self.options.controls.set_predicts(predicts);
                self.say(if predicts { "Prediction on" } else { "Prediction off" });
            }
            Command::NextModel => self.take_next_model(),
            Command::FullScreen(fills) => {
                if let Some((screen, _)) = &self.screen {
                    screen.set_full_screen(fills);
                }
            }
            Command::Screenshot => {
                if let Err(error) = self.save_picture() {
                    return self.fail(error, events);
                }
            }
            Command::Close => {
                self.options.interrupt.trigger();
                events.exit();
            }
        }
        self.request_redraw();
    }

    fn take_next_model(&mut self) {
        let controls = &self.options.controls;
        let count = controls.models().len().max(1);
        controls.set_model((controls.model() + 1) % count);
        let name = controls.models().get(controls.model()).map_or("-", String::as_str);
        self.say(format!("Enlarging: {name}"));
    }

    fn say(&mut self, text: impl Into<String>) {
        self.message = Some((text.into(), Instant::now()));
    }

    /// Draws the picture at its own size, divided if the window is, and saves it on a thread of its own.
    fn save_picture(&mut self) -> Result<(), Error> {
        if self.current.is_none() {
            self.say("There is no picture yet");
            return Ok(());
        }
        self.take_source();
        let size = self.display_size();
        let area = Area::whole(size);
        let divider = self.divider(area);
        let Some((_, painter)) = &mut self.screen else { return Ok(()) };
        let pixels = painter.draw(&Scene { area, divider, panels: Vec::new() }, size)?;
        let (folder, proxy) = (self.options.screenshots.clone(), self.proxy.clone());
        let save = move || {
            let saved = screenshot::save(&folder, size, &pixels);
            let told = match saved {
                Ok(path) => Ok(path.display().to_string()),
                Err(error) => Err(format!("{}: {error}", folder.display())),
            };
            // Nobody is left to be told where the window was closed meanwhile.
            let _ = proxy.send_event(Wake::Saved(told));
        };
        self.saving.retain(|saving| !saving.is_finished());
        match std::thread::Builder::new().name("screenshot".to_owned()).spawn(save) {
            Ok(saving) => self.saving.push(saving),
            Err(error) => self.say(format!("Not saved: {error}")),
        }
        Ok(())
    }

    /// Reads statistics, forgets an old message, and draws anew if that changes what is seen.
    fn refresh(&mut self) {
        self.refreshed = Instant::now();
        let statistics = self.options.statistics.read();
        let is_old = self.message.as_ref().is_some_and(|(_, since)| since.elapsed() > MESSAGE);
        if is_old {
            self.message = None;
        }
        let notes = |statistics: &LiveStatistics| (statistics.source, statistics.level.clone());
        let is_seen = is_old || self.state.shows_statistics || notes(&statistics) != notes(&self.statistics);
        self.statistics = statistics;
        if is_seen {
            self.request_redraw();
        }
    }

    fn move_pointer(&mut self, column: f64) -> Option<Command> {
        self.pointer = column;
        let area = self.area();
        let is_near = (f64::from(area.column(self.state.divider)) - column).abs() < NEAR;
        let icon = if self.state.is_split && is_near { CursorIcon::ColResize } else { CursorIcon::Default };
        if let Some((screen, _)) = &self.screen {
            screen.window.set_cursor(icon);
        }
        self.state.drag(area.part(column))
    }
}

impl ApplicationHandler<Wake> for App {
    fn resumed(&mut self, events: &ActiveEventLoop) {
        if self.screen.is_some() {
            return;
        }
        match Screen::open(events, &self.options.title, self.display_size()) {
            Ok(screen) => self.screen = Some(screen),
            Err(error) => self.fail(error, events),
        }
        self.request_redraw();
    }

    fn new_events(&mut self, _events: &ActiveEventLoop, _cause: StartCause) {
        if self.refreshed.elapsed() >= REFRESH {
            self.refresh();
        }
    }

    fn about_to_wait(&mut self, events: &ActiveEventLoop) {
        events.set_control_flow(ControlFlow::WaitUntil(self.refreshed + REFRESH));
    }

    fn user_event(&mut self, events: &ActiveEventLoop, wake: Wake) {
        match wake {
            // Taken at once, so that it does not count as missed.
            Wake::Picture if self.state.is_paused => self.take_picture(),
            Wake::Picture => {}
            Wake::Finished => events.exit(),
            Wake::Saved(Ok(path)) => self.say(format!("Saved {path}")),
            Wake::Saved(Err(reason)) => self.say(format!("Not saved: {reason}")),
        }
        self.request_redraw();
    }

    fn window_event(&mut self, events: &ActiveEventLoop, _window: WindowId, event: WindowEvent) {
        let command = match event {
            WindowEvent::CloseRequested => Some(Command::Close),
            WindowEvent::RedrawRequested => {
                if let Err(error) = self.draw() {
                    self.fail(error, events);
                }
                None
            }
            WindowEvent::Resized(size) => {
                if let Some((screen, painter)) = &mut self.screen {
                    screen.resize(painter, size);
                }
                Some(Command::Redraw)
            }
            WindowEvent::ModifiersChanged(modifiers) => {
                self.modifiers = modifiers.state();
                None
            }
            // Keys with these belong to the desktop.
            WindowEvent::KeyboardInput { .. }
                if self
                    .modifiers
                    .intersects(ModifiersState::CONTROL | ModifiersState::ALT | ModifiersState::SUPER) =>
            {
                None
            }
            WindowEvent::KeyboardInput { event, .. } if event.state == ElementState::Pressed => {
                key_of(&event).and_then(|key| self.state.press(key, event.repeat))
            }
            WindowEvent::CursorMoved { position, .. } => self.move_pointer(position.x),
            WindowEvent::MouseInput { state, button: MouseButton::Left, .. } => match state {
                ElementState::Pressed => self.state.grab(self.area().part(self.pointer)),
                ElementState::Released => {
                    self.state.release();
                    None
                }
            },
            _ => None,
        };
        if let Some(command) = command {
            self.execute(command, events);
        }
    }
}
