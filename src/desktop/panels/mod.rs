//! The panel at the right: labels, the tool in hand, boxes and landmarks, the form, the steps made.

mod form;
mod history;
mod labels;
mod objects;
mod tool;
mod trial;

use egui::{Frame, Margin, Panel, ScrollArea, Ui};

use crate::session::{Command, Session};

/// What the panels remember between frames.
#[derive(Default)]
pub(super) struct Panels {
    labels: labels::LabelsPanel,
    objects: objects::ObjectsPanel,
    form: form::FormPanel,
    history: history::HistoryPanel,
}

/// Height of the steps at first, in points.
const HISTORY: f32 = 168.0;

impl Panels {
    /// Draws all sections; a command that one of them gave.
    pub(super) fn show(&mut self, ui: &mut Ui, session: &mut Session) -> Option<Command> {
        // However long the rest grows, the steps stay in sight.
        let most = (ui.available_height() * 0.5).max(HISTORY);
        Panel::bottom("history")
            .resizable(true)
            .default_size(HISTORY)
            .size_range(HISTORY / 2.0..=most)
            .frame(Frame::new().inner_margin(Margin { top: 4, ..Margin::ZERO }))
            .show(ui, |ui| self.history.show(ui, session));
        let sections = ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            self.labels.show(ui, session);
            trial::show(ui, session);
            tool::show(ui, session);
            self.objects.show(ui, session);
            let command = self.form.show(ui, session);
            ui.add_space(12.0);
            command
        });
        sections.inner
    }

    /// Begins to name the active label anew.
    pub(super) fn rename_label(&mut self, session: &Session) {
        self.labels.rename(session);
    }

    /// Begins to put the active label into a group.
    pub(super) fn group_label(&mut self, session: &Session) {
        self.labels.group(session);
    }

    /// Begins to name the layer in hand anew.
    pub(super) fn rename_layer(&mut self, session: &Session) {
        self.labels.rename_layer(session);
    }

    /// Puts the cursor into the search field of the labels.
    pub(super) fn search_labels(&mut self) {
        self.labels.search();
    }

    /// The label under the pointer in the list, which the pictures bring out.
    pub(super) fn hovered_label(&self) -> Option<u16> {
        self.labels.hovered
    }
}
