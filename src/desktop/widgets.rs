//! Small controls that the panels share: icons with names that screen readers can say.

use std::ops::RangeInclusive;

use egui::emath::Numeric;
use egui::text::{CCursor, CCursorRange};
use egui::text_edit::TextEditState;
use egui::{
    Button, Checkbox, Color32, Context, DragValue, Id, Key, Response, RichText, Role, Sense, Slider, Stroke,
    TextEdit, Ui, Vec2, WidgetInfo,
};
use egui_material_icons::MaterialIcon;

use super::{shortcuts, theme};
use crate::session::Command;
use crate::volume::{SuggestedWindow, Window};

/// A button that shows an icon alone; `name` is what it is called.
pub(super) fn icon_button(ui: &mut Ui, icon: MaterialIcon, name: &str, tooltip: &str) -> Response {
    let text = icon.rich_text().size(16.0);
    let response = ui.add(Button::new(text).frame_when_inactive(false).min_size(Vec2::splat(theme::ROW)));
    named(&response, Role::Button, name);
    response.on_hover_text(tooltip)
}

/// A button that shows an icon and switches something on and off.
pub(super) fn icon_toggle(
    ui: &mut Ui,
    icons: [MaterialIcon; 2],
    on: bool,
    name: &str,
    tooltip: &str,
) -> Response {
    let colour = if on { theme::palette(ui).text } else { theme::palette(ui).weak };
    let text = icons[usize::from(on)].rich_text().size(15.0).color(colour);
    let button = Button::new(text).frame_when_inactive(false).min_size(Vec2::new(22.0, theme::ROW));
    let response = ui.add(button);
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, on, name));
    response.on_hover_text(tooltip)
}

/// A button with an icon, its word where there is room, and the command's tooltip and key.
pub(super) fn command_button(
    ui: &mut Ui,
    icon: MaterialIcon,
    word: &str,
    command: Command,
    enabled: bool,
    worded: bool,
) -> bool {
    let icon = icon.rich_text().size(16.0);
    let button = if worded { Button::new((icon, word)) } else { Button::new(icon) };
    let button = button.frame_when_inactive(false).min_size(Vec2::splat(theme::ROW));
    let response = ui.add_enabled(enabled, button);
    named(&response, Role::Button, word);
    response.on_hover_text(tooltip(command)).clicked()
}

/// The tooltip of a window that the file asks for.
pub(super) fn own_window_tooltip(suggested: &SuggestedWindow) -> String {
    let Window { centre, width } = suggested.window;
    format!("Asked for by the file: centre {centre}, width {width}")
}

/// The tooltip of a command with its key.
pub(super) fn tooltip(command: Command) -> String {
    tip(command.info().map_or("", |row| row.tooltip), &[command])
}

/// A sentence with the keys of the commands that do the same.
pub(super) fn tip(text: &str, commands: &[Command]) -> String {
    let keys: Vec<String> = commands.iter().map(|command| shortcuts::shown(*command)).collect();
    let keys = keys.join(" ");
    if keys.trim().is_empty() { text.to_owned() } else { format!("{text}  ({})", keys.trim()) }
}

/// Gives a control the name that screen readers say.
pub(super) fn named(response: &Response, role: Role, name: &str) {
    response.widget_info(|| WidgetInfo::labeled(role, response.enabled(), name));
}

/// Gives something that is on or off the name that screen readers say.
pub(super) fn named_check(response: &Response, on: bool, name: &str) {
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, response.enabled(), on, name));
}

/// A field for a number. What is typed counts once the field is left, and Esc gives it up.
pub(super) fn number<'a, N: Numeric>(ui: &Ui, value: &'a mut N) -> DragValue<'a> {
    let gave_up = gave_up(ui.ctx());
    DragValue::new(value)
        .update_while_editing(false)
        .custom_parser(move |text| number_in(text).filter(|_| !gave_up))
}

/// A slider with a field for the number; what is typed there counts once the field is left.
pub(super) fn slider<'a, N: Numeric>(ui: &Ui, value: &'a mut N, range: RangeInclusive<N>) -> Slider<'a> {
    let gave_up = gave_up(ui.ctx());
    Slider::new(value, range)
        .update_while_editing(false)
        .custom_parser(move |text| number_in(text).filter(|_| !gave_up))
}

/// A number as people write it, with a point or a comma.
fn number_in(text: &str) -> Option<f64> {
    let text: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    text.replace('−', "-").replace(',', ".").parse().ok().filter(|number: &f64| number.is_finite())
}

/// Notes that what is being written is given up.
pub(super) fn give_up(ctx: &Context) {
    let now = ctx.cumulative_pass_nr();
    ctx.data_mut(|data| data.insert_temp(Id::unique("given up"), now));
}

/// Whether what was written was given up just now. Fields for numbers take in what stands there one pass
/// after the key, too.
pub(super) fn gave_up(ctx: &Context) -> bool {
    let at = ctx.data(|data| data.get_temp::<u64>(Id::unique("given up")));
    at.is_some_and(|at| ctx.cumulative_pass_nr() <= at + 1)
}

/// The borders of a range of which one was moved: it takes the other along.
pub(super) fn moved(before: [f64; 2], [low, high]: [f64; 2]) -> [f64; 2] {
    if high == before[1] { [low, high.max(low)] } else { [low.min(high), high] }
}

/// A box to tick. Its word is read from the panel, also while it has the keyboard.
pub(super) fn checkbox(ui: &mut Ui, on: &mut bool, text: &str) -> Response {
    let colours = theme::palette(ui);
    ui.scope(|ui| {
        ui.visuals_mut().widgets.inactive.bg_stroke = Stroke::new(1.0, colours.faint);
        ui.add(Checkbox::new(on, RichText::new(text).color(colours.text)))
    })
    .inner
}

/// A field for a new name. When it appears it has the focus and the old name is selected, so that
/// typing replaces it. Gives the new name, trimmed, once the person is done; `None` within where it
/// stays as it was.
pub(super) fn name_field(
    ui: &mut Ui,
    field: &mut NameField,
    label: &str,
    width: f32,
) -> Option<Option<String>> {
    let shown = TextEdit::singleline(&mut field.text).desired_width(width).show(ui);
    let response = shown.response.response;
    named(&response, Role::TextInput, label);
    if !field.had_focus {
        select_all(ui, response.id, &field.text);
        response.request_focus();
        field.had_focus = true;
        return None;
    }
    if !response.lost_focus() {
        return None;
    }
    let name = field.text.trim().to_owned();
    let kept = ui.input(|input| input.key_pressed(Key::Escape)) || name.is_empty();
    Some((!kept).then_some(name))
}

/// Selects all of the text of a field.
pub(super) fn select_all(ui: &Ui, field: Id, text: &str) {
    let mut state = TextEditState::load(ui.ctx(), field).unwrap_or_default();
    let all = CCursorRange::two(CCursor::new(0), CCursor::new(text.chars().count()));
    state.cursor.set_char_range(Some(all));
    state.store(ui.ctx(), field);
}

/// A name being changed.
pub(super) struct NameField {
    text: String,
    had_focus: bool,
}

impl NameField {
    pub(super) fn new(name: &str) -> Self {
        Self { text: name.to_owned(), had_focus: false }
    }
}

/// The heading of a section, with room for controls at its right end.
pub(super) fn section(ui: &mut Ui, title: &str, controls: impl FnOnce(&mut Ui)) {
    ui.add_space(6.0);
    ui.horizontal(|ui| {
        ui.set_min_height(theme::ROW);
        let weak = theme::palette(ui).weak;
        ui.label(RichText::new(title.to_uppercase()).font(theme::medium(11.0)).color(weak));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), controls);
    });
}

/// A row as wide as the panel that can be clicked; its background tells whether it is chosen.
pub(super) fn row<R>(
    ui: &mut Ui,
    chosen: bool,
    name: &str,
    content: impl FnOnce(&mut Ui) -> R,
) -> (Response, R) {
    let size = Vec2::new(ui.available_width(), theme::ROW);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, chosen, name));
    let colours = theme::palette(ui);
    let fill = if chosen {
        colours.hovered
    } else if response.hovered() {
        colours.raised
    } else {
        Color32::TRANSPARENT
    };
    ui.painter().rect_filled(rect, f32::from(theme::CORNER), fill);
    if chosen {
        let bar = egui::Rect::from_min_size(rect.min, Vec2::new(3.0, rect.height()));
        ui.painter().rect_filled(bar, 1.5, colours.accent);
    }
    let inner = rect.shrink2(Vec2::new(8.0, 0.0));
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    let mut child = ui.new_child(egui::UiBuilder::new().max_rect(inner).layout(layout));
    child.spacing_mut().item_spacing.x = 4.0;
    let result = content(&mut child);
    (response, result)
}

/// How wide a text is on one line.
pub(super) fn width_of(ui: &Ui, text: &str, style: egui::TextStyle) -> f32 {
    let font = style.resolve(ui.style());
    ui.painter().layout_no_wrap(text.to_owned(), font, egui::Color32::WHITE).size().x
}
