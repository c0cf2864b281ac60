//! How a long read tells of itself and is stopped.

use crate::volume::Volume;

/// Watches a scan or a load from outside. Called from several threads.
pub trait Watch: Sync {
    /// Whether the work should stop; asked often. It then ends with
    /// [`RefusalCode::Cancelled`](super::RefusalCode::Cancelled).
    fn is_cancelled(&self) -> bool {
        false
    }

    /// How much is done, from 0 to 1.
    fn progress(&self, _done: f64) {}

    /// Whether [`Self::preview`] does anything; without it no preview is made.
    fn wants_preview(&self) -> bool {
        false
    }

    /// One slice (dims `[i, j, 1]`, at its true place), as soon as it is decoded: the middle one
    /// first where the file allows that. May come more than once.
    fn preview(&self, _slice: Volume) {}
}

/// Watches nothing.
pub struct Silent;

impl Watch for Silent {}
