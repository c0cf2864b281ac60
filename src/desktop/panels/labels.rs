//! The list of labels, under their groups, and the layers they are drawn in.

use std::collections::BTreeMap;

use egui::{
    Color32, Key, RichText, Role, ScrollArea, Sense, Stroke, StrokeKind, TextEdit, Ui, Vec2, WidgetInfo,
};
use egui_material_icons::icons::{
    ICON_ADD, ICON_CHEVRON_RIGHT, ICON_DELETE, ICON_EXPAND_MORE, ICON_LAYERS, ICON_LOCK, ICON_LOCK_OPEN,
    ICON_VISIBILITY, ICON_VISIBILITY_OFF,
};

use crate::annotation::{Colour, Label};
use crate::case::EditError;
use crate::desktop::widgets::NameField;
use crate::desktop::{theme, widgets};
use crate::session::{Command, Session};
use crate::volume::Placement;

/// Width of a lock and the gap beside it: rows without one keep their eye below those of the others.
const LOCK: f32 = 26.0;
/// Greatest height of the list.
const LIST: f32 = 280.0;
/// From this many labels on there is a field to search them.
const MANY: usize = 6;

#[derive(Default)]
pub(super) struct LabelsPanel {
    renaming: Option<(u16, NameField)>,
    renaming_layer: Option<(usize, NameField)>,
    /// A label and the group it is being put into.
    grouping: Option<(u16, NameField)>,
    /// The colour being chosen; it becomes one step when the pointer is let go.
    recolouring: Option<(u16, Colour)>,
    sought: String,
    /// Whether the field was asked for, and whether it is to have the keyboard in this frame.
    searching: bool,
    focus_wanted: bool,
    /// The groups that are folded up.
    folded: Vec<String>,
    /// The active label when the list was drawn last.
    active: u16,
    pub(super) hovered: Option<u16>,
}

impl LabelsPanel {
    /// Shows the search field and puts the cursor into it.
    pub(super) fn search(&mut self) {
        self.searching = true;
        self.focus_wanted = true;
    }

    /// Opens the field for the name of the active label.
    pub(super) fn rename(&mut self, session: &Session) {
        let index = session.active_label();
        self.renaming = session.case().scheme().get(index).map(|label| (index, NameField::new(&label.name)));
    }

    /// Opens the field for the group of the active label.
    pub(super) fn group(&mut self, session: &Session) {
        let index = session.active_label();
        self.grouping = session.case().scheme().get(index).map(|label| (index, group_of(label)));
    }

    /// Opens the field for the name of the layer in hand.
    pub(super) fn rename_layer(&mut self, session: &Session) {
        let layer = session.layer();
        self.renaming_layer = Some((layer, NameField::new(&session.layer_name(layer))));
    }

    pub(super) fn show(&mut self, ui: &mut Ui, session: &mut Session) {
        widgets::section(ui, "Labels", |ui| {
            for (icon, command, name) in
                [(ICON_ADD, Command::NewLabel, "New label"), (ICON_LAYERS, Command::NewLayer, "New layer")]
            {
                if widgets::icon_button(ui, icon, name, &widgets::tooltip(command)).clicked() {
                    session.run(command);
                }
            }
        });
        self.hovered = None;
        self.show_layers(ui, session);
        let labels: Vec<(u16, Label)> =
            session.case().scheme().iter().map(|(index, label)| (index, label.clone())).collect();
        if labels.is_empty() {
            let weak = theme::palette(ui).weak;
            ui.label(RichText::new("The first stroke makes \"Label 1\".").color(weak));
        }
        if labels.len() >= MANY || self.searching {
            self.show_search(ui, session, &labels);
        }
        let mut groups: BTreeMap<Option<String>, Vec<(u16, Label)>> = BTreeMap::new();
        for (index, label) in labels.into_iter().filter(|(index, label)| self.is_sought(*index, label)) {
            groups.entry(label.group.clone()).or_default().push((index, label));
        }
        let active = session.active_label();
        // A long list leaves room for what lies below it.
        ScrollArea::vertical().id_salt("labels").max_height(LIST).auto_shrink([false, true]).show(ui, |ui| {
            for (group, labels) in groups {
                let indices: Vec<u16> = labels.iter().map(|(index, _)| *index).collect();
                let is_folded =
                    group.as_ref().is_some_and(|name| self.show_group(ui, session, name, &indices));
                if !is_folded || !self.sought.is_empty() {
                    for (index, label) in labels {
                        self.show_label(ui, session, index, &label);
                    }
                }
            }
        });
        self.active = active;
    }

    fn is_sought(&self, index: u16, label: &Label) -> bool {
        let sought = self.sought.trim().to_lowercase();
        let in_text = |text: &str| text.to_lowercase().contains(&sought);
        sought.is_empty()
            || in_text(&label.name)
            || label.group.as_deref().is_some_and(in_text)
            || index.to_string() == sought
    }

    fn show_search(&mut self, ui: &mut Ui, session: &mut Session, labels: &[(u16, Label)]) {
        let field =
            TextEdit::singleline(&mut self.sought).hint_text("Search labels").desired_width(f32::INFINITY);
        let response = ui.add(field);
        widgets::named(&response, Role::TextInput, "Search labels");
        if std::mem::take(&mut self.focus_wanted) {
            response.request_focus();
        }
        if response.lost_focus() {
            let (entered, dropped) =
                ui.input(|input| (input.key_pressed(Key::Enter), input.key_pressed(Key::Escape)));
            let first = labels.iter().find(|(index, label)| self.is_sought(*index, label));
            if let Some((index, _)) = first.filter(|_| entered) {
                session.activate_label(*index);
            }
            if entered || dropped {
                self.sought.clear();
            }
            self.searching = false;
        }
        response.on_hover_text(widgets::tooltip(Command::SearchLabels));
    }

    /// The layers, where there are several: which one is drawn on, and which are shown.
    fn show_layers(&mut self, ui: &mut Ui, session: &mut Session) {
        let count = session.case().layers().len();
        if count < 2 {
            return;
        }
        for layer in 0..count {
            let (name, chosen) = (session.layer_name(layer), session.layer() == layer);
            let (response, ()) = widgets::row(ui, chosen, &format!("Layer {name}"), |ui| {
                ui.label(ICON_LAYERS.rich_text().size(15.0).color(theme::palette(ui).weak));
                match &mut self.renaming_layer {
                    Some((other, field)) if *other == layer => {
                        if let Some(new) = widgets::name_field(ui, field, "Layer name", 140.0) {
                            if let Some(new) = new.filter(|new| *new != name) {
                                told(session.rename_layer(layer, &new));
                            }
                            self.renaming_layer = None;
                        }
                    }
                    _ => drop(ui.add(egui::Label::new(&name).truncate())),
                }
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    ui.add_space(LOCK);
                    let shown = session.case().is_layer_shown(layer);
                    let icons = [ICON_VISIBILITY_OFF, ICON_VISIBILITY];
                    let tooltip = if shown { "Hide this layer" } else { "Show this layer" };
                    if widgets::icon_toggle(ui, icons, shown, &format!("Layer {name} shown"), tooltip)
                        .clicked()
                    {
                        session.set_layer_shown(layer, !shown);
                    }
                });
            });
            if response.clicked() {
                session.set_layer(layer);
            }
            if response.double_clicked() {
                self.renaming_layer = Some((layer, NameField::new(&name)));
            }
            response.context_menu(|ui| {
                if ui.button("Rename layer").clicked() {
                    self.renaming_layer = Some((layer, NameField::new(&name)));
                }
                let remove =
                    ui.add_enabled(session.can_remove_layer(layer), egui::Button::new("Remove layer"));
                if remove.on_hover_text("The last layer, while it is empty").clicked() {
                    told(session.remove_layer(layer));
                }
            });
        }
        ui.add_space(4.0);
    }

    /// The heading of a group with one eye for all of it; whether it is folded up.
    fn show_group(&mut self, ui: &mut Ui, session: &mut Session, name: &str, labels: &[u16]) -> bool {
        let folded = self.folded.iter().any(|other| other == name);
        let (response, ()) = widgets::row(ui, false, &format!("Group {name}"), |ui| {
            let icon = if folded { ICON_CHEVRON_RIGHT } else { ICON_EXPAND_MORE };
            let weak = theme::palette(ui).weak;
            ui.label(icon.rich_text().size(16.0).color(weak));
            ui.label(RichText::new(name).font(theme::medium(12.5)));
            ui.label(RichText::new(labels.len().to_string()).small().color(weak));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.add_space(LOCK);
                let is_shown = |index: &u16| session.case().scheme().get(*index).is_some_and(|l| l.visible);
                let shown = labels.iter().any(is_shown);
                let icons = [ICON_VISIBILITY_OFF, ICON_VISIBILITY];
                let tooltip = if shown { "Hide the group" } else { "Show the group" };
                if widgets::icon_toggle(ui, icons, shown, &format!("Group {name} shown"), tooltip).clicked() {
                    session.set_labels_visible(labels, !shown);
                }
            });
        });
        if response.clicked() {
            match folded {
                true => self.folded.retain(|other| other != name),
                false => self.folded.push(name.to_owned()),
            }
        }
        folded
    }

    fn show_label(&mut self, ui: &mut Ui, session: &mut Session, index: u16, label: &Label) {
        let chosen = session.active_label() == index;
        let mut measured = Measured::of(session, index);
        let (response, ()) = widgets::row(ui, chosen, &format!("Label {index} {}", label.name), |ui| {
            self.swatch(ui, session, index, label);
            let is =
                |field: &Option<(u16, NameField)>| field.as_ref().is_some_and(|(other, _)| *other == index);
            if is(&self.renaming) || is(&self.grouping) {
                measured.shown.clear();
            }
            if is(&self.renaming) {
                self.name_field(ui, session, index, label);
            } else if is(&self.grouping) {
                self.group_field(ui, session, index, label);
            } else {
                let width = measured.room_beside(ui, &label.name);
                ui.allocate_ui_with_layout(
                    egui::vec2(width, theme::ROW),
                    egui::Layout::left_to_right(egui::Align::Center),
                    |ui| {
                        ui.set_min_width(width);
                        let name = ui.add(egui::Label::new(&label.name).truncate());
                        if let Some(code) = &label.code {
                            name.on_hover_text(format!("{} ({} {})", code.meaning, code.scheme, code.value));
                        }
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
                    told(session.set_label(index, Label { locked: !label.locked, ..label.clone() }));
                }
                let name = format!("{} shown", label.name);
                let tooltip = if label.visible { "Hide" } else { "Show" };
                let icons = [ICON_VISIBILITY_OFF, ICON_VISIBILITY];
                if widgets::icon_toggle(ui, icons, label.visible, &name, tooltip).clicked() {
                    session.set_label_visible(index, !label.visible);
                }
                let weak = theme::palette(ui).weak;
                let shown = ui.label(RichText::new(&measured.shown).small().color(weak));
                shown.on_hover_text(&measured.whole);
            });
        });
        if response.contains_pointer() {
            self.hovered = Some(index);
        }
        // A label taken by key, made or picked in a picture may be out of sight.
        if chosen && self.active != index {
            response.scroll_to_me(None);
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
            if ui.button("Put into a group…").clicked() {
                self.grouping = Some((index, group_of(label)));
            }
            if label.group.is_some() && ui.button("Take out of its group").clicked() {
                told(session.set_label(index, Label { group: None, ..label.clone() }));
            }
            show_palette(ui, session, index, label);
            let delete = egui::Button::new((ICON_DELETE.rich_text(), "Delete label and its voxels"));
            let response = ui.add_enabled(!label.locked, delete);
            widgets::named(&response, Role::Button, "Delete label and its voxels");
            if response.clicked() {
                told(session.delete_label(index));
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
            told(session.set_label(index, Label { color, ..label.clone() }));
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
            told(session.set_label(index, Label { name, ..label.clone() }));
        }
        self.renaming = None;
    }

    fn group_field(&mut self, ui: &mut Ui, session: &mut Session, index: u16, label: &Label) {
        let Some((_, field)) = &mut self.grouping else { return };
        let width = ui.available_width() - 60.0;
        let Some(group) = widgets::name_field(ui, field, "Group name", width) else { return };
        if let Some(group) = group.filter(|group| Some(group) != label.group.as_ref()) {
            told(session.set_label(index, Label { group: Some(group), ..label.clone() }));
        }
        self.grouping = None;
    }
}

/// The colours that everybody can tell apart, in one row.
fn show_palette(ui: &mut Ui, session: &mut Session, index: u16, label: &Label) {
    ui.horizontal(|ui| {
        for (name, color) in Colour::PALETTE {
            let (place, response) = ui.allocate_exact_size(Vec2::splat(20.0), Sense::click());
            let chosen = label.color == color;
            response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, name));
            let [r, g, b] = color.0;
            ui.painter().rect_filled(place.shrink(2.0), 4.0, Color32::from_rgb(r, g, b));
            if chosen || response.hovered() || response.has_focus() {
                let stroke = Stroke::new(1.5, theme::palette(ui).text);
                ui.painter().rect_stroke(place.shrink(1.0), 5.0, stroke, StrokeKind::Outside);
            }
            if response.on_hover_text(name).clicked() {
                told(session.set_label(index, Label { color, ..label.clone() }));
                ui.close();
            }
        }
    });
}

fn group_of(label: &Label) -> NameField {
    NameField::new(label.group.as_deref().unwrap_or("Group"))
}

fn told(made: Result<(), EditError>) {
    if let Err(error) = made {
        tracing::error!("labels were not changed: {error}");
    }
}

/// How much of a label there is: slices, and millilitres or, where the study knows no millimetres, pixels.
struct Measured {
    whole: String,
    shown: String,
    amount: String,
}

/// Width of what stands behind the numbers of a label: eye and lock.
const SWITCHES: f32 = 60.0;
/// The least that is left of a name.
const LEAST_NAME: f32 = 40.0;

impl Measured {
    fn of(session: &Session, index: u16) -> Self {
        let voxels = session.voxels_of(index);
        let volume = session.case().volume();
        let amount = match (volume.placement, voxels as f64 * volume.grid().voxel_mm3() / 1000.0) {
            _ if voxels == 0 => String::new(),
            (Placement::Pixels, _) => format!("{voxels} px"),
            (_, small) if small < 0.1 => format!("{:.0} µl", small * 1000.0),
            (_, small) if small < 100.0 => format!("{small:.2} ml"),
            (_, large) => format!("{large:.0} ml"),
        };
        let whole = match session.slices_of(index, 2) {
            _ if voxels == 0 || volume.grid().dims()[2] == 1 => amount.clone(),
            1 => format!("1 slice · {amount}"),
            slices => format!("{slices} slices · {amount}"),
        };
        Self { shown: whole.clone(), whole, amount }
    }

    /// The width that is left for a name. Where it would be cut the slices are told by the tooltip alone.
    fn room_beside(&mut self, ui: &Ui, name: &str) -> f32 {
        let wide = |text: &str, style: egui::TextStyle| widgets::width_of(ui, text, style);
        let gap = ui.spacing().item_spacing.x;
        let room =
            |text: &str| ui.available_width() - SWITCHES - wide(text, egui::TextStyle::Small) - 2.0 * gap;
        if wide(name, egui::TextStyle::Body) > room(&self.whole) {
            self.shown.clone_from(&self.amount);
        }
        room(&self.shown).max(LEAST_NAME)
    }
}
