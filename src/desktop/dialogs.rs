//! Questions that stand over the window, one at a time.

use std::path::{Path, PathBuf};

use egui::{Align, Button, Context, Id, Key, Layout, Modal, ProgressBar, RichText, Role, TextEdit, Ui};

use super::app::Next;
use super::file_picker::Pick;
use super::{theme, widgets};
use crate::format::FoundSoFar;
use crate::session::{Allowed, DoubtfulMask, GridMismatch};
use crate::store::Overwrite;

/// A question.
pub(super) enum Dialog {
    /// Something happened that the person should read.
    Message { title: String, text: String },
    /// There are unsaved marks, and something would lose them: what is called so.
    Unsaved { next: Next, names: Vec<String> },
    /// A save did not happen; what a person may allow so that it does.
    SaveFailed { text: String, allow: Option<(&'static str, Overwrite)> },
    /// What was saved about a study cannot be opened with it.
    MarksUnreadable { path: PathBuf, text: String },
    /// Somebody is about to mark a study whose place is doubtful.
    Doubtful { text: String },
    /// An earlier session ended before it saved.
    LeftBehind { steps: usize, last: Option<String>, cut_off: bool },
    /// A mask lies on another grid than the study.
    OtherGrid { mismatch: Box<GridMismatch>, names: Option<PathBuf> },
    /// It is doubtful where a mask lies.
    DoubtfulMask { mask: Box<DoubtfulMask>, names: Option<PathBuf> },
    /// A file was dropped on an open study.
    Dropped { path: PathBuf },
    /// The system shows no file dialogs.
    Path { what: Pick, text: String, had_focus: bool },
}

/// What came of it.
pub(super) enum Reply {
    StillOpen,
    Cancelled,
    Save(Next),
    Discard(Next),
    SaveElsewhere,
    SaveOver(Overwrite),
    Path(Pick, PathBuf),
    WithoutMarks(PathBuf),
    BringBack,
    LeaveBehind,
    MarkAnyway,
    Open(PathBuf),
    LayOver(PathBuf, Option<PathBuf>, Allowed),
}

/// Draws a question.
pub(super) fn show(ctx: &Context, dialog: &mut Dialog) -> Reply {
    let modal = Modal::new(Id::unique("dialog")).frame(theme::dialog_frame(ctx)).show(ctx, |ui| {
        ui.set_width(460.0);
        ui.spacing_mut().item_spacing.y = 8.0;
        match dialog {
            Dialog::Message { title, text } => {
                let (title, text) = (title.clone(), text.clone());
                body(ui, &title, &text);
                buttons(ui, |ui| confirmed(ui, "Close").then_some(Reply::Cancelled))
            }
            Dialog::Unsaved { next, names } => {
                let (title, save) = match names.len() {
                    0 | 1 => ("Save your marks?", "Save"),
                    _ => ("Save the marks of several series?", "Save all"),
                };
                let text = "Not on disk yet are the marks of";
                body(ui, title, &format!("{text}\n{}", names.iter().map(|name| format!("●  {name}")).collect::<Vec<_>>().join("\n")));
                buttons(ui, |ui| {
                    if confirmed(ui, save) {
                        return Some(Reply::Save(next.clone()));
                    }
                    if waved_away(ui, "Cancel") {
                        return Some(Reply::Cancelled);
                    }
                    ui.button("Discard").clicked().then(|| Reply::Discard(next.clone()))
                })
            }
            Dialog::SaveFailed { text, allow } => {
                body(ui, "Your marks are not saved yet", &format!("{text}\n\nNothing is lost: they are still open here."));
                let allow = *allow;
                buttons(ui, |ui| {
                    if confirmed(ui, "Choose another folder…") {
                        return Some(Reply::SaveElsewhere);
                    }
                    if waved_away(ui, "Later") {
                        return Some(Reply::Cancelled);
                    }
                    allow.and_then(|(word, over)| ui.button(word).clicked().then_some(Reply::SaveOver(over)))
                })
            }
            Dialog::MarksUnreadable { path, text } => {
                let note = "You can open the study without them. They stay on disk as they are; new marks are then saved into another folder.";
                body(ui, "What was saved about this study cannot be opened", &format!("{text}\n\n{note}"));
                buttons(ui, |ui| {
                    if confirmed(ui, "Open without them") {
                        return Some(Reply::WithoutMarks(path.clone()));
                    }
                    waved_away(ui, "Cancel").then_some(Reply::Cancelled)
                })
            }
            Dialog::LeftBehind { steps, last, cut_off } => {
                let count = if *steps == 1 { "One step was".to_owned() } else { format!("{steps} steps were") };
                let when = last.as_deref().map_or(String::new(), |time| format!(", the last at {}", local_time(time)));
                let torn = if *cut_off { " The one being written when it stopped is lost." } else { "" };
                let text = format!("Annotomy ended before this case was saved. {count} made since{when}.{torn}");
                body(ui, "Bring your unsaved marks back?", &text);
                buttons(ui, |ui| {
                    if confirmed(ui, "Bring them back") {
                        return Some(Reply::BringBack);
                    }
                    ui.button("Open without them").clicked().then_some(Reply::LeaveBehind)
                })
            }
            Dialog::OtherGrid { mismatch, names } => show_other_grid(ui, mismatch, names),
            Dialog::DoubtfulMask { mask, names } => show_doubtful_mask(ui, mask, names),
            Dialog::Dropped { path } => {
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
                body(ui, "What is this file?", &format!("{name} can be opened as a study of its own, or its labels laid over the study that is open."));
                buttons(ui, |ui| {
                    if confirmed(ui, "Lay over as labels") {
                        return Some(Reply::LayOver(path.clone(), None, Allowed::default()));
                    }
                    if waved_away(ui, "Cancel") {
                        return Some(Reply::Cancelled);
                    }
                    ui.button("Open as a study").clicked().then(|| Reply::Open(path.clone()))
                })
            }
            Dialog::Path { what, text, had_focus } => show_path(ui, *what, text, had_focus),
            Dialog::Doubtful { text } => {
                let note = "Marks would land where this reading puts them, and nowhere else. Look first; the badge at the top tells all.";
                body(ui, "Where this study lies is doubtful", &format!("{text}\n\n{note}"));
                buttons(ui, |ui| {
                    if confirmed(ui, "Only look") {
                        return Some(Reply::Cancelled);
                    }
                    ui.button("Mark all the same").clicked().then_some(Reply::MarkAnyway)
                })
            }
        }
    });
    match modal.inner {
        Some(reply) => reply,
        // Marks that wait are no question to be waved away.
        None if modal.should_close() && !matches!(dialog, Dialog::LeftBehind { .. }) => Reply::Cancelled,
        None => Reply::StillOpen,
    }
}

/// A time of a file as the clock on this wall would have it.
fn local_time(utc: &str) -> String {
    match utc.parse::<jiff::Timestamp>() {
        Ok(time) => time.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M on %-d %B").to_string(),
        Err(_) => utc.to_owned(),
    }
}

fn body(ui: &mut Ui, title: &str, text: &str) {
    ui.label(RichText::new(title).font(theme::medium(16.0)));
    ui.label(RichText::new(text).color(theme::palette(ui).weak));
    ui.add_space(4.0);
}

fn buttons(ui: &mut Ui, content: impl FnOnce(&mut Ui) -> Option<Reply>) -> Option<Reply> {
    ui.allocate_ui_with_layout(
        egui::vec2(ui.available_width(), 30.0),
        Layout::right_to_left(Align::Center),
        content,
    )
    .inner
}

/// The button for what is meant most often, which Enter presses too.
fn confirmed(ui: &mut Ui, word: &'static str) -> bool {
    let button = primary(ui, word);
    let clicked = ui.add(button).on_hover_text(format!("{word}  (Enter)")).clicked();
    clicked || ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::Enter))
}

/// The button that changes nothing, as Escape does.
fn waved_away(ui: &mut Ui, word: &str) -> bool {
    ui.button(word).on_hover_text(format!("{word}  (Escape)")).clicked()
}

fn primary(ui: &Ui, word: &'static str) -> Button<'static> {
    let colours = theme::palette(ui);
    Button::new(RichText::new(word).color(colours.on_accent)).fill(colours.accent)
}

/// Both grids side by side, and the one thing that can be done.
fn show_other_grid(ui: &mut Ui, mismatch: &GridMismatch, names: &Option<PathBuf>) -> Option<Reply> {
    let name = mismatch.mask.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = "Its voxels are not those of the study, in any order of the axes. Nothing was taken over.";
    body(ui, &format!("{name} lies on another grid"), text);
    show_grids(ui, ["the file", "the study"], &mismatch.rows());
    let weak = theme::palette(ui).weak;
    let note = "Resampling gives each voxel of the study the label of the file's nearest voxel. Edges move by up to half a voxel; the layer keeps a note of it.";
    ui.label(RichText::new(note).small().color(weak));
    buttons(ui, |ui| {
        if confirmed(ui, "Cancel") {
            return Some(Reply::Cancelled);
        }
        let resample = ui.button("Resample").clicked();
        let allowed = Allowed { resampling: true, ..mismatch.allowed };
        resample.then(|| Reply::LayOver(mismatch.mask.clone(), names.clone(), allowed))
    })
}

/// Both places a mask may lie at, and the one thing that can be done.
fn show_doubtful_mask(ui: &mut Ui, mask: &DoubtfulMask, names: &Option<PathBuf>) -> Option<Reply> {
    let name = mask.mask.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = format!("{}; {}. Nothing was taken over.", mask.doubt, mask.relation());
    body(ui, &format!("Where {name} lies is doubtful"), &text);
    show_grids(ui, mask.headings(), &mask.rows());
    buttons(ui, |ui| {
        if confirmed(ui, "Cancel") {
            return Some(Reply::Cancelled);
        }
        let as_read = ui.button("Lay over as it is read").clicked();
        let allowed = Allowed { doubtful_place: true, ..mask.allowed };
        as_read.then(|| Reply::LayOver(mask.mask.clone(), names.clone(), allowed))
    })
}

/// Two grids side by side.
fn show_grids(ui: &mut Ui, [one, other]: [&str; 2], rows: &[[String; 3]]) {
    let weak = theme::palette(ui).weak;
    egui::Grid::new("grids").num_columns(3).striped(true).spacing([14.0, 4.0]).show(ui, |ui| {
        for heading in ["", one, other] {
            ui.label(RichText::new(heading).small().color(weak));
        }
        ui.end_row();
        for [what, one, other] in rows {
            let differs = one != other;
            ui.label(RichText::new(what).small().color(weak));
            let colour = if differs { theme::palette(ui).warning } else { theme::palette(ui).text };
            ui.label(RichText::new(one).small().color(colour));
            ui.label(RichText::new(other).small());
            ui.end_row();
        }
    });
}

fn show_path(ui: &mut Ui, what: Pick, text: &mut String, had_focus: &mut bool) -> Option<Reply> {
    let saves = matches!(what, Pick::SaveFolder | Pick::NewLabelFile);
    body(ui, what.title(), "This system shows no file dialogs. Type or paste the path.");
    let hint = match what {
        Pick::SaveFolder => "Path of a folder, made if it is not there",
        Pick::Folder | Pick::Worklist => "Path of a folder",
        Pick::Segmentation => "Path of a NIfTI, NRRD or MetaImage file of labels",
        Pick::Form => "Path of a form, a JSON file",
        Pick::LabelFile => "Path of a label file of ITK-SNAP, or of a table",
        Pick::NewLabelFile => "Path of a new label file",
        Pick::File => "Path of a study",
    };
    let field = ui.add(TextEdit::singleline(text).hint_text(hint).desired_width(f32::INFINITY));
    widgets::named(&field, Role::TextInput, "Path");
    if !*had_focus {
        field.request_focus();
        *had_focus = true;
    }
    let path = PathBuf::from(text.trim().trim_matches('"'));
    let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    let usable = match what {
        Pick::NewLabelFile => !text.trim().is_empty() && !path.is_dir(),
        _ if saves => !text.trim().is_empty() && !path.is_file(),
        _ => path.exists(),
    };
    if !text.trim().is_empty() && !usable {
        ui.label(
            RichText::new(if what == Pick::NewLabelFile {
                "This is a folder."
            } else if saves {
                "This is a file."
            } else {
                "There is no such file or folder."
            })
            .color(theme::palette(ui).warning),
        );
    }
    buttons(ui, |ui| {
        let clicked = ui.add_enabled(usable, primary(ui, if saves { "Save" } else { "Open" })).clicked();
        if (clicked || entered) && usable {
            return Some(Reply::Path(what, path));
        }
        waved_away(ui, "Cancel").then_some(Reply::Cancelled)
    })
}

/// The series that a scan has come upon, while it goes on.
fn show_found(ui: &mut Ui, found: &FoundSoFar) {
    const SHOWN: usize = 8;
    if found.files == 0 {
        return;
    }
    let weak = theme::palette(ui).weak;
    let count = found.series.len();
    ui.label(RichText::new(format!("{} files read, {count} series so far", found.files)).small().color(weak));
    for series in found.series.iter().take(SHOWN) {
        let name = if series.description.is_empty() { "without a description" } else { &series.description };
        let words = format!("{} · {name} · {} pictures", series.modality, series.pictures);
        ui.add(egui::Label::new(RichText::new(words).small()).truncate());
    }
    if count > SHOWN {
        ui.label(RichText::new(format!("and {} more", count - SHOWN)).small().color(weak));
    }
}

/// Height of the list of what was found so far, in points.
const FOUND: f32 = 190.0;

/// Draws the progress of an opening over the window; `true` when it is to be stopped.
pub(super) fn show_progress(ctx: &Context, path: &Path, done: f32, found: &FoundSoFar) -> bool {
    let area = egui::Area::new(Id::unique("opening"))
        .anchor(egui::Align2::CENTER_BOTTOM, [0.0, -60.0])
        .order(egui::Order::Foreground);
    area.show(ctx, |ui| {
        egui::Frame::popup(ui.style())
            .inner_margin(14.0)
            .show(ui, |ui| {
                ui.set_width(360.0);
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
                ui.label(format!("Opening {name}"));
                // The list has its room from the start, so that Cancel stays where it is.
                let room = egui::vec2(360.0, if found.files > 0 { FOUND } else { 0.0 });
                ui.allocate_ui(room, |ui| {
                    ui.set_min_height(room.y);
                    show_found(ui, found);
                });
                ui.horizontal(|ui| {
                    let bar = ProgressBar::new(done).desired_width(280.0).desired_height(6.0);
                    let response = ui.add(bar);
                    widgets::named(&response, Role::ProgressIndicator, "Progress of opening");
                    waved_away(ui, "Cancel")
                })
                .inner
            })
            .inner
    })
    .inner
}
