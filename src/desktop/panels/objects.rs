//! The list of boxes, landmarks and measurements.

use egui::{Response, RichText, Ui};
use egui_material_icons::icons::{
    ICON_CIRCLE, ICON_CROP_SQUARE, ICON_DELETE, ICON_LOCATION_ON, ICON_RECTANGLE, ICON_SQUARE_FOOT,
    ICON_STRAIGHTEN,
};

use crate::annotation::{Annotation, AnnotationId, Shape};
use crate::desktop::widgets::NameField;
use crate::desktop::{bars, theme, tool_marks, widgets};
use crate::session::{Command, Session};

#[derive(Default)]
pub(super) struct ObjectsPanel {
    renaming: Option<(AnnotationId, NameField)>,
    /// How many there were when they were drawn last.
    count: usize,
}

impl ObjectsPanel {
    pub(super) fn show(&mut self, ui: &mut Ui, session: &mut Session) {
        let annotations = session.case().annotations().to_vec();
        widgets::section(ui, "Boxes, landmarks, measurements", |_| {});
        if annotations.is_empty() {
            let weak = theme::palette(ui).weak;
            ui.label(RichText::new("None yet. R draws a box, K places a landmark, M measures.").color(weak));
        }
        let grew = std::mem::replace(&mut self.count, annotations.len()) + 1 == annotations.len();
        for annotation in annotations {
            let row = self.show_annotation(ui, session, &annotation);
            if grew && session.selected().is_some_and(|selected| selected.id == annotation.id) {
                row.scroll_to_me(None);
            }
        }
    }

    fn show_annotation(&mut self, ui: &mut Ui, session: &mut Session, annotation: &Annotation) -> Response {
        let id = annotation.id;
        let chosen = session.selected().is_some_and(|selected| selected.id == id);
        let (icon, measure) = match annotation.shape {
            Shape::Box(shape) => {
                let [a, b, c] = shape.half_mm.map(|half| half * 2.0);
                (ICON_CROP_SQUARE, format!("{a:.0} × {b:.0} × {c:.0} mm"))
            }
            Shape::Landmark(point) => {
                (ICON_LOCATION_ON, bars::place_words(session.case().volume().placement, point))
            }
            Shape::Ruler(_) => (ICON_STRAIGHTEN, measured(session, annotation)),
            Shape::Angle(_) => (ICON_SQUARE_FOOT, measured(session, annotation)),
            Shape::Ellipse(_) => (ICON_CIRCLE, measured(session, annotation)),
            Shape::Rectangle(_) => (ICON_RECTANGLE, measured(session, annotation)),
        };
        let mut delete = false;
        let (response, ()) = widgets::row(ui, chosen, &annotation.name, |ui| {
            ui.label(icon.rich_text().size(15.0).color(theme::palette(ui).weak));
            if self.renaming.as_ref().is_some_and(|(other, _)| *other == id) {
                self.name_field(ui, session, annotation);
            } else {
                let beside = if chosen { theme::ROW } else { 0.0 }
                    + widgets::width_of(ui, &measure, egui::TextStyle::Small)
                    + 12.0;
                let width = (ui.available_width() - beside).max(40.0);
                ui.allocate_ui_with_layout(
                    egui::vec2(width, theme::ROW),
                    egui::Layout::left_to_right(egui::Align::Center),
                    |ui| {
                        ui.set_min_width(width);
                        ui.add(egui::Label::new(&annotation.name).truncate());
                    },
                );
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if chosen {
                    let name = format!("Delete {}", annotation.name);
                    let tooltip = widgets::tip("Delete", &[Command::DeleteSelected]);
                    delete = widgets::icon_button(ui, ICON_DELETE, &name, &tooltip).clicked();
                }
                ui.label(RichText::new(measure).small().color(theme::palette(ui).weak));
            });
        });
        if response.clicked() {
            session.select(Some(id));
        }
        if response.double_clicked() {
            self.renaming = Some((id, NameField::new(&annotation.name)));
        }
        if delete && let Err(error) = session.delete_annotation(id) {
            tracing::error!("{} was not deleted: {error}", annotation.name);
        }
        response
    }

    fn name_field(&mut self, ui: &mut Ui, session: &mut Session, annotation: &Annotation) {
        let Some((_, field)) = &mut self.renaming else { return };
        let Some(name) = widgets::name_field(ui, field, "Name", 110.0) else { return };
        if let Some(name) = name
            && let Err(error) = session.rename_annotation(annotation.id, &name)
        {
            tracing::error!("{} was not renamed: {error}", annotation.name);
        }
        self.renaming = None;
    }
}

fn measured(session: &Session, annotation: &Annotation) -> String {
    session.measured(annotation.id).map_or(String::new(), |measured| tool_marks::in_words(session, &measured))
}
