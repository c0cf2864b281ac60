//! Work on a thread of its own, on a snapshot, so that the window never waits for it.
//!
//! Always true: dropping it calls the work off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};

use crate::segment::Progress;

/// Work under way.
#[derive(Debug)]
pub(super) struct Background<T> {
    watch: Arc<Watch>,
    /// Where its outcome comes.
    pub(super) outcome: Receiver<T>,
}

#[derive(Debug, Default)]
struct Watch {
    cancelled: AtomicBool,
    fraction: AtomicU32,
}

impl Progress for Watch {
    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn set(&self, fraction: f32) {
        self.fraction.store(fraction.to_bits(), Ordering::Relaxed);
    }
}

impl<T: Send + 'static> Background<T> {
    /// Begins it.
    pub(super) fn start(work: impl FnOnce(&dyn Progress) -> T + Send + 'static) -> Self {
        let watch = Arc::new(Watch::default());
        let (sender, outcome) = channel();
        let of_thread = watch.clone();
        std::thread::spawn(move || {
            // Who asked may have gone on to something else.
            let _ = sender.send(work(&*of_thread));
        });
        Self { watch, outcome }
    }
}

impl<T> Background<T> {
    /// How far it has come, from 0 to 1.
    pub(super) fn fraction(&self) -> f32 {
        f32::from_bits(self.watch.fraction.load(Ordering::Relaxed))
    }
}

impl<T> Drop for Background<T> {
    fn drop(&mut self) {
        self.watch.cancelled.store(true, Ordering::Relaxed);
    }
}
