//! What background jobs and the system's dialogs have come to, and what the window makes of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::TryRecvError;
use std::time::Instant;

use super::App;
use crate::case::Case;
use crate::desktop::dialogs::Dialog;
use crate::desktop::file_picker::Picked;
use crate::desktop::jobs::{Importing, OpenEvent, Opening, Saving};
use crate::desktop::shelf::Shelf;
use crate::desktop::worklist::holds_studies;
use crate::format::RefusalCode;
use crate::session::{Allowed, Document, Import, ImportError, OpenError, SaveOutcome, Session, read_form};
use crate::store::{Overwrite, SaveError};

impl App {
    /// Takes in what the background jobs and dialogs have come to.
    pub(super) fn follow_jobs(&mut self, ctx: &egui::Context) {
        while let Some(event) = self.opening.as_ref().and_then(Opening::next_event) {
            match event {
                OpenEvent::Preview(slice) => {
                    self.preview = Some(Session::new(Case::new(Arc::new(*slice)), ""));
                }
                OpenEvent::Finished(result) => self.opened(result, ctx),
            }
        }
        if let Some(outcome) = self.saving.as_ref().and_then(Saving::outcome) {
            self.saving = None;
            self.save_finished(outcome, ctx);
        }
        if let Some(result) = self.importing.as_ref().and_then(Importing::result) {
            self.imported(result);
        }
        if let Some(list) = &mut self.worklist {
            list.follow();
        }
        if let Some((what, receiver)) = self.picking.take() {
            match receiver.try_recv() {
                Ok(Picked::Path(path)) => self.picked(what, &path, ctx),
                Ok(Picked::NoDialogs) => {
                    self.dialog = Some(Dialog::Path { what, text: String::new(), had_focus: false })
                }
                Ok(Picked::Cancelled) | Err(TryRecvError::Disconnected) => {}
                Err(TryRecvError::Empty) => self.picking = Some((what, receiver)),
            }
        }
    }

    fn opened(&mut self, result: Result<Box<Document>, Box<OpenError>>, ctx: &egui::Context) {
        let Some(opening) = self.opening.take() else { return };
        self.preview = None;
        self.pictures.reset();
        match result.map_err(|error| *error) {
            Ok(mut document) => {
                self.settings.opened(&opening.path);
                for notice in document.notices() {
                    self.toast = Some((notice.clone(), Instant::now()));
                }
                match document.doubts() {
                    [] => {}
                    [only] => self.notify(format!("Doubtful about this study: {}", only.text)),
                    [first, others @ ..] => {
                        let count = others.len();
                        let text =
                            format!("Doubtful: {} (and {count} more: see the badge above)", first.text);
                        self.notify(text);
                    }
                }
                if let Some((steps, last)) = document.left_behind() {
                    let last = last.map(str::to_owned);
                    self.dialog = Some(Dialog::LeftBehind { steps, last, cut_off: document.was_cut_off() });
                }
                document.ask_before_marking();
                self.opened_path = Some(opening.path.clone());
                self.ask_own_form(&mut document);
                self.show_document(*document);
                self.lay_over_what_waits(ctx);
            }
            Err(OpenError::SeveralSeries { path, scan })
                if holds_studies(&path, &scan) && !self.lists(&path) =>
            {
                self.settings.opened(&path);
                self.work_through(&path, ctx);
                self.notify("Several studies lie there: choose one of the list");
            }
            Err(OpenError::SeveralSeries { path, scan }) => {
                self.settings.opened(&path);
                self.shelf = Some(Shelf::new(path, scan, ctx));
                self.choose_series(0, ctx);
            }
            Err(OpenError::Refused(refusal)) if refusal.code == RefusalCode::Cancelled => {
                self.notify("Opening was stopped");
            }
            Err(OpenError::Marks(error)) => {
                self.dialog =
                    Some(Dialog::MarksUnreadable { path: opening.path.clone(), text: error.to_string() });
            }
            Err(error) => {
                self.dialog = Some(Dialog::Message {
                    title: "This could not be opened".into(),
                    text: error.to_string(),
                });
            }
        }
        ctx.request_repaint();
    }

    fn lists(&self, path: &Path) -> bool {
        self.worklist.as_ref().is_some_and(|list| list.lists(path))
    }

    /// Asks the person's own form where none lies with the study.
    fn ask_own_form(&mut self, document: &mut Document) {
        if document.session.form().is_some() {
            return;
        }
        match self.settings.form.as_deref().map(read_form) {
            Some(Ok(form)) => document.session.set_form(form),
            Some(Err(text)) => {
                self.settings.form = None;
                self.notify(text);
            }
            None => {}
        }
    }

    /// Begins to read a mask for the open study.
    pub(super) fn lay_over(
        &mut self,
        mask: PathBuf,
        names: Option<PathBuf>,
        allowed: Allowed,
        ctx: &egui::Context,
    ) {
        if let Some(document) = &self.document {
            let study = document.study().clone();
            self.importing = Some(Importing::start(mask, names, study, allowed, ctx));
        }
    }

    /// Lays over a study that has just opened what was named together with it.
    fn lay_over_what_waits(&mut self, ctx: &egui::Context) {
        let Some((mask, names)) = self.to_lay_over.take() else { return };
        if self.document.as_ref().is_some_and(|document| document.left_behind().is_some()) {
            // Steps that wait fit the case only as it is.
            self.notify("The segmentation was not opened: decide about your earlier marks first");
            return;
        }
        match (mask, names) {
            (Some(mask), names) => self.lay_over(mask, names, Allowed::default(), ctx),
            (None, Some(names)) => self.import_labels(&names),
            (None, None) => {}
        }
    }

    fn imported(&mut self, result: Result<Import, ImportError>) {
        let Some(names) = self.importing.take().map(|importing| importing.names()) else { return };
        let failed = match result {
            Ok(import) => match self.session() {
                Some(session) => session.import(import).err(),
                None => None,
            },
            Err(ImportError::OtherGrid(mismatch)) => {
                self.dialog = Some(Dialog::OtherGrid { mismatch, names });
                None
            }
            Err(ImportError::DoubtfulPlace(mask)) => {
                self.dialog = Some(Dialog::DoubtfulMask { mask, names });
                None
            }
            Err(error) => Some(error.to_string()),
        };
        if let Some(text) = failed {
            let title = "This segmentation could not be opened".into();
            self.dialog = Some(Dialog::Message { title, text });
        }
    }

    pub(super) fn save_finished(&mut self, outcome: SaveOutcome, ctx: &egui::Context) {
        let Some(document) = &mut self.document else { return };
        match document.saved(outcome) {
            Ok(saved) => {
                self.last_saved = Some(jiff::Zoned::now().strftime("%H:%M").to_string());
                let name = saved.sidecar.file_name().unwrap_or_default().to_string_lossy().into_owned();
                self.notify(match &saved.missing_source {
                    None => format!("Saved and proven: {name}"),
                    Some(path) => {
                        format!("Saved: {name}; the study itself is no longer at {}", path.display())
                    }
                });
                if let Some(list) = &mut self.worklist {
                    list.look_again(ctx);
                }
                if let Some(next) = self.after_save.take() {
                    self.save_all(next, ctx);
                }
            }
            Err(SaveError::Cancelled) => {
                self.after_save = None;
                self.notify("Saving was stopped; nothing was written");
            }
            Err(error) => {
                self.after_save = None;
                let text = error.to_string();
                let allow = match error {
                    SaveError::ChangedOnDisk { .. } => Some(("Write over it", Overwrite::Anything)),
                    SaveError::StudyReplaced { .. } => {
                        Some(("Save all the same", Overwrite::SeenOfFormerStudy))
                    }
                    _ => None,
                };
                self.dialog = Some(Dialog::SaveFailed { text, allow });
            }
        }
    }
}
