//! Every key: the sheet that shows them, and the dialog in which a person gives commands others.

use egui::{
    Align, Button, ComboBox, Event, Id, Key, Label, Layout, Modal, RichText, Role, ScrollArea, TextEdit, Ui,
};
use egui_material_icons::icons::{ICON_ADD, ICON_CLOSE, ICON_RESTART_ALT};

use super::bars::MENUS;
use super::{fuzzy, shortcuts, theme, widgets};
use crate::session::{COMMANDS, Chord, Command, CommandInfo, Menu, OwnKeys, PROFILES, profile};

/// The mouse's part of the key sheet.
const MOUSE: &[(&str, &str)] = &[
    ("Wheel", "slice, also in mid-stroke"),
    ("Ctrl+wheel", "zoom at the pointer"),
    ("Shift+wheel", "brush size"),
    ("Alt+wheel", "label opacity"),
    ("Middle drag, Space+drag", "pan"),
    ("Right drag", "zoom; with a brush: erase"),
    ("Ctrl+drag", "exchange painting and erasing"),
    ("Alt+click", "pick the label under the pointer"),
    ("Shift+move", "the crosshair follows"),
    ("Buttons 4 and 5", "previous and next annotated slice"),
    ("Slice bar", "click jumps, drag scrolls"),
    ("Double click", "one view alone, with Navigate"),
];

/// What the key sheet came to.
pub(super) enum SheetReply {
    Open,
    Closed,
    Change,
}

/// Draws the key sheet.
pub(super) fn show_key_sheet(ctx: &egui::Context) -> SheetReply {
    let screen = ctx.content_rect().size();
    let modal = Modal::new(Id::unique("key sheet")).frame(theme::dialog_frame(ctx)).show(ctx, |ui| {
        ui.set_width(780.0_f32.min(screen.x - 80.0));
        ui.heading("Keys");
        ui.add_space(8.0);
        let height = (screen.y - 180.0).clamp(160.0, 520.0);
        ScrollArea::vertical().max_height(height).auto_shrink([false, true]).show(ui, |ui| {
            ui.columns(2, |columns| {
                let parts = parts();
                let lines = |part: &Part| part.lines.len() + 2;
                let all: usize = parts.iter().map(lines).sum();
                let mut above = 0;
                for part in &parts {
                    let column = &mut columns[usize::from(2 * above + lines(part) > all)];
                    column.label(RichText::new(part.heading).font(theme::medium(13.0)));
                    for (keys, name) in &part.lines {
                        key_line(column, keys, name);
                    }
                    column.add_space(8.0);
                    above += lines(part);
                }
            });
        });
        ui.add_space(8.0);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button("Close").on_hover_text("Close the key sheet  (Escape)").clicked() {
                return SheetReply::Closed;
            }
            let change = ui.button("Change keys…").on_hover_text(widgets::tooltip(Command::ChangeKeys));
            if change.clicked() { SheetReply::Change } else { SheetReply::Open }
        })
        .inner
    });
    if modal.should_close() { SheetReply::Closed } else { modal.inner }
}

/// Lines of the key sheet that belong together.
struct Part {
    heading: &'static str,
    lines: Vec<(String, &'static str)>,
}

/// The mouse, then the keys of each menu.
fn parts() -> Vec<Part> {
    let mouse = MOUSE.iter().map(|(gesture, does)| ((*gesture).to_owned(), *does)).collect();
    let keys_of = |menu: Menu| {
        let rows = COMMANDS.iter().filter(move |row| row.menu == menu);
        let lines = rows.map(|row| (shortcuts::all_shown(row.command), row.name));
        lines.filter(|(keys, _)| !keys.is_empty()).collect()
    };
    let menus = MENUS.into_iter().chain([(Menu::None, "Slices, times and labels")]);
    let menus = menus.map(|(menu, heading)| Part { heading, lines: keys_of(menu) });
    std::iter::once(Part { heading: "Mouse", lines: mouse }).chain(menus).collect()
}

fn key_line(ui: &mut Ui, keys: &str, name: &str) {
    const KEYS: f32 = 160.0;
    ui.spacing_mut().interact_size.y = 18.0;
    ui.horizontal(|ui| {
        let weak = theme::palette(ui).weak;
        ui.allocate_ui_with_layout(egui::vec2(KEYS, 18.0), Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(KEYS);
            ui.set_max_width(KEYS);
            ui.add(Label::new(RichText::new(keys).font(theme::medium(12.0))).truncate());
        });
        ui.add(Label::new(RichText::new(name).color(weak)).truncate());
    });
}

/// The dialog that changes keys, while it is open.
#[derive(Default)]
pub(super) struct KeysDialog {
    words: String,
    waiting: Waiting,
    had_focus: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Waiting {
    #[default]
    Nothing,
    /// For a key to give to a command.
    Press(Command),
    /// For a word about a key that another command has.
    Answer { chord: Chord, to: Command, from: Command },
}

impl KeysDialog {
    /// Draws the dialog; `true` when it is to be closed.
    pub(super) fn show(&mut self, ctx: &egui::Context, own: &mut OwnKeys) -> bool {
        self.take_key(ctx, own);
        let screen = ctx.content_rect().size();
        let modal = Modal::new(Id::unique("change keys")).frame(theme::dialog_frame(ctx)).show(ctx, |ui| {
            ui.set_width(640.0_f32.min(screen.x - 80.0));
            ui.heading("Change keys");
            ui.add_space(6.0);
            self.show_head(ui, own);
            ui.add_space(6.0);
            let height = (screen.y - 240.0).clamp(140.0, 460.0);
            ScrollArea::vertical().max_height(height).min_scrolled_height(height).auto_shrink(false).show(
                ui,
                |ui| {
                    let meant: Vec<&CommandInfo> = COMMANDS.iter().filter(|row| self.is_meant(row)).collect();
                    for row in meant {
                        self.show_command(ui, own, row);
                    }
                },
            );
            ui.add_space(8.0);
            self.show_question(ui, own);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.button("Close").on_hover_text("Close; the keys are kept  (Escape)").clicked()
            })
            .inner
        });
        modal.inner || modal.should_close() && self.waiting == Waiting::Nothing
    }

    fn is_meant(&self, row: &CommandInfo) -> bool {
        let by_key = || {
            let keys = shortcuts::in_force();
            keys.of(row.command)
                .iter()
                .any(|chord| shortcuts::spelled(chord).eq_ignore_ascii_case(self.words.trim()))
        };
        fuzzy::find(&self.words, row.name).is_some() || by_key()
    }

    fn show_head(&mut self, ui: &mut Ui, own: &mut OwnKeys) {
        ui.horizontal(|ui| {
            let label = ui.label("Profile");
            let in_use = profile(&own.profile);
            let chosen = ComboBox::from_id_salt("profile").width(120.0).selected_text(&in_use.name).show_ui(
                ui,
                |ui| {
                    for offered in PROFILES.iter() {
                        let response = ui.selectable_label(offered.name == in_use.name, &offered.name);
                        if response.on_hover_text(&offered.about).clicked() {
                            own.profile.clone_from(&offered.name);
                        }
                    }
                },
            );
            chosen.response.labelled_by(label.id).on_hover_text("Keys as another program has them");
            let field = TextEdit::singleline(&mut self.words)
                .hint_text("Find a command or a key")
                .desired_width(190.0);
            let response = ui.add(field);
            widgets::named(&response, Role::TextInput, "Find a command or a key");
            if !self.had_focus {
                response.request_focus();
                self.had_focus = true;
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let reset = ui.add_enabled(!own.changes.is_empty(), Button::new("Reset all"));
                if reset.on_hover_text("All keys as the profile has them").clicked() {
                    own.changes.clear();
                }
            });
        });
        let weak = theme::palette(ui).weak;
        ui.label(RichText::new(&profile(&own.profile).about).small().color(weak));
    }

    fn show_command(&mut self, ui: &mut Ui, own: &mut OwnKeys, row: &CommandInfo) {
        const NAME: f32 = 250.0;
        let command = row.command;
        let keys = own.map();
        ui.horizontal(|ui| {
            ui.set_min_height(theme::ROW + 4.0);
            ui.allocate_ui_with_layout(
                egui::vec2(NAME, theme::ROW),
                Layout::left_to_right(Align::Center),
                |ui| {
                    ui.set_min_width(NAME);
                    ui.add(Label::new(row.name).truncate()).on_hover_text(row.tooltip);
                },
            );
            for chord in keys.of(command) {
                let spelled = shortcuts::spelled(chord);
                let button = Button::new((spelled.as_str(), ICON_CLOSE.rich_text().size(11.0)));
                let response = ui.add(button);
                widgets::named(&response, Role::Button, &format!("Remove {spelled} from {}", row.name));
                if response.on_hover_text(format!("Take {spelled} from this command")).clicked() {
                    own.remove(command, chord);
                }
            }
            if self.waiting == Waiting::Press(command) {
                let accent = theme::palette(ui).accent;
                ui.label(RichText::new("press a key, Esc for none").color(accent));
            } else {
                let name = format!("Add a key to {}", row.name);
                if widgets::icon_button(ui, ICON_ADD, &name, "Give it a key").clicked() {
                    self.waiting = Waiting::Press(command);
                    ui.memory_mut(|memory| memory.stop_text_input());
                }
            }
            if own.is_changed(command) {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let name = format!("Reset {}", row.name);
                    let tooltip = "The keys that the profile gives it";
                    if widgets::icon_button(ui, ICON_RESTART_ALT, &name, tooltip).clicked() {
                        own.reset(command);
                    }
                });
            }
        });
    }

    /// Asks about a key that another command has.
    fn show_question(&mut self, ui: &mut Ui, own: &mut OwnKeys) {
        let Waiting::Answer { chord, to, from } = self.waiting.clone() else {
            // The list does not jump when there is something to ask.
            ui.add_space(theme::ROW + ui.spacing().item_spacing.y);
            return;
        };
        let name = |command: Command| command.info().map_or("", |row| row.name);
        let spelled = shortcuts::spelled(&chord);
        let warning = theme::palette(ui).warning;
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(format!("{spelled} is \"{}\".", name(from))).color(warning));
            if ui
                .button(format!("Give it to \"{}\"", name(to)))
                .on_hover_text("The other one loses it")
                .clicked()
            {
                own.add(to, chord);
                self.waiting = Waiting::Nothing;
            }
            if ui.button("Leave it").on_hover_text("Nothing changes  (Escape)").clicked() {
                self.waiting = Waiting::Nothing;
            }
        });
    }

    /// Takes the key that is waited for; no other control sees it.
    fn take_key(&mut self, ctx: &egui::Context, own: &mut OwnKeys) {
        if self.waiting == Waiting::Nothing {
            return;
        }
        let mut taken = None;
        let any_key = matches!(self.waiting, Waiting::Press(_));
        ctx.input_mut(|input| {
            input.events.retain(|event| {
                let Event::Key { key, pressed: true, modifiers, .. } = event else { return true };
                let is_meant = *key == Key::Escape || any_key && !shortcuts::is_modifier(*key);
                if is_meant {
                    taken.get_or_insert((*key, *modifiers));
                }
                !is_meant
            });
        });
        let Some((key, held)) = taken else { return };
        let waiting = std::mem::take(&mut self.waiting);
        let Waiting::Press(to) = waiting else { return };
        if key == Key::Escape {
            return;
        }
        let chord = shortcuts::chord(key, held);
        match own.map().command(&chord).filter(|other| *other != to) {
            Some(from) => self.waiting = Waiting::Answer { chord, to, from },
            None => own.add(to, chord),
        }
    }
}
