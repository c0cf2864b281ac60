//! Work off the window's thread: opening and saving, with progress and a cancel that works.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::format::{Refusal, Scan, Series, Study, Watch, load, scan};
use crate::store;
use crate::volume::Volume;

/// A job that opens a path.
pub(super) struct Opening {
    /// What is opened.
    pub(super) path: PathBuf,
    shared: Arc<Shared>,
    events: Receiver<OpenEvent>,
}

/// What an opening tells.
pub(super) enum OpenEvent {
    /// One slice is ready; the rest is still being read.
    Preview(Box<Volume>),
    /// Several series: the person chooses.
    Choose(Scan),
    /// The study, and what was saved about it.
    Opened(Box<Opened>),
    /// It cannot be opened.
    Refused(Refusal),
}

/// An opened study.
pub(super) struct Opened {
    pub(super) study: Study,
    pub(super) marks: Result<Option<store::SavedMarks>, store::MarksError>,
    pub(super) refused: Vec<Refusal>,
}

struct Shared {
    cancelled: AtomicBool,
    progress: AtomicU32,
    repaint: egui::Context,
}

struct Watcher {
    shared: Arc<Shared>,
    events: Sender<OpenEvent>,
}

impl Watch for Watcher {
    fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Relaxed)
    }

    fn progress(&self, done: f64) {
        self.shared.progress.store((done as f32).to_bits(), Ordering::Relaxed);
        self.shared.repaint.request_repaint();
    }

    fn wants_preview(&self) -> bool {
        true
    }

    fn preview(&self, slice: Volume) {
        self.send(OpenEvent::Preview(Box::new(slice)));
    }
}

impl Watcher {
    fn send(&self, event: OpenEvent) {
        // Nobody listens to an opening that was cancelled.
        let _ = self.events.send(event);
        self.shared.repaint.request_repaint();
    }
}

impl Opening {
    /// Opens `path`: the only series in it, or the list of them to choose from.
    pub(super) fn path(path: &Path, ctx: &egui::Context) -> Self {
        Self::start(path.to_owned(), ctx, |path, watcher| {
            if store::is_sidecar(path) {
                return match store::open_sidecar(path, watcher) {
                    Ok((study, marks)) => {
                        let opened = Opened { study, marks: Ok(Some(marks)), refused: Vec::new() };
                        OpenEvent::Opened(Box::new(opened))
                    }
                    Err(error) => OpenEvent::Refused(error.into_refusal(path)),
                };
            }
            match scan(path, watcher) {
                Err(refusal) => OpenEvent::Refused(refusal),
                Ok(Scan { series, refused }) if series.is_empty() => match refused.into_iter().next() {
                    Some(refusal) => OpenEvent::Refused(refusal),
                    None => OpenEvent::Choose(Scan::default()),
                },
                Ok(mut found) if found.series.len() == 1 => match found.series.pop() {
                    Some(series) => open_series(&series, found.refused, watcher),
                    None => OpenEvent::Choose(found),
                },
                Ok(found) => OpenEvent::Choose(found),
            }
        })
    }

    /// Opens one series of a scan.
    pub(super) fn series(path: &Path, series: Series, refused: Vec<Refusal>, ctx: &egui::Context) -> Self {
        Self::start(path.to_owned(), ctx, move |_, watcher| open_series(&series, refused, watcher))
    }

    fn start(
        path: PathBuf,
        ctx: &egui::Context,
        work: impl FnOnce(&Path, &Watcher) -> OpenEvent + Send + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            cancelled: AtomicBool::new(false),
            progress: AtomicU32::new(0),
            repaint: ctx.clone(),
        });
        let (sender, events) = channel();
        let watcher = Watcher { shared: shared.clone(), events: sender };
        let worker_path = path.clone();
        std::thread::spawn(move || {
            let last = work(&worker_path, &watcher);
            watcher.send(last);
        });
        Self { path, shared, events }
    }

    /// What happened since the last call.
    pub(super) fn next_event(&self) -> Option<OpenEvent> {
        self.events.try_recv().ok()
    }

    /// How much is done, 0 to 1.
    pub(super) fn progress(&self) -> f32 {
        f32::from_bits(self.shared.progress.load(Ordering::Relaxed))
    }

    /// Stops the work.
    pub(super) fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.cancel();
    }
}

fn open_series(series: &Series, refused: Vec<Refusal>, watcher: &Watcher) -> OpenEvent {
    match load(series, watcher) {
        Err(refusal) => OpenEvent::Refused(refusal),
        Ok(study) => {
            let marks = store::find_marks(&study);
            OpenEvent::Opened(Box::new(Opened { study, marks, refused }))
        }
    }
}
