//! Work off the window's thread: opening, importing and saving, with progress and a cancel that works.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::format::{FoundSoFar, Scan, Study, Watch};
use crate::session::{
    Allowed, Document, Import, ImportError, OpenError, SaveJob, SaveOutcome, system_author,
};
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

/// What a job and the window tell each other.
struct Shared {
    cancelled: AtomicBool,
    progress: AtomicU32,
    found: Mutex<FoundSoFar>,
    repaint: egui::Context,
}

impl Shared {
    fn new(ctx: &egui::Context) -> Arc<Self> {
        Arc::new(Self {
            cancelled: AtomicBool::new(false),
            progress: AtomicU32::new(0),
            found: Mutex::default(),
            repaint: ctx.clone(),
        })
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn set_progress(&self, done: f64) {
        self.progress.store((done as f32).to_bits(), Ordering::Relaxed);
        self.repaint.request_repaint();
    }

    fn progress(&self) -> f32 {
        f32::from_bits(self.progress.load(Ordering::Relaxed))
    }
}

struct Watcher {
    shared: Arc<Shared>,
    events: Sender<OpenEvent>,
}

impl Watch for Watcher {
    fn is_cancelled(&self) -> bool {
        self.shared.is_cancelled()
    }

    fn progress(&self, done: f64) {
        self.shared.set_progress(done);
    }

    fn found(&self, so_far: &FoundSoFar) {
        so_far.clone_into(&mut self.shared.found.lock().unwrap_or_else(PoisonError::into_inner));
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

/// What is opened at a path.
pub(super) enum Wanted {
    /// The only series in it with its marks, or the list of them to choose from.
    Study,
    /// One series of a scan.
    Series(usize, Arc<Scan>),
    /// One series of a scan alone.
    SeriesWithoutMarks(usize, Arc<Scan>),
    /// The study alone; what was saved about it is left where it is.
    WithoutMarks,
}

impl Wanted {
    fn open(self, path: &Path, watcher: &Watcher) -> Result<Document, OpenError> {
        let author = system_author();
        match self {
            Self::Study => Document::open(path, &author, watcher),
            Self::Series(number, scan) => {
                Document::open_series(&scan.series[number], &scan.series, &author, watcher)
            }
            Self::SeriesWithoutMarks(number, scan) => {
                Document::open_series_without_marks(&scan.series[number], &scan.series, &author, watcher)
            }
            Self::WithoutMarks => Document::open_without_marks(path, &author, watcher),
        }
    }
}

/// Keeps a journal beside the case or, where nothing can be written there, in the folder that the
/// system gives this program; there also where an earlier one lies only there.
fn keep_journal(document: &mut Document) {
    let earlier = document.journal_elsewhere().filter(|path| path.exists());
    if let Some(path) = earlier.filter(|_| !document.files().journal().exists())
        && document.keep_journal(Some(&path)).is_ok()
    {
        return;
    }
    let Err(beside) = document.keep_journal(None) else { return };
    let kept = document.journal_elsewhere().map(|path| {
        if let Some(folder) = path.parent() {
            // Where that is not to be had either, the journal says so.
            let _ = std::fs::create_dir_all(folder);
        }
        document.keep_journal(Some(&path))
    });
    if !matches!(kept, Some(Ok(()))) {
        document.tell(format!("Steps are not kept on disk before you save: {beside}"));
    }
}

impl Opening {
    /// Begins to open what is wanted at `path`; `traceless` keeps no journal.
    pub(super) fn start(path: &Path, wanted: Wanted, traceless: bool, ctx: &egui::Context) -> Self {
        let path = path.to_owned();
        let shared = Shared::new(ctx);
        let (sender, events) = channel();
        let watcher = Watcher { shared: shared.clone(), events: sender };
        let worker_path = path.clone();
        std::thread::spawn(move || {
            let mut opened = wanted.open(&worker_path, &watcher);
            if let Ok(document) = opened.as_mut()
                && !traceless
            {
                keep_journal(document);
            }
            watcher.send(OpenEvent::Finished(opened.map(Box::new).map_err(Box::new)));
        });
        Self { path, shared, events }
    }

    /// What happened since the last call.
    pub(super) fn next_event(&self) -> Option<OpenEvent> {
        self.events.try_recv().ok()
    }

    /// What a folder has turned out to hold so far.
    pub(super) fn found(&self) -> FoundSoFar {
        self.shared.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How much is done, 0 to 1.
    pub(super) fn progress(&self) -> f32 {
        self.shared.progress()
    }
}

impl Drop for Opening {
    /// Stops the work; what it still brings is thrown away.
    fn drop(&mut self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }
}

/// A mask that is being laid on the study's grid.
pub(super) struct Importing {
    mask: PathBuf,
    names: Option<PathBuf>,
    shared: Arc<Shared>,
    result: Receiver<Result<Import, ImportError>>,
}

/// Watches a job that tells nothing but how far it is.
struct Plain(Arc<Shared>);

impl Watch for Plain {
    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    fn progress(&self, done: f64) {
        self.0.set_progress(done);
    }
}

impl Importing {
    /// Begins to read a mask for `study`.
    pub(super) fn start(
        mask: PathBuf,
        names: Option<PathBuf>,
        study: Arc<Study>,
        allowed: Allowed,
        ctx: &egui::Context,
    ) -> Self {
        let (sender, result) = channel();
        let shared = Shared::new(ctx);
        let watcher = Plain(shared.clone());
        let (path, of_labels) = (mask.clone(), names.clone());
        std::thread::spawn(move || {
            // Nobody waits for a mask whose study was closed.
            let _ = sender.send(Import::read(&path, of_labels.as_deref(), &study, allowed, &watcher));
            watcher.0.repaint.request_repaint();
        });
        Self { mask, names, shared, result }
    }

    /// How much is done, 0 to 1.
    pub(super) fn progress(&self) -> f32 {
        self.shared.progress()
    }

    /// What it came to, once it is done.
    pub(super) fn result(&self) -> Option<Result<Import, ImportError>> {
        self.result.try_recv().ok()
    }

    /// The mask.
    pub(super) fn mask(&self) -> &Path {
        &self.mask
    }

    /// The file of names that goes with it.
    pub(super) fn names(&self) -> Option<PathBuf> {
        self.names.clone()
    }
}

impl Drop for Importing {
    /// Stops the work; what it still brings is thrown away.
    fn drop(&mut self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }
}

/// A save under way.
pub(super) struct Saving {
    shared: Arc<Shared>,
    outcome: Receiver<SaveOutcome>,
}

impl Saving {
    /// Saves in the background.
    pub(super) fn start(job: SaveJob, ctx: &egui::Context) -> Self {
        let (sender, outcome) = channel();
        let shared = Shared::new(ctx);
        let watcher = Plain(shared.clone());
        std::thread::spawn(move || {
            // The window may be gone by now; the files are written all the same.
            let _ = sender.send(job.run(&watcher));
            watcher.0.repaint.request_repaint();
        });
        Self { shared, outcome }
    }

    /// How much is done, 0 to 1.
    pub(super) fn progress(&self) -> f32 {
        self.shared.progress()
    }

    /// Asks it to stop; it still comes to an outcome.
    pub(super) fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
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
