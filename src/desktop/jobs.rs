//! Work off the window's thread: opening and saving, with progress and a cancel that works.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::format::{Scan, Watch};
use crate::session::{Document, OpenError, SaveJob, SaveOutcome};
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
    /// It came to an end.
    Finished(Result<Box<Document>, Box<OpenError>>),
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
    pub(super) fn path(path: &Path, author: &str, ctx: &egui::Context) -> Self {
        let author = author.to_owned();
        Self::start(path.to_owned(), ctx, move |path, watcher| Document::open(path, &author, watcher))
    }

    /// Opens `path` and lays a mask over it.
    pub(super) fn with_mask(path: &Path, mask: PathBuf, author: &str, ctx: &egui::Context) -> Self {
        let author = author.to_owned();
        Self::start(path.to_owned(), ctx, move |path, watcher| {
            Document::open_without_marks(path, &author, watcher)?.with_mask(&mask, watcher)
        })
    }

    /// Opens one series of a scan.
    pub(super) fn series(path: &Path, number: usize, scan: Scan, author: &str, ctx: &egui::Context) -> Self {
        let author = author.to_owned();
        Self::start(path.to_owned(), ctx, move |_, watcher| {
            Document::open_series(&scan.series[number], &scan.series, &author, watcher)
        })
    }

    /// Opens a study and leaves what was saved about it alone.
    pub(super) fn without_marks(path: &Path, author: &str, ctx: &egui::Context) -> Self {
        let author = author.to_owned();
        Self::start(path.to_owned(), ctx, move |path, watcher| {
            Document::open_without_marks(path, &author, watcher)
        })
    }

    fn start(
        path: PathBuf,
        ctx: &egui::Context,
        work: impl FnOnce(&Path, &Watcher) -> Result<Document, OpenError> + Send + 'static,
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
            let opened = work(&worker_path, &watcher).map(Box::new).map_err(Box::new);
            watcher.send(OpenEvent::Finished(opened));
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
}

impl Drop for Opening {
    /// Stops the work; what it still brings is thrown away.
    fn drop(&mut self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }
}

/// A save under way.
pub(super) struct Saving {
    outcome: Receiver<SaveOutcome>,
}

impl Saving {
    /// Saves in the background.
    pub(super) fn start(job: SaveJob, ctx: &egui::Context) -> Self {
        let (sender, outcome) = channel();
        let repaint = ctx.clone();
        std::thread::spawn(move || {
            // The window may be gone by now; the files are written all the same.
            let _ = sender.send(job.run());
            repaint.request_repaint();
        });
        Self { outcome }
    }

    /// What it came to, once it is done.
    pub(super) fn outcome(&self) -> Option<SaveOutcome> {
        self.outcome.try_recv().ok()
    }

    /// Waits for it.
    pub(super) fn wait(self) -> Option<SaveOutcome> {
        self.outcome.recv().ok()
    }
}
