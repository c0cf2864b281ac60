//! Who waits for an operation, and may call it off.
//!
//! Always true: what was called off ends with [`Cancelled`], and nothing came of it.
//!
//! Must never know: what the operation is, who waits.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Told how far an operation has come, and asked whether it should go on.
pub trait Progress: Sync {
    /// Whether the work should stop; asked often. It then ends with [`Cancelled`].
    fn is_cancelled(&self) -> bool {
        false
    }

    /// How much is done, from 0 to 1. Threads that share the work may tell it out of order.
    fn set(&self, _fraction: f32) {}

    /// Tells how much is done, and ends the work if it should stop.
    fn go_on(&self, fraction: f32) -> Result<(), Cancelled> {
        self.set(fraction);
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }
}

/// Nobody waits: the work goes on to its end.
pub struct Unwatched;

impl Progress for Unwatched {}

/// The work was called off; nothing came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// One part of an operation, told to whoever waits for the whole.
pub(crate) struct Part<'a> {
    whole: &'a dyn Progress,
    from: f32,
    to: f32,
}

impl<'a> Part<'a> {
    /// The part that takes the whole from one fraction to another.
    pub(crate) fn new(whole: &'a dyn Progress, from: f32, to: f32) -> Self {
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
pub(crate) struct Steps<'a> {
    progress: &'a dyn Progress,
    count: usize,
    done: AtomicUsize,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(progress: &'a dyn Progress, count: usize) -> Self {
        Self { progress, count, done: AtomicUsize::new(0) }
    }

    /// One more step is done; ends the work if it was called off.
    pub(crate) fn next(&self) -> Result<(), Cancelled> {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.progress.go_on(done as f32 / self.count.max(1) as f32)
    }
}
