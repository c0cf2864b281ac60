//! How far an operation of several parts has come.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Cancelled, Progress};

/// One part of an operation, told to whoever waits for the whole.
pub(super) struct Part<'a> {
    whole: &'a dyn Progress,
    from: f32,
    to: f32,
}

impl<'a> Part<'a> {
    /// The part that takes the whole from one fraction to another.
    pub(super) fn new(whole: &'a dyn Progress, from: f32, to: f32) -> Self {
        Self { whole, from, to }
    }
}

impl Progress for Part<'_> {
    fn is_cancelled(&self) -> bool {
        self.whole.is_cancelled()
    }

    fn set(&self, fraction: f32) {
        self.whole.set(self.from + fraction * (self.to - self.from));
    }
}

/// Steps of about equal cost that threads share.
pub(super) struct Steps<'a> {
    progress: &'a dyn Progress,
    count: usize,
    done: AtomicUsize,
}

impl<'a> Steps<'a> {
    pub(super) fn new(progress: &'a dyn Progress, count: usize) -> Self {
        Self { progress, count, done: AtomicUsize::new(0) }
    }

    /// One more step is done; ends the work if it was called off.
    pub(super) fn next(&self) -> Result<(), Cancelled> {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.progress.go_on(done as f32 / self.count.max(1) as f32)
    }
}
