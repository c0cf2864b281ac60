//! The steps made; a click goes there.

use egui::{RichText, ScrollArea, Ui};
use egui_material_icons::icons::{ICON_REDO, ICON_UNDO};

use crate::desktop::{theme, widgets};
use crate::session::{Command, Session};

/// Steps shown at once; older ones are counted.
const SHOWN: usize = 12;

/// What the list remembers between frames.
#[derive(Default)]
pub(super) struct HistoryPanel {
    /// How many steps were made when it was drawn last.
    made: usize,
}

impl HistoryPanel {
    pub(super) fn show(&mut self, ui: &mut Ui, session: &mut Session) {
        let made = session.history().forgotten() + session.history().done().len();
        let moved = std::mem::replace(&mut self.made, made) != made;
        show(ui, session, moved);
    }
}

/// Draws the list; the step where the case stands is brought into sight where it is another than before.
fn show(ui: &mut Ui, session: &mut Session, moved: bool) {
    let forgotten = session.history().forgotten();
    let done: Vec<String> = session.history().done().map(str::to_owned).collect();
    let undone: Vec<String> = session.history().undone().map(str::to_owned).collect();
    widgets::section(ui, "History", |ui| {
        for (icon, command, word) in
            [(ICON_REDO, Command::Redo, "Redo step"), (ICON_UNDO, Command::Undo, "Undo step")]
        {
            if widgets::icon_button(ui, icon, word, &widgets::tooltip(command)).clicked() {
                session.run(command);
            }
        }
    });
    let weak = theme::palette(ui).weak;
    let first = done.len().saturating_sub(SHOWN);
    let mut go_to = None;
    let opened = if first > 0 { format!("{first} earlier steps") } else { "As opened".to_owned() };
    ScrollArea::vertical().id_salt("steps").auto_shrink(false).show(ui, |ui| {
        let (response, ()) = widgets::row(ui, done.is_empty(), &opened, |ui| {
            ui.label(RichText::new(&opened).color(weak));
        });
        if done.is_empty() && moved {
            response.scroll_to_me(None);
        }
        if response.clicked() {
            go_to = Some(first);
        }
        for (number, name) in done.iter().enumerate().skip(first) {
            let is_here = number + 1 == done.len();
            let (response, ()) = widgets::row(ui, is_here, name, |ui| {
                // Many steps are called alike.
                let number = (forgotten + number + 1).to_string();
                ui.label(RichText::new(number).small().color(weak));
                ui.add(egui::Label::new(name).truncate());
            });
            if is_here && moved {
                response.scroll_to_me(None);
            }
            if response.clicked() {
                go_to = Some(number + 1);
            }
        }
        for (number, name) in undone.iter().take(SHOWN).enumerate() {
            let (response, ()) = widgets::row(ui, false, name, |ui| {
                let number = (forgotten + done.len() + number + 1).to_string();
                ui.label(RichText::new(number).small().color(theme::palette(ui).faint));
                ui.add(egui::Label::new(RichText::new(name).color(weak).italics()).truncate());
            });
            if response.clicked() {
                go_to = Some(done.len() + number + 1);
            }
        }
    });
    if let Some(steps) = go_to
        && let Err(error) = session.go_to_step(steps)
    {
        tracing::error!("the history could not go there: {error}");
    }
}
