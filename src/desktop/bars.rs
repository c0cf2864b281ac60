//! The bars around the viewports: menus and the study's name above, tools at the left, read-outs below.

use egui::containers::menu::MenuButton;
use egui::scroll_area::ScrollBarVisibility;
use egui::style::ScrollStyle;
use egui::{Align, Button, Frame, Id, Layout, MenuBar, Panel, Popup, RichText, Role, ScrollArea, Ui};
use egui_material_icons::MaterialIcon;
use egui_material_icons::icons::{
    ICON_BRUSH, ICON_CHECK, ICON_CHECK_CIRCLE, ICON_CROP_SQUARE, ICON_FORMAT_COLOR_FILL, ICON_INK_ERASER,
    ICON_LOCATION_ON, ICON_MENU, ICON_NEAR_ME, ICON_POLYLINE, ICON_REDO, ICON_SAVE, ICON_SEARCH,
    ICON_STRAIGHTEN, ICON_UNDO, ICON_WARNING,
};

use super::app::App;
use super::canvas::is_resliced;
use super::{shortcuts, theme, widgets};
use crate::geometry::{Patient, Point};
use crate::session::{COMMANDS, Command, CommandInfo, Document, Menu, Readout, Session};
use crate::tool::ToolKind;
use crate::volume::Placement;

/// "CT · Abdomen": what a study is called.
pub(super) fn study_title(document: &Document) -> String {
    let series = &document.study().series;
    let name = series.name();
    match &series.modality {
        Some(modality) => format!("{modality} · {name}"),
        None => name,
    }
}

/// How often is looked whether the journal is in order again.
const JOURNAL_LOOK: std::time::Duration = std::time::Duration::from_millis(300);

/// The menus and their names.
pub(super) const MENUS: [(Menu, &str); 7] = [
    (Menu::File, "File"),
    (Menu::Edit, "Edit"),
    (Menu::View, "View"),
    (Menu::Label, "Label"),
    (Menu::Segment, "Segment"),
    (Menu::Tools, "Tools"),
    (Menu::Help, "Help"),
];

/// How much of the top bar a window has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Room {
    /// One menu for all, icons without words.
    Narrow,
    /// Icons without words.
    Middling,
    Wide,
}

impl Room {
    fn of(width: f32) -> Self {
        match width {
            wide if wide >= 1130.0 => Self::Wide,
            middling if middling >= 900.0 => Self::Middling,
            _ => Self::Narrow,
        }
    }
}

/// Draws the top bar.
pub(super) fn show_top_bar(ui: &mut Ui, app: &mut App) {
    let fill = theme::palette(ui).panel;
    let frame = Frame::new().fill(fill).inner_margin(egui::Margin::symmetric(8, 4));
    let room = Room::of(ui.available_width());
    Panel::top("top").frame(frame).show_separator_line(false).show(ui, |ui| {
        MenuBar::new().ui(ui, |ui| {
            if room == Room::Narrow {
                let button = Button::new(ICON_MENU.rich_text().size(18.0));
                let response = MenuButton::from_button(button)
                    .ui(ui, |ui| {
                        for (menu, name) in MENUS {
                            ui.menu_button(name, |ui| show_menu(ui, app, menu));
                        }
                    })
                    .0;
                widgets::named(&response, Role::Button, "Menu");
                response.on_hover_text("Every command, by menu");
            } else {
                for (menu, name) in MENUS {
                    show_menu_title(ui, app, menu, name);
                }
            }
            ui.add_space(if room == Room::Wide { 16.0 } else { 6.0 });
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                show_right_end(ui, app, room);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| show_title(ui, app));
            });
        });
    });
}

/// A menu of the bar. While another is open its title opens it as soon as the pointer is there; a click that
/// follows means the same, and does not close it again.
fn show_menu_title(ui: &mut Ui, app: &mut App, menu: Menu, name: &str) {
    let (title, shown) = MenuButton::new(name).ui(ui, |ui| show_menu(ui, app, menu));
    let by_hover = title.id.with("opened by hover");
    let (opened, clicked) = (ui.data(|data| data.get_temp::<bool>(by_hover)), title.clicked());
    if opened == Some(true) && clicked {
        Popup::open_id(ui.ctx(), Popup::default_response_id(&title));
        ui.data_mut(|data| data.insert_temp(by_hover, false));
        ui.ctx().request_repaint();
    } else if shown.is_none() {
        ui.data_mut(|data| data.remove::<bool>(by_hover));
    } else if opened.is_none() {
        ui.data_mut(|data| data.insert_temp(by_hover, !clicked));
    }
}

fn show_menu(ui: &mut Ui, app: &mut App, menu: Menu) {
    ui.set_min_width(240.0);
    // The longest is taller than a small window; the bar that scrolls it then stands beside the keys.
    let most = ui.ctx().content_rect().height() - 64.0;
    ui.spacing_mut().scroll = ScrollStyle::solid();
    ScrollArea::vertical().max_height(most).min_scrolled_height(most).show(ui, |ui| {
        for (place, row) in COMMANDS.iter().filter(|row| row.menu == menu).enumerate() {
            if place > 0 && row.begins_group() {
                ui.separator();
            }
            show_menu_row(ui, app, row);
        }
    });
}

fn show_menu_row(ui: &mut Ui, app: &mut App, row: &CommandInfo) {
    let enabled = app.is_enabled(row);
    let on = app.is_on(row.command);
    let colours = theme::palette(ui);
    let tick = if on == Some(true) { colours.accent } else { egui::Color32::TRANSPARENT };
    let tick = ICON_CHECK.rich_text().size(13.0).color(tick);
    let button = Button::new((tick, row.name)).shortcut_text(shortcuts::shown(row.command));
    let response = ui.add_enabled(enabled, button);
    match on {
        Some(on) => {
            response.widget_info(|| egui::WidgetInfo::selected(Role::MenuItemCheckBox, enabled, on, row.name))
        }
        None => widgets::named(&response, Role::MenuItem, row.name),
    }
    if response.on_hover_text(widgets::tooltip(row.command)).clicked() {
        app.run_command(row.command, ui.ctx());
    }
    match row.command {
        Command::AutomaticWindow => show_own_windows(ui, app),
        Command::OpenFolder if !app.settings.recent.is_empty() => {
            ui.menu_button("Open recent", |ui| show_recent(ui, app));
        }
        _ => {}
    }
}

/// What was opened last.
fn show_recent(ui: &mut Ui, app: &mut App) {
    for path in app.settings.recent.clone() {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let response = ui.add(Button::new(&name));
        widgets::named(&response, Role::MenuItem, &name);
        if response.on_hover_text(path.display().to_string()).clicked() {
            app.open(&path, ui.ctx());
        }
    }
}

/// The windows that the file asks for, below those of every study.
fn show_own_windows(ui: &mut Ui, app: &mut App) {
    let Some(document) = &app.document else { return };
    for (number, suggested) in document.session.case().volume().suggested_windows.clone().iter().enumerate() {
        let name = format!("Window: {}", suggested.name);
        let response = ui.add(Button::new(&name));
        widgets::named(&response, Role::MenuItem, &name);
        if response.on_hover_text(widgets::own_window_tooltip(suggested)).clicked() {
            app.run_command(Command::OwnWindow(number), ui.ctx());
        }
    }
}

fn show_title(ui: &mut Ui, app: &App) {
    let Some(document) = &app.document else { return };
    let colours = theme::palette(ui);
    let title = study_title(document);
    // The badges behind it keep their place in a narrow window.
    let badges = 40.0
        + if document.session.is_unsaved() { 66.0 } else { 0.0 }
        + if document.session.looks_only().is_some() { 66.0 } else { 0.0 };
    ui.scope(|ui| {
        ui.set_max_width((ui.available_width() - badges).max(0.0));
        ui.add(egui::Label::new(RichText::new(&title).font(theme::medium(13.5))).truncate())
            .on_hover_text(&title);
    });
    if document.session.is_done() {
        ui.label(ICON_CHECK_CIRCLE.rich_text().size(14.0).color(colours.done))
            .on_hover_text("This study is done");
    }
    if document.session.is_unsaved() {
        ui.label(RichText::new("● unsaved").small().color(colours.accent));
    }
    if let Some(reason) = document.session.looks_only() {
        ui.label(RichText::new("read-only").small().color(colours.warning)).on_hover_text(reason);
    }
    let doubts = document.doubts();
    if !doubts.is_empty() {
        let text = ICON_WARNING.rich_text().size(16.0).color(colours.warning);
        let button = Button::new((text, doubts.len().to_string())).frame_when_inactive(false);
        let response = MenuButton::from_button(button)
            .ui(ui, |ui| {
                ui.set_max_width(380.0);
                ui.label(RichText::new("Doubtful about this study").font(theme::medium(13.0)));
                for doubt in doubts {
                    ui.label(&doubt.text);
                    ui.label(RichText::new(doubt.code.word()).small().color(colours.weak));
                }
            })
            .0;
        widgets::named(&response, Role::Button, "Doubts about this study");
    }
}

fn show_right_end(ui: &mut Ui, app: &mut App, room: Room) {
    let search = match room {
        Room::Wide => Button::new((ICON_SEARCH.rich_text().size(15.0), "Search commands"))
            .shortcut_text(shortcuts::shown(Command::Palette)),
        _ => Button::new(ICON_SEARCH.rich_text().size(16.0)).min_size(egui::Vec2::splat(theme::ROW)),
    };
    let response = ui.add(search);
    widgets::named(&response, Role::Button, "Search commands");
    if response.on_hover_text(widgets::tooltip(Command::Palette)).clicked() {
        app.run_command(Command::Palette, ui.ctx());
    }
    ui.add_space(6.0);
    for (icon, word, command) in [
        (ICON_SAVE, "Save", Command::Save),
        (ICON_REDO, "Redo", Command::Redo),
        (ICON_UNDO, "Undo", Command::Undo),
    ] {
        let enabled = command.info().is_some_and(|row| app.is_enabled(row));
        if widgets::command_button(ui, icon, word, command, enabled, room == Room::Wide) {
            app.run_command(command, ui.ctx());
        }
    }
}

/// Draws the tools at the left.
pub(super) fn show_toolbar(ui: &mut Ui, app: &mut App) {
    const TOOLS: [(ToolKind, MaterialIcon, &str); 8] = [
        (ToolKind::Navigate, ICON_NEAR_ME, "Navigate"),
        (ToolKind::Brush, ICON_BRUSH, "Brush"),
        (ToolKind::Eraser, ICON_INK_ERASER, "Eraser"),
        (ToolKind::Polygon, ICON_POLYLINE, "Polygon"),
        (ToolKind::Fill, ICON_FORMAT_COLOR_FILL, "Fill"),
        (ToolKind::Box, ICON_CROP_SQUARE, "Box"),
        (ToolKind::Landmark, ICON_LOCATION_ON, "Landmark"),
        (ToolKind::Measure, ICON_STRAIGHTEN, "Measure"),
    ];
    let Some(document) = &app.document else { return };
    let in_hand = document.session.tool_kind();
    ui.spacing_mut().item_spacing.y = 4.0;
    // In a low window the words go first.
    let height = (ui.available_height() / TOOLS.len() as f32 - 4.0).clamp(30.0, 50.0);
    let area = egui::ScrollArea::vertical().scroll_bar_visibility(ScrollBarVisibility::AlwaysHidden);
    area.show(ui, |ui| {
        for (kind, icon, word) in TOOLS {
            if tool_button(ui, icon, word, Command::Tool(kind), kind == in_hand, height) {
                app.run_command(Command::Tool(kind), ui.ctx());
            }
        }
    });
}

fn tool_button(
    ui: &mut Ui,
    icon: MaterialIcon,
    word: &str,
    command: Command,
    chosen: bool,
    height: f32,
) -> bool {
    let (rect, response) = ui.allocate_exact_size(egui::vec2(52.0, height), egui::Sense::click());
    response.widget_info(|| egui::WidgetInfo::selected(Role::Button, true, chosen, word));
    let colours = theme::palette(ui);
    let (fill, text) = match (chosen, response.hovered()) {
        (true, _) => (colours.accent, colours.on_accent),
        (false, true) => (colours.hovered, colours.text),
        (false, false) => (egui::Color32::TRANSPARENT, colours.weak),
    };
    let painter = ui.painter();
    painter.rect_filled(rect, f32::from(theme::CORNER) + 2.0, fill);
    let has_word = height >= 44.0;
    let centre = if has_word { rect.center_top() + egui::vec2(0.0, 19.0) } else { rect.center() };
    let icon_font = egui::FontId::new(21.0, icon.font_family());
    painter.text(centre, egui::Align2::CENTER_CENTER, icon.codepoint, icon_font, text);
    if has_word {
        let at = rect.center_bottom() - egui::vec2(0.0, 11.0);
        painter.text(at, egui::Align2::CENTER_CENTER, word, egui::FontId::proportional(10.5), text);
    }
    if response.has_focus() {
        painter.rect_stroke(rect, 6.0, egui::Stroke::new(1.5, colours.accent), egui::StrokeKind::Inside);
    }
    response.on_hover_text(widgets::tooltip(command)).clicked()
}

/// Draws the read-outs at the bottom.
pub(super) fn show_status_bar(ui: &mut Ui, app: &mut App, frame: &eframe::Frame) {
    let colours = theme::palette(ui);
    let bar = Frame::new().fill(colours.panel).inner_margin(egui::Margin::symmetric(10, 3));
    Panel::bottom("status").frame(bar).exact_size(26.0).show_separator_line(false).show(ui, |ui| {
        ui.horizontal_centered(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                show_jobs(ui, app);
                show_state(ui, app, frame);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| match &app.document {
                    Some(document) => show_readout(ui, &document.session),
                    None => {
                        ui.label(RichText::new("No study open").small().color(colours.weak));
                    }
                });
            });
        });
    });
}

/// What goes on in the background, with a button that stops it.
fn show_jobs(ui: &mut Ui, app: &mut App) {
    if let Some(importing) = &app.importing {
        let name = importing.mask().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let cancel = ui.button("Cancel");
        let bar = egui::ProgressBar::new(importing.progress()).desired_width(90.0).desired_height(6.0);
        let bar = ui.add(bar);
        widgets::named(&bar, Role::ProgressIndicator, "Progress of laying over");
        ui.label(RichText::new(format!("laying over {name}")).small());
        if cancel.on_hover_text("Stop; nothing of it is laid over").clicked() {
            app.importing = None;
        }
        ui.add_space(8.0);
    }
    let colours = theme::palette(ui);
    let saved = match (&app.saving, &app.last_saved) {
        (Some(saving), _) => {
            if ui.button("Cancel").on_hover_text("Stop; what was saved before stays").clicked() {
                saving.cancel();
            }
            let bar = egui::ProgressBar::new(saving.progress()).desired_width(60.0).desired_height(6.0);
            let bar = ui.add(bar);
            widgets::named(&bar, Role::ProgressIndicator, "Progress of saving");
            "saving…".to_owned()
        }
        (None, Some(time)) => format!("saved {time}"),
        (None, None) => return,
    };
    ui.label(RichText::new(saved).small().color(colours.weak));
    ui.add_space(8.0);
}

/// How the study is shown, as far as there is room for it.
fn show_state(ui: &mut Ui, app: &App, frame: &eframe::Frame) {
    let Some(document) = &app.document else { return };
    let colours = theme::palette(ui);
    if let Some(trouble) = document.journal_trouble() {
        let text = RichText::new("steps are not on disk: save soon").small();
        ui.label(text.color(colours.warning)).on_hover_text(trouble);
        ui.add_space(8.0);
        // The journal tries again by itself; nobody has to move for its success to be seen.
        ui.ctx().request_repaint_after(JOURNAL_LOOK);
    }
    let on = |command| app.is_on(command).unwrap_or(false);
    if on(Command::Cine) {
        let speed = format!("playing {} a second", app.settings.cine.per_second());
        let tooltip = widgets::tip("Faster or slower", &[Command::CineFaster, Command::CineSlower]);
        ui.label(RichText::new(speed).small().color(colours.accent)).on_hover_text(tooltip);
        ui.add_space(8.0);
    }
    if !on(Command::ToggleOverlay) {
        let text = RichText::new("labels are hidden").small().color(colours.warning);
        ui.label(text).on_hover_text(widgets::tip("Show them again", &[Command::ToggleOverlay]));
        ui.add_space(8.0);
    }
    let session = &document.session;
    let window = session.display().window;
    let view = session.view(session.active_pane());
    let scale = match session.case().volume().placement {
        Placement::Pixels => format!("{:.0} %", view.pixels_per_mm * 100.0),
        _ => format!("{:.1} px/mm", view.pixels_per_mm),
    };
    let planes = if is_resliced(session) { "patient planes, resliced" } else { "scanned slices" };
    let mut parts = vec![format!("W {} L {}", short(window.width), short(window.centre)), scale];
    if ui.available_width() > 900.0 {
        parts.push(planes.to_owned());
        parts.extend(app.pictures.remark(frame));
    }
    for part in &parts {
        ui.label(RichText::new(part).small().color(colours.weak));
        ui.add_space(8.0);
    }
}

fn show_readout(ui: &mut Ui, session: &Session) {
    let colours = theme::palette(ui);
    let Some(readout) = session.hovered() else {
        ui.label(RichText::new(session.hint()).small().color(colours.weak));
        return;
    };
    let [i, j, k] = readout.voxel.to_array().map(|x| x.round() as i64);
    let place = match session.case().volume().placement {
        Placement::Pixels => String::new(),
        placement => format!("{} mm", place_words(placement, readout.patient)),
    };
    let label = session.case().scheme().get(readout.label).map_or(String::new(), |label| label.name.clone());
    let is_wide = session.case().volume().suv_factor.is_some() || readout.colour.is_some();
    let value_width = if is_wide { 170.0 } else { 96.0 };
    let mut room = ui.available_width();
    // In a narrow window the millimetres go first.
    let fields = [
        (format!("voxel {i}, {j}, {k}"), 130.0),
        (value_words(session, &readout), value_width),
        (label, 120.0),
        (place, 190.0),
    ];
    for (text, width) in fields {
        room -= width + ui.spacing().item_spacing.x;
        if room < 0.0 {
            return;
        }
        ui.allocate_ui_with_layout(egui::vec2(width, 18.0), Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(width);
            ui.set_max_width(width);
            ui.add(egui::Label::new(RichText::new(text).small()).truncate());
        });
    }
}

/// A place as far to the left, to the back and up as it is, where the study tells sides.
pub(super) fn place_words(placement: Placement, place: Point<Patient>) -> String {
    let [x, y, z] = place.to_array();
    let side = |value: f64, plus: char, minus: char| {
        format!("{}{:.1}", if value < 0.0 { minus } else { plus }, value.abs())
    };
    match placement {
        Placement::Patient => format!("{} {} {}", side(x, 'L', 'R'), side(y, 'P', 'A'), side(z, 'S', 'I')),
        Placement::Scaled | Placement::Pixels => format!("{x:.1}, {y:.1}, {z:.1}"),
    }
}

/// What the voxel means: a colour, or a number with its unit.
fn value_words(session: &Session, readout: &Readout) -> String {
    let volume = session.case().volume();
    if let Some([red, green, blue]) = readout.colour {
        return format!("R {red:.0}  G {green:.0}  B {blue:.0}");
    }
    let Some(value) = readout.value else {
        let inside = volume.grid().index_at(readout.patient).is_some();
        return if inside { "no slice here" } else { "outside" }.to_owned();
    };
    let unit = volume.unit.as_deref().unwrap_or("");
    let uptake = volume.suv_factor.map_or(String::new(), |factor| format!(" · SUV {:.2}", value * factor));
    format!("{} {unit}{uptake}", short(value))
}

/// A number with as many digits as it needs to be read.
fn short(value: f64) -> String {
    if value.fract().abs() < 1e-9 || value.abs() >= 1000.0 {
        format!("{value:.0}")
    } else if value.abs() >= 1.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

/// Draws a notice that takes no focus.
pub(super) fn show_toast(ctx: &egui::Context, text: &str, left: f32) {
    let area = egui::Area::new(Id::unique("toast"))
        // The one corner of the viewports where nothing else is written.
        .anchor(egui::Align2::LEFT_BOTTOM, [left + 16.0, -36.0])
        .interactable(false);
    area.order(egui::Order::Foreground).show(ctx, |ui| {
        egui::Frame::popup(ui.style()).inner_margin(egui::Margin::symmetric(14, 8)).show(ui, |ui| {
            ui.set_max_width(420.0);
            ui.label(text);
        });
    });
}
