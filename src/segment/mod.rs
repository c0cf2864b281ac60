//! Algorithms that make masks from samples and labels.
//!
//! Always true: they are pure functions; the same input gives the same mask on any number of threads;
//! each can be called off at any moment, and nothing came of it then.
//!
//! Must never know: who asks, which labels are locked, where a case lies on disk.

mod components;
mod grow;
mod holes;
mod interpolate;
mod islands;
mod memory;
mod progress;
mod stage;
#[cfg(test)]
mod tests;
mod threshold;

pub use components::{Components, Connectivity};
pub use grow::{Confidence, confidence_connected, connected_to, region};
pub use holes::{SliceAxis, fill_holes, fill_holes_in_slices};
pub use interpolate::{Interpolated, Interpolation, interpolate};
pub use islands::{Islands, islands, split};
pub use progress::{Cancelled, Progress, Unwatched};
pub use threshold::{Otsu, otsu};
