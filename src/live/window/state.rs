//! What keys and the mouse do, without a window.

/// A key or a button of the mouse's work, as far as it means something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A letter or sign, in lower case.
    Character(char),
    /// The space bar.
    Space,
    /// The arrow to the left.
    Left,
    /// The arrow to the right.
    Right,
    /// Escape.
    Escape,
    /// A function key, by its number.
    Function(u8),
}

/// What the window has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Draw anew: what is shown has changed.
    Redraw,
    /// Let the picture stand, or go on.
    Pause(bool),
    /// Turn prediction on or off.
    TogglePrediction,
    /// Take the next way to enlarge.
    NextModel,
    /// Fill the screen, or be a window again.
    FullScreen(bool),
    /// Save the picture.
    Screenshot,
    /// End.
    Close,
}

/// How far an arrow key moves the divider, as a part of the picture's width.
const STEP: f64 = 0.02;

/// What the user has switched on and off. All switches are off in the beginning, and the divider is in the middle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowState {
    /// The picture stands.
    pub is_paused: bool,
    /// The source is shown at the left of the divider.
    pub is_split: bool,
    /// Where the divider is, as a part of the picture's width, 0 to 1.
    pub divider: f64,
    /// The statistics are shown.
    pub shows_statistics: bool,
    /// The keys are listed.
    pub shows_help: bool,
    /// The window fills the screen.
    pub is_full_screen: bool,
    pub(super) is_dragging: bool,
}

impl Default for WindowState {
    fn default() -> Self {
        Self {
            is_paused: false,
            is_split: false,
            divider: 0.5,
            shows_statistics: false,
            shows_help: false,
            is_full_screen: false,
            is_dragging: false,
        }
    }
}

impl WindowState {
    /// Keys and what they do, for people.
    pub const KEYS: [(&'static str, &'static str); 10] = [
        ("Space", "pause the picture; the run goes on"),
        ("S", "compare with the source"),
        ("Left Right", "move the divider, as the mouse does"),
        ("P", "prediction on or off"),
        ("U", "next way of enlarging"),
        ("I", "statistics"),
        ("F  F11", "full screen"),
        ("C  F12", "save the picture as PNG"),
        ("H  ?", "this list"),
        ("Q  Esc", "quit"),
    ];

    /// A key was pressed, or is held down (`is_repeat`): only the arrows do something again then.
    pub fn press(&mut self, key: Key, is_repeat: bool) -> Option<Command> {
        match key {
            Key::Left if self.is_split => return Some(self.move_divider(self.divider - STEP)),
            Key::Right if self.is_split => return Some(self.move_divider(self.divider + STEP)),
            _ if is_repeat => return None,
            _ => {}
        }
        Some(match key {
            Key::Space => {
                self.is_paused = !self.is_paused;
                Command::Pause(self.is_paused)
            }
            Key::Character('s') => {
                self.is_split = !self.is_split;
                self.is_dragging = false;
                Command::Redraw
            }
            Key::Character('i') => {
                self.shows_statistics = !self.shows_statistics;
                Command::Redraw
            }
            Key::Character('h' | '?') => {
                self.shows_help = !self.shows_help;
                Command::Redraw
            }
            Key::Character('p') => Command::TogglePrediction,
            Key::Character('u') => Command::NextModel,
            Key::Character('f') | Key::Function(11) => {
                self.is_full_screen = !self.is_full_screen;
                Command::FullScreen(self.is_full_screen)
            }
            Key::Character('c') | Key::Function(12) => Command::Screenshot,
            Key::Character('q') | Key::Escape => Command::Close,
            _ => return None,
        })
    }

    /// The mouse's main button was pressed at this part of the picture's width, 0 to 1.
    pub fn grab(&mut self, part: f64) -> Option<Command> {
        self.is_dragging = self.is_split;
        self.drag(part)
    }

    /// The mouse was moved to this part of the picture's width, 0 to 1.
    pub fn drag(&mut self, part: f64) -> Option<Command> {
        self.is_dragging.then(|| self.move_divider(part))
    }

    /// The mouse's main button was let go.
    pub const fn release(&mut self) {
        self.is_dragging = false;
    }

    fn move_divider(&mut self, part: f64) -> Command {
        self.divider = part.clamp(0.0, 1.0);
        Command::Redraw
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(state: &mut WindowState, key: char) -> Option<Command> {
        state.press(Key::Character(key), false)
    }

    #[test]
    fn keys_switch_on_and_off_again() {
        let mut state = WindowState::default();
        assert_eq!(state.press(Key::Space, false), Some(Command::Pause(true)));
        assert_eq!(state.press(Key::Space, false), Some(Command::Pause(false)));
        assert_eq!(state.press(Key::Function(11), false), Some(Command::FullScreen(true)));
        assert_eq!(pressed(&mut state, 'f'), Some(Command::FullScreen(false)));
        for key in ['s', 'i', '?'] {
            assert_eq!(pressed(&mut state, key), Some(Command::Redraw));
        }
        assert!(state.is_split && state.shows_statistics && state.shows_help);
        for key in ['s', 'i', 'h'] {
            assert_eq!(pressed(&mut state, key), Some(Command::Redraw));
        }
        assert_eq!(state, WindowState::default());
    }

    #[test]
    fn other_keys_leave_the_state_to_the_run() {
        let mut state = WindowState::default();
        assert_eq!(pressed(&mut state, 'p'), Some(Command::TogglePrediction));
        assert_eq!(pressed(&mut state, 'u'), Some(Command::NextModel));
        assert_eq!(pressed(&mut state, 'c'), Some(Command::Screenshot));
        assert_eq!(state.press(Key::Function(12), false), Some(Command::Screenshot));
        assert_eq!(pressed(&mut state, 'q'), Some(Command::Close));
        assert_eq!(state.press(Key::Escape, false), Some(Command::Close));
        assert_eq!(pressed(&mut state, 'x'), None);
        assert_eq!(state.press(Key::Function(1), false), None);
        assert_eq!(state, WindowState::default());
    }

    #[test]
    fn only_the_arrows_repeat() {
        let mut state = WindowState::default();
        assert_eq!(state.press(Key::Space, true), None);
        assert_eq!(state.press(Key::Left, false), None, "there is no divider");
        pressed(&mut state, 's');
        assert_eq!(state.press(Key::Left, false), Some(Command::Redraw));
        assert_eq!(state.press(Key::Left, true), Some(Command::Redraw));
        assert!((state.divider - 0.46).abs() < 1e-9);
        for _ in 0..100 {
            state.press(Key::Right, true);
        }
        assert!((state.divider - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_mouse_drags_the_divider_while_its_button_is_down() {
        let mut state = WindowState::default();
        assert_eq!(state.grab(0.3), None);
        assert_eq!(state.drag(0.4), None);
        state.release();
        pressed(&mut state, 's');
        assert_eq!(state.drag(0.4), None);
        assert_eq!(state.grab(0.3), Some(Command::Redraw));
        assert_eq!(state.drag(2.0), Some(Command::Redraw));
        assert!((state.divider - 1.0).abs() < 1e-9);
        state.release();
        assert_eq!(state.drag(0.4), None);
    }
}
