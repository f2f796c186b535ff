//! The desktop's keys as those that mean something here.

use super::state::Key;
use winit::event::KeyEvent;
use winit::keyboard::{Key as DesktopKey, KeyCode, NamedKey, PhysicalKey};

/// The key of an event. Where the keyboard writes other than Latin letters, keys go by their place on a common keyboard.
pub(super) fn key_of(event: &KeyEvent) -> Option<Key> {
    match &event.logical_key {
        DesktopKey::Named(NamedKey::Space) => Some(Key::Space),
        DesktopKey::Named(NamedKey::ArrowLeft) => Some(Key::Left),
        DesktopKey::Named(NamedKey::ArrowRight) => Some(Key::Right),
        DesktopKey::Named(NamedKey::Escape) => Some(Key::Escape),
        DesktopKey::Named(NamedKey::F11) => Some(Key::Function(11)),
        DesktopKey::Named(NamedKey::F12) => Some(Key::Function(12)),
        DesktopKey::Character(text) => match text.chars().next().filter(char::is_ascii) {
            Some(' ') => Some(Key::Space),
            Some(letter) => Some(Key::Character(letter.to_ascii_lowercase())),
            None => letter_at(event.physical_key),
        },
        _ => None,
    }
}

fn letter_at(key: PhysicalKey) -> Option<Key> {
    let letter = match key {
        PhysicalKey::Code(KeyCode::KeyC) => 'c',
        PhysicalKey::Code(KeyCode::KeyF) => 'f',
        PhysicalKey::Code(KeyCode::KeyH) => 'h',
        PhysicalKey::Code(KeyCode::KeyI) => 'i',
        PhysicalKey::Code(KeyCode::KeyP) => 'p',
        PhysicalKey::Code(KeyCode::KeyQ) => 'q',
        PhysicalKey::Code(KeyCode::KeyS) => 's',
        PhysicalKey::Code(KeyCode::KeyU) => 'u',
        _ => return None,
    };
    Some(Key::Character(letter))
}
