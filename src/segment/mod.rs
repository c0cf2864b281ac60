//! Algorithms that make masks from samples and labels.
//!
//! Always true: they are pure functions; the same input gives the same mask on any number of threads;
//! each can be called off at any moment, and nothing came of it then.
//!
//! Must never know: who asks, which labels are locked, where a case lies on disk.

mod progress;

pub use progress::{Cancelled, Progress, Unwatched};
