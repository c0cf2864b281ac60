//! What can be set about the tool in hand.

use egui::{Button, DragValue, RichText, Role, Slider, Ui};

use crate::desktop::{theme, widgets};
use crate::session::{Command, Session, WINDOW_PRESETS};
use crate::tool::{BrushSettings, BrushShape, ToolKind};
use crate::volume::TimeKind;

pub(super) fn show(ui: &mut Ui, session: &mut Session) {
    let kind = session.tool_kind();
    let name = Command::Tool(kind).info().map_or("", |row| row.name);
    widgets::section(ui, &format!("Tool: {name}"), |_| {});
    if kind.is_brush() {
        show_brush(ui, session);
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
        let slider = Slider::new(&mut shown, 1..=volume.times()).integer();
        let tooltip = "The frame that is shown; marks hold for all  (Alt+Left Alt+Right)";
        if ui.add(slider).labelled_by(label.id).on_hover_text(tooltip).changed() {
            session.show_time(shown - 1);
        }
        ui.label(RichText::new(caption).small().color(theme::palette(ui).weak));
    });
}

fn show_brush(ui: &mut Ui, session: &mut Session) {
    let mut brush = *session.brush();
    ui.horizontal(|ui| {
        let label = ui.label("Diameter");
        let mut diameter = brush.radius_mm * 2.0;
        let unit = format!(" {}", session.case().volume().placement.unit());
        let slider = Slider::new(&mut diameter, 0.5..=80.0).logarithmic(true).suffix(unit).max_decimals(1);
        let response =
            ui.add(slider).labelled_by(label.id).on_hover_text("Size in the patient  ([ ] or Shift+wheel)");
        if response.changed() {
            brush.radius_mm = diameter / 2.0;
        }
    });
    ui.horizontal(|ui| {
        ui.label("Shape");
        for (shape, word, tooltip) in [
            (BrushShape::Disc, "Disc", "One slice at a time, in the plane of the view  (Shift+B)"),
            (BrushShape::Ball, "Ball", "Several slices at once  (Shift+B)"),
        ] {
            let response = ui.add(Button::new(word).selected(brush.shape == shape)).on_hover_text(tooltip);
            if response.clicked() {
                brush.shape = shape;
            }
        }
    });
    ui.horizontal(|ui| {
        let window = session.display().window;
        let mut only = brush.only_values.is_some();
        ui.checkbox(&mut only, "Only values")
            .on_hover_text("Paint only voxels whose value lies in this range  (T)");
        match (only, &mut brush.only_values) {
            (true, Some([low, high])) => {
                let speed = (window.width / 400.0).max(1e-3);
                for (value, name) in [(low, "Lowest value painted"), (high, "Highest value painted")] {
                    let response = ui.add(DragValue::new(value).speed(speed).max_decimals(1));
                    widgets::named(&response, Role::SpinButton, name);
                }
            }
            (true, none @ None) => *none = Some([window.low(), window.high()]),
            (false, values) => *values = None,
        }
    });
    if brush != *session.brush() {
        session.set_brush(BrushSettings { ..brush });
    }
}

fn show_window(ui: &mut Ui, session: &mut Session) {
    let is_ct = session.case().volume().modality.as_deref() == Some("CT");
    ui.horizontal(|ui| {
        let window = session.display().window;
        let speed = (window.width / 300.0).max(1e-4);
        let mut changed = window;
        for (value, name) in [(&mut changed.width, "Window width"), (&mut changed.centre, "Window centre")] {
            ui.label(if name.ends_with("width") { "W" } else { "L" });
            let response = ui.add(DragValue::new(value).speed(speed).max_decimals(1));
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
