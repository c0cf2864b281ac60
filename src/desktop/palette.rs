//! The command palette: every command, every label and the files opened last, found by a few letters.

use std::path::{Path, PathBuf};

use egui::text::LayoutJob;
use egui::{Align2, Color32, Key, Modal, RichText, Role, ScrollArea, TextEdit, TextFormat, Ui, Vec2};
use egui_material_icons::MaterialIcon;
use egui_material_icons::icons::{ICON_HISTORY, ICON_LABEL, ICON_TERMINAL};

use super::fuzzy::{self, Found};
use super::{shortcuts, theme, widgets};
use crate::session::{COMMANDS, Command, CommandInfo, Session};

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

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Run(Command),
    Label(u16),
    Open(PathBuf),
}

/// One line of the palette.
struct Entry {
    target: Target,
    icon: MaterialIcon,
    name: String,
    tooltip: String,
    keys: String,
    enabled: bool,
}

/// What there is to be found.
pub(super) struct Findable<'a> {
    pub(super) session: Option<&'a Session>,
    pub(super) recent: &'a [PathBuf],
    pub(super) is_enabled: &'a dyn Fn(&CommandInfo) -> bool,
}

/// A name that only its tooltip brings up stands below all others.
const BY_TOOLTIP: i32 = -1000;

impl CommandPalette {
    pub(super) fn show(&mut self, ctx: &egui::Context, findable: &Findable<'_>) -> Outcome<Target> {
        let mut outcome = Outcome::Open;
        let entries = entries(findable);
        let (up, down, enter) = ctx.input_mut(|input| {
            let none = egui::Modifiers::NONE;
            (
                input.consume_key(none, Key::ArrowUp),
                input.consume_key(none, Key::ArrowDown),
                input.consume_key(none, Key::Enter),
            )
        });
        let id = egui::Id::unique("palette");
        // It stays where it is while the list below it grows and shrinks.
        let area = Modal::default_area(id).anchor(Align2::CENTER_TOP, Vec2::new(0.0, 72.0));
        let modal = Modal::new(id).area(area).frame(theme::dialog_frame(ctx)).show(ctx, |ui| {
            ui.set_width(520.0_f32.min(ctx.content_rect().width() - 80.0));
            let field = ui.add(
                TextEdit::singleline(&mut self.words)
                    .hint_text("Find a command, a label or a recent file")
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
            // Only now is known what was typed in this frame.
            let found = matching(&self.words, &entries);
            let last = found.len().saturating_sub(1);
            self.chosen = (self.chosen + usize::from(down)).saturating_sub(usize::from(up)).min(last);
            if let Some((entry, _)) = found.get(self.chosen).filter(|(entry, _)| enter && entry.enabled) {
                outcome = Outcome::Chosen(entry.target.clone());
            }
            ui.add_space(6.0);
            let height = (ctx.content_rect().height() - 160.0).clamp(120.0, 360.0);
            // The area remembers how high it was; a longer list than before makes it grow again.
            let list = ScrollArea::vertical().max_height(height).min_scrolled_height(height);
            list.auto_shrink([false, true]).show(ui, |ui| {
                for (number, (entry, found)) in found.iter().enumerate() {
                    let response = entry_row(ui, entry, found, number == self.chosen);
                    if number == self.chosen && (up || down) {
                        response.scroll_to_me(None);
                    }
                    if response.clicked() && entry.enabled {
                        outcome = Outcome::Chosen(entry.target.clone());
                    }
                }
                if found.is_empty() {
                    ui.label(RichText::new("Nothing of that name").color(theme::palette(ui).weak));
                }
            });
        });
        match outcome {
            Outcome::Open if modal.should_close() => Outcome::Closed,
            outcome => outcome,
        }
    }
}

fn entries(findable: &Findable<'_>) -> Vec<Entry> {
    let commands = COMMANDS.iter().map(|row| Entry {
        target: Target::Run(row.command),
        icon: ICON_TERMINAL,
        name: row.name.to_owned(),
        tooltip: row.tooltip.to_owned(),
        keys: shortcuts::all_shown(row.command),
        enabled: (findable.is_enabled)(row),
    });
    let mut entries: Vec<Entry> = commands.collect();
    if let Some(session) = findable.session {
        let own = session.case().volume().suggested_windows.iter().enumerate();
        entries.extend(own.map(|(number, suggested)| Entry {
            target: Target::Run(Command::OwnWindow(number)),
            icon: ICON_TERMINAL,
            name: format!("Window: {}", suggested.name),
            tooltip: widgets::own_window_tooltip(suggested),
            keys: String::new(),
            enabled: true,
        }));
        entries.extend(session.case().scheme().iter().map(|(index, label)| Entry {
            target: Target::Label(index),
            icon: ICON_LABEL,
            name: label.name.clone(),
            tooltip: format!("Draw with label {index}"),
            keys: shortcuts::shown(Command::Label(index)),
            enabled: true,
        }));
    }
    entries.extend(findable.recent.iter().map(|path| Entry {
        target: Target::Open(path.clone()),
        icon: ICON_HISTORY,
        name: file_name(path),
        tooltip: format!("Open {}", path.display()),
        keys: String::new(),
        enabled: true,
    }));
    entries
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The entries that were meant, the likeliest first.
fn matching<'a>(words: &str, entries: &'a [Entry]) -> Vec<(&'a Entry, Found)> {
    let by_tooltip = |entry: &Entry| {
        let text = entry.tooltip.to_lowercase();
        let all = words.to_lowercase().split_whitespace().all(|word| text.contains(word));
        all.then_some(Found { score: BY_TOOLTIP, places: Vec::new() })
    };
    let found =
        |entry: &'a Entry| Some((entry, fuzzy::find(words, &entry.name).or_else(|| by_tooltip(entry))?));
    let mut found: Vec<(&Entry, Found)> = entries.iter().filter_map(found).collect();
    if !words.trim().is_empty() {
        // What cannot be done now stands below what can.
        found.sort_by_key(|(entry, found)| std::cmp::Reverse((entry.enabled, found.score)));
    }
    found
}

fn entry_row(ui: &mut Ui, entry: &Entry, found: &Found, chosen: bool) -> egui::Response {
    let colours = theme::palette(ui);
    let text = if entry.enabled { colours.text } else { colours.faint };
    let (response, ()) = widgets::row(ui, chosen, &entry.name, |ui| {
        ui.label(entry.icon.rich_text().size(14.0).color(colours.weak));
        ui.add(egui::Label::new(lit(&entry.name, &found.places, text, colours.accent)).truncate());
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.label(RichText::new(&entry.keys).color(colours.weak));
        });
    });
    response.on_hover_text(&entry.tooltip)
}

/// A name in which the typed letters stand out.
fn lit(name: &str, places: &[usize], text: Color32, accent: Color32) -> LayoutJob {
    let mut job = LayoutJob::default();
    for (place, letter) in name.chars().enumerate() {
        let is_typed = places.binary_search(&place).is_ok();
        let font = if is_typed { theme::medium(13.0) } else { egui::FontId::proportional(13.0) };
        let colour = if is_typed { accent } else { text };
        job.append(letter.encode_utf8(&mut [0; 4]), 0.0, TextFormat::simple(font, colour));
    }
    job
}
