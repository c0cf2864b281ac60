//! The window before a study is open: a place to drop one, what was open last, and samples.

use std::path::PathBuf;

use egui::{Align, Layout, RichText, Role, Stroke, StrokeKind, Ui, Vec2};
use egui_material_icons::icons::{
    ICON_CHECKLIST, ICON_FILE_OPEN, ICON_FOLDER_OPEN, ICON_HISTORY, ICON_NEUROLOGY,
};

use super::{samples, theme, widgets};
use crate::session::Command;

/// What was asked for.
pub(super) enum Wish {
    Run(Command),
    Open(PathBuf),
}

pub(super) fn show(ui: &mut Ui, recent: &[PathBuf]) -> Option<Wish> {
    let mut wish = None;
    let colours = theme::palette(ui);
    let area = ui.available_rect_before_wrap();
    let size = Vec2::new(600.0_f32.min(area.width() - 40.0), 500.0_f32.min(area.height() - 20.0));
    let card = egui::Rect::from_center_size(area.center(), size);
    let hovering = ui.input(|input| !input.raw.hovered_files.is_empty());
    let stroke = Stroke::new(1.5, if hovering { colours.accent } else { colours.hovered });
    ui.painter().rect(card, 14.0, colours.raised, stroke, StrokeKind::Inside);
    ui.scope_builder(
        egui::UiBuilder::new().max_rect(card.shrink(28.0)).layout(Layout::top_down(Align::Center)),
        |ui| {
            ui.add_space(8.0);
            ui.label(RichText::new("Annotomy").font(theme::medium(26.0)));
            ui.add_space(2.0);
            ui.label(
                RichText::new("Drop an image or volume here, or a folder of DICOM files").color(colours.weak),
            );
            ui.add_space(14.0);
            ui.horizontal(|ui| {
                let width = 3.0 * 150.0 + 2.0 * ui.spacing().item_spacing.x;
                ui.add_space(((ui.available_width() - width) / 2.0).max(0.0));
                for (icon, word, command) in [
                    (ICON_FILE_OPEN, "Open file…", Command::OpenFile),
                    (ICON_FOLDER_OPEN, "Open folder…", Command::OpenFolder),
                    (ICON_CHECKLIST, "Open worklist…", Command::OpenWorklist),
                ] {
                    let button = egui::Button::new((icon.rich_text().size(18.0), word))
                        .min_size(Vec2::new(150.0, 34.0));
                    let response = ui.add(button);
                    widgets::named(&response, Role::Button, word);
                    if response.on_hover_text(widgets::tooltip(command)).clicked() {
                        wish = Some(Wish::Run(command));
                    }
                }
            });
            ui.add_space(14.0);
            ui.with_layout(Layout::top_down(Align::Min), |ui| {
                egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                    wish = lists(ui, recent).map(Wish::Open).or(wish.take());
                });
            });
        },
    );
    wish
}

fn lists(ui: &mut Ui, recent: &[PathBuf]) -> Option<PathBuf> {
    let mut chosen = None;
    let there: Vec<&PathBuf> = recent.iter().filter(|path| path.exists()).collect();
    if !there.is_empty() {
        widgets::section(ui, "Recent", |_| {});
    }
    for path in there {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let folder = path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
        if line(ui, ICON_HISTORY, &name, &folder) {
            chosen = Some(path.clone());
        }
    }
    widgets::section(ui, "Samples", |_| {});
    for sample in samples::ALL {
        if line(ui, ICON_NEUROLOGY, sample.name, sample.about) {
            chosen = samples::unpack(sample);
        }
    }
    chosen
}

fn line(ui: &mut Ui, icon: egui_material_icons::MaterialIcon, name: &str, about: &str) -> bool {
    let weak = theme::palette(ui).weak;
    let (response, ()) = widgets::row(ui, false, name, |ui| {
        ui.label(icon.rich_text().size(16.0).color(weak));
        ui.label(name);
        ui.add(egui::Label::new(RichText::new(about).small().color(weak)).truncate());
    });
    response.clicked()
}
