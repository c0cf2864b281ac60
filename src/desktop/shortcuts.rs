//! Keys: from what egui tells of the keyboard to commands, by the key map in force.

use std::cell::RefCell;
use std::rc::Rc;

use egui::{Event, Key, Modifiers, Popup};

use crate::session::{Chord, Command, KeyMap, Menu};

thread_local! {
    /// A window is drawn on one thread, and every tooltip on it names the same keys.
    static IN_FORCE: RefCell<Rc<KeyMap>> = RefCell::default();
}

/// From now on these keys count, on this thread.
pub(super) fn put_in_force(map: KeyMap) {
    IN_FORCE.set(Rc::new(map));
}

/// The keys that count.
pub(super) fn in_force() -> Rc<KeyMap> {
    IN_FORCE.with_borrow(Rc::clone)
}

/// A command that a key gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pressed {
    pub(super) command: Command,
    /// The key, to see when it is let go.
    pub(super) key: Key,
}

/// The commands whose keys were pressed in this frame; nothing else sees these keys. While a text field
/// has the focus there are none but such as hold Ctrl and leave the case as it is; while another control
/// has it, or a menu is open, the keys that work it are its own.
pub(super) fn pressed(ctx: &egui::Context) -> Vec<Pressed> {
    let typing = ctx.text_edit_focused();
    let on_control = ctx.memory(|memory| memory.focused().is_some()) || Popup::is_any_open(ctx);
    let map = in_force();
    let mut found = Vec::new();
    ctx.input_mut(|input| {
        input.events.retain(|event| {
            let Event::Key { key, pressed: true, repeat, modifiers, .. } = event else { return true };
            let chord = chord(*key, *modifiers);
            if on_control && !chord.ctrl && works_controls(*key) {
                return true;
            }
            let command =
                map.command(&chord).filter(|command| !typing || chord.ctrl && leaves_case(*command));
            let Some(command) = command else { return true };
            if !*repeat || command.repeats() {
                found.push(Pressed { command, key: *key });
            }
            false
        });
    });
    found
}

/// Whether a command may be meant by somebody who types.
fn leaves_case(command: Command) -> bool {
    command.info().is_some_and(|row| matches!(row.menu, Menu::File | Menu::View | Menu::Help))
}

/// Whether a key only changes what others mean.
pub(super) fn is_modifier(key: Key) -> bool {
    use Key::{AltLeft, AltRight, ControlLeft, ControlRight, ShiftLeft, ShiftRight, SuperLeft, SuperRight};
    let all = [AltLeft, AltRight, ControlLeft, ControlRight, ShiftLeft, ShiftRight, SuperLeft, SuperRight];
    all.contains(&key)
}

fn works_controls(key: Key) -> bool {
    let arrows = [Key::ArrowUp, Key::ArrowDown, Key::ArrowLeft, Key::ArrowRight];
    matches!(key, Key::Space | Key::Enter | Key::Escape) || arrows.contains(&key)
}

/// A key as the table writes it.
pub(super) fn chord(key: Key, held: Modifiers) -> Chord {
    // Where a sign lies on the keyboard, and whether Shift brings it forth, differs from land to land.
    let shift = held.shift && !is_shifted_sign(key);
    Chord { ctrl: held.command || held.ctrl, shift, alt: held.alt, key: key_name(key).to_owned() }
}

fn is_shifted_sign(key: Key) -> bool {
    matches!(
        key,
        Key::Questionmark
            | Key::Plus
            | Key::Colon
            | Key::Pipe
            | Key::Exclamationmark
            | Key::OpenCurlyBracket
            | Key::CloseCurlyBracket
            | Key::Quote
    )
}

/// What the table calls a key: a sign by itself, everything else by its name.
fn key_name(key: Key) -> &'static str {
    match key {
        Key::OpenBracket => "[",
        Key::CloseBracket => "]",
        Key::OpenCurlyBracket => "{",
        Key::CloseCurlyBracket => "}",
        Key::Minus => "-",
        Key::Equals => "=",
        Key::Plus => "+",
        Key::Comma => ",",
        Key::Period => ".",
        Key::Colon => ":",
        Key::Semicolon => ";",
        Key::Slash => "/",
        Key::Pipe => "|",
        Key::Questionmark => "?",
        Key::Exclamationmark => "!",
        Key::Quote => "'",
        other => other.name(),
    }
}

/// A key as a person reads it.
pub(super) fn spelled(chord: &Chord) -> String {
    let text = chord.to_string();
    let Some((_, key)) =
        [("Backtick", "`"), ("Backslash", "\\")].into_iter().find(|(name, _)| chord.key == *name)
    else {
        return text;
    };
    text.replace(&chord.key, key)
}

/// A command's first key, for menus and tooltips; empty without one.
pub(super) fn shown(command: Command) -> String {
    in_force().of(command).first().map_or(String::new(), spelled)
}

/// All keys of a command, in one line.
pub(super) fn all_shown(command: Command) -> String {
    in_force().of(command).iter().map(spelled).collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::PROFILES;

    #[test]
    fn every_key_of_every_profile_is_one_that_egui_tells() {
        for profile in PROFILES.iter() {
            for (written, command) in KeyMap::new([&profile.keys]).iter() {
                let key = Key::from_name(&written.key);
                let key = key.unwrap_or_else(|| panic!("{}: {written} of {command:?}", profile.name));
                let held = Modifiers {
                    ctrl: written.ctrl,
                    command: written.ctrl,
                    shift: written.shift,
                    alt: written.alt,
                    mac_cmd: false,
                };
                assert_eq!(chord(key, held), *written, "{}", profile.name);
            }
        }
    }

    #[test]
    fn signs_are_the_same_wherever_shift_is_needed_for_them() {
        assert_eq!(chord(Key::Questionmark, Modifiers::SHIFT), chord(Key::Questionmark, Modifiers::NONE));
        assert_ne!(chord(Key::B, Modifiers::SHIFT), chord(Key::B, Modifiers::NONE));
    }
}
