//! The command palette and the key sheet, both drawn from the command table.

use egui::{Key, Modal, RichText, Role, ScrollArea, TextEdit, Ui};

use super::{theme, widgets};
use crate::session::{COMMANDS, Command, CommandInfo};
use crate::volume::SuggestedWindow;

/// The command palette, while it is open.
#[derive(Default)]
pub(super) struct CommandPalette {
    words: String,
    chosen: usize,
    had_focus: bool,
}

/// What a dialog came to.
pub(super) enum Outcome<T> {
    Open,
    Closed,
    Chosen(T),
}

impl CommandPalette {
    /// `own` are the windows that the study asks for, beside the commands of every study.
    pub(super) fn show(&mut self, ctx: &egui::Context, own: &[SuggestedWindow]) -> Outcome<Command> {
        let mut outcome = Outcome::Open;
        let mut found: Vec<Entry> = COMMANDS.iter().map(Entry::of).chain(own_windows(own)).collect();
        found.retain(|entry| entry.matches(&self.words));
        let (up, down, enter) = ctx.input_mut(|input| {
            let none = egui::Modifiers::NONE;
            (
                input.consume_key(none, Key::ArrowUp),
                input.consume_key(none, Key::ArrowDown),
                input.consume_key(none, Key::Enter),
            )
        });
        let last = found.len().saturating_sub(1);
        self.chosen = (self.chosen + usize::from(down)).saturating_sub(usize::from(up)).min(last);
        let modal = Modal::new(egui::Id::unique("palette")).frame(theme::dialog_frame(ctx)).show(ctx, |ui| {
            ui.set_width(420.0);
            let field = ui.add(
                TextEdit::singleline(&mut self.words)
                    .hint_text("Find a command")
                    .desired_width(f32::INFINITY),
            );
            widgets::named(&field, Role::TextInput, "Find a command");
            if !self.had_focus {
                field.request_focus();
                self.had_focus = true;
            }
            if field.changed() {
                self.chosen = 0;
            }
            ui.add_space(6.0);
            ScrollArea::vertical().max_height(320.0).auto_shrink([false, true]).show(ui, |ui| {
                for (number, row) in found.iter().enumerate() {
                    let response = command_row(ui, row, number == self.chosen);
                    if number == self.chosen && (up || down) {
                        response.scroll_to_me(None);
                    }
                    if response.clicked() {
                        outcome = Outcome::Chosen(row.command);
                    }
                }
                if found.is_empty() {
                    ui.label(RichText::new("No such command").color(theme::palette(ui).weak));
                }
            });
        });
        if enter && let Some(row) = found.get(self.chosen) {
            return Outcome::Chosen(row.command);
        }
        if modal.should_close() { Outcome::Closed } else { outcome }
    }
}

/// One line of the palette.
struct Entry {
    command: Command,
    name: String,
    tooltip: String,
    keys: String,
}

impl Entry {
    fn of(row: &CommandInfo) -> Self {
        Self {
            command: row.command,
            name: row.name.to_owned(),
            tooltip: row.tooltip.to_owned(),
            keys: keys(row),
        }
    }

    /// Whether every word typed stands in the name or tooltip, in any order.
    fn matches(&self, words: &str) -> bool {
        let text = format!("{} {}", self.name, self.tooltip).to_lowercase();
        words.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }
}

fn own_windows(own: &[SuggestedWindow]) -> impl Iterator<Item = Entry> {
    own.iter().enumerate().map(|(number, suggested)| Entry {
        command: Command::OwnWindow(number),
        name: format!("Window: {}", suggested.name),
        tooltip: widgets::own_window_tooltip(suggested),
        keys: String::new(),
    })
}

fn command_row(ui: &mut Ui, entry: &Entry, chosen: bool) -> egui::Response {
    let weak = theme::palette(ui).weak;
    let (response, ()) = widgets::row(ui, chosen, &entry.name, |ui| {
        ui.label(&entry.name);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.label(RichText::new(&entry.keys).color(weak));
        });
    });
    response.on_hover_text(&entry.tooltip)
}

fn keys(row: &CommandInfo) -> String {
    row.keys.join("  ").replace("Backtick", "`")
}

/// The mouse's part of the key sheet.
const MOUSE: &[(&str, &str)] = &[
    ("Wheel", "slice, also in mid-stroke"),
    ("Ctrl+wheel", "zoom at the pointer"),
    ("Shift+wheel", "brush size"),
    ("Alt+wheel", "label opacity"),
    ("Middle drag, Space+drag", "pan"),
    ("Right drag", "zoom; with a brush: erase"),
    ("Ctrl+drag", "exchange painting and erasing"),
    ("Alt+click", "pick the label under the pointer"),
    ("Shift+move", "the crosshair follows"),
    ("Double click", "one view alone, with Navigate"),
];

/// Draws the key sheet; `true` when it is to be closed.
pub(super) fn show_key_sheet(ctx: &egui::Context) -> bool {
    let modal = Modal::new(egui::Id::unique("key sheet")).frame(theme::dialog_frame(ctx)).show(ctx, |ui| {
        ui.set_width(780.0);
        ui.heading("Keys");
        ui.add_space(8.0);
        ScrollArea::vertical().max_height(460.0).auto_shrink([false, true]).show(ui, |ui| {
            ui.columns(2, |columns| {
                let rows: Vec<(String, &str)> = COMMANDS
                    .iter()
                    .filter(|row| !row.keys.is_empty())
                    .map(|row| (keys(row), row.name))
                    .collect();
                let half = rows.len().div_ceil(2) + MOUSE.len() / 2;
                for (number, (keys, name)) in rows.iter().enumerate() {
                    key_line(&mut columns[usize::from(number >= half)], keys, name);
                }
                let right = &mut columns[1];
                right.add_space(8.0);
                for (gesture, does) in MOUSE {
                    key_line(right, gesture, does);
                }
            });
        });
        ui.add_space(8.0);
        ui.button("Close").clicked()
    });
    modal.inner || modal.should_close()
}

fn key_line(ui: &mut Ui, keys: &str, name: &str) {
    const KEYS: f32 = 160.0;
    ui.horizontal(|ui| {
        let weak = theme::palette(ui).weak;
        ui.allocate_ui_with_layout(
            egui::vec2(KEYS, 18.0),
            egui::Layout::left_to_right(egui::Align::Center),
            |ui| {
                ui.set_min_width(KEYS);
                ui.set_max_width(KEYS);
                ui.add(egui::Label::new(RichText::new(keys).font(theme::medium(12.0))).truncate());
            },
        );
        ui.add(egui::Label::new(RichText::new(name).color(weak)).truncate());
    });
}
