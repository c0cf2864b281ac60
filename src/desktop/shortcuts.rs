//! Keys from the command table, as egui knows them.

use egui::{Key, KeyboardShortcut, Modifiers};

use crate::session::{COMMANDS, Command};

/// A key of the table as egui's shortcut.
pub(super) fn parse(text: &str) -> Option<KeyboardShortcut> {
    let mut modifiers = Modifiers::NONE;
    let mut rest = text;
    while let Some((word, after)) = rest.split_once('+').filter(|(word, _)| !word.is_empty()) {
        modifiers |= match word {
            "Ctrl" => Modifiers::COMMAND,
            "Shift" => Modifiers::SHIFT,
            "Alt" => Modifiers::ALT,
            _ => return None,
        };
        rest = after;
    }
    let key = match rest {
        "Up" => Key::ArrowUp,
        "Down" => Key::ArrowDown,
        "Left" => Key::ArrowLeft,
        "Right" => Key::ArrowRight,
        name => Key::from_name(name)?,
    };
    Some(KeyboardShortcut::new(modifiers, key))
}

/// The commands whose keys were pressed in this frame. Nothing while a text field has the focus, but
/// for what holds Ctrl and Esc.
pub(super) fn pressed(ctx: &egui::Context) -> Vec<Command> {
    let typing = ctx.text_edit_focused();
    let mut rows: Vec<(KeyboardShortcut, Command)> = COMMANDS
        .iter()
        .flat_map(|row| row.keys.iter().filter_map(|key| Some((parse(key)?, row.command))))
        .collect();
    // Ctrl+Shift+Z before Ctrl+Z: egui lets a shortcut pass with more modifiers held than it names.
    rows.sort_by_key(|(shortcut, _)| {
        let m = shortcut.modifiers;
        std::cmp::Reverse(u8::from(m.command) + u8::from(m.shift) + u8::from(m.alt))
    });
    ctx.input_mut(|input| {
        let may = |shortcut: &KeyboardShortcut| !typing || shortcut.modifiers.command;
        let taken = rows.into_iter().filter(|(shortcut, _)| may(shortcut));
        taken.filter(|(shortcut, _)| input.consume_shortcut(shortcut)).map(|(_, command)| command).collect()
    })
}

/// A command's first key, for menus and tooltips; empty without one.
pub(super) fn shown(command: Command) -> &'static str {
    match command.info().and_then(|row| row.keys.first()) {
        Some(&"Backtick") => "`",
        Some(key) => key,
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_table_is_one_that_egui_knows() {
        for row in COMMANDS {
            for key in row.keys {
                assert!(parse(key).is_some(), "{key} of {}", row.name);
            }
        }
    }
}
