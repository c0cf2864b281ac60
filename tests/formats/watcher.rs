//! Watches a scan or a load: remembers what it is told and says stop when it is to.

use std::sync::Mutex;

use annotomy::format::Watch;
use annotomy::volume::Volume;

pub(crate) struct Watcher {
    steps: Mutex<Vec<f64>>,
    stop_after: usize,
    previews: Mutex<Vec<Volume>>,
}

impl Watcher {
    /// Says stop once it was told of so many steps.
    pub(crate) fn stopping_after(steps: usize) -> Self {
        Self { steps: Mutex::default(), stop_after: steps, previews: Mutex::default() }
    }

    /// Never says stop.
    pub(crate) fn patient() -> Self {
        Self::stopping_after(usize::MAX)
    }

    /// How far the work was at each step it told of, from 0 to 1.
    pub(crate) fn steps(&self) -> Vec<f64> {
        self.steps.lock().expect("not poisoned").clone()
    }

    /// The slices that were shown beforehand.
    pub(crate) fn previews(self) -> Vec<Volume> {
        self.previews.into_inner().expect("not poisoned")
    }
}

impl Watch for Watcher {
    fn is_cancelled(&self) -> bool {
        self.steps.lock().expect("not poisoned").len() >= self.stop_after
    }

    fn progress(&self, done: f64) {
        self.steps.lock().expect("not poisoned").push(done);
    }

    fn wants_preview(&self) -> bool {
        true
    }

    fn preview(&self, slice: Volume) {
        self.previews.lock().expect("not poisoned").push(slice);
    }
}
