//! The steps made; a click goes there.

use egui::{RichText, ScrollArea, Ui};
use egui_material_icons::icons::{ICON_REDO, ICON_UNDO};

use crate::desktop::{theme, widgets};
use crate::session::{Command, Session};

/// Steps shown at once; older ones are counted.
const SHOWN: usize = 12;

pub(super) fn show(ui: &mut Ui, session: &mut Session) {
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
    ScrollArea::vertical().id_salt("steps").auto_shrink(false).stick_to_bottom(true).show(ui, |ui| {
        let (response, ()) = widgets::row(ui, done.is_empty(), &opened, |ui| {
            ui.label(RichText::new(&opened).color(weak));
        });
        if response.clicked() {
            go_to = Some(first);
        }
        for (number, name) in done.iter().enumerate().skip(first) {
            let (response, ()) = widgets::row(ui, number + 1 == done.len(), name, |ui| {
                ui.add(egui::Label::new(name).truncate());
            });
            if response.clicked() {
                go_to = Some(number + 1);
            }
        }
        for (number, name) in undone.iter().take(SHOWN).enumerate() {
            let (response, ()) = widgets::row(ui, false, name, |ui| {
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
