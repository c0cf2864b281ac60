//! Algorithms that make masks from samples and labels.
//!
//! Always true: they are pure functions; the same input gives the same mask on any number of threads;
//! each can be called off at any moment, and nothing came of it then. Distances in millimetres are
//! measured along the grid's axes as if these were perpendicular: a grid that is sheared keeps its spacing
//! and loses its angle.
//!
//! Must never know: who asks, which labels are locked, where a case lies on disk.

mod boundary;
mod components;
mod dilate;
mod gaussian;
mod graph_cut;
mod grow;
mod grow_from_seeds;
mod holes;
mod interpolate;
mod islands;
mod joint;
mod livewire;
mod majority;
mod margin;
mod memory;
mod random_walker;
mod refine;
mod steepness;
#[cfg(test)]
mod tests;
mod threshold;
mod watershed;

use std::sync::Arc;

pub use crate::progress::{Cancelled, Progress, Unwatched};
pub use boundary::{BoundaryBand, BoundaryError, Decider, MOST_BOUNDARY_VOXELS, refined};
pub use components::{Components, Connectivity};
pub use gaussian::{Halves, Smoother, sigma_in_voxels, smoothed_mask, smoothed_values};
pub use graph_cut::graph_cut;
pub use grow::{Confidence, confidence_connected, connected_to, region};
pub use grow_from_seeds::{GrowFromSeeds, Grower, MAX_SEED_LABELS, SeedsError};
pub use holes::{SliceAxis, fill_holes, fill_holes_in_slices};
pub use interpolate::{Interpolated, Interpolation, interpolate};
pub use islands::{Islands, islands, split};
pub use joint::smoothed_together;
pub use livewire::Livewire;
pub use majority::majority;
pub use margin::{Wall, closed, grown, hollow, opened, shrunk, voxels_to_close};
pub use random_walker::random_walker;
pub use refine::Refinement;
pub use threshold::{Otsu, otsu};
pub use watershed::basins;

/// Who does some of it faster than processors do; all of it comes to the same.
#[derive(Clone, Debug, Default)]
pub struct Accelerators {
    /// For smoothing masks.
    pub smoother: Option<Arc<dyn Smoother>>,
    /// For growing from seeds.
    pub grower: Option<Arc<dyn Grower>>,
}
