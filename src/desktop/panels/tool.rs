//! What can be set about the tool in hand.

use egui::{Button, ComboBox, RichText, Role, SliderClamping, Ui};

use crate::annotation::landmark_templates;
use crate::case::PaintOver;
use crate::desktop::{theme, widgets};
use crate::session::{Command, Session, WINDOW_PRESETS};
use crate::tool::{BrushSettings, BrushShape, MeasureKind, ToolKind};
use crate::volume::{Placement, TimeKind};

pub(super) fn show(ui: &mut Ui, session: &mut Session) {
    let kind = session.tool_kind();
    let name = Command::Tool(kind).info().map_or("", |row| row.name);
    widgets::section(ui, &format!("Tool: {name}"), |_| {});
    if kind.is_brush() {
        show_tip(ui, session);
        show_edges(ui, session);
    }
    if kind == ToolKind::Polygon {
        let mut snaps = session.snaps_to_edges();
        let check = widgets::checkbox(ui, &mut snaps, "Snap to edges");
        if check.on_hover_text(widgets::tooltip(Command::SnapToEdges)).changed() {
            session.snap_to_edges(snaps);
        }
    }
    if kind == ToolKind::Fill && session.offers_ball() {
        show_reach(ui, session);
    }
    if kind.writes_labels() {
        show_limits(ui, session, kind != ToolKind::Eraser);
    }
    if kind == ToolKind::Landmark {
        show_template(ui, session);
    }
    if kind == ToolKind::Measure {
        show_measures(ui, session);
    }
    if kind == ToolKind::Navigate {
        show_window(ui, session);
    }
    show_times(ui, session);
    let weak = theme::palette(ui).weak;
    ui.label(RichText::new(session.hint()).small().color(weak));
}

/// Which point on the time axis is shown, where there are several.
fn show_times(ui: &mut Ui, session: &mut Session) {
    let volume = session.case().volume().clone();
    if volume.times() < 2 {
        return;
    }
    ui.horizontal(|ui| {
        let (name, caption) = match &volume.time_axis {
            Some(axis) => (axis.kind.name(), axis.caption(session.display().time, volume.times())),
            None => (TimeKind::Frames.name(), String::new()),
        };
        let label = ui.label(name);
        let mut shown = session.display().time + 1;
        let slider = widgets::slider(ui, &mut shown, 1..=volume.times()).integer();
        let steps = [Command::TimesForward(-1), Command::TimesForward(1)];
        let tooltip = widgets::tip("The frame that is shown; marks hold for all", &steps);
        if ui.add(slider).labelled_by(label.id).on_hover_text(tooltip).changed() {
            session.show_time(shown - 1);
        }
        ui.label(RichText::new(caption).small().color(theme::palette(ui).weak));
    });
}

/// The brush's size and form.
fn show_tip(ui: &mut Ui, session: &mut Session) {
    let mut brush = *session.brush();
    ui.horizontal(|ui| {
        let label = ui.label("Diameter");
        let mut diameter = brush.radius_mm * 2.0;
        // Photographs have thousands of pixels to a side.
        let widest = if session.case().volume().placement == Placement::Pixels { 800.0 } else { 80.0 };
        let unit = format!(" {}", session.case().volume().placement.unit());
        let slider =
            widgets::slider(ui, &mut diameter, 0.5..=widest).logarithmic(true).suffix(unit).max_decimals(1);
        let slider = slider.clamping(SliderClamping::Never);
        let steps = [Command::BrushSmaller, Command::BrushLarger];
        let tooltip = widgets::tip("Size in the patient, also by Shift+wheel", &steps);
        let response = ui.add(slider).labelled_by(label.id).on_hover_text(tooltip);
        if response.changed() {
            brush.radius_mm = diameter / 2.0;
        }
    });
    if session.offers_ball() {
        show_choice(
            ui,
            "Shape",
            &mut brush.shape,
            &[
                (BrushShape::Disc, "Disc", "One slice at a time, in the plane of the view"),
                (BrushShape::Ball, "Ball", "Several slices at once"),
            ],
            Command::BrushShape,
        );
    }
    if brush != *session.brush() {
        session.set_brush(brush);
    }
}

/// Whether the brush ends at edges, and how much it takes in.
fn show_edges(ui: &mut Ui, session: &mut Session) {
    let mut follows = session.brush().follow_edges.is_some();
    let check = widgets::checkbox(ui, &mut follows, "Follow edges");
    if check.on_hover_text(widgets::tooltip(Command::FollowEdges)).changed() {
        session.follow_edges(follows);
    }
    let mut brush = *session.brush();
    let Some(depth) = &mut brush.follow_edges else { return };
    ui.horizontal(|ui| {
        let label = ui.label("Takes in");
        let gave_up = widgets::gave_up(ui.ctx());
        let read =
            move |text: &str| text.trim_end_matches('%').trim().parse().ok().filter(|_: &f64| !gave_up);
        let slider = widgets::slider(ui, depth, 0.0..=1.0)
            .custom_formatter(|depth, _| format!("{:.0} %", depth * 100.0))
            .custom_parser(move |text| read(text).map(|percent| percent / 100.0));
        let tooltip = "Steps less steep than this part of the steepest edge under the brush are no edge";
        ui.add(slider).labelled_by(label.id).on_hover_text(tooltip);
    });
    if brush != *session.brush() {
        session.set_brush(brush);
    }
}

/// How far filling an island reaches.
fn show_reach(ui: &mut Ui, session: &mut Session) {
    let mut brush = *session.brush();
    show_choice(
        ui,
        "Islands",
        &mut brush.shape,
        &[
            (BrushShape::Disc, "This slice", "Recolour the island on the slice shown"),
            (BrushShape::Ball, "All slices", "Recolour the island through all slices"),
        ],
        Command::BrushShape,
    );
    if brush != *session.brush() {
        session.set_brush(brush);
    }
}

/// A row of buttons of which one is chosen, as `by` does too.
fn show_choice<T: PartialEq + Copy>(
    ui: &mut Ui,
    name: &str,
    chosen: &mut T,
    choices: &[(T, &str, &str)],
    by: Command,
) {
    ui.horizontal_wrapped(|ui| {
        ui.label(name);
        for (value, word, tooltip) in choices {
            let response = ui
                .add(Button::new(*word).selected(chosen == value))
                .on_hover_text(widgets::tip(tooltip, &[by]));
            if response.clicked() {
                *chosen = *value;
            }
        }
    });
}

/// What every tool that writes labels keeps to: what may be painted over, and which values.
fn show_limits(ui: &mut Ui, session: &mut Session, paints: bool) {
    let mut brush = *session.brush();
    if paints {
        show_over(ui, session, &mut brush);
    }
    ui.horizontal(|ui| {
        let window = session.display().window;
        let mut only = brush.only_values.is_some();
        let check = widgets::checkbox(ui, &mut only, "Only");
        widgets::named_check(&check, only, "Only values in a range");
        check.on_hover_text(widgets::tooltip(Command::RangePaint));
        let before = brush.only_values.unwrap_or(session.range_to_paint());
        let [mut low, mut high] = before;
        let speed = (window.width / 400.0).max(1e-3);
        for (value, name, joint) in
            [(&mut low, "Lowest value painted", "to"), (&mut high, "Highest value painted", "")]
        {
            let response = ui.add(widgets::number(ui, value).speed(speed).max_decimals(2));
            widgets::named(&response, Role::SpinButton, name);
            ui.label(joint);
        }
        ui.label(session.case().volume().unit.as_deref().unwrap_or_default());
        // Whoever sets a border wants it kept to.
        let changed = [low, high] != before;
        brush.only_values = (only || changed).then_some(widgets::moved(before, [low, high]));
    });
    if brush != *session.brush() {
        session.set_brush(brush);
    }
}

/// What may be painted over.
fn show_over(ui: &mut Ui, session: &Session, brush: &mut BrushSettings) {
    ui.horizontal(|ui| {
        let label = ui.label("Over");
        let labels: Vec<(u16, String)> =
            session.case().scheme().iter().map(|(index, label)| (index, label.name.clone())).collect();
        let combo = ComboBox::from_id_salt("paint over").selected_text(session.paint_over_name(brush.over));
        let response = combo.show_ui(ui, |ui| {
            for over in [PaintOver::All, PaintOver::Shown, PaintOver::Only(0)] {
                ui.selectable_value(&mut brush.over, over, session.paint_over_name(over));
            }
            for (index, name) in labels {
                ui.selectable_value(&mut brush.over, PaintOver::Only(index), name);
            }
        });
        widgets::named(&response.response, Role::ComboBox, "What may be painted over");
        response.response.labelled_by(label.id).on_hover_text(widgets::tooltip(Command::PaintOver));
    });
}

/// Which landmarks are asked for, and how many of them are placed.
fn show_template(ui: &mut Ui, session: &mut Session) {
    let mut chosen = landmark_templates().iter().position(|one| Some(one) == session.template());
    let before = chosen;
    ui.horizontal(|ui| {
        let label = ui.label("Template");
        let name = session.template().map_or("free landmarks", |template| &template.name);
        let response = ComboBox::from_id_salt("template").selected_text(name).show_ui(ui, |ui| {
            ui.selectable_value(&mut chosen, None, "free landmarks");
            for (number, template) in landmark_templates().iter().enumerate() {
                ui.selectable_value(&mut chosen, Some(number), &template.name);
            }
        });
        widgets::named(&response.response, Role::ComboBox, "Landmark template");
        response.response.labelled_by(label.id).on_hover_text("Which landmarks are asked for in order");
    });
    if chosen != before {
        session.set_template(chosen);
    }
}

/// What is measured.
fn show_measures(ui: &mut Ui, session: &mut Session) {
    let mut kind = session.measure();
    let tooltip = Command::NextMeasure.info().map_or("", |row| row.tooltip);
    let choices = MeasureKind::ALL.map(|kind| (kind, kind.name(), tooltip));
    show_choice(ui, "Measure", &mut kind, &choices, Command::NextMeasure);
    session.set_measure(kind);
}

fn show_window(ui: &mut Ui, session: &mut Session) {
    let is_ct = session.case().volume().modality.as_deref() == Some("CT");
    ui.horizontal(|ui| {
        let window = session.display().window;
        let speed = (window.width / 300.0).max(1e-4);
        let mut changed = window;
        for (value, name) in [(&mut changed.width, "Window width"), (&mut changed.centre, "Window centre")] {
            ui.label(if name.ends_with("width") { "W" } else { "L" });
            let response = ui.add(widgets::number(ui, value).speed(speed).max_decimals(1));
            widgets::named(&response, Role::SpinButton, name);
        }
        if changed != window {
            session.display_mut().window =
                crate::volume::Window::new(changed.centre, changed.width.max(1e-6));
        }
        if ui.button("Auto").on_hover_text(widgets::tooltip(Command::AutomaticWindow)).clicked() {
            session.run(Command::AutomaticWindow);
        }
    });
    let own = session.case().volume().suggested_windows.clone();
    if !is_ct && own.is_empty() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        let mut offer = |name: &str, window, command, tooltip: String| {
            let chosen = session.display().window == window;
            if ui.add(Button::new(name).selected(chosen)).on_hover_text(tooltip).clicked() {
                session.run(command);
            }
        };
        for (number, (name, window)) in WINDOW_PRESETS.iter().enumerate().filter(|_| is_ct) {
            let command = Command::Preset(number);
            offer(name, *window, command, widgets::tooltip(command));
        }
        for (number, suggested) in own.iter().enumerate() {
            let tooltip = widgets::own_window_tooltip(suggested);
            offer(&suggested.name, suggested.window, Command::OwnWindow(number), tooltip);
        }
    });
}
