//! The list of labels.

use egui::{Color32, RichText, Role, ScrollArea, Ui};
use egui_material_icons::icons::{
    ICON_ADD, ICON_DELETE, ICON_LOCK, ICON_LOCK_OPEN, ICON_VISIBILITY, ICON_VISIBILITY_OFF,
};

use crate::annotation::{Colour, Label};
use crate::desktop::widgets::NameField;
use crate::desktop::{theme, widgets};
use crate::session::{Command, Session};

/// Greatest height of the list.
const LIST: f32 = 280.0;

#[derive(Default)]
pub(super) struct LabelsPanel {
    renaming: Option<(u16, NameField)>,
    /// The colour being chosen; it becomes one step when the pointer is let go.
    recolouring: Option<(u16, Colour)>,
    pub(super) hovered: Option<u16>,
}

impl LabelsPanel {
    pub(super) fn show(&mut self, ui: &mut Ui, session: &mut Session) {
        widgets::section(ui, "Labels", |ui| {
            let tooltip = widgets::tooltip(Command::NewLabel);
            if widgets::icon_button(ui, ICON_ADD, "New label", &tooltip).clicked() {
                session.run(Command::NewLabel);
            }
        });
        let labels: Vec<(u16, Label)> =
            session.case().scheme().iter().map(|(index, label)| (index, label.clone())).collect();
        if labels.is_empty() {
            let weak = theme::palette(ui).weak;
            ui.label(RichText::new("The first stroke makes \"Label 1\".").color(weak));
        }
        self.hovered = None;
        // A long list leaves room for what lies below it.
        ScrollArea::vertical().id_salt("labels").max_height(LIST).auto_shrink([false, true]).show(ui, |ui| {
            for (index, label) in labels {
                self.show_label(ui, session, index, &label);
            }
        });
    }

    fn show_label(&mut self, ui: &mut Ui, session: &mut Session, index: u16, label: &Label) {
        let chosen = session.active_label() == index;
        let measure = measure(session, index);
        let (response, ()) = widgets::row(ui, chosen, &format!("Label {index} {}", label.name), |ui| {
            self.swatch(ui, session, index, label);
            let is_renamed = self.renaming.as_ref().is_some_and(|(other, _)| *other == index);
            if is_renamed {
                self.name_field(ui, session, index, label);
            } else {
                let width = (ui.available_width() - 126.0).max(40.0);
                ui.allocate_ui_with_layout(
                    egui::vec2(width, theme::ROW),
                    egui::Layout::left_to_right(egui::Align::Center),
                    |ui| {
                        ui.set_min_width(width);
                        ui.add(egui::Label::new(&label.name).truncate());
                    },
                );
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let name = format!("{} locked", label.name);
                let tooltip = if label.locked {
                    "Locked: nothing writes over it. Click to unlock"
                } else {
                    "Lock: nothing shall write over it"
                };
                if widgets::icon_toggle(ui, [ICON_LOCK_OPEN, ICON_LOCK], label.locked, &name, tooltip)
                    .clicked()
                {
                    set(session, index, Label { locked: !label.locked, ..label.clone() });
                }
                let name = format!("{} shown", label.name);
                let tooltip = if label.visible { "Hide" } else { "Show" };
                if widgets::icon_toggle(
                    ui,
                    [ICON_VISIBILITY_OFF, ICON_VISIBILITY],
                    label.visible,
                    &name,
                    tooltip,
                )
                .clicked()
                {
                    session.set_label_visible(index, !label.visible);
                }
                let weak = theme::palette(ui).weak;
                ui.label(RichText::new(measure).small().color(weak));
            });
        });
        if response.contains_pointer() {
            self.hovered = Some(index);
        }
        if response.clicked() {
            session.activate_label(index);
        }
        if response.double_clicked() {
            self.renaming = Some((index, NameField::new(&label.name)));
        }
        response.context_menu(|ui| {
            if ui.button("Rename").clicked() {
                self.renaming = Some((index, NameField::new(&label.name)));
            }
            let delete = egui::Button::new((ICON_DELETE.rich_text(), "Delete label and its voxels"));
            let response = ui.add_enabled(!label.locked, delete);
            widgets::named(&response, Role::Button, "Delete label and its voxels");
            if response.clicked()
                && let Err(error) = session.delete_label(index)
            {
                tracing::error!("a label was not deleted: {error}");
            }
        });
    }

    fn swatch(&mut self, ui: &mut Ui, session: &mut Session, index: u16, label: &Label) {
        let chosen = self.recolouring.filter(|(other, _)| *other == index).map(|(_, colour)| colour);
        let [r, g, b] = chosen.unwrap_or(label.color).0;
        let mut colour = Color32::from_rgb(r, g, b);
        ui.spacing_mut().interact_size = egui::vec2(18.0, 16.0);
        let response =
            egui::color_picker::color_edit_button_srgba(ui, &mut colour, egui::color_picker::Alpha::Opaque);
        widgets::named(&response, Role::ColorWell, &format!("Colour of {}", label.name));
        if response.changed() {
            self.recolouring = Some((index, Colour([colour.r(), colour.g(), colour.b()])));
        }
        if let Some(color) = chosen.filter(|_| !ui.input(|input| input.pointer.any_down())) {
            set(session, index, Label { color, ..label.clone() });
            self.recolouring = None;
        }
        let weak = theme::palette(ui).weak;
        ui.label(RichText::new(index.to_string()).small().color(weak));
    }

    fn name_field(&mut self, ui: &mut Ui, session: &mut Session, index: u16, label: &Label) {
        let Some((_, field)) = &mut self.renaming else { return };
        let width = ui.available_width() - 60.0;
        let Some(name) = widgets::name_field(ui, field, "Label name", width) else { return };
        if let Some(name) = name.filter(|name| *name != label.name) {
            set(session, index, Label { name, ..label.clone() });
        }
        self.renaming = None;
    }
}

fn set(session: &mut Session, index: u16, label: Label) {
    if let Err(error) = session.set_label(index, label) {
        tracing::error!("a label was not changed: {error}");
    }
}

/// Volume in millilitres, or in voxels where the study knows no millimetres.
fn measure(session: &Session, index: u16) -> String {
    let voxels = session.voxels_of(index);
    let volume = session.case().volume();
    if voxels == 0 {
        return String::new();
    }
    if volume.placement == crate::volume::Placement::Pixels {
        return format!("{voxels} px");
    }
    let millilitres = voxels as f64 * volume.grid().voxel_mm3() / 1000.0;
    match millilitres {
        small if small < 0.1 => format!("{:.0} µl", small * 1000.0),
        small if small < 100.0 => format!("{small:.2} ml"),
        large => format!("{large:.0} ml"),
    }
}
