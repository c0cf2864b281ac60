//! Algorithms that make masks from samples and labels.
//!
//! Always true: they are pure functions; the same input gives the same mask on any number of threads;
//! each can be called off at any moment, and nothing came of it then.
//!
//! Must never know: who asks, which labels are locked, where a case lies on disk.

mod grow_from_seeds;
mod interpolate;
mod progress;

pub use grow_from_seeds::{GrowFromSeeds, MAX_SEED_LABELS, SeedsError};
pub use interpolate::{Interpolated, Interpolation, interpolate};
pub use progress::{Cancelled, Progress, Unwatched};
