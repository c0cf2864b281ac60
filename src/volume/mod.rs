//! Voxels as they were stored, and the label maps drawn over them.
//!
//! Always true: a [`Volume`] never changes once built; stored samples and rescaled values never mix
//! (a *sample* is what the file holds, a *value* is slope × sample + intercept); buffers run i
//! fastest, then j, k and time; label 0 is background and an absent brick is all background.
//!
//! Must never know: files, windows, what a label means.

mod buffer;
mod distance;
mod image;
mod label_map;
mod mask;
mod onto;
mod samples;
mod time;
mod window;

pub use buffer::Buffer;
pub use distance::{DistanceError, DistanceMap, voxels_within};
pub use image::{Placement, Rescale, Statistics, Volume, VolumeError};
pub use label_map::{BRICK_EDGE, BRICK_VOXELS, Brick, BrickIndex, BrickRow, LabelMap, RunsError};
pub use mask::{Mask, bits_from, for_each_run, set_bits};
pub(crate) use mask::{bits_of, call_up};
pub(crate) use samples::with_samples;
pub use samples::{BlockSum, Sample, SampleType, Samples};
pub use time::{TimeAxis, TimeKind};
pub use window::{SuggestedWindow, Window};
