//! The window before a study is open: a place to drop one, what was open last, and samples.

use std::path::PathBuf;

use egui::{
    Align, Button, Color32, Layout, Rect, RichText, Role, ScrollArea, Sense, Shape, Stroke, Ui, UiBuilder,
    Vec2,
};
use egui_material_icons::icons::{
    ICON_CHECKLIST, ICON_DOWNLOAD, ICON_FILE_OPEN, ICON_FOLDER_OPEN, ICON_HISTORY, ICON_NEUROLOGY,
};

use super::{samples, theme, widgets};
use crate::session::Command;

/// What was asked for.
pub(super) enum Wish {
    Run(Command),
    Open(PathBuf),
}

/// Width of the page.
const WIDTH: f32 = 560.0;
/// Height of the place to drop a study.
const DROP: f32 = 168.0;

pub(super) fn show(ui: &mut Ui, recent: &[PathBuf]) -> Option<Wish> {
    let area = ui.available_rect_before_wrap();
    let there: Vec<&PathBuf> = recent.iter().filter(|path| path.exists()).collect();
    let lines = there.len() + samples::ALL.len() + if there.is_empty() { 1 } else { 2 };
    let wanted = 64.0 + DROP + 34.0 + (theme::ROW + 6.0) * lines as f32;
    let size = Vec2::new(WIDTH.min(area.width() - 32.0), wanted.min(area.height() - 16.0));
    let page = Rect::from_center_size(area.center(), size);
    let mut wish = None;
    ui.scope_builder(UiBuilder::new().max_rect(page).layout(Layout::top_down(Align::Center)), |ui| {
        ui.label(RichText::new("Annotomy").font(theme::medium(28.0)));
        ui.add_space(14.0);
        wish = drop_zone(ui);
        ui.add_space(10.0);
        ui.with_layout(Layout::top_down(Align::Min), |ui| {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                wish = lists(ui, &there).map(Wish::Open).or(wish.take());
            });
        });
    });
    wish
}

/// The place to drop a study, with buttons for those who rather look for it.
fn drop_zone(ui: &mut Ui) -> Option<Wish> {
    let colours = theme::palette(ui);
    let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), DROP), Sense::hover());
    let hovering = ui.input(|input| !input.raw.hovered_files.is_empty());
    let (fill, line) =
        if hovering { (colours.hovered, colours.accent) } else { (colours.raised, colours.faint) };
    ui.painter().rect_filled(rect, 12.0, fill);
    paint_dashes(ui, rect.shrink(0.5), line);
    let inside = UiBuilder::new().max_rect(rect.shrink(16.0)).layout(Layout::top_down(Align::Center));
    // The place itself is taken; what lies in it moves nothing.
    let ui = &mut ui.new_child(inside);
    ui.add_space(6.0);
    ui.label(ICON_DOWNLOAD.rich_text().size(30.0).color(if hovering {
        colours.accent
    } else {
        colours.weak
    }));
    ui.label(RichText::new("Drop an image or volume here, or a folder of DICOM files").color(colours.weak));
    ui.add_space(12.0);
    let gap = ui.spacing().item_spacing.x;
    let each = ((ui.available_width() - 2.0 * gap) / 3.0).min(156.0);
    let mut wish = None;
    ui.horizontal(|ui| {
        ui.add_space(((ui.available_width() - 3.0 * each - 2.0 * gap) / 2.0).max(0.0));
        for (icon, word, command) in [
            (ICON_FILE_OPEN, "Open file…", Command::OpenFile),
            (ICON_FOLDER_OPEN, "Open folder…", Command::OpenFolder),
            (ICON_CHECKLIST, "Open worklist…", Command::OpenWorklist),
        ] {
            let button = Button::new((icon.rich_text().size(18.0), word)).min_size(Vec2::new(each, 34.0));
            let response = ui.add(button);
            widgets::named(&response, Role::Button, word);
            if response.on_hover_text(widgets::tooltip(command)).clicked() {
                wish = Some(Wish::Run(command));
            }
        }
    });
    wish
}

/// A dashed line around a rounded rectangle.
fn paint_dashes(ui: &Ui, rect: Rect, colour: Color32) {
    let corner = 12.0;
    let mut outline = Vec::new();
    for (centre, from) in [
        (rect.right_top() + Vec2::new(-corner, corner), -90.0_f32),
        (rect.right_bottom() + Vec2::new(-corner, -corner), 0.0),
        (rect.left_bottom() + Vec2::new(corner, -corner), 90.0),
        (rect.left_top() + Vec2::new(corner, corner), 180.0),
    ] {
        outline.extend((0..=6).map(|step| {
            let angle = (from + 15.0 * step as f32).to_radians();
            centre + corner * Vec2::angled(angle)
        }));
    }
    outline.extend(outline.first().copied());
    ui.painter().extend(Shape::dashed_line(&outline, Stroke::new(1.5, colour), 7.0, 5.0));
}

fn lists(ui: &mut Ui, recent: &[&PathBuf]) -> Option<PathBuf> {
    let mut chosen = None;
    if !recent.is_empty() {
        widgets::section(ui, "Recent", |_| {});
    }
    for path in recent {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let folder = path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
        if line(ui, ICON_HISTORY, &name, &folder) {
            chosen = Some((*path).clone());
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
