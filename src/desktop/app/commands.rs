//! What each command does that is the window's own, and when it can.

use std::path::{Path, PathBuf};

use super::{App, Next};
use crate::desktop::dialogs::Dialog;
use crate::desktop::file_picker::Pick;
use crate::desktop::jobs::{Saving, Wanted};
use crate::desktop::key_sheet::KeysDialog;
use crate::desktop::palette::{CommandPalette, Target};
use crate::desktop::shelf::Shelf;
use crate::desktop::worklist::{self, Worklist};
use crate::desktop::{bars, shortcuts};
use crate::session::{Allowed, Command, CommandInfo, Needs, read_form};
use crate::store::{self, Overwrite};

impl App {
    /// Whether a command can do anything now.
    pub(in crate::desktop) fn is_enabled(&self, row: &CommandInfo) -> bool {
        match row.needs {
            Needs::Nothing => true,
            Needs::Series => self.shelf.is_some(),
            Needs::Worklist => self.worklist.is_some(),
            needs => self.document.as_ref().is_some_and(|document| document.session.meets(needs)),
        }
    }

    /// Whether what a command switches is on; `None` for what switches nothing.
    pub(in crate::desktop) fn is_on(&self, command: Command) -> Option<bool> {
        match command {
            Command::Maximise => Some(self.canvas.maximised.is_some()),
            Command::Cine => Some(self.cine.is_some()),
            Command::SeriesList => Some(self.shows_shelf()),
            Command::WorkList => Some(self.shows_worklist()),
            other => self.document.as_ref()?.session.is_on(other),
        }
    }

    /// Carries out a command, whoever gave it.
    pub(in crate::desktop) fn run_command(&mut self, command: Command, ctx: &egui::Context) {
        if ctx.text_edit_focused() && ends_typing(command) {
            // The panel that is drawn next takes the text in.
            ctx.memory_mut(|memory| memory.stop_text_input());
            self.after_typing = Some(command);
            return ctx.request_repaint();
        }
        match command {
            Command::OpenFile => self.pick(Pick::File, ctx),
            Command::OpenFolder => self.pick(Pick::Folder, ctx),
            Command::OpenWorklist => self.pick(Pick::Worklist, ctx),
            Command::OpenSegmentation if self.document.is_some() => self.pick(Pick::Segmentation, ctx),
            Command::ImportLabels if self.document.is_some() => self.pick(Pick::LabelFile, ctx),
            Command::ExportLabels if self.document.is_some() => self.pick(Pick::NewLabelFile, ctx),
            Command::SearchLabels => self.panels.search_labels(),
            Command::RenameLabel | Command::GroupLabel | Command::RenameLayer => {
                if let Some(document) = &self.document {
                    match command {
                        Command::RenameLabel => self.panels.rename_label(&document.session),
                        Command::GroupLabel => self.panels.group_label(&document.session),
                        _ => self.panels.rename_layer(&document.session),
                    }
                }
            }
            Command::Cine => {
                let begins = self.cine.is_none() && self.document.is_some();
                self.cine = begins.then(|| ctx.input(|input| input.time));
            }
            Command::CineFaster => self.set_cine_speed(1),
            Command::CineSlower => self.set_cine_speed(-1),
            Command::LoadForm if self.document.is_some() => self.pick(Pick::Form, ctx),
            Command::Save => match self.session().and_then(|session| session.looks_only()).map(str::to_owned)
            {
                Some(reason) => self.notify(reason),
                None => self.save(None, Overwrite::Seen, ctx),
            },
            Command::SaveTo if self.document.is_some() => self.pick(Pick::SaveFolder, ctx),
            Command::StudyDone => self.toggle_done(ctx),
            Command::OpenStudy(steps) => self.open_undone(steps > 0, ctx),
            Command::Close => self.leave(Next::Close, ctx),
            Command::Quit => self.leave(Next::Quit, ctx),
            Command::Palette => self.palette = Some(CommandPalette::default()),
            Command::KeySheet => self.key_sheet = !self.key_sheet,
            Command::ChangeKeys => self.keys_dialog = Some(KeysDialog::default()),
            Command::Maximise => {
                let active = self.session().map(|session| session.active_pane());
                self.canvas.maximised = if self.canvas.maximised.is_some() { None } else { active };
            }
            Command::FullScreen => {
                let full = ctx.input(|input| input.viewport().fullscreen.unwrap_or(false));
                ctx.send_viewport_cmd(egui::ViewportCommand::Fullscreen(!full));
            }
            Command::ResetGraphics => self.pictures.reset_wanted = true,
            Command::SeriesList => self.shelf_hidden = !self.shelf_hidden,
            Command::WorkList => self.worklist_hidden = !self.worklist_hidden,
            Command::Theme => {
                self.settings.light = !self.settings.light;
                self.settings_changed(ctx);
            }
            Command::LargerWindow => self.scale_by(1.0, ctx),
            Command::SmallerWindow => self.scale_by(-1.0, ctx),
            Command::PlainWindow => {
                self.settings.scale = Default::default();
                self.settings_changed(ctx);
            }
            other => {
                if other == Command::Accept {
                    // What asked for it is answered.
                    self.toast = None;
                }
                if let Some(session) = self.session() {
                    session.run(other);
                }
            }
        }
    }

    /// Does what was found in the palette.
    pub(super) fn go_to(&mut self, target: Target, ctx: &egui::Context) {
        match target {
            Target::Run(command) => self.run_command(command, ctx),
            Target::Open(path) => self.open(&path, ctx),
            Target::Label(index) => {
                if let Some(session) = self.session() {
                    session.activate_label(index);
                }
            }
        }
    }

    /// Plays more or fewer pictures a second, from now on.
    fn set_cine_speed(&mut self, steps: i32) {
        self.settings.cine = self.settings.cine.stepped(steps);
        self.settings.store();
        self.notify(format!("Cine: {} pictures a second", self.settings.cine.per_second()));
    }

    fn scale_by(&mut self, steps: f32, ctx: &egui::Context) {
        self.settings.scale = self.settings.scale.stepped(steps);
        self.settings_changed(ctx);
    }

    /// Puts the settings into force and on disk.
    pub(super) fn settings_changed(&self, ctx: &egui::Context) {
        self.apply_settings(ctx);
        self.settings.store();
    }

    pub(super) fn apply_settings(&self, ctx: &egui::Context) {
        ctx.set_theme(if self.settings.light { egui::Theme::Light } else { egui::Theme::Dark });
        ctx.set_zoom_factor(self.settings.scale.factor());
        shortcuts::put_in_force(self.settings.keys.map());
    }

    fn toggle_done(&mut self, ctx: &egui::Context) {
        let Some(session) = self.session() else { return };
        let done = !session.is_done();
        match session.set_done(done) {
            Ok(()) if session.is_done() == done => {
                self.save(None, Overwrite::Seen, ctx);
                self.notify(if done { "This study is done" } else { "This study is to be worked on again" });
            }
            // Whoever only looks, or was asked something, is told so.
            Ok(()) => {}
            Err(error) => self.notify(format!("That could not be done: {error}")),
        }
    }

    fn open_undone(&mut self, forward: bool, ctx: &egui::Context) {
        let Some(list) = &self.worklist else { return };
        match list.next_undone(self.opened_path.as_deref(), forward).map(Path::to_owned) {
            Some(path) => self.open(&path, ctx),
            None => {
                self.notify(format!("No study {} is left to do", if forward { "below" } else { "above" }))
            }
        }
    }

    /// Does what was asked for in the worklist.
    pub(super) fn heed_worklist(&mut self, wish: worklist::Wish, ctx: &egui::Context) {
        match wish {
            worklist::Wish::Open(path) => self.open(&path, ctx),
            worklist::Wish::Run(command) => self.run_command(command, ctx),
            worklist::Wish::Close => self.worklist = None,
        }
    }

    /// Goes on to what unsaved marks stand in the way of, or asks about them.
    pub(super) fn leave(&mut self, next: Next, ctx: &egui::Context) {
        if self.has_unsaved() {
            self.show_unsaved(ctx);
            self.dialog = Some(Dialog::Unsaved { next, names: self.unsaved_names() });
        } else {
            self.go_on(next, ctx);
        }
    }

    /// Saves one series after the other, and then goes on.
    pub(super) fn save_all(&mut self, next: Next, ctx: &egui::Context) {
        if self.has_unsaved() {
            self.show_unsaved(ctx);
            self.after_save = Some(next);
            self.save(None, Overwrite::Seen, ctx);
        } else {
            self.go_on(next, ctx);
        }
    }

    /// Gives up all unsaved marks, and goes on.
    pub(super) fn discard_all(&mut self, next: Next, ctx: &egui::Context) {
        if let Some(document) = self.document.take() {
            document.close();
        }
        if let Some(shelf) = &mut self.shelf {
            shelf.discard_unsaved();
        }
        self.go_on(next, ctx);
    }

    /// What the series with unsaved marks are called.
    pub(super) fn unsaved_names(&self) -> Vec<String> {
        let shown = self.document.as_ref().filter(|document| document.session.is_unsaved());
        let title = |document| self.shelf.as_ref().map_or_else(|| bars::study_title(document), Shelf::title);
        let others = self.shelf.iter().flat_map(Shelf::unsaved_names);
        shown.map(title).into_iter().chain(others).collect()
    }

    fn go_on(&mut self, next: Next, ctx: &egui::Context) {
        match next {
            Next::Open(path) => {
                self.close_document();
                self.start_opening(&path, Wanted::Study, ctx);
            }
            Next::Close => self.close_document(),
            Next::Quit => {
                self.may_close = true;
                ctx.send_viewport_cmd(egui::ViewportCommand::Close);
            }
        }
    }

    pub(super) fn pick(&mut self, what: Pick, ctx: &egui::Context) {
        if self.picking.is_none() {
            self.picking = Some((what, self.picker.pick(what, ctx)));
        }
    }

    pub(super) fn picked(&mut self, what: Pick, path: &Path, ctx: &egui::Context) {
        match what {
            Pick::File | Pick::Folder => self.open(path, ctx),
            Pick::Worklist => self.work_through(path, ctx),
            Pick::Form => self.load_form(path.to_owned()),
            Pick::LabelFile => self.import_labels(path),
            Pick::NewLabelFile => self.export_labels(path),
            Pick::Segmentation => self.lay_over(path.to_owned(), None, Allowed::default(), ctx),
            Pick::SaveFolder => match std::fs::create_dir_all(path) {
                Ok(()) => self.save(Some(path), Overwrite::Seen, ctx),
                Err(error) => {
                    let text = format!("{}: cannot be made: {error}", path.display());
                    self.dialog = Some(Dialog::SaveFailed { text, allow: None });
                }
            },
        }
    }

    /// Takes names and colours of labels from a file.
    pub(super) fn import_labels(&mut self, path: &Path) {
        let origin = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let read = store::read_scheme(path).map_err(|error| error.to_string());
        let Some(session) = self.session() else { return };
        if let Err(text) = read.and_then(|scheme| session.name_labels(&scheme, &origin)) {
            let title = "The names of the labels could not be read".into();
            self.dialog = Some(Dialog::Message { title, text });
        }
    }

    fn export_labels(&mut self, path: &Path) {
        let Some(document) = &self.document else { return };
        match store::write_label_file(path, document.session.case().scheme()) {
            Ok(()) => self.notify(format!("Labels are in {}", path.display())),
            Err(error) => {
                let (title, text) =
                    ("The labels could not be written".into(), format!("{}: {error}", path.display()));
                self.dialog = Some(Dialog::Message { title, text });
            }
        }
    }

    /// Lists the studies of a folder.
    pub(super) fn work_through(&mut self, folder: &Path, ctx: &egui::Context) {
        self.worklist = Some(Worklist::new(folder, ctx));
        self.worklist_hidden = false;
    }

    fn load_form(&mut self, path: PathBuf) {
        match read_form(&path) {
            Ok(form) => {
                self.notify(format!("{}: {} questions", form.title, form.questions.len()));
                if let Some(session) = self.session() {
                    session.set_form(form);
                }
                self.settings.form = Some(path);
                self.settings.store();
            }
            Err(text) => {
                let title = "This form cannot be asked".into();
                self.dialog = Some(Dialog::Message { title, text });
            }
        }
    }

    /// Saves in the background.
    pub(super) fn save(&mut self, into: Option<&Path>, overwrite: Overwrite, ctx: &egui::Context) {
        if let Some(document) = &mut self.document
            && self.saving.is_none()
            && document.session.looks_only().is_none()
        {
            self.saving = Some(Saving::start(document.save_job(into, overwrite), ctx));
        }
    }
}

/// Whether a command has to wait for a text that is being written: it saves it, or leaves it.
fn ends_typing(command: Command) -> bool {
    matches!(
        command,
        Command::Save
            | Command::SaveTo
            | Command::StudyDone
            | Command::OpenStudy(_)
            | Command::OpenFile
            | Command::OpenFolder
            | Command::OpenWorklist
            | Command::Close
            | Command::Quit
    )
}
