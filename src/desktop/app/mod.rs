//! The window's state, and what happens in one frame.

mod commands;
mod keys;
mod outcomes;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use egui::{CentralPanel, Frame, Panel, Ui};

use super::canvas::Canvas;
use super::dialogs::{self, Dialog, Reply};
use super::file_picker::{FilePicker, Pick, Picked, SystemPicker};
use super::held_keys::HeldKeys;
use super::in_order::InOrder;
use super::jobs::{Importing, Opening, Saving, Wanted};
use super::key_sheet::{self, KeysDialog, SheetReply};
use super::palette::{CommandPalette, Findable, Outcome};
use super::panels::Panels;
use super::pictures::Pictures;
use super::settings::{Place, Settings};
use super::shelf::Shelf;
use super::welcome::{self, Wish};
use super::worklist::Worklist;
use super::{Start, bars, theme};
use crate::geometry::{AnatomicalPlane, GridPlane};
use crate::session::{Command, Document, Session};

/// The window.
pub struct App {
    pub(super) document: Option<Document>,
    shelf: Option<Shelf>,
    shelf_hidden: bool,
    worklist: Option<Worklist>,
    worklist_hidden: bool,
    /// What was opened, as the worklist and the recent files name it.
    opened_path: Option<PathBuf>,
    pub(super) settings: Settings,
    pub(super) opening: Option<Opening>,
    /// What can be seen of a study that is still being read.
    preview: Option<Session>,
    pub(super) saving: Option<Saving>,
    pub(super) importing: Option<Importing>,
    /// A mask, or names of labels, for the study that is being opened.
    to_lay_over: Option<(Option<PathBuf>, Option<PathBuf>)>,
    /// The local time of the last save of this document.
    pub(super) last_saved: Option<String>,
    pub(super) canvas: Canvas,
    panels: Panels,
    pub(super) pictures: Pictures,
    palette: Option<CommandPalette>,
    key_sheet: bool,
    keys_dialog: Option<KeysDialog>,
    pub(super) dialog: Option<Dialog>,
    picker: Box<dyn FilePicker>,
    picking: Option<(Pick, Receiver<Picked>)>,
    toast: Option<(String, Instant)>,
    /// What to do once the marks are saved or given up.
    after_save: Option<Next>,
    may_close: bool,
    /// What is to be done once a text that is being written has become an answer or a name.
    after_typing: Option<Command>,
    /// Whether neither settings nor journals are written.
    traceless: bool,
    /// The key that is held to look below the labels, since when, in seconds of the window, and whether it
    /// showed them.
    peeking: Option<(egui::Key, f64, bool)>,
    /// While slices or times play: when the next one is due, in seconds of the window.
    cine: Option<f64>,
    /// Whether a text was being written when the last frame ended.
    was_writing: bool,
    /// What a tap on Space gives, while it is down.
    on_space: Option<Command>,
    title: String,
    keep: Rc<RefCell<Option<App>>>,
    device_lost: bool,
}

/// Something that unsaved marks stand in the way of.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Next {
    Open(PathBuf),
    Close,
    Quit,
}

/// How often the window looks what a job has come to.
const WORKING: Duration = Duration::from_millis(30);
/// How long a notice stays.
const TOAST: Duration = Duration::from_secs(4);

impl App {
    /// A window with nothing open yet, or opening what `start` names.
    pub fn new(ctx: &egui::Context, start: Start) -> Self {
        let mut app = Self {
            document: None,
            shelf: None,
            shelf_hidden: false,
            worklist: None,
            worklist_hidden: false,
            opened_path: None,
            settings: match (start.leaves_no_traces, start.settings) {
                (true, None) => Settings::default(),
                (_, file) => Settings::load(file),
            },
            opening: None,
            preview: None,
            saving: None,
            importing: None,
            to_lay_over: None,
            last_saved: None,
            canvas: Canvas::default(),
            panels: Panels::default(),
            pictures: Pictures::default(),
            palette: None,
            key_sheet: false,
            keys_dialog: None,
            dialog: None,
            picker: Box::new(SystemPicker),
            picking: None,
            toast: None,
            after_save: None,
            may_close: false,
            after_typing: None,
            traceless: start.leaves_no_traces,
            peeking: None,
            was_writing: false,
            cine: None,
            on_space: None,
            title: String::new(),
            keep: Rc::default(),
            device_lost: false,
        };
        app.set_up(ctx);
        match (start.path, start.mask) {
            (Some(path), Some(mask)) => {
                app.start_opening(&path, Wanted::WithoutMarks, ctx);
                app.to_lay_over = Some((Some(mask), start.labels));
            }
            (Some(path), None) => {
                app.open(&path, ctx);
                app.to_lay_over = start.labels.map(|labels| (None, Some(labels)));
            }
            (None, _) => {}
        }
        if let Some(folder) = start.worklist {
            app.work_through(&folder, ctx);
        }
        app
    }

    /// The same state in another window.
    pub(super) fn on_new_window(mut self, ctx: &egui::Context) -> Self {
        self.device_lost = false;
        self.title.clear();
        self.set_up(ctx);
        self
    }

    pub(super) fn kept_in(mut self, keep: Rc<RefCell<Option<App>>>) -> Self {
        self.keep = keep;
        self
    }

    fn set_up(&self, ctx: &egui::Context) {
        ctx.add_plugin(HeldKeys::default());
        ctx.add_plugin(InOrder::default());
        theme::install(ctx);
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        self.apply_settings(ctx);
    }

    /// The open document, for tests and scripts that drive the window.
    pub fn document(&self) -> Option<&Document> {
        self.document.as_ref()
    }

    fn session(&mut self) -> Option<&mut Session> {
        self.document.as_mut().map(|document| &mut document.session)
    }

    /// Begins to open a study; unsaved marks are asked about first.
    pub(super) fn open(&mut self, path: &Path, ctx: &egui::Context) {
        if self.has_unsaved() {
            return self.leave(Next::Open(path.to_owned()), ctx);
        }
        self.close_document();
        self.start_opening(path, Wanted::Study, ctx);
    }

    fn start_opening(&mut self, path: &Path, wanted: Wanted, ctx: &egui::Context) {
        self.opening = Some(Opening::start(path, wanted, self.traceless, ctx));
    }

    fn close_document(&mut self) {
        if let Some(document) = self.document.take() {
            document.close();
        }
        if let Some(shelf) = self.shelf.take() {
            shelf.close();
        }
        self.preview = None;
        self.opening = None;
        self.importing = None;
        self.to_lay_over = None;
        self.last_saved = None;
        self.opened_path = None;
        self.toast = None;
        self.pictures.reset();
        self.canvas.maximised = None;
    }

    fn has_unsaved(&self) -> bool {
        self.document.as_ref().is_some_and(|document| document.session.is_unsaved())
            || self.shelf.as_ref().is_some_and(|shelf| shelf.unsaved().is_some())
    }

    /// Shows a series with unsaved marks, so that a person sees what is asked about.
    fn show_unsaved(&mut self, ctx: &egui::Context) {
        if self.document.as_ref().is_some_and(|document| document.session.is_unsaved()) {
            return;
        }
        if let Some(number) = self.shelf.as_ref().and_then(Shelf::unsaved) {
            self.choose_series(number, ctx);
        }
    }

    /// Shows a document; a single picture alone, since across it there is nothing to see.
    fn show_document(&mut self, document: Document) {
        let grid = document.study().volume.grid();
        let is_image = |plane: &AnatomicalPlane| GridPlane::nearest(grid, *plane).slice_axis == 2;
        let image = AnatomicalPlane::ALL.iter().position(is_image);
        self.canvas.maximised = image.filter(|_| grid.dims()[2] == 1);
        self.document = Some(document);
    }

    /// Shows another series of the shelf: at once where it is open already.
    fn choose_series(&mut self, number: usize, ctx: &egui::Context) {
        // What a save comes to belongs to the series it was begun with.
        if let Some(outcome) = self.saving.take().and_then(Saving::wait) {
            self.save_finished(outcome, ctx);
        }
        let Some(shelf) = &mut self.shelf else { return };
        if let Some(mut document) = self.document.take() {
            document.session.cancel_gesture();
            document.record();
            shelf.park(shelf.current, document);
        }
        shelf.current = number;
        self.toast = None;
        self.opening = None;
        self.importing = None;
        self.preview = None;
        self.last_saved = None;
        self.pictures.reset();
        match shelf.take(number) {
            Some(document) => self.show_document(document),
            None => {
                let (path, scan) = (shelf.path.clone(), shelf.scan.clone());
                self.start_opening(&path, Wanted::Series(number, scan), ctx);
            }
        }
    }

    /// Notes where the window stands, to stand there again, and lets it be no larger than the screen with
    /// the frame around it.
    fn follow_place(&mut self, ctx: &egui::Context) {
        let viewport = ctx.input(|input| input.viewport().clone());
        let (Some(outer), Some(inner)) = (viewport.outer_rect, viewport.inner_rect) else { return };
        if viewport.fullscreen == Some(true) || viewport.minimized == Some(true) {
            return;
        }
        // Places are in points of the system, whatever the scale of the interface.
        let scale = ctx.zoom_factor();
        let maximized = viewport.maximized == Some(true);
        let place = match self.settings.window {
            Some(before) if maximized => Place { maximized, ..before },
            _ => Place { at: (outer.min * scale).into(), size: (inner.size() * scale).into(), maximized },
        };
        if self.settings.window.replace(place).is_none_or(|before| before != place) && !maximized {
            let frame = outer.size() - inner.size();
            let most = viewport.monitor_size.unwrap_or(egui::Vec2::INFINITY) - frame;
            if inner.width() > most.x + 1.0 || inner.height() > most.y + 1.0 {
                ctx.send_viewport_cmd(egui::ViewportCommand::InnerSize(inner.size().min(most)));
                ctx.send_viewport_cmd(egui::ViewportCommand::OuterPosition(egui::Pos2::ZERO));
            }
        }
    }

    /// Names the window after the study.
    fn tell_title(&mut self, ctx: &egui::Context) {
        let title = match &self.document {
            None => "Annotomy".to_owned(),
            Some(document) => format!("{} · Annotomy", bars::study_title(document)),
        };
        // Every command to the window asks for another frame, so that only news is sent.
        if title != self.title {
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }

    fn notify(&mut self, text: impl Into<String>) {
        self.toast = Some((text.into(), Instant::now()));
    }

    fn leave_behind(&mut self) {
        let Some(document) = &mut self.document else { return };
        match document.leave_behind() {
            Ok(Some(aside)) => self.notify(format!("They are kept as {}", aside.display())),
            Ok(None) => {}
            Err(error) => self.notify(format!("Steps are not kept on disk before you save: {error}")),
        }
    }

    fn handle_drops(&mut self, ctx: &egui::Context) {
        let dropped = ctx.input(|input| input.raw.dropped_files.first().map(|file| file.path().to_owned()));
        match dropped {
            Some(path) if self.document.is_some() && path.is_file() => {
                self.dialog = Some(Dialog::Dropped { path });
            }
            Some(path) => self.open(&path, ctx),
            None => {}
        }
    }

    fn handle_close(&mut self, ctx: &egui::Context) {
        if ctx.input(|input| input.viewport().close_requested()) && !self.may_close && !self.device_lost {
            if ctx.text_edit_focused() {
                ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
                self.run_command(Command::Quit, ctx);
            } else if self.has_unsaved() {
                ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
                self.show_unsaved(ctx);
                self.dialog = Some(Dialog::Unsaved { next: Next::Quit, names: self.unsaved_names() });
            } else if let Some(saving) = self.saving.take() {
                saving.wait();
            }
        }
    }

    /// Closes the window, to be made anew, and draws nothing: egui's own painter panics when it has
    /// something to send to a lost device.
    fn leave_lost_device(&self, ctx: &egui::Context) {
        ctx.graphics_mut(|graphics| *graphics = Default::default());
        ctx.send_viewport_cmd(egui::ViewportCommand::Close);
    }

    fn show_dialogs(&mut self, ctx: &egui::Context) {
        if let Some(mut palette) = self.palette.take() {
            let findable = Findable {
                session: self.document.as_ref().map(|document| &document.session),
                recent: &self.settings.recent,
                is_enabled: &|row| self.is_enabled(row),
            };
            match palette.show(ctx, &findable) {
                Outcome::Open => self.palette = Some(palette),
                Outcome::Closed => {}
                Outcome::Chosen(target) => self.go_to(target, ctx),
            }
        }
        if self.key_sheet {
            match key_sheet::show_key_sheet(ctx) {
                SheetReply::Open => {}
                SheetReply::Closed => self.key_sheet = false,
                SheetReply::Change => {
                    self.key_sheet = false;
                    self.run_command(Command::ChangeKeys, ctx);
                }
            }
        }
        if let Some(mut dialog) = self.keys_dialog.take() {
            let before = self.settings.keys.clone();
            let closed = dialog.show(ctx, &mut self.settings.keys);
            self.keys_dialog = (!closed).then_some(dialog);
            if self.settings.keys != before {
                self.settings_changed(ctx);
            }
        }
        let Some(mut dialog) = self.dialog.take() else { return };
        match dialogs::show(ctx, &mut dialog) {
            Reply::StillOpen => self.dialog = Some(dialog),
            Reply::Cancelled => {}
            Reply::Save(next) => self.save_all(next, ctx),
            Reply::Discard(next) => self.discard_all(next, ctx),
            Reply::MarkAnyway => {
                if let Some(session) = self.session() {
                    session.mark_all_the_same();
                }
            }
            Reply::SaveElsewhere => self.pick(Pick::SaveFolder, ctx),
            Reply::SaveOver(overwrite) => self.save(None, overwrite, ctx),
            Reply::Path(what, path) => self.picked(what, &path, ctx),
            Reply::BringBack => {
                if let Some(document) = &mut self.document {
                    let steps = document.bring_back();
                    let back = if steps == 1 { "1 step is back" } else { &format!("{steps} steps are back") };
                    self.notify(format!("{back}; save when you have looked at them"));
                }
            }
            Reply::LeaveBehind => self.leave_behind(),
            Reply::Open(path) => self.open(&path, ctx),
            Reply::LayOver(mask, names, other_grids) => self.lay_over(mask, names, other_grids, ctx),
            Reply::WithoutMarks(path) => {
                let wanted = match &self.shelf {
                    Some(shelf) => Wanted::SeriesWithoutMarks(shelf.current, shelf.scan.clone()),
                    None => Wanted::WithoutMarks,
                };
                self.start_opening(&path, wanted, ctx);
            }
        }
    }

    fn show_toast(&mut self, ctx: &egui::Context) {
        if let Some(notice) = self.session().and_then(Session::take_notice) {
            self.notify(notice);
        }
        let Some((text, since)) = &self.toast else { return };
        match TOAST.checked_sub(since.elapsed()) {
            Some(left) => {
                let lists = self.shows_shelf() || self.shows_worklist();
                bars::show_toast(ctx, text, theme::TOOLS + if lists { theme::lists_width(ctx) } else { 0.0 });
                ctx.request_repaint_after(left);
            }
            None => self.toast = None,
        }
    }

    fn show_studio(&mut self, ui: &mut Ui, frame: &eframe::Frame) {
        let dark = Frame::new().fill(theme::palette(ui).panel);
        Panel::left("tools").exact_size(theme::TOOLS).resizable(false).frame(dark.inner_margin(6.0)).show(
            ui,
            |ui| {
                bars::show_toolbar(ui, self);
            },
        );
        self.show_lists(ui);
        let Some(document) = &mut self.document else { return };
        let wish = Panel::right("panels")
            .default_size(310.0)
            .size_range(220.0..=(ui.available_width() * 0.4).clamp(220.0, 460.0))
            .frame(dark.inner_margin(10.0))
            .show(ui, |ui| self.panels.show(ui, &mut document.session))
            .inner;
        let session = &mut document.session;
        let is_at_work = |session: &Session| {
            session.is_making_ghost() || session.trial().is_some_and(|trial| trial.progress.is_some())
        };
        let was_at_work = is_at_work(session);
        session.refresh_counts();
        self.pictures.take_work(session);
        if let Err(error) = session.follow_trial() {
            tracing::error!("what was tried out could not be put in place: {error}");
        }
        // The panels were drawn before it was known what came of it.
        if was_at_work || is_at_work(session) {
            ui.ctx().request_repaint_after(WORKING);
        }
        self.pictures.highlight = self.panels.hovered_label();
        self.device_lost |= !self.pictures.sync(ui, frame, session);
        CentralPanel::default().frame(Frame::new()).show(ui, |ui| {
            self.canvas.show(ui, session, &mut self.pictures, frame);
        });
        if let Some(command) = wish {
            self.run_command(command, ui.ctx());
        }
    }

    fn shows_shelf(&self) -> bool {
        self.shelf.is_some() && !self.shelf_hidden
    }

    fn shows_worklist(&self) -> bool {
        self.worklist.is_some() && !self.worklist_hidden
    }

    /// The lists at the left: studies to work through, and the series of the one that is open.
    fn show_lists(&mut self, ui: &mut Ui) {
        let (shows_shelf, shows_worklist) = (self.shows_shelf(), self.shows_worklist());
        if !shows_shelf && !shows_worklist {
            return;
        }
        let frame = Frame::new().fill(theme::palette(ui).panel).inner_margin(8.0);
        let panel =
            Panel::left("lists").exact_size(theme::lists_width(ui.ctx())).resizable(false).frame(frame);
        let unsaved = self.document.as_ref().is_some_and(|document| document.session.is_unsaved());
        let (wish, chosen) = panel
            .show(ui, |ui| {
                let mut wish = None;
                if let Some(list) = self.worklist.as_mut().filter(|_| shows_worklist) {
                    let share = if shows_shelf { 0.45 } else { 1.0 };
                    let height = ui.available_height() * share;
                    wish = ui
                        .scope(|ui| {
                            ui.set_max_height(height);
                            list.show(ui, self.opened_path.as_deref(), height)
                        })
                        .inner;
                }
                let shelf = self.shelf.as_mut().filter(|_| shows_shelf);
                let chosen =
                    shelf.and_then(|shelf| shelf.show(ui, unsaved).filter(|number| *number != shelf.current));
                (wish, chosen)
            })
            .inner;
        if let Some(wish) = wish {
            self.heed_worklist(wish, ui.ctx());
        }
        if let Some(number) = chosen {
            self.choose_series(number, ui.ctx());
        }
    }

    fn show_opening(&mut self, ui: &mut Ui, frame: &eframe::Frame) {
        self.show_lists(ui);
        let Some(opening) = &self.opening else { return };
        if let Some(preview) = &mut self.preview {
            self.device_lost |= !self.pictures.sync(ui, frame, preview);
            CentralPanel::default().frame(Frame::new()).show(ui, |ui| {
                self.canvas.show(ui, preview, &mut self.pictures, frame);
            });
        }
        if dialogs::show_progress(ui.ctx(), &opening.path, opening.progress(), &opening.found()) {
            // A reader that waits for a disk or a network share ends when that lets it; the person
            // goes on now, and what it brings is thrown away.
            self.opening = None;
            self.preview = None;
            self.pictures.reset();
            self.notify("Opening was stopped");
        }
    }
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        if self.device_lost || self.pictures.is_device_lost(frame) {
            self.device_lost = true;
            return self.leave_lost_device(&ctx);
        }
        let after_typing = self.after_typing.take();
        self.follow_jobs(&ctx);
        if let Some(document) = &mut self.document {
            document.record();
            if self.dialog.is_none()
                && let Some(text) = document.session.take_question()
            {
                self.dialog = Some(Dialog::Doubtful { text });
            }
        }
        self.handle_close(&ctx);
        self.handle_drops(&ctx);
        self.handle_keys(ui);
        self.play(&ctx);
        self.tell_title(&ctx);
        self.follow_place(&ctx);

        bars::show_top_bar(ui, self);
        bars::show_status_bar(ui, self, frame);
        if self.opening.is_some() {
            self.show_opening(ui, frame);
        } else if self.document.is_some() {
            self.show_studio(ui, frame);
        } else {
            self.show_lists(ui);
            let background = Frame::new().fill(theme::palette(ui).panel);
            let recent = self.settings.recent.clone();
            let shown = CentralPanel::default().frame(background).show(ui, |ui| welcome::show(ui, &recent));
            match shown.inner {
                Some(Wish::Run(command)) => self.run_command(command, &ctx),
                Some(Wish::Open(path)) => self.open(&path, &ctx),
                None => {}
            }
        }
        self.show_dialogs(&ctx);
        if let Some(command) = after_typing {
            self.run_command(command, &ctx);
        }
        self.show_toast(&ctx);
        self.was_writing = ctx.text_edit_focused();
        self.device_lost |= self.pictures.is_device_lost(frame);
        if self.device_lost {
            self.leave_lost_device(&ctx);
        }
    }

    fn on_exit(&mut self) {
        self.settings.store_window();
        if let Some(saving) = self.saving.take()
            && let (Some(outcome), Some(document)) = (saving.wait(), &mut self.document)
            && let Err(error) = document.saved(outcome)
        {
            tracing::error!("the last save failed: {error}");
        }
        if !self.device_lost {
            // Marks that nobody decided about stay in their journal.
            if self.may_close || !self.has_unsaved() {
                self.close_document();
            }
        } else {
            let start = Start { leaves_no_traces: true, ..Start::default() };
            let fresh = Self::new(&egui::Context::default(), start);
            let keep = self.keep.clone();
            *keep.borrow_mut() = Some(std::mem::replace(self, fresh));
        }
    }
}
